//! A client's state: for each space the copy of what the hub sent, and the overlay of own writes.
//!
//! ```text
//!   app reads  =  overlay (own pushes that are not in the copy yet)
//!                    over
//!                 copy    (what the hub sent; cursor and digests speak of it)
//! ```
//! A replica is pure: it is told the time and handed frames, and gives back frames and events. It
//! opens no socket, writes no file, reads no clock and draws nothing at random; a session drives it
//! and a store keeps what it calls unsaved. Tests compare hubs against it.

mod answers;
mod copy;
mod event;
mod heal;
mod limits;
mod outbox;
mod overlay;
mod reading;
mod receive;
mod saved;
mod space;

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

pub use event::{Event, RecordName, WriteError};
pub use limits::HubLimits;
pub use receive::Received;
pub use saved::{SavedError, Unsaved, UnsavedRecord};

use crate::codec;
use crate::cursor::Cursor;
use crate::delta::{Change, Delta, Op, Push, PushId};
use crate::digest::Digest;
use crate::filter::Filter;
use crate::frame::ClientFrame;
use crate::guard::Guard;
use crate::name::{CollectionName, DeviceId, RecordKey, ReplicaId, SpaceId, SpaceName};
use crate::record::Record;
use crate::reject::Code;
use crate::stamp::{Clock, HlcTime, Stamp};
use outbox::{Outbox, Pending};
use space::{SpaceState, Subscription};

/// Unanswered pushes that a replica keeps at most: years of a person's offline writing, and a bound
/// on what a program can pile up.
pub const OUTBOX_PUSHES_MAX: usize = 100_000;
/// Replicas that a hello names at most: it must fit into the 4 KiB that a hub takes before it knows
/// who is there.
const HELLO_OUTBOX_MAX: usize = 128;
/// Guards of a push at most, as the codec takes them.
const GUARDS_MAX: usize = 256;

/// Everything that one client knows.
#[derive(Debug)]
pub struct Replica {
    id: ReplicaId,
    device: DeviceId,
    clock: Clock,
    /// The greatest time that the hub has vouched for: received from it, or acknowledged by it.
    vouched: HlcTime,
    /// The hub's time minus this device's, in milliseconds.
    offset_ms: i64,
    counter: u64,
    limits: HubLimits,
    spaces: BTreeMap<SpaceName, SpaceState>,
    outbox: Outbox,
    forgotten: BTreeSet<SpaceName>,
    left: BTreeSet<SpaceName>,
    saved_clock: (HlcTime, HlcTime),
}

impl Replica {
    /// A replica that knows nothing. The id is drawn anew each time a store is opened, so that two
    /// copies of one file never stamp as one; the device id lasts.
    #[must_use]
    pub fn new(id: ReplicaId, device: DeviceId) -> Self {
        Self {
            id,
            device,
            clock: Clock::default(),
            vouched: HlcTime::ZERO,
            offset_ms: 0,
            counter: 0,
            limits: HubLimits::default(),
            spaces: BTreeMap::new(),
            outbox: Outbox::default(),
            forgotten: BTreeSet::new(),
            left: BTreeSet::new(),
            saved_clock: (HlcTime::ZERO, HlcTime::ZERO),
        }
    }

    /// The id that it stamps with.
    #[must_use]
    pub fn id(&self) -> ReplicaId {
        self.id
    }

    /// The lasting id of its device.
    #[must_use]
    pub fn device(&self) -> DeviceId {
        self.device
    }

    /// The limits in force.
    #[must_use]
    pub fn limits(&self) -> &HubLimits {
        &self.limits
    }

    /// Wants a space, or another part of it: its copy is kept up from the next frames on. Gives
    /// whether anything is to be sent for it.
    pub fn open(&mut self, space: &SpaceName, filter: Filter) -> bool {
        self.forgotten.remove(space);
        let is_new = !self.spaces.contains_key(space);
        let state = self.spaces.entry(space.clone()).or_default();
        if !is_new && !state.is_closed && state.filter == filter {
            return false;
        }
        state.unsaved.meta = true;
        state.is_closed = false;
        state.filter = filter;
        self.left.remove(space);
        state.subscribe_again();
        true
    }

    /// Ends the subscription of a space; its copy and its unsent writes stay.
    pub fn close(&mut self, space: &SpaceName) {
        let Some(state) = self.spaces.get_mut(space) else { return };
        if !std::mem::replace(&mut state.is_closed, true) {
            state.subscription = Subscription::default();
            self.left.insert(space.clone());
        }
    }

    /// Drops all that is known of a space, unsent writes too.
    pub fn forget(&mut self, space: &SpaceName) {
        self.close(space);
        if self.spaces.remove(space).is_some() {
            self.forgotten.insert(space.clone());
        }
        for order in self.orders_of(space.as_str()) {
            self.outbox.remove(order);
        }
    }

    /// The spaces that are open, in order, with their filters.
    pub fn spaces(&self) -> impl Iterator<Item = (&SpaceName, &Filter)> {
        let open = self.spaces.iter().filter(|(_, state)| !state.is_closed);
        open.map(|(space, state)| (space, &state.filter))
    }

    /// What the app reads under a key: the copy joined with own writes; none when nothing shows.
    #[must_use]
    pub fn get(&self, space: &str, collection: &str, key: &str) -> Option<Cow<'_, Record>> {
        self.spaces.get(space)?.get(collection, key)
    }

    /// What the app reads of a collection under a key prefix, in the order of the keys.
    pub fn list<'a>(
        &'a self,
        space: &str,
        collection: &str,
        prefix: &'a str,
    ) -> impl Iterator<Item = (&'a RecordKey, Cow<'a, Record>)> + use<'a> {
        let state = self.spaces.get(space);
        state.map(|state| state.list(collection, prefix)).into_iter().flatten()
    }

    /// The collections of a space that may show something, in order.
    #[must_use]
    pub fn collections(&self, space: &str) -> BTreeSet<CollectionName> {
        self.spaces.get(space).map(SpaceState::collections).unwrap_or_default()
    }

    /// What the hub sent under a key, own writes and tombstones left as they are.
    #[must_use]
    pub fn copied(&self, space: &str, collection: &str, key: &str) -> Option<&Record> {
        self.spaces.get(space)?.copy.get(collection, key)
    }

    /// All that the hub sent of a space, tombstones too, in order.
    pub fn records(
        &self,
        space: &str,
    ) -> impl Iterator<Item = (&CollectionName, &RecordKey, &Record)> {
        self.spaces.get(space).into_iter().flat_map(|state| state.copy.iter())
    }

    /// The digests of the copy, without collections that show nothing.
    #[must_use]
    pub fn digests(&self, space: &str) -> BTreeMap<CollectionName, Digest> {
        self.spaces.get(space).map(|state| state.copy.digests()).unwrap_or_default()
    }

    /// How far the copy has read.
    #[must_use]
    pub fn cursor(&self, space: &str) -> Option<Cursor> {
        self.spaces.get(space)?.cursor
    }

    /// The life of the space that the copy is of.
    #[must_use]
    pub fn space_id(&self, space: &str) -> Option<SpaceId> {
        self.spaces.get(space)?.id
    }

    /// Whether the copy holds all that the hub had, and follows what comes.
    #[must_use]
    pub fn is_live(&self, space: &str) -> bool {
        self.spaces.get(space).is_some_and(SpaceState::is_live)
    }

    /// Whether the hub is sending what the copy lacks.
    #[must_use]
    pub fn is_catching_up(&self, space: &str) -> bool {
        let open = self.spaces.get(space).filter(|state| state.open().is_some());
        open.is_some_and(|state| !state.is_live())
    }

    /// Whether the hub lets this principal write to the space; none when it has not said.
    #[must_use]
    pub fn is_writable(&self, space: &str) -> Option<bool> {
        Some(self.spaces.get(space)?.open()?.writable)
    }

    /// How many pushes wait for an answer or for the cursor to reach them.
    #[must_use]
    pub fn outbox_len(&self) -> usize {
        self.outbox.len()
    }

    /// Whether a push is still in the outbox without an answer.
    #[must_use]
    pub fn is_waiting(&self, push: PushId) -> bool {
        let order = self.outbox.order_of(push);
        order.and_then(|order| self.outbox.get(order)).is_some_and(|p| p.acked.is_none())
    }

    /// The hub's time for this device's `now_ms`, both in milliseconds since 1970.
    #[must_use]
    pub fn hub_ms(&self, now_ms: u64) -> u64 {
        now_ms.saturating_add_signed(self.offset_ms)
    }

    /// Writes to a space: the changes stand or fall together, are read at once, and are pushed when
    /// a session can. They get the stamps of hub time.
    ///
    /// # Errors
    /// When the space is not open, or the hub could not take the write; nothing is written then.
    pub fn write(
        &mut self,
        space: &SpaceName,
        changes: Vec<Change>,
        guards: Vec<Guard>,
        now_ms: u64,
    ) -> Result<PushId, WriteError> {
        self.check(space, &changes, &guards)?;
        let hub_ms = self.hub_ms(now_ms);
        let (id, clock) = (self.id, &mut self.clock);
        let blank = Stamp::new(HlcTime::ZERO, id);
        let mut deltas: Vec<_> = changes.into_iter().map(|change| change.stamped(blank)).collect();
        stamp_in_order(&mut deltas, || Stamp::new(clock.tick(hub_ms), id));
        let Some(state) = self.spaces.get(space) else {
            return Err(WriteError::NotOpen(space.clone()));
        };
        let cursor = state.cursor.filter(|_| state.current_id() == state.id);
        let is_absent = |delta: &Delta| {
            let (collection, key) = (delta.change.collection.as_str(), delta.change.key.as_str());
            !state.copy.get(collection, key).is_some_and(Record::is_visible)
        };
        let (created, space_id) = (deltas.iter().map(is_absent).collect(), state.current_id());
        let (epoch, base) = (cursor.map(|c| c.epoch), cursor.map_or(0, |c| c.sequence));
        let id = PushId { replica: self.id, counter: self.counter + 1 };
        let push = Push { id, space: space.clone(), epoch, base, guards, deltas };
        let bytes = frame_bytes(&push);
        at_most("the push, in bytes,", bytes, self.limits.frame_bytes)?;
        self.counter += 1;
        self.queue(Pending {
            push,
            space_id,
            created,
            is_healing: false,
            acked: None,
            flights: 0,
            bytes,
        });
        Ok(id)
    }

    /// Takes a push into outbox and overlay.
    fn queue(&mut self, pending: Pending) {
        let Some(state) = self.spaces.get_mut(&pending.push.space) else { return };
        let push = pending.push.clone();
        let order = self.outbox.push(pending);
        state.overlay.add(order, &push);
    }

    fn check(
        &self,
        space: &SpaceName,
        changes: &[Change],
        guards: &[Guard],
    ) -> Result<(), WriteError> {
        if !self.spaces.contains_key(space) {
            return Err(WriteError::NotOpen(space.clone()));
        }
        if changes.is_empty() {
            return Err(WriteError::Empty);
        }
        if self.outbox.len() >= OUTBOX_PUSHES_MAX {
            return Err(WriteError::OutboxFull(OUTBOX_PUSHES_MAX));
        }
        at_most("the number of changes", changes.len(), self.limits.deltas_per_push)?;
        at_most("the number of guards", guards.len(), GUARDS_MAX)?;
        changes.iter().try_for_each(|change| self.check_change(change))
    }

    fn check_change(&self, change: &Change) -> Result<(), WriteError> {
        if change.collection.is_reserved() {
            return Err(WriteError::Reserved(change.collection.clone()));
        }
        at_most("the key, in bytes,", change.key.as_str().len(), self.limits.key_bytes)?;
        let Op::Put(fields) = &change.op else { return Ok(()) };
        at_most("the number of fields", fields.len(), self.limits.fields)?;
        let values = fields.iter().filter_map(|(_, value)| value);
        values
            .map(|value| value.as_bytes().len())
            .try_for_each(|size| at_most("the value, in bytes,", size, self.limits.value_bytes))
    }

    /// For each replica whose pushes wait for an answer the first of them, for the hello: the hub
    /// keeps its answers from there on. More than the limit there are only when
    /// a store was opened very often without a hub.
    #[must_use]
    pub fn hello_outbox(&self) -> Vec<PushId> {
        let waiting = self.outbox.iter().map(|(_, pending)| pending);
        let waiting = waiting.filter(|pending| pending.acked.is_none());
        let mut first: BTreeMap<ReplicaId, u64> = BTreeMap::new();
        for PushId { replica, counter } in waiting.map(|pending| pending.push.id) {
            let lowest = first.entry(replica).or_insert(counter);
            *lowest = counter.min(*lowest);
        }
        let ids = first.into_iter().map(|(replica, counter)| PushId { replica, counter });
        ids.take(HELLO_OUTBOX_MAX).collect()
    }

    /// The frames to send now, in order: subscriptions, then pushes as far as the window reaches,
    /// then questions for digests. For a session that is welcome; what is given counts as sent.
    pub fn take_frames(&mut self) -> Vec<ClientFrame> {
        let mut frames: Vec<_> = std::mem::take(&mut self.left)
            .into_iter()
            .map(|space| ClientFrame::Unsubscribe { space })
            .collect();
        for (space, state) in &mut self.spaces {
            if state.is_closed || !matches!(state.subscription, Subscription::Idle) {
                continue;
            }
            let (filter, start) = (state.filter.clone(), state.start());
            frames.push(ClientFrame::Subscribe { space: space.clone(), filter, start });
            state.subscription = Subscription::Asked { has_cursor: state.cursor.is_some() };
        }
        let spaces = &self.spaces;
        let pushes = self.outbox.take_due(|space, is_healing| {
            spaces.get(space).is_some_and(|state| can_push(state, is_healing))
        });
        frames.extend(pushes.into_iter().map(ClientFrame::Push));
        for (space, state) in &mut self.spaces {
            if state.is_live() && std::mem::take(&mut state.verify_due) {
                frames.push(ClientFrame::Verify { space: space.clone() });
            }
        }
        frames
    }

    /// Asks for the digests of a space with the next frames; [`Event::Verified`],
    /// [`Event::Diverged`] or [`Event::Unverified`] tells. Whether the space is open.
    pub fn verify(&mut self, space: &str) -> bool {
        let state = self.spaces.get_mut(space).filter(|state| !state.is_closed);
        state.map(SpaceState::verify).is_some()
    }

    /// Lets the pushes of a space go that the hub had asked to send later.
    pub fn release(&mut self, space: &str) {
        if let Some(state) = self.spaces.get_mut(space) {
            state.is_held = false;
            if let Subscription::Ended(reject) = &state.subscription
                && reject.code.is_retryable()
            {
                state.subscription = Subscription::default();
            }
        }
    }

    /// Lets the offers of a space go: the session has waited its random delay.
    pub fn release_healing(&mut self, space: &str) {
        if let Some(state) = self.spaces.get_mut(space) {
            state.may_heal = true;
        }
    }

    /// The connection ended: what waited for an answer is asked and pushed again in the next.
    pub fn disconnected(&mut self) {
        self.left.clear();
        self.outbox.disconnected();
        for state in self.spaces.values_mut() {
            state.subscription = Subscription::default();
            (state.is_held, state.may_heal) = (false, false);
            // Whoever asked for digests still waits for them.
            state.verify_due |= state.verify_tries > 0;
        }
    }

    /// Forgets deletes older than the hub's retention; to be called now and then.
    pub fn purge(&mut self, now_ms: u64) {
        let horizon = self.hub_ms(now_ms).saturating_sub(self.limits.tombstone_retention_ms);
        let horizon = HlcTime::from_millis(horizon);
        for state in self.spaces.values_mut() {
            state.unsaved.records.extend(state.copy.purge(horizon));
        }
    }

    fn orders_of(&self, space: &str) -> Vec<u64> {
        let lane = self.outbox.lane(space);
        lane.map(|lane| lane.all.iter().copied().collect()).unwrap_or_default()
    }
}

/// Whether pushes of a space may be sent: once the hub has said which life of the space it serves.
/// A space that may be written but not read takes them too.
fn can_push(state: &SpaceState, is_healing: bool) -> bool {
    let is_reachable = match &state.subscription {
        Subscription::Open(_) => true,
        Subscription::Ended(reject) => reject.code == Code::Forbidden,
        Subscription::Idle | Subscription::Asked { .. } => false,
    };
    is_reachable && !state.is_held && (!is_healing || state.may_heal)
}

/// Stamps deltas in their order: one stamp for as long as no record repeats, so that a hub's
/// refusal of one stamp speaks for all records under it.
fn stamp_in_order<'a>(
    deltas: impl IntoIterator<Item = &'a mut Delta>,
    mut tick: impl FnMut() -> Stamp,
) {
    let (mut stamp, mut under_it) = (None, BTreeSet::new());
    for delta in deltas {
        let name = RecordName::new(&delta.change.collection, &delta.change.key);
        if under_it.contains(&name) {
            (stamp, under_it) = (None, BTreeSet::new());
        }
        delta.stamp = *stamp.get_or_insert_with(&mut tick);
        under_it.insert(name);
    }
}

/// How large the frame of a push is.
fn frame_bytes(push: &Push) -> usize {
    codec::encode_client(&ClientFrame::Push(push.clone())).len()
}

fn at_most(what: &'static str, size: usize, most: usize) -> Result<(), WriteError> {
    if size > most { Err(WriteError::TooLarge { what, size, most }) } else { Ok(()) }
}
