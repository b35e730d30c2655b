//! Events that the server writes: rules, and what was done with tokens and keys. Their time is the
//! hub's. They go through the door as the hub's own work; the rule judges whoever asked for them.

use syncline_protocol::{Change, Reject};

use super::check::{ACL_ITEM, USER_ITEM, action};
use super::event::{Beside, Event, new_id};

/// An event of this moment.
fn now(user: &str, item: String, action: &str, payload: String, now_ms: u64) -> Event {
    Event {
        uuid: new_id(now_ms).to_string(),
        timestamp: now_ms / 1000,
        user: user.to_owned(),
        item,
        action: action.to_owned(),
        payload,
    }
}

/// What was done to a user, by whom, and with which token of the hub.
pub(super) fn audit(
    (author, key): (&str, Option<&str>),
    (target, action): (&str, &str),
    now_ms: u64,
) -> Result<Change, Reject> {
    let event = now(author, format!("{USER_ITEM}{target}"), action, "{}".to_owned(), now_ms);
    event.keep(&Beside { received_ms: now_ms, key, server: true, ..Beside::default() })
}

/// A rule.
pub(super) fn rule(
    (author, key): (&str, Option<&str>),
    payload: String,
    now_ms: u64,
) -> Result<Change, Reject> {
    let event = now(author, ACL_ITEM.to_owned(), action::ADD_RULE, payload, now_ms);
    event.keep(&Beside { received_ms: now_ms, key, server: true, ..Beside::default() })
}
