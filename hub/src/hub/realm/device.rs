//! Random secrets for one device each: kept by their digest, listed by their label, revoked by id.

use syncline_protocol::{Code, Reject, Value};

use super::super::accounts::unknown_user;
use super::super::{Hub, now_ms, random_u64};
use super::{digest, no_longer};
use crate::access::directory::{collection, device_key};
use crate::access::principal::Principal;
use crate::engine::admin::{system_delete, system_put};

/// Secrets for single devices that an account may have in one realm.
const DEVICES_MAX: usize = 100;
/// Bytes of a device's label.
const LABEL_BYTES_MAX: usize = 128;

impl Hub {
    /// The secrets of an account's devices: id, label, and when each was made.
    #[must_use]
    pub fn device_secrets(&self, realm: &str, account: &str) -> Vec<(String, String, u64)> {
        let directory = self.directory();
        let devices = directory.secrets(realm, account).into_iter().flat_map(|it| &it.devices);
        devices.map(|(id, it)| (id.clone(), it.label.clone(), it.created_ms)).collect()
    }

    /// Gives a device a random secret of its own, which the caller has drawn. Gives its id.
    ///
    /// # Errors
    /// A right that is missing, an account that does not exist, too many secrets.
    pub async fn add_device_secret(
        &self,
        principal: &Principal,
        (realm, account): (&'static str, &str),
        label: &str,
        secret: &str,
    ) -> Result<String, Reject> {
        self.require_self_or_admin(principal, account)?;
        if label.len() > LABEL_BYTES_MAX || label.chars().any(char::is_control) {
            let what = format!("A label has at most {LABEL_BYTES_MAX} plain bytes");
            return Err(Reject::new(Code::Refused, what));
        }
        let directory = self.directory();
        if directory.secrets(realm, account).is_some_and(|it| it.devices.len() >= DEVICES_MAX) {
            let what = format!("{account} has {DEVICES_MAX} device passwords; revoke some first");
            return Err(Reject::new(Code::TooMany, what));
        }
        let exists = self.guard_user(account)?;
        let id = hex::encode(&random_u64().to_be_bytes()[..6]);
        let digest = hex::encode(digest(secret));
        let fields = [
            ("label", Value::from(label)),
            ("digest", Value::from(digest.as_str())),
            ("created_ms", Value::from(now_ms())),
        ];
        let key = device_key(realm, account, &id);
        let changes = vec![system_put(collection::CREDENTIALS, &key, &fields)];
        self.write_system(changes, vec![exists], || unknown_user(account)).await?;
        Ok(id)
    }

    /// Ends a device's secret.
    ///
    /// # Errors
    /// A right that is missing, a secret that does not exist.
    pub async fn remove_device_secret(
        &self,
        principal: &Principal,
        (realm, account): (&'static str, &str),
        id: &str,
    ) -> Result<(), Reject> {
        self.require_self_or_admin(principal, account)?;
        let directory = self.directory();
        if directory.secrets(realm, account).is_none_or(|it| !it.devices.contains_key(id)) {
            return Err(Reject::new(Code::NotFound, "There is no such device password"));
        }
        let key = device_key(realm, account, id);
        let changes = vec![system_delete(collection::CREDENTIALS, &key)];
        self.write_system(changes, Vec::new(), no_longer).await?;
        Ok(())
    }
}
