//! A hub in miniature, a wire that a history can spoil, and every call that a session gets of it.
//!
//! It must never look at what the session decided: it carries frames, and writes down calls.

use std::collections::{BTreeMap, VecDeque};

use serde_json::{Value as Json, json};
use syncline_protocol::codec::{self, Limits};
use syncline_protocol::replica::{RecordName, Unsaved};
use syncline_protocol::session::client::{Action, ClientSession, Identity, Moment};
use syncline_protocol::{
    Change, Clock, Code, Condition, DeviceId, Digest, Filter, Guard, HlcTime, HubFrame, Peer,
    PresenceEvent, Reject, Replica, ReplicaId, SpaceName, Stamp, Subject, Value, ViewMark,
};

use crate::forms;
use crate::model::{Backup, ModelHub, START_MS, collection, field, home, key};

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

struct World {
    hub: ModelHub,
    session: ClientSession,
    store: Store,
    to_hub: VecDeque<Vec<u8>>,
    to_client: VecDeque<Vec<u8>>,
    /// A client that writes by way of the hub.
    other: Clock,
    now_ms: u64,
    skew_ms: i64,
    draws: u64,
    written: u64,
    openings: u64,
    is_reachable: bool,
    backup: Option<Backup>,
    calls: Vec<Json>,
}

/// Plays a history; gives every call with what it led to.
pub(crate) fn play(steps: &[Json]) -> Json {
    let mut world = World::new();
    for step in steps {
        world.step(step);
    }
    world.check();
    Json::Array(world.calls)
}

fn identity() -> Identity {
    Identity { token: "t".to_owned(), ..Identity::default() }
}

impl World {
    fn new() -> Self {
        let replica = Replica::new(ReplicaId::from_random(100), DeviceId(1));
        let mut world = Self {
            hub: ModelHub::new(START_MS),
            session: ClientSession::new(replica, identity()),
            store: Store::default(),
            to_hub: VecDeque::new(),
            to_client: VecDeque::new(),
            other: Clock::default(),
            now_ms: 0,
            skew_ms: 0,
            draws: 0,
            written: 0,
            openings: 0,
            is_reachable: true,
            backup: None,
            calls: vec![],
        };
        world.open(&Filter::default());
        world
    }

    fn moment(&mut self) -> Moment {
        self.draws += 1;
        let wall_ms = (START_MS + self.now_ms).saturating_add_signed(self.skew_ms);
        let random = self.draws.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        Moment { wall_ms, steady_ms: self.now_ms, random }
    }

    /// Writes a call down with what it led to, and carries that out.
    fn note(&mut self, mut call: Json, now: Moment, actions: Vec<Action>) {
        call["now"] = forms::moment(now);
        call["actions"] = forms::actions(&actions);
        call["wake"] = json!(self.session.wake_at_ms());
        call["state"] = forms::state(&self.session.state());
        self.calls.push(call);
        for action in actions {
            match action {
                Action::Connect => self.connect(),
                Action::Send(bytes) => {
                    self.save_writes();
                    self.to_hub.push_back(bytes);
                }
                Action::Close => self.drop_connection(),
                Action::Event(_) => {}
            }
        }
    }

    fn connect(&mut self) {
        self.drop_connection();
        let now = self.moment();
        if self.is_reachable {
            let actions = self.session.opened(now);
            self.note(json!({ "call": "opened" }), now, actions);
        } else {
            self.closed("nobody answers");
        }
    }

    fn closed(&mut self, reason: &str) {
        self.drop_connection();
        let now = self.moment();
        let actions = self.session.closed(reason, now);
        self.note(json!({ "call": "closed", "reason": reason }), now, actions);
    }

    fn drop_connection(&mut self) {
        self.to_hub.clear();
        self.to_client.clear();
        self.hub.disconnect();
    }

    /// What is sent is saved first.
    fn save_writes(&mut self) {
        if self.session.replica().has_unsaved_writes() {
            self.save();
        }
    }

    fn save(&mut self) {
        let unsaved = self.session.replica_mut().take_unsaved();
        self.calls.push(json!({ "call": "save", "unsaved": forms::unsaved(&unsaved) }));
        self.store.save(unsaved);
    }

    /// Begins again with what the store has.
    fn reopen(&mut self) {
        self.drop_connection();
        self.openings += 1;
        let id = ReplicaId::from_random(100 + self.openings);
        self.session = ClientSession::new(self.store.open(id), identity());
        self.calls.push(json!({ "call": "reopen", "id": id.to_string() }));
        self.check();
        self.open(&Filter::default());
    }

    fn check(&mut self) {
        let whole = forms::whole(self.session.replica());
        self.calls.push(json!({ "call": "check", "whole": whole }));
    }

    fn open(&mut self, filter: &Filter) {
        let now = self.moment();
        let actions = self.session.open(&home(), filter.clone(), now);
        self.note(json!({ "call": "open", "filter": forms::filter(filter) }), now, actions);
    }

    fn wake(&mut self, pause_ms: u64) {
        self.now_ms += pause_ms;
        self.hub.now_ms += pause_ms;
        let now = self.moment();
        let actions = self.session.wake(now);
        self.note(json!({ "call": "wake" }), now, actions);
    }

    fn write(&mut self, changes: Vec<Change>, guards: Vec<Guard>) {
        let now = self.moment();
        let mut call = json!({ "call": "write", "push": forms::write(&changes, &guards) });
        match self.session.write(&home(), changes, guards, now) {
            Ok((push, actions)) => {
                call["id"] = json!(push.to_string());
                self.note(call, now, actions);
            }
            Err(_) => {
                call["id"] = Json::Null;
                self.note(call, now, vec![]);
            }
        }
    }

    fn receive(&mut self, bytes: &[u8]) {
        let now = self.moment();
        let actions = self.session.received(bytes, now);
        self.note(json!({ "call": "received", "bytes": hex::encode(bytes) }), now, actions);
    }

    fn say(&mut self, frame: &HubFrame) {
        self.to_client.push_back(codec::encode_hub(frame));
    }

    fn hub_takes(&mut self) {
        let Some(bytes) = self.to_hub.pop_front() else { return };
        let frame = codec::decode_client(&bytes, &Limits::default()).unwrap();
        for answer in self.hub.receive(frame) {
            self.say(&answer);
        }
    }

    fn change(&mut self, name: u64, kind: u64) -> Change {
        self.written += 1;
        // Keys beyond ASCII sort by bytes, not by UTF-16 units; collections differ in length.
        let keys = ["a", "b/1", "é", "\u{ffee}", "\u{1f4a1}", "b"];
        let key = key(keys[usize::try_from(name % 6).unwrap()]);
        let collection = collection(["c", "c.d", "tags"][usize::try_from(name / 6 % 3).unwrap()]);
        let name_of =
            |at: u64| field(["x", "y", "\u{fffd}", "\u{10000}"][usize::try_from(at % 4).unwrap()]);
        let value = match kind % 5 {
            0 => Value::from(self.written),
            1 => Value::from(format!("text {}", self.written).as_str()),
            2 => Value::nil(),
            3 => Value::from(-i64::try_from(self.written).unwrap()),
            _ => Value::new(vec![0xcd, 0, 7]).unwrap(),
        };
        match kind % 11 {
            8 | 9 => Change::delete(collection, key),
            10 => Change::put(collection, key, vec![(name_of(kind), None)]).unwrap(),
            at => {
                let fields =
                    vec![(name_of(at), Some(value.clone())), (name_of(at + 1), Some(value))];
                Change::put(collection, key, fields).unwrap()
            }
        }
    }

    fn guard(name: u64) -> Guard {
        let condition = match name % 4 {
            0 => Condition::Absent,
            1 => Condition::UnchangedSince(name % 9),
            2 => Condition::FieldEquals(field("x"), Value::from(name)),
            _ => Condition::FieldAbsent(field("y")),
        };
        Guard { collection: collection("c"), key: key("a"), condition }
    }

    /// Every sixth write has the stamp of the one before: only a broken replica would do that, and
    /// all must resolve it alike.
    fn hub_writes(&mut self, name: u64, kind: u64) {
        let change = self.change(name, kind);
        let (last, now_ms) = (self.other.last(), self.hub.now_ms);
        let is_clash = self.written.is_multiple_of(6) && last > HlcTime::ZERO;
        let time = if is_clash { last } else { self.other.tick(now_ms) };
        let stamp = Stamp::new(time, ReplicaId::from_random(9));
        for frame in self.hub.write(&[change.stamped(stamp)]) {
            self.say(&frame);
        }
    }

    /// Another client deletes everything, and the hub forgets that it did: what is still under way
    /// comes too late.
    fn bury(&mut self) {
        let names: Vec<RecordName> = self.hub.records.keys().cloned().collect();
        for RecordName { collection, key } in names {
            let stamp = Stamp::new(self.other.tick(self.hub.now_ms), ReplicaId::from_random(9));
            let frames = self.hub.write(&[Change::delete(collection, key).stamped(stamp)]);
            frames.into_iter().for_each(|frame| self.say(&frame));
        }
        self.hub.purge();
    }

    fn step(&mut self, step: &Json) {
        let what = step[0].as_str().unwrap();
        let (one, two) = (step[1].as_u64().unwrap_or(0), step[2].as_u64().unwrap_or(0));
        match what {
            "write" => {
                let change = self.change(one, two);
                self.write(vec![change], vec![]);
            }
            "write_many" => {
                let changes = (0..one % 5).map(|at| self.change(two + at, one * at)).collect();
                self.write(changes, vec![]);
            }
            "write_guarded" => {
                let change = self.change(one, two);
                self.write(vec![change], vec![Self::guard(two)]);
            }
            "hub_writes" => self.hub_writes(one, two),
            "hub_takes" => (0..one).for_each(|_| self.hub_takes()),
            "client_takes" => {
                for _ in 0..one {
                    let Some(bytes) = self.to_client.pop_front() else { break };
                    self.receive(&bytes);
                }
            }
            "wake" => self.wake(one),
            "wait" => {
                let pause_ms =
                    self.session.wake_at_ms().map_or(0, |at| at.saturating_sub(self.now_ms));
                self.wake(pause_ms);
            }
            "save" => self.save(),
            "reopen" => self.reopen(),
            "check" => self.check(),
            _ => self.spoil(what, one, two),
        }
    }

    /// What happens to the wire, to the hub and to the connection.
    fn spoil(&mut self, what: &str, one: u64, two: u64) {
        match what {
            "lose_to_hub" => drop(self.to_hub.pop_front()),
            "lose_to_client" => drop(self.to_client.pop_front()),
            "double" => self.to_client.extend(self.to_client.front().cloned()),
            "repeat" => {
                if let Some(bytes) = self.to_client.front().cloned() {
                    self.to_client.push_front(bytes);
                }
            }
            "swap" if self.to_client.len() > 1 => self.to_client.swap(0, 1),
            "cut" => self.closed("the wire was cut"),
            "reachable" => self.is_reachable = one > 0,
            "skew" => self.skew_ms = i64::try_from(one).unwrap() * 1000 - 300_000,
            "compact" => self.hub.compact(),
            "purge" => self.hub.purge(),
            "bury" => self.bury(),
            "backup" => self.backup = Some(self.hub.backup()),
            "restore" => {
                if let Some(backup) = self.backup.take() {
                    self.hub.restore(&backup);
                    self.closed("the hub was restored");
                }
            }
            "renew" => self.hub.id = syncline_protocol::SpaceId(one),
            "refuse" => self.hub.refuse = code(one),
            _ => self.tell(what, one, two),
        }
    }

    /// What the hub says by itself, and what the app asks for.
    fn tell(&mut self, what: &str, one: u64, two: u64) {
        let space = home();
        let from = Peer { device: DeviceId(7), name: "d".to_owned(), principal: "p".to_owned() };
        match what {
            "heartbeat" => self.say(&self.hub.heartbeat()),
            "withdraw" => {
                let change = self.change(one, 0);
                let (collection, keys) = (change.collection, vec![change.key]);
                self.say(&HubFrame::Withdraw { space, collection, keys });
            }
            "view" => self.say(&HubFrame::View { space, mark: ViewMark(one.to_be_bytes()) }),
            "end" => {
                let reject = Reject::new(code(one).unwrap_or(Code::Internal), "the space is over");
                let (subject, hub_ms) = (Subject::Space(space), self.hub.now_ms);
                self.say(&HubFrame::Reject { subject, reject, hub_ms });
            }
            "digests" => {
                let wrong = Digest { sum: u128::from(two), fields: 1 };
                let digests = BTreeMap::from([(collection("c"), wrong)]);
                let sequence = self.hub.sequence;
                self.say(&HubFrame::Digests { space, sequence, digests });
            }
            "goodbye" => {
                let reject = Reject::new(code(one).unwrap_or(Code::GoingAway), "that was it");
                let retry_after_ms = Some(two * 10).filter(|_| two > 3);
                self.say(&HubFrame::Goodbye { reject, retry_after_ms });
            }
            "says" => self.say(&HubFrame::Signal { space, from, value: Value::from(one) }),
            "joins" => {
                let event = PresenceEvent::Joined(Some(Value::from(one)));
                self.say(&HubFrame::Presence { space, from, event });
            }
            "garbage" => self.to_client.push_back(one.to_be_bytes().to_vec()),
            _ => self.ask(what, one),
        }
    }

    fn ask(&mut self, what: &str, one: u64) {
        let (now, space) = (self.moment(), home());
        let actions = match what {
            "verify" => self.session.verify(&space, now).1,
            "signal" => self.session.signal(&space, Value::from(one), now).unwrap_or_default(),
            "presence" => {
                let value = Some(Value::from(one)).filter(|_| !one.is_multiple_of(3));
                self.session.presence(&space, value, now).unwrap()
            }
            "close" => self.session.close(&space, now),
            "forget" => self.session.forget(&space, now),
            "stop" => self.session.stop(),
            "start" => self.session.start(now),
            "token" => self.session.set_token("another".to_owned(), now),
            "retry" => self.session.retry_now(now),
            "open" => {
                let all = [collection("c"), collection("tags")];
                let few = all.into_iter().take(usize::try_from(one % 3).unwrap());
                let filter = Filter::new(few, ["", "b"][usize::try_from(one % 2).unwrap()]);
                return self.open(&filter.unwrap());
            }
            _ => return,
        };
        self.note(json!({ "call": what, "one": one }), now, actions);
    }
}

/// Some of the codes that a hub may refuse with; none for some numbers.
fn code(number: u64) -> Option<Code> {
    let codes = [
        Code::Forbidden,
        Code::UnknownSpace,
        Code::UnknownCursor,
        Code::Busy,
        Code::TooMany,
        Code::ClockDrift,
        Code::Expired,
        Code::QuotaExceeded,
        Code::Refused,
        Code::Unauthorized,
        Code::GoingAway,
        Code::Replaced,
    ];
    codes.get(usize::try_from(number % 24).unwrap()).copied()
}
