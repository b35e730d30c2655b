//! What an operator sees and does: accounts, tokens, spaces, conflicts, devices, figures and
//! backups, as JSON over HTTP under `/hub/v1`.
//!
//! Routes are thin: they read a request, ask the door, and say what it answered. They have no way
//! to data but the door, and every refusal is one of the protocol's codes.

mod answer;
mod backup;
mod caller;
mod conflicts;
mod devices;
mod figures;
mod spaces;
mod tokens;
mod users;

#[cfg(test)]
mod tests;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::routing::{delete, get, post, put};

use crate::hub::Hub;
use answer::{no_method, no_route};

pub use caller::ClientAddress;

/// Bytes of a request's body: names, roles and passwords, never data.
const BODY_BYTES: usize = 64 * 1024;

/// All admin routes. Every request carries a [`ClientAddress`] as an extension, put there by
/// whoever knows which proxies to believe.
pub fn router(hub: Hub) -> Router {
    Router::new()
        .route("/whoami", get(users::whoami))
        .route("/users", get(users::list).post(users::add))
        .route("/users/{user}", delete(users::remove))
        .route("/users/{user}/password", put(users::set_password))
        .route("/tokens", get(tokens::list).post(tokens::create))
        .route("/tokens/{id}", delete(tokens::revoke))
        .route("/spaces", get(spaces::list).post(spaces::create))
        .route("/spaces/{space}", get(spaces::show).delete(spaces::remove))
        .route("/spaces/{space}/members", get(spaces::members))
        .route(
            "/spaces/{space}/members/{user}",
            put(spaces::set_member).delete(spaces::remove_member),
        )
        .route("/spaces/{space}/conflicts", get(conflicts::list))
        .route("/spaces/{space}/conflicts/{id}/restore", post(conflicts::restore))
        .route("/devices", get(devices::list))
        .route("/sessions", get(devices::sessions))
        .route("/sessions/{id}", delete(devices::dismiss))
        .route("/stats", get(figures::stats))
        .route("/backup", get(backup::backup))
        .fallback(no_route)
        .method_not_allowed_fallback(no_method)
        .layer(DefaultBodyLimit::max(BODY_BYTES))
        .with_state(hub)
}
