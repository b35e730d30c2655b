//! Answers: every success is 200 with JSON, every failure a short text without secrets.

use axum::body::Body;
use axum::response::{IntoResponse as _, Response};
use bytes::Bytes;
use http::{HeaderValue, StatusCode, header};
use serde_json::Value as Json;
use syncline_protocol::{Code, Reject};

/// A success.
pub(super) fn json(json: &Json) -> Response {
    text(json.to_string().into())
}

/// A success whose JSON is written already.
pub(super) fn text(body: Body) -> Response {
    let mut response = Response::new(body);
    let json = HeaderValue::from_static("application/json");
    response.headers_mut().insert(header::CONTENT_TYPE, json);
    response
}

/// A success in pieces.
pub(super) fn pieces(pieces: Vec<Bytes>) -> Response {
    let pieces = pieces.into_iter().map(Ok::<_, std::convert::Infallible>);
    text(Body::from_stream(futures_util::stream::iter(pieces)))
}

/// A failure. The app looks at the status alone; a tool at 500 and the sentence of old writes.
pub(super) fn refused(reject: &Reject) -> Response {
    let status = match reject.code {
        Code::Unauthorized | Code::UnknownSpace => StatusCode::UNAUTHORIZED,
        Code::Forbidden => StatusCode::FORBIDDEN,
        Code::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
        Code::RateLimited | Code::TooMany => StatusCode::TOO_MANY_REQUESTS,
        Code::QuotaExceeded => StatusCode::INSUFFICIENT_STORAGE,
        code if code.is_retryable() => StatusCode::SERVICE_UNAVAILABLE,
        _ => StatusCode::INTERNAL_SERVER_ERROR,
    };
    (status, format!("{}\n", reject.text)).into_response()
}

/// A request that is not understood.
pub(super) fn bad(what: &str) -> Response {
    (StatusCode::BAD_REQUEST, format!("{what}\n")).into_response()
}
