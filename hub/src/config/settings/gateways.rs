//! The settings of the gateways: each has a section of its own, and says in it where it is reached.

use std::net::SocketAddr;

use super::{Section, Setting, Slot};
use crate::config::Secret;

/// The settings under `[gateways]`, one section for each gateway.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct Gateways {
    /// The settings under `[gateways.koreader]`.
    pub koreader: Koreader,
    /// The settings under `[gateways.linkora]`.
    pub linkora: Linkora,
}

section! {
    /// KOReader: reading progress of e-readers.
    Koreader "gateways.koreader" at [gateways.koreader], holds {} {
        /// Whether devices are served. Turned off, what is stored stays.
        enabled: bool = true => Switch;
        /// Host names under which the whole port is this gateway's. None by default: it shares the
        /// hub's name, under its own paths.
        hosts: Vec<String> = Vec::new() => Hosts;
        /// Addresses and ports of its own, besides the hub's. None by default; devices that knew
        /// another server may want its port: 7200, 17200 or 8080.
        listen: Vec<SocketAddr> = Vec::new() => Addresses;
    }
}

section! {
    /// Linkora: bookmarks.
    Linkora "gateways.linkora" at [gateways.linkora], holds {} {
        /// Whether apps are served. Turned off, what is stored stays.
        enabled: bool = true => Switch;
        /// Host names under which the whole port is this gateway's. None by default: it shares the
        /// hub's name, under its own paths.
        hosts: Vec<String> = Vec::new() => Hosts;
        /// Addresses and ports of its own, besides the hub's. None by default; apps that knew
        /// another server may want its ports: 45454, and 54545 for TLS.
        listen: Vec<SocketAddr> = Vec::new() => Addresses;
        /// A token of another server that goes on working here, as LINKORA_SERVER_AUTH_TOKEN gives
        /// it. None by default: make a token of the hub for each device, which can be revoked.
        auth_token: Option<Secret> = None => Secret;
        /// The account that such a token stands for.
        account: String = "admin".to_owned() => Account;
        /// Whether every update of a link is followed by a move that tells apps its folder again:
        /// they misread the folder in updates. Off by default, as with other servers.
        repair_moves: bool = false => Switch;
    }
}
