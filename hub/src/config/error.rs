//! What can be wrong with the settings, told so that a person can mend it: where, which key, what
//! to write. Settings hold no secrets, only paths of files that do; values may be shown.

use std::fmt;
use std::io;
use std::path::PathBuf;

use thiserror::Error;

/// Why the settings cannot be used. The text names the file, variable or flag, and the remedy.
#[derive(Debug, Error)]
pub enum ConfigError {
    /// The settings file cannot be read.
    #[error("{}: cannot be read ({cause}): check the path and its permissions", file.display())]
    Read {
        /// The file that was named.
        file: PathBuf,
        /// What the system said.
        cause: io::Error,
    },
    /// The settings file is not TOML.
    #[error("{}: not valid TOML: {problem}", file.display())]
    Syntax {
        /// The file that was named.
        file: PathBuf,
        /// What the parser said, with line and column.
        problem: String,
    },
    /// A key that no setting has.
    #[error("{origin}: there is no setting {key:?}: {advice}")]
    Unknown {
        /// Where it was found.
        origin: Origin,
        /// The full key, `section.key`.
        key: String,
        /// The nearest setting, or where the list is.
        advice: String,
    },
    /// A value that the setting does not take.
    #[error("{origin}: {key}: {problem}")]
    Value {
        /// Where it was found.
        origin: Origin,
        /// The full key, `section.key`.
        key: String,
        /// What is wrong and what to write.
        problem: String,
    },
    /// Two settings that contradict one another.
    #[error("{problem}: {advice}")]
    Conflict {
        /// Both settings, their values and where they were set.
        problem: String,
        /// What to change.
        advice: String,
    },
}

/// Where a value came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// Nobody said anything.
    Default,
    /// The settings file.
    File(PathBuf),
    /// An environment variable, by its name.
    Variable(String),
    /// A flag of the command line, by its name.
    Flag(&'static str),
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("the default"),
            Self::File(file) => write!(f, "{}", file.display()),
            Self::Variable(name) => write!(f, "the environment variable {name}"),
            Self::Flag(name) => write!(f, "the flag {name}"),
        }
    }
}
