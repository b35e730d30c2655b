//! Every setting of the hub, once: its name, type, default, bounds, and the text that explains it.
//! The text is the field's documentation here and the comment that `config print` writes.
//! This room never reads a file or the environment, and never judges two settings together.
//!
//! ```text
//! section! { Sync ... heartbeat: Duration = seconds(15) => Span(seconds(1), hours(1)); }
//!      |
//!      +-- pub struct Sync { pub heartbeat: Duration }      what the hub reads
//!      +-- impl Default for Sync                            what holds when nothing is said
//!      +-- Setting { key: "heartbeat", doc, slot }          how it is read, printed and bounded
//! ```

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use ipnet::IpNet;

use super::value::Slot;

/// One row of the table: how a setting is named, explained, read and printed.
pub(super) struct Setting {
    /// The section, or nothing for a setting at the top of the file.
    pub(super) section: &'static str,
    /// The name within its section.
    pub(super) key: &'static str,
    /// The lines of its explanation, as the doc comment holds them.
    pub(super) doc: &'static [&'static str],
    /// Where its value lives in a [`Config`], and how it is written.
    pub(super) slot: Slot,
}

impl Setting {
    /// The full name, `section.key`.
    pub(super) fn name(&self) -> String {
        if self.section.is_empty() {
            return self.key.to_owned();
        }
        format!("{}.{}", self.section, self.key)
    }

    /// The environment variable that sets it, such as `SYNCLINE_SYNC__QUEUE_BYTES`.
    pub(super) fn variable(&self) -> String {
        format!("SYNCLINE_{}", self.name().replace('.', "__").to_uppercase())
    }
}

/// All settings in the order in which they are printed.
pub(super) fn all() -> impl Iterator<Item = &'static Setting> {
    SECTIONS.iter().flat_map(|section| section.settings)
}

/// A group of settings under one heading of the file.
pub(super) struct Section {
    /// The heading; nothing for the top of the file.
    pub(super) name: &'static str,
    /// What the group is about, for the comment above the heading.
    pub(super) doc: &'static [&'static str],
    /// Its rows.
    pub(super) settings: &'static [Setting],
}

/// The sections in the order of the printed file.
pub(super) const SECTIONS: &[Section] = &[
    Config::SECTION,
    Tls::SECTION,
    Http::SECTION,
    Log::SECTION,
    Store::SECTION,
    Sync::SECTION,
    Limits::SECTION,
    Quotas::SECTION,
    Koreader::SECTION,
    Linkora::SECTION,
    SimpleSync::SECTION,
];

const fn seconds(count: u64) -> Duration {
    Duration::from_secs(count)
}

const fn hours(count: u64) -> Duration {
    seconds(count * 3600)
}

const fn days(count: u64) -> Duration {
    hours(count * 24)
}

const KIB: u32 = 1 << 10;
const MIB: u32 = 1 << 20;
/// As `u64`, for settings that may exceed 4 GiB.
const KIB_64: u64 = 1 << 10;
const MIB_64: u64 = 1 << 20;
const GIB_64: u64 = 1 << 30;
const TIB_64: u64 = 1 << 40;

// What the sections are made with stands before the file that has more of them.
macro_rules! section {
    (
        $(#[doc = $about:literal])+
        $name:ident $section:literal at $path:tt, holds { $($part:ident: $kind:ident),* } {
            $(
                $(#[doc = $doc:literal])+
                $key:ident: $type:ty = $default:expr => $slot:ident $(($least:expr, $most:expr))?;
            )+
        }
    ) => {
        $(#[doc = $about])+
        #[derive(Clone, Debug, PartialEq)]
        pub struct $name {
            $( $(#[doc = $doc])+ pub $key: $type, )+
            $(
                #[doc = concat!("The settings under `[", stringify!($part), "]`.")]
                pub $part: $kind,
            )*
        }

        impl Default for $name {
            fn default() -> Self {
                Self { $( $key: $default, )+ $( $part: $kind::default(), )* }
            }
        }

        impl $name {
            pub(super) const SECTION: Section = Section {
                name: $section,
                doc: &[$($about),+],
                settings: &[$(
                    Setting {
                        section: $section,
                        key: stringify!($key),
                        doc: &[$($doc),+],
                        slot: section!(@slot $slot, $key, $path $(, $least, $most)?),
                    },
                )+],
            };
        }
    };
    (@slot $slot:ident, $key:ident, [top] $(, $least:expr, $most:expr)?) => {
        Slot::$slot(|config| &mut config.$key $(, $least, $most)?)
    };
    (@slot $slot:ident, $key:ident, [$($path:ident).+] $(, $least:expr, $most:expr)?) => {
        Slot::$slot(|config| &mut config.$($path).+.$key $(, $least, $most)?)
    };
}

mod gateways;

pub use gateways::{EventReads, Gateways, Koreader, Linkora, Registration, SimpleSync};

section! {
    /// The hub's settings, complete and checked: flags over environment over file over defaults.
    Config "" at [top], holds {
        tls: Tls, http: Http, log: Log, store: Store, sync: Sync, limits: Limits, quotas: Quotas,
        gateways: Gateways
    } {
        /// The folder that holds everything the hub keeps: the store, the blobs, the TLS key.
        /// A relative path counts from the folder in which the hub is started.
        data: PathBuf = PathBuf::from("./syncline-data") => Path;
        /// Addresses and ports to listen on. Only this machine by default, since a hub is to be
        /// opened to a network on purpose; `0.0.0.0:7962` and `[::]:7962` are every interface.
        listen: Vec<SocketAddr> = vec![SocketAddr::from((Ipv4Addr::LOCALHOST, 7962))] => Addresses;
    }
}

section! {
    /// TLS, on the same port as clear text: the first byte of a connection tells which it is.
    Tls "tls" at [tls], holds {} {
        /// Whether TLS is offered at all. On, since some apps speak nothing else; turn it off only
        /// where a proxy ends TLS on the same machine.
        enabled: bool = true => Switch;
        /// A PEM file with the certificate and its chain, read again when it changes. Without it
        /// the hub makes a self-signed certificate and keeps it in the data folder.
        certificate: Option<PathBuf> = None => File;
        /// The PEM file with the private key of that certificate.
        key: Option<PathBuf> = None => File;
        /// Host names and addresses written into the generated certificate. None by default: a
        /// wrong name is refused by apps that accept a certificate without any.
        names: Vec<String> = Vec::new() => Hosts;
    }
}

section! {
    /// HTTP: whom to believe, and which browser pages may connect.
    Http "http" at [http], holds {} {
        /// Networks of the reverse proxies whose X-Forwarded-For is believed. None by default,
        /// since anybody can send that header.
        trusted_proxies: Vec<IpNet> = Vec::new() => Networks;
        /// Browser origins that may connect besides the hub's own pages, such as
        /// `https://notes.example.org`. None by default: a page needs permission, an app does not.
        allowed_origins: Vec<String> = Vec::new() => Origins;
        /// A file with the token that may read /metrics. Without it only this machine may.
        metrics_token_file: Option<PathBuf> = None => File;
        /// How long a browser stays logged in. A week, so that a person logs in now and then, and a
        /// forgotten browser is out in the end.
        session_lifetime: Duration = days(7) => Span(seconds(300), days(90));
    }
}

section! {
    /// What the hub tells about itself, on standard error.
    Log "log" at [log], holds {} {
        /// Which events are logged, such as `info` or `warn,syncline=debug`. Debug shows one line
        /// for each session and push, which is too much to keep.
        filter: String = "info".to_owned() => Filter;
        /// How a line is written: `pretty`, `json`, or `auto`, which is pretty on a terminal and
        /// JSON for a collector.
        format: LogFormat = LogFormat::Auto => Format;
    }
}

/// How log lines are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// Pretty on a terminal, JSON otherwise.
    Auto,
    /// For people: one line an event, coloured on a terminal.
    Pretty,
    /// For collectors: one JSON object a line.
    Json,
}

section! {
    /// The store: memory, and how long history is kept.
    Store "store" at [store], holds {} {
        /// Memory for the store's page cache. As much as the part of the data that is in use;
        /// less makes every read a disk read.
        cache_bytes: u64 = GIB_64 => Size64(MIB_64, TIB_64);
        /// How long a deletion is remembered. A replica that was away for longer reports what it
        /// wrote to deleted records as conflicts; remembering costs about 100 bytes a deletion.
        tombstone_retention: Duration = days(90) => Span(hours(1), days(36_500));
        /// How long a value that lost to a concurrent write can be brought back.
        conflict_retention: Duration = days(30) => Span(hours(1), days(36_500));
        /// Lost values kept for one field, the newest. More are of no use to a person.
        conflicts_per_field: u32 = 16 => Count(0, 1024);
        /// Bytes of lost values kept for one space, so that a quarrel of two devices ends.
        conflict_bytes_per_space: u64 = 16 * MIB_64 => Size64(0, TIB_64);
        /// How long the answer to a guarded push is kept for a replica that never came back
        /// to hear it.
        outcome_retention: Duration = days(30) => Span(hours(1), days(36_500));
        /// Rest between two batches of compaction, so that writes go on meanwhile.
        compaction_pause: Duration = Duration::from_millis(5) => Span(Duration::ZERO, seconds(60));
        /// Log entries removed in one batch of compaction. Removals are the store's slowest
        /// operation, and a batch is how long a write may have to wait.
        compaction_batch: u32 = 256 => Count(1, 1_000_000);
        /// So much of the journal is written before the store's own file is brought up to date.
        /// More makes that rarer and each time longer, and so a start after a crash, which reads
        /// the journal back. Writes go on meanwhile, until it is twice as long.
        journal_bytes: u64 = 32 * MIB_64 => Size64(MIB_64, 4 * GIB_64);
        /// How long the store's file may lie behind the journal when there is little to write. What
        /// was acknowledged is safe in either of them.
        checkpoint_interval: Duration = seconds(5) => Span(seconds(1), hours(1));
        /// How often the hub looks for work: retention, compaction, blobs that nothing names.
        maintenance_interval: Duration = seconds(60) => Span(seconds(1), days(1));
    }
}

section! {
    /// Live synchronisation: clocks, sessions, queues.
    Sync "sync" at [sync], holds {} {
        /// How far ahead of the hub a replica's clock may stamp. Further is refused, so that one
        /// wrong clock cannot win every merge for years.
        max_clock_drift: Duration = seconds(60) => Span(seconds(1), days(1));
        /// How often a quiet session hears from the hub. Short enough for the idle timeouts of
        /// proxies, which begin at 30 s.
        heartbeat: Duration = seconds(25) => Span(seconds(1), hours(1));
        /// How long a session may say nothing before it is taken for dead.
        idle_timeout: Duration = seconds(60) => Span(seconds(2), days(1));
        /// How long a new connection may take to say who it is, its TLS handshake included.
        hello_timeout: Duration = seconds(10) => Span(seconds(1), seconds(600));
        /// Bytes that wait for one slow session. When they are reached the queue is dropped and
        /// the session reads on from the log: a slow reader costs this much, and loses nothing.
        queue_bytes: u64 = MIB_64 => Size64(16 * KIB_64, GIB_64);
        /// Bytes of one part of a catch-up. Smaller lets live changes between parts sooner, larger
        /// costs fewer reads.
        page_bytes: u64 = 256 * KIB_64 => Size64(4 * KIB_64, 64 * MIB_64);
        /// Bytes of waiting pushes that one commit takes. A commit costs one disk flush whatever it
        /// holds, and everybody in it waits for all of it.
        batch_bytes: u64 = MIB_64 => Size64(16 * KIB_64, 256 * MIB_64);
        /// Deltas that one commit takes, for the same reason.
        batch_deltas: u32 = 4096 => Count(1, 1_000_000);
        /// The time from one commit to the next, at least, on a disk that stalls. Disks of rented
        /// machines allow so many writes a second and then none for a while: for a minute after
        /// each time commits keep this distance. A lone write after a quiet moment does not wait.
        batch_interval: Duration = Duration::from_micros(750) => Span(Duration::ZERO, seconds(1));
        /// Bytes of pushes that may wait for the disk in all. Beyond this, sessions are not read
        /// until there is room.
        intake_bytes: u64 = 64 * MIB_64 => Size64(MIB_64, 64 * GIB_64);
        /// The share of that which one session may hold, so that one cannot fill it alone.
        session_intake_bytes: u64 = 2 * MIB_64 => Size64(16 * KIB_64, 64 * GIB_64);
        /// How long a stopping hub waits for its sessions to take their leave.
        drain_timeout: Duration = seconds(10) => Span(Duration::ZERO, seconds(600));
        /// How long after a restore replicas may give back what is newer than the backup.
        heal_window: Duration = days(30) => Span(Duration::ZERO, days(36_500));
    }
}

section! {
    /// Limits on what one message, session, person or address may do. None may be without end.
    Limits "limits" at [limits], holds {} {
        /// Bytes of one WebSocket message.
        frame_bytes: u32 = MIB => Size32(4 * KIB, 64 * MIB);
        /// Bytes of one field's value in a push of a session. Larger things are blobs.
        value_bytes: u32 = MIB => Size32(64, 64 * MIB);
        /// The same for gateways, whose protocols carry whole documents.
        door_value_bytes: u32 = 32 * MIB => Size32(64, 256 * MIB);
        /// Bytes of a record's key, the length of a long web address.
        key_bytes: u32 = 1024 => Size32(16, 32 * KIB);
        /// Fields of one record.
        fields: u32 = 256 => Count(1, 65_536);
        /// Deltas of one push of a session: it is applied whole, and others wait for it.
        deltas_per_push: u32 = 10_000 => Count(1, 1_000_000);
        /// The same for gateways and imports.
        door_deltas_per_push: u32 = 200_000 => Count(1, 10_000_000);
        /// How deep maps and arrays in a value may nest. Deeper is an attack on a parser's stack.
        nesting: u32 = 32 => Count(1, 128);
        /// Spaces that one session may subscribe to.
        subscriptions_per_session: u32 = 64 => Count(1, 65_536);
        /// Sessions in all. Each costs about 20 KiB and one file descriptor.
        sessions: u32 = 20_000 => Count(1, 10_000_000);
        /// Sessions of one user. As many as in all by default: who shares a hub may lower it.
        sessions_per_user: u32 = 20_000 => Count(1, 10_000_000);
        /// Connections of one address that have not yet said who they are.
        unauthenticated_per_address: u32 = 64 => Count(1, 1_000_000);
        /// Deltas a second that one user may write, ten seconds' worth at once. 0 is no limit,
        /// the default: the disk is a limit already.
        deltas_per_second_per_user: u32 = 0 => Count(0, 100_000_000);
        /// Bytes of one signal or presence. They are kept nowhere and go to everybody.
        signal_bytes: u32 = 16 * KIB => Size32(64, MIB);
        /// Signals a second that one session may send: a cursor on a screen, not a video.
        signals_per_second: u32 = 50 => Count(1, 100_000);
        /// Wrong secrets a minute from one address before it has to wait. A right one that takes no
        /// slow check never waits: a token, and a password that was seen since the start.
        failed_logins_per_minute: u32 = 10 => Count(1, 1_000_000);
    }
}

section! {
    /// Quotas: what one person or one space may hold.
    Quotas "quotas" at [quotas], holds {} {
        /// Spaces that one user may own.
        spaces_per_user: u32 = 1000 => Count(1, 10_000_000);
        /// Bytes of one space's records. 0 is no limit, the default: the disk is the owner's.
        space_bytes: u64 = 0 => Size64(0, 1 << 62);
        /// Records of one space. 0 is no limit.
        space_records: u64 = 0 => Count64(0, 1 << 62);
        /// Fields that one record may hold, dropped ones counted. 256, so that no write makes a
        /// record that others can hardly carry.
        record_fields: u32 = 256 => Count(1, 65_536);
    }
}
