//! Apps: spaces of events that a gateway serves, with accounts of their own. Such an account is a
//! member of its app's space and nothing else; it has API keys, and no password.
//!
//! An account's name is the space's name and its own behind it, which no person's can be.

use syncline_protocol::{Change, Code, Reject, SpaceName, Value};

use super::accounts::changed_meanwhile;
use super::{Hub, now_ms};
use crate::access::acl::{Subject, Verdict};
use crate::access::directory::{Form, Reads, collection};
use crate::access::key::{ApiKey, KEY_BYTES};
use crate::access::principal::{Principal, Role};
use crate::engine::admin::system_put;
use crate::engine::{Part, Writes, add_member, set_rule, system_space};

/// A key to make.
#[derive(Debug, Clone)]
pub struct KeyOrder<'a> {
    /// Whose it is.
    pub account: &'a str,
    /// The space that it opens, and nothing else.
    pub space: &'a SpaceName,
    /// By what its app knows it.
    pub uuid: &'a str,
    /// What its owner calls it.
    pub label: &'a str,
    /// When it was made, in milliseconds since 1970.
    pub created_ms: u64,
}

impl KeyOrder<'_> {
    /// The writes that make it. Only its digest is kept.
    #[must_use]
    pub fn part(&self, key: &ApiKey) -> Part {
        let digest = Value::from(hex::encode(key.digest().to_bytes()).as_str());
        self.make(&key.id(), ("digest", digest))
    }

    /// The writes that take over a key of which only the bcrypt hash is known.
    #[must_use]
    pub fn part_of_hash(&self, hash: &str) -> Part {
        self.make(&format!("key-{}", self.uuid), ("bcrypt", Value::from(hash)))
    }

    fn make(&self, id: &str, secret: (&str, Value)) -> Part {
        let spaces = rmp_serde::to_vec(&[self.space.as_str()]).ok();
        let spaces = spaces.and_then(|it| Value::new(it).ok()).unwrap_or_else(Value::nil);
        let fields = [
            ("user", Value::from(self.account)),
            ("label", Value::from(self.label)),
            // Whoever owns the space is bound by no rule, but no key of an app drops it.
            ("role", Value::from(Role::Writer.as_str())),
            ("spaces", spaces),
            ("uuid", Value::from(self.uuid)),
            ("created_ms", Value::from(self.created_ms)),
        ];
        part(vec![
            system_put(collection::CREDENTIALS, &format!("token:{id}"), &[secret]),
            system_put(collection::TOKENS, id, &fields),
        ])
    }
}

impl Hub {
    /// Makes the space of an app and the account that owns it, unless they are there, and says who
    /// sees its events.
    ///
    /// # Errors
    /// A space of this name that is somebody else's, or a store that cannot write.
    pub async fn open_app(
        &self,
        space: &SpaceName,
        owner: &str,
        reads: Reads,
    ) -> Result<(), Reject> {
        match self.create_space(&Principal::hub(), space.clone(), owner).await {
            Ok(_) => {}
            Err(reject) if reject.code == Code::Exists => {}
            Err(reject) => return Err(reject),
        }
        if *self.read(&Principal::hub(), space)?.space().owner != *owner {
            let what = format!("The space {space} is somebody's own, so no app can have it");
            return Err(Reject::new(Code::Exists, what));
        }
        let form = [("form", Value::from(Form::EVENTS)), ("reads", Value::from(reads.as_str()))];
        let mut changes = Vec::new();
        if self.directory().form(space) != Form::Events(reads) {
            changes.push(system_put(collection::SPACES, space.as_str(), &form));
        }
        if !self.directory().has_account(owner) {
            changes.extend(add_member(space, owner, Role::Owner, now_ms()));
        }
        if !changes.is_empty() {
            self.write_system(changes, Vec::new(), changed_meanwhile).await?;
        }
        Ok(())
    }

    /// Whether there is such an account, of a person or of an app.
    #[must_use]
    pub fn has_account(&self, account: &str) -> bool {
        self.directory().has_account(account)
    }

    /// Whether an account has a token or a key.
    #[must_use]
    pub fn has_tokens(&self, account: &str) -> bool {
        self.directory().tokens_of(account).next().is_some()
    }

    /// Whoever was let in by a token of this id, while it is good: for gateways that give out
    /// tickets of their own for it.
    #[must_use]
    pub fn resume(&self, account: &str, token: &str) -> Option<Principal> {
        let principal = Principal::with_token(account, token);
        self.directory().is_authorized(&principal, now_ms()).then_some(principal)
    }

    /// A key of fresh random bytes, of nobody yet.
    ///
    /// # Panics
    /// When the system has no random bytes to give: nothing secure could go on.
    #[must_use]
    pub fn draw_key(&self) -> ApiKey {
        let mut random = [0; KEY_BYTES];
        getrandom::fill(&mut random).expect("the system's random generator works");
        ApiKey::from_random(random)
    }
}

/// The writes that make an account of an app, a member of its space.
///
/// # Panics
/// When the names together are too long for a key.
#[must_use]
pub fn member_part(space: &SpaceName, account: &str, created_ms: u64) -> Part {
    part(add_member(space, account, Role::Writer, created_ms).into())
}

/// The writes that add a rule to a space, in place of one with the same patterns.
#[must_use]
pub fn rule_part(space: &SpaceName, rule: (&Subject, Verdict), by: &str) -> Part {
    part(vec![set_rule(space, rule, by, now_ms())])
}

fn part(changes: Vec<Change>) -> Part {
    let writes = Writes::Unstamped(changes);
    Part { space: system_space(), base: None, guards: Vec::new(), writes }
}
