//! One space of a replica: its copy, its overlay, its cursor and its subscription.
//!
//! ```text
//!          subscribe sent        subscribed              rejected
//!   Idle ----------------> Asked ----------> Open -------------------> Ended
//!    ^                       |   rejected                                |
//!    |                       +-------------------------------------------+
//!    +---- gap, divergence, another filter, the connection ended --------+
//! ```
//! Reads join copy and overlay here. It sends nothing and knows no clock.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;

use super::copy::SpaceCopy;
use super::event::RecordName;
use super::overlay::{Layer, Overlay};
use super::reading::{Reading, Staged, Step};
use crate::cursor::{Cursor, Epoch, Start};
use crate::filter::Filter;
use crate::name::{CollectionName, RecordKey, SpaceId};
use crate::record::Record;
use crate::reject::Reject;

/// How often digests are asked for until they speak of the moment that the copy is at.
const VERIFY_TRIES: u8 = 5;

/// A space as one replica knows it.
#[derive(Debug, Default)]
pub(super) struct SpaceState {
    pub(super) filter: Filter,
    /// The life of the space that the copy is of.
    pub(super) id: Option<SpaceId>,
    /// How far the copy has read.
    pub(super) cursor: Option<Cursor>,
    /// The epoch that the hub last named: acks count in it.
    pub(super) epoch: Option<Epoch>,
    pub(super) copy: SpaceCopy,
    pub(super) overlay: Overlay,
    pub(super) subscription: Subscription,
    /// The app does not want it read any more; its copy stays.
    pub(super) is_closed: bool,
    /// Pushes wait until the session lets them go again.
    pub(super) is_held: bool,
    /// What a restored hub lost may be offered now.
    pub(super) may_heal: bool,
    /// A repair was tried, and no digest has matched since.
    pub(super) was_repaired: bool,
    /// The digests are to be asked for.
    pub(super) verify_due: bool,
    /// How often they may still be asked for until they speak of the copy's moment.
    pub(super) verify_tries: u8,
    pub(super) unsaved: UnsavedSpace,
}

/// What of a space differs from what was saved.
#[derive(Debug, Default)]
pub(super) struct UnsavedSpace {
    pub(super) meta: bool,
    /// All of the copy was replaced.
    pub(super) whole: bool,
    pub(super) records: BTreeSet<RecordName>,
}

/// Where the subscription of a space stands.
#[derive(Debug, Default)]
pub(super) enum Subscription {
    /// To be asked for. Asking takes the place of an older subscription in the same session: to end
    /// that one first would let a doubled message end the new one.
    #[default]
    Idle,
    /// Asked for; nothing that arrives before the answer counts.
    Asked {
        /// The start named a cursor.
        has_cursor: bool,
    },
    /// The hub sends.
    Open(Box<Open>),
    /// The hub will not send.
    Ended(Reject),
}

/// What the hub answered to a subscribe, and where its stream stands.
#[derive(Debug)]
pub(super) struct Open {
    pub(super) id: SpaceId,
    pub(super) writable: bool,
    pub(super) reading: Reading,
}

impl SpaceState {
    pub(super) fn open(&self) -> Option<&Open> {
        match &self.subscription {
            Subscription::Open(open) => Some(open),
            _ => None,
        }
    }

    pub(super) fn open_mut(&mut self) -> Option<&mut Open> {
        match &mut self.subscription {
            Subscription::Open(open) => Some(open),
            _ => None,
        }
    }

    pub(super) fn is_live(&self) -> bool {
        self.open().is_some_and(|open| matches!(open.reading, Reading::Live))
    }

    /// The life of the space that writes are for: as the hub names it now, or as it was.
    pub(super) fn current_id(&self) -> Option<SpaceId> {
        self.open().map(|open| open.id).or(self.id)
    }

    /// Where a subscription begins.
    pub(super) fn start(&self) -> Start {
        self.cursor.map_or(Start::Snapshot, Start::Resume)
    }

    /// Asks for the subscription anew, after a gap or under another filter.
    pub(super) fn subscribe_again(&mut self) {
        self.subscription = Subscription::Idle;
    }

    /// Wants the digests, again if they come too early or too late.
    pub(super) fn verify(&mut self) {
        (self.verify_due, self.verify_tries) = (true, VERIFY_TRIES);
    }

    /// What the app reads under a key: copy and overlay joined, if anything shows.
    pub(super) fn get(&self, collection: &str, key: &str) -> Option<Cow<'_, Record>> {
        joined(self.copy.get(collection, key), self.overlay.get(collection, key))
    }

    /// What the app reads of a collection under a prefix, in the order of the keys.
    pub(super) fn list<'a>(
        &'a self,
        collection: &str,
        prefix: &'a str,
    ) -> impl Iterator<Item = (&'a RecordKey, Cow<'a, Record>)> + use<'a> {
        let copy = self.copy.collection(collection).map(|records| range(records, prefix));
        let over = self.overlay.collection(collection).map(|layers| range(layers, prefix));
        let (copy, over) = (copy.into_iter().flatten(), over.into_iter().flatten());
        Union { copy: copy.peekable(), over: over.peekable() }.filter_map(
            |(key, below, above): (_, Option<&Record>, Option<&Layer>)| {
                Some((key, joined(below, above.map(|layer| &layer.record))?))
            },
        )
    }

    /// The collections that may show something, in order.
    pub(super) fn collections(&self) -> BTreeSet<CollectionName> {
        self.copy.collections().chain(self.overlay.collections()).cloned().collect()
    }

    /// Applies a catch-up or a frame; gives the records that read differently now.
    pub(super) fn apply(&mut self, staged: Staged) -> BTreeSet<RecordName> {
        self.cursor = Some(staged.cursor);
        self.unsaved.meta = true;
        if let Some((_, copy)) = staged.snapshot {
            return self.replace_copy(copy);
        }
        let mut changed = BTreeSet::new();
        for step in staged.steps {
            let name = match &step {
                Step::Merge(applied) => {
                    let change = &applied.delta.change;
                    RecordName::new(&change.collection, &change.key)
                }
                Step::Remove(name) => name.clone(),
            };
            let before = self.shown_under_overlay(&name);
            let is_other = match step {
                Step::Merge(applied) => self.copy.merge(&applied),
                Step::Remove(name) => self.copy.remove(&name).is_some(),
            };
            if is_other {
                self.unsaved.records.insert(name.clone());
            }
            let reads_same = before.is_some_and(|before| before == self.shown(&name));
            if is_other && !reads_same {
                changed.insert(name);
            }
        }
        changed
    }

    /// Puts another copy in the place of this one; gives the records that read differently now.
    pub(super) fn replace_copy(&mut self, new: SpaceCopy) -> BTreeSet<RecordName> {
        let old = std::mem::replace(&mut self.copy, new);
        self.unsaved.whole = true;
        self.unsaved.records.clear();
        let names = old.iter().chain(self.copy.iter());
        let names: BTreeSet<_> = names.map(|(name, key, _)| RecordName::new(name, key)).collect();
        let differs = |name: &RecordName| {
            let (collection, key) = (name.collection.as_str(), name.key.as_str());
            let before = joined(old.get(collection, key), self.overlay.get(collection, key));
            shown(before.as_deref()) != self.shown(name)
        };
        names.into_iter().filter(differs).collect()
    }

    /// What shows of a record, for comparing.
    pub(super) fn shown(&self, name: &RecordName) -> Shown {
        shown(self.get(name.collection.as_str(), name.key.as_str()).as_deref())
    }

    /// The same, when an own write lies over the record: only then may a merge change nothing that
    /// the app reads.
    fn shown_under_overlay(&self, name: &RecordName) -> Option<Shown> {
        self.overlay.get(name.collection.as_str(), name.key.as_str())?;
        Some(self.shown(name))
    }
}

/// The names, stamps and values that an app reads of a record.
pub(super) type Shown = Vec<(crate::FieldName, crate::Stamp, crate::Value)>;

fn shown(record: Option<&Record>) -> Shown {
    let fields = record.into_iter().flat_map(Record::visible);
    fields.map(|(name, register, value)| (name.clone(), register.stamp, value.clone())).collect()
}

/// The join of what the hub sent and what was written over it, if anything shows.
fn joined<'a>(copy: Option<&'a Record>, overlay: Option<&'a Record>) -> Option<Cow<'a, Record>> {
    let record = match (copy, overlay) {
        (Some(below), Some(above)) => {
            let mut record = below.clone();
            record.join(above);
            Cow::Owned(record)
        }
        (one, other) => Cow::Borrowed(one.or(other)?),
    };
    record.is_visible().then_some(record)
}

/// The entries of a map whose keys begin with a prefix.
fn range<'a, V>(
    map: &'a BTreeMap<RecordKey, V>,
    prefix: &'a str,
) -> impl Iterator<Item = (&'a RecordKey, &'a V)> {
    map.range::<str, _>((Bound::Included(prefix), Bound::Unbounded))
        .take_while(move |(key, _)| key.as_str().starts_with(prefix))
}

/// Walks two sorted maps as one.
struct Union<A: Iterator, B: Iterator> {
    copy: std::iter::Peekable<A>,
    over: std::iter::Peekable<B>,
}

impl<'a, A, B, V, W> Iterator for Union<A, B>
where
    A: Iterator<Item = (&'a RecordKey, &'a V)>,
    B: Iterator<Item = (&'a RecordKey, &'a W)>,
    V: 'a,
    W: 'a,
{
    type Item = (&'a RecordKey, Option<&'a V>, Option<&'a W>);

    fn next(&mut self) -> Option<Self::Item> {
        let key = match (self.copy.peek(), self.over.peek()) {
            (Some((below, _)), Some((above, _))) => (*below).min(*above),
            (Some((key, _)), None) | (None, Some((key, _))) => *key,
            (None, None) => return None,
        };
        let below = self.copy.next_if(|(other, _)| *other == key);
        let above = self.over.next_if(|(other, _)| *other == key);
        Some((key, below.map(|(_, value)| value), above.map(|(_, value)| value)))
    }
}
