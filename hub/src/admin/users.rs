//! Accounts: who one is, who there is, passwords. Never shows a secret, hashed or not.

use axum::Json;
use axum::extract::State;
use http::StatusCode;
use serde::{Deserialize, Serialize};
use syncline_protocol::{Record, RecordKey, Value};

use super::answer::{Answer, Body, DONE, Failure, Path, blocking};
use super::caller::Caller;
use crate::access::directory::collection;
use crate::access::principal::Principal;
use crate::engine::{admin::collection_name, system_space};
use crate::hub::{Hub, now_ms};

#[derive(Serialize)]
pub(super) struct Whoami {
    account: String,
    admin: bool,
    /// The id of the token that was shown, if it was one.
    token: Option<String>,
}

#[derive(Serialize)]
pub(super) struct User {
    name: String,
    admin: bool,
    password: bool,
    tokens: usize,
    created_ms: u64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct NewUser {
    name: String,
    #[serde(default)]
    admin: bool,
    password: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct NewPassword {
    password: String,
}

pub(super) async fn whoami(State(hub): State<Hub>, Caller(caller): Caller) -> Json<Whoami> {
    Json(Whoami {
        account: caller.account().to_owned(),
        admin: hub.directory().is_admin(&caller, now_ms()),
        token: caller.token_id().map(str::to_owned),
    })
}

pub(super) async fn list(State(hub): State<Hub>, Caller(caller): Caller) -> Answer<Vec<User>> {
    hub.require_admin(&caller)?;
    let users = blocking(move || {
        let directory = hub.directory();
        let user = |(key, record): (RecordKey, Record)| User {
            name: key.as_str().to_owned(),
            admin: directory.has_admin(key.as_str()),
            password: directory.password(key.as_str()).is_some(),
            tokens: directory.tokens_of(key.as_str()).count(),
            created_ms: record.get("created_ms").and_then(Value::as_u64).unwrap_or(0),
        };
        Ok(system_records(&hub, collection::USERS)?.into_iter().map(user).collect())
    });
    Ok(Json(users.await?))
}

pub(super) async fn add(
    State(hub): State<Hub>,
    Caller(caller): Caller,
    Body(new): Body<NewUser>,
) -> Result<StatusCode, Failure> {
    hub.add_user(&caller, &new.name, new.admin, new.password).await?;
    Ok(StatusCode::CREATED)
}

pub(super) async fn remove(
    State(hub): State<Hub>,
    Caller(caller): Caller,
    Path(name): Path<String>,
) -> Result<StatusCode, Failure> {
    hub.remove_user(&caller, &name).await?;
    Ok(DONE)
}

pub(super) async fn set_password(
    State(hub): State<Hub>,
    Caller(caller): Caller,
    Path(name): Path<String>,
    Body(new): Body<NewPassword>,
) -> Result<StatusCode, Failure> {
    hub.set_password(&caller, &name, new.password).await?;
    Ok(DONE)
}

/// The records of a collection of `system`, read as the hub: whoever calls has judged the rights.
/// The directory holds all of them in memory anyway, so they are not paged.
pub(super) fn system_records(
    hub: &Hub,
    collection: &str,
) -> Result<Vec<(RecordKey, Record)>, Failure> {
    let view = hub.read(&Principal::hub(), &system_space())?;
    Ok(view.range(&collection_name(collection), "", usize::MAX)?)
}
