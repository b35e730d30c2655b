//! simple-sync: apps that keep a history of events work with the hub as with the original server.
//! README.md beside this file has the protocol as it is served here.
//!
//! ```text
//! request > routes > wire (form) > check > the door, as whoever asks > rule: the phases
//!         < the history, page by page   events as they come < hub.follow
//! ```
//! Routes are thin. What depends on records is decided by the rule, in log order, so that native
//! clients are judged alike.

mod acl;
mod admin;
mod check;
mod event;
mod fault;
mod import;
mod mapping;
mod permission;
mod rule;
mod settings;
mod setup_token;
mod start;

use axum::Router;
use http::Method;

use super::{Claim, Gateway, Mount, When};
use crate::hub::Hub;

/// The entry in the list of gateways.
pub const GATEWAY: Gateway = Gateway {
    name: mapping::NAME,
    prefixes: &["/simple-sync"],
    claims: CLAIMS,
    rule: Some(rule::RULE),
    router,
    admin: Some(admin::router),
    start: Some(start::start),
    mount: |config| {
        let own = &config.gateways.simple_sync;
        Mount { enabled: own.enabled, hosts: &own.hosts, listen: &own.listen }
    },
    derives: None,
};

const fn own(path: &'static str) -> Claim {
    const ANY: &[Method] = &[];
    Claim { methods: ANY, path, when: When::Always }
}

const CLAIMS: &[Claim] = &[own("/api/v1/{*rest}"), own("/apps/{app}/api/v1/{*rest}")];

fn router(_hub: Hub) -> Router {
    Router::new()
}
