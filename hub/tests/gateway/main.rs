//! Gateways over real sockets, each against a hub in a process of its own.
//!
//! - `program`: the hub that a test starts, kills and starts again.
//! - `asking`: foreign requests, to the byte, and what was answered.
//! - `koreader`: reading positions of e-readers.
//! - `linkora`: the bookmark app's sync server.
//! - `simple_sync`: apps that keep a history of events.
//! - `simple_sync_import`: from simple-sync's own database, and back.
//! - `raw`: a session that speaks the hub's own wire by hand.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on has failed")]

#[allow(dead_code, reason = "each gateway asks in its own way")]
mod asking;
mod koreader;
mod linkora;
#[allow(dead_code, reason = "the tests of the process itself need more of it")]
#[path = "../process/program.rs"]
mod program;
#[allow(dead_code, reason = "the tests of sessions need more of it")]
#[path = "../sync/raw.rs"]
mod raw;
mod simple_sync;
mod simple_sync_import;

use syncline::config::Config;
use syncline::gateway;

/// A gateway that could not be turned off or moved would be there for good.
#[test]
fn every_gateway_has_its_section_of_the_settings() {
    let printed = Config::default().print();
    for gateway in gateway::ALL {
        let section = format!("[gateways.{}]", gateway.name);
        assert!(printed.contains(&section), "{section} is not in the settings");
    }
}

/// Foreign clients find the hub's own answers where no gateway claims the path.
#[tokio::test]
async fn what_no_gateway_claims_is_the_hubs_own() {
    let program = tokio::task::spawn_blocking(|| program::Program::start(&[])).await.unwrap();
    let health = asking::ask(program.address, "GET", "/healthz", &[], b"").await;
    assert_eq!(health.status, 200);
    let unknown = asking::ask(program.address, "GET", "/of/nobody", &[], b"").await;
    assert_eq!(unknown.status, 404);
}
