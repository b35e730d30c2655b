//! Foreign items as records, and back: names, keys, positions.
//!
//! ```text
//! space koreader/<account>
//!   progress   <document>                   position; free: the next push counts, however low
//!   history    <document>:<time>-<digest>   position, current, origin
//!   positions  <document>:<device>          position: the device's last one in this document
//!   devices    <device>                     name, id, document, seen_s
//!   books      <document>                   title (a person's), metadata (devices')
//!   joins      <document>                   books: all documents that are this one book
//!   settings   account                      name, policy, protect
//!   .pushes    <document>                   what a device asks for, and counters
//!   .runs      <device>                     the run of pushes that it is in
//!   .counters  documents                    how many there are, and how much is kept
//! ```
//! A position is one field, so that two pushes never mix. Pure.

use std::cmp::Ordering;

use serde::{Deserialize, Serialize, de::DeserializeOwned};
use sha2::{Digest as _, Sha256};
use syncline_protocol::{
    Change, Code, CollectionName, FieldName, Record, RecordKey, Reject, SpaceName, Value,
};

use super::wire::{NAME_BYTES, PROGRESS_BYTES};

/// The gateway's name, and the first segment of its spaces' names.
pub(super) const REALM: &str = "koreader";

/// The collections of an account's space.
pub(super) mod collection {
    pub(in super::super) const PROGRESS: &str = "progress";
    pub(in super::super) const HISTORY: &str = "history";
    pub(in super::super) const POSITIONS: &str = "positions";
    pub(in super::super) const DEVICES: &str = "devices";
    pub(in super::super) const BOOKS: &str = "books";
    pub(in super::super) const JOINS: &str = "joins";
    pub(in super::super) const SETTINGS: &str = "settings";
    pub(in super::super) const PUSHES: &str = ".pushes";
    pub(in super::super) const RUNS: &str = ".runs";
    pub(in super::super) const COUNTERS: &str = ".counters";
}

/// The key of an account's settings.
pub(super) const ACCOUNT: &str = "account";
/// The key of the counter of documents.
pub(super) const DOCUMENTS: &str = "documents";

/// Bytes of a foreign name that an account's name shows, so that people recognise it.
const SLUG_BYTES: usize = 36;

/// A reading position.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Position {
    /// An opaque place in the document.
    pub(super) progress: String,
    /// How far that is, as the device says: not always between 0 and 1.
    pub(super) percentage: f64,
    /// The device's name for people.
    pub(super) device: String,
    /// The device's own id, where it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) device_id: Option<String>,
    /// When the hub received it, in seconds since 1970.
    pub(super) timestamp: u64,
}

impl Position {
    /// How far, for display and comparison.
    pub(super) fn share(&self) -> f64 {
        if self.percentage.is_nan() { 0.0 } else { self.percentage.clamp(0.0, 1.0) }
    }

    /// Which of two imported events comes later. Of one second, what they say decides: so the same
    /// one wins, whichever was read first and from which file.
    pub(super) fn by_time(&self, other: &Self) -> Ordering {
        let said = |it: &Self| (it.progress.clone(), it.device.clone(), it.device_id.clone());
        self.timestamp
            .cmp(&other.timestamp)
            .then_with(|| self.percentage.total_cmp(&other.percentage))
            .then_with(|| said(self).cmp(&said(other)))
    }

    /// Whether it keeps within what a device may send, so that devices can read it again.
    pub(super) fn is_bearable(&self) -> bool {
        self.percentage.is_finite()
            && self.progress.len() <= PROGRESS_BYTES
            && self.device.len() <= NAME_BYTES
            && self.device_id.as_ref().is_none_or(|id| id.len() <= NAME_BYTES)
    }

    /// Whose it is: the id of the device, or its name where it has none.
    pub(super) fn device_key(&self) -> String {
        match &self.device_id {
            Some(id) => format!("id:{}", escaped(id)),
            None => format!("name:{}", escaped(&self.device)),
        }
    }

    /// The part of a history's key that tells this event from others of the same millisecond, and
    /// makes the same event the same entry however often it is imported.
    fn digest(&self) -> String {
        let parts = [&self.progress, &self.device, self.device_id.as_ref().unwrap_or(&self.device)];
        let mut hash = Sha256::new();
        for part in parts {
            hash.update((part.len() as u64).to_be_bytes());
            hash.update(part);
        }
        hex::encode(&hash.finalize()[..6])
    }
}

/// The account that a foreign name means: the name itself where it is an account's name, else what
/// is legible of it and a digest, so that no two names share an account.
pub(super) fn account_of(name: &str) -> String {
    let plain =
        |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"._-".contains(&byte);
    let is_account =
        name.len() <= 64 && name.bytes().all(plain) && !name.trim_matches('.').is_empty();
    if is_account {
        return name.to_owned();
    }
    let legible = name.to_ascii_lowercase();
    let legible = legible.bytes().map(|byte| if plain(byte) { char::from(byte) } else { '-' });
    let slug: String = legible.take(SLUG_BYTES).collect();
    format!("{slug}.{}", hex::encode(&Sha256::digest(name)[..12]))
}

/// The space of an account.
pub(super) fn space_of(account: &str) -> Result<SpaceName, Reject> {
    SpaceName::new(&format!("{REALM}/{account}")).map_err(refused)
}

/// What KOReader makes of a password.
pub(super) fn key_of(password: &str) -> String {
    use md5::{Digest as _, Md5};
    hex::encode(Md5::digest(password))
}

/// The key of a history's entry: in the order of time. Imported events know whole seconds only.
pub(super) fn history_key(document: &str, position: &Position, millis: u64) -> String {
    let (seconds, millis) = (position.timestamp, millis % 1000);
    format!("{document}:{seconds:011}.{millis:03}-{}", position.digest())
}

/// The keys of all that a document has in `history` and `positions` begin so: no id holds a colon.
pub(super) fn prefix_of(document: &str) -> String {
    format!("{document}:")
}

/// The key of a device's last position in a document.
pub(super) fn position_key(document: &str, device: &str) -> String {
    format!("{document}:{device}")
}

/// The document of such a key.
pub(super) fn document_of(key: &str) -> &str {
    key.split_once(':').map_or(key, |(document, _)| document)
}

/// A key holds no control characters; escaped, any text is one.
fn escaped(text: &str) -> String {
    use std::fmt::Write as _;
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if c == '%' || c.is_control() {
            let mut bytes = [0; 4];
            for byte in c.encode_utf8(&mut bytes).bytes() {
                write!(out, "%{byte:02X}").expect("writing to a String does not fail");
            }
        } else {
            out.push(c);
        }
    }
    out
}

/// A value of the store for any of these shapes.
pub(super) fn value<T: Serialize + ?Sized>(shape: &T) -> Result<Value, Reject> {
    let bytes = rmp_serde::to_vec_named(shape).map_err(refused)?;
    Value::new(bytes).map_err(refused)
}

/// One of these shapes from a field; none when there is none or it is something else.
pub(super) fn field<T: DeserializeOwned>(record: &Record, name: &str) -> Option<T> {
    rmp_serde::from_slice(record.get(name)?.as_bytes()).ok()
}

/// A put of some fields; those without a value are dropped.
pub(super) fn put(
    collection: &str,
    key: &str,
    fields: &[(&str, Option<Value>)],
) -> Result<Change, Reject> {
    let named = |(name, value): &(&str, Option<Value>)| Ok((FieldName::new(name)?, value.clone()));
    let fields: Result<Vec<_>, syncline_protocol::NameError> = fields.iter().map(named).collect();
    let change =
        Change::put(named_collection(collection)?, key_named(key)?, fields.map_err(refused)?);
    change.map_err(refused)
}

pub(super) fn delete(collection: &str, key: &str) -> Result<Change, Reject> {
    Ok(Change::delete(named_collection(collection)?, key_named(key)?))
}

pub(super) fn named_collection(name: &str) -> Result<CollectionName, Reject> {
    CollectionName::new(name).map_err(refused)
}

pub(super) fn key_named(key: &str) -> Result<RecordKey, Reject> {
    RecordKey::new(key).map_err(refused)
}

pub(super) fn refused(problem: impl std::fmt::Display) -> Reject {
    Reject::new(Code::Refused, problem.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn position(device: &str, id: Option<&str>) -> Position {
        Position {
            progress: "/body/p[1]".to_owned(),
            percentage: 0.1,
            device: device.to_owned(),
            device_id: id.map(str::to_owned),
            timestamp: 1_795_190_815,
        }
    }

    #[test]
    fn names_keep_apart() {
        assert_eq!(account_of("alice"), "alice");
        let odd = ["Alice", "Zo\u{eb}", "user*one", "userXone", "..", "a b", &"n".repeat(65)];
        let accounts: std::collections::BTreeSet<_> =
            odd.iter().map(|name| account_of(name)).collect();
        assert_eq!(accounts.len(), odd.len());
        for account in &accounts {
            assert!(account.len() <= 64 && space_of(account).is_ok(), "{account}");
        }
        assert!(account_of("Alice").starts_with("alice."));
    }

    #[test]
    fn positions_travel_as_one_value() {
        for id in [None, Some("5C2F")] {
            let position = position("Kobo", id);
            let fields = [("position", Some(value(&position).unwrap()))];
            let change = put(collection::PROGRESS, "d", &fields).unwrap();
            let syncline_protocol::Op::Put(fields) = change.op else { panic!("no put") };
            let bytes = fields.iter().next().unwrap().1.unwrap().as_bytes().to_vec();
            assert_eq!(rmp_serde::from_slice::<Position>(&bytes).unwrap(), position);
        }
    }

    #[test]
    fn the_longest_of_everything_is_still_a_key() {
        let worst = position("", Some(&"%".repeat(255)));
        assert!(key_named(&position_key(&"d".repeat(255), &worst.device_key())).is_ok());
        assert!(key_named(&history_key(&"d".repeat(255), &worst, 999)).is_ok());
        assert_eq!(position("a\u{7}", None).device_key(), "name:a%07");
    }

    #[test]
    fn history_is_in_the_order_of_time() {
        let at = |seconds, millis| {
            let position = Position { timestamp: seconds, ..position("x", None) };
            history_key("d", &position, millis)
        };
        assert!(at(9, 0) < at(10, 0) && at(10, 5) < at(10, 40));
        assert_ne!(
            history_key("d", &position("x", None), 0),
            history_key("d", &position("y", None), 0)
        );
    }

    #[test]
    fn the_key_is_the_md5_of_the_password() {
        assert_eq!(key_of("secret"), "5ebe2294ecd0e0f08eab7690d2a6ee69");
    }
}
