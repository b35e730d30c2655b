//! Devices and sessions: who was here, how far behind, who is here now. Each sees its own account's;
//! admins see all.

use std::collections::{BTreeMap, HashMap};

use axum::Json;
use axum::extract::State;
use http::StatusCode;
use serde::Serialize;
use syncline_protocol::{Code, DeviceId, Reject, ReplicaId, SpaceId, SpaceName};

use super::answer::{Answer, DONE, Failure, Path, blocking};
use super::caller::Caller;
use crate::hub::{Hub, SessionInfo};
use crate::store::{ReplicaRow, SpaceRow};

/// Replicas that one answer looks at: each opening of an app's store makes one.
const REPLICAS_MAX: usize = 100_000;

#[derive(Serialize)]
pub(super) struct Device {
    /// The device id, 16 hex digits.
    device: String,
    name: String,
    account: String,
    /// The replica id that was heard last, 16 hex digits.
    replica: String,
    last_ms: u64,
    /// How far the device's clock is ahead of the hub's.
    clock_offset_ms: i64,
    /// Whether a session of it is open.
    online: bool,
    spaces: Vec<Seen>,
}

#[derive(Serialize)]
struct Seen {
    space: String,
    sequence: u64,
    /// Deltas of the space that it had not said to have read.
    behind: u64,
}

#[derive(Serialize)]
pub(super) struct Session {
    id: u64,
    account: String,
    device: String,
    name: String,
    replica: String,
    address: String,
    opened_ms: u64,
}

pub(super) async fn list(State(hub): State<Hub>, Caller(caller): Caller) -> Answer<Vec<Device>> {
    let admin = hub.require_admin(&caller).is_ok();
    hub.write_heard();
    let devices = blocking(move || {
        let snapshot = hub.store().snapshot()?;
        let spaces: HashMap<SpaceId, (SpaceName, SpaceRow)> =
            snapshot.spaces()?.into_iter().map(|(name, row)| (row.id, (name, row))).collect();
        let rows = snapshot.replicas(REPLICAS_MAX)?.into_iter();
        let own = rows.filter(|(_, row)| admin || row.principal == caller.account());
        let latest = own.fold(BTreeMap::new(), keep_latest);
        let online: Vec<DeviceId> = hub.sessions().iter().map(|info| info.device).collect();
        let device = |(replica, row): (ReplicaId, ReplicaRow)| Device {
            device: row.device.to_string(),
            account: row.principal,
            replica: replica.to_string(),
            last_ms: row.last_ms,
            clock_offset_ms: row.offset_ms,
            online: online.contains(&row.device),
            spaces: row.seen.iter().filter_map(|seen| behind(seen, &spaces)).collect(),
            name: row.name,
        };
        Ok(latest.into_values().map(device).collect())
    });
    Ok(Json(devices.await?))
}

pub(super) async fn sessions(
    State(hub): State<Hub>,
    Caller(caller): Caller,
) -> Answer<Vec<Session>> {
    let admin = hub.require_admin(&caller).is_ok();
    let mut sessions = hub.sessions();
    sessions.retain(|info| admin || info.account == caller.account());
    sessions.sort_by_key(|info| info.id);
    Ok(Json(sessions.into_iter().map(session).collect()))
}

pub(super) async fn dismiss(
    State(hub): State<Hub>,
    Caller(caller): Caller,
    Path(id): Path<u64>,
) -> Result<StatusCode, Failure> {
    let found = hub.sessions().into_iter().find(|info| info.id == id);
    let visible =
        |info: &SessionInfo| info.account == caller.account() || hub.require_admin(&caller).is_ok();
    let unknown = || Reject::new(Code::NotFound, "There is no such session of yours");
    let found = found.filter(visible).ok_or_else(unknown)?;
    hub.require_self_or_admin(&caller, &found.account)?;
    let reject = Reject::new(Code::Forbidden, "This session was ended by hand");
    hub.dismiss(|info| info.id == id, &reject);
    Ok(DONE)
}

type Latest = BTreeMap<(String, DeviceId), (ReplicaId, ReplicaRow)>;

/// A device has had many replicas; the one that was heard last speaks for it.
fn keep_latest(mut latest: Latest, (replica, row): (ReplicaId, ReplicaRow)) -> Latest {
    let key = (row.principal.clone(), row.device);
    if latest.get(&key).is_none_or(|(_, known)| known.last_ms <= row.last_ms) {
        latest.insert(key, (replica, row));
    }
    latest
}

fn behind(
    (id, sequence): &(SpaceId, u64),
    spaces: &HashMap<SpaceId, (SpaceName, SpaceRow)>,
) -> Option<Seen> {
    let (name, row) = spaces.get(id)?;
    Some(Seen {
        space: name.as_str().to_owned(),
        sequence: *sequence,
        behind: row.sequence.saturating_sub(*sequence),
    })
}

fn session(info: SessionInfo) -> Session {
    Session {
        id: info.id,
        account: info.account,
        device: info.device.to_string(),
        name: info.name,
        replica: info.replica.to_string(),
        address: info.address.to_string(),
        opened_ms: info.opened_ms,
    }
}
