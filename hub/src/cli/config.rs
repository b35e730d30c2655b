//! `syncline config`: checks and prints the settings that `serve` would use. Talks to no hub.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::Failure;
use super::print::{Out, note};
use crate::config::{Config, Overrides};

/// `syncline config`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct ConfigArgs {
    #[command(subcommand)]
    what: What,
    /// The TOML file with the settings
    #[arg(long, global = true, value_name = "FILE", env = "SYNCLINE_CONFIG")]
    config: Option<PathBuf>,
}

const EXAMPLES: &str = "\
Examples:
  syncline config check --config /etc/syncline.toml
  syncline config print > syncline.toml";

#[derive(Debug, Clone, Copy, Subcommand)]
enum What {
    /// Say whether the settings are good
    #[command(after_help = "Example:\n  syncline config check --config /etc/syncline.toml")]
    Check,
    /// Print the settings in force, each with its explanation, as a file
    #[command(after_help = "Example:\n  syncline config print > syncline.toml")]
    Print,
}

impl ConfigArgs {
    pub(super) fn run(self) -> Result<(), Failure> {
        let config = Config::load(self.config.as_deref(), environment(), Overrides::default());
        let config = config.map_err(Failure::because)?;
        match self.what {
            What::Check => note("the settings are good"),
            What::Print => {
                let mut out = Out::new();
                out.line(config.print().trim_end())?;
                out.flush()?;
            }
        }
        Ok(())
    }
}

/// The environment as text; what is not text is no setting of ours.
pub fn environment() -> impl Iterator<Item = (String, String)> {
    std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
}
