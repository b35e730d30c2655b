//! One session over the wire, for what a replica does not do: following the log without a copy.
//!
//! It keeps a session alive and says why one ended. It stamps nothing and writes nothing.

use std::collections::BTreeMap;
use std::time::Duration;

use futures_util::{SinkExt as _, StreamExt as _};
use syncline_client::connect::{Address, Socket};
use syncline_protocol::codec::{decode_hub, encode_client};
use syncline_protocol::{
    ClientFrame, DeviceId, Hello, HubFrame, Reject, ReplicaId, VERSION, Welcome,
};
use tokio::time::{Instant, timeout, timeout_at};
use tokio_tungstenite::tungstenite::Message;

use crate::hub::{now_ms, random_u64};

/// A hub that does not let one in for so long is not there.
const OPEN_WITHIN: Duration = Duration::from_secs(30);
/// Between two signs of life when the welcome names no time.
const HEARTBEAT: Duration = Duration::from_secs(15);

/// Who follows.
pub(super) struct Follower {
    pub(super) address: Address,
    pub(super) token: String,
    replica: ReplicaId,
    device: DeviceId,
}

/// A session that is open.
pub(super) struct Wire {
    socket: Box<Socket>,
    heartbeat: Duration,
    /// When to say something, so that the hub knows that somebody is there.
    speak_at: Instant,
    heard_at: Instant,
    nonce: u64,
}

/// Why there is no session, or no longer.
#[derive(Debug)]
pub(super) enum Lost {
    /// The hub said no, and will again.
    Refused(Reject),
    /// Trying again may help.
    Cut {
        /// What happened.
        why: String,
        /// When the hub asks to come back.
        after: Option<Duration>,
    },
}

impl Lost {
    fn cut(why: impl std::fmt::Display) -> Self {
        Self::Cut { why: why.to_string(), after: None }
    }

    fn refused(reject: Reject) -> Self {
        match reject.code.is_retryable() {
            true => Self::Cut { why: reject.to_string(), after: None },
            false => Self::Refused(reject),
        }
    }
}

impl Follower {
    pub(super) fn new(address: Address, token: String) -> Self {
        let (replica, device) = (ReplicaId::from_random(random_u64()), DeviceId(random_u64()));
        Self { address, token, replica, device }
    }

    /// Opens a session.
    pub(super) async fn open(&self) -> Result<Wire, Lost> {
        let opening = async {
            let socket = self.address.clone().open().await.map_err(Lost::cut)?;
            let mut wire = Wire::new(socket);
            wire.send(&ClientFrame::Hello(self.hello())).await?;
            match wire.next().await? {
                HubFrame::Welcome(welcome) => Ok(wire.welcomed(&welcome)),
                _ => Err(Lost::cut("the hub did not begin with a welcome")),
            }
        };
        let late = || Lost::cut("the hub did not let us in in time");
        timeout(OPEN_WITHIN, opening).await.unwrap_or_else(|_| Err(late()))
    }

    fn hello(&self) -> Hello {
        Hello {
            version: VERSION,
            replica: self.replica,
            device: self.device,
            name: "syncline tail".to_owned(),
            token: self.token.clone(),
            clock_ms: now_ms(),
            outbox: Vec::new(),
            attributes: BTreeMap::new(),
        }
    }
}

impl Wire {
    fn new(socket: Box<Socket>) -> Self {
        let now = Instant::now();
        Self { socket, heartbeat: HEARTBEAT, speak_at: now + HEARTBEAT, heard_at: now, nonce: 0 }
    }

    fn welcomed(mut self, welcome: &Welcome) -> Self {
        if let Some(ms) = welcome.limits.get("heartbeat_ms") {
            self.heartbeat = Duration::from_millis((*ms).clamp(100, 3_600_000));
        }
        self.speak_at = Instant::now() + self.heartbeat;
        self
    }

    /// Says something.
    pub(super) async fn send(&mut self, frame: &ClientFrame) -> Result<(), Lost> {
        self.speak_at = Instant::now() + self.heartbeat;
        let bytes = encode_client(frame);
        self.socket.send(Message::Binary(bytes.into())).await.map_err(Lost::cut)
    }

    /// The next frame; keeps the session alive while it waits.
    pub(super) async fn next(&mut self) -> Result<HubFrame, Lost> {
        loop {
            match timeout_at(self.speak_at, self.socket.next()).await {
                Err(_) => self.speak().await?,
                Ok(None) => return Err(Lost::cut("the hub closed the connection")),
                Ok(Some(Err(error))) => return Err(Lost::cut(error)),
                Ok(Some(Ok(Message::Binary(bytes)))) => {
                    self.heard_at = Instant::now();
                    let frame = decode_hub(&bytes).map_err(Lost::cut)?;
                    return understood(frame);
                }
                Ok(Some(Ok(_))) => self.heard_at = Instant::now(),
            }
        }
    }

    async fn speak(&mut self) -> Result<(), Lost> {
        if self.heard_at.elapsed() > self.heartbeat.mul_f32(2.5) {
            return Err(Lost::cut("the hub has fallen silent"));
        }
        self.nonce += 1;
        self.send(&ClientFrame::Ping { nonce: self.nonce }).await
    }
}

/// Tells a farewell from the rest.
fn understood(frame: HubFrame) -> Result<HubFrame, Lost> {
    match frame {
        HubFrame::Goodbye { reject, retry_after_ms: Some(ms) } => {
            let after = Some(Duration::from_millis(ms));
            Err(Lost::Cut { why: reject.to_string(), after })
        }
        HubFrame::Goodbye { reject, .. } => Err(Lost::refused(reject)),
        HubFrame::Reject { reject, .. } => Err(Lost::refused(reject)),
        frame => Ok(frame),
    }
}
