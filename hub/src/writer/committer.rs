//! The committer: brings to the disk what was applied, and says what may be told and answered then.

use std::sync::Arc;
use std::time::{Duration, Instant};

use syncline_protocol::HlcTime;

use crate::access::directory::Directory;
use crate::engine::{Answer, Told};
use crate::metrics::Metrics;
use crate::store::{Store, StoreError, Unsynced};

/// Entries that were applied: nobody may hear anything of them before they are committed.
#[derive(Debug)]
#[must_use = "what is not committed is neither answered nor told"]
pub struct Uncommitted {
    pub(super) batch: Unsynced,
    pub(super) begun: Instant,
    pub(super) answers: Vec<Answer>,
    pub(super) told: Told,
    pub(super) clock: HlcTime,
    pub(super) directory: Arc<Directory>,
}

/// Entries that are on the disk.
#[derive(Debug)]
pub struct Committed {
    /// The answers, in the order of the entries.
    pub answers: Vec<Answer>,
    /// What to tell.
    pub told: Told,
    /// The greatest time stamped or observed.
    pub clock: HlcTime,
    /// Accounts, tokens and memberships as of the last entry.
    pub directory: Arc<Directory>,
    /// How long the disk took; none when somebody else had it synced already.
    pub synced_in: Option<Duration>,
}

/// The one who commits.
pub struct Committer {
    store: Store,
    metrics: Arc<Metrics>,
}

impl Uncommitted {
    /// Adds what was applied next: one commit will do for both.
    pub fn join(self, later: Self) -> Self {
        let (begun, mut answers, mut told) = (self.begun, self.answers, self.told);
        answers.extend(later.answers);
        told.join(later.told);
        Self { begun, answers, told, ..later }
    }
}

impl Committer {
    pub(super) fn new(store: Store, metrics: Arc<Metrics>) -> Self {
        Self { store, metrics }
    }

    /// Commits what was applied, which must come in the order in which it was. When this returns,
    /// all of it is on the disk.
    ///
    /// # Errors
    /// When the store failed: nobody may hear of it, and nothing may be written again.
    pub fn commit(&self, applied: Uncommitted) -> Result<Committed, StoreError> {
        let begun = Instant::now();
        let synced_in = self.store.sync(applied.batch)?.then(|| begun.elapsed());
        if let Some(synced_in) = synced_in {
            self.metrics.fsync_seconds.observe(synced_in.as_secs_f64());
            self.metrics.commit_seconds.observe(applied.begun.elapsed().as_secs_f64());
        }
        self.count(&applied);
        let Uncommitted { answers, told, clock, directory, .. } = applied;
        Ok(Committed { answers, told, clock, directory, synced_in })
    }

    fn count(&self, applied: &Uncommitted) {
        let metrics = &self.metrics;
        let deltas: usize = applied.told.publications.iter().map(|it| it.deltas.len()).sum();
        metrics.commit_deltas.observe(deltas as f64);
        metrics.deltas_in.inc_by(deltas as u64);
        metrics.conflicts.inc_by(applied.told.conflicts);
        for reject in applied.answers.iter().filter_map(|answer| answer.as_ref().err()) {
            metrics.rejects.with_label_values(&[reject.code.as_str()]).inc();
        }
    }
}
