//! How these routes answer: JSON, and a refusal by its code and text as everywhere below `/hub/v1`.

use axum::Json;
use axum::extract::{FromRequestParts, Query};
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use http::request::Parts;
use serde::{Deserialize, Serialize};
use serde_json::json;
use syncline_protocol::{Code, Reject, SpaceName};

use super::super::mapping::{DEFAULT_APP, space_of};
use crate::hub::{Hub, Principal};

/// A refusal on its way out.
pub(super) struct Failure(Reject);

pub(super) type Answer<T> = Result<Json<T>, Failure>;

impl From<Reject> for Failure {
    fn from(reject: Reject) -> Self {
        Self(reject)
    }
}

impl Failure {
    pub(super) fn new(code: Code, text: impl Into<String>) -> Self {
        Self(Reject { code, text: text.into(), index: None })
    }

    pub(super) fn malformed(problem: &dyn std::fmt::Display) -> Self {
        Self::new(Code::Malformed, problem.to_string())
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let status = match self.0.code {
            Code::Malformed => StatusCode::BAD_REQUEST,
            Code::Unauthorized => StatusCode::UNAUTHORIZED,
            Code::Forbidden => StatusCode::FORBIDDEN,
            Code::UnknownSpace | Code::NotFound => StatusCode::NOT_FOUND,
            Code::Exists => StatusCode::CONFLICT,
            Code::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Code::Refused | Code::Reserved => StatusCode::UNPROCESSABLE_ENTITY,
            Code::TooMany | Code::RateLimited => StatusCode::TOO_MANY_REQUESTS,
            Code::QuotaExceeded => StatusCode::INSUFFICIENT_STORAGE,
            Code::Internal => StatusCode::INTERNAL_SERVER_ERROR,
            _ => StatusCode::SERVICE_UNAVAILABLE,
        };
        (status, Json(json!({ "code": self.0.code.as_str(), "text": self.0.text }))).into_response()
    }
}

/// An admin, and the app that the request is about: the one at `/api/v1` when nothing is said.
pub(super) struct Asked {
    pub(super) hub: Hub,
    pub(super) space: SpaceName,
}

#[derive(Deserialize)]
struct About {
    app: Option<String>,
}

impl FromRequestParts<Hub> for Asked {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, hub: &Hub) -> Result<Self, Failure> {
        let nobody = || Failure::new(Code::Internal, "The request does not say who asks");
        let principal = parts.extensions.get::<Principal>().ok_or_else(nobody)?;
        hub.require_admin(principal)?;
        let about = Query::<About>::try_from_uri(&parts.uri);
        let about = about.map_err(|problem| Failure::malformed(&problem))?.0;
        let app = about.app.as_deref().unwrap_or(DEFAULT_APP);
        let space = space_of(app)?;
        match hub.read(&Principal::hub(), &space) {
            Ok(_) => Ok(Self { hub: hub.clone(), space }),
            Err(reject) if reject.code == Code::UnknownSpace => {
                let what = format!(
                    "There is no app {app}: name it in `gateways.simple_sync.apps` and start the \
                     hub again"
                );
                Err(Failure::new(Code::NotFound, what))
            }
            Err(reject) => Err(reject.into()),
        }
    }
}

/// Which page of a list.
#[derive(Deserialize)]
pub(super) struct Paging {
    limit: Option<usize>,
    after: Option<String>,
}

/// A page of a list.
#[derive(Serialize)]
pub(super) struct Page<T> {
    items: Vec<T>,
    /// Pass it as `after` for the next page; null when this is the last.
    next: Option<String>,
}

/// Items of a page at most.
const PAGE_ITEMS: usize = 1_000;

impl Paging {
    /// A page of a list that is at hand: how many came before it is where it begins.
    pub(super) fn cut<T>(&self, items: impl IntoIterator<Item = T>) -> Answer<Page<T>> {
        let limit = self.limit.unwrap_or(PAGE_ITEMS).clamp(1, PAGE_ITEMS);
        let after = self.after.as_deref().filter(|after| !after.is_empty());
        let before: usize = match after.map(str::parse) {
            None => 0,
            Some(Ok(before)) => before,
            Some(Err(_)) => return Err(Failure::new(Code::Malformed, "`after` is a number")),
        };
        let mut rest = items.into_iter().skip(before);
        let items: Vec<T> = rest.by_ref().take(limit).collect();
        let next = rest.next().map(|_| (before + items.len()).to_string());
        Ok(Json(Page { items, next }))
    }
}
