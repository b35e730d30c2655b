//! What a store keeps in memory between batches: the rows that wait for their tables, and records
//! that were decoded already. All of it can be made again from the journal and the tables.
//!
//! ```text
//! batch --> waiting -- freeze --> frozen -- written to redb, committed, seen --> tables
//! ```
//! Frozen rows change no more: they are written to redb while batches go on, and read from here
//! until redb shows them. What is further left hides what is further right.

use std::cell::RefCell;
use std::sync::Arc;

use redb::WriteTransaction;

use super::StoreError;
use super::bytes::Put;
use super::known::Known;
use super::pending::Pending;
use super::tables::{
    COLLECTIONS, CONFLICTS, DROPPED, LOG, META, OUTCOMES, RECORDS, REPLICAS, SPACES,
};

/// When so many rows wait, they should be flushed. The more, the more of them are overwritten
/// before; the fewer, the shorter a reader waits.
const ROWS: usize = 32 * 1024;
/// When so many bytes wait, they should be flushed.
const BYTES: usize = 8 << 20;
/// So many times as much waits at most, and as much is frozen.
const MOST: usize = 2;
/// A buffer that a large batch needed is not kept.
const CHANGES_KEPT: usize = 4 << 20;

/// Rows by table.
#[derive(Debug, Default)]
pub(super) struct Waiting {
    pub(super) meta: Pending,
    pub(super) spaces: Pending,
    pub(super) dropped: Pending,
    pub(super) collections: Pending,
    pub(super) records: Pending,
    pub(super) log: Pending,
    pub(super) outcomes: Pending,
    pub(super) conflicts: Pending,
    pub(super) replicas: Pending,
}

/// Rows on their way to redb, and records that are known.
#[derive(Debug, Default)]
pub(super) struct Memory {
    pub(super) waiting: Waiting,
    pub(super) frozen: Arc<Waiting>,
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

    /// Freezes what waits. What was frozen before must be in redb.
    pub(super) fn freeze(&mut self) -> Arc<Waiting> {
        self.frozen = Arc::new(std::mem::take(&mut self.waiting));
        self.frozen.clone()
    }
}

impl Waiting {
    /// Whether so many rows wait that they should be flushed.
    pub(super) fn are_many(&self) -> bool {
        self.exceed(ROWS, BYTES)
    }

    /// Whether no more may wait.
    pub(super) fn are_too_many(&self) -> bool {
        self.exceed(MOST * ROWS, MOST * BYTES)
    }

    /// Whether none waits.
    pub(super) fn is_empty(&self) -> bool {
        !self.exceed(0, 0)
    }

    fn exceed(&self, rows_max: usize, bytes_max: usize) -> bool {
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
        rows > rows_max || bytes > bytes_max
    }

    /// Writes all rows to their tables.
    pub(super) fn write_to(&self, transaction: &WriteTransaction) -> Result<(), StoreError> {
        self.meta.write_to(&mut transaction.open_table(META)?)?;
        self.spaces.write_to(&mut transaction.open_table(SPACES)?)?;
        self.dropped.write_to(&mut transaction.open_table(DROPPED)?)?;
        self.collections.write_to(&mut transaction.open_table(COLLECTIONS)?)?;
        self.records.write_to(&mut transaction.open_table(RECORDS)?)?;
        self.log.write_to(&mut transaction.open_table(LOG)?)?;
        self.outcomes.write_to(&mut transaction.open_table(OUTCOMES)?)?;
        self.conflicts.write_to(&mut transaction.open_table(CONFLICTS)?)?;
        self.replicas.write_to(&mut transaction.open_table(REPLICAS)?)
    }
}
