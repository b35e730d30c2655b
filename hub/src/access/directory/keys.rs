//! API keys of a gateway's apps: tokens that are found by what they are.

use syncline_protocol::{Record, Value};

use super::Directory;
use crate::access::key::ApiKey;
use crate::access::principal::Principal;

impl Directory {
    /// Who shows this key; none when it opens nothing here.
    #[must_use]
    pub fn recognise_key(&self, key: &ApiKey, now_ms: u64) -> Option<Principal> {
        let id = key.id();
        let (grant, digest) = self.token(&id)?;
        let principal = Principal::with_token(&grant.user, &id);
        (digest.is(key.digest()) & self.is_authorized(&principal, now_ms)).then_some(principal)
    }

    /// The hashes of keys that were made elsewhere and not shown here yet, with the ids of their
    /// tokens.
    pub fn slow_keys(&self) -> impl Iterator<Item = (&str, &str)> {
        self.slow_keys.iter().map(|(id, hash)| (id.as_str(), hash.as_str()))
    }

    /// The bcrypt hash of a token of which nothing else is known.
    #[must_use]
    pub fn slow_key(&self, id: &str) -> Option<&str> {
        self.slow_keys.get(id).map(String::as_str)
    }

    /// The ids of all tokens and whose they are, in no order.
    pub fn token_users(&self) -> impl Iterator<Item = (&str, &str)> {
        self.tokens.iter().map(|(id, token)| (id.as_str(), token.user.as_str()))
    }

    pub(super) fn set_slow_key(&mut self, id: &str, record: Option<&Record>) {
        let hash = record.and_then(|record| record.get("bcrypt")).and_then(Value::as_str);
        match hash {
            Some(hash) => drop(self.slow_keys.insert(id.to_owned(), hash.to_owned())),
            None => drop(self.slow_keys.remove(id)),
        }
    }
}
