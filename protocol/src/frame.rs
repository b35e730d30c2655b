//! Every message that either side may send; `PROTOCOL.md` has their bytes.

use std::collections::BTreeMap;

use crate::cursor::{Cursor, Epoch, Start, ViewMark};
use crate::delta::{Applied, Push, PushId};
use crate::digest::Digest;
use crate::filter::Filter;
use crate::name::{CollectionName, DeviceId, RecordKey, ReplicaId, SpaceId, SpaceName};
use crate::reject::Reject;
use crate::value::Value;

/// The WebSocket subprotocol.
pub const SUBPROTOCOL: &str = "syncline.v1";
/// The version that hello names.
pub const VERSION: u64 = 1;

/// What a client may send.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ClientFrame {
    /// The first frame: who is there.
    Hello(Hello),
    /// Asks for the deltas of a space, from a place on.
    Subscribe {
        /// The space.
        space: SpaceName,
        /// What of it.
        filter: Filter,
        /// From where.
        start: Start,
    },
    /// Ends a subscription.
    Unsubscribe {
        /// The space.
        space: SpaceName,
    },
    /// Deltas to apply.
    Push(Push),
    /// How far the client has read; sent now and then, for people to see.
    Seen {
        /// The space.
        space: SpaceName,
        /// The cursor's sequence.
        sequence: u64,
    },
    /// Asks for the digests of what the subscription shows.
    Verify {
        /// The space.
        space: SpaceName,
    },
    /// A message for those in the space now; not stored.
    Signal {
        /// The space.
        space: SpaceName,
        /// What to say.
        value: Value,
    },
    /// This device's state for those in the space now and those who join; not stored.
    Presence {
        /// The space.
        space: SpaceName,
        /// The state, or none to leave.
        value: Option<Value>,
    },
    /// Asks for a pong.
    Ping {
        /// Comes back with the pong.
        nonce: u64,
    },
}

/// Who is there.
#[derive(Clone, PartialEq, Eq)]
pub struct Hello {
    /// The protocol version.
    pub version: u64,
    /// The replica that will stamp in this session.
    pub replica: ReplicaId,
    /// The lasting id of the device.
    pub device: DeviceId,
    /// The name of the device, for people; at most 128 bytes.
    pub name: String,
    /// The API token.
    pub token: String,
    /// What the device's clock shows, in milliseconds since 1970.
    pub clock_ms: u64,
    /// For each replica that has pushes without an answer the first of them: what came before it,
    /// and every push of this session's replica when it is not named, is done with.
    pub outbox: Vec<PushId>,
    /// Anything else worth telling, such as the client's version; at most 16 short texts.
    pub attributes: BTreeMap<String, String>,
}

impl std::fmt::Debug for Hello {
    /// Everything but the token, which no log may hold.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Hello")
            .field("version", &self.version)
            .field("replica", &self.replica)
            .field("device", &self.device)
            .field("name", &self.name)
            .field("clock_ms", &self.clock_ms)
            .field("outbox", &self.outbox.len())
            .finish_non_exhaustive()
    }
}

/// What a hub may send.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HubFrame {
    /// The answer to a good hello.
    Welcome(Welcome),
    /// The answer to a good subscribe; what follows is a snapshot or changes.
    Subscribed {
        /// The space.
        space: SpaceName,
        /// Which life of it.
        id: SpaceId,
        /// The log's epoch, the last sequence at this moment, and the view's mark.
        head: Cursor,
        /// Whether the principal may write here.
        writable: bool,
    },
    /// A snapshot begins.
    SnapshotBegin {
        /// The space.
        space: SpaceName,
        /// Which life of it.
        id: SpaceId,
        /// What it means for what the replica holds.
        mode: SnapshotMode,
        /// How much is to come, as counted at its beginning.
        total: Total,
    },
    /// Records of a snapshot.
    SnapshotPart {
        /// The space.
        space: SpaceName,
        /// Counts the parts of one snapshot from 0.
        part: u64,
        /// What the records show.
        deltas: Vec<Applied>,
    },
    /// A snapshot ends; what was applied since it began follows as changes.
    SnapshotEnd {
        /// The space.
        space: SpaceName,
        /// How many parts there were.
        parts: u64,
        /// Where the log stood when the snapshot began.
        cursor: Cursor,
    },
    /// Deltas in the order of the log: all of the view that lie in (before, last].
    Changes {
        /// The space.
        space: SpaceName,
        /// The frame joins a cursor at or after this sequence.
        before: u64,
        /// The cursor's sequence after this frame.
        last: u64,
        /// Whether more of the same catch-up follows.
        more: bool,
        /// The deltas.
        deltas: Vec<Applied>,
    },
    /// Records that the view no longer holds.
    Withdraw {
        /// The space.
        space: SpaceName,
        /// The collection of the records.
        collection: CollectionName,
        /// Their keys.
        keys: Vec<RecordKey>,
    },
    /// The view has another mark from here on.
    View {
        /// The space.
        space: SpaceName,
        /// The new mark.
        mark: ViewMark,
    },
    /// A push was applied and is on disk.
    Ack {
        /// The push.
        push: PushId,
        /// The sequence of its last delta, or the space's when nothing changed.
        sequence: u64,
    },
    /// Something was refused.
    Reject {
        /// What was.
        subject: Subject,
        /// Why.
        reject: Reject,
        /// The hub's clock, in milliseconds since 1970.
        hub_ms: u64,
    },
    /// The hub is alive, and these subscriptions have nothing to receive up to these sequences.
    Heartbeat {
        /// The hub's clock, in milliseconds since 1970.
        hub_ms: u64,
        /// For each space an empty stretch of its log.
        stretches: Vec<Stretch>,
    },
    /// The digests of what a subscription shows.
    Digests {
        /// The space.
        space: SpaceName,
        /// At which sequence.
        sequence: u64,
        /// By collection; a collection without visible fields is left out.
        digests: BTreeMap<CollectionName, Digest>,
    },
    /// A message of someone in the space.
    Signal {
        /// The space.
        space: SpaceName,
        /// Who.
        from: Peer,
        /// What they say.
        value: Value,
    },
    /// Someone joined, left or changed their state.
    Presence {
        /// The space.
        space: SpaceName,
        /// Who.
        from: Peer,
        /// What happened.
        event: PresenceEvent,
    },
    /// The answer to a ping.
    Pong {
        /// The ping's.
        nonce: u64,
        /// The hub's clock, in milliseconds since 1970.
        hub_ms: u64,
    },
    /// The session ends.
    Goodbye {
        /// Why.
        reject: Reject,
        /// When to come back, in milliseconds from now; none: not before something changed.
        retry_after_ms: Option<u64>,
    },
}

/// The hub's side of a good beginning.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Welcome {
    /// Names the session, for logs and people.
    pub session: u64,
    /// The hub's clock, in milliseconds since 1970.
    pub hub_ms: u64,
    /// The replica id that the hub itself stamps with.
    pub hub_replica: ReplicaId,
    /// The name of the account.
    pub principal: String,
    /// The limits in force, by name, in bytes, milliseconds or counts; see `PROTOCOL.md`.
    pub limits: BTreeMap<String, u64>,
}

/// What a snapshot means for what a replica holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SnapshotMode {
    /// It takes the place of the copy.
    Replace,
    /// The hub was restored from a backup: it takes the place of the copy, and what the copy has
    /// newer is offered back.
    Join,
}

/// How much a snapshot holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Total {
    /// Records.
    pub records: u64,
    /// Bytes, roughly.
    pub bytes: u64,
}

/// What was refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Subject {
    /// A push.
    Push(PushId),
    /// A subscription, at its beginning or later: it has ended.
    Space(SpaceName),
}

/// An empty stretch (before, last] of a space's log, as a view shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stretch {
    /// The space.
    pub space: SpaceName,
    /// It joins a cursor at or after this sequence.
    pub before: u64,
    /// The cursor's sequence after it.
    pub last: u64,
}

/// Someone in a space.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Peer {
    /// Their device.
    pub device: DeviceId,
    /// The device's name.
    pub name: String,
    /// Their account.
    pub principal: String,
}

/// What happened to someone in a space.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PresenceEvent {
    /// They show a state for the first time, or did when this session came.
    Joined(Option<Value>),
    /// They went, or show nothing any more.
    Left,
    /// They changed their state.
    State(Value),
}

impl Push {
    /// Whether `base` counts in this epoch.
    #[must_use]
    pub fn is_based_on(&self, epoch: Epoch) -> bool {
        self.epoch == Some(epoch)
    }
}
