//! Requests that read: each one moment of the data set.
//!
//! Whoever reads learns the last time told. If that second is not over for certain, the next write
//! has to be told with a later one, or the reader would never ask for it: a barrier is set, under
//! the guard that nothing was written since the moment that was read.

use axum::body::Bytes;
use axum::extract::{FromRequest as _, Query, Request, State};
use axum::response::{IntoResponse as _, Response};
use http::StatusCode;
use serde::Deserialize;
use serde_json::json;
use syncline_protocol::{Code, Condition, Guard, Reject};

use super::answers::{bad, json as answer, pieces, refused};
use super::auth::{self, Caller};
use super::call::Call;
use super::mapping::{Folder, Tag, collection, key};
use super::routes::App;
use super::wire::answer::FolderRow;
use super::wire::request::IdBased;
use super::{updates, writes};
use crate::hub::{Part, Principal, Submission, View, Writes, now_ms};

/// How often a moment is read again because something was written meanwhile.
const READS_MAX: usize = 16;

/// A second counts as over when so many more have passed: a write whose time was taken in it may
/// still be on its way to the disk.
const SETTLED_AFTER: i64 = 5;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Since {
    event_timestamp: i64,
}

/// `GET_UPDATES`.
pub(super) async fn updates(State(app): State<App>, request: Request) -> Response {
    timed(&app, request, updates::updates).await
}

/// `GET_TOMBSTONES`.
pub(super) async fn tombstones(State(app): State<App>, request: Request) -> Response {
    timed(&app, request, updates::tombstones).await
}

async fn timed(
    app: &App,
    request: Request,
    read: fn(&View, i64) -> Result<Vec<Bytes>, Reject>,
) -> Response {
    let caller = match auth::caller(app, &request).await {
        Ok(caller) => caller,
        Err(refusal) => return refusal,
    };
    let Ok(Query(since)) = Query::<Since>::try_from_uri(request.uri()) else {
        return bad("eventTimestamp has to be a whole number");
    };
    for _ in 0..READS_MAX {
        // Before the moment is looked at: what is written while it is read may be of this second.
        let asked = now();
        match look(app, &caller, move |view| {
            Ok((moment(view)?, read(view, since.event_timestamp)?))
        })
        .await
        {
            Err(reject) => return refused(&reject),
            Ok((moment, answer)) => match told(app, &caller, (&moment, asked)).await {
                Err(reject) if reject.code == Code::GuardFailed => {}
                Err(reject) => return refused(&reject),
                Ok(()) => return pieces(answer),
            },
        }
    }
    refused(&Reject::new(Code::Busy, "Too much is being written at this moment"))
}

/// The last time told at some moment, and which moment.
struct Moment {
    time: i64,
    part: Part,
}

fn moment(view: &View) -> Result<Moment, Reject> {
    let head = view.get(&collection("state"), &key("head"))?;
    let time = head.as_ref().and_then(|head| head.get("time")?.as_i64()).unwrap_or_default();
    let space = view.space();
    let guard = Guard {
        collection: collection("state"),
        key: key("head"),
        condition: Condition::UnchangedSince(space.sequence),
    };
    let part = Part {
        space: view.name().clone(),
        base: Some((space.epoch, space.sequence)),
        guards: vec![guard],
        writes: Writes::Unstamped(Vec::new()),
    };
    Ok(Moment { time, part })
}

/// Somebody is told of a moment: what is written after it gets another time.
async fn told(app: &App, caller: &Caller, (moment, asked): (&Moment, i64)) -> Result<(), Reject> {
    if is_over(moment.time, asked) {
        return Ok(());
    }
    let call = Call {
        route: ".barrier".to_owned(),
        body: b"{}".to_vec(),
        listening: true,
        run: app.run,
        ..Call::default()
    };
    let mut part = moment.part.clone();
    part.writes = Writes::Unstamped(vec![call.change()]);
    debug_assert_eq!(part.space, caller.space);
    // The hub's own work: whoever may only read sets it too.
    app.hub.apply(&Principal::hub(), Submission { id: None, parts: vec![part] }).await.map(drop)
}

fn now() -> i64 {
    i64::try_from(now_ms() / 1_000).unwrap_or(i64::MAX)
}

/// Whether nothing more can be told with a time, for somebody who asked at another.
fn is_over(time: i64, asked: i64) -> bool {
    asked > time.saturating_add(SETTLED_AFTER)
}

/// Reads one moment, away from the threads that wait for sockets.
async fn look<T: Send + 'static>(
    app: &App,
    caller: &Caller,
    read: impl FnOnce(&View) -> Result<T, Reject> + Send + 'static,
) -> Result<T, Reject> {
    let (hub, principal, space) = (app.hub.clone(), caller.principal.clone(), caller.space.clone());
    let turn = app.hub.page_turn().await;
    let read = move || {
        let view = hub.read(&principal, &space)?;
        let answer = read(&view);
        drop(turn);
        answer
    };
    let broken = |_| Err(Reject::new(Code::Internal, "The data could not be read"));
    let read = tokio::task::spawn_blocking(read).await.unwrap_or_else(broken);
    if read.as_ref().is_err_and(|reject| reject.code == Code::UnknownSpace) {
        app.opened.remove(&caller.space);
    }
    read
}

/// `GET_TAGS`.
pub(super) async fn tags(State(app): State<App>, request: Request) -> Response {
    let caller = match auth::caller(&app, &request).await {
        Ok(caller) => caller,
        Err(refusal) => return refusal,
    };
    let tags = look(&app, &caller, updates::rows::<Tag>).await;
    settle(tags.map(|tags| json!(tags.into_iter().map(Tag::wire).collect::<Vec<_>>())))
}

fn settle(read: Result<serde_json::Value, Reject>) -> Response {
    read.map_or_else(|reject| refused(&reject), |json| answer(&json))
}

/// `GET_ROOT_FOLDERS`.
pub(super) async fn root_folders(State(app): State<App>, request: Request) -> Response {
    match auth::caller(&app, &request).await {
        Ok(caller) => {
            let wanted = |folder: &Folder| folder.parent.is_none() && !folder.archived;
            folders(&app, &caller, wanted).await
        }
        Err(refusal) => refusal,
    }
}

/// `GET_CHILD_FOLDERS`.
pub(super) async fn child_folders(State(app): State<App>, request: Request) -> Response {
    let caller = match auth::caller(&app, &request).await {
        Ok(caller) => caller,
        Err(refusal) => return refusal,
    };
    if !writes::is_json(request.headers()) {
        let what = "The body has to be application/json\n";
        return (StatusCode::UNSUPPORTED_MEDIA_TYPE, what).into_response();
    }
    let body = match Bytes::from_request(request, &()).await {
        Ok(body) => body,
        Err(refusal) => return refusal.into_response(),
    };
    match serde_json::from_slice::<IdBased>(&body) {
        Ok(of) => folders(&app, &caller, move |folder| folder.parent == Some(of.id)).await,
        Err(error) => bad(&format!("The body is not as it should be: {error}")),
    }
}

/// `SEARCH_FOR_FOLDERS`: the body is what to look for, as it is; no character of it means more than
/// itself.
pub(super) async fn search(State(app): State<App>, request: Request) -> Response {
    let caller = match auth::caller(&app, &request).await {
        Ok(caller) => caller,
        Err(refusal) => return refusal,
    };
    let body = match Bytes::from_request(request, &()).await {
        Ok(body) => body,
        Err(refusal) => return refusal.into_response(),
    };
    let Ok(text) = std::str::from_utf8(&body) else {
        return bad("The body has to be a text");
    };
    if text.trim().is_empty() {
        return answer(&json!([]));
    }
    let text = text.to_lowercase();
    folders(&app, &caller, move |folder| folder.name.to_lowercase().contains(&text)).await
}

async fn folders(
    app: &App,
    caller: &Caller,
    wanted: impl Fn(&Folder) -> bool + Send + 'static,
) -> Response {
    let found = look(app, caller, move |view| {
        let folders = updates::rows::<Folder>(view)?.into_iter().filter(|it| wanted(it));
        Ok(folders.map(Folder::wire).collect::<Vec<FolderRow>>())
    });
    settle(found.await.map(|found| json!(found)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_is_over_when_no_write_of_it_can_be_under_way() {
        assert!(!is_over(100, 99) && !is_over(100, 100));
        // The clock has gone on, but a write of that second may not be on the disk yet.
        assert!(!is_over(100, 101) && !is_over(100, 100 + SETTLED_AFTER));
        assert!(is_over(100, 101 + SETTLED_AFTER));
    }
}
