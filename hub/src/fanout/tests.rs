//! Frames join without gaps for every view, and a listener gets only what its filter selects.

use super::*;
use syncline_protocol::codec::{decode_hub, encode_applied};
use syncline_protocol::{
    Applied, Change, CollectionName, DeviceId, FieldName, Filter, HlcTime, RecordKey, ReplicaId,
    Stamp,
};

fn space() -> SpaceName {
    SpaceName::new("a").unwrap()
}

fn published(sequence: u64, collection: &str, bytes: usize) -> Published {
    let change = Change::put(
        CollectionName::new(collection).unwrap(),
        RecordKey::new("k").unwrap(),
        vec![(FieldName::new("f").unwrap(), Some(Value::from(&*"x".repeat(bytes))))],
    );
    let stamp = Stamp::new(HlcTime::from_millis(sequence), ReplicaId::from_random(1));
    let applied = Applied { sequence, delta: change.unwrap().stamped(stamp) };
    let mut bytes = Vec::new();
    encode_applied(&mut bytes, &applied);
    Published { applied: Arc::new(applied), bytes: bytes.into() }
}

fn batch(before: u64, deltas: Vec<Published>) -> Publication {
    let last = before + deltas.len() as u64;
    Publication { space: space(), id: SpaceId(1), before, last, deltas }
}

/// What a queue holds, as (before, last, more, number of deltas).
fn drain(queue: &Queue) -> Vec<(u64, u64, bool, usize)> {
    let mut found = Vec::new();
    while let Popped::Frame(_, bytes) = queue.pop() {
        if let HubFrame::Changes { before, last, more, deltas, .. } = decode_hub(&bytes).unwrap() {
            found.push((before, last, more, deltas.len()));
        }
    }
    found
}

#[test]
fn frames_of_a_narrow_view_join_over_what_it_does_not_see() {
    let fanout = Fanout::default();
    let feed = fanout.listen(&space(), SpaceId(1), 0);
    let (all, narrow) = (Arc::new(Queue::new(1 << 20)), Arc::new(Queue::new(1 << 20)));
    assert!(feed.join(1, (&Filter::default().into(), 0), &all));
    let links = CollectionName::new("links").unwrap();
    assert!(feed.join(2, (&Filter::new([links], "").unwrap().into(), 0), &narrow));
    fanout.publish(&[batch(0, vec![published(1, "links", 1)])]);
    fanout.publish(&[batch(1, vec![published(2, "tags", 1), published(3, "tags", 1)])]);
    fanout.publish(&[batch(3, vec![published(4, "links", 1), published(5, "tags", 1)])]);
    assert_eq!(drain(&all), [(0, 1, false, 1), (1, 3, false, 2), (3, 5, false, 2)]);
    assert_eq!(drain(&narrow), [(0, 1, false, 1), (1, 5, false, 1)]);
    assert_eq!(feed.published(), 5);
}

#[test]
fn a_large_batch_is_told_in_frames_that_say_that_more_follows() {
    let fanout = Fanout::default();
    let feed = fanout.listen(&space(), SpaceId(1), 0);
    let queue = Arc::new(Queue::new(1 << 20));
    assert!(feed.join(1, (&Filter::default().into(), 0), &queue));
    let deltas = (1..=3).map(|sequence| published(sequence, "links", FRAME_BYTES / 2 - 100));
    fanout.publish(&[batch(0, deltas.collect())]);
    assert_eq!(drain(&queue), [(0, 2, true, 2), (2, 3, false, 1)]);
}

#[test]
fn those_in_a_space_hear_of_each_other() {
    let fanout = Fanout::default();
    let feed = fanout.listen(&space(), SpaceId(1), 0);
    let peer = |device: u64| Peer {
        device: DeviceId(device),
        name: format!("device {device}"),
        principal: "ann".into(),
    };
    let queue = Arc::new(Queue::new(1 << 20));
    assert!(feed.join(1, (&Filter::default().into(), 0), &queue));
    assert!(feed.shown_to(1).is_empty());
    feed.show(2, peer(2), Some(Value::from("here")));
    feed.show(2, peer(2), Some(Value::from("there")));
    assert_eq!(feed.shown_to(1).len(), 1);
    assert!(feed.shown_to(2).is_empty());
    feed.signal(2, peer(2), Value::from("psst"));
    feed.leave(2);
    let mut heard = Vec::new();
    while let Popped::Frame(None, bytes) = queue.pop() {
        heard.push(decode_hub(&bytes).unwrap());
    }
    assert_eq!(heard.len(), 4);
    let joined = PresenceEvent::Joined(Some(Value::from("here")));
    assert!(matches!(&heard[0], HubFrame::Presence { event, .. } if *event == joined));
    assert!(matches!(&heard[2], HubFrame::Signal { from, .. } if from.device == DeviceId(2)));
    assert!(matches!(&heard[3], HubFrame::Presence { event: PresenceEvent::Left, .. }));
}

#[test]
fn a_pin_holds_until_the_catch_up_is_done() {
    let fanout = Fanout::default();
    let feed = fanout.listen(&space(), SpaceId(1), 9);
    assert_eq!(fanout.pinned_after(SpaceId(1)), u64::MAX);
    feed.pin(1, Some(4));
    feed.pin(2, Some(7));
    assert_eq!(fanout.pinned_after(SpaceId(1)), 4);
    feed.pin(1, None);
    assert_eq!(fanout.pinned_after(SpaceId(1)), 7);
    feed.leave(2);
    assert_eq!(fanout.pinned_after(SpaceId(1)), u64::MAX);
}

#[test]
fn feeds_are_forgotten_once_nobody_listens() {
    let fanout = Fanout::default();
    let (kept, left) =
        (fanout.listen(&space(), SpaceId(1), 0), fanout.listen(&space(), SpaceId(2), 0));
    for feed in [&kept, &left] {
        assert!(feed.join(1, (&Filter::default().into(), 0), &Arc::new(Queue::new(1 << 10))));
    }
    fanout.sweep();
    assert_eq!(fanout.feeds.len(), 2);
    left.leave(1);
    drop(left);
    fanout.sweep();
    assert!(fanout.feeds.contains_key(&SpaceId(1)) && fanout.feeds.len() == 1);
}
