//! The apps on the devices: what they write, what they do when their session asks, what they are
//! told. They write to few records, so that their writes meet.

use bytes::Bytes;
use syncline::access::principal::Principal;
use syncline::engine::{Entry, Submission, Work};
use syncline_protocol::replica::Event as ReplicaEvent;
use syncline_protocol::session::client::{Action, ClientEvent, ConnectionState, Moment};
use syncline_protocol::{Change, Condition, FieldName, Guard, PushId, RecordKey, SpaceName, Value};

use super::ledger::{State, Written};
use super::plan::{COLLECTIONS, PREFIXES, RACES, collection};
use super::tally::Kind;
use super::trace::Note;
use super::world::{Event, Fail, World};

/// A value too large for a live frame of its own.
const LARGE_BYTES: usize = 90_000;

impl World {
    pub(crate) fn moment(&mut self, device: usize) -> Moment {
        let random = self.chance.bits();
        self.devices[device].moment(self.true_ms(), self.now_ms, random)
    }

    /// Does what a session asks for, and sees when to wake it.
    pub(crate) fn act(&mut self, device: usize, actions: Vec<Action>) -> Result<(), Fail> {
        for action in actions {
            match action {
                Action::Connect => self.dial(device),
                Action::Send(bytes) => {
                    self.devices[device].save();
                    if let Some(conn) = self.devices[device].conn {
                        self.send(conn, true, &Bytes::from(bytes));
                    }
                }
                Action::Close => self.hang_up(device),
                Action::Event(event) => self.tell(device, event)?,
            }
        }
        self.plan_wake(device);
        Ok(())
    }

    fn plan_wake(&mut self, index: usize) {
        let device = &mut self.devices[index];
        let Some(at_ms) = device.wants_wake_ms() else { return };
        let at_ms = at_ms.max(self.now_ms);
        if device.wake_at_ms.is_none_or(|planned_ms| at_ms < planned_ms) {
            device.wake_at_ms = Some(at_ms);
            self.at(at_ms, Event::WakeDevice(index));
        }
    }

    pub(crate) fn wake_device(&mut self, index: usize) -> Result<(), Fail> {
        if self.devices[index].wake_at_ms != Some(self.now_ms) {
            return Ok(());
        }
        self.devices[index].wake_at_ms = None;
        let moment = self.moment(index);
        let actions = self.devices[index].session.wake(moment);
        self.act(index, actions)
    }

    pub(crate) fn send_to_device(&mut self, conn: u64, bytes: &Bytes) -> Result<(), Fail> {
        let Some(index) = self.conns.get(&conn).map(|link| link.device) else { return Ok(()) };
        if self.devices[index].conn != Some(conn) {
            return Ok(());
        }
        let moment = self.moment(index);
        let actions = self.devices[index].session.received(bytes, moment);
        self.act(index, actions)
    }

    /// An app hears something.
    fn tell(&mut self, device: usize, event: ClientEvent) -> Result<(), Fail> {
        match event {
            ClientEvent::Replica(event) => self.tell_of_replica(device, event),
            ClientEvent::State(
                state @ (ConnectionState::NeedsAuth(_) | ConnectionState::Stopped(_)),
            ) => Err(format!("device {device} stopped for good: {state:?}")),
            _ => Ok(()),
        }
    }

    fn tell_of_replica(&mut self, device: usize, event: ReplicaEvent) -> Result<(), Fail> {
        let is_quiet = matches!(
            event,
            ReplicaEvent::Changed { .. }
                | ReplicaEvent::Progress { .. }
                | ReplicaEvent::CaughtUp { .. }
        );
        if !is_quiet {
            let mut words = format!("{event:?}");
            words.truncate(300);
            self.note(Note::Told { device, words });
        }
        match event {
            ReplicaEvent::Acked { push, .. } => {
                self.tally.count(Kind::Acks);
                self.ledger.acked(push, &self.oracle)
            }
            ReplicaEvent::Rejected { push, reject, .. } => {
                self.ledger.rejected(push, reject.code, &self.oracle)
            }
            ReplicaEvent::Conflict { .. } => {
                self.tally.count(Kind::Conflicts);
                Ok(())
            }
            ReplicaEvent::Verified { space, .. } => {
                self.tally.count(Kind::Verified);
                *self.devices[device].verified.entry(space).or_default() += 1;
                Ok(())
            }
            ReplicaEvent::Diverged { .. } => Err(format!("device {device}: {event:?}")),
            ReplicaEvent::SubscriptionEnded { .. } => Err(format!("device {device}: {event:?}")),
            _ => Ok(()),
        }
    }

    /// Some device writes something, and the next write is planned.
    pub(crate) fn write(&mut self) -> Result<(), Fail> {
        if self.is_healed {
            return Ok(());
        }
        let pause_ms = 2_000 / self.plan.pushes_per_second;
        let in_ms = self.chance.below(pause_ms + 1);
        self.after(in_ms, Event::Write);
        let mut index = self.chance.index(self.devices.len());
        if !self.devices[index].may_write && !self.chance.hits(1_000) {
            index = self.chance.index(self.devices.len());
        }
        let device = &self.devices[index];
        let spaces: Vec<_> = device.spaces.keys().collect();
        let space = (*self.chance.pick(&spaces)).clone();
        let count = if self.chance.hits(1_500) { self.chance.between(2, 5) } else { 1 };
        let mut serials = Vec::new();
        let changes: Vec<_> = (0..count).map(|_| self.change(&mut serials)).collect();
        let guards = if self.chance.hits(1_200) {
            vec![self.guard(index, &space, &changes[0])]
        } else {
            Vec::new()
        };
        self.push(index, &space, (changes, guards, None), &serials)
    }

    fn push(
        &mut self,
        device: usize,
        space: &SpaceName,
        (changes, guards, race): (Vec<Change>, Vec<Guard>, Option<u64>),
        serials: &[u64],
    ) -> Result<(), Fail> {
        let is_guarded = !guards.is_empty();
        let moment = self.moment(device);
        let words = format!("{space} {changes:?}").chars().take(200).collect();
        let written = self.devices[device].session.write(space, changes, guards, moment);
        let (push, actions) = written.map_err(|error| format!("a write failed: {error}"))?;
        self.note(Note::Wrote { device, push, words });
        self.tally.count(Kind::Pushes);
        self.tally.add(Kind::Guarded, u64::from(is_guarded));
        let state = State::Waiting;
        self.ledger.write(push, Written { device, is_guarded, race, state }, serials);
        self.act(device, actions)
    }

    fn key(&mut self) -> RecordKey {
        let number = self.chance.below(self.plan.keys);
        let key = format!("{}{number}", self.chance.pick(PREFIXES));
        RecordKey::new(&key).expect("a short key")
    }

    /// A change of some record; each value that it holds has a number of its own.
    fn change(&mut self, serials: &mut Vec<u64>) -> Change {
        let (collection, key) = (collection(self.chance.pick::<&str>(COLLECTIONS)), self.key());
        if self.chance.hits(1_800) {
            return Change::delete(collection, key);
        }
        let mut fields = Vec::new();
        for name in ["title", "url", "note"] {
            if self.chance.hits(5_000) {
                let value = (!self.chance.hits(1_200)).then(|| self.value(serials));
                fields.push((field(name), value));
            }
        }
        if fields.is_empty() {
            fields.push((field("title"), Some(self.value(serials))));
        }
        Change::put(collection, key, fields).expect("fields, each once")
    }

    fn value(&mut self, serials: &mut Vec<u64>) -> Value {
        let serial = self.ledger.next_serial() + serials.len() as u64;
        serials.push(serial);
        let is_large = self.chance.hits(self.plan.large);
        let padding = if is_large {
            LARGE_BYTES
        } else {
            usize::try_from(self.chance.below(40)).unwrap_or(0)
        };
        Value::from(format!("{serial}:{}", ".".repeat(padding)).as_str())
    }

    /// A condition that holds now as far as the device knows, and may not when the hub looks.
    fn guard(&mut self, device: usize, space: &SpaceName, change: &Change) -> Guard {
        let (collection, key) = (change.collection.clone(), change.key.clone());
        let replica = self.devices[device].session.replica();
        let seen = replica.get(space.as_str(), collection.as_str(), key.as_str());
        let first = seen.as_ref().and_then(|record| {
            let (name, _, value) = record.visible().next()?;
            Some((name.clone(), value.clone()))
        });
        let since = replica.copied(space.as_str(), collection.as_str(), key.as_str());
        let since = since.map_or(0, syncline_protocol::Record::newest_sequence);
        let condition = match (first, self.chance.below(3)) {
            (Some((name, value)), 0 | 1) => Condition::FieldEquals(name, value),
            (Some(_), _) => Condition::UnchangedSince(since),
            (None, 0) => Condition::FieldAbsent(field("title")),
            (None, _) => Condition::Absent,
        };
        Guard { collection, key, condition }
    }

    /// Several devices make the same new record at about the same time; one is to win.
    pub(crate) fn race(&mut self) -> Result<(), Fail> {
        if self.is_healed {
            return Ok(());
        }
        let in_ms = self.chance.between(200, 3_000);
        self.after(in_ms, Event::Race);
        self.races += 1;
        self.tally.count(Kind::Races);
        let (race, space) = (self.races, self.chance.pick(&self.spaces).clone());
        let key = RecordKey::new(&format!("race/{race}")).expect("a short key");
        let runners = self.chance.between(2, 6);
        for _ in 0..runners {
            let index = self.chance.index(self.devices.len());
            let device = &self.devices[index];
            if !device.may_write || !device.spaces.contains_key(&space) {
                continue;
            }
            let mut serials = Vec::new();
            let fields = vec![(field("title"), Some(self.value(&mut serials)))];
            let change = Change::put(collection(RACES), key.clone(), fields).expect("one field");
            let condition = Condition::Absent;
            let guard = Guard { collection: collection(RACES), key: key.clone(), condition };
            self.push(index, &space, (vec![change], vec![guard], Some(race)), &serials)?;
        }
        Ok(())
    }

    /// The hub writes, as for a gateway: without a stamp, past everything that is there.
    pub(crate) fn door_write(&mut self) -> Result<(), Fail> {
        if self.is_healed {
            return Ok(());
        }
        let in_ms = self.chance.between(100, 2_000);
        self.after(in_ms, Event::DoorWrite);
        let (collection, key) = (collection(self.chance.pick::<&str>(COLLECTIONS)), self.key());
        let change = if self.chance.hits(2_000) {
            Change::delete(collection, key)
        } else {
            let fields = vec![(field("title"), Some(Value::from(self.now_ms)))];
            Change::put(collection, key, fields).expect("one field")
        };
        let (space, now_ms) = (self.chance.pick(&self.spaces).clone(), self.hub_ms());
        let Some(node) = self.node.as_mut().filter(|node| !node.has_failed) else { return Ok(()) };
        let principal = Principal::hub();
        let changes = vec![change];
        if let Err(reject) = node.admit.changes(&principal, changes.iter(), node.clock, now_ms) {
            node.tally.reject(reject.code);
            return Ok(());
        }
        self.tally.count(Kind::DoorWrites);
        let work = Work::Write(Submission::changes(space, changes));
        node.submit(0, Entry { principal, now_ms, work }, (1, 100), None);
        self.want_apply();
        Ok(())
    }

    /// The number of the push that wrote a value; none for a value of the hub's own.
    pub(crate) fn writer_of(&self, value: &Value) -> Option<PushId> {
        let (serial, _) = value.as_str()?.split_once(':')?;
        self.ledger.writer_of(serial.parse().ok()?)
    }
}

fn field(name: &str) -> FieldName {
    FieldName::new(name).expect("a field's name")
}
