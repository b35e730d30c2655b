//! The original's database, opened as a copy, so that nothing of it changes.
//!
//! ```text
//! simple-sync.db        what was checkpointed, which may be nothing
//! simple-sync.db-wal    everything since, often all events: without it the history is cut short
//! simple-sync.db-shm    an index of that, which SQLite makes anew when it is missing
//! ```
//! The original never checkpoints when it stops, so that the three belong together.

use std::fs::Metadata;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use rusqlite::{Connection, OptionalExtension as _};
use tempfile::TempDir;

use crate::cli::Failure;

/// What every database of SQLite begins with.
const MAGIC: &[u8] = b"SQLite format 3\0";
/// The only layout that there ever was.
const VERSION: i64 = 1;
/// The tables of that layout.
const TABLES: [&str; 5] = ["user", "event", "api_key", "setup_token", "acl_rule"];
/// What stands beside a database, by the end of its name.
const BESIDE: [&str; 3] = ["", "-wal", "-shm"];

/// A copy of the database, open.
pub(super) struct Original {
    pub(super) database: Connection,
    /// Whether there was a log beside it.
    pub(super) has_log: bool,
    // Goes last: the copy must outlive what reads it.
    _folder: TempDir,
}

/// Whether a file is a database, by how it begins.
pub(super) fn is_one(file: &Path) -> Result<bool, Failure> {
    use std::io::Read as _;
    let wrong = |error| unreadable(file, &error);
    let mut begins = Vec::with_capacity(MAGIC.len());
    let opened = std::fs::File::open(file).map_err(wrong)?;
    opened.take(MAGIC.len() as u64).read_to_end(&mut begins).map_err(wrong)?;
    Ok(begins == MAGIC)
}

impl Original {
    /// Copies a database with what stands beside it, opens the copy, and looks whether it is one
    /// of the original's.
    ///
    /// # Errors
    /// A file that cannot be read, or another program's.
    pub(super) fn open(file: &Path) -> Result<Self, Failure> {
        let folder = tempfile::tempdir().map_err(Failure::because)?;
        let copy = folder.path().join("copy.db");
        copy_all(file, &copy)?;
        let has_log = beside(&copy, "-wal").exists();
        let database = Connection::open(&copy).map_err(|error| broken(file, &error))?;
        check(file, &database)?;
        Ok(Self { database, has_log, _folder: folder })
    }
}

/// Copies the files as they are at one moment: a database that is written meanwhile is refused.
fn copy_all(file: &Path, copy: &Path) -> Result<(), Failure> {
    let marks = || BESIDE.map(|end| std::fs::metadata(beside(file, end)).ok().as_ref().map(mark));
    let before = marks();
    for end in BESIDE {
        let from = beside(file, end);
        match std::fs::copy(&from, beside(copy, end)) {
            Err(error) if error.kind() == ErrorKind::NotFound && !end.is_empty() => {}
            Err(error) => return Err(unreadable(&from, &error)),
            Ok(_) => {}
        }
    }
    if marks() == before {
        return Ok(());
    }
    let what = format!("{} is being written to: stop simple-sync first", file.display());
    Err(Failure::Failed(what))
}

fn mark(metadata: &Metadata) -> (u64, Option<std::time::SystemTime>) {
    (metadata.len(), metadata.modified().ok())
}

fn beside(file: &Path, end: &str) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(end);
    name.into()
}

fn check(file: &Path, database: &Connection) -> Result<(), Failure> {
    let foreign = |what: String| Failure::Failed(format!("{}: {what}", file.display()));
    let wrong = |error: rusqlite::Error| broken(file, &error);
    for table in TABLES {
        let ask = "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = ?1";
        let found = database.query_row(ask, [table], |_| Ok(())).optional().map_err(wrong)?;
        if found.is_none() {
            let what = format!("this is no database of simple-sync: it has no table {table}");
            return Err(foreign(what));
        }
    }
    let version: i64 =
        database.query_row("PRAGMA user_version", [], |row| row.get(0)).map_err(wrong)?;
    if version == VERSION {
        return Ok(());
    }
    Err(foreign(format!(
        "its layout has version {version}, and only {VERSION} is known, which simple-sync 0.4.0 \
         writes: start that version on it once, then import"
    )))
}

/// What SQLite says of the file, for people.
pub(super) fn broken(file: &Path, error: &rusqlite::Error) -> Failure {
    Failure::Failed(format!("{} cannot be read: {error}", file.display()))
}

fn unreadable(file: &Path, error: &std::io::Error) -> Failure {
    Failure::Failed(format!("{} cannot be read: {error}", file.display()))
}
