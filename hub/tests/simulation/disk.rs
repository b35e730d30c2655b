//! A disk in memory that forgets what was not synced when its power goes, and that can be told to
//! lose its power inside a write. It has two files, a store's pages and its journal, and knows
//! nothing of what they hold.

use std::io;
use std::sync::{Arc, Mutex, MutexGuard};

use redb::StorageBackend;
use syncline::store::Backends;

/// A handle on the disk; the store holds another.
#[derive(Debug, Clone, Default)]
pub(crate) struct Disk(Arc<Mutex<Platter>>);

#[derive(Debug, Default)]
struct Platter {
    files: [Content; 2],
    is_off: bool,
    /// After so many more syncs the power goes.
    syncs_left: Option<u32>,
}

#[derive(Debug, Default)]
struct Content {
    bytes: Vec<u8>,
    /// What stood where something was written since the last sync, the oldest first.
    unsynced: Vec<Undo>,
}

#[derive(Debug)]
enum Undo {
    Write(usize, Vec<u8>),
    /// The length, and what was cut off.
    Length(usize, Vec<u8>),
}

impl Disk {
    /// Its files, for a store.
    pub(crate) fn backends(&self) -> Backends {
        let file = |file| Box::new(DiskFile { disk: self.clone(), file });
        Backends { pages: file(0), journal: file(1) }
    }

    /// The power goes when it has been synced so often again: in the middle of a commit.
    pub(crate) fn fail_after(&self, syncs: u32) {
        self.lock().syncs_left = Some(syncs);
    }

    /// The power stays.
    pub(crate) fn spare(&self) {
        self.lock().syncs_left = None;
    }

    /// The power goes now. Gives the disk as it is found afterwards; the old handles are dead.
    pub(crate) fn power_off(&self) -> Self {
        let mut platter = self.lock();
        platter.is_off = true;
        let files = std::mem::take(&mut platter.files).map(Content::into_synced);
        Self(Arc::new(Mutex::new(Platter { files, ..Platter::default() })))
    }

    pub(crate) fn is_off(&self) -> bool {
        self.lock().is_off
    }

    fn lock(&self) -> MutexGuard<'_, Platter> {
        self.0.lock().expect("nothing panics while it holds the disk")
    }

    fn powered(&self) -> io::Result<MutexGuard<'_, Platter>> {
        let platter = self.lock();
        if platter.is_off { Err(io::Error::other("the power is off")) } else { Ok(platter) }
    }
}

impl Content {
    /// Without what was not synced.
    fn into_synced(self) -> Self {
        let mut bytes = self.bytes;
        for undo in self.unsynced.into_iter().rev() {
            match undo {
                Undo::Write(at, old) => bytes[at..at + old.len()].copy_from_slice(&old),
                Undo::Length(length, cut) => {
                    bytes.resize(length - cut.len(), 0);
                    bytes.extend(cut);
                }
            }
        }
        Self { bytes, unsynced: Vec::new() }
    }
}

/// One file of a disk.
#[derive(Debug)]
struct DiskFile {
    disk: Disk,
    file: usize,
}

/// The bytes from an offset on, as many as are asked for.
fn range(offset: u64, length: usize, end: usize) -> io::Result<std::ops::Range<usize>> {
    let from = usize::try_from(offset).map_err(io::Error::other)?;
    let to = from.checked_add(length).filter(|&to| to <= end);
    to.map(|to| from..to).ok_or_else(|| io::Error::other("past the end of the disk"))
}

impl StorageBackend for DiskFile {
    fn len(&self) -> io::Result<u64> {
        Ok(self.disk.lock().files[self.file].bytes.len() as u64)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        // A disk that takes nothing more can still be read, until its power is cut for good.
        let platter = self.disk.lock();
        let bytes = &platter.files[self.file].bytes;
        out.copy_from_slice(&bytes[range(offset, out.len(), bytes.len())?]);
        Ok(())
    }

    fn set_len(&self, length: u64) -> io::Result<()> {
        let mut platter = self.disk.powered()?;
        let content = &mut platter.files[self.file];
        let (old, new) = (content.bytes.len(), usize::try_from(length).map_err(io::Error::other)?);
        let cut = content.bytes.get(new..).unwrap_or_default().to_vec();
        content.unsynced.push(Undo::Length(old, cut));
        content.bytes.resize(new, 0);
        Ok(())
    }

    fn sync_data(&self) -> io::Result<()> {
        let mut platter = self.disk.powered()?;
        match &mut platter.syncs_left {
            Some(0) => {
                platter.is_off = true;
                return Err(io::Error::other("the power went"));
            }
            Some(left) => *left -= 1,
            None => {}
        }
        platter.files[self.file].unsynced.clear();
        Ok(())
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        let mut platter = self.disk.powered()?;
        let content = &mut platter.files[self.file];
        let range = range(offset, data.len(), content.bytes.len())?;
        let old = content.bytes[range.clone()].to_vec();
        content.unsynced.push(Undo::Write(range.start, old));
        content.bytes[range].copy_from_slice(data);
        Ok(())
    }
}
