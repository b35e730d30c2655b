//! The scenarios: what is done to every system, and which figures that gives.

mod catchup;
mod fanout;
mod growth;
mod idle;
mod latency;
mod mixed;
mod rules;
mod storm;
mod wire;
mod write;

use std::time::Duration;

use futures_util::{StreamExt as _, TryStreamExt as _, stream};

use crate::bench::Bench;
use crate::book::Found;
use crate::driver::{Pace, Pushes, Sender};
use crate::figure;
use crate::tally::{Events, Span, Tally};
use crate::target::{Arrival, Failure, Link, Listening, Running};
use crate::workload::Workload;
pub(crate) use rules::WITHOUT;

/// Connections that are opened at a time.
const OPENING: usize = 32;

/// A scenario.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Scenario {
    /// Publishers and listeners of one space at full speed
    Fanout,
    /// Small pushes and large ones, acknowledged as the system does
    Write,
    /// A fixed rate of writes: how late each is acknowledged and delivered
    Latency,
    /// A fresh snapshot, and coming back after a few changes
    Catchup,
    /// Many sessions cut at once, all coming back
    Storm,
    /// Many sessions that do nothing
    Idle,
    /// The same work in ever larger spaces
    Growth,
    /// Readers, writers, reconnects and deletes together
    Mixed,
    /// Writes and fan-out with many access rules, beside none
    Rules,
    /// Bytes of one small write on the wire
    Wire,
}

impl Scenario {
    /// Measures it in all systems.
    pub(crate) async fn run(self, bench: &mut Bench) {
        match self {
            Self::Fanout => fanout::run(bench).await,
            Self::Write => write::run(bench).await,
            Self::Latency => latency::run(bench).await,
            Self::Catchup => catchup::run(bench).await,
            Self::Storm => storm::run(bench).await,
            Self::Idle => idle::run(bench).await,
            Self::Growth => growth::run(bench).await,
            Self::Mixed => mixed::run(bench).await,
            Self::Rules => rules::run(bench).await,
            Self::Wire => wire::run(bench).await,
        }
    }
}

/// The channel that scenarios use.
const CHANNEL: &str = "bench";

/// Whoever owes something and says nothing for so long has lost it.
const SILENCE: Duration = Duration::from_secs(30);

/// A count that says something: nothing at all within a span is no speed, but too short a span.
fn some(count: u64) -> Result<f64, Failure> {
    let short = "nothing was through within the span: what was under way took longer than that";
    if count == 0 { Err(Failure::new(short)) } else { Ok(count as f64) }
}

/// Opens links, a few at a time.
async fn links(
    running: &dyn Running,
    count: usize,
    listening: &Listening,
) -> Result<Vec<Box<dyn Link>>, Failure> {
    let open = (0..count).map(|_| running.link(CHANNEL, listening.clone()));
    stream::iter(open).buffer_unordered(OPENING).try_collect().await
}

/// Writes each record once, as fast as the system takes it.
async fn fill(
    running: &dyn Running,
    workload: &Workload,
    from: u64,
    to: u64,
) -> Result<(), Failure> {
    /// Writes of one push, and pushes under way.
    const WRITES: usize = 100;
    const WINDOW: usize = 32;
    let mut link = running.link(CHANNEL, Listening::Nothing).await?;
    let mut workload = workload.branch(from);
    let mut under_way = 0;
    for first in (from..to).step_by(WRITES) {
        // Marks of what is filled say nothing of time.
        let records = (first..to).take(WRITES);
        let writes: Vec<_> = records.map(|record| workload.of(record, 0)).collect();
        link.feed(&writes).await?;
        under_way += 1;
        while under_way >= WINDOW {
            link.flush().await?;
            under_way -= acks(link.as_mut()).await?;
        }
    }
    link.flush().await?;
    while under_way > 0 {
        under_way -= acks(link.as_mut()).await?;
    }
    Ok(())
}

/// Waits for what must come; a system that has lost it is not waited for forever.
async fn heard(link: &mut dyn Link) -> Result<Arrival, Failure> {
    let silent = || Failure::new(format!("it said nothing for {} s", SILENCE.as_secs()));
    tokio::time::timeout(SILENCE, link.next()).await.unwrap_or_else(|_| Err(silent()))
}

/// Waits for something, and says how many acks it was.
async fn acks(link: &mut dyn Link) -> Result<usize, Failure> {
    match heard(link).await? {
        Arrival::Acked(pushes) => Ok(pushes.len()),
        _ => Ok(0),
    }
}

/// Connections that send in a closed loop, each in a task.
fn senders(
    links: Vec<Box<dyn Link>>,
    workload: &Workload,
    writes: usize,
    pace: &Pace,
    span: Span,
) -> tokio::task::JoinSet<Result<Tally, Failure>> {
    let mut tasks = tokio::task::JoinSet::new();
    for (index, link) in links.into_iter().enumerate() {
        let workload = workload.branch(index as u64);
        let sender = Sender::new(link, Pushes { workload, writes, pace: pace.clone() }, span);
        tasks.spawn(sender.run());
    }
    tasks
}

/// The figures of how late acks were.
fn ack_figures(found: Found, acked: &Events) -> Found {
    [
        (figure::ACK_P50, 0.5),
        (figure::ACK_P90, 0.9),
        (figure::ACK_P99, 0.99),
        (figure::ACK_P999, 0.999),
        (figure::ACK_MAX, 1.0),
    ]
    .into_iter()
    .fold(found, |found, (figure, quantile)| found.figure(figure, acked.quantile_ms(quantile)))
}

/// The figures of how late deliveries were.
fn delivery_figures(found: Found, delivered: &Events) -> Found {
    [
        (figure::DELIVERY_P50, 0.5),
        (figure::DELIVERY_P90, 0.9),
        (figure::DELIVERY_P99, 0.99),
        (figure::DELIVERY_P999, 0.999),
        (figure::DELIVERY_MAX, 1.0),
    ]
    .into_iter()
    .fold(found, |found, (figure, quantile)| found.figure(figure, delivered.quantile_ms(quantile)))
}

/// The tallies of all connections as one.
fn sum(tallies: &[Tally]) -> Tally {
    tallies.iter().fold(Tally::default(), |mut sum, tally| {
        sum.add(tally);
        sum
    })
}
