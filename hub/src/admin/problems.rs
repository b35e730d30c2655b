//! What is wrong with the hub right now, in words: each with what to do about it.
//!
//! It judges by what the hub knows of itself, and changes nothing.

use std::collections::BTreeMap;

use serde::Serialize;
use syncline_protocol::check_drift;
use utoipa::ToSchema;

use super::answer::Failure;
use crate::hub::{Hub, now_ms};

/// Refusals of so long ago are history.
const LATELY_MS: u64 = 5 * 60 * 1000;
/// So many refusals of one kind are worth a word.
const REFUSALS_MIN: usize = 20;
/// Something is nearly full at this share of it, in hundredths.
const NEARLY_FULL: u64 = 90;
/// Spaces that are named one by one.
const SPACES_NAMED: usize = 10;

/// Something that is wrong.
#[derive(Serialize, ToSchema)]
pub(super) struct Problem {
    /// For programs: `store_failed`, `draining`, `clock_back`, `sessions_full`, `space_full` or
    /// `many_refusals`.
    code: &'static str,
    /// For people: what it is, and what to do.
    text: String,
}

/// What is wrong, the worst first.
pub(super) fn problems(hub: &Hub) -> Result<Vec<Problem>, Failure> {
    let mut found = Vec::new();
    let mut tell = |code, text| found.push(Problem { code, text });
    if *hub.failed().borrow() {
        let text = "The store cannot write. Look at the log and the disk, then restart the hub.";
        tell("store_failed", text.to_owned());
    }
    if hub.is_draining() {
        tell("draining", "The hub is shutting down and lets nobody in.".to_owned());
    }
    let drift_ms = hub.config().sync.max_clock_drift.as_millis();
    let drift_ms = u64::try_from(drift_ms).unwrap_or(u64::MAX);
    if let Err(drift) = check_drift(hub.clock(), now_ms(), drift_ms) {
        let behind = drift.ahead_ms;
        let text = format!(
            "The machine's clock stands {behind} ms behind what it showed before; nothing is \
             written until it has caught up. Set it right."
        );
        tell("clock_back", text);
    }
    let (sessions, most) = (hub.sessions().len() as u64, hub.config().limits.sessions.into());
    if is_nearly(sessions, most) {
        let text = format!(
            "{sessions} of {most} sessions are open. Raise limits.sessions, or find out who opens \
             so many."
        );
        tell("sessions_full", text);
    }
    full_spaces(hub, &mut tell)?;
    refusals(hub, &mut tell);
    Ok(found)
}

fn full_spaces(hub: &Hub, tell: &mut impl FnMut(&'static str, String)) -> Result<(), Failure> {
    let spaces = hub.store().snapshot()?.spaces()?;
    let full = spaces.iter().filter_map(|(name, row)| {
        let (bytes, records) = hub.space_max(name);
        let is_full = is_nearly(row.bytes, bytes) || is_nearly(row.records, records);
        is_full.then_some(name.as_str())
    });
    let full: Vec<&str> = full.collect();
    if !full.is_empty() {
        let more = full.len().saturating_sub(SPACES_NAMED);
        let named = full[..full.len() - more].join(", ");
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        let text = format!("Nearly full: {named}{more}. Delete something, or give them more room.");
        tell("space_full", text);
    }
    Ok(())
}

fn refusals(hub: &Hub, tell: &mut impl FnMut(&'static str, String)) {
    let since_ms = now_ms().saturating_sub(LATELY_MS);
    let mut counts = BTreeMap::<&str, usize>::new();
    for rejected in hub.rejects().iter().filter(|it| it.at_ms >= since_ms) {
        *counts.entry(rejected.code.as_str()).or_default() += 1;
    }
    for (code, count) in counts.into_iter().filter(|(_, count)| *count >= REFUSALS_MIN) {
        let text = format!(
            "{count} requests were refused `{code}` in the last five minutes. See who and why \
             among the recent refusals."
        );
        tell("many_refusals", text);
    }
}

/// Whether nearly all of something is used; 0 is no limit.
fn is_nearly(used: u64, limit: u64) -> bool {
    limit > 0 && u128::from(used) * 100 >= u128::from(limit) * u128::from(NEARLY_FULL)
}
