//! A seeded run of batches through the writer, and what must be found after a crash in it.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::collections::{BTreeMap, VecDeque};
use std::sync::atomic::{AtomicBool, Ordering};

use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use syncline::config;
use syncline::engine::{Answer, Submission, Work};
use syncline::store::{Pace, Reach, Store, StoreError};
use syncline::writer::committer::Uncommitted;
use syncline_protocol::{
    Change, CollectionName, Condition, Delta, Digest, Filter, Guard, HlcTime, Push, PushId, Value,
};

use crate::disk::{Disk, Failure, Image};
use crate::workbench::{
    BEGIN_MS, Bench, CACHE_BYTES, collection, delete, field, key, replica, space, stamp,
};

/// So many batches are applied at most before the first of them is committed.
const AHEAD: usize = 3;
/// The spaces of a run.
const SPACES: [&str; 2] = ["a", "b"];

/// All that shows in a store, condensed.
pub(crate) type Digests = Vec<BTreeMap<CollectionName, Digest>>;

/// What was known once a commit had been acknowledged.
#[derive(Debug, Clone, Default)]
pub(crate) struct Commit {
    /// Operations of the disk until then.
    pub(crate) ops: usize,
    /// What the store then showed.
    pub(crate) digests: Digests,
    /// What was acknowledged by it.
    pub(crate) deltas: Vec<(usize, Delta)>,
    /// Guarded pushes that it answered.
    pub(crate) answers: Vec<(Push, Answer)>,
}

/// A run, as far as it came.
pub(crate) struct History {
    pub(crate) commits: Vec<Commit>,
    pub(crate) error: Option<StoreError>,
    /// So many batches may be on the disk that nobody was promised.
    ahead: usize,
}

/// Old log entries go at once, so that removals are cut as well; deletes stay for the checks.
pub(crate) fn settings() -> config::Store {
    config::Store {
        compaction_pause: std::time::Duration::ZERO,
        compaction_batch: 8,
        // Some batches apart, so that cuts fall before, into and behind checkpoints.
        checkpoint_interval: std::time::Duration::from_millis(60),
        ..config::Store::default()
    }
}

/// Runs so many batches over a disk; the run ends at the first error.
pub(crate) fn run(disk: &Disk, seed: u64, batches: usize) -> History {
    let begin = Commit { ops: usize::MAX, ..Commit::default() };
    let mut history = History { commits: vec![begin], error: None, ahead: 1 };
    history.error = try_run(disk, seed, batches, &mut history.commits).err();
    history
}

/// The same batches, while another thread brings to redb what was written, over and over.
pub(crate) fn run_beside_flushes(disk: &Disk, seed: u64, batches: usize) -> History {
    let mut history = run(&Disk::new(Image::default(), Failure::Never, false), seed, batches);
    // Where each commit ended on this disk; what it showed is known, and to look would flush.
    history.commits.iter_mut().for_each(|commit| commit.ops = usize::MAX);
    history.error = try_beside_flushes(disk, seed, batches, &mut history.commits).err();
    history.commits.retain(|commit| commit.ops < usize::MAX);
    history
}

/// The same batches, of which later ones are applied before earlier ones are committed, and some
/// are committed together.
pub(crate) fn run_ahead(disk: &Disk, seed: u64, batches: usize) -> History {
    let mut history = run(&Disk::new(Image::default(), Failure::Never, false), seed, batches);
    history.commits.iter_mut().for_each(|commit| commit.ops = usize::MAX);
    history.ahead = AHEAD;
    history.error = try_ahead(disk, seed, batches, &mut history.commits).err();
    history.commits.retain(|commit| commit.ops < usize::MAX);
    history
}

fn try_ahead(
    disk: &Disk,
    seed: u64,
    batches: usize,
    commits: &mut [Commit],
) -> Result<(), StoreError> {
    let store = Store::with_backends(disk.backends(), CACHE_BYTES)?;
    commits[0].ops = disk.ops();
    let mut bench = Bench::open(store, 1, settings(), vec![])?;
    bench.make_spaces(&SPACES)?;
    commits[1].ops = disk.ops();
    let (mut luck, mut order) = (StdRng::seed_from_u64(seed), StdRng::seed_from_u64(!seed));
    let mut applied = VecDeque::new();
    for batch in 0..batches {
        bench.now_ms += luck.random_range(0..20);
        let works = works(&mut luck, &bench, batch as u64, &mut Commit::default());
        applied.push_back((batch, bench.apply(works)?));
        while applied.len() == AHEAD || (batch + 1 == batches && !applied.is_empty()) {
            let together: Vec<_> = applied.drain(..order.random_range(1..=applied.len())).collect();
            let (numbers, together): (Vec<_>, Vec<_>) = together.into_iter().unzip();
            let together = together.into_iter().reduce(Uncommitted::join).unwrap();
            bench.committer.commit(together)?;
            numbers.into_iter().for_each(|batch| commits[batch + 2].ops = disk.ops());
        }
    }
    Ok(())
}

fn try_beside_flushes(
    disk: &Disk,
    seed: u64,
    batches: usize,
    commits: &mut [Commit],
) -> Result<(), StoreError> {
    let store = Store::with_backends(disk.backends(), CACHE_BYTES)?;
    commits[0].ops = disk.ops();
    let (flushing, is_done) = (store.clone(), AtomicBool::new(false));
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut is_well = true;
            while is_well && !is_done.load(Ordering::Relaxed) {
                is_well = flushing.flush(Reach::Disk(Pace::Gentle)).is_ok();
            }
        });
        let beside = || -> Result<(), StoreError> {
            let mut bench = Bench::open(store, 1, settings(), vec![])?;
            bench.make_spaces(&SPACES)?;
            commits[1].ops = disk.ops();
            let mut luck = StdRng::seed_from_u64(seed);
            for batch in 0..batches {
                bench.now_ms += luck.random_range(0..20);
                let works = works(&mut luck, &bench, batch as u64, &mut Commit::default());
                bench.commit(works)?;
                commits[batch + 2].ops = disk.ops();
            }
            Ok(())
        };
        let result = beside();
        is_done.store(true, Ordering::Relaxed);
        result
    })
}

fn try_run(
    disk: &Disk,
    seed: u64,
    batches: usize,
    commits: &mut Vec<Commit>,
) -> Result<(), StoreError> {
    let store = Store::with_backends(disk.backends(), CACHE_BYTES)?;
    // A file has its name only once it is whole: no cut falls before.
    commits[0] = Commit { ops: disk.ops(), digests: digests(&store)?, ..Commit::default() };
    let mut bench = Bench::open(store, 1, settings(), vec![])?;
    bench.make_spaces(&SPACES)?;
    let digests = digests(bench.writer.store())?;
    commits.push(Commit { ops: disk.ops(), digests, ..Commit::default() });
    let mut luck = StdRng::seed_from_u64(seed);
    for batch in 0..batches as u64 {
        bench.now_ms += luck.random_range(0..20);
        let mut commit = Commit::default();
        let works = works(&mut luck, &bench, batch, &mut commit);
        let answers = bench.commit(works)?.answers;
        remember(&mut commit, &answers);
        commit.ops = disk.ops();
        commit.digests = self::digests(bench.writer.store())?;
        commits.push(commit);
    }
    Ok(())
}

/// Some pushes of replicas, a guarded one, and changes that the hub stamps.
fn works(luck: &mut StdRng, bench: &Bench, batch: u64, commit: &mut Commit) -> Vec<Work> {
    let mut works = Vec::new();
    for counter in 0..luck.random_range(1..4_u64) {
        let at = luck.random_range(0..SPACES.len());
        let by = luck.random_range(1..4);
        let ms = bench.now_ms - luck.random_range(0..30);
        let deltas: Vec<_> =
            (0..luck.random_range(1..4_u64)).map(|_| change(luck).stamped(stamp(ms, by))).collect();
        commit.deltas.extend(deltas.iter().map(|delta| (at, delta.clone())));
        works.push(push(at, PushId { replica: replica(by), counter: batch * 4 + counter }, deltas));
    }
    let id = PushId { replica: replica(9), counter: batch };
    let change = put("c", luck.random_range(0..30), 7);
    let guarded = guarded(id, change.stamped(stamp(bench.now_ms, 9)));
    commit.answers = vec![(guarded.clone(), Err(unanswered()))];
    works.push(Work::Write(Submission::native(guarded)));
    works
        .push(Work::Write(Submission::changes(space(SPACES[1]), vec![put("h", batch % 5, batch)])));
    works
}

fn push(at: usize, id: PushId, deltas: Vec<Delta>) -> Work {
    let (space, guards) = (space(SPACES[at]), Vec::new());
    Work::Write(Submission::native(Push { id, space, epoch: None, base: 0, guards, deltas }))
}

/// A push that makes a record, if it is not there.
fn guarded(id: PushId, delta: Delta) -> Push {
    let (collection, key) = (delta.change.collection.clone(), delta.change.key.clone());
    let guards = vec![Guard { collection, key, condition: Condition::Absent }];
    Push { id, space: space(SPACES[0]), epoch: None, base: 0, guards, deltas: vec![delta] }
}

fn unanswered() -> syncline_protocol::Reject {
    syncline_protocol::Reject::new(syncline_protocol::Code::Busy, "not answered yet")
}

fn change(luck: &mut StdRng) -> Change {
    let record = luck.random_range(0..12);
    match luck.random_range(0..6) {
        0 => delete("c", &format!("k{record}")),
        _ => put("c", record, luck.random()),
    }
}

/// A put of one field, large now and then.
fn put(name: &str, record: u64, value: u64) -> Change {
    let text = "x".repeat(usize::try_from(value % 7).unwrap() * 300) + &value.to_string();
    let fields = vec![(field("v"), Some(Value::from(&*text)))];
    Change::put(collection(name), key(&format!("k{record}")), fields).unwrap()
}

/// The answers become part of what must survive.
fn remember(commit: &mut Commit, answers: &[Answer]) {
    let hubs = answers.last().unwrap().clone().unwrap();
    let stamped = hubs.parts.into_iter().flat_map(|(_, applied)| applied);
    commit.deltas.extend(stamped.map(|applied| (1, applied.delta)));
    let answer = answers[answers.len() - 2].clone();
    if answer.is_ok() {
        commit.deltas.push((0, commit.answers[0].0.deltas[0].clone()));
    }
    commit.answers[0].1 = answer;
    assert!(answers[..answers.len() - 2].iter().all(Result::is_ok), "{answers:?}");
}

fn digests(store: &Store) -> Result<Digests, StoreError> {
    let snapshot = store.snapshot()?;
    let digests = |name| match snapshot.space(&space(name))? {
        Some(row) => snapshot.digests(row.id, &Filter::default()),
        None => Ok(BTreeMap::new()),
    };
    SPACES.into_iter().map(digests).collect()
}

impl History {
    /// How many commits had been acknowledged before an operation; the empty beginning counts.
    pub(crate) fn acknowledged(&self, ops: usize) -> usize {
        self.commits.iter().take_while(|commit| commit.ops <= ops).count()
    }

    /// Opens what a crash left and looks for all that the first `acknowledged` commits promised.
    pub(crate) fn check(&self, image: Image, acknowledged: usize) -> Result<(), String> {
        let disk = Disk::new(image, Failure::Never, false);
        let store = Store::with_backends(disk.backends(), CACHE_BYTES)
            .map_err(|error| error.to_string())?;
        let report = store.examine().map_err(|error| error.to_string())?;
        if !report.is_sound() {
            return Err(report.faults.join("\n"));
        }
        let promised = &self.commits[..acknowledged];
        check_deltas(&store, promised)?;
        let shown = digests(&store).map_err(|error| error.to_string())?;
        let may_show = self.commits.iter().skip(acknowledged - 1).take(1 + self.ahead);
        // The last commit of a run that failed may be on the disk, although it was not promised.
        let in_flight = acknowledged == self.commits.len() && self.error.is_some();
        if !in_flight && may_show.into_iter().all(|commit| commit.digests != shown) {
            return Err("a part of a batch is there".to_owned());
        }
        go_on(store, promised)
    }
}

fn check_deltas(store: &Store, promised: &[Commit]) -> Result<(), String> {
    let snapshot = store.snapshot().map_err(|error| error.to_string())?;
    for (at, delta) in promised.iter().flat_map(|commit| &commit.deltas) {
        let row = snapshot.space(&space(SPACES[*at])).map_err(|error| error.to_string())?;
        let row = row.ok_or_else(|| format!("the delta {delta:?} is lost with its space"))?;
        let (collection, key) = (&delta.change.collection, &delta.change.key);
        let record = snapshot.record(row.id, collection, key).map_err(|error| error.to_string())?;
        // What was merged before changes nothing when it is merged again.
        if record.unwrap_or_default().record.merge_delta(delta).changed() {
            return Err(format!("the delta {delta:?} is lost"));
        }
    }
    Ok(())
}

/// The hub starts again: its clock goes on, it stamps nothing twice, and a winner who lost the ack
/// hears the same answer.
fn go_on(store: Store, promised: &[Commit]) -> Result<(), String> {
    let clock = store.snapshot().and_then(|it| it.clock()).map_err(|error| error.to_string())?;
    let mut stamps =
        promised.iter().flat_map(|commit| &commit.deltas).map(|(_, delta)| delta.stamp);
    if stamps.clone().any(|stamp| stamp.time > clock) {
        return Err("the clock has gone back".to_owned());
    }
    let mut bench = Bench::open(store, 2, settings(), vec![]).map_err(|error| error.to_string())?;
    bench.now_ms = BEGIN_MS;
    if promised.len() < 2 {
        return Ok(());
    }
    let answers = promised.iter().flat_map(|commit| &commit.answers);
    let repeats =
        answers.map(|(push, answer)| (Work::Write(Submission::native(push.clone())), answer));
    let (mut works, expected): (Vec<_>, Vec<_>) = repeats.unzip();
    works.push(Work::Write(Submission::changes(space(SPACES[0]), vec![put("h", 1, 1)])));
    let mut answers = bench.commit(works).map_err(|error| error.to_string())?.answers;
    let new = answers.pop().and_then(Result::ok).ok_or("the hub cannot write any more")?;
    let new = new.parts[0].1[0].delta.stamp;
    if new.time <= clock.max(HlcTime::from_millis(BEGIN_MS)) || stamps.any(|stamp| stamp == new) {
        return Err(format!("the stamp {new:?} is not new"));
    }
    let same = |(got, expected): (&Answer, &&Answer)| match (got, expected) {
        (Ok(got), Ok(expected)) => got.sequence() == expected.sequence(),
        (Err(got), Err(expected)) => got == expected,
        _ => false,
    };
    if !answers.iter().zip(&expected).all(same) {
        return Err("a recorded answer is another one now".to_owned());
    }
    let report = bench.writer.store().examine().map_err(|error| error.to_string())?;
    if report.is_sound() { Ok(()) } else { Err(report.faults.join("\n")) }
}
