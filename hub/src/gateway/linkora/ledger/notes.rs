//! What is written down besides rows: events, tombstones, answers that may be asked for again.

use serde::Serialize;
use sha2::{Digest as _, Sha256};
use syncline_protocol::Value;

use super::Ledger;
use crate::gateway::linkora::mapping::{Fields, number, numbers};
use crate::hub::Refusal;

/// Events that are kept for sockets that read on from the log.
const EVENTS_KEPT: i64 = 4096;

/// Answers are kept so many seconds: 120 days.
const REPEATS_KEPT: i64 = 120 * 86_400;
/// Old answers that one new one takes away.
const REPEATS_SWEPT: usize = 4;
const REPEATS: &str = ".repeats";
const SEEN: &str = ".seen";

impl Ledger<'_> {
    pub(super) fn note_event(&mut self, text: &str) -> Result<(), Refusal> {
        self.time()?;
        self.state.event += 1;
        let n = self.state.event;
        let fields = vec![("n", Some(number(n))), ("event", Some(Value::from(text)))];
        self.write("events", &format!("{:04}", n % EVENTS_KEPT), fields)
    }

    /// Tells those who come later.
    pub(crate) fn bury(
        &mut self,
        operation: &str,
        payload: &impl Serialize,
    ) -> Result<(), Refusal> {
        let time = self.time()?;
        let payload = serde_json::to_string(payload).expect("these shapes are all JSON");
        self.bury_as(time, operation, &payload)
    }

    /// A tombstone of another time, with its payload as text.
    pub(crate) fn bury_as(
        &mut self,
        time: i64,
        operation: &str,
        payload: &str,
    ) -> Result<(), Refusal> {
        self.state.tombstone += 1;
        let key = format!("{time:012}-{:012}", self.state.tombstone);
        let fields = vec![
            ("deleted_at", Some(number(time))),
            ("operation", Some(Value::from(operation))),
            ("payload", Some(Value::from(payload))),
        ];
        self.write("tombstones", &key, fields)
    }

    /// Removes every record of one of the gateway's own collections.
    pub(crate) fn clear(&mut self, name: &'static str) -> Result<(), Refusal> {
        for key in self.keys_of(name, "", usize::MAX)? {
            self.erase(name, &key);
        }
        Ok(())
    }

    /// The answer to an earlier request that was the same but for its place in the device's queue:
    /// its time and ids.
    pub(crate) fn repeated(
        &mut self,
        name: &str,
        queued: i64,
    ) -> Result<Option<(i64, Vec<i64>)>, Refusal> {
        let Some(shown) = self.shown(REPEATS, name)? else { return Ok(None) };
        let queues = Fields::of(shown).numbers("queues").unwrap_or_default();
        let same =
            |other: &i64| (queued != 0 && *other == queued) || ((queued == 0) != (*other == 0));
        let Some(at) = queues.iter().position(same) else { return Ok(None) };
        let times = Fields::of(shown).numbers("times").unwrap_or_default();
        let all = Fields::of(shown).numbers("made").unwrap_or_default();
        let each = all.len() / queues.len().max(1);
        let made = all.get(at * each..(at + 1) * each).unwrap_or_default().to_vec();
        Ok(times.get(at).map(|time| (*time, made)))
    }

    /// Writes the answer down.
    pub(crate) fn note_answer(&mut self, name: &str, queued: i64) -> Result<(), Refusal> {
        let time = self.time()?;
        let made = self.made.clone();
        let shown = self.shown(REPEATS, name)?.cloned().unwrap_or_default();
        let with = |field: &'static str, more: &[i64]| {
            let mut all = Fields::of(&shown).numbers(field).unwrap_or_default();
            all.extend_from_slice(more);
            Some(numbers(&all))
        };
        let fields = vec![
            ("queues", with("queues", &[queued])),
            ("times", with("times", &[time])),
            ("made", with("made", &made)),
        ];
        self.put(REPEATS, name, fields)?;
        self.sweep_answers()
    }

    fn sweep_answers(&mut self) -> Result<(), Refusal> {
        let oldest = self.now - REPEATS_KEPT;
        for (key, record) in self.view.range(&super::collection(REPEATS), "", REPEATS_SWEPT)? {
            let image = super::image(&record);
            let times = Fields::of(&image).numbers("times").unwrap_or_default();
            if times.last().is_none_or(|time| *time < oldest) {
                self.erase(REPEATS, key.as_str());
            }
        }
        Ok(())
    }

    /// A device's socket has closed; it had heard of what was told up to this time, and of the
    /// tombstones up to this one.
    pub(crate) fn note_seen(
        &mut self,
        device: &str,
        (time, tombstone): (i64, i64),
    ) -> Result<(), Refusal> {
        let fields = vec![("time", Some(number(time))), ("tombstone", Some(number(tombstone)))];
        self.put(SEEN, &seen_key(device), fields)
    }
}

/// Where it is noted what a device had heard.
pub(crate) fn seen_key(device: &str) -> String {
    hex::encode(Sha256::digest(device.as_bytes()))
}
