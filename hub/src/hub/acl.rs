//! A space's access rules: who may change them, and what they say.

use syncline_protocol::{Code, Condition, Reject, SpaceName, Value};

use super::accounts::{field, guard};
use super::{Hub, now_ms, unknown_space};
use crate::access::acl::{Subject, Verdict};
use crate::access::directory::{
    ACL_ITEM, Action, Form, SYSTEM_SPACE, collection, event_name, rule_key,
};
use crate::access::principal::{Principal, Role};
use crate::engine::admin::system_delete;
use crate::engine::set_rule;

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
    /// No rule matches, and this is a space of events, where then nothing may be done.
    NoRule,
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
        self.refuse_events(space)?;
        let change = set_rule(space, (subject, verdict), principal.account(), now_ms());
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
        self.refuse_events(space)?;
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
        (account, item, action): (&str, &str, &str),
    ) -> Result<Explained, Reject> {
        let is_of_events = self.directory().form(space) != Form::Records;
        // There an account may be called as it is called there.
        let own = format!("{space}/{account}");
        let account = match is_of_events && self.directory().has_account(&own) {
            true => &own,
            false => account,
        };
        if principal.account() == account {
            self.role(principal, space)?;
        } else {
            self.require_acl(principal, space)?;
        }
        // Whoever is asked about, a word that is no action of records is a slip of whoever asks.
        let own_action = match is_of_events {
            true => None,
            false => Some(action.parse::<Action>().map_err(|it| Reject::new(Code::Refused, it))?),
        };
        let directory = self.directory();
        let explained = |verdict, by| Ok(Explained { verdict, by });
        let Some(role) = directory.membership(account, space) else {
            return explained(Verdict::Deny, Decider::NoMember);
        };
        if role == Role::Owner {
            return explained(Verdict::Allow, Decider::Owner);
        }
        let rules = directory.rules(space);
        let name =
            if is_of_events { event_name(space, account).unwrap_or(account) } else { account };
        let decided = rules.and_then(|rules| rules.acl().decide(name, item, action));
        if let Some((subject, verdict)) = decided {
            return explained(verdict, Decider::Rule(subject.clone()));
        }
        match own_action {
            None => explained(Verdict::Deny, Decider::NoRule),
            Some(action) if role >= action.least() => {
                explained(Verdict::Allow, Decider::Role(role))
            }
            Some(_) => explained(Verdict::Deny, Decider::Role(role)),
        }
    }

    /// Where rules are events, one that did not come as an event would be in no history.
    fn refuse_events(&self, space: &SpaceName) -> Result<(), Reject> {
        if self.directory().form(space) == Form::Records {
            return Ok(());
        }
        let what = format!(
            "The rules of {space} are events: add one by POST to /acl of its own API. One with the \
             same patterns takes the place of another, and none is ever taken out"
        );
        Err(Reject::new(Code::Refused, what))
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
        let owner = Value::from(self.read(principal, space)?.space().owner.as_ref());
        let owner = Condition::FieldEquals(field("owner"), owner);
        Ok(guard(collection::SPACES, space.as_str(), owner))
    }
}
