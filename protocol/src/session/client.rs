//! The client's end of a session: connects, greets, keeps a replica fed, and never gives up.
//!
//! ```text
//!              wake: it is time          opened: hello sent          welcome
//!   Offline ----------------> Connecting ---------------> Greeting -----------> Live
//!      ^                          |                          |                    |
//!      +--------------------------+--------------------------+--------------------+
//!      |   closed, too late, silent, goodbye: after a while, longer each time
//!      |                                                     |                    |
//!      |  a new token, start                                 |  goodbye for good, stop
//!      +------------------------- Stopped <------------------+--------------------+
//! ```
//! Inputs are calls, told the time by two clocks and some random bits; outputs are [`Action`]s. The
//! shell drives one connection at a time: after [`Action::Close`] it drops the socket and reports
//! nothing more of it. What it reads or sends is none of this room's business.

mod event;
mod live;

pub use event::{Action, ClientEvent, ConnectionState, EphemeralError, Identity, Moment};

use std::collections::BTreeMap;

use crate::codec;
use crate::delta::{Change, PushId};
use crate::filter::Filter;
use crate::frame::{ClientFrame, Hello, HubFrame, VERSION, Welcome};
use crate::guard::Guard;
use crate::name::SpaceName;
use crate::reject::{Code, Reject};
use crate::replica::{Event, RecordName, Replica, WriteError};
use crate::value::Value;
use live::Live;

/// Anything expected that does not come within this time ends the connection, in milliseconds.
pub const ANSWER_MS: u64 = 30_000;
/// The first pause before connecting again is drawn from up to this, in milliseconds.
pub const BACKOFF_MS_MIN: u64 = 500;
/// No pause is longer, in milliseconds, unless the hub asks for it.
pub const BACKOFF_MS_MAX: u64 = 30_000;
/// No pause that a hub asks for is longer, in milliseconds: a typing error should not end a client.
const RETRY_AFTER_MS_MAX: u64 = 3_600_000;
/// A session that lived this long was a good one: the next pause is short again.
const GOOD_SESSION_MS: u64 = 10_000;
/// How often old deletes are purged, in milliseconds.
const PURGE_MS: u64 = 3_600_000;

/// A replica and the session that feeds it.
#[derive(Debug)]
pub struct ClientSession {
    replica: Replica,
    identity: Identity,
    phase: Phase,
    /// Connections in a row that did not last.
    failures: u32,
    /// What this device shows in each space, shown again in each session.
    presences: BTreeMap<SpaceName, Value>,
    purge_at_ms: u64,
    draws: u64,
}

#[derive(Debug)]
enum Phase {
    Offline { next_try_ms: u64, reason: Option<String> },
    Connecting { deadline_ms: u64 },
    Greeting { deadline_ms: u64, sent_ms: u64 },
    Live(Box<Live>),
    Stopped { reject: Option<Reject> },
}

impl ClientSession {
    /// A session that connects at its first [`ClientSession::wake`].
    #[must_use]
    pub fn new(replica: Replica, identity: Identity) -> Self {
        Self {
            replica,
            identity,
            phase: Phase::Offline { next_try_ms: 0, reason: None },
            failures: 0,
            presences: BTreeMap::new(),
            purge_at_ms: 0,
            draws: 0,
        }
    }

    /// What the app reads.
    #[must_use]
    pub fn replica(&self) -> &Replica {
        &self.replica
    }

    /// For the store, which takes what is unsaved.
    pub fn replica_mut(&mut self) -> &mut Replica {
        &mut self.replica
    }

    /// How the connection stands, for people.
    #[must_use]
    pub fn state(&self) -> ConnectionState {
        match &self.phase {
            Phase::Offline { next_try_ms, reason } => {
                ConnectionState::Offline { next_try_ms: *next_try_ms, reason: reason.clone() }
            }
            Phase::Connecting { .. } | Phase::Greeting { .. } => ConnectionState::Connecting,
            Phase::Live(_) => ConnectionState::Live,
            Phase::Stopped { reject: Some(reject) } if needs_token(reject.code) => {
                ConnectionState::NeedsAuth(reject.clone())
            }
            Phase::Stopped { reject } => ConnectionState::Stopped(reject.clone()),
        }
    }

    /// When to call [`ClientSession::wake`], by the steady clock in milliseconds; never, when the
    /// session is stopped.
    #[must_use]
    pub fn wake_at_ms(&self) -> Option<u64> {
        match &self.phase {
            Phase::Offline { next_try_ms, .. } => Some(*next_try_ms),
            Phase::Connecting { deadline_ms } | Phase::Greeting { deadline_ms, .. } => {
                Some(*deadline_ms)
            }
            Phase::Live(live) => Some(live.wake_at_ms(self.replica.limits()).min(self.purge_at_ms)),
            Phase::Stopped { .. } => None,
        }
    }

    /// The socket is open, its WebSocket handshake done.
    pub fn opened(&mut self, now: Moment) -> Vec<Action> {
        if !matches!(self.phase, Phase::Connecting { .. }) {
            return vec![];
        }
        let hello = Hello {
            version: VERSION,
            replica: self.replica.id(),
            device: self.replica.device(),
            name: self.identity.device_name.clone(),
            token: self.identity.token.clone(),
            clock_ms: now.wall_ms,
            outbox: self.replica.hello_outbox(),
            attributes: self.identity.attributes.clone(),
        };
        let sent_ms = now.steady_ms;
        self.phase = Phase::Greeting { deadline_ms: sent_ms + ANSWER_MS, sent_ms };
        vec![Action::Send(codec::encode_client(&ClientFrame::Hello(hello)))]
    }

    /// A binary message arrived.
    pub fn received(&mut self, bytes: &[u8], now: Moment) -> Vec<Action> {
        if !matches!(self.phase, Phase::Greeting { .. } | Phase::Live(_)) {
            return vec![];
        }
        match (codec::decode_hub(bytes), &self.phase) {
            (Err(error), _) => {
                self.give_up(format!("the hub sent something unreadable: {error}"), now)
            }
            (Ok(HubFrame::Goodbye { reject, retry_after_ms }), _) => {
                self.goodbye(reject, retry_after_ms, now)
            }
            (Ok(HubFrame::Welcome(welcome)), &Phase::Greeting { sent_ms, .. }) => {
                self.welcomed(&welcome, sent_ms, now)
            }
            (Ok(frame), Phase::Live(_)) => self.live_frame(frame, now),
            // Nothing counts before the welcome.
            (Ok(_), _) => vec![],
        }
    }

    /// The socket closed, or could not be opened; says why, for people.
    pub fn closed(&mut self, reason: &str, now: Moment) -> Vec<Action> {
        match self.phase {
            Phase::Connecting { .. } | Phase::Greeting { .. } | Phase::Live(_) => {
                self.go_offline(reason.to_owned(), None, now)
            }
            Phase::Offline { .. } | Phase::Stopped { .. } => vec![],
        }
    }

    /// The time that [`ClientSession::wake_at_ms`] named has come. Calling early does no harm.
    pub fn wake(&mut self, now: Moment) -> Vec<Action> {
        match &self.phase {
            Phase::Offline { next_try_ms, .. } if now.steady_ms >= *next_try_ms => {
                self.phase = Phase::Connecting { deadline_ms: now.steady_ms + ANSWER_MS };
                vec![Action::Connect, self.tell_state()]
            }
            Phase::Connecting { deadline_ms } if now.steady_ms >= *deadline_ms => {
                self.give_up("the hub could not be reached in time".to_owned(), now)
            }
            Phase::Greeting { deadline_ms, .. } if now.steady_ms >= *deadline_ms => {
                self.give_up("the hub did not answer the greeting in time".to_owned(), now)
            }
            Phase::Live(_) => self.live_wake(now),
            _ => vec![],
        }
    }

    /// Connects at once if it was waiting: the app knows that the network is back.
    pub fn retry_now(&mut self, now: Moment) -> Vec<Action> {
        if let Phase::Offline { next_try_ms, .. } = &mut self.phase {
            *next_try_ms = now.steady_ms;
        }
        self.wake(now)
    }

    /// Greets with another token from now on; a session that stopped starts again.
    pub fn set_token(&mut self, token: String, now: Moment) -> Vec<Action> {
        self.identity.token = token;
        self.start(now)
    }

    /// Starts again after a stop.
    pub fn start(&mut self, now: Moment) -> Vec<Action> {
        if matches!(self.phase, Phase::Stopped { .. }) {
            self.failures = 0;
            self.phase = Phase::Offline { next_try_ms: now.steady_ms, reason: None };
        }
        self.wake(now)
    }

    /// Ends the connection and makes no other until [`ClientSession::start`].
    pub fn stop(&mut self) -> Vec<Action> {
        self.stop_for(None)
    }

    /// Keeps a space up to date from now on, or another part of it.
    pub fn open(&mut self, space: &SpaceName, filter: Filter, now: Moment) -> Vec<Action> {
        self.replica.open(space, filter);
        self.pump(now)
    }

    /// Ends the subscription of a space; its copy and its unsent writes stay.
    pub fn close(&mut self, space: &SpaceName, now: Moment) -> Vec<Action> {
        self.presences.remove(space);
        self.replica.close(space);
        self.pump(now)
    }

    /// Drops all that is known of a space, unsent writes too.
    pub fn forget(&mut self, space: &SpaceName, now: Moment) -> Vec<Action> {
        self.presences.remove(space);
        self.replica.forget(space);
        self.pump(now)
    }

    /// Writes to a space; see [`Replica::write`]. What it sends may go when the write is saved.
    ///
    /// # Errors
    /// Those of [`Replica::write`]; nothing is written then.
    pub fn write(
        &mut self,
        space: &SpaceName,
        changes: Vec<Change>,
        guards: Vec<Guard>,
        now: Moment,
    ) -> Result<(PushId, Vec<Action>), WriteError> {
        let names = changes.iter().map(|change| RecordName::new(&change.collection, &change.key));
        let names: std::collections::BTreeSet<_> = names.collect();
        let push = self.replica.write(space, changes, guards, now.wall_ms)?;
        let records = names.into_iter().collect();
        let changed = Event::Changed { space: space.clone(), records };
        let mut actions = vec![Action::Event(ClientEvent::Replica(changed))];
        actions.extend(self.pump(now));
        Ok((push, actions))
    }

    /// Asks whether the copy of a space equals the hub's. Whether the space is open.
    pub fn verify(&mut self, space: &SpaceName, now: Moment) -> (bool, Vec<Action>) {
        let is_open = self.replica.verify(space.as_str());
        (is_open, self.pump(now))
    }

    /// Says something to those in a space now; nothing is kept.
    ///
    /// # Errors
    /// When there is no session, or the message is larger than the hub takes.
    pub fn signal(
        &mut self,
        space: &SpaceName,
        value: Value,
        now: Moment,
    ) -> Result<Vec<Action>, EphemeralError> {
        self.check_ephemeral(&value)?;
        let Phase::Live(live) = &mut self.phase else { return Err(EphemeralError::Offline) };
        Ok(vec![live.send(&ClientFrame::Signal { space: space.clone(), value }, now)])
    }

    /// Shows a state to those in a space, now and in later sessions; none takes it back.
    ///
    /// # Errors
    /// When the state is larger than the hub takes.
    pub fn presence(
        &mut self,
        space: &SpaceName,
        value: Option<Value>,
        now: Moment,
    ) -> Result<Vec<Action>, EphemeralError> {
        value.iter().try_for_each(|value| self.check_ephemeral(value))?;
        match &value {
            Some(value) => self.presences.insert(space.clone(), value.clone()),
            None => self.presences.remove(space),
        };
        let Phase::Live(live) = &mut self.phase else { return Ok(vec![]) };
        Ok(vec![live.send(&ClientFrame::Presence { space: space.clone(), value }, now)])
    }

    fn check_ephemeral(&self, value: &Value) -> Result<(), EphemeralError> {
        let (size, most) = (value.as_bytes().len(), self.replica.limits().signal_bytes);
        if size > most { Err(EphemeralError::TooLarge { size, most }) } else { Ok(()) }
    }

    fn welcomed(&mut self, welcome: &Welcome, sent_ms: u64, now: Moment) -> Vec<Action> {
        let offset_ms = live::offset_ms(welcome.hub_ms, sent_ms, now);
        self.replica.welcomed(welcome, offset_ms, now.wall_ms);
        self.phase = Phase::Live(Box::new(Live::new(now)));
        let mut actions = vec![self.tell_state()];
        actions.extend(self.pump(now));
        actions
    }

    fn goodbye(&mut self, reject: Reject, retry: Option<u64>, now: Moment) -> Vec<Action> {
        let is_final = needs_token(reject.code)
            || matches!(reject.code, Code::UnsupportedVersion | Code::Replaced);
        if is_final {
            return self.stop_for(Some(reject));
        }
        let mut actions = vec![Action::Close];
        actions.extend(self.go_offline(format!("the hub said goodbye: {reject}"), retry, now));
        actions
    }

    fn stop_for(&mut self, reject: Option<Reject>) -> Vec<Action> {
        let was_connected = self.is_connected();
        self.replica.disconnected();
        self.phase = Phase::Stopped { reject };
        let mut actions = if was_connected { vec![Action::Close] } else { vec![] };
        actions.push(self.tell_state());
        actions
    }

    fn is_connected(&self) -> bool {
        matches!(self.phase, Phase::Connecting { .. } | Phase::Greeting { .. } | Phase::Live(_))
    }

    /// Closes a connection that is of no use any more.
    fn give_up(&mut self, reason: String, now: Moment) -> Vec<Action> {
        let mut actions = vec![Action::Close];
        actions.extend(self.go_offline(reason, None, now));
        actions
    }

    /// Waits before the next try: a time drawn from a range that doubles with each failure (full
    /// jitter), after what the hub asked for.
    fn go_offline(&mut self, reason: String, retry: Option<u64>, now: Moment) -> Vec<Action> {
        let was_good = match &self.phase {
            Phase::Live(live) => now.steady_ms.saturating_sub(live.since_ms) >= GOOD_SESSION_MS,
            _ => false,
        };
        self.failures = if was_good { 0 } else { self.failures.saturating_add(1) };
        self.replica.disconnected();
        let doublings = self.failures.saturating_sub(1).min(16);
        let range_ms = BACKOFF_MS_MAX.min(BACKOFF_MS_MIN << doublings);
        let asked_ms = retry.unwrap_or(0).min(RETRY_AFTER_MS_MAX);
        let next_try_ms = now.steady_ms + asked_ms + self.draw(range_ms, now);
        self.phase = Phase::Offline { next_try_ms, reason: Some(reason) };
        vec![self.tell_state()]
    }

    fn tell_state(&self) -> Action {
        Action::Event(ClientEvent::State(self.state()))
    }

    /// A number from 0 to `most`, of the moment's random bits; each draw is another (SplitMix64 of
    /// Steele, Lea and Flood, 2014).
    fn draw(&mut self, most: u64, now: Moment) -> u64 {
        self.draws = self.draws.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut bits = now.random ^ self.draws;
        bits = (bits ^ bits >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ bits >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        (bits ^ bits >> 31) % (most + 1)
    }
}

/// Whether another token may help.
fn needs_token(code: Code) -> bool {
    matches!(code, Code::Unauthorized | Code::Forbidden)
}
