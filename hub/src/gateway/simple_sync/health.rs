//! Health, for containers and proxies: no key is asked for.

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use serde::Serialize;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use utoipa::ToSchema;

use super::answer::Reply;
use super::app::App;

/// The version of the original whose interface this is.
const VERSION: &str = "0.4.0";

/// How the server is.
#[derive(Serialize, ToSchema)]
pub(super) struct Health {
    /// healthy or unhealthy.
    status: &'static str,
    /// The server's time.
    #[schema(format = DateTime)]
    timestamp: String,
    /// The version of the interface.
    version: &'static str,
    /// Whole seconds since the start.
    uptime: u64,
}

/// Whether events can be stored.
#[utoipa::path(get, path = "/health", operation_id = "health", tag = "health",
    responses((status = 200, description = "They can", body = Health),
        (status = 503, description = "They can not", body = Health)),
    security(()))]
pub(super) async fn show(State(app): State<App>) -> Response {
    let writes = !*app.hub().failed().borrow();
    let now = OffsetDateTime::now_utc();
    let now = now.replace_nanosecond(0).unwrap_or(now);
    let health = Health {
        status: if writes { "healthy" } else { "unhealthy" },
        timestamp: now.format(&Rfc3339).unwrap_or_default(),
        version: VERSION,
        uptime: app.uptime().as_secs(),
    };
    let status = if writes { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, Reply(health)).into_response()
}
