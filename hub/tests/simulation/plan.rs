//! What a run is to be like: how large, how long, and which misfortunes it meets. A seed decides;
//! each misfortune is left out of some runs, so that none hides what another would show.

use std::time::Duration;

use syncline::config::Config;
use syncline_protocol::{CollectionName, Filter, SpaceName};

use super::chance::Chance;

/// The collections of every space.
pub(crate) const COLLECTIONS: &[&str] = &["links", "notes", "tags"];
/// What keys begin with.
pub(crate) const PREFIXES: &[&str] = &["a/", "b/", "c/"];
/// Where races for new records are run: nothing is ever deleted here.
pub(crate) const RACES: &str = "races";

/// The plan of a run.
#[derive(Debug, Clone)]
pub(crate) struct Plan {
    pub(crate) devices: usize,
    pub(crate) pushes_per_second: u64,
    /// How long there is load, in virtual milliseconds.
    pub(crate) load_ms: u64,
    /// Keys under each prefix of each collection: few, so that writes meet.
    pub(crate) keys: u64,
    pub(crate) queue_bytes: u64,
    pub(crate) page_bytes: u64,
    pub(crate) retention_ms: u64,
    pub(crate) drift_ms: u64,
    /// Values too large for one live frame, in 10,000 pushes.
    pub(crate) large: u64,
    pub(crate) network: Network,
    /// Between two misfortunes, in milliseconds on average.
    pub(crate) fault_pause_ms: u64,
    pub(crate) faults: Vec<Fault>,
}

/// What happens to single messages, each in 10,000.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Network {
    pub(crate) lost: u64,
    pub(crate) doubled: u64,
    pub(crate) late: u64,
    pub(crate) reordered: u64,
}

/// A misfortune.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    Cut,
    Stall,
    Away,
    Crash,
    TornCommit,
    HubClock,
    HubClockBack,
    DeviceClock,
    DeviceRestart,
    DevicePurge,
    Verify,
}

/// The misfortunes, and how often each stands in the lot.
const FAULTS: &[(Fault, usize)] = &[
    (Fault::Cut, 8),
    (Fault::Stall, 8),
    (Fault::Away, 6),
    (Fault::Crash, 1),
    (Fault::TornCommit, 1),
    (Fault::HubClock, 2),
    (Fault::HubClockBack, 1),
    (Fault::DeviceClock, 6),
    (Fault::DeviceRestart, 6),
    (Fault::DevicePurge, 3),
    (Fault::Verify, 4),
];

impl Plan {
    /// The plan of a seed: every second one is of many devices, the others of few and busy ones.
    pub(crate) fn new(seed: u64, chance: &mut Chance) -> Self {
        let is_large = seed.is_multiple_of(2);
        let (devices, pushes_per_second) = if is_large { (200, 20) } else { (20, 50) };
        let load_ms = if is_large { 30_000 } else { 40_000 };
        let some = |chance: &mut Chance, most: u64| {
            if chance.hits(7_500) { chance.between(1, most) } else { 0 }
        };
        let network = Network {
            lost: some(chance, 30),
            doubled: some(chance, 100),
            late: some(chance, 60),
            reordered: some(chance, 100),
        };
        let mut faults = Vec::new();
        for &(fault, weight) in FAULTS {
            if chance.hits(7_500) {
                faults.extend(std::iter::repeat_n(fault, weight));
            }
        }
        Self {
            devices,
            pushes_per_second,
            load_ms,
            keys: chance.between(3, 12),
            queue_bytes: *chance.pick(&[600, 4_000, 64_000, 1 << 20]),
            page_bytes: *chance.pick(&[200, 1_500, 20_000]),
            retention_ms: chance.between(2_000, 8_000),
            drift_ms: chance.between(2_000, 20_000),
            large: if !is_large && chance.hits(3_000) { 15 } else { 0 },
            network,
            fault_pause_ms: chance.between(100, 600),
            faults,
        }
    }

    /// The hub's settings: small ones, so that in a virtual minute happens what takes months.
    pub(crate) fn config(&self) -> Config {
        let mut config = Config::default();
        config.store.tombstone_retention = Duration::from_millis(self.retention_ms);
        config.store.maintenance_interval = Duration::from_millis(700);
        config.store.checkpoint_interval = Duration::from_millis(400);
        config.store.compaction_batch = 24;
        config.sync.max_clock_drift = Duration::from_millis(self.drift_ms);
        config.sync.heartbeat = Duration::from_secs(5);
        config.sync.idle_timeout = Duration::from_secs(20);
        config.sync.queue_bytes = self.queue_bytes;
        config.sync.page_bytes = self.page_bytes;
        config.sync.batch_deltas = 16;
        config
    }
}

/// The spaces of every run.
pub(crate) fn spaces() -> Vec<SpaceName> {
    let names = ["bookmarks", "notes/ann", "shop"];
    names.into_iter().map(|name| SpaceName::new(name).expect("a space's name")).collect()
}

pub(crate) fn collection(name: &str) -> CollectionName {
    CollectionName::new(name).expect("a collection's name")
}

/// What one device wants of a space.
pub(crate) fn filter(chance: &mut Chance) -> Filter {
    let some = |chance: &mut Chance| {
        let kept: Vec<_> = COLLECTIONS.iter().filter(|_| chance.hits(6_000)).collect();
        kept.into_iter().map(|name| collection(name)).collect::<Vec<_>>()
    };
    let (collections, prefix) = match chance.below(10) {
        0..6 => (Vec::new(), ""),
        6..8 => (some(chance), ""),
        8 => (Vec::new(), *chance.pick(PREFIXES)),
        _ => (some(chance), *chance.pick(PREFIXES)),
    };
    Filter::new(collections, prefix).expect("a small filter")
}
