//! Secrets that follow from passwords: setting one sets the others, and whoever has registered from
//! an app may show the password itself to the hub.

use syncline_protocol::{Change, Reject};

use super::super::{Hub, Patience};
use super::{Checked, Shown, put_own};

/// How a realm's secret follows from an account's password.
#[derive(Debug, Clone, Copy)]
pub struct Derivation {
    /// The realm.
    pub realm: &'static str,
    /// The secret that its apps make of a password.
    pub derive: fn(&str) -> String,
}

impl Hub {
    /// Says which realms' secrets follow from passwords. Once, before anyone is served.
    pub fn derive_secrets(&self, derivations: Vec<Derivation>) {
        // A second call would come from nowhere but a test, and change nothing.
        let _ = self.inner.derivations.set(derivations);
    }

    /// The records that a new password brings along: a secret for every realm that derives one.
    pub(in super::super) async fn derived(
        &self,
        account: &str,
        password: &str,
    ) -> Result<Vec<Change>, Reject> {
        let mut changes = Vec::new();
        for derivation in self.inner.derivations.get().map_or(&[][..], Vec::as_slice) {
            let phc = self.hash(&(derivation.derive)(password)).await?;
            changes.extend(put_own(derivation.realm, account, &phc));
        }
        Ok(changes)
    }

    /// Whether a password is what an account without one has registered with from an app; none
    /// when it has not registered anywhere.
    pub(in super::super) async fn check_derived(
        &self,
        account: &str,
        password: &str,
    ) -> Option<bool> {
        let mut found = None;
        for derivation in self.inner.derivations.get().map_or(&[][..], Vec::as_slice) {
            if !self.has_secrets(derivation.realm, account) {
                continue;
            }
            let secret = (derivation.derive)(password);
            let checked =
                self.check_secret(derivation.realm, account, &secret, Patience::Waits).await;
            if matches!(checked, Checked::Good(Shown { mark: Some(_), .. })) {
                return Some(true);
            }
            found = Some(false);
        }
        found
    }
}
