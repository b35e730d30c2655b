//! The routes, as they would be alone on a port.

use axum::Router;
use axum::extract::Request;
use axum::middleware::from_fn_with_state;
use axum::response::{IntoResponse, Response};
use http::{Method, StatusCode, header};
use tower_http::compression::CompressionLayer;
use utoipa::openapi::OpenApi;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::answer::Refused;
use super::app::App;
use super::fault::Fault;
use super::mapping::{DEFAULT_APP, space_of};
use super::{document, events, health, live, rules, seed, start, users};
use crate::hub::Hub;

const BASE: &str = "/api/v1";

/// All apps that are served.
pub(super) fn router(hub: Hub) -> Router {
    let names = start::apps(&hub).into_iter();
    let mount = move |router: Router, name: String| {
        let Ok(space) = space_of(&name) else { return router };
        let app = App::new(hub.clone(), space);
        let router = match hub.config().gateways.simple_sync.seed && name == DEFAULT_APP {
            true => router.merge(seed::routes().with_state(app.clone())),
            false => router,
        };
        let app = self::app(app);
        let router = router.nest(&format!("/apps/{name}{BASE}"), app.clone());
        if name == DEFAULT_APP { router.nest(BASE, app) } else { router }
    };
    let router = names.fold(Router::new(), mount);
    router.fallback(no_route).layer(CompressionLayer::new().gzip(true))
}

/// The document of the routes.
pub(super) fn document() -> OpenApi {
    OpenApiRouter::with_openapi(document::root()).nest(BASE, v1()).split_for_parts().1
}

fn app(app: App) -> Router {
    let (router, _) = v1().split_for_parts();
    let router = router.fallback(no_route).method_not_allowed_fallback(no_method);
    let router = match app.hub().config().gateways.simple_sync.seed {
        true => router.layer(from_fn_with_state(app.clone(), seed::divert)),
        false => router,
    };
    router.layer(from_fn_with_state(app.clone(), super::cors::allow)).with_state(app)
}

fn v1() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(health::show))
        .routes(routes!(events::read, events::add))
        .routes(routes!(live::follow))
        .routes(routes!(rules::add))
        .routes(routes!(users::generate))
        .routes(routes!(users::exchange))
        .routes(routes!(users::reset))
        .routes(routes!(document::show))
}

/// A slash at the end is one too many: the address without it is told, relative to this one, for
/// whatever stands before the path is known to others alone.
async fn no_route(request: Request) -> Response {
    let path = request.uri().path();
    let last = path.strip_suffix('/').and_then(|path| path.rsplit('/').next());
    let Some(last) = last.filter(|last| !last.is_empty()) else {
        return Refused::from(Fault::NOT_FOUND).into_response();
    };
    let status = match *request.method() {
        Method::GET | Method::HEAD => StatusCode::MOVED_PERMANENTLY,
        _ => StatusCode::TEMPORARY_REDIRECT,
    };
    let query = request.uri().query().map(|query| format!("?{query}")).unwrap_or_default();
    (status, [(header::LOCATION, format!("../{last}{query}"))]).into_response()
}

async fn no_method() -> Response {
    Refused::from(Fault::METHOD).into_response()
}
