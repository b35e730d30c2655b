//! A disk in memory that keeps what it was told to sync, and of the rest only what luck leaves.
//!
//! ```text
//! write, set_len --> recorded, and seen by every read              (the page cache)
//! sync           --> all that was recorded of the file so far is kept  (the platter)
//! cut at an op   --> what is kept, and any of the later writes, whole, torn or not at all
//! ```
//! It records every operation, so that one run can be cut at every point. It can be told to fail
//! at an operation, for good, as a full or a dying disk does; and to lie about its syncs. It holds
//! two files, the pages of a store and its journal, whose operations lie in one row.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::io;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use redb::StorageBackend;
use syncline::store::Backends;

/// Torn writes end at a multiple of this: what disks write at once.
const SECTOR: usize = 512;

/// What is on a disk: the pages, and the journal.
pub(crate) type Image = [Vec<u8>; 2];

/// One operation that changes what is on the disk, of one of its files.
#[derive(Debug, Clone)]
struct Op {
    file: usize,
    change: Change,
}

#[derive(Debug, Clone)]
enum Change {
    Write(usize, Arc<[u8]>),
    SetLen(usize),
    Sync,
}

/// Which operation fails, and all later ones with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Failure {
    /// None.
    Never,
    /// The first write or growth from this operation on: the disk is full.
    Full(usize),
    /// The first sync from this operation on: the disk is dying.
    Sync(usize),
}

#[derive(Debug)]
struct State {
    image: Image,
    ops: Vec<Op>,
    failure: Failure,
    failed: bool,
    /// Takes the fsync out: a sync says that it was done, and nothing is kept.
    lies: bool,
    /// How long a write of pages takes.
    slowness: Duration,
}

/// A handle on the disk; the store holds another.
#[derive(Debug, Clone)]
pub(crate) struct Disk(Arc<Mutex<State>>);

impl Disk {
    pub(crate) fn new(image: Image, failure: Failure, lies: bool) -> Self {
        let (ops, slowness) = (Vec::new(), Duration::ZERO);
        let state = State { image, ops, failure, failed: false, lies, slowness };
        Self(Arc::new(Mutex::new(state)))
    }

    /// Takes its time over pages, so that the journal is written meanwhile.
    pub(crate) fn slow(self) -> Self {
        self.0.lock().unwrap().slowness = Duration::from_micros(50);
        self
    }

    /// Its files, for a store.
    pub(crate) fn backends(&self) -> Backends {
        let file = |file| Box::new(File { disk: self.clone(), file });
        Backends { pages: file(0), journal: file(1) }
    }

    /// How many operations there were.
    pub(crate) fn ops(&self) -> usize {
        self.0.lock().unwrap().ops.len()
    }

    /// How many syncs of the journal fell among writes of pages that were not synced yet.
    pub(crate) fn overlaps(&self) -> usize {
        let mut overlaps = 0;
        let mut has_unsynced_pages = false;
        for op in &self.0.lock().unwrap().ops {
            match (op.file, &op.change) {
                (0, change) => has_unsynced_pages = !matches!(change, Change::Sync),
                (_, Change::Sync) => overlaps += usize::from(has_unsynced_pages),
                _ => {}
            }
        }
        overlaps
    }

    /// Whether the failure that was ordered has come.
    pub(crate) fn has_failed(&self) -> bool {
        self.0.lock().unwrap().failed
    }

    /// All that the operations left, synced or not.
    pub(crate) fn image(&self) -> Image {
        self.0.lock().unwrap().image.clone()
    }

    /// Walks through what a cut at each operation leaves.
    pub(crate) fn cuts(&self) -> Cuts {
        let state = self.0.lock().unwrap();
        let (ops, lies) = (state.ops.clone(), state.lies);
        Cuts { ops, lies, kept: Image::default(), waiting: Vec::new(), next: 0 }
    }
}

impl State {
    fn attempt(&mut self, op: &Op) -> io::Result<()> {
        let number = self.ops.len();
        let fails = match (self.failure, &op.change) {
            (Failure::Full(from), Change::Write(..) | Change::SetLen(_)) => number >= from,
            (Failure::Sync(from), Change::Sync) => number >= from,
            _ => false,
        };
        self.failed |= fails;
        match self.failed {
            true if matches!(self.failure, Failure::Full(_)) => {
                Err(io::ErrorKind::StorageFull.into())
            }
            true => Err(io::Error::other("input/output error")),
            false => Ok(()),
        }
    }
}

/// One file of the disk.
#[derive(Debug)]
struct File {
    disk: Disk,
    file: usize,
}

impl File {
    fn perform(&self, change: Change) -> io::Result<()> {
        let mut state = self.disk.0.lock().unwrap();
        let op = Op { file: self.file, change };
        state.attempt(&op)?;
        apply(&mut state.image, &op);
        state.ops.push(op);
        let slowness = state.slowness;
        drop(state);
        if self.file == 0 && !slowness.is_zero() {
            std::thread::sleep(slowness);
        }
        Ok(())
    }
}

impl StorageBackend for File {
    fn len(&self) -> io::Result<u64> {
        Ok(self.disk.0.lock().unwrap().image[self.file].len() as u64)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let state = self.disk.0.lock().unwrap();
        let from = usize::try_from(offset).unwrap();
        let bytes = state.image[self.file].get(from..from + out.len());
        out.copy_from_slice(bytes.ok_or(io::ErrorKind::UnexpectedEof)?);
        Ok(())
    }

    fn set_len(&self, length: u64) -> io::Result<()> {
        self.perform(Change::SetLen(usize::try_from(length).unwrap()))
    }

    fn sync_data(&self) -> io::Result<()> {
        self.perform(Change::Sync)
    }

    fn write(&self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        self.perform(Change::Write(usize::try_from(offset).unwrap(), bytes.into()))
    }
}

/// What is left of a run when the power goes at one operation after the other.
pub(crate) struct Cuts {
    ops: Vec<Op>,
    lies: bool,
    /// What is surely on the disk.
    kept: Image,
    /// The operations before `next` that no sync has made sure of, in order.
    waiting: Vec<usize>,
    next: usize,
}

impl Cuts {
    /// What a cut during operation `at` leaves, with this luck. Ask in rising order.
    pub(crate) fn at(&mut self, at: usize, seed: u64) -> Image {
        self.keep_until(at);
        let mut luck = StdRng::seed_from_u64(seed);
        let mut image = self.kept.clone();
        let waiting = &self.waiting;
        // Some cuts lose all that was not synced, some nothing, some what came after a point:
        // they are worth more than chance.
        let (until, keeps) = match luck.random_range(0..5) {
            0 => (0, 0.0),
            1 => (waiting.len(), 1.0),
            2 => (luck.random_range(0..=waiting.len()), 1.0),
            _ => (waiting.len(), luck.random_range(0.0..1.0)),
        };
        for op in &waiting[..until] {
            if luck.random_bool(keeps) {
                apply(&mut image, &self.ops[*op]);
            }
        }
        // The operation that the cut falls into is torn.
        if let Some(op) = self.ops.get(at) {
            apply_torn(&mut image, op, &mut luck);
        }
        image
    }

    fn keep_until(&mut self, at: usize) {
        while self.next < at.min(self.ops.len()) {
            let file = self.ops[self.next].file;
            if !matches!(self.ops[self.next].change, Change::Sync) {
                self.waiting.push(self.next);
            } else if !self.lies {
                let (ops, kept) = (&self.ops, &mut self.kept);
                self.waiting.retain(|&op| {
                    if ops[op].file == file {
                        apply(kept, &ops[op]);
                    }
                    ops[op].file != file
                });
            }
            self.next += 1;
        }
    }
}

fn apply(image: &mut Image, op: &Op) {
    let image = &mut image[op.file];
    match &op.change {
        Change::SetLen(length) => image.resize(*length, 0),
        Change::Write(offset, bytes) => write(image, *offset, bytes),
        Change::Sync => {}
    }
}

/// Any sectors of the write arrive; and the last of them may hold only its beginning.
fn apply_torn(image: &mut Image, op: &Op, luck: &mut StdRng) {
    let Change::Write(offset, bytes) = &op.change else { return };
    let cut = luck.random_range(0..=bytes.len());
    for (number, sector) in bytes[..cut].chunks(SECTOR).enumerate() {
        if luck.random_bool(0.8) {
            write(&mut image[op.file], offset + number * SECTOR, sector);
        }
    }
}

fn write(image: &mut Vec<u8>, offset: usize, bytes: &[u8]) {
    // A write beyond a growth that was lost makes the file as long as it must be.
    let end = offset + bytes.len();
    if image.len() < end {
        image.resize(end, 0);
    }
    image[offset..end].copy_from_slice(bytes);
}
