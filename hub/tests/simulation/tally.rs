//! What really happened in a run, and in all runs: numbers for one line, and the proof that a check
//! had something to check.

use std::collections::BTreeMap;
use std::fmt;

use syncline_protocol::Code;

/// Counts of one run.
#[derive(Debug, Clone, Default)]
pub(crate) struct Tally {
    pub(crate) counts: BTreeMap<Kind, u64>,
    /// The hub's refusals of pushes.
    pub(crate) rejects: BTreeMap<Code, u64>,
}

macro_rules! kinds {
    ($($name:ident = $word:literal,)*) => {
        /// What is counted.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        pub(crate) enum Kind { $($name,)* }

        impl Kind {
            pub(crate) const ALL: &[Self] = &[$(Self::$name,)*];

            fn as_str(self) -> &'static str {
                match self { $(Self::$name => $word,)* }
            }
        }
    };
}

kinds! {
    Pushes = "pushes",
    Acks = "acks",
    Guarded = "guarded",
    Races = "races",
    Repeats = "repeats",
    Conflicts = "conflicts",
    DoorWrites = "door writes",
    Lost = "lost",
    Doubled = "doubled",
    Late = "late",
    Reordered = "reordered",
    Cuts = "cuts",
    Crashes = "crashes",
    TornCommits = "torn commits",
    HubClockJumps = "hub clock jumps",
    DeviceClockJumps = "device clock jumps",
    DeviceRestarts = "device restarts",
    Absences = "absences",
    Stalls = "stalls",
    Snapshots = "snapshots",
    Overflows = "overflows",
    Tombstones = "purges",
    Compacted = "entries compacted",
    Verified = "verified",
}

/// Refusals that must have happened at least once over all runs.
pub(crate) const REJECTS: &[Code] =
    &[Code::ClockDrift, Code::Expired, Code::Forbidden, Code::GuardFailed, Code::ClockBack];

impl Tally {
    pub(crate) fn count(&mut self, kind: Kind) {
        self.add(kind, 1);
    }

    pub(crate) fn add(&mut self, kind: Kind, number: u64) {
        *self.counts.entry(kind).or_default() += number;
    }

    pub(crate) fn get(&self, kind: Kind) -> u64 {
        self.counts.get(&kind).copied().unwrap_or(0)
    }

    pub(crate) fn reject(&mut self, code: Code) {
        *self.rejects.entry(code).or_default() += 1;
    }

    pub(crate) fn join(&mut self, other: &Self) {
        other.counts.iter().for_each(|(&kind, &number)| self.add(kind, number));
        for (&code, &number) in &other.rejects {
            *self.rejects.entry(code).or_default() += number;
        }
    }

    /// What never happened and should have.
    pub(crate) fn missing(&self) -> Vec<String> {
        let kinds = Kind::ALL.iter().filter(|kind| self.get(**kind) == 0);
        let codes = REJECTS.iter().filter(|code| !self.rejects.contains_key(code));
        kinds.map(|kind| kind.as_str().to_owned()).chain(codes.map(Code::to_string)).collect()
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for kind in Kind::ALL {
            write!(f, "{} {}, ", self.get(*kind), kind.as_str())?;
        }
        f.write_str("rejects:")?;
        for (code, number) in &self.rejects {
            write!(f, " {code} {number}")?;
        }
        Ok(())
    }
}
