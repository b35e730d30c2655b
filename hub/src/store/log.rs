//! The log of a space: applied deltas in wire form, by sequence. Catch-up is a copy of a range.

use redb::ReadableTable;
use syncline_protocol::SpaceId;
use syncline_protocol::codec::decode_applied;

use super::StoreError;
use super::rows::ByteRows;
use super::tables::{self, Bytes, log_key, log_sequence};
use crate::selection::Selection;

/// A stretch of the log as a selection shows it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct LogPage {
    /// The deltas in wire form, one after the other.
    pub(crate) deltas: Vec<u8>,
    /// How many there are.
    pub(crate) count: usize,
    /// The last sequence looked at; the sequence asked after when there was none.
    pub(crate) last: u64,
    /// Whether the log goes on after it.
    pub(crate) more: bool,
}

/// Reads the log after a sequence until about `bytes_max` bytes are found.
pub(crate) fn read_log(
    table: &impl ReadableTable<Bytes, Bytes>,
    space: SpaceId,
    after: u64,
    selection: &Selection,
    bytes_max: usize,
) -> Result<LogPage, StoreError> {
    let takes_all = selection.takes_all();
    let mut page = LogPage { last: after, ..LogPage::default() };
    let mut left = bytes_max;
    let (from, to) = (log_key(space, after.saturating_add(1)), log_key(space, u64::MAX));
    if after == u64::MAX {
        return Ok(page);
    }
    for entry in table.range(from.as_slice()..=to.as_slice())? {
        let (key, delta) = entry?;
        if left == 0 {
            page.more = true;
            return Ok(page);
        }
        page.last = log_sequence(key.value())?;
        // What is skipped costs time too: it counts for something.
        let mut cost = 16;
        if takes_all || selects(selection, delta.value())? {
            cost += delta.value().len();
            page.deltas.extend_from_slice(delta.value());
            page.count += 1;
        }
        left = left.saturating_sub(cost);
    }
    Ok(page)
}

fn selects(selection: &Selection, delta: &[u8]) -> Result<bool, StoreError> {
    let applied = decode_applied(delta).map_err(|_| StoreError::Corrupt("a delta in the log"))?;
    let change = &applied.delta.change;
    Ok(selection.selects(change.collection.as_str(), change.key.as_str()))
}

/// Removes a space's rows of all tables, at most `limit` of them. Gives how many went.
pub(crate) fn remove_prefix(
    table: &mut ByteRows<'_>,
    prefix: &[u8],
    limit: usize,
) -> Result<usize, StoreError> {
    let end = tables::after_prefix(prefix);
    let bounds = (
        std::ops::Bound::Included(prefix),
        end.as_deref().map_or(std::ops::Bound::Unbounded, std::ops::Bound::Excluded),
    );
    let mut keys = Vec::new();
    for entry in table.range(bounds)?.take(limit) {
        keys.push(entry?.0.value().to_vec());
    }
    for key in &keys {
        table.remove(&key.as_slice());
    }
    Ok(keys.len())
}
