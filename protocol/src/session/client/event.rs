//! What goes in and out of a client's session. Only words, no behaviour.

use std::collections::BTreeMap;

use crate::frame::{Peer, PresenceEvent};
use crate::name::SpaceName;
use crate::reject::Reject;
use crate::replica::Event;
use crate::value::Value;

/// What every input brings from outside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moment {
    /// What the device's clock shows, in milliseconds since 1970; it may jump.
    pub wall_ms: u64,
    /// A clock that never goes back, in milliseconds since anything: for waiting.
    pub steady_ms: u64,
    /// Random bits, fresh with each moment.
    pub random: u64,
}

/// Who greets the hub.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Identity {
    /// The API token.
    pub token: String,
    /// The name of the device, for people; at most 128 bytes.
    pub device_name: String,
    /// Anything else worth telling; at most 16 texts of at most 128 bytes.
    pub attributes: BTreeMap<String, String>,
}

impl std::fmt::Debug for Identity {
    /// Everything but the token, which no log may hold.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Identity")
            .field("device_name", &self.device_name)
            .field("attributes", &self.attributes)
            .finish_non_exhaustive()
    }
}

/// What the shell is to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// Open a connection, and report it opened or closed.
    Connect,
    /// Send one binary message, after everything unsaved is saved.
    Send(Vec<u8>),
    /// Close the connection, and report nothing more of it.
    Close,
    /// Tell the app.
    Event(ClientEvent),
}

/// What an app is told.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ClientEvent {
    /// Something happened to the replica.
    Replica(Event),
    /// The connection stands differently.
    State(ConnectionState),
    /// Someone in a space said something.
    Signal {
        /// The space.
        space: SpaceName,
        /// Who.
        from: Peer,
        /// What.
        value: Value,
    },
    /// Someone in a space joined, left or changed their state.
    Presence {
        /// The space.
        space: SpaceName,
        /// Who.
        from: Peer,
        /// What happened.
        event: PresenceEvent,
    },
}

/// How the connection to the hub stands.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ConnectionState {
    /// Not connected; it tries again by itself.
    Offline {
        /// When, by the steady clock in milliseconds.
        next_try_ms: u64,
        /// Why the last connection ended; none before the first.
        reason: Option<String>,
    },
    /// On the way to a session.
    Connecting,
    /// In a session.
    Live,
    /// The hub does not take the token; a new one starts it again.
    NeedsAuth(Reject),
    /// Stopped: by the app when there is no reason, by the hub for good otherwise.
    Stopped(Option<Reject>),
}

/// Why a signal or a presence was not sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EphemeralError {
    /// No session; such messages are not kept for later.
    #[error("there is no connection to the hub now; signals reach only those who are there")]
    Offline,
    /// Larger than the hub takes.
    #[error("the message has {size} bytes, the hub takes at most {most}; send less")]
    TooLarge {
        /// How many bytes.
        size: usize,
        /// How many may be.
        most: usize,
    },
}
