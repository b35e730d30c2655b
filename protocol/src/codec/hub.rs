//! The bytes of what a hub sends.
//!
//! Frames that carry deltas end with them, so that a hub can put a header before a run of deltas
//! that it encoded once.

use std::collections::BTreeMap;

use super::delta::{read_applied, write_applied};
use super::kind;
use super::read::{DecodeError, Reader, Result};
use super::write::Writer;
use crate::cursor::{Cursor, Epoch, ViewMark};
use crate::delta::Applied;
use crate::digest::Digest;
use crate::frame::{HubFrame, Peer, PresenceEvent, SnapshotMode, Stretch, Subject, Total, Welcome};
use crate::name::{CollectionName, RecordKey, SpaceId, SpaceName};
use crate::reject::{Code, Reject};

/// Bytes of the shortest key: its marker and one character.
const KEY_BYTES_MIN: usize = 2;

/// What stands before the deltas of a `changes` frame.
#[derive(Debug, Clone, Copy)]
pub struct ChangesHeader<'a> {
    /// The space.
    pub space: &'a SpaceName,
    /// The frame joins a cursor at or after this sequence.
    pub before: u64,
    /// The cursor's sequence after the frame.
    pub last: u64,
    /// Whether more of the same catch-up follows.
    pub more: bool,
    /// How many deltas follow.
    pub deltas: usize,
}

impl ChangesHeader<'_> {
    /// The header's bytes; the deltas of [`super::encode_applied`] follow them.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut writer = Writer::frame(kind::CHANGES, 5);
        writer.text(self.space).uint(self.before).uint(self.last).bool(self.more);
        writer.array(self.deltas);
        writer.finish()
    }
}

/// What stands before the deltas of a `snapshot part` frame.
#[derive(Debug, Clone, Copy)]
pub struct SnapshotPartHeader<'a> {
    /// The space.
    pub space: &'a SpaceName,
    /// Counts the parts of one snapshot from 0.
    pub part: u64,
    /// How many deltas follow.
    pub deltas: usize,
}

impl SnapshotPartHeader<'_> {
    /// The header's bytes; the deltas of [`super::encode_applied`] follow them.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut writer = Writer::frame(kind::SNAPSHOT_PART, 3);
        writer.text(self.space).uint(self.part).array(self.deltas);
        writer.finish()
    }
}

pub(super) fn encode(frame: &HubFrame) -> Vec<u8> {
    match frame {
        HubFrame::Welcome(welcome) => encode_welcome(welcome),
        HubFrame::Subscribed { .. }
        | HubFrame::SnapshotBegin { .. }
        | HubFrame::SnapshotPart { .. }
        | HubFrame::SnapshotEnd { .. }
        | HubFrame::Changes { .. } => encode_catch_up(frame),
        HubFrame::Withdraw { space, collection, keys } => {
            let mut writer = Writer::frame(kind::WITHDRAW, 3);
            writer.text(space).text(collection).array(keys.len());
            for key in keys {
                writer.text(key);
            }
            writer.finish()
        }
        HubFrame::View { space, mark } => {
            let mut writer = Writer::frame(kind::VIEW, 2);
            writer.text(space).bin(&mark.0);
            writer.finish()
        }
        HubFrame::Ack { push, sequence } => {
            let mut writer = Writer::frame(kind::ACK, 2);
            writer.push_id(*push).uint(*sequence);
            writer.finish()
        }
        HubFrame::Reject { subject, reject, hub_ms } => encode_reject(subject, reject, *hub_ms),
        HubFrame::Heartbeat { hub_ms, stretches } => {
            let mut writer = Writer::frame(kind::HEARTBEAT, 2);
            writer.uint(*hub_ms).array(stretches.len());
            for stretch in stretches {
                writer.array(3).text(&stretch.space).uint(stretch.before).uint(stretch.last);
            }
            writer.finish()
        }
        HubFrame::Digests { space, sequence, digests } => {
            let mut writer = Writer::frame(kind::DIGESTS, 3);
            writer.text(space).uint(*sequence).map(digests.len());
            for (collection, digest) in digests {
                writer.text(collection).array(2).bin(&digest.sum.to_be_bytes()).uint(digest.fields);
            }
            writer.finish()
        }
        HubFrame::Signal { .. } | HubFrame::Presence { .. } => encode_ephemeral(frame),
        HubFrame::Pong { nonce, hub_ms } => {
            let mut writer = Writer::frame(kind::PONG, 2);
            writer.uint(*nonce).uint(*hub_ms);
            writer.finish()
        }
        HubFrame::Goodbye { reject, retry_after_ms } => {
            let mut writer = Writer::frame(kind::GOODBYE, 3);
            writer.text(reject.code.as_str()).text(&reject.text);
            writer.option(*retry_after_ms, |writer, ms| {
                writer.uint(ms);
            });
            writer.finish()
        }
    }
}

fn encode_welcome(welcome: &Welcome) -> Vec<u8> {
    let mut writer = Writer::frame(kind::WELCOME, 5);
    writer.id(welcome.session).uint(welcome.hub_ms).id(welcome.hub_replica.get());
    writer.text(&welcome.principal).map(welcome.limits.len());
    for (name, &limit) in &welcome.limits {
        writer.text(name).uint(limit);
    }
    writer.finish()
}

fn encode_catch_up(frame: &HubFrame) -> Vec<u8> {
    let mut writer;
    match frame {
        HubFrame::Subscribed { space, id, head, writable } => {
            writer = Writer::frame(kind::SUBSCRIBED, 4);
            writer.text(space).id(id.0);
            write_cursor(&mut writer, head);
            writer.bool(*writable);
        }
        HubFrame::SnapshotBegin { space, id, mode, total } => {
            writer = Writer::frame(kind::SNAPSHOT_BEGIN, 5);
            writer.text(space).id(id.0).uint(match mode {
                SnapshotMode::Replace => 0,
                SnapshotMode::Join => 1,
            });
            writer.uint(total.records).uint(total.bytes);
        }
        HubFrame::SnapshotPart { space, part, deltas } => {
            let header = SnapshotPartHeader { space, part: *part, deltas: deltas.len() };
            writer = Writer::onto(header.encode());
            deltas.iter().for_each(|delta| write_applied(&mut writer, delta));
        }
        HubFrame::SnapshotEnd { space, parts, cursor } => {
            writer = Writer::frame(kind::SNAPSHOT_END, 3);
            writer.text(space).uint(*parts);
            write_cursor(&mut writer, cursor);
        }
        HubFrame::Changes { space, before, last, more, deltas } => {
            let (before, last, more) = (*before, *last, *more);
            let header = ChangesHeader { space, before, last, more, deltas: deltas.len() };
            writer = Writer::onto(header.encode());
            deltas.iter().for_each(|delta| write_applied(&mut writer, delta));
        }
        _ => writer = Writer::default(),
    }
    writer.finish()
}

fn write_cursor(writer: &mut Writer, cursor: &Cursor) {
    writer.array(3).id(cursor.epoch.0).uint(cursor.sequence).bin(&cursor.view.0);
}

fn encode_reject(subject: &Subject, reject: &Reject, hub_ms: u64) -> Vec<u8> {
    let mut writer = Writer::frame(kind::REJECT, 5);
    match subject {
        Subject::Push(id) => writer.push_id(*id),
        Subject::Space(space) => writer.text(space),
    };
    writer.text(reject.code.as_str()).text(&reject.text);
    writer.option(reject.index, |writer, index| {
        writer.uint(index.into());
    });
    writer.uint(hub_ms);
    writer.finish()
}

fn encode_ephemeral(frame: &HubFrame) -> Vec<u8> {
    let mut writer;
    match frame {
        HubFrame::Signal { space, from, value } => {
            writer = Writer::frame(kind::SIGNAL_FROM, 3);
            writer.text(space);
            write_peer(&mut writer, from);
            writer.value(value);
        }
        HubFrame::Presence { space, from, event } => {
            writer = Writer::frame(kind::PRESENCE_OF, 4);
            writer.text(space);
            write_peer(&mut writer, from);
            let (event, state) = match event {
                PresenceEvent::Joined(state) => (0, state.as_ref()),
                PresenceEvent::Left => (1, None),
                PresenceEvent::State(state) => (2, Some(state)),
            };
            writer.uint(event).array(usize::from(state.is_some()));
            if let Some(state) = state {
                writer.value(state);
            }
        }
        _ => writer = Writer::default(),
    }
    writer.finish()
}

fn write_peer(writer: &mut Writer, peer: &Peer) {
    writer.array(3).id(peer.device.0).text(&peer.name).text(&peer.principal);
}

pub(super) fn decode(bytes: &[u8]) -> Result<HubFrame> {
    let mut reader = Reader::new(bytes);
    let items = reader.array("frame")?;
    let kind = reader.uint("kind")?;
    let wanted = match kind {
        kind::PONG | kind::ACK | kind::HEARTBEAT | kind::VIEW => 2,
        kind::SNAPSHOT_PART | kind::SNAPSHOT_END | kind::WITHDRAW => 3,
        kind::DIGESTS | kind::SIGNAL_FROM | kind::GOODBYE => 3,
        kind::SUBSCRIBED | kind::PRESENCE_OF => 4,
        kind::WELCOME | kind::SNAPSHOT_BEGIN | kind::CHANGES | kind::REJECT => 5,
        _ => return Err(DecodeError::malformed(format!("{kind} is no kind of hub frame"))),
    };
    if items != wanted + 1 {
        return Err(DecodeError::malformed(format!("a frame of kind {kind} has {wanted} items")));
    }
    let frame = match kind {
        kind::WELCOME | kind::ACK | kind::REJECT | kind::HEARTBEAT | kind::PONG | kind::GOODBYE => {
            decode_session(kind, &mut reader)?
        }
        _ => decode_space(kind, &mut reader)?,
    };
    reader.finish()?;
    Ok(frame)
}

fn decode_session(kind: u64, reader: &mut Reader<'_>) -> Result<HubFrame> {
    Ok(match kind {
        kind::WELCOME => HubFrame::Welcome(read_welcome(reader)?),
        kind::ACK => HubFrame::Ack { push: reader.push_id()?, sequence: reader.uint("sequence")? },
        kind::REJECT => {
            let subject = match reader.rest().first() {
                Some(0x92) => Subject::Push(reader.push_id()?),
                _ => Subject::Space(read_space(reader)?),
            };
            let (code, text) = (read_code(reader)?, reader.text("text")?.to_owned());
            let index = reader.option(|reader| reader.uint("index"))?;
            let index = index.and_then(|index| u32::try_from(index).ok());
            let hub_ms = reader.uint("hub time")?;
            HubFrame::Reject { subject, reject: Reject { code, text, index }, hub_ms }
        }
        kind::HEARTBEAT => {
            let hub_ms = reader.uint("hub time")?;
            let count = reader.array("stretches")?;
            let stretches = (0..count).map(|_| read_stretch(reader)).collect::<Result<_>>()?;
            HubFrame::Heartbeat { hub_ms, stretches }
        }
        kind::PONG => {
            HubFrame::Pong { nonce: reader.uint("nonce")?, hub_ms: reader.uint("hub time")? }
        }
        _ => {
            let (code, text) = (read_code(reader)?, reader.text("text")?.to_owned());
            let retry_after_ms = reader.option(|reader| reader.uint("retry after"))?;
            HubFrame::Goodbye { reject: Reject { code, text, index: None }, retry_after_ms }
        }
    })
}

fn decode_space(kind: u64, reader: &mut Reader<'_>) -> Result<HubFrame> {
    let space = read_space(reader)?;
    Ok(match kind {
        kind::SUBSCRIBED => {
            let (id, head) = (read_space_id(reader)?, read_cursor(reader)?);
            HubFrame::Subscribed { space, id, head, writable: reader.bool("writable")? }
        }
        kind::SNAPSHOT_BEGIN => {
            let id = read_space_id(reader)?;
            let mode = match reader.uint("mode")? {
                0 => SnapshotMode::Replace,
                1 => SnapshotMode::Join,
                _ => return Err(DecodeError::malformed("a snapshot replaces (0) or joins (1)")),
            };
            let total = Total { records: reader.uint("records")?, bytes: reader.uint("bytes")? };
            HubFrame::SnapshotBegin { space, id, mode, total }
        }
        kind::SNAPSHOT_PART => {
            let part = reader.uint("part")?;
            HubFrame::SnapshotPart { space, part, deltas: read_deltas(reader)? }
        }
        kind::SNAPSHOT_END => {
            let parts = reader.uint("parts")?;
            HubFrame::SnapshotEnd { space, parts, cursor: read_cursor(reader)? }
        }
        kind::CHANGES => {
            let (before, last) = (reader.uint("before")?, reader.uint("last")?);
            let more = reader.bool("more")?;
            HubFrame::Changes { space, before, last, more, deltas: read_deltas(reader)? }
        }
        kind::WITHDRAW => {
            let collection = CollectionName::new(reader.text("collection")?)?;
            let count = reader.array("keys")?;
            let mut keys = Vec::with_capacity(reader.room(count, KEY_BYTES_MIN));
            for _ in 0..count {
                keys.push(RecordKey::new(reader.text("key")?)?);
            }
            HubFrame::Withdraw { space, collection, keys }
        }
        kind::VIEW => HubFrame::View { space, mark: ViewMark(reader.bin("view")?) },
        kind::DIGESTS => {
            let sequence = reader.uint("sequence")?;
            HubFrame::Digests { space, sequence, digests: read_digests(reader)? }
        }
        kind::SIGNAL_FROM => {
            let from = read_peer(reader)?;
            HubFrame::Signal { space, from, value: reader.value(usize::MAX)? }
        }
        _ => {
            let from = read_peer(reader)?;
            HubFrame::Presence { space, from, event: read_presence(reader)? }
        }
    })
}

fn read_welcome(reader: &mut Reader<'_>) -> Result<Welcome> {
    let session = u64::from_be_bytes(reader.bin("session")?);
    let hub_ms = reader.uint("hub time")?;
    let hub_replica = reader.replica()?;
    let principal = reader.text("principal")?.to_owned();
    let mut limits = BTreeMap::new();
    for _ in 0..reader.map("limits")? {
        limits.insert(reader.text("limit")?.to_owned(), reader.uint("limit")?);
    }
    Ok(Welcome { session, hub_ms, hub_replica, principal, limits })
}

fn read_deltas(reader: &mut Reader<'_>) -> Result<Vec<Applied>> {
    let count = reader.array("deltas")?;
    // Grown as they are read: an announced length alone reserves nothing.
    let mut deltas = Vec::new();
    for _ in 0..count {
        deltas.push(read_applied(reader)?);
    }
    Ok(deltas)
}

fn read_digests(reader: &mut Reader<'_>) -> Result<BTreeMap<CollectionName, Digest>> {
    let mut digests = BTreeMap::new();
    for _ in 0..reader.map("digests")? {
        let collection = CollectionName::new(reader.text("collection")?)?;
        reader.array_of(2, "digest")?;
        let sum = u128::from_be_bytes(reader.bin("digest")?);
        digests.insert(collection, Digest { sum, fields: reader.uint("fields")? });
    }
    Ok(digests)
}

fn read_stretch(reader: &mut Reader<'_>) -> Result<Stretch> {
    reader.array_of(3, "stretch")?;
    let space = read_space(reader)?;
    Ok(Stretch { space, before: reader.uint("before")?, last: reader.uint("last")? })
}

fn read_presence(reader: &mut Reader<'_>) -> Result<PresenceEvent> {
    let event = reader.uint("event")?;
    let states = reader.array("state")?;
    match (event, states) {
        (0, 0) => Ok(PresenceEvent::Joined(None)),
        (0, 1) => Ok(PresenceEvent::Joined(Some(reader.value(usize::MAX)?))),
        (1, 0) => Ok(PresenceEvent::Left),
        (2, 1) => Ok(PresenceEvent::State(reader.value(usize::MAX)?)),
        _ => Err(DecodeError::malformed("this is no presence")),
    }
}

fn read_peer(reader: &mut Reader<'_>) -> Result<Peer> {
    reader.array_of(3, "peer")?;
    let device = reader.device()?;
    let name = reader.text("device name")?.to_owned();
    Ok(Peer { device, name, principal: reader.text("principal")?.to_owned() })
}

fn read_cursor(reader: &mut Reader<'_>) -> Result<Cursor> {
    reader.array_of(3, "cursor")?;
    let epoch = Epoch(u64::from_be_bytes(reader.bin("epoch")?));
    Ok(Cursor { epoch, sequence: reader.uint("sequence")?, view: ViewMark(reader.bin("view")?) })
}

fn read_space(reader: &mut Reader<'_>) -> Result<SpaceName> {
    Ok(SpaceName::new(reader.text("space")?)?)
}

fn read_space_id(reader: &mut Reader<'_>) -> Result<SpaceId> {
    Ok(SpaceId(u64::from_be_bytes(reader.bin("space id")?)))
}

/// A newer hub may know more words; they read as the closest thing, an internal refusal.
fn read_code(reader: &mut Reader<'_>) -> Result<Code> {
    Ok(Code::from_word(reader.text("code")?).unwrap_or(Code::Internal))
}
