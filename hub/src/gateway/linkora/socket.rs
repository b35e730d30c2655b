//! The event socket: every event of the data set, in commit order, to every app that listens.
//!
//! ```text
//! upgrade > correlation? > deletions missed while away > the door's follower --> text frames
//!              no: closed, 1003                            behind by more than is kept: closed
//! ```
//! One task a socket, so that none waits for another; what waits for a slow one is bounded by the
//! follower, which then reads on from the log. Pings go out every 20 s; whoever says nothing for
//! two of them is gone, and has heard what was sent before the last one that it answered. Whatever
//! else the app sends is read and dropped.

mod place;
mod registry;

use std::collections::HashMap;
use std::time::Duration;

use axum::body::Body;
use axum::extract::{Query, Request, State};
use axum::response::{IntoResponse as _, Response};
use futures_util::{SinkExt as _, StreamExt as _};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use hyper::upgrade::{OnUpgrade, Upgraded};
use hyper_util::rt::TokioIo;
use syncline_protocol::{Applied, Filter, Op, Reject, SpaceName, Start};
use tokio::time::{Instant, MissedTickBehavior, interval_at, timeout};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, Role, WebSocketConfig};

use super::answers::refused;
use super::auth::{self, Caller};
use super::call::Call;
use super::ledger::seen_key;
use super::mapping::{collection, key};
use super::routes::App;
use super::updates::tombstones_after;
use super::wire::Correlation;
use super::writes::submit;
use crate::hub::{Followed, Following, Hub, Principal};

use place::{Hearing, Place};
use registry::Open;
pub(super) use registry::Sockets;

const PING_EVERY: Duration = Duration::from_secs(20);
/// Two pings and a little.
const SILENCE_MAX: Duration = Duration::from_secs(50);
/// A socket that takes nothing for so long is gone.
const SEND_WITHIN: Duration = Duration::from_secs(30);
/// The app never sends data: what comes is small, or is not from it.
const MESSAGE_BYTES: usize = 64 << 10;
/// More than the largest event: a link with its picture.
const WRITE_BYTES: usize = 96 << 20;
const READ_BUFFER_BYTES: usize = 4 << 10;
/// How often a following is begun anew because an event was told meanwhile.
const FOLLOWS_MAX: usize = 8;

type Web = WebSocketStream<TokioIo<Upgraded>>;

/// Answers a handshake.
pub(super) async fn upgrade(State(app): State<App>, mut request: Request) -> Response {
    let caller = match auth::caller(&app, &request).await {
        Ok(caller) => caller,
        Err(refusal) => return refusal,
    };
    let Some(accept) = accept_key(request.headers()) else {
        return (StatusCode::BAD_REQUEST, "Connect with a WebSocket\n").into_response();
    };
    let Some(upgrade) = request.extensions_mut().remove::<OnUpgrade>() else {
        return (StatusCode::BAD_REQUEST, "This connection cannot be upgraded\n").into_response();
    };
    // What happens from the answer on is heard, so the following begins before it.
    let heard = match correlation(&request).map(|named| listen(&app, &caller, named)).transpose() {
        Ok(heard) => heard,
        Err(reject) => return refused(&reject),
    };
    tokio::spawn(async move {
        match upgrade.await {
            Ok(upgraded) => begin(app, caller, heard, upgraded).await,
            Err(error) => tracing::debug!(%error, "an upgrade broke"),
        }
    });
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    let headers = response.headers_mut();
    headers.insert(header::CONNECTION, HeaderValue::from_static("Upgrade"));
    headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
    headers.insert(header::SEC_WEBSOCKET_ACCEPT, accept);
    response
}

/// What a good handshake is answered with (RFC 6455, section 4.2).
fn accept_key(headers: &HeaderMap) -> Option<HeaderValue> {
    let holds = |name: header::HeaderName, word: &str| {
        let values = headers.get_all(name);
        let mut texts = values.iter().filter_map(|value| value.to_str().ok());
        texts.any(|text| text.split(',').any(|part| part.trim().eq_ignore_ascii_case(word)))
    };
    let version = headers.get(header::SEC_WEBSOCKET_VERSION)?;
    let good = holds(header::UPGRADE, "websocket") && holds(header::CONNECTION, "upgrade");
    if !good || version != "13" {
        return None;
    }
    let key = headers.get(header::SEC_WEBSOCKET_KEY)?;
    HeaderValue::from_str(&derive_accept_key(key.as_bytes())).ok()
}

/// Which installation listens.
fn correlation(request: &Request) -> Option<Correlation> {
    let query = Query::<HashMap<String, String>>::try_from_uri(request.uri()).ok()?;
    serde_json::from_str(query.get("correlation")?).ok()
}

/// One installation's place among those that listen.
struct Heard {
    correlation: Correlation,
    following: Following,
    /// Where the events ended before the following began, if that is certain.
    begin: Option<Place>,
    open: Open,
}

fn listen(app: &App, caller: &Caller, correlation: Correlation) -> Result<Heard, Reject> {
    let (following, begin) = follow(app, caller, &correlation)?;
    let open = app.sockets.open(&caller.space, &correlation.id);
    Ok(Heard { correlation, following, begin, open })
}

/// Follows the events, from a known one on: the number is read before and after, and is certain
/// when nothing was told meanwhile.
fn follow(
    app: &App,
    caller: &Caller,
    correlation: &Correlation,
) -> Result<(Following, Option<Place>), Reject> {
    let from = (correlation.client_name.as_str(), caller.address.0);
    let filter = Filter::new([collection("events")], "").unwrap_or_default();
    let mut tries = 0;
    loop {
        let before = end(app, caller)?;
        let begin = (filter.clone(), Start::Follow { epoch: None, after: None });
        let following = app.hub.follow(&caller.principal, from, caller.space.clone(), begin)?;
        tries += 1;
        match end(app, caller)? {
            after if after.event == before.event => return Ok((following, Some(before))),
            _ if tries == FOLLOWS_MAX => return Ok((following, None)),
            _ => {}
        }
    }
}

/// Where the events end now.
fn end(app: &App, caller: &Caller) -> Result<Place, Reject> {
    Place::end(&app.hub.read(&caller.principal, &caller.space)?)
}

async fn begin(app: App, caller: Caller, heard: Option<Heard>, upgraded: Upgraded) {
    let config = WebSocketConfig::default()
        .read_buffer_size(READ_BUFFER_BYTES)
        .max_message_size(Some(MESSAGE_BYTES))
        .max_frame_size(Some(MESSAGE_BYTES))
        .max_write_buffer_size(WRITE_BYTES);
    let io = TokioIo::new(upgraded);
    let mut web = WebSocketStream::from_raw_socket(io, Role::Server, Some(config)).await;
    let Some(Heard { correlation, following, begin, open }) = heard else {
        close(&mut web, CloseCode::Unsupported, "The correlation is missing or malformed").await;
        return;
    };
    let (last, hearing) = (begin.map(|begin| begin.event), Hearing::default());
    let mut socket = Socket { app, caller, web, following, begin, last, hearing };
    let code = socket.run(&correlation).await;
    drop(open);
    // Before it is closed: who writes once it is closed must find that nobody hears it.
    leave(&socket.app.hub, &socket.caller.space, &socket.leaving(&correlation)).await;
    // Whoever may still hear the reason hears it; nobody waits for the rest.
    close(&mut socket.web, code, "").await;
}

async fn close(web: &mut Web, code: CloseCode, reason: &'static str) {
    let frame = CloseFrame { code, reason: reason.into() };
    let end = async {
        // The other end may be gone already.
        let _ = web.close(Some(frame)).await;
        while let Some(Ok(_)) = web.next().await {}
    };
    let _ = timeout(Duration::from_secs(2), end).await;
}

/// Where an event stands after the last one.
#[derive(Debug, PartialEq, Eq)]
enum Turn {
    Next,
    Past,
    Missed,
}

fn turn(last: Option<i64>, n: i64) -> Turn {
    match last {
        Some(last) if n <= last => Turn::Past,
        Some(last) if n > last + 1 => Turn::Missed,
        _ => Turn::Next,
    }
}

/// One app that listens.
struct Socket {
    app: App,
    caller: Caller,
    web: Web,
    following: Following,
    /// Where the events ended before this socket listened, until the first ping asks for that.
    begin: Option<Place>,
    /// The number of the last event that was sent, or told before this socket listened.
    last: Option<i64>,
    hearing: Hearing,
}

impl Socket {
    /// Sends events until either side ends it; says how it ends.
    async fn run(&mut self, correlation: &Correlation) -> CloseCode {
        if let Err(code) = self.replay(correlation).await {
            return code;
        }
        if let Err(code) = self.ping().await {
            return code;
        }
        let mut pings = interval_at(Instant::now() + PING_EVERY, PING_EVERY);
        pings.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut heard = Instant::now();
        loop {
            // What is to be told comes first: reading never starves it, nor it the reading, since
            // each event is one turn.
            let turn = tokio::select! {
                followed = self.following.next() => self.tell(followed).await,
                said = self.web.next() => match said {
                    Some(Ok(Message::Close(_)) | Err(_)) | None => Err(CloseCode::Normal),
                    Some(Ok(message)) => {
                        heard = Instant::now();
                        if let Message::Pong(carried) = message {
                            self.hearing.answered(&carried);
                        }
                        Ok(())
                    }
                },
                _ = pings.tick() => match heard.elapsed() > SILENCE_MAX {
                    true => Err(CloseCode::Away),
                    false => self.ping().await,
                },
            };
            if let Err(code) = turn {
                return code;
            }
        }
    }

    /// Asks whether the other end hears, and how far it does.
    async fn ping(&mut self) -> Result<(), CloseCode> {
        // Events that are not sent yet are not asked for.
        let sent = |place: &Place| Some(place.event) == self.last;
        let place = self.begin.take().or_else(|| end(&self.app, &self.caller).ok()).filter(sent);
        let carried = self.hearing.ask(place);
        self.send(vec![Message::Ping(carried.into())]).await
    }

    /// Sends what the follower tells.
    async fn tell(&mut self, followed: Followed) -> Result<(), CloseCode> {
        match followed {
            Followed::Changes { deltas, .. } => {
                let mut messages = Vec::with_capacity(deltas.len());
                for applied in &deltas {
                    messages.extend(self.event(applied)?);
                }
                self.send(messages).await
            }
            Followed::Live | Followed::Quiet { .. } => Ok(()),
            Followed::Goodbye { retry_ms: Some(_), .. } => Err(CloseCode::Away),
            Followed::Goodbye { retry_ms: None, .. } => Err(CloseCode::Policy),
        }
    }

    /// An event in its turn. One that was missed ends the socket: the app then asks for all that
    /// changed. Only the hub's own stamps count; nobody else can write an event, and when somebody
    /// tries, the hub puts an old one back, which nobody is told again.
    fn event(&mut self, applied: &Applied) -> Result<Option<Message>, CloseCode> {
        let Op::Put(fields) = &applied.delta.change.op else { return Ok(None) };
        if applied.delta.stamp.replica != self.app.hub.replica() {
            return Ok(None);
        }
        let get = |name: &str| fields.iter().find(|(field, _)| field.as_str() == name)?.1;
        let (Some(n), Some(text)) =
            (get("n").and_then(|n| n.as_i64()), get("event").and_then(|text| text.as_str()))
        else {
            return Ok(None);
        };
        match turn(self.last, n) {
            Turn::Next => {}
            Turn::Past => return Ok(None),
            Turn::Missed => {
                tracing::info!("an event socket fell behind what is kept and is closed");
                return Err(CloseCode::Again);
            }
        }
        self.last = Some(n);
        Ok(Some(Message::text(text)))
    }

    /// Sends in as few writes as can be.
    async fn send(&mut self, messages: Vec<Message>) -> Result<(), CloseCode> {
        let sending = async {
            for message in messages {
                self.web.feed(message).await?;
            }
            self.web.flush().await
        };
        match timeout(SEND_WITHIN, sending).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) | Err(_) => Err(CloseCode::Away),
        }
    }

    /// Tells of the deletions that this installation missed while it was away: otherwise it would
    /// ask for them at its next start only. Not its own, and not those of tags, which it may not
    /// know; everything else it ignores when it does not know it.
    async fn replay(&mut self, correlation: &Correlation) -> Result<(), CloseCode> {
        let (hub, principal) = (self.app.hub.clone(), self.caller.principal.clone());
        let (space, own) = (self.caller.space.clone(), correlation.id.clone());
        let missed = move || {
            let view = hub.read(&principal, &space).ok()?;
            let seen = view.get(&collection(".seen"), &key(&seen_key(&own))).ok()??;
            let number = |field: &str| seen.get(field).and_then(|value| value.as_i64());
            let after = format!("{:012}-{:012}", number("time")?, number("tombstone")?);
            let missed = tombstones_after(&view, &after).ok()?.into_iter();
            let own = serde_json::to_string(&own).ok()?;
            let own = format!("\"correlation\":{{\"id\":{own},");
            let wanted = missed
                .filter(|it| it.operation != "DELETE_TAG" && !it.payload.contains(&own))
                .map(|it| {
                    let (operation, payload) = (it.operation, it.payload);
                    format!("{{\"operation\":\"{operation}\",\"payload\":{payload}}}")
                });
            Some(wanted.collect::<Vec<_>>())
        };
        let missed = tokio::task::spawn_blocking(missed).await.ok().flatten();
        let messages = missed.unwrap_or_default().into_iter().map(Message::text).collect();
        self.send(messages).await
    }

    /// How far this installation has heard, and that it hears no more.
    fn leaving(&self, correlation: &Correlation) -> Call {
        let heard = self.hearing.heard().map(|place| (place.time, place.tombstone));
        let body = serde_json::json!({ "device": correlation.id, "heard": heard });
        Call {
            route: ".closed".to_owned(),
            body: body.to_string().into_bytes(),
            listening: true,
            run: self.app.run,
            ..Call::default()
        }
    }
}

async fn leave(hub: &Hub, space: &SpaceName, leaving: &Call) {
    if let Err(reject) = submit(hub, &Principal::hub(), space, leaving).await {
        tracing::debug!(reject = reject.text, "a socket's end was not written down");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_old_event_that_is_put_back_is_no_event() {
        let turns = [3, 7, 8, 9].map(|n| turn(Some(7), n));
        assert_eq!(turns, [Turn::Past, Turn::Past, Turn::Next, Turn::Missed]);
        assert_eq!(turn(Some(0), 1), Turn::Next);
        assert_eq!(turn(None, 5), Turn::Next);
    }
}
