//! Pushing: what the wire demands is checked here, what depends on records is decided by the rule,
//! in the push's place in the log.

use std::collections::HashMap;

use syncline_protocol::Reject;

use super::answer::Refused;
use super::app::App;
use super::caller::Caller;
use super::check;
use super::event::{Beside, Event};
use super::fault::Fault;
use super::mapping::named;
use crate::hub::{EVENTS, Principal, Submission, View, now_ms};

/// How often a push is tried again when others had been quicker.
const ATTEMPTS: usize = 16;

/// What became of a push.
pub(super) struct Stored {
    /// The ids of the events that were left out.
    pub(super) rejected: Vec<String>,
}

/// How a push wants to be taken.
#[derive(Default)]
pub(super) struct Manner {
    /// Whether events that are not permitted are left out.
    pub(super) skips: bool,
    /// Whether events whose id is another's are left out too.
    pub(super) ignores: bool,
    /// By what apps know the events of these ids.
    pub(super) aliases: HashMap<String, String>,
}

/// Stores the events of a push that are not there yet, all or none.
pub(super) async fn store(
    app: &App,
    caller: &Caller,
    mut events: Vec<Event>,
    manner: &Manner,
) -> Result<Stored, Refused> {
    check(app, caller, &mut events)?;
    let mut stored = Stored { rejected: Vec::new() };
    for _ in 0..ATTEMPTS {
        let (fresh, fault) = fresh(app, events, manner.ignores).await?;
        if let Some((index, fault)) = fault {
            return Err(blame(fault.into(), fresh.get(index)));
        }
        events = fresh;
        if manner.skips {
            leave_out(app, caller, &mut events, &mut stored);
        }
        if events.is_empty() {
            return Ok(stored);
        }
        let Err(reject) = write(app, caller, &events, manner).await else { return Ok(stored) };
        let index = reject.index.and_then(|index| usize::try_from(index).ok());
        match (Fault::from(&reject), index.filter(|index| *index < events.len())) {
            (Fault::TAKEN, _) => {}
            (fault, Some(index)) if manner.skips && is_denial(fault) => {
                stored.rejected.push(events.remove(index).uuid);
            }
            (fault, index) => return Err(blame(fault.into(), index.map(|it| &events[it]))),
        }
    }
    Err(Fault::UNAVAILABLE.into())
}

fn blame(refused: Refused, event: Option<&Event>) -> Refused {
    match event {
        Some(event) => refused.event(&event.uuid),
        None => refused,
    }
}

fn is_denial(fault: Fault) -> bool {
    fault == Fault::DENIED || fault == Fault::INTERNAL_EVENT
}

/// The phases that need no record, each over the whole push before the next.
fn check(app: &App, caller: &Caller, events: &mut [Event]) -> Result<(), Refused> {
    if let Some(event) = events.iter().find(|event| check::is_rule(event)) {
        return Err(Refused::from(Fault::ACL_EVENT).event(&event.uuid));
    }
    let now = (Some(caller.user.as_str()), now_ms());
    for event in events {
        check::in_seconds(event, app.settings());
        check::members(event, now, app.settings())
            .map_err(|fault| Refused::from(fault).event(&event.uuid))?;
    }
    Ok(())
}

/// A fault, and which event is to blame.
type Blamed = Option<(usize, Fault)>;

/// The events that are not there yet, and each once; or the one whose id is another's.
async fn fresh(
    app: &App,
    events: Vec<Event>,
    ignores: bool,
) -> Result<(Vec<Event>, Blamed), Reject> {
    if events.is_empty() {
        return Ok((events, None));
    }
    app.blocking(move |app| {
        // As the hub: an id may be that of an event that the caller must not see.
        let view = app.hub().read(&Principal::hub(), app.space())?;
        let mut fresh: Vec<Event> = Vec::with_capacity(events.len());
        let mut places = HashMap::new();
        for event in events {
            let place = event.place();
            let known = match places.get(&place) {
                Some(at) => fresh.get(*at).cloned(),
                None => taken(&view, &place)?,
            };
            match known {
                None => {
                    places.insert(place, fresh.len());
                    fresh.push(event);
                }
                Some(known) if ignores || known.is_same(&event) => {}
                Some(_) => return Ok((vec![event], Some((0, Fault::TAKEN)))),
            }
        }
        Ok((fresh, None))
    })
    .await
}

fn taken(view: &View, place: &str) -> Result<Option<Event>, Reject> {
    let found = view.range(&named(EVENTS), &format!("{place}|"), 1)?;
    Ok(found.first().and_then(|(_, record)| Event::of(record)))
}

fn leave_out(app: &App, caller: &Caller, events: &mut Vec<Event>, stored: &mut Stored) {
    let asked = events.iter().map(|it| (it.item.as_str(), it.action.as_str()));
    let mut denied = app.denied(&caller.user, asked).into_iter();
    events.retain(|event| {
        let is_denied = denied.next() == Some(true) || check::is_internal(event);
        if is_denied {
            stored.rejected.push(event.uuid.clone());
        }
        !is_denied
    });
}

async fn write(
    app: &App,
    caller: &Caller,
    events: &[Event],
    manner: &Manner,
) -> Result<(), Reject> {
    let received_ms = now_ms();
    let keep = |event: &Event| {
        let alias = manner.aliases.get(&event.uuid).map(String::as_str);
        event.keep(&Beside { received_ms, key: Some(caller.key()), alias, ..Beside::default() })
    };
    let changes = events.iter().map(keep).collect::<Result<_, _>>()?;
    let write = Submission::changes(app.space().clone(), changes);
    app.hub().apply(&caller.principal, write).await.map(drop)
}
