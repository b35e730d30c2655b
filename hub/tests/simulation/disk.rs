//! A disk in memory that forgets what was not synced when its power goes, and that can be told to
//! lose its power inside a commit. Knows nothing of what it holds.

use std::io;
use std::sync::{Arc, Mutex, MutexGuard};

use redb::StorageBackend;

/// A handle on the disk; the store holds another.
#[derive(Debug, Clone, Default)]
pub(crate) struct Disk(Arc<Mutex<Platter>>);

#[derive(Debug, Default)]
struct Platter {
    bytes: Vec<u8>,
    /// What stood where something was written since the last sync, the oldest first.
    unsynced: Vec<Undo>,
    is_off: bool,
    /// After so many more syncs the power goes.
    syncs_left: Option<u32>,
}

#[derive(Debug)]
enum Undo {
    Write(usize, Vec<u8>),
    /// The length, and what was cut off.
    Length(usize, Vec<u8>),
}

impl Disk {
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
        let mut bytes = std::mem::take(&mut platter.bytes);
        for undo in platter.unsynced.drain(..).rev() {
            match undo {
                Undo::Write(at, old) => bytes[at..at + old.len()].copy_from_slice(&old),
                Undo::Length(length, cut) => {
                    bytes.resize(length - cut.len(), 0);
                    bytes.extend(cut);
                }
            }
        }
        Self(Arc::new(Mutex::new(Platter { bytes, ..Platter::default() })))
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

/// The bytes from an offset on, as many as are asked for.
fn range(offset: u64, length: usize, end: usize) -> io::Result<std::ops::Range<usize>> {
    let from = usize::try_from(offset).map_err(io::Error::other)?;
    let to = from.checked_add(length).filter(|&to| to <= end);
    to.map(|to| from..to).ok_or_else(|| io::Error::other("past the end of the disk"))
}

impl StorageBackend for Disk {
    fn len(&self) -> io::Result<u64> {
        Ok(self.powered()?.bytes.len() as u64)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let platter = self.powered()?;
        let range = range(offset, out.len(), platter.bytes.len())?;
        out.copy_from_slice(&platter.bytes[range]);
        Ok(())
    }

    fn set_len(&self, length: u64) -> io::Result<()> {
        let mut platter = self.powered()?;
        let (old, new) = (platter.bytes.len(), usize::try_from(length).map_err(io::Error::other)?);
        let cut = platter.bytes.get(new..).unwrap_or_default().to_vec();
        platter.unsynced.push(Undo::Length(old, cut));
        platter.bytes.resize(new, 0);
        Ok(())
    }

    fn sync_data(&self) -> io::Result<()> {
        let mut platter = self.powered()?;
        match &mut platter.syncs_left {
            Some(0) => {
                platter.is_off = true;
                return Err(io::Error::other("the power went"));
            }
            Some(left) => *left -= 1,
            None => {}
        }
        platter.unsynced.clear();
        Ok(())
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        let mut platter = self.powered()?;
        let range = range(offset, data.len(), platter.bytes.len())?;
        let old = platter.bytes[range.clone()].to_vec();
        platter.unsynced.push(Undo::Write(range.start, old));
        platter.bytes[range].copy_from_slice(data);
        Ok(())
    }
}
