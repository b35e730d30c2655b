//! The golden frames of hubs: every kind, with each of its variants.

use syncline_protocol::{
    Applied, Code, Delta, DeviceId, Digest, HubFrame, Peer, PresenceEvent, Reject, SnapshotMode,
    SpaceId, Stretch, Subject, Total, ViewMark, Welcome,
};

use super::client::{REPLICA, cursor, push_id};
use super::{NOW_MS, collection, delete, key, put, raw, replica, space, stamp};

/// A golden frame: its name, what it is for, and itself.
pub(crate) type Golden = (&'static str, &'static str, HubFrame);

pub(crate) fn frames() -> Vec<Golden> {
    [beginnings(), snapshots(), changes(), views(), answers(), ephemeral(), endings()].concat()
}

fn here() -> syncline_protocol::SpaceName {
    space("linkora/alice")
}

fn applied(sequence: u64, delta: Delta) -> Applied {
    Applied { sequence, delta }
}

fn beginnings() -> Vec<Golden> {
    let limits = [
        ("deltas_per_push", 10_000),
        ("fields", 256),
        ("frame_bytes", 1 << 20),
        ("heartbeat_ms", 25_000),
        ("idle_timeout_ms", 60_000),
        ("key_bytes", 1_024),
        ("max_clock_drift_ms", 60_000),
        ("nesting", 32),
        ("signal_bytes", 16 << 10),
        ("subscriptions_per_session", 64),
        ("tombstone_retention_ms", 90 * 24 * 3_600 * 1_000),
        ("value_bytes", 1 << 20),
    ];
    let welcome = Welcome {
        session: 0x2122_2324_2526_2728,
        hub_ms: NOW_MS + 12,
        hub_replica: replica(0x3132_3334_3536_3738),
        principal: "alice".to_owned(),
        limits: limits.map(|(name, limit)| (name.to_owned(), limit)).into(),
    };
    let subscribed = |writable| HubFrame::Subscribed {
        space: here(),
        id: SpaceId(0x4142_4344_4546_4748),
        head: cursor(300),
        writable,
    };
    vec![
        ("welcome", "The answer to a good hello, with every limit.", HubFrame::Welcome(welcome)),
        ("subscribed", "The answer to a good subscribe.", subscribed(true)),
        ("subscribed_reader", "Of a space that this principal may only read.", subscribed(false)),
    ]
}

fn snapshots() -> Vec<Golden> {
    let begin = |mode| HubFrame::SnapshotBegin {
        space: here(),
        id: SpaceId(0x4142_4344_4546_4748),
        mode,
        total: Total { records: 2, bytes: 70_000 },
    };
    let deltas = vec![
        applied(12, put("a", stamp(0, 0, REPLICA), &[("title", Some(raw(&[0xa1, b'x'])))])),
        applied(300, put("a", stamp(9, 0, 2), &[("done", Some(raw(&[0xc3])))])),
    ];
    vec![
        ("snapshot_begin", "It replaces the copy.", begin(SnapshotMode::Replace)),
        ("snapshot_begin_join", "The hub was restored from a backup.", begin(SnapshotMode::Join)),
        (
            "snapshot_part",
            "Two fields of one record, which have different stamps.",
            HubFrame::SnapshotPart { space: here(), part: 0, deltas },
        ),
        (
            "snapshot_end",
            "Where the log stood when the snapshot began.",
            HubFrame::SnapshotEnd { space: here(), parts: 1, cursor: cursor(300) },
        ),
    ]
}

fn changes() -> Vec<Golden> {
    let deltas = vec![
        applied(301, put("a", stamp(10, 0, 2), &[("done", None), ("n", Some(raw(&[0x05])))])),
        applied(303, delete("b", stamp(10, 1, 2))),
    ];
    let frame = |before, last, more, deltas| HubFrame::Changes {
        space: here(),
        before,
        last,
        more,
        deltas,
    };
    vec![
        ("changes", "Sequence 302 is not of this view.", frame(300, 303, false, deltas.clone())),
        ("changes_more", "A part of a catch-up.", frame(300, 302, true, deltas[..1].to_vec())),
        (
            "changes_empty",
            "The end of a catch-up with nothing left.",
            frame(303, 310, false, vec![]),
        ),
        (
            "changes_into_view",
            "A record that enters the view: nothing before it is skipped, nothing moves.",
            frame(310, 310, false, deltas[..1].to_vec()),
        ),
    ]
}

fn views() -> Vec<Golden> {
    let withdraw = HubFrame::Withdraw {
        space: here(),
        collection: collection("links"),
        keys: vec![key("a"), key("caf\u{e9}")],
    };
    let digest = Digest { sum: 0x0011_2233_4455_6677_8899_aabb_ccdd_eeff, fields: 2 };
    let digests = |all: Vec<_>| HubFrame::Digests {
        space: here(),
        sequence: 310,
        digests: all.into_iter().collect(),
    };
    vec![
        ("withdraw", "Records that the view no longer holds.", withdraw),
        ("view", "A new mark.", HubFrame::View { space: here(), mark: ViewMark([0xb7; 8]) }),
        ("digests", "One collection.", digests(vec![(collection("links"), digest)])),
        ("digests_empty", "Nothing shows.", digests(vec![])),
    ]
}

fn answers() -> Vec<Golden> {
    let reject = |subject, reject: Reject| HubFrame::Reject { subject, reject, hub_ms: NOW_MS };
    let drift = Reject::new(Code::ClockDrift, "the stamp is 120000 ms ahead of the hub's clock");
    let guard = Reject::new(Code::GuardFailed, "links/new exists");
    let cursor = Reject::new(Code::UnknownCursor, "the log has another epoch");
    let stretches = vec![
        Stretch { space: here(), before: 310, last: 70_000 },
        Stretch { space: space("b"), before: 0, last: 0 },
    ];
    vec![
        ("ack", "Applied and on disk.", HubFrame::Ack { push: push_id(1), sequence: 303 }),
        (
            "reject_push",
            "A push, for its third delta.",
            reject(Subject::Push(push_id(1)), drift.at(2)),
        ),
        ("reject_guard", "A push as a whole.", reject(Subject::Push(push_id(2)), guard)),
        ("reject_space", "A subscription.", reject(Subject::Space(here()), cursor)),
        ("heartbeat", "Two subscriptions.", HubFrame::Heartbeat { hub_ms: NOW_MS, stretches }),
        (
            "heartbeat_empty",
            "Only a sign of life.",
            HubFrame::Heartbeat { hub_ms: NOW_MS, stretches: vec![] },
        ),
        ("pong", "The answer to a ping.", HubFrame::Pong { nonce: 5, hub_ms: NOW_MS }),
    ]
}

fn ephemeral() -> Vec<Golden> {
    let from = || Peer {
        device: DeviceId(0x1112_1314_1516_1718),
        name: "kitchen".to_owned(),
        principal: "alice".to_owned(),
    };
    let presence = |event| HubFrame::Presence { space: here(), from: from(), event };
    let said = raw(&[0xa2, b'h', b'i']);
    let nil = raw(&[0xc0]);
    vec![
        (
            "signal_from",
            "A message.",
            HubFrame::Signal { space: here(), from: from(), value: said },
        ),
        ("presence_joined", "Without a state.", presence(PresenceEvent::Joined(None))),
        ("presence_joined_state", "With one.", presence(PresenceEvent::Joined(Some(nil.clone())))),
        ("presence_left_by", "They went.", presence(PresenceEvent::Left)),
        ("presence_state", "A new state.", presence(PresenceEvent::State(nil))),
    ]
}

fn endings() -> Vec<Golden> {
    let goodbye = |code, what: &str, retry_after_ms| HubFrame::Goodbye {
        reject: Reject::new(code, what),
        retry_after_ms,
    };
    vec![
        ("goodbye", "Come back.", goodbye(Code::GoingAway, "the hub restarts", Some(2_500))),
        (
            "goodbye_final",
            "Not before something has changed.",
            goodbye(Code::Unauthorized, "the token was revoked", None),
        ),
    ]
}
