//! How a subscription reads: which frame joins which, and what waits until a catch-up is whole.
//!
//! ```text
//!              begin             part 0, 1, ..             end
//!   Beginning -------> Snapshot ---------------> Snapshot ------> Following --+
//!       |                                                    changes, more    | changes, no more:
//!       |     changes, more                                          ^--------+ applied whole
//!       +------------------------------------------> Following                v
//!       |     changes, no more                           ^------------------ Live
//!       +----------------------------------------------------more-----------> ^
//! ```
//! A frame covers (before, last]. It is taken when `before` is at or below the cursor; beyond is a
//! gap. This room holds what is staged and touches neither the copy nor the app's view of it.

use super::copy::SpaceCopy;
use super::event::RecordName;
use crate::cursor::{Cursor, ViewMark};
use crate::delta::Applied;
use crate::frame::{SnapshotMode, Total};

/// Where a subscription stands in its stream.
#[derive(Debug)]
pub(super) enum Reading {
    /// The hub has answered; a snapshot or changes follow.
    Beginning {
        /// Whether only a snapshot can follow: what the replica holds is of another log or view.
        snapshot_only: bool,
    },
    /// Between the beginning of a snapshot and its end.
    Snapshot(Snapshot),
    /// Changes follow, up to a frame with no more behind it.
    Following(Staged),
    /// Every frame is applied as it comes.
    Live,
}

/// A snapshot in the making.
#[derive(Debug)]
pub(super) struct Snapshot {
    pub(super) mode: SnapshotMode,
    pub(super) total: Total,
    pub(super) parts: u64,
    pub(super) records: u64,
    pub(super) copy: SpaceCopy,
}

/// What is applied together at the end of a catch-up.
#[derive(Debug)]
pub(super) struct Staged {
    /// What takes the place of the copy, if anything does.
    pub(super) snapshot: Option<(SnapshotMode, SpaceCopy)>,
    /// Where the catch-up stands.
    pub(super) cursor: Cursor,
    /// What happens to the copy, in order; empty when there is a snapshot to do it to.
    pub(super) steps: Vec<Step>,
}

/// One thing that happens to a copy.
#[derive(Debug)]
pub(super) enum Step {
    Merge(Applied),
    Remove(RecordName),
}

/// What a frame that belongs to the stream does.
#[derive(Debug)]
pub(super) enum Taken {
    /// Nothing: it repeats what is known, or belongs to an older subscription.
    Ignored,
    /// It is staged.
    Staged,
    /// A catch-up is whole.
    Whole(Box<Staged>),
    /// Something is missing before it.
    Gap(Gap),
}

/// What to do about a gap.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Gap {
    /// Subscribe again from the cursor.
    Resubscribe,
    /// Begin a new session: parts of two snapshots in one could be taken for each other.
    Reconnect,
}

/// How a frame relates to a cursor.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Cover {
    Old,
    New,
    Gap,
}

/// Whether a frame that covers (before, last] joins a cursor at `at`.
pub(super) fn cover(at: u64, before: u64, last: u64) -> Cover {
    match () {
        () if before > at || last < before => Cover::Gap,
        () if last < at => Cover::Old,
        () => Cover::New,
    }
}

/// The deltas of a frame that are news at `at`. What joins a view arrives in a frame that covers
/// nothing and counts whole; otherwise what lies at or below the cursor was received before, and
/// may have been withdrawn since.
pub(super) fn news(
    at: u64,
    (before, last): (u64, u64),
    deltas: Vec<Applied>,
) -> impl Iterator<Item = Applied> {
    deltas.into_iter().filter(move |applied| before == last || applied.sequence > at)
}

impl Staged {
    pub(super) fn take(&mut self, step: Step) {
        match (&mut self.snapshot, step) {
            (None, step) => self.steps.push(step),
            (Some((_, copy)), Step::Merge(applied)) => {
                copy.merge(&applied);
            }
            (Some((_, copy)), Step::Remove(name)) => {
                copy.remove(&name);
            }
        }
    }
}

impl Reading {
    /// A snapshot begins. One that nobody waits for is a repeat.
    pub(super) fn begin(&mut self, mode: SnapshotMode, total: Total) -> Taken {
        if !matches!(self, Self::Beginning { .. }) {
            return Taken::Ignored;
        }
        let copy = SpaceCopy::default();
        *self = Self::Snapshot(Snapshot { mode, total, parts: 0, records: 0, copy });
        Taken::Staged
    }

    /// Records of a snapshot: parts come in order, each once.
    pub(super) fn part(&mut self, part: u64, deltas: &[Applied]) -> Taken {
        let snapshot = match self {
            Self::Snapshot(snapshot) => snapshot,
            // Its beginning was lost.
            Self::Beginning { .. } => return Taken::Gap(Gap::Reconnect),
            Self::Following(_) | Self::Live => return Taken::Ignored,
        };
        if part != snapshot.parts {
            let is_repeat = part < snapshot.parts;
            return if is_repeat { Taken::Ignored } else { Taken::Gap(Gap::Reconnect) };
        }
        snapshot.parts += 1;
        let mut previous = None;
        for applied in deltas {
            // The deltas of one record stand together.
            let change = &applied.delta.change;
            let name = Some((&change.collection, &change.key));
            snapshot.records += u64::from(name != previous);
            previous = name;
            snapshot.copy.merge(applied);
        }
        Taken::Staged
    }

    /// A snapshot ends; what was applied since it began follows.
    pub(super) fn end(&mut self, parts: u64, cursor: Cursor) -> Taken {
        match self {
            Self::Snapshot(snapshot) if snapshot.parts == parts => {
                let copy = std::mem::take(&mut snapshot.copy);
                let snapshot = Some((snapshot.mode, copy));
                *self = Self::Following(Staged { snapshot, cursor, steps: Vec::new() });
                Taken::Staged
            }
            Self::Snapshot(_) | Self::Beginning { .. } => Taken::Gap(Gap::Reconnect),
            Self::Following(_) | Self::Live => Taken::Ignored,
        }
    }

    /// Changes, told where the copy's cursor stands.
    pub(super) fn changes(
        &mut self,
        cursor: Option<Cursor>,
        (before, last, more): (u64, u64, bool),
        deltas: Vec<Applied>,
    ) -> Taken {
        let (at, has_snapshot, cursor) = match (&*self, cursor) {
            (Self::Following(staged), _) => {
                (staged.cursor.sequence, staged.snapshot.is_some(), staged.cursor)
            }
            (Self::Live | Self::Beginning { snapshot_only: false }, Some(cursor)) => {
                (cursor.sequence, false, cursor)
            }
            // The snapshot that was to come first has lost its beginning or its end.
            _ => return Taken::Gap(Gap::Reconnect),
        };
        match cover(at, before, last) {
            Cover::Gap if has_snapshot => return Taken::Gap(Gap::Reconnect),
            Cover::Gap => return Taken::Gap(Gap::Resubscribe),
            Cover::Old => return Taken::Ignored,
            Cover::New => {}
        }
        let mut staged = match std::mem::replace(self, Self::Live) {
            Self::Following(staged) => staged,
            _ => Staged { snapshot: None, cursor, steps: Vec::new() },
        };
        news(at, (before, last), deltas).for_each(|applied| staged.take(Step::Merge(applied)));
        staged.cursor.sequence = last;
        if !more {
            return Taken::Whole(Box::new(staged));
        }
        *self = Self::Following(staged);
        Taken::Staged
    }

    /// The view has another mark; whether the catch-up under way takes care of it.
    pub(super) fn view(&mut self, mark: ViewMark) -> bool {
        match self {
            Self::Following(staged) => {
                staged.cursor.view = mark;
                true
            }
            // The cursor at the snapshot's end carries the mark.
            Self::Snapshot(_) | Self::Beginning { snapshot_only: true } => true,
            Self::Live | Self::Beginning { snapshot_only: false } => false,
        }
    }

    /// A record leaves the view; whether the catch-up under way takes care of it.
    pub(super) fn withdraw(&mut self, name: &RecordName) -> bool {
        match self {
            Self::Following(staged) => staged.take(Step::Remove(name.clone())),
            Self::Snapshot(snapshot) => {
                snapshot.copy.remove(name);
            }
            Self::Beginning { snapshot_only: true } => {}
            Self::Live | Self::Beginning { snapshot_only: false } => return false,
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_joins_a_cursor_that_it_reaches() {
        assert_eq!(cover(5, 5, 7), Cover::New);
        assert_eq!(cover(5, 3, 7), Cover::New);
        assert_eq!(cover(5, 5, 5), Cover::New);
        assert_eq!(cover(5, 2, 4), Cover::Old);
        assert_eq!(cover(5, 6, 7), Cover::Gap);
        assert_eq!(cover(5, 4, 3), Cover::Gap);
    }
}
