//! The hub's four threads: the writer, which applies; behind it the committer, which blocks on the
//! disk, and the fan-out; and beside them the flusher, which brings what was written to redb.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, OnceLock, RwLock};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use dashmap::DashMap;
use syncline_protocol::{Code, Reject, ReplicaId};
use tokio::sync::{Semaphore, watch};

use super::rejects::Rejects;
use super::{Hub, Inner, PAGES_AT_ONCE, now_ms, random_u64, submit};
use crate::access::recognised::Recognised;
use crate::access::throttle::Throttle;
use crate::admit::Admit;
use crate::config::Config;
use crate::engine::{Answer, Engine, Rule, Told};
use crate::fanout::Fanout;
use crate::metrics::Metrics;
use crate::store::{Pace, Reach, Store, StoreError};
use crate::writer::Writer;
use crate::writer::committer::{Committed, Committer, Uncommitted};
use crate::writer::intake::{BatchLimit, Intake};
use crate::writer::pacing::Pacing;

/// Batches that were applied and wait for the disk: one while the last is synced, so that a slow
/// disk makes batches larger, not more.
const APPLIED_MAX: usize = 1;
/// Batches that wait for the fan-out thread: a few, so that a slow one slows the writer instead of
/// growing.
const TOLD_MAX: usize = 16;
/// How long the fan-out thread rests for each session that it has woken; what comes meanwhile goes
/// out as one frame. To be woken costs a session and its client about as much as a hundred deltas
/// do: with a thousand listeners a fourth more are delivered, and each sooner.
const REST: Duration = Duration::from_micros(20);
/// How long it rests at most.
const REST_MAX: Duration = Duration::from_millis(20);
/// Batches that go out as one, at most: more than come while it rests, so that it does not listen
/// for ever to a writer that is quicker.
const JOINED_MAX: usize = 1_024;
/// Names whose secrets are recognised without Argon2.
const RECOGNISED_MAX: usize = 10_000;
/// Addresses whose wrong secrets are counted.
const THROTTLED_MAX: usize = 10_000;

/// A batch that was applied, and whoever waits for its answers.
type Applied = (Uncommitted, Vec<Reply>);
type Reply = Box<dyn FnOnce(Answer) + Send>;

/// The running threads.
#[derive(Debug)]
pub struct Threads {
    intake: Arc<Intake>,
    /// The one who hands on before the one who is handed to.
    running: [JoinHandle<()>; 4],
}

impl Threads {
    /// Takes no more writes, finishes those that wait, and ends the threads. Blocks.
    pub fn stop(self) {
        self.intake.close();
        for thread in self.running {
            if thread.join().is_err() {
                tracing::error!("a thread of the hub had panicked");
            }
        }
    }
}

pub(super) fn start(
    config: Config,
    store: Store,
    rules: Vec<Rule>,
) -> Result<(Hub, Threads), StoreError> {
    let replica = ReplicaId::from_random(random_u64());
    let quotas = config.quotas.clone();
    let engine = Engine::open(&store, replica, config.store.clone(), quotas, rules)?;
    let (fanout, metrics) = (Arc::new(Fanout::default()), Arc::new(Metrics::new()));
    let (directory, clock) = (engine.directory().clone(), engine.clock());
    let writer =
        Writer::new(store.clone(), engine, fanout.clone(), config.store.clone(), metrics.clone())?;
    let admit = Admit::new(config.limits.clone(), config.sync.clone(), store.clone(), replica);
    let mut key = [0; 32];
    getrandom::fill(&mut key).expect("the system's random generator works");
    let inner = Inner {
        room: Arc::new(Semaphore::new(submit::room(config.sync.intake_bytes))),
        throttle: Mutex::new(Throttle::new(config.limits.failed_logins_per_minute, THROTTLED_MAX)),
        config,
        store,
        replica,
        intake: Arc::new(Intake::default()),
        fanout,
        admit,
        metrics,
        directory: RwLock::new(directory),
        clock: AtomicU64::new(clock.to_bits()),
        pages: Arc::new(Semaphore::new(PAGES_AT_ONCE)),
        failed: watch::Sender::new(false),
        sessions: DashMap::new(),
        next_session: AtomicU64::new(1),
        heard: Mutex::default(),
        rejects: Rejects::default(),
        recognised: Mutex::new(Recognised::new(key, RECOGNISED_MAX)),
        hashing: super::hashing::Hashing::default(),
        derivations: OnceLock::new(),
        registering: tokio::sync::Mutex::default(),
        draining: AtomicBool::new(false),
    };
    let hub = Hub { inner: Arc::new(inner) };
    let threads = spawn(&hub, writer);
    Ok((hub, threads))
}

fn spawn(hub: &Hub, mut writer: Writer) -> Threads {
    let (hand_on, applied) = sync_channel(APPLIED_MAX);
    let (tell, told) = sync_channel(TOLD_MAX);
    // No room: asked while it flushes, it would flush what that flush has brought already.
    let (ask, asked) = sync_channel(0);
    writer.leave_flushes_to(ask);
    let committer = writer.committer();
    let paced = Arc::new(Pacing::new(hub.inner.config.sync.batch_interval));
    let pacing = paced.clone();
    let thread = |name: &str, run: Box<dyn FnOnce(&Hub) + Send>| {
        let (thread, hub) = (std::thread::Builder::new().name(name.to_owned()), hub.clone());
        thread.spawn(move || run(&hub)).expect("the system starts four threads")
    };
    let running = [
        thread("writer", Box::new(move |hub| run_writer(hub, writer, &paced, &hand_on))),
        thread(
            "committer",
            Box::new(move |hub| run_committer(hub, &committer, &pacing, &applied, &tell)),
        ),
        thread("fan-out", Box::new(move |hub| run_fanout(hub, &told))),
        thread("flusher", Box::new(move |hub| run_flusher(hub, &asked))),
    ];
    Threads { intake: hub.inner.intake.clone(), running }
}

fn run_writer(hub: &Hub, mut writer: Writer, pacing: &Pacing, hand_on: &SyncSender<Applied>) {
    let sync = &hub.inner.config.sync;
    let limit = BatchLimit {
        bytes: usize::try_from(sync.batch_bytes).unwrap_or(usize::MAX),
        deltas: usize::try_from(sync.batch_deltas).unwrap_or(usize::MAX),
    };
    let mut failed = false;
    let mut not_before = Instant::now();
    loop {
        // What comes meanwhile goes with the next batch.
        std::thread::sleep(not_before.saturating_duration_since(Instant::now()));
        let wait = writer.housekeeping_due_ms().saturating_sub(now_ms());
        let until = (!failed).then(|| Instant::now() + Duration::from_millis(wait));
        let Some(jobs) = hub.inner.intake.take(limit, until) else { break };
        let is_idle = jobs.is_empty() && !writer.is_housekeeping_due(now_ms());
        if failed || is_idle {
            refuse(jobs.into_iter().map(|job| job.reply));
            continue;
        }
        let now = Instant::now();
        not_before = now + pacing.interval(now);
        let (entries, replies): (Vec<_>, Vec<_>) =
            jobs.into_iter().map(|job| (job.entry, job.reply)).unzip();
        match writer.apply(entries, now_ms()) {
            // The committer lives as long as this thread; should it have died, nothing is answered.
            Ok(applied) => drop(hand_on.send((applied, replies))),
            Err(error) => {
                refuse(replies);
                fail(hub, &error);
                failed = true;
            }
        }
    }
    // The next start has nothing to read back then; if this fails, it has.
    if !failed && let Err(error) = writer.store().flush(Reach::Disk(Pace::Full)) {
        tracing::warn!(%error, "the journal stays as it is");
    }
}

/// Commits what was applied; what was applied while it waited for the disk goes together.
fn run_committer(
    hub: &Hub,
    committer: &Committer,
    pacing: &Pacing,
    applied: &Receiver<Applied>,
    tell: &SyncSender<(Told, Instant)>,
) {
    while let Ok((mut batch, mut replies)) = applied.recv() {
        while let Ok((later, more)) = applied.try_recv() {
            batch = batch.join(later);
            replies.extend(more);
        }
        match committer.commit(batch) {
            Ok(committed) => {
                let now = Instant::now();
                committed.synced_in.into_iter().for_each(|took| pacing.notice(took, now));
                make_known(hub, committed, replies, tell);
            }
            Err(error) => {
                refuse(replies);
                fail(hub, &error);
            }
        }
    }
}

/// Hands on what was committed, and answers.
fn make_known(
    hub: &Hub,
    committed: Committed,
    replies: Vec<Reply>,
    tell: &SyncSender<(Told, Instant)>,
) {
    hub.inner.clock.store(committed.clock.to_bits(), Ordering::Release);
    let rights_changed = !Arc::ptr_eq(&hub.directory(), &committed.directory);
    if rights_changed {
        let mut directory =
            hub.inner.directory.write().expect("nothing panics while it holds the directory");
        *directory = committed.directory;
    }
    // The fan-out thread lives as long as this one; should it have died, the log has everything.
    let _ = tell.send((committed.told, Instant::now()));
    if rights_changed {
        hub.recheck_sessions();
    }
    for (reply, answer) in replies.into_iter().zip(committed.answers) {
        reply(answer);
    }
}

fn refuse(replies: impl IntoIterator<Item = Reply>) {
    for reply in replies {
        reply(Err(Reject::new(Code::Unavailable, "The store cannot write")));
    }
}

/// The store failed: whoever asks how the hub is hears it at once.
fn fail(hub: &Hub, error: &StoreError) {
    if !hub.inner.failed.send_replace(true) {
        tracing::error!(%error, "the store failed; nothing is written until a restart");
    }
    hub.inner.metrics.store_up.set(0);
}

fn run_flusher(hub: &Hub, asked: &Receiver<Reach>) {
    while let Ok(reach) = asked.recv() {
        let begun = Instant::now();
        if let Err(error) = hub.inner.store.flush(reach) {
            // The writer hears of it with its next batch.
            fail(hub, &error);
        }
        if matches!(reach, Reach::Disk(_)) {
            hub.inner.metrics.checkpoint_seconds.observe(begun.elapsed().as_secs_f64());
        }
    }
}

fn run_fanout(hub: &Hub, told: &Receiver<(Told, Instant)>) {
    let mut rested = Instant::now();
    while let Ok((mut all, committed)) = told.recv() {
        // Batches that wait, or come while it rests, go out as one: a frame for each would cost
        // every session a wake. What the oldest of them waited counts for all.
        let left = || rested.saturating_duration_since(Instant::now());
        let later = std::iter::from_fn(|| told.recv_timeout(left()).ok());
        later.take(JOINED_MAX).for_each(|(more, _)| all.join(more));
        hub.inner.fanout.retire(&all.rights, all.version);
        let delivered = hub.inner.fanout.publish(&all.publications);
        if delivered.deltas > 0 {
            hub.inner.metrics.delivery_seconds.observe(committed.elapsed().as_secs_f64());
        }
        hub.inner.metrics.deltas_out.inc_by(delivered.deltas as u64);
        all.dropped.into_iter().for_each(|space| hub.inner.fanout.dropped(space));
        let rest = REST.saturating_mul(u32::try_from(delivered.queues).unwrap_or(u32::MAX));
        rested = Instant::now() + rest.min(REST_MAX);
    }
}
