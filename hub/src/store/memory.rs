//! What a store keeps in memory between batches: the rows that wait for their tables, and records
//! that were decoded already. All of it can be made again from the journal and the tables.

use std::cell::RefCell;

use redb::WriteTransaction;

use super::StoreError;
use super::bytes::Put;
use super::known::Known;
use super::pending::{BYTES_MAX, Pending, ROWS_MAX};
use super::tables::{
    COLLECTIONS, CONFLICTS, DROPPED, LOG, META, OUTCOMES, RECORDS, REPLICAS, SPACES,
};

/// A buffer that a large batch needed is not kept.
const CHANGES_KEPT: usize = 4 << 20;

/// Rows that wait, by table, and records that are known.
#[derive(Debug, Default)]
pub(super) struct Memory {
    pub(super) meta: Pending,
    pub(super) spaces: Pending,
    pub(super) dropped: Pending,
    pub(super) collections: Pending,
    pub(super) records: Pending,
    pub(super) log: Pending,
    pub(super) outcomes: Pending,
    pub(super) conflicts: Pending,
    pub(super) replicas: Pending,
    pub(super) known: Known,
    /// What the batch at hand has changed, in the journal's form. One buffer for all batches: each
    /// would grow one of its own.
    pub(super) changes: RefCell<Put>,
}

impl Memory {
    /// Forgets what the last batch has changed.
    pub(super) fn forget_changes(&mut self) {
        self.changes.get_mut().clear(CHANGES_KEPT);
    }

    /// Whether so much waits that it should go to the tables.
    pub(super) fn is_full(&self) -> bool {
        let all = [
            &self.meta,
            &self.spaces,
            &self.dropped,
            &self.collections,
            &self.records,
            &self.log,
            &self.outcomes,
            &self.conflicts,
            &self.replicas,
        ];
        let rows: usize = all.iter().map(|table| table.len()).sum();
        let bytes: usize = all.iter().map(|table| table.bytes()).sum();
        rows > ROWS_MAX || bytes > BYTES_MAX
    }

    /// Brings all rows to their tables.
    pub(super) fn flush(&mut self, transaction: &WriteTransaction) -> Result<(), StoreError> {
        self.meta.flush(&mut transaction.open_table(META)?)?;
        self.spaces.flush(&mut transaction.open_table(SPACES)?)?;
        self.dropped.flush(&mut transaction.open_table(DROPPED)?)?;
        self.collections.flush(&mut transaction.open_table(COLLECTIONS)?)?;
        self.records.flush(&mut transaction.open_table(RECORDS)?)?;
        self.log.flush(&mut transaction.open_table(LOG)?)?;
        self.outcomes.flush(&mut transaction.open_table(OUTCOMES)?)?;
        self.conflicts.flush(&mut transaction.open_table(CONFLICTS)?)?;
        self.replicas.flush(&mut transaction.open_table(REPLICAS)?)
    }
}
