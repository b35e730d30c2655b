//! Who a device is: its credentials, registration, a new key, leaving.
//!
//! A key is never kept or logged, and one that was seen before is never made to wait.

use std::net::IpAddr;

use http::{HeaderMap, HeaderName};
use syncline_protocol::{Code, Reject, SpaceName, Value};

use super::mapping::{ACCOUNT, REALM, account_of, collection, put, space_of};
use super::serve::Gate;
use super::wire::{Refused, is_key, is_name};
use crate::hub::{Checked, Hub, Registering, Shown, Submission};

const USER: HeaderName = HeaderName::from_static("x-auth-user");
const KEY: HeaderName = HeaderName::from_static("x-auth-key");

/// What a person chose over the setting `registration` while the hub runs.
pub(super) const REGISTRATION: &str = "registration";

/// A device, or another program, whose credentials are good.
#[derive(Debug, Clone)]
pub(super) struct Reader {
    pub(super) account: String,
    pub(super) space: SpaceName,
    pub(super) shown: Shown,
}

impl Gate {
    /// Whoever asks. Missing, ill-formed, unknown and wrong are one answer.
    pub(super) async fn reader(
        &self,
        headers: &HeaderMap,
        from: IpAddr,
    ) -> Result<Reader, Refused> {
        let (account, key) = credentials(headers).ok_or(Refused::UNAUTHORIZED)?;
        let space = space_of(&account)?;
        if let Some(shown) = self.hub.recognise_secret(REALM, &account, key) {
            return Ok(Reader { account, space, shown });
        }
        let guess = self.wrong.count(from, &account)?;
        match self.hub.check_secret(REALM, &account, key).await {
            Checked::Good(shown) => {
                self.wrong.take_back(&guess);
                Ok(Reader { account, space, shown })
            }
            Checked::Wrong => Err(Refused::UNAUTHORIZED),
            Checked::Busy => {
                self.wrong.take_back(&guess);
                Err(Refused::busy())
            }
        }
    }

    /// Whether well-formed credentials name an account that is not there.
    pub(super) fn is_unknown(&self, headers: &HeaderMap) -> bool {
        credentials(headers).is_some_and(|(account, _)| !self.hub.has_secrets(REALM, &account))
    }

    /// Whether a device may register now.
    pub(super) fn registering(&self) -> Result<Registering, Refused> {
        match registering(&self.hub)? {
            Some(Registering::First) if self.hub.has_accounts(REALM) => Err(Refused::CLOSED),
            Some(registering) => Ok(registering),
            None => Err(Refused::CLOSED),
        }
    }

    pub(super) async fn make_account(
        &self,
        name: &str,
        key: &str,
        registering: Registering,
    ) -> Result<String, Refused> {
        make_account(&self.hub, name, key, registering).await.map_err(|reject| match reject.code {
            Code::Exists => Refused::TAKEN,
            Code::Forbidden => Refused::CLOSED,
            _ => reject.into(),
        })
    }

    /// Replaces the key that was shown. A device's own password changes no other.
    pub(super) async fn change_key(&self, reader: &Reader, key: &str) -> Result<(), Refused> {
        let mark = reader.shown.mark.ok_or(Refused::UNAUTHORIZED)?;
        let changed = self.hub.change_secret(REALM, &reader.account, mark, key);
        Ok(changed.await?)
    }

    /// Deletes an account with all that it read.
    pub(super) async fn leave(&self, reader: &Reader) -> Result<(), Refused> {
        let mark = reader.shown.mark.ok_or(Refused::UNAUTHORIZED)?;
        self.hub.unregister_account(REALM, &reader.account, mark).await?;
        tracing::info!(account = reader.account, "a KOReader account was deleted");
        Ok(())
    }
}

/// How devices may register now; none when they may not. What was chosen while the hub runs stands
/// over the setting.
pub(super) fn registering(hub: &Hub) -> Result<Option<Registering>, Reject> {
    let chosen = hub.choice(REALM, REGISTRATION)?;
    let setting = hub.config().gateways.koreader.registration.as_str();
    Ok(match chosen.as_deref().unwrap_or(setting) {
        "open" => Some(Registering::Open),
        "first" => Some(Registering::First),
        _ => None,
    })
}

/// Makes an account, and notes the name by which its devices know it.
pub(super) async fn make_account(
    hub: &Hub,
    name: &str,
    key: &str,
    registering: Registering,
) -> Result<String, Reject> {
    let account = account_of(name);
    hub.register_account(REALM, &account, key, registering).await?;
    tracing::info!(account, "a KOReader account was made");
    if account != name {
        let checked = hub.check_secret(REALM, &account, key).await;
        let Checked::Good(shown) = checked else { return Ok(account) };
        let space = space_of(&account)?;
        hub.enter_realm(&shown.principal, &space).await?;
        let fields = [("name", Some(Value::from(name)))];
        let change = put(collection::SETTINGS, ACCOUNT, &fields)?;
        hub.apply(&shown.principal, Submission::changes(space, vec![change])).await?;
    }
    Ok(account)
}

/// The account and the key that a request shows. A name is raw UTF-8, not visible ASCII alone.
fn credentials(headers: &HeaderMap) -> Option<(String, &str)> {
    let text = |name: &HeaderName| std::str::from_utf8(headers.get(name)?.as_bytes()).ok();
    let name = text(&USER).filter(|name| is_name(name))?;
    let key = text(&KEY).filter(|key| is_key(key))?;
    Some((account_of(name), key))
}
