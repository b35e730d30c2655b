//! The handle for one space: read, write, listen, verify.
//!
//! Reads and writes answer at once and never touch the network.

use std::sync::Arc;

use serde::Serialize;
use syncline_protocol::session::client::EphemeralError;
use syncline_protocol::{CollectionName, RecordKey, Replica, SpaceName, Value};

use crate::changes::{Changes, Presences, Scope, Signals};
use crate::client::Inner;
use crate::error::{Error, SyncError};
use crate::record::Record;
use crate::transaction::{Transaction, WriteHandle};

/// One space of a hub.
#[derive(Debug, Clone)]
pub struct Space {
    inner: Arc<Inner>,
    name: SpaceName,
}

/// How far a snapshot has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// Records received.
    pub received: u64,
    /// Records that there were when the snapshot began.
    pub records: u64,
}

/// What a comparison with the hub showed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verified {
    /// The copy equals what the hub shows.
    Equal {
        /// At this sequence.
        sequence: u64,
    },
    /// It does not.
    Different {
        /// Where.
        collections: Vec<CollectionName>,
        /// Whether a fresh snapshot is on its way.
        is_repairing: bool,
    },
}

impl Space {
    pub(crate) fn new(inner: Arc<Inner>, name: SpaceName) -> Self {
        Self { inner, name }
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &SpaceName {
        &self.name
    }

    /// A record, own writes included; none when nothing of it shows.
    #[must_use]
    pub fn get(&self, collection: &str, key: &str) -> Option<Record> {
        let name = self.name.as_str();
        self.inner.shared.read(|replica| {
            let record = replica.get(name, collection, key)?;
            view(replica, name, collection, key, &record)
        })
    }

    /// The records of a collection, in the order of their keys.
    #[must_use]
    pub fn list(&self, collection: &str) -> Vec<Record> {
        self.list_prefix(collection, "")
    }

    /// The records of a collection whose keys begin with `prefix`, in the order of their keys.
    #[must_use]
    pub fn list_prefix(&self, collection: &str, prefix: &str) -> Vec<Record> {
        let name = self.name.as_str();
        self.inner.shared.read(|replica| {
            let records = replica.list(name, collection, prefix);
            let views = records
                .filter_map(|(key, record)| view(replica, name, collection, key.as_str(), &record));
            views.collect()
        })
    }

    /// The collections that may hold something, in order.
    #[must_use]
    pub fn collections(&self) -> Vec<CollectionName> {
        let name = self.name.as_str();
        self.inner.shared.read(|replica| replica.collections(name).into_iter().collect())
    }

    /// Sets fields of a record; its other fields stay as they are.
    ///
    /// # Errors
    /// When a name is none, or the write is larger than the hub takes.
    pub fn put<'a>(
        &self,
        collection: &str,
        key: &str,
        fields: impl IntoIterator<Item = (&'a str, Value)>,
    ) -> Result<WriteHandle, Error> {
        self.transaction(|write| write.put(collection, key, fields).map(drop))
    }

    /// Sets the fields of a record from a struct or a map; its other fields stay as they are.
    ///
    /// # Errors
    /// When the type does not become fields, or those of [`Space::put`].
    pub fn put_typed<T: Serialize + ?Sized>(
        &self,
        collection: &str,
        key: &str,
        value: &T,
    ) -> Result<WriteHandle, Error> {
        self.transaction(|write| write.put_typed(collection, key, value).map(drop))
    }

    /// Deletes a record, with all that was written to it before.
    ///
    /// # Errors
    /// When a name is none.
    pub fn delete(&self, collection: &str, key: &str) -> Result<WriteHandle, Error> {
        self.transaction(|write| write.delete(collection, key).map(drop))
    }

    /// Makes a record unless there is one: the hub refuses the write with `guard_failed` if someone
    /// was faster.
    ///
    /// # Errors
    /// Those of [`Space::put`].
    pub fn create<'a>(
        &self,
        collection: &str,
        key: &str,
        fields: impl IntoIterator<Item = (&'a str, Value)>,
    ) -> Result<WriteHandle, Error> {
        self.transaction(|write| {
            write.if_absent(collection, key)?.put(collection, key, fields).map(drop)
        })
    }

    /// Sets fields of a record unless it is other than `seen`: the hub refuses the write with
    /// `guard_failed` if someone changed it meanwhile.
    ///
    /// # Errors
    /// Those of [`Space::put`].
    pub fn put_if_unchanged<'a>(
        &self,
        seen: &Record,
        fields: impl IntoIterator<Item = (&'a str, Value)>,
    ) -> Result<WriteHandle, Error> {
        let (collection, key) = (seen.collection.as_str(), seen.key.as_str());
        self.transaction(|write| write.if_unchanged(seen).put(collection, key, fields).map(drop))
    }

    /// Writes several changes that stand or fall together. The closure collects them; nothing is
    /// written if it fails.
    ///
    /// # Errors
    /// The closure's, and those of [`Space::put`].
    ///
    /// ```no_run
    /// # fn move_link(space: &syncline_client::Space) -> Result<(), syncline_client::Error> {
    /// use syncline_client::Value;
    ///
    /// space.transaction(|write| {
    ///     write.if_absent("links", "new")?;
    ///     write.put("links", "new", [("title", Value::from("moved"))])?;
    ///     write.delete("links", "old")?;
    ///     Ok(())
    /// })?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn transaction(
        &self,
        collect: impl FnOnce(&mut Transaction) -> Result<(), Error>,
    ) -> Result<WriteHandle, Error> {
        let mut transaction = Transaction::default();
        collect(&mut transaction)?;
        let (changes, guards) = transaction.into_parts();
        self.inner.shared.write(&self.name, changes, guards)
    }

    /// All changes of the space from now on, own ones too.
    #[must_use]
    pub fn changes(&self) -> Changes {
        self.changes_in(Scope::Space)
    }

    /// The changes of one collection from now on.
    ///
    /// # Errors
    /// When the name is none.
    pub fn changes_of_collection(&self, collection: &str) -> Result<Changes, Error> {
        Ok(self.changes_in(Scope::Collection(CollectionName::new(collection)?)))
    }

    /// The changes of one record from now on.
    ///
    /// # Errors
    /// When a name is none.
    pub fn changes_of_record(&self, collection: &str, key: &str) -> Result<Changes, Error> {
        let (collection, key) = (CollectionName::new(collection)?, RecordKey::new(key)?);
        Ok(self.changes_in(Scope::Record(collection, key)))
    }

    fn changes_in(&self, scope: Scope) -> Changes {
        Changes::new(Arc::clone(&self.inner), self.inner.shared.listen(&self.name), scope)
    }

    /// Waits until the copy holds all that the hub has.
    ///
    /// # Errors
    /// When the hub will not send the space, or the client is closed.
    pub async fn synced(&self) -> Result<(), SyncError> {
        let mut status = self.inner.shared.status(&self.name);
        let is_over = |status: &crate::shared::Status| {
            status.is_live || status.ended.as_ref().is_some_and(|end| !end.code.is_retryable())
        };
        let status = status.wait_for(is_over).await.map_err(|_| SyncError::Closed)?;
        match (&status.ended, status.is_live) {
            (Some(reject), false) => Err(SyncError::Ended(reject.clone())),
            _ => Ok(()),
        }
    }

    /// Whether the copy holds all that the hub has, and follows what comes.
    #[must_use]
    pub fn is_synced(&self) -> bool {
        self.inner.shared.read(|replica| replica.is_live(self.name.as_str()))
    }

    /// How far a first copy has come; none when none is on its way.
    #[must_use]
    pub fn progress(&self) -> Option<Progress> {
        self.inner.shared.status(&self.name).borrow().progress
    }

    /// Compares the copy with the hub, when there is a connection. A difference is repaired.
    ///
    /// # Errors
    /// When the hub will not send the space, it changes too fast, or the client is closed.
    pub async fn verify(&self) -> Result<Verified, SyncError> {
        let answer = self.inner.shared.verify(&self.name).ok_or(SyncError::Closed)?;
        answer.await.map_err(|_| SyncError::Closed)?
    }

    /// Says something to those who are in the space now; nothing is kept.
    ///
    /// # Errors
    /// When there is no connection, or the message is larger than the hub takes.
    pub fn signal(&self, value: Value) -> Result<(), EphemeralError> {
        self.inner.shared.call(|session, now| match session.signal(&self.name, value, now) {
            Ok(actions) => (Ok(()), actions),
            Err(error) => (Err(error), vec![]),
        })
    }

    /// Shows this device's state to those who are in the space, now and whenever it is connected;
    /// none takes it back.
    ///
    /// # Errors
    /// When the state is larger than the hub takes.
    pub fn show_presence(&self, value: Option<Value>) -> Result<(), EphemeralError> {
        self.inner.shared.call(|session, now| match session.presence(&self.name, value, now) {
            Ok(actions) => (Ok(()), actions),
            Err(error) => (Err(error), vec![]),
        })
    }

    /// What others say in the space from now on.
    #[must_use]
    pub fn signals(&self) -> Signals {
        Signals::new(Arc::clone(&self.inner), self.inner.shared.listen(&self.name))
    }

    /// Who joins, leaves or changes their state from now on.
    #[must_use]
    pub fn presences(&self) -> Presences {
        Presences::new(Arc::clone(&self.inner), self.inner.shared.listen(&self.name))
    }

    /// Stops keeping the copy up. The copy and unsent writes stay; [`crate::Client::space`] begins
    /// again where it stood.
    pub fn leave(&self) {
        self.inner.shared.call(|session, now| ((), session.close(&self.name, now)));
    }
}

fn view(
    replica: &Replica,
    space: &str,
    collection: &str,
    key: &str,
    record: &syncline_protocol::Record,
) -> Option<Record> {
    let copied = replica.copied(space, collection, key);
    Some(Record {
        collection: CollectionName::new(collection).ok()?,
        key: RecordKey::new(key).ok()?,
        fields: record.visible().map(|(name, _, value)| (name.clone(), value.clone())).collect(),
        sequence: copied.map_or(0, syncline_protocol::Record::newest_sequence),
        stamp: record.newest_stamp(),
    })
}
