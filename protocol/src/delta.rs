//! Deltas, and the pushes that carry them.
//!
//! A change says what happens to one record; a delta is a change under a stamp; an applied delta
//! also has the sequence that the hub gave it. What no replica stamped travels as a bare change.

use std::fmt;

use crate::cursor::Epoch;
use crate::guard::Guard;
use crate::name::{CollectionName, FieldName, RecordKey, ReplicaId, SpaceName};
use crate::stamp::Stamp;
use crate::value::Value;

/// What happens to one record, not yet stamped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// Where the record lies.
    pub collection: CollectionName,
    /// Which record.
    pub key: RecordKey,
    /// What happens to it.
    pub op: Op,
}

/// The two things that can happen to a record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Op {
    /// Fields get values or are dropped; the others stay as they are.
    Put(Fields),
    /// The record and all that was written to it before goes.
    Delete,
}

impl Op {
    /// The fields of a put; none of a delete.
    #[must_use]
    pub fn as_put(&self) -> Option<&Fields> {
        match self {
            Self::Put(fields) => Some(fields),
            Self::Delete => None,
        }
    }
}

/// The fields of a put, sorted by name, each once: a value, or `None` for dropped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fields(Vec<(FieldName, Option<Value>)>);

/// A put needs at least one field, and each only once.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FieldsError {
    /// No field at all.
    #[error("a put needs at least one field")]
    Empty,
    /// One field twice.
    #[error("the field {0} is put twice")]
    Twice(FieldName),
}

impl Fields {
    /// Sorts the fields and checks them.
    ///
    /// # Errors
    /// When there is none, or one stands twice.
    pub fn new(mut fields: Vec<(FieldName, Option<Value>)>) -> Result<Self, FieldsError> {
        // Unstable, for it needs no room, and what stands twice is refused below.
        fields.sort_unstable_by(|a, b| a.0.cmp(&b.0));
        if fields.is_empty() {
            return Err(FieldsError::Empty);
        }
        match fields.windows(2).find(|pair| pair[0].0 == pair[1].0) {
            Some(pair) => Err(FieldsError::Twice(pair[0].0.clone())),
            None => Ok(Self(fields)),
        }
    }

    /// The fields in the order of their names.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&FieldName, Option<&Value>)> + Clone {
        self.0.iter().map(|(name, value)| (name, value.as_ref()))
    }

    /// How many there are, at least one.
    #[must_use]
    #[allow(clippy::len_without_is_empty, reason = "a put is never empty")]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Keeps only the fields that `keep` names; `None` when nothing is left.
    #[must_use]
    pub fn retain(mut self, mut keep: impl FnMut(&FieldName) -> bool) -> Option<Self> {
        self.0.retain(|(name, _)| keep(name));
        if self.0.is_empty() { None } else { Some(self) }
    }
}

impl IntoIterator for Fields {
    type Item = (FieldName, Option<Value>);
    type IntoIter = std::vec::IntoIter<Self::Item>;
    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

impl Change {
    /// A put of these fields.
    ///
    /// # Errors
    /// See [`Fields::new`].
    pub fn put(
        collection: CollectionName,
        key: RecordKey,
        fields: Vec<(FieldName, Option<Value>)>,
    ) -> Result<Self, FieldsError> {
        Ok(Self { collection, key, op: Op::Put(Fields::new(fields)?) })
    }

    /// A delete.
    #[must_use]
    pub fn delete(collection: CollectionName, key: RecordKey) -> Self {
        Self { collection, key, op: Op::Delete }
    }

    /// The change under a stamp.
    #[must_use]
    pub fn stamped(self, stamp: Stamp) -> Delta {
        Delta { stamp, change: self }
    }
}

/// One change of one record under one stamp.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delta {
    /// When and by whom.
    pub stamp: Stamp,
    /// What.
    pub change: Change,
}

/// A delta with the sequence that the hub gave it in its space.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Applied {
    /// Its place in the space's log.
    pub sequence: u64,
    /// The delta.
    pub delta: Delta,
}

/// Names a push for ever: who sent it, and which one of theirs it is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PushId {
    /// The replica that made the push.
    pub replica: ReplicaId,
    /// Counts its pushes, from 1.
    pub counter: u64,
}

impl fmt::Debug for PushId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}#{}", self.replica, self.counter)
    }
}

impl fmt::Display for PushId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

/// Deltas that stand or fall together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Push {
    /// Its name; repeating a push under its id is always safe.
    pub id: PushId,
    /// The space that all its deltas are of.
    pub space: SpaceName,
    /// The epoch that `base` counts in; `None` when the replica had read nothing yet.
    pub epoch: Option<Epoch>,
    /// The sequence up to which the replica had read when it wrote.
    pub base: u64,
    /// What must hold for the push to be applied.
    pub guards: Vec<Guard>,
    /// The changes, in the order in which they were written.
    pub deltas: Vec<Delta>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn field(name: &str) -> (FieldName, Option<Value>) {
        (FieldName::new(name).unwrap(), Some(Value::from(1_u64)))
    }

    #[test]
    fn fields_are_sorted_and_stand_once() {
        let fields = Fields::new(vec![field("b"), field("a")]).unwrap();
        let names: Vec<_> = fields.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["a", "b"]);
        assert_eq!(Fields::new(vec![]), Err(FieldsError::Empty));
        assert!(matches!(Fields::new(vec![field("a"), field("a")]), Err(FieldsError::Twice(_))));
    }
}
