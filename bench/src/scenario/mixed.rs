//! `mixed`: what a real app's users do together: most read, some write, a few come and go, and
//! some of what is written is deleted again.

use std::time::Duration;

use rand::rngs::SmallRng;
use rand::{RngExt as _, SeedableRng as _};
use tokio::task::JoinSet;

use super::{CHANNEL, ack_figures, delivery_figures, fill, links, sum};
use crate::bench::{Bench, watch};
use crate::book::Found;
use crate::clock::{instant, now_ns};
use crate::driver::{Listener, Pace, Pushes, Sender, all};
use crate::figure;
use crate::settings::Settings;
use crate::tally::{Span, Tally};
use crate::target::{Ability, Failure, Listening, Running};

/// Of a hundred clients so many write; the others only read.
const WRITERS: usize = 20;
/// Of a hundred readers so many come and go.
const WANDERERS: usize = 10;
/// Of a hundred writes so many are deletes, where the system has deletes.
const DELETES: u32 = 5;
/// Between two writes of one writer.
const WRITE_INTERVAL_NS: u64 = 20_000_000;
/// How long a wanderer stays, and stays away, at most.
const STAY: Duration = Duration::from_millis(800);

pub(super) async fn run(bench: &mut Bench) {
    let variant = format!("{} clients", bench.settings.clients);
    bench.rounds("mixed", &variant, Ability::FanOut, round).await;
}

async fn round(settings: &Settings, running: &dyn Running) -> Result<Found, Failure> {
    running.prepare(CHANNEL).await?;
    fill(running, &settings.workload(), 0, settings.records).await?;
    let writers = (settings.clients * WRITERS / 100).max(1);
    let readers = settings.clients.saturating_sub(writers).max(1);
    let wanderers = readers * WANDERERS / 100;
    // All are there before it begins: some systems take longer than a span to let them in.
    let listening = links(running, readers - wanderers, &Listening::New).await?;
    let writing = links(running, writers, &Listening::Nothing).await?;
    let span = settings.span();
    let mut receiving = JoinSet::new();
    for link in listening {
        receiving.spawn(Listener::new(true, None, span).run(link));
    }
    let mut sending = JoinSet::new();
    for (index, link) in (0..).zip(writing) {
        let offset_ns = WRITE_INTERVAL_NS * index / writers as u64;
        let pace = Pace::Every { interval_ns: WRITE_INTERVAL_NS, offset_ns };
        let workload = settings.workload().branch(index).deleting(DELETES);
        sending.spawn(Sender::new(link, Pushes { workload, writes: 1, pace }, span).run());
    }
    let wandering = (0..wanderers as u64).map(|index| wander(settings.seed + index, running, span));
    let (usage, received, sent, wandered) = tokio::join!(
        watch(running, span),
        all(receiving),
        all(sending),
        futures_util::future::try_join_all(wandering),
    );
    wandered?;
    Ok(found(&span, &usage, &sum(&received?), &sum(&sent?)))
}

/// One who comes, stays a little, goes, and comes back to where it was.
async fn wander(seed: u64, running: &dyn Running, span: Span) -> Result<(), Failure> {
    let mut random = SmallRng::seed_from_u64(seed);
    let mut listening = Listening::New;
    while now_ns() < span.end_ns {
        let mut link = running.link(CHANNEL, listening).await?;
        let until = tokio::time::Instant::now() + STAY.mul_f64(random.random());
        let until = until.min(instant(span.end_ns));
        while let Ok(arrival) = tokio::time::timeout_at(until, link.next()).await {
            drop(arrival?);
        }
        listening = link.place().map_or(Listening::New, Listening::After);
        drop(link);
        tokio::time::sleep(STAY.mul_f64(random.random())).await;
    }
    Ok(())
}

fn found(span: &Span, usage: &crate::bench::Usage, received: &Tally, sent: &Tally) -> Found {
    let (deliveries, seconds) = (received.delivered.count as f64, span.seconds());
    let found = Found::default()
        .figure(figure::DELIVERIES, deliveries / seconds)
        .figure(figure::ACKED, sent.acked.count as f64 / seconds)
        .figure(figure::CPU_DELIVERY, usage.system_s * 1e6 / deliveries)
        .figure(figure::WIRE_DELIVERY, usage.wire as f64 / deliveries)
        .figure(figure::SYSTEM_CPU, usage.system_s * 100.0 / seconds)
        .figure(figure::HARNESS_CPU, usage.harness_s * 100.0 / seconds);
    let found = delivery_figures(ack_figures(found, &sent.acked), &received.delivered);
    found.events("ack", sent.acked.clone()).events("delivery", received.delivered.clone())
}
