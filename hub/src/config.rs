//! Every setting of the hub: read once at the start, complete, checked, and never changed after.
//! Flags stand over `SYNCLINE_*` variables over one TOML file over the defaults. The texts that
//! explain a setting live with it in `settings` and nowhere else.
//! This room never opens what a setting names: no certificate, no folder, no socket.
//!
//! ```text
//! file -> environment -> flags -> check -> Config -> print -> the same file, explained
//! ```

mod check;
mod error;
mod loader;
mod original;
mod secret;
mod settings;
mod value;

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

pub use error::{ConfigError, Origin};
pub use secret::Secret;
pub use settings::{
    Config, EventReads, Gateways, Http, Koreader, Limits, Linkora, Log, LogFormat, Quotas,
    Registration, SimpleSync, Store, Sync, Tls,
};

use tracing_subscriber::EnvFilter;

use loader::Loaded;
use settings::{SECTIONS, Setting};

/// What the command line says instead of the file and the environment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Overrides {
    /// The data folder, from `--data`.
    pub data: Option<PathBuf>,
    /// The addresses to listen on, from `--listen`.
    pub listen: Option<Vec<SocketAddr>>,
}

impl Config {
    /// Gathers and checks the settings. Nothing of the world is read but `file`.
    ///
    /// # Errors
    /// The first thing that is wrong, with its place and its remedy. Unknown keys are errors: a
    /// setting that is silently ignored is worse than a hub that does not start.
    pub fn load(
        file: Option<&Path>,
        env: impl Iterator<Item = (String, String)>,
        overrides: Overrides,
    ) -> Result<Self, ConfigError> {
        let mut loaded = Loaded::default();
        if let Some(file) = file {
            loaded.take_file(file)?;
        }
        loaded.take_environment(env)?;
        loaded.take_flags(overrides);
        check::check(&loaded)?;
        Ok(loaded.config)
    }

    /// The settings in force as TOML, each below its explanation; it loads back to an equal value.
    /// No secret can appear in it: settings name the files of secrets, and one that is held all the
    /// same is set and never shown.
    pub fn print(&self) -> String {
        // The table reaches a setting by mutable reference only, so that it is named once.
        let (mut config, mut defaults) = (self.clone(), Self::default());
        let mut text = String::new();
        for section in SECTIONS {
            comment(&mut text, section.doc);
            if !section.name.is_empty() {
                line(&mut text, &format!("[{}]", section.name));
            }
            for setting in section.settings {
                text.push('\n');
                comment(&mut text, setting.doc);
                line(&mut text, &origin_comment(setting, &mut defaults));
                line(&mut text, &assignment(setting, &mut config));
            }
            text.push('\n');
        }
        text
    }
}

/// A setting as it is in force.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Described {
    /// Its name, `section.key`.
    pub name: String,
    /// The environment variable that sets it.
    pub variable: String,
    /// Its value as TOML; none when nothing is set.
    pub value: Option<String>,
    /// What holds when nothing is said, as TOML.
    pub default: Option<String>,
    /// What it is for.
    pub about: String,
}

impl Config {
    /// The settings in force, in the order of the file. As in [`Config::print`], none is a secret.
    #[must_use]
    pub fn describe(&self) -> Vec<Described> {
        let (mut config, mut defaults) = (self.clone(), Self::default());
        let describe = |setting: &Setting| Described {
            name: setting.name(),
            variable: setting.variable(),
            value: setting.slot.show(&mut config),
            default: setting.slot.show(&mut defaults),
            about: setting.doc.concat().trim().to_owned(),
        };
        SECTIONS.iter().flat_map(|section| section.settings).map(describe).collect()
    }
}

impl Log {
    /// The filter, ready for use.
    ///
    /// # Errors
    /// What is wrong with it and what to write; never for settings that were loaded.
    pub fn parse_filter(&self) -> Result<EnvFilter, String> {
        value::parse_filter(&self.filter)
    }
}

fn comment(text: &mut String, doc: &[&str]) {
    doc.iter().for_each(|part| line(text, &format!("#{part}")));
}

fn line(text: &mut String, content: &str) {
    writeln!(text, "{content}").expect("writing to a String does not fail");
}

fn origin_comment(setting: &Setting, defaults: &mut Config) -> String {
    let default = setting.slot.show(defaults).unwrap_or_else(|| "none".to_owned());
    format!("# Default: {default}; variable: {}", setting.variable())
}

/// `key = value`, or the same as a comment when nothing is set.
fn assignment(setting: &Setting, config: &mut Config) -> String {
    match setting.slot.show(config) {
        Some(value) => format!("{} = {value}", setting.key),
        None => format!("# {} = \"\"", setting.key),
    }
}

#[cfg(test)]
mod tests;
