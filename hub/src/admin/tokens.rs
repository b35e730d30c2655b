//! API tokens: made, listed by what they open, revoked. A secret is in one answer, once.

use axum::Json;
use axum::extract::State;
use http::StatusCode;
use serde::{Deserialize, Serialize};
use syncline_protocol::{Code, Record, RecordKey, Reject, Value};
use utoipa::{IntoParams, ToSchema};

use super::answer::{Answer, DONE, Failure, Path, Query, blocking};
use super::body::{Body, whole};
use super::caller::Caller;
use super::document::{Authenticated, Bodied, Named, Parsed};
use super::page::{Page, Paging};
use super::users::system_records;
use crate::access::directory::collection;
use crate::access::principal::Role;
use crate::hub::{Hub, TokenOrder};

/// Times are counted below 2^53, which every JSON parser reads exactly.
const EXPIRES_MS_MAX: u64 = (1 << 53) - 1;

/// A token, or a browser's session, without its secret.
#[derive(Serialize, ToSchema)]
pub(super) struct Token {
    /// 12 hex digits.
    id: String,
    user: String,
    /// What it is for.
    label: String,
    /// The most that it allows: owner, writer or reader.
    role: String,
    /// Where, as patterns; empty for everywhere.
    spaces: Vec<String>,
    created_ms: u64,
    /// When it ends, in milliseconds since 1970; null when it does not.
    expires_ms: Option<u64>,
    /// Whether it is a browser's session.
    session: bool,
    /// The token that a browser's session was opened with; it ends with it.
    parent: Option<String>,
}

/// A token to make.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewToken {
    /// Whose it is.
    user: String,
    /// What it is for.
    #[serde(default)]
    #[schema(max_length = 128)]
    label: String,
    /// The most that it allows; owner when nothing is said.
    #[serde(default)]
    #[schema(pattern = "^(owner|writer|reader)$")]
    role: Option<String>,
    /// Where: names of spaces, or their beginnings and `*`; everywhere when nothing is said.
    #[serde(default)]
    #[schema(max_items = 64)]
    spaces: Vec<String>,
    /// When it ends, in milliseconds since 1970; not at all when nothing is said.
    #[serde(default, deserialize_with = "whole")]
    #[schema(maximum = 9007199254740991_u64)]
    expires_ms: Option<u64>,
}

/// A token that was made.
#[derive(Serialize, ToSchema)]
#[schema(as = NewSecret)]
pub(super) struct Made {
    id: String,
    /// The secret: in this answer, and never again.
    token: String,
}

/// A path that names a token.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
pub(super) struct TokenPath {
    /// The token's id.
    id: String,
}

/// The tokens and browsers' sessions of one's own; an admin sees all.
#[utoipa::path(get, path = "/tokens", operation_id = "list_tokens", tag = "accounts",
    params(Paging),
    responses((status = 200, description = "A page of tokens, without their secrets",
        body = Page<Token>), Authenticated, Parsed))]
pub(super) async fn list(
    State(hub): State<Hub>,
    Caller(caller): Caller,
    Query(paging): Query<Paging>,
) -> Answer<Page<Token>> {
    let admin = hub.require_admin(&caller).is_ok();
    let tokens = blocking(move || {
        let records = system_records(&hub, collection::TOKENS)?.into_iter();
        let tokens = records.map(|(key, record)| read(&key, &record));
        let own = tokens.filter(|token| admin || token.user == caller.account());
        paging.cut(own.map(|token| (token.id.clone(), token)), Ok)
    });
    Ok(Json(tokens.await?))
}

/// Makes a token: for oneself, within what one's own credential opens; an admin for anyone.
#[utoipa::path(post, path = "/tokens", operation_id = "create_token", tag = "accounts",
    request_body = NewToken,
    responses((status = 201, description = "Made", body = Made), Authenticated, Named, Bodied))]
pub(super) async fn create(
    State(hub): State<Hub>,
    Caller(caller): Caller,
    Body(new): Body<NewToken>,
) -> Result<(StatusCode, Json<Made>), Failure> {
    let role = new.role.as_deref().map_or(Ok(Role::Owner), str::parse);
    let role = role.map_err(|problem| Reject::new(Code::Refused, problem))?;
    if new.expires_ms.is_some_and(|end| end > EXPIRES_MS_MAX) {
        return Err(Reject::new(Code::Refused, "No time is so far away").into());
    }
    let NewToken { user, label, spaces, expires_ms, .. } = &new;
    let order = TokenOrder { user, label, role, spaces, expires_ms: *expires_ms };
    let token = hub.create_token(&caller, &order).await?;
    let made = Made { id: token.id().to_string(), token: token.reveal() };
    Ok((StatusCode::CREATED, Json(made)))
}

/// Ends a token or a browser's session, and all that it has open. One's own, or an admin's to do.
#[utoipa::path(delete, path = "/tokens/{id}", operation_id = "revoke_token", tag = "accounts",
    params(TokenPath),
    responses((status = 204, description = "Revoked"), Authenticated, Named))]
pub(super) async fn revoke(
    State(hub): State<Hub>,
    Caller(caller): Caller,
    Path(TokenPath { id }): Path<TokenPath>,
) -> Result<StatusCode, Failure> {
    hub.revoke_token(&caller, &id).await?;
    Ok(DONE)
}

fn read(key: &RecordKey, record: &Record) -> Token {
    let text = |field| record.get(field).and_then(Value::as_str).unwrap_or_default().to_owned();
    let spaces = record.get("spaces").map(|value| rmp_serde::from_slice(value.as_bytes()));
    Token {
        id: key.as_str().to_owned(),
        user: text("user"),
        label: text("label"),
        role: text("role"),
        spaces: spaces.and_then(Result::ok).unwrap_or_default(),
        created_ms: record.get("created_ms").and_then(Value::as_u64).unwrap_or(0),
        expires_ms: record.get("expires_ms").and_then(Value::as_u64),
        session: record.get("session").and_then(Value::as_bool) == Some(true),
        parent: record.get("parent").and_then(Value::as_str).map(str::to_owned),
    }
}
