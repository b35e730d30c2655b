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
mod answer;
mod app;
mod caller;
mod check;
mod cors;
mod cursor;
mod document;
mod event;
mod events;
mod fault;
mod health;
mod history;
mod import;
mod live;
mod mapping;
mod permission;
mod push;
mod routes;
mod rule;
mod rules;
mod seed;
mod server_event;
mod settings;
mod setup_token;
mod start;
mod users;
mod wire;

use http::Method;

use super::{Claim, Gateway, Mount, When};

/// The entry in the list of gateways.
pub const GATEWAY: Gateway = Gateway {
    name: mapping::NAME,
    prefixes: &["/simple-sync"],
    claims: CLAIMS,
    rule: Some(rule::RULE),
    router: routes::router,
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

/// `/events` and `/auth/token` of the first form are not claimed: on the shared port the first is
/// another gateway's.
const CLAIMS: &[Claim] = &[own("/api/v1/{*rest}"), own("/apps/{app}/api/v1/{*rest}")];
