//! The access rules of spaces, as records say them, and what they make of each member.
//!
//! A space's rules refine the roles of its members: where no rule matches, the role decides. Nobody
//! who is no member gains anything by a rule, and an owner is bound by none.

use std::collections::HashMap;
use std::sync::Arc;

use dashmap::DashMap;
use syncline_protocol::{Record, SpaceName, Value};

use crate::access::acl::{Acl, Subject, Verdict};
use crate::access::principal::Role;
use crate::selection::Access;

/// What may be done to an item of a space, `collection/key`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Action {
    /// To see it.
    Read,
    /// To set its fields.
    Write,
    /// To delete it.
    Delete,
    /// To say who may do what. Its only item is `.acl`.
    Admin,
}

/// The item that rules about rules name.
pub const ACL_ITEM: &str = ".acl";

impl Action {
    /// The word for it, in rules.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Write => "write",
            Self::Delete => "delete",
            Self::Admin => "admin",
        }
    }

    /// The least role that may do it where no rule matches. A credential for less never may.
    #[must_use]
    pub const fn least(self) -> Role {
        match self {
            Self::Read => Role::Reader,
            Self::Write | Self::Delete => Role::Writer,
            Self::Admin => Role::Owner,
        }
    }
}

impl std::str::FromStr for Action {
    type Err = &'static str;
    fn from_str(word: &str) -> Result<Self, Self::Err> {
        let all = [Self::Read, Self::Write, Self::Delete, Self::Admin];
        let found = all.into_iter().find(|action| action.as_str() == word);
        found.ok_or("an action is read, write, delete or admin")
    }
}

/// All spaces' rules.
#[derive(Debug, Clone, Default)]
pub(super) struct AllRules {
    spaces: HashMap<String, Arc<SpaceRules>>,
    /// What each record says, to take it back when it changes.
    records: HashMap<String, Subject>,
}

/// One space's rules, and what they make of those who have asked.
#[derive(Debug, Default)]
pub struct SpaceRules {
    acl: Acl,
    /// Bounded by the members, who alone may ask.
    known: DashMap<(String, Action, bool), Access>,
}

impl AllRules {
    /// A space's rules; none when it has none.
    #[must_use]
    pub(super) fn of(&self, space: &SpaceName) -> Option<&SpaceRules> {
        self.spaces.get(space.as_str()).map(Arc::as_ref)
    }

    /// The keys of the records that hold a space's rules, in no order.
    pub(super) fn keys_of(&self, space: &SpaceName) -> impl Iterator<Item = &str> {
        let of_space = move |key: &&String| {
            key.split_once(':').is_some_and(|(name, _)| name == space.as_str())
        };
        self.records.keys().filter(of_space).map(String::as_str)
    }

    /// Takes over what a record says now; `None` when it shows nothing.
    pub(super) fn set(&mut self, key: &str, record: Option<&Record>) {
        let Some((space, _)) = key.split_once(':') else { return };
        let stands = self.spaces.get(space);
        let mut acl = stands.map(|rules| rules.acl.clone()).unwrap_or_default();
        if let Some(subject) = self.records.remove(key) {
            acl.remove(&subject);
        }
        if let Some((subject, verdict)) = record.and_then(read_rule) {
            self.records.insert(key.to_owned(), subject.clone());
            acl.set(subject, verdict);
        }
        if acl.is_empty() {
            self.spaces.remove(space);
        } else {
            let rules = SpaceRules { acl, known: DashMap::new() };
            self.spaces.insert(space.to_owned(), Arc::new(rules));
        }
    }
}

impl SpaceRules {
    /// The rules.
    #[must_use]
    pub fn acl(&self) -> &Acl {
        &self.acl
    }

    /// What a member of this role may do it to.
    pub(super) fn access(&self, account: &str, role: Role, action: Action) -> Access {
        let otherwise = role >= action.least();
        let asked = (account.to_owned(), action, otherwise);
        if let Some(known) = self.known.get(&asked) {
            return known.clone();
        }
        let verdict = if otherwise { Verdict::Allow } else { Verdict::Deny };
        let access = Access::from(Arc::new(self.acl.sight(account, action.as_str(), verdict)));
        self.known.insert(asked, access.clone());
        access
    }
}

/// What a record of a rule says.
#[must_use]
pub fn read_rule(record: &Record) -> Option<(Subject, Verdict)> {
    let text = |field: &str| record.get(field).and_then(Value::as_str);
    let subject = Subject {
        principal: text("principal")?.parse().ok()?,
        item: text("item")?.parse().ok()?,
        action: text("action")?.parse().ok()?,
    };
    Some((subject, text("verdict")?.parse().ok()?))
}
