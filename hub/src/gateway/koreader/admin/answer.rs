//! How these routes answer: JSON, and a refusal by its code and text as everywhere below `/hub/v1`.

use axum::Json;
use axum::extract::{FromRequestParts, Query};
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use http::request::Parts;
use serde::Deserialize;
use serde_json::json;
use syncline_protocol::{Code, Reject, SpaceName};

use super::super::mapping::space_of;
use crate::hub::{Hub, Principal, View};

/// A refusal on its way out.
pub(super) struct Failure(Reject);

pub(super) type Answer<T> = Result<Json<T>, Failure>;

/// Done, and there is nothing to say.
pub(super) const DONE: StatusCode = StatusCode::NO_CONTENT;

impl From<Reject> for Failure {
    fn from(reject: Reject) -> Self {
        Self(reject)
    }
}

impl Failure {
    pub(super) fn new(code: Code, text: &str) -> Self {
        Self(Reject::new(code, text))
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
            Code::GuardFailed => StatusCode::PRECONDITION_FAILED,
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

/// Whoever asks, and about which account: the own one when nothing is said.
pub(super) struct Asked {
    pub(super) hub: Hub,
    pub(super) principal: Principal,
    pub(super) account: String,
    pub(super) space: SpaceName,
}

#[derive(Deserialize)]
struct About {
    account: Option<String>,
}

impl FromRequestParts<Hub> for Asked {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, hub: &Hub) -> Result<Self, Failure> {
        let principal = parts.extensions.get::<Principal>().cloned();
        let nobody = || Failure::new(Code::Internal, "The request does not say who asks");
        let principal = principal.ok_or_else(nobody)?;
        let about = Query::<About>::try_from_uri(&parts.uri);
        let malformed = |_| Failure::new(Code::Malformed, "The query cannot be read");
        let account = about.map_err(malformed)?.0.account;
        let account = account.unwrap_or_else(|| principal.account().to_owned());
        let space = space_of(&account)?;
        Ok(Self { hub: hub.clone(), principal, account, space })
    }
}

impl Asked {
    /// Looks at the account's space off the async threads; none when it has none yet, which others
    /// than itself and admins are not to know.
    pub(super) async fn look<T: Send + 'static>(
        &self,
        look: impl FnOnce(&View) -> Result<T, Reject> + Send + 'static,
    ) -> Result<Option<T>, Failure> {
        let (hub, principal, space) =
            (self.hub.clone(), self.principal.clone(), self.space.clone());
        let is_own = principal.account() == self.account;
        let is_known =
            is_own || (hub.has_user(&self.account) && hub.require_admin(&principal).is_ok());
        let looked = tokio::task::spawn_blocking(move || match hub.read(&principal, &space) {
            Err(reject) if reject.code == Code::UnknownSpace && is_known => Ok(None),
            view => look(&view?).map(Some),
        });
        let lost = |_| Failure::new(Code::Internal, "The answer could not be made");
        Ok(looked.await.map_err(lost)??)
    }
}
