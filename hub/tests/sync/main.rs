//! A hub with real sockets: what is written here is read there, what is refused is refused in the
//! right words, and nobody else notices.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on has failed")]

mod guards;
mod harness;
mod refusals;
mod rules;
mod sessions;
