//! Linkora: the gateway as its app meets it, a real hub process on the other side.
//!
//! - `kit`: the hub, requests, and an app's event socket.
//! - `transcript`: a worked exchange, key by key.
//! - `routes`: every route, its effect and its event.
//! - `repeats`: what apps send twice.
//! - `storm`: random operations against a model of this protocol, with a crash in the middle.
//! - `late`: a device that only asks, second by second.
//! - `native`: bookmarks that come by another way, and go another way.
//! - `trash`: what was deleted, and how it comes back.
//! - `hostile`: what must change nothing, and tell nothing.
//! - `secure`: the app's own kind of TLS.
//! - `moving`: databases in and out, backups.
//! - `accounts`: tokens as the README says, and data sets that come and go.
//! - `figures`: bounds that only a broken hub misses.

mod accounts;
mod figures;
mod hostile;
mod kit;
mod late;
mod model;
mod moving;
mod native;
mod repeats;
mod routes;
mod secure;
mod storm;
mod transcript;
mod trash;
