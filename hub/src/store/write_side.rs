//! What one thread writes and all others read: batches go to the journal and to memory, and from
//! there to redb while the next batches go on.
//!
//! ```text
//! write:       apply a batch to memory, append it to the journal, sync           every time
//! flush:       freeze the rows in memory, write them to redb, commit, let go
//!   to readers:   the commit stays in memory            when one asks, or when rows are many
//!   to the disk:  a checkpoint: entries of the journal are released            now and then
//! ```
//! What a reader sees is always in the journal already: rows freeze under the lock, which is held
//! until the sync is done. After a failure nothing is written any more; what was acknowledged is in
//! the journal, and the next start reads it back.
//!
//! Two locks: whoever flushes holds `flushing` from beginning to end, and `state` only for the
//! moments in which rows freeze and are let go. So no batch waits for redb.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use parking_lot::{Mutex, MutexGuard};
use redb::{Database, Durability, ReadableTable as _, WriteTransaction};
use syncline_protocol::HlcTime;

use super::batch::Batch;
use super::bytes::{Put, Take};
use super::journal::{Journal, Mark};
use super::memory::{Memory, Waiting};
use super::pages::{Pace, Pacing};
use super::rows::replay;
use super::snapshot::Snapshot;
use super::tables::{META, meta};
use super::{Reach, StoreError};

/// The write side of a store.
pub(super) struct WriteSide {
    /// Whether readers see every batch as it is. Set and cleared under the state's lock.
    is_settled: AtomicBool,
    /// Whose turn it is to write to redb. Nobody waits for it who holds the state.
    flushing: Mutex<()>,
    pacing: Pacing,
    state: Mutex<State>,
}

struct State {
    /// What redb shows: all but what is in memory.
    shown: Snapshot,
    /// Rows that redb does not show yet, and more that is worth knowing.
    memory: Memory,
    journal: Journal,
    /// The store failed; nothing may be written until a restart.
    has_failed: bool,
}

impl WriteSide {
    pub(super) fn new(journal: Journal, shown: Snapshot, pacing: Pacing) -> Self {
        let state = State { shown, memory: Memory::default(), journal, has_failed: false };
        let (flushing, state) = (Mutex::default(), Mutex::new(state));
        Self { is_settled: AtomicBool::new(true), flushing, pacing, state }
    }

    /// Applies a batch; it is on the disk when this returns. `apply` gives the clock to keep.
    pub(super) fn write<T>(
        &self,
        database: &Database,
        apply: impl FnOnce(&mut Batch<'_>) -> Result<(T, HlcTime), StoreError>,
    ) -> Result<T, StoreError> {
        // Before the batch, not behind it: no answer that is known waits for it.
        if self.lock().memory.waiting.are_too_many() {
            self.flush(database, Reach::Readers)?;
        }
        let mut state = self.lock();
        let written = state.guarded(|state| {
            let mut batch = Batch::new(&state.shown, &mut state.memory);
            let (result, clock) = apply(&mut batch)?;
            state.memory.known = batch.finish(clock)?;
            let changes = state.memory.changes.get_mut().as_bytes();
            if !changes.is_empty() {
                self.is_settled.store(false, Ordering::Release);
                state.journal.append(changes)?;
            }
            Ok(result)
        });
        // Readers wait their turn here; a busy writer must not overtake them for ever.
        MutexGuard::unlock_fair(state);
        if written.is_err() {
            self.rescue(database, &self.flushing.lock());
        }
        written
    }

    /// Whether so many rows wait that they should be flushed.
    pub(super) fn wants_flush(&self) -> bool {
        self.lock().memory.waiting.are_many()
    }

    /// Makes every batch visible to readers that come from now on.
    pub(super) fn settle(&self, database: &Database) -> Result<(), StoreError> {
        if self.is_settled() { Ok(()) } else { self.flush(database, Reach::Readers) }
    }

    /// Bytes in the journal that the database does not hold for good.
    pub(super) fn journal_bytes(&self) -> u64 {
        self.lock().journal.bytes()
    }

    /// Brings the rows in memory to the database. Batches go on meanwhile.
    pub(super) fn flush(&self, database: &Database, reach: Reach) -> Result<(), StoreError> {
        let turn = match reach {
            Reach::Disk(Pace::Gentle) => self.flushing.lock(),
            _ => self.pacing.hurried(|| self.flushing.lock()),
        };
        if reach == Reach::Readers && self.is_settled() {
            // Whoever had the turn before has done it.
            return Ok(());
        }
        let flushed = self.flush_in_turn(database, reach);
        if matches!(&flushed, Err(error) if !matches!(error, StoreError::Stopped)) {
            self.lock().has_failed = true;
            self.rescue(database, &turn);
        }
        flushed
    }

    fn flush_in_turn(&self, database: &Database, reach: Reach) -> Result<(), StoreError> {
        let (rows, cut) = {
            let mut state = self.lock();
            let rows = state.freeze()?;
            (rows, matches!(reach, Reach::Disk(_)).then(|| state.journal.cut()))
        };
        let transaction = begin(database)?;
        rows.write_to(&transaction)?;
        match reach {
            Reach::Readers => commit_for_readers(transaction)?,
            Reach::Disk(pace) => {
                write_mark(&transaction, cut)?;
                self.pacing.set(pace);
                commit(transaction)?;
                self.pacing.set(Pace::Full);
            }
        }
        let shown = Snapshot::open(database)?;
        let mut state = self.lock();
        cut.into_iter().for_each(|cut| state.journal.release(cut));
        let frozen = std::mem::take(&mut state.memory.frozen);
        let shown_before = std::mem::replace(&mut state.shown, shown);
        self.is_settled.store(state.memory.waiting.is_empty(), Ordering::Release);
        drop(state);
        // So many rows take a while to free: no batch waits for that.
        drop((rows, frozen, shown_before));
        Ok(())
    }

    /// The last thing of all: what the database holds then needs no journal.
    pub(super) fn close(&self, database: &Database) -> Result<(), StoreError> {
        let _turn = self.flushing.lock();
        let mut state = self.lock();
        let rows = state.freeze()?;
        // Another handle that writes would do so without a journal.
        state.has_failed = true;
        let transaction = begin(database)?;
        rows.write_to(&transaction)?;
        write_mark(&transaction, None)?;
        commit(transaction)
    }

    /// What is in memory may be half of a batch, what is in redb half of a flush. All that was
    /// acknowledged is in the journal, and whoever reads until the restart sees it again.
    fn rescue(&self, database: &Database, _turn: &MutexGuard<'_, ()>) {
        let mut state = self.lock();
        state.memory = Memory::default();
        let rescued = || -> Result<(), StoreError> {
            let transaction = begin(database)?;
            state.journal.replay(|rows| replay(&transaction, rows))?;
            commit_for_readers(transaction)
        };
        if let Err(error) = rescued() {
            tracing::warn!(%error, "what was written last can be read again after a restart");
        }
    }

    fn is_settled(&self) -> bool {
        self.is_settled.load(Ordering::Acquire)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock()
    }
}

impl State {
    /// Does something that must not be tried again once it has failed.
    fn guarded<T>(
        &mut self,
        act: impl FnOnce(&mut Self) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        if self.has_failed {
            return Err(StoreError::Stopped);
        }
        let result = act(self);
        self.has_failed = result.is_err();
        result
    }

    /// Freezes the rows that wait.
    fn freeze(&mut self) -> Result<Arc<Waiting>, StoreError> {
        if self.has_failed {
            return Err(StoreError::Stopped);
        }
        Ok(self.memory.freeze())
    }
}

/// Begins a write.
pub(super) fn begin(database: &Database) -> Result<WriteTransaction, StoreError> {
    Ok(database.begin_write()?)
}

/// Commits a write to the disk. Two phases, because keys and values come from strangers: a commit
/// slot is only switched to once all it points to is on disk. Quick repair, because only a file
/// whose *last* commit had it opens fast after a crash.
pub(super) fn commit(mut transaction: WriteTransaction) -> Result<(), StoreError> {
    transaction.set_durability(Durability::Immediate)?;
    transaction.set_two_phase_commit(true);
    transaction.set_quick_repair(true);
    Ok(transaction.commit()?)
}

/// Commits a write that the journal holds too, so that readers see it.
fn commit_for_readers(mut transaction: WriteTransaction) -> Result<(), StoreError> {
    transaction.set_durability(Durability::None)?;
    Ok(transaction.commit()?)
}

/// The journal that a database needs; none when it needs none.
pub(super) fn read_mark(transaction: &WriteTransaction) -> Result<Option<Mark>, StoreError> {
    let table = transaction.open_table(META)?;
    let Some(row) = table.get(meta::JOURNAL)? else { return Ok(None) };
    let mut take = Take::new(row.value());
    Ok(Some(Mark { id: take.word()?, last: take.word()? }))
}

/// Says which journal a database needs from here on.
pub(super) fn write_mark(
    transaction: &WriteTransaction,
    mark: Option<Mark>,
) -> Result<(), StoreError> {
    let mut table = transaction.open_table(META)?;
    match mark {
        Some(Mark { id, last }) => {
            let mut row = Put::default();
            row.word(id).word(last);
            table.insert(meta::JOURNAL, row.as_bytes())?;
        }
        None => drop(table.remove(meta::JOURNAL)?),
    }
    Ok(())
}
