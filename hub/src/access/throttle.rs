//! Slows down guessing: so many wrong secrets a minute for each key, such as an address.
//!
//! A secret that has to be checked is counted before that, and given back when it was good: counted
//! after it, any number could be checked at once. Only failures stay counted. Whatever is known to
//! be good without a check must not come here: then nobody behind the same address locks a person
//! out. This room reads no clock: `now` is given.
//!
//! For each key one moment is kept, the time when all of its failures will be paid off (the generic
//! cell rate algorithm, ITU-T I.371): a failure adds `minute / limit`, time pays it off.

use std::collections::HashMap;
use std::hash::Hash;
use std::time::{Duration, Instant};

const MINUTE: Duration = Duration::from_secs(60);

/// A failure that was counted before it came.
#[derive(Debug)]
pub struct Reserved {
    /// When it will be paid off.
    paid_off: Instant,
}

/// Failures by key, bounded in memory.
#[derive(Debug)]
pub struct Throttle<K> {
    /// What one failure costs.
    price: Duration,
    /// Keys remembered at most.
    capacity: usize,
    paid_off: HashMap<K, Instant>,
}

impl<K: Hash + Eq + Clone> Throttle<K> {
    /// Allows so many failures a minute (at least 1) and remembers so many keys (at least 2).
    pub fn new(failures_per_minute: u32, capacity: usize) -> Self {
        let price = MINUTE / failures_per_minute.max(1);
        Self { price, capacity: capacity.max(2), paid_off: HashMap::new() }
    }

    /// Counts a failure that may come.
    ///
    /// # Errors
    /// When this key has used up its failures: how long until one is free again. Asking during the
    /// wait does not lengthen it.
    pub fn reserve(&mut self, key: &K, now: Instant) -> Result<Reserved, Duration> {
        if let Some(wait) = self.wait(key, now) {
            return Err(wait);
        }
        self.make_room(key, now);
        let paid_off = self.paid_off.entry(key.clone()).or_insert(now);
        *paid_off = (*paid_off).max(now) + self.price;
        Ok(Reserved { paid_off: *paid_off })
    }

    /// Takes back a failure that did not come; of it, what time has not paid off already.
    pub fn give_back(&mut self, key: &K, reserved: &Reserved, now: Instant) {
        let price = reserved.paid_off.saturating_duration_since(now).min(self.price);
        let Some(paid_off) = self.paid_off.get_mut(key) else { return };
        match paid_off.checked_sub(price).filter(|paid_off| *paid_off > now) {
            Some(less) => *paid_off = less,
            None => drop(self.paid_off.remove(key)),
        }
    }

    /// How long this key has to wait before another failure would be counted, if at all.
    fn wait(&self, key: &K, now: Instant) -> Option<Duration> {
        let owed = self.paid_off.get(key)?.saturating_duration_since(now);
        // A minute of failures may be owed; the next one must fit in whole.
        let wait = (owed + self.price).saturating_sub(MINUTE);
        (!wait.is_zero()).then_some(wait)
    }

    /// Forgets keys that owe nothing, and when that is not enough the half that owes least: an
    /// attacker with many addresses cannot push out those that guess most.
    fn make_room(&mut self, key: &K, now: Instant) {
        if self.paid_off.len() < self.capacity || self.paid_off.contains_key(key) {
            return;
        }
        self.paid_off.retain(|_, paid_off| *paid_off > now);
        if self.paid_off.len() < self.capacity {
            return;
        }
        let mut moments: Vec<Instant> = self.paid_off.values().copied().collect();
        let middle = moments.len() / 2;
        let (_, median, _) = moments.select_nth_unstable(middle);
        let median = *median;
        // Equal moments all stay here or all go, so at least the half is gone either way.
        self.paid_off.retain(|_, paid_off| *paid_off > median);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    impl<K: Hash + Eq + Clone> Throttle<K> {
        /// Counts a failure that came; how long to wait when that is too many.
        fn fail(&mut self, key: &K, now: Instant) -> Option<Duration> {
            self.reserve(key, now).err()
        }
    }

    #[test]
    fn the_limit_is_a_minutes_worth_and_comes_back_evenly() {
        let (mut throttle, start) = (Throttle::new(10, 100), Instant::now());
        for failure in 0..10 {
            assert_eq!(throttle.wait(&"a", start), None, "{failure}");
            assert_eq!(throttle.fail(&"a", start), None, "{failure}");
        }
        assert_eq!(throttle.fail(&"a", start), Some(6 * SECOND));
        assert_eq!(throttle.fail(&"a", start + 5 * SECOND), Some(SECOND));
        assert_eq!(throttle.wait(&"a", start + 6 * SECOND), None);
        assert_eq!(throttle.fail(&"a", start + 6 * SECOND), None);
        assert!(throttle.fail(&"a", start + 6 * SECOND).is_some());
        assert_eq!(throttle.fail(&"b", start), None, "another key is another matter");
        for _ in 0..10 {
            assert_eq!(throttle.fail(&"a", start + 200 * SECOND), None);
        }
    }

    #[test]
    fn what_did_not_fail_is_given_back_and_no_more_than_that() {
        let (mut throttle, start) = (Throttle::new(2, 100), Instant::now());
        let first = throttle.reserve(&0, start).unwrap();
        let second = throttle.reserve(&0, start).unwrap();
        assert!(throttle.reserve(&0, start).is_err(), "counted before it fails");
        throttle.give_back(&0, &second, start);
        assert_eq!(throttle.fail(&0, start), None);
        assert!(throttle.reserve(&0, start).is_err());
        // The first was paid off by time: giving it back takes nothing from later ones.
        let later = start + 60 * SECOND;
        assert_eq!((throttle.fail(&0, later), throttle.fail(&0, later)), (None, None));
        throttle.give_back(&0, &first, later);
        assert!(throttle.reserve(&0, later).is_err());
        let only = throttle.reserve(&1, later).unwrap();
        throttle.give_back(&1, &only, later);
        assert!(!throttle.paid_off.contains_key(&1), "whoever owes nothing is forgotten");
    }

    #[test]
    fn odd_limits_allow_exactly_their_number() {
        for limit in [1, 7, 11, 60, 1000] {
            let (mut throttle, start) = (Throttle::new(limit, 10), Instant::now());
            let allowed = (0..2 * limit).filter(|_| throttle.fail(&0, start).is_none()).count();
            assert_eq!(allowed, limit as usize);
        }
    }

    #[test]
    fn memory_stays_bounded_and_the_worst_stay_known() {
        let (mut throttle, start) = (Throttle::new(2, 64), Instant::now());
        throttle.fail(&usize::MAX, start);
        throttle.fail(&usize::MAX, start);
        for key in 0..10_000 {
            throttle.fail(&key, start);
            assert!(throttle.paid_off.len() <= 64);
        }
        assert!(throttle.wait(&usize::MAX, start).is_some());
        throttle.fail(&0, start + 2 * MINUTE);
        assert!(throttle.paid_off.len() <= 64);
    }

    #[test]
    fn a_clock_that_stands_still_or_goes_back_is_no_way_around() {
        let (mut throttle, start) = (Throttle::new(1, 4), Instant::now() + MINUTE);
        assert_eq!(throttle.fail(&0, start), None);
        assert!(throttle.fail(&0, start - 30 * SECOND).is_some());
    }
}
