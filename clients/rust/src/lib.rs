//! A Syncline client: live when online, whole when offline.
//!
//! A [`Client`] keeps copies of spaces of a hub. Reads answer from the copy at once; writes are
//! read back at once and pushed when there is a connection; everything survives a restart when the
//! client has a file. A [`Space`] is the handle for one space.
//!
//! ```no_run
//! # async fn run() -> Result<(), Box<dyn std::error::Error>> {
//! use futures_util::StreamExt;
//! use syncline_client::{Client, Value};
//!
//! let client = Client::builder("ws://127.0.0.1:7962", "sl_...")
//!     .device_name("laptop")
//!     .store("bookmarks.redb")
//!     .connect()?;
//! let links = client.space("bookmarks")?;
//!
//! // Works offline, too: the handle resolves when the hub has the write on its disk.
//! let write = links.put("links", "a", [("title", Value::from("An example"))])?;
//! write.acked().await?;
//!
//! let mut changes = links.changes();
//! while let Some(change) = changes.next().await {
//!     println!("{change:?}");
//! }
//! # Ok(())
//! # }
//! ```
//!
//! The rules of replicas and sessions live in `syncline-protocol`; this crate moves bytes, keeps
//! the file and hands out handles.

mod builder;
mod changes;
mod client;
pub mod connect;
mod error;
pub mod json;
mod persist;
mod record;
mod shared;
mod socket;
mod space;
pub mod tls;
mod transaction;

pub use builder::Builder;
pub use changes::{Change, Changes, Notice, Notices, Presences, Signals, States};
pub use client::Client;
pub use error::{AckError, Error, OpenError, StoreError, SyncError};
pub use record::Record;
pub use space::{Progress, Space, Verified};
pub use transaction::{Ack, Transaction, WriteHandle};

pub use syncline_protocol::session::client::{ConnectionState, EphemeralError};
pub use syncline_protocol::{
    Code, CollectionName, DeviceId, FieldName, Filter, Peer, PresenceEvent, PushId, RecordKey,
    Reject, SpaceName, Value,
};
