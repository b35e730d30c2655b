//! How far apart commits are: as close as the disk allows, until it stalls.
//!
//! Disks of rented machines allow so many writes a second and then none for a while: whoever asks
//! for more waits many times as long as usual, and again soon after. A disk that is slow, or once
//! in a while late, is none of these. While a disk stalls commits keep a distance, and for a minute
//! after.

use std::sync::{Mutex, MutexGuard};
use std::time::{Duration, Instant};

/// A sync that takes so many times as long as usual is a stall ...
const TIMES_USUAL: u32 = 8;
/// ... and so long, for on a quick disk a moment of the scheduler's is many times as long.
const STALL_MIN: Duration = Duration::from_millis(10);
/// So many stalls, each soon after another, are no accident.
const STALLS: u32 = 3;
/// How soon after each other.
const SOON: Duration = Duration::from_millis(500);
/// How long commits keep their distance after the last stall.
const CAREFUL: Duration = Duration::from_secs(60);
/// What is usual changes by this part of what a sync took differently.
const SMOOTHING: u32 = 16;

/// When the next commit may begin.
#[derive(Debug)]
pub struct Pacing {
    interval: Duration,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    usual: Duration,
    /// Stalls that came soon after each other, and the last of them.
    stalls: u32,
    last: Option<Instant>,
    careful_until: Option<Instant>,
}

impl Pacing {
    /// Pacing that keeps commits so far apart while the disk stalls.
    #[must_use]
    pub fn new(interval: Duration) -> Self {
        Self { interval, state: Mutex::default() }
    }

    /// The time from a commit that begins now to the next, at least.
    #[must_use]
    pub fn interval(&self, now: Instant) -> Duration {
        let is_careful = self.lock().careful_until.is_some_and(|until| now < until);
        if is_careful { self.interval } else { Duration::ZERO }
    }

    /// A sync took so long and has ended now.
    pub fn notice(&self, took: Duration, now: Instant) {
        self.lock().notice(took, now);
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("nothing panics while it holds the pacing")
    }
}

impl State {
    fn notice(&mut self, took: Duration, now: Instant) {
        if self.usual.is_zero() {
            self.usual = took;
        }
        let is_stall = took > STALL_MIN.max(self.usual * TIMES_USUAL);
        // A stall counts as no more than what it takes to be one, or the next would be usual.
        let counted = took.min(self.usual * TIMES_USUAL);
        self.usual = (self.usual * (SMOOTHING - 1) + counted) / SMOOTHING;
        if !is_stall {
            return;
        }
        let is_soon = self.last.is_some_and(|last| now.duration_since(last) < SOON + took);
        self.stalls = if is_soon { self.stalls.saturating_add(1) } else { 1 };
        self.last = Some(now);
        if self.stalls >= STALLS {
            self.careful_until = Some(now + CAREFUL);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const INTERVAL: Duration = Duration::from_micros(750);

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    /// A disk whose syncs take so long, `every`th of them `stall`, one after the other.
    fn after(syncs: u32, usual: Duration, every: u32, stall: Duration) -> (Pacing, Instant) {
        let (pacing, mut now) = (Pacing::new(INTERVAL), Instant::now());
        for number in 1..=syncs {
            let took = if number.is_multiple_of(every) { stall } else { usual };
            now += took;
            pacing.notice(took, now);
        }
        (pacing, now)
    }

    #[test]
    fn a_disk_that_keeps_up_is_not_waited_for() {
        for usual in [Duration::from_micros(100), ms(3), ms(12)] {
            let (pacing, now) = after(1000, usual, u32::MAX, ms(0));
            assert_eq!(pacing.interval(now), Duration::ZERO, "{usual:?}");
        }
        // One that is late every second or so has something else to do, and one that takes twice
        // as long at times is just a disk.
        let (pacing, now) = after(20_000, Duration::from_micros(200), 5_000, ms(10));
        assert_eq!(pacing.interval(now), Duration::ZERO);
        let (pacing, now) = after(1000, ms(3), 3, ms(6));
        assert_eq!(pacing.interval(now), Duration::ZERO);
    }

    #[test]
    fn one_that_stalls_again_and_again_is_for_a_minute() {
        let (pacing, now) = after(1000, Duration::from_micros(400), 200, ms(40));
        assert_eq!(pacing.interval(now), INTERVAL);
        assert_eq!(pacing.interval(now + CAREFUL - ms(1)), INTERVAL);
        assert_eq!(pacing.interval(now + CAREFUL), Duration::ZERO);
    }
}
