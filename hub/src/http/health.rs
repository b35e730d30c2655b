//! How the hub is: for load balancers, for Prometheus, and its certificate for those who pin it.

use axum::Extension;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, StatusCode, header};
use subtle::ConstantTimeEq as _;

use super::Shared;
use super::address::{PeerAddress, client_address};
use crate::hub::Realm;

/// The process answers.
pub(super) async fn healthz() -> &'static str {
    "ok\n"
}

/// The hub can do its work: the store writes, and it is not shutting down.
pub(super) async fn readyz(State(shared): State<Shared>) -> Response {
    if *shared.hub.failed().borrow() {
        let text = "the store cannot write; see the log and the disk, then restart\n";
        return (StatusCode::SERVICE_UNAVAILABLE, text).into_response();
    }
    if shared.hub.is_draining() {
        return (StatusCode::SERVICE_UNAVAILABLE, "shutting down\n").into_response();
    }
    "ready\n".into_response()
}

/// The figures, for those on this machine, admins, and whoever has the metrics token.
pub(super) async fn metrics(
    State(shared): State<Shared>,
    Extension(peer): Extension<PeerAddress>,
    headers: HeaderMap,
) -> Response {
    if !may_read_metrics(&shared, peer, &headers).await {
        let text = "show a bearer token, or ask from this machine\n";
        return (StatusCode::UNAUTHORIZED, text).into_response();
    }
    let hub = shared.hub.clone();
    let Ok(text) = tokio::task::spawn_blocking(move || hub.render_metrics()).await else {
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    };
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4")], text).into_response()
}

async fn may_read_metrics(shared: &Shared, peer: PeerAddress, headers: &HeaderMap) -> bool {
    let http = &shared.hub.config().http;
    let address = client_address(peer.0, headers, &http.trusted_proxies);
    let forwarded = headers.contains_key("x-forwarded-for") || headers.contains_key("forwarded");
    if address.is_loopback() && !forwarded {
        return true;
    }
    let bearer = headers.get(header::AUTHORIZATION).and_then(|it| it.to_str().ok());
    let Some(token) = bearer.and_then(|it| it.strip_prefix("Bearer ")) else { return false };
    let file = http.metrics_token_file.clone();
    let stored = match file {
        Some(file) => tokio::fs::read_to_string(file).await.ok(),
        None => None,
    };
    if stored.is_some_and(|stored| {
        !stored.trim().is_empty() && bool::from(stored.trim().as_bytes().ct_eq(token.as_bytes()))
    }) {
        return true;
    }
    let principal = shared.hub.authenticate(Realm::Token, "", token, address).await;
    principal.is_ok_and(|principal| shared.hub.require_admin(&principal).is_ok())
}

/// The certificate that this hub shows, for phones and programs that must be told to trust it.
pub(super) async fn certificate(State(shared): State<Shared>) -> Response {
    let Some(tls) = &shared.tls else {
        return (StatusCode::NOT_FOUND, "this hub speaks no TLS\n").into_response();
    };
    let public = tls.public();
    let headers = [
        (header::CONTENT_TYPE, "application/x-x509-ca-cert"),
        (header::CONTENT_DISPOSITION, "attachment; filename=\"syncline.cer\""),
    ];
    (headers, public.der.to_vec()).into_response()
}
