//! Restore: a store made of a backup, under new epochs, whole or not at all.
//!
//! ```text
//! backup -- rows --> folder/.restore-XXXXXX -- seal is whole --> migrate
//!        -- new epochs --> fsync -- rename --> folder/syncline.redb -- fsync of the folder
//! ```
//! Space ids, sequences, the clock and whose a replica is stay as they were: a copy of the same
//! space is still of that space, and nobody may stamp as someone else. What counts in the log's
//! old life (cursors seen) goes.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use redb::Database;
use syncline_protocol::{CollectionName, Epoch, Record, RecordKey, SpaceName, Value};

use super::seal::Unseal;
use super::{BackupError, END, FILE, Kind, MAGIC, Store, StoreError, VERSION};
use crate::store::memory::Memory;
use crate::store::migration::make_tables;
use crate::store::tables::meta;
use crate::store::{Batch, RecordRow, ReplicaRow, Snapshot};

/// The hub's own space: nobody's copy of it ever adds anything.
const SYSTEM: &str = "system";
/// The collection of API tokens in it.
const TOKENS: &str = "tokens";
/// Rows of one commit while restoring, in bytes.
const CHUNK_BYTES: usize = 8 << 20;
/// Page cache while restoring.
const CACHE_BYTES: usize = 64 << 20;
/// Replicas changed in one go.
const REPLICAS_PAGE: usize = 1000;

/// How to restore.
pub struct RestoreOptions<'a> {
    /// Whether replicas' copies give way to the backup, instead of giving back what is newer.
    pub authoritative: bool,
    /// The wall clock, in milliseconds since 1970.
    pub now_ms: u64,
    /// Random bits, for epochs.
    pub random: &'a mut dyn FnMut() -> u64,
}

/// What was restored.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RestoreReport {
    /// Spaces.
    pub spaces: u64,
    /// Records that show.
    pub records: u64,
    /// The API tokens that open something again, even if they were revoked after the backup.
    pub tokens: Vec<RevivedToken>,
}

/// An API token that is good again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RevivedToken {
    /// Its public id.
    pub id: String,
    /// Whose it is.
    pub user: String,
    /// What it is for.
    pub label: String,
}

/// Makes a store of a backup in a data folder that has none.
///
/// # Errors
/// A folder that holds a store; a backup that is cut, flipped, foreign or newer; a disk that
/// fails. Nothing is left behind then.
pub fn restore(
    from: &mut impl Read,
    data_dir: &Path,
    options: RestoreOptions<'_>,
) -> Result<RestoreReport, BackupError> {
    let target = data_dir.join(FILE);
    if target.try_exists()? {
        return Err(BackupError::Occupied);
    }
    let folder = Folder::make(data_dir)?;
    let new = tempfile::Builder::new().prefix(".restore-").tempfile_in(data_dir)?;
    copy_rows(from, new.path())?;
    let report = revive(&Store::open_without_journal(new.path(), CACHE_BYTES)?, options)?;
    new.as_file().sync_all()?;
    new.persist_noclobber(&target).map_err(|error| match error.error.kind() {
        io::ErrorKind::AlreadyExists => BackupError::Occupied,
        _ => BackupError::Io(error.error),
    })?;
    File::open(data_dir)?.sync_all()?;
    folder.keep();
    Ok(report)
}

/// The data folder: goes again if it was made here and nothing came of it.
struct Folder<'a> {
    path: &'a Path,
    is_new: bool,
}

impl<'a> Folder<'a> {
    fn make(path: &'a Path) -> io::Result<Self> {
        let is_new = !path.try_exists()?;
        std::fs::create_dir_all(path)?;
        Ok(Self { path, is_new })
    }

    fn keep(mut self) {
        self.is_new = false;
    }
}

impl Drop for Folder<'_> {
    fn drop(&mut self) {
        if self.is_new {
            // It may hold something of someone else by now: then it stays.
            let _ = std::fs::remove_dir(self.path);
        }
    }
}

fn copy_rows(from: &mut impl Read, path: &Path) -> Result<(), BackupError> {
    let mut source = Unseal::new(from);
    let copied = check_head(&mut source).and_then(|()| {
        let database = Database::builder()
            .set_cache_size(CACHE_BYTES)
            .create(path)
            .map_err(StoreError::from)?;
        let unzip = zstd::Decoder::new(&mut source)?.single_frame();
        Rows { unzip, rows: 0 }.copy_all(&database)
    });
    if let Some(failure) = source.take_failure() {
        return Err(BackupError::Io(failure));
    }
    match copied {
        // What cannot be unpacked although it could be read is not what was written.
        Err(BackupError::Io(_)) => Err(BackupError::Damaged("it cannot be unpacked")),
        Err(error) => Err(error),
        Ok(()) if source.check() => Ok(()),
        Ok(()) => Err(BackupError::Damaged("its checksum does not agree")),
    }
}

fn check_head(source: &mut impl Read) -> Result<(), BackupError> {
    let mut head = Vec::new();
    source.take(12).read_to_end(&mut head)?;
    let version = head.strip_prefix(MAGIC).and_then(|rest| <[u8; 4]>::try_from(rest).ok());
    match version.map(u32::from_be_bytes) {
        Some(VERSION) => Ok(()),
        Some(found) if found > VERSION => Err(BackupError::Newer { found, known: VERSION }),
        _ => Err(BackupError::Foreign),
    }
}

/// Rows on their way out of a backup.
struct Rows<R> {
    unzip: R,
    rows: u64,
}

impl<R: Read> Rows<R> {
    fn copy_all(&mut self, database: &Database) -> Result<(), BackupError> {
        let transaction = database.begin_write().map_err(StoreError::from)?;
        make_tables(&transaction)?;
        transaction.commit().map_err(StoreError::from)?;
        loop {
            let (shown, mut memory) = (Snapshot::open(database)?, Memory::default());
            let more = self.copy_chunk(&mut Batch::new(&shown, &mut memory))?;
            let transaction = database.begin_write().map_err(StoreError::from)?;
            memory.waiting.write_to(&transaction)?;
            transaction.commit().map_err(StoreError::from)?;
            if !more {
                return Ok(());
            }
        }
    }

    /// Copies rows until a commit is large enough; says whether there are more.
    fn copy_chunk(&mut self, batch: &mut Batch<'_>) -> Result<bool, BackupError> {
        let (mut key, mut value, mut bytes) = (Vec::new(), Vec::new(), 0);
        while bytes < CHUNK_BYTES {
            let kind = u8::from_be_bytes(self.take()?);
            if kind == END {
                let rows = u64::from_be_bytes(self.take()?);
                let at_end = self.unzip.read(&mut [0])? == 0;
                return match rows == self.rows && at_end {
                    true => Ok(false),
                    false => Err(BackupError::Damaged("its rows are not as many as it says")),
                };
            }
            let (key_bytes, value_bytes) = (self.take()?, self.take()?);
            self.fill(&mut key, u32::from_be_bytes(key_bytes))?;
            self.fill(&mut value, u32::from_be_bytes(value_bytes))?;
            put_row(batch, kind, &key, &value)?;
            self.rows += 1;
            bytes += key.len() + value.len();
        }
        Ok(true)
    }

    fn take<const N: usize>(&mut self) -> io::Result<[u8; N]> {
        let mut bytes = [0; N];
        self.unzip.read_exact(&mut bytes)?;
        Ok(bytes)
    }

    /// Memory is taken for what is there, not for what a length announces.
    fn fill(&mut self, into: &mut Vec<u8>, length: u32) -> Result<(), BackupError> {
        into.clear();
        let read = (&mut self.unzip).take(length.into()).read_to_end(into)?;
        if read as u64 == u64::from(length) {
            return Ok(());
        }
        Err(BackupError::Damaged("a row is cut short"))
    }
}

fn put_row(batch: &mut Batch<'_>, kind: u8, key: &[u8], value: &[u8]) -> Result<(), BackupError> {
    let text = || std::str::from_utf8(key).map_err(|_| BackupError::Damaged("a name is no text"));
    let table = match kind {
        // Which journal the store had is nothing to the one that is made of it.
        it if it == Kind::Meta as u8 && key == meta::JOURNAL.as_bytes() => return Ok(()),
        it if it == Kind::Meta as u8 => {
            batch.meta.insert(&text()?, &value);
            return Ok(());
        }
        it if it == Kind::Spaces as u8 => {
            batch.spaces.insert(&text()?, &value);
            return Ok(());
        }
        it if it == Kind::Dropped as u8 => {
            batch.dropped.insert(&key, &());
            return Ok(());
        }
        it if it == Kind::Collections as u8 => &mut batch.collections,
        it if it == Kind::Records as u8 => &mut batch.records,
        it if it == Kind::Log as u8 => &mut batch.log,
        it if it == Kind::Outcomes as u8 => &mut batch.outcomes,
        it if it == Kind::Conflicts as u8 => &mut batch.conflicts,
        it if it == Kind::Replicas as u8 => &mut batch.replicas,
        _ => return Err(BackupError::Damaged("a row of no known table")),
    };
    table.insert(&key, &value);
    Ok(())
}

/// Gives every space a new epoch, and forgets what counted in the old ones.
fn revive(store: &Store, options: RestoreOptions<'_>) -> Result<RestoreReport, BackupError> {
    let RestoreOptions { authoritative, now_ms, random } = options;
    let snapshot = store.snapshot()?;
    let mut report = store.write(|batch| {
        let mut report = RestoreReport::default();
        for (name, mut row) in snapshot.spaces()? {
            report.spaces += 1;
            report.records += row.records;
            let old = row.epoch;
            while row.epoch == old {
                row.epoch = Epoch(random());
            }
            row.restored_ms = Some(now_ms);
            // Only the hub writes there, so nobody has anything to give back.
            row.authoritative = authoritative || name.as_str() == SYSTEM;
            batch.create_space(name, row);
        }
        forget_seen(batch)?;
        Ok((report, snapshot.clock()?))
    })?;
    report.tokens = revived_tokens(&snapshot, now_ms)?;
    Ok(report)
}

fn forget_seen(batch: &mut Batch<'_>) -> Result<(), StoreError> {
    let mut from = Vec::new();
    loop {
        let mut page = Vec::new();
        for entry in batch.replicas.range(from.as_slice()..)?.take(REPLICAS_PAGE) {
            let (key, row) = entry?;
            page.push((key.value().to_vec(), ReplicaRow::decode(row.value())?));
        }
        let Some((last, _)) = page.last() else { return Ok(()) };
        from = [last.as_slice(), &[0]].concat();
        for (key, mut row) in page.into_iter().filter(|(_, row)| !row.seen.is_empty()) {
            row.seen = Vec::new();
            batch.replicas.insert(&key.as_slice(), &row.encode().as_slice());
        }
    }
}

fn revived_tokens(snapshot: &Snapshot, now_ms: u64) -> Result<Vec<RevivedToken>, StoreError> {
    let system = SpaceName::new(SYSTEM).expect("`system` is a space name");
    let tokens = CollectionName::new(TOKENS).expect("`tokens` is a collection name");
    let Some(space) = snapshot.space(&system)? else { return Ok(Vec::new()) };
    let rows = snapshot.range(space.id, &tokens, "", usize::MAX)?;
    let is_good = |record: &Record| {
        let ends_ms = record.get("expires_ms").and_then(Value::as_u64);
        record.is_visible() && ends_ms.is_none_or(|end| now_ms < end)
    };
    let text = |record: &Record, field| {
        record.get(field).and_then(Value::as_str).unwrap_or_default().to_owned()
    };
    let good = rows.into_iter().filter(|(_, row)| is_good(&row.record));
    let token = |(id, row): (RecordKey, RecordRow)| RevivedToken {
        id: id.as_str().to_owned(),
        user: text(&row.record, "user"),
        label: text(&row.record, "label"),
    };
    Ok(good.map(token).collect())
}
