//! Golden digests: hashes of single fields, with the bytes that are hashed, and sums of many.

use std::collections::BTreeMap;

use serde_json::{Value as Json, json};
use sha2::{Digest as _, Sha256};
use syncline_protocol::{Delta, Digest, Record, Stamp, Value, hash_field};

use super::{collection, delete, field, json, key, put, raw, stamp};

pub(crate) fn hashes() -> Vec<Json> {
    let long = "k".repeat(300);
    let at = stamp(0, 0, 1);
    [
        ("plain", "One field.", ["links", "a", "title"], at, raw(&[0xa1, b'x'])),
        (
            "shifted",
            "Names do not run into each other.",
            ["link", "sa", "title"],
            at,
            raw(&[0xa1, b'x']),
        ),
        ("utf8", "Lengths count bytes.", ["links", "caf\u{e9}", "t\u{ef}tre"], at, raw(&[0xc0])),
        ("long_key", "A length above 255.", ["links", &long, "x"], at, raw(&[0x01])),
        (
            "wide",
            "Another encoding is another hash.",
            ["links", &long, "x"],
            at,
            raw(&[0xcc, 0x01]),
        ),
        (
            "late",
            "Another stamp is another hash.",
            ["links", "a", "title"],
            stamp(0, 1, 1),
            raw(&[0xa1, b'x']),
        ),
    ]
    .map(|(name, note, names, stamp, value)| hash(name, note, names, stamp, &value))
    .into()
}

fn hash(name: &str, note: &str, names: [&str; 3], stamp: Stamp, value: &Value) -> Json {
    let [of, at, which] = names;
    let hash = hash_field(&collection(of), &key(at), &field(which), stamp, value);
    let input = input(names, stamp, value);
    // The hash is of these very bytes, so that another language can find where it differs.
    let expected = hex::encode(&Sha256::digest(&input)[..16]);
    assert_eq!(format!("{hash:032x}"), expected, "{name}");
    json!({
        "name": name,
        "note": note,
        "value": {
            "collection": of,
            "key": at,
            "field": which,
            "stamp": stamp.to_string(),
            "value": json::value(value),
        },
        "input": hex::encode(input),
        "hex": expected,
    })
}

fn input(names: [&str; 3], stamp: Stamp, value: &Value) -> Vec<u8> {
    let mut input = Vec::new();
    for name in names {
        input.extend(u16::try_from(name.len()).expect("a short name").to_be_bytes());
        input.extend(name.as_bytes());
    }
    input.extend(stamp.to_bytes());
    input.extend(value.as_bytes());
    input
}

pub(crate) fn sums() -> Vec<Json> {
    let one = Some(raw(&[0x01]));
    let a = put("a", stamp(1, 0, 1), &[("x", one.clone()), ("y", one.clone())]);
    let b = put("b", stamp(2, 0, 1), &[("x", one.clone())]);
    let mut tag = put("a", stamp(3, 0, 1), &[("x", one)]);
    tag.change.collection = collection("tags");
    let drop = put("a", stamp(4, 0, 2), &[("x", None)]);
    let gone = delete("b", stamp(5, 0, 2));
    vec![
        sum("nothing", "No record, no entry.", &[]),
        sum("one_record", "Two fields.", std::slice::from_ref(&a)),
        sum("two_records", "The sum of three hashes, modulo 2^128.", &[a.clone(), b.clone()]),
        sum("two_collections", "Each has its own.", &[a.clone(), b.clone(), tag]),
        sum("dropped", "A dropped field does not count.", &[a.clone(), b.clone(), drop]),
        sum("deleted", "Nor does a deleted record.", &[a, b.clone(), gone.clone()]),
        sum("all_deleted", "A collection in which nothing shows is left out.", &[b, gone]),
    ]
}

fn sum(name: &str, note: &str, deltas: &[Delta]) -> Json {
    let mut records: BTreeMap<_, Record> = BTreeMap::new();
    for delta in deltas {
        let at = (delta.change.collection.clone(), delta.change.key.clone());
        records.entry(at).or_default().merge_delta(delta);
    }
    let mut digests: BTreeMap<_, Digest> = BTreeMap::new();
    for ((collection, key), record) in &records {
        digests.entry(collection.clone()).or_default().add_record(collection, key, record);
    }
    digests.retain(|_, digest| digest.fields > 0);
    let deltas: Vec<_> =
        (1_u64..).zip(deltas).map(|(at, delta)| super::merges::entry(at, delta)).collect();
    json!({ "name": name, "note": note, "deltas": deltas, "digests": json::digests(&digests) })
}
