//! Collections of a space, and how long each remembers its deletes.

use std::time::Duration;

use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::answer::{DONE, Failure, Path, Query};
use super::body::{Body, whole};
use super::caller::Caller;
use super::document::{Authenticated, Bodied, Fresh, Named};
use super::page::{Page, Paging};
use super::place::open_collection;
use super::place::{AtLeast, CollectionPath, Placed, Reading, SpacePath, name};
use super::records::check_writable;
use crate::hub::Hub;
use crate::store::CollectionRow;

/// A collection of a space.
#[derive(Serialize, ToSchema)]
pub(super) struct Collection {
    name: String,
    /// Records that show.
    records: u64,
    /// Fields that show.
    fields: u64,
    /// Bytes of keys, names and values, tombstones counted.
    bytes: u64,
    /// Deletes that are remembered.
    tombstones: u64,
    /// How long deletes are remembered, in milliseconds; null for as long as the hub's setting
    /// says.
    retention_ms: Option<u64>,
    /// What its copies must equal, 32 hex digits.
    digest: String,
}

/// How long a collection remembers its deletes.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Retention {
    /// In milliseconds, an hour at least; null for as long as the hub's setting says.
    #[serde(default, deserialize_with = "whole")]
    #[schema(minimum = 3600000, maximum = 3153600000000_u64)]
    retention_ms: Option<u64>,
}

/// The collections of a space, by name.
#[utoipa::path(get, path = "/spaces/{space}/collections", operation_id = "list_collections",
    tag = "spaces", params(SpacePath, Paging, AtLeast),
    responses((status = 200, description = "A page of collections", body = Page<Collection>,
        headers(("Syncline-Sequence" = String, description = "How far was read"))),
        Authenticated, Named, Fresh))]
pub(super) async fn list(
    State(hub): State<Hub>,
    Caller(caller): Caller,
    Path(path): Path<SpacePath>,
    Query(paging): Query<Paging>,
    at_least: AtLeast,
) -> Result<Placed<Json<Page<Collection>>>, Failure> {
    let reading = Reading { hub, caller, space: name(&path.space)? };
    let list = reading.read(at_least, move |view| {
        let open = view.collections()?.into_iter().filter(|(name, _)| !name.is_reserved());
        let list = open.map(|(name, row)| (name.as_str().to_owned(), (name, row)));
        paging.cut(list, |(name, row)| Ok(collection(name.as_str(), &row))).map(Json)
    });
    list.await
}

/// Says how long a collection remembers its deletes; it need not hold anything yet.
#[utoipa::path(put, path = "/spaces/{space}/collections/{collection}/retention",
    operation_id = "set_retention", tag = "spaces", params(CollectionPath),
    request_body = Retention,
    responses((status = 204, description = "Set",
        headers(("Syncline-Sequence" = String, description = "Where the space stood"))),
        Authenticated, Named, Bodied))]
pub(super) async fn set_retention(
    State(hub): State<Hub>,
    Caller(caller): Caller,
    Path(path): Path<CollectionPath>,
    Body(new): Body<Retention>,
) -> Result<Placed<http::StatusCode>, Failure> {
    let (space, collection) = (name(&path.space)?, open_collection(&path.collection)?);
    check_writable(&space)?;
    let retention = new.retention_ms.map(Duration::from_millis);
    hub.set_retention(&caller, &space, collection, retention).await?;
    let reading = Reading { hub, caller, space };
    let Placed(place, ()) = reading.look(|_| Ok(())).await?;
    Ok(Placed(place, DONE))
}

pub(super) fn collection(name: &str, row: &CollectionRow) -> Collection {
    let retention = row.retention.map(|time| u64::try_from(time.as_millis()).unwrap_or(u64::MAX));
    Collection {
        name: name.to_owned(),
        records: row.records,
        fields: row.digest.fields,
        bytes: row.bytes,
        tombstones: row.tombstones,
        retention_ms: retention,
        digest: format!("{:032x}", row.digest.sum),
    }
}
