//! Events: the history, and pushing to it.

use axum::body::Body;
use axum::extract::{Query, State};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures_util::stream::{self, StreamExt as _};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use serde::Deserialize;
use syncline_protocol::Reject;
use utoipa::{IntoParams, ToSchema};

use super::answer::{JSON, Refused};
use super::app::App;
use super::caller::Caller;
use super::cursor::Cursor;
use super::document::{Keyed, Limited};
use super::fault::Fault;
use super::history::{History, Reading, Recent, Tell};
use super::push::{self, Manner, Stored};
use super::wire;
use crate::hub::{Form, Principal, Reads};

const CURSOR: HeaderName = HeaderName::from_static("x-sync-cursor");
const REJECTED: HeaderName = HeaderName::from_static("x-rejected-events");
/// Rejected events that are named in the header, which has its limits.
const REJECTED_MAX: usize = 100;

/// Six members that never change.
#[derive(ToSchema)]
#[allow(dead_code, reason = "the fields are the document's")]
pub(super) struct Event {
    /// A UUID of version 7 that carries the time of the event.
    #[schema(pattern = "^[0-9a-fA-F{}:urnid-]{32,45}$")]
    uuid: String,
    /// The time of the event, in whole seconds since 1970.
    timestamp: u64,
    /// Who wrote it.
    user: String,
    /// What it is about.
    item: String,
    /// What was done.
    action: String,
    /// Anything; by convention a JSON object as text.
    #[schema(required = false, default = "")]
    payload: String,
}

/// What to read.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct Since {
    /// Only events accepted after this place, in the order of acceptance: what the header
    /// `X-Sync-Cursor` said.
    #[param(nullable = false)]
    since: Option<String>,
}

impl Since {
    /// The place, as it was named.
    pub(super) fn into_text(self) -> Option<String> {
        self.since
    }
}

/// How to push.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct Pushing {
    /// With `skip`, events that the rules do not permit are left out, and named in the header
    /// `X-Rejected-Events`; otherwise one of them refuses the whole push.
    #[param(nullable = false)]
    denied: Option<String>,
}

/// The history: by time, and within one second in the order of acceptance.
#[utoipa::path(get, path = "/events", operation_id = "readEvents", tag = "events", params(Since),
    responses((status = 200, description = "Events", body = [Event],
        headers(("X-Sync-Cursor" = String, description = "Where the history ends"),
            ("ETag" = String, description = "What the whole history is known by"))),
        (status = 304, description = "The history is as `If-None-Match` knows it"),
        (status = 410, description = "A place that is not in this history", body = Refused),
        Keyed))]
pub(super) async fn read(
    State(app): State<App>,
    caller: Caller,
    Query(Since { since }): Query<Since>,
    headers: HeaderMap,
) -> Result<Response, Refused> {
    answer(&app, caller, since, headers.get(header::IF_NONE_MATCH)).await
}

/// Adds events, all or none, and reads the history with them. What is there already is not added
/// again, so that a push may be repeated.
#[utoipa::path(post, path = "/events", operation_id = "pushEvents", tag = "events",
    params(Since, Pushing), request_body = Option<Vec<Event>>,
    responses((status = 200, description = "Events", body = [Event],
        headers(("X-Sync-Cursor" = String, description = "Where the history ends"),
            ("X-Rejected-Events" = String, description = "Ids of those that were left out"))),
        (status = 400, description = "An event that can never be added", body = Refused),
        (status = 403, description = "An event that may not be added", body = Refused),
        (status = 409, description = "An id or a user that is there already", body = Refused),
        (status = 410, description = "A place that is not in this history", body = Refused),
        (status = 413, description = "Too much at once", body = Refused),
        Keyed, Limited))]
pub(super) async fn add(
    State(app): State<App>,
    caller: Caller,
    Query(Since { since }): Query<Since>,
    Query(Pushing { denied }): Query<Pushing>,
    body: Body,
) -> Result<Response, Refused> {
    let limits = &app.hub().config().gateways.simple_sync;
    let bytes = wire::read(body, limits.body_bytes, Fault::NO_JSON).await?;
    let events = wire::events(&bytes)?;
    drop(bytes);
    if events.len() > usize::try_from(limits.events_per_push).unwrap_or(usize::MAX) {
        return Err(Fault::MANY_EVENTS.into());
    }
    // A cursor that leads nowhere is told before anything is stored.
    if let Some(since) = &since {
        place(&app, &caller, since).await?;
    }
    let skips = denied.as_deref() == Some("skip");
    let manner = Manner { skips, ..Manner::default() };
    let Stored { rejected } = push::store(&app, &caller, events, &manner).await?;
    let mut response = answer(&app, caller, since, None).await?;
    if !rejected.is_empty() {
        let named: Vec<&str> = rejected.iter().take(REJECTED_MAX).map(String::as_str).collect();
        if let Ok(named) = HeaderValue::from_str(&named.join(",")) {
            response.headers_mut().insert(REJECTED, named);
        }
    }
    Ok(response)
}

/// The place that a cursor names, if it is one of this log.
async fn place(app: &App, caller: &Caller, since: &str) -> Result<Cursor, Refused> {
    let cursor: Cursor = since.parse().map_err(|_| Fault::NO_CURSOR)?;
    let reading = Reading { app: app.clone(), principal: caller.principal.clone() };
    let head = app.blocking(move |_| Ok(head(&reading)?.0)).await?;
    if cursor.epoch != head.epoch || cursor.sequence > head.sequence {
        return Err(Fault::NO_CURSOR.into());
    }
    Ok(cursor)
}

/// Where the log ends, and by what the whole history up to there is known to a reader.
fn head(reading: &Reading) -> Result<(Cursor, String), Reject> {
    let view = reading.view()?;
    let cursor = Cursor { epoch: view.space().epoch, sequence: view.space().sequence };
    let app = &reading.app;
    let tag = match app.hub().directory().form(app.space()) {
        Form::Events(Reads::Open) => format!("W/\"{cursor}\""),
        _ => format!("W/\"{cursor}-{}\"", hex::encode(reading.principal.account())),
    };
    Ok((cursor, tag))
}

async fn answer(
    app: &App,
    caller: Caller,
    since: Option<String>,
    known: Option<&HeaderValue>,
) -> Result<Response, Refused> {
    let after = match &since {
        Some(since) => Some(place(app, &caller, since).await?),
        None => None,
    };
    let reading = Reading { app: app.clone(), principal: caller.principal };
    let asked = reading.clone();
    let (cursor, tag) = app.blocking(move |_| head(&asked)).await?;
    let is_known = |known: &HeaderValue| {
        let known = known.to_str().unwrap_or_default();
        known.split(',').any(|it| it.trim() == tag || it.trim() == "*")
    };
    let mut headers = HeaderMap::new();
    let value = |text: &str| HeaderValue::from_str(text).map_err(|_| Fault::SERVER);
    headers.insert(CURSOR, value(&cursor.to_string())?);
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("private, no-cache"));
    if after.is_none() {
        headers.insert(header::ETAG, value(&tag)?);
        if known.is_some_and(is_known) {
            return Ok((StatusCode::NOT_MODIFIED, headers).into_response());
        }
    }
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(JSON));
    let body = match after {
        Some(after) => pages(app, Pages::Recent(Recent::new(reading, after, cursor.sequence))),
        None => {
            pages(app, Pages::History(Box::new(History::new(reading, cursor.sequence, Tell::V1))))
        }
    };
    Ok((headers, body.await?).into_response())
}

/// The whole history as lines, one event each: for whoever runs the hub.
pub(super) async fn lines(app: &App) -> Result<Body, Reject> {
    let reading = Reading { app: app.clone(), principal: Principal::hub() };
    let asked = reading.clone();
    let (cursor, _) = app.blocking(move |_| head(&asked)).await?;
    let history = History::new(reading, cursor.sequence, Tell::V1).in_lines();
    pages(app, Pages::History(Box::new(history))).await
}

/// What is told page by page.
pub(super) enum Pages {
    History(Box<History>),
    Recent(Recent),
}

impl Pages {
    fn next(&mut self) -> Result<Option<Vec<u8>>, Reject> {
        match self {
            Self::History(history) => history.next(),
            Self::Recent(recent) => recent.next(),
        }
    }
}

/// A body of pages, each read when the one before it has been taken. What is wrong with the first
/// one is still a refusal; after that the answer breaks off, so that no part passes for the whole.
pub(super) async fn pages(app: &App, pages: Pages) -> Result<Body, Reject> {
    let (first, rest) = page(app, pages).await?;
    let app = app.clone();
    let begin = (first, Some(rest));
    let pages = stream::unfold(begin, move |(ready, rest)| {
        let app = app.clone();
        async move {
            if let Some(text) = ready {
                return Some((Ok(Bytes::from(text)), (None, rest)));
            }
            match page(&app, rest?).await {
                Ok((text, rest)) => Some((Ok(Bytes::from(text?)), (None, Some(rest)))),
                Err(reject) => {
                    tracing::warn!(%reject, "a history broke off");
                    Some((Err(std::io::Error::other("the history broke off")), (None, None)))
                }
            }
        }
    });
    // Whoever packs answers asks once more after the end.
    Ok(Body::from_stream(pages.fuse()))
}

/// The next page, in turns with whoever else reads.
async fn page(app: &App, mut pages: Pages) -> Result<(Option<Vec<u8>>, Pages), Reject> {
    let turn = app.hub().page_turn().await;
    app.blocking(move |_| {
        let text = pages.next()?;
        drop(turn);
        Ok((text, pages))
    })
    .await
}
