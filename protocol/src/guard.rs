//! Guards: conditions that a push may carry, judged in log order against the hub's records.
//!
//! They are the only conditional write. A guard speaks of what a reader sees: a dropped field and a
//! deleted record are absent.

use crate::name::{CollectionName, FieldName, RecordKey};
use crate::record::Record;
use crate::value::Value;

/// A condition on one record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Guard {
    /// Where the record lies.
    pub collection: CollectionName,
    /// Which record.
    pub key: RecordKey,
    /// What must hold of it.
    pub condition: Condition,
}

/// What can be asked of a record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Condition {
    /// No field shows.
    Absent,
    /// Nothing of the record has changed after this sequence.
    UnchangedSince(u64),
    /// The field shows exactly these bytes.
    FieldEquals(FieldName, Value),
    /// The field does not show.
    FieldAbsent(FieldName),
}

impl Condition {
    /// Whether the condition holds of a record.
    #[must_use]
    pub fn holds(&self, record: &Record) -> bool {
        match self {
            Self::Absent => !record.is_visible(),
            Self::UnchangedSince(sequence) => record.newest_sequence() <= *sequence,
            Self::FieldEquals(field, value) => record.get(field.as_str()) == Some(value),
            Self::FieldAbsent(field) => record.get(field.as_str()).is_none(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::delta::{Fields, Op};
    use crate::name::ReplicaId;
    use crate::stamp::{HlcTime, Stamp};

    #[test]
    fn conditions_see_what_a_reader_sees() {
        let field = FieldName::new("a").unwrap();
        let mut record = Record::default();
        assert!(Condition::Absent.holds(&record));
        let stamp = |ms| Stamp::new(HlcTime::from_millis(ms), ReplicaId::from_random(1));
        let put = |value| Op::Put(Fields::new(vec![(field.clone(), value)]).unwrap());
        record.merge(stamp(1), 7, &put(Some(Value::from("x"))));
        assert!(!Condition::Absent.holds(&record));
        assert!(Condition::UnchangedSince(7).holds(&record));
        assert!(!Condition::UnchangedSince(6).holds(&record));
        assert!(Condition::FieldEquals(field.clone(), Value::from("x")).holds(&record));
        assert!(!Condition::FieldEquals(field.clone(), Value::from("y")).holds(&record));
        record.merge(stamp(2), 8, &put(None));
        assert!(Condition::Absent.holds(&record));
        assert!(Condition::FieldAbsent(field).holds(&record));
    }
}
