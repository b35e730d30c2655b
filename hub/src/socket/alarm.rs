//! The alarm of one session: when it wakes though nothing has come.

use std::pin::Pin;
use std::time::Duration;

use tokio::time::{Instant, Sleep};

/// A session without any deadline looks again after so long.
const WAKE_MAX_MS: u64 = 60_000;
/// A deadline at least so far away is met with those of other sessions, at the next multiple of
/// [`TOGETHER_MS`]: thousands that wake one by one cost more in waking than in what they do.
const FAR_MS: u64 = 10_000;
const TOGETHER_MS: u64 = 500;

/// Rings at a deadline, or before it.
pub(super) struct Alarm {
    /// Set anew only when the deadline is another one: most turns leave it where it is.
    sleep: Pin<Box<Sleep>>,
    /// When it rings, in milliseconds since 1970.
    at_ms: u64,
}

impl Default for Alarm {
    fn default() -> Self {
        Self { sleep: Box::pin(tokio::time::sleep(Duration::ZERO)), at_ms: 0 }
    }
}

impl Alarm {
    /// Sets it to a deadline, in milliseconds since 1970; none is as good as a minute.
    pub(super) fn set(&mut self, at_ms: Option<u64>, now_ms: u64) {
        let at_ms = at_ms.unwrap_or(now_ms + WAKE_MAX_MS);
        // A deadline that moved away is met by waking too early once, which does nothing.
        let is_set = self.at_ms >= now_ms && self.at_ms <= at_ms;
        if !is_set {
            let wait = Duration::from_millis(at_ms.saturating_sub(now_ms));
            self.sleep.as_mut().reset(Instant::now() + wait);
            self.at_ms = at_ms;
        }
    }

    /// Waits until it rings. May be dropped and asked again.
    pub(super) async fn rings(&mut self) {
        self.sleep.as_mut().await;
        self.at_ms = 0;
    }
}

/// When to meet a deadline that may be met a little late.
pub(super) fn with_others(at_ms: u64, now_ms: u64) -> u64 {
    let is_far = at_ms >= now_ms.saturating_add(FAR_MS);
    // There is no later multiple when the deadline is never.
    let together = at_ms.checked_next_multiple_of(TOGETHER_MS).unwrap_or(at_ms);
    if is_far { together } else { at_ms }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn far_deadlines_are_met_together_and_near_ones_on_time() {
        assert_eq!(with_others(109_999, 100_000), 109_999);
        assert_eq!(with_others(110_001, 100_000), 110_500);
        assert_eq!(with_others(110_500, 100_000), 110_500);
        assert_eq!(with_others(u64::MAX, 100_000), u64::MAX);
    }

    #[tokio::test]
    async fn a_nearer_deadline_counts_and_one_that_moved_away_waits_until_it_rang() {
        let mut alarm = Alarm::default();
        for (deadline, at_ms) in [(None, 61_000), (Some(3_000), 3_000), (Some(9_000), 3_000)] {
            alarm.set(deadline, 1_000);
            assert_eq!(alarm.at_ms, at_ms);
        }
        alarm.set(Some(1_000), 1_000);
        alarm.rings().await;
        alarm.set(Some(9_000), 1_000);
        assert_eq!(alarm.at_ms, 9_000);
    }
}
