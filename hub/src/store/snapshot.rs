//! A snapshot: the store at one moment, for whoever reads.
//!
//! A snapshot pins the pages it sees, so hold it briefly and page through long answers.

use std::collections::BTreeMap;
use std::ops::Bound;

use redb::{Database, ReadOnlyTable, ReadableDatabase as _, ReadableTable as _};
use syncline_protocol::{
    CollectionName, Digest, Filter, HlcTime, PushId, Record, RecordKey, ReplicaId, SpaceId,
    SpaceName,
};

use super::StoreError;
use super::log::{LogPage, read_log};
use super::pending::{self, Row};
use super::record_row::RecordRow;
use super::row::{
    CollectionRow, Conflict, ConflictRow, OutcomeRow, ReplicaRow, SpaceRow, parse_replica_key,
};
use super::tables::{
    self, Bytes, COLLECTIONS, CONFLICTS, DROPPED, LOG, META, OUTCOMES, RECORDS, REPLICAS, SPACES,
    meta,
};
use crate::selection::{SYSTEM_SPACE, Selection};

/// What a row costs a page beyond its bytes.
const ROW_COST: usize = 16;

/// The store at one moment.
pub struct Snapshot {
    pub(super) meta: ReadOnlyTable<&'static str, Bytes>,
    pub(super) spaces: ReadOnlyTable<&'static str, Bytes>,
    pub(super) dropped: ReadOnlyTable<Bytes, ()>,
    pub(super) collections: ReadOnlyTable<Bytes, Bytes>,
    pub(super) records: ReadOnlyTable<Bytes, Bytes>,
    pub(super) log: ReadOnlyTable<Bytes, Bytes>,
    pub(super) outcomes: ReadOnlyTable<Bytes, Bytes>,
    pub(super) conflicts: ReadOnlyTable<Bytes, Bytes>,
    pub(super) replicas: ReadOnlyTable<Bytes, Bytes>,
}

/// Some records in key order, and the key to go on after.
#[derive(Debug, Clone, Default)]
pub struct RecordPage {
    /// The records, tombstones too.
    pub records: Vec<(CollectionName, RecordKey, RecordRow)>,
    /// The last key looked at, when there may be more.
    pub next: Option<Vec<u8>>,
}

impl Snapshot {
    pub(super) fn open(database: &Database) -> Result<Self, StoreError> {
        let transaction = database.begin_read()?;
        Ok(Self {
            meta: transaction.open_table(META)?,
            spaces: transaction.open_table(SPACES)?,
            dropped: transaction.open_table(DROPPED)?,
            collections: transaction.open_table(COLLECTIONS)?,
            records: transaction.open_table(RECORDS)?,
            log: transaction.open_table(LOG)?,
            outcomes: transaction.open_table(OUTCOMES)?,
            conflicts: transaction.open_table(CONFLICTS)?,
            replicas: transaction.open_table(REPLICAS)?,
        })
    }

    /// The tables whose keys begin with a space's id, by name.
    pub(super) fn by_space(&self) -> [(&'static str, &ReadOnlyTable<Bytes, Bytes>); 4] {
        [
            ("collections", &self.collections),
            ("records", &self.records),
            ("log", &self.log),
            ("conflicts", &self.conflicts),
        ]
    }

    /// The hub's clock as of the last commit.
    ///
    /// # Errors
    /// When the store fails; so for all that follow.
    pub fn clock(&self) -> Result<HlcTime, StoreError> {
        let Some(row) = self.meta.get(meta::CLOCK)? else { return Ok(HlcTime::ZERO) };
        let bytes = row.value().try_into().map_err(|_| StoreError::Corrupt("a clock"))?;
        Ok(HlcTime::from_bits(u64::from_be_bytes(bytes)))
    }

    /// One space by name.
    pub fn space(&self, name: &SpaceName) -> Result<Option<SpaceRow>, StoreError> {
        let row = self.spaces.get(name.as_str())?;
        row.map(|row| SpaceRow::decode(row.value())).transpose()
    }

    /// Where the space `system` stands, which says who may do what: rights as of an earlier
    /// sequence must not be applied to what is read here.
    pub fn rights_version(&self) -> Result<u64, StoreError> {
        let row = self.spaces.get(SYSTEM_SPACE)?;
        Ok(row.map(|row| SpaceRow::decode(row.value())).transpose()?.map_or(0, |row| row.sequence))
    }

    /// All spaces in the order of their names.
    pub fn spaces(&self) -> Result<Vec<(SpaceName, SpaceRow)>, StoreError> {
        let mut spaces = Vec::new();
        for entry in self.spaces.iter()? {
            let (name, row) = entry?;
            let name = SpaceName::new(name.value())
                .map_err(|_| StoreError::Corrupt("the name of a space"))?;
            spaces.push((name, SpaceRow::decode(row.value())?));
        }
        Ok(spaces)
    }

    /// The collections of a space, reserved ones too.
    pub fn collections(
        &self,
        space: SpaceId,
    ) -> Result<BTreeMap<CollectionName, CollectionRow>, StoreError> {
        let prefix = tables::space_prefix(space);
        let mut collections = BTreeMap::new();
        for entry in self.collections.range(prefix.as_slice()..)? {
            let (key, row) = entry?;
            let Some(name) = key.value().strip_prefix(&prefix) else { break };
            let name =
                std::str::from_utf8(name).ok().and_then(|name| CollectionName::new(name).ok());
            let name = name.ok_or(StoreError::Corrupt("the name of a collection"))?;
            collections.insert(name, CollectionRow::decode(row.value())?);
        }
        Ok(collections)
    }

    /// One record, a tombstone too.
    pub fn record(
        &self,
        space: SpaceId,
        collection: &CollectionName,
        key: &RecordKey,
    ) -> Result<Option<RecordRow>, StoreError> {
        let row = self.records.get(tables::record_key(space, collection, key).as_slice())?;
        row.map(|row| RecordRow::decode(row.value())).transpose()
    }

    /// The records of a selection, after a key, until about `bytes_max` bytes are looked at. Looks
    /// at nothing that its filter does not select.
    pub fn records(
        &self,
        space: SpaceId,
        selection: &Selection,
        after: Option<&[u8]>,
        bytes_max: usize,
    ) -> Result<RecordPage, StoreError> {
        let mut page = RecordPage::default();
        let mut left = bytes_max;
        let filter = selection.filter();
        for collection in self.collections(space)?.into_keys() {
            if !filter.selects_collection(collection.as_str()) {
                continue;
            }
            let prefix = tables::records_prefix(space, &collection, filter.prefix());
            let from = match after {
                Some(after) if after >= prefix.as_slice() => Bound::Excluded(after),
                _ => Bound::Included(prefix.as_slice()),
            };
            for entry in self.records.range::<&[u8]>((from, Bound::Unbounded))? {
                let (key, row) = entry?;
                if !key.value().starts_with(&prefix) {
                    break;
                }
                let (collection, name) = tables::parse_record_key(key.value())?;
                if selection.allows(collection.as_str(), name.as_str()) {
                    page.records.push((collection, name, RecordRow::decode(row.value())?));
                }
                left = left.saturating_sub(ROW_COST + key.value().len() + row.value().len());
                if left == 0 {
                    page.next = Some(key.value().to_vec());
                    return Ok(page);
                }
            }
        }
        Ok(page)
    }

    /// The records of one collection whose keys begin with `prefix`, reserved collections too.
    pub fn range(
        &self,
        space: SpaceId,
        collection: &CollectionName,
        prefix: &str,
        limit: usize,
    ) -> Result<Vec<(RecordKey, RecordRow)>, StoreError> {
        self.records_where((space, collection, prefix), limit, |_, _| true)
    }

    /// Of the same records those that show and are allowed, at most `limit`: what was deleted and
    /// what may not be had take no room.
    pub fn shown_range(
        &self,
        (space, collection, prefix): (SpaceId, &CollectionName, &str),
        limit: usize,
        is_allowed: impl Fn(&RecordKey) -> bool,
    ) -> Result<Vec<(RecordKey, RecordRow)>, StoreError> {
        self.records_where((space, collection, prefix), limit, |key, record| {
            record.is_visible() && is_allowed(key)
        })
    }

    fn records_where(
        &self,
        (space, collection, prefix): (SpaceId, &CollectionName, &str),
        limit: usize,
        is_wanted: impl Fn(&RecordKey, &Record) -> bool,
    ) -> Result<Vec<(RecordKey, RecordRow)>, StoreError> {
        let prefix = tables::records_prefix(space, collection, prefix);
        let rows = self.records.range(prefix.as_slice()..)?.map(pending::stored);
        records_of(rows, &prefix, limit, is_wanted)
    }

    /// The log after a sequence; see [`LogPage`].
    pub(crate) fn log(
        &self,
        space: SpaceId,
        after: u64,
        selection: &Selection,
        bytes_max: usize,
    ) -> Result<LogPage, StoreError> {
        read_log(&self.log, space, after, selection, bytes_max)
    }

    /// The digests of the collections that a filter takes whole; empty ones are left out.
    pub fn digests(
        &self,
        space: SpaceId,
        filter: &Filter,
    ) -> Result<BTreeMap<CollectionName, Digest>, StoreError> {
        let collections = self.collections(space)?.into_iter();
        let wanted = collections.filter(|(name, row)| {
            filter.selects_collection(name.as_str()) && row.digest != Digest::default()
        });
        Ok(wanted.map(|(name, row)| (name, row.digest)).collect())
    }

    /// The recorded answer to a guarded push.
    pub fn outcome(&self, push: PushId, space: SpaceId) -> Result<Option<OutcomeRow>, StoreError> {
        let row = self.outcomes.get(tables::outcome_key(push, space).as_slice())?;
        row.map(|row| OutcomeRow::decode(row.value())).transpose()
    }

    /// Whether answers to a replica's pushes before one of them are recorded.
    pub fn has_outcomes(&self, before: PushId) -> Result<bool, StoreError> {
        let key = |counter| tables::outcome_key(PushId { counter, ..before }, SpaceId(0));
        let (from, to) = (key(0), key(before.counter));
        Ok(self.outcomes.range(from.as_slice()..to.as_slice())?.next().transpose()?.is_some())
    }

    /// What last-write-wins discarded in a space, by record, at most `limit`.
    pub fn conflicts(&self, space: SpaceId, limit: usize) -> Result<Vec<Conflict>, StoreError> {
        let prefix = tables::space_prefix(space);
        let mut found = Vec::new();
        for entry in self.conflicts.range(prefix.as_slice()..)?.take(limit) {
            let (bytes, row) = entry?;
            if !bytes.value().starts_with(&prefix) {
                break;
            }
            let (collection, key, field, loser) = tables::parse_conflict_key(bytes.value())?;
            let row = ConflictRow::decode(row.value())?;
            found.push(Conflict { collection, key, field, loser, row });
        }
        Ok(found)
    }

    /// Whose a replica is.
    pub fn replica(&self, replica: ReplicaId) -> Result<Option<ReplicaRow>, StoreError> {
        let row = self.replicas.get(replica.get().to_be_bytes().as_slice())?;
        row.map(|row| ReplicaRow::decode(row.value())).transpose()
    }

    /// All replicas, at most `limit`.
    pub fn replicas(&self, limit: usize) -> Result<Vec<(ReplicaId, ReplicaRow)>, StoreError> {
        let mut found = Vec::new();
        for entry in self.replicas.iter()?.take(limit) {
            let (key, row) = entry?;
            found.push((parse_replica_key(key.value())?, ReplicaRow::decode(row.value())?));
        }
        Ok(found)
    }
}

/// The first `limit` records that are wanted, of rows that begin with those of one collection
/// whose keys begin with `prefix`.
pub(crate) fn records_of<'a>(
    rows: impl Iterator<Item = Result<Row<'a, Bytes, Bytes>, redb::StorageError>>,
    prefix: &[u8],
    limit: usize,
    is_wanted: impl Fn(&RecordKey, &Record) -> bool,
) -> Result<Vec<(RecordKey, RecordRow)>, StoreError> {
    let mut found = Vec::new();
    for entry in rows {
        let (key, row) = entry?;
        if found.len() == limit || !key.value().starts_with(prefix) {
            break;
        }
        let (_, key) = tables::parse_record_key(key.value())?;
        let row = RecordRow::decode(row.value())?;
        if is_wanted(&key, &row.record) {
            found.push((key, row));
        }
    }
    Ok(found)
}
