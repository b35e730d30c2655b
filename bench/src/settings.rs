//! Every size of a run, with its default, and the quick form of all.

use std::path::PathBuf;
use std::time::Duration;

use crate::bench::hub_program;

/// The sizes of a run.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Settings {
    /// Small sizes and one round: under three minutes on two processors
    #[arg(long)]
    pub(crate) quick: bool,
    /// Rounds over all systems, in turn
    #[arg(long, default_value_t = 5)]
    pub(crate) rounds: usize,
    /// How long a round measures
    #[arg(long, default_value = "3s", value_parser = span)]
    pub(crate) duration: Duration,
    /// How long a round runs before it measures
    #[arg(long, default_value = "1s", value_parser = span)]
    pub(crate) warmup: Duration,
    /// What is written follows from it
    #[arg(long, default_value_t = 1)]
    pub(crate) seed: u64,
    /// Records that are edited
    #[arg(long, default_value_t = 10_000)]
    pub(crate) records: u64,
    /// fanout: listeners
    #[arg(long, value_delimiter = ',', default_value = "1,100,1000")]
    pub(crate) listeners: Vec<usize>,
    /// Connections that write
    #[arg(long, default_value_t = 8)]
    pub(crate) publishers: usize,
    /// Pushes under way on each of them
    #[arg(long, default_value_t = 128)]
    pub(crate) window: usize,
    /// latency: parts of the measured maximum
    #[arg(long, value_delimiter = ',', default_value = "10,50,80")]
    pub(crate) load_percent: Vec<u32>,
    /// catchup: records of the snapshot
    #[arg(long, default_value_t = 1_000_000)]
    pub(crate) snapshot_records: u64,
    /// catchup: changes to resume after
    #[arg(long, default_value_t = 100)]
    pub(crate) changes: u64,
    /// storm: sessions that are cut at once
    #[arg(long, default_value_t = 2_000)]
    pub(crate) storm_sessions: usize,
    /// storm: changes that each of them misses
    #[arg(long, default_value_t = 10)]
    pub(crate) missed: u64,
    /// idle: sessions
    #[arg(long, default_value_t = 10_000)]
    pub(crate) idle_sessions: usize,
    /// idle: how long they are watched
    #[arg(long, default_value = "30s", value_parser = span)]
    pub(crate) idle_duration: Duration,
    /// growth: records
    #[arg(long, value_delimiter = ',', default_value = "10000,100000,1000000")]
    pub(crate) sizes: Vec<u64>,
    /// rules: access rules of the space
    #[arg(long, default_value_t = 1_000)]
    pub(crate) rules: usize,
    /// mixed: clients
    #[arg(long, default_value_t = 100)]
    pub(crate) clients: usize,
    /// Where stores lie, to choose the disk that is measured
    #[arg(long, value_name = "FOLDER")]
    pub(crate) folder: Option<PathBuf>,
    /// The hub's program
    #[arg(long, value_name = "FILE", default_value_os_t = hub_program())]
    pub(crate) hub: PathBuf,
    /// A hub that runs already, instead of starting one; its processes are not watched
    #[arg(long)]
    pub(crate) url: Option<String>,
    /// An admin's token for it
    #[arg(long, env = "SYNCLINE_TOKEN", hide_env_values = true, requires = "url")]
    pub(crate) token: Option<String>,
}

impl Settings {
    /// The quick form, when it was asked for.
    pub(crate) fn settled(mut self) -> Self {
        if self.quick {
            self.rounds = 1;
            self.duration = Duration::from_millis(800);
            self.warmup = Duration::from_millis(300);
            self.listeners = vec![1, 100];
            self.load_percent = vec![10];
            self.snapshot_records = 20_000;
            self.storm_sessions = 200;
            self.idle_sessions = 500;
            self.idle_duration = Duration::from_secs(2);
            self.sizes = vec![10_000, 50_000];
            self.rules = 100;
            self.clients = 30;
        }
        self
    }
}

fn span(text: &str) -> Result<Duration, humantime::DurationError> {
    humantime::parse_duration(text)
}
