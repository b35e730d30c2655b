//! The file that a replica lives in between runs: a redb database, open in one client at a time.
//!
//! ```text
//! table    key                        value
//! meta     "format", "device"         8 bytes each; "clock": 16 bytes
//! spaces   space                      saved space
//! records  space, collection, key     saved record
//! pushes   order in the outbox        saved push
//! ```
//! What the bytes mean is the replica's business. Every save is one commit, on the disk when it
//! returns. Nothing is kept in memory.

use std::path::Path;

use redb::{Database, DatabaseError, ReadableDatabase, ReadableTable, TableDefinition};
use syncline_protocol::replica::{SavedError, Unsaved};
use syncline_protocol::{DeviceId, Replica, ReplicaId};

use crate::error::StoreError;

const META: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("meta");
const SPACES: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("spaces");
const RECORDS: TableDefinition<'_, (&str, &str, &str), &[u8]> = TableDefinition::new("records");
const PUSHES: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("pushes");

/// The format that this client writes, and the newest that it reads.
const FORMAT: u64 = 1;
/// Memory for the file's pages, in bytes: all that is read from it is read once.
const CACHE_BYTES: usize = 4 << 20;

/// An open file.
pub(crate) struct Store {
    database: Database,
    path: String,
}

impl std::fmt::Debug for Store {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Store").field("path", &self.path).finish_non_exhaustive()
    }
}

impl Store {
    /// Opens or makes the file, and gives the replica that lives in it, under a new id. A new file
    /// gets the device id.
    pub(crate) fn open(
        path: &Path,
        id: ReplicaId,
        device: DeviceId,
    ) -> Result<(Self, Replica), StoreError> {
        let name = path.display().to_string();
        let database = Database::builder().set_cache_size(CACHE_BYTES).create(path);
        let database = database.map_err(|error| match error {
            DatabaseError::DatabaseAlreadyOpen => StoreError::InUse(name.clone()),
            other => StoreError::File(name.clone(), other.to_string()),
        })?;
        let store = Self { database, path: name };
        store.prepare(device).map_err(|error| store.failed(&error))?;
        let replica = store.load(id)?;
        Ok((store, replica))
    }

    /// Writes what is unsaved, in one commit that is on the disk when this returns.
    pub(crate) fn save(&self, unsaved: &Unsaved) -> Result<(), StoreError> {
        self.write(unsaved).map_err(|error| self.failed(&error))
    }

    /// Makes the tables, and writes the format and the device id into a new file.
    fn prepare(&self, device: DeviceId) -> Result<(), redb::Error> {
        let transaction = self.database.begin_write()?;
        {
            let mut meta = transaction.open_table(META)?;
            if meta.get("format")?.is_none() {
                meta.insert("format", FORMAT.to_be_bytes().as_slice())?;
                meta.insert("device", device.0.to_be_bytes().as_slice())?;
            }
            transaction.open_table(SPACES)?;
            transaction.open_table(RECORDS)?;
            transaction.open_table(PUSHES)?;
        }
        transaction.commit()?;
        Ok(())
    }

    fn load(&self, id: ReplicaId) -> Result<Replica, StoreError> {
        let failed = |error: redb::Error| self.failed(&error);
        let damaged = |error| StoreError::Damaged(self.path.clone(), error);
        let transaction = self.database.begin_read().map_err(|e| failed(e.into()))?;
        let meta = transaction.open_table(META).map_err(|e| failed(e.into()))?;
        let number = |key| -> Result<Option<u64>, StoreError> {
            let bytes = meta.get(key).map_err(|e| failed(e.into()))?;
            Ok(bytes.and_then(|bytes| bytes.value().try_into().ok()).map(u64::from_be_bytes))
        };
        match number("format")? {
            Some(FORMAT) => {}
            Some(newer) => return Err(StoreError::Newer(self.path.clone(), newer)),
            None => return Err(damaged(SavedError::Other("format"))),
        }
        let device = number("device")?.ok_or_else(|| damaged(SavedError::Other("device id")))?;
        let clock = meta.get("clock").map_err(|e| failed(e.into()))?;
        let clock = clock.and_then(|bytes| bytes.value().try_into().ok());
        let mut replica = Replica::restore(id, DeviceId(device), clock);

        let spaces = transaction.open_table(SPACES).map_err(|e| failed(e.into()))?;
        for row in spaces.iter().map_err(|e| failed(e.into()))? {
            let (_, bytes) = row.map_err(|e| failed(e.into()))?;
            replica.restore_space(bytes.value()).map_err(damaged)?;
        }
        let records = transaction.open_table(RECORDS).map_err(|e| failed(e.into()))?;
        for row in records.iter().map_err(|e| failed(e.into()))? {
            let (_, bytes) = row.map_err(|e| failed(e.into()))?;
            replica.restore_record(bytes.value()).map_err(damaged)?;
        }
        let pushes = transaction.open_table(PUSHES).map_err(|e| failed(e.into()))?;
        for row in pushes.iter().map_err(|e| failed(e.into()))? {
            let (order, bytes) = row.map_err(|e| failed(e.into()))?;
            replica.restore_push(order.value(), bytes.value()).map_err(damaged)?;
        }
        Ok(replica)
    }

    fn write(&self, unsaved: &Unsaved) -> Result<(), redb::Error> {
        let mut transaction = self.database.begin_write()?;
        // After a crash the file then opens at once, however large it is.
        transaction.set_quick_repair(true);
        {
            let mut spaces = transaction.open_table(SPACES)?;
            let mut records = transaction.open_table(RECORDS)?;
            for space in unsaved.forgotten.iter().chain(&unsaved.emptied) {
                // No name holds a control character, so that this is the next name at the earliest.
                let next = format!("{space}\0");
                let range = (space.as_str(), "", "")..(next.as_str(), "", "");
                records.retain_in(range, |_, _| false)?;
            }
            for space in &unsaved.forgotten {
                spaces.remove(space.as_str())?;
            }
            for (space, bytes) in &unsaved.spaces {
                spaces.insert(space.as_str(), bytes.as_slice())?;
            }
            for record in &unsaved.records {
                let (collection, key) = (record.name.collection.as_str(), record.name.key.as_str());
                let name = (record.space.as_str(), collection, key);
                match &record.bytes {
                    Some(bytes) => drop(records.insert(name, bytes.as_slice())?),
                    None => drop(records.remove(name)?),
                }
            }
            let mut pushes = transaction.open_table(PUSHES)?;
            for (order, bytes) in &unsaved.pushes {
                match bytes {
                    Some(bytes) => drop(pushes.insert(order, bytes.as_slice())?),
                    None => drop(pushes.remove(order)?),
                }
            }
            if let Some(clock) = &unsaved.clock {
                transaction.open_table(META)?.insert("clock", clock.as_slice())?;
            }
        }
        transaction.commit()?;
        Ok(())
    }

    fn failed(&self, error: &redb::Error) -> StoreError {
        StoreError::File(self.path.clone(), error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use syncline_protocol::{
        Change, CollectionName, FieldName, Filter, RecordKey, SpaceName, Value,
    };

    const NOW_MS: u64 = 1_700_000_000_000;

    fn open(path: &Path, id: u64) -> Result<(Store, Replica), StoreError> {
        Store::open(path, ReplicaId::from_random(id), DeviceId(id))
    }

    fn change(key: &str) -> Change {
        let fields = vec![(FieldName::new("f").unwrap(), Some(Value::from("x")))];
        let collection = CollectionName::new("c").unwrap();
        Change::put(collection, RecordKey::new(key).unwrap(), fields).unwrap()
    }

    #[test]
    fn writes_come_back_under_their_ids_and_the_device_lasts() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("replica.redb");
        let space = SpaceName::new("home").unwrap();
        let (store, mut replica) = open(&path, 1).unwrap();
        replica.open(&space, Filter::default());
        let push = replica.write(&space, vec![change("a")], vec![], NOW_MS).unwrap();
        store.save(&replica.take_unsaved()).unwrap();
        drop(store);
        let (store, mut replica) = open(&path, 2).unwrap();
        assert_eq!((replica.id(), replica.device()), (ReplicaId::from_random(2), DeviceId(1)));
        assert!(replica.is_waiting(push) && replica.get("home", "c", "a").is_some());
        assert!(replica.take_unsaved().is_empty());
        let first = replica.get("home", "c", "a").unwrap().newest_stamp();
        replica.write(&space, vec![change("b")], vec![], NOW_MS - 1_000).unwrap();
        assert!(replica.get("home", "c", "b").unwrap().newest_stamp() > first);
        replica.forget(&space);
        store.save(&replica.take_unsaved()).unwrap();
        drop(store);
        assert_eq!(open(&path, 3).unwrap().1.outbox_len(), 0);
    }

    #[test]
    fn a_file_is_open_once_and_a_newer_one_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("replica.redb");
        let (store, _) = open(&path, 1).unwrap();
        assert!(matches!(open(&path, 2), Err(StoreError::InUse(_))));
        let transaction = store.database.begin_write().unwrap();
        let newer = 2_u64.to_be_bytes();
        transaction.open_table(META).unwrap().insert("format", newer.as_slice()).unwrap();
        transaction.commit().unwrap();
        drop(store);
        assert!(matches!(open(&path, 2), Err(StoreError::Newer(_, 2))));
        std::fs::write(&path, b"something else").unwrap();
        assert!(matches!(open(&path, 2), Err(StoreError::File(..))));
    }

    #[test]
    fn damaged_rows_are_told_and_not_guessed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("replica.redb");
        let (store, _) = open(&path, 1).unwrap();
        let transaction = store.database.begin_write().unwrap();
        transaction.open_table(PUSHES).unwrap().insert(7, [0xc1].as_slice()).unwrap();
        transaction.commit().unwrap();
        drop(store);
        assert!(matches!(open(&path, 2), Err(StoreError::Damaged(..))));
    }
}
