//! Reading and writing single fields of records.

use syncline_protocol::{Record, Value};

use super::Image;
use crate::gateway::linkora::wire::{LinkType, MediaType};

/// A field that the foreign devices could not bear.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Fault {
    pub(crate) field: &'static str,
    pub(crate) wanted: &'static str,
}

/// A record's fields, to be read one by one.
#[derive(Clone, Copy)]
pub(crate) enum Fields<'a> {
    Image(&'a Image),
    Record(&'a Record),
}

impl<'a> Fields<'a> {
    pub(crate) fn of(image: &'a Image) -> Self {
        Self::Image(image)
    }

    /// A field that is there and not nil.
    pub(crate) fn get(&self, field: &str) -> Option<&'a Value> {
        let value = match self {
            Self::Image(image) => image.get(field),
            Self::Record(record) => record.get(field),
        };
        value.filter(|value| value.as_bytes() != [0xc0])
    }

    pub(crate) fn text(&self, field: &'static str) -> Result<String, Fault> {
        Ok(self.text_or_none(field)?.unwrap_or_default())
    }

    pub(crate) fn text_or_none(&self, field: &'static str) -> Result<Option<String>, Fault> {
        let Some(value) = self.get(field) else { return Ok(None) };
        let text = value.as_str().ok_or(Fault { field, wanted: "a text" })?;
        Ok(Some(text.to_owned()))
    }

    pub(crate) fn number(&self, field: &'static str) -> Result<i64, Fault> {
        Ok(self.number_or_none(field)?.unwrap_or_default())
    }

    pub(crate) fn number_or_none(&self, field: &'static str) -> Result<Option<i64>, Fault> {
        let Some(value) = self.get(field) else { return Ok(None) };
        Ok(Some(value.as_i64().ok_or(Fault { field, wanted: "a whole number" })?))
    }

    pub(crate) fn truth(&self, field: &'static str) -> Result<bool, Fault> {
        let Some(value) = self.get(field) else { return Ok(false) };
        value.as_bool().ok_or(Fault { field, wanted: "true or false" })
    }

    pub(crate) fn numbers(&self, field: &'static str) -> Result<Vec<i64>, Fault> {
        let Some(value) = self.get(field) else { return Ok(Vec::new()) };
        let fault = Fault { field, wanted: "an array of ids" };
        rmp_serde::from_slice(value.as_bytes()).map_err(|_| fault)
    }

    /// The type of a link; when nothing is said, it follows from where the link lies.
    pub(crate) fn link_type(&self, folder: Option<i64>) -> Result<LinkType, Fault> {
        let wanted = "SAVED_LINK, FOLDER_LINK, HISTORY_LINK, IMPORTANT_LINK or ARCHIVE_LINK";
        let said = self.text_or_none("type")?;
        match said.as_deref() {
            Some(word) => LinkType::from_word(word).ok_or(Fault { field: "type", wanted }),
            None if folder.is_some_and(|id| id > 0) => Ok(LinkType::FolderLink),
            None => Ok(LinkType::SavedLink),
        }
    }

    pub(crate) fn media_type(&self) -> Result<MediaType, Fault> {
        let fault = Fault { field: "media_type", wanted: "IMAGE, GIF or VIDEO" };
        let said = self.text_or_none("media_type")?;
        said.map_or(Ok(MediaType::Image), |word| MediaType::from_word(&word).ok_or(fault))
    }
}

/// Ids, or times, as one value.
pub(crate) fn numbers(numbers: &[i64]) -> Value {
    let bytes = rmp_serde::to_vec(numbers).expect("numbers are MessagePack");
    Value::new(bytes).expect("what was just encoded is well formed")
}

/// A number as one value, in the shortest form.
pub(crate) fn number(number: i64) -> Value {
    Value::from(number)
}

/// A whole record as one value: a map of its fields.
pub(crate) fn packed(image: &Image) -> Value {
    let mut bytes = Vec::with_capacity(64);
    let count = u32::try_from(image.len()).unwrap_or(u32::MAX);
    bytes.push(0xdf);
    bytes.extend(count.to_be_bytes());
    for (name, value) in image {
        bytes.extend_from_slice(Value::from(name.as_str()).as_bytes());
        bytes.extend_from_slice(value.as_bytes());
    }
    Value::new(bytes).unwrap_or_else(|_| Value::nil())
}
