//! The hub's three threads: the writer, which blocks on the disk, and behind it the fan-out and the
//! flusher, which brings what was written to redb.

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
use crate::engine::{Engine, Rule, Told};
use crate::fanout::Fanout;
use crate::metrics::Metrics;
use crate::store::{Pace, Reach, Store, StoreError};
use crate::writer::Writer;
use crate::writer::intake::{BatchLimit, Intake, Job};

/// Batches that wait for the fan-out thread: a few, so that a slow one slows the writer instead of
/// growing.
const TOLD_MAX: usize = 16;
/// Names whose secrets are recognised without Argon2.
const RECOGNISED_MAX: usize = 10_000;
/// Addresses whose wrong secrets are counted.
const THROTTLED_MAX: usize = 10_000;

/// The running threads.
#[derive(Debug)]
pub struct Threads {
    intake: Arc<Intake>,
    writer: JoinHandle<()>,
    fanout: JoinHandle<()>,
    flusher: JoinHandle<()>,
}

impl Threads {
    /// Takes no more writes, finishes those that wait, and ends the threads. Blocks.
    pub fn stop(self) {
        self.intake.close();
        for thread in [self.writer, self.fanout, self.flusher] {
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
    let (tell, told) = sync_channel(TOLD_MAX);
    // No room: asked while it flushes, it would flush what that flush has brought already.
    let (ask, asked) = sync_channel(0);
    writer.leave_flushes_to(ask);
    let (for_writer, for_fanout, for_flusher) = (hub.clone(), hub.clone(), hub.clone());
    let thread = |name: &str| std::thread::Builder::new().name(name.to_owned());
    let writer = thread("writer").spawn(move || run_writer(&for_writer, writer, &tell));
    let fanout = thread("fan-out").spawn(move || run_fanout(&for_fanout, &told));
    let flusher = thread("flusher").spawn(move || run_flusher(&for_flusher, &asked));
    let expect = "the system starts three threads";
    let (writer, fanout) = (writer.expect(expect), fanout.expect(expect));
    let flusher = flusher.expect(expect);
    Threads { intake: hub.inner.intake.clone(), writer, fanout, flusher }
}

fn run_writer(hub: &Hub, mut writer: Writer, tell: &SyncSender<(Told, Instant)>) {
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
        if failed {
            refuse(jobs);
            continue;
        }
        if jobs.is_empty() && !writer.is_housekeeping_due(now_ms()) {
            continue;
        }
        not_before = Instant::now() + sync.batch_interval;
        if let Err(error) = commit(hub, &mut writer, jobs, tell) {
            fail(hub, &error);
            failed = true;
        }
    }
    // The next start has nothing to read back then; if this fails, it has.
    if !failed && let Err(error) = writer.store().flush(Reach::Disk(Pace::Full)) {
        tracing::warn!(%error, "the journal stays as it is");
    }
}

/// Commits a batch, hands it on, and answers. On failure every job hears that it was not applied.
fn commit(
    hub: &Hub,
    writer: &mut Writer,
    jobs: Vec<Job>,
    tell: &SyncSender<(Told, Instant)>,
) -> Result<(), StoreError> {
    let (entries, replies): (Vec<_>, Vec<_>) =
        jobs.into_iter().map(|job| (job.entry, job.reply)).unzip();
    let committed = match writer.commit(entries, now_ms()) {
        Ok(committed) => committed,
        Err(error) => {
            for reply in replies {
                reply(Err(Reject::new(Code::Unavailable, "The store cannot write")));
            }
            return Err(error);
        }
    };
    let engine = writer.engine();
    hub.inner.clock.store(engine.clock().to_bits(), Ordering::Release);
    let rights_changed = !Arc::ptr_eq(&hub.directory(), engine.directory());
    if rights_changed {
        let mut directory =
            hub.inner.directory.write().expect("nothing panics while it holds the directory");
        *directory = engine.directory().clone();
    }
    // The fan-out thread lives as long as this one; should it have died, the log has everything.
    let _ = tell.send((committed.told, Instant::now()));
    if rights_changed {
        hub.recheck_sessions();
    }
    for (reply, answer) in replies.into_iter().zip(committed.answers) {
        reply(answer);
    }
    Ok(())
}

fn refuse(jobs: Vec<Job>) {
    for job in jobs {
        (job.reply)(Err(Reject::new(Code::Unavailable, "The store cannot write")));
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
    while let Ok((mut all, committed)) = told.recv() {
        // Batches that wait go out as one: a frame for each would cost every session a wake. What
        // the oldest of them waited counts for all.
        while let Ok((more, _)) = told.try_recv() {
            all.join(more);
        }
        hub.inner.fanout.retire(&all.rights, all.version);
        let deliveries = hub.inner.fanout.publish(&all.publications);
        if deliveries > 0 {
            hub.inner.metrics.delivery_seconds.observe(committed.elapsed().as_secs_f64());
        }
        hub.inner.metrics.deltas_out.inc_by(deliveries as u64);
        all.dropped.into_iter().for_each(|space| hub.inner.fanout.dropped(space));
    }
}
