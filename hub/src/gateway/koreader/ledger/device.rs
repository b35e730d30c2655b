//! The devices of an account in the ledger: when each was seen, where, and in which run of pushes.

use std::collections::BTreeMap;

use syncline_protocol::{Change, Value};

use super::super::mapping::{Position, collection, field, put, value};
use super::super::policy::{Run, Said};
use super::Records;
use crate::hub::Refusal;

/// What a push makes of devices.
#[derive(Debug, Default)]
pub(super) struct Devices {
    seen: BTreeMap<String, (Position, String)>,
    runs: BTreeMap<String, Run>,
}

impl Devices {
    /// A device was somewhere. What is imported may be older than what is known.
    pub(super) fn saw(
        &mut self,
        records: Records<'_>,
        document: &str,
        position: &Position,
    ) -> Result<(), Refusal> {
        let key = position.device_key();
        let known_s = match self.seen.get(&key) {
            Some((known, _)) => known.timestamp,
            None => {
                let record = records.get(collection::DEVICES, &key)?;
                record.and_then(|it| it.get("seen_s").and_then(Value::as_u64)).unwrap_or(0)
            }
        };
        if known_s <= position.timestamp {
            self.seen.insert(key, (position.clone(), document.to_owned()));
        }
        Ok(())
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
