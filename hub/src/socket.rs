//! One socket, one loop, one protocol session: bytes in, requests to the door; frames out, as few
//! socket writes as they fit into.
//!
//! ```text
//! client frame --> ServerSession (what does it ask for?) --> hub
//! queue: answers, frames ---+
//! catch-up pages -----------+--> socket
//! ```
//! It decides nothing about data or rights. A socket that does not take what it is given is closed
//! after the idle time; until then its queue is bounded and the log waits for it (law 6).

mod alarm;
mod catch_up;
mod outgoing;
mod reply;
mod wire;

use std::net::IpAddr;
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::{BoxFuture, pending};
use syncline_protocol::codec::{Limits, encode_hub};
use syncline_protocol::session::server::{Due, Request, ServerSession, Times};
use syncline_protocol::{Code, Hello, HubFrame, Peer, Push, PushId, Reject, SpaceName, Subject};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::timeout;
use tokio_tungstenite::WebSocketStream;

use crate::fanout::{Answered, Popped};
use crate::hub::{Arrival, Hub, Realm, Room, now_ms};
use crate::newcomer::Newcomer;
use crate::subscription::Subscription;
use alarm::Alarm;
pub use wire::websocket_config;
use wire::{Broken, End, Farewell, Said, Wire};

/// Pushes of one session that may wait for their answers.
const PENDING_MAX: usize = 256;
/// Messages that are taken in a row before anything else has its turn.
const HEARD_MAX: usize = 64;

/// Who opened a socket, as far as its handshake tells.
#[derive(Debug, Clone)]
pub struct Caller {
    /// Where it comes from.
    pub address: IpAddr,
    /// What the cookie of a browser's session holds, when the hub's own page opened the socket: it
    /// stands for the token in a hello that has none.
    pub session: Option<String>,
}

/// Runs a session from its opening to its end. `waiting` is dropped once the client is let in, and
/// the newcomer once a subscription is live.
pub async fn run<S, W>(
    hub: Hub,
    web: WebSocketStream<S>,
    caller: Caller,
    (waiting, newcomer): (W, Option<Newcomer>),
) where
    S: AsyncRead + AsyncWrite + Unpin + Send,
{
    let sync = &hub.config().sync;
    let times = Times {
        hello_ms: millis(sync.hello_timeout),
        heartbeat_ms: millis(sync.heartbeat),
        idle_ms: millis(sync.idle_timeout),
    };
    let session = ServerSession::new(times, codec_limits(&hub), now_ms());
    let frame_bytes = usize::try_from(hub.config().limits.frame_bytes).unwrap_or(usize::MAX);
    let wire = Wire::new(web, sync.idle_timeout);
    let mut socket = Socket { hub, wire, session, caller };
    let end = match Box::pin(socket.greet()).await {
        Ok(arrival) => {
            drop(waiting);
            socket.wire = socket.wire.open(frame_bytes).await;
            Box::pin(socket.serve(&arrival, newcomer)).await
        }
        Err(end) => end,
    };
    if let End::Farewell(farewell) = end {
        Box::pin(socket.wire.part(*farewell)).await;
    }
}

struct Socket<S> {
    hub: Hub,
    wire: Wire<S>,
    session: ServerSession,
    caller: Caller,
}

/// What a session has going on.
struct Doings {
    subscriptions: Vec<Subscription>,
    /// Pushes that have no answer yet, and their bytes.
    unanswered: usize,
    unanswered_bytes: usize,
    parked: Option<Box<Parked>>,
    signals: reply::Allowance,
    alarm: Alarm,
    /// Until the first subscription is live.
    newcomer: Option<Newcomer>,
}

/// A push that found no room in the intake. Nothing more is heard until it has.
struct Parked {
    push: Push,
    room: BoxFuture<'static, Result<Room, Reject>>,
}

impl<S> Socket<S>
where
    S: AsyncRead + AsyncWrite + Unpin + Send,
{
    /// From the opening to the welcome.
    async fn greet(&mut self) -> Result<Arrival, End> {
        let within = self.hub.config().sync.hello_timeout;
        let Ok(said) = timeout(within, self.wire.hear()).await else {
            return Err(Reject::new(Code::HelloTimeout, "No hello came in time").into());
        };
        let Said::Frame(bytes) = said? else {
            return Err(Reject::new(Code::Malformed, "The first message is hello").into());
        };
        let Request::Authenticate(hello) = self.session.received(&bytes, now_ms())? else {
            return Err(Reject::new(Code::Malformed, "The first message is hello").into());
        };
        Ok(self.admit(&hello).await?)
    }

    async fn welcome(&mut self, arrival: &Arrival) -> Result<(), End> {
        self.session.welcomed(now_ms());
        let welcome = reply::welcome(&self.hub, arrival);
        self.wire.send(encode_hub(&welcome).into()).await?;
        self.wire.flush().await.map_err(End::from)
    }

    async fn admit(&self, hello: &Hello) -> Result<Arrival, Reject> {
        let Caller { address, session } = &self.caller;
        let (realm, secret) = match session {
            Some(session) if hello.token.is_empty() => (Realm::Session, session),
            _ => (Realm::Token, &hello.token),
        };
        let principal = self.hub.authenticate(realm, "", secret, *address).await?;
        self.hub.arrive(&principal, hello, *address)
    }

    /// From the welcome to the end.
    async fn serve(&mut self, arrival: &Arrival, newcomer: Option<Newcomer>) -> End {
        let mut doings = Doings {
            subscriptions: Vec::new(),
            unanswered: 0,
            unanswered_bytes: 0,
            parked: None,
            signals: reply::Allowance::new(self.hub.config().limits.signals_per_second),
            alarm: Alarm::default(),
            newcomer,
        };
        let mut went = self.welcome(arrival).await;
        let end = loop {
            match went {
                Ok(()) => went = self.turn(arrival, &mut doings).await,
                Err(end) => break end,
            }
        };
        drop(doings.subscriptions);
        self.hub.depart(arrival.id);
        end
    }

    /// Waits for the next thing to happen, and does it. The order is left to chance, so that none
    /// starves another. What is done now and then is boxed: a session that waits holds no room
    /// for it.
    async fn turn(&mut self, arrival: &Arrival, doings: &mut Doings) -> Result<(), End> {
        let behind = doings.subscriptions.iter().position(|it| !it.is_live());
        if behind.is_none() && !doings.subscriptions.is_empty() {
            doings.newcomer = None;
        }
        let full = self.is_full(doings);
        let now_ms = now_ms();
        let own = self.session.wake_at().map(|at_ms| alarm::with_others(at_ms, now_ms));
        doings.alarm.set(own.into_iter().chain(arrival.expires_ms).min(), now_ms);
        tokio::select! {
            said = self.wire.hear(), if !full => {
                Box::pin(self.take_all(arrival, doings, said?)).await
            }
            () = arrival.queue.ready() => self.drain(arrival, doings).await,
            room = has_room(&mut doings.parked), if doings.parked.is_some() => {
                self.unpark(arrival, doings, room?);
                Ok(())
            }
            () = std::future::ready(()), if behind.is_some() => {
                Box::pin(self.catch_up(arrival, doings, behind.unwrap_or(0))).await
            }
            () = doings.alarm.rings() => {
                Box::pin(self.wake(arrival, doings)).await
            }
        }
    }

    fn is_full(&self, doings: &Doings) -> bool {
        let bytes_max = self.hub.config().sync.session_intake_bytes;
        let bytes_max = usize::try_from(bytes_max).unwrap_or(usize::MAX);
        doings.parked.is_some()
            || doings.unanswered >= PENDING_MAX
            || doings.unanswered_bytes >= bytes_max
    }

    /// Does what the client has said, and what else it has said already.
    async fn take_all(
        &mut self,
        arrival: &Arrival,
        doings: &mut Doings,
        first: Said,
    ) -> Result<(), End> {
        let (mut said, mut count) = (first, 1);
        loop {
            match said {
                Said::Frame(bytes) => self.request(arrival, doings, bytes).await?,
                Said::Alive => self.session.heard(now_ms()),
            }
            // What is taken from the wire is done: the rest is left there.
            if count == HEARD_MAX || self.is_full(doings) {
                return Ok(());
            }
            match self.wire.heard() {
                Some(next) => said = next?,
                None => return Ok(()),
            }
            count += 1;
        }
    }

    /// Does what a frame asks for.
    async fn request(
        &mut self,
        arrival: &Arrival,
        doings: &mut Doings,
        bytes: Bytes,
    ) -> Result<(), End> {
        match self.session.received(&bytes, now_ms())? {
            Request::Push(push) => self.push(arrival, doings, push, bytes.len()),
            Request::Refuse(push, reject) => self.answer(push, Err(reject)).await?,
            Request::Subscribe { space, filter, start } => {
                doings.leave(&space);
                let room = self.hub.config().limits.subscriptions_per_session;
                if doings.subscriptions.len() >= usize::try_from(room).unwrap_or(usize::MAX) {
                    let what = format!("A session has at most {room} subscriptions");
                    return self.refuse(space, Reject::new(Code::TooMany, what)).await;
                }
                match self.hub.subscribe(arrival, (&space, filter, start)) {
                    Ok((subscription, frame)) => {
                        self.wire.send(frame.into()).await?;
                        self.greet_with(arrival, &subscription).await?;
                        doings.subscriptions.push(subscription);
                    }
                    Err(reject) => return self.refuse(space, reject).await,
                }
            }
            Request::Unsubscribe(space) => doings.leave(&space),
            Request::Seen(space, sequence) => {
                if let Some(subscription) = doings.find(&space) {
                    self.hub.seen(arrival.id, subscription.id(), sequence);
                }
            }
            Request::Verify(space) => match doings.find(&space) {
                Some(subscription) => subscription.verify(now_ms()),
                None => {
                    let reject = Reject::new(Code::NotFound, "You are not subscribed to it");
                    return self.refuse(space, reject).await;
                }
            },
            Request::Signal(space, value) => {
                let size = value.as_bytes().len();
                self.ephemeral(arrival, doings, (&space, size), |feed, peer| {
                    feed.signal(arrival.id, peer, value);
                });
            }
            Request::Presence(space, value) => {
                let size = value.as_ref().map_or(0, |value| value.as_bytes().len());
                self.ephemeral(arrival, doings, (&space, size), |feed, peer| {
                    feed.show(arrival.id, peer, value);
                });
            }
            Request::Ping(nonce) => {
                let pong = HubFrame::Pong { nonce, hub_ms: now_ms() };
                self.wire.send(encode_hub(&pong).into()).await?;
                if self.session.takes_heartbeat_along(now_ms()) {
                    self.beat(arrival, doings).await?;
                }
            }
            Request::Authenticate(_) => {
                return Err(Reject::new(Code::Malformed, "Hello comes once").into());
            }
        }
        self.wire.flush().await.map_err(End::from)
    }

    fn push(&self, arrival: &Arrival, doings: &mut Doings, push: Push, bytes: usize) {
        doings.unanswered += 1;
        doings.unanswered_bytes += bytes;
        match self.hub.try_room(bytes) {
            Some(room) => self.apply(arrival, push, room),
            None => {
                let hub = self.hub.clone();
                let room = Box::pin(async move { hub.room(bytes).await });
                doings.parked = Some(Box::new(Parked { push, room }));
            }
        }
    }

    fn unpark(&self, arrival: &Arrival, doings: &mut Doings, room: Room) {
        if let Some(parked) = doings.parked.take() {
            self.apply(arrival, parked.push, room);
        }
    }

    /// The answer comes by the session's queue.
    fn apply(&self, arrival: &Arrival, push: Push, room: Room) {
        let (queue, id, bytes) = (arrival.queue.clone(), push.id, room.bytes());
        let by = (&arrival.principal, arrival.id);
        self.hub.push(by, push, room, move |answer| {
            let answer = answer.map(|receipt| receipt.sequence());
            queue.answer(Answered { push: id, bytes, answer });
        });
    }

    /// Tells a newcomer what those who are there show.
    async fn greet_with(
        &mut self,
        arrival: &Arrival,
        subscription: &Subscription,
    ) -> Result<(), End> {
        for frame in subscription.feed().shown_to(arrival.id) {
            self.wire.send(frame).await?;
        }
        Ok(())
    }

    /// Messages that are not stored may be lost: those over the limits are.
    fn ephemeral(
        &self,
        arrival: &Arrival,
        doings: &mut Doings,
        (space, bytes): (&SpaceName, usize),
        tell: impl FnOnce(&crate::fanout::Feed, Peer),
    ) {
        let limit = usize::try_from(self.hub.config().limits.signal_bytes).unwrap_or(usize::MAX);
        if bytes <= limit
            && doings.signals.spend()
            && let Some(subscription) = doings.find(space)
            && let Some(peer) = self.hub.peer(arrival.id)
        {
            tell(subscription.feed(), peer);
        }
    }

    /// Writes what waits in the queue, and flushes once.
    async fn drain(&mut self, arrival: &Arrival, doings: &mut Doings) -> Result<(), End> {
        loop {
            match arrival.queue.pop() {
                Popped::Nothing => return self.wire.flush().await.map_err(End::from),
                Popped::Answers(answers) => {
                    for Answered { push, bytes, answer } in answers {
                        doings.unanswered -= 1;
                        doings.unanswered_bytes -= bytes;
                        self.answer(push, answer).await?;
                    }
                }
                Popped::Frame(None, bytes) => self.wire.send(bytes).await?,
                Popped::Frame(Some((space, last)), bytes) => {
                    let mut subscriptions = doings.subscriptions.iter_mut();
                    if subscriptions.any(|it| it.id() == space && it.take(last)) {
                        self.wire.send(bytes).await?;
                    }
                }
                Popped::Behind { was_full } => {
                    self.hub.metrics().slow_consumers.inc_by(u64::from(was_full));
                    doings.subscriptions.iter_mut().for_each(Subscription::fall_behind);
                    return self.wire.flush().await.map_err(End::from);
                }
                Popped::Recheck => Box::pin(self.recheck(arrival, doings)).await?,
                Popped::Goodbye(reject, retry_after_ms) => {
                    return Err(Farewell { reject, retry_after_ms }.into());
                }
            }
        }
    }

    /// Time has passed: heartbeats, silence, tokens that expired.
    async fn wake(&mut self, arrival: &Arrival, doings: &mut Doings) -> Result<(), End> {
        let has_expired = arrival.expires_ms.is_some_and(|end_ms| end_ms <= now_ms());
        let due = self.session.wake(now_ms())?;
        if due == Due::Heartbeat || has_expired {
            self.recheck(arrival, doings).await?;
        }
        if due == Due::Nothing {
            return Ok(());
        }
        self.beat(arrival, doings).await?;
        self.wire.flush().await.map_err(End::from)
    }

    /// Says that the hub is there, and how far there is nothing to receive.
    async fn beat(&mut self, arrival: &Arrival, doings: &mut Doings) -> Result<(), End> {
        doings.subscriptions.iter_mut().for_each(|it| it.resume_verify(now_ms()));
        let subscriptions = doings.subscriptions.iter_mut();
        let stretches = subscriptions.filter_map(|it| it.stretch(&arrival.queue)).collect();
        let heartbeat = HubFrame::Heartbeat { hub_ms: now_ms(), stretches };
        Ok(self.wire.send(encode_hub(&heartbeat).into()).await?)
    }

    /// Rights may have changed: ends what is no longer allowed.
    async fn recheck(&mut self, arrival: &Arrival, doings: &mut Doings) -> Result<(), End> {
        if !self.hub.directory().is_authorized(&arrival.principal, now_ms()) {
            return Err(Reject::new(Code::Unauthorized, "Your token is no longer good").into());
        }
        let mut index = 0;
        while index < doings.subscriptions.len() {
            let space = doings.subscriptions[index].space().clone();
            match self.hub.role(&arrival.principal, &space) {
                Ok(_) => index += 1,
                Err(reject) => {
                    drop(doings.subscriptions.swap_remove(index));
                    self.refuse(space, reject).await?;
                }
            }
        }
        Ok(())
    }

    async fn answer(&mut self, push: PushId, answer: Result<u64, Reject>) -> Result<(), Broken> {
        let frame = match answer {
            Ok(sequence) => HubFrame::Ack { push, sequence },
            Err(reject) => {
                HubFrame::Reject { subject: Subject::Push(push), reject, hub_ms: now_ms() }
            }
        };
        self.wire.send(encode_hub(&frame).into()).await
    }

    async fn refuse(&mut self, space: SpaceName, reject: Reject) -> Result<(), End> {
        let subject = Subject::Space(space);
        let frame = HubFrame::Reject { subject, reject, hub_ms: now_ms() };
        self.wire.send(encode_hub(&frame).into()).await?;
        self.wire.flush().await.map_err(End::from)
    }
}

/// Waits until the push that is parked has room; for ever when none is.
async fn has_room(parked: &mut Option<Box<Parked>>) -> Result<Room, Reject> {
    match parked {
        Some(parked) => (&mut parked.room).await,
        None => pending().await,
    }
}

impl Doings {
    fn find(&mut self, space: &SpaceName) -> Option<&mut Subscription> {
        self.subscriptions.iter_mut().find(|subscription| subscription.space() == space)
    }

    fn leave(&mut self, space: &SpaceName) {
        if let Some(index) = self.subscriptions.iter().position(|it| it.space() == space) {
            drop(self.subscriptions.swap_remove(index));
        }
    }
}

fn codec_limits(hub: &Hub) -> Limits {
    let limits = &hub.config().limits;
    let size = |limit: u32| usize::try_from(limit).unwrap_or(usize::MAX);
    Limits {
        frame_bytes: size(limits.frame_bytes),
        value_bytes: size(limits.value_bytes),
        fields: size(limits.fields),
        deltas: size(limits.deltas_per_push),
        ..Limits::default()
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
