//! Requests as they travel. They were read by Go's decoder, and are read alike here: names of
//! members in any case, what is unknown ignored, what is missing or null empty, and bytes after the
//! first value not looked at.

use std::collections::HashMap;
use std::time::Duration;

use axum::body::Body;
use bytes::Bytes;
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use serde::de::DeserializeOwned;
use serde_json::Value as Json;

use super::acl::WireRule;
use super::event::Event;
use super::fault::Fault;

/// A body that is not whole after so long is given up.
const WHOLE_WITHIN: Duration = Duration::from_secs(60);

/// Reads a body to its end.
pub(super) async fn read(body: Body, bytes_max: u32, broken: Fault) -> Result<Bytes, Fault> {
    let bytes_max = usize::try_from(bytes_max).unwrap_or(usize::MAX);
    let whole = tokio::time::timeout(WHOLE_WITHIN, Limited::new(body, bytes_max).collect());
    match whole.await.map_err(|_| broken)? {
        Ok(whole) => Ok(whole.to_bytes()),
        Err(error) if error.is::<LengthLimitError>() => Err(Fault::LARGE_BODY),
        Err(_) => Err(broken),
    }
}

/// The members of an object, by their names in lower case.
#[derive(Default)]
struct Members(HashMap<String, Json>);

/// A member has another type than it should.
struct WrongType;

impl Members {
    fn of(object: serde_json::Map<String, Json>) -> Self {
        Self(object.into_iter().map(|(name, value)| (name.to_ascii_lowercase(), value)).collect())
    }

    fn text(&mut self, name: &str) -> Result<String, WrongType> {
        match self.0.remove(name) {
            None | Some(Json::Null) => Ok(String::new()),
            Some(Json::String(text)) => Ok(text),
            Some(_) => Err(WrongType),
        }
    }

    fn number(&mut self, name: &str) -> Result<u64, WrongType> {
        match self.0.remove(name) {
            None | Some(Json::Null) => Ok(0),
            Some(value) => value.as_u64().ok_or(WrongType),
        }
    }
}

/// The first value of a body.
fn first<T: DeserializeOwned>(bytes: &[u8]) -> Option<T> {
    T::deserialize(&mut serde_json::Deserializer::from_slice(bytes)).ok()
}

/// The objects of an array; of `null` none, and `null` in it is an object of nothing.
fn objects(bytes: &[u8]) -> Option<Vec<Members>> {
    let objects: Option<Vec<Option<serde_json::Map<String, Json>>>> = first(bytes)?;
    let objects = objects.unwrap_or_default().into_iter();
    Some(objects.map(|object| object.map(Members::of).unwrap_or_default()).collect())
}

fn object(bytes: &[u8]) -> Option<Members> {
    let object: Option<serde_json::Map<String, Json>> = first(bytes)?;
    Some(object.map(Members::of).unwrap_or_default())
}

/// The events of a push.
pub(super) fn events(bytes: &[u8]) -> Result<Vec<Event>, Fault> {
    let event = |mut it: Members| {
        Ok(Event {
            uuid: it.text("uuid")?,
            timestamp: it.number("timestamp")?,
            user: it.text("user")?,
            item: it.text("item")?,
            action: it.text("action")?,
            payload: it.text("payload")?,
        })
    };
    let objects = objects(bytes).ok_or(Fault::NO_JSON)?.into_iter();
    objects.map(event).collect::<Result<_, WrongType>>().map_err(|_| Fault::NO_JSON)
}

/// Rules to add.
pub(super) fn rules(bytes: &[u8]) -> Result<Vec<WireRule>, Fault> {
    let rule = |mut it: Members| {
        let (user, item) = (it.text("user")?, it.text("item")?);
        Ok(WireRule { user, item, action: it.text("action")?, verdict: it.text("type")? })
    };
    let objects = objects(bytes).ok_or(Fault::BAD_FORMAT)?.into_iter();
    objects.map(rule).collect::<Result<_, WrongType>>().map_err(|_| Fault::BAD_FORMAT)
}

/// Two texts of an object, the first of which must not be empty.
pub(super) fn texts(bytes: &[u8], names: [&str; 2]) -> Result<[String; 2], Fault> {
    let read = |mut it: Members| Ok([it.text(names[0])?, it.text(names[1])?]);
    let read: Result<_, WrongType> = read(object(bytes).ok_or(Fault::BAD_FORMAT)?);
    let texts = read.map_err(|_| Fault::BAD_FORMAT)?;
    if texts[0].is_empty() { Err(Fault::BAD_FORMAT) } else { Ok(texts) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn odd_bodies_are_read_as_the_original_did() {
        let read = |text: &str| events(text.as_bytes());
        assert_eq!(read("null"), Ok(vec![]));
        assert_eq!(read("[null]"), Ok(vec![Event::default()]));
        assert_eq!(read("[] and more"), Ok(vec![]));
        let known = Event { uuid: "a".into(), timestamp: 7, ..Event::default() };
        let odd = r#"[{"UUID":"a","TimeStamp":7,"user":null,"x":{"y":[1]}}]"#;
        assert_eq!(read(odd), Ok(vec![known]));
        for wrong in [
            "",
            " ",
            "{}",
            "[",
            "[1]",
            "\"a\"",
            "[[]]",
            "{\"uuid\":\"a\"}",
            r#"[{"timestamp":"1"}]"#,
            r#"[{"timestamp":-1}]"#,
            r#"[{"timestamp":1.5}]"#,
            r#"[{"timestamp":1.0}]"#,
            r#"[{"payload":{}}]"#,
            r#"[{"user":1}]"#,
        ] {
            assert_eq!(read(wrong), Err(Fault::NO_JSON), "{wrong}");
        }
        let largest = Event { timestamp: u64::MAX, ..Event::default() };
        assert_eq!(read(r#"[{"timestamp":18446744073709551615}]"#), Ok(vec![largest]));
    }

    #[test]
    fn rules_and_names_are_texts() {
        let rule = r#"[{"user":"a","item":"b","action":"c","type":"deny","by":1}]"#;
        assert_eq!(rules(rule.as_bytes()).unwrap()[0].verdict, "deny");
        assert_eq!(rules(br#"[{"user":1}]"#), Err(Fault::BAD_FORMAT));
        assert_eq!(rules(b"{}"), Err(Fault::BAD_FORMAT));
        assert_eq!(rules(b"null"), Ok(vec![]));
        let names = ["token", "description"];
        let read = |text: &str| texts(text.as_bytes(), names);
        assert_eq!(read(r#"{"token":"A"}"#), Ok(["A".to_owned(), String::new()]));
        for wrong in ["", "[]", "null", "{}", r#"{"token":""}"#, r#"{"token":1}"#] {
            assert_eq!(read(wrong), Err(Fault::BAD_FORMAT), "{wrong}");
        }
    }
}
