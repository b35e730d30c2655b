//! The time that devices are told. Pure.
//!
//! Devices ask for what is later than the last time they know, in whole seconds. So a change in a
//! second that somebody knows already must be told with a later one, whenever that somebody may not
//! hear of it otherwise: a barrier stands between the two.

/// How many seconds that time may run ahead of the clock: the app takes the greatest it ever saw.
pub(crate) const LEAD_MAX: i64 = 3;

/// What stands between the last time told and the next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Barrier {
    /// Nothing.
    Open,
    /// Somebody without a socket wrote last, and somebody else writes now. Gives way at the lead.
    Soft,
    /// Somebody read, or was cut off, while it was still that second. Never gives way.
    Hard,
}

/// Time has to pass before anything is told.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Hold;

/// The next time, no earlier than the last.
pub(super) fn next(now: i64, last: i64, barrier: Barrier) -> Result<i64, Hold> {
    let past = now.max(last.saturating_add(1));
    match barrier {
        Barrier::Open => Ok(now.max(last)),
        _ if past <= now.saturating_add(LEAD_MAX) => Ok(past),
        Barrier::Soft => Ok(now.max(last)),
        Barrier::Hard => Err(Hold),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_goes_on_and_never_back() {
        assert_eq!(next(10, 5, Barrier::Open), Ok(10));
        assert_eq!(next(10, 10, Barrier::Open), Ok(10));
        assert_eq!(next(9, 10, Barrier::Open), Ok(10));
    }

    #[test]
    fn a_barrier_adds_a_second_only_where_one_is_missing() {
        assert_eq!(next(10, 10, Barrier::Hard), Ok(11));
        assert_eq!(next(10, 5, Barrier::Hard), Ok(10));
        assert_eq!(next(10, 12, Barrier::Soft), Ok(13));
    }

    #[test]
    fn the_lead_is_bounded() {
        assert_eq!(next(10, 13, Barrier::Soft), Ok(13));
        assert_eq!(next(10, 13, Barrier::Hard), Err(Hold));
        assert_eq!(next(11, 13, Barrier::Hard), Ok(14));
    }
}
