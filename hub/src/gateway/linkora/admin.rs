//! What people and the command ask of this gateway: how to connect, and everything in or out.
//!
//! An import comes as JSON: the command reads the original's database, so that the hub never opens
//! a file that somebody sent it with a parser written in C.

use std::net::SocketAddr;

use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, Query, State};
use axum::response::Response;
use axum::routing::{get, post};
use axum::{Extension, Router};
use http::StatusCode;
use serde::Deserialize;
use serde_json::{Value as Json, json};
use syncline_protocol::{Code, Reject, SpaceName};

use super::answers::{json as answer, pieces};
use super::call::Call;
use super::command::{self, Import};
use super::mapping::{Fields, collection, image, key};
use super::routes::BODY_BYTES;
use super::rule::SPACES;
use super::updates::{Pieces, tombstones_after, updates};
use super::writes::submit;
use crate::hub::{Certificate, Hub, Principal, View};

/// The routes under `/hub/v1/gateways/linkora`.
pub(super) fn router() -> Router<Hub> {
    Router::new()
        .route("/", get(show).post(begin))
        .route("/import", post(import))
        .route("/export", get(export))
        .layer(DefaultBodyLimit::max(BODY_BYTES))
}

/// Whose data set; the caller's own when nobody is named.
#[derive(Debug, Deserialize)]
struct Of {
    user: Option<String>,
}

fn failure(reject: &Reject) -> Response {
    let status = match reject.code {
        Code::Unauthorized => StatusCode::UNAUTHORIZED,
        Code::Forbidden => StatusCode::FORBIDDEN,
        Code::UnknownSpace | Code::NotFound => StatusCode::NOT_FOUND,
        Code::Exists | Code::GuardFailed => StatusCode::CONFLICT,
        Code::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
        code if code.is_retryable() => StatusCode::SERVICE_UNAVAILABLE,
        _ => StatusCode::BAD_REQUEST,
    };
    let body = json!({ "code": reject.code.as_str(), "text": reject.text });
    let mut response = answer(&body);
    *response.status_mut() = status;
    response
}

fn space(principal: &Principal, of: &Of) -> Result<(SpaceName, String), Reject> {
    let user = of.user.clone().unwrap_or_else(|| principal.account().to_owned());
    let space = SpaceName::from_segments([SPACES, &user]);
    let space = space.map_err(|_| Reject::new(Code::NotFound, "There is no such account"))?;
    Ok((space, user))
}

/// How apps reach the data set, whether there is one yet, and what it holds.
async fn show(
    State(hub): State<Hub>,
    Extension(principal): Extension<Principal>,
    Query(of): Query<Of>,
    certificate: Option<Extension<Certificate>>,
) -> Response {
    let certificate = certificate.map(|_| "/linkora.cer");
    let shown = move || shown(&hub, &principal, &of, certificate);
    let shown = tokio::task::spawn_blocking(shown).await;
    match shown.unwrap_or_else(|_| Err(Reject::new(Code::Internal, "It could not be read"))) {
        Ok(shown) => answer(&shown),
        Err(reject) => failure(&reject),
    }
}

fn shown(
    hub: &Hub,
    principal: &Principal,
    of: &Of,
    certificate: Option<&str>,
) -> Result<Json, Reject> {
    let (space, user) = space(principal, of)?;
    let rows = match hub.read(principal, &space) {
        Ok(view) => Some(counts(&view)?),
        Err(reject) if reject.code == Code::UnknownSpace => None,
        Err(reject) => return Err(reject),
    };
    let own = &hub.config().gateways.linkora;
    // What listens for this machine alone is no way in for a phone.
    let open = own.listen.iter().filter(|address| !address.ip().is_loopback());
    let ports: Vec<u16> = open.map(SocketAddr::port).collect();
    Ok(json!({
        "user": user, "space": space.as_str(), "enabled": own.enabled, "exists": rows.is_some(),
        "prefix": "/linkora/", "hosts": own.hosts, "ports": ports, "certificate": certificate,
        "records": rows.unwrap_or_default(),
    }))
}

fn counts(view: &View) -> Result<serde_json::Map<String, Json>, Reject> {
    let counts = view.collections()?;
    let open = counts.iter().filter(|(name, _)| !name.is_reserved());
    Ok(open.map(|(name, row)| (name.as_str().to_owned(), json!(row.records))).collect())
}

/// Begins a data set before an app does.
async fn begin(
    State(hub): State<Hub>,
    Extension(principal): Extension<Principal>,
    Query(of): Query<Of>,
) -> Response {
    let begun = async {
        let (space, user) = space(&principal, &of)?;
        open(&hub, &principal, &space, &user).await
    };
    match begun.await {
        Ok(()) => answer(&json!({})),
        Err(reject) => failure(&reject),
    }
}

/// Makes an account's data set where there is none.
async fn open(
    hub: &Hub,
    principal: &Principal,
    space: &SpaceName,
    user: &str,
) -> Result<(), Reject> {
    if user == principal.account() {
        return hub.open_data_set(principal, space).await;
    }
    match hub.create_space(principal, space.clone(), user).await {
        Err(reject) if reject.code != Code::Exists => Err(reject),
        _ => Ok(()),
    }
}

/// Takes rows with the ids and times that they have. An account's first rows may come in parts.
async fn import(
    State(hub): State<Hub>,
    Extension(principal): Extension<Principal>,
    Query(of): Query<Of>,
    body: Bytes,
) -> Response {
    match import_into(&hub, &principal, &of, &body).await {
        Ok(()) => answer(&json!({})),
        Err(reject) => failure(&reject),
    }
}

async fn import_into(hub: &Hub, principal: &Principal, of: &Of, body: &[u8]) -> Result<(), Reject> {
    let (space, user) = space(principal, of)?;
    let mut rows: Import = serde_json::from_slice(body)
        .map_err(|error| Reject::new(Code::Refused, format!("This is no import: {error}")))?;
    let told = std::mem::take(&mut rows.tombstones).into_iter().filter_map(|mut it| {
        it.payload = command::retell(&it.operation, &it.payload, it.deleted_at)?;
        Some(it)
    });
    rows.tombstones = told.collect();
    open(hub, principal, &space, &user).await?;
    let body = serde_json::to_vec(&rows)
        .map_err(|error| Reject::new(Code::Refused, format!("This is no import: {error}")))?;
    let call = Call { route: ".import".to_owned(), body, listening: true, ..Call::default() };
    submit(hub, principal, &space, &call).await.map(drop)
}

/// Everything, in the form that an import takes.
async fn export(
    State(hub): State<Hub>,
    Extension(principal): Extension<Principal>,
    Query(of): Query<Of>,
) -> Response {
    let read = move || {
        let (space, _) = space(&principal, &of)?;
        everything(&hub.read(&principal, &space)?)
    };
    let read = tokio::task::spawn_blocking(read).await;
    match read.unwrap_or_else(|_| Err(Reject::new(Code::Internal, "It could not be read"))) {
        Ok(text) => pieces(text),
        Err(reject) => failure(&reject),
    }
}

fn everything(view: &View) -> Result<Vec<Bytes>, Reject> {
    let mut rows = updates(view, i64::MIN)?;
    // The rows are one object: what is added stands before its end.
    if let Some(last) = rows.pop() {
        rows.push(last.slice(..last.len().saturating_sub(1)));
    }
    let tombstones = tombstones_after(view, "")?.into_iter().map(|it| {
        json!({ "deletedAt": it.deleted_at, "operation": it.operation, "payload": it.payload })
            .to_string()
    });
    let mut more = Pieces::default();
    more.text(",\"tombstones\":");
    more.array(tombstones);
    let state = view.get(&collection(".state"), &key("state"))?;
    let state = state.as_ref().map(image).unwrap_or_default();
    let ids = Fields::of(&state).numbers("ids").unwrap_or_default();
    more.text(&format!(",\"ids\":{}}}", json!(ids)));
    rows.extend(more.done());
    Ok(rows)
}
