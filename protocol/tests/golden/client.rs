//! The golden frames of clients: every kind, with each of its variants.

use std::collections::BTreeMap;

use syncline_protocol::{
    ClientFrame, Condition, Cursor, DeviceId, Epoch, Filter, Guard, Hello, Push, PushId, Start,
    ViewMark,
};

use super::{NOW_MS, collection, delete, field, key, put, raw, replica, space, stamp};

/// A golden frame: its name, what it is for, and itself.
pub(crate) type Golden = (&'static str, &'static str, ClientFrame);

pub(crate) const REPLICA: u64 = 0x0102_0304_0506_0708;
pub(crate) const EPOCH: Epoch = Epoch(0xe1e2_e3e4_e5e6_e7e8);
pub(crate) const VIEW: ViewMark = ViewMark([0xa0, 0xa1, 0xa2, 0xa3, 0xa4, 0xa5, 0xa6, 0xa7]);

pub(crate) fn frames() -> Vec<Golden> {
    [hellos(), subscribes(), pushes(), small()].concat()
}

pub(crate) fn push_id(counter: u64) -> PushId {
    PushId { replica: replica(REPLICA), counter }
}

pub(crate) fn cursor(sequence: u64) -> Cursor {
    Cursor { epoch: EPOCH, sequence, view: VIEW }
}

fn hellos() -> Vec<Golden> {
    let bare = Hello {
        version: 1,
        replica: replica(REPLICA),
        device: DeviceId(0x1112_1314_1516_1718),
        name: String::new(),
        token: "sl_example".to_owned(),
        clock_ms: NOW_MS,
        outbox: vec![],
        attributes: BTreeMap::new(),
    };
    let texts = |pairs: &[(&str, &str)]| {
        pairs.iter().map(|&(name, value)| (name.to_owned(), value.to_owned())).collect()
    };
    let full = Hello {
        name: "Ann's télé".to_owned(),
        outbox: vec![push_id(7), PushId { replica: replica(0xff), counter: 300 }],
        attributes: texts(&[("client", "syncline-example 1.0"), ("platform", "linux")]),
        ..bare.clone()
    };
    vec![
        ("hello", "The first frame of a session.", ClientFrame::Hello(bare)),
        (
            "hello_full",
            "A name outside ASCII, the first unanswered push of two replicas, attributes.",
            ClientFrame::Hello(full),
        ),
    ]
}

fn subscribes() -> Vec<Golden> {
    let all = Filter::default();
    let some = Filter::new([collection("tags"), collection("links")], "2025/").expect("a filter");
    let subscribe = |filter: &Filter, start| ClientFrame::Subscribe {
        space: space("linkora/alice"),
        filter: filter.clone(),
        start,
    };
    let follow = |epoch, after| subscribe(&all, Start::Follow { epoch, after });
    vec![
        ("subscribe", "All of a space, from a snapshot.", subscribe(&all, Start::Snapshot)),
        (
            "subscribe_resume",
            "After what the replica holds.",
            subscribe(&all, Start::Resume(cursor(300))),
        ),
        (
            "subscribe_filtered",
            "Two collections, sorted by name, and a key prefix.",
            subscribe(&some, Start::Snapshot),
        ),
        ("subscribe_follow_now", "The log from its present end.", follow(None, None)),
        ("subscribe_follow_start", "The log from its beginning.", follow(None, Some(0))),
        (
            "subscribe_follow_after",
            "The log of one epoch after one sequence.",
            follow(Some(EPOCH), Some(70_000)),
        ),
    ]
}

fn pushes() -> Vec<Golden> {
    let title = raw(&[0xa3, b'o', b'n', b'e']);
    let base = Push {
        id: push_id(1),
        space: space("linkora/alice"),
        epoch: Some(EPOCH),
        base: 41,
        guards: vec![],
        deltas: vec![put("a", stamp(0, 0, REPLICA), &[("title", Some(title.clone()))])],
    };
    let first = Push { epoch: None, base: 0, ..base.clone() };
    let dropped = Push {
        deltas: vec![put("a", stamp(1, 0, REPLICA), &[("note", None), ("title", Some(title))])],
        ..base.clone()
    };
    let only_dropped =
        Push { deltas: vec![put("a", stamp(1, 1, REPLICA), &[("note", None)])], ..base.clone() };
    let delete = Push { deltas: vec![delete("a", stamp(2, 0, REPLICA))], ..base.clone() };
    vec![
        ("push", "One field of one record.", ClientFrame::Push(base.clone())),
        ("push_first", "Of a replica that has read nothing yet.", ClientFrame::Push(first)),
        (
            "push_dropped",
            "A put that drops a field beside setting one.",
            ClientFrame::Push(dropped),
        ),
        ("push_only_dropped", "A put that only drops.", ClientFrame::Push(only_dropped)),
        ("push_delete", "A delete.", ClientFrame::Push(delete)),
        (
            "push_values",
            "Values of every family; 0x01 and 0xcc01 are the same number and different values.",
            ClientFrame::Push(Push { deltas: vec![values()], ..base.clone() }),
        ),
        (
            "push_guards",
            "Every guard, and two deltas under one stamp each.",
            ClientFrame::Push(guarded(base)),
        ),
    ]
}

/// A delta with a field for each family of values.
fn values() -> syncline_protocol::Delta {
    let cases: [(&str, &[u8]); 10] = [
        ("array", &[0x92, 0x01, 0x90]),
        ("bin", &[0xc4, 0x02, 0x00, 0xff]),
        ("bool", &[0xc3]),
        ("ext", &[0xd4, 0x05, 0x2a]),
        ("float", &[0xcb, 0x3f, 0xf8, 0, 0, 0, 0, 0, 0]),
        ("map", &[0x82, 0xa1, b'k', 0xc0, 0x01, 0x80]),
        ("negative", &[0xff]),
        ("nil", &[0xc0]),
        ("one", &[0x01]),
        ("one_wide", &[0xcc, 0x01]),
    ];
    let fields = cases.map(|(name, bytes)| (name, Some(raw(bytes))));
    put("values", stamp(3, u16::MAX, REPLICA), &fields)
}

fn guarded(base: Push) -> Push {
    let guard =
        |name, condition| Guard { collection: collection("links"), key: key(name), condition };
    let done = raw(&[0xc2]);
    Push {
        id: push_id(2),
        guards: vec![
            guard("new", Condition::Absent),
            guard("a", Condition::UnchangedSince(41)),
            guard("a", Condition::FieldEquals(field("done"), done.clone())),
            guard("a", Condition::FieldAbsent(field("taken_by"))),
        ],
        deltas: vec![
            put("new", stamp(4, 0, REPLICA), &[("done", Some(done))]),
            delete("old", stamp(4, 1, REPLICA)),
        ],
        ..base
    }
}

fn small() -> Vec<Golden> {
    let space = || space("linkora/alice");
    let state = raw(&[0x81, 0xa4, b'p', b'a', b'g', b'e', 0x07]);
    vec![
        ("unsubscribe", "Ends a subscription.", ClientFrame::Unsubscribe { space: space() }),
        ("seen", "How far it has read.", ClientFrame::Seen { space: space(), sequence: 300 }),
        ("verify", "Asks for digests.", ClientFrame::Verify { space: space() }),
        (
            "signal",
            "A message for those who are there.",
            ClientFrame::Signal { space: space(), value: raw(&[0xa2, b'h', b'i']) },
        ),
        (
            "presence",
            "This device's state.",
            ClientFrame::Presence { space: space(), value: Some(state) },
        ),
        (
            "presence_nil",
            "Nil is a state, not the lack of one.",
            ClientFrame::Presence { space: space(), value: Some(raw(&[0xc0])) },
        ),
        (
            "presence_left",
            "No state any more.",
            ClientFrame::Presence { space: space(), value: None },
        ),
        ("ping", "Asks for a pong.", ClientFrame::Ping { nonce: 5 }),
        ("ping_greatest", "The greatest number.", ClientFrame::Ping { nonce: u64::MAX }),
    ]
}
