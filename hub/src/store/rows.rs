//! Tables that note what is changed in them, so that the journal can say it again, and that keep
//! it in memory until it is brought to redb.
//!
//! ```text
//! row of the journal: tag of the table, length and bytes of the key,
//!                     then length + 1 and bytes of the value; 0 when the row was removed
//! ```
//! Every change goes through here, or it would be lost in a crash; and every read, or it would miss
//! what waits.

use std::cell::RefCell;
use std::ops::{Bound, RangeBounds};
use std::sync::Arc;

use redb::{Key, ReadableTable as _, Table, TableDefinition, Value, WriteTransaction};

use super::StoreError;
use super::bytes::{Put, Take};
use super::pending::{Merged, Part, Pending};
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

/// A table of one write, what waits for it, and what was changed.
pub(crate) struct Rows<'txn, K: Key + 'static, V: Value + 'static> {
    table: Table<'txn, K, V>,
    waiting: &'txn mut Pending,
    tag: Tag,
    changes: &'txn RefCell<Put>,
}

/// A table of bytes.
pub(crate) type ByteRows<'txn> = Rows<'txn, Bytes, Bytes>;

impl<'txn, K: Key + 'static, V: Value + 'static> Rows<'txn, K, V> {
    pub(super) fn open(
        transaction: &'txn WriteTransaction,
        (definition, tag): (TableDefinition<'_, K, V>, Tag),
        waiting: &'txn mut Pending,
        changes: &'txn RefCell<Put>,
    ) -> Result<Self, StoreError> {
        let table = transaction.open_table(definition)?;
        Ok(Self { table, waiting, tag, changes })
    }

    /// The row of a key.
    pub(crate) fn get(&self, key: K::SelfType<'_>) -> Result<Option<Part<'_, V>>, StoreError> {
        let waiting = self.waiting.get(K::as_bytes(&key).as_ref());
        match waiting {
            Some(waiting) => Ok(waiting.map(Part::Waiting)),
            None => Ok(self.table.get(key)?.map(Part::Stored)),
        }
    }

    /// All rows, in the order of their keys.
    pub(crate) fn iter(&self) -> Result<Merged<'_, K, V>, StoreError> {
        let all = (Bound::Unbounded, Bound::Unbounded);
        Ok(self.waiting.merge(all, self.table.iter()?))
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
    ) -> Result<Merged<'_, Bytes, V>, StoreError> {
        let bounds = (range.start_bound().map(|it| *it), range.end_bound().map(|it| *it));
        Ok(self.waiting.merge(bounds, self.table.range::<&[u8]>(bounds)?))
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
    use redb::{Database, ReadableDatabase as _, backends::InMemoryBackend};

    use super::*;
    use crate::store::memory::Memory;
    use crate::store::pending::stored;

    fn database() -> Database {
        Database::builder().create_with_backend(InMemoryBackend::new()).unwrap()
    }

    /// All that a change can be, and rows long enough for lengths of several bytes.
    fn change(transaction: &WriteTransaction) -> Vec<u8> {
        let mut memory = Memory::default();
        let changes = RefCell::default();
        let mut meta =
            Rows::open(transaction, (META, Tag::Meta), &mut memory.meta, &changes).unwrap();
        meta.insert(&"clock", &&[1, 2][..]);
        let dropped = (DROPPED, Tag::Dropped);
        let mut dropped = Rows::open(transaction, dropped, &mut memory.dropped, &changes).unwrap();
        dropped.insert(&&[9; 8][..], &());
        dropped.insert(&&[8; 8][..], &());
        dropped.remove(&&[8; 8][..]);
        let records = (RECORDS, Tag::Records);
        let mut records = Rows::open(transaction, records, &mut memory.records, &changes).unwrap();
        records.insert(&&b"a"[..], &&[][..]);
        records.insert(&&[b'k'; 300][..], &&[7; 20_000][..]);
        records.insert(&&b"gone"[..], &&b"soon"[..]);
        records.remove(&&b"gone"[..]);
        records.insert_new(&&b"young"[..], (*b"dead").into());
        assert!(records.remove_new(&&b"young"[..]));
        assert!(!records.remove_new(&&b"a"[..]));
        drop((meta, dropped, records));
        memory.flush(transaction).unwrap();
        changes.into_inner().as_bytes().to_vec()
    }

    fn content(database: &Database) -> Vec<(Vec<u8>, Vec<u8>)> {
        let transaction = database.begin_read().unwrap();
        let records = transaction.open_table(RECORDS).unwrap();
        let row = |row: Result<_, _>| {
            let (key, value) = stored::<Bytes, Bytes>(row).unwrap();
            (key.value().to_vec(), value.value().to_vec())
        };
        let mut all: Vec<_> = records.iter().unwrap().map(row).collect();
        let meta = transaction.open_table(META).unwrap();
        all.push((vec![], meta.get("clock").unwrap().unwrap().value().to_vec()));
        let dropped = transaction.open_table(DROPPED).unwrap();
        all.extend(dropped.iter().unwrap().map(|row| (row.unwrap().0.value().to_vec(), vec![])));
        all
    }

    #[test]
    fn what_was_changed_can_be_changed_again() {
        let (first, second) = (database(), database());
        let transaction = first.begin_write().unwrap();
        let changes = change(&transaction);
        transaction.commit().unwrap();
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
        let transaction = database().begin_write().unwrap();
        let changes = change(&transaction);
        for cut in [changes.len() - 1, 3, 1] {
            assert!(replay(&transaction, &changes[..cut]).is_err(), "{cut}");
        }
        assert!(replay(&transaction, &[99, 0, 0]).is_err());
        assert!(
            replay(
                &transaction,
                &[5, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]
            )
            .is_err()
        );
    }

    /// What happens to a table: a row is written, written as a new one, removed; or all goes to
    /// redb.
    #[derive(Debug, Clone)]
    enum Event {
        Insert(u8, u8),
        InsertNew(u8, u8),
        Remove(u8),
        RemoveNew(u8),
        Flush,
    }

    fn event() -> impl Strategy<Value = Event> {
        prop_oneof![
            4 => (0..12_u8, any::<u8>()).prop_map(|(key, value)| Event::Insert(key, value)),
            2 => (0..12_u8, any::<u8>()).prop_map(|(key, value)| Event::InsertNew(key, value)),
            3 => (0..12_u8).prop_map(Event::Remove),
            2 => (0..12_u8).prop_map(Event::RemoveNew),
            1 => Just(Event::Flush),
        ]
    }

    /// Does it to a table and to a plain map.
    fn happen(
        transaction: &WriteTransaction,
        memory: &mut Memory,
        plain: &mut BTreeMap<Vec<u8>, Vec<u8>>,
        event: &Event,
    ) {
        if matches!(event, Event::Flush) {
            return memory.flush(transaction).unwrap();
        }
        let log = (LOG, Tag::Log);
        let changes = RefCell::default();
        let mut rows = Rows::open(transaction, log, &mut memory.log, &changes).unwrap();
        match *event {
            Event::Insert(key, value) => {
                rows.insert(&[key].as_slice(), &[value].as_slice());
                plain.insert(vec![key], vec![value]);
            }
            // New means never there, which only the caller knows: here, what is nowhere.
            Event::InsertNew(key, value) => {
                let is_in_table = rows.table.get([key].as_slice()).unwrap().is_some();
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
            Event::Flush => {}
        }
    }

    proptest! {
        #[test]
        fn what_waits_and_what_is_stored_read_as_one_table(
            events in prop::collection::vec(event(), 0..60),
            (from, to) in (0..14_u8, 0..14_u8),
        ) {
            let database = database();
            let transaction = database.begin_write().unwrap();
            let (mut memory, mut plain) = (Memory::default(), BTreeMap::new());
            for event in &events {
                happen(&transaction, &mut memory, &mut plain, event);
            }
            let log = (LOG, Tag::Log);
            let changes = RefCell::default();
            let rows = Rows::open(&transaction, log, &mut memory.log, &changes).unwrap();
            let pair = |row: Result<(Part<'_, Bytes>, Part<'_, Bytes>), _>| {
                let (key, value): (Part<'_, Bytes>, Part<'_, Bytes>) = row.unwrap();
                (key.value().to_vec(), value.value().to_vec())
            };
            let all: Vec<_> = rows.iter().unwrap().map(pair).collect();
            prop_assert_eq!(&all, &plain.clone().into_iter().collect::<Vec<_>>());
            let (from, to) = ([from], [to]);
            let range = (Bound::Excluded(from.as_slice()), Bound::Included(to.as_slice()));
            let some: Vec<_> = rows.range(range).unwrap().map(pair).collect();
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
