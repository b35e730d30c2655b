//! Who asks: the credential of a request, checked by the door.
//!
//! `Authorization: Bearer TOKEN`, or `Basic` with an account's name and password (RFC 6750, RFC
//! 7617), or else the cookie of a browser's session, which no page of another site can borrow.

use std::net::IpAddr;

use axum::extract::{FromRequestParts, Request};
use axum::middleware::Next;
use axum::response::Response;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::header;
use http::request::Parts;
use syncline_protocol::{Code, Reject};

use super::answer::Failure;
use super::cookie;
use crate::access::principal::Principal;
use crate::hub::{ClientAddress, Hub, Realm};

/// Whoever asks, authenticated.
pub(super) struct Caller(pub(super) Principal);

impl FromRequestParts<Hub> for Caller {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, hub: &Hub) -> Result<Self, Failure> {
        let Some(ClientAddress(from)) = parts.extensions.get().copied() else {
            tracing::error!("a request reached the admin routes without its address");
            return Err(Reject::new(Code::Internal, "The request has no address").into());
        };
        let Some(header) = parts.headers.get(header::AUTHORIZATION) else {
            return by_cookie(parts, hub, from).await;
        };
        let header = header.to_str().unwrap_or_default();
        let principal = match Shown::parse(header) {
            Some(Shown::Token(token)) => hub.authenticate(Realm::Token, "", token, from).await?,
            Some(Shown::Password(name, password)) => {
                hub.authenticate(Realm::Password, &name, &password, from).await?
            }
            None => {
                let what = "The credential is neither Bearer nor Basic";
                return Err(Reject::new(Code::Unauthorized, what).into());
            }
        };
        Ok(Self(principal))
    }
}

/// Whoever has the session of the request's cookie.
async fn by_cookie(parts: &Parts, hub: &Hub, from: IpAddr) -> Result<Caller, Failure> {
    let Some(secret) = cookie::session(&parts.headers) else {
        let what = "Send a token as `Authorization: Bearer TOKEN`, or log in";
        return Err(Reject::new(Code::Unauthorized, what).into());
    };
    if !cookie::may_be_used(&parts.method, &parts.headers) {
        return Err(Failure::cross_site());
    }
    Ok(Caller(hub.authenticate(Realm::Session, "", &secret, from).await?))
}

/// Tells the routes behind it who asks, by a [`Principal`] among a request's extensions.
pub(super) async fn authenticated(
    Caller(principal): Caller,
    mut request: Request,
    next: Next,
) -> Response {
    request.extensions_mut().insert(principal);
    next.run(request).await
}

/// What a request shows.
enum Shown<'a> {
    Token(&'a str),
    Password(String, String),
}

impl<'a> Shown<'a> {
    fn parse(header: &'a str) -> Option<Self> {
        let (scheme, credential) = header.split_once(' ')?;
        let credential = credential.trim();
        if scheme.eq_ignore_ascii_case("bearer") {
            return Some(Self::Token(credential));
        }
        if !scheme.eq_ignore_ascii_case("basic") {
            return None;
        }
        let pair = String::from_utf8(STANDARD.decode(credential).ok()?).ok()?;
        let (name, password) = pair.split_once(':')?;
        Some(Self::Password(name.to_owned(), password.to_owned()))
    }
}
