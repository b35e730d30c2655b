//! The store: one redb file, its tables and their rows. Knows nothing of the network, nor of who
//! may do what.
//!
//! One thread writes, by batches; anyone reads, each through a [`Snapshot`] of one moment.
//! **Invariant:** what a commit returned for has reached the disk, unless the backend lied.

pub mod backup;
mod batch;
mod bytes;
pub(crate) mod compaction;
mod doctor;
pub(crate) mod log;
mod migration;
mod recount;
mod row;
mod snapshot;
pub(crate) mod tables;

use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use redb::{Database, Durability, StorageBackend, WriteTransaction};

pub(crate) use batch::Batch;
pub use doctor::{Report, doctor, doctor_with_backend};
use migration::FORMAT;
pub(crate) use row::row_bytes;
pub use row::{CollectionRow, Conflict, ConflictRow, OutcomeRow, RecordRow, ReplicaRow, SpaceRow};
pub(crate) use snapshot::range_of as snapshot_range;
pub use snapshot::{RecordPage, Snapshot};
pub(crate) use tables::{conflict_key, conflict_prefix, outcome_key};

/// The name of the store's file in the data folder.
pub const FILE: &str = "syncline.redb";

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

/// A handle on the open store; cheap to clone.
#[derive(Clone)]
pub struct Store {
    database: Arc<Database>,
}

impl std::fmt::Debug for Store {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Store")
    }
}

impl Store {
    /// Opens the file, or makes it; migrates an older format.
    ///
    /// # Errors
    /// A file that cannot be read, is damaged, in use, or newer than this program.
    pub fn open(path: &Path, cache_bytes: usize) -> Result<Self, StoreError> {
        if !path.try_exists().map_err(redb::Error::from)? {
            make_whole(path)?;
        }
        let database = Database::builder().set_cache_size(cache_bytes).open(path)?;
        Self::prepare(database)
    }

    /// Opens what a backend holds, for memory and for tests that tear writes.
    ///
    /// # Errors
    /// As [`Store::open`].
    pub fn with_backend(
        backend: impl StorageBackend,
        cache_bytes: usize,
    ) -> Result<Self, StoreError> {
        let database =
            Database::builder().set_cache_size(cache_bytes).create_with_backend(backend)?;
        Self::prepare(database)
    }

    fn prepare(database: Database) -> Result<Self, StoreError> {
        let store = Self { database: Arc::new(database) };
        let transaction = store.begin()?;
        migration::prepare(&transaction)?;
        transaction.commit()?;
        Ok(store)
    }

    /// Begins a write. Two phases, because keys and values come from strangers: a commit slot is
    /// only switched to once all it points to is on disk. Quick repair, because only a file whose
    /// *last* commit had it opens fast after a crash.
    pub(crate) fn begin(&self) -> Result<WriteTransaction, StoreError> {
        let mut transaction = self.database.begin_write()?;
        transaction.set_durability(Durability::Immediate).map_err(redb::Error::from)?;
        transaction.set_two_phase_commit(true);
        transaction.set_quick_repair(true);
        Ok(transaction)
    }

    /// Looks at the store as it is now.
    ///
    /// # Errors
    /// When the store fails.
    pub fn snapshot(&self) -> Result<Snapshot, StoreError> {
        Snapshot::open(&self.database)
    }

    /// Commits an empty write, to find out whether the disk still takes one.
    ///
    /// # Errors
    /// When it does not.
    pub fn probe(&self) -> Result<(), StoreError> {
        self.begin()?.commit()?;
        Ok(())
    }
}

/// Makes a new file under another name and gives it its own only when it is on the disk: a file
/// that a loss of power left half made is no database, and no hub could start over it.
fn make_whole(path: &Path) -> Result<(), StoreError> {
    let folder = match path.parent() {
        Some(folder) if folder != Path::new("") => folder,
        _ => Path::new("."),
    };
    let new = tempfile::Builder::new().prefix(".new-").tempfile_in(folder)?;
    Store::prepare(Database::create(new.path())?)?;
    new.as_file().sync_all()?;
    match new.persist_noclobber(path) {
        Err(error) if error.error.kind() != std::io::ErrorKind::AlreadyExists => {
            Err(error.error.into())
        }
        // Whoever was faster made one that is as good.
        _ => Ok(File::open(folder)?.sync_all()?),
    }
}
