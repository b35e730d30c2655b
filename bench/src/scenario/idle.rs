//! `idle`: many sessions that do nothing but stay.

use std::time::Duration;

use tokio::task::JoinSet;

use super::{CHANNEL, links};
use crate::bench::{Bench, watch};
use crate::book::Found;
use crate::clock::{now_ns, span_ns};
use crate::driver::all;
use crate::figure;
use crate::process::Use;
use crate::settings::Settings;
use crate::tally::Span;
use crate::target::{Ability, Failure, Link, Listening, Running};

/// Sessions that warm up what a server makes once.
const FIRST: usize = 50;
/// A session shows that it is there so often, as clients do that have nothing else to say.
const ALIVE: Duration = Duration::from_secs(25);

pub(super) async fn run(bench: &mut Bench) {
    let variant = format!("{} sessions", bench.settings.idle_sessions);
    bench.rounds("idle", &variant, Ability::Session, round).await;
}

async fn round(settings: &Settings, running: &dyn Running) -> Result<Found, Failure> {
    running.prepare(CHANNEL).await?;
    let sessions = settings.idle_sessions;
    let mut held = JoinSet::new();
    let hold = |links: Vec<Box<dyn Link>>, held: &mut JoinSet<Result<(), Failure>>| {
        links.into_iter().for_each(|link| drop(held.spawn(stay(link))));
    };
    hold(links(running, FIRST, &Listening::New).await?, &mut held);
    let before = Use::of(&running.processes());
    hold(links(running, sessions, &Listening::New).await?, &mut held);
    let after = Use::of(&running.processes());
    let begin_ns = now_ns();
    let span = Span { begin_ns, end_ns: begin_ns + span_ns(settings.idle_duration) };
    let usage = tokio::select! {
        usage = watch(running, span) => usage,
        ended = all(held) => {
            ended?;
            return Err(Failure::new("the sessions ended"));
        }
    };
    let each = after.resident.saturating_sub(before.resident) as f64 / sessions as f64;
    let seconds = span.seconds() * (sessions + FIRST) as f64;
    Ok(Found::default()
        .figure(figure::SESSION_BYTES, each)
        .figure(figure::SESSION_CPU, usage.system_s * 1e6 / seconds)
        .figure(figure::PEAK, after.resident_peak as f64 / 1e6))
}

/// Reads what comes and shows now and then that it is there, until it is dropped.
async fn stay(mut link: Box<dyn Link>) -> Result<(), Failure> {
    // Spread over the interval, as sessions that came at different times would be.
    let first = ALIVE.mul_f64(rand::random());
    let mut alive = tokio::time::interval_at(tokio::time::Instant::now() + first, ALIVE);
    loop {
        tokio::select! {
            arrival = link.next() => drop(arrival?),
            _ = alive.tick() => link.alive().await?,
        }
    }
}
