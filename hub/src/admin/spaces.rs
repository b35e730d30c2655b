//! Spaces: which there are, what they hold, who is in them.

use axum::Json;
use axum::extract::State;
use http::StatusCode;
use serde::{Deserialize, Serialize};
use syncline_protocol::{Code, Reject, SpaceName};

use super::answer::{Answer, Body, DONE, Failure, Path, blocking};
use super::caller::Caller;
use crate::access::directory::Grant;
use crate::access::principal::Role;
use crate::hub::{Hub, now_ms};
use crate::store::{CollectionRow, SpaceRow};

#[derive(Serialize)]
pub(super) struct Space {
    name: String,
    owner: String,
    /// What the caller may do here.
    role: &'static str,
    /// 16 hex digits.
    epoch: String,
    sequence: u64,
    /// Cursors below need a snapshot.
    horizon: u64,
    log_entries: u64,
    records: u64,
    bytes: u64,
    conflict_bytes: u64,
    restored_ms: Option<u64>,
}

#[derive(Serialize)]
pub(super) struct Details {
    #[serde(flatten)]
    space: Space,
    collections: Vec<Collection>,
    members: Vec<Member>,
}

#[derive(Serialize)]
struct Collection {
    name: String,
    records: u64,
    fields: u64,
    bytes: u64,
    tombstones: u64,
    /// 32 hex digits.
    digest: String,
}

#[derive(Serialize)]
pub(super) struct Member {
    user: String,
    role: &'static str,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct NewSpace {
    name: String,
    owner: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct NewRole {
    role: String,
}

pub(super) async fn list(State(hub): State<Hub>, Caller(caller): Caller) -> Answer<Vec<Space>> {
    let spaces = blocking(move || {
        let directory = hub.directory();
        let grant = |name: &SpaceName| match directory.grant(&caller, name, now_ms()) {
            Grant::Role(role) => Some(role),
            Grant::Nothing | Grant::Unauthorized => None,
        };
        let spaces = hub.store().snapshot()?.spaces()?.into_iter();
        Ok(spaces.filter_map(|(name, row)| Some(space(&name, &row, grant(&name)?))).collect())
    });
    Ok(Json(spaces.await?))
}

pub(super) async fn create(
    State(hub): State<Hub>,
    Caller(caller): Caller,
    Body(new): Body<NewSpace>,
) -> Result<(StatusCode, Json<Details>), Failure> {
    let name = space_name(&new.name)?;
    let owner = new.owner.as_deref().unwrap_or(caller.account()).to_owned();
    hub.create_space(&caller, name.clone(), &owner).await?;
    let details = blocking(move || {
        // Whoever makes a space for somebody else may have no right in it.
        let principal = crate::access::principal::Principal::hub();
        let role = hub.role(&caller, &name).unwrap_or(Role::Reader);
        details(&hub, &principal, &name, role)
    });
    Ok((StatusCode::CREATED, Json(details.await?)))
}

pub(super) async fn show(
    State(hub): State<Hub>,
    Caller(caller): Caller,
    Path(name): Path<String>,
) -> Answer<Details> {
    let name = space_name(&name)?;
    let role = hub.role(&caller, &name)?;
    Ok(Json(blocking(move || details(&hub, &caller, &name, role)).await?))
}

pub(super) async fn remove(
    State(hub): State<Hub>,
    Caller(caller): Caller,
    Path(name): Path<String>,
) -> Result<StatusCode, Failure> {
    hub.drop_space(&caller, space_name(&name)?).await?;
    Ok(DONE)
}

pub(super) async fn members(
    State(hub): State<Hub>,
    Caller(caller): Caller,
    Path(name): Path<String>,
) -> Answer<Vec<Member>> {
    let name = space_name(&name)?;
    hub.role(&caller, &name)?;
    Ok(Json(members_of(&hub, &name)))
}

pub(super) async fn set_member(
    State(hub): State<Hub>,
    Caller(caller): Caller,
    Path((name, user)): Path<(String, String)>,
    Body(new): Body<NewRole>,
) -> Result<StatusCode, Failure> {
    let role = new.role.parse().map_err(|problem: &str| Reject::new(Code::Refused, problem))?;
    hub.set_member(&caller, &space_name(&name)?, &user, Some(role)).await?;
    Ok(DONE)
}

pub(super) async fn remove_member(
    State(hub): State<Hub>,
    Caller(caller): Caller,
    Path((name, user)): Path<(String, String)>,
) -> Result<StatusCode, Failure> {
    hub.set_member(&caller, &space_name(&name)?, &user, None).await?;
    Ok(DONE)
}

/// A space's name out of a path or a body.
pub(super) fn space_name(text: &str) -> Result<SpaceName, Failure> {
    Ok(SpaceName::new(text).map_err(|problem| Reject::new(Code::Refused, problem))?)
}

fn details(
    hub: &Hub,
    principal: &crate::access::principal::Principal,
    name: &SpaceName,
    role: Role,
) -> Result<Details, Failure> {
    let view = hub.read(principal, name)?;
    let collections = view.collections()?.into_iter();
    let collections = collections.filter(|(name, _)| !name.is_reserved());
    Ok(Details {
        space: space(name, view.space(), role),
        collections: collections.map(|(name, row)| collection(name.as_str(), &row)).collect(),
        members: members_of(hub, name),
    })
}

fn space(name: &SpaceName, row: &SpaceRow, role: Role) -> Space {
    Space {
        name: name.as_str().to_owned(),
        owner: row.owner.clone(),
        role: role.as_str(),
        epoch: row.epoch.to_string(),
        sequence: row.sequence,
        horizon: row.horizon,
        log_entries: row.log_entries,
        records: row.records,
        bytes: row.bytes,
        conflict_bytes: row.conflict_bytes,
        restored_ms: row.restored_ms,
    }
}

fn collection(name: &str, row: &CollectionRow) -> Collection {
    Collection {
        name: name.to_owned(),
        records: row.records,
        fields: row.digest.fields,
        bytes: row.bytes,
        tombstones: row.tombstones,
        digest: format!("{:032x}", row.digest.sum),
    }
}

fn members_of(hub: &Hub, name: &SpaceName) -> Vec<Member> {
    let directory = hub.directory();
    let members = directory.members(name);
    members.map(|(user, role)| Member { user: user.to_owned(), role: role.as_str() }).collect()
}
