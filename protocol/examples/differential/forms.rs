//! What sessions do, replicas tell and stores keep, as JSON that another language can compare.

use serde_json::{Value as Json, json};
use syncline_protocol::replica::{Event, RecordName, Unsaved};
use syncline_protocol::session::client::{Action, ClientEvent, ConnectionState, Moment};
use syncline_protocol::{Change, Filter, Guard, PresenceEvent, Reject, Replica};

use crate::json as golden;

pub(crate) fn moment(moment: Moment) -> Json {
    json!([moment.wall_ms, moment.steady_ms, moment.random.to_string()])
}

pub(crate) fn actions(actions: &[Action]) -> Json {
    Json::Array(actions.iter().map(action).collect())
}

fn action(action: &Action) -> Json {
    match action {
        Action::Connect => json!({ "type": "connect" }),
        Action::Close => json!({ "type": "close" }),
        Action::Send(bytes) => json!({ "type": "send", "bytes": hex::encode(bytes) }),
        Action::Event(happened) => json!({ "type": "event", "event": event(happened) }),
    }
}

fn event(event: &ClientEvent) -> Json {
    match event {
        ClientEvent::Replica(event) => replica_event(event),
        ClientEvent::State(now) => json!({ "type": "state", "state": state(now) }),
        ClientEvent::Signal { value, .. } => {
            json!({ "type": "signal", "value": golden::value(value) })
        }
        ClientEvent::Presence { event, .. } => {
            let kind = match event {
                PresenceEvent::Joined(_) => "joined",
                PresenceEvent::Left => "left",
                PresenceEvent::State(_) => "state",
            };
            json!({ "type": "presence", "event": kind })
        }
        _ => json!({ "type": "unknown" }),
    }
}

pub(crate) fn state(state: &ConnectionState) -> Json {
    match state {
        ConnectionState::Offline { next_try_ms, reason } => {
            json!({ "type": "offline", "next": next_try_ms, "reason": reason })
        }
        ConnectionState::Connecting => json!({ "type": "connecting" }),
        ConnectionState::Live => json!({ "type": "live" }),
        ConnectionState::NeedsAuth(_) => json!({ "type": "needs_auth" }),
        ConnectionState::Stopped(_) => json!({ "type": "stopped" }),
        _ => json!({ "type": "unknown" }),
    }
}

fn replica_event(event: &Event) -> Json {
    match event {
        Event::Changed { records, .. } => {
            json!({ "type": "changed", "records": records.iter().map(name).collect::<Vec<_>>() })
        }
        Event::CaughtUp { .. } => json!({ "type": "caught_up" }),
        Event::Progress { received, total, .. } => {
            json!({ "type": "progress", "received": received, "records": total.records })
        }
        Event::Acked { push, sequence, .. } => {
            json!({ "type": "acked", "push": push.to_string(), "sequence": sequence })
        }
        Event::Rejected { push, reject, .. } => {
            json!({ "type": "rejected", "push": push.to_string(), "reject": refusal(reject) })
        }
        Event::Conflict { push, deltas, .. } => json!({
            "type": "conflict",
            "push": push.to_string(),
            "deltas": deltas.iter().map(golden::delta).collect::<Vec<_>>(),
        }),
        Event::Verified { sequence, .. } => json!({ "type": "verified", "sequence": sequence }),
        Event::Diverged { collections, is_repairing, .. } => json!({
            "type": "diverged",
            "collections": collections.iter().map(ToString::to_string).collect::<Vec<_>>(),
            "isRepairing": is_repairing,
        }),
        Event::Unverified { .. } => json!({ "type": "unverified" }),
        Event::SubscriptionEnded { reject, .. } => {
            json!({ "type": "subscription_ended", "reject": refusal(reject) })
        }
        _ => json!({ "type": "unknown" }),
    }
}

fn refusal(reject: &Reject) -> Json {
    json!({ "code": reject.code.as_str(), "text": reject.text, "index": reject.index })
}

fn name(name: &RecordName) -> Json {
    json!([name.collection.as_str(), name.key.as_str()])
}

pub(crate) fn filter(filter: &Filter) -> Json {
    let collections: Vec<_> = filter.collections().map(ToString::to_string).collect();
    json!({ "collections": collections, "prefix": filter.prefix() })
}

/// Changes and guards in the bytes of a push, which another client can read back.
pub(crate) fn write(changes: &[Change], guards: &[Guard]) -> Json {
    use syncline_protocol::codec::encode_client;
    use syncline_protocol::{ClientFrame, HlcTime, Push, PushId, ReplicaId, Stamp};
    let replica = ReplicaId::from_random(1);
    let stamp = Stamp::new(HlcTime::ZERO, replica);
    let push = Push {
        id: PushId { replica, counter: 1 },
        space: crate::model::home(),
        epoch: None,
        base: 0,
        guards: guards.to_vec(),
        deltas: changes.iter().map(|change| change.clone().stamped(stamp)).collect(),
    };
    json!(hex::encode(encode_client(&ClientFrame::Push(push))))
}

pub(crate) fn unsaved(unsaved: &Unsaved) -> Json {
    let spaces = unsaved.spaces.iter();
    let records = unsaved.records.iter().map(|record| {
        let bytes = record.bytes.as_ref().map(hex::encode);
        json!([record.name.collection.as_str(), record.name.key.as_str(), bytes])
    });
    let pushes = unsaved.pushes.iter();
    json!({
        "forgotten": unsaved.forgotten.iter().map(ToString::to_string).collect::<Vec<_>>(),
        "emptied": unsaved.emptied.iter().map(ToString::to_string).collect::<Vec<_>>(),
        "spaces": spaces.map(|(n, b)| json!([n.as_str(), hex::encode(b)])).collect::<Vec<_>>(),
        "records": records.collect::<Vec<_>>(),
        "pushes": pushes
            .map(|(order, bytes)| json!([order, bytes.as_ref().map(hex::encode)]))
            .collect::<Vec<_>>(),
        "clock": unsaved.clock.map(hex::encode),
    })
}

/// All that a replica holds of the one space.
pub(crate) fn whole(replica: &Replica) -> Json {
    let records = replica.records("home").map(|(collection, key, record)| {
        let sequences: Vec<_> = record.registers().map(|(_, at)| at.sequence).collect();
        json!([collection.as_str(), key.as_str(), golden::record(record), sequences])
    });
    let shown = replica.collections("home").into_iter().flat_map(|collection| {
        let list = replica.list("home", collection.as_str(), "");
        list.map(|(key, record)| {
            json!([collection.as_str(), key.as_str(), golden::record(&record)])
        })
        .collect::<Vec<_>>()
    });
    json!({
        "records": records.collect::<Vec<_>>(),
        "shown": shown.collect::<Vec<_>>(),
        "digests": golden::digests(&replica.digests("home")),
        "sequence": replica.cursor("home").map(|cursor| cursor.sequence),
        "epoch": replica.cursor("home").map(|cursor| cursor.epoch.to_string()),
        "view": replica.cursor("home").map(|cursor| hex::encode(cursor.view.0)),
        "id": replica.space_id("home").map(|id| id.to_string()),
        "isLive": replica.is_live("home"),
        "isWritable": replica.is_writable("home"),
        "outbox": replica.outbox_len(),
        "hello": replica.hello_outbox().iter().map(ToString::to_string).collect::<Vec<_>>(),
    })
}
