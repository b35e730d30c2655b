//! Figures of the whole hub at one moment; `/metrics` has those over time.

use axum::Json;
use axum::extract::State;
use serde::Serialize;

use super::answer::{Answer, blocking};
use super::caller::Caller;
use crate::hub::{Hub, now_ms};
use crate::store;

#[derive(Serialize)]
pub(super) struct Stats {
    version: &'static str,
    hub_ms: u64,
    /// Whether the store still writes.
    writable: bool,
    draining: bool,
    sessions: usize,
    users: usize,
    spaces: usize,
    records: u64,
    record_bytes: u64,
    log_entries: u64,
    conflict_bytes: u64,
    /// Of the store's file.
    store_bytes: Option<u64>,
    deltas_in: u64,
    deltas_out: u64,
    conflicts: u64,
    catch_ups: u64,
    slow_consumers: u64,
}

/// An admin's to see.
pub(super) async fn stats(State(hub): State<Hub>, Caller(caller): Caller) -> Answer<Stats> {
    hub.require_admin(&caller)?;
    let stats = blocking(move || {
        let spaces = hub.store().snapshot()?.spaces()?;
        let sum = |of: fn(&store::SpaceRow) -> u64| spaces.iter().map(|(_, row)| of(row)).sum();
        let metrics = hub.metrics();
        let file = std::fs::metadata(hub.config().data.join(store::FILE));
        Ok(Stats {
            version: env!("CARGO_PKG_VERSION"),
            hub_ms: now_ms(),
            writable: !*hub.failed().borrow(),
            draining: hub.is_draining(),
            sessions: hub.sessions().len(),
            users: hub.directory().users().count(),
            spaces: spaces.len(),
            records: sum(|row| row.records),
            record_bytes: sum(|row| row.bytes),
            log_entries: sum(|row| row.log_entries),
            conflict_bytes: sum(|row| row.conflict_bytes),
            store_bytes: file.ok().map(|file| file.len()),
            deltas_in: metrics.deltas_in.get(),
            deltas_out: metrics.deltas_out.get(),
            conflicts: metrics.conflicts.get(),
            catch_ups: metrics.catch_ups.get(),
            slow_consumers: metrics.slow_consumers.get(),
        })
    });
    Ok(Json(stats.await?))
}
