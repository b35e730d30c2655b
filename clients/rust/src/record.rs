//! A record as an app reads it: fields and values, without stamps.
//!
//! Typed access goes through MessagePack maps: a struct's fields are a record's fields.

use std::collections::BTreeMap;

use serde::Serialize;
use serde::de::DeserializeOwned;
use syncline_protocol::{CollectionName, FieldName, RecordKey, Stamp, Value, measure};

use crate::error::Error;

/// A record at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// Its collection.
    pub collection: CollectionName,
    /// Its key there.
    pub key: RecordKey,
    /// Its fields.
    pub fields: BTreeMap<FieldName, Value>,
    /// The sequence under which the hub last changed it; zero when the hub does not have it yet.
    pub sequence: u64,
    /// The newest stamp in it: when it was last written, and by which replica.
    pub stamp: Option<Stamp>,
}

impl Record {
    /// One field's value.
    #[must_use]
    pub fn get(&self, field: &str) -> Option<&Value> {
        self.fields.get(field)
    }

    /// One field as a type; none when the field is absent.
    ///
    /// # Errors
    /// [`Error::Typed`] when the value is not of the type.
    pub fn get_as<T: DeserializeOwned>(&self, field: &str) -> Result<Option<T>, Error> {
        self.get(field).map(from_value).transpose()
    }

    /// The whole record as a type whose fields are the record's.
    ///
    /// # Errors
    /// [`Error::Typed`] when a field is missing or of another type.
    pub fn to<T: DeserializeOwned>(&self) -> Result<T, Error> {
        let mut bytes = Vec::new();
        let length = u32::try_from(self.fields.len()).map_err(typed)?;
        rmp::encode::write_map_len(&mut bytes, length).map_err(typed)?;
        for (field, value) in &self.fields {
            rmp::encode::write_str(&mut bytes, field.as_str()).map_err(typed)?;
            bytes.extend_from_slice(value.as_bytes());
        }
        rmp_serde::from_slice(&bytes).map_err(typed)
    }

    /// The fields as a JSON object; see [`crate::json`].
    #[must_use]
    pub fn to_json(&self) -> serde_json::Value {
        let fields = self.fields.iter();
        let fields = fields.map(|(name, value)| (name.to_string(), crate::json::from_value(value)));
        serde_json::Value::Object(fields.collect())
    }
}

/// Any serializable value as a field's value.
///
/// # Errors
/// [`Error::Typed`] or [`Error::Value`] when it has no MessagePack form that a hub takes.
pub(crate) fn to_value<T: Serialize + ?Sized>(value: &T) -> Result<Value, Error> {
    Ok(Value::new(rmp_serde::to_vec_named(value).map_err(typed)?)?)
}

fn from_value<T: DeserializeOwned>(value: &Value) -> Result<T, Error> {
    rmp_serde::from_slice(value.as_bytes()).map_err(typed)
}

/// The fields of a serializable struct or map with texts as keys.
///
/// # Errors
/// [`Error::Typed`] when it is neither, [`Error::Name`] when a key is not a field's name.
pub(crate) fn to_fields<T: Serialize + ?Sized>(
    value: &T,
) -> Result<Vec<(FieldName, Option<Value>)>, Error> {
    let whole = to_value(value)?;
    let mut rest = whole.as_bytes();
    let length = rmp::decode::read_map_len(&mut rest)
        .map_err(|_| typed("a record is written from a struct or a map"))?;
    let mut fields = Vec::new();
    for _ in 0..length {
        let (name, after) = rmp::decode::read_str_from_slice(rest)
            .map_err(|_| typed("the fields of a record have texts as names"))?;
        let size = measure(after, syncline_protocol::NESTING_MAX)?;
        let (value, after) = after.split_at(size);
        fields.push((FieldName::new(name)?, Some(Value::new(value)?)));
        rest = after;
    }
    Ok(fields)
}

fn typed(error: impl std::fmt::Display) -> Error {
    Error::Typed(error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::Deserialize;

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Link {
        title: String,
        tags: Vec<String>,
        visits: u32,
        note: Option<String>,
    }

    #[test]
    fn a_struct_becomes_fields_and_comes_back() {
        let link =
            Link { title: "a".to_owned(), tags: vec!["x".to_owned()], visits: 3, note: None };
        let fields = to_fields(&link).unwrap();
        let record = Record {
            collection: CollectionName::new("links").unwrap(),
            key: RecordKey::new("a").unwrap(),
            fields: fields.into_iter().filter_map(|(name, value)| Some((name, value?))).collect(),
            sequence: 1,
            stamp: None,
        };
        assert_eq!(record.to::<Link>().unwrap(), link);
        assert_eq!(record.get_as::<u32>("visits").unwrap(), Some(3));
        assert_eq!(record.get_as::<u32>("none").unwrap(), None);
        assert!(matches!(record.get_as::<u32>("title"), Err(Error::Typed(_))));
        assert_eq!(record.to_json()["tags"][0], "x");
    }

    #[test]
    fn what_is_no_map_is_no_record() {
        assert!(matches!(to_fields(&[1, 2]), Err(Error::Typed(_))));
        let numbers = BTreeMap::from([(1, 2)]);
        assert!(matches!(to_fields(&numbers), Err(Error::Typed(_))));
        let control = BTreeMap::from([("a\n", 2)]);
        assert!(matches!(to_fields(&control), Err(Error::Name(_))));
    }
}
