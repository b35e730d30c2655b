//! `storm`: many sessions are cut at once, miss some changes and come back all together, while two
//! bystanders talk to each other.
//!
//! A system that keeps nothing has nothing to give back: there the time is that of the bare
//! handshakes, which every other one pays as well.

use std::time::Duration;

use tokio::runtime::Handle;
use tokio::task::JoinSet;

use super::{CHANNEL, fill, heard, links};
use crate::bench::Bench;
use crate::book::Found;
use crate::clock::{now_ns, span_ns};
use crate::driver::{Listener, Pace, Pushes, Sender, all};
use crate::figure;
use crate::process::Use;
use crate::settings::Settings;
use crate::tally::{Events, Span};
use crate::target::{Ability, Arrival, Failure, Link, Listening, Place, Running};
use crate::workload::marks;

/// The channel of those who were not cut.
const BYSTANDERS: &str = "bystanders";
/// Between two writes of a bystander.
const BYSTANDER_INTERVAL_NS: u64 = 5_000_000;
/// How long bystanders are watched before the storm.
const QUIET: Duration = Duration::from_secs(2);
/// The longest storm.
const STORM_MAX: Duration = Duration::from_secs(60);
/// How long memory may take to settle.
const SETTLE: Duration = Duration::from_secs(2);

pub(super) async fn run(bench: &mut Bench) {
    let sessions = bench.settings.storm_sessions;
    let variant = format!("{sessions} sessions, {} missed", bench.settings.missed);
    bench.rounds("storm", &variant, Ability::Session, round).await;
}

async fn round(settings: &Settings, running: &dyn Running) -> Result<Found, Failure> {
    running.prepare(CHANNEL).await?;
    running.prepare(BYSTANDERS).await?;
    fill(running, &settings.workload(), 0, settings.missed).await?;
    let held = links(running, settings.storm_sessions, &Listening::New).await?;
    let places: Vec<Option<Place>> = held.iter().map(|link| link.place()).collect();
    let silence = async {
        tokio::time::sleep(QUIET).await;
        Ok(())
    };
    let ((), quiet) = watched(settings, running, silence)?;
    let before = Use::of(&running.processes());
    // All are cut before the changes, so that all miss the same.
    drop(held);
    fill(running, &settings.workload(), 0, settings.missed).await?;
    let storm = async {
        let begun_ns = now_ns();
        let links = come_back(running, places, settings.missed).await?;
        Ok(((now_ns() - begun_ns) as f64 / 1e9, links))
    };
    let ((seconds, _links), during) = watched(settings, running, storm)?;
    tokio::time::sleep(SETTLE).await;
    let after = Use::of(&running.processes());
    Ok(Found::default()
        .figure(figure::SECONDS, seconds)
        .figure(figure::QUIET_P99, quiet.quantile_ms(0.99))
        .figure(figure::BYSTANDER_P99, during.quantile_ms(0.99))
        .figure(figure::DELIVERY_MAX, during.quantile_ms(1.0))
        .figure(figure::PEAK, after.resident_peak as f64 / 1e6)
        .figure(figure::SETTLED, after.resident as f64 / before.resident as f64)
        .events("bystander", during))
}

/// What something comes to, and what bystanders saw meanwhile. They have a thread of their own:
/// what is timed is the system, not how many of the harness' other connections have their turn.
fn watched<T>(
    settings: &Settings,
    running: &dyn Running,
    work: impl Future<Output = Result<T, Failure>>,
) -> Result<(T, Events), Failure> {
    let (over, is_over) = tokio::sync::oneshot::channel::<()>();
    let (there, are_there) = tokio::sync::oneshot::channel::<()>();
    let watch = move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|error| Failure::new(error.to_string()))?;
        let end = async move {
            let _ = is_over.await;
        };
        runtime.block_on(bystanders(settings, running, there, end))
    };
    tokio::task::block_in_place(|| {
        std::thread::scope(|scope| {
            let watching = scope.spawn(watch);
            let done = Handle::current().block_on(async {
                // Whoever comes with the others is no bystander.
                let _ = are_there.await;
                work.await
            });
            // The bystanders have seen it all.
            let _ = over.send(());
            let seen = watching.join().unwrap_or_else(|_| Err(Failure::new("a thread panicked")));
            Ok((done?, seen?))
        })
    })
}

/// One bystander writes, the other times what it receives, until something ends.
async fn bystanders(
    settings: &Settings,
    running: &dyn Running,
    there: tokio::sync::oneshot::Sender<()>,
    until: impl Future<Output = ()>,
) -> Result<Events, Failure> {
    let begin_ns = now_ns();
    let span = Span { begin_ns, end_ns: begin_ns + span_ns(STORM_MAX) };
    // The writer goes on until the listener has gone.
    let writing_span = Span { begin_ns, end_ns: u64::MAX };
    let listening = running.link(BYSTANDERS, Listening::New).await?;
    let writing = running.link(BYSTANDERS, Listening::Nothing).await?;
    let _ = there.send(());
    let pace = Pace::Every { interval_ns: BYSTANDER_INTERVAL_NS, offset_ns: 0 };
    let pushes = Pushes { workload: settings.workload(), writes: 1, pace };
    let mut sending = JoinSet::new();
    sending.spawn(Sender::new(writing, pushes, writing_span).run());
    let listener = Listener::new(true, None, span);
    let tally = tokio::select! {
        tally = listener.run_until(listening, until) => tally?,
        sent = all(sending) => {
            sent?;
            return Err(Failure::new("a bystander could not go on"));
        }
    };
    Ok(tally.delivered)
}

/// All come back at once, each until it has what it missed.
async fn come_back(
    running: &dyn Running,
    places: Vec<Option<Place>>,
    missed: u64,
) -> Result<Vec<Box<dyn Link>>, Failure> {
    let coming = places.into_iter().map(|place| async move {
        let (listening, missed) = match place {
            Some(place) => (Listening::After(place), missed),
            None => (Listening::New, 0),
        };
        let mut link = running.link(CHANNEL, listening).await?;
        let mut count = 0;
        while count < missed {
            if let Arrival::Bytes(bytes) = heard(link.as_mut()).await? {
                count += marks(&bytes).count() as u64;
            }
        }
        Ok(link)
    });
    futures_util::future::try_join_all(coming).await
}
