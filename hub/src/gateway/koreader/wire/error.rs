//! The table of errors: status, code and message are fixed, and clients show the message to people.

use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use serde_json::json;

/// Why a request is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in super::super) struct Refused {
    status: StatusCode,
    code: u16,
    message: &'static str,
    retry_s: Option<u64>,
}

const fn refused(status: StatusCode, code: u16, message: &'static str) -> Refused {
    Refused { status, code, message, retry_s: None }
}

impl Refused {
    pub(in super::super) const VERSION: Self = refused(
        StatusCode::PRECONDITION_FAILED,
        102,
        "Unsupported version specified in the Accept header.",
    );
    pub(in super::super) const NO_JSON: Self =
        refused(StatusCode::BAD_REQUEST, 103, "Could not parse JSON in body.");
    pub(in super::super) const NO_OBJECT: Self =
        refused(StatusCode::BAD_REQUEST, 104, "Body should be a JSON hash.");
    pub(in super::super) const INTERNAL: Self =
        refused(StatusCode::BAD_GATEWAY, 2000, "Unknown server error.");
    pub(in super::super) const UNAUTHORIZED: Self =
        refused(StatusCode::UNAUTHORIZED, 2001, "Unauthorized");
    pub(in super::super) const TAKEN: Self =
        refused(StatusCode::PAYMENT_REQUIRED, 2002, "Username is already registered.");
    pub(in super::super) const INVALID: Self =
        refused(StatusCode::FORBIDDEN, 2003, "Invalid request");
    pub(in super::super) const TOO_LARGE: Self =
        refused(StatusCode::PAYLOAD_TOO_LARGE, 2003, "Invalid request");
    pub(in super::super) const NO_DOCUMENT: Self =
        refused(StatusCode::FORBIDDEN, 2004, "Field 'document' not provided.");
    pub(in super::super) const CLOSED: Self =
        refused(StatusCode::PAYMENT_REQUIRED, 2005, "User registration is disabled.");
    pub(in super::super) const NO_ACCOUNT: Self =
        refused(StatusCode::NOT_FOUND, 2006, "Account not found.");
    pub(in super::super) const NO_ROUTE: Self =
        refused(StatusCode::NOT_FOUND, 2003, "There is nothing here.");
    pub(in super::super) const UNKNOWN_DOCUMENT: Self =
        refused(StatusCode::NOT_FOUND, 2004, "There is no such document.");

    /// Too many wrong keys: wait so many seconds.
    pub(in super::super) fn wrong_too_often(retry_s: u64) -> Self {
        let message = "Too many wrong names or passwords. Wait a little.";
        let refused = refused(StatusCode::TOO_MANY_REQUESTS, 2001, message);
        Self { retry_s: Some(retry_s), ..refused }
    }

    /// More to do than the hub can queue: a little later it is done.
    pub(in super::super) fn busy() -> Self {
        let message = "The server has too much to do. Try again.";
        let refused = refused(StatusCode::TOO_MANY_REQUESTS, 2001, message);
        Self { retry_s: Some(1), ..refused }
    }

    /// Too many registrations: wait so many seconds.
    pub(in super::super) fn registered_too_often(retry_s: u64) -> Self {
        let message = "Too many registrations. Wait a little.";
        let refused = refused(StatusCode::TOO_MANY_REQUESTS, 2001, message);
        Self { retry_s: Some(retry_s), ..refused }
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        let body = json!({ "code": self.code, "message": self.message });
        let mut response = (self.status, axum::Json(body)).into_response();
        if let Some(seconds) = self.retry_s {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}
