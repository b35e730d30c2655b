//! What becomes of every push in an app's space, in log order: of the routes, of native clients and
//! of the hub's own API alike.
//!
//! ```text
//! of a user       the phases of the protocol, each over the whole push before the next
//! of the gateway  (as the hub itself) what the server writes: rights of whoever asked for it
//! both            a new user, a rule, ended keys and documents follow from the events
//! ```
//! Events only come: none is ever changed or deleted, and nothing else is written by users.

mod client;
mod derive;
mod documents;
mod server;

use syncline_protocol::{Change, Code, Reject};

use super::event::Event;
use super::fault::Fault;
use super::mapping::{NAME, is_app, named};
use super::settings::Settings;
use crate::hub::{Additions, EVENTS, Refusal, Rule, RuleView};

/// The rule of all spaces of apps.
pub(super) const RULE: Rule = Rule { gateway: NAME, governs: is_app, judge };

fn judge(view: &RuleView<'_>, changes: &[&Change], now_ms: u64) -> Result<Additions, Refusal> {
    let settings = Settings::of(view)?;
    match view.principal().is_hub() {
        true => server::judge(view, changes, (&settings, now_ms)),
        false => client::judge(view, changes, (&settings, now_ms)),
    }
}

/// An event of a push, and which of its changes it is.
struct Pushed {
    index: usize,
    event: Event,
    place: String,
    received_ms: u64,
}

/// The event that has an id already, with whatever author and item.
fn taken(view: &RuleView<'_>, place: &str) -> Result<Option<Event>, Refusal> {
    let found = view.range(&named(EVENTS), &format!("{place}|"), 1)?;
    Ok(found.first().and_then(|(_, record)| Event::of(record)))
}

fn refused(index: usize, what: &str) -> Refusal {
    Reject::new(Code::Refused, what).at(index).into()
}

fn fault(index: usize, fault: Fault) -> Refusal {
    fault.at(index).into()
}

#[cfg(test)]
mod tests;
