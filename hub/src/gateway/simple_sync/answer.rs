//! Answers: JSON of the one type that apps compare, refusals in their one shape.

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use http::{StatusCode, header};
use serde::Serialize;
use serde_json::json;
use syncline_protocol::Reject;
use utoipa::ToSchema;

use super::fault::Fault;

/// The type of every answer.
pub(super) const JSON: &str = "application/json; charset=utf-8";

/// A refusal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = Error)]
pub(super) struct Refused {
    #[serde(skip)]
    status: u16,
    /// What is wrong: one of the texts of the protocol, without a period.
    error: String,
    /// The event that is to blame, as its id was sent.
    #[serde(rename = "eventUuid", skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    event: Option<String>,
}

impl Refused {
    /// Blames an event.
    pub(super) fn event(mut self, uuid: &str) -> Self {
        self.event = Some(uuid.to_owned());
        self
    }

    /// A text that is not one of the table.
    pub(super) fn text(status: u16, error: String) -> Self {
        Self { status, error, event: None }
    }
}

impl From<Fault> for Refused {
    fn from(fault: Fault) -> Self {
        Self::text(fault.status, fault.text.to_owned())
    }
}

impl From<Reject> for Refused {
    fn from(reject: Reject) -> Self {
        Fault::from(&reject).into()
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = (status, Reply(&self)).into_response();
        if matches!(self.status, 429 | 503) {
            let soon = http::HeaderValue::from_static("5");
            response.headers_mut().insert(header::RETRY_AFTER, soon);
        }
        response
    }
}

/// A structure as JSON.
pub(super) struct Reply<T>(pub(super) T);

impl<T: Serialize> IntoResponse for Reply<T> {
    fn into_response(self) -> Response {
        let body = serde_json::to_vec(&self.0).unwrap_or_default();
        ([(header::CONTENT_TYPE, JSON)], Body::from(body)).into_response()
    }
}

/// A message that something was done.
pub(super) fn message(text: &str) -> Response {
    Reply(json!({ "message": text })).into_response()
}
