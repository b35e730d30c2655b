//! How a route answers: JSON, and for every refusal its code, its text and a fitting status.
//!
//! The one edge of these routes where a refusal becomes HTTP; nothing else here names a status.

use axum::Json;
use axum::extract::rejection::{JsonRejection, PathRejection};
use axum::extract::{FromRequest, FromRequestParts};
use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use serde::Serialize;
use syncline_protocol::{Code, Reject};

use crate::store::StoreError;

/// What a handler gives: an answer, or why not.
pub(super) type Answer<T> = Result<Json<T>, Failure>;

/// A refusal on its way out.
#[derive(Debug)]
pub(super) struct Failure(pub(super) Reject);

impl From<Reject> for Failure {
    fn from(reject: Reject) -> Self {
        Self(reject)
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        tracing::error!(%error, "an admin route could not read the store");
        Self(Reject::new(Code::Unavailable, "The store cannot be read"))
    }
}

impl From<JsonRejection> for Failure {
    fn from(rejection: JsonRejection) -> Self {
        let code = match rejection.status() {
            StatusCode::PAYLOAD_TOO_LARGE => Code::TooLarge,
            _ => Code::Malformed,
        };
        Self(Reject { code, text: rejection.body_text(), index: None })
    }
}

impl From<PathRejection> for Failure {
    fn from(rejection: PathRejection) -> Self {
        Self(Reject { code: Code::Malformed, text: rejection.body_text(), index: None })
    }
}

#[derive(Serialize)]
struct Words<'a> {
    code: &'a str,
    text: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    index: Option<u32>,
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let Reject { code, text, index } = self.0;
        let words = Words { code: code.as_str(), text: &text, index };
        let mut response = (status(code), Json(words)).into_response();
        if code == Code::Unauthorized {
            let ask = HeaderValue::from_static("Bearer realm=\"syncline\"");
            response.headers_mut().insert(header::WWW_AUTHENTICATE, ask);
        }
        response
    }
}

/// The status that fits a code. Programs decide by the code, proxies and browsers by the status.
fn status(code: Code) -> StatusCode {
    match code {
        Code::Malformed | Code::NotUtf8 | Code::UnsupportedVersion => StatusCode::BAD_REQUEST,
        Code::Unauthorized => StatusCode::UNAUTHORIZED,
        Code::Forbidden => StatusCode::FORBIDDEN,
        Code::UnknownSpace | Code::NotFound => StatusCode::NOT_FOUND,
        Code::HelloTimeout | Code::Idle => StatusCode::REQUEST_TIMEOUT,
        Code::Exists
        | Code::GuardFailed
        | Code::Expired
        | Code::ClockDrift
        | Code::ForeignStamp
        | Code::Replaced
        | Code::UnknownCursor => StatusCode::CONFLICT,
        Code::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
        Code::Refused | Code::Reserved => StatusCode::UNPROCESSABLE_ENTITY,
        Code::RateLimited | Code::TooMany => StatusCode::TOO_MANY_REQUESTS,
        Code::Busy | Code::Unavailable | Code::ClockBack | Code::GoingAway => {
            StatusCode::SERVICE_UNAVAILABLE
        }
        Code::QuotaExceeded => StatusCode::INSUFFICIENT_STORAGE,
        _ => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

/// A request's body; what is wrong with it is told as every refusal is.
#[derive(FromRequest)]
#[from_request(via(Json), rejection(Failure))]
pub(super) struct Body<T>(pub(super) T);

/// The variable parts of a request's path.
#[derive(FromRequestParts)]
#[from_request(via(axum::extract::Path), rejection(Failure))]
pub(super) struct Path<T>(pub(super) T);

/// Done, and there is nothing to say.
pub(super) const DONE: StatusCode = StatusCode::NO_CONTENT;

/// There is no such path.
pub(super) async fn no_route() -> Failure {
    Failure(Reject::new(Code::NotFound, "There is no such route below /hub/v1"))
}

/// There is such a path, but nothing to do there by this method.
pub(super) async fn no_method() -> Response {
    let text = "This path does not answer this method.".to_owned();
    let reject = Reject { code: Code::Malformed, text, index: None };
    let mut response = Failure(reject).into_response();
    *response.status_mut() = StatusCode::METHOD_NOT_ALLOWED;
    response
}

/// Reads the store off the async threads.
pub(super) async fn blocking<T: Send + 'static>(
    read: impl FnOnce() -> Result<T, Failure> + Send + 'static,
) -> Result<T, Failure> {
    let lost = || Failure(Reject::new(Code::Internal, "The answer could not be made"));
    tokio::task::spawn_blocking(read).await.unwrap_or_else(|_| Err(lost()))
}
