//! A pattern: one value, or every value with one beginning.

use std::fmt;
use std::str::FromStr;

/// Bytes of a pattern at most.
const BYTES_MAX: usize = 1024;

/// Matches one value exactly, or with a `*` at its end every value that begins so.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Pattern(String);

/// Why a text is no pattern. Said as the specification of simple-sync says it (section 2.4), after
/// the name of what the pattern is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoPattern {
    /// It is empty.
    Empty,
    /// It has a control character.
    Control,
    /// It has a `*` elsewhere than at its end.
    Wildcard,
    /// It is longer than 1,024 bytes.
    TooLong,
}

impl fmt::Display for NoPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Empty => "pattern cannot be empty",
            Self::Control => "pattern contains invalid control characters",
            Self::Wildcard => "pattern can have at most one wildcard at the end",
            Self::TooLong => "pattern is longer than 1024 bytes",
        })
    }
}

impl Pattern {
    /// The pattern as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether a value is meant. Bytes are compared: case matters, and no separator is special.
    #[must_use]
    pub fn matches(&self, value: &str) -> bool {
        match self.beginning() {
            Some(beginning) => value.starts_with(beginning),
            None => self.0 == value,
        }
    }

    /// What every value that is meant begins with; none when one value alone is meant.
    #[must_use]
    pub fn beginning(&self) -> Option<&str> {
        self.0.strip_suffix('*')
    }

    /// Twice the score of the specification (section 3.2): the length in bytes, less a half when it
    /// ends with `*`. Patterns that match one value never have the same.
    #[must_use]
    pub fn specificity(&self) -> u64 {
        2 * self.0.len() as u64 - u64::from(self.beginning().is_some())
    }
}

impl FromStr for Pattern {
    type Err = NoPattern;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let stem = text.strip_suffix('*').unwrap_or(text);
        if text.is_empty() {
            Err(NoPattern::Empty)
        } else if text.bytes().any(|byte| byte < 0x20 || byte == 0x7f) {
            Err(NoPattern::Control)
        } else if stem.contains('*') {
            Err(NoPattern::Wildcard)
        } else if text.len() > BYTES_MAX {
            Err(NoPattern::TooLong)
        } else {
            Ok(Self(text.to_owned()))
        }
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
