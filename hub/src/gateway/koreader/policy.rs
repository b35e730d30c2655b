//! Which position becomes the current one. Pure: positions and times in, yes or no out.
//!
//! Every accepted push is kept and answered; this decides only what the next pull is told. By
//! default the last push wins, as with the original servers.

use serde::{Deserialize, Serialize};

use super::mapping::Position;

/// Pushes of one device that are no further apart belong to one run, as when a device comes back
/// and drains its queue.
const RUN_GAP_MS: u64 = 10_000;
/// A last position so far in the future came from a clock that was wrong.
pub(super) const AHEAD_S_MAX: u64 = 86_400;

/// What an account chose.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Choice {
    pub(super) policy: Policy,
    /// Whether a queue that is replayed leaves newer positions of other devices alone.
    pub(super) protect: bool,
}

/// Which of two positions wins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Policy {
    /// The one that came later.
    #[default]
    Latest,
    /// The one that is further into the book, until the book is begun anew.
    Furthest,
}

/// Where a position comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Origin {
    /// A device sent it.
    Push,
    /// A person chose it from the history.
    Restore,
    /// It was read from another server's data, with that server's time.
    Import,
    /// A client of the hub wrote it.
    Native,
}

/// A position that may become the current one of a document.
#[derive(Debug, Clone, Copy)]
pub(super) struct Contest<'a> {
    pub(super) origin: Origin,
    pub(super) policy: Policy,
    pub(super) new: &'a Position,
    /// The document's own current one.
    pub(super) current: Option<&'a Position>,
    /// Whether that was imported as well.
    pub(super) is_current_imported: bool,
    /// The current one of all documents that are the same book.
    pub(super) best: Option<&'a Position>,
    /// The book was begun anew: whatever comes counts.
    pub(super) free: bool,
}

impl Contest<'_> {
    /// Whether the new position becomes the current one.
    pub(super) fn is_won(&self) -> bool {
        match self.origin {
            Origin::Restore | Origin::Native => true,
            Origin::Import => self
                .current
                .is_none_or(|here| comes_after(self.new, here, self.is_current_imported)),
            Origin::Push if self.policy == Policy::Latest || self.free => true,
            Origin::Push => self.best.is_none_or(|best| self.new.share() >= best.share()),
        }
    }
}

/// Whether an imported event comes after one that is here. Of one second, what was read here stays.
pub(super) fn comes_after(new: &Position, here: &Position, is_here_imported: bool) -> bool {
    new.by_time(here).is_gt() && (new.timestamp > here.timestamp || is_here_imported)
}

/// The time that a position gets: now, and never less than the one before, unless that one came
/// from a clock that was wrong.
pub(super) fn timestamp(now_s: u64, before: u64) -> u64 {
    if before > now_s + AHEAD_S_MAX { now_s } else { now_s.max(before) }
}

/// The run of pushes that a device is in.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Run {
    /// When its last push came.
    last_ms: u64,
    /// When the last push before the run came; 0 when there was none.
    before_ms: u64,
    /// The document that it began with.
    document: String,
    /// Whether it has come to a second document: then a queue is being replayed.
    several: bool,
    /// What its first push took the place of, and may have to give it back.
    displaced: Option<Position>,
}

/// What a run says of a push.
#[derive(Debug, PartialEq)]
pub(super) struct Said {
    /// The push goes to the history alone.
    pub(super) protects: bool,
    /// The run turned out to be a replay: its first push gives back what it displaced.
    pub(super) gives_back: Option<(String, Position)>,
}

impl Run {
    /// Counts a push in that came now, over a current position (none for a new document).
    pub(super) fn push(
        before: Option<Self>,
        new: &Position,
        document: &str,
        current: Option<&Position>,
        now_ms: u64,
    ) -> (Self, Said) {
        let goes_on = |run: &Self| now_ms.saturating_sub(run.last_ms) <= RUN_GAP_MS;
        let before_ms = before.as_ref().map_or(0, |run| run.last_ms);
        let fresh = || Self {
            last_ms: now_ms,
            before_ms,
            document: document.to_owned(),
            several: false,
            displaced: None,
        };
        let mut run = before.filter(goes_on).unwrap_or_else(fresh);
        run.last_ms = now_ms;
        run.several |= run.document != document;
        let newer = current.filter(|current| run.is_older_than(new, current));
        let given = run.displaced.take_if(|_| run.several);
        let said = Said {
            protects: run.several && newer.is_some(),
            gives_back: given.map(|position| (run.document.clone(), position)),
        };
        if !run.several && run.displaced.is_none() {
            run.displaced = newer.cloned();
        }
        (run, said)
    }

    /// Whether a position of another device is younger than all that this one sent before its run.
    fn is_older_than(&self, new: &Position, current: &Position) -> bool {
        let other = current.device_key() != new.device_key();
        other && self.before_ms > 0 && current.timestamp.saturating_mul(1000) > self.before_ms
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn position(device: &str, percentage: f64, timestamp: u64) -> Position {
        Position {
            progress: percentage.to_string(),
            percentage,
            device: device.to_owned(),
            device_id: None,
            timestamp,
        }
    }

    #[test]
    fn the_last_wins_unless_the_furthest_is_to() {
        let (low, high) = (position("a", 0.1, 20), position("b", 0.9, 10));
        let wins = |origin, policy, free| {
            let (current, best) = (Some(&high), Some(&high));
            let is_current_imported = false;
            Contest { origin, policy, new: &low, current, is_current_imported, best, free }.is_won()
        };
        assert!(wins(Origin::Push, Policy::Latest, false));
        assert!(!wins(Origin::Push, Policy::Furthest, false));
        assert!(wins(Origin::Push, Policy::Furthest, true), "a book begun anew");
        assert!(wins(Origin::Restore, Policy::Furthest, false));
        assert!(wins(Origin::Import, Policy::Furthest, false), "imports go by their time");
    }

    #[test]
    fn percentages_beyond_the_book_count_as_its_ends() {
        let (over, full) = (position("a", 1.5, 1), position("b", 1.0, 2));
        let best = Some(&over);
        let (origin, policy) = (Origin::Push, Policy::Furthest);
        let (current, is_current_imported, free) = (best, false, false);
        let contest =
            Contest { origin, policy, new: &full, current, is_current_imported, best, free };
        assert!(contest.is_won());
    }

    #[test]
    fn an_import_is_current_only_when_it_is_newer() {
        let current = position("a", 0.5, 10);
        let wins = |timestamp| comes_after(&position("b", 0.9, timestamp), &current, false);
        assert!(wins(11) && !wins(10) && !wins(9));
    }

    #[test]
    fn of_imported_events_of_one_second_the_same_wins_in_any_order() {
        let same_device = [position("a", 0.5, 10), position("a", 0.6, 10)];
        let other_device = [position("a", 0.5, 10), position("b", 0.5, 10)];
        for [one, other] in [same_device, other_device] {
            assert!(comes_after(&other, &one, true) && !comes_after(&one, &other, true));
            assert!(!comes_after(&other, &one, false) && !comes_after(&one, &other, false));
            assert!(!comes_after(&one, &one, true));
        }
    }

    #[test]
    fn time_never_goes_back_but_for_a_clock_that_was_wrong() {
        assert_eq!(timestamp(100, 50), 100);
        assert_eq!(timestamp(100, 150), 150);
        assert_eq!(timestamp(100, 100 + 86_401), 100);
    }

    /// The reader was away for a week; another device pushed yesterday, at 900 s.
    #[test]
    fn a_replayed_queue_leaves_newer_positions_alone() {
        let old = position("reader", 0.1, 0);
        let newer = position("phone", 0.5, 900);
        let (run, said) = Run::push(None, &old, "x", None, 100_000);
        assert_eq!(said, Said { protects: false, gives_back: None });
        // The first push of a run cannot be told from one that was just made.
        let (run, said) = Run::push(Some(run), &old, "a", Some(&newer), 1_000_000);
        assert_eq!(said, Said { protects: false, gives_back: None });
        // The second document tells: the first is given back, and this one is left alone.
        let (run, said) = Run::push(Some(run), &old, "b", Some(&newer), 1_000_500);
        assert_eq!(
            said,
            Said { protects: true, gives_back: Some(("a".to_owned(), newer.clone())) }
        );
        let (run, said) = Run::push(Some(run), &old, "c", None, 1_001_000);
        assert_eq!(said, Said { protects: false, gives_back: None });
        // Later it reads on: that is no replay.
        let (_, said) = Run::push(Some(run), &old, "b", Some(&newer), 1_100_000);
        assert!(!said.protects);
    }

    #[test]
    fn one_book_read_on_is_no_replay() {
        let (new, newer) = (position("reader", 0.2, 0), position("phone", 0.5, 900));
        let (mut run, _) = Run::push(None, &new, "a", None, 100_000);
        for now_ms in [1_000_000, 1_001_000, 1_002_000] {
            let (next, said) = Run::push(Some(run), &new, "a", Some(&newer), now_ms);
            assert_eq!(said, Said { protects: false, gives_back: None });
            run = next;
        }
    }
}
