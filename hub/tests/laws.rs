//! The laws that the hub keeps, each as a property of random runs. Law 3 is in `crash.rs`, the
//! laws that need no hub are beside the protocol.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on has failed")]

mod workbench;

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use proptest::prelude::*;
use syncline::config;
use syncline::engine::{Submission, Work};
use syncline::publication::Publication;
use syncline_protocol::{Change, Code, Delta, Filter, RecordKey, Stamp};
use workbench::follower::{FOLLOWED, Follower};
use workbench::random::cases;
use workbench::{Bench, collection, delete, field, key, put, space, stamp};

/// Tombstones are old soon, and housekeeping is always at it.
fn settings() -> config::Store {
    config::Store {
        tombstone_retention: Duration::from_millis(100),
        compaction_pause: Duration::from_millis(2),
        compaction_batch: 5,
        maintenance_interval: Duration::from_millis(50),
        ..config::Store::default()
    }
}

fn bench() -> Bench {
    let mut bench = Bench::in_memory(settings(), vec![]);
    bench.make_spaces(&[FOLLOWED]).unwrap();
    bench
}

/// A change of some record.
fn change() -> impl Strategy<Value = Change> {
    let name = prop::sample::select(vec!["c", "d"]);
    let record = prop::sample::select(vec!["a/1", "a/2", "b/1", "b/2"]);
    let of = prop::sample::select(vec!["x", "y", "z"]);
    (name, record, of, any::<u16>(), 0..4_u8).prop_map(|(name, record, of, value, kind)| match kind
    {
        0 => delete(name, record),
        _ => put(name, record, of, value.into()),
    })
}

fn filter() -> impl Strategy<Value = Filter> {
    let names = prop::sample::select(vec![&[][..], &["c"], &["c", "d"]]);
    let prefix = prop::sample::select(vec!["", "a/", "b/1", "none"]);
    (names, prefix).prop_map(|(names, prefix)| {
        Filter::new(names.iter().map(|name| collection(name)), prefix).unwrap()
    })
}

/// What may happen to a hub and its followers.
#[derive(Debug, Clone)]
enum Event {
    Write(Vec<Change>),
    Publish,
    Step(usize, u8),
    Lose(usize),
    Connect(usize, usize),
    Cut(usize),
    Pass(u64),
}

fn event() -> impl Strategy<Value = Event> {
    let who = 0..4_usize;
    // Some queues hold one frame, some none, some all.
    let room = prop::sample::select(vec![10, 150, 400, 1 << 20]);
    prop_oneof![
        6 => prop::collection::vec(change(), 1..6).prop_map(Event::Write),
        5 => Just(Event::Publish),
        6 => (who.clone(), 1..5_u8).prop_map(|(who, steps)| Event::Step(who, steps)),
        1 => who.clone().prop_map(Event::Lose),
        2 => (who.clone(), room).prop_map(|(who, room)| Event::Connect(who, room)),
        1 => who.prop_map(Event::Cut),
        2 => (1..150_u64).prop_map(Event::Pass),
    ]
}

/// Hub, followers, and what the fan-out thread has not come to yet.
struct World {
    bench: Bench,
    followers: Vec<Follower>,
    told: VecDeque<Vec<Publication>>,
    sessions: u64,
    /// Whose connection may have lost a frame: only they may ever see a gap.
    lossy: Vec<bool>,
}

impl World {
    fn new(filters: Vec<Filter>) -> Self {
        let lossy = vec![false; filters.len()];
        let followers =
            filters.into_iter().map(|filter| Follower::new(filter, 1000, 120)).collect();
        Self { bench: bench(), followers, told: VecDeque::new(), sessions: 0, lossy }
    }

    fn happen(&mut self, event: Event) {
        match event {
            Event::Write(changes) => self.write(changes),
            Event::Publish => self.publish(),
            Event::Step(who, steps) => {
                for _ in 0..steps {
                    self.followers[who].step(&self.bench, false);
                }
                self.heal_gap(who);
            }
            Event::Lose(who) => {
                self.lossy[who] = true;
                self.followers[who].step(&self.bench, true);
                self.heal_gap(who);
            }
            Event::Connect(who, room) => self.connect(who, room),
            Event::Cut(who) => self.followers[who].cut(),
            Event::Pass(ms) => self.bench.pass(Duration::from_millis(ms)),
        }
    }

    fn write(&mut self, changes: Vec<Change>) {
        self.bench.now_ms += 1;
        let work = Work::Write(Submission::changes(space(FOLLOWED), changes));
        let committed = self.bench.commit(vec![work]).unwrap();
        assert!(committed.answers[0].is_ok(), "{:?}", committed.answers);
        self.told.push_back(committed.told.publications);
    }

    fn publish(&mut self) {
        if let Some(publications) = self.told.pop_front() {
            self.bench.fanout.publish(&publications);
        }
    }

    fn connect(&mut self, who: usize, room: usize) {
        self.sessions += 1;
        self.lossy[who] = false;
        self.followers[who].connect(&self.bench, self.sessions, room);
    }

    /// A client that sees a gap asks anew from its cursor.
    fn heal_gap(&mut self, who: usize) {
        if std::mem::take(&mut self.followers[who].copy.gaps) > 0 {
            assert!(self.lossy[who], "a frame did not join what was sent before");
            self.connect(who, 1 << 20);
        }
    }
}

proptest! {
    #![proptest_config(cases(200))]

    #[test]
    fn law_4_nothing_is_skipped(
        filters in prop::collection::vec(filter(), 4),
        events in prop::collection::vec(event(), 1..120),
    ) {
        let mut world = World::new(filters);
        (0..4).for_each(|who| world.connect(who, 400));
        events.into_iter().for_each(|event| world.happen(event));
        while !world.told.is_empty() {
            world.publish();
        }
        for who in 0..4 {
            // A connection that lost its last frame hears of it only when the next one comes.
            if world.lossy[who] || world.followers[who].subscription.is_none() {
                world.connect(who, 1 << 20);
            }
            world.followers[who].catch_up(&world.bench);
            let follower = &world.followers[who];
            prop_assert_eq!(follower.copy.gaps, 0, "a frame did not join what was sent before");
            prop_assert_eq!(follower.shown(), follower.expected(&world.bench));
            let sequence = world.bench.row(FOLLOWED).sequence;
            prop_assert_eq!(follower.copy.cursor.unwrap().sequence, sequence);
        }
        world.bench.assert_sound();
    }

}

proptest! {
    #![proptest_config(cases(40))]

    #[test]
    fn law_5_catch_up_costs_what_changed(
        changes in prop::collection::vec(change(), 1..300),
        joins in 0..300_usize,
    ) {
        let mut world = World::new(vec![Filter::default(), Filter::default()]);
        world.connect(0, 1 << 20);
        for (at, change) in changes.into_iter().enumerate() {
            if at == joins {
                world.connect(1, 1 << 20);
                world.followers[1].catch_up(&world.bench);
                world.followers[1].cut();
            }
            world.write(vec![change]);
        }
        let live = |bench: &Bench| {
            let snapshot = bench.snapshot();
            let row = bench.row(FOLLOWED);
            let all = Filter::default().into();
            let page = snapshot.records(row.id, &all, None, usize::MAX).unwrap();
            let registers = page.records.iter().map(|(_, _, row)| {
                row.record.registers().len() + usize::from(row.record.tombstone().is_some())
            });
            registers.sum::<usize>()
        };
        // Long enough for every round, too short for a purge.
        world.bench.pass(Duration::from_millis(99));
        let (row, live) = (world.bench.row(FOLLOWED), live(&world.bench));
        prop_assert!(row.log_entries <= 2 * live as u64, "{} entries, {live} live", row.log_entries);
        for who in 0..2 {
            let before = world.followers[who].copy.received;
            world.connect(who, 1 << 20);
            world.followers[who].catch_up(&world.bench);
            let follower = &world.followers[who];
            let cost = follower.copy.received - before;
            prop_assert!(cost <= 2 * live, "a catch-up of {cost} deltas for {live} live fields");
            prop_assert_eq!(follower.shown(), follower.expected(&world.bench));
        }
        world.bench.assert_sound();
    }

    #[test]
    fn law_7_deletes_end_and_stay_ended(
        writes in prop::collection::vec((change(), 0..400_u64, 1..4_u64, 0..60_u64), 1..80),
    ) {
        let mut bench = bench();
        bench.now_ms += 1000;
        // The greatest delete that each record was acknowledged to have.
        let mut deleted = BTreeMap::<(String, RecordKey), Stamp>::new();
        for (change, late_ms, by, pause_ms) in writes {
            let stamp = stamp(bench.now_ms - late_ms, by);
            let at = (change.collection.to_string(), change.key.clone());
            let is_delete = matches!(change.op, syncline_protocol::Op::Delete);
            match bench.push(FOLLOWED, vec![change.stamped(stamp)]) {
                Ok(_) if is_delete => {
                    let greatest = deleted.entry(at).or_insert(stamp);
                    *greatest = stamp.max(*greatest);
                }
                Ok(_) => {}
                Err(reject) => prop_assert_eq!(reject.code, Code::Expired),
            }
            bench.pass(Duration::from_millis(pause_ms));
            let (snapshot, row) = (bench.snapshot(), bench.row(FOLLOWED));
            let all = Filter::default().into();
            let page = snapshot.records(row.id, &all, None, usize::MAX).unwrap();
            for (collection, key, row) in page.records {
                let Some(delete) = deleted.get(&(collection.to_string(), key.clone())) else {
                    continue;
                };
                let risen = row.record.visible().find(|(_, register, _)| register.stamp <= *delete);
                prop_assert!(risen.is_none(), "{collection}/{key}: {risen:?} rose from the dead");
            }
        }
        bench.pass(Duration::from_secs(1));
        let (snapshot, row) = (bench.snapshot(), bench.row(FOLLOWED));
        for (name, counts) in snapshot.collections(row.id).unwrap() {
            prop_assert_eq!(counts.tombstones, 0, "{} still remembers deletes", name);
        }
        bench.assert_sound();
    }
}

#[test]
fn law_6_a_slow_reader_costs_bounded_bytes() {
    const ROOM: usize = 16 * 1024;
    let mut world = World::new(vec![Filter::default(), Filter::default()]);
    let [slow, quick] = [0, 1];
    world.connect(slow, ROOM);
    world.connect(quick, 1 << 20);
    world.followers.iter_mut().for_each(|follower| follower.catch_up(&world.bench));
    let mut greatest = 0;
    for round in 0..500_u64 {
        let text = "x".repeat(100);
        let put = |at: u64| {
            let fields = vec![(field("x"), Some((*format!("{text}{round}")).into()))];
            Change::put(collection("c"), key(&at.to_string()), fields).unwrap()
        };
        world.write((0..10).map(put).collect());
        world.publish();
        greatest = greatest.max(world.followers[slow].queue.bytes());
        // The other one gets each batch from its queue at once: it never reads from the log.
        let (follower, bench) = (&mut world.followers[quick], &world.bench);
        while follower.step(bench, false) {
            assert!(follower.subscription.as_ref().unwrap().is_live(), "round {round}");
        }
        assert_eq!(follower.copy.cursor.unwrap().sequence, bench.row(FOLLOWED).sequence);
    }
    assert!(greatest > ROOM / 2 && greatest <= ROOM, "{greatest} bytes waited of {ROOM}");
    assert_eq!(world.followers[slow].queue.bytes(), 0, "a full queue holds nothing any more");
    assert_eq!(world.followers[slow].copy.received, 0);
    world.bench.pass(Duration::from_secs(10));
    world.followers[slow].catch_up(&world.bench);
    let follower = &world.followers[slow];
    assert_eq!(follower.shown(), follower.expected(&world.bench));
    assert!(follower.copy.received <= 20, "it read all {} writes", follower.copy.received);
}

#[test]
fn a_gap_is_noticed() {
    let mut world = World::new(vec![Filter::default()]);
    world.connect(0, 1 << 20);
    world.followers[0].catch_up(&world.bench);
    for value in 0..2 {
        world.write(vec![put("c", "a", if value == 0 { "x" } else { "y" }, value)]);
        world.publish();
    }
    world.happen(Event::Lose(0));
    world.followers[0].step(&world.bench, false);
    assert_eq!(world.followers[0].copy.gaps, 1, "the second frame does not join the cursor");
    world.heal_gap(0);
    world.followers[0].catch_up(&world.bench);
    assert_eq!(world.followers[0].shown(), world.followers[0].expected(&world.bench));
}

/// One delta of a replica.
fn late(change: Change, ms: u64) -> Vec<Delta> {
    vec![change.stamped(stamp(ms, 1))]
}

#[test]
fn a_late_write_to_a_purged_record_is_expired() {
    let mut bench = bench();
    let then = bench.now_ms;
    bench.push(FOLLOWED, late(put("c", "a/1", "x", 1), then)).unwrap();
    bench.push(FOLLOWED, late(delete("c", "a/1"), then + 10)).unwrap();
    bench.pass(Duration::from_millis(300));
    let reject = bench.push(FOLLOWED, late(put("c", "a/1", "x", 2), then + 9)).unwrap_err();
    assert_eq!((reject.code, reject.index), (Code::Expired, Some(0)));
}
