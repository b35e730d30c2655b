//! Recount: what the store keeps beside the records of a space, counted again from its rows.
//!
//! The proof that every register's entry is in the log is a count: each live entry belongs to one
//! record, so as many live entries as records name sequences means that none is missing. It must
//! never share code with the engine that keeps the counts, or both would be wrong together.

use std::collections::BTreeMap;

use syncline_protocol::codec::decode_applied;
use syncline_protocol::{
    Applied, CollectionName, Digest, HlcTime, Op, Record, RecordKey, SpaceName,
};

use super::StoreError;
use super::doctor::Report;
use super::record_row::RecordRow;
use super::row::{CollectionRow, ConflictRow, SpaceRow};
use super::snapshot::Snapshot;
use super::tables::{self, log_sequence, parse_conflict_key, parse_record_key};

/// What the rows of a collection come to.
#[derive(Debug, Clone, Copy, Default)]
struct Tally {
    digest: Digest,
    records: u64,
    bytes: u64,
    tombstones: u64,
    tombstones_since_ms: Option<u64>,
}

/// One space, its kept row, and where to tell what does not agree.
struct Recount<'a> {
    snapshot: &'a Snapshot,
    name: &'a SpaceName,
    row: &'a SpaceRow,
    clock: HlcTime,
    report: &'a mut Report,
    /// Log entries that records still name.
    named: u64,
}

/// Counts a space again.
pub(super) fn space(
    snapshot: &Snapshot,
    name: &SpaceName,
    row: &SpaceRow,
    clock: HlcTime,
    report: &mut Report,
) -> Result<(), StoreError> {
    let mut recount = Recount { snapshot, name, row, clock, report, named: 0 };
    if row.horizon > row.sequence {
        recount.fault(format_args!("horizon {} beyond {}", row.horizon, row.sequence));
    }
    let kept = recount.kept_collections()?;
    let tallies = recount.records(&kept)?;
    recount.compare_collections(&kept, &tallies);
    recount.log()?;
    recount.conflicts()
}

impl Recount<'_> {
    fn fault(&mut self, text: impl std::fmt::Display) {
        self.report.fault(format_args!("space {}: {text}", self.name));
    }

    fn compare<T: Copy + PartialEq + std::fmt::Debug>(&mut self, what: &str, kept: T, counted: T) {
        if kept != counted {
            self.fault(format_args!("{what} is kept as {kept:?} and counted as {counted:?}"));
        }
    }

    fn kept_collections(&mut self) -> Result<BTreeMap<CollectionName, CollectionRow>, StoreError> {
        match self.snapshot.collections(self.row.id) {
            Err(StoreError::Corrupt(what)) => {
                self.fault(format_args!("{what} among its collections cannot be read"));
                Ok(BTreeMap::new())
            }
            read => read,
        }
    }

    fn records(
        &mut self,
        kept: &BTreeMap<CollectionName, CollectionRow>,
    ) -> Result<BTreeMap<CollectionName, Tally>, StoreError> {
        let prefix = tables::space_prefix(self.row.id);
        let mut tallies = BTreeMap::<CollectionName, Tally>::new();
        for entry in self.snapshot.records.range(prefix.as_slice()..)? {
            let (key, value) = entry?;
            if !key.value().starts_with(&prefix) {
                break;
            }
            self.report.records += 1;
            let what = format!("space {}: a record", self.name);
            let names = self.report.read(parse_record_key(key.value()), &what);
            let row = self.report.read(RecordRow::decode(value.value()), &what);
            let Some(((collection, name), row)) = names.zip(row) else { continue };
            self.check_record(&collection, &name, &row, kept.get(&collection));
            let tally = tallies.entry(collection.clone()).or_default();
            tally.add(&collection, &name, &row, (key.value().len() + value.value().len()) as u64);
        }
        Ok(tallies)
    }

    /// What must hold of every record by itself.
    fn check_record(
        &mut self,
        collection: &CollectionName,
        key: &RecordKey,
        row: &RecordRow,
        kept: Option<&CollectionRow>,
    ) {
        let record = &row.record;
        let deleted = record.tombstone().map(|tombstone| tombstone.stamp);
        let hidden = record.registers().any(|(_, register)| Some(register.stamp) <= deleted);
        let purged = kept.and_then(|kept| kept.purged);
        let faults = [
            (record.is_empty(), "holds nothing"),
            (hidden, "holds a field that its delete hides"),
            (record.newest_sequence() > self.row.sequence, "is newer than its space"),
            (record.newest_stamp().is_some_and(|it| it.time > self.clock), "is ahead of the clock"),
            (row.floor > purged, "remembers a purge that never was"),
            (collection.is_reserved() && !record.is_visible(), "is a reserved tombstone"),
        ];
        for (_, fault) in faults.iter().filter(|(is_so, _)| *is_so) {
            self.fault(format_args!("record {collection}/{key} {fault}"));
        }
        if !collection.is_reserved() {
            self.named += sequences(record).len() as u64;
        }
    }

    fn compare_collections(
        &mut self,
        kept: &BTreeMap<CollectionName, CollectionRow>,
        tallies: &BTreeMap<CollectionName, Tally>,
    ) {
        let (mut records, mut bytes) = (0, 0);
        for tally in tallies.values() {
            records += tally.records;
            bytes += tally.bytes;
        }
        self.compare("the number of records", self.row.records, records);
        self.compare("the bytes of records", self.row.bytes, bytes);
        for (name, tally) in tallies {
            if !kept.contains_key(name) && tally.records > 0 {
                self.fault(format_args!("collection {name} has records and no row"));
            }
        }
        for (name, row) in kept {
            let tally = tallies.get(name).copied().unwrap_or_default();
            self.compare_collection(name, row, tally);
        }
    }

    fn compare_collection(&mut self, name: &CollectionName, kept: &CollectionRow, tally: Tally) {
        let what = |what: &str| format!("{what} of collection {name}");
        self.compare(&what("the digest"), kept.digest, tally.digest);
        self.compare(&what("the number of records"), kept.records, tally.records);
        self.compare(&what("the number of bytes"), kept.bytes, tally.bytes);
        self.compare(&what("the number of tombstones"), kept.tombstones, tally.tombstones);
        if tally.tombstones_since_ms.is_some_and(|oldest| oldest < kept.tombstones_since_ms) {
            self.fault(format_args!("collection {name} has older tombstones than its row says"));
        }
    }

    fn log(&mut self) -> Result<(), StoreError> {
        let prefix = tables::space_prefix(self.row.id);
        let (mut entries, mut live) = (0, 0);
        for entry in self.snapshot.log.range(prefix.as_slice()..)? {
            let (key, delta) = entry?;
            if !key.value().starts_with(&prefix) {
                break;
            }
            entries += 1;
            let what = format!("space {}: a log entry", self.name);
            let sequence = self.report.read(log_sequence(key.value()), &what);
            let applied = decode_applied(delta.value());
            let applied = applied.map_err(|_| StoreError::Corrupt("a delta"));
            let applied = self.report.read(applied, &what);
            let Some((sequence, applied)) = sequence.zip(applied) else { continue };
            live += u64::from(self.check_entry(sequence, &applied)?);
        }
        self.report.log_entries += entries;
        self.report.log_dead += entries - live;
        self.compare("the number of log entries", self.row.log_entries, entries);
        self.compare("the number of dead log entries", self.row.log_dead, entries - live);
        self.compare("the number of live log entries", self.named, live);
        Ok(())
    }

    /// Whether an entry still says something of its record; what it says must be so.
    fn check_entry(&mut self, sequence: u64, applied: &Applied) -> Result<bool, StoreError> {
        let change = &applied.delta.change;
        let (collection, key) = (&change.collection, &change.key);
        if applied.sequence != sequence || sequence > self.row.sequence {
            self.fault(format_args!("log entry {sequence} calls itself {}", applied.sequence));
        }
        if collection.is_reserved() {
            self.fault(format_args!("log entry {sequence} is of a reserved collection"));
        }
        let row = match self.snapshot.record(self.row.id, collection, key) {
            // A record that cannot be read has been told.
            Err(StoreError::Corrupt(_)) => return Ok(false),
            row => row?.unwrap_or_default(),
        };
        if row.record.holds_sequence(sequence) && !agrees(&row.record, applied) {
            self.fault(format_args!("log entry {sequence} and {collection}/{key} do not agree"));
        }
        Ok(row.record.holds_sequence(sequence))
    }

    fn conflicts(&mut self) -> Result<(), StoreError> {
        let prefix = tables::space_prefix(self.row.id);
        let mut bytes = 0;
        for entry in self.snapshot.conflicts.range(prefix.as_slice()..)? {
            let (key, row) = entry?;
            if !key.value().starts_with(&prefix) {
                break;
            }
            self.report.conflicts += 1;
            bytes += (key.value().len() + row.value().len()) as u64;
            let what = format!("space {}: a conflict", self.name);
            self.report.read(parse_conflict_key(key.value()), &what);
            self.report.read(ConflictRow::decode(row.value()), &what);
        }
        self.compare("the bytes of conflicts", self.row.conflict_bytes, bytes);
        Ok(())
    }
}

impl Tally {
    fn add(&mut self, collection: &CollectionName, key: &RecordKey, row: &RecordRow, bytes: u64) {
        self.bytes += bytes;
        self.digest.add_record(collection, key, &row.record);
        if row.record.is_visible() {
            self.records += 1;
        } else if !collection.is_reserved() {
            self.tombstones += 1;
            let newest = row.record.newest_stamp().map(|stamp| stamp.time.millis());
            let oldest = self.tombstones_since_ms.unwrap_or(u64::MAX);
            self.tombstones_since_ms = newest.map(|newest| newest.min(oldest));
        }
    }
}

/// The sequences that a record names, each once.
fn sequences(record: &Record) -> std::collections::BTreeSet<u64> {
    let fields = record.registers().map(|(_, register)| register.sequence);
    fields.chain(record.tombstone().map(|tombstone| tombstone.sequence)).collect()
}

/// Whether all that a record holds under an entry's sequence is what the entry says.
fn agrees(record: &Record, applied: &Applied) -> bool {
    let (stamp, op) = (applied.delta.stamp, &applied.delta.change.op);
    let tombstone = record.tombstone().filter(|it| it.sequence == applied.sequence);
    let tombstone_agrees = tombstone.is_none_or(|it| it.stamp == stamp && *op == Op::Delete);
    let mut named = record.registers().filter(|(_, it)| it.sequence == applied.sequence);
    tombstone_agrees
        && named.all(|(name, register)| match op {
            Op::Delete => false,
            Op::Put(fields) => {
                let said = fields.iter().find(|(field, _)| *field == name);
                register.stamp == stamp
                    && said.is_some_and(|(_, value)| value == register.value.as_ref())
            }
        })
}
