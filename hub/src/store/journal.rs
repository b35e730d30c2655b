//! The journal: every batch as the rows that it changed, on the disk before anyone hears of it.
//!
//! ```text
//! block 0   header: magic, version, the journal's id, checksum
//! block 1.. entry: magic, length, number, checksum, rows, zeros to the end of a block
//!           entry: ...
//! ```
//! redb commits seldom and in large pieces, which is what it is fast at; the journal is written
//! with every batch and is one sync of a few blocks. What redb has committed for good is not needed
//! here any more: at the end of the file the next entry goes where such entries lie, over them.
//! Entries are numbered without a gap, so that it does not matter where each of them lies, and what
//! is left of older ones is never taken for newer; and no entry shares a block with another, so
//! that a torn write harms nothing that was acknowledged.
//!
//! It knows bytes and blocks; which rows they are is [`super::rows`]' business, and where there is
//! room for an entry [`super::extents`]'.

use std::collections::BTreeMap;
use std::io;

use redb::StorageBackend;
use sha2::{Digest as _, Sha256};

use super::StoreError;
use super::extents::Extents;

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
    /// Where the entries lie that redb does not hold for good.
    needed: Extents,
    length: u64,
}

/// What a database says of its journal.
#[derive(Debug, Clone, Copy)]
pub(super) struct Mark {
    /// Which one it needs.
    pub(super) id: u64,
    /// The number of the last entry that it holds for good.
    pub(super) last: u64,
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
        let needed = Extents::new(BLOCK as u64);
        let mut this = Self { file, id, next: 1, needed, length };
        this.make_room(BLOCK as u64).map_err(io_error)?;
        this.file.write(0, &header).and_then(|()| this.file.sync_data()).map_err(io_error)?;
        Ok(this)
    }

    /// Opens the journal that a database needs, and gives the rows of the entries that it lacks.
    ///
    /// # Errors
    /// A journal of another store or version, one that does not go on where the store stands, and
    /// one that is damaged before its end.
    pub(super) fn open(
        file: Box<dyn StorageBackend>,
        mark: Mark,
        mut replay: impl FnMut(&[u8]) -> Result<(), StoreError>,
    ) -> Result<Self, StoreError> {
        let length = file.len().map_err(io_error)?;
        let needed = Extents::new(BLOCK as u64);
        let mut this = Self { file, id: mark.id, next: mark.last + 1, needed, length };
        this.check_header()?;
        let mut places = this.survey(mark.last)?;
        while let Some(at) = places.remove(&this.next) {
            let entry = this.read(at)?.ok_or_else(damaged)?;
            replay(&entry.rows)?;
            this.needed.take(this.next, at..entry.end);
            this.next += 1;
        }
        // The one that was cut short by a loss of power is the last of all: behind a gap lies what
        // was acknowledged.
        if places.is_empty() { Ok(this) } else { Err(damaged()) }
    }

    /// Where the entries after this one lie, by number.
    fn survey(&self, last: u64) -> Result<BTreeMap<u64, u64>, StoreError> {
        let mut places = BTreeMap::new();
        let mut at = BLOCK as u64;
        while at + BLOCK as u64 <= self.length {
            let Some(entry) = self.read(at)? else {
                at += BLOCK as u64;
                continue;
            };
            if entry.number > last {
                places.insert(entry.number, at);
            }
            at = entry.end;
        }
        Ok(places)
    }

    /// Gives the rows of every entry that redb does not hold for good once more.
    pub(super) fn replay(
        &self,
        mut replay: impl FnMut(&[u8]) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        for extent in self.needed.iter() {
            let mut at = extent.start;
            while at < extent.end {
                let entry = self.read(at)?.ok_or_else(damaged)?;
                replay(&entry.rows)?;
                at = entry.end;
            }
        }
        Ok(())
    }

    /// Bytes of the entries that redb does not hold for good.
    pub(super) fn bytes(&self) -> u64 {
        self.needed.bytes()
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
        let place = self.needed.room(length as u64, self.length);
        let written = self.make_room(place.end).and_then(|()| self.file.write(place.start, &bytes));
        written.and_then(|()| self.file.sync_data()).map_err(io_error)?;
        self.needed.take(self.next, place);
        self.next += 1;
        Ok(())
    }

    /// Draws the line up to which entries will be released.
    pub(super) fn cut(&mut self) -> Mark {
        self.needed.cut();
        Mark { id: self.id, last: self.next - 1 }
    }

    /// The database holds all up to this cut for good: it may be written over.
    pub(super) fn release(&mut self, cut: Mark) {
        self.needed.release(cut.last);
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

fn damaged() -> StoreError {
    StoreError::Damaged("an entry of the journal".to_owned())
}

fn io_error(error: io::Error) -> StoreError {
    redb::Error::Io(error).into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
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
        let journal =
            Journal::open(Box::new(file.clone()), Mark { id: 7, last: committed }, |rows| {
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
        assert_eq!((journal.next, reopen(&file, 3).unwrap().0.len()), (4, 0));
    }

    #[test]
    fn what_is_left_of_an_older_pass_is_not_taken_for_newer() {
        let (file, mut journal) = filled(5);
        let cut = journal.cut();
        journal.release(cut);
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
        let open = |id, last| {
            Journal::open(Box::new(file.clone()), Mark { id, last }, |_| Ok(())).map(|_| ())
        };
        assert!(matches!(open(8, 0), Err(StoreError::NoJournal)));
        let empty = Journal::open(Box::new(File::default()), Mark { id: 7, last: 0 }, |_| Ok(()));
        assert!(matches!(empty, Err(StoreError::NoJournal)));
        let mut later = Journal::create(Box::new(file.clone()), 7).unwrap();
        later.next = 5;
        later.append(&[5]).unwrap();
        assert!(matches!(open(7, 2), Err(StoreError::Damaged(_))));
    }

    /// What happens to a journal: an entry of so many bytes, a flush that begins, one that ends.
    #[derive(Debug, Clone)]
    enum Event {
        Append(usize),
        Cut,
        Release,
    }

    fn event() -> impl Strategy<Value = Event> {
        prop_oneof![
            8 => (0..60_000_usize).prop_map(Event::Append),
            1 => Just(Event::Cut),
            1 => Just(Event::Release),
        ]
    }

    proptest! {
        #[test]
        fn what_is_needed_is_read_back_wherever_it_lies(
            events in prop::collection::vec(event(), 0..120),
        ) {
            let (file, mut journal) = filled(0);
            let (mut cut, mut released, mut entries) = (None, Mark { id: 7, last: 0 }, Vec::new());
            let needed = |entries: &[Vec<u8>], released: Mark| {
                entries[usize::try_from(released.last).unwrap()..].to_vec()
            };
            for event in events {
                match event {
                    Event::Append(size) => {
                        entries.push(vec![size.to_le_bytes()[0]; size]);
                        journal.append(&entries[entries.len() - 1]).unwrap();
                    }
                    Event::Cut if cut.is_none() => cut = Some(journal.cut()),
                    Event::Cut => {}
                    Event::Release => if let Some(cut) = cut.take() {
                        released = cut;
                        journal.release(cut);
                    }
                }
                let mut found = Vec::new();
                let mut find = |rows: &[u8]| {
                    found.push(rows.to_vec());
                    Ok(())
                };
                journal.replay(&mut find).unwrap();
                prop_assert_eq!(found, needed(&entries, released));
            }
            let (found, opened) = reopen(&file, released.last).unwrap();
            prop_assert_eq!(found, needed(&entries, released));
            prop_assert_eq!(opened.bytes(), journal.bytes());
        }
    }

    #[test]
    fn the_file_does_not_grow_for_ever() {
        let (file, mut journal) = filled(0);
        for _ in 0..100 {
            let cut = journal.cut();
            // As many come while the cut is brought to the store as were before it.
            (0..100).for_each(|_| journal.append(&[1; 700]).unwrap());
            journal.release(cut);
        }
        assert!(file.len().unwrap() < 4 * 100 * 1024, "{}", file.len().unwrap());
    }
}
