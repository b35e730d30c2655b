//! Judges settings against each other. Each rule names both sides and where they were set.
//! This room never changes a setting: a hub that silently mends its settings surprises its owner.

use std::collections::HashSet;
use std::path::PathBuf;

use super::loader::Loaded;
use super::settings;
use super::{Config, ConfigError};

/// One rule between two settings.
struct Rule {
    smaller: &'static str,
    larger: &'static str,
    /// Whether the two may be equal.
    equal: bool,
    /// The two numbers, in the same unit.
    values: fn(&Config) -> (u128, u128),
    reason: &'static str,
}

const RULES: &[Rule] = &[
    Rule {
        smaller: "sync.heartbeat",
        larger: "sync.idle_timeout",
        equal: false,
        values: |c| (c.sync.heartbeat.as_nanos(), c.sync.idle_timeout.as_nanos()),
        reason: "a quiet session is kept alive by heartbeats",
    },
    Rule {
        smaller: "limits.value_bytes",
        larger: "limits.frame_bytes",
        equal: true,
        values: |c| (c.limits.value_bytes.into(), c.limits.frame_bytes.into()),
        reason: "a value travels in one frame",
    },
    Rule {
        smaller: "limits.key_bytes",
        larger: "limits.frame_bytes",
        equal: false,
        values: |c| (c.limits.key_bytes.into(), c.limits.frame_bytes.into()),
        reason: "a key travels in one frame with its values",
    },
    Rule {
        smaller: "limits.signal_bytes",
        larger: "limits.frame_bytes",
        equal: true,
        values: |c| (c.limits.signal_bytes.into(), c.limits.frame_bytes.into()),
        reason: "a signal travels in one frame",
    },
    Rule {
        smaller: "limits.value_bytes",
        larger: "limits.door_value_bytes",
        equal: true,
        values: |c| (c.limits.value_bytes.into(), c.limits.door_value_bytes.into()),
        reason: "gateways must be able to pass on what sessions may write",
    },
    Rule {
        smaller: "limits.deltas_per_push",
        larger: "limits.door_deltas_per_push",
        equal: true,
        values: |c| (c.limits.deltas_per_push.into(), c.limits.door_deltas_per_push.into()),
        reason: "gateways must be able to do what sessions may do",
    },
    Rule {
        smaller: "limits.frame_bytes",
        larger: "sync.session_intake_bytes",
        equal: true,
        values: |c| (c.limits.frame_bytes.into(), c.sync.session_intake_bytes.into()),
        reason: "a session must be able to hand in the largest frame",
    },
    Rule {
        smaller: "sync.session_intake_bytes",
        larger: "sync.intake_bytes",
        equal: true,
        values: |c| (c.sync.session_intake_bytes.into(), c.sync.intake_bytes.into()),
        reason: "one session's share is a part of the whole",
    },
    Rule {
        smaller: "sync.page_bytes",
        larger: "sync.queue_bytes",
        equal: true,
        values: |c| (c.sync.page_bytes.into(), c.sync.queue_bytes.into()),
        reason: "a part of a catch-up must fit into the session's queue",
    },
];

/// Refuses settings that contradict each other.
pub(super) fn check(loaded: &Loaded) -> Result<(), ConfigError> {
    RULES.iter().try_for_each(|rule| compare(rule, loaded))?;
    certificate(loaded)?;
    addresses(loaded)?;
    paths(loaded)
}

fn compare(rule: &Rule, loaded: &Loaded) -> Result<(), ConfigError> {
    let (smaller, larger) = (rule.values)(&loaded.config);
    if smaller < larger || (rule.equal && smaller == larger) {
        return Ok(());
    }
    let bound = if rule.equal { "at most" } else { "less than" };
    Err(ConfigError::Conflict {
        problem: format!(
            "{} must be {bound} {}",
            described(rule.smaller, loaded),
            described(rule.larger, loaded)
        ),
        advice: format!("lower the one or raise the other, since {}", rule.reason),
    })
}

/// A setting with its value and where that was set, such as `sync.heartbeat ("15s", the default)`.
fn described(name: &str, loaded: &Loaded) -> String {
    let setting = settings::all().find(|setting| setting.name() == name);
    let shown = setting.and_then(|setting| setting.slot.show(&mut loaded.config.clone()));
    format!("{name} ({}, {})", shown.unwrap_or_default(), loaded.origin(name))
}

fn certificate(loaded: &Loaded) -> Result<(), ConfigError> {
    let tls = &loaded.config.tls;
    let (there, missing) = match (&tls.certificate, &tls.key) {
        (Some(_), None) => ("tls.certificate", "tls.key"),
        (None, Some(_)) => ("tls.key", "tls.certificate"),
        _ => return Ok(()),
    };
    Err(ConfigError::Conflict {
        problem: format!("{} is set without {missing}", described(there, loaded)),
        advice: format!("set {missing} too, or neither to have a certificate made"),
    })
}

fn addresses(loaded: &Loaded) -> Result<(), ConfigError> {
    let mut seen = HashSet::new();
    let problem = if loaded.config.listen.is_empty() {
        "the list is empty: write at least one address, such as \"127.0.0.1:7962\"".to_owned()
    } else if let Some(twice) = loaded.config.listen.iter().find(|address| !seen.insert(*address)) {
        format!("{twice} is named twice: remove one of the two")
    } else {
        return Ok(());
    };
    Err(value_error("listen", problem, loaded))
}

/// Paths must be text, since `config print` has to write them into a TOML file.
fn paths(loaded: &Loaded) -> Result<(), ConfigError> {
    let Config { data, tls, http, .. } = &loaded.config;
    let files = [
        ("data", Some(data)),
        ("tls.certificate", tls.certificate.as_ref()),
        ("tls.key", tls.key.as_ref()),
        ("http.metrics_token_file", http.metrics_token_file.as_ref()),
    ];
    for (key, path) in files {
        let Some(path) = path.map(PathBuf::as_path) else { continue };
        if path.to_str().is_none() {
            let problem = format!("{} is not UTF-8: rename the file or folder", path.display());
            return Err(value_error(key, problem, loaded));
        }
        if path.as_os_str().is_empty() {
            return Err(value_error(key, "the path is empty: write a path".to_owned(), loaded));
        }
    }
    Ok(())
}

fn value_error(key: &str, problem: String, loaded: &Loaded) -> ConfigError {
    ConfigError::Value { origin: loaded.origin(key), key: key.to_owned(), problem }
}
