//! `write`: acknowledged writes at full speed, one a push and a hundred a push; and the bare store,
//! committing batches of the size that the hub came to in the same round.

use std::process::Stdio;

use tokio::process::Command;

use super::{CHANNEL, ack_figures, links, senders, some, sum};
use crate::bench::{Bench, watch};
use crate::book::Found;
use crate::clock::span_ns;
use crate::driver::{Pace, all};
use crate::figure;
use crate::reference::rows::Written;
use crate::settings::Settings;
use crate::target::{Ability, Failure, Running};

/// The bare store's name in reports.
pub(super) const BARE: &str = "bare redb";

pub(super) async fn run(bench: &mut Bench) {
    for writes in [1, 100] {
        let variant = match writes {
            1 => "1 write a push".to_owned(),
            _ => format!("{writes} writes a push"),
        };
        let measure = async |settings: &Settings, running: &dyn Running| {
            running.prepare(CHANNEL).await?;
            round(settings, running, &settings.workload(), writes).await
        };
        let able = bench.able("write", &variant, Ability::Acknowledge);
        for _ in 0..bench.settings.rounds {
            for &index in &able {
                bench.round("write", &variant, index, &measure).await;
            }
            beside_bare(bench, "write", &variant).await;
        }
    }
}

/// Measures the bare store with the batches that the hub made in this round.
async fn beside_bare(bench: &mut Bench, scenario: &str, variant: &str) {
    let batches = bench.book.rounds(scenario, variant, "hub", figure::BATCH);
    let Some(&batch) = batches.last() else { return };
    bench.say(scenario, variant, BARE);
    let found = bare(&bench.settings, batch, bench.settings.records).await;
    bench.note(scenario, variant, BARE, found);
}

/// Writes at full speed once.
pub(super) async fn round(
    settings: &Settings,
    running: &dyn Running,
    workload: &crate::workload::Workload,
    writes: usize,
) -> Result<Found, Failure> {
    let links = links(running, settings.publishers, &crate::target::Listening::Nothing).await?;
    let span = settings.span();
    // As many writes under way in large pushes as in small ones would make them wait for nothing
    // but their own size.
    let window = (settings.window / writes).max(4);
    let sending = senders(links, workload, writes, &Pace::Window(window), span);
    let (usage, sent) = tokio::join!(watch(running, span), all(sending));
    let tally = sum(&sent?);
    let (acked, seconds) = (some(tally.acked.count)?, span.seconds());
    let mut found = Found::default()
        .figure(figure::ACKED, acked / seconds)
        .figure(figure::CPU_WRITE, usage.system_s * 1e6 / acked)
        .figure(figure::WRITTEN, usage.written as f64 / acked)
        .figure(figure::SYSTEM_CPU, usage.system_s * 100.0 / seconds)
        .figure(figure::HARNESS_CPU, usage.harness_s * 100.0 / seconds);
    if let Some(commits) = usage.commits {
        found = found
            .figure(figure::COMMITS, commits as f64 / seconds)
            .figure(figure::BATCH, acked / commits as f64);
    }
    Ok(ack_figures(found, &tally.acked).events("ack", tally.acked))
}

/// Lets the bare store commit batches of this size.
pub(super) async fn bare(settings: &Settings, batch: f64, records: u64) -> Result<Found, Failure> {
    let folder = settings.folder()?;
    let output = Command::new(std::env::current_exe()?)
        .args(["rows", "write"])
        .arg(folder.path())
        .args(["--batch", &format!("{:.0}", batch.max(1.0)), "--records", &records.to_string()])
        .args(["--millis", &(span_ns(settings.duration) / 1_000_000).to_string()])
        .args(["--seed", &settings.seed.to_string()])
        .stderr(Stdio::inherit())
        .output()
        .await?;
    let written: Written = serde_json::from_slice(&output.stdout)
        .map_err(|error| Failure::new(format!("the bare store said nothing: {error}")))?;
    Ok(Found::default()
        .figure(figure::ACKED, written.per_second)
        .figure(figure::BATCH, batch)
        .figure(figure::COMMIT_P50, written.commit_p50_ns as f64 / 1e6)
        .figure(figure::COMMIT_P99, written.commit_p99_ns as f64 / 1e6))
}
