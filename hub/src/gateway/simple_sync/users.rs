//! Users' setup tokens and keys: making, exchanging, ending.

use std::time::{Duration, Instant};

use axum::body::Body;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use syncline_protocol::Reject;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use utoipa::ToSchema;

use super::answer::{Refused, Reply, message};
use super::app::App;
use super::caller::{Caller, From};
use super::check::action;
use super::document::{Keyed, Limited, Message};
use super::event::new_id;
use super::fault::Fault;
use super::mapping::{account_of, collection, delete};
use super::setup_token::{self, SetupToken};
use super::{server_event, wire};
use crate::hub::{Household, KeyOrder, Principal, Submission, now_ms};

/// The longest name of a user that is asked about.
const USER_BYTES: usize = 255;
/// Sessions of keys that ended are gone before the answer; a socket that cannot be written to is
/// not waited for.
const GONE_WITHIN: Duration = Duration::from_secs(2);

/// A user.
#[derive(ToSchema)]
#[allow(dead_code, reason = "the fields are the document's")]
pub(super) struct UserRequest {
    /// The user's id.
    #[schema(min_length = 1, max_length = 255)]
    user: String,
}

/// A setup token, for one exchange.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct SetupAnswer {
    #[schema(pattern = "^[A-Z0-9]{4}-[A-Z0-9]{4}$")]
    token: String,
    /// Until when it is good.
    #[schema(format = DateTime)]
    expires_at: String,
}

/// What to exchange.
#[derive(ToSchema)]
#[allow(dead_code, reason = "the fields are the document's")]
pub(super) struct ExchangeRequest {
    #[schema(min_length = 1)]
    token: String,
    /// What the key is for, for people.
    #[schema(max_length = 255)]
    description: Option<String>,
}

/// A key. It is shown this once.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct ExchangeAnswer {
    #[schema(pattern = "^[0-9a-f-]{36}$")]
    key_uuid: String,
    #[schema(pattern = "^sk_[A-Za-z0-9+/]{43}$")]
    api_key: String,
    user: String,
    description: String,
}

/// Makes a setup token for a user. It ends the one before it; the user's keys stay.
#[utoipa::path(post, path = "/user/generateToken", operation_id = "generateToken", tag = "keys",
    request_body = UserRequest,
    responses((status = 200, description = "A token, good once and for a day", body = SetupAnswer),
        (status = 400, description = "A request that is none", body = Refused),
        (status = 403, description = "Without the permission on the user's id", body = Refused),
        (status = 404, description = "There is no such user", body = Refused),
        Keyed, Limited))]
pub(super) async fn generate(
    State(app): State<App>,
    caller: Caller,
    body: Body,
) -> Result<Response, Refused> {
    let user = user(&app, body).await?;
    let (token, now_ms) = (SetupToken::draw(), now_ms());
    let (issue, expires_ms) = token.issue(&user, now_ms)?;
    let by = (caller.user.as_str(), Some(caller.key()));
    let audit = server_event::audit(by, (&user, action::GENERATE), now_ms)?;
    let write = Submission::changes(app.space().clone(), vec![audit, issue]);
    app.hub().apply(&Principal::hub(), write).await?;
    let answer = SetupAnswer { token: token.reveal().to_owned(), expires_at: rfc3339(expires_ms) };
    Ok(Reply(answer).into_response())
}

/// Makes a key of a setup token.
#[utoipa::path(post, path = "/user/exchangeToken", operation_id = "exchangeToken", tag = "keys",
    request_body = ExchangeRequest,
    responses((status = 200, description = "A key", body = ExchangeAnswer),
        (status = 400, description = "A token that is not good, or no request", body = Refused),
        Limited),
    security(()))]
pub(super) async fn exchange(
    State(app): State<App>,
    From(from): From,
    body: Body,
) -> Result<Response, Refused> {
    let limits = &app.hub().config().gateways.simple_sync;
    let bytes = wire::read(body, limits.body_bytes, Fault::BAD_FORMAT).await?;
    let [token, description] = wire::texts(&bytes, ["token", "description"])?;
    if description.chars().count() > usize::try_from(limits.description_chars).unwrap_or(0) {
        return Err(Fault::LONG_DESCRIPTION.into());
    }
    // Counted as wrong until it is known to be good, so that guesses sent together count too.
    let household = Household::of(from);
    let reserved = app.exchanges().reserve(&household, Instant::now());
    let reserved = reserved.map_err(|_| Fault::SLOW_DOWN)?;
    let exchanged = make_key(&app, &token, description).await;
    let is_wrong = matches!(&exchanged, Err(reject) if Fault::from(reject) == Fault::NO_EXCHANGE);
    if !is_wrong {
        app.exchanges().give_back(&household, &reserved, Instant::now());
    }
    Ok(Reply(exchanged?).into_response())
}

/// The token goes, the key comes, and the history says so: all in one commit.
async fn make_key(app: &App, token: &str, description: String) -> Result<ExchangeAnswer, Reject> {
    let wrong = || Fault::NO_EXCHANGE.at(0);
    let token = SetupToken::parse(token).ok_or_else(wrong)?;
    let (now_ms, shown) = (now_ms(), token.clone());
    let user = app.blocking(move |app| {
        let view = app.hub().read(&Principal::hub(), app.space())?;
        setup_token::holder(&view, &shown, now_ms)
    });
    let user = user.await?.ok_or_else(wrong)?;
    let (key, uuid) = (app.hub().draw_key(), new_id(now_ms).to_string());
    let account = account_of(app.space(), &user);
    let order = KeyOrder {
        account: &account,
        space: app.space(),
        uuid: &uuid,
        label: &description,
        created_ms: now_ms,
    };
    let audit = server_event::audit((&user, None), (&user, action::EXCHANGE), now_ms)?;
    let consumed = delete(collection::TOKENS, &token.key())?;
    let own = Submission::changes(app.space().clone(), vec![consumed, audit]);
    let parts = own.parts.into_iter().chain([order.part(&key)]).collect();
    app.hub().apply(&Principal::hub(), Submission { id: None, parts }).await?;
    Ok(ExchangeAnswer { key_uuid: uuid, api_key: key.reveal().to_owned(), user, description })
}

/// Ends every key of a user, and the sessions that they opened. Setup tokens stay.
#[utoipa::path(post, path = "/user/resetKey", operation_id = "resetKey", tag = "keys",
    request_body = UserRequest,
    responses((status = 200, description = "They are gone", body = Message),
        (status = 400, description = "A request that is none", body = Refused),
        (status = 403, description = "Without the permission on the user's id", body = Refused),
        Keyed, Limited))]
pub(super) async fn reset(
    State(app): State<App>,
    caller: Caller,
    body: Body,
) -> Result<Response, Refused> {
    let user = user(&app, body).await?;
    let now_ms = now_ms();
    let by = (caller.user.as_str(), Some(caller.key()));
    let audit = server_event::audit(by, (&user, action::RESET), now_ms)?;
    let write = Submission::changes(app.space().clone(), vec![audit]);
    app.hub().apply(&Principal::hub(), write).await?;
    app.hub().await_departure(&account_of(app.space(), &user), GONE_WITHIN).await;
    Ok(message("API keys invalidated successfully"))
}

/// The user that a request is about. A name that no user can have is no request.
async fn user(app: &App, body: Body) -> Result<String, Fault> {
    let bytes_max = app.hub().config().gateways.simple_sync.body_bytes;
    let bytes = wire::read(body, bytes_max, Fault::BAD_FORMAT).await?;
    let [user, _] = wire::texts(&bytes, ["user", ""])?;
    if user.len() > USER_BYTES || user.contains(char::is_control) {
        return Err(Fault::BAD_FORMAT);
    }
    Ok(user)
}

fn rfc3339(ms: u64) -> String {
    let time = OffsetDateTime::from_unix_timestamp_nanos(i128::from(ms) * 1_000_000);
    let text = time.ok().and_then(|time| time.format(&Rfc3339).ok());
    text.unwrap_or_default()
}
