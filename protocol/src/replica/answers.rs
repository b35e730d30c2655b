//! What the hub answers to pushes and subscriptions, and how stamps are made anew.
//!
//! An ack never moves a cursor: a push stays readable in the overlay until the copy holds it. A
//! stamp is made anew only when the hub has refused the old one, and then in the order of writing.

use std::collections::BTreeSet;

use super::event::{Event, RecordName};
use super::outbox::{Acked, Pending};
use super::overlay::names_of;
use super::receive::Received;
use super::space::Subscription;
use super::{Replica, frame_bytes, stamp_in_order};
use crate::delta::{Delta, Op, PushId};
use crate::frame::Subject;
use crate::name::SpaceName;
use crate::record::Record;
use crate::reject::{Code, Reject};
use crate::stamp::{Clock, HlcTime, Stamp};

impl Replica {
    /// The hub has a push on its disk.
    pub(super) fn acked(&mut self, push: PushId, sequence: u64, out: &mut Received) {
        let Some(order) = self.outbox.order_of(push) else { return };
        let Some(pending) = self.outbox.get(order).filter(|pending| pending.acked.is_none()) else {
            return;
        };
        let space = pending.push.space.clone();
        let newest = pending.push.deltas.iter().map(|delta| delta.stamp.time).max();
        self.vouched = self.vouched.max(newest.unwrap_or(HlcTime::ZERO));
        out.events.push(Event::Acked { space: space.clone(), push, sequence });
        match self.spaces.get(&space).filter(|state| !state.is_closed).and_then(|s| s.epoch) {
            Some(epoch) => {
                self.outbox.ack(order, Acked { epoch, sequence });
                self.settle(&space, out);
            }
            // Nothing will tell when the copy holds it.
            None => {
                self.leave(order, out);
            }
        }
    }

    /// Lets those acknowledged pushes go that the copy holds by now.
    pub(super) fn settle(&mut self, space: &SpaceName, out: &mut Received) {
        let Some(cursor) = self.spaces.get(space).and_then(|state| state.cursor) else { return };
        let reached =
            |acked: &Acked| acked.epoch == cursor.epoch && acked.sequence <= cursor.sequence;
        for order in self.acked_orders(space) {
            let acked = self.outbox.get(order).and_then(|pending| pending.acked);
            if acked.as_ref().is_some_and(reached) {
                self.leave(order, out);
            }
        }
    }

    /// The copy is of another log now: what the old one had acknowledged is pushed again when the
    /// hub wants to hear what it lost, and is gone otherwise.
    pub(super) fn settle_epochs(&mut self, space: &SpaceName, heals: bool, out: &mut Received) {
        let Some(cursor) = self.spaces.get(space).and_then(|state| state.cursor) else { return };
        for order in self.acked_orders(space) {
            let acked = self.outbox.get(order).and_then(|pending| pending.acked);
            if acked.is_none_or(|acked| acked.epoch == cursor.epoch) {
                continue;
            }
            if heals {
                self.outbox.set_due(order);
            } else {
                self.leave(order, out);
            }
        }
    }

    fn acked_orders(&self, space: &SpaceName) -> Vec<u64> {
        let lane = self.outbox.lane(space.as_str());
        lane.map(|lane| lane.acked.iter().copied().collect()).unwrap_or_default()
    }

    /// Takes a push out of outbox and overlay, and tells what reads differently without it.
    pub(super) fn leave(&mut self, order: u64, out: &mut Received) {
        let Some(pending) = self.outbox.remove(order) else { return };
        let space = &pending.push.space;
        let Some(state) = self.spaces.get_mut(space) else { return };
        let names = names_of(&pending.push);
        let before: Vec<_> = names.iter().map(|name| state.shown(name)).collect();
        let outbox = &self.outbox;
        state.overlay.remove(order, &pending.push, |place| outbox.delta(place));
        let differs =
            |(name, before): (RecordName, _)| (state.shown(&name) != before).then_some(name);
        let changed = names.into_iter().zip(before).filter_map(differs).collect();
        self.tell_changed(space, changed, out);
    }

    /// Something was refused.
    pub(super) fn rejected(
        &mut self,
        subject: Subject,
        reject: Reject,
        (hub_ms, now_ms): (u64, u64),
        out: &mut Received,
    ) {
        match subject {
            Subject::Space(space) => self.space_rejected(space, reject, out),
            Subject::Push(push) => {
                let Some(order) = self.outbox.order_of(push) else { return };
                if self.outbox.is_last_answer(order) {
                    self.push_rejected(order, reject, (hub_ms, now_ms), out);
                }
            }
        }
    }

    fn space_rejected(&mut self, space: SpaceName, reject: Reject, out: &mut Received) {
        let Some(state) = self.spaces.get_mut(&space) else { return };
        if !matches!(state.subscription, Subscription::Asked { .. } | Subscription::Open(_)) {
            return;
        }
        state.subscription = Subscription::Ended(reject.clone());
        match reject.code {
            // Once: a hub that knows no snapshot either has nothing to give.
            Code::UnknownCursor if state.cursor.is_some() => {
                (state.cursor, state.unsaved.meta) = (None, true);
                state.subscription = Subscription::Idle;
            }
            code if code.is_retryable() => out.retry.push(space.clone()),
            // The right to see it is gone, and so is what was seen.
            Code::Forbidden => {
                (state.cursor, state.epoch, state.unsaved.meta) = (None, None, true);
                let changed = state.replace_copy(super::copy::SpaceCopy::default());
                self.tell_changed(&space, changed, out);
            }
            _ => {}
        }
        out.events.push(Event::SubscriptionEnded { space, reject });
    }

    fn push_rejected(
        &mut self,
        order: u64,
        reject: Reject,
        (hub_ms, now_ms): (u64, u64),
        out: &mut Received,
    ) {
        let Some(pending) = self.outbox.get(order) else { return };
        let (space, push) = (pending.push.space.clone(), pending.push.id);
        match reject.code {
            Code::ClockDrift => {
                let offset_ms = difference(hub_ms, now_ms);
                self.outbox.set_due(order);
                if !self.learn_offset(offset_ms, now_ms) {
                    // The clock is right, so it is the hub's that has to come round.
                    self.hold(&space, out);
                }
            }
            Code::Expired => self.expired(order, reject, now_ms, out),
            code if code.is_retryable() => {
                self.outbox.set_due(order);
                self.hold(&space, out);
            }
            _ => {
                self.leave(order, out);
                out.events.push(Event::Rejected { space, push, reject });
            }
        }
    }

    fn hold(&mut self, space: &SpaceName, out: &mut Received) {
        let Some(state) = self.spaces.get_mut(space) else { return };
        if !std::mem::replace(&mut state.is_held, true) {
            out.retry.push(space.clone());
        }
    }

    /// Learns how far this device's clock is behind the hub's. If the clock of the replica has run
    /// ahead of what the hub takes, it starts again from what the hub has vouched for, and all
    /// writes without an answer are stamped anew in their order. Gives whether they were.
    pub(crate) fn learn_offset(&mut self, offset_ms: i64, now_ms: u64) -> bool {
        self.offset_ms = offset_ms;
        let latest_ms = self.hub_ms(now_ms).saturating_add(self.limits.max_clock_drift_ms);
        if self.clock.last().millis() <= latest_ms || self.vouched.millis() > latest_ms {
            return false;
        }
        self.clock = Clock::starting_after(self.vouched);
        let own = |pending: &Pending| pending.acked.is_none() && !pending.is_healing;
        let orders: Vec<_> =
            self.outbox.iter().filter(|(_, pending)| own(pending)).map(|(o, _)| o).collect();
        for order in orders {
            self.stamp_anew(order, now_ms, |_| true);
        }
        true
    }

    /// Stamps deltas of a push anew, in their order, and lets it be sent again.
    fn stamp_anew(&mut self, order: u64, now_ms: u64, which: impl Fn(&Delta) -> bool) {
        let (hub_ms, id, mut clock) = (self.hub_ms(now_ms), self.id, self.clock);
        self.modify(order, |pending| {
            let deltas = pending.push.deltas.iter_mut().filter(|delta| which(delta));
            stamp_in_order(deltas, || Stamp::new(clock.tick(hub_ms), id));
        });
        self.clock = clock;
        self.outbox.set_due(order);
    }

    /// Changes a push where it stands, and the overlay with it.
    fn modify(&mut self, order: u64, change: impl FnOnce(&mut Pending)) {
        let Some(pending) = self.outbox.change(order) else { return };
        let old = pending.push.clone();
        change(pending);
        pending.bytes = frame_bytes(&pending.push);
        let new = pending.push.clone();
        let Some(state) = self.spaces.get_mut(&new.space) else { return };
        let outbox = &self.outbox;
        state.overlay.remove(order, &old, |place| outbox.delta(place));
        state.overlay.add(order, &new);
    }

    /// A record that the push writes to was deleted so long ago that nobody remembers: what this
    /// device created itself is stamped anew, the rest is a conflict.
    fn expired(&mut self, order: u64, reject: Reject, now_ms: u64, out: &mut Received) {
        let Some(pending) = self.outbox.get(order) else { return };
        let at_fault = self.at_fault(pending, reject.index);
        let (space, push) = (pending.push.space.clone(), pending.push.id);
        let name = |delta: &Delta| RecordName::new(&delta.change.collection, &delta.change.key);
        let mut created = BTreeSet::new();
        let mut lost = BTreeSet::new();
        for index in at_fault {
            let is_created = pending.created.get(index).copied().unwrap_or(false);
            if is_created && !pending.is_healing {
                created.insert(name(&pending.push.deltas[index]));
            } else {
                lost.insert(index);
            }
        }
        // A push with guards was decided as one, and is not pushed in part.
        let is_over = lost.len() == pending.push.deltas.len()
            || !lost.is_empty() && !pending.push.guards.is_empty();
        self.tell_conflict(order, &lost, is_over, out);
        if is_over {
            self.leave(order, out);
            out.events.push(Event::Rejected { space, push, reject });
            return;
        }
        self.modify(order, |pending| drop_deltas(pending, &lost));
        self.outbox.set_due(order);
        // Later writes to the same records follow, or they would be older than what they change.
        let later: Vec<_> =
            self.orders_of(space.as_str()).into_iter().filter(|&other| other >= order).collect();
        for other in later {
            let is_touched = |delta: &Delta| created.contains(&name(delta));
            let can = |p: &Pending| p.acked.is_none() && p.push.deltas.iter().any(is_touched);
            if self.outbox.get(other).is_some_and(can) {
                self.stamp_anew(other, now_ms, is_touched);
            }
        }
    }

    /// Which deltas an `expired` speaks of: the one named, and with it all that are no later and
    /// whose records do not exist either; all of the push when none is named.
    fn at_fault(&self, pending: &Pending, index: Option<u32>) -> Vec<usize> {
        let deltas = &pending.push.deltas;
        let named = index.and_then(|index| usize::try_from(index).ok());
        let Some((named, fault)) = named.and_then(|index| Some((index, deltas.get(index)?))) else {
            return (0..deltas.len()).collect();
        };
        let copy = self.spaces.get(&pending.push.space).map(|state| &state.copy);
        let is_absent = |delta: &Delta| {
            let (collection, key) = (delta.change.collection.as_str(), delta.change.key.as_str());
            copy.is_none_or(|copy| copy.get(collection, key).is_none_or(Record::is_empty))
        };
        let all = deltas.iter().enumerate();
        all.filter(|&(index, delta)| {
            index == named || delta.stamp <= fault.stamp && is_absent(delta)
        })
        .map(|(index, _)| index)
        .collect()
    }

    /// Tells the app which writes are lost. That an old delete found nothing to delete is no loss.
    fn tell_conflict(&self, order: u64, lost: &BTreeSet<usize>, is_over: bool, out: &mut Received) {
        let Some(pending) = self.outbox.get(order) else { return };
        let all = pending.push.deltas.iter().enumerate();
        let gone = all.filter(|(index, _)| is_over || lost.contains(index));
        let told = gone
            .filter(|(_, delta)| !(pending.is_healing && delta.change.op == Op::Delete))
            .map(|(_, delta)| delta.clone());
        let deltas: Vec<_> = told.collect();
        if !deltas.is_empty() {
            let (space, push) = (pending.push.space.clone(), pending.push.id);
            out.events.push(Event::Conflict { space, push, deltas });
        }
    }
}

fn drop_deltas(pending: &mut Pending, lost: &BTreeSet<usize>) {
    let mut index = 0..;
    let mut keep = || index.next().is_some_and(|index| !lost.contains(&index));
    pending.push.deltas.retain(|_| keep());
    let mut index = 0..;
    pending.created.retain(|_| index.next().is_some_and(|index| !lost.contains(&index)));
}

/// `a - b`, as far as it fits.
fn difference(a: u64, b: u64) -> i64 {
    if a >= b {
        i64::try_from(a - b).unwrap_or(i64::MAX)
    } else {
        i64::try_from(b - a).map_or(i64::MIN, |less| -less)
    }
}
