//! One record as one line of NDJSON, and back. Pure: it reads no file and talks to no hub.
//!
//! ```text
//! exported   {"collection": "links", "key": "a", "title": "A", "$key": 7}
//!             always first, in this order             a field named key; `$x` is written `$$x`
//! foreign    {"id": "a", "title": "A"}      the key stands in the field that --key names
//! ```
//! The field that holds the key stays a field of a foreign record, unless it is called `key`, as an
//! exported line calls it.

use serde_json::{Map, Value as Json};
use syncline_client::json;
use syncline_protocol::{FieldName, RecordKey, Value};

/// What an exported line calls the collection and the key.
const COLLECTION: &str = "collection";
const KEY: &str = "key";
/// Before the name of a field that would be taken for something else.
const ESCAPE: char = '$';

/// A record out of a line.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Line {
    /// The collection that an exported line names.
    pub(super) collection: Option<String>,
    /// The record's key.
    pub(super) key: RecordKey,
    /// Its fields.
    pub(super) fields: Vec<(FieldName, Value)>,
}

/// A record as a line.
pub(super) fn write<'a>(
    collection: &str,
    key: &str,
    fields: impl IntoIterator<Item = (&'a FieldName, &'a Value)>,
) -> Json {
    let mut line = Map::new();
    line.insert(COLLECTION.to_owned(), collection.into());
    line.insert(KEY.to_owned(), key.into());
    for (name, value) in fields {
        let name = name.as_str();
        let clashes = matches!(name, COLLECTION | KEY) || name.starts_with(ESCAPE);
        let name = if clashes { format!("{ESCAPE}{name}") } else { name.to_owned() };
        line.insert(name, json::from_value(value));
    }
    Json::Object(line)
}

/// A line as a record, whose key stands in the field `key_field`.
///
/// # Errors
/// What is wrong with it, for the person who wrote the file.
pub(super) fn read(text: &str, key_field: &str) -> Result<Line, String> {
    let json: Json = serde_json::from_str(text).map_err(|error| format!("not JSON: {error}"))?;
    let Json::Object(object) = json else { return Err("not a JSON object".to_owned()) };
    let exported = key_field == KEY && is_exported(&object);
    let key = object.get(key_field).ok_or_else(|| {
        format!("it has no field {key_field:?} to take the key from; name another with --key")
    })?;
    let key = match key {
        Json::String(text) => text.clone(),
        Json::Number(number) if !number.is_f64() => number.to_string(),
        _ => return Err(format!("the key in {key_field:?} is neither a text nor an integer")),
    };
    let key = RecordKey::new(&key).map_err(|problem| problem.to_string())?;
    let collection = exported.then(|| object[COLLECTION].as_str().map(str::to_owned)).flatten();
    let mut fields = Vec::new();
    for (name, value) in &object {
        let meta = (name == KEY && key_field == KEY) || (exported && name == COLLECTION);
        if meta {
            continue;
        }
        let name = if exported { name.strip_prefix(ESCAPE).unwrap_or(name) } else { name };
        let wrong = |problem: &dyn std::fmt::Display| format!("field {name:?}: {problem}");
        let value = json::to_value(value).map_err(|problem| wrong(&problem))?;
        fields.push((FieldName::new(name).map_err(|problem| wrong(&problem))?, value));
    }
    if fields.is_empty() {
        return Err("it has no field beside the key; a record needs one".to_owned());
    }
    Ok(Line { collection, key, fields })
}

/// Whether this program wrote the line: it alone begins with these two, in this order.
fn is_exported(object: &Map<String, Json>) -> bool {
    let mut names = object.iter();
    let first = names.next().is_some_and(|(name, value)| name == COLLECTION && value.is_string());
    first && names.next().is_some_and(|(name, value)| name == KEY && value.is_string())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn fields(line: &Line) -> BTreeMap<&str, Json> {
        line.fields.iter().map(|(name, value)| (name.as_str(), json::from_value(value))).collect()
    }

    #[test]
    fn a_foreign_line_gives_its_key_and_its_fields() {
        let line = read(r#"{"key": "a", "title": "A", "tags": ["x"]}"#, "key").unwrap();
        assert_eq!((line.collection.as_deref(), line.key.as_str()), (None, "a"));
        assert_eq!(fields(&line), BTreeMap::from([("tags", json!(["x"])), ("title", json!("A"))]));
        let line = read(r#"{"id": 7, "key": "k", "collection": "c", "$x": 1}"#, "id").unwrap();
        assert_eq!(line.key.as_str(), "7");
        let names: Vec<_> = fields(&line).into_keys().collect();
        assert_eq!(names, ["$x", "collection", "id", "key"]);
        // The order tells that no export wrote this.
        let line = read(r#"{"key": "a", "collection": "Prints"}"#, "key").unwrap();
        assert_eq!(fields(&line), BTreeMap::from([("collection", json!("Prints"))]));
    }

    #[test]
    fn what_is_wrong_is_said() {
        for (text, problem) in [
            ("", "not JSON"),
            ("[1]", "not a JSON object"),
            (r#"{"id": 1}"#, "no field \"key\""),
            (r#"{"key": null, "a": 1}"#, "neither a text nor an integer"),
            (r#"{"key": 1.5, "a": 1}"#, "neither a text nor an integer"),
            (r#"{"key": "", "a": 1}"#, "must not be empty"),
            (r#"{"key": "a"}"#, "no field beside the key"),
            (r#"{"key": "a", "b": {"$bin": 1}}"#, "field \"b\""),
            (r#"{"key": "a", "": 1}"#, "field \"\""),
        ] {
            let said = read(text, "key").unwrap_err();
            assert!(said.contains(problem), "{text}: {said}");
        }
    }

    proptest! {
        #[test]
        fn an_exported_record_reads_back(
            key in "[^\\x00-\\x1f\\x7f-\\x9f]{1,20}",
            names in prop::collection::btree_set("(collection|key|\\${0,3}[a-z]{1,3})", 1..6),
        ) {
            let Ok(key) = RecordKey::new(&key) else { return Ok(()) };
            let record: BTreeMap<FieldName, Value> = names
                .iter()
                .enumerate()
                .map(|(at, name)| (FieldName::new(name).unwrap(), Value::from(at as u64)))
                .collect();
            let text = write("links", key.as_str(), &record).to_string();
            let line = read(&text, "key").unwrap();
            prop_assert_eq!(line.collection.as_deref(), Some("links"));
            prop_assert_eq!(line.key, key);
            prop_assert_eq!(line.fields.into_iter().collect::<BTreeMap<_, _>>(), record);
        }

        #[test]
        fn no_text_panics(text in "\\PC{0,60}", name in "[a-z]{0,3}") {
            let _ = read(&text, &name);
            let _ = read(&format!("{{\"collection\":\"c\",\"key\":{text}}}"), "key");
        }
    }
}
