//! The file of redb's pages, which can go to the disk in pieces.
//!
//! A checkpoint writes megabytes and then syncs them. A disk that is given so much at once lets the
//! journal's few blocks wait behind it, and with them everybody who waits for an ack; given piece
//! by piece, it takes the journal's in between. That takes longer in all: redb gives pages in no
//! order, and the fewer there are, the fewer lie beside each other.

use std::io;
use std::ops::Bound;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use redb::{BackendError, StorageBackend};

/// The bytes of a piece.
const PIECE: usize = 128 << 10;

/// How pages go to the disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pace {
    /// In pieces: batches are hardly held up.
    Gentle,
    /// At once: the sooner it is done.
    Full,
}

/// The pace of a file's pages: full at first, and while somebody waits.
#[derive(Debug, Clone, Default)]
pub(super) struct Pacing(Arc<Wishes>);

#[derive(Debug, Default)]
struct Wishes {
    is_gentle: AtomicBool,
    waiting: AtomicUsize,
}

impl Pacing {
    pub(super) fn set(&self, pace: Pace) {
        self.0.is_gentle.store(pace == Pace::Gentle, Ordering::Relaxed);
    }

    /// Does what has to wait for whoever writes pages, who hurries until it is done.
    pub(super) fn hurried<T>(&self, wait: impl FnOnce() -> T) -> T {
        self.0.waiting.fetch_add(1, Ordering::Relaxed);
        let done = wait();
        self.0.waiting.fetch_sub(1, Ordering::Relaxed);
        done
    }

    fn is_gentle(&self) -> bool {
        self.0.is_gentle.load(Ordering::Relaxed) && self.0.waiting.load(Ordering::Relaxed) == 0
    }
}

/// A file of pages, wherever it lies.
#[derive(Debug)]
pub(super) struct Pages {
    file: Box<dyn StorageBackend>,
    pacing: Pacing,
    /// Bytes that were written and not synced.
    unsynced: AtomicUsize,
    /// A sync failed: what it should have kept may be lost, and no later one may say otherwise.
    has_failed: AtomicBool,
}

impl Pages {
    pub(super) fn new(file: Box<dyn StorageBackend>, pacing: Pacing) -> Self {
        Self { file, pacing, unsynced: AtomicUsize::new(0), has_failed: AtomicBool::new(false) }
    }
}

impl StorageBackend for Pages {
    fn write(&self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        self.file.write(offset, bytes)?;
        let unsynced = self.unsynced.fetch_add(bytes.len(), Ordering::Relaxed) + bytes.len();
        let is_piece = unsynced >= PIECE && self.pacing.is_gentle();
        if is_piece { self.sync_data() } else { Ok(()) }
    }

    fn sync_data(&self) -> io::Result<()> {
        self.unsynced.store(0, Ordering::Relaxed);
        if self.has_failed.load(Ordering::Acquire) {
            return Err(io::Error::other("an earlier sync failed"));
        }
        let synced = self.file.sync_data();
        self.has_failed.fetch_or(synced.is_err(), Ordering::AcqRel);
        synced
    }

    fn len(&self) -> io::Result<u64> {
        self.file.len()
    }
    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        self.file.read(offset, out)
    }
    fn set_len(&self, length: u64) -> io::Result<()> {
        self.file.set_len(length)
    }
    fn close(&self) -> io::Result<()> {
        self.file.close()
    }
    fn try_lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<bool, BackendError> {
        self.file.try_lock_range(start, end)
    }
    fn try_lock_shared_range(
        &self,
        start: Bound<u64>,
        end: Bound<u64>,
    ) -> Result<bool, BackendError> {
        self.file.try_lock_shared_range(start, end)
    }
    fn lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<(), BackendError> {
        self.file.lock_range(start, end)
    }
    fn lock_shared_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<(), BackendError> {
        self.file.lock_shared_range(start, end)
    }
    fn unlock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<(), BackendError> {
        self.file.unlock_range(start, end)
    }
    fn query_lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<bool, BackendError> {
        self.file.query_lock_range(start, end)
    }
}

#[cfg(test)]
mod tests {
    use redb::backends::InMemoryBackend;

    use super::*;

    /// A disk that counts its syncs, and fails at one of them.
    #[derive(Debug, Clone)]
    struct Disk {
        memory: Arc<InMemoryBackend>,
        syncs: Arc<AtomicUsize>,
        fails_at: usize,
    }

    impl Disk {
        fn new(fails_at: usize) -> Self {
            let memory = Arc::new(InMemoryBackend::new());
            memory.set_len(PIECE as u64).unwrap();
            Self { memory, syncs: Arc::default(), fails_at }
        }
    }

    impl StorageBackend for Disk {
        fn len(&self) -> io::Result<u64> {
            self.memory.len()
        }
        fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
            self.memory.read(offset, out)
        }
        fn set_len(&self, length: u64) -> io::Result<()> {
            self.memory.set_len(length)
        }
        fn write(&self, offset: u64, bytes: &[u8]) -> io::Result<()> {
            self.memory.write(offset, bytes)
        }
        fn sync_data(&self) -> io::Result<()> {
            match self.syncs.fetch_add(1, Ordering::Relaxed) {
                at if at == self.fails_at => Err(io::Error::other("a bad moment")),
                _ => Ok(()),
            }
        }
    }

    #[test]
    fn a_piece_is_synced_when_it_is_whole() {
        let (disk, pacing) = (Disk::new(usize::MAX), Pacing::default());
        let pages = Pages::new(Box::new(disk.clone()), pacing.clone());
        pacing.set(Pace::Gentle);
        let page = vec![7; 4096];
        (0..3 * PIECE / 4096).for_each(|_| pages.write(4096, &page).unwrap());
        assert_eq!(disk.syncs.load(Ordering::Relaxed), 3);
        pages.write(0, &page).unwrap();
        pages.sync_data().unwrap();
        (1..PIECE / 4096).for_each(|_| pages.write(4096, &page).unwrap());
        assert_eq!(disk.syncs.load(Ordering::Relaxed), 4);
        let write = || (0..3 * PIECE / 4096).for_each(|_| pages.write(4096, &page).unwrap());
        pacing.hurried(write);
        assert_eq!(disk.syncs.load(Ordering::Relaxed), 4);
        pages.sync_data().unwrap();
        write();
        assert_eq!(disk.syncs.load(Ordering::Relaxed), 8);
        pacing.set(Pace::Full);
        write();
        assert_eq!(disk.syncs.load(Ordering::Relaxed), 8);
    }

    #[test]
    fn after_a_sync_that_failed_none_succeeds() {
        let pacing = Pacing::default();
        let pages = Pages::new(Box::new(Disk::new(0)), pacing.clone());
        pacing.set(Pace::Gentle);
        assert!(pages.write(0, &vec![7; PIECE]).is_err());
        assert!(pages.sync_data().is_err());
    }
}
