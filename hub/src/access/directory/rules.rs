//! The access rules of spaces, as records say them, and what they make of each member.
//!
//! A space's rules refine the roles of its members: where no rule matches, the role decides. Nobody
//! who is no member gains anything by a rule, and an owner is bound by none.

use std::collections::HashMap;
use std::sync::Arc;

use dashmap::DashMap;
use sha2::{Digest as _, Sha256};
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

/// The action by which rules about events say who sees them.
const EVENT_READ: &str = ".read";

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
    /// What members may read of a space of events, by their names in it.
    readers: DashMap<String, Access>,
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
        let stands = self.spaces.entry(space.to_owned()).or_default();
        if Arc::get_mut(stands).is_none() {
            // Somebody still reads the rules as they were.
            *stands = Arc::new(SpaceRules { acl: stands.acl.clone(), ..SpaceRules::default() });
        }
        let Some(rules) = Arc::get_mut(stands) else { return };
        rules.known.clear();
        rules.readers.clear();
        if let Some(subject) = self.records.remove(key) {
            rules.acl.remove(&subject);
        }
        if let Some((subject, verdict)) = record.and_then(read_rule) {
            self.records.insert(key.to_owned(), subject.clone());
            rules.acl.set(subject, verdict);
        }
        if rules.acl.is_empty() {
            self.spaces.remove(space);
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

impl SpaceRules {
    /// What somebody of this name may read of a space of events.
    pub(super) fn events_read_by(&self, reader: &str) -> Access {
        if let Some(known) = self.readers.get(reader) {
            return known.clone();
        }
        let access = events_read_by(&self.acl, reader);
        self.readers.insert(reader.to_owned(), access.clone());
        access
    }
}

/// What somebody of this name may read of events: what rules allow, and what is their own.
pub(super) fn events_read_by(acl: &Acl, reader: &str) -> Access {
    let sight = acl.sight(reader, EVENT_READ, Verdict::Deny);
    Access::from(Arc::new(sight.of_events(reader)))
}

/// The key of a rule: one record for three patterns, however long they are.
#[must_use]
pub fn rule_key(space: &SpaceName, subject: &Subject) -> String {
    let mut hash = Sha256::new();
    for pattern in [&subject.principal, &subject.item, &subject.action] {
        hash.update((pattern.as_str().len() as u64).to_be_bytes());
        hash.update(pattern.as_str());
    }
    format!("{space}:{}", hex::encode(&hash.finalize()[..16]))
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
