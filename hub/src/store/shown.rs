//! What records show, straight from their rows to the wire: a snapshot of millions makes no names,
//! values or maps on the way. Says byte for byte what the deltas of the records would.

use std::ops::Bound;

use smallvec::SmallVec;
use syncline_protocol::SpaceId;
use syncline_protocol::codec::{ShownPut, encode_shown};

use super::bytes::Take;
use super::snapshot::Snapshot;
use super::{StoreError, tables};
use crate::selection::Selection;

/// What a row costs a page beyond its bytes.
const ROW_COST: usize = 16;
/// Fields of most records: so many need no memory of their own while a row is read.
const FEW: usize = 8;

/// A piece of what a selection shows of a space.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct ShownPage {
    /// The deltas in wire form, one after the other.
    pub(crate) deltas: Vec<u8>,
    /// How many there are.
    pub(crate) count: usize,
    /// The last key looked at, when there may be more.
    pub(crate) next: Option<Vec<u8>>,
}

/// A field of a row: it shows when it has a value.
struct Shown<'a> {
    sequence: u64,
    stamp: &'a [u8; 16],
    name: &'a str,
    value: &'a [u8],
}

impl Snapshot {
    /// What a selection shows of a space, in key order from `after` on, until about `bytes_max`
    /// bytes are found.
    pub(crate) fn shown(
        &self,
        space: SpaceId,
        selection: &Selection,
        after: Option<&[u8]>,
        bytes_max: usize,
    ) -> Result<ShownPage, StoreError> {
        let mut page = ShownPage { deltas: Vec::with_capacity(bytes_max), ..ShownPage::default() };
        let mut left = bytes_max;
        let filter = selection.filter();
        for collection in self.collections(space)?.into_keys() {
            if !filter.selects_collection(collection.as_str()) {
                continue;
            }
            let prefix = tables::records_prefix(space, &collection, filter.prefix());
            let from = match after {
                Some(after) if after >= prefix.as_slice() => Bound::Excluded(after),
                _ => Bound::Included(prefix.as_slice()),
            };
            for entry in self.records.range::<&[u8]>((from, Bound::Unbounded))? {
                let (key, row) = entry?;
                let (key, row) = (key.value(), row.value());
                if !key.starts_with(&prefix) {
                    break;
                }
                page.add(selection, key, row)?;
                left = left.saturating_sub(ROW_COST + key.len() + row.len());
                if left == 0 {
                    page.next = Some(key.to_vec());
                    return Ok(page);
                }
            }
        }
        Ok(page)
    }
}

impl ShownPage {
    /// Adds what a row shows: a delta for each write of which something is left.
    fn add(&mut self, selection: &Selection, key: &[u8], row: &[u8]) -> Result<(), StoreError> {
        let (collection, key) = tables::record_names(key)?;
        if !selection.allows(collection, key) {
            return Ok(());
        }
        let mut shown = fields(row)?;
        // Most records show one write, whose fields are in the order of their names already.
        if shown
            .windows(2)
            .any(|pair| (pair[0].sequence, pair[0].stamp) != (pair[1].sequence, pair[1].stamp))
        {
            shown.sort_by_key(|field| (field.sequence, *field.stamp));
        }
        let same = |a: &Shown<'_>, b: &Shown<'_>| (a.sequence, a.stamp) == (b.sequence, b.stamp);
        for write in shown.chunk_by(same) {
            let fields: SmallVec<[_; FEW]> =
                write.iter().map(|field| (field.name, field.value)).collect();
            let (sequence, stamp) = (write[0].sequence, write[0].stamp);
            let put = ShownPut { sequence, stamp, collection, key, fields: &fields };
            encode_shown(&mut self.deltas, &put);
            self.count += 1;
        }
        Ok(())
    }
}

/// The fields of a row that show; see [`super::RecordRow`] for its bytes.
fn fields(row: &[u8]) -> Result<SmallVec<[Shown<'_>; FEW]>, StoreError> {
    let mut take = Take::new(row);
    let flags = take.byte()?;
    let mut deleted = None;
    if flags & 1 != 0 {
        deleted = Some(take.array()?);
        take.number()?;
    }
    if flags & 2 != 0 {
        take.stamp()?;
    }
    let mut fields = SmallVec::new();
    while !take.is_empty() {
        let name = take.text()?;
        let (stamp, sequence) = (take.array()?, take.number()?);
        let length = take.length()?;
        let value = take.bytes(length)?;
        // Stamps sort as their bytes do. No value is empty: an empty one was dropped.
        if !value.is_empty() && deleted.is_none_or(|deleted| stamp > deleted) {
            fields.push(Shown { sequence, stamp, name, value });
        }
    }
    Ok(fields)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::RecordRow;
    use proptest::prelude::*;
    use syncline_protocol::codec::encode_applied;
    use syncline_protocol::{
        Change, CollectionName, FieldName, Filter, HlcTime, Op, Record, RecordKey, ReplicaId,
        Stamp, Value,
    };

    /// Writes of a record: fields with or without a value, or a delete.
    fn record() -> impl Strategy<Value = Record> {
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

    proptest! {
        #[test]
        fn a_row_shows_what_its_record_does(record in record(), floor in any::<bool>()) {
            let (collection, key) = (CollectionName::new("c").unwrap(), RecordKey::new("k").unwrap());
            let mut expected = ShownPage::default();
            for applied in record.to_deltas(&collection, &key) {
                encode_applied(&mut expected.deltas, &applied);
                expected.count += 1;
            }
            let then = Stamp::new(HlcTime::from_millis(1), ReplicaId::from_random(1));
            let floor = floor.then_some(then);
            let row = RecordRow { record, floor }.encode();
            let mut page = ShownPage::default();
            let all = Selection::from(Filter::default());
            page.add(&all, &tables::record_key(SpaceId(1), &collection, &key), &row).unwrap();
            prop_assert_eq!(page, expected);
            for cut in 1..row.len() {
                // A row that is cut short is never more than an error.
                let _ = ShownPage::default().add(&all, b"12345678c\0k", &row[..cut]);
            }
        }
    }
}
