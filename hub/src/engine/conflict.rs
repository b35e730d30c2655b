//! Conflicts: what last-write-wins discards without its winner having known of it, kept for people.

use syncline_protocol::{Delta, FieldName, Merged, Op, Register, SpaceId, SpaceName, Stamp, Value};

use crate::config::Store as Settings;
use crate::store::{Batch, ConflictRow, StoreError, conflict_key, conflict_prefix};

/// A push's reading, by which its writes are judged.
pub(super) struct Judged<'a> {
    pub(super) space: &'a SpaceName,
    pub(super) id: SpaceId,
    /// How far the writer had read.
    pub(super) base: u64,
    pub(super) now_ms: u64,
}

/// A write that is shown no more, or never was.
struct Loser<'a> {
    field: &'a FieldName,
    stamp: Stamp,
    value: Option<Value>,
    winner: Stamp,
}

impl Judged<'_> {
    /// Keeps what a merge discarded; gives how much that was.
    pub(super) fn keep(
        &self,
        batch: &mut Batch<'_>,
        settings: &Settings,
        delta: &Delta,
        merged: &Merged,
    ) -> Result<u64, StoreError> {
        if delta.change.collection.is_reserved() || settings.conflicts_per_field == 0 {
            return Ok(0);
        }
        let losers = self.losers(delta, merged);
        for loser in &losers {
            self.keep_one(batch, settings, delta, loser)?;
        }
        Ok(losers.len() as u64)
    }

    fn losers<'d>(&self, delta: &'d Delta, merged: &'d Merged) -> Vec<Loser<'d>> {
        let unseen = |register: &Register| {
            register.sequence > self.base && register.stamp.replica != delta.stamp.replica
        };
        let displaced = merged.displaced.iter().filter(|(field, old)| {
            unseen(old) && old.value.as_ref() != put_value(&delta.change.op, field)
        });
        let displaced = displaced.map(|(field, old)| Loser {
            field,
            stamp: old.stamp,
            value: old.value.clone(),
            winner: delta.stamp,
        });
        let lost = merged.lost.iter().filter_map(|(field, standing)| {
            let standing = standing.as_ref().filter(|standing| unseen(standing))?;
            let value = put_value(&delta.change.op, field);
            (standing.value.as_ref() != value).then(|| Loser {
                field,
                stamp: delta.stamp,
                value: value.cloned(),
                winner: standing.stamp,
            })
        });
        displaced.chain(lost).collect()
    }

    fn keep_one(
        &self,
        batch: &mut Batch<'_>,
        settings: &Settings,
        delta: &Delta,
        loser: &Loser<'_>,
    ) -> Result<(), StoreError> {
        let change = &delta.change;
        let prefix = conflict_prefix(self.id, &change.collection, &change.key, loser.field);
        let key = conflict_key(&prefix, loser.stamp);
        let value = loser.value.clone();
        let row = ConflictRow { at_ms: self.now_ms, winner: loser.winner, value }.encode();
        let mut freed = make_room(batch, &prefix, settings.conflicts_per_field)?;
        if let Some(old) = batch.conflicts.get(key.as_slice())? {
            freed += (key.len() + old.value().len()) as u64;
        }
        batch.conflicts.insert(&key.as_slice(), &row.as_slice());
        let Some(space) = batch.space(self.space)? else { return Ok(()) };
        space.conflict_bytes += (key.len() + row.len()) as u64;
        space.conflict_bytes = space.conflict_bytes.saturating_sub(freed);
        if space.conflict_bytes > settings.conflict_bytes_per_space {
            // The newest goes when the space's share is used up: what people may already be
            // looking at stays.
            space.conflict_bytes -= (key.len() + row.len()) as u64;
            batch.conflicts.remove(&key.as_slice());
        }
        Ok(())
    }
}

/// Removes the oldest conflicts of a field until one more has room; gives the bytes freed.
fn make_room(batch: &mut Batch<'_>, prefix: &[u8], limit: u32) -> Result<u64, StoreError> {
    let mut kept = Vec::new();
    for entry in batch.conflicts.range(prefix..)? {
        let (key, row) = entry?;
        if !key.value().starts_with(prefix) {
            break;
        }
        kept.push((key.value().to_vec(), row.value().len()));
    }
    let mut freed = 0;
    let surplus = (kept.len() + 1).saturating_sub(usize::try_from(limit).unwrap_or(usize::MAX));
    for (key, bytes) in kept.into_iter().take(surplus) {
        batch.conflicts.remove(&key.as_slice());
        freed += (key.len() + bytes) as u64;
    }
    Ok(freed)
}

fn put_value<'d>(op: &'d Op, field: &FieldName) -> Option<&'d Value> {
    match op {
        Op::Put(fields) => fields.iter().find(|(name, _)| *name == field)?.1,
        Op::Delete => None,
    }
}
