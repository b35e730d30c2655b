//! One book in the ledger: its current position, its history, what devices call it.

use std::collections::{BTreeMap, BTreeSet};

use syncline_protocol::{Change, Record, Value};

use super::super::mapping::{
    Position, collection, delete, field, history_key, position_key, prefix_of, put, value,
};
use super::super::policy::{Origin, comes_after, timestamp};
use super::super::request::Keep;
use super::super::wire::Metadata;
use super::Records;
use crate::hub::Refusal;

/// Entries that are too old which one push removes at most; the rest waits for the next.
const EXPIRED_MAX: usize = 64;

/// A book as the push makes it.
#[derive(Debug, Default)]
pub(super) struct Book {
    pub(super) current: Option<Position>,
    /// It was begun anew: the next push counts, however low.
    pub(super) free: bool,
    /// The latest time that was given to a position of it.
    pub(super) latest: u64,
    pub(super) keep: Keep,
    /// Entries of its history.
    entries: u64,
    metadata: Metadata,
    added: BTreeMap<String, Vec<(&'static str, Option<Value>)>>,
    positions: BTreeMap<String, Position>,
    has_new_current: bool,
    /// It was begun anew, and is not any more.
    has_begun: bool,
    has_new_metadata: bool,
    is_counted: bool,
}

impl Book {
    /// What is known of a document, and whether that is nothing.
    pub(super) fn read(records: Records<'_>, document: &str) -> Result<(Self, bool), Refusal> {
        let progress = records.get(collection::PROGRESS, document)?;
        let counters = records.get(collection::PUSHES, document)?;
        let is_new = progress.is_none() && counters.is_none();
        let (progress, counters) = (progress.unwrap_or_default(), counters.unwrap_or_default());
        let number = |name: &str| counters.get(name).and_then(Value::as_u64).unwrap_or(0);
        let current: Option<Position> = field(&progress, "position");
        let described = records.get(collection::BOOKS, document)?;
        let book = Self {
            latest: number("latest").max(current.as_ref().map_or(0, |it| it.timestamp)),
            free: progress.get("free").and_then(Value::as_bool).unwrap_or(false),
            entries: number("entries"),
            metadata: described.and_then(|it| field(&it, "metadata")).unwrap_or_default(),
            current,
            ..Self::default()
        };
        Ok((book, is_new))
    }

    /// Takes over how a device names the book. A push without names clears none.
    pub(super) fn describe(&mut self, metadata: Metadata) {
        let mut named = self.metadata.clone();
        named.extend(metadata);
        if named != self.metadata {
            self.metadata = named;
            self.has_new_metadata = true;
        }
    }

    /// Keeps a position. Gives whether it is news: an event that is imported again is none.
    pub(super) fn remember(
        &mut self,
        records: Records<'_>,
        document: &str,
        position: &Position,
        (millis, origin, wins): (u64, Origin, bool),
    ) -> Result<bool, Refusal> {
        let key = history_key(document, position, millis);
        let is_kept =
            self.added.contains_key(&key) || records.get(collection::HISTORY, &key)?.is_some();
        if is_kept && origin == Origin::Import {
            return Ok(false);
        }
        if !is_kept {
            self.entries += 1;
        }
        let fields = vec![
            ("position", Some(value(position)?)),
            ("origin", Some(value(&origin)?)),
            ("current", Some(wins.into())),
        ];
        self.added.insert(key, fields);
        self.latest = self.latest.max(position.timestamp);
        if origin != Origin::Import {
            // The clock that was wrong before is right again.
            self.latest = position.timestamp;
        }
        self.is_counted = true;
        self.remember_device(records, document, position, origin)?;
        if wins {
            self.current = Some(position.clone());
            self.has_new_current = true;
        }
        Ok(true)
    }

    fn remember_device(
        &mut self,
        records: Records<'_>,
        document: &str,
        position: &Position,
        origin: Origin,
    ) -> Result<(), Refusal> {
        let key = position_key(document, &position.device_key());
        let stored = match self.positions.contains_key(&key) {
            true => None,
            false => records.get(collection::POSITIONS, &key)?,
        };
        let stored: Option<Position> = stored.and_then(|record| field(&record, "position"));
        let is_later = match (self.positions.get(&key), &stored) {
            (None, None) => true,
            (Some(here), _) if origin == Origin::Import => comes_after(position, here, true),
            (_, Some(here)) if origin == Origin::Import => {
                let is_tie = here.timestamp == position.timestamp;
                comes_after(position, here, is_tie && records.is_imported(document, here)?)
            }
            (Some(here), _) | (_, Some(here)) => here.timestamp <= position.timestamp,
        };
        if is_later {
            self.positions.insert(key, position.clone());
        }
        Ok(())
    }

    /// Whether the current position is of this second, and came with an import: of one push, all
    /// positions have one origin.
    pub(super) fn is_import_of(
        &self,
        records: Records<'_>,
        document: &str,
        timestamp: u64,
    ) -> Result<bool, Refusal> {
        match self.current.as_ref().filter(|it| it.timestamp == timestamp) {
            Some(current) if !self.has_new_current => records.is_imported(document, current),
            current => Ok(current.is_some()),
        }
    }

    /// It was begun anew, and is read.
    pub(super) fn begin(&mut self) {
        self.has_begun |= std::mem::take(&mut self.free);
    }

    /// Gives back what a replayed push displaced, unless somebody else has pushed since.
    pub(super) fn give_back(&mut self, pushed: &Position, displaced: Position, now_s: u64) {
        let is_theirs = |current: &Position| current.device_key() == pushed.device_key();
        if !self.current.as_ref().is_some_and(is_theirs) {
            return;
        }
        self.latest = timestamp(now_s, self.latest);
        self.current = Some(Position { timestamp: self.latest, ..displaced });
        (self.has_new_current, self.is_counted) = (true, true);
    }

    /// An entry of its history, of this time, was given back to a hub that had lost it.
    pub(super) fn recall_one(&mut self, timestamp: u64) {
        self.entries += 1;
        self.latest = self.latest.max(timestamp);
        self.is_counted = true;
    }

    /// An entry of its history is deleted.
    pub(super) fn forget_one(&mut self) {
        self.entries = self.entries.saturating_sub(1);
        self.is_counted = true;
    }

    /// What is to be written.
    pub(super) fn changes(
        mut self,
        records: Records<'_>,
        document: &str,
        now_s: u64,
    ) -> Result<Vec<Change>, Refusal> {
        let mut changes = Vec::new();
        if self.has_new_current
            && let Some(current) = &self.current
        {
            let fields = [("position", Some(value(current)?))];
            changes.push(put(collection::PROGRESS, document, &fields)?);
        }
        if self.has_begun {
            changes.push(put(collection::PROGRESS, document, &[("free", None)])?);
        }
        changes.extend(self.trim(records, document, now_s)?);
        for (key, fields) in &self.added {
            changes.push(put(collection::HISTORY, key, fields)?);
        }
        for (key, position) in &self.positions {
            let fields = [("position", Some(value(position)?))];
            changes.push(put(collection::POSITIONS, key, &fields)?);
        }
        if self.has_new_metadata {
            let fields = [("metadata", Some(value(&self.metadata)?))];
            changes.push(put(collection::BOOKS, document, &fields)?);
        }
        if self.is_counted {
            let fields = [
                ("request", None),
                ("latest", Some(self.latest.into())),
                ("entries", Some(self.entries.into())),
            ];
            changes.push(put(collection::PUSHES, document, &fields)?);
        }
        Ok(changes)
    }

    /// Removes what is more than is kept, the oldest first.
    fn trim(
        &mut self,
        records: Records<'_>,
        document: &str,
        now_s: u64,
    ) -> Result<Vec<Change>, Refusal> {
        if self.added.is_empty() {
            return Ok(Vec::new());
        }
        let excess = self.entries.saturating_sub(self.keep.entries);
        let excess = usize::try_from(excess).unwrap_or(usize::MAX);
        let prefix = prefix_of(document);
        let look = excess.saturating_add(if self.keep.age_s > 0 { EXPIRED_MAX } else { 0 });
        if look == 0 {
            return Ok(Vec::new());
        }
        let stored = records.range(collection::HISTORY, &prefix, look)?;
        let stored: BTreeSet<String> =
            stored.into_iter().map(|(key, _): (_, Record)| key.as_str().to_owned()).collect();
        let eldest: BTreeSet<String> = stored.iter().chain(self.added.keys()).cloned().collect();
        let is_expired = |key: &str| {
            let seconds = key.get(prefix.len()..).and_then(|rest| rest.get(..11)?.parse().ok());
            let old = |seconds: u64| seconds.saturating_add(self.keep.age_s) < now_s;
            self.keep.age_s > 0 && seconds.is_some_and(old)
        };
        let goes = |(at, key): &(usize, String)| *at < excess || (*at < look && is_expired(key));
        let gone: Vec<String> =
            eldest.into_iter().enumerate().take_while(goes).map(|(_, key)| key).collect();
        let mut changes = Vec::new();
        for key in gone {
            self.added.remove(&key);
            self.entries = self.entries.saturating_sub(1);
            if stored.contains(&key) {
                changes.push(delete(collection::HISTORY, &key)?);
            }
        }
        Ok(changes)
    }
}
