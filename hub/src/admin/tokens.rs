//! API tokens: made, listed by what they open, revoked. A secret is in one answer, once.

use axum::Json;
use axum::extract::State;
use http::StatusCode;
use serde::{Deserialize, Serialize};
use syncline_protocol::{Code, Record, RecordKey, Reject, Value};

use super::answer::{Answer, Body, DONE, Failure, Path, blocking};
use super::caller::Caller;
use super::users::system_records;
use crate::access::directory::collection;
use crate::access::principal::Role;
use crate::hub::{Hub, TokenOrder};

#[derive(Serialize)]
pub(super) struct Token {
    id: String,
    user: String,
    label: String,
    role: String,
    spaces: Vec<String>,
    created_ms: u64,
    expires_ms: Option<u64>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct NewToken {
    user: String,
    #[serde(default)]
    label: String,
    #[serde(default)]
    role: Option<String>,
    #[serde(default)]
    spaces: Vec<String>,
    expires_ms: Option<u64>,
}

#[derive(Serialize)]
pub(super) struct Made {
    id: String,
    token: String,
}

pub(super) async fn list(State(hub): State<Hub>, Caller(caller): Caller) -> Answer<Vec<Token>> {
    let admin = hub.require_admin(&caller).is_ok();
    let tokens = blocking(move || {
        let records = system_records(&hub, collection::TOKENS)?.into_iter();
        let tokens = records.map(|(key, record)| read(&key, &record));
        Ok(tokens.filter(|token| admin || token.user == caller.account()).collect())
    });
    Ok(Json(tokens.await?))
}

pub(super) async fn create(
    State(hub): State<Hub>,
    Caller(caller): Caller,
    Body(new): Body<NewToken>,
) -> Result<(StatusCode, Json<Made>), Failure> {
    let role = new.role.as_deref().map_or(Ok(Role::Owner), str::parse);
    let role = role.map_err(|problem| Reject::new(Code::Refused, problem))?;
    let NewToken { user, label, spaces, expires_ms, .. } = &new;
    let order = TokenOrder { user, label, role, spaces, expires_ms: *expires_ms };
    let token = hub.create_token(&caller, &order).await?;
    let made = Made { id: token.id().to_string(), token: token.reveal() };
    Ok((StatusCode::CREATED, Json(made)))
}

pub(super) async fn revoke(
    State(hub): State<Hub>,
    Caller(caller): Caller,
    Path(id): Path<String>,
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
    }
}
