//! What the protocol demands of every push in an account's space, native ones too.
//!
//! A device's push is a request: it says where the device is, and this decides in log order what
//! becomes of it, in the same commit. What devices could not read is refused; history, last
//! positions and devices are the rule's alone to write. Deleting a progress deletes the book.

use syncline_protocol::{Change, Fields, Op, SpaceName, Value};

use super::ledger::Ledger;
use super::mapping::{Position, REALM, collection, refused};
use super::request::{Keep, Request};
use super::wire::is_document;
use crate::hub::{Refusal, Rule, RuleView};

/// The rule of all spaces `koreader/...`.
pub(super) const RULE: Rule = Rule { gateway: REALM, governs, judge };

fn governs(space: &SpaceName) -> bool {
    space.as_str().strip_prefix(REALM).is_some_and(|rest| rest.starts_with('/'))
}

fn judge(view: &RuleView<'_>, changes: &[&Change], now_ms: u64) -> Result<Vec<Change>, Refusal> {
    let mut ledger = Ledger::open(view, now_ms)?;
    for change in changes {
        take(&mut ledger, change)?;
    }
    ledger.close()
}

fn take(ledger: &mut Ledger<'_>, change: &Change) -> Result<(), Refusal> {
    let key = change.key.as_str();
    match (change.collection.as_str(), &change.op) {
        (collection::PUSHES, Op::Put(fields)) => match value(fields, "request") {
            Some(request) => ledger.take(key, read::<Request>(request)?),
            None => Ok(()),
        },
        (collection::PROGRESS, Op::Put(fields)) => native(ledger, key, fields),
        (collection::PROGRESS, Op::Delete) => ledger.delete(key),
        (collection::HISTORY, Op::Delete) => ledger.delete_entry(key),
        (collection::HISTORY | collection::POSITIONS | collection::DEVICES, Op::Put(_)) => {
            let what = format!("the hub itself writes `{}`", change.collection);
            Err(refused(what).into())
        }
        _ => Ok(()),
    }
}

/// A client of the hub turned a page.
fn native(ledger: &mut Ledger<'_>, document: &str, fields: &Fields) -> Result<(), Refusal> {
    if !is_document(document) {
        return Err(refused("a document's id has 1 to 255 bytes and no colon").into());
    }
    match value(fields, "position") {
        Some(position) => {
            let position = read::<Position>(position)?;
            if !position.percentage.is_finite() {
                return Err(refused("a percentage is a number").into());
            }
            ledger.take(document, Request::native(position, Keep::default()))
        }
        None if fields.iter().any(|(name, _)| name.as_str() == "position") => {
            Err(refused("delete the record to delete the book").into())
        }
        None => Ok(()),
    }
}

fn value<'f>(fields: &'f Fields, name: &str) -> Option<&'f Value> {
    fields.iter().find(|(field, _)| field.as_str() == name)?.1
}

fn read<T: serde::de::DeserializeOwned>(value: &Value) -> Result<T, Refusal> {
    let read = rmp_serde::from_slice(value.as_bytes());
    read.map_err(|problem| refused(format!("that is no position: {problem}")).into())
}
