//! Imported events: which are new, and the rules that come with them.

use std::collections::{BTreeMap, HashMap};

use serde::Deserialize;
use syncline_protocol::{Change, Code, Reject, SpaceName};

use super::{BY, Done, add_users, submit};
use crate::gateway::simple_sync::acl::WireRule;
use crate::gateway::simple_sync::check::{USER_ITEM, action, is_rule};
use crate::gateway::simple_sync::event::{Beside, Event, seconds_of};
use crate::gateway::simple_sync::fault::Fault;
use crate::gateway::simple_sync::mapping::named;
use crate::gateway::simple_sync::seed::mint;
use crate::hub::{
    EVENTS, Hub, Part, Principal, Subject, Submission, Verdict, View, now_ms, rule_part,
};

/// Events that are pushed meanwhile are few: who finds an id taken looks once more.
const TRIES: usize = 8;

/// An event with the rule that comes into force with it. One that is a rule by its action and
/// brings none gives no rights.
#[derive(Debug, Clone, Deserialize)]
pub(in super::super) struct WireEvent {
    #[serde(flatten)]
    event: SentEvent,
    rule: Option<WireRule>,
    /// Whether it is told as in the first form, in which an id may be any text.
    #[serde(default)]
    seed: bool,
}

#[derive(Debug, Clone, Deserialize)]
struct SentEvent {
    uuid: String,
    timestamp: u64,
    user: String,
    item: String,
    action: String,
    payload: String,
}

impl From<SentEvent> for Event {
    fn from(it: SentEvent) -> Self {
        let SentEvent { uuid, timestamp, user, item, action, payload } = it;
        Self { uuid, timestamp, user, item, action, payload }
    }
}

/// An event to take in.
struct Sent {
    event: Event,
    /// The id that it had, where that is none.
    alias: Option<String>,
    rule: Option<(Subject, Verdict)>,
}

/// What becomes of some events.
#[derive(Default)]
struct Plan {
    changes: Vec<Change>,
    /// Rules of events that were here already.
    rules: BTreeMap<Subject, Verdict>,
    new_rules: u64,
    same: u64,
    notes: Vec<String>,
}

/// Adds the events that are not here.
pub(super) async fn add(
    hub: &Hub,
    space: &SpaceName,
    events: Vec<WireEvent>,
    done: &mut Done,
) -> Result<(), Reject> {
    if events.is_empty() {
        return Ok(());
    }
    let sent: Vec<Sent> = events.into_iter().filter_map(|it| checked(it, done)).collect();
    let created = sent.iter().filter_map(|sent| new_user(&sent.event));
    add_users(hub, space, created, done).await?;
    for _ in 0..TRIES {
        let plan = plan(&hub.read(&Principal::hub(), space)?, hub, &sent)?;
        match carry_out(hub, space, &plan).await {
            Err(reject) if reject.text == Fault::TAKEN.text => {}
            written => {
                written?;
                done.events += plan.changes.len() as u64;
                done.same += plan.same;
                done.rules += plan.rules.len() as u64 + plan.new_rules;
                done.notes.extend(plan.notes);
                return Ok(());
            }
        }
    }
    Err(Reject::new(Code::Busy, "The same events are pushed meanwhile; import them again"))
}

fn checked(it: WireEvent, done: &mut Done) -> Option<Sent> {
    let mut event = Event::from(it.event);
    let has_time = |id| seconds_of(id) == Some(event.timestamp);
    let alias = (it.seed && !event.id().is_some_and(has_time)).then(|| event.uuid.clone());
    if let Some(alias) = &alias {
        event.uuid = mint(event.timestamp, alias).to_string();
    }
    // Whatever was stored is taken over, but not under a key that no record can have.
    if event.keep(&Beside::default()).is_err() {
        let id = &event.uuid;
        done.notes.push(format!("event {id}: its user and item together are too long for the hub"));
        return None;
    }
    let rule = it.rule.map(|rule| rule.parse()).transpose();
    let rule = rule.unwrap_or_else(|bad| {
        done.notes.push(format!("event {} sets no rule: {}", event.uuid, bad.text()));
        None
    });
    Some(Sent { event, alias, rule })
}

/// The user that an event makes, and when. The original forgot to make them.
fn new_user(event: &Event) -> Option<(String, u64)> {
    let user = event.item.strip_prefix(USER_ITEM).filter(|user| !user.is_empty())?;
    let is_new = event.action == action::CREATE;
    is_new.then(|| (user.to_owned(), event.timestamp.saturating_mul(1000)))
}

fn plan(view: &View, hub: &Hub, sent: &[Sent]) -> Result<Plan, Reject> {
    let acl = hub.acl(&Principal::hub(), view.name())?;
    let in_force: HashMap<Subject, Verdict> = acl.into_iter().collect();
    let received_ms = now_ms();
    let (mut plan, mut seen) = (Plan::default(), HashMap::<String, &Event>::new());
    for Sent { event, alias, rule } in sent {
        let known = match seen.get(&identity(event)) {
            Some(event) => Some((*event).clone()),
            None => there(view, event)?,
        };
        match known {
            Some(known) if known.is_same(event) => {
                plan.same += 1;
                if let Some((subject, verdict)) = rule
                    && !in_force.contains_key(subject)
                    && !seen.contains_key(&identity(event))
                {
                    plan.rules.insert(subject.clone(), *verdict);
                }
            }
            Some(_) => {
                let id = &event.uuid;
                plan.notes.push(format!("event {id} is here already, and says something else"));
            }
            None => {
                let inert = is_rule(event) && rule.is_none();
                let alias = alias.as_deref();
                let beside = Beside { received_ms, inert, alias, ..Beside::default() };
                plan.changes.push(event.keep(&beside)?);
                plan.new_rules += u64::from(rule.is_some());
                seen.insert(identity(event), event);
            }
        }
    }
    Ok(plan)
}

/// What no other event shares, whatever the spelling.
fn identity(event: &Event) -> String {
    event.id().map_or_else(|| event.place(), |id| id.hyphenated().to_string())
}

/// The event that has this id here.
fn there(view: &View, event: &Event) -> Result<Option<Event>, Reject> {
    for place in [event.place(), identity(event)] {
        let found = view.range(&named(EVENTS), &format!("{place}|"), 1)?;
        if let Some((_, record)) = found.first() {
            return Ok(Event::of(record));
        }
    }
    Ok(None)
}

async fn carry_out(hub: &Hub, space: &SpaceName, plan: &Plan) -> Result<(), Reject> {
    let events = Submission::changes(space.clone(), plan.changes.clone()).parts;
    let events = events.into_iter().filter(|_| !plan.changes.is_empty());
    let rules =
        plan.rules.iter().map(|(subject, verdict)| rule_part(space, (subject, *verdict), BY));
    let parts: Vec<Part> = events.chain(rules).collect();
    submit(hub, parts).await
}
