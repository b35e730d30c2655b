//! The write that is held open: many batches in one redb transaction, each of them safe in the
//! journal before it counts.
//!
//! ```text
//! write a batch:  apply to memory, append to the journal, sync                 every time
//! flush:          bring the rows in memory to the transaction                  when they are many
//! settle:         flush, and commit, not to the disk: readers see it           when one asks
//! checkpoint:     flush, commit to the disk, and begin the journal anew        now and then
//! ```
//! What a reader sees is always in the journal already: the lock is held until the sync is done.
//! After a failure nothing is written any more; what was acknowledged is in the journal, and the
//! next start reads it back.

use std::sync::atomic::{AtomicBool, Ordering};

use parking_lot::{Mutex, MutexGuard};
use redb::{Database, Durability, ReadableTable as _, WriteTransaction};
use syncline_protocol::HlcTime;

use super::StoreError;
use super::batch::Batch;
use super::bytes::{Put, Take};
use super::journal::Journal;
use super::memory::Memory;
use super::rows::replay;
use super::tables::{META, meta};

/// The one write of a store, and its journal.
pub(super) struct Held {
    /// Whether readers see every batch as it is. Set and cleared under the lock.
    is_settled: AtomicBool,
    state: Mutex<State>,
}

struct State {
    /// Rows that are in the journal and not in the database, and more that is worth knowing.
    memory: Memory,
    /// The same rows, where they were too many for memory.
    transaction: Option<WriteTransaction>,
    journal: Journal,
    /// The store failed; nothing may be written until a restart.
    has_failed: bool,
}

impl Held {
    pub(super) fn new(journal: Journal) -> Self {
        let (memory, transaction) = (Memory::default(), None);
        let state = State { memory, transaction, journal, has_failed: false };
        Self { is_settled: AtomicBool::new(true), state: Mutex::new(state) }
    }

    /// Applies a batch; it is on the disk when this returns. `apply` gives the clock to keep.
    pub(super) fn write<T>(
        &self,
        database: &Database,
        apply: impl FnOnce(&mut Batch<'_>) -> Result<(T, HlcTime), StoreError>,
    ) -> Result<T, StoreError> {
        let mut state = self.lock();
        let written = state.guarded(|state| {
            let transaction = state.begin(database)?;
            // Before the batch, not behind it: no answer that is known waits for it.
            if state.memory.is_full() {
                state.memory.flush(&transaction)?;
            }
            let mut batch = Batch::open(&transaction, &mut state.memory)?;
            let (result, clock) = apply(&mut batch)?;
            state.memory.known = batch.finish(clock)?;
            let changes = state.memory.changes.get_mut().as_bytes();
            if !changes.is_empty() {
                self.is_settled.store(false, Ordering::Release);
                state.journal.append(changes)?;
            }
            state.transaction = Some(transaction);
            Ok(result)
        });
        if written.is_err() {
            self.is_settled.store(false, Ordering::Release);
            state.rescue(database);
        }
        // Readers wait their turn here; a busy writer must not overtake them for ever.
        MutexGuard::unlock_fair(state);
        written
    }

    /// Makes every batch visible to readers that come from now on.
    pub(super) fn settle(&self) -> Result<(), StoreError> {
        if self.is_settled.load(Ordering::Acquire) {
            return Ok(());
        }
        let mut state = self.lock();
        state.guarded(State::settle)?;
        self.is_settled.store(true, Ordering::Release);
        Ok(())
    }

    /// Bytes in the journal that the database does not hold for good.
    pub(super) fn journal_bytes(&self) -> u64 {
        self.lock().journal.bytes()
    }

    /// Brings everything into the database for good, and begins the journal anew.
    pub(super) fn checkpoint(&self, database: &Database) -> Result<(), StoreError> {
        let mut state = self.lock();
        state.guarded(|state| state.checkpoint(database, true))?;
        self.is_settled.store(true, Ordering::Release);
        Ok(())
    }

    /// The same as the last thing of all: what the database holds then needs no journal.
    pub(super) fn close(&self, database: &Database) -> Result<(), StoreError> {
        let mut state = self.lock();
        state.guarded(|state| state.checkpoint(database, false))?;
        // Another handle that writes would do so without a journal.
        state.has_failed = true;
        Ok(())
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

    /// The batch that failed took those before it out of the transaction with it. They are in the
    /// journal, and whoever reads until the restart sees them again.
    fn rescue(&mut self, database: &Database) {
        self.memory = Memory::default();
        let rescued = || -> Result<(), StoreError> {
            let mut transaction = begin(database)?;
            self.journal.replay(|rows| replay(&transaction, rows))?;
            transaction.set_durability(Durability::None)?;
            Ok(transaction.commit()?)
        };
        if let Err(error) = rescued() {
            tracing::warn!(%error, "what was written last can be read again after a restart");
        }
    }

    /// The transaction that is held, or a new one.
    fn begin(&mut self, database: &Database) -> Result<WriteTransaction, StoreError> {
        self.transaction.take().map_or_else(|| begin(database), Ok)
    }

    fn settle(&mut self) -> Result<(), StoreError> {
        // Whatever waits has been written by a transaction that is held.
        if let Some(mut transaction) = self.transaction.take() {
            self.memory.flush(&transaction)?;
            transaction.set_durability(Durability::None)?;
            transaction.commit()?;
        }
        Ok(())
    }

    fn checkpoint(&mut self, database: &Database, goes_on: bool) -> Result<(), StoreError> {
        let transaction = self.begin(database)?;
        self.memory.flush(&transaction)?;
        let mark = goes_on.then_some(&self.journal);
        write_mark(&transaction, mark)?;
        commit(transaction)?;
        self.journal.restart();
        Ok(())
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

/// The journal that a database needs, and the last of its entries that it holds: id and number.
pub(super) fn read_mark(transaction: &WriteTransaction) -> Result<Option<(u64, u64)>, StoreError> {
    let table = transaction.open_table(META)?;
    let Some(row) = table.get(meta::JOURNAL)? else { return Ok(None) };
    let mut take = Take::new(row.value());
    Ok(Some((take.word()?, take.word()?)))
}

/// Says which journal a database needs from here on; none when it needs none.
pub(super) fn write_mark(
    transaction: &WriteTransaction,
    journal: Option<&Journal>,
) -> Result<(), StoreError> {
    let mut table = transaction.open_table(META)?;
    match journal {
        Some(journal) => {
            let mut mark = Put::default();
            mark.word(journal.id()).word(journal.last());
            table.insert(meta::JOURNAL, mark.as_bytes())?;
        }
        None => drop(table.remove(meta::JOURNAL)?),
    }
    Ok(())
}
