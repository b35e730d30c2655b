//! Events as they come, as Server-Sent Events (WHATWG HTML, section 9.2), for apps that have no
//! session with the hub.
//!
//! ```text
//! id: CURSOR    data: an event        one for each, in the order of acceptance
//! : CURSOR                            now and then, while nothing comes
//! event: reread                       rules changed: earlier events may be seen now
//! event: goodbye retry: MS data: why  it ends
//! ```

use std::convert::Infallible;
use std::time::Duration;

use axum::body::Body;
use axum::extract::{Query, State};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures_util::stream::{self, StreamExt as _};
use http::{HeaderMap, header};
use serde_json::json;
use syncline_protocol::{Applied, Filter, Reject, Start};
use tokio::sync::mpsc::{self, Sender};
use utoipa::ToSchema;

use super::answer::Refused;
use super::app::App;
use super::caller::{Caller, From};
use super::cursor::Cursor;
use super::document::Keyed;
use super::events::Since;
use super::fault::Fault;
use super::history::applied_event;
use super::mapping::named;
use crate::hub::{Access, EVENTS, Followed, Following, Principal};

/// Pieces of the answer that wait for the socket, each a page of a catch-up at most.
const PIECES_MAX: usize = 2;

/// One event of the stream.
#[derive(ToSchema)]
#[allow(dead_code, reason = "the fields are the document's")]
pub(super) struct StreamedEvent {
    /// A cursor: go on after it by `since` or `Last-Event-ID`.
    id: Option<String>,
    /// `reread` or `goodbye`; none with an event of the history.
    event: Option<String>,
    /// An event of the history as JSON.
    data: Option<String>,
}

/// Events as they are accepted, from a place on, or from now on.
#[utoipa::path(get, path = "/events/stream", operation_id = "followEvents", tag = "events",
    params(Since, ("Last-Event-ID" = Option<String>, Header, nullable = false,
        description = "Goes before `since`")),
    responses((status = 200, description = "Events as they come", body = StreamedEvent,
        content_type = "text/event-stream"),
        (status = 410, description = "A place that is not in this history", body = Refused),
        Keyed))]
pub(super) async fn follow(
    State(app): State<App>,
    caller: Caller,
    From(from): From,
    Query(since): Query<Since>,
    headers: HeaderMap,
) -> Result<Response, Refused> {
    let last = headers.get("last-event-id").map(|it| it.to_str().unwrap_or_default().to_owned());
    let start = match last.filter(|it| !it.is_empty()).or(since.into_text()) {
        Some(text) => {
            let at: Cursor = text.parse().map_err(|_| Fault::NO_CURSOR)?;
            Start::Follow { epoch: Some(at.epoch), after: Some(at.sequence) }
        }
        None => Start::Follow { epoch: None, after: None },
    };
    let principal = caller.principal;
    let begin = move |app: &App| {
        let filter = Filter::new([named(EVENTS)], "");
        let filter = filter.map_err(|it| Reject::new(syncline_protocol::Code::Internal, it))?;
        let access = app.hub().reading(&principal, app.space())?.access;
        let (name, space) = (("event stream", from), app.space().clone());
        let following = app.hub().follow(&principal, name, space, (filter, start))?;
        Ok(Stream::new(app.clone(), principal, (following, access)))
    };
    let told = app.blocking(begin).await?;
    let (send, receive) = mpsc::channel(PIECES_MAX);
    tokio::spawn(told.run(send));
    let pieces = stream::unfold(receive, |mut receive: mpsc::Receiver<Bytes>| async move {
        let piece = receive.recv().await?;
        Some((Ok::<_, Infallible>(piece), receive))
    });
    let headers = [
        (header::CONTENT_TYPE, "text/event-stream"),
        (header::CACHE_CONTROL, "no-store"),
        // Proxies that gather answers would keep events back.
        (header::HeaderName::from_static("x-accel-buffering"), "no"),
        (header::CONNECTION, "close"),
    ];
    Ok((headers, Body::from_stream(pieces.fuse())).into_response())
}

/// A reader, and what it has not been given yet. A task of its own, so that it leaves the space as
/// soon as its reader has gone.
struct Stream {
    app: App,
    principal: Principal,
    following: Following,
    /// What could be read when it was last looked at.
    access: Access,
    at: Cursor,
    idle: Duration,
    out: String,
}

/// The reader is gone, or has been told why it ends.
struct Over;

impl Stream {
    fn new(app: App, principal: Principal, (following, access): (Following, Access)) -> Self {
        let at = Cursor { epoch: following.epoch(), sequence: following.sequence() };
        let idle = app.hub().config().sync.idle_timeout;
        Self {
            app,
            principal,
            following,
            access,
            at,
            idle,
            out: format!("id: {at}\n: from here\n\n"),
        }
    }

    async fn run(mut self, send: Sender<Bytes>) {
        while self.turn(&send).await.is_ok() {}
    }

    async fn turn(&mut self, send: &Sender<Bytes>) -> Result<(), Over> {
        self.send(send).await?;
        let followed = tokio::select! {
            () = send.closed() => return Err(Over),
            followed = self.following.next() => followed,
        };
        match followed {
            Followed::Changes { deltas, last } => self.tell(&deltas, last),
            Followed::Live => self.look_again(),
            Followed::Quiet { last } => {
                self.at.sequence = last;
                self.out.push_str(&format!("id: {}\n: quiet\n\n", self.at));
            }
            Followed::Goodbye { reject, retry_ms } => {
                let error = json!({ "error": Fault::from(&reject).text });
                let retry = retry_ms.map(|ms| format!("retry: {ms}\n")).unwrap_or_default();
                self.out.push_str(&format!("event: goodbye\n{retry}data: {error}\n\n"));
                self.send(send).await?;
                return Err(Over);
            }
        }
        Ok(())
    }

    /// JSON has no line breaks, so that an event's data is one line.
    fn tell(&mut self, deltas: &[Applied], last: u64) {
        for applied in deltas {
            let Some(event) = applied_event(applied) else { continue };
            let id = Cursor { sequence: applied.sequence, ..self.at };
            let data = serde_json::to_string(&event).unwrap_or_default();
            self.out.push_str(&format!("id: {id}\ndata: {data}\n\n"));
        }
        self.at.sequence = last;
    }

    /// Told after rights have changed, among others.
    fn look_again(&mut self) {
        let reading = self.app.hub().reading(&self.principal, self.app.space());
        let Ok(access) = reading.map(|reading| reading.access) else { return };
        if access != self.access {
            self.access = access;
            self.out.push_str("event: reread\ndata: {}\n\n");
        }
    }

    /// Hands on what is to be told. A reader that takes nothing for too long is gone.
    async fn send(&mut self, send: &Sender<Bytes>) -> Result<(), Over> {
        if self.out.is_empty() {
            return Ok(());
        }
        let piece = Bytes::from(std::mem::take(&mut self.out));
        send.send_timeout(piece, self.idle).await.map_err(|_| Over)
    }
}
