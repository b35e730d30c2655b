//! The hub's end of a session, as a state machine: what a frame means now, and when time is up.
//!
//! ```text
//! Waiting -- hello --> Authenticating -- welcomed() --> Open
//!    |                       |                            |
//!    +-- deadline, any other frame, malformed bytes, silence: the session closes with a reject
//! ```
//! It decides what a frame asks for; it never applies anything, and it holds no socket.

use crate::codec::{Limits, decode_client};
use crate::cursor::Start;
use crate::delta::{Push, PushId};
use crate::filter::Filter;
use crate::frame::{ClientFrame, Hello, VERSION};
use crate::name::SpaceName;
use crate::reject::{Code, Reject};
use crate::value::Value;

/// Largest frame before a session is open, in bytes.
pub const HELLO_BYTES_MAX: usize = 4096;

/// The times of a session, in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Times {
    /// From the connection's opening to hello.
    pub hello_ms: u64,
    /// From one heartbeat to the next.
    pub heartbeat_ms: u64,
    /// Silence after which the client counts as gone.
    pub idle_ms: u64,
}

/// What a client asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Request {
    /// To be let in; answer with [`ServerSession::welcomed`] or by closing.
    Authenticate(Hello),
    /// The deltas of a space. A second time for one space takes the place of the first.
    Subscribe {
        /// The space.
        space: SpaceName,
        /// What of it.
        filter: Filter,
        /// From where.
        start: Start,
    },
    /// No more of a space.
    Unsubscribe(SpaceName),
    /// Deltas to apply.
    Push(Push),
    /// A push that is too large: refuse it, the session goes on.
    Refuse(PushId, Reject),
    /// Nothing: the client tells how far it has read.
    Seen(SpaceName, u64),
    /// The digests of a subscription.
    Verify(SpaceName),
    /// A message for those in the space.
    Signal(SpaceName, Value),
    /// The device's state for those in the space.
    Presence(SpaceName, Option<Value>),
    /// A pong.
    Ping(u64),
}

/// What time asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Due {
    /// Nothing yet.
    Nothing,
    /// A heartbeat.
    Heartbeat,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Waiting { until_ms: u64 },
    Authenticating,
    Open { heard_ms: u64, heartbeat_at_ms: u64 },
}

/// The hub's end of one session.
#[derive(Debug, Clone)]
pub struct ServerSession {
    phase: Phase,
    times: Times,
    limits: Limits,
}

impl ServerSession {
    /// A session whose connection has just opened.
    #[must_use]
    pub fn new(times: Times, limits: Limits, now_ms: u64) -> Self {
        let phase = Phase::Waiting { until_ms: now_ms.saturating_add(times.hello_ms) };
        Self { phase, times, limits }
    }

    /// Whether the client has been let in.
    #[must_use]
    pub fn is_open(&self) -> bool {
        matches!(self.phase, Phase::Open { .. })
    }

    /// What a frame asks for.
    ///
    /// # Errors
    /// Why the session must close.
    pub fn received(&mut self, bytes: &[u8], now_ms: u64) -> Result<Request, Reject> {
        match &mut self.phase {
            Phase::Waiting { .. } => self.hello(bytes),
            Phase::Authenticating => {
                Err(Reject::new(Code::Malformed, "A frame came before the welcome"))
            }
            Phase::Open { heard_ms, .. } => {
                *heard_ms = now_ms;
                self.request(bytes)
            }
        }
    }

    /// The client is let in.
    pub fn welcomed(&mut self, now_ms: u64) {
        let heartbeat_at_ms = now_ms.saturating_add(self.times.heartbeat_ms);
        self.phase = Phase::Open { heard_ms: now_ms, heartbeat_at_ms };
    }

    /// Something that is no frame, such as a WebSocket ping, came from the client.
    pub fn heard(&mut self, now_ms: u64) {
        if let Phase::Open { heard_ms, .. } = &mut self.phase {
            *heard_ms = now_ms;
        }
    }

    /// When to call [`ServerSession::wake`], in milliseconds since 1970; never while it
    /// authenticates.
    #[must_use]
    pub fn wake_at(&self) -> Option<u64> {
        match self.phase {
            Phase::Waiting { until_ms } => Some(until_ms),
            Phase::Authenticating => None,
            Phase::Open { heard_ms, heartbeat_at_ms } => {
                Some(heartbeat_at_ms.min(heard_ms.saturating_add(self.times.idle_ms)))
            }
        }
    }

    /// What is due now.
    ///
    /// # Errors
    /// Why the session must close.
    pub fn wake(&mut self, now_ms: u64) -> Result<Due, Reject> {
        match &mut self.phase {
            Phase::Waiting { until_ms } if now_ms >= *until_ms => {
                Err(Reject::new(Code::HelloTimeout, "No hello came in time"))
            }
            Phase::Waiting { .. } | Phase::Authenticating => Ok(Due::Nothing),
            Phase::Open { heard_ms, heartbeat_at_ms } => {
                if now_ms >= heard_ms.saturating_add(self.times.idle_ms) {
                    return Err(Reject::new(Code::Idle, "Nothing was heard for too long"));
                }
                if now_ms < *heartbeat_at_ms {
                    return Ok(Due::Nothing);
                }
                *heartbeat_at_ms = now_ms.saturating_add(self.times.heartbeat_ms);
                Ok(Due::Heartbeat)
            }
        }
    }

    /// Whether a heartbeat goes along with what is sent now: it would be due before long, and one
    /// more packet by itself costs both ends a wake. The next one is counted from here then.
    pub fn takes_heartbeat_along(&mut self, now_ms: u64) -> bool {
        let Phase::Open { heartbeat_at_ms, .. } = &mut self.phase else { return false };
        let is_due_soon = now_ms.saturating_add(self.times.heartbeat_ms / 2) >= *heartbeat_at_ms;
        if is_due_soon {
            *heartbeat_at_ms = now_ms.saturating_add(self.times.heartbeat_ms);
        }
        is_due_soon
    }

    fn hello(&mut self, bytes: &[u8]) -> Result<Request, Reject> {
        if bytes.len() > HELLO_BYTES_MAX {
            let what = format!("A hello has at most {HELLO_BYTES_MAX} bytes");
            return Err(Reject::new(Code::TooLarge, what));
        }
        let frame = decode_client(bytes, &self.limits).map_err(|error| error.to_reject())?;
        let ClientFrame::Hello(hello) = frame else {
            return Err(Reject::new(Code::Malformed, "The first frame is hello"));
        };
        if hello.version != VERSION {
            let what = format!("This hub speaks version {VERSION}, not {}", hello.version);
            return Err(Reject::new(Code::UnsupportedVersion, what));
        }
        self.phase = Phase::Authenticating;
        Ok(Request::Authenticate(hello))
    }

    fn request(&self, bytes: &[u8]) -> Result<Request, Reject> {
        match decode_client(bytes, &self.limits) {
            Ok(frame) => to_request(frame),
            Err(error) => match error.push {
                Some(push) => Ok(Request::Refuse(push, error.to_reject())),
                None => Err(error.to_reject()),
            },
        }
    }
}

fn to_request(frame: ClientFrame) -> Result<Request, Reject> {
    Ok(match frame {
        ClientFrame::Hello(_) => {
            return Err(Reject::new(Code::Malformed, "Hello comes once"));
        }
        ClientFrame::Subscribe { space, filter, start } => {
            Request::Subscribe { space, filter, start }
        }
        ClientFrame::Unsubscribe { space } => Request::Unsubscribe(space),
        ClientFrame::Push(push) => Request::Push(push),
        ClientFrame::Seen { space, sequence } => Request::Seen(space, sequence),
        ClientFrame::Verify { space } => Request::Verify(space),
        ClientFrame::Signal { space, value } => Request::Signal(space, value),
        ClientFrame::Presence { space, value } => Request::Presence(space, value),
        ClientFrame::Ping { nonce } => Request::Ping(nonce),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::encode_client;
    use crate::name::{DeviceId, ReplicaId};

    const TIMES: Times = Times { hello_ms: 10_000, heartbeat_ms: 15_000, idle_ms: 60_000 };

    fn hello(version: u64) -> Vec<u8> {
        encode_client(&ClientFrame::Hello(Hello {
            version,
            replica: ReplicaId::from_random(1),
            device: DeviceId(1),
            name: "phone".into(),
            token: "secret".into(),
            clock_ms: 0,
            outbox: vec![],
            attributes: std::collections::BTreeMap::new(),
        }))
    }

    fn open() -> ServerSession {
        let mut session = ServerSession::new(TIMES, Limits::default(), 0);
        assert!(matches!(session.received(&hello(1), 1), Ok(Request::Authenticate(_))));
        session.welcomed(2);
        session
    }

    #[test]
    fn hello_comes_first_and_once() {
        let ping = encode_client(&ClientFrame::Ping { nonce: 7 });
        let mut early = ServerSession::new(TIMES, Limits::default(), 0);
        assert_eq!(early.received(&ping, 1).unwrap_err().code, Code::Malformed);
        let mut session = open();
        assert_eq!(session.received(&ping, 3), Ok(Request::Ping(7)));
        assert_eq!(session.received(&hello(1), 4).unwrap_err().code, Code::Malformed);
    }

    #[test]
    fn other_versions_and_fat_hellos_are_refused() {
        let mut session = ServerSession::new(TIMES, Limits::default(), 0);
        let error = session.received(&hello(2), 1).unwrap_err();
        assert_eq!(error.code, Code::UnsupportedVersion);
        let mut session = ServerSession::new(TIMES, Limits::default(), 0);
        let error = session.received(&[0; HELLO_BYTES_MAX + 1], 1).unwrap_err();
        assert_eq!(error.code, Code::TooLarge);
    }

    #[test]
    fn a_heartbeat_that_is_due_soon_goes_along() {
        assert!(!ServerSession::new(TIMES, Limits::default(), 0).takes_heartbeat_along(9_000));
        let mut session = open();
        let due_ms = session.wake_at().unwrap();
        assert!(!session.takes_heartbeat_along(due_ms - 7_501));
        assert_eq!(session.wake_at(), Some(due_ms));
        assert!(session.takes_heartbeat_along(due_ms - 7_500));
        assert_eq!(session.wake(due_ms), Ok(Due::Nothing));
        assert_eq!(session.wake(due_ms + 7_500), Ok(Due::Heartbeat));
    }

    #[test]
    fn silence_closes_and_heartbeats_come_in_time() {
        let mut session = ServerSession::new(TIMES, Limits::default(), 0);
        assert_eq!(session.wake_at(), Some(10_000));
        assert_eq!(session.wake(10_000).unwrap_err().code, Code::HelloTimeout);
        let mut session = open();
        assert_eq!(session.wake(15_001), Ok(Due::Nothing));
        assert_eq!(session.wake(15_002), Ok(Due::Heartbeat));
        assert_eq!(session.wake_at(), Some(30_002));
        session.heard(20_000);
        assert_eq!(session.wake(79_999), Ok(Due::Heartbeat));
        assert_eq!(session.wake(80_000).unwrap_err().code, Code::Idle);
    }
}
