//! A place in an app's log, for apps an opaque word.

use std::fmt;
use std::str::FromStr;

use syncline_protocol::Epoch;

/// The log's epoch, and the last sequence that was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Cursor {
    pub(super) epoch: Epoch,
    pub(super) sequence: u64,
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{:x}", self.epoch, self.sequence)
    }
}

/// A word that is no cursor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct NoCursor;

impl FromStr for Cursor {
    type Err = NoCursor;

    /// There is one word for each place.
    fn from_str(text: &str) -> Result<Self, NoCursor> {
        let (epoch, sequence) = text.split_once('-').ok_or(NoCursor)?;
        let epoch = epoch.parse().map_err(|_| NoCursor)?;
        let sequence = u64::from_str_radix(sequence, 16).map_err(|_| NoCursor)?;
        let cursor = Self { epoch, sequence };
        if cursor.to_string() == text { Ok(cursor) } else { Err(NoCursor) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cursors_read_back_and_nothing_else_is_one() {
        let cursor = Cursor { epoch: Epoch(255), sequence: 300 };
        assert_eq!(cursor.to_string(), "00000000000000ff-12c");
        assert_eq!(cursor.to_string().parse(), Ok(cursor));
        for wrong in ["", "-", "ff-1", "00000000000000ff", "00000000000000ff-+1", "1759985518"] {
            assert_eq!(wrong.parse::<Cursor>(), Err(NoCursor), "{wrong}");
        }
    }
}
