//! Backup: every row of one moment in one stream, and a store made of it again.
//!
//! ```text
//! file = "syncback", version (4 bytes), zstd of the rows, SHA-256 of all before (32 bytes)
//! row  = table (1), length of the key (4), length of the value (4), key, value
//! end  = 0, number of rows (8)
//! ```
//! Numbers are big-endian. A backup is taken while the hub writes: it holds one read transaction,
//! which pins pages but stops nobody. Neither way holds more than a few rows in memory. It must
//! never leave half a store behind; see `restore.rs`.

mod restore;
mod seal;

use std::io::{self, Write};

use redb::{ReadOnlyTable, ReadableTable as _};

pub use restore::{RestoreOptions, RestoreReport, RevivedToken, restore};
use seal::Seal;

use super::tables::Bytes;
use super::{FILE, Store, StoreError};

const MAGIC: &[u8; 8] = b"syncback";
const VERSION: u32 = 1;
/// What zstd itself thinks a good trade of time for size.
const LEVEL: i32 = zstd::DEFAULT_COMPRESSION_LEVEL;
/// Progress is told whenever so many bytes of rows have been written.
const TELL_BYTES: u64 = 1 << 20;

/// The tables by the number that a backup gives them; zero ends the rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
enum Kind {
    Meta = 1,
    Spaces = 2,
    Dropped = 3,
    Collections = 4,
    Records = 5,
    Log = 6,
    Outcomes = 7,
    Conflicts = 8,
    Replicas = 9,
}

const END: u8 = 0;

/// Why a backup was not written or restored.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// The store to be read or made.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The backup's own file, or the data folder.
    #[error("the backup cannot be read or written: {0}")]
    Io(#[from] io::Error),
    /// Some other file.
    #[error("this file is no backup of a syncline store; check its name")]
    Foreign,
    /// A backup that a newer program wrote.
    #[error("the backup has version {found}, this program knows {known}; use a newer syncline")]
    Newer {
        /// The backup's version.
        found: u32,
        /// The newest version that this program knows.
        known: u32,
    },
    /// A backup that is not what was written.
    #[error("the backup is cut short or damaged ({0}); nothing was restored, use another one")]
    Damaged(&'static str),
    /// The data folder is not free.
    #[error("the data folder already holds a store ({FILE}); restore into another folder")]
    Occupied,
}

/// What a backup holds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct BackupReport {
    /// Spaces.
    pub spaces: u64,
    /// Records that show.
    pub records: u64,
    /// Rows of all tables.
    pub rows: u64,
    /// Bytes written.
    pub bytes: u64,
}

/// Writes a backup of this moment. `progress` is told the bytes of rows read so far, from time to
/// time. The caller makes what it wrote to durable.
///
/// # Errors
/// When the store cannot be read or the backup cannot be written.
pub fn write_backup(
    store: &Store,
    out: &mut impl Write,
    progress: &mut dyn FnMut(u64),
) -> Result<BackupReport, BackupError> {
    let snapshot = store.snapshot()?;
    let mut report = BackupReport::default();
    for (_, row) in snapshot.spaces()? {
        report.spaces += 1;
        report.records += row.records;
    }
    let mut seal = Seal::new(out);
    seal.write_all(MAGIC)?;
    seal.write_all(&VERSION.to_be_bytes())?;
    let zip = zstd::Encoder::new(seal, LEVEL)?;
    let mut rows = Rows { zip, rows: 0, bytes: 0, told: 0, progress };
    for entry in snapshot.meta.iter().map_err(StoreError::from)? {
        let (key, value) = entry.map_err(StoreError::from)?;
        rows.write(Kind::Meta, key.value().as_bytes(), value.value())?;
    }
    for entry in snapshot.spaces.iter().map_err(StoreError::from)? {
        let (key, value) = entry.map_err(StoreError::from)?;
        rows.write(Kind::Spaces, key.value().as_bytes(), value.value())?;
    }
    for entry in snapshot.dropped.iter().map_err(StoreError::from)? {
        rows.write(Kind::Dropped, entry.map_err(StoreError::from)?.0.value(), &[])?;
    }
    rows.table(Kind::Collections, &snapshot.collections)?;
    rows.table(Kind::Records, &snapshot.records)?;
    rows.table(Kind::Log, &snapshot.log)?;
    rows.table(Kind::Outcomes, &snapshot.outcomes)?;
    rows.table(Kind::Conflicts, &snapshot.conflicts)?;
    rows.table(Kind::Replicas, &snapshot.replicas)?;
    rows.end(report)
}

/// Rows on their way into a backup.
struct Rows<'a, W: Write> {
    zip: zstd::Encoder<'static, Seal<W>>,
    rows: u64,
    bytes: u64,
    told: u64,
    progress: &'a mut dyn FnMut(u64),
}

impl<W: Write> Rows<'_, W> {
    fn table(
        &mut self,
        kind: Kind,
        table: &ReadOnlyTable<Bytes, Bytes>,
    ) -> Result<(), BackupError> {
        for entry in table.iter().map_err(StoreError::from)? {
            let (key, value) = entry.map_err(StoreError::from)?;
            self.write(kind, key.value(), value.value())?;
        }
        Ok(())
    }

    fn write(&mut self, kind: Kind, key: &[u8], value: &[u8]) -> Result<(), BackupError> {
        let length = |bytes: &[u8]| {
            u32::try_from(bytes.len()).map_err(|_| StoreError::Corrupt("a row of 4 GiB"))
        };
        self.zip.write_all(&[kind as u8])?;
        self.zip.write_all(&length(key)?.to_be_bytes())?;
        self.zip.write_all(&length(value)?.to_be_bytes())?;
        self.zip.write_all(key)?;
        self.zip.write_all(value)?;
        self.rows += 1;
        self.bytes += 9 + (key.len() + value.len()) as u64;
        if self.bytes - self.told >= TELL_BYTES {
            self.told = self.bytes;
            (self.progress)(self.bytes);
        }
        Ok(())
    }

    fn end(mut self, report: BackupReport) -> Result<BackupReport, BackupError> {
        self.zip.write_all(&[END])?;
        self.zip.write_all(&self.rows.to_be_bytes())?;
        let bytes = self.zip.finish()?.finish()?;
        (self.progress)(self.bytes);
        Ok(BackupReport { rows: self.rows, bytes, ..report })
    }
}
