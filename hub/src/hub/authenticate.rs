//! Authenticate: from a credential to a principal. The only place that makes one.

use std::net::IpAddr;
use std::time::Instant;

use syncline_protocol::{Code, Reject};

use super::hashing::NOBODY;
use super::{Hub, Patience, now_ms};
use crate::access::principal::Principal;
use crate::access::recognised::Claim;
use crate::access::token::Token;
use crate::config::Secret;

/// What kind of secret is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Realm {
    /// An API token; the name is not needed.
    Token,
    /// An account's name and password.
    Password,
    /// What the cookie of a browser's session holds; the name is not needed.
    Session,
}

impl Hub {
    /// Checks a secret. Wrong ones are throttled by address, valid ones never.
    ///
    /// # Errors
    /// `unauthorized` when it is wrong, `rate_limited` when it is wrong too often.
    pub async fn authenticate(
        &self,
        realm: Realm,
        name: &str,
        secret: &str,
        from: IpAddr,
    ) -> Result<Principal, Reject> {
        let principal = match realm {
            Realm::Token => self.check_token(secret),
            Realm::Session => self.check_session(secret),
            Realm::Password => self.check_password(name, secret).await,
        };
        principal.ok_or_else(|| self.refuse(from))
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
        self.directory().recognise(&Token::parse(text).ok()?, now_ms())
    }

    fn check_session(&self, text: &str) -> Option<Principal> {
        self.directory().recognise_session(&Token::parse(text).ok()?, now_ms())
    }

    async fn check_password(&self, name: &str, secret: &str) -> Option<Principal> {
        let phc = self.directory().password(name).map(str::to_owned);
        let known = phc.clone();
        if let Some(phc) = &known
            && self.recognised().recognises(claim(name, secret, phc))
        {
            return Some(Principal::with_password(name));
        }
        let phc = phc.as_deref().unwrap_or(NOBODY);
        let good = self.verify(secret, phc, Patience::Waits).await == Some(true);
        let phc = known.filter(|_| good)?;
        self.recognised().remember(claim(name, secret, &phc));
        Some(Principal::with_password(name))
    }

    fn refuse(&self, from: IpAddr) -> Reject {
        let mut throttle =
            self.inner.throttle.lock().expect("nothing panics while it holds the throttle");
        let reject = match throttle.fail(&from, Instant::now()) {
            None => Reject::new(Code::Unauthorized, "This credential is not valid"),
            Some(wait) => {
                let what = format!("Too many wrong credentials; wait {} s", wait.as_secs() + 1);
                Reject::new(Code::RateLimited, what)
            }
        };
        self.inner.metrics.rejects.with_label_values(&[reject.code.as_str()]).inc();
        self.inner.rejects.note(&from.to_string(), &reject);
        reject
    }

    pub(super) fn recognised(
        &self,
    ) -> std::sync::MutexGuard<'_, crate::access::recognised::Recognised> {
        self.inner.recognised.lock().expect("nothing panics while it holds the memory")
    }
}

fn claim<'a>(name: &'a str, secret: &'a str, phc: &'a str) -> Claim<'a> {
    Claim { realm: "hub", name, secret: secret.as_bytes(), phc }
}
