//! The hub: sessions and gateways outside, one store inside, one door between them.
//!
//! `hub.rs` is the door; `engine.rs` decides and merges; `store` remembers; everything else brings
//! bytes to them or takes bytes away. ARCHITECTURE.md has the map.

pub mod access;
pub mod admin;
pub mod admit;
pub mod cli;
pub mod config;
pub mod engine;
pub mod fanout;
pub mod gateway;
pub mod http;
pub mod hub;
pub mod listen;
pub mod logging;
pub mod metrics;
pub mod newcomer;
pub mod publication;
pub mod selection;
pub mod serve;
pub mod socket;
pub mod store;
pub mod stream;
pub mod subscription;
pub mod tls;
pub mod writer;
