//! Gathers values from the file, the environment and the flags, the later over the earlier, and
//! remembers where each came from. It reads one file and nothing else of the world.

use std::collections::HashMap;
use std::path::Path;

use toml::{Table, Value};

use super::error::Origin;
use super::original::Original;
use super::settings::{self, SECTIONS, Setting};
use super::{Config, ConfigError, Overrides};

/// Variables that belong to the command line, not to the settings.
const FOREIGN: &[&str] =
    &["SYNCLINE_URL", "SYNCLINE_TOKEN", "SYNCLINE_CONFIG", "SYNCLINE_SIMPLE_SYNC_ROOT_KEY"];
/// How alike two names must be to be taken for a slip (Jaro-Winkler, 1.0 is equal).
const LIKENESS: f64 = 0.85;

/// Settings on their way, with the origin of each that was set.
#[derive(Default)]
pub(super) struct Loaded {
    pub(super) config: Config,
    origins: HashMap<String, Origin>,
}

impl Loaded {
    /// Where the setting of this full name was set.
    pub(super) fn origin(&self, name: &str) -> Origin {
        self.origins.get(name).cloned().unwrap_or(Origin::Default)
    }

    /// Takes every setting of a TOML file.
    pub(super) fn take_file(&mut self, file: &Path) -> Result<(), ConfigError> {
        let text = std::fs::read_to_string(file)
            .map_err(|cause| ConfigError::Read { file: file.to_owned(), cause })?;
        let table: Table = text.parse().map_err(|error: toml::de::Error| ConfigError::Syntax {
            file: file.to_owned(),
            problem: error.to_string(),
        })?;
        self.take_table("", &table, &Origin::File(file.to_owned()))
    }

    /// Takes every setting of a table, and of the sections in it.
    fn take_table(
        &mut self,
        path: &str,
        table: &Table,
        origin: &Origin,
    ) -> Result<(), ConfigError> {
        for (key, value) in table {
            let name = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
            if !is_section(&name) {
                self.take(&name, value, origin)?;
                continue;
            }
            let Value::Table(entries) = value else {
                let problem = format!("is a section: write [{name}] and its settings below it");
                return Err(ConfigError::Value { origin: origin.clone(), key: name, problem });
            };
            self.take_table(&name, entries, origin)?;
        }
        Ok(())
    }

    /// Takes every `SYNCLINE_` variable; others are not ours.
    pub(super) fn take_environment(
        &mut self,
        variables: impl Iterator<Item = (String, String)>,
    ) -> Result<(), ConfigError> {
        let mut original = Original::default();
        for (variable, text) in variables {
            original.hear(&variable, &text);
            if is_foreign(&variable, &text) {
                continue;
            }
            let origin = Origin::Variable(variable.clone());
            let Some(setting) = settings::all().find(|known| known.variable() == variable) else {
                return Err(unknown_variable(variable));
            };
            self.put(setting, &Value::String(text), &origin)?;
        }
        self.take_original(&original)
    }

    /// Takes what variables of another server say where this hub's own say nothing.
    fn take_original(&mut self, original: &Original) -> Result<(), ConfigError> {
        for (name, variable, text) in original.settings() {
            if matches!(self.origin(name), Origin::Variable(_)) {
                continue;
            }
            self.take(name, &Value::String(text), &Origin::Variable(variable.to_owned()))?;
        }
        Ok(())
    }

    /// Takes what the command line says; it is typed already.
    pub(super) fn take_flags(&mut self, overrides: Overrides) {
        if let Some(data) = overrides.data {
            self.config.data = data;
            self.origins.insert("data".to_owned(), Origin::Flag("--data"));
        }
        if let Some(listen) = overrides.listen {
            self.config.listen = listen;
            self.origins.insert("listen".to_owned(), Origin::Flag("--listen"));
        }
    }

    fn take(&mut self, name: &str, value: &Value, origin: &Origin) -> Result<(), ConfigError> {
        let Some(setting) = settings::all().find(|setting| setting.name() == name) else {
            let (origin, key) = (origin.clone(), name.to_owned());
            return Err(ConfigError::Unknown { origin, key, advice: advise(name, Setting::name) });
        };
        self.put(setting, value, origin)
    }

    fn put(
        &mut self,
        setting: &Setting,
        value: &Value,
        origin: &Origin,
    ) -> Result<(), ConfigError> {
        let key = setting.name();
        match setting.slot.put(&mut self.config, value) {
            Ok(()) => {
                self.origins.insert(key, origin.clone());
                Ok(())
            }
            Err(problem) => Err(ConfigError::Value { origin: origin.clone(), key, problem }),
        }
    }
}

/// Whether a name is of a section, or of what sections lie in.
fn is_section(name: &str) -> bool {
    let lies_in = |section: &str| {
        section.strip_prefix(name).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
    };
    SECTIONS.iter().any(|section| !section.name.is_empty() && lies_in(section.name))
}

/// Whether a variable is none of ours: another program's, the command line's, or one that a
/// container platform makes for a service named `syncline` (`SYNCLINE_PORT=tcp://...`,
/// `SYNCLINE_SERVICE_HOST`, `SYNCLINE_PORT_7962_TCP`).
fn is_foreign(variable: &str, text: &str) -> bool {
    let Some(rest) = variable.strip_prefix("SYNCLINE_") else { return true };
    let platform = !rest.contains("__")
        && (rest.contains("SERVICE_HOST")
            || rest.contains("SERVICE_PORT")
            || rest.contains("PORT_")
            || text.starts_with("tcp://")
            || text.starts_with("udp://"));
    platform || FOREIGN.contains(&variable)
}

fn unknown_variable(variable: String) -> ConfigError {
    let key = variable["SYNCLINE_".len()..].to_lowercase().replace("__", ".");
    // One underscore where two belong is the usual slip, and the texts are nearly equal then.
    let advice = advise(&variable, Setting::variable);
    ConfigError::Unknown { origin: Origin::Variable(variable), key, advice }
}

/// Names the nearest setting, in the form in which the wrong one was written.
fn advise(wrong: &str, form: fn(&Setting) -> String) -> String {
    let last = wrong.rsplit(['.']).next().unwrap_or(wrong);
    let nearest = settings::all()
        .map(|setting| (likeness(wrong, last, &form(setting), setting.key), form(setting)))
        .max_by(|a, b| a.0.total_cmp(&b.0));
    match nearest {
        Some((likeness, name)) if likeness >= LIKENESS => format!("did you mean {name:?}?"),
        _ => "`syncline config print` lists all of them".to_owned(),
    }
}

/// How alike two settings are: the full name, or the key alone when it stands in a wrong section.
fn likeness(wrong: &str, wrong_key: &str, name: &str, key: &str) -> f64 {
    let misplaced = 0.95 * strsim::jaro_winkler(wrong_key, key);
    strsim::jaro_winkler(wrong, name).max(misplaced)
}
