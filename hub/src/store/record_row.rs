//! The row of a record: its delete, and by write the fields that it left, as deltas carry them.
//!
//! ```text
//! flags: 1 deleted, 2 has a floor, 4 by writes
//! [stamp, sequence of the delete] [floor]
//! writes, by sequence and stamp: stamp, sequence,
//!     length, fields with a value: one MessagePack map; nothing when there are none
//!     length, names of dropped fields
//! ```
//! A snapshot sends a write's fields as they stand. Rows of format 2 lack flag 4 and hold each
//! field by itself; they are read, and the next write to their record makes them like the others.

use smallvec::SmallVec;
use syncline_protocol::codec::{decode_fields, encode_fields};
use syncline_protocol::{Change, FieldName, Record, Register, Stamp, Tombstone};

use super::StoreError;
use super::bytes::{Put, Take};
use super::row::take_value;

const DELETED: u8 = 1;
const FLOOR: u8 = 2;
const BY_WRITES: u8 = 4;
/// Fields of most records: so many need no memory of their own while a row is made.
const FEW: usize = 8;

/// A record, with what the hub alone must know of it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RecordRow {
    /// The record.
    pub record: Record,
    /// The greatest delete stamp that had been purged from the collection when this row was made:
    /// whatever is written at or below it may speak of a record that was deleted.
    pub floor: Option<Stamp>,
}

impl RecordRow {
    #[cfg(test)]
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut put = Put::default();
        self.encode_to(&mut put);
        put.finish()
    }

    /// Adds the row's bytes to others.
    pub(super) fn encode_to(&self, put: &mut Put) {
        self.encode_head(put);
        let mut fields: SmallVec<[_; FEW]> = self.record.registers().collect();
        // Most records hold one write, and are in this order already.
        fields.sort_by_key(|(_, register)| write_of(register));
        for fields in fields.chunk_by(|(_, a), (_, b)| write_of(a) == write_of(b)) {
            let (sequence, stamp) = write_of(fields[0].1);
            put.stamp(stamp).number(sequence);
            put.sized(|put| {
                let shown =
                    fields.iter().filter_map(|(name, it)| Some((*name, it.value.as_ref()?)));
                if shown.clone().next().is_some() {
                    put.with(|bytes| encode_fields(bytes, shown));
                }
            });
            put.sized(|put| {
                for (name, _) in fields.iter().filter(|(_, it)| it.value.is_none()) {
                    put.text(name.as_str());
                }
            });
        }
    }

    fn encode_head(&self, put: &mut Put) {
        let tombstone = self.record.tombstone();
        let deleted = if tombstone.is_some() { DELETED } else { 0 };
        let floor = if self.floor.is_some() { FLOOR } else { 0 };
        put.byte(BY_WRITES | deleted | floor);
        if let Some(tombstone) = tombstone {
            put.stamp(tombstone.stamp).number(tombstone.sequence);
        }
        if let Some(floor) = self.floor {
            put.stamp(floor);
        }
    }

    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, StoreError> {
        let RowParts { tombstone, floor, body } = RowParts::read(bytes)?;
        let mut fields = Vec::new();
        match body {
            Body::ByWrites(mut writes) => {
                while let Some(write) = writes.next()? {
                    write.read(&mut fields)?;
                }
            }
            Body::ByFields(mut take) => {
                while !take.is_empty() {
                    fields.push(take_register(&mut take)?);
                }
            }
        }
        Ok(Self { record: Record::from_parts(tombstone, fields), floor })
    }
}

fn write_of(register: &Register) -> (u64, Stamp) {
    (register.sequence, register.stamp)
}

/// The bytes that a record's row takes, its key counted.
pub(crate) fn row_bytes(change: &Change, row_bytes: usize) -> u64 {
    let names = 9 + change.collection.as_str().len() + change.key.as_str().len();
    (names + row_bytes) as u64
}

/// A row, read as far as its fields.
pub(super) struct RowParts<'a> {
    tombstone: Option<Tombstone>,
    floor: Option<Stamp>,
    pub(super) body: Body<'a>,
}

/// The fields of a row, not read yet.
pub(super) enum Body<'a> {
    /// Since format 3.
    ByWrites(Writes<'a>),
    /// As format 2 had them.
    ByFields(Take<'a>),
}

impl<'a> RowParts<'a> {
    #[inline]
    pub(super) fn read(row: &'a [u8]) -> Result<Self, StoreError> {
        let mut take = Take::new(row);
        let flags = take.byte()?;
        let tombstone = match flags & DELETED {
            0 => None,
            _ => Some(Tombstone { stamp: take.stamp()?, sequence: take.number()? }),
        };
        let floor = if flags & FLOOR == 0 { None } else { Some(take.stamp()?) };
        let by_writes = flags & BY_WRITES != 0;
        let body = if by_writes { Body::ByWrites(Writes(take)) } else { Body::ByFields(take) };
        Ok(Self { tombstone, floor, body })
    }
}

/// The writes of a row, by sequence and stamp.
pub(super) struct Writes<'a>(Take<'a>);

/// What a row holds of one write.
pub(super) struct RowWrite<'a> {
    pub(super) sequence: u64,
    pub(super) stamp: &'a [u8; 16],
    /// Its fields as a delta carries them; empty when none has a value.
    pub(super) fields: &'a [u8],
    dropped: Take<'a>,
}

impl<'a> Writes<'a> {
    #[inline]
    pub(super) fn next(&mut self) -> Result<Option<RowWrite<'a>>, StoreError> {
        let Self(take) = self;
        if take.is_empty() {
            return Ok(None);
        }
        let (stamp, sequence) = (take.array()?, take.number()?);
        let (fields, dropped) = (take.sized()?, Take::new(take.sized()?));
        Ok(Some(RowWrite { sequence, stamp, fields, dropped }))
    }
}

impl RowWrite<'_> {
    /// Adds its fields to others.
    fn read(mut self, fields: &mut Vec<(FieldName, Register)>) -> Result<(), StoreError> {
        let stamp = Stamp::from_bytes(*self.stamp).ok_or(StoreError::Corrupt("a stamp"))?;
        let register = |value| Register { stamp, sequence: self.sequence, value };
        if !self.fields.is_empty() {
            let shown = decode_fields(self.fields);
            let shown = shown.map_err(|_| StoreError::Corrupt("a record's fields"))?;
            fields.extend(shown.into_iter().map(|(name, value)| (name, register(Some(value)))));
        }
        while !self.dropped.is_empty() {
            fields.push((take_name(&mut self.dropped)?, register(None)));
        }
        Ok(())
    }
}

fn take_name(take: &mut Take<'_>) -> Result<FieldName, StoreError> {
    FieldName::new(take.text()?).map_err(|_| StoreError::Corrupt("a field's name"))
}

fn take_register(take: &mut Take<'_>) -> Result<(FieldName, Register), StoreError> {
    let name = take_name(take)?;
    let (stamp, sequence) = (take.stamp()?, take.number()?);
    Ok((name, Register { stamp, sequence, value: take_value(take)? }))
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use proptest::prelude::*;
    use syncline_protocol::{CollectionName, HlcTime, Op, RecordKey, ReplicaId, Value};

    /// What some writes and deletes leave of a record.
    pub(in crate::store) fn record() -> impl Strategy<Value = Record> {
        let field = (0..5_u8, prop::option::of(any::<i32>()));
        let write = (0..9_u64, 1..4_u64, prop::collection::vec(field, 0..4));
        prop::collection::vec(write, 0..6).prop_map(|writes| {
            let (collection, key) =
                (CollectionName::new("c").unwrap(), RecordKey::new("k").unwrap());
            let mut record = Record::default();
            for (sequence, (ms, by, fields)) in writes.into_iter().enumerate() {
                let stamp = Stamp::new(HlcTime::from_millis(ms), ReplicaId::from_random(by));
                let mut fields: Vec<_> = fields
                    .into_iter()
                    .map(|(name, value)| {
                        let name = FieldName::new(&format!("f{name}")).unwrap();
                        (name, value.map(|value| Value::from(u64::from(value.unsigned_abs()))))
                    })
                    .collect();
                fields.sort_by(|a, b| a.0.cmp(&b.0));
                fields.dedup_by(|a, b| a.0 == b.0);
                let op = Change::put(collection.clone(), key.clone(), fields)
                    .map_or(Op::Delete, |change| change.op);
                record.merge(stamp, sequence as u64 + 1, &op);
            }
            record
        })
    }

    /// The row as format 2 had it.
    pub(in crate::store) fn encode_by_fields(row: &RecordRow) -> Vec<u8> {
        let mut put = Put::default();
        row.encode_head(&mut put);
        for (name, register) in row.record.registers() {
            put.text(name.as_str()).stamp(register.stamp).number(register.sequence);
            let value = register.value.as_ref().map_or(&[][..], Value::as_bytes);
            put.length(value.len()).bytes(value);
        }
        let mut bytes = put.finish();
        bytes[0] &= !BY_WRITES;
        bytes
    }

    proptest! {
        #[test]
        fn rows_of_both_layouts_read_back(record in record(), floor in any::<bool>()) {
            let then = Stamp::new(HlcTime::from_millis(1), ReplicaId::from_random(1));
            let row = RecordRow { record, floor: floor.then_some(then) };
            let (by_writes, by_fields) = (row.encode(), encode_by_fields(&row));
            prop_assert_eq!(&RecordRow::decode(&by_writes).unwrap(), &row);
            prop_assert_eq!(&RecordRow::decode(&by_fields).unwrap(), &row);
            for cut in 0..by_writes.len() {
                // A row that is cut short is never more than an error, or a shorter row.
                let _ = RecordRow::decode(&by_writes[..cut]);
            }
        }
    }

    #[test]
    fn the_fields_of_one_write_share_its_stamp() {
        let stamp = Stamp::new(HlcTime::from_millis(5), ReplicaId::from_random(3));
        let fields = ["a", "b", "c"].map(|name| {
            let register = Register { stamp, sequence: 300, value: Some(Value::from("x")) };
            (FieldName::new(name).unwrap(), register)
        });
        let row = RecordRow { record: Record::from_parts(None, fields), floor: None };
        // Flags, stamp, sequence, two lengths; a map of three names and three texts of one letter.
        assert_eq!(row.encode().len(), 1 + 16 + 2 + 2 + 1 + 3 * 4);
    }

    #[test]
    fn damaged_rows_are_errors_and_not_panics() {
        for length in 0..40 {
            for byte in [0, 1, 4, 0x81, 0xff] {
                let _ = RecordRow::decode(&vec![byte; length]);
            }
        }
    }
}
