//! What a rule may order of the members and rules of its own space: records of the space `system`,
//! in the same commit as the push that it judged. So who there is and who may do what can follow
//! from a space's own records, in log order, and a gateway reaches no other space by it.

use syncline_protocol::{Change, RecordKey, SpaceName, Value};

use super::admin::{system_put, token_deletes};
use super::decide::Planned;
use super::{Engine, Part, Writes, system_space};
use crate::access::acl::{Subject, Verdict};
use crate::access::directory::{collection, event_name, member_key, rule_key};
use crate::access::principal::Role;

/// An order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Order {
    /// Makes an account of the gateway's app, and a member of the space of it. One that is there
    /// stays as it is.
    AddMember {
        /// Its name, which begins with the space's.
        account: String,
        /// Its role.
        role: Role,
    },
    /// Adds a rule, in place of one with the same patterns.
    SetRule {
        /// Whom, what and which deed it is about.
        subject: Subject,
        /// What it says.
        verdict: Verdict,
        /// Who added it.
        by: String,
    },
    /// Ends every token of an account of the app, with the sessions that they opened.
    EndTokens {
        /// The account.
        account: String,
    },
}

impl Engine {
    /// What the rules ordered, as writes of the space `system`.
    pub(super) fn ordered(&self, planned: &[Planned], now_ms: u64) -> Option<Part> {
        let orders = planned.iter().flat_map(|part| {
            part.additions
                .orders
                .iter()
                .flat_map(|order| self.carry_out(&part.space, order, now_ms))
        });
        let changes: Vec<Change> = orders.collect();
        if changes.is_empty() {
            return None;
        }
        let writes = Writes::Unstamped(changes);
        Some(Part { space: system_space(), base: None, guards: Vec::new(), writes })
    }

    fn carry_out(&self, space: &SpaceName, order: &Order, now_ms: u64) -> Vec<Change> {
        match order {
            Order::AddMember { account, role } => self.add_member(space, account, *role, now_ms),
            Order::SetRule { subject, verdict, by } => {
                vec![set_rule(space, (subject, *verdict), by, now_ms)]
            }
            Order::EndTokens { account } if is_of(space, account) => {
                self.directory.tokens_of(account).flat_map(token_deletes).collect()
            }
            Order::EndTokens { .. } => Vec::new(),
        }
    }

    fn add_member(&self, space: &SpaceName, account: &str, role: Role, now_ms: u64) -> Vec<Change> {
        if self.directory.has_account(account) || !is_of(space, account) {
            return Vec::new();
        }
        add_member(space, account, role, now_ms).into()
    }
}

/// The records of an account of an app, which is a member of its space.
pub(crate) fn add_member(
    space: &SpaceName,
    account: &str,
    role: Role,
    created_ms: u64,
) -> [Change; 2] {
    let member = [("role", Value::from(role.as_str()))];
    [
        system_put(collection::APP_USERS, account, &[("created_ms", Value::from(created_ms))]),
        system_put(collection::MEMBERS, &member_key(space, account), &member),
    ]
}

/// The record of a rule.
pub(crate) fn set_rule(
    space: &SpaceName,
    (subject, verdict): (&Subject, Verdict),
    by: &str,
    now_ms: u64,
) -> Change {
    let text = |text: &str| Value::from(text);
    let fields = [
        ("principal", text(subject.principal.as_str())),
        ("item", text(subject.item.as_str())),
        ("action", text(subject.action.as_str())),
        ("verdict", text(verdict.as_str())),
        ("by", text(by)),
        ("at_ms", Value::from(now_ms)),
    ];
    system_put(collection::RULES, &rule_key(space, subject), &fields)
}

/// Whether an account is of the app of a space, and has a name that records can have.
fn is_of(space: &SpaceName, account: &str) -> bool {
    event_name(space, account).is_some() && RecordKey::new(&member_key(space, account)).is_ok()
}
