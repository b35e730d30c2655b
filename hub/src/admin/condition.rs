//! Conditional requests (RFC 9110, section 13): `If-Match` and `If-None-Match` by a record's ETag.
//!
//! ```text
//! ETag: "0123456789abcdef:1256"      the epoch, and the sequence of the record's last change
//! ```
//! A condition is judged on what a read shows, and the write is guarded by that same state, so that
//! nothing can come in between.

use axum::extract::FromRequestParts;
use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, header};
use syncline_protocol::{Code, CollectionName, Condition, Epoch, Guard, Record, RecordKey, Reject};
use utoipa::IntoParams;

use super::answer::Failure;
use super::place::Place;

/// The conditions of a request.
#[derive(Debug, Default, IntoParams)]
#[into_params(parameter_in = Header)]
pub(super) struct Conditions {
    /// ETags of which the record must have one; `*` for any: the record must be there.
    #[param(rename = "If-Match", value_type = String, required = false, example = "*",
        pattern = "^(\\*|(W/)?\"[!#-+.-~-]*\"(, ?(W/)?\"[!#-+.-~-]*\")*)$")]
    matches: Option<Tags>,
    /// ETags of which the record must have none; `*`: the record must not be there.
    #[param(rename = "If-None-Match", value_type = String, required = false, example = "*",
        pattern = "^(\\*|(W/)?\"[!#-+.-~-]*\"(, ?(W/)?\"[!#-+.-~-]*\")*)$")]
    matches_none: Option<Tags>,
}

#[derive(Debug, PartialEq, Eq)]
enum Tags {
    Any,
    /// Those that a record of this hub can have; others match nothing.
    Of(Vec<Place>),
}

impl<S: Sync> FromRequestParts<S> for Conditions {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Failure> {
        let headers = &parts.headers;
        Ok(Self {
            matches: tags(headers, &header::IF_MATCH)?,
            matches_none: tags(headers, &header::IF_NONE_MATCH)?,
        })
    }
}

impl Conditions {
    /// Whether there is none.
    pub(super) fn is_empty(&self) -> bool {
        self.matches.is_none() && self.matches_none.is_none()
    }

    /// Whether a reader has already what a record shows.
    pub(super) fn has_already(&self, place: Place) -> bool {
        self.matches_none.as_ref().is_some_and(|tags| tags.include(Some(place)))
    }

    /// Judges a write by what the record shows now.
    pub(super) fn judge(&self, place: Option<Place>) -> Result<(), Failure> {
        let fails = self.matches.as_ref().is_some_and(|tags| !tags.include(place))
            || self.matches_none.as_ref().is_some_and(|tags| tags.include(place));
        if !fails {
            return Ok(());
        }
        let what = match place {
            Some(place) => format!("The record is there, with the ETag \"{place}\""),
            None => "The record is not there".to_owned(),
        };
        Err(Reject::new(Code::GuardFailed, what).into())
    }
}

impl Tags {
    fn include(&self, place: Option<Place>) -> bool {
        match (self, place) {
            (_, None) => false,
            (Self::Any, Some(_)) => true,
            (Self::Of(tags), Some(place)) => tags.contains(&place),
        }
    }
}

fn tags(headers: &HeaderMap, name: &HeaderName) -> Result<Option<Tags>, Failure> {
    let mut found: Option<Tags> = None;
    for value in headers.get_all(name) {
        let wrong = || Failure::malformed(format!("{name} holds `*` or ETags in quotes"));
        let text = value.to_str().map_err(|_| wrong())?.trim();
        if text == "*" {
            return Ok(Some(Tags::Any));
        }
        let Tags::Of(known) = found.get_or_insert(Tags::Of(Vec::new())) else { break };
        for tag in text.split(',').map(str::trim) {
            // A weak tag says less than these do; it matches only where that is enough.
            let tag = tag.strip_prefix("W/").unwrap_or(tag);
            let inner = tag.strip_prefix('"').and_then(|tag| tag.strip_suffix('"'));
            known.extend(inner.ok_or_else(wrong)?.parse::<Place>());
        }
    }
    Ok(found)
}

/// A record's place: when it last changed; none when it does not show.
pub(super) fn place_of(epoch: Epoch, record: Option<&Record>) -> Option<Place> {
    record.map(|record| Place { epoch, sequence: record.newest_sequence() })
}

/// The header that names a record's state.
pub(super) fn etag(place: Place) -> (HeaderName, HeaderValue) {
    let tag = HeaderValue::from_str(&format!("\"{place}\""));
    (header::ETAG, tag.unwrap_or(HeaderValue::from_static("\"\"")))
}

/// Holds while a record is as it was read.
pub(super) fn unchanged(
    collection: &CollectionName,
    key: &RecordKey,
    place: Option<Place>,
) -> Guard {
    let condition = match place {
        Some(place) => Condition::UnchangedSince(place.sequence),
        None => Condition::Absent,
    };
    Guard { collection: collection.clone(), key: key.clone(), condition }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn conditions(pairs: &[(HeaderName, &str)]) -> Result<Conditions, Failure> {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(name, value.parse().unwrap());
        }
        Ok(Conditions {
            matches: tags(&headers, &header::IF_MATCH)?,
            matches_none: tags(&headers, &header::IF_NONE_MATCH)?,
        })
    }

    #[test]
    fn conditions_hold_or_not() {
        let at = |sequence| Some(Place { epoch: Epoch(1), sequence });
        let holds = |name: HeaderName, value: &str, place| {
            conditions(&[(name, value)]).ok().unwrap().judge(place).is_ok()
        };
        let seven = "\"0000000000000001:7\"";
        assert!(holds(header::IF_MATCH, seven, at(7)) && !holds(header::IF_MATCH, seven, at(8)));
        let several = format!("\"x\", W/{seven}");
        assert!(holds(header::IF_MATCH, &several, at(7)));
        assert!(!holds(header::IF_MATCH, "\"x\"", at(7)));
        assert!(holds(header::IF_MATCH, "*", at(7)) && !holds(header::IF_MATCH, "*", None));
        assert!(holds(header::IF_NONE_MATCH, "*", None));
        assert!(!holds(header::IF_NONE_MATCH, "*", at(7)));
        assert!(!holds(header::IF_NONE_MATCH, seven, at(7)));
        let both = [(header::IF_MATCH, seven), (header::IF_MATCH, "\"0000000000000001:9\"")];
        assert!(conditions(&both).ok().unwrap().judge(at(9)).is_ok());
        assert!(conditions(&[(header::IF_MATCH, "7")]).is_err());
        assert!(Conditions::default().is_empty());
    }
}
