//! The write-ahead side of the store: rows of batches that were applied, on their way into the
//! journal.
//!
//! ```text
//! batch, batch -- add --> rows that wait -- sync: one entry, one sync --> journal
//! ```
//! Whoever needs a batch on the disk syncs it, and takes along what else was applied by then: a
//! batch is applied while the one before is synced, and batches that gathered meanwhile cost one
//! sync. Only one entry is ever on its way, so that a loss of power leaves no gap in the journal.
//! Once anything has failed nothing more goes there.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use parking_lot::Mutex;

use super::StoreError;
use super::journal::{Journal, Mark};

/// A buffer that a large entry needed is not kept.
const ROWS_KEPT: usize = 4 << 20;

/// The journal, and what it is to hold next.
pub(super) struct WriteAhead {
    waiting: Mutex<Waiting>,
    journal: Mutex<Synced>,
    /// What the journal's entries take, for those who do not want to wait for a sync.
    journal_bytes: AtomicU64,
    /// Nothing may be written until a restart.
    has_failed: AtomicBool,
}

/// Rows of batches that are in no entry of the journal.
#[derive(Default)]
struct Waiting {
    rows: Vec<u8>,
    /// The number of the last batch that was applied.
    last: u64,
}

struct Synced {
    journal: Journal,
    /// The number of the last batch that is on the disk.
    last: u64,
    /// The rows of the last entry: the room is used again.
    rows: Vec<u8>,
}

/// A batch that was applied; nobody may hear of it before it is synced.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[must_use = "what is not synced is not on the disk"]
pub(crate) struct Unsynced(u64);

impl WriteAhead {
    pub(super) fn new(journal: Journal) -> Self {
        let journal_bytes = AtomicU64::new(journal.bytes());
        let journal = Mutex::new(Synced { journal, last: 0, rows: Vec::new() });
        Self { waiting: Mutex::default(), journal, journal_bytes, has_failed: false.into() }
    }

    /// A batch was applied that changed these rows; one that changed none has only seen what was
    /// applied before it.
    pub(super) fn add(&self, rows: &[u8]) -> Unsynced {
        let mut waiting = self.waiting.lock();
        if !rows.is_empty() {
            waiting.rows.extend_from_slice(rows);
            waiting.last += 1;
        }
        Unsynced(waiting.last)
    }

    /// Brings a batch to the disk, with all that wait; gives whether it was not there already.
    pub(super) fn sync(&self, batch: Unsynced) -> Result<bool, StoreError> {
        let mut synced = self.journal.lock();
        if synced.last >= batch.0 {
            // Whoever had the turn before has taken it along.
            return Ok(false);
        }
        self.guarded(|| {
            let Synced { journal, last, rows } = &mut *synced;
            rows.clear();
            rows.shrink_to(ROWS_KEPT);
            let applied = {
                let mut waiting = self.waiting.lock();
                std::mem::swap(&mut waiting.rows, rows);
                waiting.last
            };
            journal.append(rows)?;
            *last = applied;
            self.journal_bytes.store(journal.bytes(), Ordering::Release);
            Ok(true)
        })
    }

    /// Brings all that was applied to the disk. Nothing may be applied meanwhile.
    pub(super) fn sync_all(&self) -> Result<(), StoreError> {
        self.guarded(|| {
            let last = Unsynced(self.waiting.lock().last);
            self.sync(last).map(drop)
        })
    }

    /// The same, and draws the line up to which it will be released.
    pub(super) fn cut(&self) -> Result<Mark, StoreError> {
        self.sync_all()?;
        Ok(self.journal.lock().journal.cut())
    }

    /// The database holds all up to this cut for good.
    pub(super) fn release(&self, cut: Mark) {
        let mut synced = self.journal.lock();
        synced.journal.release(cut);
        self.journal_bytes.store(synced.journal.bytes(), Ordering::Release);
    }

    /// Gives the rows of every batch that is on the disk and was not released, once more.
    pub(super) fn replay(
        &self,
        replay: impl FnMut(&[u8]) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        self.journal.lock().journal.replay(replay)
    }

    /// Bytes in the journal that the database does not hold for good.
    pub(super) fn journal_bytes(&self) -> u64 {
        self.journal_bytes.load(Ordering::Acquire)
    }

    /// Something failed, here or elsewhere in the store.
    pub(super) fn fail(&self) {
        self.has_failed.store(true, Ordering::Release);
    }

    /// Does something that must not be tried again once it, or anything else, has failed.
    pub(super) fn guarded<T>(
        &self,
        act: impl FnOnce() -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        if self.has_failed.load(Ordering::Acquire) {
            return Err(StoreError::Stopped);
        }
        let done = act();
        if done.is_err() {
            self.fail();
        }
        done
    }
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::sync::Arc;
    use std::sync::atomic::AtomicUsize;

    use redb::StorageBackend;
    use redb::backends::InMemoryBackend;

    use super::*;

    /// A file that counts its syncs, and fails when it is told to.
    #[derive(Debug, Clone, Default)]
    struct File {
        bytes: Arc<InMemoryBackend>,
        syncs: Arc<AtomicUsize>,
        fails: Arc<AtomicBool>,
    }

    impl StorageBackend for File {
        fn len(&self) -> io::Result<u64> {
            self.bytes.len()
        }
        fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
            self.bytes.read(offset, out)
        }
        fn set_len(&self, len: u64) -> io::Result<()> {
            self.bytes.set_len(len)
        }
        fn sync_data(&self) -> io::Result<()> {
            self.syncs.fetch_add(1, Ordering::Relaxed);
            if self.fails.load(Ordering::Relaxed) {
                Err(io::Error::other("no disk"))
            } else {
                Ok(())
            }
        }
        fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
            self.bytes.write(offset, data)
        }
    }

    fn begun() -> (File, WriteAhead) {
        let file = File::default();
        let journal = Journal::create(Box::new(file.clone()), 7).unwrap();
        file.syncs.store(0, Ordering::Relaxed);
        (file, WriteAhead::new(journal))
    }

    fn entries(ahead: &WriteAhead) -> Vec<Vec<u8>> {
        let mut entries = Vec::new();
        let read = |rows: &[u8]| {
            entries.push(rows.to_vec());
            Ok(())
        };
        ahead.replay(read).unwrap();
        entries
    }

    #[test]
    fn what_gathered_costs_one_sync_and_is_one_entry() {
        let (file, ahead) = begun();
        let (first, second) = (ahead.add(b"one"), ahead.add(b"two"));
        assert!(entries(&ahead).is_empty());
        assert!(ahead.sync(first).unwrap());
        assert!(!ahead.sync(second).unwrap(), "it was taken along");
        assert_eq!(entries(&ahead), [b"onetwo"]);
        assert_eq!(file.syncs.load(Ordering::Relaxed), 1);
        assert!(ahead.sync(ahead.add(b"three")).unwrap());
        assert_eq!(entries(&ahead), [&b"onetwo"[..], b"three"]);
    }

    #[test]
    fn whoever_changed_nothing_waits_for_what_it_saw() {
        let (_, ahead) = begun();
        let seen = ahead.add(b"one");
        let reader = ahead.add(b"");
        assert_eq!(reader, seen);
        assert!(ahead.sync(reader).unwrap());
        assert!(!ahead.sync(ahead.add(b"")).unwrap(), "there is nothing to write");
    }

    #[test]
    fn a_cut_has_all_that_was_applied() {
        let (_, ahead) = begun();
        let batch = ahead.add(b"one");
        let cut = ahead.cut().unwrap();
        assert!(!ahead.sync(batch).unwrap());
        assert!(ahead.journal_bytes() > 0);
        ahead.release(cut);
        assert_eq!((ahead.journal_bytes(), entries(&ahead).len()), (0, 0));
    }

    #[test]
    fn nothing_is_written_after_a_failure() {
        let (file, ahead) = begun();
        let safe = ahead.add(b"safe");
        assert!(ahead.sync(safe).unwrap());
        let lost = ahead.add(b"lost");
        file.fails.store(true, Ordering::Relaxed);
        assert!(matches!(ahead.sync(lost), Err(StoreError::Storage(_))));
        file.fails.store(false, Ordering::Relaxed);
        for batch in [lost, ahead.add(b"later")] {
            assert!(matches!(ahead.sync(batch), Err(StoreError::Stopped)));
        }
        assert!(matches!(ahead.cut(), Err(StoreError::Stopped)));
        // What was on the disk before may still be answered.
        assert!(!ahead.sync(safe).unwrap());
        assert_eq!(entries(&ahead), [b"safe"]);
    }
}
