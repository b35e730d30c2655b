//! What must be true of a space, worked out the naive way: every delta that the hub has applied,
//! joined into maps that never forget anything. It knows nothing of logs, tombstones that are
//! purged, cursors or caches, and takes no code from what it judges.

use std::collections::{BTreeMap, BTreeSet};

use syncline_protocol::replica::RecordName;
use syncline_protocol::{
    Code, Delta, FieldName, Filter, Op, PushId, Record, ReplicaId, SpaceName, Stamp, Value,
};

/// What shows of a record: each field with its stamp and value.
pub(crate) type Shown = BTreeMap<FieldName, (Stamp, Value)>;

/// All that was applied, and what was answered to whom.
#[derive(Default)]
pub(crate) struct Oracle {
    spaces: BTreeMap<SpaceName, BTreeMap<RecordName, Memory>>,
    /// The final answers to guarded pushes.
    guarded: BTreeMap<PushId, Result<u64, Code>>,
    applied: BTreeSet<PushId>,
    written: BTreeMap<(ReplicaId, SpaceName, RecordName, FieldName), LastWrite>,
}

/// The newest write of one run of a program to one field, as its app counts.
#[derive(Clone, Copy)]
struct LastWrite {
    counter: u64,
    /// The greatest stamp that it was applied under: a push may be stamped anew.
    stamp: Stamp,
    /// The greatest stamp that the run's earlier writes had been applied under before it.
    beats: Option<Stamp>,
}

/// All that was ever said of one record.
#[derive(Default)]
struct Memory {
    deleted: Option<Stamp>,
    fields: BTreeMap<FieldName, (Stamp, Option<Value>)>,
}

impl Oracle {
    /// Whether a push was ever applied.
    pub(crate) fn has_applied(&self, push: PushId) -> bool {
        self.applied.contains(&push)
    }

    /// A push without guards was applied, or one with guards for the first time.
    pub(crate) fn apply(&mut self, push: PushId, space: &SpaceName, deltas: &[Delta]) {
        self.applied.insert(push);
        for delta in deltas {
            self.merge(space, delta);
            self.keep_order(push, space, delta);
        }
    }

    fn keep_order(&mut self, push: PushId, space: &SpaceName, delta: &Delta) {
        let Op::Put(fields) = &delta.change.op else { return };
        for (field, _) in fields.iter() {
            let name = RecordName::new(&delta.change.collection, &delta.change.key);
            let place = (push.replica, space.clone(), name, field.clone());
            let (counter, stamp) = (push.counter, delta.stamp);
            let first = LastWrite { counter, stamp, beats: None };
            let last = self.written.entry(place).or_insert(first);
            if counter > last.counter {
                let beats = last.beats.max(Some(last.stamp));
                *last = LastWrite { counter, stamp, beats };
            } else if counter == last.counter {
                last.stamp = last.stamp.max(stamp);
            }
        }
    }

    /// A device stamps in the order of writing: what it wrote later and the hub took later has the
    /// later stamp. (Taken in another order they are told apart by their stamps alone.)
    pub(crate) fn check_order(&self) -> Result<(), String> {
        let wrong = self.written.iter().find(|(_, last)| last.beats > Some(last.stamp));
        wrong.map_or(Ok(()), |((replica, space, name, field), last)| {
            let LastWrite { counter, stamp, beats } = last;
            Err(format!(
                "{space} {name:?} {field}: write {counter} of {replica} has {stamp:?}, one before \
                 it {beats:?}"
            ))
        })
    }

    /// A guarded push was answered. Whether it is to be applied: a repeat gets the same answer and
    /// does nothing.
    pub(crate) fn answer(
        &mut self,
        push: PushId,
        answer: Result<u64, Code>,
    ) -> Result<bool, String> {
        if answer.is_err_and(|code| code.is_retryable()) {
            return Ok(false);
        }
        match self.guarded.insert(push, answer) {
            None => Ok(answer.is_ok()),
            Some(before) if before == answer => Ok(false),
            Some(before) => {
                Err(format!("the guarded push {push} was answered {before:?}, then {answer:?}"))
            }
        }
    }

    pub(crate) fn merge(&mut self, space: &SpaceName, delta: &Delta) {
        let change = &delta.change;
        let name = RecordName::new(&change.collection, &change.key);
        let memory = self.spaces.entry(space.clone()).or_default().entry(name).or_default();
        match &change.op {
            Op::Delete => memory.deleted = memory.deleted.max(Some(delta.stamp)),
            Op::Put(fields) => {
                for (field, value) in fields.iter() {
                    let new = (delta.stamp, value.cloned());
                    let old = memory.fields.entry(field.clone()).or_insert_with(|| new.clone());
                    if new > *old {
                        *old = new;
                    }
                }
            }
        }
    }

    /// Whether what a delta says is what shows, none of it lost to anything.
    pub(crate) fn shows(&self, space: &SpaceName, delta: &Delta) -> bool {
        let name = RecordName::new(&delta.change.collection, &delta.change.key);
        let memory = self.spaces.get(space).and_then(|records| records.get(&name));
        memory.is_some_and(|memory| match &delta.change.op {
            Op::Delete => memory.deleted == Some(delta.stamp),
            Op::Put(fields) => {
                let said = |(field, value): (&FieldName, Option<&Value>)| {
                    memory.fields.get(field) == Some(&(delta.stamp, value.cloned()))
                };
                memory.deleted < Some(delta.stamp) && fields.iter().all(said)
            }
        })
    }

    /// What a filter must show of a space.
    pub(crate) fn shown(&self, space: &SpaceName, filter: &Filter) -> BTreeMap<RecordName, Shown> {
        let records = self.spaces.get(space).into_iter().flatten();
        let asked =
            records.filter(|(name, _)| filter.selects(name.collection.as_str(), name.key.as_str()));
        let shown = asked.map(|(name, memory)| (name.clone(), memory.shown()));
        shown.filter(|(_, shown)| !shown.is_empty()).collect()
    }

    /// The greatest delete of a record.
    pub(crate) fn deleted(&self, space: &SpaceName, name: &RecordName) -> Option<Stamp> {
        self.spaces.get(space)?.get(name)?.deleted
    }
}

impl Memory {
    fn shown(&self) -> Shown {
        let later = |stamp: Stamp| self.deleted.is_none_or(|deleted| stamp > deleted);
        let fields = self.fields.iter().filter(|(_, (stamp, _))| later(*stamp));
        fields
            .filter_map(|(name, (stamp, value))| Some((name.clone(), (*stamp, value.clone()?))))
            .collect()
    }
}

/// What a record of the real thing shows.
pub(crate) fn shown_of(record: &Record) -> Shown {
    let visible = record.visible();
    visible.map(|(name, register, value)| (name.clone(), (register.stamp, value.clone()))).collect()
}
