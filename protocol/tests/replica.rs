//! Replicas against a hub in miniature: any loss, doubling, cut, crash or restore ends in equal
//! copies, and the app never reads less than it was promised on the way.

#![allow(clippy::unwrap_used, reason = "a test that is wrong should stop")]

mod model;

use std::collections::{BTreeMap, VecDeque};

use model::{Backup, ModelHub, collection, field, key, shown};
use proptest::prelude::*;
use syncline_protocol::replica::{Event, Received, RecordName, Unsaved};
use syncline_protocol::{
    Change, ClientFrame, Clock, DeviceId, Filter, HubFrame, PushId, Replica, ReplicaId, SpaceName,
    Stamp, Value,
};

const START_MS: u64 = 1_700_000_000_000;

/// What a store keeps, without a disk.
#[derive(Default)]
struct Store {
    clock: Option<[u8; 16]>,
    spaces: BTreeMap<SpaceName, Vec<u8>>,
    records: BTreeMap<(SpaceName, RecordName), Vec<u8>>,
    pushes: BTreeMap<u64, Vec<u8>>,
}

impl Store {
    fn save(&mut self, unsaved: Unsaved) {
        for space in unsaved.forgotten.iter().chain(&unsaved.emptied) {
            self.records.retain(|(other, _), _| other != space);
        }
        self.spaces.retain(|space, _| !unsaved.forgotten.contains(space));
        self.spaces.extend(unsaved.spaces);
        for record in unsaved.records {
            let name = (record.space, record.name);
            match record.bytes {
                Some(bytes) => self.records.insert(name, bytes),
                None => self.records.remove(&name),
            };
        }
        for (order, bytes) in unsaved.pushes {
            match bytes {
                Some(bytes) => self.pushes.insert(order, bytes),
                None => self.pushes.remove(&order),
            };
        }
        self.clock = unsaved.clock.or(self.clock);
    }

    fn open(&self, id: ReplicaId) -> Replica {
        let mut replica = Replica::restore(id, DeviceId(1), self.clock);
        self.spaces.values().for_each(|bytes| replica.restore_space(bytes).unwrap());
        self.records.values().for_each(|bytes| replica.restore_record(bytes).unwrap());
        self.pushes.iter().for_each(|(&order, bytes)| replica.restore_push(order, bytes).unwrap());
        replica
    }
}

/// A hub, a replica, and a wire between them that a test can spoil.
struct World {
    hub: ModelHub,
    replica: Replica,
    store: Store,
    to_hub: VecDeque<ClientFrame>,
    to_client: VecDeque<HubFrame>,
    other: Clock,
    now_ms: u64,
    is_connected: bool,
    events: Vec<Event>,
    backup: Option<Backup>,
    /// The newest own write of each field that still waits, with its stamp.
    own: BTreeMap<(String, String), (PushId, Stamp)>,
    /// The newest delete of each key by anyone else.
    deleted: BTreeMap<String, Stamp>,
    written: u64,
    openings: u64,
}

impl World {
    fn new() -> Self {
        let mut replica = Replica::new(ReplicaId::from_random(100), DeviceId(1));
        let hub = ModelHub::new(START_MS);
        replica.open(&hub.space, Filter::default());
        Self {
            hub,
            replica,
            store: Store::default(),
            to_hub: VecDeque::new(),
            to_client: VecDeque::new(),
            other: Clock::default(),
            now_ms: START_MS,
            is_connected: false,
            events: vec![],
            backup: None,
            own: BTreeMap::new(),
            deleted: BTreeMap::new(),
            written: 0,
            openings: 0,
        }
    }

    fn connect(&mut self) {
        self.cut();
        self.is_connected = true;
        self.replica.purge(self.now_ms);
        self.pump();
    }

    fn cut(&mut self) {
        self.to_hub.clear();
        self.to_client.clear();
        self.hub.disconnect();
        self.replica.disconnected();
        self.is_connected = false;
    }

    fn pump(&mut self) {
        if self.is_connected {
            // What is sent is saved first, so that a crash forgets no push that the hub has.
            if self.replica.has_unsaved_writes() {
                let unsaved = self.replica.take_unsaved();
                self.store.save(unsaved);
            }
            self.to_hub.extend(self.replica.take_frames());
        }
    }

    fn hub_takes(&mut self) {
        if let Some(frame) = self.to_hub.pop_front() {
            let answers = self.hub.receive(frame);
            self.to_client.extend(answers);
        }
    }

    fn client_takes(&mut self) {
        let Some(frame) = self.to_client.pop_front() else { return };
        let Received { events, must_reconnect, retry, heal } =
            self.replica.receive(frame, self.now_ms);
        self.events.extend(events);
        retry.iter().for_each(|space| self.replica.release(space.as_str()));
        heal.iter().for_each(|space| self.replica.release_healing(space.as_str()));
        if must_reconnect {
            self.connect();
        }
        self.pump();
    }

    fn write(&mut self, name: u8, is_delete: bool) {
        self.written += 1;
        self.now_ms += 1;
        self.hub.now_ms += 1;
        let (key_text, field_text) = (format!("k{}", name % 4), format!("f{}", name % 3));
        let change = if is_delete {
            Change::delete(collection("c"), key(&key_text))
        } else {
            let value = Some(Value::from(self.written));
            let fields = vec![(field(&field_text), value)];
            Change::put(collection("c"), key(&key_text), fields).unwrap()
        };
        let space = self.hub.space.clone();
        let push = self.replica.write(&space, vec![change], vec![], self.now_ms).unwrap();
        let read = self.replica.get("home", "c", &key_text);
        if is_delete {
            assert!(read.is_none(), "an own delete is read at once");
            self.own.retain(|(key, _), _| *key != key_text);
        } else {
            let record = read.unwrap();
            let register = record.register(&field_text).unwrap();
            assert_eq!(
                register.value,
                Some(Value::from(self.written)),
                "an own put is read at once"
            );
            self.own.insert((key_text, field_text), (push, register.stamp));
        }
        self.pump();
    }

    fn hub_write(&mut self, name: u8, is_delete: bool) {
        self.written += 1;
        let stamp = Stamp::new(self.other.tick(self.hub.now_ms), ReplicaId::from_random(9));
        let key = key(&format!("k{}", name % 4));
        let change = if is_delete {
            self.deleted.insert(key.to_string(), stamp);
            Change::delete(collection("c"), key)
        } else {
            let fields = vec![(field(&format!("f{}", name % 3)), Some(Value::from(self.written)))];
            Change::put(collection("c"), key, fields).unwrap()
        };
        let frames = self.hub.write(&[change.stamped(stamp)]);
        self.to_client.extend(frames);
    }

    /// Own writes that wait are read as written, unless something later stands there.
    fn check_own(&mut self) {
        let replica = &self.replica;
        self.own.retain(|_, (push, _)| replica.is_waiting(*push));
        for ((key, field), (_, stamp)) in &self.own {
            let record = self.replica.get("home", "c", key);
            let now = record.as_ref().and_then(|r| r.register(field)).map(|r| r.stamp);
            let grave = self.deleted.get(key).copied();
            assert!(now.max(grave) >= Some(*stamp), "{key}/{field} went back");
        }
    }

    fn restart(&mut self) {
        let unsaved = self.replica.take_unsaved();
        self.store.save(unsaved);
        assert!(self.replica.is_saved());
        let before =
            self.replica.records("home").map(|(c, k, r)| (c.clone(), k.clone(), r.clone()));
        let before: Vec<_> = before.collect();
        self.crash();
        let after = self.replica.records("home").map(|(c, k, r)| (c.clone(), k.clone(), r.clone()));
        assert_eq!(before, after.collect::<Vec<_>>());
    }

    /// Begins again with what the store has.
    fn crash(&mut self) {
        self.cut();
        self.openings += 1;
        self.replica = self.store.open(ReplicaId::from_random(100 + self.openings));
        self.replica.open(&self.hub.space, Filter::default());
    }

    fn drain(&mut self) {
        while !self.to_hub.is_empty() || !self.to_client.is_empty() {
            self.hub_takes();
            self.client_takes();
        }
    }

    /// Whatever was lost comes with a new session; then both sides hold the same.
    fn settle(&mut self) {
        for _ in 0..3 {
            self.connect();
            self.drain();
        }
        let copy: BTreeMap<_, _> = self
            .replica
            .records("home")
            .filter(|(_, _, record)| record.is_visible())
            .map(|(c, k, record)| (RecordName::new(c, k), record.clone()))
            .collect();
        assert_eq!(shown(&copy), shown(&self.hub.visible(&Filter::default())));
        assert_eq!(self.replica.digests("home"), self.hub.digests(&Filter::default()));
        assert_eq!(self.replica.cursor("home").unwrap().sequence, self.hub.sequence);
        assert_eq!(self.replica.outbox_len(), 0);
        assert!(!self.events.iter().any(|event| matches!(event, Event::Diverged { .. })));
    }

    fn step(&mut self, step: Step) {
        match step {
            Step::Write(name, is_delete) => self.write(name, is_delete),
            Step::HubWrite(name, is_delete) => self.hub_write(name, is_delete),
            Step::HubTakes => self.hub_takes(),
            Step::ClientTakes(count) => (0..count).for_each(|_| self.client_takes()),
            Step::LoseToHub => drop(self.to_hub.pop_front()),
            Step::LoseToClient => drop(self.to_client.pop_front()),
            Step::Double => {
                if let Some(frame) = self.to_client.front().cloned() {
                    self.to_client.push_front(frame);
                }
            }
            Step::Swap => {
                if self.to_client.len() > 1 {
                    self.to_client.swap(0, 1);
                }
            }
            Step::Cut => self.cut(),
            Step::Connect => self.connect(),
            Step::Compact => self.hub.compact(),
            Step::Restart => self.restart(),
            Step::Crash => self.crash(),
            Step::Backup => self.backup = Some(self.hub.backup()),
            Step::Restore => {
                if let Some(backup) = self.backup.take() {
                    self.hub.restore(&backup);
                    self.cut();
                }
            }
        }
        self.check_own();
    }
}

#[derive(Debug, Clone, Copy)]
enum Step {
    Write(u8, bool),
    HubWrite(u8, bool),
    HubTakes,
    ClientTakes(u8),
    LoseToHub,
    LoseToClient,
    Double,
    Swap,
    Cut,
    Connect,
    Compact,
    Restart,
    Crash,
    Backup,
    Restore,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let is_delete = || prop::bool::weighted(0.2);
    let step = prop_oneof![
        4 => (any::<u8>(), is_delete()).prop_map(|(name, delete)| Step::Write(name, delete)),
        4 => (any::<u8>(), is_delete()).prop_map(|(name, delete)| Step::HubWrite(name, delete)),
        6 => Just(Step::HubTakes),
        6 => (1_u8..6).prop_map(Step::ClientTakes),
        1 => Just(Step::LoseToHub),
        2 => Just(Step::LoseToClient),
        2 => Just(Step::Double),
        1 => Just(Step::Swap),
        1 => Just(Step::Cut),
        3 => Just(Step::Connect),
        1 => Just(Step::Compact),
        1 => Just(Step::Restart),
        1 => Just(Step::Crash),
        1 => Just(Step::Backup),
        1 => Just(Step::Restore),
    ];
    prop::collection::vec(step, 0..120)
}

proptest! {
    /// Laws 4 and 8, and the overlay's: whatever happens to frames, copies end up equal, and no own
    /// write that waits goes back on the way.
    #[test]
    fn any_loss_and_doubling_ends_in_equal_copies(steps in steps()) {
        let mut world = World::new();
        for step in steps {
            world.step(step);
        }
        world.settle();
    }
}
