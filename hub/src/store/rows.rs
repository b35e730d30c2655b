//! Tables that note what is changed in them, so that the journal can say it again.
//!
//! ```text
//! row of the journal: tag of the table, length and bytes of the key,
//!                     then length + 1 and bytes of the value; 0 when the row was removed
//! ```
//! Reading is the table's own; every change goes through here, or it would be lost in a crash.

use std::ops::Deref;

use redb::{AccessGuard, Key, Table, TableDefinition, Value, WriteTransaction};

use super::StoreError;
use super::bytes::{Put, Take};
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

/// A table of one write, and what was changed in it.
pub(crate) struct Rows<'txn, K: Key + 'static, V: Value + 'static> {
    table: Table<'txn, K, V>,
    tag: Tag,
    changes: Put,
}

/// A table of bytes.
pub(crate) type ByteRows<'txn> = Rows<'txn, Bytes, Bytes>;

impl<'txn, K: Key + 'static, V: Value + 'static> Rows<'txn, K, V> {
    pub(super) fn open(
        transaction: &'txn WriteTransaction,
        definition: TableDefinition<'_, K, V>,
        tag: Tag,
    ) -> Result<Self, StoreError> {
        Ok(Self { table: transaction.open_table(definition)?, tag, changes: Put::default() })
    }

    /// Writes a row; gives the one that it replaces.
    pub(crate) fn insert<'k, 'v>(
        &mut self,
        key: K::SelfType<'k>,
        value: V::SelfType<'v>,
    ) -> Result<Option<AccessGuard<'_, V>>, StoreError> {
        self.changes.byte(self.tag as u8);
        note(&mut self.changes, 0, K::as_bytes(&key).as_ref());
        note(&mut self.changes, 1, V::as_bytes(&value).as_ref());
        Ok(self.table.insert(key, value)?)
    }

    /// Removes a row.
    pub(crate) fn remove<'k>(&mut self, key: K::SelfType<'k>) -> Result<(), StoreError> {
        self.changes.byte(self.tag as u8);
        note(&mut self.changes, 0, K::as_bytes(&key).as_ref());
        self.changes.length(0);
        self.table.remove(key)?;
        Ok(())
    }

    /// What was changed, in the journal's form.
    pub(super) fn changes(&self) -> &[u8] {
        self.changes.as_bytes()
    }
}

impl<'txn, K: Key + 'static, V: Value + 'static> Deref for Rows<'txn, K, V> {
    type Target = Table<'txn, K, V>;

    fn deref(&self) -> &Self::Target {
        &self.table
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
        let length = take.length()?;
        let key = take.bytes(length)?;
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
    use super::*;
    use redb::{Database, ReadableDatabase as _, ReadableTable as _, backends::InMemoryBackend};

    fn database() -> Database {
        Database::builder().create_with_backend(InMemoryBackend::new()).unwrap()
    }

    /// All that a change can be, and rows long enough for lengths of several bytes.
    fn change(transaction: &WriteTransaction) -> Vec<u8> {
        let mut meta = Rows::open(transaction, META, Tag::Meta).unwrap();
        meta.insert("clock", &[1, 2]).unwrap();
        let mut dropped = Rows::open(transaction, DROPPED, Tag::Dropped).unwrap();
        dropped.insert(&[9; 8], ()).unwrap();
        dropped.insert(&[8; 8], ()).unwrap();
        dropped.remove(&[8; 8]).unwrap();
        let mut records = Rows::open(transaction, RECORDS, Tag::Records).unwrap();
        records.insert(b"a", &[]).unwrap();
        records.insert(&[b'k'; 300], &[7; 20_000]).unwrap();
        records.insert(b"gone", b"soon").unwrap();
        records.remove(b"gone").unwrap();
        [meta.changes(), dropped.changes(), records.changes()].concat()
    }

    fn content(database: &Database) -> Vec<(Vec<u8>, Vec<u8>)> {
        let transaction = database.begin_read().unwrap();
        let records = transaction.open_table(RECORDS).unwrap();
        let row = |row: Result<(AccessGuard<'_, Bytes>, AccessGuard<'_, Bytes>), _>| {
            let (key, value) = row.unwrap();
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
}
