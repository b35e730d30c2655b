//! A space's access rules: who may change them, and what they say.

use sha2::{Digest as _, Sha256};
use syncline_protocol::{Code, Condition, Reject, SpaceName, Value};

use super::accounts::{field, guard};
use super::{Hub, now_ms, unknown_space};
use crate::access::acl::{Subject, Verdict};
use crate::access::directory::{ACL_ITEM, Action, SYSTEM_SPACE, collection};
use crate::access::principal::{Principal, Role};
use crate::engine::admin::{system_delete, system_put};

/// Rules of one space at most: each change of one looks at all of them.
pub const RULES_MAX: usize = 10_000;

/// Why somebody may do something or may not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Explained {
    /// What is decided.
    pub verdict: Verdict,
    /// By what.
    pub by: Decider,
}

/// What decides.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decider {
    /// An owner of the space, or an admin: no rule binds them.
    Owner,
    /// This rule, the most specific that matches.
    Rule(Subject),
    /// No rule matches; this role does.
    Role(Role),
    /// The account is no member of the space.
    NoMember,
}

impl Hub {
    /// The rules of a space, in the order of their patterns, for whoever may change them.
    ///
    /// # Errors
    /// As of [`Hub::role`], and `forbidden` to others.
    pub fn acl(
        &self,
        principal: &Principal,
        space: &SpaceName,
    ) -> Result<Vec<(Subject, Verdict)>, Reject> {
        self.require_acl(principal, space)?;
        let directory = self.directory();
        let rules = directory.rules(space).into_iter().flat_map(|rules| rules.acl().iter());
        Ok(rules.map(|(subject, verdict)| (subject.clone(), verdict)).collect())
    }

    /// Adds a rule to a space, in place of one with the same patterns. It holds for whatever is
    /// decided after it, pushes that wait and sessions that are open included.
    ///
    /// # Errors
    /// A right that is missing, a space that does not exist, or too many rules.
    pub async fn set_rule(
        &self,
        principal: &Principal,
        space: &SpaceName,
        subject: &Subject,
        verdict: Verdict,
    ) -> Result<(), Reject> {
        let owned = self.guard_acl(principal, space)?;
        if self.acl(principal, space)?.len() >= RULES_MAX {
            let what = format!("{space} has {RULES_MAX} access rules, and no more");
            return Err(Reject::new(Code::TooMany, what));
        }
        let text = |text: &str| Value::from(text);
        let fields = [
            ("principal", text(subject.principal.as_str())),
            ("item", text(subject.item.as_str())),
            ("action", text(subject.action.as_str())),
            ("verdict", text(verdict.as_str())),
            ("by", text(principal.account())),
            ("at_ms", Value::from(now_ms())),
        ];
        let change = system_put(collection::RULES, &rule_key(space, subject), &fields);
        self.write_system(vec![change], vec![owned], || unknown_space(space)).await?;
        Ok(())
    }

    /// Takes a rule out of a space.
    ///
    /// # Errors
    /// A right that is missing, a space or a rule that does not exist.
    pub async fn remove_rule(
        &self,
        principal: &Principal,
        space: &SpaceName,
        subject: &Subject,
    ) -> Result<(), Reject> {
        let owned = self.guard_acl(principal, space)?;
        if !self.acl(principal, space)?.iter().any(|(it, _)| it == subject) {
            let what = format!("{space} has no rule with these three patterns");
            return Err(Reject::new(Code::NotFound, what));
        }
        let change = system_delete(collection::RULES, &rule_key(space, subject));
        self.write_system(vec![change], vec![owned], || unknown_space(space)).await?;
        Ok(())
    }

    /// Whether an account may do something to an item, and why: as its password would, for a token
    /// may be for less. Its own account may be asked about by anybody, others by who may change
    /// rules.
    ///
    /// # Errors
    /// As of [`Hub::role`], and `forbidden`.
    pub fn explain(
        &self,
        principal: &Principal,
        space: &SpaceName,
        (account, item, action): (&str, &str, Action),
    ) -> Result<Explained, Reject> {
        if principal.account() == account {
            self.role(principal, space)?;
        } else {
            self.require_acl(principal, space)?;
        }
        let directory = self.directory();
        let explained = |verdict, by| Ok(Explained { verdict, by });
        let Some(role) = directory.membership(account, space) else {
            return explained(Verdict::Deny, Decider::NoMember);
        };
        if role == Role::Owner {
            return explained(Verdict::Allow, Decider::Owner);
        }
        let rules = directory.rules(space);
        let decided = rules.and_then(|rules| rules.acl().decide(account, item, action.as_str()));
        match decided {
            Some((subject, verdict)) => explained(verdict, Decider::Rule(subject.clone())),
            None if role >= action.least() => explained(Verdict::Allow, Decider::Role(role)),
            None => explained(Verdict::Deny, Decider::Role(role)),
        }
    }

    fn require_acl(&self, principal: &Principal, space: &SpaceName) -> Result<(), Reject> {
        self.role(principal, space)?;
        let access = self.directory().access(principal, space, Action::Admin, now_ms());
        if access.allows_item(ACL_ITEM) && space.as_str() != SYSTEM_SPACE {
            return Ok(());
        }
        let what = format!("You may not see or change the access rules of {space}");
        Err(Reject::new(Code::Forbidden, what))
    }

    /// Holds while the space is this one: a rule must not outlive it.
    fn guard_acl(
        &self,
        principal: &Principal,
        space: &SpaceName,
    ) -> Result<syncline_protocol::Guard, Reject> {
        self.require_acl(principal, space)?;
        let owner = Value::from(self.read(principal, space)?.space().owner.as_str());
        let owner = Condition::FieldEquals(field("owner"), owner);
        Ok(guard(collection::SPACES, space.as_str(), owner))
    }
}

/// One record for three patterns, however long they are.
fn rule_key(space: &SpaceName, subject: &Subject) -> String {
    let mut hash = Sha256::new();
    for pattern in [&subject.principal, &subject.item, &subject.action] {
        hash.update((pattern.as_str().len() as u64).to_be_bytes());
        hash.update(pattern.as_str());
    }
    format!("{space}:{}", hex::encode(&hash.finalize()[..16]))
}
