//! What is measured: every system behind the same small traits, started on loopback by the harness.
//!
//! ```text
//! Target (what it is, what it can)  -- start -->  Running (a server with its processes)
//!                                                    |
//!                                                    +-- link --> Link (one connection: writes
//!                                                                 go in, acks and bytes come out)
//! ```
//! A link carries whole pushes and hands out what it receives as raw bytes; scenarios count and
//! time, so that no system is measured by rules of its own.

pub(crate) mod ceiling;
pub(crate) mod encoding;
mod hub;
mod mosquitto;
mod nats;
mod program;
mod redis;
mod tinybase;
pub(crate) mod websocket;
mod wire;
mod yjs;

use std::net::SocketAddr;
use std::path::PathBuf;

use async_trait::async_trait;
use bytes::Bytes;
use tempfile::TempDir;

use crate::workload::Write;

/// Why something could not be measured, in words for the report.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Failure(String);

impl Failure {
    pub(crate) fn new(what: impl Into<String>) -> Self {
        Self(what.into())
    }
}

macro_rules! fails_with {
    ($($error:ty),+) => {
        $(impl From<$error> for Failure {
            fn from(error: $error) -> Self {
                Self(error.to_string())
            }
        })+
    };
}
fails_with!(
    std::io::Error,
    tokio_tungstenite::tungstenite::Error,
    reqwest::Error,
    yrs::encoding::read::Error,
    yrs::error::UpdateError
);

/// What a scenario asks of a system.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ability {
    /// Hands each write to all who listen, live.
    FanOut,
    /// Acknowledges writes.
    Acknowledge,
    /// Keeps many connections that say nothing.
    Session,
    /// Gives a newcomer the records as they are.
    Snapshot,
    /// Gives one who was away what changed meanwhile, and no more.
    Resume,
}

/// A system that may be measured.
#[async_trait]
pub(crate) trait Target: Send + Sync {
    /// Its name in reports and in `--target`.
    fn name(&self) -> &'static str;

    /// What an acknowledgement means there.
    fn acknowledges(&self) -> &'static str;

    /// Whether what is acknowledged has reached the disk, and not only some cache.
    fn is_durable(&self) -> bool;

    /// Whether it can do this; if not, why.
    fn can(&self, ability: Ability) -> Result<(), &'static str>;

    /// What must be known to read its figures.
    fn note(&self) -> Option<&'static str> {
        None
    }

    /// Whether it is installed; if not, how to install it.
    fn installed(&self) -> Result<(), String>;

    /// Starts it in a folder of its own.
    async fn start(&self, site: &Site) -> Result<Box<dyn Running>, Failure>;
}

/// Where a target may put what it stores, and what the operator set.
#[derive(Debug)]
pub(crate) struct Site {
    /// An empty folder on the disk that is measured.
    pub(crate) folder: TempDir,
    /// The hub's program.
    pub(crate) hub: PathBuf,
    /// A hub that runs already: its address and an admin's token.
    pub(crate) remote: Option<(String, String)>,
}

/// A system that runs.
#[async_trait]
pub(crate) trait Running: Send + Sync {
    /// What it says of its version.
    fn version(&self) -> String;

    /// Its processes on this machine.
    fn processes(&self) -> Vec<u32>;

    /// Makes a channel, before the first link of it.
    async fn prepare(&self, _channel: &str) -> Result<(), Failure> {
        Ok(())
    }

    /// From here on links are a plain member's, and the channel has so many access rules.
    async fn restrict(&self, _channel: &str, _rules: usize) -> Result<(), Failure> {
        Err(Failure::new("it has no access rules"))
    }

    /// Opens a connection. Links of one channel hear each other, and nobody else.
    async fn link(&self, channel: &str, listening: Listening) -> Result<Box<dyn Link>, Failure>;

    /// Durable commits so far, where it counts them.
    async fn commits(&self) -> Option<u64> {
        None
    }

    /// Stops it.
    async fn stop(self: Box<Self>);
}

/// What a link wants to hear.
#[derive(Debug, Clone)]
pub(crate) enum Listening {
    /// Only what becomes of its own writes.
    Nothing,
    /// What is written from now on.
    New,
    /// The records as they are, then what is written.
    All,
    /// What was written after a place, then what is written.
    After(Place),
}

/// How far a link has read, in the words of its system.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Place(pub(crate) Vec<u64>);

/// What comes out of a link.
#[derive(Debug)]
pub(crate) enum Arrival {
    /// These pushes, counted from 0 in the order of their sending, are acknowledged.
    Acked(Vec<u64>),
    /// Bytes that may hold marks of writes.
    Bytes(Bytes),
    /// Nothing that counts.
    Nothing,
}

/// One connection.
#[async_trait]
pub(crate) trait Link: Send {
    /// Hands over a push; several go out with one [`Link::flush`].
    async fn feed(&mut self, writes: &[Write]) -> Result<(), Failure>;

    /// Sends what was handed over.
    async fn flush(&mut self) -> Result<(), Failure>;

    /// Waits for what comes; may be dropped and asked again.
    async fn next(&mut self) -> Result<Arrival, Failure>;

    /// Shows that the connection lives, where the system wants to see that.
    async fn alive(&mut self) -> Result<(), Failure> {
        Ok(())
    }

    /// How far it has read, when it listens and its system can resume.
    fn place(&self) -> Option<Place>;
}

/// All systems, ours first.
pub(crate) fn all() -> Vec<Box<dyn Target>> {
    vec![
        Box::new(hub::Hub),
        Box::new(ceiling::Ceiling),
        Box::new(redis::Redis),
        Box::new(nats::Nats { syncs_always: false }),
        Box::new(nats::Nats { syncs_always: true }),
        Box::new(mosquitto::Mosquitto),
        Box::new(yjs::Yjs),
        Box::new(tinybase::TinyBase),
    ]
}

/// A source address on the loopback network, so that many links do not run out of ports.
pub(crate) fn source(index: usize) -> SocketAddr {
    let host = u8::try_from(index % 50 + 2).unwrap_or(2);
    SocketAddr::from(([127, 0, 0, host], 0))
}
