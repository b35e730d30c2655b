//! What is wanted of a space and may be had: a filter, and the rules for whoever asks.
//!
//! Everything that reads for somebody reads through a selection: fan-out, snapshots, the log,
//! digests, lists. Whoever makes one has asked the rules; here nothing is decided.

mod event;
mod sight;

use std::sync::Arc;

use syncline_protocol::{Filter, ViewMark};

pub use event::{EVENTS, EventKey, ITEMS, escape, unescape};
pub use sight::Sight;

/// The space whose records say who there is and who may do what.
pub const SYSTEM_SPACE: &str = "system";

/// Which items of a space may be had.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Access {
    /// All.
    Everything,
    /// Those that rules allow.
    Some(Arc<Sight>),
    /// None.
    Nothing,
}

impl Access {
    /// Whether an item by its whole name may be had.
    #[must_use]
    pub fn allows_item(&self, item: &str) -> bool {
        match self {
            Self::Everything => true,
            Self::Some(sight) => sight.allows(item),
            Self::Nothing => false,
        }
    }

    /// Whether any record of a collection could be had.
    #[must_use]
    pub fn reaches(&self, collection: &str) -> bool {
        match self {
            Self::Everything => true,
            Self::Some(sight) => sight.reaches_collection(collection),
            Self::Nothing => false,
        }
    }

    /// Whether a record may be had.
    #[must_use]
    pub fn allows(&self, collection: &str, key: &str) -> bool {
        match self {
            Self::Everything => true,
            Self::Some(sight) => sight.allows_record(collection, key),
            Self::Nothing => false,
        }
    }
}

impl From<Arc<Sight>> for Access {
    fn from(sight: Arc<Sight>) -> Self {
        match sight.of_everything() {
            Some(true) => Self::Everything,
            Some(false) => Self::Nothing,
            None => Self::Some(sight),
        }
    }
}

/// A filter, and what may be had of what it asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Selection {
    filter: Filter,
    access: Access,
}

impl From<Filter> for Selection {
    /// For the hub itself and for tests: everything may be had.
    fn from(filter: Filter) -> Self {
        Self::new(filter, Access::Everything)
    }
}

impl Selection {
    /// What is asked for, and may be had.
    #[must_use]
    pub fn new(filter: Filter, access: Access) -> Self {
        Self { filter, access }
    }

    /// What is asked for.
    #[must_use]
    pub fn filter(&self) -> &Filter {
        &self.filter
    }

    /// What may be had.
    #[must_use]
    pub fn access(&self) -> &Access {
        &self.access
    }

    /// Whether a record is asked for and may be had.
    #[must_use]
    pub fn selects(&self, collection: &str, key: &str) -> bool {
        self.filter.selects(collection, key) && self.access.allows(collection, key)
    }

    /// Whether a record that the filter selects may be had.
    #[must_use]
    pub fn allows(&self, collection: &str, key: &str) -> bool {
        self.access.allows(collection, key)
    }

    /// Whether every record is selected.
    #[must_use]
    pub fn takes_all(&self) -> bool {
        self.access == Access::Everything && self.filter == Filter::default()
    }

    /// Whether each collection is selected whole or not at all, so that its digest is at hand.
    #[must_use]
    pub fn takes_whole_collections(&self) -> bool {
        self.access == Access::Everything && self.filter.takes_whole_collections()
    }

    /// Condenses the selection: a cursor is good only for the one that it was read with.
    #[must_use]
    pub fn mark(&self) -> ViewMark {
        use sha2::{Digest as _, Sha256};
        let mut hash = Sha256::new();
        for collection in self.filter.collections() {
            hash.update(collection.as_str());
            hash.update([0]);
        }
        hash.update([0]);
        hash.update(self.filter.prefix());
        match &self.access {
            Access::Everything => {}
            Access::Some(sight) => {
                hash.update([0]);
                hash.update(sight.mark());
            }
            Access::Nothing => hash.update([0, 0]),
        }
        ViewMark(hash.finalize().first_chunk().copied().unwrap_or_default())
    }
}
