//! Paced housekeeping: dead log entries, old tombstones, old conflicts and outcomes, and what is
//! left of dropped spaces. Each step does a bounded piece of work inside some commit.

use std::ops::Bound;

use syncline_protocol::codec::decode_applied;
use syncline_protocol::{CollectionName, RecordKey, SpaceId, SpaceName, Stamp};

use super::batch::Batch;
use super::log::remove_prefix;
use super::record_row::RecordRow;
use super::row::{CollectionRow, ConflictRow, OutcomeRow, ReplicaRow};
use super::rows::ByteRows;
use super::tables::{self, log_key, log_sequence};
use super::{SpaceRow, StoreError};

/// Fewer dead entries than this are not worth a pass of their own: they wait for the next round.
const DEAD_MIN: u64 = 64;

/// Whether a log is compacted at once: it holds more dead entries than live ones, and many.
#[must_use]
pub(crate) fn wants_compaction(space: &SpaceRow) -> bool {
    is_mostly_dead(space) && space.log_dead > DEAD_MIN
}

/// Whether a log holds more dead entries than live ones. Each round compacts those that do, so
/// that no log exceeds twice its live entries for longer than a round takes (law 5).
#[must_use]
pub(crate) fn is_mostly_dead(space: &SpaceRow) -> bool {
    space.log_dead > space.log_entries.saturating_sub(space.log_dead)
}

/// Removes dead entries from a stretch of a space's log: looks at `limit` of them after `after`.
/// Gives the sequence to go on after, or none at the end.
pub(crate) fn compact_log(
    batch: &mut Batch<'_>,
    space: &SpaceName,
    after: u64,
    limit: usize,
) -> Result<Option<u64>, StoreError> {
    let Some(row) = batch.space(space)? else { return Ok(None) };
    let (id, head) = (row.id, row.sequence);
    let (from, to) = (log_key(id, after.saturating_add(1)), log_key(id, head));
    let mut dead = Vec::new();
    let mut last = None;
    if from <= to {
        for entry in batch.log.range(from.as_slice()..=to.as_slice())?.take(limit) {
            let (key, delta) = entry?;
            let sequence = log_sequence(key.value())?;
            last = Some(sequence);
            if !is_live(batch, id, sequence, delta.value())? {
                dead.push(sequence);
            }
        }
    }
    for &sequence in &dead {
        batch.log.remove(&log_key(id, sequence).as_slice());
    }
    if let Some(row) = batch.space(space)? {
        row.log_entries = row.log_entries.saturating_sub(dead.len() as u64);
        row.log_dead = row.log_dead.saturating_sub(dead.len() as u64);
    }
    Ok(last.filter(|&last| last < head))
}

fn is_live(
    batch: &Batch<'_>,
    space: SpaceId,
    sequence: u64,
    delta: &[u8],
) -> Result<bool, StoreError> {
    let applied = decode_applied(delta).map_err(|_| StoreError::Corrupt("a delta in the log"))?;
    let change = &applied.delta.change;
    let stored = batch.stored(space, &change.collection, &change.key)?;
    Ok(stored.is_some_and(|stored| stored.row.record.holds_sequence(sequence)))
}

/// What to purge from a collection.
#[derive(Debug, Clone, Copy)]
pub(crate) struct PurgeRule {
    /// Tombstones older than this go, in milliseconds since 1970.
    pub(crate) before_ms: u64,
    /// A running catch-up still needs what lies after this sequence.
    pub(crate) pinned_after: u64,
}

/// How far a pass over a collection's tombstones has come.
#[derive(Debug, Clone, Default)]
pub(crate) struct PurgePass {
    /// The last key looked at; none at the beginning.
    after: Option<Vec<u8>>,
    /// The oldest tombstone that was kept so far, in milliseconds since 1970; none when all went.
    oldest_kept_ms: Option<u64>,
}

/// Tombstones that may go, and how the pass stands after them.
struct Page {
    old: Vec<(RecordKey, RecordRow, Stamp, usize)>,
    pass: PurgePass,
    ends: bool,
}

/// Looks at the next `limit` records of a collection and removes old tombstones. Gives the pass to
/// go on with, or none at its end.
pub(crate) fn purge_tombstones(
    batch: &mut Batch<'_>,
    (space, collection): (&SpaceName, &CollectionName),
    rule: PurgeRule,
    pass: PurgePass,
    limit: usize,
) -> Result<Option<PurgePass>, StoreError> {
    let Some(id) = batch.space(space)?.map(|row| row.id) else { return Ok(None) };
    if pass.after.is_none() {
        batch.collection(id, collection)?.tombstones_new_since_ms = u64::MAX;
    }
    let page = read_page(batch, (id, collection), rule, pass, limit)?;
    for (key, row, newest, bytes) in page.old {
        purge_one(batch, space, collection, &key, &row, newest, bytes)?;
    }
    if !page.ends {
        return Ok(Some(page.pass));
    }
    // Only now is it known how old all the others are. A pass that is cut short by a restart
    // leaves the older bound, and the next pass begins anew.
    let counts = batch.collection(id, collection)?;
    let oldest_kept_ms = page.pass.oldest_kept_ms.unwrap_or(u64::MAX);
    counts.tombstones_since_ms = oldest_kept_ms.min(counts.tombstones_new_since_ms);
    Ok(None)
}

fn read_page(
    batch: &Batch<'_>,
    (space, collection): (SpaceId, &CollectionName),
    rule: PurgeRule,
    mut pass: PurgePass,
    limit: usize,
) -> Result<Page, StoreError> {
    let prefix = tables::records_prefix(space, collection, "");
    let after = pass.after.take();
    let from = after.as_deref().map_or(Bound::Included(prefix.as_slice()), Bound::Excluded);
    let (mut old, mut seen) = (Vec::new(), 0);
    for entry in batch.records.range((from, Bound::Unbounded))?.take(limit) {
        let (key, row) = entry?;
        if !key.value().starts_with(&prefix) {
            break;
        }
        seen += 1;
        pass.after = Some(key.value().to_vec());
        let bytes = key.value().len() + row.value().len();
        let row = RecordRow::decode(row.value())?;
        let Some(newest) = row.record.newest_stamp().filter(|_| !row.record.is_visible()) else {
            continue;
        };
        let newest_ms = newest.time.millis();
        if newest_ms < rule.before_ms && row.record.newest_sequence() <= rule.pinned_after {
            old.push((tables::parse_record_key(key.value())?.1, row, newest, bytes));
        } else {
            let oldest_ms = pass.oldest_kept_ms.unwrap_or(u64::MAX);
            pass.oldest_kept_ms = Some(oldest_ms.min(newest_ms));
        }
    }
    Ok(Page { old, pass, ends: seen < limit })
}

fn purge_one(
    batch: &mut Batch<'_>,
    space: &SpaceName,
    collection: &CollectionName,
    key: &RecordKey,
    row: &RecordRow,
    newest: Stamp,
    bytes: usize,
) -> Result<(), StoreError> {
    let Some(counts) = batch.space(space)? else { return Ok(()) };
    counts.horizon = counts.horizon.max(row.record.newest_sequence());
    counts.log_dead += live_entries(row);
    counts.bytes = counts.bytes.saturating_sub(bytes as u64);
    let id = counts.id;
    let counts: &mut CollectionRow = batch.collection(id, collection)?;
    counts.purged = counts.purged.max(Some(newest));
    counts.tombstones = counts.tombstones.saturating_sub(1);
    counts.bytes = counts.bytes.saturating_sub(bytes as u64);
    batch.set_record(id, collection, key, None, None).map(|_| ())
}

/// How many log entries still speak of a record.
fn live_entries(row: &RecordRow) -> u64 {
    let fields = row.record.registers().map(|(_, register)| register.sequence);
    let tombstone = row.record.tombstone().map(|tombstone| tombstone.sequence);
    let mut sequences: Vec<_> = fields.chain(tombstone).collect();
    sequences.sort_unstable();
    sequences.dedup();
    sequences.len() as u64
}

/// Removes conflicts older than `before_ms`, looking at `limit` after `after`.
pub(crate) fn expire_conflicts(
    batch: &mut Batch<'_>,
    spaces: &[(SpaceName, SpaceId)],
    before_ms: u64,
    after: Option<&[u8]>,
    limit: usize,
) -> Result<Option<Vec<u8>>, StoreError> {
    let from = after.map_or(Bound::Unbounded, Bound::Excluded);
    let (mut old, mut last, mut seen) = (Vec::new(), None, 0);
    for entry in batch.conflicts.range((from, Bound::Unbounded))?.take(limit) {
        let (key, row) = entry?;
        seen += 1;
        last = Some(key.value().to_vec());
        if ConflictRow::decode(row.value())?.at_ms < before_ms {
            old.push((key.value().to_vec(), row.value().len()));
        }
    }
    for (key, bytes) in old {
        batch.conflicts.remove(&key.as_slice());
        let owner = spaces.iter().find(|(_, id)| key.starts_with(&id.0.to_be_bytes()));
        if let Some((name, _)) = owner
            && let Some(row) = batch.space(name)?
        {
            row.conflict_bytes = row.conflict_bytes.saturating_sub((key.len() + bytes) as u64);
        }
    }
    Ok(last.filter(|_| seen == limit))
}

/// Removes outcomes older than `before_ms`, looking at `limit` after `after`.
pub(crate) fn expire_outcomes(
    batch: &mut Batch<'_>,
    before_ms: u64,
    after: Option<&[u8]>,
    limit: usize,
) -> Result<Option<Vec<u8>>, StoreError> {
    let is_old = |row: &[u8]| Ok(OutcomeRow::decode(row)?.at_ms < before_ms);
    expire(&mut batch.outcomes, is_old, after, limit)
}

/// Removes replicas not heard of since `before_ms`, looking at `limit` after `after`.
pub(crate) fn expire_replicas(
    batch: &mut Batch<'_>,
    before_ms: u64,
    after: Option<&[u8]>,
    limit: usize,
) -> Result<Option<Vec<u8>>, StoreError> {
    let is_old = |row: &[u8]| Ok(ReplicaRow::decode(row)?.last_ms < before_ms);
    expire(&mut batch.replicas, is_old, after, limit)
}

fn expire(
    table: &mut ByteRows<'_>,
    is_old: impl Fn(&[u8]) -> Result<bool, StoreError>,
    after: Option<&[u8]>,
    limit: usize,
) -> Result<Option<Vec<u8>>, StoreError> {
    let from = after.map_or(Bound::Unbounded, Bound::Excluded);
    let (mut old, mut last, mut seen) = (Vec::new(), None, 0);
    for entry in table.range((from, Bound::Unbounded))?.take(limit) {
        let (key, row) = entry?;
        seen += 1;
        last = Some(key.value().to_vec());
        if is_old(row.value())? {
            old.push(key.value().to_vec());
        }
    }
    for key in old {
        table.remove(&key.as_slice());
    }
    Ok(last.filter(|_| seen == limit))
}

/// Removes at most `limit` rows of dropped spaces. Says whether there is more to do.
pub(crate) fn remove_dropped(batch: &mut Batch<'_>, limit: usize) -> Result<bool, StoreError> {
    let Some(space) = first_dropped(batch)? else {
        return Ok(false);
    };
    let mut left = limit;
    let tables = [&mut batch.records, &mut batch.log, &mut batch.conflicts, &mut batch.collections];
    for table in tables {
        left -= remove_prefix(table, &space, left)?;
        if left == 0 {
            return Ok(true);
        }
    }
    batch.dropped.remove(&space.as_slice());
    Ok(true)
}

fn first_dropped(batch: &Batch<'_>) -> Result<Option<Vec<u8>>, StoreError> {
    let first = batch.dropped.iter()?.next().transpose()?;
    Ok(first.map(|(key, _)| key.value().to_vec()))
}
