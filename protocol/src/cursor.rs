//! A cursor: how far a replica has read, of which log and of which view.
//!
//! A sequence means nothing without its epoch, and nothing without the view that it was read
//! under; the three therefore travel together.

use std::fmt;

/// Names one life of a space's log: drawn when the log begins, and anew after a restore.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Epoch(pub u64);

impl fmt::Display for Epoch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

impl fmt::Debug for Epoch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

impl std::str::FromStr for Epoch {
    type Err = std::num::ParseIntError;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        u64::from_str_radix(text, 16).map(Self)
    }
}

/// What a subscription may see, condensed by the hub; opaque to everyone else.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ViewMark(pub [u8; 8]);

impl fmt::Debug for ViewMark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", u64::from_be_bytes(self.0))
    }
}

/// A place in a space's log, as one view shows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cursor {
    /// Which log.
    pub epoch: Epoch,
    /// Everything up to and with this sequence has been read.
    pub sequence: u64,
    /// Of what.
    pub view: ViewMark,
}

/// Where a subscription begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Start {
    /// With a snapshot: the replica holds nothing.
    Snapshot,
    /// After what the replica already holds; another epoch or view gets a snapshot all the same.
    Resume(Cursor),
    /// With the log alone, for a reader that keeps no copy: never a snapshot.
    Follow {
        /// The epoch that the reader counts in; `None` for whichever is current.
        epoch: Option<Epoch>,
        /// The sequence to begin after; `None` for the end of the log.
        after: Option<u64>,
    },
}
