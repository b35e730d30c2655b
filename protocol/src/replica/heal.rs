//! Healing: what a copy knows and a hub that was restored from a backup has lost.
//!
//! The offers keep the stamps and the bytes that they had, so that any number of replicas may make
//! the same offer. Collections of the hub's own are never offered.

use std::collections::BTreeMap;

use super::copy::SpaceCopy;
use crate::delta::{Change, Delta, Fields, Op};
use crate::name::{CollectionName, RecordKey};
use crate::record::Record;
use crate::stamp::Stamp;

/// Every field and delete in which `old` is newer than `new`, the latest first: when the hub has
/// purged deletes, its first refusal then speaks for everything behind it.
pub(super) fn offers(old: &SpaceCopy, new: &SpaceCopy) -> Vec<Delta> {
    let open = old.iter().filter(|(collection, ..)| !collection.is_reserved());
    let mut offers: Vec<_> = open
        .flat_map(|(collection, key, record)| {
            let known = new.get(collection.as_str(), key.as_str());
            offers_of(collection, key, record, known)
        })
        .collect();
    offers.sort_by_key(|offer| std::cmp::Reverse(offer.stamp));
    offers
}

fn offers_of(
    collection: &CollectionName,
    key: &RecordKey,
    record: &Record,
    known: Option<&Record>,
) -> Vec<Delta> {
    let grave = known.and_then(Record::tombstone).map(|tombstone| tombstone.stamp);
    let mut puts: BTreeMap<Stamp, Vec<_>> = BTreeMap::new();
    for (field, register) in record.registers() {
        let is_hidden = grave.is_some_and(|grave| register.stamp <= grave);
        let standing = known.and_then(|known| known.register(field.as_str()));
        if !is_hidden && standing.is_none_or(|other| register.precedence(other).is_gt()) {
            puts.entry(register.stamp).or_default().push((field.clone(), register.value.clone()));
        }
    }
    let put = |(stamp, fields)| Some((stamp, Op::Put(Fields::new(fields).ok()?)));
    let delete = record.tombstone().map(|tombstone| tombstone.stamp);
    let delete = delete.filter(|&stamp| grave.is_none_or(|grave| stamp > grave));
    let ops = puts.into_iter().filter_map(put).chain(delete.map(|stamp| (stamp, Op::Delete)));
    let change = |op| Change { collection: collection.clone(), key: key.clone(), op };
    ops.map(|(stamp, op)| change(op).stamped(stamp)).collect()
}
