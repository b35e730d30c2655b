//! How fast one may guess keys, and register. A key is counted as wrong before it is checked, and
//! taken back when it was right: keys that are shown together are no more guesses than keys that
//! are shown one by one.

use std::hash::Hash;
use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard};
use std::time::{Duration, Instant};

use super::wire::Refused;
use crate::hub::{Household, Hub, Reserved, Throttle};

/// Households, and pairs of a household and an account, whose failures are counted.
const COUNTED_MAX: usize = 10_000;

/// How often somebody was wrong.
pub(super) struct Wrong {
    by_account: Counter<(Household, String)>,
    by_address: Counter<Household>,
    registrations: Counter<Household>,
}

/// A key that counts as wrong as long as nobody says otherwise.
pub(super) struct Guess {
    of: (Household, String),
    by_account: Option<Reserved>,
    by_address: Option<Reserved>,
}

impl Wrong {
    pub(super) fn new(hub: &Hub) -> Self {
        let settings = &hub.config().gateways.koreader;
        Self {
            by_account: Counter::new(settings.wrong_keys_per_account_minute),
            by_address: Counter::new(settings.wrong_keys_per_address_minute),
            registrations: Counter::new(settings.registrations_per_minute),
        }
    }

    /// Counts a key as wrong, unless too many were.
    pub(super) fn count(&self, from: IpAddr, account: &str) -> Result<Guess, Refused> {
        let refused = |wait: Duration| Refused::wrong_too_often(wait.as_secs() + 1);
        let of = (Household::of(from), account.to_owned());
        let by_account = self.by_account.reserve(&of).map_err(refused)?;
        let by_address = self.by_address.reserve(&of.0).map_err(|wait| {
            self.by_account.give_back(&of, by_account.as_ref());
            refused(wait)
        })?;
        Ok(Guess { of, by_account, by_address })
    }

    /// The key was right, or was not checked at all.
    pub(super) fn take_back(&self, guess: &Guess) {
        self.by_account.give_back(&guess.of, guess.by_account.as_ref());
        self.by_address.give_back(&guess.of.0, guess.by_address.as_ref());
    }

    pub(super) fn count_registration(&self, from: IpAddr) -> Result<(), Refused> {
        let counted = self.registrations.reserve(&Household::of(from));
        counted.map(drop).map_err(|wait| Refused::registered_too_often(wait.as_secs() + 1))
    }
}

/// One count; none where the settings name no limit.
struct Counter<K>(Option<Mutex<Throttle<K>>>);

impl<K: Hash + Eq + Clone> Counter<K> {
    fn new(a_minute: u32) -> Self {
        Self((a_minute > 0).then(|| Mutex::new(Throttle::new(a_minute, COUNTED_MAX))))
    }

    fn reserve(&self, key: &K) -> Result<Option<Reserved>, Duration> {
        let reserve = |it: &Mutex<Throttle<K>>| lock(it).reserve(key, Instant::now());
        self.0.as_ref().map(reserve).transpose()
    }

    fn give_back(&self, key: &K, reserved: Option<&Reserved>) {
        if let (Some(throttle), Some(reserved)) = (&self.0, reserved) {
            lock(throttle).give_back(key, reserved, Instant::now());
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().expect("nothing panics while it counts")
}
