//! Arbitrary names, stamps, deltas and frames, for tests that must hold of all of them.
//!
//! Two densities: `crowded_*` draws from so few names and stamps that writes collide all the time,
//! the rest from everything that the types allow. This room asserts nothing.
#![allow(dead_code, reason = "each test binary needs a part")]

pub(crate) mod frames;

use proptest::collection::{btree_map, vec};
use proptest::option;
use proptest::prelude::*;
use proptest::strategy::Union;
use syncline_protocol::{
    Applied, Change, CollectionName, Delta, FieldName, HlcTime, RecordKey, ReplicaId, SpaceName,
    Stamp, Value,
};

/// A checked name out of what the strategy draws.
macro_rules! names {
    ($name:ident, $form:literal, $type:ident) => {
        pub(crate) fn $name() -> impl Strategy<Value = $type> {
            $form.prop_map(|text: String| $type::new(&text).expect("the form makes names"))
        }
    };
}

names!(space_name, "[a-z0-9_-]{1,12}(/[a-z0-9_-]{1,8}){0,2}", SpaceName);
names!(collection_name, "[A-Za-z0-9._-]{1,16}", CollectionName);
names!(record_key, "\\P{Cc}{1,40}", RecordKey);
names!(field_name, "\\P{Cc}{1,20}", FieldName);
// A filter may not name a reserved collection.
names!(open_collection, "[A-Za-z0-9_-][A-Za-z0-9._-]{0,15}", CollectionName);

pub(crate) fn replica() -> impl Strategy<Value = ReplicaId> {
    any::<u64>().prop_map(ReplicaId::from_random)
}

pub(crate) fn stamp() -> impl Strategy<Value = Stamp> {
    (any::<u64>(), replica()).prop_map(|(bits, id)| Stamp::new(HlcTime::from_bits(bits), id))
}

/// The bytes of any MessagePack value, in every width that the format has for it.
pub(crate) fn value() -> impl Strategy<Value = Value> {
    scalar_bytes()
        .prop_recursive(4, 24, 4, |inner| {
            let array = vec(inner.clone(), 0..4).prop_map(|items| {
                let head = 0x90 | u8::try_from(items.len()).expect("few items");
                [vec![head], items.concat()].concat()
            });
            let map = vec((scalar_bytes(), inner), 0..4).prop_map(|pairs| {
                let head = vec![0xde, 0, u8::try_from(pairs.len()).expect("few pairs")];
                let body = pairs.into_iter().map(|(key, value)| [key, value].concat());
                [head, body.collect::<Vec<_>>().concat()].concat()
            });
            prop_oneof![array, map]
        })
        .prop_map(|bytes| Value::new(bytes).expect("the bytes are one value"))
}

fn scalar_bytes() -> impl Strategy<Value = Vec<u8>> + Clone {
    let plain = |value: Value| value.as_bytes().to_vec();
    // A number in its widest form is another value than in its shortest.
    let wide = |number: u64| [vec![0xcf], number.to_be_bytes().to_vec()].concat();
    let ext = |(kind, data): (u8, Vec<u8>)| {
        [vec![0xc7, u8::try_from(data.len()).expect("short data"), kind], data].concat()
    };
    Union::new([
        Just(vec![0xc0]).boxed(),
        any::<bool>().prop_map(move |truth| plain(truth.into())).boxed(),
        any::<i64>().prop_map(move |number| plain(number.into())).boxed(),
        any::<u64>().prop_map(wide).boxed(),
        any::<f64>().prop_map(move |number| plain(number.into())).boxed(),
        ".{0,40}".prop_map(move |text| plain(text.as_str().into())).boxed(),
        vec(any::<u8>(), 0..40).prop_map(move |bytes| plain(bytes.as_slice().into())).boxed(),
        (any::<u8>(), vec(any::<u8>(), 0..20)).prop_map(ext).boxed(),
    ])
}

pub(crate) fn change() -> impl Strategy<Value = Change> {
    let fields = btree_map(field_name(), option::weighted(0.8, value()), 1..5);
    (collection_name(), record_key(), option::weighted(0.8, fields)).prop_map(
        |(collection, key, fields)| match fields {
            None => Change::delete(collection, key),
            Some(fields) => Change::put(collection, key, fields.into_iter().collect())
                .expect("a map names each field once"),
        },
    )
}

pub(crate) fn delta() -> impl Strategy<Value = Delta> {
    (change(), stamp()).prop_map(|(change, stamp)| change.stamped(stamp))
}

pub(crate) fn applied() -> impl Strategy<Value = Applied> {
    (any::<u64>(), delta()).prop_map(|(sequence, delta)| Applied { sequence, delta })
}

/// Deltas of very few records, fields, stamps and values: nearly every two collide, some with
/// equal stamps and unequal values, as only a broken or hostile replica makes them.
pub(crate) fn crowded_delta() -> impl Strategy<Value = Delta> {
    let fields = btree_map(0_usize..3, option::weighted(0.8, 0_usize..4), 1..4);
    let stamp = (0_u64..3, 0_u64..2, 1_u64..3);
    (0_usize..2, option::weighted(0.75, fields), stamp).prop_map(|(key, fields, stamp)| {
        let collection = CollectionName::new(["links", "tags"][key]).expect("a name");
        let key = RecordKey::new(["a", "b"][key]).expect("a key");
        let change = match fields {
            None => Change::delete(collection, key),
            Some(fields) => Change::put(collection, key, fields.into_iter().map(crowd).collect())
                .expect("a map names each field once"),
        };
        let (millis, counter, replica) = stamp;
        let time = HlcTime::from_bits(millis << 16 | counter);
        change.stamped(Stamp::new(time, ReplicaId::from_random(replica)))
    })
}

/// Two of the values are the number one in two encodings: to a merge they are different.
fn crowd((name, value): (usize, Option<usize>)) -> (FieldName, Option<Value>) {
    let values: [&[u8]; 4] = [&[0xc0], &[0x01], &[0xcc, 0x01], &[0xa1, b'x']];
    let value = value.map(|index| Value::new(values[index]).expect("one value"));
    (FieldName::new(["x", "y", "z"][name]).expect("a name"), value)
}
