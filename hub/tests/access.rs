//! Access rules over random runs: nobody is sent what they may not read, whatever happens to rules,
//! roles and connections meanwhile, and what they have is in the end what they may read.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on has failed")]

mod workbench;

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use proptest::prelude::*;
use syncline::access::directory::{Action, collection as system, member_key};
use syncline::access::principal::Principal;
use syncline::access::token::{RANDOM_BYTES, Token};
use syncline::config;
use syncline::engine::admin::{system_delete, system_put};
use syncline::engine::{Submission, Told, Work, system_space};
use syncline_protocol::{Change, Filter, Value};
use workbench::follower::{FOLLOWED, Follower};
use workbench::random::cases;
use workbench::{Bench, delete, put, space};

const PEOPLE: [&str; 3] = ["ann", "ben", "cid"];
const RECORDS: [&str; 4] = ["a/1", "a/2", "b/1", "b/2"];

/// What may happen.
#[derive(Debug, Clone)]
enum Event {
    /// Writes and changes of rights, all in one batch, in this order.
    Commit(Vec<Deed>),
    Publish,
    Step(usize, u8),
    Connect(usize, usize),
    Cut(usize),
    Pass(u64),
}

#[derive(Debug, Clone)]
enum Deed {
    Write(Change),
    /// The rule of this number, of these patterns; allows, denies, or is gone.
    Rule(u8, [&'static str; 3], Option<bool>),
    Role(usize, &'static str),
}

fn change() -> impl Strategy<Value = Change> {
    let name = prop::sample::select(vec!["c", "d"]);
    let record = prop::sample::select(RECORDS.to_vec());
    (name, record, any::<u16>(), 0..5_u8).prop_map(|(name, record, value, kind)| match kind {
        0 => delete(name, record),
        _ => put(name, record, "x", value.into()),
    })
}

fn work() -> impl Strategy<Value = Deed> {
    let who = prop::sample::select(vec!["*", "ann", "ben", "c*"]);
    let item = prop::sample::select(vec!["*", "c/*", "d/*", "c/a/*", "d/b/1", "c/a/1", "d/b*"]);
    let action = prop::sample::select(vec!["*", "read", "r*", "write"]);
    let rule = (0..6_u8, who, item, action, prop::option::weighted(0.8, any::<bool>()));
    let role = (0..3_usize, prop::sample::select(vec!["reader", "writer", "owner"]));
    prop_oneof![
        5 => change().prop_map(Deed::Write),
        3 => rule.prop_map(|(at, who, item, deed, says)| Deed::Rule(at, [who, item, deed], says)),
        1 => role.prop_map(|(who, role)| Deed::Role(who, role)),
    ]
}

fn event() -> impl Strategy<Value = Event> {
    let who = 0..3_usize;
    let room = prop::sample::select(vec![10, 400, 1 << 20]);
    prop_oneof![
        6 => prop::collection::vec(work(), 1..5).prop_map(Event::Commit),
        5 => Just(Event::Publish),
        6 => (who.clone(), 1..4_u8).prop_map(|(who, steps)| Event::Step(who, steps)),
        1 => (who.clone(), room).prop_map(|(who, room)| Event::Connect(who, room)),
        1 => who.prop_map(Event::Cut),
        1 => (1..150_u64).prop_map(Event::Pass),
    ]
}

/// The hub, three people, and what has been committed and not told yet.
struct World {
    bench: Bench,
    followers: Vec<Follower>,
    told: VecDeque<Told>,
    sessions: u64,
    /// Since which batch somebody may not read a record, where they may not.
    denied: BTreeMap<(usize, String), u64>,
    /// By which batch each sequence was committed.
    batches: Vec<u64>,
    batch: u64,
}

impl World {
    fn new() -> Self {
        let settings = config::Store {
            tombstone_retention: Duration::from_millis(100),
            maintenance_interval: Duration::from_millis(50),
            ..config::Store::default()
        };
        let mut bench = Bench::in_memory(settings, vec![]);
        bench.make_spaces(&[FOLLOWED]).unwrap();
        let followers = PEOPLE.iter().map(|name| {
            let mut follower = Follower::new(Filter::default(), 1000, 120);
            follower.reader = admit(&mut bench, name);
            follower
        });
        let followers = followers.collect();
        let batches = vec![0];
        let (told, denied) = (VecDeque::new(), BTreeMap::new());
        let mut world = Self { bench, followers, told, sessions: 0, denied, batches, batch: 0 };
        (0..3).for_each(|who| world.connect(who, 400));
        world
    }

    fn happen(&mut self, event: Event) {
        match event {
            Event::Commit(works) => self.commit(works),
            Event::Publish => self.publish(),
            Event::Step(who, steps) => {
                for _ in 0..steps {
                    self.followers[who].step(&self.bench, false);
                    self.judge(who);
                }
            }
            Event::Connect(who, room) => self.connect(who, room),
            Event::Cut(who) => self.followers[who].cut(),
            Event::Pass(ms) => self.bench.pass(Duration::from_millis(ms)),
        }
    }

    fn commit(&mut self, works: Vec<Deed>) {
        self.bench.now_ms += 1;
        self.batch += 1;
        let works = works.into_iter().map(|work| match work {
            Deed::Write(change) => Work::Write(Submission::changes(space(FOLLOWED), vec![change])),
            Deed::Rule(at, patterns, says) => rule(at, patterns, says),
            Deed::Role(who, role) => role_of(PEOPLE[who], role),
        });
        let committed = self.bench.commit(works.collect()).unwrap();
        assert!(committed.answers.iter().all(Result::is_ok), "{:?}", committed.answers);
        let sequence = usize::try_from(self.bench.row(FOLLOWED).sequence).unwrap();
        self.batches.resize(sequence + 1, self.batch);
        self.note_rights();
        self.told.push_back(committed.told);
    }

    /// Who may read what now, asked record by record of the rules themselves.
    fn note_rights(&mut self) {
        let directory = self.bench.writer.engine().directory().clone();
        for (who, follower) in self.followers.iter().enumerate() {
            let access =
                directory.access(&follower.reader, &space(FOLLOWED), Action::Read, u64::MAX / 2);
            for (name, record) in ["c", "d"].iter().flat_map(|c| RECORDS.map(|key| (*c, key))) {
                let at = (who, format!("{name}/{record}"));
                if access.allows(name, record) {
                    self.denied.remove(&at);
                } else {
                    self.denied.entry(at).or_insert(self.batch);
                }
            }
        }
    }

    /// Nothing came that was written when, or after, its reader might not read it for good.
    fn judge(&mut self, who: usize) {
        for applied in std::mem::take(&mut self.followers[who].copy.heard) {
            let change = &applied.delta.change;
            let item = format!("{}/{}", change.collection, change.key);
            let written = self.batches[usize::try_from(applied.sequence).unwrap()];
            let since = self.denied.get(&(who, item.clone()));
            assert!(
                since.is_none_or(|since| *since > written),
                "{} was sent {item} of batch {written}, denied since {since:?}",
                PEOPLE[who],
            );
        }
    }

    fn publish(&mut self) {
        if let Some(told) = self.told.pop_front() {
            self.bench.fanout.retire(&told.rights, told.version);
            self.bench.fanout.publish(&told.publications);
        }
    }

    fn connect(&mut self, who: usize, room: usize) {
        self.sessions += 1;
        self.followers[who].connect(&self.bench, self.sessions, room);
    }
}

/// Makes an account with a token, a reader of the space that is followed.
fn admit(bench: &mut Bench, name: &str) -> Principal {
    let token = Token::from_random([name.as_bytes()[0]; RANDOM_BYTES]);
    let id = token.id().to_string();
    let digest = Value::from(hex::encode(token.digest().to_bytes()).as_str());
    let fields = [("user", Value::from(name)), ("role", Value::from("owner"))];
    let changes = vec![
        system_put(system::USERS, name, &[("admin", Value::from(false))]),
        system_put(system::CREDENTIALS, &format!("token:{id}"), &[("digest", digest)]),
        system_put(system::TOKENS, &id, &fields),
    ];
    let works =
        vec![Work::Write(Submission::changes(system_space(), changes)), role_of(name, "reader")];
    assert!(bench.commit(works).unwrap().answers.iter().all(Result::is_ok));
    bench.writer.engine().directory().recognise(&token, bench.now_ms).unwrap()
}

fn role_of(name: &str, role: &str) -> Work {
    let fields = [("role", Value::from(role))];
    let change = system_put(system::MEMBERS, &member_key(&space(FOLLOWED), name), &fields);
    Work::Write(Submission::changes(system_space(), vec![change]))
}

fn rule(at: u8, [who, item, action]: [&str; 3], says: Option<bool>) -> Work {
    let key = format!("{FOLLOWED}:{at}");
    let change = match says {
        None => system_delete(system::RULES, &key),
        Some(allows) => {
            let verdict = if allows { "allow" } else { "deny" };
            let fields =
                [("principal", who), ("item", item), ("action", action), ("verdict", verdict)];
            system_put(system::RULES, &key, &fields.map(|(name, it)| (name, Value::from(it))))
        }
    };
    Work::Write(Submission::changes(system_space(), vec![change]))
}

proptest! {
    #![proptest_config(cases(300))]

    #[test]
    fn nobody_is_sent_what_they_may_not_read(
        events in prop::collection::vec(event(), 1..100),
    ) {
        let mut world = World::new();
        events.into_iter().for_each(|event| world.happen(event));
        while !world.told.is_empty() {
            world.publish();
        }
        for (who, name_of) in PEOPLE.iter().enumerate() {
            if world.followers[who].subscription.is_none() {
                world.connect(who, 1 << 20);
            }
            world.followers[who].catch_up(&world.bench);
            world.judge(who);
            let follower = &world.followers[who];
            prop_assert_eq!(follower.copy.gaps, 0, "a frame did not join what was sent before");
            prop_assert_eq!(follower.shown(), follower.expected(&world.bench));
            let access = follower.reading(&world.bench).access;
            // That something was deleted may stay known: what it was is not.
            let shown = follower.copy.records.iter().filter(|(_, record)| record.is_visible());
            for ((name, key), _) in shown {
                let allowed = access.allows(name.as_str(), key.as_str());
                prop_assert!(allowed, "{} still holds {}/{}", name_of, name, key);
            }
        }
        world.bench.assert_sound();
    }
}
