//! Syncline's pure floor: everything that decides, nothing that waits.
//!
//! A [`Record`] is what all deltas about it join to; a [`Stamp`] says which write is later; a
//! [`Push`] carries [`Delta`]s to the hub, and [`HubFrame`]s carry them back to every replica.
//! Nothing here opens a socket, reads a clock, draws a random number or spawns a task: time and
//! randomness are arguments, so that a simulation can replay every race.
//!
//! `PROTOCOL.md` beside this crate tells the bytes to whoever writes a client in another language.

pub mod codec;
mod cursor;
mod delta;
mod digest;
mod filter;
mod frame;
mod guard;
mod name;
mod record;
mod reject;
pub mod replica;
pub mod session;
mod stamp;
mod value;

pub use cursor::{Cursor, Epoch, Start, ViewMark};
pub use delta::{Applied, Change, Delta, Fields, FieldsError, Op, Push, PushId};
pub use digest::{Digest, hash_field};
pub use filter::{FILTER_COLLECTIONS_MAX, Filter, FilterError};
pub use frame::{
    ClientFrame, Hello, HubFrame, Peer, PresenceEvent, SUBPROTOCOL, SnapshotMode, Stretch, Subject,
    Total, VERSION, Welcome,
};
pub use guard::{Condition, Guard};
pub use name::{
    COLLECTION_NAME_BYTES_MAX, CollectionName, DeviceId, FIELD_NAME_BYTES_MAX, FieldName,
    NameError, RECORD_KEY_BYTES_MAX, RecordKey, ReplicaId, SPACE_NAME_BYTES_MAX, SpaceId,
    SpaceName,
};
pub use record::{Merged, Record, Register, Tombstone};
pub use reject::{Code, Reject, Retry};
pub use replica::Replica;
pub use stamp::{Clock, Drift, HlcTime, MILLIS_MAX, Stamp, check_drift};
pub use value::{NESTING_MAX, Value, ValueError, measure};
