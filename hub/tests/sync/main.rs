//! A hub with real sockets: what is written here is read there, what is refused is refused in the
//! right words, and nobody else notices.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on has failed")]

mod access;
mod guards;
mod harness;
#[allow(dead_code, reason = "not every test binary uses all of the raw client")]
mod raw;
mod refusals;
mod rules;
mod sessions;
