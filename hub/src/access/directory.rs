//! The directory: accounts, tokens and memberships, as the records of the space `system` say.
//!
//! The engine keeps it in step with those records in log order, so that a decision and a fan-out
//! ask memory and not the store.

mod forms;
mod grants;
mod keys;
mod rules;
mod secrets;

use std::collections::{BTreeMap, HashMap, HashSet};

use syncline_protocol::{Record, SpaceName, Value};

use super::principal::{Principal, Role, SpacePattern};
use super::token::{Token, TokenDigest};
use crate::publication::Rights;
pub use crate::selection::SYSTEM_SPACE;
use rules::AllRules;
use secrets::AllSecrets;

pub use forms::{Form, Reads, event_name};
pub use grants::Grant;
pub use rules::{ACL_ITEM, Action, SpaceRules, read_rule, rule_key};
pub use secrets::{DeviceSecret, OwnSecret, Secrets, device_key, own_key};

/// Its collections.
pub mod collection {
    /// Accounts, by name: `admin`, `created_ms`.
    pub const USERS: &str = "users";
    /// Accounts of a gateway's apps, by name: `created_ms`. They have no password, and are members
    /// of their app's space alone.
    pub const APP_USERS: &str = "app_users";
    /// API tokens, by id: `user`, `label`, `role`, `spaces`, `created_ms`, `expires_ms`; those that
    /// stand for a browser's session also `session`, and `parent` when a token opened it;
    /// those of a gateway's apps `uuid`.
    pub const TOKENS: &str = "tokens";
    /// Memberships, by `space:user`: `role`.
    pub const MEMBERS: &str = "members";
    /// Access rules, by `space:ID`: `principal`, `item`, `action`, `verdict`, `by`, `at_ms`.
    pub const RULES: &str = "rules";
    /// Spaces, by name: `owner`, `created_ms`; those of events `form` and `reads`.
    pub const SPACES: &str = "spaces";
    /// Limits of their own, by `space:NAME`: `bytes`, `records`; by `user:NAME`: `spaces`,
    /// `sessions`.
    pub const LIMITS: &str = "limits";
    /// What admins chose over the settings of gateways while the hub runs, by gateway.
    pub const GATEWAYS: &str = "gateways";
    /// Secrets, hashed, by `token:ID`, `password:USER`, and those of gateways' apps by
    /// `secret:REALM:USER` and `device:REALM:USER:ID`: never sent.
    pub const CREDENTIALS: &str = ".credentials";
}

/// What an API token opens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenGrant {
    /// Whose it is.
    pub user: String,
    /// The most that it allows.
    pub role: Role,
    /// Where; empty for everywhere.
    pub spaces: Vec<SpacePattern>,
    /// Until when, in milliseconds since 1970; none for ever.
    pub expires_ms: Option<u64>,
    /// Whether it stands for a browser's session: good in its cookie and nowhere else.
    pub session: bool,
    /// The token that opened the session, which ends with it; none when a password did.
    pub parent: Option<String>,
}

/// Accounts, tokens and memberships.
#[derive(Debug, Clone, Default)]
pub struct Directory {
    admins: HashMap<String, bool>,
    app_users: HashSet<String>,
    tokens: HashMap<String, TokenGrant>,
    token_digests: HashMap<String, TokenDigest>,
    /// Hashes of keys that were made elsewhere and not shown here yet, by the ids of their tokens.
    slow_keys: BTreeMap<String, String>,
    passwords: HashMap<String, String>,
    secrets: AllSecrets,
    /// By space, then by account: neither has to be copied to be looked up.
    members: BTreeMap<String, BTreeMap<String, Role>>,
    space_limits: HashMap<String, OwnLimits>,
    user_limits: HashMap<String, OwnLimits>,
    rules: AllRules,
    forms: HashMap<String, Form>,
    version: u64,
}

/// Limits of one account or one space that stand before the hub's own; 0 is no limit.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct OwnLimits {
    /// Bytes of a space's records.
    pub bytes: Option<u64>,
    /// Records of a space.
    pub records: Option<u64>,
    /// Spaces that an account may own.
    pub spaces: Option<u64>,
    /// Sessions that an account may have open.
    pub sessions: Option<u64>,
}

impl Directory {
    /// Takes over what a record of the space `system` says now; `None` when it shows nothing.
    pub fn set(&mut self, collection: &str, key: &str, record: Option<&Record>) {
        let record = record.filter(|record| record.is_visible());
        match collection {
            collection::USERS => {
                let admin = |record: &Record| record.get("admin").and_then(Value::as_bool);
                keep(&mut self.admins, key, record.map(|record| admin(record) == Some(true)));
            }
            collection::APP_USERS => match record {
                Some(_) => drop(self.app_users.insert(key.to_owned())),
                None => drop(self.app_users.remove(key)),
            },
            collection::SPACES => keep(&mut self.forms, key, record.and_then(Form::read)),
            collection::TOKENS => keep(&mut self.tokens, key, record.and_then(read_token)),
            collection::MEMBERS => self.set_member(key, record),
            collection::CREDENTIALS => self.set_credential(key, record),
            collection::RULES => self.rules.set(key, record),
            collection::LIMITS => self.set_limits(key, record),
            _ => {}
        }
    }

    /// The sequence of the space `system` up to which its records have been taken over: whoever
    /// reads a store that is further must not decide by this directory.
    #[must_use]
    pub fn version(&self) -> u64 {
        self.version
    }

    /// Counts a record in as taken over.
    pub fn set_version(&mut self, sequence: u64) {
        self.version = self.version.max(sequence);
    }

    fn set_member(&mut self, key: &str, record: Option<&Record>) {
        let Some((space, user)) = key.split_once(':') else { return };
        let members = self.members.entry(space.to_owned()).or_default();
        match record.and_then(|record| record.get("role")?.as_str()?.parse().ok()) {
            Some(role) => members.insert(user.to_owned(), role),
            None => members.remove(user),
        };
        if members.is_empty() {
            self.members.remove(space);
        }
    }

    fn set_limits(&mut self, key: &str, record: Option<&Record>) {
        let limits = match key.split_once(':') {
            Some((SPACE_LIMITS, space)) => (&mut self.space_limits, space),
            Some((USER_LIMITS, user)) => (&mut self.user_limits, user),
            _ => return,
        };
        keep(limits.0, limits.1, record.map(read_limits));
    }

    fn set_credential(&mut self, key: &str, record: Option<&Record>) {
        if let Some(id) = key.strip_prefix("token:") {
            let digest = record.and_then(|record| {
                let hex = hex::decode(record.get("digest")?.as_str()?).ok()?;
                Some(TokenDigest::from_bytes(hex.try_into().ok()?))
            });
            keep(&mut self.token_digests, id, digest);
            self.set_slow_key(id, record);
        } else if let Some(user) = key.strip_prefix("password:") {
            let phc = record.and_then(|record| Some(record.get("phc")?.as_str()?.to_owned()));
            keep(&mut self.passwords, user, phc);
        } else {
            self.secrets.set(key, record);
        }
    }

    /// Whether there is such an account of a person.
    #[must_use]
    pub fn has_user(&self, name: &str) -> bool {
        self.admins.contains_key(name)
    }

    /// Whether there is such an account, of a person or of a gateway's app.
    #[must_use]
    pub fn has_account(&self, name: &str) -> bool {
        self.has_user(name) || self.app_users.contains(name)
    }

    /// The accounts of the app of a space, in no order.
    pub fn app_users(&self, space: &SpaceName) -> impl Iterator<Item = &str> {
        let own = move |account: &&str| event_name(space, account).is_some();
        self.app_users.iter().map(String::as_str).filter(own)
    }

    /// Whether there is such an account, and it is an admin's.
    #[must_use]
    pub fn has_admin(&self, name: &str) -> bool {
        self.admins.get(name) == Some(&true)
    }

    /// The accounts, and which of them are admins, in no order.
    pub fn users(&self) -> impl Iterator<Item = (&str, bool)> {
        self.admins.iter().map(|(name, admin)| (name.as_str(), *admin))
    }

    /// A token by its id.
    #[must_use]
    pub fn token(&self, id: &str) -> Option<(&TokenGrant, &TokenDigest)> {
        Some((self.tokens.get(id)?, self.token_digests.get(id)?))
    }

    /// Whose a token is.
    #[must_use]
    pub fn token_user(&self, id: &str) -> Option<&str> {
        self.tokens.get(id).map(|token| token.user.as_str())
    }

    /// Whether a token stands for a browser's session.
    #[must_use]
    pub fn is_session(&self, id: &str) -> bool {
        self.tokens.get(id).is_some_and(|token| token.session)
    }

    /// The ids of an account's tokens, in no order.
    pub fn tokens_of(&self, user: &str) -> impl Iterator<Item = &str> {
        let own = move |(_, token): &(&String, &TokenGrant)| token.user == user;
        self.tokens.iter().filter(own).map(|(id, _)| id.as_str())
    }

    /// The ids of the browser's sessions that an account's password opened, in no order.
    pub fn password_sessions(&self, user: &str) -> impl Iterator<Item = &str> {
        let own =
            move |token: &TokenGrant| token.user == user && token.session && token.parent.is_none();
        self.tokens.iter().filter(move |(_, token)| own(token)).map(|(id, _)| id.as_str())
    }

    /// The ids of an account's browser sessions that have expired, or of those that have not, in no
    /// order.
    pub fn sessions_of(
        &self,
        user: &str,
        expired: bool,
        now_ms: u64,
    ) -> impl Iterator<Item = &str> {
        let wanted = move |token: &TokenGrant| {
            let has_ended = token.expires_ms.is_some_and(|end| end <= now_ms);
            token.user == user && token.session && has_ended == expired
        };
        self.tokens.iter().filter(move |(_, token)| wanted(token)).map(|(id, _)| id.as_str())
    }

    /// The names of the spaces that an account is a member of.
    pub fn memberships(&self, user: &str) -> impl Iterator<Item = &str> {
        let own = move |members: &BTreeMap<String, Role>| members.contains_key(user);
        self.members.iter().filter(move |(_, it)| own(it)).map(|(space, _)| space.as_str())
    }

    /// The limits of its own that a space has.
    #[must_use]
    pub fn space_limits(&self, space: &SpaceName) -> OwnLimits {
        self.space_limits.get(space.as_str()).copied().unwrap_or_default()
    }

    /// The limits of its own that an account has.
    #[must_use]
    pub fn user_limits(&self, user: &str) -> OwnLimits {
        self.user_limits.get(user).copied().unwrap_or_default()
    }

    /// Who shows this token; none when it opens nothing here any more. The secret of a browser's
    /// session is no token.
    #[must_use]
    pub fn recognise(&self, token: &Token, now_ms: u64) -> Option<Principal> {
        self.recognise_either(token, now_ms, false)
    }

    /// Who shows this secret of a browser's session; none when it opens nothing here any more.
    #[must_use]
    pub fn recognise_session(&self, secret: &Token, now_ms: u64) -> Option<Principal> {
        self.recognise_either(secret, now_ms, true)
    }

    fn recognise_either(&self, token: &Token, now_ms: u64, session: bool) -> Option<Principal> {
        let id = token.id().to_string();
        let (grant, digest) = self.token(&id)?;
        let principal = Principal::with_token(&grant.user, &id);
        let good = digest.matches(token) & self.is_authorized(&principal, now_ms);
        (good & (grant.session == session)).then_some(principal)
    }

    /// The Argon2id hash of an account's password.
    #[must_use]
    pub fn password(&self, user: &str) -> Option<&str> {
        self.passwords.get(user).map(String::as_str)
    }

    /// An account's secrets in a realm, if it has any.
    #[must_use]
    pub fn secrets(&self, realm: &str, user: &str) -> Option<&Secrets> {
        self.secrets.get(realm, user)
    }

    /// The accounts that have secrets in a realm, by name.
    pub fn realm_accounts(&self, realm: &str) -> impl Iterator<Item = &str> {
        self.secrets.accounts(realm)
    }

    /// The keys of the records that hold an account's secrets, in every realm.
    #[must_use]
    pub fn secret_keys(&self, user: &str) -> Vec<String> {
        self.secrets.keys_of(user)
    }

    /// The members of a space, by name.
    pub fn members(&self, space: &SpaceName) -> impl Iterator<Item = (&str, Role)> {
        let members = self.members.get(space.as_str()).into_iter().flatten();
        members.map(|(user, role)| (user.as_str(), *role))
    }
}

impl TokenGrant {
    /// Whether a token for these patterns (none: everywhere) would reach no further than this one.
    #[must_use]
    pub fn covers(&self, patterns: &[String]) -> bool {
        let covered = |text: &String| {
            let pattern: Option<SpacePattern> = text.parse().ok();
            pattern.is_some_and(|pattern| self.spaces.iter().any(|own| own.covers(&pattern)))
        };
        self.spaces.is_empty() || (!patterns.is_empty() && patterns.iter().all(covered))
    }

    fn reaches(&self, space: &SpaceName) -> bool {
        self.spaces.is_empty() || self.spaces.iter().any(|pattern| pattern.matches(space))
    }
}

/// Where a record of the space `system` may change what somebody sees. A credential that ends takes
/// its sessions with it.
#[must_use]
pub fn rights_of(collection: &str, key: &str) -> Rights {
    match collection {
        collection::USERS => Rights::ChangedEverywhere,
        collection::MEMBERS | collection::RULES | collection::SPACES => {
            let space = key.split_once(':').map_or(key, |(space, _)| space);
            Rights::Changed([space.to_owned()].into())
        }
        _ => Rights::Same,
    }
}

/// The key of a membership: neither part can hold a colon.
#[must_use]
pub fn member_key(space: &SpaceName, user: &str) -> String {
    format!("{space}:{user}")
}

/// Before the name in a key of limits.
const SPACE_LIMITS: &str = "space";
/// The same of an account.
const USER_LIMITS: &str = "user";

/// The key of a space's limits.
#[must_use]
pub fn limits_of_space(space: &SpaceName) -> String {
    format!("{SPACE_LIMITS}:{space}")
}

/// The key of an account's limits.
#[must_use]
pub fn limits_of_user(user: &str) -> String {
    format!("{USER_LIMITS}:{user}")
}

fn keep<T>(map: &mut HashMap<String, T>, key: &str, value: Option<T>) {
    match value {
        Some(value) => map.insert(key.to_owned(), value),
        None => map.remove(key),
    };
}

/// A token whose record cannot be read opens nothing.
fn read_token(record: &Record) -> Option<TokenGrant> {
    let spaces = record.get("spaces").map(|value| rmp_serde::from_slice(value.as_bytes()));
    let spaces: Vec<String> = spaces.transpose().ok()?.unwrap_or_default();
    Some(TokenGrant {
        user: record.get("user")?.as_str()?.to_owned(),
        role: record.get("role")?.as_str()?.parse().ok()?,
        spaces: spaces.iter().map(|text| text.parse().ok()).collect::<Option<_>>()?,
        expires_ms: match record.get("expires_ms") {
            Some(value) => Some(value.as_u64()?),
            None => None,
        },
        session: record.get("session").and_then(Value::as_bool) == Some(true),
        parent: match record.get("parent") {
            Some(value) => Some(value.as_str()?.to_owned()),
            None => None,
        },
    })
}

fn read_limits(record: &Record) -> OwnLimits {
    let number = |field: &str| record.get(field).and_then(Value::as_u64);
    OwnLimits {
        bytes: number("bytes"),
        records: number("records"),
        spaces: number("spaces"),
        sessions: number("sessions"),
    }
}

#[cfg(test)]
mod tests;
