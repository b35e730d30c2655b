//! `latency`: writes at a fixed rate, a part of what the system was just seen to bear; how late
//! each is acknowledged and delivered, and the bare store's single commit beside it.

use std::collections::HashMap;
use std::time::Duration;

use tokio::task::JoinSet;

use super::write::{BARE, bare};
use super::{CHANNEL, ack_figures, delivery_figures, links, senders, sum};
use crate::bench::{Bench, watch};
use crate::book::Found;
use crate::clock::span_ns;
use crate::driver::{Listener, Pace, Pushes, Room, Sender, all};
use crate::figure;
use crate::settings::Settings;
use crate::tally::{Events, Span, Tally};
use crate::target::{Ability, Failure, Listening, Running};

pub(super) async fn run(bench: &mut Bench) {
    let loads = bench.settings.load_percent.clone();
    for percent in loads {
        let variant = format!("{percent} % load");
        let measure = async |settings: &Settings, running: &dyn Running| {
            round(settings, running, percent).await
        };
        let able = bench.able("latency", &variant, Ability::FanOut);
        for _ in 0..bench.settings.rounds {
            for &index in &able {
                bench.round("latency", &variant, index, &measure).await;
            }
            bench.say("latency", &variant, BARE);
            let found = bare(&bench.settings, 1.0, bench.settings.records).await;
            bench.note("latency", &variant, BARE, found);
        }
    }
}

/// Finds the maximum, then keeps a part of it.
async fn round(settings: &Settings, running: &dyn Running, percent: u32) -> Result<Found, Failure> {
    running.prepare(CHANNEL).await?;
    let most = maximum(settings, running).await?;
    let rate = (most * f64::from(percent) / 100.0).max(1.0);
    let span = settings.span();
    let listening = running.link(CHANNEL, Listening::New).await?;
    let mut receiving = JoinSet::new();
    receiving.spawn(Listener::new(true, None, span).noting().run(listening));
    let sending = scheduled(settings, running, rate, span).await?;
    let (usage, received, sent) = tokio::join!(watch(running, span), all(receiving), all(sending));
    let (received, sent) = (sum(&received?), sum(&sent?));
    let seconds = span.seconds();
    let found = Found::default()
        .figure(figure::ACKED, sent.acked.count as f64 / seconds)
        .figure(figure::AFTER_ACK_P99, after_ack(&sent, &received).quantile_ms(0.99))
        .figure(figure::SYSTEM_CPU, usage.system_s * 100.0 / seconds)
        .figure(figure::HARNESS_CPU, usage.harness_s * 100.0 / seconds);
    let found = delivery_figures(ack_figures(found, &sent.acked), &received.delivered);
    Ok(found.events("ack", sent.acked).events("delivery", received.delivered))
}

/// Writes a second with one listener, at full speed.
async fn maximum(settings: &Settings, running: &dyn Running) -> Result<f64, Failure> {
    let span = settings.span();
    let listening = running.link(CHANNEL, Listening::New).await?;
    let writing = links(running, settings.publishers, &Listening::Nothing).await?;
    let room = Room::new(1, settings.publishers, settings.window);
    let mut receiving = JoinSet::new();
    receiving.spawn(Listener::new(false, Some(room.clone()), span).run(listening));
    let sending = senders(writing, &settings.workload(), 1, &Pace::Room(room), span);
    let (received, sent) = tokio::join!(all(receiving), all(sending));
    sent?;
    Ok(sum(&received?).delivered.count as f64 / span.seconds())
}

/// Connections that together keep a rate, their schedules evenly set off against each other.
async fn scheduled(
    settings: &Settings,
    running: &dyn Running,
    rate: f64,
    span: Span,
) -> Result<JoinSet<Result<Tally, Failure>>, Failure> {
    let links = links(running, settings.publishers, &Listening::Nothing).await?;
    let interval = Duration::from_secs_f64(links.len() as f64 / rate);
    let interval_ns = span_ns(interval);
    let mut tasks = JoinSet::new();
    let step_ns = interval_ns / links.len() as u64;
    for (index, link) in links.into_iter().enumerate() {
        let pace = Pace::Every { interval_ns, offset_ns: step_ns * index as u64 };
        let workload = settings.workload().branch(index as u64);
        tasks.spawn(Sender::new(link, Pushes { workload, writes: 1, pace }, span).noting().run());
    }
    Ok(tasks)
}

/// How much later than its ack each write was delivered; what was delivered first counts as 0.
fn after_ack(sent: &Tally, received: &Tally) -> Events {
    let acks: HashMap<u64, u64> = sent.notes.iter().flatten().copied().collect();
    let mut after = Events::default();
    for (mark, at) in received.notes.iter().flatten() {
        if let Some(acked) = acks.get(mark) {
            after.time(at.saturating_sub(*acked));
        }
    }
    after
}
