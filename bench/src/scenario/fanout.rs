//! `fanout`: publishers and listeners of one space at full speed.
//!
//! What is under way is bounded end to end, by what the listeners have received: the figure is
//! what a system sustains, not what it promises.

use tokio::task::JoinSet;

use super::{CHANNEL, delivery_figures, links, senders, some, sum};
use crate::bench::{Bench, watch};
use crate::book::Found;
use crate::driver::{Listener, Pace, Room, all};
use crate::figure;
use crate::settings::Settings;
use crate::target::{Ability, Failure, Listening, Running};

/// Listeners that time what they receive; the others only count.
const TIMED: usize = 16;

pub(super) async fn run(bench: &mut Bench) {
    for listeners in bench.settings.listeners.clone() {
        let variant = format!("{listeners} listeners");
        let measure = async |settings: &Settings, running: &dyn Running| {
            round(settings, running, listeners).await
        };
        bench.rounds("fanout", &variant, Ability::FanOut, measure).await;
    }
}

/// Measures so many listeners once.
pub(super) async fn round(
    settings: &Settings,
    running: &dyn Running,
    listeners: usize,
) -> Result<Found, Failure> {
    running.prepare(CHANNEL).await?;
    let listening = links(running, listeners, &Listening::New).await?;
    let writing = links(running, settings.publishers, &Listening::Nothing).await?;
    let room = Room::new(listeners, settings.publishers, settings.window);
    let span = settings.span();
    let mut receiving = JoinSet::new();
    for (index, link) in listening.into_iter().enumerate() {
        receiving.spawn(Listener::new(index < TIMED, Some(room.clone()), span).run(link));
    }
    let sending = senders(writing, &settings.workload(), 1, &Pace::Room(room), span);
    let (usage, received, sent) = tokio::join!(watch(running, span), all(receiving), all(sending));
    let mut tally = sum(&received?);
    tally.add(&sum(&sent?));
    let (deliveries, seconds) = (some(tally.delivered.count)?, span.seconds());
    let found = Found::default()
        .figure(figure::DELIVERIES, deliveries / seconds)
        .figure(figure::ACKED, tally.acked.count as f64 / seconds)
        .figure(figure::CPU_DELIVERY, usage.system_s * 1e6 / deliveries)
        .figure(figure::WIRE_DELIVERY, usage.wire as f64 / deliveries)
        .figure(figure::SYSTEM_CPU, usage.system_s * 100.0 / seconds)
        .figure(figure::HARNESS_CPU, usage.harness_s * 100.0 / seconds);
    Ok(delivery_figures(found, &tally.delivered).events("delivery", tally.delivered))
}
