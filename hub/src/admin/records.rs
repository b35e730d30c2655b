//! Records: read, listed, put, changed, deleted. Every write goes through the door, unstamped,
//! under the rights of whoever asks.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use serde::Deserialize;
use syncline_protocol::{
    Change, Code, CollectionName, Epoch, FieldName, Record, RecordKey, Reject, SpaceName,
};
use utoipa::{IntoParams, ToSchema};

use super::answer::{Failure, Path, Query};
use super::body::Data;
use super::caller::Caller;
use super::change::{Shown, Written, put};
use super::condition::{Conditions, etag, place_of, unchanged};
use super::document::{Authenticated, Bodied, Fresh, Named, Writing};
use super::page::{Page, Paging, token};
use super::place::open_collection;
use super::place::{AtLeast, CollectionPath, Place, Placed, Reading, RecordPath, name};
use crate::access::directory::SYSTEM_SPACE;
use crate::access::principal::Principal;
use crate::engine::{Part, Submission, Writes};
use crate::hub::{Hub, View};

/// A replacement that others keep overtaking is given up after so many tries.
const TRIES: usize = 8;
/// Bytes of records that one look takes out of the store.
const PAGE_BYTES: usize = 256 * 1024;
/// Bytes of rows that one page of a list looks at: tombstones count too.
const LIST_BYTES: usize = 8 * 1024 * 1024;

/// All fields of a record.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewRecord {
    /// By name; the record's other fields are dropped.
    fields: BTreeMap<String, serde_json::Value>,
}

/// What to change in a record.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Patch {
    /// What to set, by name.
    #[serde(default)]
    fields: BTreeMap<String, serde_json::Value>,
    /// Which fields to drop.
    #[serde(default)]
    drop: Vec<String>,
}

/// Which records of a collection.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct Listing {
    /// What the keys begin with.
    #[param(nullable = false)]
    prefix: Option<String>,
}

/// One record.
#[utoipa::path(get, path = "/spaces/{space}/collections/{collection}/records/{key}",
    operation_id = "get_record", tag = "records", params(RecordPath, AtLeast, Conditions),
    responses((status = 200, description = "The record", body = Shown,
        headers(("Syncline-Sequence" = String, description = "How far was read"),
            ("ETag" = String, description = "The record's state"))),
        (status = 304, description = "It is as `If-None-Match` says"),
        (status = 412, description = "It is not as `If-Match` says",
            body = super::answer::Refusal<'static>),
        Authenticated, Named, Fresh))]
pub(super) async fn show(
    State(hub): State<Hub>,
    Caller(caller): Caller,
    Path(path): Path<RecordPath>,
    at_least: AtLeast,
    conditions: Conditions,
) -> Result<Response, Failure> {
    let (space, collection, key) = path.names()?;
    let reading = Reading { hub, caller, space };
    let read = reading.read(at_least, move |view| {
        let record = view.get(&collection, &key)?;
        let place = place_of(view.space().epoch, record.as_ref());
        let (Some(record), Some(place)) = (record, place) else {
            let what = format!("{} has no record {collection}/{key}", view.name());
            return Err(Reject::new(Code::NotFound, what).into());
        };
        if conditions.has_already(place) {
            return Ok((StatusCode::NOT_MODIFIED, [etag(place)]).into_response());
        }
        conditions.judge(Some(place))?;
        let shown = Shown::new(view.name(), &collection, &key, &record);
        Ok(([etag(place)], Json(shown)).into_response())
    });
    Ok(read.await?.into_response())
}

/// The records of a collection, by key.
#[utoipa::path(get, path = "/spaces/{space}/collections/{collection}/records",
    operation_id = "list_records", tag = "records",
    params(CollectionPath, Listing, Paging, AtLeast),
    responses((status = 200, description = "A page of records; one that is full of deleted ones may \
        be short or empty and still have a `next`", body = Page<Shown>,
        headers(("Syncline-Sequence" = String, description = "How far was read"))),
        Authenticated, Named, Fresh))]
pub(super) async fn list(
    State(hub): State<Hub>,
    Caller(caller): Caller,
    Path(path): Path<CollectionPath>,
    Query(listing): Query<Listing>,
    Query(paging): Query<Paging>,
    at_least: AtLeast,
) -> Result<Placed<Json<Page<Shown>>>, Failure> {
    let (space, collection) = (name(&path.space)?, open_collection(&path.collection)?);
    let (limit, after) = (paging.limit()?, paging.after()?);
    let prefix = listing.prefix.unwrap_or_default();
    let reading = Reading { hub, caller, space };
    let list = move |view: &View| page(view, &collection, (&prefix, after, limit)).map(Json);
    reading.read(at_least, list).await
}

fn page(
    view: &View,
    collection: &CollectionName,
    (prefix, mut after, limit): (&str, Option<Vec<u8>>, usize),
) -> Result<Page<Shown>, Failure> {
    let mut page = Page { items: Vec::new(), next: None };
    let mut looked_at = 0;
    loop {
        let look = view.list(collection, prefix, after.as_deref(), PAGE_BYTES)?;
        for (key, record) in look.records {
            if page.items.len() == limit {
                page.next = after.as_deref().map(token);
                return Ok(page);
            }
            if record.is_visible() {
                page.items.push(Shown::new(view.name(), collection, &key, &record));
            }
            after = Some(key.as_str().as_bytes().to_vec());
        }
        looked_at += PAGE_BYTES;
        if !look.more {
            return Ok(page);
        }
        if looked_at >= LIST_BYTES {
            page.next = after.as_deref().map(token);
            return Ok(page);
        }
    }
}

/// Makes a record, or replaces all of its fields.
#[utoipa::path(put, path = "/spaces/{space}/collections/{collection}/records/{key}",
    operation_id = "put_record", tag = "records", params(RecordPath, Conditions),
    request_body = NewRecord,
    responses((status = 200, description = "Replaced", body = Written,
        headers(("Syncline-Sequence" = String, description = "How far was written"),
            ("ETag" = String, description = "The record's new state"))),
        (status = 201, description = "Made", body = Written,
        headers(("Syncline-Sequence" = String, description = "How far was written"),
            ("ETag" = String, description = "The record's new state"))),
        Authenticated, Named, Bodied, Writing))]
pub(super) async fn replace(
    State(hub): State<Hub>,
    Caller(caller): Caller,
    Path(path): Path<RecordPath>,
    conditions: Conditions,
    Data(new): Data<NewRecord>,
) -> Result<Response, Failure> {
    let target = Target::new(hub, caller, &path)?;
    let change = |record: Option<&Record>| {
        let others = record.into_iter().flat_map(Record::visible).map(|(name, _, _)| name);
        let others = others.map(FieldName::as_str).filter(|name| !new.fields.contains_key(*name));
        let drop: Vec<String> = others.map(str::to_owned).collect();
        put(target.collection.clone(), target.key.clone(), new.fields.clone(), drop)
    };
    let done = target.write(&conditions, true, change).await?;
    let status = if done.was_there { StatusCode::OK } else { StatusCode::CREATED };
    Ok((status, done).into_response())
}

/// Sets and drops some fields of a record, and makes it if need be.
#[utoipa::path(patch, path = "/spaces/{space}/collections/{collection}/records/{key}",
    operation_id = "patch_record", tag = "records", params(RecordPath, Conditions),
    request_body = Patch,
    responses((status = 200, description = "Changed", body = Written,
        headers(("Syncline-Sequence" = String, description = "How far was written"),
            ("ETag" = String, description = "The record's new state"))),
        Authenticated, Named, Bodied, Writing))]
pub(super) async fn change(
    State(hub): State<Hub>,
    Caller(caller): Caller,
    Path(path): Path<RecordPath>,
    conditions: Conditions,
    Data(patch): Data<Patch>,
) -> Result<Response, Failure> {
    let target = Target::new(hub, caller, &path)?;
    let (collection, key) = (&target.collection, &target.key);
    let change = |_: Option<&Record>| {
        put(collection.clone(), key.clone(), patch.fields.clone(), patch.drop.clone())
    };
    Ok(target.write(&conditions, false, change).await?.into_response())
}

/// Deletes a record.
#[utoipa::path(delete, path = "/spaces/{space}/collections/{collection}/records/{key}",
    operation_id = "delete_record", tag = "records", params(RecordPath, Conditions),
    responses((status = 204, description = "Deleted",
        headers(("Syncline-Sequence" = String, description = "How far was written"))),
        Authenticated, Named, Writing))]
pub(super) async fn delete(
    State(hub): State<Hub>,
    Caller(caller): Caller,
    Path(path): Path<RecordPath>,
    conditions: Conditions,
) -> Result<Response, Failure> {
    let target = Target::new(hub, caller, &path)?;
    let (collection, key) = (&target.collection, &target.key);
    let change = |record: Option<&Record>| match record {
        Some(_) => Ok(Change::delete(collection.clone(), key.clone())),
        None => {
            let what = format!("{} has no record {collection}/{key}", target.space);
            Err(Reject::new(Code::NotFound, what).into())
        }
    };
    let done = target.write(&conditions, false, change).await?;
    Ok(Placed(done.place, StatusCode::NO_CONTENT).into_response())
}

/// Nobody writes to the hub's own space but its routes for accounts.
pub(super) fn check_writable(space: &SpaceName) -> Result<(), Failure> {
    if space.as_str() == SYSTEM_SPACE {
        let what = "The space `system` is written by the routes for accounts and spaces only";
        return Err(Reject::new(Code::Forbidden, what).into());
    }
    Ok(())
}

/// The record that a request writes to.
struct Target {
    hub: Hub,
    caller: Principal,
    space: SpaceName,
    collection: CollectionName,
    key: RecordKey,
}

/// A write that was done.
struct Done {
    was_there: bool,
    place: Place,
    /// The record's state now.
    state: Place,
    written: Written,
}

impl IntoResponse for Done {
    fn into_response(self) -> Response {
        Placed(self.place, ([etag(self.state)], Json(self.written))).into_response()
    }
}

impl Target {
    fn new(hub: Hub, caller: Principal, path: &RecordPath) -> Result<Self, Failure> {
        let (space, collection, key) = path.names()?;
        check_writable(&space)?;
        Ok(Self { hub, caller, space, collection, key })
    }

    /// Writes what `change` makes of the record as it is. With a condition, or when what is written
    /// depends on what is there (`replaces`), nobody else's write comes in between.
    async fn write(
        &self,
        conditions: &Conditions,
        replaces: bool,
        change: impl Fn(Option<&Record>) -> Result<Change, Failure>,
    ) -> Result<Done, Failure> {
        for _ in 0..TRIES {
            let (epoch, record, now) = self.look().await?;
            let state = place_of(epoch, record.as_ref());
            conditions.judge(state)?;
            let change = change(record.as_ref())?;
            let guarded = replaces || !conditions.is_empty();
            let guard = guarded.then(|| unchanged(&self.collection, &self.key, state));
            let part = Part {
                space: self.space.clone(),
                base: Some((epoch, now)),
                guards: guard.into_iter().collect(),
                writes: Writes::Unstamped(vec![change]),
            };
            let submission = Submission { id: None, parts: vec![part] };
            match self.hub.apply(&self.caller, submission).await {
                Err(reject) if reject.code == Code::GuardFailed && conditions.is_empty() => {}
                answer => {
                    let receipt = answer?;
                    let place = Place { epoch, sequence: receipt.sequence() };
                    let own = |it: &&syncline_protocol::Applied| {
                        let change = &it.delta.change;
                        change.collection == self.collection && change.key == self.key
                    };
                    let applied = receipt.parts.iter().flat_map(|(_, applied)| applied);
                    let last = applied.filter(own).map(|applied| applied.sequence).max();
                    let sequence = last.or(state.map(|state| state.sequence)).unwrap_or(0);
                    let written = Written::new(&self.space, &receipt);
                    let state = Place { epoch, sequence };
                    return Ok(Done { was_there: record.is_some(), place, state, written });
                }
            }
        }
        Err(Reject::new(Code::Busy, "Others keep changing this record").into())
    }

    async fn look(&self) -> Result<(Epoch, Option<Record>, u64), Failure> {
        let (collection, key) = (self.collection.clone(), self.key.clone());
        let (hub, caller, space) = (self.hub.clone(), self.caller.clone(), self.space.clone());
        let look = Reading { hub, caller, space }.look(move |view| {
            let row = view.space();
            Ok((row.epoch, view.get(&collection, &key)?, row.sequence))
        });
        Ok(look.await?.1)
    }
}
