//! `growth`: the same writes, the same fan-out and the same return, in ever larger spaces.

use super::write::{BARE, bare};
use super::{CHANNEL, catchup, fanout, fill, write};
use crate::bench::{Bench, Stage};
use crate::target::{Ability, Failure};
use crate::workload::Workload;

/// Listeners of the fan-out.
const LISTENERS: usize = 10;
/// Writes of one commit of the bare store: about what the hub comes to under such a load.
const BARE_BATCH: f64 = 500.0;

pub(super) async fn run(bench: &mut Bench) {
    let sizes = bench.settings.sizes.clone();
    let first = sizes.first().copied().unwrap_or_default();
    let mut stages = Vec::new();
    for index in bench.able("growth write", &records(first), Ability::Resume) {
        let name = bench.name(index);
        match bench.start(index).await {
            Ok(stage) => stages.push(stage),
            Err(failure) => bench.note("growth write", &records(first), name, Err(failure)),
        }
    }
    let mut filled = 0;
    for size in sizes {
        grow(bench, &mut stages, filled, size).await;
        filled = size;
        for _ in 0..bench.settings.rounds {
            for stage in &stages {
                measure(bench, stage, size).await;
            }
            bench.say("growth write", &records(size), BARE);
            let found = bare(&bench.settings, BARE_BATCH, size).await;
            bench.note("growth write", &records(size), BARE, found);
        }
    }
    for stage in stages {
        stage.stop().await;
    }
}

fn records(size: u64) -> String {
    format!("{size} records")
}

/// Brings all stages to a size; one that does not come along is left behind.
async fn grow(bench: &mut Bench, stages: &mut Vec<Stage>, from: u64, to: u64) {
    let mut grown = Vec::new();
    for stage in stages.drain(..) {
        bench.say("growth", &format!("filling to {to}"), stage.name);
        let filling = async {
            stage.running.prepare(CHANNEL).await?;
            fill(stage.running.as_ref(), &bench.settings.workload(), from, to).await
        };
        match filling.await {
            Ok(()) => grown.push(stage),
            Err(failure) => {
                bench.note("growth write", &records(to), stage.name, Err(failure));
                stage.stop().await;
            }
        }
    }
    *stages = grown;
}

async fn measure(bench: &mut Bench, stage: &Stage, size: u64) {
    let (variant, running) = (records(size), stage.running.as_ref());
    let settings = bench.settings.clone();
    let workload = Workload::new(settings.seed, size);
    bench.say("growth write", &variant, stage.name);
    let found = write::round(&settings, running, &workload, 1).await;
    bench.note("growth write", &variant, stage.name, found);
    bench.say("growth fanout", &variant, stage.name);
    let found = fanout::round(&settings, running, LISTENERS).await;
    bench.note("growth fanout", &variant, stage.name, found);
    bench.say("growth resume", &variant, stage.name);
    let resumed = async {
        // Whoever listens from now on knows its place without reading all that there is.
        let place = running.link(CHANNEL, crate::target::Listening::New).await?.place();
        let place = place.ok_or_else(|| Failure::new("it has told no place to resume from"))?;
        catchup::back(&settings, running, place, size / 2).await
    };
    let found = resumed.await;
    bench.note("growth resume", &variant, stage.name, found);
}
