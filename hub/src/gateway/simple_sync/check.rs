//! What an event must be to be kept, pure: the checks that need no record, in the protocol's order.

use super::event::{Event, millis_of, seconds_of};
use super::fault::Fault;
use super::settings::Settings;

/// An event may be so far ahead of the hub's clock.
const AHEAD_SECONDS: u64 = 86_400;
/// The longest item or action, in bytes.
const NAME_BYTES: usize = 1024;
/// The longest name of a new user, in bytes.
const USER_BYTES: usize = 255;
/// The longest key of a record.
const KEY_BYTES: usize = 1024;

/// The item before the id of a user.
pub(super) const USER_ITEM: &str = ".user.";
/// The item of rules.
pub(super) const ACL_ITEM: &str = ".acl";

/// Actions that the server knows.
pub(super) mod action {
    /// Makes a user; the only one of these that is pushed.
    pub(crate) const CREATE: &str = ".user.create";
    /// Adds a rule.
    pub(crate) const ADD_RULE: &str = ".acl.addRule";
    /// A setup token was made.
    pub(crate) const GENERATE: &str = ".user.generateToken";
    /// A setup token became a key.
    pub(crate) const EXCHANGE: &str = ".user.exchangeToken";
    /// A user's keys ended.
    pub(crate) const RESET: &str = ".user.resetKey";
}

/// Whether an event is one of those that the rules come in.
pub(super) fn is_rule(event: &Event) -> bool {
    event.item == ACL_ITEM && event.action.starts_with(".acl.")
}

/// Checks an event's members and whose it is.
pub(super) fn members(
    event: &Event,
    (caller, now_ms): (Option<&str>, u64),
    settings: &Settings,
) -> Result<(), Fault> {
    if event.uuid.is_empty() {
        return Err(Fault::NO_UUID);
    }
    let id = event.id().ok_or(Fault::BAD_UUID)?;
    let seconds = seconds_of(id).filter(|seconds| *seconds == event.timestamp);
    match seconds {
        Some(seconds) if seconds > 0 && seconds <= now_ms / 1000 + AHEAD_SECONDS => {}
        _ => return Err(Fault::BAD_TIME),
    }
    let required = [
        (&event.user, Fault::NO_USER),
        (&event.item, Fault::NO_ITEM),
        (&event.action, Fault::NO_ACTION),
    ];
    if let Some((_, fault)) = required.into_iter().find(|(text, _)| text.is_empty()) {
        return Err(fault);
    }
    if caller != Some(event.user.as_str()) {
        return Err(Fault::NOT_OWN);
    }
    names(event)?;
    payload(event, settings)
}

/// The same event with its time in seconds, where the settings let it be told in milliseconds.
pub(super) fn in_seconds(event: &mut Event, settings: &Settings) {
    let told = |id| seconds_of(id).is_some() && millis_of(id) == event.timestamp;
    if settings.milliseconds && event.id().is_some_and(told) {
        event.timestamp /= 1000;
    }
}

/// An item must fit into a key, with its author.
fn names(event: &Event) -> Result<(), Fault> {
    let is_bad = |text: &str| {
        text.len() > NAME_BYTES || text.bytes().any(|byte| byte < 0x20 || byte == 0x7f)
    };
    if is_bad(&event.item) || event.key().len() > KEY_BYTES {
        return Err(Fault::BAD_ITEM);
    }
    if is_bad(&event.action) { Err(Fault::BAD_ACTION) } else { Ok(()) }
}

fn payload(event: &Event, settings: &Settings) -> Result<(), Fault> {
    if event.payload.len() as u64 > settings.payload_bytes {
        return Err(Fault::LONG_PAYLOAD);
    }
    let is_object = || {
        let read = serde_json::from_str(&event.payload);
        read.is_ok_and(|_: serde_json::Map<String, serde_json::Value>| true)
    };
    if settings.strict_payload && !is_object() {
        return Err(Fault::BAD_PAYLOAD);
    }
    Ok(())
}

/// The user that an event makes, by the name in its item.
pub(super) fn new_user(event: &Event) -> Result<&str, Fault> {
    let id = event.item.strip_prefix(USER_ITEM).unwrap_or_default();
    let good = |byte: u8| byte.is_ascii_alphanumeric() || b"./:_-".contains(&byte);
    let is_id = (1..=USER_BYTES).contains(&id.len()) && id.bytes().all(good);
    if is_id && !id.starts_with('.') { Ok(id) } else { Err(Fault::BAD_USER_ID) }
}

/// Whether an event is for the server alone to write.
pub(super) fn is_internal(event: &Event) -> bool {
    match event.action.starts_with('.') {
        true => event.action != action::CREATE,
        false => event.item.starts_with('.'),
    }
}

#[cfg(test)]
mod tests;
