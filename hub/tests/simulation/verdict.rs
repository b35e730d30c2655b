//! The verdict: what must be true when a run is over. Everything here is compared with what the
//! oracle and the ledger wrote down, or worked out again from the records.

use std::collections::{BTreeMap, BTreeSet};

use syncline::store::{RecordRow, Snapshot, SpaceRow};
use syncline_protocol::replica::RecordName;
use syncline_protocol::{CollectionName, Digest, Filter, Record, SpaceName};

use super::device::Device;
use super::oracle::{Shown, shown_of};
use super::plan::Fault;
use super::world::{Fail, World};

/// A log may hold this many dead entries, or as many as live ones, before it is compacted.
const DEAD_MIN: u64 = 64;
/// How far ahead the hub's clock may have been, in milliseconds.
const HUB_AHEAD_MS: u64 = 2_000;

impl World {
    /// Judges the run.
    pub(crate) fn judge(&self) -> Result<(), Fail> {
        let node = self.node.as_ref().ok_or("the hub is down")?;
        let snapshot = node.store.snapshot().map_err(|error| error.to_string())?;
        self.ledger.check(&self.oracle)?;
        // A hub whose clock falls back makes devices stamp anew, and earlier than what they do not
        // know to be taken: nobody can keep the order then.
        if !self.plan.faults.contains(&Fault::HubClockBack) {
            self.oracle.check_order()?;
        }
        for space in &self.spaces {
            let row = snapshot.space(space).map_err(|error| error.to_string())?;
            let row = row.ok_or("a space is gone")?;
            self.judge_hub(space, &row, &snapshot)?;
            for (index, device) in self.devices.iter().enumerate() {
                if let Some(filter) = device.spaces.get(space) {
                    let judged = self.judge_copy(space, device, filter);
                    judged.map_err(|why| format!("device {index}: {why}"))?;
                }
            }
        }
        Ok(())
    }

    /// The hub shows what the oracle says, and its counts are those of its records.
    fn judge_hub(&self, space: &SpaceName, row: &SpaceRow, at: &Snapshot) -> Result<(), Fail> {
        let all = Filter::default();
        let page = at
            .records(row.id, &all.clone().into(), None, usize::MAX)
            .map_err(|error| error.to_string())?;
        let mut shown = BTreeMap::new();
        for (collection, key, row) in &page.records {
            let name = RecordName::new(collection, key);
            self.judge_record(space, &name, &row.record)?;
            if row.record.is_visible() {
                shown.insert(name, shown_of(&row.record));
            }
        }
        same(&shown, &self.oracle.shown(space, &all)).map_err(|why| format!("{space}: {why}"))?;
        judge_log(row, &page.records).map_err(|why| format!("{space}: {why}"))?;
        judge_counts(row, at, &page.records).map_err(|why| format!("{space}: {why}"))
    }

    /// No stamp ran away, nothing has risen from the dead, nothing shows that the hub never took.
    fn judge_record(
        &self,
        space: &SpaceName,
        name: &RecordName,
        record: &Record,
    ) -> Result<(), Fail> {
        let latest_ms = self.hub_ms() + self.plan.drift_ms + HUB_AHEAD_MS;
        if record.newest_stamp().is_some_and(|stamp| stamp.time.millis() > latest_ms) {
            return Err(format!("{space} {name:?} has a stamp that ran away: {record:?}"));
        }
        let deleted = self.oracle.deleted(space, name);
        for (field, register, value) in record.visible() {
            if deleted >= Some(register.stamp) {
                return Err(format!("{space} {name:?} {field} has risen from the dead"));
            }
            if let Some(push) = self.writer_of(value).filter(|&push| !self.oracle.has_applied(push))
            {
                return Err(format!("{space} {name:?} {field} shows {push}, which was refused"));
            }
        }
        Ok(())
    }

    /// A copy, and what an app reads of it, is what the filter selects of the oracle's records.
    fn judge_copy(&self, space: &SpaceName, device: &Device, filter: &Filter) -> Result<(), Fail> {
        let replica = device.session.replica();
        let expected = self.oracle.shown(space, filter);
        let copied = replica.records(space.as_str()).filter(|(.., record)| record.is_visible());
        let copied: BTreeMap<_, _> = copied
            .map(|(collection, key, record)| (RecordName::new(collection, key), shown_of(record)))
            .collect();
        same(&copied, &expected).map_err(|why| format!("{space}, copy: {why}"))?;
        let mut read = BTreeMap::new();
        for collection in replica.collections(space.as_str()) {
            for (key, record) in replica.list(space.as_str(), collection.as_str(), "") {
                read.insert(RecordName::new(&collection, key), shown_of(&record));
            }
        }
        same(&read, &expected).map_err(|why| format!("{space}, app: {why}"))
    }
}

/// Whether two copies show the same; names a difference.
fn same(
    found: &BTreeMap<RecordName, Shown>,
    expected: &BTreeMap<RecordName, Shown>,
) -> Result<(), Fail> {
    let names: BTreeSet<_> = found.keys().chain(expected.keys()).collect();
    let differing = names.into_iter().find(|name| found.get(*name) != expected.get(*name));
    let Some(name) = differing else { return Ok(()) };
    let (found, expected) = (found.get(name), expected.get(name));
    Err(format!("{name:?} shows {found:?} and should show {expected:?}"))
}

type Records = [(CollectionName, syncline_protocol::RecordKey, RecordRow)];

/// Law 5: the live entries are those that some register names, and the dead are few.
fn judge_log(row: &SpaceRow, records: &Records) -> Result<(), Fail> {
    let live: u64 = records.iter().map(|(.., row)| sequences(&row.record).len() as u64).sum();
    if row.log_entries != live + row.log_dead {
        let (entries, dead) = (row.log_entries, row.log_dead);
        return Err(format!("{entries} log entries are not {live} live and {dead} dead ones"));
    }
    if row.log_dead > DEAD_MIN.max(live) {
        return Err(format!("{} dead log entries beside {live} live ones", row.log_dead));
    }
    Ok(())
}

fn sequences(record: &Record) -> BTreeSet<u64> {
    let fields = record.registers().map(|(_, register)| register.sequence);
    fields.chain(record.tombstone().map(|tombstone| tombstone.sequence)).collect()
}

/// Digests and counts are kept as records change; here they are worked out again.
fn judge_counts(row: &SpaceRow, at: &Snapshot, records: &Records) -> Result<(), Fail> {
    let mut counted: BTreeMap<CollectionName, (Digest, u64, u64)> = BTreeMap::new();
    for (collection, key, row) in records {
        let (digest, shown, graves) = counted.entry(collection.clone()).or_default();
        digest.add_record(collection, key, &row.record);
        *shown += u64::from(row.record.is_visible());
        *graves += u64::from(!row.record.is_visible());
    }
    let kept = at.collections(row.id).map_err(|error| error.to_string())?;
    for (collection, kept) in &kept {
        let counted = counted.get(collection).copied().unwrap_or_default();
        let kept = (kept.digest, kept.records, kept.tombstones);
        if counted != kept {
            return Err(format!("{collection} counts {kept:?} and holds {counted:?}"));
        }
    }
    let shown: u64 = counted.values().map(|(_, shown, _)| shown).sum();
    if row.records != shown {
        return Err(format!("the space counts {} records and shows {shown}", row.records));
    }
    Ok(())
}
