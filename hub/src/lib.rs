//! The hub.

pub mod access;
pub mod config;
pub mod logging;
pub mod tls;
