//! The hub.

pub mod access;
pub mod config;
pub mod listen;
pub mod logging;
pub mod tls;
