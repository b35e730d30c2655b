//! A record, and the merge law.
//!
//! ```text
//! record = greatest delete stamp  +  per field the greatest (stamp, value)
//! ```
//! Both are maxima, so merging is a join: any deltas, in any order, any number of times, give the
//! same record. A field at or below the delete stamp is hidden, and discarded at once. A dropped
//! field keeps its stamp for as long as its record lives, so that no older put brings it back.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use crate::delta::{Applied, Change, Delta, Fields, Op};
use crate::name::{CollectionName, FieldName, RecordKey};
use crate::stamp::Stamp;
use crate::value::Value;

/// A last-write-wins register.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Register {
    /// When and by whom it was written.
    pub stamp: Stamp,
    /// Where in the space's log; zero where no hub has numbered it yet. Not part of the merge.
    pub sequence: u64,
    /// What was written; `None` is dropped.
    pub value: Option<Value>,
}

impl Register {
    /// The merge law of one field: stamp first, then bytes, dropped before every value.
    #[must_use]
    pub fn precedence(&self, other: &Self) -> Ordering {
        (self.stamp, &self.value).cmp(&(other.stamp, &other.value))
    }
}

/// What a delete leaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tombstone {
    /// Everything at or below this stamp is gone.
    pub stamp: Stamp,
    /// Where in the space's log; zero where no hub has numbered it yet.
    pub sequence: u64,
}

/// A key's fields and the greatest delete that it has seen.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Record {
    tombstone: Option<Tombstone>,
    /// Sorted by name, each once: records have few fields, and these lie close together.
    fields: Vec<(FieldName, Register)>,
}

/// What a merge did, for those who keep digests, logs and conflicts beside the record.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Merged {
    /// Registers that the delta replaced or hid.
    pub displaced: Vec<(FieldName, Register)>,
    /// The tombstone that a greater delete replaced.
    pub replaced_tombstone: Option<Tombstone>,
    /// Fields of the delta that now show, or are dropped, by it.
    pub won: Vec<FieldName>,
    /// Fields of the delta that were too old, with the register that stood against each; none when
    /// it was the tombstone.
    pub lost: Vec<(FieldName, Option<Register>)>,
    /// Whether the delta's delete is now the record's.
    pub deleted: bool,
}

impl Merged {
    /// Whether the record is other than it was before.
    #[must_use]
    pub fn changed(&self) -> bool {
        self.deleted || !self.won.is_empty()
    }
}

impl Record {
    /// From parts read back from a store: fields that a record of such a tombstone can hold.
    #[must_use]
    pub fn from_parts(
        tombstone: Option<Tombstone>,
        fields: impl IntoIterator<Item = (FieldName, Register)>,
    ) -> Self {
        let mut fields: Vec<_> = fields.into_iter().collect();
        if !fields.is_sorted_by(|(one, _), (next, _)| one < next) {
            // Of what stands twice, the last counts.
            fields.reverse();
            fields.sort_by(|(one, _), (next, _)| one.cmp(next));
            fields.dedup_by(|(one, _), (next, _)| one == next);
        }
        Self { tombstone, fields }
    }

    /// The greatest delete so far.
    #[must_use]
    pub fn tombstone(&self) -> Option<Tombstone> {
        self.tombstone
    }

    /// All registers, dropped ones too, in the order of their names.
    pub fn registers(&self) -> impl ExactSizeIterator<Item = (&FieldName, &Register)> {
        self.fields.iter().map(|(name, register)| (name, register))
    }

    /// One register, dropped or not.
    #[must_use]
    pub fn register(&self, field: &str) -> Option<&Register> {
        self.place(field).ok().map(|at| &self.fields[at].1)
    }

    /// Where a field stands, or would have to.
    fn place(&self, field: &str) -> Result<usize, usize> {
        self.fields.binary_search_by(|(name, _)| name.as_str().cmp(field))
    }

    /// The fields that show, in the order of their names.
    pub fn visible(&self) -> impl Iterator<Item = (&FieldName, &Register, &Value)> {
        self.fields.iter().filter_map(|(name, register)| {
            register.value.as_ref().map(|value| (name, register, value))
        })
    }

    /// One field's value, if it shows.
    #[must_use]
    pub fn get(&self, field: &str) -> Option<&Value> {
        self.register(field)?.value.as_ref()
    }

    /// Whether any field shows. A record of which none does is absent to everyone who reads.
    #[must_use]
    pub fn is_visible(&self) -> bool {
        self.fields.iter().any(|(_, register)| register.value.is_some())
    }

    /// Whether there is nothing at all to remember.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.tombstone.is_none() && self.fields.is_empty()
    }

    /// The greatest stamp in the record, shown or not.
    #[must_use]
    pub fn newest_stamp(&self) -> Option<Stamp> {
        let fields = self.fields.iter().map(|(_, register)| register.stamp);
        fields.chain(self.tombstone.map(|tombstone| tombstone.stamp)).max()
    }

    /// The greatest sequence in the record: when the hub last changed it.
    #[must_use]
    pub fn newest_sequence(&self) -> u64 {
        let fields = self.fields.iter().map(|(_, register)| register.sequence);
        fields.chain(self.tombstone.map(|tombstone| tombstone.sequence)).max().unwrap_or(0)
    }

    /// Whether the log entry with this sequence still says something about this record.
    #[must_use]
    pub fn holds_sequence(&self, sequence: u64) -> bool {
        self.tombstone.is_some_and(|tombstone| tombstone.sequence == sequence)
            || self.fields.iter().any(|(_, register)| register.sequence == sequence)
    }

    /// Merges one operation under its stamp; the heart of everything.
    pub fn merge(&mut self, stamp: Stamp, sequence: u64, op: &Op) -> Merged {
        match op {
            Op::Put(fields) => self.merge_put(stamp, sequence, fields),
            Op::Delete => self.merge_delete(Tombstone { stamp, sequence }),
        }
    }

    /// Merges a delta that no hub has numbered.
    pub fn merge_delta(&mut self, delta: &Delta) -> Merged {
        self.merge(delta.stamp, 0, &delta.change.op)
    }

    /// Merges all that another record holds: the join of the two.
    pub fn join(&mut self, other: &Self) {
        if let Some(tombstone) = other.tombstone {
            self.merge_delete(tombstone);
        }
        let mut merged = Merged::default();
        for (name, register) in &other.fields {
            self.merge_field(name, register.clone(), &mut merged);
        }
    }

    /// Forgets the tombstone, as a fresh snapshot does.
    #[must_use]
    pub fn without_tombstone(mut self) -> Self {
        self.tombstone = None;
        self
    }

    /// The deltas that make up what this record shows: one for each stamp and sequence.
    pub fn to_deltas(&self, collection: &CollectionName, key: &RecordKey) -> Vec<Applied> {
        let mut groups: BTreeMap<(u64, Stamp), Vec<_>> = BTreeMap::new();
        for (name, register, value) in self.visible() {
            let group = groups.entry((register.sequence, register.stamp)).or_default();
            group.push((name.clone(), Some(value.clone())));
        }
        let delta = |((sequence, stamp), fields)| {
            let change = Change::put(collection.clone(), key.clone(), fields).ok()?;
            Some(Applied { sequence, delta: change.stamped(stamp) })
        };
        groups.into_iter().filter_map(delta).collect()
    }

    fn merge_put(&mut self, stamp: Stamp, sequence: u64, fields: &Fields) -> Merged {
        let mut merged = Merged::default();
        for (name, value) in fields.iter() {
            let register = Register { stamp, sequence, value: value.cloned() };
            self.merge_field(name, register, &mut merged);
        }
        merged
    }

    fn merge_field(&mut self, name: &FieldName, new: Register, merged: &mut Merged) {
        if self.tombstone.is_some_and(|tombstone| new.stamp <= tombstone.stamp) {
            merged.lost.push((name.clone(), None));
            return;
        }
        let old = match self.place(name.as_str()) {
            Ok(at) => &mut self.fields[at].1,
            Err(at) => {
                self.fields.insert(at, (name.clone(), new));
                merged.won.push(name.clone());
                return;
            }
        };
        match new.precedence(old) {
            Ordering::Greater => {
                merged.displaced.push((name.clone(), std::mem::replace(old, new)));
                merged.won.push(name.clone());
            }
            Ordering::Less => merged.lost.push((name.clone(), Some(old.clone()))),
            Ordering::Equal => {}
        }
    }

    fn merge_delete(&mut self, new: Tombstone) -> Merged {
        let mut merged = Merged::default();
        if self.tombstone.is_some_and(|old| new.stamp <= old.stamp) {
            return merged;
        }
        merged.deleted = true;
        merged.replaced_tombstone = self.tombstone.replace(new);
        let hidden = self.fields.extract_if(.., |(_, register)| register.stamp <= new.stamp);
        merged.displaced = hidden.collect();
        merged
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::name::ReplicaId;
    use crate::stamp::HlcTime;

    fn stamp(millis: u64) -> Stamp {
        Stamp::new(HlcTime::from_millis(millis), ReplicaId::from_random(1))
    }

    fn put(pairs: &[(&str, Option<u64>)]) -> Op {
        let field = |&(name, value): &(&str, Option<u64>)| {
            (FieldName::new(name).unwrap(), value.map(Value::from))
        };
        Op::Put(Fields::new(pairs.iter().map(field).collect()).unwrap())
    }

    #[test]
    fn the_later_write_wins_field_by_field() {
        let mut record = Record::default();
        record.merge(stamp(2), 1, &put(&[("a", Some(1)), ("b", Some(1))]));
        let merged = record.merge(stamp(1), 2, &put(&[("a", Some(2)), ("c", Some(2))]));
        assert_eq!(record.get("a").unwrap().as_u64(), Some(1));
        assert_eq!(record.get("c").unwrap().as_u64(), Some(2));
        assert_eq!((merged.won.len(), merged.lost.len()), (1, 1));
    }

    #[test]
    fn a_delete_hides_what_is_older_and_not_what_is_newer() {
        let mut record = Record::default();
        record.merge(stamp(1), 1, &put(&[("old", Some(1))]));
        record.merge(stamp(3), 2, &put(&[("new", Some(1))]));
        let merged = record.merge(stamp(2), 3, &Op::Delete);
        assert!(merged.deleted && merged.displaced.len() == 1);
        assert!(record.get("old").is_none() && record.get("new").is_some());
        assert!(!record.merge(stamp(2), 4, &put(&[("old", Some(9))])).changed());
    }

    #[test]
    fn a_dropped_field_stays_dropped() {
        let mut record = Record::default();
        record.merge(stamp(2), 1, &put(&[("a", None)]));
        assert!(!record.merge(stamp(1), 2, &put(&[("a", Some(1))])).changed());
        assert!(!record.is_visible() && !record.is_empty());
    }

    #[test]
    fn parts_in_any_order_are_one_record() {
        let mut record = Record::default();
        record.merge(stamp(1), 1, &put(&[("a", Some(1)), ("b", Some(2)), ("c", None)]));
        let parts = || record.registers().map(|(name, it)| (name.clone(), it.clone()));
        let mut shuffled: Vec<_> = parts().collect();
        shuffled.rotate_left(1);
        assert_eq!(Record::from_parts(None, shuffled.clone()), record);
        // Of what stands twice, the last counts.
        let (name, _) = shuffled[0].clone();
        let other = Register { stamp: stamp(9), sequence: 9, value: None };
        shuffled.insert(0, (name, other));
        assert_eq!(Record::from_parts(None, shuffled), record);
    }

    #[test]
    fn a_repeat_changes_nothing() {
        let mut record = Record::default();
        assert!(record.merge(stamp(1), 1, &put(&[("a", Some(1))])).changed());
        let merged = record.merge(stamp(1), 2, &put(&[("a", Some(1))]));
        assert!(!merged.changed() && merged.lost.is_empty());
        assert!(record.holds_sequence(1) && !record.holds_sequence(2));
    }
}
