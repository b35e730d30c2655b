//! Records and changes as JSON, in and out: by the names that all commands use.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value as Json;
use syncline_client::json;
use syncline_protocol::{
    Applied, Change, Code, CollectionName, FieldName, Op, Record, RecordKey, Reject, SpaceName,
    Value,
};
use utoipa::ToSchema;

use super::answer::Failure;
use super::place::{name, open_collection};
use crate::engine::Receipt;

/// Fields by name, each with any value.
pub(super) type Fields = BTreeMap<String, Json>;

/// A record as it shows.
#[derive(Serialize, ToSchema)]
#[schema(as = Record)]
pub(super) struct Shown {
    space: String,
    collection: String,
    key: String,
    /// Always `put`: a record reads as the put that would make it.
    #[schema(pattern = "^put$")]
    op: &'static str,
    /// The fields that show, by name; a value's form is told at the top of this document.
    fields: BTreeMap<String, serde_json::Value>,
    /// When the record was last written, and by which replica: 32 hex digits.
    stamp: Option<String>,
    /// The sequence of the record's last change; its ETag is `EPOCH:` and this.
    sequence: u64,
}

/// One applied change, as everyone who follows the space sees it.
#[derive(Serialize, ToSchema)]
#[schema(as = Change)]
pub(super) struct Told {
    space: String,
    collection: String,
    key: String,
    /// `put` or `delete`.
    #[schema(pattern = "^(put|delete)$")]
    op: &'static str,
    /// What was put, by name; empty for a delete.
    fields: BTreeMap<String, serde_json::Value>,
    /// The change's stamp: 32 hex digits.
    stamp: String,
    /// Its place in the space's log.
    sequence: u64,
    /// The fields that were dropped.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    dropped: Vec<String>,
}

/// What a write did.
#[derive(Serialize, ToSchema)]
pub(super) struct Written {
    /// The sequence of the last change; the space's, when nothing changed.
    pub(super) sequence: u64,
    /// What was applied, those changes too that a rule of the space added.
    changes: Vec<Told>,
}

/// One write of several.
#[derive(Deserialize, ToSchema)]
#[serde(tag = "op", rename_all = "snake_case", deny_unknown_fields)]
pub(super) enum Write {
    /// Sets fields, drops fields, leaves the others as they are; makes the record if need be.
    Put {
        /// The collection.
        collection: String,
        /// The record's key.
        key: String,
        /// What to set, by name.
        #[serde(default)]
        fields: BTreeMap<String, serde_json::Value>,
        /// Which fields to drop.
        #[serde(default)]
        drop: Vec<String>,
    },
    /// Deletes a record.
    Delete {
        /// The collection.
        collection: String,
        /// The record's key.
        key: String,
    },
}

impl Shown {
    /// A record that shows.
    pub(super) fn new(
        space: &SpaceName,
        collection: &CollectionName,
        key: &RecordKey,
        record: &Record,
    ) -> Self {
        let field = |name: &FieldName, value| (name.as_str().to_owned(), json::from_value(value));
        Self {
            space: space.to_string(),
            collection: collection.to_string(),
            key: key.to_string(),
            op: "put",
            fields: record.visible().map(|(name, _, value)| field(name, value)).collect(),
            stamp: record.newest_stamp().map(|stamp| stamp.to_string()),
            sequence: record.newest_sequence(),
        }
    }
}

impl Told {
    /// A change that was applied.
    pub(super) fn new(space: &SpaceName, applied: &Applied) -> Self {
        let change = &applied.delta.change;
        let mut told = Self {
            space: space.to_string(),
            collection: change.collection.to_string(),
            key: change.key.to_string(),
            op: "delete",
            fields: Fields::new(),
            stamp: applied.delta.stamp.to_string(),
            sequence: applied.sequence,
            dropped: Vec::new(),
        };
        let Op::Put(put) = &change.op else { return told };
        told.op = "put";
        for (name, value) in put.iter() {
            match value {
                Some(value) => {
                    told.fields.insert(name.to_string(), json::from_value(value));
                }
                None => told.dropped.push(name.to_string()),
            }
        }
        told
    }
}

impl Written {
    /// What the part of one space became.
    pub(super) fn new(space: &SpaceName, receipt: &Receipt) -> Self {
        let applied = receipt.parts.first().map_or(&[][..], |(_, applied)| applied);
        let changes = applied.iter().map(|applied| Told::new(space, applied)).collect();
        Self { sequence: receipt.sequence(), changes }
    }
}

impl Write {
    /// The change that is asked for.
    pub(super) fn into_change(self) -> Result<Change, Failure> {
        match self {
            Self::Put { collection, key, fields, drop } => {
                let (collection, key) = (open_collection(&collection)?, name(&key)?);
                put(collection, key, fields, drop)
            }
            Self::Delete { collection, key } => {
                Ok(Change::delete(open_collection(&collection)?, name(&key)?))
            }
        }
    }
}

/// A put of some fields.
pub(super) fn put(
    collection: CollectionName,
    key: RecordKey,
    fields: BTreeMap<String, serde_json::Value>,
    drop: impl IntoIterator<Item = String>,
) -> Result<Change, Failure> {
    let set = fields.into_iter().map(|(field, value)| {
        let value = value_of(&field, &value)?;
        Ok((name::<FieldName>(&field)?, Some(value)))
    });
    let drop = drop.into_iter().map(|field| Ok((name::<FieldName>(&field)?, None)));
    let fields = set.chain(drop).collect::<Result<Vec<_>, Failure>>()?;
    let put = Change::put(collection, key, fields);
    Ok(put.map_err(|problem| Reject::new(Code::Refused, problem))?)
}

/// A field's value out of JSON.
pub(super) fn value_of(field: &str, json: &Json) -> Result<Value, Failure> {
    let wrong = |problem| Reject::new(Code::Refused, format!("The field {field:?}: {problem}"));
    Ok(json::to_value(json).map_err(wrong)?)
}
