//! Merge: the changes that were decided on become records, log entries, digests and publications.
//!
//! A merge that changes nothing appends and publishes nothing. What it does append holds only the
//! fields that won, so that an entry is dead exactly when no register names its sequence any more.

use std::sync::Arc;

use syncline_protocol::codec::encode_applied;
use syncline_protocol::{
    Applied, Change, Delta, Digest, FieldName, Merged, Op, Record, Register, SpaceId, SpaceName,
    Stamp, hash_field,
};

use super::conflict::Judged;
use super::decide::Planned;
use super::{Engine, Writes};
use crate::access::directory::{SYSTEM_SPACE, rights_of};
use crate::publication::Published;
use crate::store::{Batch, Newest, RecordRow, StoreError, Stored, row_bytes};

/// A buffer that a large delta needed is not kept.
const SCRATCH_KEPT: usize = 64 << 10;

/// One delta on its way into a space.
struct Step<'a> {
    space: &'a SpaceName,
    id: SpaceId,
    delta: Delta,
    base: Option<u64>,
    now_ms: u64,
}

impl Engine {
    /// Merges a part; gives the sequence to acknowledge and what the hub stamped.
    pub(super) fn merge(
        &mut self,
        batch: &mut Batch<'_>,
        now_ms: u64,
        part: Planned,
    ) -> Result<(u64, Vec<Applied>), StoreError> {
        let Planned { space, id, base, writes, additions } = part;
        let (deltas, mut changes) = match writes {
            Writes::Stamped(deltas) => (deltas, Vec::new()),
            Writes::Unstamped(changes) => (Vec::new(), changes),
        };
        let before = batch.space(&space)?.map_or(0, |row| row.sequence);
        for delta in deltas {
            self.clock.observe(delta.stamp.time);
            self.merge_delta(batch, Step { space: &space, id, delta, base, now_ms })?;
        }
        changes.extend(additions.changes);
        let mut stamped = Vec::new();
        for change in changes {
            let delta = self.stamp(batch, id, change, now_ms)?;
            let step = Step { space: &space, id, delta, base: None, now_ms };
            stamped.extend(self.merge_delta(batch, step)?.map(Arc::unwrap_or_clone));
        }
        let last = batch.space(&space)?.map_or(before, |row| row.sequence);
        Ok((last, stamped))
    }

    /// Stamps a change past now, the hub's clock and all that is in its record, so that an
    /// answered write never loses silently.
    fn stamp(
        &mut self,
        batch: &mut Batch<'_>,
        space: SpaceId,
        change: Change,
        now_ms: u64,
    ) -> Result<Delta, StoreError> {
        if let Some(stored) = batch.stored(space, &change.collection, &change.key)?
            && let Some(newest) = stored.row.record.newest_stamp()
        {
            self.clock.observe(newest.time);
        }
        Ok(change.stamped(Stamp::new(self.clock.tick(now_ms), self.replica)))
    }

    /// Merges one delta into its record and all that is kept beside it.
    fn merge_delta(
        &mut self,
        batch: &mut Batch<'_>,
        step: Step<'_>,
    ) -> Result<Option<Arc<Applied>>, StoreError> {
        let Delta { stamp, change } = &step.delta;
        let old = batch.take_stored(step.id, &change.collection, &change.key)?;
        let was = Kept::of(old.as_ref());
        let mut row = match old {
            Some(stored) => stored.row,
            None => {
                let floor = batch.collection(step.id, &change.collection)?.purged;
                RecordRow { record: Record::default(), floor }
            }
        };
        let before = batch.space(step.space)?.map_or(0, |space| space.sequence);
        let sequence = if change.collection.is_reserved() { before } else { before + 1 };
        let merged = row.record.merge(*stamp, sequence, &change.op);
        if let Some(base) = step.base {
            let judged = Judged { space: step.space, id: step.id, base, now_ms: step.now_ms };
            self.conflicts += judged.keep(batch, &self.settings, &step.delta, &merged)?;
        }
        if !merged.changed() {
            batch.put_back(step.id, &change.collection, &change.key, was.stored(row));
            return Ok(None);
        }
        // A reserved collection keeps no tombstones: nobody offers it anything old.
        let gone = change.collection.is_reserved() && !row.record.is_visible();
        if step.space.as_str() == SYSTEM_SPACE {
            let record = (!gone).then_some(&row.record);
            let (collection, key) = (change.collection.as_str(), change.key.as_str());
            let directory = Arc::make_mut(&mut self.directory);
            directory.set(collection, key, record);
            directory.set_version(sequence);
            self.rights.join(rights_of(collection, key));
        }
        let won = merged.won.iter();
        let won = won.filter_map(|field| Some((field, row.record.register(field.as_str())?)));
        let newest = Newest { sequence, digest: digest_of(change, won) };
        let kept = (!gone).then_some(row);
        let new = match was.is_there || !gone {
            true => {
                batch.set_record(step.id, &change.collection, &change.key, kept, Some(newest))?
            }
            false => None,
        };
        self.count(batch, &step, (was, new.as_deref()), (&merged, newest))?;
        if change.collection.is_reserved() {
            return Ok(None);
        }
        self.append(batch, step, before, &merged).map(Some)
    }

    /// Appends what won to the log, and remembers it for fan-out.
    fn append(
        &mut self,
        batch: &mut Batch<'_>,
        step: Step<'_>,
        before: u64,
        merged: &Merged,
    ) -> Result<Arc<Applied>, StoreError> {
        let applied = Applied { sequence: before + 1, delta: trim(step.delta, merged) };
        let applied = Arc::new(applied);
        self.scratch.clear();
        encode_applied(&mut self.scratch, &applied);
        let bytes: Arc<[u8]> = self.scratch.as_slice().into();
        self.scratch.shrink_to(SCRATCH_KEPT);
        batch.append(step.id, applied.sequence, bytes.clone());
        if let Some(space) = batch.space(step.space)? {
            space.sequence = applied.sequence;
            space.log_entries += 1;
        }
        let published = Published { applied: applied.clone(), bytes };
        self.publish(step.space, step.id, before, published);
        Ok(applied)
    }

    /// Keeps digests and counts in step with the record: as its row was, and as it will be kept.
    fn count(
        &self,
        batch: &mut Batch<'_>,
        step: &Step<'_>,
        (was, new): (Kept, Option<&Stored>),
        (merged, newest): (&Merged, Newest),
    ) -> Result<(), StoreError> {
        let change = &step.delta.change;
        let now = Kept::of(new);
        let size = |kept: Kept| if kept.is_there { row_bytes(change, kept.bytes) } else { 0 };
        let (old_bytes, new_bytes) = (size(was), size(now));
        let (old_shows, new_shows) = (u64::from(was.shows), u64::from(now.shows));

        let counts = batch.collection(step.id, &change.collection)?;
        counts.digest.remove_all(was.digest_of(change, &merged.displaced));
        counts.digest.add_all(newest.digest);
        counts.records = counts.records + new_shows - old_shows;
        counts.bytes = counts.bytes + new_bytes - old_bytes;
        if !change.collection.is_reserved() {
            let was_tombstone = was.is_there && !was.shows;
            if new_shows == 0 {
                let stamp_ms = step.delta.stamp.time.millis();
                let others = counts.tombstones > u64::from(was_tombstone);
                for since_ms in
                    [&mut counts.tombstones_since_ms, &mut counts.tombstones_new_since_ms]
                {
                    *since_ms = if others { stamp_ms.min(*since_ms) } else { stamp_ms };
                }
            }
            counts.tombstones = counts.tombstones + 1 - new_shows - u64::from(was_tombstone);
        }
        if let Some(space) = batch.space(step.space)? {
            space.records = space.records + new_shows - old_shows;
            space.bytes = space.bytes + new_bytes - old_bytes;
        }
        match new.filter(|_| !change.collection.is_reserved()) {
            Some(new) => bury(batch, step, &dead_entries(merged, &new.row.record)),
            None => Ok(()),
        }
    }
}

/// What was kept of a record, as counts need it.
#[derive(Clone, Copy)]
struct Kept {
    is_there: bool,
    shows: bool,
    /// The row's length.
    bytes: usize,
    newest: Option<Newest>,
}

impl Kept {
    fn of(stored: Option<&Stored>) -> Self {
        Self {
            is_there: stored.is_some(),
            shows: stored.is_some_and(|stored| stored.row.record.is_visible()),
            bytes: stored.map_or(0, |stored| stored.bytes),
            newest: stored.and_then(|stored| stored.newest),
        }
    }

    /// The digest of fields that were displaced. Mostly they are all that the write before left,
    /// which is known; reserved collections have no sequences to tell writes by.
    fn digest_of(self, change: &Change, displaced: &[(FieldName, Register)]) -> Digest {
        let shown = || displaced.iter().filter(|(_, register)| register.value.is_some());
        let is_all = |newest: &Newest| {
            shown().count() as u64 == newest.digest.fields
                && shown().all(|(_, register)| register.sequence == newest.sequence)
        };
        match self.newest.filter(|_| !change.collection.is_reserved()).filter(is_all) {
            Some(newest) => newest.digest,
            None => digest_of(change, displaced.iter().map(|(field, register)| (field, register))),
        }
    }

    /// The record as it was stored, if it was.
    fn stored(self, row: RecordRow) -> Option<Stored> {
        self.is_there.then_some(Stored { row, bytes: self.bytes, newest: self.newest })
    }
}

/// The digest of those of a record's fields that show.
fn digest_of<'r>(
    change: &Change,
    fields: impl Iterator<Item = (&'r FieldName, &'r Register)>,
) -> Digest {
    let mut digest = Digest::default();
    for (field, register) in fields {
        if let Some(value) = &register.value {
            let Change { collection, key, .. } = change;
            digest.add(hash_field(collection, key, field, register.stamp, value));
        }
    }
    digest
}

/// Log entries have died: what died before it came to its table is gone with that, the others wait
/// for compaction.
fn bury(batch: &mut Batch<'_>, step: &Step<'_>, dead: &[u64]) -> Result<(), StoreError> {
    let mut young = 0;
    for &sequence in dead {
        young += u64::from(batch.remove_young(step.id, sequence));
    }
    if let Some(space) = batch.space(step.space)? {
        space.log_entries -= young;
        space.log_dead += dead.len() as u64 - young;
    }
    Ok(())
}

/// The log entries that stopped saying anything: no register names their sequence any more.
fn dead_entries(merged: &Merged, record: &Record) -> Vec<u64> {
    let displaced = merged.displaced.iter().map(|(_, register)| register.sequence);
    let tombstone = merged.replaced_tombstone.map(|tombstone| tombstone.sequence);
    let mut sequences: Vec<_> = displaced.chain(tombstone).collect();
    sequences.sort_unstable();
    sequences.dedup();
    sequences.retain(|&sequence| !record.holds_sequence(sequence));
    sequences
}

/// The delta without the fields that lost.
fn trim(delta: Delta, merged: &Merged) -> Delta {
    let Delta { stamp, change: Change { collection, key, op } } = delta;
    let op = match op {
        Op::Put(fields) if fields.len() > merged.won.len() => {
            let won = fields.retain(|field| merged.won.contains(field));
            Op::Put(won.expect("a merge that changed a record by a put won at least one field"))
        }
        op => op,
    };
    Delta { stamp, change: Change { collection, key, op } }
}
