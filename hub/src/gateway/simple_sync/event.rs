//! An event: six members that never change, and the key under which it lies.

use serde::{Deserialize, Serialize};
use syncline_protocol::{Change, Record, RecordKey, Reject, Value};
use uuid::Uuid;

use super::mapping::{field, put, value};
use crate::hub::{EVENTS, EventKey, escape, random_u64};

/// The field that holds an event.
pub(super) const EVENT: &str = "event";
/// The field that says when it came.
pub(super) const RECEIVED: &str = "received_ms";
/// The field that says by which token of the hub.
pub(super) const KEY: &str = "key";
/// The field that says that the server wrote it.
pub(super) const SERVER: &str = "server";
/// The field that says by what apps of the first form know it.
pub(super) const ALIAS: &str = "alias";
/// The field of an imported event that gives no rights.
pub(super) const INERT: &str = "inert";

/// An event, as it was sent.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Event {
    /// Its id, in the spelling of the first copy.
    pub(super) uuid: String,
    /// When it happened, in seconds since 1970.
    pub(super) timestamp: u64,
    /// Who wrote it.
    pub(super) user: String,
    /// What it is about.
    pub(super) item: String,
    /// What was done.
    pub(super) action: String,
    /// Anything, by convention a JSON object as text.
    pub(super) payload: String,
}

/// What the hub keeps beside an event.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Beside<'a> {
    /// When it came.
    pub(super) received_ms: u64,
    /// The id of the hub's token by which it came; none when nobody showed one.
    pub(super) key: Option<&'a str>,
    /// Whether the server wrote it.
    pub(super) server: bool,
    /// Whether it gives no rights: of imports.
    pub(super) inert: bool,
    /// By what apps of the first form know it.
    pub(super) alias: Option<&'a str>,
}

impl Event {
    /// Its identity, whatever the spelling; none when the text is no id.
    pub(super) fn id(&self) -> Option<Uuid> {
        Uuid::try_parse(&self.uuid).ok()
    }

    /// What no other event shares, in time order: the id where it carries the time, and otherwise
    /// (of imported ones) the time and then the id.
    pub(super) fn place(&self) -> String {
        let id = self.id().unwrap_or(Uuid::nil());
        if seconds_of(id) == Some(self.timestamp) {
            return id.hyphenated().to_string();
        }
        let prefix = prefix_of(self.timestamp);
        match self.id() {
            Some(id) => format!("{prefix}-~{}", id.hyphenated()),
            None => format!("{prefix}-~{}", escape(&self.uuid, true)),
        }
    }

    /// Whether it is the same, whatever the spelling of its id.
    pub(super) fn is_same(&self, other: &Self) -> bool {
        let ids = (self.id(), other.id());
        let same_id = self.uuid == other.uuid || (ids.0.is_some() && ids.0 == ids.1);
        let rest = |it: &Self| Self { uuid: String::new(), ..it.clone() };
        same_id && rest(self) == rest(other)
    }

    /// Its key.
    pub(super) fn key(&self) -> String {
        let (author, item) = (self.user.as_str().into(), self.item.as_str().into());
        EventKey { place: self.place().into(), author, item }.text()
    }

    /// The write that keeps it.
    pub(super) fn keep(&self, beside: &Beside<'_>) -> Result<Change, Reject> {
        let mut fields =
            vec![(EVENT, Some(value(self))), (RECEIVED, Some(Value::from(beside.received_ms)))];
        fields.extend(beside.key.map(|key| (KEY, Some(Value::from(key)))));
        fields.extend(beside.server.then(|| (SERVER, Some(Value::from(true)))));
        fields.extend(beside.inert.then(|| (INERT, Some(Value::from(true)))));
        fields.extend(beside.alias.map(|alias| (ALIAS, Some(Value::from(alias)))));
        put(EVENTS, &self.key(), &fields)
    }

    /// The event that a record holds.
    pub(super) fn of(record: &Record) -> Option<Self> {
        field(record, EVENT)
    }
}

/// The time that an id of version 7 carries (RFC 9562, section 5.7), in whole seconds.
pub(super) fn seconds_of(id: Uuid) -> Option<u64> {
    (id.get_version_num() == 7).then(|| millis_of(id) / 1000)
}

/// The first 48 bits.
pub(super) fn millis_of(id: Uuid) -> u64 {
    u64::try_from(id.as_u128() >> 80).unwrap_or_default()
}

/// The second in which an event lies by its key.
pub(super) fn second_of_key(key: &RecordKey) -> Option<u64> {
    let (high, low) = (key.as_str().get(..8)?, key.as_str().get(9..13)?);
    let hex = |text| u64::from_str_radix(text, 16).ok();
    Some((hex(high)? << 16 | hex(low)?) / 1000)
}

/// A new id, which nobody can guess (RFC 9562, section 5.7).
pub(super) fn new_id(now_ms: u64) -> Uuid {
    let mut random = [0; 10];
    random[..8].copy_from_slice(&random_u64().to_be_bytes());
    random[8..].copy_from_slice(&random_u64().to_be_bytes()[..2]);
    uuid::Builder::from_unix_timestamp_millis(now_ms, &random).into_uuid()
}

/// What the keys of a second begin with at the least: 48 bits of milliseconds, as ids have them.
pub(super) fn prefix_of(second: u64) -> String {
    let hex = format!("{:012x}", second.saturating_mul(1000).min((1 << 48) - 1));
    format!("{}-{}", &hex[..8], &hex[8..])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(uuid: &str, timestamp: u64) -> Event {
        let (user, item) = ("ann".to_owned(), "task.1".to_owned());
        Event { uuid: uuid.to_owned(), timestamp, user, item, ..Event::default() }
    }

    #[test]
    fn keys_are_in_time_order_whatever_the_ids() {
        let usual = event("0199C74FC69678F8833A82F8CF1F1949", 1_759_985_518);
        assert_eq!(usual.key(), "0199c74f-c696-78f8-833a-82f8cf1f1949|ann|task.1");
        let old = event("f81d4fae-7dec-11d0-a765-00a0c91e6bf6", 1_759_985_517);
        assert_eq!(old.key(), "0199c74f-c1c8-~f81d4fae-7dec-11d0-a765-00a0c91e6bf6|ann|task.1");
        let odd = event("id 7|x", u64::MAX);
        assert_eq!(odd.key(), "ffffffff-ffff-~id 7%7Cx|ann|task.1");
        let mut keys = [odd.key(), usual.key(), old.key()];
        keys.sort();
        assert_eq!(keys, [old.key(), usual.key(), odd.key()]);
        let second = |event: &Event| second_of_key(&RecordKey::new(&event.key()).unwrap());
        assert_eq!(second(&usual), Some(usual.timestamp));
        assert_eq!(second(&old), Some(old.timestamp));
    }

    #[test]
    fn spellings_of_one_id_share_a_key() {
        let spelled = |uuid: &str| event(uuid, 1_759_985_518).key();
        let plain = spelled("0199c74f-c696-78f8-833a-82f8cf1f1949");
        assert_eq!(spelled("urn:uuid:0199C74F-C696-78F8-833A-82F8CF1F1949"), plain);
        assert_eq!(spelled("{0199c74f-c696-78f8-833a-82f8cf1f1949}"), plain);
    }
}
