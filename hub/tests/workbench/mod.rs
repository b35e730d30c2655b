//! A workbench: a writer over some backend, told the time, with short ways to say what to write.
//!
//! Nothing here asserts anything; the tests that share it do.
#![allow(dead_code, reason = "each test program uses a part of the bench")]
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on has failed")]

pub(crate) mod follower;
pub(crate) mod random;

use std::sync::Arc;
use std::time::Duration;

use syncline::config;
use syncline::engine::{Answer, Engine, Entry, Rule, Submission, Work, system_space};
use syncline::fanout::Fanout;
use syncline::metrics::Metrics;
use syncline::store::{Snapshot, SpaceRow, Store, StoreError};
use syncline::writer::Writer;
use syncline::writer::committer::{Committed, Committer, Uncommitted};
use syncline_protocol::{
    Change, CollectionName, Delta, Epoch, FieldName, HlcTime, Push, PushId, RecordKey, ReplicaId,
    SpaceId, SpaceName, Stamp, Value,
};

/// When the bench's time begins, in milliseconds since 1970.
pub(crate) const BEGIN_MS: u64 = 1_700_000_000_000;
/// A page cache that is large enough for every test, and small for the machine.
pub(crate) const CACHE_BYTES: usize = 16 << 20;

/// A writer and the time it is told.
pub(crate) struct Bench {
    pub(crate) writer: Writer,
    pub(crate) committer: Committer,
    pub(crate) fanout: Arc<Fanout>,
    pub(crate) now_ms: u64,
    pushes: u64,
}

impl Bench {
    /// A bench over a new store in memory, with these settings.
    pub(crate) fn in_memory(settings: config::Store, rules: Vec<Rule>) -> Self {
        let store = Store::in_memory(CACHE_BYTES).unwrap();
        Self::open(store, 1, settings, rules).unwrap()
    }

    /// A bench over an open store; `run` names the hub's replica of this run.
    pub(crate) fn open(
        store: Store,
        run: u64,
        settings: config::Store,
        rules: Vec<Rule>,
    ) -> Result<Self, StoreError> {
        let replica = ReplicaId::from_random(0xff00 + run);
        let quotas = config::Quotas::default();
        let engine = Engine::open(&store, replica, settings.clone(), quotas, rules)?;
        let fanout = Arc::new(Fanout::default());
        let metrics = Arc::new(Metrics::new());
        let writer = Writer::new(store, engine, fanout.clone(), settings, metrics)?;
        let committer = writer.committer();
        Ok(Self { writer, committer, fanout, now_ms: BEGIN_MS, pushes: 0 })
    }

    /// Makes the space `system`, and these others with the ids 2, 3 …
    pub(crate) fn make_spaces(&mut self, names: &[&str]) -> Result<(), StoreError> {
        let all = [system_space()].into_iter().chain(names.iter().map(|name| space(name)));
        let works = all.enumerate().map(|(at, name)| create(name, at as u64 + 1)).collect();
        let answers = self.commit(works)?.answers;
        assert!(answers.iter().all(Result::is_ok), "spaces are made: {answers:?}");
        Ok(())
    }

    /// Commits some work as one batch.
    pub(crate) fn commit(&mut self, works: Vec<Work>) -> Result<Committed, StoreError> {
        let applied = self.apply(works)?;
        self.committer.commit(applied)
    }

    /// Applies some work as one batch, which is still to be committed.
    pub(crate) fn apply(&mut self, works: Vec<Work>) -> Result<Uncommitted, StoreError> {
        let now_ms = self.now_ms;
        let entries = works.into_iter().map(|work| Entry::by_hub(now_ms, work)).collect();
        self.writer.apply(entries, now_ms)
    }

    /// Commits one push of a replica.
    pub(crate) fn push(&mut self, name: &str, deltas: Vec<Delta>) -> Answer {
        let work = self.work(name, deltas);
        self.commit(vec![work]).unwrap().answers.remove(0)
    }

    /// A push of a replica, under a new id.
    pub(crate) fn work(&mut self, name: &str, deltas: Vec<Delta>) -> Work {
        self.pushes += 1;
        let id = PushId { replica: deltas[0].stamp.replica, counter: self.pushes };
        let space = space(name);
        let push = Push { id, space, epoch: None, base: 0, guards: Vec::new(), deltas };
        Work::Write(Submission::native(push))
    }

    /// Lets time pass, with a commit whenever housekeeping wants one.
    pub(crate) fn pass(&mut self, time: Duration) {
        let until_ms = self.now_ms + u64::try_from(time.as_millis()).unwrap();
        while self.writer.housekeeping_due_ms() <= until_ms {
            self.now_ms = self.now_ms.max(self.writer.housekeeping_due_ms());
            self.commit(Vec::new()).unwrap();
        }
        self.now_ms = until_ms;
    }

    /// The store as it is now.
    pub(crate) fn snapshot(&self) -> Snapshot {
        self.writer.store().snapshot().unwrap()
    }

    /// A space's row.
    pub(crate) fn row(&self, name: &str) -> SpaceRow {
        self.snapshot().space(&space(name)).unwrap().unwrap()
    }

    /// Asserts that all that is kept beside the records agrees with them.
    #[track_caller]
    pub(crate) fn assert_sound(&self) {
        let report = self.writer.store().examine().unwrap();
        assert!(report.is_sound(), "{}", report.faults.join("\n"));
    }
}

/// Work that makes a space of the hub's.
pub(crate) fn create(name: SpaceName, id: u64) -> Work {
    Work::CreateSpace { name, owner: "hub".to_owned(), id: SpaceId(id), epoch: Epoch(id) }
}

pub(crate) fn space(name: &str) -> SpaceName {
    SpaceName::new(name).unwrap()
}

pub(crate) fn collection(name: &str) -> CollectionName {
    CollectionName::new(name).unwrap()
}

pub(crate) fn key(name: &str) -> RecordKey {
    RecordKey::new(name).unwrap()
}

pub(crate) fn field(name: &str) -> FieldName {
    FieldName::new(name).unwrap()
}

pub(crate) fn replica(number: u64) -> ReplicaId {
    ReplicaId::from_random(number)
}

/// A stamp of a millisecond and a replica.
pub(crate) fn stamp(ms: u64, by: u64) -> Stamp {
    Stamp::new(HlcTime::from_millis(ms), replica(by))
}

/// A put of one field with a number.
pub(crate) fn put(name: &str, record: &str, of: &str, value: u64) -> Change {
    Change::put(collection(name), key(record), vec![(field(of), Some(Value::from(value)))]).unwrap()
}

/// A delete.
pub(crate) fn delete(name: &str, record: &str) -> Change {
    Change::delete(collection(name), key(record))
}
