//! What a batch did, for those who must be told: plain data between the engine and the fan-out.

use std::collections::BTreeSet;
use std::sync::Arc;

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
    pub bytes: Arc<[u8]>,
}

/// Where a batch may have changed what somebody may see.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Rights {
    /// Nowhere.
    #[default]
    Same,
    /// In these spaces.
    Changed(BTreeSet<String>),
    /// In any.
    ChangedEverywhere,
}

impl Rights {
    /// Whether they may have changed in a space.
    #[must_use]
    pub fn concern(&self, space: &SpaceName) -> bool {
        match self {
            Self::Same => false,
            Self::Changed(spaces) => spaces.contains(space.as_str()),
            Self::ChangedEverywhere => true,
        }
    }

    /// Counts in what a later batch changed.
    pub fn join(&mut self, later: Self) {
        match (&mut *self, later) {
            (_, Self::Same) | (Self::ChangedEverywhere, _) => {}
            (Self::Changed(spaces), Self::Changed(more)) => spaces.extend(more),
            (_, later) => *self = later,
        }
    }
}
