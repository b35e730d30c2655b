//! Records as they are now, decoded: what was decided on is merged next, and what was edited is
//! edited again.
//!
//! Two generations, each bounded: when the young one is full it becomes the old one, and what is
//! asked for there becomes young again. So what is in use stays, at the price of two look-ups.

use std::collections::hash_map::{Entry, HashMap};
use std::sync::Arc;

use super::batch::Stored;
use super::tables::RowKey;

/// What a generation takes at most, in bytes.
const BYTES_MAX: usize = 8 << 20;
/// What a record takes beyond the bytes of its row, about.
const RECORD_COST: usize = 256;
/// A decoded row is about so many times as large.
const DECODED: usize = 3;

/// A record that is there, or known not to be.
type Maybe = Option<Arc<Stored>>;

/// The records that are known.
#[derive(Debug, Default)]
pub(super) struct Known {
    young: HashMap<RowKey, Maybe>,
    old: HashMap<RowKey, Maybe>,
    /// What the young ones take.
    bytes: usize,
}

impl Known {
    /// A record by the key of its row. Outer none: ask the table.
    pub(super) fn get(&mut self, key: &[u8]) -> Option<Maybe> {
        if let Some(found) = self.young.get(key) {
            return Some(found.clone());
        }
        let (key, found) = self.old.remove_entry(key)?;
        self.set(key, found.clone());
        Some(found)
    }

    /// Takes a record out, to be changed and set again.
    pub(super) fn take(&mut self, key: &[u8]) -> Option<Maybe> {
        match self.young.remove(key) {
            Some(found) => {
                self.bytes = self.bytes.saturating_sub(cost(key, &found));
                Some(found)
            }
            None => self.old.remove(key),
        }
    }

    /// A record is now this.
    pub(super) fn set(&mut self, key: RowKey, record: Maybe) {
        self.bytes += cost(&key, &record);
        match self.young.entry(key) {
            Entry::Occupied(mut entry) => {
                let before = entry.insert(record);
                self.bytes = self.bytes.saturating_sub(cost(entry.key(), &before));
            }
            Entry::Vacant(entry) => {
                self.old.remove(entry.key());
                entry.insert(record);
            }
        }
        if self.bytes > BYTES_MAX {
            self.old = std::mem::take(&mut self.young);
            self.bytes = 0;
        }
    }
}

fn cost(key: &[u8], record: &Maybe) -> usize {
    RECORD_COST + key.len() + record.as_ref().map_or(0, |stored| DECODED * stored.bytes)
}

#[cfg(test)]
mod tests {
    use syncline_protocol::Record;

    use super::*;
    use crate::store::RecordRow;

    fn record(bytes: usize) -> Maybe {
        let row = RecordRow { record: Record::default(), floor: None };
        Some(Arc::new(Stored { row, bytes, newest: None }))
    }

    fn held(known: &Known) -> usize {
        known.young.iter().chain(&known.old).map(|(key, record)| cost(key, record)).sum()
    }

    #[test]
    fn what_is_asked_for_stays_and_the_rest_is_bounded() {
        let mut known = Known::default();
        for number in 0..100_000_u32 {
            known.set(RowKey::from_slice(&number.to_be_bytes()), record(100));
            assert!(known.get(&0_u32.to_be_bytes()).is_some(), "at {number}");
            if number % 1000 == 0 {
                assert!(held(&known) <= 2 * (BYTES_MAX + 1000));
            }
        }
        assert!(known.get(&1_u32.to_be_bytes()).is_none());
        // A record too large for a generation is not kept for long.
        known.set(RowKey::from_slice(&[9]), record(BYTES_MAX));
        known.set(RowKey::from_slice(&[8]), record(BYTES_MAX));
        assert!(known.get(&[8]).is_some() && held(&known) < 8 * BYTES_MAX);
    }

    #[test]
    fn what_is_taken_out_is_not_known_until_it_is_set() {
        let mut known = Known::default();
        known.set(RowKey::from_slice(&[1]), record(5));
        assert_eq!(known.take(&[1]).unwrap().unwrap().bytes, 5);
        assert!(known.get(&[1]).is_none() && known.bytes == 0);
        known.set(RowKey::from_slice(&[1]), None);
        assert!(known.get(&[1]).unwrap().is_none());
    }
}
