//! The directory: accounts, tokens and memberships, as the records of the space `system` say.
//!
//! The engine keeps it in step with those records in log order, so that a decision and a fan-out
//! ask memory and not the store.

use std::collections::{BTreeMap, HashMap};

use syncline_protocol::{Record, SpaceName, Value};

use super::principal::{Credential, Principal, Role, SpacePattern};
use super::token::{Token, TokenDigest};

/// The space whose records these are.
pub const SYSTEM_SPACE: &str = "system";
/// Its collections.
pub mod collection {
    /// Accounts, by name: `admin`, `created_ms`.
    pub const USERS: &str = "users";
    /// API tokens, by id: `user`, `label`, `role`, `spaces`, `created_ms`, `expires_ms`.
    pub const TOKENS: &str = "tokens";
    /// Memberships, by `space:user`: `role`.
    pub const MEMBERS: &str = "members";
    /// Spaces, by name: `owner`, `created_ms`.
    pub const SPACES: &str = "spaces";
    /// Secrets, hashed, by `token:ID` and `password:USER`: never sent.
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
}

/// Accounts, tokens and memberships.
#[derive(Debug, Clone, Default)]
pub struct Directory {
    admins: HashMap<String, bool>,
    tokens: HashMap<String, TokenGrant>,
    token_digests: HashMap<String, TokenDigest>,
    passwords: HashMap<String, String>,
    members: BTreeMap<(String, String), Role>,
}

/// What a principal may do in a space.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Grant {
    /// The credential is no longer good.
    Unauthorized,
    /// The principal may not even know of the space.
    Nothing,
    /// The principal has this role.
    Role(Role),
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
            collection::TOKENS => keep(&mut self.tokens, key, record.and_then(read_token)),
            collection::MEMBERS => self.set_member(key, record),
            collection::CREDENTIALS => self.set_credential(key, record),
            _ => {}
        }
    }

    fn set_member(&mut self, key: &str, record: Option<&Record>) {
        let Some((space, user)) = key.split_once(':') else { return };
        let member = (space.to_owned(), user.to_owned());
        match record.and_then(|record| record.get("role")?.as_str()?.parse().ok()) {
            Some(role) => self.members.insert(member, role),
            None => self.members.remove(&member),
        };
    }

    fn set_credential(&mut self, key: &str, record: Option<&Record>) {
        if let Some(id) = key.strip_prefix("token:") {
            let digest = record.and_then(|record| {
                let hex = hex::decode(record.get("digest")?.as_str()?).ok()?;
                Some(TokenDigest::from_bytes(hex.try_into().ok()?))
            });
            keep(&mut self.token_digests, id, digest);
        } else if let Some(user) = key.strip_prefix("password:") {
            let phc = record.and_then(|record| Some(record.get("phc")?.as_str()?.to_owned()));
            keep(&mut self.passwords, user, phc);
        }
    }

    /// Whether there is such an account.
    #[must_use]
    pub fn has_user(&self, name: &str) -> bool {
        self.admins.contains_key(name)
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

    /// The ids of an account's tokens, in no order.
    pub fn tokens_of(&self, user: &str) -> impl Iterator<Item = &str> {
        let own = move |(_, token): &(&String, &TokenGrant)| token.user == user;
        self.tokens.iter().filter(own).map(|(id, _)| id.as_str())
    }

    /// The names of the spaces that an account is a member of.
    pub fn memberships(&self, user: &str) -> impl Iterator<Item = &str> {
        let own = move |(_, member): &&(String, String)| member == user;
        self.members.keys().filter(own).map(|(space, _)| space.as_str())
    }

    /// Who shows this token; none when it opens nothing here any more.
    #[must_use]
    pub fn recognise(&self, token: &Token, now_ms: u64) -> Option<Principal> {
        let id = token.id().to_string();
        let (grant, digest) = self.token(&id)?;
        let principal = Principal::with_token(&grant.user, &id);
        let good = digest.matches(token) & self.is_authorized(&principal, now_ms);
        good.then_some(principal)
    }

    /// The Argon2id hash of an account's password.
    #[must_use]
    pub fn password(&self, user: &str) -> Option<&str> {
        self.passwords.get(user).map(String::as_str)
    }

    /// The members of a space, by name.
    pub fn members(&self, space: &SpaceName) -> impl Iterator<Item = (&str, Role)> {
        let from = (space.as_str().to_owned(), String::new());
        let of_space = move |member: &(&(String, String), &Role)| member.0.0 == space.as_str();
        self.members
            .range(from..)
            .take_while(of_space)
            .map(|((_, user), role)| (user.as_str(), *role))
    }

    /// Whether a principal may do what only admins may, everywhere.
    #[must_use]
    pub fn is_admin(&self, principal: &Principal, now_ms: u64) -> bool {
        match principal.credential() {
            Credential::Hub => true,
            Credential::Password => self.is_admin_account(principal.account()),
            Credential::Token(id) => self.live_token(id, now_ms).is_some_and(|token| {
                token.role == Role::Owner
                    && token.spaces.is_empty()
                    && self.is_admin_account(principal.account())
            }),
        }
    }

    /// Whether a principal's credential opens all that its account may.
    #[must_use]
    pub fn is_unlimited(&self, principal: &Principal, now_ms: u64) -> bool {
        match principal.credential() {
            Credential::Hub | Credential::Password => self.is_authorized(principal, now_ms),
            Credential::Token(id) => {
                self.is_authorized(principal, now_ms)
                    && self
                        .tokens
                        .get(id)
                        .is_some_and(|token| token.role == Role::Owner && token.spaces.is_empty())
            }
        }
    }

    /// Whether a principal's credential is still good.
    #[must_use]
    pub fn is_authorized(&self, principal: &Principal, now_ms: u64) -> bool {
        match principal.credential() {
            Credential::Hub => true,
            Credential::Password => self.has_user(principal.account()),
            Credential::Token(id) => {
                self.has_user(principal.account())
                    && self.live_token(id, now_ms).is_some_and(|it| it.user == principal.account())
            }
        }
    }

    /// Whether a principal's credential is good enough to make a space of this name.
    #[must_use]
    pub fn may_create(&self, principal: &Principal, space: &SpaceName, now_ms: u64) -> bool {
        match principal.credential() {
            Credential::Hub | Credential::Password => self.is_authorized(principal, now_ms),
            Credential::Token(id) => self
                .live_token(id, now_ms)
                .is_some_and(|token| token.role == Role::Owner && token.reaches(space)),
        }
    }

    /// When a principal's token ends, in milliseconds since 1970; none when it does not.
    #[must_use]
    pub fn expires_ms(&self, principal: &Principal) -> Option<u64> {
        match principal.credential() {
            Credential::Token(id) => self.tokens.get(id)?.expires_ms,
            Credential::Hub | Credential::Password => None,
        }
    }

    /// What a principal may do in a space.
    #[must_use]
    pub fn grant(&self, principal: &Principal, space: &SpaceName, now_ms: u64) -> Grant {
        if principal.is_hub() {
            return Grant::Role(Role::Owner);
        }
        if !self.is_authorized(principal, now_ms) {
            return Grant::Unauthorized;
        }
        let most = match principal.credential() {
            Credential::Token(id) => match self.live_token(id, now_ms) {
                Some(token) if token.reaches(space) => token.role,
                _ => return Grant::Nothing,
            },
            Credential::Hub | Credential::Password => Role::Owner,
        };
        match self.membership(principal.account(), space) {
            Some(role) => Grant::Role(role.min(most)),
            None => Grant::Nothing,
        }
    }

    /// Admins own every space; `system` is theirs alone.
    fn membership(&self, account: &str, space: &SpaceName) -> Option<Role> {
        if self.is_admin_account(account) {
            return Some(Role::Owner);
        }
        if space.as_str() == SYSTEM_SPACE {
            return None;
        }
        self.members.get(&(space.as_str().to_owned(), account.to_owned())).copied()
    }

    fn is_admin_account(&self, account: &str) -> bool {
        self.has_admin(account)
    }

    fn live_token(&self, id: &str, now_ms: u64) -> Option<&TokenGrant> {
        let token = self.tokens.get(id)?;
        token.expires_ms.is_none_or(|end| now_ms < end).then_some(token)
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

/// The key of a membership: neither part can hold a colon.
#[must_use]
pub fn member_key(space: &SpaceName, user: &str) -> String {
    format!("{space}:{user}")
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
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use syncline_protocol::{FieldName, HlcTime, Register, ReplicaId, Stamp};

    fn record(fields: &[(&str, Value)]) -> Record {
        let stamp = Stamp::new(HlcTime::from_millis(1), ReplicaId::from_random(1));
        let register = |value: &Value| Register { stamp, sequence: 1, value: Some(value.clone()) };
        Record::from_parts(
            None,
            fields.iter().map(|(name, value)| (FieldName::new(name).unwrap(), register(value))),
        )
    }

    fn directory() -> Directory {
        let mut directory = Directory::default();
        directory.set("users", "root", Some(&record(&[("admin", Value::from(true))])));
        directory.set("users", "ann", Some(&record(&[("admin", Value::from(false))])));
        directory.set("members", "a/b:ann", Some(&record(&[("role", Value::from("writer"))])));
        let spaces = Value::new(rmp_serde::to_vec(&["a/*"]).unwrap()).unwrap();
        let fields = [
            ("user", Value::from("ann")),
            ("role", Value::from("owner")),
            ("spaces", spaces),
            ("expires_ms", Value::from(100_u64)),
        ];
        directory.set("tokens", "t1", Some(&record(&fields)));
        directory
    }

    #[test]
    fn a_token_gives_the_lesser_of_its_role_and_the_membership() {
        let (directory, ann) = (directory(), Principal::with_token("ann", "t1"));
        let space = |name| SpaceName::new(name).unwrap();
        assert_eq!(directory.grant(&ann, &space("a/b"), 0), Grant::Role(Role::Writer));
        assert_eq!(directory.grant(&ann, &space("b"), 0), Grant::Nothing);
        assert_eq!(directory.grant(&ann, &space("system"), 0), Grant::Nothing);
        assert_eq!(directory.grant(&ann, &space("a/b"), 100), Grant::Unauthorized);
    }

    #[test]
    fn what_is_removed_opens_nothing() {
        let mut directory = directory();
        let space = SpaceName::new("a/b").unwrap();
        directory.set("members", "a/b:ann", None);
        let ann = Principal::with_token("ann", "t1");
        assert_eq!(directory.grant(&ann, &space, 0), Grant::Nothing);
        directory.set("users", "ann", None);
        assert_eq!(directory.grant(&ann, &space, 0), Grant::Unauthorized);
    }

    #[test]
    fn admins_own_everything_and_scoped_tokens_are_no_admins() {
        let mut directory = directory();
        let root = Principal::with_password("root");
        let system = SpaceName::new("system").unwrap();
        assert_eq!(directory.grant(&root, &system, 0), Grant::Role(Role::Owner));
        assert!(directory.is_admin(&root, 0));
        let fields = [("user", Value::from("root")), ("role", Value::from("writer"))];
        directory.set("tokens", "t2", Some(&record(&fields)));
        assert!(!directory.is_admin(&Principal::with_token("root", "t2"), 0));
    }
}
