//! KOReader: reading positions of every device, with their history. README.md beside this file has
//! the protocol as it is served here.
//!
//! ```text
//! device > serve: wire in > credentials > the door, with a request > wire out
//!                                          rule > ledger > policy: what becomes of it
//! person > admin: books, history, titles, joins, settings > the door
//! ```
//! Routes are thin; what is decided is decided in `rule`, in log order.

mod accounts;
mod admin;
mod compatible;
mod cors;
mod import;
mod ledger;
mod library;
mod mapping;
mod policy;
mod request;
mod rule;
mod serve;
mod titles;
mod wire;
mod wrong;

use axum::Router;
use http::Method;

use super::{Claim, Gateway, Mount, When};
use crate::hub::{Derivation, Hub};

/// KOReader's entry in the list of gateways.
pub const GATEWAY: Gateway = Gateway {
    name: mapping::REALM,
    prefixes: &["/kosync", "/koreader"],
    claims: CLAIMS,
    rule: Some(rule::RULE),
    router,
    admin: Some(admin::router),
    start: None,
    mount: |config| {
        let settings = &config.gateways.koreader;
        Mount { enabled: settings.enabled, hosts: &settings.hosts, listen: &settings.listen }
    },
    derives: Some(Derivation { realm: mapping::REALM, derive: mapping::key_of }),
};

const fn claim(methods: &'static [Method], path: &'static str) -> Claim {
    Claim { methods, path, when: When::Always }
}

const GET: &[Method] = &[Method::GET, Method::OPTIONS];
const POST: &[Method] = &[Method::POST, Method::OPTIONS];
const PUT: &[Method] = &[Method::PUT, Method::OPTIONS];
const DELETE: &[Method] = &[Method::DELETE, Method::OPTIONS];

/// A slash at the end is no other path to a device.
const CLAIMS: &[Claim] = &[
    claim(GET, "/healthcheck"),
    claim(GET, "/healthcheck/"),
    claim(POST, "/users/create"),
    claim(POST, "/users/create/"),
    claim(GET, "/users/auth"),
    claim(GET, "/users/auth/"),
    claim(PUT, "/users/password"),
    claim(PUT, "/users/password/"),
    claim(DELETE, "/users/me"),
    claim(DELETE, "/users/me/"),
    claim(PUT, "/syncs/progress"),
    claim(PUT, "/syncs/progress/"),
    claim(GET, "/syncs/progress/{document}"),
    claim(GET, "/syncs/progress/{document}/"),
    claim(GET, "/api/documents.all"),
    claim(PUT, "/api/documents.update"),
];

fn router(hub: Hub) -> Router {
    let gate = std::sync::Arc::new(serve::Gate::new(hub));
    Router::new().fallback(serve::serve).with_state(gate)
}
