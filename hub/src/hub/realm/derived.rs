//! Secrets that follow from passwords: setting a password sets them. Never the other way: a secret
//! of a realm, which another server may have known, is no password of the hub.

use syncline_protocol::{Change, Reject};

use super::super::Hub;
use super::super::hashing::Queue;
use super::put_own;

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
            let phc = self.hash(&(derivation.derive)(password), Queue::Known).await?;
            changes.extend(put_own(derivation.realm, account, &phc));
        }
        Ok(changes)
    }
}
