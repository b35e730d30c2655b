//! Arbitrary frames of both sides: every kind, with every optional part there and missing.

use std::collections::BTreeMap;

use proptest::collection::{btree_map, vec};
use proptest::option;
use proptest::prelude::*;
use proptest::strategy::Union;
use syncline_protocol::{
    ClientFrame, Code, CollectionName, Condition, Cursor, DeviceId, Digest, Epoch, Filter, Guard,
    Hello, HubFrame, Peer, PresenceEvent, Push, PushId, Reject, SnapshotMode, SpaceId, Start,
    Stretch, Subject, Total, ViewMark, Welcome,
};

use super::{
    applied, collection_name, delta, field_name, open_collection, record_key, replica, space_name,
    value,
};

/// Any frame that a client may send.
pub(crate) fn client_frame() -> impl Strategy<Value = ClientFrame> {
    let subscribe = (space_name(), filter(), start());
    Union::new([
        hello().prop_map(ClientFrame::Hello).boxed(),
        push().prop_map(ClientFrame::Push).boxed(),
        subscribe
            .prop_map(|(space, filter, start)| ClientFrame::Subscribe { space, filter, start })
            .boxed(),
        space_name().prop_map(|space| ClientFrame::Unsubscribe { space }).boxed(),
        (space_name(), any::<u64>())
            .prop_map(|(space, sequence)| ClientFrame::Seen { space, sequence })
            .boxed(),
        space_name().prop_map(|space| ClientFrame::Verify { space }).boxed(),
        (space_name(), value())
            .prop_map(|(space, value)| ClientFrame::Signal { space, value })
            .boxed(),
        (space_name(), option::of(value()))
            .prop_map(|(space, value)| ClientFrame::Presence { space, value })
            .boxed(),
        any::<u64>().prop_map(|nonce| ClientFrame::Ping { nonce }).boxed(),
    ])
}

/// Any frame that a hub may send.
pub(crate) fn hub_frame() -> impl Strategy<Value = HubFrame> {
    prop_oneof![catch_up_frame(), session_frame(), space_frame()]
}

fn catch_up_frame() -> impl Strategy<Value = HubFrame> {
    let subscribed = (space_name(), any::<u64>(), cursor(), any::<bool>());
    let mode = prop_oneof![Just(SnapshotMode::Replace), Just(SnapshotMode::Join)];
    let begin = (space_name(), any::<u64>(), mode, any::<[u64; 2]>());
    let changes = (space_name(), any::<[u64; 2]>(), any::<bool>(), vec(applied(), 0..4));
    Union::new([
        subscribed
            .prop_map(|(space, id, head, writable)| HubFrame::Subscribed {
                space,
                id: SpaceId(id),
                head,
                writable,
            })
            .boxed(),
        begin
            .prop_map(|(space, id, mode, [records, bytes])| {
                let total = Total { records, bytes };
                HubFrame::SnapshotBegin { space, id: SpaceId(id), mode, total }
            })
            .boxed(),
        (space_name(), any::<u64>(), vec(applied(), 0..4))
            .prop_map(|(space, part, deltas)| HubFrame::SnapshotPart { space, part, deltas })
            .boxed(),
        (space_name(), any::<u64>(), cursor())
            .prop_map(|(space, parts, cursor)| HubFrame::SnapshotEnd { space, parts, cursor })
            .boxed(),
        changes
            .prop_map(|(space, [before, last], more, deltas)| HubFrame::Changes {
                space,
                before,
                last,
                more,
                deltas,
            })
            .boxed(),
    ])
}

fn session_frame() -> impl Strategy<Value = HubFrame> {
    let subject =
        prop_oneof![push_id().prop_map(Subject::Push), space_name().prop_map(Subject::Space)];
    let stretch = (space_name(), any::<[u64; 2]>()).prop_map(|(space, [before, last])| Stretch {
        space,
        before,
        last,
    });
    Union::new([
        welcome().prop_map(HubFrame::Welcome).boxed(),
        (push_id(), any::<u64>())
            .prop_map(|(push, sequence)| HubFrame::Ack { push, sequence })
            .boxed(),
        (subject, reject(), any::<u64>())
            .prop_map(|(subject, reject, hub_ms)| HubFrame::Reject { subject, reject, hub_ms })
            .boxed(),
        (any::<u64>(), vec(stretch, 0..4))
            .prop_map(|(hub_ms, stretches)| HubFrame::Heartbeat { hub_ms, stretches })
            .boxed(),
        any::<[u64; 2]>().prop_map(|[nonce, hub_ms]| HubFrame::Pong { nonce, hub_ms }).boxed(),
        (reject(), option::of(any::<u64>()))
            .prop_map(|(mut reject, retry_after_ms)| {
                // A goodbye speaks of the session, never of one delta.
                reject.index = None;
                HubFrame::Goodbye { reject, retry_after_ms }
            })
            .boxed(),
    ])
}

fn space_frame() -> impl Strategy<Value = HubFrame> {
    let digest = (any::<u128>(), any::<u64>()).prop_map(|(sum, fields)| Digest { sum, fields });
    let digests: BoxedStrategy<BTreeMap<CollectionName, Digest>> =
        btree_map(collection_name(), digest, 0..4).boxed();
    let event = prop_oneof![
        option::of(value()).prop_map(PresenceEvent::Joined),
        Just(PresenceEvent::Left),
        value().prop_map(PresenceEvent::State),
    ];
    Union::new([
        (space_name(), collection_name(), vec(record_key(), 0..4))
            .prop_map(|(space, collection, keys)| HubFrame::Withdraw { space, collection, keys })
            .boxed(),
        (space_name(), any::<[u8; 8]>())
            .prop_map(|(space, mark)| HubFrame::View { space, mark: ViewMark(mark) })
            .boxed(),
        (space_name(), any::<u64>(), digests)
            .prop_map(|(space, sequence, digests)| HubFrame::Digests { space, sequence, digests })
            .boxed(),
        (space_name(), peer(), value())
            .prop_map(|(space, from, value)| HubFrame::Signal { space, from, value })
            .boxed(),
        (space_name(), peer(), event)
            .prop_map(|(space, from, event)| HubFrame::Presence { space, from, event })
            .boxed(),
    ])
}

fn hello() -> impl Strategy<Value = Hello> {
    let attributes = btree_map(".{0,8}", ".{0,8}", 0..4);
    let numbers = any::<[u64; 3]>();
    (numbers, replica(), ".{0,20}", "[ -~]{0,60}", vec(push_id(), 0..4), attributes).prop_map(
        |([version, device, clock_ms], replica, name, token, outbox, attributes)| {
            let device = DeviceId(device);
            Hello { version, replica, device, name, token, clock_ms, outbox, attributes }
        },
    )
}

fn welcome() -> impl Strategy<Value = Welcome> {
    let limits = btree_map("[a-z_]{1,20}", any::<u64>(), 0..5);
    (any::<[u64; 2]>(), replica(), ".{0,20}", limits).prop_map(
        |([session, hub_ms], hub_replica, principal, limits)| Welcome {
            session,
            hub_ms,
            hub_replica,
            principal,
            limits,
        },
    )
}

fn push() -> impl Strategy<Value = Push> {
    let epoch = option::of(any::<u64>().prop_map(Epoch));
    let lists = (vec(guard(), 0..3), vec(delta(), 1..4));
    (push_id(), space_name(), epoch, any::<u64>(), lists).prop_map(
        |(id, space, epoch, base, (guards, deltas))| Push {
            id,
            space,
            epoch,
            base,
            guards,
            deltas,
        },
    )
}

fn guard() -> impl Strategy<Value = Guard> {
    let condition = prop_oneof![
        Just(Condition::Absent),
        any::<u64>().prop_map(Condition::UnchangedSince),
        (field_name(), value()).prop_map(|(field, value)| Condition::FieldEquals(field, value)),
        field_name().prop_map(Condition::FieldAbsent),
    ];
    (collection_name(), record_key(), condition).prop_map(|(collection, key, condition)| Guard {
        collection,
        key,
        condition,
    })
}

fn filter() -> impl Strategy<Value = Filter> {
    (vec(open_collection(), 0..4), ".{0,20}").prop_map(|(collections, prefix)| {
        Filter::new(collections, &prefix).expect("a filter within its limits")
    })
}

fn start() -> impl Strategy<Value = Start> {
    prop_oneof![
        Just(Start::Snapshot),
        cursor().prop_map(Start::Resume),
        (option::of(any::<u64>().prop_map(Epoch)), option::of(any::<u64>()))
            .prop_map(|(epoch, after)| Start::Follow { epoch, after }),
    ]
}

fn cursor() -> impl Strategy<Value = Cursor> {
    (any::<[u64; 2]>(), any::<[u8; 8]>()).prop_map(|([epoch, sequence], view)| Cursor {
        epoch: Epoch(epoch),
        sequence,
        view: ViewMark(view),
    })
}

fn push_id() -> impl Strategy<Value = PushId> {
    (replica(), any::<u64>()).prop_map(|(replica, counter)| PushId { replica, counter })
}

fn reject() -> impl Strategy<Value = Reject> {
    let code = (0..Code::ALL.len()).prop_map(|index| Code::ALL[index]);
    (code, ".{0,40}", option::of(any::<u32>())).prop_map(|(code, text, index)| Reject {
        code,
        text,
        index,
    })
}

fn peer() -> impl Strategy<Value = Peer> {
    (any::<u64>(), ".{0,20}", ".{0,20}").prop_map(|(device, name, principal)| Peer {
        device: DeviceId(device),
        name,
        principal,
    })
}
