//! The writer: takes all that waits as one batch, applies it, commits once, hands it on, answers.
//!
//! ```text
//! intake -- batch --> engine -- commit, fsync --> fan-out thread --> queues
//!                                     |
//!                                     +--> answers (an ack leaves only after the fsync)
//! ```
//! While a commit waits for the disk the next batch gathers in the intake; what was committed is
//! flushed to redb behind it, while batches go on. After a failed commit
//! nothing is written or acknowledged any more (law 3).

mod flusher;
mod housekeeping;
pub mod intake;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::mpsc::SyncSender;
use std::time::Instant;

use syncline_protocol::{SpaceId, SpaceName};

use crate::config::Store as Settings;
use crate::engine::{Answer, Engine, Entry, Told};
use crate::fanout::Fanout;
use crate::metrics::Metrics;
use crate::store::{Batch, Reach, Store, StoreError};
use flusher::Flusher;
pub use housekeeping::Housekeeping;

/// The one who writes.
pub struct Writer {
    store: Store,
    engine: Engine,
    fanout: Arc<Fanout>,
    housekeeping: Housekeeping,
    flusher: Flusher,
    metrics: Arc<Metrics>,
}

/// What one commit did.
#[derive(Debug, Default)]
pub struct Committed {
    /// The answers, in the order of the entries.
    pub answers: Vec<Answer>,
    /// What to tell.
    pub told: Told,
}

impl Writer {
    /// A writer over an open store.
    ///
    /// # Errors
    /// When the store fails.
    pub fn new(
        store: Store,
        engine: Engine,
        fanout: Arc<Fanout>,
        settings: Settings,
        metrics: Arc<Metrics>,
    ) -> Result<Self, StoreError> {
        let housekeeping = Housekeeping::new(settings.clone(), &store)?;
        let flusher = Flusher::new(store.clone(), settings);
        Ok(Self { store, engine, fanout, housekeeping, flusher, metrics })
    }

    /// Leaves it to a thread to flush the store. It is asked only when it listens.
    pub fn leave_flushes_to(&mut self, thread: SyncSender<Reach>) {
        self.flusher.leave_to(thread);
    }

    /// The engine, for what it knows: its clock and the directory.
    #[must_use]
    pub fn engine(&self) -> &Engine {
        &self.engine
    }

    /// The store.
    #[must_use]
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// Whether housekeeping wants a commit, if need be an empty one.
    #[must_use]
    pub fn is_housekeeping_due(&self, now_ms: u64) -> bool {
        self.housekeeping_due_ms() <= now_ms
    }

    /// When housekeeping next wants a commit, in milliseconds since 1970.
    #[must_use]
    pub fn housekeeping_due_ms(&self) -> u64 {
        self.housekeeping.due_ms().min(self.flusher.due_ms())
    }

    /// Applies entries in one commit, with a step of housekeeping when it is due. When this
    /// returns, all of it is on disk.
    ///
    /// # Errors
    /// When the store failed: nothing of the batch was applied, and nothing may be written again.
    pub fn commit(&mut self, entries: Vec<Entry>, now_ms: u64) -> Result<Committed, StoreError> {
        // Before the batch, not behind it: no answer that is known waits for a flush.
        self.flusher.flush_when_due(now_ms)?;
        let begun = Instant::now();
        let mut synced = begun;
        let answers = self.store.clone().write(|batch| {
            let answers = self.apply(batch, entries, now_ms)?;
            synced = Instant::now();
            Ok((answers, self.engine.clock()))
        })?;
        self.flusher.notice(now_ms);
        let told = self.engine.take_told();
        self.observe(begun, synced, &told, &answers);
        Ok(Committed { answers, told })
    }

    fn apply(
        &mut self,
        batch: &mut Batch<'_>,
        entries: Vec<Entry>,
        now_ms: u64,
    ) -> Result<Vec<Answer>, StoreError> {
        let mut answers = Vec::with_capacity(entries.len());
        let mut touched = BTreeSet::new();
        for entry in entries {
            touched.extend(entry.spaces().cloned());
            answers.push(self.engine.apply(batch, entry)?);
        }
        self.housekeeping.notice(batch, &touched)?;
        if self.housekeeping.due_ms() <= now_ms {
            let fanout = self.fanout.clone();
            let pinned = move |space: SpaceId| fanout.pinned_after(space);
            self.housekeeping.step(batch, now_ms, &pinned)?;
        }
        Ok(answers)
    }

    fn observe(&self, begun: Instant, synced: Instant, told: &Told, answers: &[Answer]) {
        let metrics = &self.metrics;
        metrics.commit_seconds.observe(begun.elapsed().as_secs_f64());
        metrics.fsync_seconds.observe(synced.elapsed().as_secs_f64());
        let deltas: usize = told.publications.iter().map(|it| it.deltas.len()).sum();
        metrics.commit_deltas.observe(deltas as f64);
        metrics.deltas_in.inc_by(deltas as u64);
        metrics.conflicts.inc_by(told.conflicts);
        for reject in answers.iter().filter_map(|answer| answer.as_ref().err()) {
            metrics.rejects.with_label_values(&[reject.code.as_str()]).inc();
        }
    }
}

impl Entry {
    /// The spaces that an entry may write to.
    fn spaces(&self) -> impl Iterator<Item = &SpaceName> {
        let parts = match &self.work {
            crate::engine::Work::Write(submission) => submission.parts.as_slice(),
            _ => &[],
        };
        parts.iter().map(|part| &part.space)
    }
}
