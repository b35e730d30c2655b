//! Tables that note what is changed in them, so that the journal can say it again, and that keep
//! it in memory until redb shows it.
//!
//! ```text
//! row of the journal: tag of the table, length and bytes of the key,
//!                     then length + 1 and bytes of the value; 0 when the row was removed
//! ```
//! Every change goes through here, or it would be lost in a crash; and every read of the writer's,
//! or it would miss what is not in redb yet.

use std::cell::RefCell;
use std::ops::{Bound, RangeBounds};
use std::sync::Arc;

use redb::{
    AccessGuard, Key, Range, ReadOnlyTable, ReadableTable as _, StorageError, TableDefinition,
    Value, WriteTransaction,
};

use super::StoreError;
use super::bytes::{Put, Take};
use super::pending::{Merged, Part, Pending, Row, stored};
use super::tables::{
    Bytes, COLLECTIONS, CONFLICTS, DROPPED, LOG, META, OUTCOMES, RECORDS, REPLICAS, SPACES,
};

/// Names a table in the journal. A number never changes its meaning.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tag {
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

/// A table as the writer sees it, and what was changed.
pub(crate) struct Rows<'a, K: Key + 'static, V: Value + 'static> {
    table: &'a ReadOnlyTable<K, V>,
    frozen: &'a Pending,
    waiting: &'a mut Pending,
    tag: Tag,
    changes: &'a RefCell<Put>,
}

/// A table of bytes.
pub(crate) type ByteRows<'a> = Rows<'a, Bytes, Bytes>;

/// Rows of a table, wherever each of them lies.
pub(crate) type Found<'a, K, V> = Merged<'a, Merged<'a, InTable<'a, K, V>>>;

/// Rows of a table that redb shows.
type InTable<'a, K, V> = std::iter::Map<Range<'a, K, V>, fn(Shown<'a, K, V>) -> Lain<'a, K, V>>;
type Shown<'a, K, V> = Result<(AccessGuard<'a, K>, AccessGuard<'a, V>), StorageError>;
type Lain<'a, K, V> = Result<Row<'a, K, V>, StorageError>;

impl<'a, K: Key + 'static, V: Value + 'static> Rows<'a, K, V> {
    pub(super) fn new(
        (table, tag): (&'a ReadOnlyTable<K, V>, Tag),
        frozen: &'a Pending,
        waiting: &'a mut Pending,
        changes: &'a RefCell<Put>,
    ) -> Self {
        Self { table, frozen, waiting, tag, changes }
    }

    /// The row of a key.
    pub(crate) fn get(&self, key: K::SelfType<'_>) -> Result<Option<Part<'_, V>>, StoreError> {
        let found = {
            let key = K::as_bytes(&key);
            self.waiting.get(key.as_ref()).or_else(|| self.frozen.get(key.as_ref()))
        };
        match found {
            Some(found) => Ok(found.map(Part::Waiting)),
            None => Ok(self.table.get(key)?.map(Part::Stored)),
        }
    }

    /// All rows, in the order of their keys.
    pub(crate) fn iter(&self) -> Result<Found<'_, K, V>, StoreError> {
        let all = (Bound::Unbounded, Bound::Unbounded);
        Ok(self.over(all, self.table.iter()?))
    }

    fn over<'s>(
        &'s self,
        bounds: (Bound<&[u8]>, Bound<&[u8]>),
        table: Range<'s, K, V>,
    ) -> Found<'s, K, V> {
        let table: InTable<'s, K, V> = table.map(stored);
        self.waiting.over(bounds, self.frozen.over(bounds, table))
    }

    /// Writes a row.
    pub(crate) fn insert(&mut self, key: &K::SelfType<'_>, value: &V::SelfType<'_>) {
        self.put(key, V::as_bytes(value).as_ref().into(), false);
    }

    /// Writes a row whose key the table has never had; `value` is in the table's own form.
    pub(crate) fn insert_new(&mut self, key: &K::SelfType<'_>, value: Arc<[u8]>) {
        self.put(key, value, true);
    }

    fn put(&mut self, key: &K::SelfType<'_>, value: Arc<[u8]>, is_new: bool) {
        let key = K::as_bytes(key);
        let changes = &mut self.changes.borrow_mut();
        changes.byte(self.tag as u8);
        note(changes, 0, key.as_ref());
        note(changes, 1, &value);
        self.waiting.put(key.as_ref(), value, is_new);
    }

    /// Removes a row.
    pub(crate) fn remove(&mut self, key: &K::SelfType<'_>) {
        let key = K::as_bytes(key);
        self.note_removal(key.as_ref());
        self.waiting.remove(key.as_ref());
    }

    /// Removes a row that waits and is new to its table; gives whether there was one.
    pub(crate) fn remove_new(&mut self, key: &K::SelfType<'_>) -> bool {
        let key = K::as_bytes(key);
        let was_there = self.waiting.forget_new(key.as_ref());
        if was_there {
            self.note_removal(key.as_ref());
        }
        was_there
    }

    fn note_removal(&self, key: &[u8]) {
        let changes = &mut self.changes.borrow_mut();
        changes.byte(self.tag as u8);
        note(changes, 0, key);
        changes.length(0);
    }
}

impl<V: Value + 'static> Rows<'_, Bytes, V> {
    /// The rows of a range, in the order of their keys.
    pub(crate) fn range<'k>(
        &self,
        range: impl RangeBounds<&'k [u8]>,
    ) -> Result<Found<'_, Bytes, V>, StoreError> {
        let bounds = (range.start_bound().map(|it| *it), range.end_bound().map(|it| *it));
        Ok(self.over(bounds, self.table.range::<&[u8]>(bounds)?))
    }
}

/// A length, with something added to it, and bytes.
fn note(changes: &mut Put, more: usize, bytes: &[u8]) {
    changes.length(bytes.len() + more).bytes(bytes);
}

/// Makes the changes that an entry of the journal tells of once more.
pub(super) fn replay(transaction: &WriteTransaction, rows: &[u8]) -> Result<(), StoreError> {
    let mut take = Take::new(rows);
    while !take.is_empty() {
        let tag = take.byte()?;
        let key = take.sized()?;
        let value = match take.length()?.checked_sub(1) {
            Some(length) => Some(take.bytes(length)?),
            None => None,
        };
        let text = || std::str::from_utf8(key).map_err(|_| unreadable());
        match tag {
            it if it == Tag::Meta as u8 => put(transaction, META, text()?, value),
            it if it == Tag::Spaces as u8 => put(transaction, SPACES, text()?, value),
            it if it == Tag::Dropped as u8 => put(transaction, DROPPED, key, value.map(|_| ())),
            it => put(transaction, byte_table(it)?, key, value),
        }?;
    }
    Ok(())
}

fn byte_table(tag: u8) -> Result<TableDefinition<'static, Bytes, Bytes>, StoreError> {
    let tables = [
        (Tag::Collections, COLLECTIONS),
        (Tag::Records, RECORDS),
        (Tag::Log, LOG),
        (Tag::Outcomes, OUTCOMES),
        (Tag::Conflicts, CONFLICTS),
        (Tag::Replicas, REPLICAS),
    ];
    let found = tables.into_iter().find(|(own, _)| *own as u8 == tag);
    found.map(|(_, table)| table).ok_or_else(unreadable)
}

fn put<'a, K: Key + 'static, V: Value + 'static>(
    transaction: &WriteTransaction,
    definition: TableDefinition<'_, K, V>,
    key: K::SelfType<'a>,
    value: Option<V::SelfType<'a>>,
) -> Result<(), StoreError> {
    let mut table = transaction.open_table(definition)?;
    match value {
        Some(value) => table.insert(key, value)?,
        None => table.remove(key)?,
    };
    Ok(())
}

fn unreadable() -> StoreError {
    StoreError::Corrupt("a row of the journal")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::collections::btree_map::Entry;

    use proptest::prelude::*;
    use redb::{Database, backends::InMemoryBackend};

    use super::*;
    use crate::store::memory::Memory;
    use crate::store::migration;
    use crate::store::snapshot::Snapshot;

    fn database() -> Database {
        let database = Database::builder().create_with_backend(InMemoryBackend::new()).unwrap();
        let transaction = database.begin_write().unwrap();
        migration::prepare(&transaction).unwrap();
        transaction.commit().unwrap();
        database
    }

    /// Brings to redb what is frozen.
    fn land(database: &Database, memory: &mut Memory) {
        let transaction = database.begin_write().unwrap();
        std::mem::take(&mut memory.frozen).write_to(&transaction).unwrap();
        transaction.commit().unwrap();
    }

    /// All that a change can be, and rows long enough for lengths of several bytes.
    fn change(database: &Database) -> Vec<u8> {
        let (shown, mut memory) = (Snapshot::open(database).unwrap(), Memory::default());
        let Memory { waiting, frozen, changes, .. } = &mut memory;
        let changes = &*changes;
        let of_meta = (&shown.meta, Tag::Meta);
        let mut meta = Rows::new(of_meta, &frozen.meta, &mut waiting.meta, changes);
        meta.insert(&"clock", &&[1, 2][..]);
        let of_dropped = (&shown.dropped, Tag::Dropped);
        let mut dropped = Rows::new(of_dropped, &frozen.dropped, &mut waiting.dropped, changes);
        dropped.insert(&&[9; 8][..], &());
        dropped.insert(&&[8; 8][..], &());
        dropped.remove(&&[8; 8][..]);
        let of_records = (&shown.records, Tag::Records);
        let mut records = Rows::new(of_records, &frozen.records, &mut waiting.records, changes);
        records.insert(&&b"a"[..], &&[][..]);
        records.insert(&&[b'k'; 300][..], &&[7; 20_000][..]);
        records.insert(&&b"gone"[..], &&b"soon"[..]);
        records.remove(&&b"gone"[..]);
        records.insert_new(&&b"young"[..], (*b"dead").into());
        assert!(records.remove_new(&&b"young"[..]));
        assert!(!records.remove_new(&&b"a"[..]));
        memory.freeze();
        land(database, &mut memory);
        memory.changes.into_inner().as_bytes().to_vec()
    }

    fn content(database: &Database) -> Vec<(Vec<u8>, Vec<u8>)> {
        let shown = Snapshot::open(database).unwrap();
        let row = |row: Result<_, _>| {
            let (key, value) = stored::<Bytes, Bytes>(row).unwrap();
            (key.value().to_vec(), value.value().to_vec())
        };
        let mut all: Vec<_> = shown.records.iter().unwrap().map(row).collect();
        all.push((vec![], shown.meta.get("clock").unwrap().unwrap().value().to_vec()));
        let dropped = shown.dropped.iter().unwrap();
        all.extend(dropped.map(|row| (row.unwrap().0.value().to_vec(), vec![])));
        all
    }

    #[test]
    fn what_was_changed_can_be_changed_again() {
        let (first, second) = (database(), database());
        let changes = change(&first);
        assert_eq!(content(&first).len(), 4);
        for _ in 0..2 {
            let transaction = second.begin_write().unwrap();
            replay(&transaction, &changes).unwrap();
            transaction.commit().unwrap();
            assert_eq!(content(&second), content(&first));
        }
    }

    #[test]
    fn what_cannot_be_read_is_said() {
        let database = database();
        let changes = change(&database);
        let transaction = database.begin_write().unwrap();
        for cut in [changes.len() - 1, 3, 1] {
            assert!(replay(&transaction, &changes[..cut]).is_err(), "{cut}");
        }
        assert!(replay(&transaction, &[99, 0, 0]).is_err());
        let endless = [5, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff];
        assert!(replay(&transaction, &endless).is_err());
    }

    /// What happens to a table: a row is written, written as a new one, removed; or a flush begins
    /// or ends.
    #[derive(Debug, Clone)]
    enum Event {
        Insert(u8, u8),
        InsertNew(u8, u8),
        Remove(u8),
        RemoveNew(u8),
        Freeze,
        Land,
    }

    fn event() -> impl Strategy<Value = Event> {
        prop_oneof![
            4 => (0..12_u8, any::<u8>()).prop_map(|(key, value)| Event::Insert(key, value)),
            2 => (0..12_u8, any::<u8>()).prop_map(|(key, value)| Event::InsertNew(key, value)),
            3 => (0..12_u8).prop_map(Event::Remove),
            2 => (0..12_u8).prop_map(Event::RemoveNew),
            1 => Just(Event::Freeze),
            1 => Just(Event::Land),
        ]
    }

    /// A table, and the same as a plain map.
    struct Pair {
        database: Database,
        shown: Snapshot,
        memory: Memory,
        plain: BTreeMap<Vec<u8>, Vec<u8>>,
    }

    impl Pair {
        fn new() -> Self {
            let database = database();
            let shown = Snapshot::open(&database).unwrap();
            Self { database, shown, memory: Memory::default(), plain: BTreeMap::new() }
        }

        fn rows(&mut self) -> (ByteRows<'_>, &mut BTreeMap<Vec<u8>, Vec<u8>>) {
            let Memory { waiting, frozen, changes, .. } = &mut self.memory;
            let of_log = (&self.shown.log, Tag::Log);
            (Rows::new(of_log, &frozen.log, &mut waiting.log, changes), &mut self.plain)
        }

        fn land(&mut self) {
            land(&self.database, &mut self.memory);
            self.shown = Snapshot::open(&self.database).unwrap();
        }

        fn happen(&mut self, event: &Event) {
            match event {
                Event::Freeze => {
                    self.land();
                    drop(self.memory.freeze());
                }
                Event::Land => self.land(),
                event => self.change(event),
            }
        }

        fn change(&mut self, event: &Event) {
            let (mut rows, plain) = self.rows();
            match *event {
                Event::Insert(key, value) => {
                    rows.insert(&[key].as_slice(), &[value].as_slice());
                    plain.insert(vec![key], vec![value]);
                }
                // New means never there, which only the caller knows: here, what is nowhere.
                Event::InsertNew(key, value) => {
                    let is_in_table = rows.table.get([key].as_slice()).unwrap().is_some()
                        || rows.frozen.get(&[key]).is_some();
                    if let (false, Entry::Vacant(entry)) = (is_in_table, plain.entry(vec![key])) {
                        rows.insert_new(&[key].as_slice(), [value].into());
                        entry.insert(vec![value]);
                    }
                }
                Event::Remove(key) => {
                    rows.remove(&[key].as_slice());
                    plain.remove(&vec![key]);
                }
                Event::RemoveNew(key) => {
                    if rows.remove_new(&[key].as_slice()) {
                        assert!(plain.remove(&vec![key]).is_some(), "{key} was not there");
                    }
                }
                Event::Freeze | Event::Land => {}
            }
        }
    }

    proptest! {
        #[test]
        fn what_waits_what_is_frozen_and_what_is_stored_read_as_one_table(
            events in prop::collection::vec(event(), 0..60),
            (from, to) in (0..14_u8, 0..14_u8),
        ) {
            let mut pair = Pair::new();
            for event in &events {
                pair.happen(event);
            }
            let (rows, plain) = pair.rows();
            let read = |row: Result<(Part<'_, Bytes>, Part<'_, Bytes>), _>| {
                let (key, value): (Part<'_, Bytes>, Part<'_, Bytes>) = row.unwrap();
                (key.value().to_vec(), value.value().to_vec())
            };
            let all: Vec<_> = rows.iter().unwrap().map(read).collect();
            prop_assert_eq!(&all, &plain.clone().into_iter().collect::<Vec<_>>());
            let (from, to) = ([from], [to]);
            let range = (Bound::Excluded(from.as_slice()), Bound::Included(to.as_slice()));
            let some: Vec<_> = rows.range(range).unwrap().map(read).collect();
            let within = |key: &[u8]| key > &from[..] && key <= &to[..];
            let expected =
                plain.iter().filter(|(key, _)| within(key)).map(|(k, v)| (k.clone(), v.clone()));
            prop_assert_eq!(some, expected.collect::<Vec<_>>());
            for key in 0..12_u8 {
                let found = rows.get(&[key]).unwrap().map(|value| value.value().to_vec());
                prop_assert_eq!(found.as_ref(), plain.get(&vec![key]));
            }
        }
    }
}
