//! What one thread writes and all others read: batches go to memory and to the journal, and from
//! there to redb while the next batches go on.
//!
//! ```text
//! apply:       a batch to memory; its rows wait for the journal
//! sync:        what waits becomes an entry of the journal    before anyone hears of the batch
//! flush:       freeze the rows in memory, write them to redb, commit, let go
//!   to readers:   the commit stays in memory            when one asks, or when rows are many
//!   to the disk:  a checkpoint: entries of the journal are released            now and then
//! ```
//! What a reader sees is always in the journal already: before rows freeze all that was applied is
//! synced, and nothing is applied meanwhile. After a failure nothing is written any more; what was
//! acknowledged is in the journal, and the next start reads it back.
//!
//! Two locks here: whoever flushes holds `flushing` from beginning to end, and `state` only for the
//! moments in which rows freeze and are let go. So no batch waits for redb. The journal has its own
//! behind them ([`super::write_ahead`]), and a batch is applied while others are synced.

use std::sync::atomic::{AtomicBool, Ordering};

use parking_lot::{Mutex, MutexGuard};
use redb::{Database, Durability, ReadableTable as _, WriteTransaction};
use syncline_protocol::HlcTime;

use super::batch::Batch;
use super::bytes::{Put, Take};
use super::journal::{Journal, Mark};
use super::memory::Memory;
use super::pages::{Pace, Pacing};
use super::rows::replay;
use super::snapshot::Snapshot;
use super::tables::{META, meta};
use super::write_ahead::{Unsynced, WriteAhead};
use super::{Reach, StoreError};

/// The write side of a store.
pub(super) struct WriteSide {
    /// Whether readers see every batch as it is. Set and cleared under the state's lock.
    is_settled: AtomicBool,
    /// Whose turn it is to write to redb. Nobody waits for it who holds the state.
    flushing: Mutex<()>,
    pacing: Pacing,
    state: Mutex<State>,
    ahead: WriteAhead,
}

struct State {
    /// What redb shows: all but what is in memory.
    shown: Snapshot,
    /// Rows that redb does not show yet, and more that is worth knowing.
    memory: Memory,
}

impl WriteSide {
    pub(super) fn new(journal: Journal, shown: Snapshot, pacing: Pacing) -> Self {
        let state = Mutex::new(State { shown, memory: Memory::default() });
        let (flushing, ahead) = (Mutex::default(), WriteAhead::new(journal));
        Self { is_settled: AtomicBool::new(true), flushing, pacing, state, ahead }
    }

    /// Applies a batch; it counts once what is given has been synced. `apply` gives the clock to
    /// keep.
    pub(super) fn apply<T>(
        &self,
        database: &Database,
        apply: impl FnOnce(&mut Batch<'_>) -> Result<(T, HlcTime), StoreError>,
    ) -> Result<(T, Unsynced), StoreError> {
        // Before the batch, not behind it: no answer that is known waits for it.
        if self.lock().memory.waiting.are_too_many() {
            self.flush(database, Reach::Readers)?;
        }
        let mut state = self.lock();
        let applied = self.ahead.guarded(|| {
            let State { shown, memory } = &mut *state;
            let mut batch = Batch::new(shown, memory);
            let (result, clock) = apply(&mut batch)?;
            memory.known = batch.finish(clock)?;
            let changes = memory.changes.get_mut().as_bytes();
            if !changes.is_empty() {
                self.is_settled.store(false, Ordering::Release);
            }
            Ok((result, self.ahead.add(changes)))
        });
        // Readers wait their turn here; a busy writer must not overtake them for ever.
        MutexGuard::unlock_fair(state);
        self.heed(database, applied)
    }

    /// Syncs a batch that was applied, and all that were before it; gives whether somebody had not
    /// done it already.
    pub(super) fn sync(&self, database: &Database, batch: Unsynced) -> Result<bool, StoreError> {
        self.heed(database, self.ahead.sync(batch))
    }

    /// After a failure readers see what was acknowledged.
    fn heed<T>(&self, database: &Database, done: Result<T, StoreError>) -> Result<T, StoreError> {
        if done.is_err() {
            self.rescue(database, &self.flushing.lock());
        }
        done
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
        self.ahead.journal_bytes()
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
            self.ahead.fail();
            self.rescue(database, &turn);
        }
        flushed
    }

    fn flush_in_turn(&self, database: &Database, reach: Reach) -> Result<(), StoreError> {
        let (rows, cut) = {
            let mut state = self.lock();
            let cut = match reach {
                Reach::Readers => self.ahead.sync_all().map(|()| None),
                Reach::Disk(_) => self.ahead.cut().map(Some),
            }?;
            (state.memory.freeze(), cut)
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
        cut.into_iter().for_each(|cut| self.ahead.release(cut));
        let mut state = self.lock();
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
        self.ahead.sync_all()?;
        let rows = state.memory.freeze();
        // Another handle that writes would do so without a journal.
        self.ahead.fail();
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
            self.ahead.replay(|rows| replay(&transaction, rows))?;
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

#[cfg(test)]
mod tests {
    use std::io;
    use std::sync::Arc;

    use redb::StorageBackend;
    use redb::backends::InMemoryBackend;
    use syncline_protocol::{HlcTime, PushId, ReplicaId, SpaceId};

    use super::*;
    use crate::store::{Backends, OutcomeRow, Store};

    /// The file of a journal, which fails to sync when it is told to.
    #[derive(Debug, Default)]
    struct File(InMemoryBackend, Arc<AtomicBool>);

    impl StorageBackend for File {
        fn len(&self) -> io::Result<u64> {
            self.0.len()
        }
        fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
            self.0.read(offset, out)
        }
        fn set_len(&self, len: u64) -> io::Result<()> {
            self.0.set_len(len)
        }
        fn sync_data(&self) -> io::Result<()> {
            let fails = self.1.load(Ordering::Relaxed);
            if fails { Err(io::Error::other("no disk")) } else { self.0.sync_data() }
        }
        fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
            self.0.write(offset, data)
        }
    }

    fn apply(store: &Store, counter: u64) -> Unsynced {
        let push = PushId { replica: ReplicaId::from_random(1), counter };
        let outcome = OutcomeRow { at_ms: 1, answer: Ok(counter) };
        let apply = |batch: &mut Batch<'_>| {
            batch.record_outcome(push, SpaceId(1), &outcome)?;
            Ok(((), HlcTime::from_millis(counter)))
        };
        store.apply(apply).unwrap().1
    }

    fn shown(store: &Store) -> u64 {
        store.snapshot().unwrap().clock().unwrap().millis()
    }

    #[test]
    fn what_a_reader_sees_is_on_the_disk() {
        let fails = Arc::new(AtomicBool::new(false));
        let journal = Box::new(File(InMemoryBackend::new(), fails.clone()));
        let pages = Box::new(InMemoryBackend::new());
        let store = Store::with_backends(Backends { pages, journal }, 1 << 20).unwrap();
        let first = apply(&store, 1);
        assert_eq!(shown(&store), 1);
        assert!(!store.sync(first).unwrap(), "the reader had it synced");
        // What cannot be brought to the disk is shown to nobody.
        let second = apply(&store, 2);
        fails.store(true, Ordering::Relaxed);
        assert_eq!(shown(&store), 1);
        assert!(matches!(store.sync(second), Err(StoreError::Stopped)));
        assert!(store.sync(first).is_ok());
    }
}
