//! What the protocol demands of every push in an account's space, native ones too.
//!
//! A device's push is a request: it says where the device is, and this decides in log order what
//! becomes of it, in the same commit. What devices could not read is refused; history, last
//! positions and devices are the rule's alone to write. Deleting a progress deletes the book.
//!
//! A client's push counts by what shows after it: what loses to a later write turns no page and
//! deletes nothing. One that gives back what a restored backup has lost is taken, not refused.

mod own;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

use syncline_protocol::{Change, Fields, Op, Record, SpaceName, Value};

use super::ledger::Ledger;
use super::mapping::{Position, REALM, collection, field, refused};
use super::request::Request;
use super::titles::is_group;
use super::wire::is_document;
use crate::hub::{Additions, Refusal, Rule, RuleView, Touched};

/// The rule of all spaces `koreader/...`.
pub(super) const RULE: Rule = Rule { gateway: REALM, governs, judge };

fn governs(space: &SpaceName) -> bool {
    space.as_str().strip_prefix(REALM).is_some_and(|rest| rest.starts_with('/'))
}

fn judge(view: &RuleView<'_>, changes: &[&Change], now_ms: u64) -> Result<Additions, Refusal> {
    let mut ledger = Ledger::open(view, now_ms)?;
    let mut deleted = BTreeSet::new();
    for change in changes {
        match &change.op {
            // One push may hold several requests for one document, and each counts.
            Op::Put(fields) if change.collection.as_str() == collection::PUSHES => {
                if let Some(request) = value(fields, "request") {
                    ledger.take(change.key.as_str(), read::<Request>(request)?)?;
                }
            }
            Op::Put(_) => {}
            Op::Delete => drop(deleted.insert((change.collection.as_str(), change.key.as_str()))),
        }
    }
    for one in view.touched()? {
        let is_deleted = deleted.contains(&(one.collection.as_str(), one.key.as_str()));
        take(&mut ledger, view, &one, is_deleted)?;
    }
    Ok(ledger.close()?.into())
}

fn take(
    ledger: &mut Ledger<'_>,
    view: &RuleView<'_>,
    one: &Touched,
    is_deleted: bool,
) -> Result<(), Refusal> {
    let key = one.key.as_str();
    match (one.collection.as_str(), &one.after) {
        (collection::PROGRESS, None) if is_deleted => ledger.delete(key),
        (collection::PROGRESS, after) => native(ledger, key, one.before.as_ref(), after.as_ref()),
        (collection::JOINS, Some(after)) if one.before.as_ref() != Some(after) => join(key, after),
        (collection::HISTORY, None) if is_deleted => ledger.delete_entry(key),
        (collection::HISTORY | collection::POSITIONS | collection::DEVICES, Some(after)) => {
            own::keep(ledger, view, one, after)
        }
        _ => Ok(()),
    }
}

/// A client of the hub may have turned a page.
fn native(
    ledger: &mut Ledger<'_>,
    document: &str,
    before: Option<&Record>,
    after: Option<&Record>,
) -> Result<(), Refusal> {
    if after.is_some() && !is_document(document) {
        return Err(refused("a document's id has 1 to 255 bytes and no colon").into());
    }
    let is_free =
        |record: Option<&Record>| record.and_then(|it| it.get("free")?.as_bool()).unwrap_or(false);
    if is_free(after) && !is_free(before) {
        ledger.restart(document)?;
    }
    let position = |record: Option<&Record>| record.and_then(|it| it.get("position")).cloned();
    let (before, after) = (position(before), position(after));
    match after {
        _ if before == after => Ok(()),
        Some(position) => {
            let position = read::<Position>(&position)?;
            if !position.is_bearable() {
                return Err(refused("a position is short, and its percentage a number").into());
            }
            ledger.take(document, Request::native(position, ledger.keep()))
        }
        None => Err(refused("delete the record to delete the book").into()),
    }
}

/// Every push and pull of the document reads what it is joined to.
fn join(document: &str, after: &Record) -> Result<(), Refusal> {
    let books: Option<Vec<String>> = field(after, "books");
    if books.is_some_and(|books| is_group(document, &books)) {
        return Ok(());
    }
    Err(refused("a book's documents are at most 16 ids, and the key is one of them").into())
}

fn value<'f>(fields: &'f Fields, name: &str) -> Option<&'f Value> {
    fields.iter().find(|(field, _)| field.as_str() == name)?.1
}

fn read<T: serde::de::DeserializeOwned>(value: &Value) -> Result<T, Refusal> {
    let read = rmp_serde::from_slice(value.as_bytes());
    read.map_err(|problem| refused(format!("that is no position: {problem}")).into())
}
