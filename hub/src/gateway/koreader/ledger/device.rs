//! The devices of an account in the ledger: when each was seen, where, and in which run of pushes.

use std::collections::BTreeMap;

use syncline_protocol::{Change, Code, Record, Reject, Value};

use super::super::mapping::{Position, collection, field, position_key, put, value};
use super::super::policy::{Origin, Run, Said};
use super::Records;
use crate::hub::Refusal;

/// What a push makes of devices.
#[derive(Debug, Default)]
pub(super) struct Devices {
    seen: BTreeMap<String, (Position, String)>,
    runs: BTreeMap<String, Run>,
    /// How many there are; none while nobody had to know.
    count: Option<u64>,
}

impl Devices {
    /// A device was somewhere. What is imported may be older than what is known.
    pub(super) fn saw(
        &mut self,
        records: Records<'_>,
        (document, position): (&str, &Position),
        origin: Origin,
        most: u64,
    ) -> Result<(), Refusal> {
        let key = position.device_key();
        let is_later = match self.seen.get(&key) {
            // Of one second, the same document wins whichever was read first.
            Some((known, in_document)) if origin == Origin::Import => {
                (position.timestamp, document) > (known.timestamp, in_document)
            }
            Some((known, _)) => known.timestamp <= position.timestamp,
            None => match records.get(collection::DEVICES, &key)? {
                Some(record) => is_later(records, &record, (document, position), origin)?,
                None if self.count_in(records, most)? => true,
                None => {
                    let what = format!("An account has at most {most} devices");
                    return Err(Reject::new(Code::QuotaExceeded, what).into());
                }
            },
        };
        if is_later {
            self.seen.insert(key, (position.clone(), document.to_owned()));
        }
        Ok(())
    }

    /// Counts a new device in, if there is room for it.
    pub(super) fn count_in(&mut self, records: Records<'_>, most: u64) -> Result<bool, Refusal> {
        let count = match self.count {
            Some(count) => count,
            None => records.range(collection::DEVICES, "", usize::MAX)?.len() as u64,
        };
        let has_room = count < most;
        self.count = Some(count + u64::from(has_room));
        Ok(has_room)
    }

    /// Counts a push into its device's run.
    pub(super) fn push(
        &mut self,
        records: Records<'_>,
        position: &Position,
        (document, current): (&str, Option<&Position>),
        now_ms: u64,
    ) -> Result<Said, Refusal> {
        let key = position.device_key();
        let before = match self.runs.remove(&key) {
            Some(run) => Some(run),
            None => records.get(collection::RUNS, &key)?.and_then(|it| field(&it, "run")),
        };
        let (run, said) = Run::push(before, position, document, current, now_ms);
        self.runs.insert(key, run);
        Ok(said)
    }

    /// What is to be written.
    pub(super) fn changes(self) -> Result<Vec<Change>, Refusal> {
        let mut changes = Vec::new();
        for (key, (position, document)) in &self.seen {
            let id = position.device_id.as_deref().map(Value::from);
            let fields = [
                ("name", Some(Value::from(&*position.device))),
                ("id", id),
                ("document", Some(Value::from(&**document))),
                ("seen_s", Some(position.timestamp.into())),
            ];
            let fields = fields.iter().filter(|(_, value)| value.is_some()).cloned();
            changes.push(put(collection::DEVICES, key, &fields.collect::<Vec<_>>())?);
        }
        for (key, run) in &self.runs {
            changes.push(put(collection::RUNS, key, &[("run", Some(value(run)?))])?);
        }
        Ok(changes)
    }
}

/// Whether a device was somewhere after it was where its record says.
fn is_later(
    records: Records<'_>,
    known: &Record,
    (document, position): (&str, &Position),
    origin: Origin,
) -> Result<bool, Refusal> {
    let known_s = known.get("seen_s").and_then(Value::as_u64).unwrap_or(0);
    if origin != Origin::Import || known_s != position.timestamp {
        return Ok(known_s <= position.timestamp);
    }
    // Of one second, what was read here stays, and of two imports the same wins in any order.
    let Some(known) = known.get("document").and_then(Value::as_str) else { return Ok(true) };
    let there = records.get(collection::POSITIONS, &position_key(known, &position.device_key()))?;
    let there: Option<Position> = there.and_then(|record| field(&record, "position"));
    match there.filter(|_| document > known) {
        Some(there) => records.is_imported(known, &there),
        None => Ok(false),
    }
}
