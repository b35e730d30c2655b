//! The hub.

pub mod access;
pub mod config;
