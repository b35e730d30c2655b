//! `rules`: what access rules cost. The same member writes and listens in a space without any, and
//! in one with many, of which each write and each delivery is judged.

use super::{CHANNEL, fanout, write};
use crate::bench::Bench;
use crate::book::Found;
use crate::settings::Settings;
use crate::target::{Ability, Failure, Running};

/// Who is measured: no other system has rules that a member would notice here.
const SYSTEM: &str = "hub";
/// Listeners of the fan-out.
const LISTENERS: usize = 100;
/// The measurement without any.
pub(crate) const WITHOUT: &str = "no rules";

pub(super) async fn run(bench: &mut Bench) {
    let able = bench.able("rules write", WITHOUT, Ability::FanOut);
    let Some(hub) = able.into_iter().find(|&index| bench.name(index) == SYSTEM) else { return };
    for _ in 0..bench.settings.rounds {
        for rules in [0, bench.settings.rules] {
            let variant = match rules {
                0 => WITHOUT.to_owned(),
                _ => format!("{rules} rules"),
            };
            let writing = async |settings: &Settings, running: &dyn Running| {
                running.prepare(CHANNEL).await?;
                running.restrict(CHANNEL, rules).await?;
                write::round(settings, running, &settings.workload(), 1).await
            };
            bench.round("rules write", &variant, hub, &writing).await;
            let telling = async |settings: &Settings, running: &dyn Running| {
                fan_out(settings, running, rules).await
            };
            bench.round("rules fanout", &variant, hub, &telling).await;
        }
    }
}

async fn fan_out(
    settings: &Settings,
    running: &dyn Running,
    rules: usize,
) -> Result<Found, Failure> {
    running.prepare(CHANNEL).await?;
    running.restrict(CHANNEL, rules).await?;
    fanout::round(settings, running, LISTENERS).await
}
