//! What stands in the rows, and their bytes.

use std::sync::Arc;
use std::time::Duration;

use syncline_protocol::{
    Code, CollectionName, DeviceId, Digest, Epoch, FieldName, RecordKey, Reject, ReplicaId,
    SpaceId, Stamp, Value,
};

use super::StoreError;
use super::bytes::{Put, Take};

/// A space, as the store knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SpaceRow {
    /// Which life of the name.
    pub id: SpaceId,
    /// The account that owns it.
    pub owner: Arc<str>,
    /// The log's epoch.
    pub epoch: Epoch,
    /// The sequence of the last applied delta.
    pub sequence: u64,
    /// Deletes at or below this sequence may have been purged: older cursors need a snapshot.
    pub horizon: u64,
    /// Entries in the log.
    pub log_entries: u64,
    /// Entries in the log that say nothing any more.
    pub log_dead: u64,
    /// Records that show, reserved collections counted too.
    pub records: u64,
    /// Bytes of all record rows: keys, names and values, tombstones too.
    pub bytes: u64,
    /// Bytes of all conflicts kept.
    pub conflict_bytes: u64,
    /// When the space was restored from a backup that replicas may add to, in milliseconds since
    /// 1970; none when its log has been whole since it began.
    pub restored_ms: Option<u64>,
    /// Whether replicas' copies give way to a restored backup instead of adding to it.
    pub authoritative: bool,
}

impl SpaceRow {
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut put = Put::default();
        put.word(self.id.0).text(&self.owner).word(self.epoch.0).number(self.sequence);
        put.number(self.horizon).number(self.log_entries).number(self.log_dead);
        put.number(self.records).number(self.bytes).number(self.conflict_bytes);
        put.number(self.restored_ms.map_or(0, |ms| ms + 1)).byte(self.authoritative.into());
        put.finish()
    }

    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, StoreError> {
        let mut take = Take::new(bytes);
        Ok(Self {
            id: SpaceId(take.word()?),
            owner: take.text()?.into(),
            epoch: Epoch(take.word()?),
            sequence: take.number()?,
            horizon: take.number()?,
            log_entries: take.number()?,
            log_dead: take.number()?,
            records: take.number()?,
            bytes: take.number()?,
            conflict_bytes: take.number()?,
            restored_ms: take.number()?.checked_sub(1),
            authoritative: take.byte()? != 0,
        })
    }
}

/// What is counted of a collection, written once a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct CollectionRow {
    /// The digest of the fields that show, and their number.
    pub digest: Digest,
    /// Records that show.
    pub records: u64,
    /// Bytes of all rows: keys, names and values, tombstones too.
    pub bytes: u64,
    /// Tombstones: rows of which nothing shows.
    pub tombstones: u64,
    /// No tombstone here is older than this, in milliseconds since 1970; spares scans in vain.
    pub tombstones_since_ms: u64,
    /// The same of those alone that were made since the running purge began.
    pub tombstones_new_since_ms: u64,
    /// The greatest delete stamp ever purged.
    pub purged: Option<Stamp>,
    /// How long tombstones are kept here, when other than the hub's setting.
    pub retention: Option<Duration>,
}

impl CollectionRow {
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut put = Put::default();
        put.wide(self.digest.sum).number(self.digest.fields).number(self.records);
        put.number(self.bytes).number(self.tombstones).number(self.tombstones_since_ms);
        put.number(self.tombstones_new_since_ms);
        put.stamp_option(self.purged);
        let retention_ms = self.retention.map_or(0, |time| {
            u64::try_from(time.as_millis()).unwrap_or(u64::MAX - 1).saturating_add(1)
        });
        put.number(retention_ms);
        put.finish()
    }

    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, StoreError> {
        let mut take = Take::new(bytes);
        Ok(Self {
            digest: Digest { sum: take.wide()?, fields: take.number()? },
            records: take.number()?,
            bytes: take.number()?,
            tombstones: take.number()?,
            tombstones_since_ms: take.number()?,
            tombstones_new_since_ms: take.number()?,
            purged: take.stamp_option()?,
            retention: take.number()?.checked_sub(1).map(Duration::from_millis),
        })
    }
}

/// No value is empty, so that a length of zero says that there is none.
pub(super) fn take_value(take: &mut Take<'_>) -> Result<Option<Value>, StoreError> {
    match take.sized()? {
        [] => Ok(None),
        bytes => Value::new(bytes).map(Some).map_err(|_| StoreError::Corrupt("a value")),
    }
}

/// The recorded answer to a guarded push.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutcomeRow {
    /// When it was given, in milliseconds since 1970.
    pub at_ms: u64,
    /// The sequence acknowledged, or the refusal.
    pub answer: Result<u64, Reject>,
}

impl OutcomeRow {
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut put = Put::default();
        put.number(self.at_ms);
        match &self.answer {
            Ok(sequence) => put.byte(0).number(*sequence),
            Err(reject) => {
                let index = reject.index.map_or(0, |index| u64::from(index) + 1);
                put.byte(1).text(reject.code.as_str()).text(&reject.text).number(index)
            }
        };
        put.finish()
    }

    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, StoreError> {
        let mut take = Take::new(bytes);
        let at_ms = take.number()?;
        let answer = match take.byte()? {
            0 => Ok(take.number()?),
            _ => {
                let code = Code::from_word(take.text()?).ok_or(StoreError::Corrupt("a code"))?;
                let text = take.text()?.to_owned();
                let index = take.number()?.checked_sub(1).and_then(|at| u32::try_from(at).ok());
                Err(Reject { code, text, index })
            }
        };
        Ok(Self { at_ms, answer })
    }
}

/// What last-write-wins discarded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConflictRow {
    /// When the hub noticed, in milliseconds since 1970.
    pub at_ms: u64,
    /// The stamp of what stands instead.
    pub winner: Stamp,
    /// What was discarded; none was a drop of the field.
    pub value: Option<Value>,
}

impl ConflictRow {
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut put = Put::default();
        put.number(self.at_ms).stamp(self.winner);
        let value = self.value.as_ref().map_or(&[][..], Value::as_bytes);
        put.length(value.len()).bytes(value);
        put.finish()
    }

    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, StoreError> {
        let mut take = Take::new(bytes);
        Ok(Self { at_ms: take.number()?, winner: take.stamp()?, value: take_value(&mut take)? })
    }
}

/// A conflict with the names in its key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Conflict {
    /// The record's collection.
    pub collection: CollectionName,
    /// The record's key.
    pub key: RecordKey,
    /// The field.
    pub field: FieldName,
    /// The stamp of what was discarded.
    pub loser: Stamp,
    /// What was discarded, and for what.
    pub row: ConflictRow,
}

/// Whose a replica is, and what was last heard of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReplicaRow {
    /// The account that used it first, and alone may.
    pub principal: String,
    /// The device that it ran on.
    pub device: DeviceId,
    /// The device's name.
    pub name: String,
    /// When it was last heard of, in milliseconds since 1970.
    pub last_ms: u64,
    /// How far the device's clock is ahead of the hub's, in milliseconds.
    pub offset_ms: i64,
    /// How far it said it had read, by space.
    pub seen: Vec<(SpaceId, u64)>,
}

impl ReplicaRow {
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut put = Put::default();
        put.text(&self.principal).word(self.device.0).text(&self.name).number(self.last_ms);
        put.word(self.offset_ms.cast_unsigned());
        for &(space, sequence) in &self.seen {
            put.word(space.0).number(sequence);
        }
        put.finish()
    }

    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, StoreError> {
        let mut take = Take::new(bytes);
        let mut row = Self {
            principal: take.text()?.to_owned(),
            device: DeviceId(take.word()?),
            name: take.text()?.to_owned(),
            last_ms: take.number()?,
            offset_ms: take.word()?.cast_signed(),
            seen: Vec::new(),
        };
        while !take.is_empty() {
            row.seen.push((SpaceId(take.word()?), take.number()?));
        }
        Ok(row)
    }
}

/// The replica id in a key of `replicas`.
pub(crate) fn parse_replica_key(bytes: &[u8]) -> Result<ReplicaId, StoreError> {
    Take::new(bytes).replica()
}

#[cfg(test)]
mod tests {
    use super::*;
    use syncline_protocol::HlcTime;

    #[test]
    fn rows_read_back() {
        let stamp = Stamp::new(HlcTime::from_millis(5), ReplicaId::from_random(3));
        let outcome =
            OutcomeRow { at_ms: 9, answer: Err(Reject::new(Code::GuardFailed, "no").at(0)) };
        assert_eq!(OutcomeRow::decode(&outcome.encode()).unwrap(), outcome);
        let collection = CollectionRow {
            purged: Some(stamp),
            retention: Some(Duration::ZERO),
            records: 3,
            ..CollectionRow::default()
        };
        assert_eq!(CollectionRow::decode(&collection.encode()).unwrap(), collection);
        let conflict = ConflictRow { at_ms: 1, winner: stamp, value: None };
        assert_eq!(ConflictRow::decode(&conflict.encode()).unwrap(), conflict);
        let replica = ReplicaRow {
            principal: "ann".into(),
            device: DeviceId(1),
            name: "phone".into(),
            last_ms: 4,
            offset_ms: -20,
            seen: vec![(SpaceId(1), 2)],
        };
        assert_eq!(ReplicaRow::decode(&replica.encode()).unwrap(), replica);
    }

    #[test]
    fn damaged_rows_are_errors_and_not_panics() {
        for length in 0..40 {
            let _ = SpaceRow::decode(&vec![0xff; length]);
            let _ = OutcomeRow::decode(&vec![1; length]);
        }
    }
}
