//! The settings of the gateways: each has a section of its own, and says in it where it is reached.

use std::net::SocketAddr;
use std::time::Duration;

use super::{Section, Setting, Slot, days};
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
        /// Whether devices may make accounts: `first`, which is until one exists, `open` or
        /// `closed`. An admin may choose otherwise while the hub runs.
        registration: Registration = Registration::First => Registering;
        /// Accounts that one address may make in a minute. 0 is no limit, for tests.
        registrations_per_minute: u32 = 10 => Count(0, 1_000_000);
        /// Wrong keys a minute for one account from one address before wrong ones have to wait.
        /// 0 is no limit. Right ones that were seen since the start never wait: a device that was
        /// offline sends 200 pushes in a row, and drops those that are refused.
        wrong_keys_per_account_minute: u32 = 20 => Count(0, 1_000_000);
        /// The same for all accounts from one address.
        wrong_keys_per_address_minute: u32 = 300 => Count(0, 1_000_000);
        /// Positions that are kept of one document, the newest.
        history_entries: u32 = 1000 => Count(1, 10_000);
        /// How long a position is kept in the history. 0 is for ever, the default: their number
        /// is a limit already.
        history_age: Duration = Duration::ZERO => Span(Duration::ZERO, days(36_500));
        /// Documents of one account. More than anybody reads.
        documents: u32 = 50_000 => Count(1, 10_000_000);
        /// Devices of one account. A program that draws a new id for every push would have a new
        /// one each time; pushes of further ones are refused.
        devices: u32 = 200 => Count(1, 10_000);
    }
}

/// Who may make accounts for devices.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Registration {
    /// Anybody, until there is an account.
    First,
    /// Anybody.
    Open,
    /// An admin alone.
    Closed,
}

impl Registration {
    const ALL: [Self; 3] = [Self::First, Self::Open, Self::Closed];

    /// The word for it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::First => "first",
            Self::Open => "open",
            Self::Closed => "closed",
        }
    }

    /// What a word stands for, if anything.
    #[must_use]
    pub fn of(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|it| it.as_str() == word)
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
