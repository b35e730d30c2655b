//! The foreign shapes, exactly as they travel: paths, bodies, answers and the table of errors.
//!
//! Pure: bytes and text in, values out. What is stored, and for whom, is not known here.

mod error;
mod number;
mod route;

use std::collections::BTreeMap;

use serde_json::{Map, Value as Json, json};

use super::mapping::Position;

pub(super) use error::Refused;
pub(super) use route::{Route, check_accept};

/// Bytes of a request's body at most.
pub(super) const BODY_BYTES: usize = 64 * 1024;
/// Bytes of a name, a document's id, a device's name and a device's id at most.
pub(super) const NAME_BYTES: usize = 255;
/// Bytes of a key at most: KOReader's has 32.
const KEY_BYTES: usize = 1024;
/// Bytes of a place in a document at most.
pub(super) const PROGRESS_BYTES: usize = 16 * 1024;
/// Characters that are kept of one text of the metadata.
const METADATA_CHARS: usize = 512;
/// Texts of the metadata that are kept.
const METADATA_TEXTS: usize = 16;

/// What KOReader says of a document for people: `filename`, `title`, `authors`, ids of services.
pub(super) type Metadata = BTreeMap<String, String>;

/// A request's body, read as far as every route needs it.
#[derive(Debug, PartialEq)]
pub(super) enum Body {
    /// There was none.
    Missing,
    /// A number in it is too large for any field.
    Unfit,
    /// An object; an empty array counts as one.
    Object(Map<String, Json>),
}

impl Body {
    /// Reads a body, whatever its content type says.
    pub(super) fn parse(bytes: &[u8]) -> Result<Self, Refused> {
        if bytes.is_empty() {
            return Ok(Self::Missing);
        }
        match serde_json::from_slice(bytes) {
            Ok(Json::Object(map)) => Ok(Self::Object(map)),
            Ok(Json::Array(items)) if items.is_empty() => Ok(Self::Object(Map::new())),
            Ok(_) => Err(Refused::NO_OBJECT),
            // JSON has no infinity; a number that overflows is JSON none the less.
            Err(error) if error.to_string().starts_with("number out of range") => Ok(Self::Unfit),
            Err(_) => Err(Refused::NO_JSON),
        }
    }

    fn object(self, missing: Refused) -> Result<Map<String, Json>, Refused> {
        match self {
            Self::Object(map) => Ok(map),
            Self::Missing => Err(missing),
            Self::Unfit => Err(Refused::INVALID),
        }
    }
}

/// Who registers, and the key that will be shown from then on.
#[derive(Debug, PartialEq)]
pub(super) struct Registration {
    pub(super) name: String,
    pub(super) key: String,
}

impl Registration {
    pub(super) fn parse(body: Body) -> Result<Self, Refused> {
        let map = body.object(Refused::INVALID)?;
        let name = text(&map, "username").filter(|name| is_name(name));
        let key = text(&map, "password").filter(|key| is_key(key));
        match (name, key) {
            (Some(name), Some(key)) => Ok(Self { name: name.to_owned(), key: key.to_owned() }),
            _ => Err(Refused::INVALID),
        }
    }
}

/// The key that replaces the one that was shown.
pub(super) fn new_key(body: Body) -> Result<String, Refused> {
    let map = body.object(Refused::INVALID)?;
    let key = text(&map, "password").filter(|key| is_key(key));
    key.map(str::to_owned).ok_or(Refused::INVALID)
}

/// A reading position as a device sends it.
#[derive(Debug, PartialEq)]
pub(super) struct Push {
    pub(super) document: String,
    pub(super) position: Position,
    pub(super) metadata: Metadata,
}

impl Push {
    /// Reads a push. Its position has no time yet: that is the hub's to say.
    pub(super) fn parse(body: Body) -> Result<Self, Refused> {
        let map = body.object(Refused::NO_DOCUMENT)?;
        let document = text(&map, "document").filter(|document| is_document(document));
        let document = document.ok_or(Refused::NO_DOCUMENT)?.to_owned();
        let position = position(&map).ok_or(Refused::INVALID)?;
        Ok(Self { document, position, metadata: metadata(map.get("metadata")) })
    }
}

fn position(map: &Map<String, Json>) -> Option<Position> {
    let percentage = number::of(map.get("percentage")?)?;
    let progress = number::text(map.get("progress")?).filter(|it| it.len() <= PROGRESS_BYTES)?;
    let device = number::text(map.get("device")?).filter(|it| it.len() <= NAME_BYTES)?;
    let device_id = text(map, "device_id").filter(|id| !id.is_empty()).map(str::to_owned);
    if device_id.as_ref().is_some_and(|id| id.len() > NAME_BYTES) {
        return None;
    }
    Some(Position { progress, percentage, device, device_id, timestamp: 0 })
}

/// Anything may stand there; texts are kept, as far as they name a book for people.
fn metadata(json: Option<&Json>) -> Metadata {
    let Some(Json::Object(map)) = json else { return Metadata::new() };
    let known = |key: &str| {
        matches!(key, "filename" | "title" | "authors")
            || (key.ends_with("_id") && key.len() <= 64 && !key.chars().any(char::is_control))
    };
    let texts = map.iter().filter_map(|(key, value)| Some((key, value.as_str()?)));
    let texts = texts.filter(|(key, value)| known(key) && !value.is_empty());
    let cut = |value: &str| value.chars().take(METADATA_CHARS).collect();
    texts.take(METADATA_TEXTS).map(|(key, value)| (key.clone(), cut(value))).collect()
}

/// A title as KOsync's page and scripts set it.
#[derive(Debug, PartialEq)]
pub(super) struct Title {
    pub(super) document: String,
    pub(super) title: String,
}

impl Title {
    pub(super) fn parse(body: Body) -> Result<Self, Refused> {
        let map = body.object(Refused::NO_DOCUMENT)?;
        let document = text(&map, "document").filter(|document| is_document(document));
        let document = document.ok_or(Refused::NO_DOCUMENT)?.to_owned();
        let title = text(&map, "pretty_name").ok_or(Refused::INVALID)?;
        if title.chars().count() > METADATA_CHARS {
            return Err(Refused::INVALID);
        }
        Ok(Self { document, title: title.to_owned() })
    }
}

/// A record as a pull shows it: exactly these fields, never a null.
pub(super) fn record(document: &str, position: &Position) -> Json {
    let mut json = json!({
        "document": document,
        "progress": position.progress,
        "percentage": position.percentage,
        "device": position.device,
    });
    if let Some(id) = &position.device_id {
        json["device_id"] = json!(id);
    }
    json["timestamp"] = json!(position.timestamp);
    json
}

/// An entry of KOsync's list of documents, without what stands around it.
pub(super) fn kosync_file(document: &str, position: &Position, title: &str) -> Json {
    json!({
        "progress": position.progress,
        "percentage": position.percentage,
        "device": position.device,
        "device_id": position.device_id.as_deref().unwrap_or_default(),
        "document": document,
        "timestamp": position.timestamp,
        "pretty_name": title,
    })
}

/// Whether a device may call itself so. A name with white space at an end or a control character
/// cannot travel in a header.
pub(super) fn is_name(name: &str) -> bool {
    !name.is_empty()
        && name.len() <= NAME_BYTES
        && name.trim() == name
        && !name.contains(':')
        && !name.chars().any(char::is_control)
}

/// Whether a document's id can be written and read again.
pub(super) fn is_document(id: &str) -> bool {
    !id.is_empty()
        && id.len() <= NAME_BYTES
        && !id.contains(':')
        && !id.chars().any(char::is_control)
}

pub(super) fn is_key(key: &str) -> bool {
    !key.is_empty() && key.len() <= KEY_BYTES
}

fn text<'m>(map: &'m Map<String, Json>, field: &str) -> Option<&'m str> {
    map.get(field)?.as_str()
}

#[cfg(test)]
mod tests;
