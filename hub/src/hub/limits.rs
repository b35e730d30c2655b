//! Limits of one account or one space that stand before the hub's settings, and how long a
//! collection remembers its deletes.
//!
//! They are records of the space `system`: they take effect with their commit and are in every
//! backup. Who may set them is judged here.

use std::time::Duration;

use syncline_protocol::{Code, CollectionName, Condition, Reject, SpaceName, Value};

use super::accounts::{field, guard, unknown_user};
use super::{Hub, unknown_space};
use crate::access::directory::{OwnLimits, collection, limits_of_space, limits_of_user};
use crate::access::principal::Principal;
use crate::engine::admin::{system_delete, system_put};
use crate::engine::{Receipt, Work};

/// The shortest time for which a collection may remember its deletes.
pub const RETENTION_MIN: Duration = Duration::from_secs(3_600);
/// The longest.
pub const RETENTION_MAX: Duration = Duration::from_secs(36_500 * 86_400);

impl Hub {
    /// How many spaces an account may own.
    #[must_use]
    pub fn spaces_max(&self, user: &str) -> u64 {
        let own = self.directory().user_limits(user).spaces;
        or_endless(own.unwrap_or(self.inner.config.quotas.spaces_per_user.into()))
    }

    /// How many sessions an account may have open.
    #[must_use]
    pub fn sessions_max(&self, user: &str) -> u64 {
        let own = self.directory().user_limits(user).sessions;
        or_endless(own.unwrap_or(self.inner.config.limits.sessions_per_user.into()))
    }

    /// How many bytes and how many records a space may hold; 0 is no limit.
    #[must_use]
    pub fn space_max(&self, space: &SpaceName) -> (u64, u64) {
        let own = self.directory().space_limits(space);
        let quotas = &self.inner.config.quotas;
        (own.bytes.unwrap_or(quotas.space_bytes), own.records.unwrap_or(quotas.space_records))
    }

    /// Gives a space limits of its own, or takes them away. An admin's to do.
    ///
    /// # Errors
    /// A right that is missing, a space that does not exist.
    pub async fn set_space_limits(
        &self,
        principal: &Principal,
        space: &SpaceName,
        limits: OwnLimits,
    ) -> Result<(), Reject> {
        self.require_admin(principal)?;
        let owner = self.read(principal, space)?.space().owner.clone();
        let exists = Condition::FieldEquals(field("owner"), Value::from(&*owner));
        let exists = guard(collection::SPACES, space.as_str(), exists);
        let fields = [("bytes", limits.bytes), ("records", limits.records)];
        let changes = set(&limits_of_space(space), &fields);
        self.write_system(changes, vec![exists], || unknown_space(space)).await?;
        Ok(())
    }

    /// Gives an account limits of its own, or takes them away. An admin's to do.
    ///
    /// # Errors
    /// A right that is missing, an account that does not exist.
    pub async fn set_user_limits(
        &self,
        principal: &Principal,
        user: &str,
        limits: OwnLimits,
    ) -> Result<(), Reject> {
        self.require_admin(principal)?;
        let exists = self.guard_user(user)?;
        let fields = [("spaces", limits.spaces), ("sessions", limits.sessions)];
        let changes = set(&limits_of_user(user), &fields);
        self.write_system(changes, vec![exists], || unknown_user(user)).await?;
        Ok(())
    }

    /// Sets how long a collection remembers its deletes; none for as long as the hub's setting
    /// says. An owner's to do.
    ///
    /// # Errors
    /// A right that is missing, a space that does not exist, a time out of bounds.
    pub async fn set_retention(
        &self,
        principal: &Principal,
        space: &SpaceName,
        collection: CollectionName,
        retention: Option<Duration>,
    ) -> Result<Receipt, Reject> {
        if retention.is_some_and(|time| !(RETENTION_MIN..=RETENTION_MAX).contains(&time)) {
            let what =
                "A collection remembers its deletes for an hour at least, 36500 days at most";
            return Err(Reject::new(Code::Refused, what));
        }
        let work = Work::SetRetention { space: space.clone(), collection, retention };
        self.submit(principal, work, (1, 256)).await
    }
}

/// 0 says that there is no limit.
fn or_endless(limit: u64) -> u64 {
    if limit == 0 { u64::MAX } else { limit }
}

/// The record with these limits: what is not limited is not in it.
fn set(key: &str, fields: &[(&'static str, Option<u64>)]) -> Vec<syncline_protocol::Change> {
    let mut changes = vec![system_delete(collection::LIMITS, key)];
    let given: Vec<(&str, Value)> =
        fields.iter().filter_map(|(name, limit)| Some((*name, Value::from((*limit)?)))).collect();
    if !given.is_empty() {
        changes.push(system_put(collection::LIMITS, key, &given));
    }
    changes
}
