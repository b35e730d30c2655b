//! The HTTP API over real sockets: what scripts and the dashboard do, who may, and every way in
//! which it says no.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on has failed")]

mod asking;
mod browser;
mod changes;
mod dashboard;
mod document;
#[path = "../sync/harness.rs"]
#[allow(dead_code, reason = "not every test binary uses all of the harness")]
mod harness;
mod operation;
#[path = "../sync/raw.rs"]
#[allow(dead_code, reason = "not every test binary uses all of the raw client")]
mod raw;
mod records;
