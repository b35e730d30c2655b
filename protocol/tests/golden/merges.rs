//! Golden merges: deltas about one record, and the record that they make in any order.

use std::slice::from_ref;

use serde_json::{Value as Json, json};
use syncline_protocol::{Applied, Delta, Record, codec};

use super::{delete, json, put, raw, stamp};

#[derive(Clone)]
struct Case {
    name: &'static str,
    note: &'static str,
    deltas: Vec<Delta>,
}

pub(crate) fn merges() -> Vec<Json> {
    [writes(), deletes(), ties()].concat().iter().map(merged).collect()
}

fn case(name: &'static str, note: &'static str, deltas: &[Delta]) -> Vec<Case> {
    vec![Case { name, note, deltas: deltas.to_vec() }]
}

fn writes() -> Vec<Case> {
    let (one, two) = (Some(raw(&[0x01])), Some(raw(&[0x02])));
    let a = put("a", stamp(1, 0, 1), &[("x", one.clone()), ("y", one.clone())]);
    let b = put("a", stamp(2, 0, 2), &[("y", two.clone()), ("z", two.clone())]);
    let counter = put("a", stamp(1, 1, 1), &[("x", two.clone())]);
    let replica = put("a", stamp(1, 0, 2), &[("x", two)]);
    let drop = put("a", stamp(3, 0, 1), &[("x", None)]);
    let late = put("a", stamp(2, 0, 1), &[("x", one)]);
    [
        case("one", "A single put.", from_ref(&a)),
        case("field_by_field", "Each field takes its own latest.", &[a.clone(), b.clone()]),
        case("counter", "The counter decides within a millisecond.", &[a.clone(), counter]),
        case("replica", "The replica id decides when time is equal.", &[a.clone(), replica]),
        case(
            "dropped",
            "A dropped field keeps its stamp, and no older put revives it.",
            &[a.clone(), drop.clone(), late],
        ),
        case("three", "Two writers and a drop.", &[a, b, drop]),
    ]
    .concat()
}

fn deletes() -> Vec<Case> {
    let one = Some(raw(&[0x01]));
    let old = put("a", stamp(1, 0, 1), &[("x", one.clone())]);
    let new = put("a", stamp(3, 0, 1), &[("y", one.clone())]);
    let between = delete("a", stamp(2, 0, 2));
    let earlier = delete("a", stamp(1, 9, 2));
    let later = delete("a", stamp(4, 0, 2));
    let same = put("a", stamp(2, 0, 2), &[("z", one)]);
    [
        case("deleted", "A delete hides what is older.", &[old.clone(), between.clone()]),
        case("delete_alone", "A delete of a record that was never seen.", from_ref(&between)),
        case(
            "survivor",
            "A delete leaves what is newer.",
            &[old.clone(), between.clone(), new.clone()],
        ),
        case(
            "greatest_delete",
            "Only the greatest delete is kept.",
            &[old.clone(), earlier, between.clone()],
        ),
        case("all_gone", "A later delete hides all.", &[old, new, later]),
        case("delete_ties", "A put under the delete's own stamp is hidden.", &[between, same]),
    ]
    .concat()
}

/// What only a broken or hostile replica makes still resolves the same way everywhere.
fn ties() -> Vec<Case> {
    let at = stamp(5, 0, 1);
    let write = |bytes: &[u8]| put("a", at, &[("x", Some(raw(bytes)))]);
    let dropped = put("a", at, &[("x", None)]);
    [
        case(
            "tie_bytes",
            "Equal stamps: the greater bytes win.",
            &[write(&[0x01]), write(&[0x02])],
        ),
        case(
            "tie_width",
            "Bytes are compared, not numbers: 1 in two bytes beats 2 in one.",
            &[write(&[0x02]), write(&[0xcc, 0x01])],
        ),
        case(
            "tie_prefix",
            "A longer text of greater length byte wins.",
            &[write(&[0xa1, b'z']), write(&[0xa2, b'a', b'a'])],
        ),
        case("tie_nil", "Nil is a value and beats dropped.", &[dropped.clone(), write(&[0xc0])]),
        case("tie_dropped", "Every value beats dropped.", &[write(&[0x00]), dropped]),
    ]
    .concat()
}

fn merged(case: &Case) -> Json {
    let mut record = Record::default();
    for delta in &case.deltas {
        record.merge_delta(delta);
    }
    for order in permutations(&case.deltas) {
        let mut other = Record::default();
        for delta in order.iter().chain(&order[..1]) {
            other.merge_delta(delta);
        }
        assert_eq!(other, record, "{}: {order:?}", case.name);
    }
    let deltas: Vec<_> = (1_u64..).zip(&case.deltas).map(|(at, delta)| entry(at, delta)).collect();
    json!({
        "name": case.name, "note": case.note, "deltas": deltas, "record": json::record(&record),
    })
}

/// A delta in the form that frames of hubs carry.
pub(crate) fn entry(sequence: u64, delta: &Delta) -> Json {
    let applied = Applied { sequence, delta: delta.clone() };
    let mut bytes = Vec::new();
    codec::encode_applied(&mut bytes, &applied);
    json!({ "value": json::applied(&applied), "hex": hex::encode(bytes) })
}

fn permutations(deltas: &[Delta]) -> Vec<Vec<Delta>> {
    if deltas.len() < 2 {
        return vec![deltas.to_vec()];
    }
    let with_first = |first: usize| {
        let mut rest = deltas.to_vec();
        let head = rest.remove(first);
        permutations(&rest).into_iter().map(move |tail| [vec![head.clone()], tail].concat())
    };
    (0..deltas.len()).flat_map(with_first).collect()
}
