//! What a subscription asks for: some collections, and keys with a prefix.

use std::collections::BTreeSet;

use crate::name::{CollectionName, RECORD_KEY_BYTES_MAX};

/// Most collections that a filter may name.
pub const FILTER_COLLECTIONS_MAX: usize = 64;

/// Selects records of a space; the default selects all.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct Filter {
    collections: BTreeSet<CollectionName>,
    prefix: String,
}

/// Why something is not a filter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum FilterError {
    /// Too many collections.
    #[error("a filter names at most {FILTER_COLLECTIONS_MAX} collections")]
    Collections,
    /// A prefix longer than any key.
    #[error("a key prefix has at most {RECORD_KEY_BYTES_MAX} bytes")]
    Prefix,
    /// A collection of the hub's own.
    #[error("collections that begin with `.` are the hub's own")]
    Reserved,
}

impl Filter {
    /// The records of these collections (all, when there are none) whose keys begin with `prefix`.
    ///
    /// # Errors
    /// A filter over its limits, or one that asks for what is never sent.
    pub fn new(
        collections: impl IntoIterator<Item = CollectionName>,
        prefix: &str,
    ) -> Result<Self, FilterError> {
        let collections: BTreeSet<_> = collections.into_iter().collect();
        if collections.len() > FILTER_COLLECTIONS_MAX {
            return Err(FilterError::Collections);
        }
        if collections.iter().any(CollectionName::is_reserved) {
            return Err(FilterError::Reserved);
        }
        if prefix.len() > RECORD_KEY_BYTES_MAX {
            return Err(FilterError::Prefix);
        }
        Ok(Self { collections, prefix: prefix.to_owned() })
    }

    /// Whether a record is asked for. Reserved collections never are.
    #[must_use]
    pub fn selects(&self, collection: &str, key: &str) -> bool {
        self.selects_collection(collection) && key.starts_with(&self.prefix)
    }

    /// Whether anything of a collection may be asked for.
    #[must_use]
    pub fn selects_collection(&self, collection: &str) -> bool {
        !collection.starts_with('.')
            && (self.collections.is_empty() || self.collections.contains(collection))
    }

    /// The collections named, none for all.
    pub fn collections(&self) -> impl ExactSizeIterator<Item = &CollectionName> {
        self.collections.iter()
    }

    /// The prefix of the keys, empty for all.
    #[must_use]
    pub fn prefix(&self) -> &str {
        &self.prefix
    }

    /// Whether each collection is asked for whole or not at all, so that its digest is at hand.
    #[must_use]
    pub fn takes_whole_collections(&self) -> bool {
        self.prefix.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filter_selects_by_collection_and_prefix() {
        let links = CollectionName::new("links").unwrap();
        let filter = Filter::new([links], "a/").unwrap();
        assert!(filter.selects("links", "a/b"));
        assert!(!filter.selects("links", "b"));
        assert!(!filter.selects("tags", "a/b"));
        assert!(Filter::default().selects("tags", ""));
        assert!(!Filter::default().selects(".credentials", "x"));
        let reserved = CollectionName::new(".x").unwrap();
        assert_eq!(Filter::new([reserved], ""), Err(FilterError::Reserved));
    }
}
