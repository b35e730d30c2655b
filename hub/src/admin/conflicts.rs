//! What last-write-wins discarded: seen, and brought back. Bringing back is a write like any other,
//! under the rights of whoever asks; nothing here changes what is kept.

use std::collections::HashMap;

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use sha2::{Digest as _, Sha256};
use syncline_client::json;
use syncline_protocol::{Change, Code, Reject, ReplicaId, SpaceName, Stamp};

use super::answer::{Answer, Failure, Path, blocking};
use super::caller::Caller;
use super::spaces::space_name;
use crate::access::principal::Principal;
use crate::engine::Submission;
use crate::hub::{Hub, View};
use crate::store::{Conflict, ReplicaRow, Snapshot};

/// Conflicts that one answer looks at; a space's share of bytes holds fewer.
const CONFLICTS_MAX: usize = 200_000;

#[derive(Serialize)]
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

/// Whoever stamped a write.
#[derive(Serialize)]
struct Writer {
    stamp: String,
    account: Option<String>,
    device: Option<String>,
    name: Option<String>,
}

#[derive(Serialize)]
pub(super) struct Restored {
    sequence: u64,
}

pub(super) async fn list(
    State(hub): State<Hub>,
    Caller(caller): Caller,
    Path(name): Path<String>,
) -> Answer<Vec<Lost>> {
    let name = space_name(&name)?;
    let list = blocking(move || {
        let view = hub.read(&caller, &name)?;
        let mut writers = Writers { snapshot: hub.store().snapshot()?, known: HashMap::new() };
        let conflicts = view.conflicts(CONFLICTS_MAX)?;
        conflicts.iter().map(|conflict| lost(&view, &mut writers, conflict)).collect()
    });
    Ok(Json(list.await?))
}

pub(super) async fn restore(
    State(hub): State<Hub>,
    Caller(caller): Caller,
    Path((name, id)): Path<(String, String)>,
) -> Answer<Restored> {
    let name = space_name(&name)?;
    let (of_hub, reader, space) = (hub.clone(), caller.clone(), name.clone());
    let change = blocking(move || find(&of_hub, &reader, &space, &id)).await?;
    let receipt = hub.apply(&caller, Submission::changes(name, vec![change])).await?;
    Ok(Json(Restored { sequence: receipt.sequence() }))
}

/// The put that brings a conflict back.
fn find(hub: &Hub, caller: &Principal, space: &SpaceName, id: &str) -> Result<Change, Failure> {
    let conflicts = hub.read(caller, space)?.conflicts(CONFLICTS_MAX)?;
    let found = conflicts.into_iter().find(|conflict| id_of(conflict) == id);
    let Conflict { collection, key, field, row, .. } = found
        .ok_or_else(|| Reject::new(Code::NotFound, format!("{space} keeps no conflict {id}")))?;
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

/// A short name for what the four parts of a conflict's key name together.
fn id_of(conflict: &Conflict) -> String {
    let Conflict { collection, key, field, loser, .. } = conflict;
    let names = [collection.as_str(), key.as_str(), field.as_str()].join("\0");
    let hash = Sha256::new().chain_update(names).chain_update(loser.to_bytes()).finalize();
    hex::encode(&hash[..8])
}
