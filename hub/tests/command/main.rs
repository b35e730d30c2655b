//! The real program from outside: every command against a real hub, its output and exit codes.
//! Nothing here waits by the clock; everything that is waited for has a deadline.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on has failed")]

mod accounts;
mod acl;
mod backup;
mod data;
mod following;
mod house;
mod serving;
mod verifying;
