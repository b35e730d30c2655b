//! A batch: everything that one entry of the journal will hold.
//!
//! Rows that change with every delta (a space's sequence, a collection's digest) are kept here
//! while the batch runs and written once at its end.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::sync::Arc;

use syncline_protocol::{CollectionName, Digest, HlcTime, PushId, RecordKey, SpaceId, SpaceName};

use super::StoreError;
use super::bytes::Put;
use super::known::Known;
use super::memory::{Memory, Waiting};
use super::record_row::RecordRow;
use super::row::{CollectionRow, OutcomeRow, SpaceRow};
use super::rows::{ByteRows, Rows, Tag};
use super::snapshot::{Snapshot, records_of};
use super::tables::{
    Bytes, collection_key, log_key, meta, outcome_key, record_key, records_prefix, space_prefix,
};

/// The tables as the writer sees them, and the rows that are written at the end.
pub(crate) struct Batch<'a> {
    pub(super) meta: Rows<'a, &'static str, Bytes>,
    pub(super) spaces: Rows<'a, &'static str, Bytes>,
    pub(super) dropped: Rows<'a, Bytes, ()>,
    pub(super) collections: ByteRows<'a>,
    pub(crate) records: ByteRows<'a>,
    pub(crate) log: ByteRows<'a>,
    pub(crate) outcomes: ByteRows<'a>,
    pub(crate) conflicts: ByteRows<'a>,
    pub(crate) replicas: ByteRows<'a>,
    space_rows: BTreeMap<SpaceName, Option<SpaceRow>>,
    collection_rows: BTreeMap<(SpaceId, CollectionName), CollectionRow>,
    known: RefCell<Known>,
    /// Where a row is encoded: one buffer for all, for each would grow one of its own.
    scratch: Put,
}

/// A buffer that a large row needed is not kept.
const SCRATCH_KEPT: usize = 64 << 10;

/// A record as its row holds it.
#[derive(Debug, Clone)]
pub(crate) struct Stored {
    pub(crate) row: RecordRow,
    /// The row's length in bytes.
    pub(crate) bytes: usize,
    /// What the newest write left, while it is known.
    pub(crate) newest: Option<Newest>,
}

/// The fields that a write left in its record, hashed: a write that displaces just these needs no
/// hash of its own to take them out of a digest.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Newest {
    /// The write's place in the log.
    pub(crate) sequence: u64,
    pub(crate) digest: Digest,
}

impl<'a> Batch<'a> {
    /// A batch over what redb shows, and what is not there yet.
    pub(super) fn new(shown: &'a Snapshot, memory: &'a mut Memory) -> Self {
        memory.forget_changes();
        let Memory { waiting, frozen, known, changes } = memory;
        let (frozen, changes): (&Waiting, &RefCell<Put>) = (frozen, changes);
        macro_rules! rows {
            ($table:ident, $tag:ident) => {
                Rows::new((&shown.$table, Tag::$tag), &frozen.$table, &mut waiting.$table, changes)
            };
        }
        Self {
            meta: rows!(meta, Meta),
            spaces: rows!(spaces, Spaces),
            dropped: rows!(dropped, Dropped),
            collections: rows!(collections, Collections),
            records: rows!(records, Records),
            log: rows!(log, Log),
            outcomes: rows!(outcomes, Outcomes),
            conflicts: rows!(conflicts, Conflicts),
            replicas: rows!(replicas, Replicas),
            space_rows: BTreeMap::new(),
            collection_rows: BTreeMap::new(),
            known: RefCell::new(std::mem::take(known)),
            scratch: Put::default(),
        }
    }

    /// Writes what waits; gives what is known.
    pub(super) fn finish(mut self, clock: HlcTime) -> Result<Known, StoreError> {
        for (name, row) in &self.space_rows {
            if let Some(row) = row {
                let row = row.encode();
                if self.spaces.get(name.as_str())?.is_none_or(|old| old.value() != row) {
                    self.spaces.insert(&name.as_str(), &row.as_slice());
                }
            }
        }
        for ((space, collection), row) in &self.collection_rows {
            let key = collection_key(*space, collection);
            let row = row.encode();
            if self.collections.get(key.as_slice())?.is_none_or(|old| old.value() != row) {
                self.collections.insert(&key.as_slice(), &row.as_slice());
            }
        }
        let clock = clock.to_bits().to_be_bytes();
        if self.meta.get(meta::CLOCK)?.is_none_or(|row| row.value() != clock) {
            self.meta.insert(&meta::CLOCK, &clock.as_slice());
        }
        Ok(self.known.into_inner())
    }

    /// A space's row, to be changed in place.
    pub(crate) fn space(&mut self, name: &SpaceName) -> Result<Option<&mut SpaceRow>, StoreError> {
        if !self.space_rows.contains_key(name) {
            let row = self.spaces.get(name.as_str())?;
            let row = row.map(|row| SpaceRow::decode(row.value())).transpose()?;
            self.space_rows.insert(name.clone(), row);
        }
        Ok(self.space_rows.get_mut(name).and_then(Option::as_mut))
    }

    /// The ids of all spaces, with their names.
    pub(crate) fn space_ids(&self) -> Result<Vec<(SpaceName, SpaceId)>, StoreError> {
        let mut ids = Vec::new();
        for entry in self.spaces.iter()? {
            let (name, row) = entry?;
            let name = SpaceName::new(name.value())
                .map_err(|_| StoreError::Corrupt("the name of a space"))?;
            ids.push((name, SpaceRow::decode(row.value())?.id));
        }
        Ok(ids)
    }

    /// The spaces that a question is true of, as of the last commit.
    pub(crate) fn spaces_that(
        &self,
        ask: impl Fn(&SpaceRow) -> bool,
    ) -> Result<Vec<SpaceName>, StoreError> {
        let mut found = Vec::new();
        for entry in self.spaces.iter()? {
            let (name, row) = entry?;
            if ask(&SpaceRow::decode(row.value())?) {
                let name = SpaceName::new(name.value());
                found.push(name.map_err(|_| StoreError::Corrupt("the name of a space"))?);
            }
        }
        Ok(found)
    }

    /// The collections of all spaces that hold tombstones, as of the last commit.
    pub(crate) fn collections_with_tombstones(
        &self,
    ) -> Result<Vec<(SpaceName, CollectionName, CollectionRow)>, StoreError> {
        let mut found = Vec::new();
        for (space, id) in self.space_ids()? {
            let prefix = space_prefix(id);
            for entry in self.collections.range(prefix.as_slice()..)? {
                let (key, row) = entry?;
                let Some(name) = key.value().strip_prefix(&prefix) else { break };
                let name = std::str::from_utf8(name).ok();
                let name = name.and_then(|name| CollectionName::new(name).ok());
                let name = name.ok_or(StoreError::Corrupt("the name of a collection"))?;
                let row = CollectionRow::decode(row.value())?;
                if row.tombstones > 0 {
                    found.push((space.clone(), name, row));
                }
            }
        }
        Ok(found)
    }

    pub(crate) fn create_space(&mut self, name: SpaceName, row: SpaceRow) {
        self.space_rows.insert(name, Some(row));
    }

    /// Drops a space's name; its rows go later, in paced steps.
    pub(crate) fn drop_space(&mut self, name: &SpaceName) -> Result<Option<SpaceId>, StoreError> {
        let Some(id) = self.space(name)?.map(|row| row.id) else { return Ok(None) };
        self.space_rows.insert(name.clone(), None);
        self.spaces.remove(&name.as_str());
        self.dropped.insert(&id.0.to_be_bytes().as_slice(), &());
        self.collection_rows.retain(|(space, _), _| *space != id);
        Ok(Some(id))
    }

    /// A collection's row, to be changed in place.
    pub(crate) fn collection(
        &mut self,
        space: SpaceId,
        collection: &CollectionName,
    ) -> Result<&mut CollectionRow, StoreError> {
        use std::collections::btree_map::Entry;
        match self.collection_rows.entry((space, collection.clone())) {
            Entry::Occupied(entry) => Ok(entry.into_mut()),
            Entry::Vacant(entry) => {
                let row = self.collections.get(collection_key(space, collection).as_slice())?;
                let row = row.map(|row| CollectionRow::decode(row.value())).transpose()?;
                Ok(entry.insert(row.unwrap_or_default()))
            }
        }
    }

    pub(crate) fn record(
        &self,
        space: SpaceId,
        collection: &CollectionName,
        key: &RecordKey,
    ) -> Result<Option<RecordRow>, StoreError> {
        let stored = self.stored(space, collection, key)?;
        Ok(stored.map(|stored| stored.row.clone()))
    }

    /// A record and what its row takes.
    pub(crate) fn stored(
        &self,
        space: SpaceId,
        collection: &CollectionName,
        key: &RecordKey,
    ) -> Result<Option<Arc<Stored>>, StoreError> {
        let key = record_key(space, collection, key);
        if let Some(stored) = self.known.borrow_mut().get(&key) {
            return Ok(stored);
        }
        let stored = self.read(&key)?.map(Arc::new);
        self.known.borrow_mut().set(key, stored.clone());
        Ok(stored)
    }

    /// The records of a collection whose keys begin with `prefix` and that show, at most `limit`.
    pub(crate) fn shown_range(
        &self,
        space: SpaceId,
        collection: &CollectionName,
        prefix: &str,
        limit: usize,
    ) -> Result<Vec<(RecordKey, RecordRow)>, StoreError> {
        let prefix = records_prefix(space, collection, prefix);
        let rows = self.records.range(prefix.as_slice()..)?;
        records_of(rows, &prefix, limit, |_, record| record.is_visible())
    }

    /// A record to be changed and written again: whoever takes it out sets it.
    pub(crate) fn take_stored(
        &mut self,
        space: SpaceId,
        collection: &CollectionName,
        key: &RecordKey,
    ) -> Result<Option<Stored>, StoreError> {
        let key = record_key(space, collection, key);
        match self.known.get_mut().take(&key) {
            Some(stored) => Ok(stored.map(Arc::unwrap_or_clone)),
            None => self.read(&key),
        }
    }

    /// Puts back what was taken out and has not changed.
    pub(crate) fn put_back(
        &mut self,
        space: SpaceId,
        collection: &CollectionName,
        key: &RecordKey,
        stored: Option<Stored>,
    ) {
        let key = record_key(space, collection, key);
        self.known.get_mut().set(key, stored.map(Arc::new));
    }

    fn read(&self, key: &[u8]) -> Result<Option<Stored>, StoreError> {
        let Some(bytes) = self.records.get(key)? else { return Ok(None) };
        let (row, bytes) = (RecordRow::decode(bytes.value())?, bytes.value().len());
        Ok(Some(Stored { row, bytes, newest: None }))
    }

    /// Writes a record, or removes its row when there is none; gives it as it is stored.
    pub(crate) fn set_record(
        &mut self,
        space: SpaceId,
        collection: &CollectionName,
        key: &RecordKey,
        row: Option<RecordRow>,
        newest: Option<Newest>,
    ) -> Result<Option<Arc<Stored>>, StoreError> {
        let key = record_key(space, collection, key);
        let stored = match row {
            Some(row) => {
                self.scratch.clear(SCRATCH_KEPT);
                row.encode_to(&mut self.scratch);
                let bytes = self.scratch.as_bytes();
                self.records.insert(&key.as_slice(), &bytes);
                Some(Arc::new(Stored { row, bytes: bytes.len(), newest }))
            }
            None => {
                self.records.remove(&key.as_slice());
                None
            }
        };
        self.known.get_mut().set(key, stored.clone());
        Ok(stored)
    }

    pub(crate) fn append(&mut self, space: SpaceId, sequence: u64, delta: Arc<[u8]>) {
        self.log.insert_new(&log_key(space, sequence).as_slice(), delta);
    }

    /// Removes an entry of a log that died before it came to its table; gives whether it did.
    pub(crate) fn remove_young(&mut self, space: SpaceId, sequence: u64) -> bool {
        self.log.remove_new(&log_key(space, sequence).as_slice())
    }

    pub(crate) fn outcome(
        &self,
        push: PushId,
        space: SpaceId,
    ) -> Result<Option<OutcomeRow>, StoreError> {
        let row = self.outcomes.get(outcome_key(push, space).as_slice())?;
        row.map(|row| OutcomeRow::decode(row.value())).transpose()
    }

    pub(crate) fn record_outcome(
        &mut self,
        push: PushId,
        space: SpaceId,
        outcome: &OutcomeRow,
    ) -> Result<(), StoreError> {
        let key = outcome_key(push, space);
        self.outcomes.insert(&key.as_slice(), &outcome.encode().as_slice());
        Ok(())
    }
}
