//! The golden vectors and the protocol's book say what the code does.
//!
//! The code makes both; `SYNCLINE_BLESS=1` writes them, otherwise they are compared byte for byte.
//! Nothing here may be loosened to let a change pass: the bytes are a promise to other programs.

mod golden;

use std::collections::{BTreeMap, BTreeSet};

use golden::{book, check_file, check_json, client, digests, hub, json, malformed, merges, stamps};
use serde_json::{Value as Json, json};
use syncline_protocol::codec::{self, Limits};
use syncline_protocol::{ClientFrame, HubFrame};

/// Kinds of frames of clients and of hubs, as `PROTOCOL.md` numbers them.
const CLIENT_KINDS: std::ops::RangeInclusive<u8> = 1..=9;
const HUB_KINDS: std::ops::RangeInclusive<u8> = 32..=47;

#[test]
fn frames_have_their_golden_bytes() {
    let of_clients = client::frames().into_iter().map(|(name, note, frame)| {
        let bytes = codec::encode_client(&frame);
        assert_eq!(codec::decode_client(&bytes, &Limits::default()), Ok(frame.clone()), "{name}");
        entry(name, note, "client", &json::client_frame(&frame), &bytes)
    });
    let of_hubs = hub::frames().into_iter().map(|(name, note, frame)| {
        let bytes = codec::encode_hub(&frame);
        assert_eq!(codec::decode_hub(&bytes), Ok(frame.clone()), "{name}");
        entry(name, note, "hub", &json::hub_frame(&frame), &bytes)
    });
    let frames: Vec<_> = of_clients.chain(of_hubs).collect();
    let (unusual, malformed) = (malformed::unusual(), malformed::malformed());
    assert_names_are_unique(&[&frames, &unusual, &malformed]);
    let all = json!({ "frames": frames, "unusual": unusual, "malformed": malformed });
    check_json("vectors/frames.json", &all);
}

fn entry(name: &str, note: &str, from: &str, value: &Json, bytes: &[u8]) -> Json {
    let hex = hex::encode(bytes);
    json!({ "name": name, "note": note, "from": from, "value": value, "hex": hex })
}

#[test]
fn merges_have_their_golden_records() {
    let merges = merges::merges();
    assert_names_are_unique(&[&merges]);
    check_json("vectors/merges.json", &json!({ "merges": merges }));
}

#[test]
fn digests_have_their_golden_sums() {
    let (hashes, sums) = (digests::hashes(), digests::sums());
    assert_names_are_unique(&[&hashes, &sums]);
    check_json("vectors/digests.json", &json!({ "hashes": hashes, "sums": sums }));
}

#[test]
fn stamps_have_their_golden_bytes_and_order() {
    let (stamps, clocks) = (stamps::stamps(), stamps::clocks());
    assert_names_are_unique(&[&stamps, &clocks]);
    check_json("vectors/stamps.json", &json!({ "stamps": stamps, "clocks": clocks }));
}

fn assert_names_are_unique(lists: &[&[Json]]) {
    let names: Vec<_> = lists.iter().flat_map(|list| list.iter()).map(|it| &it["name"]).collect();
    let unique: BTreeSet<_> = names.iter().map(|name| name.as_str().expect("a name")).collect();
    assert_eq!(unique.len(), names.len(), "a name stands twice");
}

/// Every golden frame by name: of clients, then of hubs.
fn golden_bytes() -> BTreeMap<&'static str, Vec<u8>> {
    let client = client::frames();
    let client = client.iter().map(|(name, _, frame)| (*name, codec::encode_client(frame)));
    let hub = hub::frames();
    let hub = hub.iter().map(|(name, _, frame)| (*name, codec::encode_hub(frame)));
    client.chain(hub).collect()
}

#[test]
fn every_kind_has_a_golden_frame_and_an_example_in_the_book() {
    let bytes = golden_bytes();
    let kinds: BTreeSet<_> = bytes.values().map(|bytes| bytes[1]).collect();
    assert_eq!(kinds, CLIENT_KINDS.chain(HUB_KINDS).collect());

    let document = include_str!("../PROTOCOL.md");
    let (_, examples) = book::render(document, |name| bytes.get(name).cloned());
    let shown: BTreeSet<_> = examples.iter().map(|name| bytes[name.as_str()][1]).collect();
    assert_eq!(shown, kinds);
}

/// The variants within a kind cannot be counted from outside, so each is asked for by name.
#[test]
fn every_variant_has_a_golden_frame() {
    let all = golden_bytes();
    let variants: BTreeSet<_> = all
        .values()
        .filter_map(|bytes| match codec::decode_hub(bytes) {
            Ok(frame) => Some(hub_variant(&frame)),
            Err(_) => client_variant(&codec::decode_client(bytes, &Limits::default()).ok()?),
        })
        .filter(|variant| !variant.is_empty())
        .collect();
    let wanted = "follow guards join joined joined_state left of_push of_space presence_none \
                  presence_some replace resume snapshot state";
    assert_eq!(variants.into_iter().collect::<Vec<_>>().join(" "), wanted);
}

fn hub_variant(frame: &HubFrame) -> &'static str {
    use syncline_protocol::{PresenceEvent, SnapshotMode, Subject};
    match frame {
        HubFrame::SnapshotBegin { mode: SnapshotMode::Replace, .. } => "replace",
        HubFrame::SnapshotBegin { mode: SnapshotMode::Join, .. } => "join",
        HubFrame::Reject { subject: Subject::Push(_), .. } => "of_push",
        HubFrame::Reject { subject: Subject::Space(_), .. } => "of_space",
        HubFrame::Presence { event, .. } => match event {
            PresenceEvent::Joined(None) => "joined",
            PresenceEvent::Joined(Some(_)) => "joined_state",
            PresenceEvent::Left => "left",
            PresenceEvent::State(_) => "state",
        },
        _ => "",
    }
}

fn client_variant(frame: &ClientFrame) -> Option<&'static str> {
    use syncline_protocol::{Condition, Start};
    Some(match frame {
        ClientFrame::Subscribe { start: Start::Snapshot, .. } => "snapshot",
        ClientFrame::Subscribe { start: Start::Resume(_), .. } => "resume",
        ClientFrame::Subscribe { start: Start::Follow { .. }, .. } => "follow",
        ClientFrame::Presence { value: None, .. } => "presence_none",
        ClientFrame::Presence { value: Some(_), .. } => "presence_some",
        ClientFrame::Push(push) if !push.guards.is_empty() => {
            let all = [
                push.guards.iter().any(|guard| guard.condition == Condition::Absent),
                push.guards.iter().any(|it| matches!(it.condition, Condition::UnchangedSince(_))),
                push.guards.iter().any(|it| matches!(it.condition, Condition::FieldEquals(..))),
                push.guards.iter().any(|it| matches!(it.condition, Condition::FieldAbsent(_))),
            ];
            all.iter().all(|&there| there).then_some("guards")?
        }
        _ => "",
    })
}

#[test]
fn the_book_shows_the_codes_and_frames_of_the_code() {
    let bytes = golden_bytes();
    let (text, _) = book::render(include_str!("../PROTOCOL.md"), |name| bytes.get(name).cloned());
    check_file("PROTOCOL.md", &text);
}

#[test]
fn the_book_names_every_limit_of_the_welcome() {
    let document = include_str!("../PROTOCOL.md");
    let welcome = hub::frames().into_iter().find_map(|(_, _, frame)| match frame {
        HubFrame::Welcome(welcome) => Some(welcome),
        _ => None,
    });
    for (name, limit) in welcome.expect("a golden welcome").limits {
        let row = format!("| `{name}` | {limit} |");
        assert!(document.contains(&row), "PROTOCOL.md lacks the row {row}");
    }
}

#[test]
fn the_book_is_of_this_version() {
    let document = include_str!("../PROTOCOL.md");
    assert!(document.contains(&format!("`{}`", syncline_protocol::SUBPROTOCOL)));
    assert!(document.contains(&format!("version {}", syncline_protocol::VERSION)));
}
