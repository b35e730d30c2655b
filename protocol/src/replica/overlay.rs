//! The overlay: what own pushes that are not in the copy yet say about records.
//!
//! One joined record for each key that any of them touches, so that a read never walks the
//! outbox. It holds no pushes itself: who takes one away shows it those that stay.

use std::collections::{BTreeMap, BTreeSet};

use super::event::RecordName;
use crate::delta::{Delta, Push};
use crate::name::{CollectionName, RecordKey};
use crate::record::Record;

/// Where a delta stands in the outbox: the push's order, and its index in the push.
type Place = (u64, usize);

/// The joined own writes of one space that its copy does not hold yet.
#[derive(Debug, Default)]
pub(super) struct Overlay {
    collections: BTreeMap<CollectionName, BTreeMap<RecordKey, Layer>>,
}

#[derive(Debug, Default)]
pub(super) struct Layer {
    pub(super) record: Record,
    places: BTreeSet<Place>,
}

impl Overlay {
    pub(super) fn get(&self, collection: &str, key: &str) -> Option<&Record> {
        Some(&self.collections.get(collection)?.get(key)?.record)
    }

    pub(super) fn collection(&self, name: &str) -> Option<&BTreeMap<RecordKey, Layer>> {
        self.collections.get(name)
    }

    pub(super) fn collections(&self) -> impl Iterator<Item = &CollectionName> {
        self.collections.keys()
    }

    /// Lays a push over what is there.
    pub(super) fn add(&mut self, order: u64, push: &Push) {
        for (index, delta) in push.deltas.iter().enumerate() {
            let keys = self.collections.entry(delta.change.collection.clone()).or_default();
            let layer = keys.entry(delta.change.key.clone()).or_default();
            layer.record.merge_delta(delta);
            layer.places.insert((order, index));
        }
    }

    /// Takes a push away; `find` gives the deltas of those that stay.
    pub(super) fn remove<'a>(
        &mut self,
        order: u64,
        push: &Push,
        find: impl Fn(Place) -> Option<&'a Delta>,
    ) {
        for name in names_of(push) {
            let Some(keys) = self.collections.get_mut(name.collection.as_str()) else { continue };
            let Some(layer) = keys.get_mut(name.key.as_str()) else { continue };
            layer.places.retain(|&(other, _)| other != order);
            layer.record = Record::default();
            for delta in layer.places.iter().filter_map(|&place| find(place)) {
                layer.record.merge_delta(delta);
            }
            if layer.places.is_empty() {
                keys.remove(name.key.as_str());
            }
            if keys.is_empty() {
                self.collections.remove(name.collection.as_str());
            }
        }
    }
}

/// The records that a push touches, each once, in order.
pub(super) fn names_of(push: &Push) -> BTreeSet<RecordName> {
    let changes = push.deltas.iter().map(|delta| &delta.change);
    changes.map(|change| RecordName::new(&change.collection, &change.key)).collect()
}
