//! The copy: what the hub sent of one space, and nothing else.
//!
//! Cursor and digests speak of it; own writes never enter it but by way of the hub.

use std::collections::BTreeMap;

use super::event::RecordName;
use crate::delta::Applied;
use crate::digest::{Digest, hash_field};
use crate::name::{CollectionName, RecordKey};
use crate::record::{Merged, Record};
use crate::stamp::HlcTime;

/// The records of a space as the hub sent them, with a digest of each collection kept beside.
#[derive(Debug, Clone, Default)]
pub(super) struct SpaceCopy {
    collections: BTreeMap<CollectionName, HeldCollection>,
}

#[derive(Debug, Clone, Default)]
struct HeldCollection {
    records: BTreeMap<RecordKey, Record>,
    digest: Digest,
}

impl SpaceCopy {
    pub(super) fn get(&self, collection: &str, key: &str) -> Option<&Record> {
        self.collections.get(collection)?.records.get(key)
    }

    /// The records of one collection, tombstones among them.
    pub(super) fn collection(&self, name: &str) -> Option<&BTreeMap<RecordKey, Record>> {
        Some(&self.collections.get(name)?.records)
    }

    pub(super) fn collections(&self) -> impl Iterator<Item = &CollectionName> {
        self.collections.keys()
    }

    /// All records, tombstones among them.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&CollectionName, &RecordKey, &Record)> {
        self.collections
            .iter()
            .flat_map(|(name, held)| held.records.iter().map(move |(key, r)| (name, key, r)))
    }

    /// Merges a delta of the hub; whether the record is other than before.
    pub(super) fn merge(&mut self, applied: &Applied) -> bool {
        let change = &applied.delta.change;
        let held = self.collections.entry(change.collection.clone()).or_default();
        let record = held.records.entry(change.key.clone()).or_default();
        let merged = record.merge(applied.delta.stamp, applied.sequence, &change.op);
        count(&mut held.digest, (&change.collection, &change.key), record, &merged);
        merged.changed()
    }

    /// Puts back a record that was saved.
    pub(super) fn insert(&mut self, name: &RecordName, record: Record) {
        self.remove(name);
        let held = self.collections.entry(name.collection.clone()).or_default();
        held.digest.add_record(&name.collection, &name.key, &record);
        held.records.insert(name.key.clone(), record);
    }

    /// Takes a record out; gives it back.
    pub(super) fn remove(&mut self, name: &RecordName) -> Option<Record> {
        let held = self.collections.get_mut(name.collection.as_str())?;
        let record = held.records.remove(name.key.as_str())?;
        held.digest.remove_record(&name.collection, &name.key, &record);
        if held.records.is_empty() {
            self.collections.remove(name.collection.as_str());
        }
        Some(record)
    }

    /// Forgets deletes from before `horizon`, and records that have shown nothing since; gives the
    /// names of all that it touched. Nothing that shows is touched.
    pub(super) fn purge(&mut self, horizon: HlcTime) -> Vec<RecordName> {
        let is_old = |record: &Record| {
            let grave = record.tombstone().is_some_and(|tombstone| tombstone.stamp.time < horizon);
            let silent = !record.is_visible()
                && record.newest_stamp().is_none_or(|stamp| stamp.time < horizon);
            grave || silent
        };
        let found = self.iter().filter(|(_, _, record)| is_old(record));
        let names: Vec<_> = found.map(|(name, key, _)| RecordName::new(name, key)).collect();
        for name in &names {
            if let Some(record) = self.remove(name).filter(Record::is_visible) {
                self.insert(name, record.without_tombstone());
            }
        }
        names
    }

    /// The digests of the collections that show anything.
    pub(super) fn digests(&self) -> BTreeMap<CollectionName, Digest> {
        let showing = self.collections.iter().filter(|(_, held)| held.digest.fields > 0);
        showing.map(|(name, held)| (name.clone(), held.digest)).collect()
    }
}

/// Counts what a merge did in the digest.
fn count(
    digest: &mut Digest,
    (collection, key): (&CollectionName, &RecordKey),
    record: &Record,
    merged: &Merged,
) {
    for (field, register) in &merged.displaced {
        if let Some(value) = &register.value {
            digest.remove(hash_field(collection, key, field, register.stamp, value));
        }
    }
    for field in &merged.won {
        let register = record.register(field.as_str());
        if let Some((register, value)) = register.and_then(|r| Some((r, r.value.as_ref()?))) {
            digest.add(hash_field(collection, key, field, register.stamp, value));
        }
    }
}
