//! A hub in miniature: one space, a log with compaction, and the frames that a real one would send.
//!
//! It is what replicas are held against; it keeps to the words of the design and takes no shortcut
//! through the code under test but the merge law itself.

#![allow(dead_code, unreachable_pub, reason = "each test binary uses a part of it")]
#![allow(clippy::unwrap_used, reason = "a model that is wrong should stop the test")]

use std::collections::{BTreeMap, BTreeSet};

use syncline_protocol::replica::{Event, RecordName};
use syncline_protocol::{
    Applied, Change, ClientFrame, Code, CollectionName, Cursor, Delta, DeviceId, Digest, Epoch,
    FieldName, Filter, HlcTime, HubFrame, Push, PushId, Record, RecordKey, Reject, Replica,
    ReplicaId, SnapshotMode, SpaceId, SpaceName, Stamp, Start, Stretch, Subject, Total, Value,
    ViewMark, Welcome, check_drift,
};

/// Deltas of a page: small, so that catch-ups have many.
pub const PAGE: usize = 3;

pub struct ModelHub {
    pub space: SpaceName,
    pub id: SpaceId,
    pub epoch: Epoch,
    pub sequence: u64,
    pub records: BTreeMap<RecordName, Record>,
    pub log: BTreeMap<u64, Applied>,
    pub purged: Option<Stamp>,
    pub now_ms: u64,
    pub is_restored: bool,
    pub refuse: Option<Code>,
    pub outcomes: BTreeMap<PushId, Result<u64, Code>>,
    /// The filter of the one client, when it is subscribed, and how far it was sent.
    subscribed: Option<(Filter, u64)>,
}

#[derive(Clone)]
pub struct Backup {
    sequence: u64,
    records: BTreeMap<RecordName, Record>,
    log: BTreeMap<u64, Applied>,
}

impl ModelHub {
    pub fn new(now_ms: u64) -> Self {
        Self {
            space: SpaceName::new("home").unwrap(),
            id: SpaceId(7),
            epoch: Epoch(1),
            sequence: 0,
            records: BTreeMap::new(),
            log: BTreeMap::new(),
            purged: None,
            now_ms,
            is_restored: false,
            refuse: None,
            outcomes: BTreeMap::new(),
            subscribed: None,
        }
    }

    pub fn disconnect(&mut self) {
        self.subscribed = None;
    }

    pub fn backup(&self) -> Backup {
        let (records, log) = (self.records.clone(), self.log.clone());
        Backup { sequence: self.sequence, records, log }
    }

    pub fn restore(&mut self, backup: &Backup) {
        let backup = backup.clone();
        (self.sequence, self.records, self.log) = (backup.sequence, backup.records, backup.log);
        self.epoch = Epoch(self.epoch.0 + 1);
        self.is_restored = true;
        self.outcomes.clear();
        self.disconnect();
    }

    /// Drops the log entries that say nothing any more.
    pub fn compact(&mut self) {
        let records = &self.records;
        self.log.retain(|&sequence, applied| {
            let change = &applied.delta.change;
            let name = RecordName::new(&change.collection, &change.key);
            records.get(&name).is_some_and(|record| record.holds_sequence(sequence))
        });
    }

    /// Forgets all deletes.
    pub fn purge(&mut self) {
        for record in self.records.values_mut() {
            if let Some(grave) = record.tombstone() {
                self.purged = self.purged.max(Some(grave.stamp));
                *record = record.clone().without_tombstone();
            }
        }
        self.records.retain(|_, record| record.is_visible());
    }

    pub fn visible(&self, filter: &Filter) -> BTreeMap<RecordName, Record> {
        let asked = |name: &RecordName| filter.selects(name.collection.as_str(), name.key.as_str());
        let shown = self.records.iter().filter(|(name, r)| asked(name) && r.is_visible());
        shown.map(|(name, record)| (name.clone(), record.clone())).collect()
    }

    pub fn digests(&self, filter: &Filter) -> BTreeMap<CollectionName, Digest> {
        let mut digests: BTreeMap<_, Digest> = BTreeMap::new();
        for (name, record) in self.visible(filter) {
            let digest = digests.entry(name.collection.clone()).or_default();
            digest.add_record(&name.collection, &name.key, &record);
        }
        digests
    }

    /// Applies deltas as if another client had pushed them; gives what is sent.
    pub fn write(&mut self, deltas: &[Delta]) -> Vec<HubFrame> {
        deltas.iter().for_each(|delta| self.apply(delta));
        self.publish()
    }

    fn apply(&mut self, delta: &Delta) {
        let change = &delta.change;
        let record =
            self.records.entry(RecordName::new(&change.collection, &change.key)).or_default();
        if record.merge(delta.stamp, self.sequence + 1, &change.op).changed() {
            self.sequence += 1;
            self.log
                .insert(self.sequence, Applied { sequence: self.sequence, delta: delta.clone() });
        }
    }

    /// What the client has not been sent yet, as one live frame.
    fn publish(&mut self) -> Vec<HubFrame> {
        let Some((filter, sent)) = self.subscribed.clone() else { return vec![] };
        if sent == self.sequence {
            return vec![];
        }
        self.subscribed = Some((filter.clone(), self.sequence));
        vec![self.changes(sent, self.sequence, false, self.entries(&filter, sent))]
    }

    fn changes(&self, before: u64, last: u64, more: bool, deltas: Vec<Applied>) -> HubFrame {
        HubFrame::Changes { space: self.space.clone(), before, last, more, deltas }
    }

    fn entries(&self, filter: &Filter, after: u64) -> Vec<Applied> {
        let asked = |applied: &&Applied| {
            let change = &applied.delta.change;
            filter.selects(change.collection.as_str(), change.key.as_str())
        };
        self.log.range(after + 1..).map(|(_, applied)| applied).filter(asked).cloned().collect()
    }

    /// Takes a client's frame; gives what is sent.
    pub fn receive(&mut self, frame: ClientFrame) -> Vec<HubFrame> {
        match frame {
            ClientFrame::Subscribe { filter, start, .. } => self.subscribe(filter, start),
            ClientFrame::Unsubscribe { .. } => {
                self.subscribed = None;
                vec![]
            }
            ClientFrame::Push(push) => self.push(&push),
            ClientFrame::Verify { .. } => match &self.subscribed {
                Some((filter, _)) => vec![self.digest_frame(&filter.clone())],
                None => vec![],
            },
            ClientFrame::Hello(_) => vec![self.welcome()],
            ClientFrame::Ping { nonce } => vec![HubFrame::Pong { nonce, hub_ms: self.now_ms }],
            _ => vec![],
        }
    }

    fn welcome(&self) -> HubFrame {
        HubFrame::Welcome(Welcome {
            session: 1,
            hub_ms: self.now_ms,
            hub_replica: ReplicaId::from_random(2),
            principal: "ann".to_owned(),
            limits: BTreeMap::new(),
        })
    }

    /// That nothing happened since what was sent last.
    pub fn heartbeat(&self) -> HubFrame {
        let stretch = |(_, sent): &(Filter, u64)| {
            let (before, last) = (*sent, self.sequence);
            Stretch { space: self.space.clone(), before, last }
        };
        let stretches = self.subscribed.iter().map(stretch).collect();
        HubFrame::Heartbeat { hub_ms: self.now_ms, stretches }
    }

    fn digest_frame(&self, filter: &Filter) -> HubFrame {
        let (sequence, digests) = (self.sequence, self.digests(filter));
        HubFrame::Digests { space: self.space.clone(), sequence, digests }
    }

    pub fn mark(filter: &Filter) -> ViewMark {
        let names = filter.collections().map(|name| u64::try_from(name.as_str().len()).unwrap());
        ViewMark((1 + names.sum::<u64>()).to_be_bytes())
    }

    fn subscribe(&mut self, filter: Filter, start: Start) -> Vec<HubFrame> {
        let view = Self::mark(&filter);
        let head = Cursor { epoch: self.epoch, sequence: self.sequence, view };
        let (space, id) = (self.space.clone(), self.id);
        let mut frames = vec![HubFrame::Subscribed { space, id, head, writable: true }];
        let after = match start {
            Start::Resume(at)
                if (at.epoch, at.view) == (head.epoch, head.view)
                    && at.sequence <= head.sequence =>
            {
                at.sequence
            }
            _ => {
                frames.extend(self.snapshot(&filter, head));
                head.sequence
            }
        };
        let entries = self.entries(&filter, after);
        let mut before = after;
        for page in entries.chunks(PAGE) {
            let last = page.last().map_or(before, |applied| applied.sequence);
            frames.push(self.changes(before, last, true, page.to_vec()));
            before = last;
        }
        frames.push(self.changes(before, self.sequence, false, vec![]));
        frames.push(self.digest_frame(&filter));
        self.subscribed = Some((filter, self.sequence));
        frames
    }

    fn snapshot(&self, filter: &Filter, cursor: Cursor) -> Vec<HubFrame> {
        let space = self.space.clone();
        let mode = if self.is_restored { SnapshotMode::Join } else { SnapshotMode::Replace };
        let visible = self.visible(filter);
        let total = Total { records: u64::try_from(visible.len()).unwrap(), bytes: 0 };
        let mut frames =
            vec![HubFrame::SnapshotBegin { space: space.clone(), id: self.id, mode, total }];
        let records: Vec<_> = visible.into_iter().collect();
        let mut parts = 0;
        for page in records.chunks(PAGE) {
            let deltas = page.iter().flat_map(|(n, r)| r.to_deltas(&n.collection, &n.key));
            let deltas = deltas.collect();
            frames.push(HubFrame::SnapshotPart { space: space.clone(), part: parts, deltas });
            parts += 1;
        }
        frames.push(HubFrame::SnapshotEnd { space, parts, cursor });
        frames
    }

    fn push(&mut self, push: &Push) -> Vec<HubFrame> {
        let id = push.id;
        let outcome = match self.outcomes.get(&id) {
            Some(outcome) if !push.guards.is_empty() => *outcome,
            _ => self.decide(push),
        };
        let (mut frames, answer) = match outcome {
            Ok(_) if self.outcomes.contains_key(&id) && !push.guards.is_empty() => {
                (vec![], HubFrame::Ack { push: id, sequence: outcome.unwrap() })
            }
            Ok(_) => {
                let frames = self.write(&push.deltas);
                (frames, HubFrame::Ack { push: id, sequence: self.sequence })
            }
            Err(code) => {
                let reject = Reject::new(code, "the model says no");
                let hub_ms = self.now_ms;
                (vec![], HubFrame::Reject { subject: Subject::Push(id), reject, hub_ms })
            }
        };
        if !matches!(outcome, Err(code) if code.is_retryable()) {
            self.outcomes.insert(id, outcome.map(|_| self.sequence));
        }
        frames.push(answer);
        frames
    }

    fn decide(&self, push: &Push) -> Result<u64, Code> {
        if let Some(code) = self.refuse {
            return Err(code);
        }
        let blank = Record::default();
        for delta in &push.deltas {
            if check_drift(delta.stamp.time, self.now_ms, 60_000).is_err() {
                return Err(Code::ClockDrift);
            }
            let change = &delta.change;
            let record = self.records.get(&RecordName::new(&change.collection, &change.key));
            if record.is_none_or(Record::is_empty) && self.purged >= Some(delta.stamp) {
                return Err(Code::Expired);
            }
        }
        let holds = push.guards.iter().all(|guard| {
            let name = RecordName::new(&guard.collection, &guard.key);
            guard.condition.holds(self.records.get(&name).unwrap_or(&blank))
        });
        if holds { Ok(self.sequence) } else { Err(Code::GuardFailed) }
    }
}

pub fn collection(text: &str) -> CollectionName {
    CollectionName::new(text).unwrap()
}

pub fn key(text: &str) -> RecordKey {
    RecordKey::new(text).unwrap()
}

pub fn field(text: &str) -> FieldName {
    FieldName::new(text).unwrap()
}

/// What a replica's copy shows, for comparing with [`ModelHub::visible`].
pub fn shown(records: &BTreeMap<RecordName, Record>) -> BTreeSet<(String, String, String)> {
    let fields = records.iter().flat_map(|(name, record)| {
        record.visible().map(move |(field, register, value)| {
            let place = format!("{}/{}/{field}", name.collection, name.key);
            (place, format!("{:?}", register.stamp), format!("{value:?}"))
        })
    });
    fields.collect()
}

pub const START_MS: u64 = 1_700_000_000_000;
pub const DAY_MS: u64 = 24 * 3_600_000;

pub fn home() -> SpaceName {
    SpaceName::new("home").unwrap()
}

pub fn put(key_text: &str, value: u64) -> Change {
    let fields = vec![(field("f"), Some(Value::from(value)))];
    Change::put(collection("c"), key(key_text), fields).unwrap()
}

pub fn foreign(millis: u64) -> Stamp {
    Stamp::new(HlcTime::from_millis(millis), ReplicaId::from_random(9))
}

pub fn replica() -> Replica {
    let mut replica = Replica::new(ReplicaId::from_random(1), DeviceId(1));
    replica.open(&home(), Filter::default());
    replica
}

pub fn read(replica: &Replica, key: &str) -> Option<u64> {
    replica.get("home", "c", key)?.get("f")?.as_u64()
}

/// Carries frames to and fro until both are silent; gives what the app is told.
pub fn converse(hub: &mut ModelHub, replica: &mut Replica, now_ms: u64) -> Vec<Event> {
    let mut events = vec![];
    loop {
        let frames = replica.take_frames();
        if frames.is_empty() {
            return events;
        }
        for answer in frames.into_iter().flat_map(|frame| hub.receive(frame)).collect::<Vec<_>>() {
            let received = replica.receive(answer, now_ms);
            received.heal.iter().for_each(|space| replica.release_healing(space.as_str()));
            events.extend(received.events);
        }
    }
}

pub fn write(replica: &mut Replica, changes: Vec<Change>, now_ms: u64) -> PushId {
    replica.write(&home(), changes, vec![], now_ms).unwrap()
}

pub fn live() -> (ModelHub, Replica) {
    let (mut hub, mut replica) = (ModelHub::new(START_MS), replica());
    converse(&mut hub, &mut replica, START_MS);
    assert!(replica.is_live("home"));
    (hub, replica)
}

pub fn reconnect(hub: &mut ModelHub, replica: &mut Replica, now_ms: u64) -> Vec<Event> {
    hub.disconnect();
    replica.disconnected();
    converse(hub, replica, now_ms)
}

/// Whether the app was told that a push was refused with this code.
pub fn is_rejected(events: &[Event], push: PushId, code: Code) -> bool {
    events.iter().any(|event| match event {
        Event::Rejected { push: id, reject, .. } => *id == push && reject.code == code,
        _ => false,
    })
}
