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
    /// The settings under `[gateways.simple_sync]`.
    pub simple_sync: SimpleSync,
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

section! {
    /// simple-sync: apps that keep a history of events.
    SimpleSync "gateways.simple_sync" at [gateways.simple_sync], holds {} {
        /// Whether apps are served. Turned off, what is stored stays.
        enabled: bool = true => Switch;
        /// Host names under which the whole port is this gateway's. None by default: it shares the
        /// hub's name, under its own paths.
        hosts: Vec<String> = Vec::new() => Hosts;
        /// Addresses and ports of its own, besides the hub's. None by default; apps that knew
        /// another server may want its port: 8080.
        listen: Vec<SocketAddr> = Vec::new() => Addresses;
        /// Histories beside the one at /api/v1, each with users, keys and rules of its own. They
        /// are at /apps/NAME/api/v1.
        apps: Vec<String> = Vec::new() => Names;
        /// Who sees events: `open` for every user, as with the original server, or `acl` for their
        /// author and whom the rules allow the action `.read`.
        read: EventReads = EventReads::Open => Reads;
        /// Origins of web pages that may use this gateway, such as `https://tasks.example.org`.
        origins: Vec<String> = Vec::new() => Origins;
        /// A key of `.root`, for a start without a setup token: `sk_` and 43 characters of base64.
        root_key: Option<Secret> = None => Secret;
        /// The largest body of a request.
        body_bytes: u32 = 16 << 20 => Size32(1 << 10, 1 << 30);
        /// Events of one push at most.
        events_per_push: u32 = 10_000 => Count(1, 200_000);
        /// Rules that one request adds at most.
        rules_per_request: u32 = 1_000 => Count(1, 10_000);
        /// The longest payload of an event.
        payload_bytes: u32 = 1 << 20 => Size32(1, 16 << 20);
        /// The longest description of a key, in characters.
        description_chars: u32 = 255 => Count(1, 1_000);
        /// Wrong setup tokens a minute from one address before others have to wait.
        wrong_tokens_per_minute: u32 = 60 => Count(30, 1_000_000);
        /// Whether a payload must be the text of a JSON object.
        strict_payload: bool = false => Switch;
        /// Whether the time of an event may be told in milliseconds too. It is kept in seconds.
        milliseconds: bool = false => Switch;
        /// Whether only patterns that begin with a dot match names that do, so that a rule for `*`
        /// is not one for keys and rules as well.
        dotted: bool = false => Switch;
        /// Actions whose payload sets the fields of a document of the event's item, the newest of
        /// each field winning. None by default: then there are no documents.
        set_actions: Vec<String> = Vec::new() => Words;
        /// Actions that delete such a document.
        delete_actions: Vec<String> = Vec::new() => Words;
        /// Whether apps are served that were written for the first form of the interface, at
        /// /events and /auth/token.
        seed: bool = false => Switch;
    }
}

/// Who sees events.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EventReads {
    /// Every user.
    Open,
    /// Their author, and whom rules allow.
    Acl,
}

impl EventReads {
    /// The word for it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Acl => "acl",
        }
    }
}
