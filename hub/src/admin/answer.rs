//! How a route answers: JSON, and for every refusal its code, its text and a fitting status.
//!
//! The one edge of these routes where a refusal becomes HTTP; nothing else here names a status of
//! one. A few refusals are of HTTP alone and have codes of their own, listed in [`HTTP_CODES`].

use axum::Json;
use axum::extract::FromRequestParts;
use axum::extract::rejection::{BytesRejection, PathRejection, QueryRejection};
use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use serde::Serialize;
use syncline_protocol::{Code, Reject};
use utoipa::ToSchema;

use crate::store::StoreError;

/// What a handler gives: an answer, or why not.
pub(super) type Answer<T> = Result<Json<T>, Failure>;

/// Codes that only HTTP knows: the sequence that was asked for has not come, a cookie's request
/// that may come from another site, a method that a path does not have.
pub(super) const HTTP_CODES: [&str; 3] = ["not_yet", "cross_site", "method_not_allowed"];

/// A refusal on its way out.
#[derive(Debug)]
pub(super) struct Failure {
    pub(super) code: &'static str,
    pub(super) text: String,
    status: StatusCode,
    index: Option<u32>,
}

impl Failure {
    /// A space has not come to a sequence in time.
    pub(super) fn not_yet(text: String) -> Self {
        Self { code: "not_yet", text, status: StatusCode::GATEWAY_TIMEOUT, index: None }
    }

    /// A request with a cookie that does not show that the hub's own page made it.
    pub(super) fn cross_site() -> Self {
        let text = "A request that changes something by the session's cookie comes from the hub's \
                    own page and has the header `Syncline-Csrf: 1`. Send it, or a token instead.";
        let status = StatusCode::FORBIDDEN;
        Self { code: "cross_site", text: text.to_owned(), status, index: None }
    }

    /// Names the write at fault.
    pub(super) fn at(mut self, index: usize) -> Self {
        self.index = u32::try_from(index).ok();
        self
    }

    /// Something in the request that cannot be read.
    pub(super) fn malformed(what: impl std::fmt::Display) -> Self {
        let text = format!("{what}. Send what /hub/v1/openapi.json describes.");
        Reject { code: Code::Malformed, text, index: None }.into()
    }
}

impl From<Reject> for Failure {
    fn from(reject: Reject) -> Self {
        let Reject { code, text, index } = reject;
        Self { code: code.as_str(), text, status: status(code), index }
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        tracing::error!(%error, "a route could not read the store");
        Reject::new(Code::Unavailable, "The store cannot be read").into()
    }
}

impl From<BytesRejection> for Failure {
    fn from(rejection: BytesRejection) -> Self {
        if rejection.status() == StatusCode::PAYLOAD_TOO_LARGE {
            return Reject { code: Code::TooLarge, text: rejection.body_text(), index: None }
                .into();
        }
        Self::malformed(rejection.body_text())
    }
}

impl From<PathRejection> for Failure {
    fn from(rejection: PathRejection) -> Self {
        Self::malformed(rejection.body_text())
    }
}

impl From<QueryRejection> for Failure {
    fn from(rejection: QueryRejection) -> Self {
        Self::malformed(rejection.body_text())
    }
}

/// Why a request was refused.
#[derive(Serialize, ToSchema)]
pub(super) struct Refusal<'a> {
    /// For programs: a word that never changes its meaning.
    #[schema(schema_with = codes)]
    code: &'a str,
    /// For people: what is wrong, and what to do.
    text: &'a str,
    /// Which of several writes is at fault, counted from 0.
    #[serde(skip_serializing_if = "Option::is_none")]
    index: Option<u32>,
}

/// All words that a refusal may have.
fn codes() -> utoipa::openapi::schema::Object {
    let words = Code::ALL.iter().map(|code| code.as_str()).chain(HTTP_CODES);
    utoipa::openapi::ObjectBuilder::new()
        .schema_type(utoipa::openapi::schema::Type::String)
        .enum_values(Some(words))
        .build()
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let Self { code, text, status, index } = self;
        let mut response = (status, Json(Refusal { code, text: &text, index })).into_response();
        if status == StatusCode::UNAUTHORIZED {
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
        Code::GuardFailed => StatusCode::PRECONDITION_FAILED,
        Code::Exists
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

/// The variable parts of a request's path.
#[derive(FromRequestParts)]
#[from_request(via(axum::extract::Path), rejection(Failure))]
pub(super) struct Path<T>(pub(super) T);

/// What stands behind the `?` of a request's path.
#[derive(FromRequestParts)]
#[from_request(via(axum::extract::Query), rejection(Failure))]
pub(super) struct Query<T>(pub(super) T);

/// Done, and there is nothing to say.
pub(super) const DONE: StatusCode = StatusCode::NO_CONTENT;

/// There is no such path.
pub(super) async fn no_route() -> Failure {
    Reject::new(Code::NotFound, "There is no such route below /hub/v1").into()
}

/// There is such a path, but nothing to do there by this method.
pub(super) async fn no_method() -> Failure {
    let text = "This path does not answer this method; the header Allow names those that it does.";
    let status = StatusCode::METHOD_NOT_ALLOWED;
    Failure { code: "method_not_allowed", text: text.to_owned(), status, index: None }
}

/// Reads the store off the async threads.
pub(super) async fn blocking<T: Send + 'static>(
    read: impl FnOnce() -> Result<T, Failure> + Send + 'static,
) -> Result<T, Failure> {
    let lost = || Reject::new(Code::Internal, "The answer could not be made").into();
    tokio::task::spawn_blocking(read).await.unwrap_or_else(|_| Err(lost()))
}
