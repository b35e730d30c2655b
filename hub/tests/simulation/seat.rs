//! The hub's end of one connection: what `socket.rs` does between two frames, without the socket.
//! It decides nothing; the machines of the protocol and of the hub do.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use syncline::access::directory::{Action, Directory, Grant};
use syncline::access::principal::{Principal, Role};
use syncline::access::token::Token;
use syncline::admit::replica_row;
use syncline::engine::{Entry, Submission, Work};
use syncline::fanout::{Popped, Queue};
use syncline::subscription::{Beginning, Ended, Reading, Subscription};
use syncline_protocol::codec::{Limits, encode_hub};
use syncline_protocol::session::server::{Due, Request, ServerSession, Times};
use syncline_protocol::{
    Code, Filter, Hello, HubFrame, Push, PushId, Reject, SpaceName, Start, Subject, Welcome,
};

use super::node::{Node, Reply};
use super::tally::Kind;

/// One open connection, as the hub sees it.
pub(crate) struct Seat {
    server: ServerSession,
    /// Whoever was let in.
    principal: Option<Principal>,
    pub(crate) queue: Arc<Queue>,
    subscriptions: Vec<Subscription>,
}

/// What the hub's end does next.
#[derive(Debug)]
pub(crate) enum Out {
    Frame(Bytes),
    /// The last frame; the connection closes behind it.
    Last(Bytes),
}

impl Node {
    /// A connection opens.
    pub(crate) fn accept(&mut self, conn: u64, now_ms: u64) {
        let sync = &self.config.sync;
        let times = Times {
            hello_ms: millis(sync.hello_timeout),
            heartbeat_ms: millis(sync.heartbeat),
            idle_ms: millis(sync.idle_timeout),
        };
        let server = ServerSession::new(times, Limits::default(), now_ms);
        let bytes = usize::try_from(sync.queue_bytes).unwrap_or(usize::MAX);
        let (queue, subscriptions) = (Arc::new(Queue::new(bytes)), Vec::new());
        self.seats.insert(conn, Seat { server, principal: None, queue, subscriptions });
    }

    /// A connection is gone.
    pub(crate) fn leave(&mut self, conn: u64) {
        if let Some(seat) = self.seats.remove(&conn) {
            drop(seat.subscriptions);
        }
    }

    /// A message arrives.
    pub(crate) fn receive(&mut self, conn: u64, bytes: &[u8], now_ms: u64) -> Vec<Out> {
        let Some(seat) = self.seats.get_mut(&conn) else { return Vec::new() };
        let done = match seat.server.received(bytes, now_ms) {
            Ok(Request::Authenticate(hello)) => self.welcome(conn, &hello, now_ms),
            Ok(request) => self.request(conn, request, bytes.len(), now_ms),
            Err(reject) => Err(reject),
        };
        done.unwrap_or_else(|reject| vec![self.part(conn, reject)])
    }

    /// Says goodbye.
    fn part(&mut self, conn: u64, reject: Reject) -> Out {
        self.leave(conn);
        let retry_after_ms = reject.code.is_retryable().then_some(1_000);
        Out::Last(encode_hub(&HubFrame::Goodbye { reject, retry_after_ms }).into())
    }

    fn welcome(&mut self, conn: u64, hello: &Hello, now_ms: u64) -> Result<Vec<Out>, Reject> {
        let bad = || Reject::new(Code::Unauthorized, "This credential is not valid");
        let token = Token::parse(&hello.token).map_err(|_| bad())?;
        let directory = self.directory.clone();
        let principal = directory.recognise(&token, now_ms).ok_or_else(bad)?;
        if self.admit.claim(&principal, hello.replica)? {
            let row = replica_row(&principal, hello.device, &hello.name, now_ms);
            self.spawn(0, Work::Heard(vec![(hello.replica, row)]), now_ms);
        }
        self.settle_outbox(conn, hello, now_ms);
        let welcome = HubFrame::Welcome(Welcome {
            session: conn,
            hub_ms: now_ms,
            hub_replica: self.replica,
            principal: principal.account().to_owned(),
            limits: self.limits(),
        });
        if let Some(seat) = self.seats.get_mut(&conn) {
            seat.principal = Some(principal);
            seat.server.welcomed(now_ms);
        }
        Ok(vec![frame(&welcome)])
    }

    /// What a hello does not name any more is done with.
    fn settle_outbox(&mut self, conn: u64, hello: &Hello, now_ms: u64) {
        let own = hello.outbox.iter().any(|id| id.replica == hello.replica);
        let rest = PushId { replica: hello.replica, counter: u64::MAX };
        let snapshot = self.store.glance().expect("the disk can be read");
        for before in hello.outbox.iter().copied().chain((!own).then_some(rest)) {
            if snapshot.has_outcomes(before).expect("the disk can be read") {
                self.spawn(conn, Work::Forget { before }, now_ms);
            }
        }
    }

    fn limits(&self) -> BTreeMap<String, u64> {
        let (limits, sync) = (&self.config.limits, &self.config.sync);
        let named = [
            ("frame_bytes", limits.frame_bytes.into()),
            ("value_bytes", limits.value_bytes.into()),
            ("max_clock_drift_ms", millis(sync.max_clock_drift)),
            ("heartbeat_ms", millis(sync.heartbeat)),
            ("idle_timeout_ms", millis(sync.idle_timeout)),
            ("tombstone_retention_ms", millis(self.config.store.tombstone_retention)),
        ];
        named.into_iter().map(|(name, limit)| (name.to_owned(), limit)).collect()
    }

    fn request(
        &mut self,
        conn: u64,
        request: Request,
        bytes: usize,
        now_ms: u64,
    ) -> Result<Vec<Out>, Reject> {
        Ok(match request {
            Request::Push(push) => self.push(conn, push, bytes, now_ms),
            Request::Refuse(push, reject) => vec![refusal(Subject::Push(push), reject, now_ms)],
            Request::Subscribe { space, filter, start } => {
                vec![self.subscribe(conn, &space, filter, start, now_ms)]
            }
            Request::Unsubscribe(space) => {
                self.unsubscribe(conn, &space);
                Vec::new()
            }
            Request::Verify(space) => match self.subscription(conn, &space) {
                Some(subscription) => {
                    subscription.verify(now_ms);
                    Vec::new()
                }
                None => {
                    let reject = Reject::new(Code::NotFound, "You are not subscribed to it");
                    vec![refusal(Subject::Space(space), reject, now_ms)]
                }
            },
            Request::Ping(nonce) => vec![frame(&HubFrame::Pong { nonce, hub_ms: now_ms })],
            Request::Seen(..) | Request::Signal(..) | Request::Presence(..) => Vec::new(),
            Request::Authenticate(_) => {
                return Err(Reject::new(Code::Malformed, "Hello comes once"));
            }
        })
    }

    fn push(&mut self, conn: u64, push: Push, bytes: usize, now_ms: u64) -> Vec<Out> {
        let Some(principal) = self.principal(conn) else { return Vec::new() };
        let id = push.id;
        match self.admit.push(&principal, &push, self.clock, now_ms) {
            Ok(admitted) => {
                for replica in admitted.new_replicas {
                    let row = replica_row(&principal, syncline_protocol::DeviceId(0), "", now_ms);
                    self.spawn(0, Work::Heard(vec![(replica, row)]), now_ms);
                }
                let weight = (push.deltas.len(), bytes);
                let work = Work::Write(Submission::native(push));
                self.submit(conn, Entry { principal, now_ms, work }, weight, Some(id));
                Vec::new()
            }
            Err(reject) => {
                self.tally.reject(reject.code);
                let work = Work::Refused(reject);
                self.submit(conn, Entry { principal, now_ms, work }, (0, bytes), Some(id));
                Vec::new()
            }
        }
    }

    fn subscribe(
        &mut self,
        conn: u64,
        space: &SpaceName,
        filter: Filter,
        start: Start,
        now_ms: u64,
    ) -> Out {
        self.unsubscribe(conn, space);
        let begun = self.begin(conn, space, filter, start, now_ms);
        match begun {
            Ok((subscription, first)) => {
                if let Some(seat) = self.seats.get_mut(&conn) {
                    seat.subscriptions.push(subscription);
                }
                Out::Frame(first.into())
            }
            Err(reject) => refusal(Subject::Space(space.clone()), reject, now_ms),
        }
    }

    fn begin(
        &mut self,
        conn: u64,
        space: &SpaceName,
        filter: Filter,
        start: Start,
        now_ms: u64,
    ) -> Result<(Subscription, Vec<u8>), Reject> {
        let unknown = || Reject::new(Code::UnknownSpace, "There is no such space for you");
        let principal = self.principal(conn).ok_or_else(unknown)?;
        let grant = self.directory.grant(&principal, space, now_ms);
        let Grant::Role(role) = grant else { return Err(unknown()) };
        let reading = Self::reading(&self.directory, &principal, space, now_ms);
        let snapshot = self.store.snapshot().expect("the disk can be read");
        let row = snapshot.space(space).expect("the disk can be read").ok_or_else(unknown)?;
        let feed = self.fanout.listen(space, row.id, row.sequence);
        let seat = self.seats.get(&conn).ok_or_else(unknown)?;
        let (session, queue, writable) = (conn, &seat.queue, role >= Role::Writer);
        Subscription::begin(
            Beginning { session, queue, feed, filter, start, reading, writable },
            &row,
        )
    }

    fn reading(directory: &Directory, who: &Principal, space: &SpaceName, now_ms: u64) -> Reading {
        let access = directory.access(who, space, Action::Read, now_ms);
        Reading { access, version: directory.version() }
    }

    fn unsubscribe(&mut self, conn: u64, space: &SpaceName) {
        let Some(seat) = self.seats.get_mut(&conn) else { return };
        if let Some(index) = seat.subscriptions.iter().position(|it| it.space() == space) {
            drop(seat.subscriptions.swap_remove(index));
        }
    }

    fn principal(&self, conn: u64) -> Option<Principal> {
        self.seats.get(&conn)?.principal.clone()
    }

    fn subscription(&mut self, conn: u64, space: &SpaceName) -> Option<&mut Subscription> {
        let seat = self.seats.get_mut(&conn)?;
        seat.subscriptions.iter_mut().find(|subscription| subscription.space() == space)
    }

    /// Writes what waits in a session's queue.
    pub(crate) fn drain(&mut self, conn: u64) -> Vec<Out> {
        let Some(seat) = self.seats.get_mut(&conn) else { return Vec::new() };
        let mut out = Vec::new();
        loop {
            match seat.queue.pop() {
                Popped::Nothing | Popped::Recheck | Popped::Goodbye(..) => return out,
                // The simulated hub answers by a way of its own.
                Popped::Answers(_) => {}
                Popped::Frame(None, bytes) => out.push(Out::Frame(bytes)),
                Popped::Frame(Some((space, last)), bytes) => {
                    let mut subscriptions = seat.subscriptions.iter_mut();
                    if subscriptions.any(|it| it.id() == space && it.take(last)) {
                        out.push(Out::Frame(bytes));
                    }
                }
                Popped::Behind { .. } => {
                    self.tally.count(Kind::Overflows);
                    seat.subscriptions.iter_mut().for_each(Subscription::fall_behind);
                    return out;
                }
            }
        }
    }

    /// Whether a session has pages to send.
    pub(crate) fn is_behind(&self, conn: u64) -> bool {
        let seat = self.seats.get(&conn);
        seat.is_some_and(|seat| seat.subscriptions.iter().any(|it| !it.is_live()))
    }

    /// Sends the next page of a session's catch-up.
    pub(crate) fn page(&mut self, conn: u64, now_ms: u64) -> Vec<Out> {
        let page_bytes = usize::try_from(self.config.sync.page_bytes).unwrap_or(usize::MAX);
        let Some(seat) = self.seats.get_mut(&conn) else { return Vec::new() };
        let behind = seat.subscriptions.iter().position(|it| !it.is_live());
        let Some(index) = behind else { return Vec::new() };
        let space = seat.subscriptions[index].space().clone();
        let reading = || match &seat.principal {
            Some(principal) => Ok(Self::reading(&self.directory, principal, &space, now_ms)),
            None => Err(Reject::new(Code::Unauthorized, "Nobody is here")),
        };
        match seat.subscriptions[index].catch_up(&self.store, page_bytes, reading) {
            Ok(frames) => {
                // Spaces take turns.
                let subscription = seat.subscriptions.remove(index);
                seat.subscriptions.push(subscription);
                frames.into_iter().map(|bytes| Out::Frame(bytes.into())).collect()
            }
            Err(Ended::Reject(reject)) => {
                let subscription = seat.subscriptions.remove(index);
                let space = subscription.space().clone();
                drop(subscription);
                vec![refusal(Subject::Space(space), reject, now_ms)]
            }
            Err(Ended::Store(_)) => {
                let reject = Reject::new(Code::Unavailable, "The store cannot be read");
                vec![self.part(conn, reject)]
            }
        }
    }

    /// Time has passed for a session.
    pub(crate) fn wake(&mut self, conn: u64, now_ms: u64) -> Vec<Out> {
        let Some(seat) = self.seats.get_mut(&conn) else { return Vec::new() };
        match seat.server.wake(now_ms) {
            Ok(Due::Nothing) => Vec::new(),
            Ok(Due::Heartbeat) => {
                let queue = seat.queue.clone();
                seat.subscriptions.iter_mut().for_each(|it| it.resume_verify(now_ms));
                let subscriptions = seat.subscriptions.iter_mut();
                let stretches = subscriptions.filter_map(|it| it.stretch(&queue)).collect();
                vec![frame(&HubFrame::Heartbeat { hub_ms: now_ms, stretches })]
            }
            Err(reject) => vec![self.part(conn, reject)],
        }
    }
}

/// The frame that answers a push.
pub(crate) fn answer(reply: Reply, now_ms: u64) -> Out {
    let Reply { push, answer, .. } = reply;
    match answer {
        Ok(receipt) => frame(&HubFrame::Ack { push, sequence: receipt.sequence() }),
        Err(reject) => refusal(Subject::Push(push), reject, now_ms),
    }
}

fn frame(frame: &HubFrame) -> Out {
    Out::Frame(encode_hub(frame).into())
}

fn refusal(subject: Subject, reject: Reject, hub_ms: u64) -> Out {
    frame(&HubFrame::Reject { subject, reject, hub_ms })
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
