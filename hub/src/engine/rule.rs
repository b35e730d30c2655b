//! The seam for gateways: one pure function that judges and completes every push in their spaces.

use std::collections::HashMap;

use syncline_protocol::{
    Change, CollectionName, Epoch, HlcTime, Op, Record, RecordKey, SpaceId, SpaceName, Stamp,
};

use super::orders::Order;
use super::{Part, Refusal, Writes};
use crate::access::directory::Directory;
use crate::access::principal::Principal;
use crate::store::{Batch, SpaceRow};

/// Judges a push: the records, its changes, and the time in milliseconds since 1970.
pub type Judge = fn(&RuleView<'_>, &[&Change], u64) -> Result<Additions, Refusal>;

/// What a gateway demands of every push in its spaces, native ones too.
///
/// The function sees the records as they are before the push, in log order, and what the push would
/// make of them. It refuses, or gives more changes, which are applied after the push's own, in the
/// same commit, stamped by the hub. It must be pure: no clock, no randomness, no I/O.
#[derive(Clone, Copy)]
pub struct Rule {
    /// The gateway's name.
    pub gateway: &'static str,
    /// Which spaces are the gateway's.
    pub governs: fn(&SpaceName) -> bool,
    /// Judges every push there.
    pub judge: Judge,
}

impl std::fmt::Debug for Rule {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Rule").field("gateway", &self.gateway).finish_non_exhaustive()
    }
}

/// What a rule adds to a push.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Additions {
    /// Changes of the space.
    pub changes: Vec<Change>,
    /// What becomes of the space's own members and rules.
    pub orders: Vec<Order>,
}

impl From<Vec<Change>> for Additions {
    fn from(changes: Vec<Change>) -> Self {
        Self { changes, orders: Vec::new() }
    }
}

/// The records of a space, as a rule may read them: reserved collections too.
pub struct RuleView<'a> {
    batch: &'a Batch<'a>,
    space: &'a SpaceName,
    id: SpaceId,
    epoch: Epoch,
    writes: &'a Writes,
    principal: &'a Principal,
    directory: &'a Directory,
}

/// A record that a push writes to, before and after.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Touched {
    /// Where the record lies.
    pub collection: CollectionName,
    /// Which record.
    pub key: RecordKey,
    /// As it shows before the push.
    pub before: Option<Record>,
    /// As it will show: what loses to a greater stamp does not count.
    pub after: Option<Record>,
}

impl<'a> RuleView<'a> {
    pub(super) fn new(
        batch: &'a Batch<'a>,
        row: &SpaceRow,
        part: &'a Part,
        (principal, directory): (&'a Principal, &'a Directory),
    ) -> Self {
        let Part { space, writes, .. } = part;
        Self { batch, space, id: row.id, epoch: row.epoch, writes, principal, directory }
    }

    /// The space's name.
    #[must_use]
    pub fn space(&self) -> &SpaceName {
        self.space
    }

    /// Who pushes.
    #[must_use]
    pub fn principal(&self) -> &Principal {
        self.principal
    }

    /// Accounts and rights as of this push.
    #[must_use]
    pub fn directory(&self) -> &Directory {
        self.directory
    }

    /// The epoch of the space's log: another than before means that a backup was restored.
    #[must_use]
    pub fn epoch(&self) -> Epoch {
        self.epoch
    }

    /// Whether a replica stamped the push, so that it may speak of long ago.
    #[must_use]
    pub fn is_stamped(&self) -> bool {
        matches!(self.writes, Writes::Stamped(_))
    }

    /// The records that the push writes to, each once, in the order in which it first does.
    ///
    /// # Errors
    /// When the store fails.
    pub fn touched(&self) -> Result<Vec<Touched>, Refusal> {
        let mut places = HashMap::new();
        let mut records: Vec<(&Change, Record, Record)> = Vec::new();
        for (change, stamp) in self.writes.stamps() {
            let place = (&change.collection, &change.key);
            let at = match places.get(&place) {
                Some(at) => *at,
                None => {
                    let row = self.batch.record(self.id, place.0, place.1)?;
                    let record = row.map(|row| row.record).unwrap_or_default();
                    records.push((change, record.clone(), record));
                    places.insert(place, records.len() - 1);
                    records.len() - 1
                }
            };
            apply(&mut records[at].2, stamp, &change.op);
        }
        let touched = records.into_iter().map(|(change, before, after)| Touched {
            collection: change.collection.clone(),
            key: change.key.clone(),
            before: Some(before).filter(Record::is_visible),
            after: Some(after).filter(Record::is_visible),
        });
        Ok(touched.collect())
    }

    /// One record, if it shows.
    ///
    /// # Errors
    /// When the store fails.
    pub fn get(
        &self,
        collection: &CollectionName,
        key: &RecordKey,
    ) -> Result<Option<Record>, Refusal> {
        let row = self.batch.record(self.id, collection, key)?;
        Ok(row.map(|row| row.record).filter(Record::is_visible))
    }

    /// The records of a collection whose keys begin with `prefix`, in key order, at most `limit`.
    ///
    /// # Errors
    /// When the store fails.
    pub fn range(
        &self,
        collection: &CollectionName,
        prefix: &str,
        limit: usize,
    ) -> Result<Vec<(RecordKey, Record)>, Refusal> {
        let rows = self.batch.shown_range(self.id, collection, prefix, limit)?;
        Ok(rows.into_iter().map(|(key, row)| (key, row.record)).collect())
    }
}

impl Writes {
    /// The changes with their stamps; none where the hub will stamp.
    fn stamps(&self) -> Box<dyn Iterator<Item = (&Change, Option<Stamp>)> + '_> {
        match self {
            Self::Stamped(deltas) => {
                Box::new(deltas.iter().map(|delta| (&delta.change, Some(delta.stamp))))
            }
            Self::Unstamped(changes) => Box::new(changes.iter().map(|change| (change, None))),
        }
    }
}

/// Merges one operation; what the hub stamps wins over all that is there.
fn apply(record: &mut Record, stamp: Option<Stamp>, op: &Op) {
    let newest = record.newest_stamp();
    let last = |stamp: Stamp| {
        Stamp::new(HlcTime::from_bits(stamp.time.to_bits().saturating_add(1)), stamp.replica)
    };
    let stamp = stamp.or(newest.map(last));
    // Of a record that holds nothing, any stamp is the newest.
    let first = || Stamp::from_bytes(1_u128.to_be_bytes());
    if let Some(stamp) = stamp.or_else(first) {
        record.merge(stamp, 0, op);
    }
}
