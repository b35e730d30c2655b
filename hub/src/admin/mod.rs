//! The hub's HTTP API under `/hub/v1`: records, changes, accounts, tokens, spaces, conflicts,
//! devices, limits, figures and backups, for scripts, for the command and for the dashboard.
//!
//! ```text
//! records push changes follow       what spaces hold       body change condition
//! spaces collections limits conflicts                      place page
//! users tokens session              who may                caller cookie
//! devices figures problems rejects settings backup         answer document
//! ```
//! Routes are thin: they read a request, ask the door, and say what it answered. They have no way
//! to data but the door. What a route says of itself mounts it, so that the OpenAPI document is the
//! router's own.

mod acl;
mod answer;
mod backup;
mod body;
mod caller;
mod change;
mod changes;
mod collections;
mod condition;
mod conflicts;
pub(crate) mod cookie;
mod devices;
mod document;
mod figures;
mod follow;
mod grammar;
mod limits;
mod page;
mod place;
mod problems;
mod push;
mod records;
mod rejects;
mod session;
mod settings;
mod spaces;
mod tokens;
mod users;

#[cfg(test)]
mod tests;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware::from_fn_with_state;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::hub::Hub;
use answer::{no_method, no_route};

pub use document::document;

/// Bytes of a request's body, but for those that carry data: names, roles and passwords.
const BODY_BYTES: usize = 64 * 1024;

/// All routes, with those of the gateways, each under `/gateways/<name>`. Every request carries a
/// [`crate::hub::ClientAddress`] and [`crate::hub::Encrypted`] as extensions, put there by whoever
/// knows which proxies to believe.
pub fn router(hub: Hub, gateways: Router<Hub>) -> Router {
    let (router, _) = routes().split_for_parts();
    let gateways = gateways.layer(from_fn_with_state(hub.clone(), caller::authenticated));
    router
        .nest("/gateways", gateways)
        .fallback(no_route)
        .method_not_allowed_fallback(no_method)
        .layer(DefaultBodyLimit::max(BODY_BYTES))
        .with_state(hub)
}

fn routes() -> OpenApiRouter<Hub> {
    OpenApiRouter::new()
        .routes(routes!(document::show))
        .routes(routes!(session::show, session::log_in, session::log_out))
        .routes(routes!(users::whoami))
        .routes(routes!(users::list, users::add))
        .routes(routes!(users::remove))
        .routes(routes!(users::set_password))
        .routes(routes!(limits::of_user, limits::set_of_user))
        .routes(routes!(tokens::list, tokens::create))
        .routes(routes!(tokens::revoke))
        .routes(routes!(spaces::list, spaces::create))
        .routes(routes!(spaces::show, spaces::remove))
        .routes(routes!(spaces::members))
        .routes(routes!(spaces::set_member, spaces::remove_member))
        .routes(routes!(acl::list, acl::set, acl::remove))
        .routes(routes!(acl::explain))
        .routes(routes!(limits::of_space, limits::set_of_space))
        .routes(routes!(collections::list))
        .routes(routes!(collections::set_retention))
        .routes(routes!(records::list))
        .routes(routes!(records::show, records::replace, records::change, records::delete))
        .routes(routes!(push::push))
        .routes(routes!(changes::follow))
        .routes(routes!(conflicts::list))
        .routes(routes!(conflicts::restore))
        .routes(routes!(devices::list))
        .routes(routes!(devices::replicas))
        .routes(routes!(devices::sessions))
        .routes(routes!(devices::dismiss))
        .routes(routes!(figures::stats))
        .routes(routes!(figures::overview))
        .routes(routes!(rejects::list))
        .routes(routes!(settings::show))
        .routes(routes!(limits::show))
        .routes(routes!(backup::backup))
}
