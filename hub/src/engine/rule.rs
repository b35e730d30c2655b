//! The seam for gateways: one pure function that judges and completes every push in their spaces.

use syncline_protocol::{Change, CollectionName, Record, RecordKey, SpaceId, SpaceName};

use super::Refusal;
use crate::store::Batch;
use crate::store::snapshot_range;

/// Judges a push: the records, its changes, and the time in milliseconds since 1970.
pub type Judge = fn(&RuleView<'_>, &[&Change], u64) -> Result<Vec<Change>, Refusal>;

/// What a gateway demands of every push in its spaces, native ones too.
///
/// The function sees the records as they are before the push, in log order. It refuses, or gives
/// more changes, which are applied after the push's own, in the same commit, stamped by the hub. It
/// must be pure: no clock, no randomness, no I/O.
#[derive(Clone, Copy)]
pub struct Rule {
    /// The gateway's name.
    pub gateway: &'static str,
    /// Which spaces are the gateway's.
    pub governs: fn(&SpaceName) -> bool,
    /// Judges every push there.
    pub judge: Judge,
}

impl std::fmt::Debug for Rule {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Rule").field("gateway", &self.gateway).finish_non_exhaustive()
    }
}

/// The records of a space, as a rule may read them: reserved collections too.
pub struct RuleView<'a> {
    batch: &'a Batch<'a>,
    space: SpaceId,
}

impl<'a> RuleView<'a> {
    pub(super) fn new(batch: &'a Batch<'a>, space: SpaceId) -> Self {
        Self { batch, space }
    }

    /// One record, if it shows.
    ///
    /// # Errors
    /// When the store fails.
    pub fn get(
        &self,
        collection: &CollectionName,
        key: &RecordKey,
    ) -> Result<Option<Record>, Refusal> {
        let row = self.batch.record(self.space, collection, key)?;
        Ok(row.map(|row| row.record).filter(Record::is_visible))
    }

    /// The records of a collection whose keys begin with `prefix`, in key order, at most `limit`.
    ///
    /// # Errors
    /// When the store fails.
    pub fn range(
        &self,
        collection: &CollectionName,
        prefix: &str,
        limit: usize,
    ) -> Result<Vec<(RecordKey, Record)>, Refusal> {
        let rows = snapshot_range(&*self.batch.records, self.space, collection, prefix, limit)?;
        let records = rows.into_iter().map(|(key, row)| (key, row.record));
        Ok(records.filter(|(_, record)| record.is_visible()).collect())
    }
}
