//! The JSON form of frames and of what they are made of, as `vectors/README.md` describes it.
//!
//! Made to be read by every language: ids, stamps and values are hexadecimal text, numbers that
//! JavaScript cannot hold are decimal text. There is no way back from here: tests read bytes.

use serde_json::{Map, Value as Json, json};
use syncline_protocol::{
    Applied, ClientFrame, Condition, Cursor, Delta, Filter, Guard, Hello, HubFrame, Op, Peer,
    PresenceEvent, Push, PushId, Record, Reject, SnapshotMode, Start, Stretch, Subject, Value,
    Welcome,
};

/// Greatest integer that a JavaScript number holds exactly.
const SAFE_MAX: u64 = (1 << 53) - 1;

pub(crate) fn number(number: u64) -> Json {
    if number <= SAFE_MAX { json!(number) } else { json!(number.to_string()) }
}

pub(crate) fn value(value: &Value) -> Json {
    json!(hex::encode(value.as_bytes()))
}

pub(crate) fn delta(delta: &Delta) -> Json {
    let change = &delta.change;
    let mut form = json!({
        "collection": change.collection.as_str(),
        "key": change.key.as_str(),
        "stamp": delta.stamp.to_string(),
    });
    match &change.op {
        Op::Delete => form["op"] = json!("delete"),
        Op::Put(fields) => {
            form["op"] = json!("put");
            let fields = fields.iter().map(|(name, at)| (name.to_string(), json!(at.map(value))));
            form["fields"] = Json::Object(fields.collect());
        }
    }
    form
}

pub(crate) fn applied(applied: &Applied) -> Json {
    let mut form = Map::from_iter([("sequence".to_owned(), number(applied.sequence))]);
    if let Json::Object(rest) = delta(&applied.delta) {
        form.extend(rest);
    }
    Json::Object(form)
}

/// What a merge leaves: the tombstone's stamp, and each register's stamp and value.
pub(crate) fn record(record: &Record) -> Json {
    let fields = record.registers().map(|(name, register)| {
        let stamp = register.stamp.to_string();
        (name.to_string(), json!({ "stamp": stamp, "value": register.value.as_ref().map(value) }))
    });
    let tombstone = record.tombstone().map(|tombstone| tombstone.stamp.to_string());
    json!({ "tombstone": tombstone, "fields": fields.collect::<Map<_, _>>() })
}

pub(crate) fn push_id(id: PushId) -> Json {
    json!({ "replica": id.replica.to_string(), "counter": number(id.counter) })
}

pub(crate) fn client_frame(frame: &ClientFrame) -> Json {
    match frame {
        ClientFrame::Hello(hello) => hello_form(hello),
        ClientFrame::Subscribe { space, filter, start } => json!({
            "type": "subscribe",
            "space": space.as_str(),
            "filter": filter_form(filter),
            "start": start_form(start),
        }),
        ClientFrame::Unsubscribe { space } => {
            json!({ "type": "unsubscribe", "space": space.as_str() })
        }
        ClientFrame::Push(push) => push_form(push),
        ClientFrame::Seen { space, sequence } => {
            json!({ "type": "seen", "space": space.as_str(), "sequence": number(*sequence) })
        }
        ClientFrame::Verify { space } => json!({ "type": "verify", "space": space.as_str() }),
        ClientFrame::Signal { space, value: said } => {
            json!({ "type": "signal", "space": space.as_str(), "value": value(said) })
        }
        ClientFrame::Presence { space, value: state } => json!({
            "type": "presence", "space": space.as_str(), "state": state.as_ref().map(value),
        }),
        ClientFrame::Ping { nonce } => json!({ "type": "ping", "nonce": number(*nonce) }),
    }
}

fn hello_form(hello: &Hello) -> Json {
    json!({
        "type": "hello",
        "version": number(hello.version),
        "replica": hello.replica.to_string(),
        "device": hello.device.to_string(),
        "name": hello.name,
        "token": hello.token,
        "clock_ms": number(hello.clock_ms),
        "outbox": hello.outbox.iter().copied().map(push_id).collect::<Vec<_>>(),
        "attributes": hello.attributes,
    })
}

fn push_form(push: &Push) -> Json {
    json!({
        "type": "push",
        "id": push_id(push.id),
        "space": push.space.as_str(),
        "epoch": push.epoch.map(|epoch| epoch.to_string()),
        "base": number(push.base),
        "guards": push.guards.iter().map(guard_form).collect::<Vec<_>>(),
        "deltas": push.deltas.iter().map(delta).collect::<Vec<_>>(),
    })
}

fn guard_form(guard: &Guard) -> Json {
    let mut form = json!({
        "collection": guard.collection.as_str(), "key": guard.key.as_str(), "condition": "absent",
    });
    match &guard.condition {
        Condition::Absent => {}
        Condition::UnchangedSince(sequence) => {
            form["condition"] = json!("unchanged_since");
            form["sequence"] = number(*sequence);
        }
        Condition::FieldEquals(field, equal) => {
            form["condition"] = json!("field_equals");
            form["field"] = json!(field.as_str());
            form["value"] = value(equal);
        }
        Condition::FieldAbsent(field) => {
            form["condition"] = json!("field_absent");
            form["field"] = json!(field.as_str());
        }
    }
    form
}

fn filter_form(filter: &Filter) -> Json {
    let collections: Vec<_> = filter.collections().map(ToString::to_string).collect();
    json!({ "collections": collections, "prefix": filter.prefix() })
}

fn start_form(start: &Start) -> Json {
    match start {
        Start::Snapshot => json!({ "from": "snapshot" }),
        Start::Resume(cursor) => json!({ "from": "resume", "cursor": cursor_form(cursor) }),
        Start::Follow { epoch, after } => json!({
            "from": "follow",
            "epoch": epoch.map(|epoch| epoch.to_string()),
            "after": after.map(number),
        }),
    }
}

fn cursor_form(cursor: &Cursor) -> Json {
    json!({
        "epoch": cursor.epoch.to_string(),
        "sequence": number(cursor.sequence),
        "view": hex::encode(cursor.view.0),
    })
}

pub(crate) fn hub_frame(frame: &HubFrame) -> Json {
    match frame {
        HubFrame::Subscribed { .. }
        | HubFrame::SnapshotBegin { .. }
        | HubFrame::SnapshotPart { .. }
        | HubFrame::SnapshotEnd { .. }
        | HubFrame::Changes { .. }
        | HubFrame::Withdraw { .. }
        | HubFrame::View { .. }
        | HubFrame::Digests { .. } => copy_form(frame),
        HubFrame::Signal { .. } | HubFrame::Presence { .. } => ephemeral_form(frame),
        HubFrame::Welcome(welcome) => welcome_form(welcome),
        HubFrame::Ack { push, sequence } => {
            json!({ "type": "ack", "push": push_id(*push), "sequence": number(*sequence) })
        }
        HubFrame::Reject { subject, reject, hub_ms } => reject_form(subject, reject, *hub_ms),
        HubFrame::Heartbeat { hub_ms, stretches } => json!({
            "type": "heartbeat",
            "hub_ms": number(*hub_ms),
            "stretches": stretches.iter().map(stretch_form).collect::<Vec<_>>(),
        }),
        HubFrame::Pong { nonce, hub_ms } => {
            json!({ "type": "pong", "nonce": number(*nonce), "hub_ms": number(*hub_ms) })
        }
        HubFrame::Goodbye { reject, retry_after_ms } => json!({
            "type": "goodbye",
            "code": reject.code.as_str(),
            "text": reject.text,
            "retry_after_ms": retry_after_ms.map(number),
        }),
    }
}

/// The frames that speak of a space's copy.
fn copy_form(frame: &HubFrame) -> Json {
    match frame {
        HubFrame::Subscribed { space, id, head, writable } => json!({
            "type": "subscribed",
            "space": space.as_str(),
            "id": id.to_string(),
            "head": cursor_form(head),
            "writable": writable,
        }),
        HubFrame::SnapshotBegin { space, id, mode, total } => json!({
            "type": "snapshot_begin",
            "space": space.as_str(),
            "id": id.to_string(),
            "mode": match mode {
                SnapshotMode::Replace => "replace",
                SnapshotMode::Join => "join",
            },
            "records": number(total.records),
            "bytes": number(total.bytes),
        }),
        HubFrame::SnapshotPart { space, part, deltas } => json!({
            "type": "snapshot_part",
            "space": space.as_str(),
            "part": number(*part),
            "deltas": deltas.iter().map(applied).collect::<Vec<_>>(),
        }),
        HubFrame::SnapshotEnd { space, parts, cursor } => json!({
            "type": "snapshot_end",
            "space": space.as_str(),
            "parts": number(*parts),
            "cursor": cursor_form(cursor),
        }),
        HubFrame::Changes { space, before, last, more, deltas } => json!({
            "type": "changes",
            "space": space.as_str(),
            "before": number(*before),
            "last": number(*last),
            "more": more,
            "deltas": deltas.iter().map(applied).collect::<Vec<_>>(),
        }),
        HubFrame::Withdraw { space, collection, keys } => json!({
            "type": "withdraw",
            "space": space.as_str(),
            "collection": collection.as_str(),
            "keys": keys.iter().map(ToString::to_string).collect::<Vec<_>>(),
        }),
        HubFrame::View { space, mark } => {
            json!({ "type": "view", "space": space.as_str(), "mark": hex::encode(mark.0) })
        }
        HubFrame::Digests { space, sequence, digests: all } => json!({
            "type": "digests",
            "space": space.as_str(),
            "sequence": number(*sequence),
            "digests": digests(all),
        }),
        _ => unreachable!("the caller chose these kinds"),
    }
}

pub(crate) fn digests<'a>(
    all: impl IntoIterator<
        Item = (&'a syncline_protocol::CollectionName, &'a syncline_protocol::Digest),
    >,
) -> Json {
    let forms = all.into_iter().map(|(collection, digest)| {
        let sum = format!("{:032x}", digest.sum);
        (collection.to_string(), json!({ "sum": sum, "fields": number(digest.fields) }))
    });
    Json::Object(forms.collect())
}

fn ephemeral_form(frame: &HubFrame) -> Json {
    match frame {
        HubFrame::Signal { space, from, value: said } => json!({
            "type": "signal",
            "space": space.as_str(),
            "peer": peer_form(from),
            "value": value(said),
        }),
        HubFrame::Presence { space, from, event } => {
            let (event, state) = match event {
                PresenceEvent::Joined(state) => ("joined", state.as_ref()),
                PresenceEvent::Left => ("left", None),
                PresenceEvent::State(state) => ("state", Some(state)),
            };
            json!({
                "type": "presence",
                "space": space.as_str(),
                "peer": peer_form(from),
                "event": event,
                "state": state.map(value),
            })
        }
        _ => unreachable!("the caller chose these kinds"),
    }
}

fn welcome_form(welcome: &Welcome) -> Json {
    let limits = welcome.limits.iter().map(|(name, &limit)| (name.clone(), number(limit)));
    json!({
        "type": "welcome",
        "session": format!("{:016x}", welcome.session),
        "hub_ms": number(welcome.hub_ms),
        "hub_replica": welcome.hub_replica.to_string(),
        "principal": welcome.principal,
        "limits": limits.collect::<Map<_, _>>(),
    })
}

fn reject_form(subject: &Subject, reject: &Reject, hub_ms: u64) -> Json {
    json!({
        "type": "reject",
        "subject": match subject {
            Subject::Push(id) => json!({ "push": push_id(*id) }),
            Subject::Space(space) => json!({ "space": space.as_str() }),
        },
        "code": reject.code.as_str(),
        "text": reject.text,
        "index": reject.index,
        "hub_ms": number(hub_ms),
    })
}

fn stretch_form(stretch: &Stretch) -> Json {
    json!({
        "space": stretch.space.as_str(),
        "before": number(stretch.before),
        "last": number(stretch.last),
    })
}

fn peer_form(peer: &Peer) -> Json {
    json!({ "device": peer.device.to_string(), "name": peer.name, "principal": peer.principal })
}
