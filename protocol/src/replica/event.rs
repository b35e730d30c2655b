//! What a replica tells the app, and why it refuses a write. Only words, no behaviour.

use crate::delta::{Delta, PushId};
use crate::frame::Total;
use crate::name::{CollectionName, RecordKey, SpaceName};
use crate::reject::Reject;

/// Names a record within its space.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RecordName {
    /// Where the record lies.
    pub collection: CollectionName,
    /// Which record.
    pub key: RecordKey,
}

impl RecordName {
    /// A name of its two parts.
    #[must_use]
    pub fn new(collection: &CollectionName, key: &RecordKey) -> Self {
        Self { collection: collection.clone(), key: key.clone() }
    }
}

/// What happened to a replica, as its app should know it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    /// Records read differently now: all of one frame, one catch-up or one write, at once.
    Changed {
        /// The space.
        space: SpaceName,
        /// The records, each once, in order.
        records: Vec<RecordName>,
    },
    /// The copy holds all that the hub had when it answered.
    CaughtUp {
        /// The space.
        space: SpaceName,
    },
    /// A snapshot is on its way.
    Progress {
        /// The space.
        space: SpaceName,
        /// Records received so far.
        received: u64,
        /// How much there was when the snapshot began.
        total: Total,
    },
    /// The hub has a push on its disk.
    Acked {
        /// The space.
        space: SpaceName,
        /// The push.
        push: PushId,
        /// The sequence of its last delta.
        sequence: u64,
    },
    /// The hub refused a push for good: what it wrote is no longer read.
    Rejected {
        /// The space.
        space: SpaceName,
        /// The push.
        push: PushId,
        /// Why.
        reject: Reject,
    },
    /// Writes were taken out of a push: the records that they change have been deleted, and so
    /// long ago that the hub no longer remembers when.
    Conflict {
        /// The space.
        space: SpaceName,
        /// The push that lost them.
        push: PushId,
        /// The writes.
        deltas: Vec<Delta>,
    },
    /// The copy was proved equal to what the hub shows.
    Verified {
        /// The space.
        space: SpaceName,
        /// At which sequence.
        sequence: u64,
    },
    /// The copy was found different from what the hub shows.
    Diverged {
        /// The space.
        space: SpaceName,
        /// Where.
        collections: Vec<CollectionName>,
        /// Whether a fresh snapshot was asked for; not when the last one did not help.
        is_repairing: bool,
    },
    /// The hub's digests never spoke of the moment that the copy was at: too much was going on. Ask
    /// again when the space is quieter.
    Unverified {
        /// The space.
        space: SpaceName,
    },
    /// The hub would not begin, or has ended, the subscription.
    SubscriptionEnded {
        /// The space.
        space: SpaceName,
        /// Why.
        reject: Reject,
    },
}

/// Why a write was not taken into the outbox.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum WriteError {
    /// The space was never opened here.
    #[error("the space {0} is not open here; open it before writing to it")]
    NotOpen(SpaceName),
    /// Nothing to write.
    #[error("a write needs at least one change")]
    Empty,
    /// A collection of the hub's own.
    #[error("the collection {0} is the hub's own; use a name that does not begin with a dot")]
    Reserved(CollectionName),
    /// Something larger than the hub takes.
    #[error("{what} is {size}, the hub takes at most {most}; split or shrink the write")]
    TooLarge {
        /// What of the write, with its unit.
        what: &'static str,
        /// How large it is.
        size: usize,
        /// How large it may be.
        most: usize,
    },
    /// More unanswered writes than a replica keeps.
    #[error("{0} writes wait for the hub already; connect, so that they can be sent")]
    OutboxFull(usize),
}
