//! The one router: the dashboard, upgrades to sessions, admin routes, health, metrics, the public
//! certificate.
//!
//! Everything else that speaks HTTP is mounted here and nowhere else. It knows addresses, origins
//! and paths; it knows no records.

mod address;
mod dashboard;
mod front;
mod health;
mod upgrade;

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::middleware::{Next, from_fn_with_state};
use axum::response::Response;
use axum::routing::get;
use dashmap::DashMap;
use http::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::sync::watch;
use tower::ServiceExt as _;

use crate::access::household::Household;
use crate::admin;
use crate::gateway::Gateway;
use crate::hub::{Certificate, ClientAddress, Encrypted, Hub};
use crate::stream::{Entrance, Opened};
use crate::tls::CertifiedServer;
pub use address::PeerAddress;
use front::Front;

/// Headers of a request at most.
const HEADER_BYTES: usize = 16 * 1024;
/// From a connection's opening, or its last answer, to the next request's headers.
const HEADERS_WITHIN: Duration = Duration::from_secs(30);
/// What every request may need.
#[derive(Clone)]
pub(crate) struct Shared {
    pub(crate) hub: Hub,
    pub(crate) tls: Option<Arc<CertifiedServer>>,
    /// Sockets that have not said who they are, by address.
    pub(crate) unauthenticated: Arc<DashMap<Household, u32>>,
}

/// What the hub answers on the shared port, and each gateway on ports of its own.
#[derive(Clone)]
pub struct Routers {
    shared: Router,
    alone: BTreeMap<&'static str, Router>,
}

impl Routers {
    /// All routes of a hub, with these gateways.
    pub fn new(hub: Hub, tls: Option<Arc<CertifiedServer>>, gateways: &[Gateway]) -> Self {
        let front = Front::new(&hub, gateways);
        let shared = Shared { hub, tls, unauthenticated: Arc::default() };
        let placed = |router: Router| router.layer(from_fn_with_state(shared.clone(), place));
        let names = gateways.iter().map(|gateway| gateway.name);
        let alone = names.filter_map(|name| Some((name, placed(front.alone(name)?)))).collect();
        let own = own(&shared, gateways);
        let shared = placed(own.layer(from_fn_with_state(Arc::new(front), front::dispatch)));
        Self { shared, alone }
    }

    /// What is answered at one entrance.
    pub fn at(&self, entrance: Entrance) -> Router {
        match entrance {
            Entrance::Shared => self.shared.clone(),
            // Only what is served has an entrance of its own.
            Entrance::Gateway(name) => self.alone.get(name).unwrap_or(&self.shared).clone(),
        }
    }
}

/// The hub's own routes.
fn own(shared: &Shared, gateways: &[Gateway]) -> Router {
    let admin = |gateway: &Gateway| Some((format!("/{}", gateway.name), (gateway.admin?)()));
    let admins = gateways.iter().filter_map(admin);
    let admins = admins.fold(Router::new(), |all, (path, router)| all.nest(&path, router));
    Router::new()
        .route("/ws", get(upgrade::upgrade))
        .route("/healthz", get(health::healthz))
        .route("/readyz", get(health::readyz))
        .route("/metrics", get(health::metrics))
        .route("/syncline.cer", get(health::certificate))
        .route("/robots.txt", get(|| async { "User-agent: *\nDisallow: /\n" }))
        .merge(dashboard::router())
        .with_state(shared.clone())
        .nest("/hub/v1", admin::router(shared.hub.clone(), admins))
}

/// Tells the routes where a request comes from.
async fn place(State(shared): State<Shared>, mut request: Request<Body>, next: Next) -> Response {
    if let Some(PeerAddress(peer)) = request.extensions().get().copied() {
        let trusted = &shared.hub.config().http.trusted_proxies;
        let address = address::client_address(peer, request.headers(), trusted);
        let encrypted = address::is_encrypted(&request, peer, trusted);
        request.extensions_mut().insert(ClientAddress(address));
        request.extensions_mut().insert(Encrypted(encrypted));
    }
    if let Some(tls) = &shared.tls {
        request.extensions_mut().insert(Certificate(tls.public().der.into()));
    }
    next.run(request).await
}

/// Answers the requests of one connection, until it ends or becomes a session. Once `closing` is
/// true it answers what it has begun to and waits for no further request.
pub async fn connection(router: Router, opened: Opened, mut closing: watch::Receiver<bool>) {
    let Opened { stream, peer, newcomer, .. } = opened;
    let encrypted = stream.is_tls();
    // It goes with the first request: a session takes it out, all else is answered and drops it.
    let newcomer = Mutex::new(Some(newcomer));
    let service = hyper::service::service_fn(move |mut request: Request<Incoming>| {
        request.extensions_mut().insert(PeerAddress(peer.ip()));
        request.extensions_mut().insert(address::PeerEncrypted(encrypted));
        let newcomer = newcomer.lock().unwrap_or_else(PoisonError::into_inner).take();
        newcomer.and_then(|newcomer| request.extensions_mut().insert(newcomer));
        let answer = router.clone().oneshot(request.map(Body::new));
        async move { Ok::<_, Infallible>(answer.await.unwrap_or_else(|never| match never {})) }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADERS_WITHIN)
        .max_buf_size(HEADER_BYTES)
        .serve_connection(TokioIo::new(stream), service)
        .with_upgrades();
    let mut connection = std::pin::pin!(connection);
    // Whoever would say so may be gone: that is the same.
    let closing = async { closing.wait_for(|closing| *closing).await.map(drop).ok() };
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        _ = closing => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, %peer, "a connection broke");
    }
}
