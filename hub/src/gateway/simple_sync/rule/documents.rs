//! Documents: what events of some actions add up to. Each field holds what the newest event set, by
//! the ids of the events and not by when they came; a delete ends what was set before it.
//!
//! ```text
//! items/ITEM      the fields
//! .stamps/ITEM    by `=FIELD` the stamp of each, by `-` that of the newest delete
//! ```
//! What a rule writes is stamped by the hub and so always the newest there: which event wins is
//! decided here, by the stamps that are kept.

use std::collections::BTreeMap;

use serde_json::{Map, Value as Json};
use syncline_protocol::{Change, FieldName, Record, RecordKey, Value};
use uuid::Uuid;

use super::super::event::{Event, millis_of, seconds_of};
use super::super::mapping::{collection, delete, named, put};
use super::super::settings::Settings;
use super::Pushed;
use crate::hub::{ITEMS, Refusal, RuleView, escape};

/// Fields of one document at most; what would be one more is left out.
const FIELDS_MAX: usize = 255;
/// An event from the future counts as no more than so much after it came.
const AHEAD_MS: u64 = 60_000;
/// The field of the newest delete.
const DELETED: &str = "-";

pub(super) fn from(
    view: &RuleView<'_>,
    events: &[Pushed],
    settings: &Settings,
) -> Result<Vec<Change>, Refusal> {
    let mut documents = BTreeMap::<String, Document>::new();
    let is_plain = |event: &Event| !event.item.starts_with('.') && !event.action.starts_with('.');
    for it in events.iter().filter(|it| is_plain(&it.event)) {
        let Some(deed) = Deed::of(&it.event, settings) else { continue };
        let key = escape(&it.event.item, false).into_owned();
        if !documents.contains_key(&key) {
            documents.insert(key.clone(), Document::open(view, &key)?);
        }
        let Some(document) = documents.get_mut(&key) else { continue };
        document.take(deed, stamp(it));
    }
    let mut changes = Vec::new();
    for (key, document) in documents {
        changes.extend(document.close(&key)?);
    }
    Ok(changes)
}

/// The time of an event, and what orders events of one moment.
fn stamp(it: &Pushed) -> u128 {
    let id = it.event.id().unwrap_or(Uuid::nil());
    let wall = match seconds_of(id) {
        Some(_) => millis_of(id),
        None => it.event.timestamp.saturating_mul(1000),
    };
    let wall = wall.min(it.received_ms.saturating_add(AHEAD_MS)).min((1 << 48) - 1);
    u128::from(wall) << 80 | id.as_u128() & ((1 << 80) - 1)
}

enum Deed {
    Set(Map<String, Json>),
    Delete,
}

impl Deed {
    fn of(event: &Event, settings: &Settings) -> Option<Self> {
        if settings.delete_actions.contains(&event.action) {
            return Some(Self::Delete);
        }
        let is_set = settings.set_actions.contains(&event.action);
        let fields = is_set.then(|| serde_json::from_str(&event.payload).ok())?;
        fields.map(Self::Set)
    }
}

/// A document, as it was and as it becomes.
#[derive(Default)]
struct Document {
    before: Option<Record>,
    stamps: BTreeMap<String, u128>,
    deleted: Option<u128>,
    /// What was set anew.
    set: BTreeMap<String, Value>,
    /// Whether fields that were there are gone, and whether anything has changed.
    has_lost: bool,
    has_changed: bool,
}

impl Document {
    fn open(view: &RuleView<'_>, key: &str) -> Result<Self, Refusal> {
        let Ok(key) = RecordKey::new(key) else { return Ok(Self::default()) };
        let Some(kept) = view.get(&named(collection::STAMPS), &key)? else {
            return Ok(Self::default());
        };
        let mut this = Self { before: view.get(&named(ITEMS), &key)?, ..Self::default() };
        for (name, _, value) in kept.visible() {
            let stamp = value.as_str().and_then(|hex| u128::from_str_radix(hex, 16).ok());
            match (name.as_str().strip_prefix('='), stamp) {
                (Some(field), Some(stamp)) => drop(this.stamps.insert(field.to_owned(), stamp)),
                (None, stamp) => this.deleted = stamp,
                (Some(_), None) => {}
            }
        }
        Ok(this)
    }

    fn take(&mut self, deed: Deed, stamp: u128) {
        match deed {
            Deed::Set(fields) => fields.into_iter().for_each(|it| self.set(it, stamp)),
            Deed::Delete => self.delete(stamp),
        }
    }

    fn set(&mut self, (name, json): (String, Json), stamp: u128) {
        let known = self.stamps.get(&name).copied();
        let is_newest = known < Some(stamp) && self.deleted < Some(stamp);
        let has_room = known.is_some() || self.stamps.len() < FIELDS_MAX;
        let value = rmp_serde::to_vec(&json).ok().and_then(|bytes| Value::new(bytes).ok());
        let is_name = FieldName::new(&format!("={name}")).is_ok();
        if let Some(value) = value.filter(|_| is_newest && has_room && is_name && !name.is_empty())
        {
            self.stamps.insert(name.clone(), stamp);
            self.set.insert(name, value);
            self.has_changed = true;
        }
    }

    fn delete(&mut self, stamp: u128) {
        if self.deleted >= Some(stamp) {
            return;
        }
        (self.deleted, self.has_changed) = (Some(stamp), true);
        let fields = self.stamps.len();
        self.stamps.retain(|_, set| *set > stamp);
        self.set.retain(|name, _| self.stamps.contains_key(name));
        self.has_lost |= self.stamps.len() < fields;
    }

    /// The writes. Where fields were lost the records begin anew, so that what was dropped does not
    /// gather in them.
    fn close(mut self, key: &str) -> Result<Vec<Change>, Refusal> {
        let mut changes = Vec::new();
        if !self.has_changed {
            return Ok(changes);
        }
        if self.has_lost {
            changes.extend([delete(ITEMS, key)?, delete(collection::STAMPS, key)?]);
            for (name, _, value) in self.before.iter().flat_map(|before| before.visible()) {
                if self.stamps.contains_key(name.as_str()) {
                    self.set.entry(name.as_str().to_owned()).or_insert_with(|| value.clone());
                }
            }
        }
        let kept = self.stamps.iter().map(|(name, stamp)| (format!("={name}"), *stamp));
        let kept = kept.chain(self.deleted.map(|stamp| (DELETED.to_owned(), stamp)));
        let kept: Vec<(String, Value)> = kept
            .map(|(name, stamp)| (name, Value::from(format!("{stamp:032x}").as_str())))
            .collect();
        changes.push(put(collection::STAMPS, key, &fields(&kept))?);
        let set: Vec<(String, Value)> = self.set.into_iter().collect();
        if !set.is_empty() {
            changes.push(put(ITEMS, key, &fields(&set))?);
        }
        Ok(changes)
    }
}

fn fields(all: &[(String, Value)]) -> Vec<(&str, Option<Value>)> {
    all.iter().map(|(name, value)| (name.as_str(), Some(value.clone()))).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn document(deeds: &[(u128, Option<u8>)]) -> (BTreeMap<String, u128>, Option<u128>) {
        let mut document = Document::default();
        for (stamp, deed) in deeds {
            let set = |field: &u8| {
                Deed::Set([(format!("f{}", field % 3), Json::from(1))].into_iter().collect())
            };
            document.take(deed.as_ref().map_or(Deed::Delete, set), *stamp);
        }
        let (set, stamps): (Vec<_>, Vec<_>) =
            (document.set.into_keys().collect(), document.stamps.keys().cloned().collect());
        assert_eq!(set, stamps, "what shows is what was set and not deleted since");
        (document.stamps, document.deleted)
    }

    proptest! {
        /// Whatever the order in which events come, they add up to the same.
        #[test]
        fn order_does_not_matter(
            deeds in prop::collection::btree_map(1_u128..99, prop::option::of(any::<u8>()), 0..9),
            seed in any::<u64>(),
        ) {
            let deeds: Vec<(u128, Option<u8>)> = deeds.into_iter().collect();
            let mut mixed = deeds.clone();
            mixed.sort_by_key(|(stamp, _)| {
                u64::try_from(*stamp).unwrap_or(0).wrapping_mul(seed | 1) % 101
            });
            prop_assert_eq!(document(&deeds), document(&mixed));
        }
    }
}
