//! The routes as they would be alone on a port.

use std::sync::Arc;

use axum::Router;
use axum::extract::{DefaultBodyLimit, Request, State};
use axum::http::StatusCode;
use axum::middleware::from_fn;
use axum::response::{IntoResponse as _, Response};
use axum::routing::{MethodRouter, get, post};
use dashmap::DashMap;
use syncline_protocol::SpaceName;

use super::command::{ROUTES, Route};
use super::socket::Sockets;
use super::{auth, cors, reads, socket, writes};
use crate::hub::{Hub, random_u64};

/// The original takes any body; a link may carry its picture, and a list thousands of ids.
pub(super) const BODY_BYTES: usize = 40 << 20;

/// The one route that writes and is asked by GET.
const BY_GET: &str = "FORCE_SET_DEFAULT_FOLDER_TO_INTERNAL_IDS";

/// What every request may need.
#[derive(Clone)]
pub(super) struct App {
    pub(super) hub: Hub,
    pub(super) sockets: Arc<Sockets>,
    /// Names this run: sockets of an earlier one are gone.
    pub(super) run: u64,
    /// Data sets that are known to be there.
    pub(super) opened: Arc<DashMap<SpaceName, ()>>,
}

/// All routes.
pub(super) fn router(hub: Hub) -> Router {
    let app = App { hub, sockets: Arc::default(), run: random_u64(), opened: Arc::default() };
    let mut router = Router::new()
        .route("/", get(test))
        .route("/health", get(|| async { "ok\n" }))
        .route("/linkora.cer", get(auth::certificate));
    let reads: [(&str, MethodRouter<App>); 8] = [
        ("TEST_BEARER", get(test)),
        ("events", get(socket::upgrade)),
        ("GET_UPDATES", get(reads::updates)),
        ("GET_TOMBSTONES", get(reads::tombstones)),
        ("GET_TAGS", get(reads::tags)),
        ("GET_ROOT_FOLDERS", get(reads::root_folders)),
        ("GET_CHILD_FOLDERS", post(reads::child_folders)),
        ("SEARCH_FOR_FOLDERS", post(reads::search)),
    ];
    for (name, method) in reads {
        router = with(router, name, &method);
    }
    for route in ROUTES.iter().filter(|route| !route.name.starts_with('.')) {
        router = with(router, route.name, &writer(route));
    }
    router
        .fallback(|| async { (StatusCode::NOT_FOUND, "There is no such route\n") })
        .layer(DefaultBodyLimit::max(BODY_BYTES))
        .layer(from_fn(cors::allow))
        .with_state(app)
}

/// One slash behind a name is no other name.
fn with(router: Router<App>, name: &str, method: &MethodRouter<App>) -> Router<App> {
    router.route(&format!("/{name}"), method.clone()).route(&format!("/{name}/"), method.clone())
}

fn writer(route: &'static Route) -> MethodRouter<App> {
    if route.name == BY_GET {
        return get(move |State(app): State<App>, request: Request| async move {
            writes::force(&app, route, request).await
        });
    }
    post(move |State(app): State<App>, request: Request| async move {
        writes::write(&app, route, request).await
    })
}

/// The connection test: a good token, and nothing else.
async fn test(State(app): State<App>, request: Request) -> Response {
    match auth::caller(&app, &request).await {
        Ok(_) => StatusCode::OK.into_response(),
        Err(refusal) => refusal,
    }
}
