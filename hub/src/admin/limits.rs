//! What may be done and held: the hub's limits, and those that an account or a space has of its
//! own.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::State;
use http::StatusCode;
use serde::{Deserialize, Serialize};
use syncline_protocol::{Code, NESTING_MAX, Reject, SpaceName};
use utoipa::ToSchema;

use super::answer::{Answer, DONE, Failure, Path, blocking};
use super::body::{Body, DATA_BYTES, whole};
use super::caller::Caller;
use super::document::{Authenticated, Bodied, Fresh, Named};
use super::page::LIMIT_MAX;
use super::place::{AtLeast, Placed, Reading, SpacePath, name};
use super::records::check_writable;
use super::users::UserPath;
use crate::access::directory::OwnLimits;
use crate::hub::Hub;

/// The greatest limit, as in the settings.
const LIMIT_VALUE_MAX: u64 = 1 << 62;

/// How much of something there is, and may be.
#[derive(Serialize, ToSchema)]
pub(super) struct Use {
    /// What there is.
    used: u64,
    /// What there may be; null for no limit.
    limit: Option<u64>,
    /// The limit of this one's own; null where the hub's setting holds.
    own: Option<u64>,
}

/// What a space holds, and may hold.
#[derive(Serialize, ToSchema)]
pub(super) struct SpaceLimits {
    bytes: Use,
    records: Use,
}

/// Limits of a space's own; null, or nothing, where the hub's setting is to hold, 0 for none.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewSpaceLimits {
    #[serde(default, deserialize_with = "whole")]
    #[schema(maximum = 4611686018427387904_u64)]
    bytes: Option<u64>,
    #[serde(default, deserialize_with = "whole")]
    #[schema(maximum = 4611686018427387904_u64)]
    records: Option<u64>,
}

/// What an account has, and may have.
#[derive(Serialize, ToSchema)]
pub(super) struct UserLimits {
    spaces: Use,
    sessions: Use,
}

/// Limits of an account's own; null, or nothing, where the hub's setting is to hold, 0 for none.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewUserLimits {
    #[serde(default, deserialize_with = "whole")]
    #[schema(maximum = 4611686018427387904_u64)]
    spaces: Option<u64>,
    #[serde(default, deserialize_with = "whole")]
    #[schema(maximum = 4611686018427387904_u64)]
    sessions: Option<u64>,
}

/// The limits of the hub, by name: bytes, counts, or so many a second.
#[utoipa::path(get, path = "/limits", operation_id = "show_limits", tag = "operation",
    responses((status = 200, description = "By name; 0 is no limit", body = BTreeMap<String, u64>),
        Authenticated))]
pub(super) async fn show(State(hub): State<Hub>, _: Caller) -> Json<BTreeMap<&'static str, u64>> {
    let (limits, quotas) = (&hub.config().limits, &hub.config().quotas);
    let all = [
        ("body_bytes", DATA_BYTES as u64),
        ("page_items", LIMIT_MAX as u64),
        ("frame_bytes", limits.frame_bytes.into()),
        ("value_bytes", limits.value_bytes.into()),
        ("door_value_bytes", limits.door_value_bytes.into()),
        ("key_bytes", limits.key_bytes.into()),
        ("fields", limits.fields.into()),
        ("nesting", NESTING_MAX as u64),
        ("deltas_per_push", limits.deltas_per_push.into()),
        ("door_deltas_per_push", limits.door_deltas_per_push.into()),
        ("deltas_per_second_per_user", limits.deltas_per_second_per_user.into()),
        ("sessions", limits.sessions.into()),
        ("sessions_per_user", limits.sessions_per_user.into()),
        ("subscriptions_per_session", limits.subscriptions_per_session.into()),
        ("signal_bytes", limits.signal_bytes.into()),
        ("signals_per_second", limits.signals_per_second.into()),
        ("spaces_per_user", quotas.spaces_per_user.into()),
        ("space_bytes", quotas.space_bytes),
        ("space_records", quotas.space_records),
        ("record_fields", quotas.record_fields.into()),
    ];
    Json(all.into())
}

/// What a space holds and may hold.
#[utoipa::path(get, path = "/spaces/{space}/limits", operation_id = "show_space_limits",
    tag = "spaces", params(SpacePath, AtLeast),
    responses((status = 200, description = "Use and limits", body = SpaceLimits,
        headers(("Syncline-Sequence" = String, description = "How far was read"))),
        Authenticated, Named, Fresh))]
pub(super) async fn of_space(
    State(hub): State<Hub>,
    Caller(caller): Caller,
    Path(path): Path<SpacePath>,
    at_least: AtLeast,
) -> Result<Placed<Json<SpaceLimits>>, Failure> {
    let space: SpaceName = name(&path.space)?;
    let (own, (bytes, records)) = (hub.directory().space_limits(&space), hub.space_max(&space));
    let reading = Reading { hub, caller, space };
    let read = reading.read(at_least, move |view| {
        let row = view.space();
        Ok(Json(SpaceLimits {
            bytes: Use { used: row.bytes, limit: unless(bytes, 0), own: own.bytes },
            records: Use { used: row.records, limit: unless(records, 0), own: own.records },
        }))
    });
    read.await
}

/// Gives a space limits of its own.
#[utoipa::path(put, path = "/spaces/{space}/limits", operation_id = "set_space_limits",
    tag = "spaces", params(SpacePath), request_body = NewSpaceLimits,
    responses((status = 204, description = "Set"), Authenticated, Named, Bodied))]
pub(super) async fn set_of_space(
    State(hub): State<Hub>,
    Caller(caller): Caller,
    Path(path): Path<SpacePath>,
    Body(new): Body<NewSpaceLimits>,
) -> Result<StatusCode, Failure> {
    let limits = OwnLimits { bytes: new.bytes, records: new.records, ..OwnLimits::default() };
    let space = name(&path.space)?;
    check_writable(&space)?;
    check(&[new.bytes, new.records])?;
    hub.set_space_limits(&caller, &space, limits).await?;
    Ok(DONE)
}

/// What an account has and may have: its own to see, and an admin's.
#[utoipa::path(get, path = "/users/{user}/limits", operation_id = "show_user_limits",
    tag = "accounts", params(UserPath),
    responses((status = 200, description = "Use and limits", body = UserLimits),
        Authenticated, Named))]
pub(super) async fn of_user(
    State(hub): State<Hub>,
    Caller(caller): Caller,
    Path(UserPath { user }): Path<UserPath>,
) -> Answer<UserLimits> {
    if caller.account() != user {
        hub.require_admin(&caller)?;
    }
    if !hub.directory().has_user(&user) {
        return Err(Reject::new(Code::NotFound, format!("There is no user {user}")).into());
    }
    let limits = blocking(move || {
        let spaces = hub.store().snapshot()?.spaces()?;
        let spaces = spaces.iter().filter(|(_, row)| *row.owner == *user).count();
        let sessions = hub.sessions().iter().filter(|info| info.account == user).count();
        let own = hub.directory().user_limits(&user);
        let (spaces_max, sessions_max) = (hub.spaces_max(&user), hub.sessions_max(&user));
        let limit = |most| unless(most, u64::MAX);
        Ok(UserLimits {
            spaces: Use { used: spaces as u64, limit: limit(spaces_max), own: own.spaces },
            sessions: Use { used: sessions as u64, limit: limit(sessions_max), own: own.sessions },
        })
    });
    Ok(Json(limits.await?))
}

/// Gives an account limits of its own.
#[utoipa::path(put, path = "/users/{user}/limits", operation_id = "set_user_limits",
    tag = "accounts", params(UserPath), request_body = NewUserLimits,
    responses((status = 204, description = "Set"), Authenticated, Named, Bodied))]
pub(super) async fn set_of_user(
    State(hub): State<Hub>,
    Caller(caller): Caller,
    Path(UserPath { user }): Path<UserPath>,
    Body(new): Body<NewUserLimits>,
) -> Result<StatusCode, Failure> {
    let limits = OwnLimits { spaces: new.spaces, sessions: new.sessions, ..OwnLimits::default() };
    check(&[new.spaces, new.sessions])?;
    hub.set_user_limits(&caller, &user, limits).await?;
    Ok(DONE)
}

fn check(limits: &[Option<u64>]) -> Result<(), Failure> {
    if limits.iter().flatten().any(|limit| *limit > LIMIT_VALUE_MAX) {
        let what = format!("A limit is at most {LIMIT_VALUE_MAX}; 0 is no limit");
        return Err(Reject::new(Code::Refused, what).into());
    }
    Ok(())
}

fn unless(limit: u64, endless: u64) -> Option<u64> {
    (limit != endless).then_some(limit)
}
