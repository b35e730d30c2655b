//! What a store keeps of a replica, in bytes, and how a replica comes back from them.
//!
//! ```text
//! record = the frame `snapshot part` with the deltas that make it up, tombstone and all
//! space  = [space id or nil] and the frame `subscribe` with filter and cursor
//! push   = [space id or nil, ack or nil, is healing, [indices of created]] and the frame `push`
//! clock  = last time given or observed, last time vouched for: 8 bytes each, big-endian
//! ```
//! The frames are those of the wire, so that deltas have one form. No file is touched here.

use std::collections::{BTreeMap, BTreeSet};

use super::Replica;
use super::event::RecordName;
use super::outbox::{Acked, Pending};
use crate::codec::{self, DecodeError, Limits, Reader, SnapshotPartHeader, Writer};
use crate::cursor::{Epoch, Start};
use crate::delta::{Applied, Change, Fields, Op};
use crate::filter::Filter;
use crate::frame::{ClientFrame, HubFrame};
use crate::name::{DeviceId, ReplicaId, SpaceId, SpaceName};
use crate::record::Record;
use crate::stamp::{Clock, HlcTime, Stamp};

/// What differs from what was saved before; to be written in this order, all in one commit.
#[derive(Debug, Default)]
pub struct Unsaved {
    /// Spaces whose every trace goes.
    pub forgotten: Vec<SpaceName>,
    /// Spaces whose records all go, before those below come.
    pub emptied: Vec<SpaceName>,
    /// Spaces to keep, in the bytes of [`Replica::restore_space`].
    pub spaces: Vec<(SpaceName, Vec<u8>)>,
    /// Records to keep or to remove.
    pub records: Vec<UnsavedRecord>,
    /// Pushes to keep, by their order in the outbox and in the bytes of
    /// [`Replica::restore_push`], or to remove.
    pub pushes: Vec<(u64, Option<Vec<u8>>)>,
    /// The clock to keep, in the bytes of [`Replica::restore`].
    pub clock: Option<[u8; 16]>,
}

/// A record to keep, in the bytes of [`Replica::restore_record`], or to remove.
#[derive(Debug)]
pub struct UnsavedRecord {
    /// Its space.
    pub space: SpaceName,
    /// Its name there.
    pub name: RecordName,
    /// Its bytes; none to remove it.
    pub bytes: Option<Vec<u8>>,
}

impl Unsaved {
    /// Whether there is nothing to write.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.forgotten.is_empty()
            && self.emptied.is_empty()
            && self.spaces.is_empty()
            && self.records.is_empty()
            && self.pushes.is_empty()
            && self.clock.is_none()
    }
}

/// A store's bytes are not what a replica saved.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SavedError {
    /// Bytes that cannot be read.
    #[error("the saved {0} cannot be read: {1}; restore the file from a copy, or begin a new one")]
    Unreadable(&'static str, DecodeError),
    /// Bytes of something else.
    #[error("the saved {0} is something else; restore the file from a copy, or begin a new one")]
    Other(&'static str),
}

impl Replica {
    /// Whether everything is saved.
    #[must_use]
    pub fn is_saved(&self) -> bool {
        let is_clean = |space: &super::space::UnsavedSpace| {
            !space.meta && !space.whole && space.records.is_empty()
        };
        self.forgotten.is_empty()
            && self.outbox.is_saved()
            && self.saved_clock == (self.clock.last(), self.vouched)
            && self.spaces.values().all(|state| is_clean(&state.unsaved))
    }

    /// Whether writes wait to be saved; no push may be sent before they are. That one was
    /// acknowledged can wait: after a crash it is sent again, which is always safe.
    #[must_use]
    pub fn has_unsaved_writes(&self) -> bool {
        self.outbox.has_unsaved_writes()
    }

    /// What differs from what was saved before, and counts as saved from now on.
    pub fn take_unsaved(&mut self) -> Unsaved {
        let mut unsaved = Unsaved {
            forgotten: std::mem::take(&mut self.forgotten).into_iter().collect(),
            ..Unsaved::default()
        };
        for (space, state) in &mut self.spaces {
            let changed = std::mem::take(&mut state.unsaved);
            if changed.meta || changed.whole {
                let (id, filter) = (state.id, state.filter.clone());
                let start = state.start();
                unsaved.spaces.push((space.clone(), encode_space(space, id, filter, start)));
            }
            let mut names = changed.records;
            if changed.whole {
                unsaved.emptied.push(space.clone());
                names = state.copy.iter().map(|(c, key, _)| RecordName::new(c, key)).collect();
            }
            for name in names {
                let record = state.copy.get(name.collection.as_str(), name.key.as_str());
                let bytes = record.map(|record| encode_record(space, &name, record));
                unsaved.records.push(UnsavedRecord { space: space.clone(), name, bytes });
            }
        }
        for order in self.outbox.take_unsaved() {
            unsaved.pushes.push((order, self.outbox.get(order).map(encode_push)));
        }
        let clock = (self.clock.last(), self.vouched);
        if std::mem::replace(&mut self.saved_clock, clock) != clock {
            unsaved.clock = Some(encode_clock(clock));
        }
        unsaved
    }

    /// Counts everything as saved, for a replica that lives in memory only.
    pub fn discard_unsaved(&mut self) {
        self.forgotten.clear();
        self.outbox.take_unsaved();
        self.saved_clock = (self.clock.last(), self.vouched);
        for state in self.spaces.values_mut() {
            state.unsaved = super::space::UnsavedSpace::default();
        }
    }

    /// A replica that begins with what was saved, under a new id and the device's lasting one. What
    /// follows are the other `restore_` functions: spaces before records, records before pushes.
    #[must_use]
    pub fn restore(id: ReplicaId, device: DeviceId, clock: Option<[u8; 16]>) -> Self {
        let mut replica = Self::new(id, device);
        if let Some(bytes) = clock {
            let bits = u128::from_be_bytes(bytes);
            let [last, vouched] = [bits >> 64, bits & u128::from(u64::MAX)]
                .map(|bits| HlcTime::from_bits(u64::try_from(bits).unwrap_or(0)));
            replica.clock = Clock::starting_after(last.max(vouched));
            replica.vouched = vouched;
        }
        replica.saved_clock = (replica.clock.last(), replica.vouched);
        replica
    }

    /// Brings back a space.
    ///
    /// # Errors
    /// When the bytes are not a saved space.
    pub fn restore_space(&mut self, bytes: &[u8]) -> Result<(), SavedError> {
        let (space, id, filter, start) = decode_space(bytes)?;
        let state = self.spaces.entry(space).or_default();
        (state.id, state.filter) = (id, filter);
        state.cursor = match start {
            Start::Resume(cursor) => Some(cursor),
            Start::Snapshot | Start::Follow { .. } => None,
        };
        Ok(())
    }

    /// Brings back a record of a copy.
    ///
    /// # Errors
    /// When the bytes are not a saved record, or its space was not brought back.
    pub fn restore_record(&mut self, bytes: &[u8]) -> Result<(), SavedError> {
        let frame = codec::decode_hub(bytes).map_err(|e| SavedError::Unreadable("record", e))?;
        let HubFrame::SnapshotPart { space, deltas, .. } = frame else {
            return Err(SavedError::Other("record"));
        };
        let (Some(state), Some(first)) = (self.spaces.get_mut(&space), deltas.first()) else {
            return Err(SavedError::Other("record"));
        };
        let change = &first.delta.change;
        let name = RecordName::new(&change.collection, &change.key);
        let mut record = Record::default();
        for applied in &deltas {
            record.merge(applied.delta.stamp, applied.sequence, &applied.delta.change.op);
        }
        state.copy.insert(&name, record);
        Ok(())
    }

    /// Brings back a push at its place in the outbox; its id and its stamps stay.
    ///
    /// # Errors
    /// When the bytes are not a saved push, or its space was not brought back.
    pub fn restore_push(&mut self, order: u64, bytes: &[u8]) -> Result<(), SavedError> {
        let pending = decode_push(bytes)?;
        let push = pending.push.clone();
        let Some(state) = self.spaces.get_mut(&push.space) else {
            return Err(SavedError::Other("push"));
        };
        for delta in &push.deltas {
            self.clock.observe(delta.stamp.time);
        }
        if push.id.replica == self.id {
            self.counter = self.counter.max(push.id.counter);
        }
        state.epoch = state.epoch.or(pending.acked.map(|acked| acked.epoch));
        self.outbox.restore(order, pending);
        state.overlay.add(order, &push);
        Ok(())
    }
}

fn encode_clock((last, vouched): (HlcTime, HlcTime)) -> [u8; 16] {
    (u128::from(last.to_bits()) << 64 | u128::from(vouched.to_bits())).to_be_bytes()
}

fn encode_space(space: &SpaceName, id: Option<SpaceId>, filter: Filter, start: Start) -> Vec<u8> {
    let mut writer = Writer::default();
    writer.option(id, |writer, id| {
        writer.id(id.0);
    });
    let mut bytes = writer.finish();
    let frame = ClientFrame::Subscribe { space: space.clone(), filter, start };
    bytes.extend(codec::encode_client(&frame));
    bytes
}

fn decode_space(bytes: &[u8]) -> Result<(SpaceName, Option<SpaceId>, Filter, Start), SavedError> {
    let unreadable = |error| SavedError::Unreadable("space", error);
    let mut reader = Reader::new(bytes);
    let id = reader.option(read_space_id).map_err(unreadable)?;
    match codec::decode_client(reader.rest(), &Limits::default()).map_err(unreadable)? {
        ClientFrame::Subscribe { space, filter, start } => Ok((space, id, filter, start)),
        _ => Err(SavedError::Other("space")),
    }
}

fn read_space_id(reader: &mut Reader<'_>) -> Result<SpaceId, DecodeError> {
    Ok(SpaceId(u64::from_be_bytes(reader.bin("space id")?)))
}

/// The deltas that make up a record, those of dropped fields and its tombstone among them.
fn encode_record(space: &SpaceName, name: &RecordName, record: &Record) -> Vec<u8> {
    let mut puts: BTreeMap<(u64, Stamp), Vec<_>> = BTreeMap::new();
    for (field, register) in record.registers() {
        let fields = puts.entry((register.sequence, register.stamp)).or_default();
        fields.push((field.clone(), register.value.clone()));
    }
    let put =
        |((sequence, stamp), fields)| Some((sequence, stamp, Op::Put(Fields::new(fields).ok()?)));
    let grave = record.tombstone().map(|grave| (grave.sequence, grave.stamp, Op::Delete));
    let ops: Vec<_> = puts.into_iter().filter_map(put).chain(grave).collect();
    let mut bytes = SnapshotPartHeader { space, part: 0, deltas: ops.len() }.encode();
    for (sequence, stamp, op) in ops {
        let (collection, key) = (name.collection.clone(), name.key.clone());
        let delta = Change { collection, key, op }.stamped(stamp);
        codec::encode_applied(&mut bytes, &Applied { sequence, delta });
    }
    bytes
}

fn encode_push(pending: &Pending) -> Vec<u8> {
    let mut writer = Writer::default();
    writer.option(pending.space_id, |writer, id| {
        writer.id(id.0);
    });
    writer.option(pending.acked, |writer, acked| {
        writer.id(acked.epoch.0).uint(acked.sequence);
    });
    writer.bool(pending.is_healing);
    let created = pending.created.iter().enumerate().filter(|(_, created)| **created);
    let indices: Vec<_> = created.filter_map(|(index, _)| u64::try_from(index).ok()).collect();
    writer.array(indices.len());
    for index in indices {
        writer.uint(index);
    }
    let mut bytes = writer.finish();
    bytes.extend(codec::encode_client(&ClientFrame::Push(pending.push.clone())));
    bytes
}

fn decode_push(bytes: &[u8]) -> Result<Pending, SavedError> {
    let unreadable = |error| SavedError::Unreadable("push", error);
    let mut reader = Reader::new(bytes);
    let (space_id, acked, is_healing, created) = read_state(&mut reader).map_err(unreadable)?;
    // Its size was checked against the hub's limits when it was written.
    let limits = Limits {
        frame_bytes: usize::MAX,
        value_bytes: usize::MAX,
        fields: usize::MAX,
        deltas: usize::MAX,
        ..Limits::default()
    };
    let frame = codec::decode_client(reader.rest(), &limits).map_err(unreadable)?;
    let ClientFrame::Push(push) = frame else { return Err(SavedError::Other("push")) };
    let created = (0..push.deltas.len()).map(|index| created.contains(&index)).collect();
    let bytes = reader.rest().len();
    Ok(Pending { push, space_id, created, is_healing, acked, flights: 0, bytes })
}

type SavedState = (Option<SpaceId>, Option<Acked>, bool, BTreeSet<usize>);

fn read_state(reader: &mut Reader<'_>) -> Result<SavedState, DecodeError> {
    let space_id = reader.option(read_space_id)?;
    let acked = reader.option(|reader| {
        let epoch = Epoch(u64::from_be_bytes(reader.bin("epoch")?));
        Ok(Acked { epoch, sequence: reader.uint("sequence")? })
    })?;
    let is_healing = reader.bool("healing")?;
    let mut created = BTreeSet::new();
    for _ in 0..reader.array("created")? {
        created.extend(usize::try_from(reader.uint("index")?).ok());
    }
    Ok((space_id, acked, is_healing, created))
}
