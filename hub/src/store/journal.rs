//! The journal: every batch as the rows that it changed, on the disk before anyone hears of it.
//!
//! ```text
//! block 0   header: magic, version, the journal's id, checksum
//! block 1.. entry: magic, length, number, checksum, rows, zeros to the end of a block
//!           entry: ...
//! ```
//! redb commits seldom and in large pieces, which is what it is fast at; the journal is written
//! with every batch and is one sync of a few blocks. What redb has committed for good is not needed
//! here any more: the next batch is written to block 1 again, over the oldest. Entries are numbered
//! without a gap, so that what is left of an older pass is never taken for a newer one; and no
//! entry shares a block with another, so that a torn write harms nothing that was acknowledged.
//!
//! It knows bytes and blocks; which rows they are is [`super::rows`]' business.

use std::io;

use redb::StorageBackend;
use sha2::{Digest as _, Sha256};

use super::StoreError;

/// What disks write at once. Entries begin at multiples of it.
const BLOCK: usize = 512;
/// Bytes before an entry's rows: magic, length, number, checksum.
const ENTRY_HEAD: usize = 4 + 8 + 8 + CHECKSUM;
const CHECKSUM: usize = 16;
const HEADER_MAGIC: &[u8; 8] = b"SYNCJRNL";
const ENTRY_MAGIC: &[u8; 4] = b"sje1";
/// The version of this format.
const VERSION: u32 = 1;
/// The file grows by so much at a time: a write into what is there already needs no second write
/// that tells the file system so.
const GROWTH: usize = 256 * 1024;

/// The journal of one store.
#[derive(Debug)]
pub(super) struct Journal {
    file: Box<dyn StorageBackend>,
    id: u64,
    /// The number of the next entry.
    next: u64,
    /// Where it will stand.
    end: u64,
    length: u64,
}

/// An entry as it is read back.
struct Entry {
    number: u64,
    rows: Vec<u8>,
    /// Where the next one stands.
    end: u64,
}

impl Journal {
    /// Begins a journal, over whatever the file holds. It is on the disk when this returns.
    pub(super) fn create(file: Box<dyn StorageBackend>, id: u64) -> Result<Self, StoreError> {
        let mut header = [0; BLOCK];
        header[..8].copy_from_slice(HEADER_MAGIC);
        header[8..12].copy_from_slice(&VERSION.to_be_bytes());
        header[12..20].copy_from_slice(&id.to_be_bytes());
        let sum = checksum(&[&header[..20]]);
        header[20..20 + CHECKSUM].copy_from_slice(&sum);
        let length = file.len().map_err(io_error)?;
        let mut this = Self { file, id, next: 1, end: BLOCK as u64, length };
        this.make_room(BLOCK as u64).map_err(io_error)?;
        this.file.write(0, &header).and_then(|()| this.file.sync_data()).map_err(io_error)?;
        Ok(this)
    }

    /// Opens the journal with this id, and gives the rows of every entry after `committed`.
    ///
    /// # Errors
    /// A journal of another store or version, one that does not go on where the store stands, and
    /// one that is damaged before its end.
    pub(super) fn open(
        file: Box<dyn StorageBackend>,
        id: u64,
        committed: u64,
        mut replay: impl FnMut(&[u8]) -> Result<(), StoreError>,
    ) -> Result<Self, StoreError> {
        let length = file.len().map_err(io_error)?;
        let mut this = Self { file, id, next: committed + 1, end: BLOCK as u64, length };
        this.check_header()?;
        let mut at = BLOCK as u64;
        let mut expected = None;
        while let Some(entry) = this.read(at)? {
            if expected.is_some_and(|expected| entry.number != expected) {
                break;
            }
            expected = Some(entry.number + 1);
            at = entry.end;
            if entry.number > committed {
                if entry.number != this.next {
                    let what = "the journal goes on later than the store stands";
                    return Err(StoreError::Damaged(what.to_owned()));
                }
                replay(&entry.rows)?;
                this.next += 1;
            }
        }
        this.check_end(at)?;
        Ok(this)
    }

    /// Gives the rows of every entry since the last restart once more.
    pub(super) fn replay(
        &self,
        mut replay: impl FnMut(&[u8]) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        let mut at = BLOCK as u64;
        while at < self.end {
            let entry = self.read(at)?;
            let entry = entry.ok_or_else(|| StoreError::Damaged("the journal".to_owned()))?;
            replay(&entry.rows)?;
            at = entry.end;
        }
        Ok(())
    }

    /// The number of the last entry.
    pub(super) fn last(&self) -> u64 {
        self.next - 1
    }

    /// The id of this journal.
    pub(super) fn id(&self) -> u64 {
        self.id
    }

    /// Bytes written since the last restart.
    pub(super) fn bytes(&self) -> u64 {
        self.end - BLOCK as u64
    }

    /// Writes an entry. It is on the disk when this returns.
    pub(super) fn append(&mut self, rows: &[u8]) -> Result<(), StoreError> {
        let length = (ENTRY_HEAD + rows.len()).next_multiple_of(BLOCK);
        let mut bytes = Vec::with_capacity(length);
        let (number, size) = (self.next.to_be_bytes(), (rows.len() as u64).to_be_bytes());
        bytes.extend_from_slice(ENTRY_MAGIC);
        bytes.extend_from_slice(&size);
        bytes.extend_from_slice(&number);
        bytes.extend_from_slice(&checksum(&[&self.id.to_be_bytes(), &number, rows]));
        bytes.extend_from_slice(rows);
        bytes.resize(length, 0);
        let end = self.end + length as u64;
        let written = self.make_room(end).and_then(|()| self.file.write(self.end, &bytes));
        written.and_then(|()| self.file.sync_data()).map_err(io_error)?;
        (self.end, self.next) = (end, self.next + 1);
        Ok(())
    }

    /// The store holds everything for good: what stands here may be written over.
    pub(super) fn restart(&mut self) {
        self.end = BLOCK as u64;
    }

    /// Makes the file long enough, with zeros that are really there.
    fn make_room(&mut self, end: u64) -> io::Result<()> {
        if end <= self.length {
            return Ok(());
        }
        let length = end.next_multiple_of(GROWTH as u64);
        self.file.set_len(length)?;
        let zeros = vec![0; GROWTH];
        let mut at = self.length;
        while at < length {
            let size = usize::try_from(length - at).unwrap_or(GROWTH).min(GROWTH);
            self.file.write(at, &zeros[..size])?;
            at += size as u64;
        }
        self.length = length;
        Ok(())
    }

    fn check_header(&self) -> Result<(), StoreError> {
        let mut header = [0; BLOCK];
        if self.length < BLOCK as u64 {
            return Err(StoreError::NoJournal);
        }
        self.file.read(0, &mut header).map_err(io_error)?;
        let sum = checksum(&[&header[..20]]);
        if header[..8] != *HEADER_MAGIC || header[20..20 + CHECKSUM] != sum {
            return Err(StoreError::Damaged("the journal's first block".to_owned()));
        }
        let number = |from: usize| {
            header[from..from + 8].iter().fold(0, |all, &byte| all << 8 | u64::from(byte))
        };
        if header[8..12] != VERSION.to_be_bytes() {
            let found = u32::try_from(number(4) & 0xffff_ffff).unwrap_or(u32::MAX);
            return Err(StoreError::Newer { found, known: VERSION });
        }
        if number(12) != self.id {
            return Err(StoreError::NoJournal);
        }
        Ok(())
    }

    /// The entry at a place; none when what stands there is none.
    fn read(&self, at: u64) -> Result<Option<Entry>, StoreError> {
        let mut head = [0; ENTRY_HEAD];
        if at + BLOCK as u64 > self.length {
            return Ok(None);
        }
        self.file.read(at, &mut head).map_err(io_error)?;
        let (Some(magic), Some(size), Some(number)) =
            (head.first_chunk::<4>(), word(&head, 4), word(&head, 12))
        else {
            return Ok(None);
        };
        let fits = size <= self.length.saturating_sub(at + ENTRY_HEAD as u64);
        if magic != ENTRY_MAGIC || !fits {
            return Ok(None);
        }
        let mut rows = vec![0; usize::try_from(size).unwrap_or(0)];
        self.file.read(at + ENTRY_HEAD as u64, &mut rows).map_err(io_error)?;
        let sum = checksum(&[&self.id.to_be_bytes(), &number.to_be_bytes(), &rows]);
        if head[20..] != sum {
            return Ok(None);
        }
        let end = at + (ENTRY_HEAD as u64 + size).next_multiple_of(BLOCK as u64);
        Ok(Some(Entry { number, rows, end }))
    }

    /// Nothing newer may stand behind the end: there something that was acknowledged is damaged.
    /// An entry that was cut short by a loss of power is the last of all.
    fn check_end(&self, end: u64) -> Result<(), StoreError> {
        let mut at = end;
        while at + BLOCK as u64 <= self.length {
            if self.read(at)?.is_some_and(|entry| entry.number >= self.next) {
                return Err(StoreError::Damaged("an entry of the journal".to_owned()));
            }
            at += BLOCK as u64;
        }
        Ok(())
    }
}

/// The big-endian number at a place.
fn word(bytes: &[u8], from: usize) -> Option<u64> {
    bytes.get(from..)?.first_chunk().copied().map(u64::from_be_bytes)
}

fn checksum(parts: &[&[u8]]) -> [u8; CHECKSUM] {
    let mut hash = Sha256::new();
    parts.iter().for_each(|part| hash.update(part));
    hash.finalize().first_chunk().copied().unwrap_or_default()
}

fn io_error(error: io::Error) -> StoreError {
    redb::Error::Io(error).into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use redb::backends::InMemoryBackend;
    use std::sync::Arc;

    /// A file that outlives the journal over it.
    #[derive(Debug, Clone, Default)]
    struct File(Arc<InMemoryBackend>);

    impl StorageBackend for File {
        fn len(&self) -> io::Result<u64> {
            self.0.len()
        }
        fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
            self.0.read(offset, out)
        }
        fn set_len(&self, len: u64) -> io::Result<()> {
            self.0.set_len(len)
        }
        fn sync_data(&self) -> io::Result<()> {
            self.0.sync_data()
        }
        fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
            self.0.write(offset, data)
        }
    }

    fn reopen(file: &File, committed: u64) -> Result<(Vec<Vec<u8>>, Journal), StoreError> {
        let mut found = Vec::new();
        let journal = Journal::open(Box::new(file.clone()), 7, committed, |rows| {
            found.push(rows.to_vec());
            Ok(())
        })?;
        Ok((found, journal))
    }

    fn filled(entries: u8) -> (File, Journal) {
        let file = File::default();
        let mut journal = Journal::create(Box::new(file.clone()), 7).unwrap();
        for at in 1..=entries {
            journal.append(&[at; 700]).unwrap();
        }
        (file, journal)
    }

    #[test]
    fn entries_are_read_back_after_what_is_committed() {
        let (file, _) = filled(3);
        let (found, journal) = reopen(&file, 1).unwrap();
        assert_eq!(found, [vec![2; 700], vec![3; 700]]);
        assert_eq!((journal.last(), reopen(&file, 3).unwrap().0.len()), (3, 0));
    }

    #[test]
    fn what_is_left_of_an_older_pass_is_not_taken_for_newer() {
        let (file, mut journal) = filled(5);
        journal.restart();
        journal.append(&[6; 700]).unwrap();
        let (found, _) = reopen(&file, 5).unwrap();
        assert_eq!(found, [vec![6; 700]]);
        // The store was committed, and the power went before anything was written again.
        let (file, _) = filled(5);
        let (found, mut journal) = reopen(&file, 5).unwrap();
        assert!(found.is_empty());
        journal.append(&[6; 10]).unwrap();
        assert_eq!(reopen(&file, 5).unwrap().0, [vec![6; 10]]);
    }

    #[test]
    fn a_torn_end_is_the_end_and_a_damaged_middle_is_not() {
        let (file, _) = filled(3);
        let block = |entry: u64| BLOCK as u64 * (1 + 2 * (entry - 1));
        file.write(block(3) + 600, &[0; 4]).unwrap();
        assert_eq!(reopen(&file, 0).unwrap().0.len(), 2);
        file.write(block(1) + 600, &[0; 4]).unwrap();
        let error = reopen(&file, 0).unwrap_err();
        assert!(matches!(error, StoreError::Damaged(_)), "{error}");
        // What is damaged but committed is not needed.
        assert!(reopen(&file, 2).unwrap().0.is_empty());
    }

    #[test]
    fn another_stores_journal_or_a_gap_is_refused() {
        let (file, _) = filled(2);
        let open = |id, committed| {
            Journal::open(Box::new(file.clone()), id, committed, |_| Ok(())).map(|_| ())
        };
        assert!(matches!(open(8, 0), Err(StoreError::NoJournal)));
        let empty = Journal::open(Box::new(File::default()), 7, 0, |_| Ok(()));
        assert!(matches!(empty, Err(StoreError::NoJournal)));
        let mut later = Journal::create(Box::new(file.clone()), 7).unwrap();
        later.next = 5;
        later.append(&[5]).unwrap();
        assert!(matches!(open(7, 2), Err(StoreError::Damaged(_))));
    }
}
