//! Accounts: who one is, who there is, passwords. Never shows a secret, hashed or not.

use axum::Json;
use axum::extract::State;
use http::StatusCode;
use serde::{Deserialize, Serialize};
use syncline_protocol::{Record, RecordKey, Value};
use utoipa::{IntoParams, ToSchema};

use super::answer::{Answer, DONE, Failure, Path, Query, blocking};
use super::body::Body;
use super::caller::Caller;
use super::document::{Authenticated, Bodied, Making, Named, Parsed};
use super::page::{Page, Paging};
use crate::access::directory::collection;
use crate::access::principal::Principal;
use crate::engine::{admin::collection_name, system_space};
use crate::hub::{Hub, now_ms};

/// Who one is.
#[derive(Serialize, ToSchema)]
pub(super) struct Whoami {
    account: String,
    /// Whether the credential that was shown may do what only admins may.
    admin: bool,
    /// The id of the token or browser's session that was shown, if it was one.
    token: Option<String>,
    /// Whether it was a browser's session.
    session: bool,
    /// When the credential ends, in milliseconds since 1970; null when it does not.
    expires_ms: Option<u64>,
}

/// An account.
#[derive(Serialize, ToSchema)]
pub(super) struct User {
    name: String,
    admin: bool,
    /// Whether it has one.
    password: bool,
    /// How many it has, browsers' sessions too.
    tokens: usize,
    created_ms: u64,
}

/// An account to make.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewUser {
    /// 1 to 64 of a-z, 0-9, `.`, `_` and `-`.
    #[schema(max_length = 64, pattern = "^\\.*[a-z0-9_-][a-z0-9._-]*$")]
    name: String,
    #[serde(default)]
    admin: bool,
    /// Without one it is used by tokens alone.
    #[schema(max_length = 1024)]
    password: Option<String>,
}

/// A password to set.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewPassword {
    /// 8 to 1024 bytes.
    #[schema(max_length = 1024)]
    password: String,
}

/// A path that names an account.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
pub(super) struct UserPath {
    /// The account.
    pub(super) user: String,
}

/// Who one is.
#[utoipa::path(get, path = "/whoami", operation_id = "whoami", tag = "accounts",
    responses((status = 200, description = "Whom the hub takes one for", body = Whoami),
        Authenticated))]
pub(super) async fn whoami(State(hub): State<Hub>, Caller(caller): Caller) -> Json<Whoami> {
    Json(who(&hub, &caller))
}

pub(super) fn who(hub: &Hub, caller: &Principal) -> Whoami {
    let directory = hub.directory();
    Whoami {
        account: caller.account().to_owned(),
        admin: directory.is_admin(caller, now_ms()),
        token: caller.token_id().map(str::to_owned),
        session: caller.token_id().is_some_and(|id| directory.is_session(id)),
        expires_ms: directory.expires_ms(caller),
    }
}

/// The accounts, by name. An admin's to see.
#[utoipa::path(get, path = "/users", operation_id = "list_users", tag = "accounts",
    params(Paging),
    responses((status = 200, description = "A page of accounts", body = Page<User>),
        Authenticated, Parsed))]
pub(super) async fn list(
    State(hub): State<Hub>,
    Caller(caller): Caller,
    Query(paging): Query<Paging>,
) -> Answer<Page<User>> {
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
        let users = system_records(&hub, collection::USERS)?.into_iter();
        paging.cut(users.map(|it| (it.0.as_str().to_owned(), it)), |it| Ok(user(it)))
    });
    Ok(Json(users.await?))
}

/// Makes an account. An admin's to do.
#[utoipa::path(post, path = "/users", operation_id = "add_user", tag = "accounts",
    request_body = NewUser,
    responses((status = 201, description = "Made"), Authenticated, Parsed, Bodied, Making))]
pub(super) async fn add(
    State(hub): State<Hub>,
    Caller(caller): Caller,
    Body(new): Body<NewUser>,
) -> Result<StatusCode, Failure> {
    hub.add_user(&caller, &new.name, new.admin, new.password).await?;
    Ok(StatusCode::CREATED)
}

/// Removes an account with its tokens and memberships; its spaces stay. An admin's to do.
#[utoipa::path(delete, path = "/users/{user}", operation_id = "remove_user", tag = "accounts",
    params(UserPath),
    responses((status = 204, description = "Removed"), Authenticated, Named))]
pub(super) async fn remove(
    State(hub): State<Hub>,
    Caller(caller): Caller,
    Path(UserPath { user: name }): Path<UserPath>,
) -> Result<StatusCode, Failure> {
    hub.remove_user(&caller, &name).await?;
    Ok(DONE)
}

/// Sets an account's password, and logs its other browsers out. One's own, or an admin's to do.
#[utoipa::path(put, path = "/users/{user}/password", operation_id = "set_password",
    tag = "accounts", params(UserPath), request_body = NewPassword,
    responses((status = 204, description = "Set"), Authenticated, Named, Bodied))]
pub(super) async fn set_password(
    State(hub): State<Hub>,
    Caller(caller): Caller,
    Path(UserPath { user: name }): Path<UserPath>,
    Body(new): Body<NewPassword>,
) -> Result<StatusCode, Failure> {
    hub.set_password(&caller, &name, new.password).await?;
    Ok(DONE)
}

/// The records of a collection of `system`, read as the hub: whoever calls has judged the rights.
/// The directory holds all of them in memory anyway, so they are read as one.
pub(super) fn system_records(
    hub: &Hub,
    collection: &str,
) -> Result<Vec<(RecordKey, Record)>, Failure> {
    let view = hub.read(&Principal::hub(), &system_space())?;
    Ok(view.range(&collection_name(collection), "", usize::MAX)?)
}
