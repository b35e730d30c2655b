//! What a batch did, for those who must be told: plain data between the engine and the fan-out.

use std::sync::Arc;

use bytes::Bytes;
use syncline_protocol::{Applied, SpaceId, SpaceName};

/// What one batch did to one space.
#[derive(Debug, Clone)]
pub struct Publication {
    /// The space.
    pub space: SpaceName,
    /// Which life of it.
    pub id: SpaceId,
    /// The sequence before the batch.
    pub before: u64,
    /// The sequence after it.
    pub last: u64,
    /// The deltas, in the order of the log.
    pub deltas: Vec<Published>,
}

/// A delta that was applied, and its bytes: encoded once, for the log and for every session.
#[derive(Debug, Clone)]
pub struct Published {
    /// The delta.
    pub applied: Arc<Applied>,
    /// Its wire form.
    pub bytes: Bytes,
}
