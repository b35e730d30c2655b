//! Writes: what they consist of, and how one hears what became of them.

use std::future::{Future, IntoFuture};
use std::pin::Pin;

use serde::Serialize;
use syncline_protocol::{
    Change, CollectionName, Condition, FieldName, Fields, Guard, Op, PushId, RecordKey, Value,
};
use tokio::sync::{oneshot, watch};

use crate::error::{AckError, Error, StoreError};
use crate::record::{Record, to_fields};
use crate::shared::SavedState;

/// Changes that stand or fall together, and conditions that they depend on.
///
/// The hub judges the conditions in the order of its log; if one does not hold it refuses the whole
/// with `guard_failed`. Until then the changes are read here as if they held.
#[derive(Debug, Default)]
pub struct Transaction {
    changes: Vec<Change>,
    guards: Vec<Guard>,
}

impl Transaction {
    /// Sets fields of a record; its other fields stay as they are.
    ///
    /// # Errors
    /// When a name is none, or a field stands twice or none at all.
    pub fn put<'a>(
        &mut self,
        collection: &str,
        key: &str,
        fields: impl IntoIterator<Item = (&'a str, Value)>,
    ) -> Result<&mut Self, Error> {
        let field = |(name, value)| Ok((FieldName::new(name)?, Some(value)));
        let fields = fields.into_iter().map(field).collect::<Result<Vec<_>, Error>>()?;
        self.put_fields(collection, key, fields)
    }

    /// Sets the fields of a record from a struct or a map; its other fields stay as they are.
    ///
    /// # Errors
    /// When the type does not become fields, or those of [`Transaction::put`].
    pub fn put_typed<T: Serialize + ?Sized>(
        &mut self,
        collection: &str,
        key: &str,
        value: &T,
    ) -> Result<&mut Self, Error> {
        self.put_fields(collection, key, to_fields(value)?)
    }

    /// Drops fields of a record.
    ///
    /// # Errors
    /// Those of [`Transaction::put`].
    pub fn drop_fields<'a>(
        &mut self,
        collection: &str,
        key: &str,
        fields: impl IntoIterator<Item = &'a str>,
    ) -> Result<&mut Self, Error> {
        let field = |name| Ok((FieldName::new(name)?, None));
        let fields = fields.into_iter().map(field).collect::<Result<Vec<_>, Error>>()?;
        self.put_fields(collection, key, fields)
    }

    fn put_fields(
        &mut self,
        collection: &str,
        key: &str,
        fields: Vec<(FieldName, Option<Value>)>,
    ) -> Result<&mut Self, Error> {
        self.change(collection, key, Op::Put(Fields::new(fields)?))
    }

    /// Deletes a record, with all that was written to it before.
    ///
    /// # Errors
    /// When a name is none.
    pub fn delete(&mut self, collection: &str, key: &str) -> Result<&mut Self, Error> {
        self.change(collection, key, Op::Delete)
    }

    fn change(&mut self, collection: &str, key: &str, op: Op) -> Result<&mut Self, Error> {
        let (collection, key) = (CollectionName::new(collection)?, RecordKey::new(key)?);
        self.changes.push(Change { collection, key, op });
        Ok(self)
    }

    /// Only if no field of the record shows.
    ///
    /// # Errors
    /// When a name is none.
    pub fn if_absent(&mut self, collection: &str, key: &str) -> Result<&mut Self, Error> {
        self.guard(collection, key, Condition::Absent)
    }

    /// Only if the hub has changed nothing of the record since it was read.
    pub fn if_unchanged(&mut self, seen: &Record) -> &mut Self {
        let (collection, key) = (seen.collection.clone(), seen.key.clone());
        let condition = Condition::UnchangedSince(seen.sequence);
        self.guards.push(Guard { collection, key, condition });
        self
    }

    /// Only if a field shows exactly this value.
    ///
    /// # Errors
    /// When a name is none.
    pub fn if_equals(
        &mut self,
        collection: &str,
        key: &str,
        field: &str,
        value: Value,
    ) -> Result<&mut Self, Error> {
        let condition = Condition::FieldEquals(FieldName::new(field)?, value);
        self.guard(collection, key, condition)
    }

    /// Only if a field does not show.
    ///
    /// # Errors
    /// When a name is none.
    pub fn if_field_absent(
        &mut self,
        collection: &str,
        key: &str,
        field: &str,
    ) -> Result<&mut Self, Error> {
        let condition = Condition::FieldAbsent(FieldName::new(field)?);
        self.guard(collection, key, condition)
    }

    fn guard(
        &mut self,
        collection: &str,
        key: &str,
        condition: Condition,
    ) -> Result<&mut Self, Error> {
        let (collection, key) = (CollectionName::new(collection)?, RecordKey::new(key)?);
        self.guards.push(Guard { collection, key, condition });
        Ok(self)
    }

    pub(crate) fn into_parts(self) -> (Vec<Change>, Vec<Guard>) {
        (self.changes, self.guards)
    }
}

/// The hub's word that a write is on its disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ack {
    /// The push that carried it.
    pub push: PushId,
    /// Its place in the space's log.
    pub sequence: u64,
}

/// A write on its way. To drop it loses nothing: the write goes its way all the same.
///
/// Awaiting the handle itself is awaiting [`WriteHandle::acked`].
#[derive(Debug)]
pub struct WriteHandle {
    push: PushId,
    ack: oneshot::Receiver<Result<Ack, AckError>>,
    number: u64,
    saved: watch::Receiver<SavedState>,
}

impl WriteHandle {
    pub(crate) fn new(
        push: PushId,
        ack: oneshot::Receiver<Result<Ack, AckError>>,
        number: u64,
        saved: watch::Receiver<SavedState>,
    ) -> Self {
        Self { push, ack, number, saved }
    }

    /// The push that carries it.
    #[must_use]
    pub fn push(&self) -> PushId {
        self.push
    }

    /// Waits until the write is in the client's file, where it survives a crash; at once for a
    /// client without one.
    ///
    /// # Errors
    /// When the file failed.
    pub async fn saved(&mut self) -> Result<(), StoreError> {
        let number = self.number;
        let is_over = |saved: &SavedState| saved.writes >= number || saved.failure.is_some();
        match self.saved.wait_for(is_over).await.map(|saved| saved.clone()) {
            Ok(saved) if saved.writes >= number => Ok(()),
            Ok(SavedState { failure: Some(failure), .. }) => Err(failure),
            _ => Err(StoreError::File("of the client".to_owned(), "it was closed".to_owned())),
        }
    }

    /// Waits until the hub has the write on its disk, for as long as that takes.
    ///
    /// # Errors
    /// When the hub refuses the write, or the client is closed before.
    pub async fn acked(self) -> Result<Ack, AckError> {
        self.ack.await.unwrap_or(Err(AckError::Closed))
    }
}

impl IntoFuture for WriteHandle {
    type Output = Result<Ack, AckError>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.acked())
    }
}
