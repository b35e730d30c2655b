//! Frames to MessagePack and back, within limits.
//!
//! ```text
//! frame = [kind, ...]      one MessagePack array in one binary WebSocket message
//! delta = [collection, key, stamp]                      delete
//!       | [collection, key, stamp, {field: value}]      put
//!       | [collection, key, stamp, {..}, [field, ..]]   put with dropped fields
//! ```
//! Decoding reads from the frame's bytes and allocates only for what is there: a length that the
//! bytes cannot hold is refused before anything is made for it.

mod client;
mod delta;
mod hub;
mod read;
mod write;

pub use delta::{
    ShownPut, decode_applied, decode_fields, encode_applied, encode_fields, encode_shown,
};
pub use hub::{ChangesHeader, SnapshotPartHeader};
pub(crate) use read::Reader;
pub use read::{DecodeError, Fault};
pub(crate) use write::Writer;

use crate::frame::{ClientFrame, HubFrame};

/// The kinds of frames: the first element of each.
pub(crate) mod kind {
    pub(crate) const HELLO: u64 = 1;
    pub(crate) const SUBSCRIBE: u64 = 2;
    pub(crate) const UNSUBSCRIBE: u64 = 3;
    pub(crate) const PUSH: u64 = 4;
    pub(crate) const SEEN: u64 = 5;
    pub(crate) const VERIFY: u64 = 6;
    pub(crate) const SIGNAL: u64 = 7;
    pub(crate) const PRESENCE: u64 = 8;
    pub(crate) const PING: u64 = 9;

    pub(crate) const WELCOME: u64 = 32;
    pub(crate) const SUBSCRIBED: u64 = 33;
    pub(crate) const SNAPSHOT_BEGIN: u64 = 34;
    pub(crate) const SNAPSHOT_PART: u64 = 35;
    pub(crate) const SNAPSHOT_END: u64 = 36;
    pub(crate) const CHANGES: u64 = 37;
    pub(crate) const WITHDRAW: u64 = 38;
    pub(crate) const VIEW: u64 = 39;
    pub(crate) const ACK: u64 = 40;
    pub(crate) const REJECT: u64 = 41;
    pub(crate) const HEARTBEAT: u64 = 42;
    pub(crate) const DIGESTS: u64 = 43;
    pub(crate) const SIGNAL_FROM: u64 = 44;
    pub(crate) const PRESENCE_OF: u64 = 45;
    pub(crate) const PONG: u64 = 46;
    pub(crate) const GOODBYE: u64 = 47;
}

/// What a decoder takes at most. The defaults are the protocol's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of a frame.
    pub frame_bytes: usize,
    /// Bytes of a value.
    pub value_bytes: usize,
    /// Fields of a put, dropped ones counted.
    pub fields: usize,
    /// Deltas of a push.
    pub deltas: usize,
    /// Guards of a push.
    pub guards: usize,
    /// Push ids in a hello, one for each replica.
    pub outbox: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            frame_bytes: 1 << 20,
            value_bytes: 1 << 20,
            fields: 256,
            deltas: 10_000,
            guards: 256,
            outbox: 128,
        }
    }
}

/// Attributes in a hello at most.
pub const ATTRIBUTES_MAX: usize = 16;
/// Bytes of a device's name, of an attribute's name and of its value at most.
pub const LABEL_BYTES_MAX: usize = 128;
/// Bytes of a token at most.
pub const TOKEN_BYTES_MAX: usize = 512;

/// Writes a client's frame.
#[must_use]
pub fn encode_client(frame: &ClientFrame) -> Vec<u8> {
    client::encode(frame)
}

/// Reads a client's frame.
///
/// # Errors
/// What is wrong with it, and with which push when the rest of the frame is sound.
pub fn decode_client(bytes: &[u8], limits: &Limits) -> Result<ClientFrame, DecodeError> {
    if bytes.len() > limits.frame_bytes {
        return Err(DecodeError::new(Fault::TooLarge, "the frame is larger than the limit"));
    }
    client::decode(bytes, limits)
}

/// Writes a hub's frame.
#[must_use]
pub fn encode_hub(frame: &HubFrame) -> Vec<u8> {
    hub::encode(frame)
}

/// Reads a hub's frame. A client trusts its hub with sizes; nothing but the frame bounds them.
///
/// # Errors
/// What is wrong with it.
pub fn decode_hub(bytes: &[u8]) -> Result<HubFrame, DecodeError> {
    hub::decode(bytes)
}
