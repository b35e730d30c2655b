//! The tables of the store and the order of their keys.
//!
//! ```text
//! meta         name                                          -> bytes
//! spaces       name                                          -> SpaceRow
//! dropped      space id                                      -> nothing; rows still to be removed
//! collections  space id, collection                          -> CollectionRow
//! records      space id, collection, 0, key                  -> RecordRow
//! log          space id, sequence                            -> applied delta in wire form
//! outcomes     replica id, push counter, space id            -> OutcomeRow
//! conflicts    space id, collection, 0, key, 0, field, 0, losing stamp -> ConflictRow
//! replicas     replica id                                    -> ReplicaRow
//! ```
//! Numbers are big-endian and names hold no zero byte, so keys sort as what they stand for.

use redb::TableDefinition;
use smallvec::SmallVec;
use syncline_protocol::{CollectionName, FieldName, PushId, RecordKey, SpaceId, Stamp};

use super::StoreError;

/// A table of bytes.
pub(crate) type Bytes = &'static [u8];

/// A key as it lies in memory: most are short, and comparing many follows no pointers then.
pub(crate) type RowKey = SmallVec<[u8; 56]>;

pub(crate) const META: TableDefinition<'_, &str, Bytes> = TableDefinition::new("meta");
pub(crate) const SPACES: TableDefinition<'_, &str, Bytes> = TableDefinition::new("spaces");
pub(crate) const DROPPED: TableDefinition<'_, Bytes, ()> = TableDefinition::new("dropped");
pub(crate) const COLLECTIONS: TableDefinition<'_, Bytes, Bytes> =
    TableDefinition::new("collections");
pub(crate) const RECORDS: TableDefinition<'_, Bytes, Bytes> = TableDefinition::new("records");
pub(crate) const LOG: TableDefinition<'_, Bytes, Bytes> = TableDefinition::new("log");
pub(crate) const OUTCOMES: TableDefinition<'_, Bytes, Bytes> = TableDefinition::new("outcomes");
pub(crate) const CONFLICTS: TableDefinition<'_, Bytes, Bytes> = TableDefinition::new("conflicts");
pub(crate) const REPLICAS: TableDefinition<'_, Bytes, Bytes> = TableDefinition::new("replicas");

/// Rows of `meta`.
pub(crate) mod meta {
    /// The version of the file's format, four bytes.
    pub(crate) const FORMAT: &str = "format";
    /// The hub's clock, eight bytes.
    pub(crate) const CLOCK: &str = "clock";
    /// The journal that the file needs, and how far it holds it: id and number, sixteen bytes.
    /// None when the file was closed in order.
    pub(crate) const JOURNAL: &str = "journal";
}

/// Before every key of a space.
pub(crate) fn space_prefix(space: SpaceId) -> [u8; 8] {
    space.0.to_be_bytes()
}

pub(crate) fn collection_key(space: SpaceId, collection: &CollectionName) -> Vec<u8> {
    [&space.0.to_be_bytes(), collection.as_str().as_bytes()].concat()
}

/// Before every record of a collection whose key begins with `prefix`.
pub(crate) fn records_prefix(space: SpaceId, collection: &CollectionName, prefix: &str) -> RowKey {
    let mut bytes = RowKey::new();
    for part in [&space.0.to_be_bytes(), collection.as_str().as_bytes(), &[0], prefix.as_bytes()] {
        bytes.extend_from_slice(part);
    }
    bytes
}

pub(crate) fn record_key(space: SpaceId, collection: &CollectionName, key: &RecordKey) -> RowKey {
    records_prefix(space, collection, key.as_str())
}

/// The names in a key of `records`, as they stand there.
pub(crate) fn record_names(bytes: &[u8]) -> Result<(&str, &str), StoreError> {
    let corrupt = || StoreError::Corrupt("a record's key");
    let names = std::str::from_utf8(bytes.get(8..).ok_or_else(corrupt)?).map_err(|_| corrupt())?;
    names.split_once('\0').ok_or_else(corrupt)
}

/// The collection and key in a key of `records`.
pub(crate) fn parse_record_key(bytes: &[u8]) -> Result<(CollectionName, RecordKey), StoreError> {
    let corrupt = || StoreError::Corrupt("a record's key");
    let (collection, key) = record_names(bytes)?;
    let collection = CollectionName::new(collection).map_err(|_| corrupt())?;
    Ok((collection, RecordKey::new(key).map_err(|_| corrupt())?))
}

pub(crate) fn log_key(space: SpaceId, sequence: u64) -> [u8; 16] {
    (u128::from(space.0) << 64 | u128::from(sequence)).to_be_bytes()
}

/// The sequence in a key of `log`.
pub(crate) fn log_sequence(bytes: &[u8]) -> Result<u64, StoreError> {
    let tail = bytes.get(8..16).and_then(|tail| <[u8; 8]>::try_from(tail).ok());
    tail.map(u64::from_be_bytes).ok_or(StoreError::Corrupt("a log key"))
}

pub(crate) fn outcome_key(push: PushId, space: SpaceId) -> [u8; 24] {
    let mut key = [0; 24];
    key[..8].copy_from_slice(&push.replica.get().to_be_bytes());
    key[8..16].copy_from_slice(&push.counter.to_be_bytes());
    key[16..].copy_from_slice(&space.0.to_be_bytes());
    key
}

/// Before every conflict of a field.
pub(crate) fn conflict_prefix(
    space: SpaceId,
    collection: &CollectionName,
    key: &RecordKey,
    field: &FieldName,
) -> Vec<u8> {
    let names = [collection.as_str(), key.as_str(), field.as_str(), ""].join("\0");
    [&space.0.to_be_bytes(), names.as_bytes()].concat()
}

pub(crate) fn conflict_key(prefix: &[u8], loser: Stamp) -> Vec<u8> {
    [prefix, &loser.to_bytes()].concat()
}

/// The names and the losing stamp in a key of `conflicts`.
pub(crate) fn parse_conflict_key(
    bytes: &[u8],
) -> Result<(CollectionName, RecordKey, FieldName, Stamp), StoreError> {
    let parse = || {
        let (names, stamp) = bytes.get(8..)?.split_last_chunk::<16>()?;
        let mut names = std::str::from_utf8(names).ok()?.splitn(4, '\0');
        let collection = CollectionName::new(names.next()?).ok()?;
        let key = RecordKey::new(names.next()?).ok()?;
        let field = FieldName::new(names.next()?).ok()?;
        Some((collection, key, field, Stamp::from_bytes(*stamp)?))
    };
    parse().ok_or(StoreError::Corrupt("a conflict's key"))
}

/// The first key after all that begin with `prefix`; none when there is no such key.
pub(crate) fn after_prefix(prefix: &[u8]) -> Option<Vec<u8>> {
    let last = prefix.iter().rposition(|&byte| byte != 0xff)?;
    let mut after = prefix[..=last].to_vec();
    after[last] += 1;
    Some(after)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_read_back_and_sort_by_collection_first() {
        let name = |text| CollectionName::new(text).unwrap();
        let key = RecordKey::new("k/é").unwrap();
        let space = SpaceId(7);
        let bytes = record_key(space, &name("a"), &key);
        assert_eq!(parse_record_key(&bytes).unwrap(), (name("a"), key.clone()));
        assert!(bytes < record_key(space, &name("a-b"), &key));
        assert!(bytes.as_slice() < &*after_prefix(&records_prefix(space, &name("a"), "")).unwrap());
        assert_eq!(log_sequence(&log_key(space, 9)).unwrap(), 9);
        assert_eq!(after_prefix(&[1, 0xff]), Some(vec![2]));
        assert_eq!(after_prefix(&[0xff]), None);
    }
}
