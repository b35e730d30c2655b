//! The store: one redb file, its tables and their rows. Knows nothing of the network, nor of who
//! may do what.
//!
//! One thread writes, by batches; anyone reads, each through a [`Snapshot`] of one moment. A batch
//! is in the journal before it counts, and is flushed to redb's pages behind it: when a reader
//! asks, when much waits, and now and then for good.
//! **Invariant:** what a write returned for has reached the disk, unless the backend lied.

pub mod backup;
mod batch;
mod bytes;
pub(crate) mod compaction;
mod doctor;
mod extents;
mod journal;
mod known;
pub(crate) mod log;
mod memory;
mod migration;
mod pages;
mod pending;
mod record_row;
mod recount;
mod row;
pub(crate) mod rows;
mod shown;
mod snapshot;
pub(crate) mod tables;
mod write_ahead;
mod write_side;

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use redb::backends::{FileBackend, InMemoryBackend};
use redb::{Database, StorageBackend};
use syncline_protocol::HlcTime;

pub(crate) use batch::{Batch, Newest, Stored};
pub use doctor::{Report, doctor};
use journal::Journal;
use migration::FORMAT;
pub use pages::Pace;
use pages::{Pacing, Pages};
pub use record_row::RecordRow;
pub(crate) use record_row::row_bytes;
pub use row::{CollectionRow, Conflict, ConflictRow, OutcomeRow, ReplicaRow, SpaceRow};
pub use snapshot::{RecordPage, Snapshot};
pub(crate) use tables::{conflict_key, conflict_prefix, outcome_key};
pub(crate) use write_ahead::Unsynced;
use write_side::WriteSide;

/// The name of the store's file in the data folder.
pub const FILE: &str = "syncline.redb";
/// What the journal beside a store's file is called: the file's own name and this.
const JOURNAL_SUFFIX: &str = ".journal";
/// What making an empty file needs.
const NEW_CACHE_BYTES: usize = 1 << 20;

/// Why the store failed. After a failed write nothing more may be written until a restart.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The disk, the file system or redb itself.
    #[error("the store failed: {0}")]
    Storage(Box<redb::Error>),
    /// The file is not what this program wrote.
    #[error("the store holds {0} that cannot be read; restore it from a backup")]
    Corrupt(&'static str),
    /// The file was written by a newer program.
    #[error("the store has format {found}, this program knows up to {known}; use a newer syncline")]
    Newer {
        /// The file's format.
        found: u32,
        /// The newest format that this program knows.
        known: u32,
    },
    /// The file is damaged, or no store at all.
    #[error("the store is damaged or no store at all ({0}); restore it from a backup")]
    Damaged(String),
    /// The journal that the file needs is another one, or gone.
    #[error(
        "the store needs its journal (the file beside it that ends in .journal), which is missing \
         or another store's; put it back, or restore a backup"
    )]
    NoJournal,
    /// The store failed before, or is closed.
    #[error("the store has failed or is closed; start the hub again")]
    Stopped,
    /// Another process has the file open.
    #[error("the store is in use by another process; stop it first")]
    InUse,
}

impl<E: Into<redb::Error>> From<E> for StoreError {
    fn from(error: E) -> Self {
        match error.into() {
            redb::Error::DatabaseAlreadyOpen => Self::InUse,
            redb::Error::Corrupted(what) => Self::Damaged(what),
            redb::Error::Io(error) if error.kind() == std::io::ErrorKind::InvalidData => {
                Self::Damaged(error.to_string())
            }
            redb::Error::TableDoesNotExist(table) => {
                Self::Damaged(format!("there is no table `{table}`"))
            }
            error => Self::Storage(Box::new(error)),
        }
    }
}

/// A handle on the open store; cheap to clone. The last one to go closes the store.
#[derive(Clone)]
pub struct Store {
    inner: Arc<Inner>,
}

/// How far a flush goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// Until readers see it.
    Readers,
    /// Until it is on the disk without the journal: a checkpoint.
    Disk(Pace),
}

/// The write side goes before the database that it reads.
struct Inner {
    write_side: WriteSide,
    database: Database,
}

/// Where a store lies: its pages, and its journal.
#[derive(Debug)]
pub struct Backends {
    /// The pages of redb.
    pub pages: Box<dyn StorageBackend>,
    /// The journal.
    pub journal: Box<dyn StorageBackend>,
}

impl std::fmt::Debug for Store {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Store")
    }
}

impl Store {
    /// Opens the file and its journal, or makes them; migrates an older format.
    ///
    /// # Errors
    /// A file that cannot be read, is damaged, in use, or newer than this program; a journal that
    /// is needed and missing.
    pub fn open(path: &Path, cache_bytes: usize) -> Result<Self, StoreError> {
        if !path.try_exists().map_err(redb::Error::from)? {
            make_whole(path)?;
        }
        let backends = Backends { pages: open_pages(path)?, journal: open_journal(path)? };
        Self::with_backends(backends, cache_bytes)
    }

    /// Opens a file that is nobody's yet: only closing it in order brings its writes there.
    fn open_without_journal(path: &Path, cache_bytes: usize) -> Result<Self, StoreError> {
        let database = Database::builder().set_cache_size(cache_bytes).open(path)?;
        Self::prepare(database, Box::new(InMemoryBackend::new()), Pacing::default())
    }

    /// A store in memory, gone with its last handle.
    ///
    /// # Errors
    /// None that memory has.
    pub fn in_memory(cache_bytes: usize) -> Result<Self, StoreError> {
        let memory = || Box::new(InMemoryBackend::new());
        Self::with_backends(Backends { pages: memory(), journal: memory() }, cache_bytes)
    }

    /// Opens what backends hold, or makes it where there is nothing.
    ///
    /// # Errors
    /// As [`Store::open`].
    pub fn with_backends(backends: Backends, cache_bytes: usize) -> Result<Self, StoreError> {
        let (Backends { pages, journal }, pacing) = (backends, Pacing::default());
        let builder = &mut Database::builder();
        let database = builder
            .set_cache_size(cache_bytes)
            .create_with_backend(Pages::new(pages, pacing.clone()))?;
        Self::prepare(database, journal, pacing)
    }

    /// Brings the format up to date, and reads the journal back.
    fn prepare(
        database: Database,
        journal: Box<dyn StorageBackend>,
        pacing: Pacing,
    ) -> Result<Self, StoreError> {
        let transaction = write_side::begin(&database)?;
        migration::prepare(&transaction)?;
        let mut journal = match write_side::read_mark(&transaction)? {
            Some(mark) => Journal::open(journal, mark, |rows| rows::replay(&transaction, rows))?,
            None => Journal::create(journal, new_id()?)?,
        };
        let cut = journal.cut();
        write_side::write_mark(&transaction, Some(cut))?;
        write_side::commit(transaction)?;
        journal.release(cut);
        let write_side = WriteSide::new(journal, Snapshot::open(&database)?, pacing);
        Ok(Self { inner: Arc::new(Inner { write_side, database }) })
    }

    /// Applies a batch to what the next one builds on. It counts once it is synced, with all that
    /// were applied before it. `apply` gives the clock to keep.
    ///
    /// # Errors
    /// When the store fails: then nothing of the batch counts, and nothing may be written again.
    pub(crate) fn apply<T>(
        &self,
        apply: impl FnOnce(&mut Batch<'_>) -> Result<(T, HlcTime), StoreError>,
    ) -> Result<(T, Unsynced), StoreError> {
        self.inner.write_side.apply(&self.inner.database, apply)
    }

    /// Brings a batch that was applied to the disk, with all that were applied meanwhile; gives
    /// whether it was not there already, because a reader or a flush had to have it there.
    ///
    /// # Errors
    /// When the store fails: then nobody may hear of the batch, and nothing may be written again.
    pub(crate) fn sync(&self, batch: Unsynced) -> Result<bool, StoreError> {
        self.inner.write_side.sync(&self.inner.database, batch)
    }

    /// Applies a batch; it is on the disk when this returns. `apply` gives the clock to keep.
    ///
    /// # Errors
    /// When the store fails: then nothing of the batch counts, and nothing may be written again.
    pub(crate) fn write<T>(
        &self,
        apply: impl FnOnce(&mut Batch<'_>) -> Result<(T, HlcTime), StoreError>,
    ) -> Result<T, StoreError> {
        let (result, batch) = self.apply(apply)?;
        self.sync(batch).map(|_| result)
    }

    /// Bytes in the journal that only a checkpoint brings into the store's file for good.
    #[must_use]
    pub fn journal_bytes(&self) -> u64 {
        self.inner.write_side.journal_bytes()
    }

    /// Whether so much waits in memory that it should be flushed soon. A write that finds twice as
    /// much flushes it, and takes that long.
    #[must_use]
    pub fn wants_flush(&self) -> bool {
        self.inner.write_side.wants_flush()
    }

    /// Brings what waits in memory to the store's file, while writes go on. Other flushes wait for
    /// it, and so do readers that have not seen the last write.
    ///
    /// # Errors
    /// When the store fails; as after a write that did, nothing may be written again.
    pub fn flush(&self, reach: Reach) -> Result<(), StoreError> {
        self.inner.write_side.flush(&self.inner.database, reach)
    }

    /// Looks at the store as it is now: every batch that was synced is in it, and what was applied
    /// is synced for that. After a failure it is what was synced before.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn snapshot(&self) -> Result<Snapshot, StoreError> {
        match self.inner.write_side.settle(&self.inner.database) {
            Ok(()) | Err(StoreError::Stopped) => {}
            // Whoever writes next is told that it stopped; why is only known here.
            Err(error) => tracing::error!(%error, "the store failed before it was read"),
        }
        Snapshot::open(&self.inner.database)
    }

    /// What readers have been shown so far: at most the checkpoint interval older than
    /// [`Self::snapshot`], and a busy writer does not notice. For figures.
    ///
    /// # Errors
    /// When the store fails.
    pub fn glance(&self) -> Result<Snapshot, StoreError> {
        Snapshot::open(&self.inner.database)
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        match self.write_side.close(&self.database) {
            Ok(()) | Err(StoreError::Stopped) => {}
            // The journal has it all: the next start reads it back.
            Err(error) => tracing::warn!(%error, "the store was not closed in order"),
        }
    }
}

fn new_id() -> Result<u64, StoreError> {
    let id = getrandom::u64().map_err(|error| io::Error::other(error.to_string()));
    Ok(id.map_err(redb::Error::Io)?)
}

/// Opens the pages of a store. An empty file is none: to make one of it would hide a loss.
fn open_pages(path: &Path) -> Result<Box<FileBackend>, StoreError> {
    let file = File::options().read(true).write(true).open(path).map_err(redb::Error::Io)?;
    if file.metadata().map_err(redb::Error::Io)?.len() == 0 {
        return Err(StoreError::Damaged("the file is empty".to_owned()));
    }
    Ok(Box::new(FileBackend::new(file)?))
}

/// Opens the journal beside a store's file, or makes it, empty.
fn open_journal(path: &Path) -> Result<Box<FileBackend>, StoreError> {
    let mut options = File::options();
    options.read(true).write(true).create(true).truncate(false);
    // It holds what the store does: nobody else reads it either.
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let file = options.open(journal_path(path)).map_err(redb::Error::Io)?;
    // The name must be on the disk before anything that counts is in the file.
    File::open(folder_of(path)).and_then(|folder| folder.sync_all()).map_err(redb::Error::Io)?;
    Ok(Box::new(FileBackend::new(file)?))
}

/// Where the journal of a store's file lies.
pub(crate) fn journal_path(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(JOURNAL_SUFFIX);
    PathBuf::from(name)
}

fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if folder != Path::new("") => folder,
        _ => Path::new("."),
    }
}

/// Makes a new file under another name and gives it its own only when it is on the disk: a file
/// that a loss of power left half made is no database, and no hub could start over it. What was
/// closed in order needs no journal.
fn make_whole(path: &Path) -> Result<(), StoreError> {
    let folder = folder_of(path);
    let new = tempfile::Builder::new().prefix(".new-").tempfile_in(folder)?;
    drop(Database::create(new.path())?);
    drop(Store::open_without_journal(new.path(), NEW_CACHE_BYTES)?);
    new.as_file().sync_all()?;
    match new.persist_noclobber(path) {
        Err(error) if error.error.kind() != io::ErrorKind::AlreadyExists => Err(error.error.into()),
        // Whoever was faster made one that is as good.
        _ => Ok(File::open(folder)?.sync_all()?),
    }
}
