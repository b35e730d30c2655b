//! What the hub's frames do to a replica.
//!
//! Only frames move cursors, only a whole catch-up reaches the copy, and a gap is never papered
//! over. Answers to pushes have a room of their own.

use std::collections::{BTreeMap, BTreeSet};

use super::event::{Event, RecordName};
use super::heal;
use super::outbox::Pending;
use super::reading::{Cover, Gap, Reading, Staged, Taken, cover};
use super::space::{Open, SpaceState, Subscription};
use super::{Replica, frame_bytes};
use crate::cursor::Cursor;
use crate::delta::{Applied, Delta, Push, PushId};
use crate::digest::Digest;
use crate::frame::{HubFrame, SnapshotMode, Stretch, Welcome};
use crate::name::{CollectionName, RecordKey, SpaceId, SpaceName};
use crate::reject::{Code, Reject};

/// Deltas in one offer at most: small pushes leave room for what people write meanwhile.
const OFFER_DELTAS_MAX: usize = 500;

/// What a frame led to.
#[derive(Debug, Default)]
pub struct Received {
    /// For the app.
    pub events: Vec<Event>,
    /// Something is missing that only a new session can bring: close this one.
    pub must_reconnect: bool,
    /// Spaces to [`Replica::release`] after a while: the hub asked to try again later.
    pub retry: Vec<SpaceName>,
    /// Spaces to [`Replica::release_healing`] after a random delay.
    pub heal: Vec<SpaceName>,
}

impl Replica {
    /// Takes the hub's welcome, told how far this device's clock is behind the hub's.
    pub fn welcomed(&mut self, welcome: &Welcome, offset_ms: i64, now_ms: u64) {
        self.limits = super::HubLimits::from_welcome(&welcome.limits);
        self.learn_offset(offset_ms, now_ms);
    }

    /// Takes a frame of a session that is welcome. Frames that only a session understands do
    /// nothing here.
    pub fn receive(&mut self, frame: HubFrame, now_ms: u64) -> Received {
        let mut out = Received::default();
        match frame {
            HubFrame::Subscribed { space, id, head, writable } => {
                self.subscribed(&space, (id, head, writable), &mut out);
            }
            HubFrame::SnapshotBegin { space, mode, total, .. } => {
                self.read(&space, |reading, _| reading.begin(mode, total), &mut out);
            }
            HubFrame::SnapshotPart { space, part, deltas } => {
                self.observe(&deltas, now_ms);
                self.read(&space, |reading, _| reading.part(part, &deltas), &mut out);
                self.tell_progress(&space, &mut out);
            }
            HubFrame::SnapshotEnd { space, parts, cursor } => {
                self.read(&space, |reading, _| reading.end(parts, cursor), &mut out);
            }
            HubFrame::Changes { space, before, last, more, deltas } => {
                self.observe(&deltas, now_ms);
                let covers = (before, last, more);
                self.read(&space, |reading, at| reading.changes(at, covers, deltas), &mut out);
            }
            HubFrame::Withdraw { space, collection, keys } => {
                self.withdraw(&space, &collection, &keys, &mut out);
            }
            HubFrame::View { space, mark } => {
                if let Some(state) = self.spaces.get_mut(&space)
                    && state.open_mut().is_some_and(|open| !open.reading.view(mark))
                    && let Some(cursor) = &mut state.cursor
                {
                    cursor.view = mark;
                    state.unsaved.meta = true;
                    // What joins the view covers nothing, so that only digests show it is whole.
                    state.verify();
                }
            }
            HubFrame::Heartbeat { stretches, .. } => self.heartbeat(stretches, &mut out),
            HubFrame::Digests { space, sequence, digests } => {
                self.compare(&space, sequence, &digests, &mut out);
            }
            HubFrame::Ack { push, sequence } => self.acked(push, sequence, &mut out),
            HubFrame::Reject { subject, reject, hub_ms } => {
                self.rejected(subject, reject, (hub_ms, now_ms), &mut out);
            }
            HubFrame::Welcome(_)
            | HubFrame::Signal { .. }
            | HubFrame::Presence { .. }
            | HubFrame::Pong { .. }
            | HubFrame::Goodbye { .. } => {}
        }
        out
    }

    /// The hub answers a subscribe.
    fn subscribed(
        &mut self,
        space: &SpaceName,
        (id, head, writable): (SpaceId, Cursor, bool),
        out: &mut Received,
    ) {
        let Some(state) = self.spaces.get_mut(space) else { return };
        let Subscription::Asked { has_cursor } = state.subscription else { return };
        let held = state.cursor.filter(|_| has_cursor && state.id == Some(id));
        let joins = held.is_some_and(|cursor| {
            (cursor.epoch, cursor.view) == (head.epoch, head.view)
                && cursor.sequence <= head.sequence
        });
        let reading = Reading::Beginning { snapshot_only: !joins };
        state.epoch = Some(head.epoch);
        state.subscription = Subscription::Open(Box::new(Open { id, writable, reading }));
        self.reject_strangers(space, id, out);
        if self.outbox.has_healing(space.as_str()) {
            out.heal.push(space.clone());
        }
    }

    /// Writes made for another life of the space speak of other records: they never reach this one.
    fn reject_strangers(&mut self, space: &SpaceName, id: SpaceId, out: &mut Received) {
        let is_strange = |pending: &Pending| pending.space_id.is_some_and(|other| other != id);
        for order in self.orders_of(space.as_str()) {
            let Some(pending) = self.outbox.get(order).filter(|pending| is_strange(pending)) else {
                continue;
            };
            let (push, was_acked) = (pending.push.id, pending.acked.is_some());
            self.leave(order, out);
            if !was_acked {
                let what = "the space was deleted and made again after this was written";
                let reject = Reject::new(Code::UnknownSpace, what);
                out.events.push(Event::Rejected { space: space.clone(), push, reject });
            }
        }
    }

    /// Hands a frame of the stream to the subscription, and does what comes of it.
    fn read(
        &mut self,
        space: &SpaceName,
        take: impl FnOnce(&mut Reading, Option<Cursor>) -> Taken,
        out: &mut Received,
    ) {
        let Some(state) = self.spaces.get_mut(space) else { return };
        let cursor = state.cursor;
        let Some(open) = state.open_mut() else { return };
        let was_live = matches!(open.reading, Reading::Live);
        match take(&mut open.reading, cursor) {
            Taken::Ignored | Taken::Staged => {}
            Taken::Gap(Gap::Resubscribe) => state.subscribe_again(),
            Taken::Gap(Gap::Reconnect) => out.must_reconnect = true,
            Taken::Whole(staged) => {
                self.complete(space, *staged, out);
                if !was_live {
                    out.events.push(Event::CaughtUp { space: space.clone() });
                }
            }
        }
    }

    fn tell_progress(&self, space: &SpaceName, out: &mut Received) {
        let open = self.spaces.get(space).and_then(SpaceState::open);
        if let Some(Reading::Snapshot(snapshot)) = open.map(|open| &open.reading) {
            let (received, total) = (snapshot.records, snapshot.total);
            out.events.push(Event::Progress { space: space.clone(), received, total });
        }
    }

    /// Applies a catch-up, or a live frame, whole.
    fn complete(&mut self, space: &SpaceName, staged: Staged, out: &mut Received) {
        let mut heals = false;
        if let Some((mode, copy)) = &staged.snapshot {
            let Some(state) = self.spaces.get_mut(space) else { return };
            let Some((id, writable)) = state.open().map(|open| (open.id, open.writable)) else {
                return;
            };
            heals = *mode == SnapshotMode::Join
                && writable
                && state.id == Some(id)
                && state.cursor.is_some_and(|cursor| cursor.epoch != staged.cursor.epoch);
            state.id = Some(id);
            if heals {
                // Laid over the copy before it is replaced, so that nothing blinks.
                let offers = heal::offers(&state.copy, copy);
                self.offer(space, offers, staged.cursor);
                out.heal.push(space.clone());
            }
        }
        let is_snapshot = staged.snapshot.is_some();
        let Some(state) = self.spaces.get_mut(space) else { return };
        let changed = state.apply(staged);
        self.tell_changed(space, changed, out);
        if is_snapshot {
            self.settle_epochs(space, heals, out);
        }
        self.settle(space, out);
    }

    /// Queues what a restored hub lost, in pushes that it can take.
    fn offer(&mut self, space: &SpaceName, offers: Vec<Delta>, cursor: Cursor) {
        let (deltas_max, bytes_max) = (
            OFFER_DELTAS_MAX.min(self.limits.deltas_per_push),
            self.limits.frame_bytes.min(256 << 10),
        );
        let space_id = self.spaces.get(space).and_then(|state| state.id);
        for deltas in chunks(offers, deltas_max, bytes_max) {
            self.counter += 1;
            let id = PushId { replica: self.id, counter: self.counter };
            let created = vec![false; deltas.len()];
            let (epoch, base) = (Some(cursor.epoch), cursor.sequence);
            let push = Push { id, space: space.clone(), epoch, base, guards: vec![], deltas };
            let bytes = frame_bytes(&push);
            self.queue(Pending {
                push,
                space_id,
                created,
                is_healing: true,
                acked: None,
                flights: 0,
                bytes,
            });
        }
    }

    fn withdraw(
        &mut self,
        space: &SpaceName,
        collection: &CollectionName,
        keys: &[RecordKey],
        out: &mut Received,
    ) {
        let Some(state) = self.spaces.get_mut(space) else { return };
        let mut changed = BTreeSet::new();
        for key in keys {
            let name = RecordName::new(collection, key);
            let Some(open) = state.open_mut() else { return };
            if open.reading.withdraw(&name) {
                continue;
            }
            let before = state.shown(&name);
            if state.copy.remove(&name).is_some() {
                state.unsaved.records.insert(name.clone());
                if before != state.shown(&name) {
                    changed.insert(name);
                }
            }
        }
        self.tell_changed(space, changed, out);
    }

    /// An empty stretch moves a live cursor as empty changes would.
    fn heartbeat(&mut self, stretches: Vec<Stretch>, out: &mut Received) {
        for Stretch { space, before, last } in stretches {
            let Some(state) = self.spaces.get_mut(&space).filter(|state| state.is_live()) else {
                continue;
            };
            let Some(cursor) = &mut state.cursor else { continue };
            match cover(cursor.sequence, before, last) {
                Cover::Old => {}
                Cover::Gap => state.subscribe_again(),
                Cover::New => {
                    state.unsaved.meta |= cursor.sequence != last;
                    cursor.sequence = last;
                    self.settle(&space, out);
                }
            }
        }
    }

    /// Compares the hub's digests with the copy's, if both speak of one moment.
    fn compare(
        &mut self,
        space: &SpaceName,
        sequence: u64,
        theirs: &BTreeMap<CollectionName, Digest>,
        out: &mut Received,
    ) {
        let Some(state) = self.spaces.get_mut(space) else { return };
        if !state.is_live() || state.cursor.map(|cursor| cursor.sequence) != Some(sequence) {
            let was_asked = state.verify_tries > 0 && !state.verify_due;
            state.verify_tries -= u8::from(was_asked);
            state.verify_due |= was_asked && state.verify_tries > 0;
            if was_asked && state.verify_tries == 0 {
                out.events.push(Event::Unverified { space: space.clone() });
            }
            return;
        }
        state.verify_tries = 0;
        let ours = state.copy.digests();
        if ours == *theirs {
            state.was_repaired = false;
            out.events.push(Event::Verified { space: space.clone(), sequence });
            return;
        }
        let names = ours.keys().chain(theirs.keys()).collect::<BTreeSet<_>>();
        let differing = names.into_iter().filter(|name| {
            let name = name.as_str();
            ours.get(name) != theirs.get(name)
        });
        let collections = differing.cloned().collect();
        // One repair: if a fresh snapshot differs too, another would.
        let is_repairing = !std::mem::replace(&mut state.was_repaired, true);
        if is_repairing {
            state.cursor = None;
            state.unsaved.meta = true;
            state.subscribe_again();
        }
        out.events.push(Event::Diverged { space: space.clone(), collections, is_repairing });
    }

    /// Moves the clock past the stamps of others, unless they run ahead of the hub.
    fn observe(&mut self, deltas: &[Applied], now_ms: u64) {
        let hub_ms = self.hub_ms(now_ms);
        for applied in deltas {
            let time = applied.delta.stamp.time;
            let drift_ms_max = self.limits.max_clock_drift_ms;
            if self.clock.observe_within(time, hub_ms, drift_ms_max).is_ok() {
                self.vouched = self.vouched.max(time);
            }
        }
    }

    pub(super) fn tell_changed(
        &self,
        space: &SpaceName,
        changed: BTreeSet<RecordName>,
        out: &mut Received,
    ) {
        if !changed.is_empty() {
            let records = changed.into_iter().collect();
            out.events.push(Event::Changed { space: space.clone(), records });
        }
    }
}

/// Cuts deltas into runs within a count and a size; a single delta may be larger.
fn chunks(deltas: Vec<Delta>, deltas_max: usize, bytes_max: usize) -> Vec<Vec<Delta>> {
    let mut runs: Vec<Vec<Delta>> = Vec::new();
    let mut bytes = 0;
    for delta in deltas {
        let size = delta_bytes(&delta);
        let is_full = runs.last().is_none_or(|run| run.len() >= deltas_max);
        if is_full || bytes + size > bytes_max {
            runs.push(Vec::new());
            bytes = 0;
        }
        bytes += size;
        if let Some(run) = runs.last_mut() {
            run.push(delta);
        }
    }
    runs
}

/// What a delta takes in a frame, rounded up.
fn delta_bytes(delta: &Delta) -> usize {
    let names = delta.change.collection.as_str().len() + delta.change.key.as_str().len();
    let fields = match &delta.change.op {
        crate::Op::Delete => 0,
        crate::Op::Put(fields) => fields
            .iter()
            .map(|(name, value)| 5 + name.as_str().len() + value.map_or(0, |v| v.as_bytes().len()))
            .sum(),
    };
    32 + names + fields
}
