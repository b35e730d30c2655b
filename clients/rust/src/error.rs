//! What can go wrong for an app, one enum for each family of calls, each with what to do about it.

use syncline_protocol::replica::{SavedError, WriteError};
use syncline_protocol::{FieldsError, FilterError, NameError, Reject, ValueError};

/// Why a client could not be opened.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// Not an address of a hub.
    #[error("{0:?} is not the address of a hub; use ws://, wss://, http:// or https:// and a host")]
    Url(String),
    /// Not the hash of a key.
    #[error("{0:?} is not a key's hash; use the 64 hexadecimal digits that the hub prints")]
    Pin(String),
    /// Not a certificate.
    #[error("the root certificate cannot be used: {0}; give one certificate as DER")]
    Certificate(String),
    /// A device name or a token that no hub takes.
    #[error("the {0} is longer than {1} bytes; use a shorter one")]
    TooLong(&'static str, usize),
    /// No trust at all: a secure address, and neither the system nor the app names a root.
    #[error("no root certificates were found; install the system's, or pin the hub's key")]
    NoRoots,
    /// TLS cannot be set up.
    #[error("TLS cannot be set up: {0}")]
    Tls(#[from] rustls::Error),
    /// The file.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// No random numbers, without which no client may stamp.
    #[error("the system gives no random numbers: {0}")]
    Random(getrandom::Error),
    /// Called outside of a tokio runtime.
    #[error("a client needs a tokio runtime; call connect from within one")]
    NoRuntime,
}

/// Why the file could not be read or written.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// Another client has it open.
    #[error("the file {0} is open in another client; close that one, or use another file")]
    InUse(String),
    /// Written by a newer client.
    #[error("the file {0} was written by a newer version (format {1}); update this client")]
    Newer(String, u64),
    /// Anything else about the file or the disk.
    #[error("the file {0} cannot be used: {1}")]
    File(String, String),
    /// Its content.
    #[error("the file {0} is damaged: {1}")]
    Damaged(String, SavedError),
}

/// Why a call on a client or a space did nothing.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A name of a space, a collection, a record or a field.
    #[error(transparent)]
    Name(#[from] NameError),
    /// The fields of a put.
    #[error(transparent)]
    Fields(#[from] FieldsError),
    /// A filter.
    #[error(transparent)]
    Filter(#[from] FilterError),
    /// The write.
    #[error(transparent)]
    Write(#[from] WriteError),
    /// Bytes that are no value.
    #[error(transparent)]
    Value(#[from] ValueError),
    /// A typed value that does not become fields, or fields that do not become the type.
    #[error("the record and the type do not fit: {0}")]
    Typed(String),
    /// The client was closed.
    #[error("the client is closed; open another one")]
    Closed,
    /// The file failed, and nothing is taken that could not be kept.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Why a write will not be acknowledged.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AckError {
    /// The hub refused it; what it wrote is no longer read.
    #[error(transparent)]
    Rejected(#[from] Reject),
    /// The client was closed, or the space forgotten, before the hub answered. With a file, what a
    /// closed client had not pushed is pushed when the file is opened again.
    #[error("the client was closed, or the space forgotten, before the hub answered")]
    Closed,
}

/// Why waiting for a space has ended without success.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SyncError {
    /// The hub will not send the space.
    #[error(transparent)]
    Ended(#[from] Reject),
    /// The digests never spoke of the moment that the copy was at.
    #[error("the space changes too fast to be verified now; try again when it is quieter")]
    Unsettled,
    /// The client was closed.
    #[error("the client is closed")]
    Closed,
}
