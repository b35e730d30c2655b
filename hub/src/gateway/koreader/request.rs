//! What the gateway asks of its rule: a position, where it comes from, and how much is to be kept.
//!
//! It travels in a reserved collection, so that what becomes of it is decided in log order and in
//! one commit, however many devices push at once. Pure.

use serde::{Deserialize, Serialize};
use syncline_protocol::{Change, Reject};

use super::mapping::{Position, collection, put, value};
use super::policy::Origin;
use super::wire::Metadata;

/// A position that somebody sends.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Request {
    pub(super) origin: Origin,
    /// With the time of its event when it is imported, else without.
    pub(super) position: Position,
    #[serde(default)]
    pub(super) metadata: Metadata,
    pub(super) keep: Keep,
}

/// How much is kept: the settings, since a rule has none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Keep {
    /// Entries of one document's history.
    pub(super) entries: u64,
    /// Their age in seconds; 0 is no limit.
    pub(super) age_s: u64,
    /// Documents of one account.
    pub(super) documents: u64,
    /// Devices of one account.
    #[serde(default = "devices")]
    pub(super) devices: u64,
}

/// What is allowed where nothing was said of devices.
fn devices() -> u64 {
    200
}

/// While nobody has said how much is kept, nothing is thrown away.
impl Default for Keep {
    fn default() -> Self {
        Self { entries: u64::MAX, age_s: 0, documents: 50_000, devices: devices() }
    }
}

impl Request {
    pub(super) fn push(position: Position, metadata: Metadata, keep: Keep) -> Self {
        Self { origin: Origin::Push, position, metadata, keep }
    }

    pub(super) fn native(position: Position, keep: Keep) -> Self {
        Self { origin: Origin::Native, position, metadata: Metadata::new(), keep }
    }

    pub(super) fn restore(position: Position, keep: Keep) -> Self {
        Self { origin: Origin::Restore, position, metadata: Metadata::new(), keep }
    }

    pub(super) fn import(position: Position, keep: Keep) -> Self {
        Self { origin: Origin::Import, position, metadata: Metadata::new(), keep }
    }

    /// As a change of the account's space.
    pub(super) fn into_change(self, document: &str) -> Result<Change, Reject> {
        put(collection::PUSHES, document, &[("request", Some(value(&self)?))])
    }
}
