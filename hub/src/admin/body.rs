//! Bodies that carry data: larger than those of other routes, and read with their memory in mind.

use std::time::Duration;

use axum::extract::{FromRequest, Request};
use http::header;
use http_body_util::{BodyExt as _, Limited};
use serde::de::DeserializeOwned;
use syncline_protocol::{Code, Reject};

use super::answer::{Failure, blocking};
use crate::hub::Hub;

/// Bytes of a body with data. Larger values travel by a session, which says them in fewer bytes.
pub(super) const DATA_BYTES: usize = 8 * 1024 * 1024;
/// A body that is not whole after so long is given up.
const WHOLE_WITHIN: Duration = Duration::from_secs(60);

/// A JSON body with data. Few are read into values at once: what a value takes in memory is many
/// times what it takes on the way.
pub(super) struct Data<T>(pub(super) T);

impl<T: DeserializeOwned + Send + 'static> FromRequest<Hub> for Data<T> {
    type Rejection = Failure;

    async fn from_request(request: Request, hub: &Hub) -> Result<Self, Failure> {
        let kind = request.headers().get(header::CONTENT_TYPE).and_then(|it| it.to_str().ok());
        if !kind.is_some_and(is_json) {
            return Err(Failure::malformed("The body is JSON, `Content-Type: application/json`"));
        }
        let body = Limited::new(request.into_body(), DATA_BYTES).collect();
        let late = || Failure::malformed("The body did not come in time");
        let body = tokio::time::timeout(WHOLE_WITHIN, body).await.map_err(|_| late())?;
        let body = body.map_err(|error| {
            if error.is::<http_body_util::LengthLimitError>() {
                let what = format!("A body has at most {DATA_BYTES} bytes");
                return Failure::from(Reject::new(Code::TooLarge, what));
            }
            Failure::malformed(format!("The body broke off: {error}"))
        })?;
        let bytes = body.to_bytes();
        let turn = hub.page_turn().await;
        blocking(move || {
            let read = serde_json::from_slice(&bytes);
            drop(turn);
            Ok(Self(read.map_err(|problem| Failure::malformed(format!("The body: {problem}")))?))
        })
        .await
    }
}

fn is_json(kind: &str) -> bool {
    let essence = kind.split(';').next().unwrap_or_default().trim();
    essence.eq_ignore_ascii_case("application/json")
}
