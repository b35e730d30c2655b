//! A hub that was restored from a backup, or made anew, and what becomes of copies and writes.

#![allow(clippy::unwrap_used, reason = "a test that is wrong should stop")]

mod model;

use model::{
    ModelHub, START_MS, collection, converse, foreign, home, is_rejected, key, live, put, read,
    reconnect, write,
};
use syncline_protocol::replica::Event;
use syncline_protocol::{Change, ClientFrame, Code, Epoch, Filter, HubFrame, Replica, SpaceId};

/// A hub that was restored to before a put, a delete and an acknowledged write.
fn restored() -> (ModelHub, Replica) {
    let (mut hub, mut replica) = live();
    hub.write(&[
        put("kept", 1).stamped(foreign(START_MS)),
        put("gone", 1).stamped(foreign(START_MS)),
    ]);
    let backup = hub.backup();
    hub.write(&[put("late", 2).stamped(foreign(START_MS + 1))]);
    reconnect(&mut hub, &mut replica, START_MS);
    let delete = Change::delete(collection("c"), key("gone")).stamped(foreign(START_MS + 2));
    hub.write(&[delete]).into_iter().for_each(|frame| drop(replica.receive(frame, START_MS)));
    write(&mut replica, vec![put("own", 3)], START_MS);
    converse(&mut hub, &mut replica, START_MS);
    hub.restore(&backup);
    (hub, replica)
}

#[test]
fn a_restored_hub_gets_back_what_its_backup_lacks_under_the_old_stamps() {
    let (mut hub, mut replica) = restored();
    let before = replica.get("home", "c", "late").unwrap().newest_stamp();
    let events = reconnect(&mut hub, &mut replica, START_MS);
    assert!(!events.iter().any(|event| matches!(event, Event::Changed { .. })), "{events:?}");
    let reads = ["kept", "gone", "late", "own"].map(|key| read(&replica, key));
    assert_eq!(reads, [Some(1), None, Some(2), Some(3)]);
    assert_eq!(replica.copied("home", "c", "late").unwrap().newest_stamp(), before);
    assert_eq!(replica.cursor("home").unwrap().epoch, Epoch(2));
    assert_eq!(replica.digests("home"), hub.digests(&Filter::default()));
    assert_eq!((replica.outbox_len(), hub.visible(&Filter::default()).len()), (0, 3));
}

#[test]
fn healing_waits_until_it_is_released_and_is_read_meanwhile() {
    let (mut hub, mut replica) = restored();
    hub.disconnect();
    replica.disconnected();
    let frames = replica.take_frames();
    let mut heal = vec![];
    for answer in frames.into_iter().flat_map(|frame| hub.receive(frame)).collect::<Vec<_>>() {
        heal.extend(replica.receive(answer, START_MS).heal);
    }
    assert_eq!(heal, [home()]);
    assert_eq!((read(&replica, "late"), read(&replica, "gone")), (Some(2), None));
    assert!(replica.take_frames().is_empty());
    replica.release_healing("home");
    assert!(replica.take_frames().iter().any(|frame| matches!(frame, ClientFrame::Push(_))));
}

#[test]
fn a_write_acknowledged_before_the_restore_and_not_yet_copied_is_pushed_again() {
    let (mut hub, mut replica) = live();
    let backup = hub.backup();
    write(&mut replica, vec![put("own", 3)], START_MS);
    let frames: Vec<_> =
        replica.take_frames().into_iter().flat_map(|frame| hub.receive(frame)).collect();
    let acks = frames.into_iter().filter(|frame| matches!(frame, HubFrame::Ack { .. }));
    acks.for_each(|frame| drop(replica.receive(frame, START_MS)));
    hub.restore(&backup);
    reconnect(&mut hub, &mut replica, START_MS);
    assert_eq!((read(&replica, "own"), replica.outbox_len(), hub.sequence), (Some(3), 0, 1));
}

#[test]
fn an_authoritative_backup_replaces_the_copy() {
    let (mut hub, mut replica) = restored();
    hub.is_restored = false;
    reconnect(&mut hub, &mut replica, START_MS);
    let reads = ["kept", "gone", "late", "own"].map(|key| read(&replica, key));
    assert_eq!(reads, [Some(1), Some(1), None, None]);
    assert_eq!(replica.outbox_len(), 0);
}

#[test]
fn another_space_of_the_same_name_replaces_the_copy_and_refuses_old_writes() {
    let (mut hub, mut replica) = live();
    hub.write(&[put("a", 1).stamped(foreign(START_MS))]);
    reconnect(&mut hub, &mut replica, START_MS);
    let push = write(&mut replica, vec![put("b", 2)], START_MS);
    let mut other = ModelHub::new(START_MS);
    other.id = SpaceId(8);
    other.is_restored = true;
    let events = reconnect(&mut other, &mut replica, START_MS);
    assert!(is_rejected(&events, push, Code::UnknownSpace));
    assert_eq!((read(&replica, "a"), read(&replica, "b")), (None, None));
    assert!(other.records.is_empty());
    assert_eq!(replica.space_id("home"), Some(SpaceId(8)));
}
