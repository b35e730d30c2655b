//! The real program in a process of its own: what it weighs, and what it survives.
//!
//! Sizes are small here and grow by environment variables: `make soak` sets them.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on has failed")]

mod program;
#[path = "../sync/raw.rs"]
#[allow(dead_code, reason = "not every test binary uses all of the raw client")]
mod raw;
mod survival;
mod weight;

/// A size that an environment variable may set.
fn size(variable: &str, default: usize) -> usize {
    std::env::var(variable).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}
