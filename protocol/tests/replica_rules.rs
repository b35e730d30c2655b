//! One rule of a replica at a time: refusals, stamps made anew, catch-ups, gaps and repairs.

#![allow(clippy::unwrap_used, reason = "a test that is wrong should stop")]

mod model;

use model::{
    DAY_MS, ModelHub, START_MS, collection, converse, field, foreign, home, is_rejected, key, live,
    put, read, reconnect, replica, write,
};
use syncline_protocol::replica::{Event, Received, WriteError};
use syncline_protocol::{
    Applied, Change, ClientFrame, Code, Condition, Filter, Guard, HubFrame, Reject, SpaceName,
    Subject, Value,
};

#[test]
fn a_write_is_read_at_once_and_leaves_the_outbox_when_the_copy_has_it() {
    let (mut hub, mut replica) = live();
    let push = write(&mut replica, vec![put("a", 1)], START_MS);
    assert_eq!(read(&replica, "a"), Some(1));
    assert!(replica.is_waiting(push));
    let events = converse(&mut hub, &mut replica, START_MS);
    assert!(events.contains(&Event::Acked { space: home(), push, sequence: 1 }));
    assert!(!events.iter().any(|event| matches!(event, Event::Changed { .. })));
    assert_eq!((replica.outbox_len(), read(&replica, "a")), (0, Some(1)));
}

#[test]
fn an_ack_alone_moves_no_cursor() {
    let (_, mut replica) = live();
    let push = write(&mut replica, vec![put("a", 1)], START_MS);
    replica.take_frames();
    let before = replica.cursor("home");
    replica.receive(HubFrame::Ack { push, sequence: 1 }, START_MS);
    assert_eq!(replica.cursor("home"), before);
    assert_eq!((replica.outbox_len(), read(&replica, "a")), (1, Some(1)));
}

#[test]
fn a_refused_write_vanishes_with_its_reason() {
    let (mut hub, mut replica) = live();
    hub.write(&[put("a", 1).stamped(foreign(START_MS))]);
    reconnect(&mut hub, &mut replica, START_MS);
    let guard = Guard { collection: collection("c"), key: key("a"), condition: Condition::Absent };
    let push = replica.write(&home(), vec![put("a", 2)], vec![guard], START_MS).unwrap();
    assert_eq!(replica.hello_outbox(), [push]);
    assert_eq!(read(&replica, "a"), Some(2));
    let events = converse(&mut hub, &mut replica, START_MS);
    assert_eq!((read(&replica, "a"), replica.outbox_len()), (Some(1), 0));
    assert!(events.iter().any(|event| matches!(
        event,
        Event::Rejected { push: id, reject, .. } if *id == push && reject.code == Code::GuardFailed
    )));
    assert!(events.iter().any(|event| matches!(event, Event::Changed { .. })));
}

#[test]
fn a_clock_that_ran_ahead_starts_again_from_hub_time_and_keeps_the_order() {
    let (mut hub, mut replica) = live();
    let ahead_ms = START_MS + 3_600_000;
    for (name, value) in [("a", 1), ("b", 2), ("a", 3)] {
        write(&mut replica, vec![put(name, value)], ahead_ms);
    }
    let events = converse(&mut hub, &mut replica, ahead_ms);
    assert_eq!(events.iter().filter(|e| matches!(e, Event::Acked { .. })).count(), 3);
    assert_eq!((read(&replica, "a"), read(&replica, "b")), (Some(3), Some(2)));
    assert_eq!(replica.outbox_len(), 0);
    let newest = hub.records.values().filter_map(|record| record.newest_stamp()).max().unwrap();
    assert!(newest.time.millis() <= START_MS + 60_000);
    assert_eq!(replica.hub_ms(ahead_ms), START_MS);
}

#[test]
fn an_ack_vouches_for_the_stamps_that_it_answers_and_for_no_others() {
    let (mut hub, mut replica) = live();
    let first = write(&mut replica, vec![put("a", 1)], START_MS);
    let second = write(&mut replica, vec![put("a", 2)], START_MS);
    assert_eq!(replica.take_frames().len(), 2);
    // The first is refused while the clock is wrong, and both are stamped by it; then the ack of
    // the second arrives, which speaks of the stamps that it was sent with.
    let ahead_ms = START_MS + DAY_MS;
    let reject = Reject::new(Code::Expired, "the model says no").at(0);
    let (subject, hub_ms) = (Subject::Push(first), START_MS);
    replica.receive(HubFrame::Reject { subject, reject, hub_ms }, ahead_ms);
    replica.receive(HubFrame::Ack { push: second, sequence: 1 }, ahead_ms);
    converse(&mut hub, &mut replica, ahead_ms);
    assert!(!replica.is_waiting(first), "the clock never came back from where it was");
    let newest = hub.records.values().filter_map(|record| record.newest_stamp()).max().unwrap();
    assert!(newest.time.millis() <= START_MS + 60_000);
}

#[test]
fn a_question_for_digests_outlives_its_connection() {
    let (mut hub, mut replica) = live();
    replica.verify("home");
    assert_eq!(replica.take_frames().len(), 1);
    // The answer is lost with the connection, and whoever asked still waits.
    replica.disconnected();
    hub.disconnect();
    let mut asked = 0;
    replica.take_frames().into_iter().for_each(|frame| {
        for answer in hub.receive(frame) {
            if !matches!(answer, HubFrame::Digests { .. }) {
                replica.receive(answer, START_MS);
            }
        }
    });
    for frame in replica.take_frames() {
        asked += usize::from(matches!(frame, ClientFrame::Verify { .. }));
    }
    assert_eq!(asked, 1);
}

#[test]
fn a_stamp_from_the_future_is_merged_and_not_observed() {
    let (mut hub, mut replica) = live();
    let far_ms = START_MS + DAY_MS;
    for frame in hub.write(&[put("a", 1).stamped(foreign(far_ms))]) {
        replica.receive(frame, START_MS);
    }
    assert_eq!(read(&replica, "a"), Some(1));
    write(&mut replica, vec![put("b", 1)], START_MS);
    let register = replica.get("home", "c", "b").unwrap().register("f").unwrap().clone();
    assert!(register.stamp.time.millis() < START_MS + 1_000);
}

#[test]
fn an_expired_write_is_stamped_anew_if_created_here_and_a_conflict_otherwise() {
    let (mut hub, mut replica) = live();
    hub.write(&[put("old", 1).stamped(foreign(START_MS - 10))]);
    reconnect(&mut hub, &mut replica, START_MS);
    hub.disconnect();
    replica.disconnected();
    let later_ms = START_MS + 100 * DAY_MS;
    let mixed = write(&mut replica, vec![put("old", 2), put("new", 3)], START_MS);
    let again = write(&mut replica, vec![put("new", 4)], START_MS);
    hub.now_ms = later_ms;
    let delete = Change::delete(collection("c"), key("old"));
    hub.write(&[delete.stamped(foreign(START_MS + 50 * DAY_MS))]);
    hub.purge();
    let events = reconnect(&mut hub, &mut replica, later_ms);
    let lost: Vec<_> = events
        .iter()
        .filter_map(|event| match event {
            Event::Conflict { push, deltas, .. } => Some((*push, deltas.len())),
            _ => None,
        })
        .collect();
    assert_eq!(lost, [(mixed, 1)]);
    let acked = |id| events.iter().any(|e| matches!(e, Event::Acked { push, .. } if *push == id));
    assert!(acked(mixed) && acked(again));
    assert_eq!((read(&replica, "old"), read(&replica, "new")), (None, Some(4)));
    assert_eq!(replica.digests("home"), hub.digests(&Filter::default()));
}

#[test]
fn a_write_that_expires_whole_is_refused() {
    let (mut hub, mut replica) = live();
    hub.write(&[put("old", 1).stamped(foreign(START_MS - 10))]);
    reconnect(&mut hub, &mut replica, START_MS);
    let push = write(&mut replica, vec![put("old", 2)], START_MS);
    hub.write(&[Change::delete(collection("c"), key("old")).stamped(foreign(START_MS + DAY_MS))]);
    hub.purge();
    let events = reconnect(&mut hub, &mut replica, START_MS + DAY_MS);
    assert!(events.iter().any(|event| matches!(event, Event::Conflict { .. })));
    assert!(is_rejected(&events, push, Code::Expired));
    assert_eq!(read(&replica, "old"), None);
}

#[test]
fn a_retryable_refusal_keeps_the_push_until_it_is_released() {
    let (mut hub, mut replica) = live();
    hub.refuse = Some(Code::Busy);
    let push = write(&mut replica, vec![put("a", 1)], START_MS);
    let answers: Vec<_> =
        replica.take_frames().into_iter().flat_map(|frame| hub.receive(frame)).collect();
    let retry: Vec<_> =
        answers.into_iter().flat_map(|frame| replica.receive(frame, START_MS).retry).collect();
    assert_eq!(retry, [home()]);
    assert!(replica.is_waiting(push) && replica.take_frames().is_empty());
    hub.refuse = None;
    replica.release("home");
    converse(&mut hub, &mut replica, START_MS);
    assert_eq!((replica.outbox_len(), read(&replica, "a")), (0, Some(1)));
}

#[test]
fn the_app_sees_a_catch_up_whole() {
    let mut hub = ModelHub::new(START_MS);
    let mut replica = replica();
    let deltas: Vec<_> = (0..10)
        .map(|index| put(&format!("k{index}"), index).stamped(foreign(START_MS + index)))
        .collect();
    hub.write(&deltas);
    for mode in ["snapshot", "changes"] {
        let before = replica.list("home", "c", "").count();
        let frames: Vec<_> =
            replica.take_frames().into_iter().flat_map(|frame| hub.receive(frame)).collect();
        let mut told = vec![];
        for frame in frames {
            let is_last = matches!(frame, HubFrame::Changes { more: false, .. });
            let events = replica.receive(frame, START_MS).events;
            let changed = events.iter().filter(|event| matches!(event, Event::Changed { .. }));
            told.extend(changed.cloned());
            if !is_last && told.is_empty() {
                assert_eq!(replica.list("home", "c", "").count(), before, "{mode}");
            }
        }
        let [Event::Changed { records, .. }] = told.as_slice() else { panic!("{mode}: {told:?}") };
        assert_eq!(records.len(), 10);
        // The second time around the same comes as changes, page by page.
        hub.disconnect();
        replica.disconnected();
        let again = |(index, delta): (u64, &_)| {
            let mut delta: syncline_protocol::Delta = Clone::clone(delta);
            delta.stamp = foreign(START_MS + 100 + index);
            delta
        };
        let deltas: Vec<_> = (0..).zip(&deltas).map(again).collect();
        hub.write(&deltas);
    }
}

#[test]
fn a_gap_is_asked_for_again() {
    let (mut hub, mut replica) = live();
    hub.write(&[put("a", 1).stamped(foreign(START_MS))]);
    let frames = hub.write(&[put("b", 1).stamped(foreign(START_MS + 1))]);
    for frame in frames {
        replica.receive(frame, START_MS);
    }
    assert_eq!((read(&replica, "a"), read(&replica, "b")), (None, None));
    converse(&mut hub, &mut replica, START_MS);
    assert_eq!((read(&replica, "a"), read(&replica, "b")), (Some(1), Some(1)));
}

#[test]
fn a_part_that_is_missing_asks_for_a_new_session() {
    let mut hub = ModelHub::new(START_MS);
    let deltas: Vec<_> =
        (0..9).map(|i| put(&format!("k{i}"), i).stamped(foreign(START_MS))).collect();
    hub.write(&deltas);
    let mut replica = replica();
    let mut frames: Vec<_> =
        replica.take_frames().into_iter().flat_map(|frame| hub.receive(frame)).collect();
    let part = frames.iter().position(|f| matches!(f, HubFrame::SnapshotPart { part: 1, .. }));
    frames.remove(part.unwrap());
    let received: Vec<Received> =
        frames.into_iter().map(|frame| replica.receive(frame, START_MS)).collect();
    assert!(received.iter().any(|received| received.must_reconnect));
    assert_eq!(replica.list("home", "c", "").count(), 0);
    reconnect(&mut hub, &mut replica, START_MS);
    assert_eq!(replica.list("home", "c", "").count(), 9);
}

#[test]
fn a_divergence_is_repaired_once() {
    let (mut hub, mut replica) = live();
    let applied = Applied { sequence: 1, delta: put("ghost", 1).stamped(foreign(START_MS)) };
    let lie =
        HubFrame::Changes { space: home(), before: 0, last: 1, more: false, deltas: vec![applied] };
    replica.receive(lie, START_MS);
    hub.write(&[put("real", 1).stamped(foreign(START_MS))]);
    assert_eq!(read(&replica, "ghost"), Some(1));
    replica.verify("home");
    let events = converse(&mut hub, &mut replica, START_MS);
    let diverged = |is_repairing: bool| Event::Diverged {
        space: home(),
        collections: vec![collection("c")],
        is_repairing,
    };
    assert!(events.contains(&diverged(true)));
    assert!(events.contains(&Event::Verified { space: home(), sequence: 1 }));
    assert_eq!((read(&replica, "ghost"), read(&replica, "real")), (None, Some(1)));
    // A hub whose digests never match is reported, and not asked for ever.
    let wrong = HubFrame::Digests {
        space: home(),
        sequence: 1,
        digests: std::collections::BTreeMap::new(),
    };
    assert!(replica.receive(wrong.clone(), START_MS).events.contains(&diverged(true)));
    let frames: Vec<_> =
        replica.take_frames().into_iter().flat_map(|frame| hub.receive(frame)).collect();
    for frame in frames.into_iter().filter(|frame| !matches!(frame, HubFrame::Digests { .. })) {
        replica.receive(frame, START_MS);
    }
    assert!(replica.receive(wrong, START_MS).events.contains(&diverged(false)));
    assert!(replica.is_live("home"));
}

#[test]
fn a_right_withdrawn_takes_the_copy_and_an_unknown_space_does_not() {
    for (code, left) in [(Code::Forbidden, None), (Code::UnknownSpace, Some(1))] {
        let (mut hub, mut replica) = live();
        let frames = hub.write(&[put("a", 1).stamped(foreign(START_MS))]);
        frames.into_iter().for_each(|frame| drop(replica.receive(frame, START_MS)));
        let reject = Reject::new(code, "no");
        let subject = Subject::Space(home());
        let frame = HubFrame::Reject { subject, reject: reject.clone(), hub_ms: START_MS };
        let events = replica.receive(frame, START_MS).events;
        assert!(events.contains(&Event::SubscriptionEnded { space: home(), reject }));
        assert_eq!(read(&replica, "a"), left);
    }
}

#[test]
fn a_cursor_that_the_hub_does_not_know_is_given_up_once() {
    let (_, mut replica) = live();
    let subject = Subject::Space(home());
    let reject = Reject::new(Code::UnknownCursor, "no such place");
    let frame = HubFrame::Reject { subject, reject, hub_ms: START_MS };
    for expected in [1, 0] {
        replica.receive(frame.clone(), START_MS);
        assert_eq!((replica.cursor("home"), replica.take_frames().len()), (None, expected));
    }
}

#[test]
fn withdrawn_records_leave_and_joining_ones_come_at_the_cursor() {
    let (mut hub, mut replica) = live();
    let frames = hub.write(&[put("a", 1).stamped(foreign(START_MS))]);
    frames.into_iter().for_each(|frame| drop(replica.receive(frame, START_MS)));
    let withdraw =
        HubFrame::Withdraw { space: home(), collection: collection("c"), keys: vec![key("a")] };
    let events = replica.receive(withdraw, START_MS).events;
    assert!(matches!(events.as_slice(), [Event::Changed { .. }]));
    assert_eq!((read(&replica, "a"), replica.digests("home").len()), (None, 0));
    // What covers only what was read before brings nothing back.
    let frames = hub.write(&[put("b", 1).stamped(foreign(START_MS))]);
    frames.into_iter().for_each(|frame| drop(replica.receive(frame, START_MS)));
    let repeat = Applied { sequence: 1, delta: put("a", 1).stamped(foreign(START_MS)) };
    let (space, deltas) = (home(), vec![repeat.clone()]);
    replica.receive(HubFrame::Changes { space, before: 0, last: 1, more: false, deltas }, START_MS);
    let (space, deltas) = (home(), vec![repeat]);
    replica.receive(HubFrame::Changes { space, before: 0, last: 2, more: false, deltas }, START_MS);
    assert_eq!(read(&replica, "a"), None);
    let applied = Applied { sequence: 1, delta: put("a", 1).stamped(foreign(START_MS)) };
    let joins =
        HubFrame::Changes { space: home(), before: 2, last: 2, more: false, deltas: vec![applied] };
    replica.receive(joins, START_MS);
    assert_eq!(read(&replica, "a"), Some(1));
    assert_eq!(replica.digests("home"), hub.digests(&Filter::default()));
}

#[test]
fn another_filter_gets_another_view() {
    let (mut hub, mut replica) = live();
    let other = Change::put(collection("d"), key("x"), vec![(field("f"), Some(Value::nil()))]);
    hub.write(&[put("a", 1).stamped(foreign(START_MS)), other.unwrap().stamped(foreign(START_MS))]);
    reconnect(&mut hub, &mut replica, START_MS);
    assert_eq!(replica.digests("home").len(), 2);
    assert!(replica.open(&home(), Filter::new([collection("dd")], "").unwrap()));
    converse(&mut hub, &mut replica, START_MS);
    assert_eq!(replica.digests("home").len(), 0);
    assert!(!replica.open(&home(), Filter::new([collection("dd")], "").unwrap()));
}

#[test]
fn what_the_hub_cannot_take_is_not_written() {
    let mut replica = replica();
    let change = |value: &str| {
        let fields = vec![(field("f"), Some(Value::from(value)))];
        Change::put(collection("c"), key("a"), fields).unwrap()
    };
    let huge = "x".repeat((1 << 20) - 16);
    let mut write = |changes| replica.write(&home(), changes, vec![], START_MS);
    assert!(matches!(write(vec![change(&huge)]), Err(WriteError::TooLarge { .. })));
    assert!(matches!(write(vec![]), Err(WriteError::Empty)));
    let reserved = Change::delete(collection(".own"), key("a"));
    assert!(matches!(write(vec![reserved]), Err(WriteError::Reserved(_))));
    let other = SpaceName::new("other").unwrap();
    assert_eq!(
        replica.write(&other, vec![change("x")], vec![], START_MS),
        Err(WriteError::NotOpen(other))
    );
    assert_eq!(replica.outbox_len(), 0);
}

#[test]
fn old_deletes_are_purged_and_nothing_that_shows() {
    let (mut hub, mut replica) = live();
    let delete = Change::delete(collection("c"), key("a")).stamped(foreign(START_MS));
    for frame in hub.write(&[put("b", 1).stamped(foreign(START_MS)), delete]) {
        replica.receive(frame, START_MS);
    }
    assert_eq!(replica.records("home").count(), 2);
    replica.purge(START_MS + 91 * DAY_MS);
    assert_eq!(replica.records("home").count(), 1);
    assert_eq!(read(&replica, "b"), Some(1));
}

#[test]
fn a_list_joins_copy_and_overlay_in_the_order_of_keys() {
    let (mut hub, mut replica) = live();
    let deltas = ["a/1", "a/3", "b"].map(|key| put(key, 1).stamped(foreign(START_MS)));
    hub.write(&deltas).into_iter().for_each(|frame| drop(replica.receive(frame, START_MS)));
    write(&mut replica, vec![put("a/2", 2), put("a/3", 3), put("0", 0)], START_MS + 1);
    write(&mut replica, vec![Change::delete(collection("c"), key("a/1"))], START_MS + 2);
    let listed: Vec<_> = replica
        .list("home", "c", "a/")
        .map(|(key, record)| (key.to_string(), record.get("f").unwrap().as_u64().unwrap()))
        .collect();
    assert_eq!(listed, [("a/2".to_owned(), 2), ("a/3".to_owned(), 3)]);
    assert_eq!(replica.list("home", "none", "").count(), 0);
}
