//! Realms: accounts as a gateway's apps see them, with secrets of the foreign kind.
//!
//! A secret of a realm opens the account's spaces `<realm>/...` and nothing else. An account's own
//! secret is chosen by a person, or derived from the password whenever that is set; devices may
//! have random ones beside it. A registration from a device only creates: it never attaches to an
//! account that exists.

mod derived;
mod device;
#[cfg(test)]
mod tests;

use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;
use syncline_protocol::{Change, Code, Condition, Guard, Reject, SpaceName, Value};

use super::accounts::{field, guard, unknown_user};
use super::hashing::{NOBODY, Queue};
use super::{Hub, now_ms, random_u64};
use crate::access::directory::{DeviceSecret, collection, own_key};
use crate::access::principal::{Principal, check_account};
use crate::access::recognised::Claim;
use crate::engine::admin::{system_delete, system_put};
pub use derived::Derivation;

/// What a secret turned out to be.
#[derive(Debug)]
pub enum Checked {
    /// Good.
    Good(Shown),
    /// Wrong, or of no such account: no difference is to be seen.
    Wrong,
    /// Too many wait to be checked: nobody knows.
    Busy,
}

/// A good secret.
#[derive(Debug, Clone)]
pub struct Shown {
    /// Whoever has it.
    pub principal: Principal,
    /// The mark of the account's own secret; none when it was a device's.
    pub mark: Option<u64>,
}

/// On whose word an account is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Registering {
    /// Anybody's.
    Open,
    /// Anybody's, while the realm has no account.
    First,
    /// An admin's.
    Ordered,
}

impl Hub {
    /// Whether an account can be opened in a realm.
    #[must_use]
    pub fn has_secrets(&self, realm: &str, account: &str) -> bool {
        self.directory().secrets(realm, account).is_some()
    }

    /// Whether any account can be opened in a realm.
    #[must_use]
    pub fn has_accounts(&self, realm: &str) -> bool {
        self.directory().realm_accounts(realm).next().is_some()
    }

    /// The accounts that can be opened in a realm, by name.
    #[must_use]
    pub fn realm_accounts(&self, realm: &str) -> Vec<String> {
        self.directory().realm_accounts(realm).map(str::to_owned).collect()
    }

    /// A secret that is known to be good without a slow check: a device's, or one that was seen
    /// before. Such a one is never made to wait, whatever came from the same address.
    #[must_use]
    pub fn recognise_secret(
        &self,
        realm: &'static str,
        account: &str,
        secret: &str,
    ) -> Option<Shown> {
        let directory = self.directory();
        let secrets = directory.secrets(realm, account)?;
        let shown = |mark| Shown { principal: Principal::with_secret(account, realm), mark };
        let shows = digest(secret);
        let is_device = |device: &DeviceSecret| bool::from(device.digest.ct_eq(&shows));
        if secrets.devices.values().any(is_device) {
            return Some(shown(None));
        }
        let own = secrets.own.as_ref()?;
        let claim = Claim { realm, name: account, secret: secret.as_bytes(), phc: &own.phc };
        self.recognised().recognises(claim).then(|| shown(Some(own.mark)))
    }

    /// Checks a secret, by Argon2 unless it is recognised. Whoever throttles what is wrong counts
    /// it before, and gives it back: guesses that are checked at once are many.
    pub async fn check_secret(&self, realm: &'static str, account: &str, secret: &str) -> Checked {
        if let Some(shown) = self.recognise_secret(realm, account, secret) {
            return Checked::Good(shown);
        }
        let directory = self.directory();
        let own = directory.secrets(realm, account).and_then(|secrets| secrets.own.as_ref());
        let phc = own.map_or(NOBODY, |own| &*own.phc);
        match (self.verify(secret, phc).await, own) {
            (Err(_), _) => Checked::Busy,
            // It took its time, in which the secret may have been replaced or taken away.
            (Ok(true), Some(own)) if self.is_marked(realm, account, own.mark) => {
                let claim = Claim { realm, name: account, secret: secret.as_bytes(), phc };
                self.recognised().remember(claim);
                let principal = Principal::with_secret(account, realm);
                Checked::Good(Shown { principal, mark: Some(own.mark) })
            }
            (Ok(_), _) => Checked::Wrong,
        }
    }

    /// Whether an account's own secret is still the one with this mark.
    fn is_marked(&self, realm: &str, account: &str, mark: u64) -> bool {
        let directory = self.directory();
        let own = directory.secrets(realm, account).and_then(|secrets| secrets.own.as_ref());
        own.is_some_and(|own| own.mark == mark)
    }

    /// Makes an account with a secret of a realm. Of several at once exactly one succeeds.
    ///
    /// # Errors
    /// `forbidden` when nobody may, `exists` when the name is taken, or its data is still there.
    pub async fn register_account(
        &self,
        realm: &'static str,
        account: &str,
        secret: &str,
        registering: Registering,
    ) -> Result<(), Reject> {
        check_account(account).map_err(|problem| Reject::new(Code::Refused, problem))?;
        self.check_registering(realm, account, registering)?;
        let queue = match registering {
            Registering::Ordered => Queue::Known,
            Registering::Open | Registering::First => Queue::Strangers,
        };
        let phc = self.hash(secret, queue).await?;
        let turn = self.inner.registering.lock().await;
        self.check_registering(realm, account, registering)?;
        let mut changes = self.belongings(account);
        let fields = [("admin", Value::from(false)), ("created_ms", Value::from(now_ms()))];
        changes.push(system_put(collection::USERS, account, &fields));
        changes.extend(put_own(realm, account, &phc));
        let absent = guard(collection::USERS, account, Condition::Absent);
        self.write_system(changes, vec![absent], || taken(account)).await?;
        drop(turn);
        let claim = Claim { realm, name: account, secret: secret.as_bytes(), phc: &phc };
        self.recognised().remember(claim);
        Ok(())
    }

    fn check_registering(
        &self,
        realm: &str,
        account: &str,
        registering: Registering,
    ) -> Result<(), Reject> {
        let directory = self.directory();
        if registering == Registering::First && directory.realm_accounts(realm).next().is_some() {
            return Err(Reject::new(Code::Forbidden, "Registration is closed"));
        }
        // What somebody left here, and an admin has not given away, is not a stranger's.
        if directory.has_user(account) || self.has_space(&realm_space(realm, account)?)? {
            return Err(taken(account));
        }
        Ok(())
    }

    /// Replaces an account's own secret of a realm by whoever showed the one with this mark: of two
    /// changes at once the second finds another mark.
    ///
    /// # Errors
    /// `unauthorized` when the secret is no longer the one that was shown.
    pub async fn change_secret(
        &self,
        realm: &'static str,
        account: &str,
        mark: u64,
        secret: &str,
    ) -> Result<(), Reject> {
        let phc = self.hash(secret, Queue::Known).await?;
        let _turn = self.inner.registering.lock().await;
        let same = marked(realm, account, mark);
        self.write_system(put_own(realm, account, &phc).into(), vec![same], no_longer).await?;
        self.recognised().forget(account);
        let claim = Claim { realm, name: account, secret: secret.as_bytes(), phc: &phc };
        self.recognised().remember(claim);
        Ok(())
    }

    /// Gives an account a secret of a realm, in place of any that it has. An admin's to do, and
    /// one's own.
    ///
    /// # Errors
    /// A right that is missing, an account that does not exist.
    pub async fn set_secret(
        &self,
        principal: &Principal,
        realm: &'static str,
        account: &str,
        secret: &str,
    ) -> Result<(), Reject> {
        self.require_self_or_admin(principal, account)?;
        let exists = self.guard_user(account)?;
        let phc = self.hash(secret, Queue::Known).await?;
        let changes = put_own(realm, account, &phc).into();
        self.write_system(changes, vec![exists], || unknown_user(account)).await?;
        self.recognised().forget(account);
        Ok(())
    }

    /// Takes an account out of a realm, with the space that it has there; and the account itself
    /// when a registration made it and it has nothing else.
    ///
    /// # Errors
    /// `unauthorized` when the secret is no longer the one that was shown.
    pub async fn unregister_account(
        &self,
        realm: &'static str,
        account: &str,
        mark: u64,
    ) -> Result<(), Reject> {
        let _turn = self.inner.registering.lock().await;
        if !self.is_marked(realm, account, mark) {
            return Err(no_longer());
        }
        // The data first: an account without data can go again, data without an account stays.
        let space = realm_space(realm, account)?;
        if self.has_space(&space)? {
            self.drop_space(&Principal::hub(), space).await?;
        }
        let directory = self.directory();
        let has_else = directory.has_admin(account)
            || directory.password(account).is_some()
            // A browser's session opens nothing without what opened it.
            || directory.tokens_of(account).any(|id| !directory.is_session(id))
            || directory.memberships(account).next().is_some()
            || directory.secret_keys(account).iter().any(|key| !is_of(key, realm));
        if !has_else {
            return self.remove_user(&Principal::hub(), account).await;
        }
        let mine = directory.secret_keys(account).into_iter().filter(|key| is_of(key, realm));
        let mut changes: Vec<Change> =
            mine.map(|key| system_delete(collection::CREDENTIALS, &key)).collect();
        changes.push(unmark(realm, account));
        self.write_system(changes, vec![marked(realm, account, mark)], no_longer).await?;
        self.recognised().forget(account);
        Ok(())
    }

    /// Makes the space of an account's realm, unless it is there. Never while the account leaves.
    ///
    /// # Errors
    /// `unauthorized` when it has left, or any other reason not to make a space.
    pub async fn enter_realm(
        &self,
        principal: &Principal,
        space: &SpaceName,
    ) -> Result<(), Reject> {
        let _turn = self.inner.registering.lock().await;
        if !self.directory().is_authorized(principal, now_ms()) {
            return Err(no_longer());
        }
        self.open_space(principal, space).await
    }

    fn has_space(&self, space: &SpaceName) -> Result<bool, Reject> {
        let found = self.inner.store.snapshot().and_then(|snapshot| snapshot.space(space));
        found.map(|row| row.is_some()).map_err(|error| crate::admit::unavailable(&error))
    }
}

fn put_own(realm: &str, account: &str, phc: &str) -> [Change; 2] {
    let mark = Value::from(random_u64());
    let fields = [("phc", Value::from(phc)), ("mark", mark.clone())];
    [
        system_put(collection::CREDENTIALS, &own_key(realm, account), &fields),
        // Reserved collections have no guards, so the mark stands beside the account as well.
        system_put(collection::USERS, account, &[(realm, mark)]),
    ]
}

fn marked(realm: &str, account: &str, mark: u64) -> Guard {
    let condition = Condition::FieldEquals(field(realm), Value::from(mark));
    guard(collection::USERS, account, condition)
}

fn unmark(realm: &str, account: &str) -> Change {
    let (collection, key) = (collection::USERS, account);
    let mut change = system_put(collection, key, &[(realm, Value::nil())]);
    if let syncline_protocol::Op::Put(fields) = &mut change.op {
        let dropped = vec![(field(realm), None)];
        *fields = syncline_protocol::Fields::new(dropped).expect("one field");
    }
    change
}

fn realm_space(realm: &str, account: &str) -> Result<SpaceName, Reject> {
    let name = SpaceName::new(&format!("{realm}/{account}"));
    name.map_err(|problem| Reject::new(Code::Refused, problem.to_string()))
}

/// Whether a secret's key is of a realm.
fn is_of(key: &str, realm: &str) -> bool {
    key.split(':').nth(1) == Some(realm)
}

fn digest(secret: &str) -> [u8; 32] {
    Sha256::digest(secret).into()
}

fn taken(account: &str) -> Reject {
    Reject::new(Code::Exists, format!("The user {account} exists"))
}

fn no_longer() -> Reject {
    Reject::new(Code::Unauthorized, "This credential is no longer good")
}
