//! Spaces: which there are, what they hold, who is in them.

use axum::Json;
use axum::extract::State;
use http::StatusCode;
use serde::{Deserialize, Serialize};
use syncline_protocol::{Code, Reject, SpaceName};
use utoipa::{IntoParams, ToSchema};

use super::answer::{Answer, DONE, Failure, Path, Query, blocking};
use super::body::Body;
use super::caller::Caller;
use super::collections::{Collection, collection};
use super::document::{Authenticated, Bodied, Fresh, Making, Named, Parsed};
use super::page::{Page, Paging};
use super::place::{AtLeast, Placed, Reading, SpacePath, name};
use crate::access::directory::Grant;
use crate::access::principal::{Principal, Role};
use crate::hub::{Hub, View, now_ms};
use crate::store::SpaceRow;

/// A space.
#[derive(Serialize, ToSchema)]
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

/// A space with what is in it.
#[derive(Serialize, ToSchema)]
#[schema(as = SpaceDetails)]
pub(super) struct Details {
    #[serde(flatten)]
    space: Space,
    collections: Vec<Collection>,
    members: Vec<Member>,
}

/// Somebody who may read a space, or more.
#[derive(Serialize, ToSchema)]
pub(super) struct Member {
    user: String,
    /// owner, writer or reader.
    role: &'static str,
}

/// A space to make.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewSpace {
    /// Segments of a-z, 0-9, `.`, `_` and `-`, joined by `/`.
    name: String,
    /// Whose it is to be; one's own when nothing is said.
    owner: Option<String>,
}

/// What a member is to be allowed.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewRole {
    /// owner, writer or reader.
    #[schema(pattern = "^(owner|writer|reader)$")]
    role: String,
}

/// A path that names a member of a space.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
pub(super) struct MemberPath {
    /// The space, its slashes written `%2F`.
    space: String,
    /// The account.
    user: String,
}

/// The spaces that one may know of, by name.
#[utoipa::path(get, path = "/spaces", operation_id = "list_spaces", tag = "spaces",
    params(Paging),
    responses((status = 200, description = "A page of spaces", body = Page<Space>),
        Authenticated, Parsed))]
pub(super) async fn list(
    State(hub): State<Hub>,
    Caller(caller): Caller,
    Query(paging): Query<Paging>,
) -> Answer<Page<Space>> {
    let spaces = blocking(move || {
        let directory = hub.directory();
        let grant = |name: &SpaceName| match directory.grant(&caller, name, now_ms()) {
            Grant::Role(role) => Some(role),
            Grant::Nothing | Grant::Unauthorized => None,
        };
        let spaces = hub.store().snapshot()?.spaces()?.into_iter();
        let known = spaces.filter_map(|(name, row)| Some(space(&name, &row, grant(&name)?)));
        paging.cut(known.map(|space| (space.name.clone(), space)), Ok)
    });
    Ok(Json(spaces.await?))
}

/// Makes a space: of one's own name for oneself; an admin any for anyone.
#[utoipa::path(post, path = "/spaces", operation_id = "create_space", tag = "spaces",
    request_body = NewSpace,
    responses((status = 201, description = "Made", body = Details,
        headers(("Syncline-Sequence" = String, description = "Where its log begins"))),
        Authenticated, Named, Bodied, Making))]
pub(super) async fn create(
    State(hub): State<Hub>,
    Caller(caller): Caller,
    Body(new): Body<NewSpace>,
) -> Result<(StatusCode, Placed<Json<Details>>), Failure> {
    let space: SpaceName = name(&new.name)?;
    let owner = new.owner.as_deref().unwrap_or(caller.account()).to_owned();
    hub.create_space(&caller, space.clone(), &owner).await?;
    // Whoever makes a space for somebody else may have no right in it.
    let role = hub.role(&caller, &space).unwrap_or(Role::Reader);
    let reading = Reading { hub: hub.clone(), caller: Principal::hub(), space };
    let details = reading.look(move |view| Ok(Json(details(&hub, view, role)?)));
    Ok((StatusCode::CREATED, details.await?))
}

/// A space with its collections and members.
#[utoipa::path(get, path = "/spaces/{space}", operation_id = "show_space", tag = "spaces",
    params(SpacePath, AtLeast),
    responses((status = 200, description = "The space", body = Details,
        headers(("Syncline-Sequence" = String, description = "How far was read"))),
        Authenticated, Named, Fresh))]
pub(super) async fn show(
    State(hub): State<Hub>,
    Caller(caller): Caller,
    Path(path): Path<SpacePath>,
    at_least: AtLeast,
) -> Result<Placed<Json<Details>>, Failure> {
    let space: SpaceName = name(&path.space)?;
    let role = hub.role(&caller, &space)?;
    let reading = Reading { hub: hub.clone(), caller, space };
    reading.read(at_least, move |view| Ok(Json(details(&hub, view, role)?))).await
}

/// Deletes a space with everything in it. An owner's to do.
#[utoipa::path(delete, path = "/spaces/{space}", operation_id = "remove_space", tag = "spaces",
    params(SpacePath),
    responses((status = 204, description = "Deleted"), Authenticated, Named))]
pub(super) async fn remove(
    State(hub): State<Hub>,
    Caller(caller): Caller,
    Path(path): Path<SpacePath>,
) -> Result<StatusCode, Failure> {
    hub.drop_space(&caller, name(&path.space)?).await?;
    Ok(DONE)
}

/// The members of a space, by name.
#[utoipa::path(get, path = "/spaces/{space}/members", operation_id = "list_members",
    tag = "spaces", params(SpacePath, Paging, AtLeast),
    responses((status = 200, description = "A page of members", body = Page<Member>,
        headers(("Syncline-Sequence" = String, description = "How far was read"))),
        Authenticated, Named, Fresh))]
pub(super) async fn members(
    State(hub): State<Hub>,
    Caller(caller): Caller,
    Path(path): Path<SpacePath>,
    Query(paging): Query<Paging>,
    at_least: AtLeast,
) -> Result<Placed<Json<Page<Member>>>, Failure> {
    let reading = Reading { hub: hub.clone(), caller, space: name(&path.space)? };
    let list = reading.read(at_least, move |view| {
        let members = members_of(&hub, view.name()).into_iter();
        paging.cut(members.map(|member| (member.user.clone(), member)), Ok).map(Json)
    });
    list.await
}

/// Gives an account a role in a space. An owner's to do.
#[utoipa::path(put, path = "/spaces/{space}/members/{user}", operation_id = "set_member",
    tag = "spaces", params(MemberPath), request_body = NewRole,
    responses((status = 204, description = "Set"), Authenticated, Named, Bodied))]
pub(super) async fn set_member(
    State(hub): State<Hub>,
    Caller(caller): Caller,
    Path(path): Path<MemberPath>,
    Body(new): Body<NewRole>,
) -> Result<StatusCode, Failure> {
    let role = new.role.parse().map_err(|problem: &str| Reject::new(Code::Refused, problem))?;
    hub.set_member(&caller, &name(&path.space)?, &path.user, Some(role)).await?;
    Ok(DONE)
}

/// Takes an account's role in a space away. An owner's to do.
#[utoipa::path(delete, path = "/spaces/{space}/members/{user}", operation_id = "remove_member",
    tag = "spaces", params(MemberPath),
    responses((status = 204, description = "Taken away"), Authenticated, Named))]
pub(super) async fn remove_member(
    State(hub): State<Hub>,
    Caller(caller): Caller,
    Path(path): Path<MemberPath>,
) -> Result<StatusCode, Failure> {
    hub.set_member(&caller, &name(&path.space)?, &path.user, None).await?;
    Ok(DONE)
}

fn details(hub: &Hub, view: &View, role: Role) -> Result<Details, Failure> {
    let collections = view.collections()?.into_iter();
    let collections = collections.filter(|(name, _)| !name.is_reserved());
    Ok(Details {
        space: space(view.name(), view.space(), role),
        collections: collections.map(|(name, row)| collection(name.as_str(), &row)).collect(),
        members: members_of(hub, view.name()),
    })
}

fn space(name: &SpaceName, row: &SpaceRow, role: Role) -> Space {
    Space {
        name: name.as_str().to_owned(),
        owner: row.owner.to_string(),
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

fn members_of(hub: &Hub, name: &SpaceName) -> Vec<Member> {
    let directory = hub.directory();
    let members = directory.members(name);
    members.map(|(user, role)| Member { user: user.to_owned(), role: role.as_str() }).collect()
}
