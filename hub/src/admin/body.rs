//! Bodies: JSON objects, and those that carry data read with their memory in mind.

use std::fmt::Display;
use std::time::Duration;

use axum::body::Bytes;
use axum::extract::{FromRequest, Request};
use http::{HeaderMap, header};
use http_body_util::BodyExt as _;
use serde::de::{DeserializeOwned, Error as _};
use serde::{Deserialize as _, Deserializer};
use serde_json::Number;
use syncline_protocol::{Code, Reject};

use super::answer::{Failure, blocking};
use crate::hub::Hub;

/// Bytes of a body with data. Larger values travel by a session, which says them in fewer bytes.
pub(super) const DATA_BYTES: usize = 8 * 1024 * 1024;
/// Bytes of a body that are read before it is refused.
const READ_ON_BYTES: usize = 8 * DATA_BYTES;
/// A body that is not whole after so long is given up.
const WHOLE_WITHIN: Duration = Duration::from_secs(60);

/// A request's body, small: names, roles and passwords.
pub(super) struct Body<T>(pub(super) T);

impl<T: DeserializeOwned> FromRequest<Hub> for Body<T> {
    type Rejection = Failure;

    async fn from_request(request: Request, hub: &Hub) -> Result<Self, Failure> {
        check_kind(request.headers())?;
        let bytes = Bytes::from_request(request, hub).await?;
        Ok(Self(parse(&bytes)?))
    }
}

/// A JSON body with data. Few are read into values at once: what a value takes in memory is many
/// times what it takes on the way.
pub(super) struct Data<T>(pub(super) T);

impl<T: DeserializeOwned + Send + 'static> FromRequest<Hub> for Data<T> {
    type Rejection = Failure;

    async fn from_request(request: Request, hub: &Hub) -> Result<Self, Failure> {
        check_kind(request.headers())?;
        let late = |_| Failure::malformed("The body did not come in time");
        let read = tokio::time::timeout(WHOLE_WITHIN, read(request.into_body()));
        let bytes = read.await.map_err(late)??;
        let turn = hub.page_turn().await;
        blocking(move || {
            let read = parse(&bytes);
            drop(turn);
            read.map(Self)
        })
        .await
    }
}

/// Reads a body whole. One that is too large is read on for a while, since a client that still
/// sends would not see the answer.
async fn read(mut body: axum::body::Body) -> Result<Vec<u8>, Failure> {
    let (mut bytes, mut came) = (Vec::new(), 0);
    while let Some(frame) = body.frame().await {
        let broken = |error| Failure::malformed(format!("The body broke off: {error}"));
        let Ok(data) = frame.map_err(broken)?.into_data() else { continue };
        came += data.len();
        if came <= DATA_BYTES {
            bytes.extend_from_slice(&data);
        } else if came <= READ_ON_BYTES {
            bytes = Vec::new();
        } else {
            break;
        }
    }
    if came > DATA_BYTES {
        let what = format!("A body has at most {DATA_BYTES} bytes");
        return Err(Reject::new(Code::TooLarge, what).into());
    }
    Ok(bytes)
}

fn check_kind(headers: &HeaderMap) -> Result<(), Failure> {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|it| it.to_str().ok());
    let essence = kind.unwrap_or_default().split(';').next().unwrap_or_default().trim();
    if essence.eq_ignore_ascii_case("application/json") {
        return Ok(());
    }
    Err(Failure::malformed("The body is JSON, `Content-Type: application/json`"))
}

/// Reads an object. Where one is meant, serde would take a list of its values as well.
fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Failure> {
    let wrong = |problem: &dyn Display| Failure::malformed(format!("The body: {problem}"));
    if bytes.trim_ascii_start().first() != Some(&b'{') {
        return Err(wrong(&"not a JSON object"));
    }
    serde_json::from_slice(bytes).map_err(|problem| wrong(&problem))
}

/// A number without a fraction, however it is written (`1e3`, `5.0`), or none.
pub(super) fn whole<'de, D: Deserializer<'de>>(from: D) -> Result<Option<u64>, D::Error> {
    let Some(number) = Option::<Number>::deserialize(from)? else { return Ok(None) };
    let exact =
        |float: &f64| float.fract() == 0.0 && (0.0..9_007_199_254_740_992.0).contains(float);
    // Below 2^53 every whole number is exact.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    let of_float = || number.as_f64().filter(exact).map(|float| float as u64);
    let whole = number.as_u64().or_else(of_float);
    whole.map(Some).ok_or_else(|| D::Error::custom("expected a whole number"))
}
