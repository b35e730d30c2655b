//! The golden vectors, made by this crate: what each says, and how it is written to its file.
//!
//! `SYNCLINE_BLESS=1` writes the files; otherwise they are compared byte for byte, for they are the
//! protocol: changing one changes what every client in every language must do.

pub(crate) mod book;
pub(crate) mod client;
pub(crate) mod digests;
pub(crate) mod hub;
pub(crate) mod json;
pub(crate) mod malformed;
pub(crate) mod merges;
pub(crate) mod stamps;

use std::path::Path;

use serde_json::Value as Json;
use syncline_protocol::{
    Change, CollectionName, Delta, FieldName, HlcTime, RecordKey, ReplicaId, SpaceName, Stamp,
    Value,
};

/// A moment that the vectors agree on: 2025-10-09T08:53:20Z.
pub(crate) const NOW_MS: u64 = 1_760_000_000_000;

/// Compares a file of this crate with what it should hold, or writes it when blessing.
pub(crate) fn check_file(name: &str, wanted: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(name);
    if std::env::var_os("SYNCLINE_BLESS").is_some_and(|bless| bless == "1") {
        std::fs::write(&path, wanted).expect("the file can be written");
    }
    let found = std::fs::read_to_string(&path).expect("the file can be read");
    assert!(
        found == wanted,
        "{name} is not what the code makes (first difference in line {}). If the protocol is \
         meant to change, run the tests with SYNCLINE_BLESS=1 and review the difference.",
        1 + found.lines().zip(wanted.lines()).take_while(|(old, new)| old == new).count(),
    );
}

pub(crate) fn check_json(name: &str, wanted: &Json) {
    let text = serde_json::to_string_pretty(wanted).expect("plain JSON");
    check_file(name, &(text + "\n"));
}

pub(crate) fn space(name: &str) -> SpaceName {
    SpaceName::new(name).expect("a space name")
}

pub(crate) fn collection(name: &str) -> CollectionName {
    CollectionName::new(name).expect("a collection name")
}

pub(crate) fn key(name: &str) -> RecordKey {
    RecordKey::new(name).expect("a record key")
}

pub(crate) fn field(name: &str) -> FieldName {
    FieldName::new(name).expect("a field name")
}

pub(crate) fn replica(bits: u64) -> ReplicaId {
    ReplicaId::new(bits).expect("not zero")
}

/// A stamp of replica `by`, `ms` after the agreed moment.
pub(crate) fn stamp(ms: u64, counter: u16, by: u64) -> Stamp {
    let time = HlcTime::from_bits((NOW_MS + ms) << 16 | u64::from(counter));
    Stamp::new(time, replica(by))
}

pub(crate) fn raw(bytes: &[u8]) -> Value {
    Value::new(bytes.to_vec()).expect("one value")
}

/// A put of these fields into `links`; `None` drops.
pub(crate) fn put(name: &str, stamp: Stamp, fields: &[(&str, Option<Value>)]) -> Delta {
    let fields = fields.iter().map(|(name, value)| (field(name), value.clone())).collect();
    Change::put(collection("links"), key(name), fields).expect("good fields").stamped(stamp)
}

/// A delete in `links`.
pub(crate) fn delete(name: &str, stamp: Stamp) -> Delta {
    Change::delete(collection("links"), key(name)).stamped(stamp)
}
