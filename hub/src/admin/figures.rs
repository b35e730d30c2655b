//! Figures of the whole hub at one moment, and what is wrong with it in words; `/metrics` has the
//! figures over time.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::State;
use prometheus::Histogram;
use serde::Serialize;
use utoipa::ToSchema;

use super::answer::{Answer, Failure, blocking};
use super::caller::Caller;
use super::document::Authenticated;
use super::problems::{Problem, problems};
use crate::hub::{Hub, now_ms};
use crate::metrics::Distribution;
use crate::store;

/// Figures of the whole hub; those that count do so since its start.
#[derive(Serialize, ToSchema)]
pub(super) struct Stats {
    version: &'static str,
    /// The hub's clock, in milliseconds since 1970.
    hub_ms: u64,
    /// Whether the store still writes.
    writable: bool,
    /// Whether the hub lets nobody in any more.
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
    /// Of the journal, which a checkpoint brings into that file.
    journal_bytes: u64,
    /// Deltas applied.
    deltas_in: u64,
    /// Deltas handed to sessions.
    deltas_out: u64,
    conflicts: u64,
    catch_ups: u64,
    slow_consumers: u64,
}

/// How long something took, each time since the hub's start.
#[derive(Serialize, ToSchema)]
pub(super) struct Latency {
    /// How many times.
    count: u64,
    /// Seconds in all.
    sum: f64,
    /// Half of them took no longer, in seconds; null when there was none, or it is above the last
    /// bucket. So for the others.
    p50: Option<f64>,
    p90: Option<f64>,
    p99: Option<f64>,
    /// How many took no longer than each bound.
    buckets: Vec<Bucket>,
}

/// How many took no longer than a bound.
#[derive(Serialize, ToSchema)]
pub(super) struct Bucket {
    /// In seconds.
    seconds_max: f64,
    count: u64,
}

/// What an operator looks at first.
#[derive(Serialize, ToSchema)]
pub(super) struct Overview {
    stats: Stats,
    /// A commit, with the merging before it.
    commit: Latency,
    /// What a commit waited for the disk.
    fsync: Latency,
    /// A checkpoint, which brings the journal into the store's file.
    checkpoint: Latency,
    /// From a commit until its deltas are in the queues of all who are to have them.
    delivery: Latency,
    /// Refusals since the start, by code.
    rejects: BTreeMap<String, u64>,
    /// What is wrong right now; nothing, when all is well.
    problems: Vec<Problem>,
}

/// Figures of the whole hub. An admin's to see.
#[utoipa::path(get, path = "/stats", operation_id = "show_stats", tag = "operation",
    responses((status = 200, description = "The figures", body = Stats), Authenticated))]
pub(super) async fn stats(State(hub): State<Hub>, Caller(caller): Caller) -> Answer<Stats> {
    hub.require_admin(&caller)?;
    Ok(Json(blocking(move || read_stats(&hub)).await?))
}

/// How the hub is. An admin's to see.
#[utoipa::path(get, path = "/overview", operation_id = "show_overview", tag = "operation",
    responses((status = 200, description = "Figures, latencies and problems", body = Overview),
        Authenticated))]
pub(super) async fn overview(State(hub): State<Hub>, Caller(caller): Caller) -> Answer<Overview> {
    hub.require_admin(&caller)?;
    let overview = blocking(move || {
        let metrics = hub.metrics();
        Ok(Overview {
            stats: read_stats(&hub)?,
            commit: latency(&metrics.commit_seconds),
            fsync: latency(&metrics.fsync_seconds),
            checkpoint: latency(&metrics.checkpoint_seconds),
            delivery: latency(&metrics.delivery_seconds),
            rejects: metrics.rejects_by_code(),
            problems: problems(&hub)?,
        })
    });
    Ok(Json(overview.await?))
}

fn read_stats(hub: &Hub) -> Result<Stats, Failure> {
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
        journal_bytes: hub.store().journal_bytes(),
        deltas_in: metrics.deltas_in.get(),
        deltas_out: metrics.deltas_out.get(),
        conflicts: metrics.conflicts.get(),
        catch_ups: metrics.catch_ups.get(),
        slow_consumers: metrics.slow_consumers.get(),
    })
}

fn latency(histogram: &Histogram) -> Latency {
    let seen = Distribution::of(histogram);
    let bucket = |&(seconds_max, count): &(f64, u64)| Bucket { seconds_max, count };
    Latency {
        count: seen.count,
        sum: seen.sum,
        p50: seen.quantile(0.5),
        p90: seen.quantile(0.9),
        p99: seen.quantile(0.99),
        buckets: seen.buckets.iter().map(bucket).collect(),
    }
}
