//! What records show, straight from their rows to the wire: a snapshot of millions makes no names,
//! values or maps on the way. Says byte for byte what the deltas of the records would.

use std::ops::Bound;

use syncline_protocol::codec::{ShownPut, encode_applied, encode_shown};
use syncline_protocol::{CollectionName, RecordKey, SpaceId};

use super::record_row::{Body, RowParts};
use super::snapshot::Snapshot;
use super::{RecordRow, StoreError, tables};
use crate::selection::Selection;

/// What a row costs a page beyond its bytes.
const ROW_COST: usize = 16;

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
            let names = tables::records_prefix(space, &collection, "").len();
            let prefix = tables::records_prefix(space, &collection, filter.prefix());
            let from = match after {
                Some(after) if after >= prefix.as_slice() => Bound::Excluded(after),
                _ => Bound::Included(prefix.as_slice()),
            };
            for entry in self.records.range::<&[u8]>((from, Bound::Unbounded))? {
                let (key, row) = entry?;
                let (bytes, row) = (key.value(), row.value());
                if !bytes.starts_with(&prefix) {
                    break;
                }
                let key = std::str::from_utf8(&bytes[names..]);
                let key = key.map_err(|_| StoreError::Corrupt("a record's key"))?;
                if selection.allows(collection.as_str(), key) {
                    page.add(&collection, key, row)?;
                }
                left = left.saturating_sub(ROW_COST + bytes.len() + row.len());
                if left == 0 {
                    page.next = Some(bytes.to_vec());
                    return Ok(page);
                }
            }
        }
        Ok(page)
    }
}

impl ShownPage {
    /// Adds what a row shows: a delta for each write of which something is left.
    fn add(
        &mut self,
        collection: &CollectionName,
        key: &str,
        row: &[u8],
    ) -> Result<(), StoreError> {
        let Body::ByWrites(mut writes) = RowParts::read(row)?.body else {
            return self.add_by_fields(collection, key, row);
        };
        while let Some(write) = writes.next()? {
            if !write.fields.is_empty() {
                let (sequence, stamp, fields) = (write.sequence, write.stamp, write.fields);
                let collection = collection.as_str();
                let put = ShownPut { sequence, stamp, collection, key, fields };
                encode_shown(&mut self.deltas, &put);
                self.count += 1;
            }
        }
        Ok(())
    }

    /// A row of format 2 takes the long way.
    fn add_by_fields(
        &mut self,
        collection: &CollectionName,
        key: &str,
        row: &[u8],
    ) -> Result<(), StoreError> {
        let key = RecordKey::new(key).map_err(|_| StoreError::Corrupt("a record's key"))?;
        for applied in RecordRow::decode(row)?.record.to_deltas(collection, &key) {
            encode_applied(&mut self.deltas, &applied);
            self.count += 1;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::record_row::tests::{encode_by_fields, record};
    use proptest::prelude::*;
    use syncline_protocol::{HlcTime, ReplicaId, Stamp};

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
            let row = RecordRow { record, floor: floor.then_some(then) };
            for row in [row.encode(), encode_by_fields(&row)] {
                let mut page = ShownPage::default();
                page.add(&collection, "k", &row).unwrap();
                prop_assert_eq!(&page, &expected);
                for cut in 1..row.len() {
                    // A row that is cut short is never more than an error.
                    let _ = ShownPage::default().add(&collection, "k", &row[..cut]);
                }
            }
        }
    }
}
