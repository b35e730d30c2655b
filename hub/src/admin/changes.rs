//! The changes of a space as Server-Sent Events (WHATWG HTML, section 9.2), from any place on.
//!
//! ```text
//! event: start   id: EPOCH:SEQUENCE   data: {"space", "epoch", "sequence"}    where it begins
//! event: change  id: EPOCH:SEQUENCE   data: a change                           one for each
//! : heartbeat    id: EPOCH:SEQUENCE                                            nothing until here
//! event: end     id: EPOCH:SEQUENCE   data: {"space", "epoch", "sequence"}    with follow=false
//! event: goodbye retry: MS            data: {"code", "text"}                   it ends, and why
//! ```
//! A browser that is cut off comes back with the last id by itself.

use std::convert::Infallible;

use axum::body::Body;
use axum::extract::{Extension, FromRequestParts, State};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures_util::stream;
use http::header;
use http::request::Parts;
use serde::Deserialize;
use syncline_protocol::{Code, CollectionName, Filter, Reject, SpaceName, Start};
use tokio::sync::mpsc;
use utoipa::{IntoParams, ToSchema};

use super::answer::{Failure, Path, Query, blocking};
use super::caller::Caller;
use super::document::{Authenticated, Named};
use super::follow::{Follower, PIECES_MAX};
use super::place::{Place, Placed, SpacePath, name, open_collection};
use crate::hub::{ClientAddress, Hub};

/// What to follow, and from where.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct Following {
    /// `start` for the beginning of the log, `now` for its end, or EPOCH:SEQUENCE to go on after
    /// that change. The header `Last-Event-ID` stands before it.
    #[param(default = "now", pattern = "^(start|now|[0-9a-f]{16}:[0-9]{1,15})$", nullable = false)]
    from: Option<String>,
    /// Of these collections only, with commas between them.
    #[param(
        pattern = "^[A-Za-z0-9_-][A-Za-z0-9._-]{0,63}(,[A-Za-z0-9_-][A-Za-z0-9._-]{0,63})*$",
        nullable = false
    )]
    collection: Option<String>,
    /// Of records whose keys begin with this only.
    #[param(nullable = false)]
    prefix: Option<String>,
    /// Whether to go on when the log is read to its end; with `false` the answer ends there.
    #[param(default = true, nullable = false)]
    follow: Option<bool>,
}

/// One event of the stream.
#[derive(ToSchema)]
#[allow(dead_code, reason = "the fields are the document's")]
pub(super) struct Event {
    /// `start`, where it begins; `change`; `end`, with `follow=false`; or `goodbye`, and why.
    #[schema(pattern = "^(start|change|end|goodbye)$")]
    event: String,
    /// EPOCH:SEQUENCE: go on from here by `from` or `Last-Event-ID`.
    #[schema(nullable = false)]
    id: Option<String>,
    /// A JSON object: a Change, a Refusal for `goodbye`, the space and its epoch and sequence for
    /// the others.
    data: String,
    /// When to come back, in milliseconds; with `goodbye`.
    #[schema(nullable = false)]
    retry: Option<u64>,
}

/// Where a browser that comes back wants to go on.
#[derive(IntoParams)]
#[into_params(parameter_in = Header)]
#[allow(dead_code, reason = "the fields are the document's")]
pub(super) struct LastEvent {
    /// The id of the last event that was received.
    #[param(rename = "Last-Event-ID", value_type = String, required = false,
        example = "0123456789abcdef:1256",
        pattern = "^[0-9a-f]{16}:[0-9]{1,15}$")]
    place: Option<Place>,
}

impl<S: Sync> FromRequestParts<S> for LastEvent {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Failure> {
        let Some(value) = parts.headers.get("last-event-id") else {
            return Ok(Self { place: None });
        };
        let place = value.to_str().unwrap_or_default().parse();
        let wrong = |problem| Failure::malformed(format!("Last-Event-ID: {problem}"));
        Ok(Self { place: Some(place.map_err(wrong)?) })
    }
}

/// The changes of a space, as they are applied.
#[utoipa::path(get, path = "/spaces/{space}/changes", operation_id = "follow_changes",
    tag = "records", params(SpacePath, Following, LastEvent),
    responses((status = 200, description = "Events as they come, with comments as heartbeats; the \
        connection ends with the answer", body = Event,
        content_type = "text/event-stream",
        headers(("Syncline-Sequence" = String, description = "Where the log stood"))),
        (status = 409, description = "A place that is not in this log",
            body = super::answer::Refusal<'static>),
        Authenticated, Named))]
pub(super) async fn follow(
    State(hub): State<Hub>,
    Caller(caller): Caller,
    Extension(ClientAddress(from)): Extension<ClientAddress>,
    Path(path): Path<SpacePath>,
    Query(following): Query<Following>,
    last: LastEvent,
) -> Result<Response, Failure> {
    let space: SpaceName = name(&path.space)?;
    let filter = following.filter()?;
    let start = start(last.place, following.from.as_deref())?;
    let follows = following.follow.unwrap_or(true);
    let begin = move || {
        let place = Place::of(&hub.read(&caller, &space)?);
        let idle = hub.config().sync.idle_timeout;
        let following = hub.follow(&caller, ("event stream", from), space, (filter, start))?;
        Ok((place, Follower::new(following, follows, idle)))
    };
    let (place, follower) = blocking(begin).await?;
    let (send, receive) = mpsc::channel(PIECES_MAX);
    tokio::spawn(follower.run(send));
    let pieces = stream::unfold(receive, |mut receive: mpsc::Receiver<Bytes>| async move {
        let piece = receive.recv().await?;
        Some((Ok::<_, Infallible>(piece), receive))
    });
    let headers = [
        (header::CONTENT_TYPE, "text/event-stream"),
        (header::CACHE_CONTROL, "no-store"),
        // Proxies that gather answers would keep events back.
        (header::HeaderName::from_static("x-accel-buffering"), "no"),
        // What has said goodbye is done with its connection, so that a drain need not wait for it.
        (header::CONNECTION, "close"),
    ];
    Ok(Placed(place, (headers, Body::from_stream(pieces))).into_response())
}

impl Following {
    fn filter(&self) -> Result<Filter, Failure> {
        let names = self.collection.iter().flat_map(|names| names.split(','));
        let collections: Vec<CollectionName> =
            names.map(open_collection).collect::<Result<_, _>>()?;
        let filter = Filter::new(collections, self.prefix.as_deref().unwrap_or_default());
        Ok(filter.map_err(|problem| Reject::new(Code::Refused, problem))?)
    }
}

fn start(last: Option<Place>, from: Option<&str>) -> Result<Start, Failure> {
    let after =
        |place: Place| Start::Follow { epoch: Some(place.epoch), after: Some(place.sequence) };
    match (last, from) {
        (Some(place), _) => Ok(after(place)),
        (None, None | Some("now")) => Ok(Start::Follow { epoch: None, after: None }),
        (None, Some("start")) => Ok(Start::Follow { epoch: None, after: Some(0) }),
        (None, Some(text)) => {
            let wrong = |_| Failure::malformed("`from` is start, now or EPOCH:SEQUENCE");
            text.parse().map_err(wrong).map(after)
        }
    }
}
