//! Devices and sessions: who was here, how far behind, who is here now. Everyone sees their own
//! account's; admins see all.

use std::collections::{BTreeMap, HashMap};

use axum::Json;
use axum::extract::State;
use http::StatusCode;
use serde::{Deserialize, Serialize};
use syncline_protocol::{Code, DeviceId, Reject, ReplicaId, SpaceId, SpaceName};
use utoipa::{IntoParams, ToSchema};

use super::answer::{Answer, DONE, Failure, Path, Query, blocking};
use super::caller::Caller;
use super::document::{Authenticated, Named, Parsed};
use super::page::{Page, Paging};
use crate::hub::{Hub, SessionInfo};
use crate::store::{ReplicaRow, SpaceRow};

/// Replicas that one answer looks at: each opening of an app's store makes one.
const REPLICAS_MAX: usize = 100_000;

/// A device that was here.
#[derive(Serialize, ToSchema)]
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

/// How far a device said that it has read a space.
#[derive(Serialize, ToSchema)]
pub(super) struct Seen {
    space: String,
    sequence: u64,
    /// Deltas of the space that it had not said to have read.
    behind: u64,
}

/// A session that is open, or an event stream.
#[derive(Serialize, ToSchema)]
pub(super) struct Session {
    id: u64,
    account: String,
    /// The id of the token that it was let in by; null when it was a password.
    token: Option<String>,
    /// The device id, 16 hex digits; zeros for an event stream.
    device: String,
    name: String,
    /// The replica that stamps in it, 16 hex digits; the hub's for an event stream.
    replica: String,
    address: String,
    opened_ms: u64,
}

/// A replica: one opening of an app's store.
#[derive(Serialize, ToSchema)]
pub(super) struct Replica {
    /// 16 hex digits.
    replica: String,
    account: String,
    /// The device id, 16 hex digits.
    device: String,
    name: String,
    /// When it was last heard of.
    last_ms: u64,
    /// How far the device's clock is ahead of the hub's.
    clock_offset_ms: i64,
    /// Whether it stamps in a session that is open.
    online: bool,
}

/// A path that names a session.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
pub(super) struct SessionPath {
    /// The session's id.
    id: u64,
}

/// The devices of one's own account, each by the replica of it that was heard last; an admin sees
/// all.
#[utoipa::path(get, path = "/devices", operation_id = "list_devices", tag = "operation",
    params(Paging),
    responses((status = 200, description = "A page of devices", body = Page<Device>),
        Authenticated, Parsed))]
pub(super) async fn list(
    State(hub): State<Hub>,
    Caller(caller): Caller,
    Query(paging): Query<Paging>,
) -> Answer<Page<Device>> {
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
        let key = |(account, device): &(String, DeviceId)| format!("{account}:{device}");
        paging.cut(latest.into_iter().map(|(it, row)| (key(&it), row)), |it| Ok(device(it)))
    });
    Ok(Json(devices.await?))
}

/// The replicas of one's own account; an admin sees all.
#[utoipa::path(get, path = "/replicas", operation_id = "list_replicas", tag = "operation",
    params(Paging),
    responses((status = 200, description = "A page of replicas", body = Page<Replica>),
        Authenticated, Parsed))]
pub(super) async fn replicas(
    State(hub): State<Hub>,
    Caller(caller): Caller,
    Query(paging): Query<Paging>,
) -> Answer<Page<Replica>> {
    let admin = hub.require_admin(&caller).is_ok();
    hub.write_heard();
    let replicas = blocking(move || {
        let rows = hub.store().snapshot()?.replicas(REPLICAS_MAX)?.into_iter();
        let own = rows.filter(|(_, row)| admin || row.principal == caller.account());
        let online: Vec<ReplicaId> = hub.sessions().iter().map(|info| info.replica).collect();
        let show = |(replica, row): (ReplicaId, ReplicaRow)| Replica {
            replica: replica.to_string(),
            account: row.principal,
            device: row.device.to_string(),
            name: row.name,
            last_ms: row.last_ms,
            clock_offset_ms: row.offset_ms,
            online: online.contains(&replica),
        };
        paging.cut(own.map(|it| (it.0.to_string(), it)), |it| Ok(show(it)))
    });
    Ok(Json(replicas.await?))
}

/// The open sessions of one's own account, by age; an admin sees all.
#[utoipa::path(get, path = "/sessions", operation_id = "list_sessions", tag = "operation",
    params(Paging),
    responses((status = 200, description = "A page of sessions", body = Page<Session>),
        Authenticated, Parsed))]
pub(super) async fn sessions(
    State(hub): State<Hub>,
    Caller(caller): Caller,
    Query(paging): Query<Paging>,
) -> Answer<Page<Session>> {
    let admin = hub.require_admin(&caller).is_ok();
    let mut sessions = hub.sessions();
    sessions.retain(|info| admin || info.account == caller.account());
    sessions.sort_by_key(|info| info.id);
    let list = sessions.into_iter().map(|info| (info.id.to_be_bytes(), info));
    Ok(Json(paging.cut(list, |info| Ok(session(info)))?))
}

/// Ends a session: one's own, or an admin's to do. Its app may come back while its token lives.
#[utoipa::path(delete, path = "/sessions/{id}", operation_id = "dismiss_session",
    tag = "operation", params(SessionPath),
    responses((status = 204, description = "It has been told to end"), Authenticated, Named))]
pub(super) async fn dismiss(
    State(hub): State<Hub>,
    Caller(caller): Caller,
    Path(SessionPath { id }): Path<SessionPath>,
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
        token: info.token,
        device: info.device.to_string(),
        name: info.name,
        replica: info.replica.to_string(),
        address: info.address.to_string(),
        opened_ms: info.opened_ms,
    }
}
