//! Who calls: a key in the header, checked before anything else.

use std::net::{IpAddr, Ipv4Addr};

use axum::extract::FromRequestParts;
use http::request::Parts;
use syncline_protocol::Code;

use super::answer::Refused;
use super::app::App;
use super::fault::Fault;
use super::mapping::user_of;
use crate::hub::{ApiKey, ClientAddress, Principal, Realm};

const HEADER: &str = "x-api-key";

/// A user whose key is good.
#[derive(Debug, Clone)]
pub(super) struct Caller {
    pub(super) principal: Principal,
    pub(super) user: String,
}

/// Where a request comes from.
#[derive(Debug, Clone, Copy)]
pub(super) struct From(pub(super) IpAddr);

impl<S: Sync> FromRequestParts<S> for From {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Self::Rejection> {
        let address = parts.extensions.get::<ClientAddress>().map(|address| address.0);
        Ok(Self(address.unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED))))
    }
}

impl FromRequestParts<App> for Caller {
    type Rejection = Refused;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Refused> {
        let shown = parts.headers.get(HEADER).map(|value| value.as_bytes()).unwrap_or_default();
        if shown.is_empty() {
            return Err(Fault::NO_KEY.into());
        }
        let shown = std::str::from_utf8(shown).map_err(|_| Fault::BAD_KEY)?.to_owned();
        let Ok(From(from)) = From::from_request_parts(parts, app).await;
        Self::of_key(app, &shown, from).await
    }
}

impl Caller {
    /// Whose a key is. One of another app is none here.
    pub(super) async fn of_key(app: &App, shown: &str, from: IpAddr) -> Result<Self, Refused> {
        let key = ApiKey::parse(shown).ok_or(Fault::BAD_KEY)?;
        let principal = app.hub().authenticate(Realm::Token, "", key.reveal(), from).await;
        let principal = principal.map_err(|reject| match reject.code {
            // A wrong key is told so at once; one that would be tried against hashes has to wait.
            Code::RateLimited if app.hub().directory().slow_keys().next().is_none() => {
                Refused::from(Fault::BAD_KEY)
            }
            _ => reject.into(),
        })?;
        let user = user_of(app.space(), principal.account()).ok_or(Fault::BAD_KEY)?.into_owned();
        if let Some(token) = principal.token_id() {
            app.note_use(token);
        }
        Ok(Self { principal, user })
    }

    /// The id of the hub's token that was shown.
    pub(super) fn key(&self) -> &str {
        self.principal.token_id().unwrap_or_default()
    }
}
