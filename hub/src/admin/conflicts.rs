//! What last-write-wins discarded: seen, and brought back. Bringing back is a write like any other,
//! under the rights of whoever asks; nothing here changes what is kept.

use std::collections::HashMap;

use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use syncline_client::json;
use syncline_protocol::{Change, Code, Reject, ReplicaId, SpaceName, Stamp};
use utoipa::{IntoParams, ToSchema};

use super::answer::{Failure, Path, Query};
use super::caller::Caller;
use super::change::Written;
use super::document::{Authenticated, Fresh, Named, Writing};
use super::page::{Page, Paging};
use super::place::{AtLeast, Place, Placed, Reading, SpacePath, name};
use super::records::check_writable;
use crate::engine::Submission;
use crate::hub::{Hub, View};
use crate::store::{Conflict, ReplicaRow, Snapshot};

/// Conflicts that one answer looks at; a space's share of bytes holds fewer.
const CONFLICTS_MAX: usize = 200_000;

/// A write that lost without having been known to its winner.
#[derive(Serialize, ToSchema)]
#[schema(as = Conflict)]
pub(super) struct Lost {
    /// 16 hex digits: names the conflict as long as it is kept.
    id: String,
    collection: String,
    key: String,
    field: String,
    /// What was discarded; nothing when it was a drop of the field.
    #[serde(skip_serializing_if = "Option::is_none")]
    value: Option<serde_json::Value>,
    dropped: bool,
    /// When the hub noticed.
    at_ms: u64,
    loser: Writer,
    winner: Writer,
    /// What the field shows now.
    #[serde(skip_serializing_if = "Option::is_none")]
    current: Option<serde_json::Value>,
    /// Whether the field shows what was discarded: nothing is left to bring back.
    restored: bool,
}

/// Whoever stamped a write; the hub has no account.
#[derive(Serialize, ToSchema)]
pub(super) struct Writer {
    stamp: String,
    account: Option<String>,
    device: Option<String>,
    name: Option<String>,
}

/// A path that names a conflict.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
pub(super) struct ConflictPath {
    /// The space, its slashes written `%2F`.
    space: String,
    /// The conflict's id.
    id: String,
}

/// What last-write-wins discarded in a space, by record.
#[utoipa::path(get, path = "/spaces/{space}/conflicts", operation_id = "list_conflicts",
    tag = "records", params(SpacePath, Paging, AtLeast),
    responses((status = 200, description = "A page of conflicts", body = Page<Lost>,
        headers(("Syncline-Sequence" = String, description = "How far was read"))),
        Authenticated, Named, Fresh))]
pub(super) async fn list(
    State(hub): State<Hub>,
    Caller(caller): Caller,
    Path(path): Path<SpacePath>,
    Query(paging): Query<Paging>,
    at_least: AtLeast,
) -> Result<Placed<Json<Page<Lost>>>, Failure> {
    let reading = Reading { hub: hub.clone(), caller, space: name(&path.space)? };
    let list = reading.read(at_least, move |view| {
        let mut writers = Writers { snapshot: hub.store().snapshot()?, known: HashMap::new() };
        let conflicts = view.conflicts(CONFLICTS_MAX)?;
        let list = conflicts.iter().map(|conflict| (place_in_list(conflict), conflict));
        paging.cut(list, |conflict| lost(view, &mut writers, conflict)).map(Json)
    });
    list.await
}

/// Writes a discarded value back.
#[utoipa::path(post, path = "/spaces/{space}/conflicts/{id}/restore",
    operation_id = "restore_conflict", tag = "records", params(ConflictPath),
    responses((status = 200, description = "Written back", body = Written,
        headers(("Syncline-Sequence" = String, description = "How far was written"))),
        Authenticated, Named, Writing))]
pub(super) async fn restore(
    State(hub): State<Hub>,
    Caller(caller): Caller,
    Path(ConflictPath { space, id }): Path<ConflictPath>,
) -> Result<Placed<Json<Written>>, Failure> {
    let space: SpaceName = name(&space)?;
    check_writable(&space)?;
    let reading = Reading { hub: hub.clone(), caller: caller.clone(), space: space.clone() };
    let Placed(Place { epoch, .. }, change) = reading.look(move |view| find(view, &id)).await?;
    let receipt = hub.apply(&caller, Submission::changes(space.clone(), vec![change])).await?;
    let place = Place { epoch, sequence: receipt.sequence() };
    Ok(Placed(place, Json(Written::new(&space, &receipt))))
}

/// The put that brings a conflict back.
fn find(view: &View, id: &str) -> Result<Change, Failure> {
    let conflicts = view.conflicts(CONFLICTS_MAX)?;
    let found = conflicts.into_iter().find(|conflict| id_of(conflict) == id);
    let unknown = || Reject::new(Code::NotFound, format!("{} keeps no conflict {id}", view.name()));
    let Conflict { collection, key, field, row, .. } = found.ok_or_else(unknown)?;
    let put = Change::put(collection, key, vec![(field, row.value)]);
    Ok(put.map_err(|problem| Reject::new(Code::Internal, problem))?)
}

fn lost(view: &View, writers: &mut Writers, conflict: &Conflict) -> Result<Lost, Failure> {
    let Conflict { collection, key, field, loser, row } = conflict;
    let record = view.get(collection, key)?;
    let current = record.as_ref().and_then(|record| record.get(field.as_str()));
    Ok(Lost {
        id: id_of(conflict),
        collection: collection.as_str().to_owned(),
        key: key.as_str().to_owned(),
        field: field.as_str().to_owned(),
        value: row.value.as_ref().map(json::from_value),
        dropped: row.value.is_none(),
        at_ms: row.at_ms,
        loser: writers.of(*loser)?,
        winner: writers.of(row.winner)?,
        current: current.map(json::from_value),
        restored: current == row.value.as_ref(),
    })
}

/// Names for people, looked up once each.
struct Writers {
    snapshot: Snapshot,
    known: HashMap<ReplicaId, Option<ReplicaRow>>,
}

impl Writers {
    fn of(&mut self, stamp: Stamp) -> Result<Writer, Failure> {
        if !self.known.contains_key(&stamp.replica) {
            let row = self.snapshot.replica(stamp.replica)?;
            self.known.insert(stamp.replica, row);
        }
        let row = self.known.get(&stamp.replica).and_then(Option::as_ref);
        Ok(Writer {
            stamp: stamp.to_string(),
            account: row.map(|row| row.principal.clone()),
            device: row.map(|row| row.device.to_string()),
            name: row.map(|row| row.name.clone()),
        })
    }
}

/// Where a conflict stands in its space's list.
fn place_in_list(conflict: &Conflict) -> Vec<u8> {
    let Conflict { collection, key, field, loser, .. } = conflict;
    let names = [collection.as_str(), key.as_str(), field.as_str(), ""].join("\0");
    [names.as_bytes(), &loser.to_bytes()].concat()
}

/// A short name for what the four parts of a conflict's key name together.
fn id_of(conflict: &Conflict) -> String {
    let Conflict { collection, key, field, loser, .. } = conflict;
    let names = [collection.as_str(), key.as_str(), field.as_str()].join("\0");
    let hash = Sha256::new().chain_update(names).chain_update(loser.to_bytes()).finalize();
    hex::encode(&hash[..8])
}
