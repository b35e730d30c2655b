//! `wire`: what one small write costs on its way to one listener, beside its JSON form.

use super::CHANNEL;
use crate::bench::Bench;
use crate::book::Found;
use crate::figure;
use crate::settings::Settings;
use crate::target::{Ability, Arrival, Failure, Listening, Running};
use crate::workload::{Write, marks};

/// Writes, one after the other.
const WRITES: u64 = 200;
/// The JSON form's name in reports.
const JSON: &str = "json";

pub(super) async fn run(bench: &mut Bench) {
    bench.rounds("wire", "one write", Ability::FanOut, round).await;
    let mut workload = bench.settings.workload();
    let bytes: usize = (0..WRITES).map(|at| json(&workload.next(at)).len() + 1).sum();
    let found = Found::default().figure(figure::WIRE_RECORD, bytes as f64 / WRITES as f64);
    bench.note("wire", "one write", JSON, Ok(found));
}

async fn round(settings: &Settings, running: &dyn Running) -> Result<Found, Failure> {
    running.prepare(CHANNEL).await?;
    let mut listening = running.link(CHANNEL, Listening::New).await?;
    let mut writing = running.link(CHANNEL, Listening::Nothing).await?;
    let (mut workload, mut bytes) = (settings.workload(), 0);
    for mark in 0..WRITES {
        writing.feed(&[workload.next(mark)]).await?;
        writing.flush().await?;
        loop {
            // What is acknowledged must be read, or the connection would fill.
            let arrival = tokio::select! {
                arrival = listening.next() => arrival?,
                _ = writing.next() => continue,
            };
            if let Arrival::Bytes(some) = arrival {
                bytes += some.len();
                if marks(&some).any(|found| found == mark) {
                    break;
                }
            }
        }
    }
    Ok(Found::default().figure(figure::WIRE_RECORD, bytes as f64 / WRITES as f64))
}

/// A write as one line of JSON, as `syncline tail --json` prints it.
fn json(write: &Write) -> String {
    let line = serde_json::json!({
        "space": CHANNEL,
        "collection": "todos",
        "key": write.key(),
        "op": "put",
        "fields": { "at": write.mark(), "done": write.done, "title": &*write.title },
        "stamp": "0".repeat(32),
        "sequence": write.record,
    });
    line.to_string()
}
