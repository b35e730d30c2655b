//! A view: one moment of one space, for those who read and do not listen.

use std::time::{Duration, Instant};

use syncline_protocol::codec::{ChangesHeader, decode_hub};
use syncline_protocol::{
    Applied, Code, CollectionName, Filter, HubFrame, Record, RecordKey, Reject, SpaceName,
};

use crate::admit::unavailable;
use crate::selection::{Access, Selection};
use crate::store::tables::records_prefix;
use crate::store::{CollectionRow, Conflict, RecordPage, Snapshot, SpaceRow, StoreError};

/// A view pins pages of the store, so it may be held only so long; longer answers page.
pub const HELD_MAX: Duration = Duration::from_secs(5);

/// Some records of a collection, in key order.
#[derive(Debug)]
pub struct Listed {
    /// The records, tombstones too.
    pub records: Vec<(RecordKey, Record)>,
    /// Whether there may be more after them.
    pub more: bool,
}

/// A stretch of the log.
#[derive(Debug)]
pub struct Logged {
    /// What was written.
    pub deltas: Vec<Applied>,
    /// The last sequence looked at; the sequence asked after when there was none.
    pub last: u64,
    /// Whether the log goes on after it.
    pub more: bool,
}

/// One moment of one space.
pub struct View {
    space: SpaceName,
    row: SpaceRow,
    snapshot: Snapshot,
    access: Access,
    since: Instant,
}

impl View {
    pub(super) fn new(space: SpaceName, snapshot: Snapshot, row: SpaceRow, access: Access) -> Self {
        Self { space, row, snapshot, access, since: Instant::now() }
    }

    /// The space's name.
    #[must_use]
    pub fn name(&self) -> &SpaceName {
        &self.space
    }

    /// The space: its id, epoch, sequence and counts.
    #[must_use]
    pub fn space(&self) -> &SpaceRow {
        &self.row
    }

    /// One record, if it shows and may be read.
    ///
    /// # Errors
    /// A view that was held too long, or a store that fails; so for all that follow.
    pub fn get(
        &self,
        collection: &CollectionName,
        key: &RecordKey,
    ) -> Result<Option<Record>, Reject> {
        if !self.allows(collection, key) {
            return Ok(None);
        }
        let row = self.ask(|snapshot| snapshot.record(self.row.id, collection, key))?;
        Ok(row.map(|row| row.record).filter(Record::is_visible))
    }

    /// The records of a collection whose keys begin with `prefix`, in key order, at most `limit`.
    pub fn range(
        &self,
        collection: &CollectionName,
        prefix: &str,
        limit: usize,
    ) -> Result<Vec<(RecordKey, Record)>, Reject> {
        let of = (self.row.id, collection, prefix);
        let is_allowed = |key: &RecordKey| self.allows(collection, key);
        let rows = self.ask(|snapshot| snapshot.shown_range(of, limit, is_allowed))?;
        Ok(rows.into_iter().map(|(key, row)| (key, row.record)).collect())
    }

    /// The records that a filter selects, page by page; tombstones are among them.
    pub fn page(
        &self,
        filter: &Filter,
        after: Option<&[u8]>,
        bytes_max: usize,
    ) -> Result<RecordPage, Reject> {
        let selection = Selection::new(filter.clone(), self.access.clone());
        self.ask(|snapshot| snapshot.records(self.row.id, &selection, after, bytes_max))
    }

    /// The records of one collection after a key's bytes, in key order, until about `bytes_max`
    /// bytes are found; tombstones are among them.
    pub fn list(
        &self,
        collection: &CollectionName,
        prefix: &str,
        after: Option<&[u8]>,
        bytes_max: usize,
    ) -> Result<Listed, Reject> {
        let filter = Filter::new([collection.clone()], prefix);
        let filter = filter.map_err(|problem| Reject::new(Code::Refused, problem))?;
        // Whatever the bytes are, they only say where among the collection's keys to begin.
        let begin = records_prefix(self.row.id, collection, "");
        let after = after.map(|key| [&begin, key].concat());
        let page = self.page(&filter, after.as_deref(), bytes_max)?;
        let records = page.records.into_iter().map(|(_, key, row)| (key, row.record)).collect();
        Ok(Listed { records, more: page.next.is_some() })
    }

    /// What was written after a sequence, of what a filter selects and may be read, in the order of
    /// the log, until about `bytes_max` bytes are found.
    pub fn log(&self, after: u64, filter: &Filter, bytes_max: usize) -> Result<Logged, Reject> {
        let selection = Selection::new(filter.clone(), self.access.clone());
        let page = self.ask(|snapshot| snapshot.log(self.row.id, after, &selection, bytes_max))?;
        let (before, last, more) = (after, page.last, page.more);
        let header = ChangesHeader { space: &self.space, before, last, more, deltas: page.count };
        // A page of the log is what a frame holds, and read as one.
        match decode_hub(&[header.encode(), page.deltas].concat()) {
            Ok(HubFrame::Changes { deltas, .. }) => Ok(Logged { deltas, last, more }),
            _ => Err(Reject::new(Code::Internal, "The log could not be read")),
        }
    }

    /// The collections in which something may be read, with the counts of all that they hold;
    /// reserved ones too.
    pub fn collections(&self) -> Result<Vec<(CollectionName, CollectionRow)>, Reject> {
        let collections = self.ask(|snapshot| snapshot.collections(self.row.id))?.into_iter();
        let open = collections
            .filter(|(name, _)| name.is_reserved() || self.access.reaches(name.as_str()));
        Ok(open.collect())
    }

    /// What last-write-wins discarded here of what may be read, of at most `limit` looked at.
    pub fn conflicts(&self, limit: usize) -> Result<Vec<Conflict>, Reject> {
        let mut found = self.ask(|snapshot| snapshot.conflicts(self.row.id, limit))?;
        found.retain(|it| self.allows(&it.collection, &it.key));
        Ok(found)
    }

    /// Reserved collections are read by the hub and its gateways, for themselves: no rule is about
    /// them, and nobody is sent them.
    fn allows(&self, collection: &CollectionName, key: &RecordKey) -> bool {
        collection.is_reserved() || self.access.allows(collection.as_str(), key.as_str())
    }

    fn ask<T>(&self, ask: impl FnOnce(&Snapshot) -> Result<T, StoreError>) -> Result<T, Reject> {
        if self.since.elapsed() > HELD_MAX {
            return Err(Reject::new(Code::Busy, "This answer took too long"));
        }
        ask(&self.snapshot).map_err(|error| unavailable(&error))
    }
}
