//! What only the rule writes: history, last positions, devices.
//!
//! A client's copy that gives back what a restored backup has lost is no forger, so its push is not
//! refused: what is missing and sound is taken, the rest is put back as it was.

use syncline_protocol::{Record, Value};

use super::super::ledger::Ledger;
use super::super::mapping::{
    Position, collection, document_of, field, history_key, position_key, refused,
};
use super::super::policy::AHEAD_S_MAX;
use super::super::wire::{NAME_BYTES, is_document};
use crate::hub::{Refusal, RuleView, Touched};

/// Takes or undoes what a client wrote there.
pub(super) fn keep(
    ledger: &mut Ledger<'_>,
    view: &RuleView<'_>,
    one: &Touched,
    after: &Record,
) -> Result<(), Refusal> {
    if !view.is_stamped() {
        return Err(refused(format!("the hub itself writes `{}`", one.collection)).into());
    }
    if one.before.as_ref() == Some(after) {
        return Ok(());
    }
    let key = one.key.as_str();
    let found = match one.collection.as_str() {
        collection::HISTORY => lost_entry(one, after),
        collection::POSITIONS => lost_position(one, after),
        _ => lost_device(one, after),
    };
    match found.filter(|timestamp| *timestamp <= ledger.now_s() + AHEAD_S_MAX) {
        Some(timestamp) if one.collection.as_str() == collection::HISTORY => {
            ledger.recall_entry(key, timestamp)
        }
        Some(_) if one.collection.as_str() == collection::POSITIONS => Ok(()),
        Some(_) if ledger.recall_device()? => Ok(()),
        Some(_) | None => ledger.undo(one),
    }
}

/// The time of an entry that is missing here and is what its key says.
fn lost_entry(one: &Touched, after: &Record) -> Option<u64> {
    let position = sound(one, after).filter(|_| one.before.is_none())?;
    let key = one.key.as_str();
    let document = document_of(key);
    // The key is `<document>:<11 digits>.<3 digits>-<digest>`.
    let millis = key.get(document.len() + 13..document.len() + 16)?.parse().ok()?;
    (history_key(document, &position, millis) == key).then_some(position.timestamp)
}

/// The time of a device's last position that is later than the one here.
fn lost_position(one: &Touched, after: &Record) -> Option<u64> {
    let position = sound(one, after)?;
    let key = position_key(document_of(one.key.as_str()), &position.device_key());
    let here: Option<Position> = one.before.as_ref().and_then(|it| field(it, "position"));
    let is_later = here.is_none_or(|here| here.timestamp < position.timestamp);
    (is_later && key == one.key.as_str()).then_some(position.timestamp)
}

/// When a device that is missing here was seen.
fn lost_device(one: &Touched, after: &Record) -> Option<u64> {
    let is_name = |name: &str| name.len() <= NAME_BYTES;
    let is_named = after.get("name").and_then(Value::as_str).is_some_and(is_name);
    after.get("seen_s").and_then(Value::as_u64).filter(|_| is_named && one.before.is_none())
}

fn sound(one: &Touched, after: &Record) -> Option<Position> {
    let position: Position = field(after, "position")?;
    let document = document_of(one.key.as_str());
    (is_document(document) && position.is_bearable()).then_some(position)
}
