//! Places in a space's log: what an answer has read or written, and what a read asks for.
//!
//! ```text
//! Syncline-Sequence: 0123456789abcdef:1256     EPOCH:SEQUENCE, on every answer about a space
//! Syncline-At-Least: 0123456789abcdef:1256     on a read: no less than this
//! ```

use std::fmt;
use std::str::FromStr;
use std::time::{Duration, Instant};

use axum::extract::FromRequestParts;
use axum::response::{IntoResponse, Response};
use http::request::Parts;
use http::{HeaderName, HeaderValue};
use serde::Deserialize;
use syncline_protocol::{Code, CollectionName, Epoch, NameError, RecordKey, Reject, SpaceName};
use utoipa::IntoParams;

use super::answer::{Failure, blocking};
use crate::access::principal::Principal;
use crate::hub::{Hub, View};

/// How far an answer has read or written.
const SEQUENCE: HeaderName = HeaderName::from_static("syncline-sequence");
/// What a read asks for.
const AT_LEAST: &str = "syncline-at-least";
/// A read waits so long for the sequence that it asks for.
const WAIT_MAX: Duration = Duration::from_secs(5);
/// Between two looks whether the sequence has come: at first, and at most.
const LOOK_FIRST: Duration = Duration::from_millis(5);
const LOOK_LAST: Duration = Duration::from_millis(100);

/// A sequence under its epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) epoch: Epoch,
    pub(super) sequence: u64,
}

impl Place {
    /// Where a view stands.
    pub(super) fn of(view: &View) -> Self {
        Self { epoch: view.space().epoch, sequence: view.space().sequence }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.epoch, self.sequence)
    }
}

impl FromStr for Place {
    type Err = &'static str;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let parse = || {
            let (epoch, sequence) = text.split_once(':')?;
            let is_number = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
            let is_epoch = epoch.len() == 16 && epoch.bytes().all(|it| it.is_ascii_hexdigit());
            let epoch = is_epoch.then(|| epoch.parse().ok())??;
            let sequence = is_number(sequence).then(|| sequence.parse().ok())??;
            Some(Self { epoch, sequence })
        };
        parse().ok_or("a place is EPOCH:SEQUENCE, with 16 hex digits of epoch")
    }
}

/// An answer about a space, with how far it has read or written.
pub(super) struct Placed<T>(pub(super) Place, pub(super) T);

impl<T: IntoResponse> IntoResponse for Placed<T> {
    fn into_response(self) -> Response {
        let mut response = self.1.into_response();
        if let Ok(place) = HeaderValue::from_str(&self.0.to_string()) {
            response.headers_mut().insert(SEQUENCE, place);
        }
        response
    }
}

/// The least that a read asks for.
#[derive(IntoParams)]
#[into_params(parameter_in = Header)]
#[allow(dead_code, reason = "the fields are the document's")]
pub(super) struct AtLeast {
    /// EPOCH:SEQUENCE: read no less than this, and wait for it if need be.
    #[param(rename = "Syncline-At-Least", value_type = String, required = false,
        example = "0123456789abcdef:1256",
        pattern = "^[0-9a-f]{16}:[0-9]{1,15}$")]
    place: Option<Place>,
}

impl<S: Sync> FromRequestParts<S> for AtLeast {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Failure> {
        let Some(value) = parts.headers.get(AT_LEAST) else { return Ok(Self { place: None }) };
        let place = value.to_str().unwrap_or_default().parse();
        let wrong = |problem| Failure::malformed(format!("Syncline-At-Least: {problem}"));
        Ok(Self { place: Some(place.map_err(wrong)?) })
    }
}

impl AtLeast {
    /// Waits until a space has come as far as was asked for.
    async fn wait(&self, hub: &Hub, caller: &Principal, space: &SpaceName) -> Result<(), Failure> {
        let Some(wanted) = self.place else { return Ok(()) };
        let (until, mut pause) = (Instant::now() + WAIT_MAX, LOOK_FIRST);
        loop {
            let (hub, caller, name) = (hub.clone(), caller.clone(), space.clone());
            let now = blocking(move || Ok(Place::of(&hub.read(&caller, &name)?))).await?;
            if now.epoch != wanted.epoch {
                let what = format!("{wanted} is not in the log of {space}, which is at {now}");
                return Err(Reject::new(Code::UnknownCursor, what).into());
            }
            if now.sequence >= wanted.sequence {
                return Ok(());
            }
            if Instant::now() >= until {
                let text = format!("{space} is at {now}, not yet at {wanted}. Ask again later.");
                return Err(Failure::not_yet(text));
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(LOOK_LAST);
        }
    }
}

/// Who reads what, and how fresh it is to be.
pub(super) struct Reading {
    pub(super) hub: Hub,
    pub(super) caller: Principal,
    pub(super) space: SpaceName,
}

impl Reading {
    /// Reads one moment of a space off the async threads, in turns with catch-ups.
    pub(super) async fn read<T: Send + 'static>(
        self,
        at_least: AtLeast,
        read: impl FnOnce(&View) -> Result<T, Failure> + Send + 'static,
    ) -> Result<Placed<T>, Failure> {
        at_least.wait(&self.hub, &self.caller, &self.space).await?;
        self.look(read).await
    }

    /// The same of this very moment.
    pub(super) async fn look<T: Send + 'static>(
        self,
        read: impl FnOnce(&View) -> Result<T, Failure> + Send + 'static,
    ) -> Result<Placed<T>, Failure> {
        let Self { hub, caller, space } = self;
        // Whoever has no right here does not wait for a turn.
        hub.role(&caller, &space)?;
        let turn = hub.page_turn().await;
        blocking(move || {
            let view = hub.read(&caller, &space)?;
            let read = read(&view);
            drop(turn);
            Ok(Placed(Place::of(&view), read?))
        })
        .await
    }
}

/// A path that names a space.
#[derive(Debug, Clone, Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
pub(super) struct SpacePath {
    /// The space, its slashes written `%2F`.
    pub(super) space: String,
}

/// A path that names a collection.
#[derive(Debug, Clone, Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
pub(super) struct CollectionPath {
    /// The space, its slashes written `%2F`.
    pub(super) space: String,
    /// The collection.
    pub(super) collection: String,
}

/// A path that names a record.
#[derive(Debug, Clone, Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
pub(super) struct RecordPath {
    /// The space, its slashes written `%2F`.
    pub(super) space: String,
    /// The collection.
    pub(super) collection: String,
    /// The record's key, percent-encoded: any text without control characters. One that is `.` or
    /// `..` is for a push alone.
    pub(super) key: String,
}

/// A name out of a path or a body.
pub(super) fn name<T: FromStr<Err = NameError>>(text: &str) -> Result<T, Failure> {
    Ok(text.parse().map_err(|problem| Reject::new(Code::Refused, problem))?)
}

/// A collection that is not the hub's own.
pub(super) fn open_collection(text: &str) -> Result<CollectionName, Failure> {
    let collection: CollectionName = name(text)?;
    if collection.is_reserved() {
        let what = format!("{collection} is a reserved collection");
        return Err(Reject::new(Code::Reserved, what).into());
    }
    Ok(collection)
}

impl RecordPath {
    /// The names, checked.
    pub(super) fn names(&self) -> Result<(SpaceName, CollectionName, RecordKey), Failure> {
        Ok((name(&self.space)?, open_collection(&self.collection)?, name(&self.key)?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_read_back_and_have_one_spelling() {
        let place = Place { epoch: Epoch(255), sequence: 12 };
        assert_eq!(place.to_string(), "00000000000000ff:12");
        assert_eq!(place.to_string().parse(), Ok(place));
        for wrong in [
            "",
            "ff:1",
            "00000000000000ff",
            "00000000000000ff:",
            "+0000000000000ff:1",
            "00000000000000ff:+1",
            "00000000000000ff:99999999999999999999",
        ] {
            assert!(wrong.parse::<Place>().is_err(), "{wrong}");
        }
    }
}
