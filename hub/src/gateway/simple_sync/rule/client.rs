//! The push of a user: the phases of the protocol (its specification, section 2.3).

use std::collections::HashSet;

use syncline_protocol::{Change, Fields, Op, RecordKey, Value};

use super::super::check::{self, action};
use super::super::event::{ALIAS, EVENT, Event, KEY, RECEIVED};
use super::super::fault::Fault;
use super::super::mapping::{account_of, put, user_of};
use super::super::permission::Permissions;
use super::super::seed::mint;
use super::super::settings::Settings;
use super::{Pushed, derive, fault, refused, taken};
use crate::hub::{Additions, EVENTS, Refusal, RuleView};

/// What a push says of its own time may be so far from the hub's.
const RECEIVED_WITHIN_MS: u64 = 60_000;

pub(super) fn judge(
    view: &RuleView<'_>,
    changes: &[&Change],
    (settings, now_ms): (&Settings, u64),
) -> Result<Additions, Refusal> {
    let user = user_of(view.space(), view.principal().account());
    let mut more = Vec::new();
    let mut pushed = Vec::with_capacity(changes.len());
    for (index, change) in changes.iter().enumerate() {
        let (event, is_noted) = read(view, (index, change), now_ms)?;
        if !is_noted {
            more.push(note(view, &change.key, now_ms)?);
        }
        pushed.push(Pushed { index, place: event.place(), event, received_ms: now_ms });
    }
    for it in &pushed {
        if check::is_rule(&it.event) {
            return Err(fault(it.index, Fault::ACL_EVENT));
        }
    }
    let caller = (user.as_deref(), now_ms);
    for (it, change) in pushed.iter().zip(changes) {
        check::members(&it.event, caller, settings).map_err(|no| fault(it.index, no))?;
        if it.event.key() != change.key.as_str() {
            return Err(refused(it.index, "an event's key is its id, author and item"));
        }
    }
    let fresh = fresh(view, pushed)?;
    let user = user.unwrap_or_default();
    let mut permissions =
        Permissions::new(view.directory().acl(view.space()), &user, settings.dotted);
    for it in &fresh {
        if !permissions.allow(&it.event.item, &it.event.action) {
            return Err(fault(it.index, Fault::DENIED));
        }
        if check::is_internal(&it.event) {
            return Err(fault(it.index, Fault::INTERNAL_EVENT));
        }
    }
    check_users(view, &fresh)?;
    let additions = derive::from(view, &fresh, settings)?;
    more.extend(additions.changes);
    Ok(Additions { changes: more, orders: additions.orders })
}

/// The event that a change keeps, and whether what the hub keeps beside it comes along. Whoever
/// pushes may say that as it is, and nothing else.
fn read(
    view: &RuleView<'_>,
    (index, change): (usize, &Change),
    now_ms: u64,
) -> Result<(Event, bool), Refusal> {
    let Op::Put(fields) = &change.op else {
        return Err(refused(index, "events are never deleted"));
    };
    if change.collection.as_str() != EVENTS {
        return Err(refused(index, "users of an app write its events, and nothing else"));
    }
    let event = field(fields, EVENT).and_then(|it| rmp_serde::from_slice(it.as_bytes()).ok());
    let event = event.ok_or_else(|| refused(index, "an event is a map of its six members"))?;
    let is_true = |it: u64| now_ms.abs_diff(it) <= RECEIVED_WITHIN_MS;
    let received = field(fields, RECEIVED).map(|it| it.as_u64().is_some_and(is_true));
    let token = view.principal().token_id();
    let key = field(fields, KEY).map(|it| it.as_str() == token && token.is_some());
    let known = [EVENT, RECEIVED, KEY, ALIAS];
    let others = fields.iter().any(|(name, _)| !known.contains(&name.as_str()))
        || !has_own_alias(&event, field(fields, ALIAS));
    if others || received == Some(false) || key == Some(false) {
        return Err(refused(index, "what the hub keeps beside an event is not for others to say"));
    }
    Ok((event, received.is_some() && (key.is_some() || token.is_none())))
}

/// Whether an event has no alias, or the one that its id is made of.
fn has_own_alias(event: &Event, alias: Option<&Value>) -> bool {
    let is_own = |alias: &str| event.id() == Some(mint(event.timestamp, alias));
    alias.is_none_or(|alias| alias.as_str().is_some_and(is_own))
}

fn field<'f>(fields: &'f Fields, name: &str) -> Option<&'f Value> {
    fields.iter().find(|(field, _)| field.as_str() == name)?.1
}

fn note(view: &RuleView<'_>, key: &RecordKey, now_ms: u64) -> Result<Change, Refusal> {
    let mut fields = vec![(RECEIVED, Some(Value::from(now_ms)))];
    fields.extend(view.principal().token_id().map(|id| (KEY, Some(Value::from(id)))));
    Ok(put(EVENTS, key.as_str(), &fields)?)
}

/// The events that are not there yet. One that is may come again as the same write, which changes
/// nothing; another write would give it another place in the log.
fn fresh(view: &RuleView<'_>, pushed: Vec<Pushed>) -> Result<Vec<Pushed>, Refusal> {
    let mut fresh = Vec::with_capacity(pushed.len());
    let (mut seen, mut unchanged) = (HashSet::new(), None);
    for it in pushed {
        let is_again = !seen.insert(it.place.clone());
        match taken(view, &it.place)? {
            None if !is_again => fresh.push(it),
            Some(event) if !is_again && event.is_same(&it.event) => {
                if unchanged.is_none() {
                    unchanged = Some(unchanged_keys(view)?);
                }
                if !unchanged.as_ref().is_some_and(|keys| keys.contains(&it.event.key())) {
                    return Err(fault(it.index, Fault::TAKEN));
                }
            }
            _ => return Err(fault(it.index, Fault::TAKEN)),
        }
    }
    Ok(fresh)
}

fn unchanged_keys(view: &RuleView<'_>) -> Result<HashSet<String>, Refusal> {
    let touched = view.touched()?.into_iter();
    let unchanged = touched.filter(|it| it.before == it.after);
    Ok(unchanged.map(|it| it.key.as_str().to_owned()).collect())
}

fn check_users(view: &RuleView<'_>, fresh: &[Pushed]) -> Result<(), Refusal> {
    let mut made = HashSet::new();
    for it in fresh.iter().filter(|it| it.event.action == action::CREATE) {
        let user = check::new_user(&it.event).map_err(|no| fault(it.index, no))?;
        let is_there = view.directory().has_account(&account_of(view.space(), user));
        if is_there || !made.insert(user) {
            return Err(fault(it.index, Fault::USER_EXISTS));
        }
    }
    Ok(())
}
