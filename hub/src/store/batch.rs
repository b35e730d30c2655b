//! A batch: everything that one commit will hold.
//!
//! Rows that change with every delta (a space's sequence, a collection's digest) are kept here
//! while the batch runs and written once at its end.

use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::Arc;

use redb::{ReadableTable, WriteTransaction};
use syncline_protocol::{CollectionName, HlcTime, PushId, RecordKey, SpaceId, SpaceName};

use super::StoreError;
use super::row::{CollectionRow, OutcomeRow, RecordRow, SpaceRow};
use super::rows::{ByteRows, Rows, Tag};
use super::tables::{
    Bytes, COLLECTIONS, CONFLICTS, DROPPED, LOG, META, OUTCOMES, RECORDS, REPLICAS, SPACES,
    collection_key, log_key, meta, outcome_key, record_key, space_prefix,
};

/// The tables of one write transaction, and the rows that wait to be written.
pub(crate) struct Batch<'txn> {
    pub(super) meta: Rows<'txn, &'static str, Bytes>,
    pub(super) spaces: Rows<'txn, &'static str, Bytes>,
    pub(super) dropped: Rows<'txn, Bytes, ()>,
    pub(super) collections: ByteRows<'txn>,
    pub(crate) records: ByteRows<'txn>,
    pub(crate) log: ByteRows<'txn>,
    pub(crate) outcomes: ByteRows<'txn>,
    pub(crate) conflicts: ByteRows<'txn>,
    pub(crate) replicas: ByteRows<'txn>,
    space_rows: HashMap<SpaceName, Option<SpaceRow>>,
    collection_rows: HashMap<(SpaceId, CollectionName), CollectionRow>,
    /// Records as they are now, by their keys: what is decided on is merged next.
    known: RefCell<HashMap<Vec<u8>, Option<Arc<Stored>>>>,
}

/// Records that a batch remembers at most.
const KNOWN_MAX: usize = 4096;

/// A record as its row holds it.
#[derive(Debug)]
pub(crate) struct Stored {
    pub(crate) row: RecordRow,
    /// The row's length in bytes.
    pub(crate) bytes: usize,
}

impl<'txn> Batch<'txn> {
    pub(crate) fn open(transaction: &'txn WriteTransaction) -> Result<Self, StoreError> {
        Ok(Self {
            meta: Rows::open(transaction, META, Tag::Meta)?,
            spaces: Rows::open(transaction, SPACES, Tag::Spaces)?,
            dropped: Rows::open(transaction, DROPPED, Tag::Dropped)?,
            collections: Rows::open(transaction, COLLECTIONS, Tag::Collections)?,
            records: Rows::open(transaction, RECORDS, Tag::Records)?,
            log: Rows::open(transaction, LOG, Tag::Log)?,
            outcomes: Rows::open(transaction, OUTCOMES, Tag::Outcomes)?,
            conflicts: Rows::open(transaction, CONFLICTS, Tag::Conflicts)?,
            replicas: Rows::open(transaction, REPLICAS, Tag::Replicas)?,
            space_rows: HashMap::new(),
            collection_rows: HashMap::new(),
            known: RefCell::default(),
        })
    }

    /// Writes what waits; gives all that was changed, in the journal's form.
    pub(crate) fn finish(mut self, clock: HlcTime) -> Result<Vec<u8>, StoreError> {
        for (name, row) in &self.space_rows {
            if let Some(row) = row {
                let row = row.encode();
                if self.spaces.get(name.as_str())?.is_none_or(|old| old.value() != row) {
                    self.spaces.insert(name.as_str(), row.as_slice())?;
                }
            }
        }
        for ((space, collection), row) in &self.collection_rows {
            let key = collection_key(*space, collection);
            let row = row.encode();
            if self.collections.get(key.as_slice())?.is_none_or(|old| old.value() != row) {
                self.collections.insert(key.as_slice(), row.as_slice())?;
            }
        }
        let clock = clock.to_bits().to_be_bytes();
        if self.meta.get(meta::CLOCK)?.is_none_or(|row| row.value() != clock) {
            self.meta.insert(meta::CLOCK, clock.as_slice())?;
        }
        Ok(self.changes())
    }

    fn changes(&self) -> Vec<u8> {
        let bytes = [
            self.collections.changes(),
            self.records.changes(),
            self.log.changes(),
            self.outcomes.changes(),
            self.conflicts.changes(),
            self.replicas.changes(),
            self.meta.changes(),
            self.spaces.changes(),
            self.dropped.changes(),
        ];
        bytes.concat()
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
        self.spaces.remove(name.as_str())?;
        self.dropped.insert(id.0.to_be_bytes().as_slice(), ())?;
        self.collection_rows.retain(|(space, _), _| *space != id);
        Ok(Some(id))
    }

    /// A collection's row, to be changed in place.
    pub(crate) fn collection(
        &mut self,
        space: SpaceId,
        collection: &CollectionName,
    ) -> Result<&mut CollectionRow, StoreError> {
        use std::collections::hash_map::Entry;
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
        if let Some(stored) = self.known.borrow().get(&key) {
            return Ok(stored.clone());
        }
        let stored = match self.records.get(key.as_slice())? {
            Some(bytes) => {
                let (row, bytes) = (RecordRow::decode(bytes.value())?, bytes.value().len());
                Some(Arc::new(Stored { row, bytes }))
            }
            None => None,
        };
        self.know(key, stored.clone());
        Ok(stored)
    }

    /// Writes a record, or removes its row when there is none; gives it as it is stored.
    pub(crate) fn set_record(
        &mut self,
        space: SpaceId,
        collection: &CollectionName,
        key: &RecordKey,
        row: Option<RecordRow>,
    ) -> Result<Option<Arc<Stored>>, StoreError> {
        let key = record_key(space, collection, key);
        let stored = match row {
            Some(row) => {
                let bytes = row.encode();
                self.records.insert(key.as_slice(), bytes.as_slice())?;
                Some(Arc::new(Stored { row, bytes: bytes.len() }))
            }
            None => {
                self.records.remove(key.as_slice())?;
                None
            }
        };
        self.know(key, stored.clone());
        Ok(stored)
    }

    fn know(&self, key: Vec<u8>, stored: Option<Arc<Stored>>) {
        let mut known = self.known.borrow_mut();
        if known.len() >= KNOWN_MAX {
            known.clear();
        }
        known.insert(key, stored);
    }

    pub(crate) fn append(
        &mut self,
        space: SpaceId,
        sequence: u64,
        delta: &[u8],
    ) -> Result<(), StoreError> {
        self.log.insert(log_key(space, sequence).as_slice(), delta)?;
        Ok(())
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
        self.outcomes.insert(key.as_slice(), outcome.encode().as_slice())?;
        Ok(())
    }
}
