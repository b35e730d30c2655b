//! The store: one redb file, its tables and their rows. Knows nothing of the network, nor of who
//! may do what.
//!
//! One thread writes, by batches; anyone reads, each through a [`Snapshot`] of one moment. A batch
//! is in the journal before it counts, and in redb's pages when a reader asks or at a checkpoint.
//! **Invariant:** what a write returned for has reached the disk, unless the backend lied.

pub mod backup;
mod batch;
mod bytes;
pub(crate) mod compaction;
mod doctor;
mod held;
mod journal;
mod known;
pub(crate) mod log;
mod memory;
mod migration;
mod pending;
mod record_row;
mod recount;
mod row;
pub(crate) mod rows;
mod shown;
mod snapshot;
pub(crate) mod tables;

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use redb::backends::{FileBackend, InMemoryBackend};
use redb::{Database, StorageBackend};
use syncline_protocol::HlcTime;

pub(crate) use batch::{Batch, Stored};
pub use doctor::{Report, doctor};
use held::Held;
use journal::Journal;
use migration::FORMAT;
pub use record_row::RecordRow;
pub(crate) use record_row::row_bytes;
pub use row::{CollectionRow, Conflict, ConflictRow, OutcomeRow, ReplicaRow, SpaceRow};
pub use snapshot::{RecordPage, Snapshot};
pub(crate) use tables::{conflict_key, conflict_prefix, outcome_key};

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

/// The held write goes before the database that it is of.
struct Inner {
    held: Held,
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
        let database = Database::builder().set_cache_size(cache_bytes).open(path)?;
        Self::prepare(database, Box::new(open_journal(path)?))
    }

    /// Opens a file that is nobody's yet: only closing it in order brings its writes there.
    fn open_without_journal(path: &Path, cache_bytes: usize) -> Result<Self, StoreError> {
        let database = Database::builder().set_cache_size(cache_bytes).open(path)?;
        Self::prepare(database, Box::new(InMemoryBackend::new()))
    }

    /// A store in memory, gone with its last handle.
    ///
    /// # Errors
    /// None that memory has.
    pub fn in_memory(cache_bytes: usize) -> Result<Self, StoreError> {
        let memory = || Box::new(InMemoryBackend::new());
        Self::with_backends(Backends { pages: memory(), journal: memory() }, cache_bytes)
    }

    /// Opens what backends hold, for tests that tear writes.
    ///
    /// # Errors
    /// As [`Store::open`].
    pub fn with_backends(backends: Backends, cache_bytes: usize) -> Result<Self, StoreError> {
        let Backends { pages, journal } = backends;
        let builder = &mut Database::builder();
        let database = builder.set_cache_size(cache_bytes).create_with_backend(Boxed(pages))?;
        Self::prepare(database, journal)
    }

    /// Brings the format up to date, and reads the journal back.
    fn prepare(database: Database, journal: Box<dyn StorageBackend>) -> Result<Self, StoreError> {
        let transaction = held::begin(&database)?;
        migration::prepare(&transaction)?;
        let mut journal = match held::read_mark(&transaction)? {
            Some((id, committed)) => {
                let replay = |rows: &[u8]| rows::replay(&transaction, rows);
                Journal::open(journal, id, committed, replay)?
            }
            None => Journal::create(journal, new_id()?)?,
        };
        held::write_mark(&transaction, Some(&journal))?;
        held::commit(transaction)?;
        journal.restart();
        Ok(Self { inner: Arc::new(Inner { held: Held::new(journal), database }) })
    }

    /// Applies a batch; it is on the disk when this returns. `apply` gives the clock to keep.
    ///
    /// # Errors
    /// When the store fails: then nothing of the batch counts, and nothing may be written again.
    pub(crate) fn write<T>(
        &self,
        apply: impl FnOnce(&mut Batch<'_>) -> Result<(T, HlcTime), StoreError>,
    ) -> Result<T, StoreError> {
        self.inner.held.write(&self.inner.database, apply)
    }

    /// Bytes in the journal that only a checkpoint brings into the store's file for good.
    #[must_use]
    pub fn journal_bytes(&self) -> u64 {
        self.inner.held.journal_bytes()
    }

    /// Brings all that is in the journal into the store's file for good.
    ///
    /// # Errors
    /// When the store fails; as after a write that did, nothing may be written again.
    pub fn checkpoint(&self) -> Result<(), StoreError> {
        self.inner.held.checkpoint(&self.inner.database)
    }

    /// Looks at the store as it is now: every write that has returned is in it.
    ///
    /// # Errors
    /// When the store fails.
    pub fn snapshot(&self) -> Result<Snapshot, StoreError> {
        match self.inner.held.settle() {
            // What was readable before a failure still is.
            Ok(()) | Err(StoreError::Stopped) => Snapshot::open(&self.inner.database),
            Err(error) => Err(error),
        }
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
        match self.held.close(&self.database) {
            Ok(()) | Err(StoreError::Stopped) => {}
            // The journal has it all: the next start reads it back.
            Err(error) => tracing::warn!(%error, "the store was not closed in order"),
        }
    }
}

/// Gives a boxed backend to redb, which wants to own a type it can name.
#[derive(Debug)]
struct Boxed(Box<dyn StorageBackend>);

impl StorageBackend for Boxed {
    fn len(&self) -> io::Result<u64> {
        self.0.len()
    }
    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        self.0.read(offset, out)
    }
    fn set_len(&self, length: u64) -> io::Result<()> {
        self.0.set_len(length)
    }
    fn sync_data(&self) -> io::Result<()> {
        self.0.sync_data()
    }
    fn write(&self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        self.0.write(offset, bytes)
    }
    fn close(&self) -> io::Result<()> {
        self.0.close()
    }
}

fn new_id() -> Result<u64, StoreError> {
    let id = getrandom::u64().map_err(|error| io::Error::other(error.to_string()));
    Ok(id.map_err(redb::Error::Io)?)
}

/// Opens the journal beside a store's file, or makes it, empty.
fn open_journal(path: &Path) -> Result<FileBackend, StoreError> {
    let mut options = File::options();
    options.read(true).write(true).create(true).truncate(false);
    // It holds what the store does: nobody else reads it either.
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let file = options.open(journal_path(path)).map_err(redb::Error::Io)?;
    // The name must be on the disk before anything that counts is in the file.
    File::open(folder_of(path)).and_then(|folder| folder.sync_all()).map_err(redb::Error::Io)?;
    Ok(FileBackend::new(file)?)
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
