//! The writer: takes all that waits as one batch and applies it; the committer brings it to the
//! disk, hands it on and answers, while the writer applies the next.
//!
//! ```text
//! writer thread       intake -- batch --> engine -- applied
//!                                                      |
//! committer thread    fsync -- committed --> fan-out thread --> queues
//!                                 |
//!                                 +--> answers (an ack leaves only after the fsync)
//! ```
//! While the disk and the engine are busy the next batch gathers in the intake; what was committed
//! is flushed to redb behind it, while batches go on. After a failed commit nothing is written or
//! acknowledged any more (law 3).

pub mod committer;
mod flusher;
mod housekeeping;
pub mod intake;
pub mod pacing;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::mpsc::SyncSender;
use std::time::Instant;

use syncline_protocol::{SpaceId, SpaceName};

use crate::config::Store as Settings;
use crate::engine::{Answer, Engine, Entry};
use crate::fanout::Fanout;
use crate::metrics::Metrics;
use crate::store::{Batch, Reach, Store, StoreError};
use committer::{Committer, Uncommitted};
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

    /// The one who commits what this writer applies.
    #[must_use]
    pub fn committer(&self) -> Committer {
        Committer::new(self.store.clone(), self.metrics.clone())
    }

    /// Applies entries as one batch, with a step of housekeeping when it is due. What the next
    /// batch is applied to has them, the disk has not.
    ///
    /// # Errors
    /// When the store failed: nothing of the batch was applied, and nothing may be written again.
    pub fn apply(&mut self, entries: Vec<Entry>, now_ms: u64) -> Result<Uncommitted, StoreError> {
        // Before the batch, not behind it: no answer that is known waits for a flush.
        self.flusher.flush_when_due(now_ms)?;
        let begun = Instant::now();
        let (answers, batch) = self.store.clone().apply(|batch| {
            let answers = self.apply_all(batch, entries, now_ms)?;
            Ok((answers, self.engine.clock()))
        })?;
        self.flusher.notice(now_ms);
        Ok(Uncommitted {
            batch,
            begun,
            answers,
            told: self.engine.take_told(),
            clock: self.engine.clock(),
            directory: self.engine.directory().clone(),
        })
    }

    fn apply_all(
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
