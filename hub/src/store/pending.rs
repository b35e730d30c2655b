//! Rows that are safe in the journal and not in their table yet.
//!
//! What is overwritten or removed before it gets there costs the table nothing, and what does get
//! there comes in the order of its keys.

use std::cmp::Ordering;
use std::collections::btree_map::{self, BTreeMap, Entry};
use std::iter::Peekable;
use std::ops::Bound;
use std::sync::Arc;

use redb::{AccessGuard, Key, StorageError, Table, Value};

use super::StoreError;
use super::tables::RowKey;

/// What a row takes beyond its bytes: room for a short key, a counter, and the tree's own slack.
const ROW_COST: usize = 128;

/// The rows of one table that wait.
#[derive(Debug, Default)]
pub(super) struct Pending {
    rows: BTreeMap<RowKey, Waiting>,
    bytes: usize,
}

/// What the table is to hold for a key.
#[derive(Debug)]
struct Waiting {
    /// None when the row is to go.
    value: Option<Arc<[u8]>>,
    /// Whether the table is known to have no row of this key: then removing it leaves no trace.
    is_new: bool,
}

impl Waiting {
    /// The bytes of the value.
    fn len(&self) -> usize {
        self.value.as_ref().map_or(0, |value| value.len())
    }
}

impl Pending {
    /// How many rows wait.
    pub(super) fn len(&self) -> usize {
        self.rows.len()
    }

    /// What they take.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// What waits for a key: a value, or that there is none. Outer none: ask the table.
    pub(super) fn get(&self, key: &[u8]) -> Option<Option<&[u8]>> {
        self.rows.get(key).map(|row| row.value.as_deref())
    }

    /// A row is to be there. `is_new` is heeded where nothing waits for its key.
    pub(super) fn put(&mut self, key: &[u8], value: Arc<[u8]>, is_new: bool) {
        self.bytes += value.len();
        match self.rows.entry(key.into()) {
            Entry::Occupied(mut entry) => {
                let row = entry.get_mut();
                self.bytes -= row.len();
                row.value = Some(value);
            }
            Entry::Vacant(entry) => {
                self.bytes += ROW_COST + key.len();
                entry.insert(Waiting { value: Some(value), is_new });
            }
        }
    }

    /// A row is to be gone.
    pub(super) fn remove(&mut self, key: &[u8]) {
        match self.rows.entry(key.into()) {
            Entry::Occupied(entry) if entry.get().is_new => {
                self.bytes -= ROW_COST + key.len() + entry.get().len();
                entry.remove();
            }
            Entry::Occupied(mut entry) => {
                self.bytes -= entry.get().len();
                entry.get_mut().value = None;
            }
            Entry::Vacant(entry) => {
                self.bytes += ROW_COST + key.len();
                entry.insert(Waiting { value: None, is_new: false });
            }
        }
    }

    /// Removes a row that its table does not have yet; gives whether there was one.
    pub(super) fn forget_new(&mut self, key: &[u8]) -> bool {
        let Entry::Occupied(entry) = self.rows.entry(key.into()) else { return false };
        let is_new = entry.get().is_new;
        if is_new {
            self.bytes -= ROW_COST + key.len() + entry.get().len();
            entry.remove();
        }
        is_new
    }

    /// Writes all rows to their table.
    pub(super) fn write_to<K: Key + 'static, V: Value + 'static>(
        &self,
        table: &mut Table<'_, K, V>,
    ) -> Result<(), StoreError> {
        for (key, row) in &self.rows {
            let key = K::from_bytes(key);
            match &row.value {
                Some(value) => drop(table.insert(key, V::from_bytes(value))?),
                None => drop(table.remove(key)?),
            }
        }
        Ok(())
    }

    /// The rows of a range: those that wait, and those that lie under them and that nothing waits
    /// for.
    pub(super) fn over<'a, K: Key + 'static, V: Value + 'static, Under>(
        &'a self,
        bounds: (Bound<&[u8]>, Bound<&[u8]>),
        under: Under,
    ) -> Merged<'a, Under>
    where
        Under: Iterator<Item = Result<Row<'a, K, V>, StorageError>>,
    {
        let waiting = (!is_void(bounds)).then(|| self.rows.range::<[u8], _>(bounds).peekable());
        Merged { waiting, under: under.peekable() }
    }
}

/// Whether nothing can lie between two bounds: a map would take offence.
fn is_void((from, to): (Bound<&[u8]>, Bound<&[u8]>)) -> bool {
    match (from, to) {
        (Bound::Excluded(from), Bound::Excluded(to)) => from >= to,
        (Bound::Included(from), Bound::Included(to)) => from > to,
        (Bound::Included(from), Bound::Excluded(to))
        | (Bound::Excluded(from), Bound::Included(to)) => from > to,
        _ => false,
    }
}

/// A key or a value, wherever it lies.
pub(crate) enum Part<'a, T: Value + 'static> {
    /// It waits.
    Waiting(&'a [u8]),
    /// It is in its table.
    Stored(AccessGuard<'a, T>),
}

impl<T: Value + 'static> Part<'_, T> {
    /// What it is.
    pub(crate) fn value(&self) -> T::SelfType<'_> {
        match self {
            Self::Waiting(bytes) => T::from_bytes(bytes),
            Self::Stored(guard) => guard.value(),
        }
    }
}

/// A row, wherever it lies.
pub(crate) type Row<'a, K, V> = (Part<'a, K>, Part<'a, V>);

/// A row as a table gives it.
pub(crate) fn stored<'a, K: Key + 'static, V: Value + 'static>(
    row: Result<(AccessGuard<'a, K>, AccessGuard<'a, V>), StorageError>,
) -> Result<Row<'a, K, V>, StorageError> {
    row.map(|(key, value)| (Part::Stored(key), Part::Stored(value)))
}

/// Rows that wait and rows that lie under them, in the order of their keys.
pub(crate) struct Merged<'a, Under: Iterator> {
    waiting: Option<Peekable<btree_map::Range<'a, RowKey, Waiting>>>,
    under: Peekable<Under>,
}

impl<'a, K: Key + 'static, V: Value + 'static, Under> Iterator for Merged<'a, Under>
where
    Under: Iterator<Item = Result<Row<'a, K, V>, StorageError>>,
{
    type Item = Result<Row<'a, K, V>, StorageError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let waits =
                self.waiting.as_mut().and_then(Peekable::peek).map(|(key, _)| key.as_slice());
            let Some(waits) = waits else { return self.under.next() };
            let order = match self.under.peek() {
                None => Ordering::Less,
                Some(Err(_)) => return self.under.next(),
                Some(Ok((key, _))) => waits.cmp(K::as_bytes(&key.value()).as_ref()),
            };
            match order {
                Ordering::Greater => return self.under.next(),
                Ordering::Equal => drop(self.under.next()),
                Ordering::Less => {}
            }
            let (key, row) = self.waiting.as_mut().and_then(Iterator::next)?;
            if let Some(value) = &row.value {
                return Some(Ok((Part::Waiting(key), Part::Waiting(value))));
            }
        }
    }
}
