//! What the server writes: audit events, rules, setup tokens. The gateway hands it in as the hub
//! itself; the rights of whoever asked for it are judged here, so that they are those of this place
//! in the log. What an import brings was judged where it was made.

use std::collections::HashSet;

use syncline_protocol::{Change, Code, Fields, Op, Record, RecordKey, Reject, Stamp, Value};

use super::super::acl::RULES_MAX;
use super::super::check::{self, ACL_ITEM, USER_ITEM, action};
use super::super::event::{EVENT, Event, INERT, KEY, RECEIVED};
use super::super::fault::Fault;
use super::super::mapping::{ROOT, account_of, collection, delete, field, named, put};
use super::super::permission::Permissions;
use super::super::settings::Settings;
use super::{Pushed, derive, fault, refused, taken};
use crate::hub::{Additions, EVENTS, Order, Refusal, RuleView};

pub(super) fn judge(
    view: &RuleView<'_>,
    changes: &[&Change],
    (settings, now_ms): (&Settings, u64),
) -> Result<Additions, Refusal> {
    let (mut giving, mut more) = (Vec::new(), Additions::default());
    let mut seen = HashSet::new();
    for (index, change) in changes.iter().enumerate() {
        match (change.collection.as_str(), &change.op) {
            (EVENTS, Op::Put(fields)) => {
                let it = read(index, fields)?;
                if !seen.insert(it.pushed.place.clone()) || taken(view, &it.pushed.place)?.is_some()
                {
                    return Err(fault(index, Fault::TAKEN));
                }
                if let Some(key) = &it.key {
                    ask(view, (key, &it.pushed), settings, &mut more)?;
                }
                if !it.inert {
                    giving.push(it.pushed);
                }
            }
            (collection::TOKENS, Op::Put(_)) => more.changes.extend(supersede(view, change)?),
            (collection::TOKENS, Op::Delete) => {
                more.changes.push(consume(view, &change.key, now_ms)?);
            }
            (it, _) if it.starts_with('.') => {}
            _ => return Err(refused(index, "events are never changed or deleted")),
        }
    }
    check_rules(view, &giving)?;
    let derived = derive::from(view, &giving, settings)?;
    more.changes.extend(derived.changes);
    more.orders.extend(derived.orders);
    Ok(more)
}

struct Read {
    pushed: Pushed,
    /// The id of the token by which it was asked for.
    key: Option<String>,
    inert: bool,
}

fn read(index: usize, fields: &Fields) -> Result<Read, Refusal> {
    let mut record = Record::default();
    record.merge(
        Stamp::from_bytes(1_u128.to_be_bytes()).ok_or_else(broken)?,
        0,
        &Op::Put(fields.clone()),
    );
    let event: Event = field(&record, EVENT).ok_or_else(broken)?;
    let received_ms = record.get(RECEIVED).and_then(Value::as_u64).unwrap_or(0);
    let pushed = Pushed { index, place: event.place(), event, received_ms };
    let key = record.get(KEY).and_then(Value::as_str).map(str::to_owned);
    let inert = record.get(INERT).and_then(Value::as_bool) == Some(true);
    Ok(Read { pushed, key, inert })
}

fn broken() -> Refusal {
    Reject::new(Code::Internal, "an event of the server's could not be read").into()
}

/// Whether its author may have it written, and what follows from that it was asked for now.
fn ask(
    view: &RuleView<'_>,
    (key, Pushed { index, event, .. }): (&str, &Pushed),
    settings: &Settings,
    more: &mut Additions,
) -> Result<(), Refusal> {
    let no = |what: Fault| fault(*index, what);
    let author = account_of(view.space(), &event.user);
    if view.directory().token_user(key) != Some(&author) {
        return Err(no(Fault::BAD_KEY));
    }
    let target = event.item.strip_prefix(USER_ITEM).unwrap_or(ACL_ITEM);
    let acl = view.directory().acl(view.space());
    let may = Permissions::new(acl, &event.user, settings.dotted).allow(target, &event.action);
    let is_root = target == ROOT && event.user != ROOT;
    if !may || is_root {
        return Err(no(Fault::DENIED));
    }
    let account = account_of(view.space(), target);
    match event.action.as_str() {
        action::GENERATE if !view.directory().has_account(&account) => Err(no(Fault::NO_SUCH_USER)),
        action::RESET => {
            more.changes.extend(forget_keys(view, &account)?);
            more.orders.push(Order::EndTokens { account });
            Ok(())
        }
        _ => Ok(()),
    }
}

fn check_rules(view: &RuleView<'_>, events: &[Pushed]) -> Result<(), Refusal> {
    let new = events.iter().filter(|it| check::is_rule(&it.event)).count();
    let there = if new > 0 { view.directory().acl(view.space()).iter().count() } else { 0 };
    if new + there > RULES_MAX && new > 0 {
        let what = format!("An app has at most {RULES_MAX} rules");
        return Err(Reject::new(Code::TooMany, what).into());
    }
    Ok(())
}

/// A new setup token ends the one before it.
fn supersede(view: &RuleView<'_>, change: &Change) -> Result<Vec<Change>, Refusal> {
    let Op::Put(fields) = &change.op else { return Ok(Vec::new()) };
    let user = fields.iter().find(|(name, _)| name.as_str() == "user").and_then(|(_, it)| it);
    let user = user.and_then(Value::as_str).ok_or_else(broken)?;
    let key = crate::hub::escape(user, true);
    let pending = RecordKey::new(&key).map_err(|_| broken())?;
    let old = view.get(&named(collection::PENDING), &pending)?;
    let old = old.and_then(|record| Some(record.get("token")?.as_str()?.to_owned()));
    let old = old.filter(|old| old != change.key.as_str());
    let mut changes: Vec<Change> =
        old.map(|old| delete(collection::TOKENS, &old)).transpose()?.into_iter().collect();
    let token = ("token", Some(Value::from(change.key.as_str())));
    changes.push(put(collection::PENDING, &key, &[token])?);
    Ok(changes)
}

/// A setup token is good once: of two that exchange it, the second finds it gone.
fn consume(view: &RuleView<'_>, token: &RecordKey, now_ms: u64) -> Result<Change, Refusal> {
    let record = view.get(&named(collection::TOKENS), token)?;
    let record = record.filter(|it| it.get("expires_ms").and_then(Value::as_u64) > Some(now_ms));
    let user = record.and_then(|record| Some(record.get("user")?.as_str()?.to_owned()));
    let user = user.ok_or_else(|| fault(0, Fault::NO_EXCHANGE))?;
    Ok(delete(collection::PENDING, &crate::hub::escape(&user, true))?)
}

/// Of a key that ended nobody asks when it was used.
fn forget_keys(view: &RuleView<'_>, account: &str) -> Result<Vec<Change>, Refusal> {
    let ids = view.directory().tokens_of(account);
    Ok(ids.map(|id| delete(collection::KEYS, id)).collect::<Result<_, _>>()?)
}
