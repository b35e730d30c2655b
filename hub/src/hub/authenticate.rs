//! Authenticate: from a credential to a principal. The only place that makes one.
//!
//! A password that was seen before is recognised at once. Any other is counted as wrong until it
//! has been checked, so that guesses sent together are no more than guesses sent one by one.

#[cfg(test)]
mod tests;

use std::net::IpAddr;
use std::sync::MutexGuard;
use std::time::Instant;

use syncline_protocol::{Code, Reject};

use super::hashing::NOBODY;
use super::{Hub, now_ms};
use crate::access::household::Household;
use crate::access::key::ApiKey;
use crate::access::principal::Principal;
use crate::access::recognised::{Claim, Recognised};
use crate::access::throttle::{Reserved, Throttle};
use crate::access::token::Token;
use crate::config::Secret;

/// What kind of secret is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Realm {
    /// An API token or an app's key; the name is not needed.
    Token,
    /// An account's name and password.
    Password,
    /// What the cookie of a browser's session holds; the name is not needed.
    Session,
}

impl Hub {
    /// Checks a secret. Wrong ones are throttled by address; valid ones never are, unless it takes
    /// a slow check to tell.
    ///
    /// # Errors
    /// `unauthorized` when it is wrong, `rate_limited` when too many were wrong before it, `busy`
    /// when too many wait to be checked.
    pub async fn authenticate(
        &self,
        realm: Realm,
        name: &str,
        secret: &str,
        from: IpAddr,
    ) -> Result<Principal, Reject> {
        let recognised = match realm {
            Realm::Token => self.check_token(secret),
            Realm::Session => self.check_session(secret),
            Realm::Password => self.recognise_password(name, secret),
        };
        let checked = match recognised {
            Some(principal) => Ok(principal),
            None if realm == Realm::Password => self.check_password(name, secret, from).await,
            None if realm == Realm::Token && ApiKey::parse(secret).is_some() => {
                self.check_key(secret, from).await
            }
            None => self.reserve(from).and_then(|_| Err(wrong())),
        };
        checked.inspect_err(|reject| self.note(from, reject))
    }

    /// Checks a secret that the settings hold for an account, for apps that knew it from another
    /// server. None when it is another secret; a wrong one is for [`Hub::authenticate`] to refuse.
    #[must_use]
    pub fn authenticate_fixed(
        &self,
        (known, account): (&Secret, &str),
        shown: &str,
    ) -> Option<Principal> {
        let known = known.is(shown) && self.directory().has_user(account);
        known.then(|| Principal::with_password(account))
    }

    fn check_token(&self, text: &str) -> Option<Principal> {
        if let Some(key) = ApiKey::parse(text) {
            return self.directory().recognise_key(&key, now_ms());
        }
        self.directory().recognise(&Token::parse(text).ok()?, now_ms())
    }

    fn check_session(&self, text: &str) -> Option<Principal> {
        self.directory().recognise_session(&Token::parse(text).ok()?, now_ms())
    }

    fn recognise_password(&self, name: &str, secret: &str) -> Option<Principal> {
        let directory = self.directory();
        let phc = directory.password(name)?;
        let is_known = self.recognised().recognises(claim(name, secret, phc));
        is_known.then(|| Principal::with_password(name))
    }

    async fn check_password(
        &self,
        name: &str,
        secret: &str,
        from: IpAddr,
    ) -> Result<Principal, Reject> {
        let reserved = self.reserve(from)?;
        let known = self.directory().password(name).map(str::to_owned);
        let verified = self.verify(secret, known.as_deref().unwrap_or(NOBODY)).await;
        // It took its time, in which the password may have been replaced or taken away.
        let is_still = |phc: &String| self.directory().password(name) == Some(phc);
        match (verified, known.filter(is_still)) {
            (Ok(true), Some(phc)) => {
                self.give_back(from, &reserved);
                self.recognised().remember(claim(name, secret, &phc));
                Ok(Principal::with_password(name))
            }
            (Ok(_), _) => Err(wrong()),
            (Err(busy), _) => {
                self.give_back(from, &reserved);
                Err(busy)
            }
        }
    }

    /// Counts a wrong secret from an address, before it is known to be one.
    pub(super) fn reserve(&self, from: IpAddr) -> Result<Reserved, Reject> {
        self.throttle().reserve(&Household::of(from), Instant::now()).map_err(|wait| {
            let what = format!("Too many wrong credentials; wait {} s", wait.as_secs() + 1);
            Reject::new(Code::RateLimited, what)
        })
    }

    pub(super) fn give_back(&self, from: IpAddr, reserved: &Reserved) {
        self.throttle().give_back(&Household::of(from), reserved, Instant::now());
    }

    fn throttle(&self) -> MutexGuard<'_, Throttle<Household>> {
        self.inner.throttle.lock().expect("nothing panics while it holds the throttle")
    }

    fn note(&self, from: IpAddr, reject: &Reject) {
        self.inner.metrics.rejects.with_label_values(&[reject.code.as_str()]).inc();
        self.inner.rejects.note(&from.to_string(), reject);
    }

    pub(super) fn recognised(&self) -> MutexGuard<'_, Recognised> {
        self.inner.recognised.lock().expect("nothing panics while it holds the memory")
    }
}

pub(super) fn wrong() -> Reject {
    Reject::new(Code::Unauthorized, "This credential is not valid")
}

fn claim<'a>(name: &'a str, secret: &'a str, phc: &'a str) -> Claim<'a> {
    Claim { realm: "hub", name, secret: secret.as_bytes(), phc }
}
