//! A turn: a copy that was read by other rights is brought to those that hold now.
//!
//! Every record of the space that the filter asks for is looked at once, in pages of a snapshot
//! each. One that may no longer be read is withdrawn; one that may be read now, and perhaps was not
//! before, is sent as it shows. What changes meanwhile is in the log after the cursor, which is
//! read next, and to hear a delta twice changes nothing (law 1).

use std::collections::BTreeMap;

use syncline_protocol::codec::{ChangesHeader, encode_applied, encode_hub};
use syncline_protocol::{CollectionName, HubFrame, RecordKey, SpaceId, SpaceName};

use super::Ended;
use crate::selection::{Access, Selection};
use crate::store::Snapshot;

/// Rights that a copy may have been read by, at most: beyond that all is sent and withdrawn anew.
const SEEN_MAX: usize = 8;

/// How far a copy has been brought to its new rights.
#[derive(Debug)]
pub(super) struct Turn {
    /// The rights that some of the copy was read by: rights may change again before a turn is done.
    seen: Vec<Access>,
    after: Option<Vec<u8>>,
    done: bool,
}

impl From<&Selection> for Turn {
    fn from(old: &Selection) -> Self {
        Self { seen: vec![old.access().clone()], after: None, done: false }
    }
}

impl Turn {
    /// Rights have changed again.
    pub(super) fn again(mut self, old: &Selection) -> Self {
        self.seen.push(old.access().clone());
        if self.seen.len() > SEEN_MAX {
            self.seen = vec![Access::Everything, Access::Nothing];
        }
        Self { seen: self.seen, after: None, done: false }
    }

    /// Whether the copy is there.
    pub(super) fn is_done(&self) -> bool {
        self.done
    }

    /// The frames of the next page. Looks at about `page_bytes` of records.
    pub(super) fn page(
        &mut self,
        snapshot: &Snapshot,
        (space, id, cursor): (&SpaceName, SpaceId, u64),
        selection: &Selection,
        page_bytes: usize,
    ) -> Result<Vec<Vec<u8>>, Ended> {
        let all = Selection::from(selection.filter().clone());
        let page = snapshot.records(id, &all, self.after.as_deref(), page_bytes)?;
        let mut gone = BTreeMap::<CollectionName, Vec<RecordKey>>::new();
        let (mut deltas, mut count) = (Vec::new(), 0);
        for (collection, key, row) in page.records {
            let names = (collection.as_str(), key.as_str());
            let allowed = |access: &Access| access.allows(names.0, names.1);
            if !selection.allows(names.0, names.1) {
                if self.seen.iter().any(allowed) {
                    gone.entry(collection).or_default().push(key);
                }
            } else if !self.seen.iter().all(allowed) {
                for applied in row.record.to_deltas(&collection, &key) {
                    encode_applied(&mut deltas, &applied);
                    count += 1;
                }
            }
        }
        let mut frames: Vec<_> = gone
            .into_iter()
            .map(|(collection, keys)| {
                encode_hub(&HubFrame::Withdraw { space: space.clone(), collection, keys })
            })
            .collect();
        if count > 0 {
            let (before, last) = (cursor, cursor);
            let header = ChangesHeader { space, before, last, more: false, deltas: count };
            frames.push(super::framed(&header.encode(), deltas));
        }
        self.done = page.next.is_none();
        self.after = page.next;
        Ok(frames)
    }
}
