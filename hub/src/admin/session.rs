//! Logging a browser in and out. The secret is in a cookie once, and in no answer.

use axum::Json;
use axum::extract::{Extension, State};
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, StatusCode, header};
use serde::Deserialize;
use syncline_protocol::{Code, Reject};
use utoipa::ToSchema;

use super::answer::Failure;
use super::body::Body;
use super::caller::Caller;
use super::cookie;
use super::document::{Authenticated, Parsed};
use super::users::{Whoami, who};
use crate::hub::{ClientAddress, Encrypted, Hub, Realm, now_ms};

/// Bytes of the browser's name that are kept, for people who look through their sessions.
const LABEL_BYTES_MAX: usize = 128;

/// What a person logs in with: a token, or a name and a password.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Login {
    /// An API token.
    token: Option<String>,
    /// An account.
    name: Option<String>,
    /// The account's password.
    password: Option<String>,
}

/// Logs a browser in: gives it a cookie.
#[utoipa::path(post, path = "/session", operation_id = "log_in", tag = "accounts", security(()),
    request_body = Login,
    responses((status = 201, description = "Logged in", body = Whoami,
        headers(("Set-Cookie" = String, description = "The session, for this browser alone"))),
        Authenticated, Parsed,
        (status = 422, description = "Neither a token nor a name and a password",
            body = super::answer::Refusal<'static>),
        (status = 404, description = "The account was removed meanwhile",
            body = super::answer::Refusal<'static>),
        (status = 413, description = "More than may be sent at once",
            body = super::answer::Refusal<'static>)))]
pub(super) async fn log_in(
    State(hub): State<Hub>,
    Extension(ClientAddress(from)): Extension<ClientAddress>,
    encrypted: Option<Extension<Encrypted>>,
    headers: HeaderMap,
    Body(login): Body<Login>,
) -> Result<Response, Failure> {
    // Nobody is logged in as somebody else by a page of another site.
    if cookie::is_own_origin(&headers) == Some(false) {
        return Err(Failure::cross_site());
    }
    let principal = match (&login.token, &login.name, &login.password) {
        (Some(token), None, None) => hub.authenticate(Realm::Token, "", token, from).await?,
        (None, Some(name), Some(password)) => {
            hub.authenticate(Realm::Password, name, password, from).await?
        }
        _ => {
            let what = "Log in with a token, or with a name and a password";
            return Err(Reject::new(Code::Refused, what).into());
        }
    };
    let opened = hub.open_browser_session(&principal, &label(&headers)).await?;
    let secret = opened.token.reveal();
    let principal = hub.authenticate(Realm::Session, "", &secret, from).await?;
    let seconds = opened.expires_ms.saturating_sub(now_ms()) / 1000;
    let seconds = i64::try_from(seconds).unwrap_or(i64::MAX);
    let encrypted = encrypted.is_some_and(|Extension(Encrypted(it))| it);
    let set = [(header::SET_COOKIE, cookie::set(&secret, seconds, encrypted))];
    Ok((StatusCode::CREATED, set, Json(who(&hub, &principal))).into_response())
}

/// Logs the browser out: its session opens nothing any more.
#[utoipa::path(delete, path = "/session", operation_id = "log_out", tag = "accounts",
    responses((status = 204, description = "Logged out",
        headers(("Set-Cookie" = String, description = "Takes the cookie away"))), Authenticated,
        (status = 404, description = "The session is gone, or the request has none",
            body = super::answer::Refusal<'static>)))]
pub(super) async fn log_out(
    State(hub): State<Hub>,
    Caller(caller): Caller,
    encrypted: Option<Extension<Encrypted>>,
) -> Result<Response, Failure> {
    let own = caller.token_id().filter(|id| hub.directory().is_session(id));
    let Some(id) = own else {
        let what = "The request shows no browser's session to end";
        return Err(Reject::new(Code::NotFound, what).into());
    };
    hub.revoke_token(&caller, id).await?;
    let encrypted = encrypted.is_some_and(|Extension(Encrypted(it))| it);
    let unset = [(header::SET_COOKIE, cookie::set("", 0, encrypted))];
    Ok((StatusCode::NO_CONTENT, unset).into_response())
}

/// Who one is.
#[utoipa::path(get, path = "/session", operation_id = "show_session", tag = "accounts",
    responses((status = 200, description = "Whom the hub takes one for", body = Whoami),
        Authenticated))]
pub(super) async fn show(State(hub): State<Hub>, Caller(caller): Caller) -> Json<Whoami> {
    Json(who(&hub, &caller))
}

fn label(headers: &HeaderMap) -> String {
    let browser = headers.get(header::USER_AGENT).and_then(|it| it.to_str().ok());
    let mut label = format!("browser: {}", browser.unwrap_or("unknown"));
    label.retain(|character| !character.is_control());
    label.truncate(label.floor_char_boundary(LABEL_BYTES_MAX));
    label
}
