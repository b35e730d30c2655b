//! Writes in the hub's own encoding, for the hub and for what is measured beside it byte by byte.

use syncline_protocol::codec::encode_applied;
use syncline_protocol::{
    Applied, Change, Clock, CollectionName, Delta, FieldName, RecordKey, ReplicaId, Stamp, Value,
};

use crate::clock::wall_ms;
use crate::workload::Write;

/// The collection that is written.
const COLLECTION: &str = "todos";

/// Stamps writes as one replica would, and encodes them.
#[derive(Debug)]
pub(crate) struct Encoder {
    collection: CollectionName,
    fields: [FieldName; 3],
    replica: ReplicaId,
    clock: Clock,
    sequence: u64,
}

impl Encoder {
    /// A replica of its own.
    pub(crate) fn new() -> Self {
        Self::of(ReplicaId::from_random(rand::random()))
    }

    /// A replica that was here before.
    pub(crate) fn of(replica: ReplicaId) -> Self {
        let name = |name| FieldName::new(name).expect("a field name");
        Self {
            collection: CollectionName::new(COLLECTION).expect("a collection name"),
            fields: ["title", "done", "at"].map(name),
            replica,
            clock: Clock::default(),
            sequence: 0,
        }
    }

    /// Who stamps.
    pub(crate) fn replica(&self) -> ReplicaId {
        self.replica
    }

    /// A write as a delta.
    pub(crate) fn delta(&mut self, write: &Write) -> Delta {
        let key = RecordKey::new(&write.key()).expect("a key");
        let time = self.clock.tick(wall_ms());
        let stamp = Stamp::new(time, self.replica);
        if write.deletes {
            return Change::delete(self.collection.clone(), key).stamped(stamp);
        }
        let values = [write.title.as_ref().into(), write.done.into(), (*write.mark()).into()];
        let named = |(name, value): (&FieldName, Value)| (name.clone(), Some(value));
        let fields = self.fields.iter().zip(values).map(named).collect();
        let change = Change::put(self.collection.clone(), key, fields).expect("good fields");
        change.stamped(stamp)
    }

    /// Appends a write as the log and the wire hold it, with the next sequence.
    pub(crate) fn applied(&mut self, bytes: &mut Vec<u8>, write: &Write) {
        self.sequence += 1;
        let delta = self.delta(write);
        encode_applied(bytes, &Applied { sequence: self.sequence, delta });
    }
}
