//! How fast the door lets newcomers in: a few at a time, so that thousands who come back at once
//! do not stand in the scheduler's queue before those who are there. It has one queue, and whoever
//! is there waits twice in it for what it writes: to be read, and to be answered.
//!
//! What is bounded is work, not connections. Whoever has not finished within its head start waits
//! for its network, or means harm, and is counted no more: nobody, however slow, shuts the door.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::{Instant, timeout_at};

/// Newcomers whom the hub works for at a time.
const FEW: usize = 8;
/// After so long somebody else may come in as well: at least 800 a second do.
const HEAD_START: Duration = Duration::from_millis(10);

/// Those who are being let in.
#[derive(Debug, Default)]
pub(crate) struct Newcomers {
    entering: Mutex<Entering>,
    left: Notify,
}

#[derive(Debug, Default)]
struct Entering {
    next: u64,
    /// When each came; a smaller number came earlier.
    since: BTreeMap<u64, Instant>,
}

/// A connection that is being let in: until its first request is answered or, of a session, until
/// its first subscription is live. It is in when this and all that were cloned from it are dropped.
#[derive(Debug, Clone)]
pub struct Newcomer {
    _turn: Arc<Turn>,
}

#[derive(Debug)]
struct Turn {
    number: u64,
    newcomers: Arc<Newcomers>,
}

impl Newcomers {
    /// Waits until there is room for one more.
    pub(crate) async fn enter(self: &Arc<Self>) -> Newcomer {
        loop {
            match self.try_enter(Instant::now()) {
                Ok(number) => {
                    return Newcomer { _turn: Arc::new(Turn { number, newcomers: self.clone() }) };
                }
                // Either way one more may come in.
                Err(until) => drop(timeout_at(until, self.left.notified()).await),
            }
        }
    }

    /// The number of one more; or when the oldest will have had its head start.
    fn try_enter(&self, now: Instant) -> Result<u64, Instant> {
        let mut entering = self.lock();
        if entering.since.len() >= FEW
            && let Some(oldest) = entering.since.first_entry()
        {
            let until = *oldest.get() + HEAD_START;
            if now < until {
                return Err(until);
            }
            oldest.remove();
        }
        let number = entering.next;
        entering.next += 1;
        entering.since.insert(number, now);
        Ok(number)
    }

    fn lock(&self) -> MutexGuard<'_, Entering> {
        self.entering.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        if self.newcomers.lock().since.remove(&self.number).is_some() {
            self.newcomers.left.notify_one();
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;

    use super::*;

    #[tokio::test]
    async fn a_few_come_in_and_the_next_when_one_of_them_is_in() {
        let newcomers = Arc::new(Newcomers::default());
        // In an hour that never ends, so that only whoever leaves makes room.
        let later = Instant::now() + Duration::from_secs(3_600);
        let enter = || newcomers.try_enter(later);
        let numbers: Vec<_> = (0..FEW).map(|_| enter().expect("there is room")).collect();
        let turn = Arc::new(Turn { number: numbers[3], newcomers: newcomers.clone() });
        let newcomer = Newcomer { _turn: turn };
        let clone = newcomer.clone();
        assert_eq!(enter(), Err(later + HEAD_START));
        let next = newcomers.enter();
        tokio::pin!(next);
        assert!(next.as_mut().now_or_never().is_none());
        drop(newcomer);
        assert!(next.as_mut().now_or_never().is_none(), "a clone is still held");
        drop(clone);
        assert!(next.as_mut().now_or_never().is_some());
        assert_eq!(newcomers.lock().since.len(), FEW - 1, "whoever got in has gone again");
    }

    #[test]
    fn whoever_is_slow_shuts_nobody_out() {
        let newcomers = Newcomers::default();
        let begun = Instant::now();
        for _ in 0..FEW {
            newcomers.try_enter(begun).expect("there is room");
        }
        assert_eq!(newcomers.try_enter(begun), Err(begun + HEAD_START));
        for _ in 0..FEW {
            newcomers.try_enter(begun + HEAD_START).expect("those before had their time");
        }
        assert_eq!(newcomers.try_enter(begun + HEAD_START), Err(begun + 2 * HEAD_START));
        assert_eq!(newcomers.lock().since.len(), FEW);
    }
}
