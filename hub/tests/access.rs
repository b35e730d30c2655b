//! Access rules over random runs: nobody is sent what they may not read, whatever happens to rules,
//! roles and connections meanwhile, and what they have is in the end what they may read.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on has failed")]

mod workbench;

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use proptest::prelude::*;
use syncline::access::acl::Verdict;
use syncline::access::directory::{Action, Directory, collection as system, member_key};
use syncline::access::principal::{Principal, Role};
use syncline::access::token::{RANDOM_BYTES, Token};
use syncline::config;
use syncline::engine::admin::{system_delete, system_put};
use syncline::engine::{Submission, Told, Work, system_space};
use syncline_protocol::{Change, Filter, Value};
use workbench::follower::{FOLLOWED, Follower};
use workbench::random::cases;
use workbench::{Bench, delete, put, space};

const PEOPLE: [&str; 3] = ["ann", "ben", "cid"];

/// What the space holds, and what its rules are about.
#[derive(Debug)]
struct Kind {
    /// Whether it is a space of events, of which each sees their own and what rules allow.
    of_events: bool,
    collections: [&'static str; 2],
    records: [&'static str; 4],
    items: [&'static str; 7],
    actions: [&'static str; 4],
}

static RECORDS: Kind = Kind {
    of_events: false,
    collections: ["c", "d"],
    records: ["a/1", "a/2", "b/1", "b/2"],
    items: ["*", "c/*", "d/*", "c/a/*", "d/b/1", "c/a/1", "d/b*"],
    actions: ["*", "read", "r*", "write"],
};

static EVENTS: Kind = Kind {
    of_events: true,
    collections: ["events", "items"],
    records: ["1|ann|a/1", "2|ben|a/2", "3|eve|b/1", "4|ann|b%25"],
    items: ["*", "a/*", "b*", "a/1", "b/1", "b%", "4|ann|b%25"],
    actions: ["*", ".read", ".r*", "write"],
};

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

fn change(kind: &'static Kind) -> impl Strategy<Value = Change> {
    let name = prop::sample::select(&kind.collections[..]);
    let record = prop::sample::select(&kind.records[..]);
    (name, record, any::<u16>(), 0..5_u8).prop_map(|(name, record, value, kind)| match kind {
        0 => delete(name, record),
        _ => put(name, record, "x", value.into()),
    })
}

fn work(kind: &'static Kind) -> impl Strategy<Value = Deed> {
    let who = prop::sample::select(vec!["*", "ann", "ben", "c*"]);
    let item = prop::sample::select(&kind.items[..]);
    let action = prop::sample::select(&kind.actions[..]);
    let rule = (0..6_u8, who, item, action, prop::option::weighted(0.8, any::<bool>()));
    let role = (0..3_usize, prop::sample::select(vec!["reader", "writer", "owner"]));
    prop_oneof![
        5 => change(kind).prop_map(Deed::Write),
        3 => rule.prop_map(|(at, who, item, deed, says)| Deed::Rule(at, [who, item, deed], says)),
        1 => role.prop_map(|(who, role)| Deed::Role(who, role)),
    ]
}

fn event(kind: &'static Kind) -> impl Strategy<Value = Event> {
    let who = 0..3_usize;
    let room = prop::sample::select(vec![10, 400, 1 << 20]);
    prop_oneof![
        6 => prop::collection::vec(work(kind), 1..5).prop_map(Event::Commit),
        5 => Just(Event::Publish),
        6 => (who.clone(), 1..4_u8).prop_map(|(who, steps)| Event::Step(who, steps)),
        1 => (who.clone(), room).prop_map(|(who, room)| Event::Connect(who, room)),
        1 => who.prop_map(Event::Cut),
        1 => (1..150_u64).prop_map(Event::Pass),
    ]
}

/// The hub, three people, and what has been committed and not told yet.
struct World {
    kind: &'static Kind,
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
    fn new(kind: &'static Kind) -> Self {
        let settings = config::Store {
            tombstone_retention: Duration::from_millis(100),
            maintenance_interval: Duration::from_millis(50),
            ..config::Store::default()
        };
        let mut bench = Bench::in_memory(settings, vec![]);
        bench.make_spaces(&[FOLLOWED]).unwrap();
        if kind.of_events {
            let form = [("form", Value::from("events")), ("reads", Value::from("acl"))];
            let changes = vec![system_put(system::SPACES, FOLLOWED, &form)];
            let form = Work::Write(Submission::changes(system_space(), changes));
            assert!(bench.commit(vec![form]).unwrap().answers.iter().all(Result::is_ok));
        }
        let followers = PEOPLE.iter().map(|name| {
            let mut follower = Follower::new(Filter::default(), 1000, 120);
            follower.reader = admit(&mut bench, &kind.account(name));
            follower
        });
        let followers = followers.collect();
        let batches = vec![0];
        let (told, denied) = (VecDeque::new(), BTreeMap::new());
        let mut world =
            Self { kind, bench, followers, told, sessions: 0, denied, batches, batch: 0 };
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
            Deed::Role(who, role) => role_of(&self.kind.account(PEOPLE[who]), role),
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
            let Kind { collections, records, .. } = self.kind;
            for (name, record) in collections.iter().flat_map(|c| records.map(|key| (*c, key))) {
                let at = (who, format!("{name}/{record}"));
                let allows = access.allows(name, record);
                if let Some(expected) = self.kind.naive(&directory, PEOPLE[who], name, record) {
                    assert_eq!(allows, expected, "{} and {name}/{record}", PEOPLE[who]);
                }
                if allows {
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

impl Kind {
    /// What somebody's account is called.
    fn account(&self, name: &str) -> String {
        if self.of_events { format!("{FOLLOWED}/{name}") } else { name.to_owned() }
    }

    /// A plain reading of who sees what of events: none of records.
    fn naive(
        &self,
        directory: &Directory,
        name: &str,
        collection: &str,
        key: &str,
    ) -> Option<bool> {
        if !self.of_events {
            return None;
        }
        let account = self.account(name);
        let role = directory.membership(&account, &space(FOLLOWED));
        let parts: Vec<String> = key.split('|').map(|part| part.replace("%25", "%")).collect();
        let whole = key.replace("%25", "%");
        let (author, item) = match collection {
            "events" => (parts[1].as_str(), parts[2].as_str()),
            _ => ("", whole.as_str()),
        };
        let decided = directory.acl(&space(FOLLOWED)).decide(name, item, ".read");
        let by_rule = decided.is_some_and(|(_, verdict)| verdict == Verdict::Allow);
        Some(role == Some(Role::Owner) || role.is_some() && (author == name || by_rule))
    }
}

/// Makes an account with a token, a reader of the space that is followed.
fn admit(bench: &mut Bench, name: &str) -> Principal {
    let token = Token::from_random([name.rsplit('/').next().unwrap().as_bytes()[0]; RANDOM_BYTES]);
    let id = token.id().to_string();
    let digest = Value::from(hex::encode(token.digest().to_bytes()).as_str());
    let fields = [("user", Value::from(name)), ("role", Value::from("owner"))];
    let changes = vec![
        match name.contains('/') {
            true => system_put(system::APP_USERS, name, &[("created_ms", Value::from(1_u64))]),
            false => system_put(system::USERS, name, &[("admin", Value::from(false))]),
        },
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

/// Lets events happen, and then all of it arrive.
fn run(kind: &'static Kind, events: Vec<Event>) {
    let mut world = World::new(kind);
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
        assert_eq!(follower.copy.gaps, 0, "a frame did not join what was sent before");
        assert_eq!(follower.shown(), follower.expected(&world.bench));
        let access = follower.reading(&world.bench).access;
        // That something was deleted may stay known: what it was is not.
        let shown = follower.copy.records.iter().filter(|(_, record)| record.is_visible());
        for ((name, key), _) in shown {
            let allowed = access.allows(name.as_str(), key.as_str());
            assert!(allowed, "{name_of} still holds {name}/{key}");
        }
    }
    world.bench.assert_sound();
}

proptest! {
    #![proptest_config(cases(300))]

    #[test]
    fn nobody_is_sent_what_they_may_not_read(
        events in prop::collection::vec(event(&RECORDS), 1..100),
    ) {
        run(&RECORDS, events);
    }

    #[test]
    fn nobody_is_sent_an_event_that_they_may_not_see(
        events in prop::collection::vec(event(&EVENTS), 1..100),
    ) {
        run(&EVENTS, events);
    }
}
