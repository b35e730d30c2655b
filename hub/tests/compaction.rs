//! Housekeeping at work: a log that stays short however often a record is written, deletes that
//! are purged once nobody needs them, and what is remembered of them.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on has failed")]

mod workbench;

use std::time::Duration;

use syncline::config;
use syncline::engine::Work;
use syncline_protocol::{Change, Code, Delta, Filter, Value};
use workbench::follower::{FOLLOWED, Follower};
use workbench::{Bench, collection, delete, field, key, put, stamp};

/// How often the record is written.
const WRITES: u64 = 100_000;
/// Pushes of one commit.
const BATCH: u64 = 500;
const FIELDS: u64 = 10;

/// Every field, or one of them.
fn overwrite(value: u64) -> Change {
    let all = 0..FIELDS;
    let one = value % FIELDS..value % FIELDS + 1;
    let fields = if value.is_multiple_of(3) { all } else { one };
    let fields = fields.map(|at| (field(&format!("f{at}")), Some(Value::from(value))));
    Change::put(collection("c"), key("record"), fields.collect()).unwrap()
}

#[test]
fn a_record_written_a_hundred_thousand_times_costs_a_short_log() {
    let mut bench = Bench::in_memory(config::Store::default(), vec![]);
    bench.make_spaces(&[FOLLOWED]).unwrap();
    bench.push(FOLLOWED, vec![put("c", "other", "x", 1).stamped(stamp(bench.now_ms, 1))]).unwrap();
    let mut follower = Follower::new(Filter::default(), 1 << 20, 256 * 1024);
    follower.connect(&bench, 1, 1 << 20);
    follower.catch_up(&bench);
    let cursor = follower.copy.cursor.unwrap();
    follower.cut();

    let mut longest = 0;
    for batch in 0..WRITES / BATCH {
        // 25,000 writes a second.
        bench.now_ms += 20;
        let values = batch * BATCH..(batch + 1) * BATCH;
        let by_one = |at: u64| overwrite(at).stamped(stamp(bench.now_ms - 1, 1 + at % BATCH));
        let deltas: Vec<_> = values.map(by_one).collect();
        let works = deltas.into_iter().map(|delta| bench.work(FOLLOWED, vec![delta])).collect();
        let answers = bench.commit(works).unwrap().answers;
        assert!(answers.iter().all(Result::is_ok));
        longest = longest.max(bench.row(FOLLOWED).log_entries);
    }
    assert!(longest < 10_000, "compaction keeps pace with writes: {longest} entries at worst");
    bench.pass(config::Store::default().maintenance_interval * 2);
    let row = bench.row(FOLLOWED);
    // Ten fields of the record, and one of the other.
    assert!(row.log_entries <= 2 * (FIELDS + 1), "{} entries are left", row.log_entries);
    bench.assert_sound();

    follower.copy.received = 0;
    follower.connect(&bench, 2, 1 << 20);
    follower.catch_up(&bench);
    assert_eq!(follower.copy.snapshots, 1, "its cursor is still good");
    assert!(cursor.sequence < follower.copy.cursor.unwrap().sequence);
    assert!(follower.copy.received as u64 <= 2 * FIELDS, "{} deltas", follower.copy.received);
    assert_eq!(follower.shown(), follower.expected(&bench));
}

/// Tombstones are old after a second.
fn bench() -> Bench {
    let settings = config::Store {
        tombstone_retention: Duration::from_secs(1),
        maintenance_interval: Duration::from_millis(100),
        ..config::Store::default()
    };
    let mut bench = Bench::in_memory(settings, vec![]);
    bench.make_spaces(&[FOLLOWED]).unwrap();
    bench
}

/// One delta, so many milliseconds after the beginning.
fn at(change: Change, after_ms: u64) -> Vec<Delta> {
    vec![change.stamped(stamp(workbench::BEGIN_MS + after_ms, 1))]
}

fn tombstones(bench: &Bench) -> u64 {
    let collections = bench.snapshot().collections(bench.row(FOLLOWED).id).unwrap();
    collections.values().map(|counts| counts.tombstones).sum()
}

#[test]
fn a_collection_may_remember_its_deletes_for_longer_or_shorter() {
    let mut bench = bench();
    let set = |name: &str, retention| Work::SetRetention {
        space: workbench::space(FOLLOWED),
        collection: collection(name),
        retention: Some(Duration::from_millis(retention)),
    };
    let works = vec![set("short", 100), set("long", 5_000)];
    assert!(bench.commit(works).unwrap().answers.iter().all(Result::is_ok));
    for name in ["short", "usual", "long"] {
        bench.push(FOLLOWED, at(put(name, "a", "x", 1), 0)).unwrap();
        bench.push(FOLLOWED, at(delete(name, "a"), 10)).unwrap();
    }
    bench.pass(Duration::from_millis(500));
    assert_eq!(tombstones(&bench), 2, "the short one is forgotten");
    bench.pass(Duration::from_millis(1_000));
    assert_eq!(tombstones(&bench), 1, "the usual one too");
    bench.pass(Duration::from_secs(5));
    assert_eq!(tombstones(&bench), 0);
    bench.assert_sound();
}

#[test]
fn a_purged_delete_leaves_its_stamp_and_a_horizon() {
    let mut bench = bench();
    bench.push(FOLLOWED, at(put("c", "a", "x", 1), 0)).unwrap();
    bench.push(FOLLOWED, at(put("c", "old", "x", 1), 0)).unwrap();
    let deleted = bench.push(FOLLOWED, at(delete("c", "a"), 10)).unwrap().sequence();
    bench.pass(Duration::from_millis(900));
    assert_eq!((tombstones(&bench), bench.row(FOLLOWED).horizon), (1, 0), "too young");
    bench.pass(Duration::from_millis(400));
    assert_eq!((tombstones(&bench), bench.row(FOLLOWED).horizon), (0, deleted));
    let row = bench.row(FOLLOWED);
    let purged = bench.snapshot().collections(row.id).unwrap()[&collection("c")].purged;
    assert_eq!(purged, Some(stamp(workbench::BEGIN_MS + 10, 1)));

    // At or below it nothing is believed of a record that is not there.
    for after_ms in [5, 10] {
        let reject = bench.push(FOLLOWED, at(put("c", "a", "x", 2), after_ms)).unwrap_err();
        assert_eq!((reject.code, reject.index), (Code::Expired, Some(0)));
    }
    // A record that was there all the time has lost nothing.
    bench.push(FOLLOWED, at(put("c", "old", "y", 2), 5)).unwrap();
    // One made since remembers that it was not: its older fields may have been deleted.
    bench.push(FOLLOWED, at(put("c", "a", "x", 3), 11)).unwrap();
    let reject = bench.push(FOLLOWED, at(put("c", "a", "y", 4), 10)).unwrap_err();
    assert_eq!(reject.code, Code::Expired, "the row's floor");
    // Other collections have purged nothing.
    bench.push(FOLLOWED, at(put("d", "a", "x", 1), 5)).unwrap();
    // Nothing of a push that holds an expired delta is applied.
    let mut both = at(put("c", "new", "x", 1), 20);
    both.extend(at(put("c", "b", "x", 1), 5));
    let reject = bench.push(FOLLOWED, both).unwrap_err();
    assert_eq!((reject.code, reject.index), (Code::Expired, Some(1)));
    assert!(bench.snapshot().record(row.id, &collection("c"), &key("new")).unwrap().is_none());
    bench.assert_sound();
}

#[test]
fn a_cursor_before_the_horizon_gets_a_snapshot_without_tombstones() {
    let mut bench = bench();
    bench.push(FOLLOWED, at(put("c", "a", "x", 1), 0)).unwrap();
    bench.push(FOLLOWED, at(put("c", "b", "x", 1), 0)).unwrap();
    let mut follower = Follower::new(Filter::default(), 1 << 20, 1 << 20);
    follower.connect(&bench, 1, 1 << 20);
    follower.catch_up(&bench);
    follower.cut();
    bench.push(FOLLOWED, at(delete("c", "a"), 10)).unwrap();
    bench.pass(Duration::from_secs(2));
    assert_eq!(tombstones(&bench), 0);
    follower.connect(&bench, 2, 1 << 20);
    follower.catch_up(&bench);
    assert_eq!(follower.copy.snapshots, 2);
    assert_eq!(follower.shown(), follower.expected(&bench));
    assert_eq!(follower.copy.records.len(), 1, "the deleted record is gone without a trace");
}

#[test]
fn a_running_catch_up_pins_the_deletes_that_it_needs() {
    let mut bench = bench();
    for record in 0..20 {
        bench.push(FOLLOWED, at(put("c", &format!("k{record:02}"), "x", 1), 0)).unwrap();
    }
    // Pages of a few records: the snapshot has begun and not ended.
    let mut follower = Follower::new(Filter::default(), 1 << 20, 200);
    follower.connect(&bench, 1, 1 << 20);
    follower.step(&bench, false);
    assert!(follower.copy.records.is_empty(), "an app sees its copy change at the end");
    // The record lies in the part that was sent.
    bench.push(FOLLOWED, at(delete("c", "k00"), 10)).unwrap();
    bench.pass(Duration::from_secs(3));
    assert_eq!(tombstones(&bench), 1, "the catch-up still needs it");
    follower.catch_up(&bench);
    assert_eq!(follower.shown(), follower.expected(&bench));
    assert_eq!(follower.copy.snapshots, 1, "the delete came by the log");
    bench.pass(Duration::from_secs(3));
    assert_eq!(tombstones(&bench), 0, "now it may go");
    bench.assert_sound();
}

#[test]
fn what_was_deleted_takes_no_room_in_a_list() {
    let mut bench = bench();
    for name in ["a", "b", "c"] {
        bench.push(FOLLOWED, at(put("c", name, "x", 1), 1)).unwrap();
    }
    bench.push(FOLLOWED, at(delete("c", "a"), 2)).unwrap();
    let id = bench.row(FOLLOWED).id;
    let all = (id, &workbench::collection("c"), "");
    let list = bench.snapshot().shown_range(all, 2, |_| true).unwrap();
    let keys: Vec<_> = list.iter().map(|(key, _)| key.as_str()).collect();
    assert_eq!(keys, ["b", "c"]);
}
