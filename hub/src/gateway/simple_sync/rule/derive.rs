//! What follows from events, in the same commit: users, rules, ended keys, documents.

use super::super::acl::rule_of;
use super::super::check::{USER_ITEM, action};
use super::super::mapping::account_of;
use super::super::settings::Settings;
use super::{Pushed, documents};
use crate::hub::{Additions, Order, Refusal, Role, RuleView};

pub(super) fn from(
    view: &RuleView<'_>,
    events: &[Pushed],
    settings: &Settings,
) -> Result<Additions, Refusal> {
    let orders = events.iter().filter_map(|it| order(view, it)).collect();
    let changes = documents::from(view, events, settings)?;
    Ok(Additions { changes, orders })
}

/// A rule that cannot be read (of an import alone) is none.
fn order(view: &RuleView<'_>, Pushed { event, .. }: &Pushed) -> Option<Order> {
    if let Some((subject, verdict)) = rule_of(event) {
        return Some(Order::SetRule {
            subject,
            verdict,
            by: account_of(view.space(), &event.user),
        });
    }
    let user = event.item.strip_prefix(USER_ITEM).filter(|user| !user.is_empty())?;
    let account = account_of(view.space(), user);
    let is_new = event.action == action::CREATE;
    is_new.then_some(Order::AddMember { account, role: Role::Writer })
}
