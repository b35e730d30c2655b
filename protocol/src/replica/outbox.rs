//! The outbox: own pushes in the order in which they were written, until the copy holds them.
//!
//! ```text
//!            write                send                ack               cursor >= sequence
//!   (app) ---------> waiting ------------> in flight -------> acked ----------------------> gone
//!                       ^                     |   reject: final ---------------------------> gone
//!                       +---------------------+   retryable, or the connection ended
//! ```
//! Nothing here knows records, clocks or sessions; it keeps order, windows and what to save.

use std::collections::{BTreeMap, BTreeSet};

use crate::cursor::Epoch;
use crate::delta::{Delta, Push, PushId};
use crate::name::{SpaceId, SpaceName};

/// Pushes in flight at most: enough to hide a round trip, few enough to send again.
const WINDOW_PUSHES: usize = 64;
/// Bytes in flight at most, half of what a hub takes from one session at a time; a single push may
/// be larger.
const WINDOW_BYTES: usize = 1 << 20;

/// A push and what became of it so far.
#[derive(Debug)]
pub(super) struct Pending {
    pub(super) push: Push,
    /// The life of the space that the push was written for, when it was known.
    pub(super) space_id: Option<SpaceId>,
    /// For each delta whether this device created the record: the copy did not show it.
    pub(super) created: Vec<bool>,
    /// Whether it offers back what a restored hub has lost, under the stamps that it had.
    pub(super) is_healing: bool,
    pub(super) acked: Option<Acked>,
    /// How often it was sent in this session without an answer; more than once when it was stamped
    /// anew while it was in flight.
    pub(super) flights: u32,
    /// How large its frame is.
    pub(super) bytes: usize,
}

/// Where the hub put a push.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Acked {
    pub(super) epoch: Epoch,
    pub(super) sequence: u64,
}

/// All pushes that are not done with.
#[derive(Debug, Default)]
pub(super) struct Outbox {
    pushes: BTreeMap<u64, Pending>,
    orders: BTreeMap<PushId, u64>,
    lanes: BTreeMap<SpaceName, Lane>,
    next_order: u64,
    flying: BTreeMap<u64, usize>,
    flying_bytes: usize,
    unsaved: BTreeSet<u64>,
    /// Of these, what was written or stamped since: it must be saved before it is sent.
    unsaved_writes: BTreeSet<u64>,
}

/// The orders of one space's pushes.
#[derive(Debug, Default)]
pub(super) struct Lane {
    pub(super) all: BTreeSet<u64>,
    pub(super) acked: BTreeSet<u64>,
    due: BTreeSet<u64>,
    due_healing: BTreeSet<u64>,
}

impl Lane {
    fn is_due(&self, order: u64) -> bool {
        self.due.contains(&order) || self.due_healing.contains(&order)
    }
}

impl Outbox {
    pub(super) fn len(&self) -> usize {
        self.pushes.len()
    }

    /// Takes a push in behind all others; gives its order.
    pub(super) fn push(&mut self, pending: Pending) -> u64 {
        let order = self.next_order;
        self.restore(order, pending);
        self.unsaved.insert(order);
        self.unsaved_writes.insert(order);
        order
    }

    /// Puts a push back where it was.
    pub(super) fn restore(&mut self, order: u64, pending: Pending) {
        self.next_order = self.next_order.max(order + 1);
        self.orders.insert(pending.push.id, order);
        let lane = self.lanes.entry(pending.push.space.clone()).or_default();
        lane.all.insert(order);
        match &pending.acked {
            Some(_) => lane.acked.insert(order),
            None if pending.is_healing => lane.due_healing.insert(order),
            None => lane.due.insert(order),
        };
        self.pushes.insert(order, pending);
    }

    pub(super) fn order_of(&self, id: PushId) -> Option<u64> {
        self.orders.get(&id).copied()
    }

    pub(super) fn get(&self, order: u64) -> Option<&Pending> {
        self.pushes.get(&order)
    }

    pub(super) fn delta(&self, (order, index): (u64, usize)) -> Option<&Delta> {
        self.pushes.get(&order)?.push.deltas.get(index)
    }

    /// One push to change, which is then saved anew.
    pub(super) fn change(&mut self, order: u64) -> Option<&mut Pending> {
        self.unsaved.insert(order);
        self.unsaved_writes.insert(order);
        self.pushes.get_mut(&order)
    }

    pub(super) fn lane(&self, space: &str) -> Option<&Lane> {
        self.lanes.get(space)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (u64, &Pending)> {
        self.pushes.iter().map(|(&order, pending)| (order, pending))
    }

    /// Whether a space has pushes that offer back what the hub lost, not sent yet.
    pub(super) fn has_healing(&self, space: &str) -> bool {
        self.lanes.get(space).is_some_and(|lane| !lane.due_healing.is_empty())
    }

    pub(super) fn remove(&mut self, order: u64) -> Option<Pending> {
        let pending = self.pushes.remove(&order)?;
        self.orders.remove(&pending.push.id);
        self.land(order);
        if let Some(lane) = self.lanes.get_mut(&pending.push.space) {
            lane.all.remove(&order);
            lane.acked.remove(&order);
            lane.due.remove(&order);
            lane.due_healing.remove(&order);
            if lane.all.is_empty() {
                self.lanes.remove(&pending.push.space);
            }
        }
        self.unsaved.insert(order);
        self.unsaved_writes.remove(&order);
        Some(pending)
    }

    /// Notes an ack.
    pub(super) fn ack(&mut self, order: u64, acked: Acked) {
        let Some(pending) = self.pushes.get_mut(&order) else { return };
        (pending.acked, pending.flights) = (Some(acked), 0);
        let lane = self.lanes.entry(pending.push.space.clone()).or_default();
        lane.due.remove(&order);
        lane.due_healing.remove(&order);
        lane.acked.insert(order);
        self.land(order);
        self.unsaved.insert(order);
    }

    /// Counts an answer that was not an ack; whether it answers the push as it stands now, and not
    /// as it was before it was stamped anew.
    pub(super) fn is_last_answer(&mut self, order: u64) -> bool {
        let Some(pending) = self.pushes.get_mut(&order) else { return false };
        if pending.flights == 0 {
            return false;
        }
        pending.flights -= 1;
        let is_due = self.lanes.get(&pending.push.space).is_some_and(|lane| lane.is_due(order));
        let was_last = pending.flights == 0;
        if was_last {
            self.land(order);
        }
        was_last && !is_due
    }

    /// Whether the answer that comes next is to the push as it stands now: it was sent once, not
    /// stamped anew since.
    pub(super) fn is_answered_as_it_stands(&self, order: u64) -> bool {
        let Some(pending) = self.pushes.get(&order) else { return false };
        let is_due = self.lanes.get(&pending.push.space).is_some_and(|lane| lane.is_due(order));
        pending.flights == 1 && !is_due
    }

    /// Lets a push be sent again; an ack that it had counts no longer.
    pub(super) fn set_due(&mut self, order: u64) {
        let Some(pending) = self.pushes.get_mut(&order) else { return };
        let was_acked = pending.acked.take().is_some();
        let lane = self.lanes.entry(pending.push.space.clone()).or_default();
        lane.acked.remove(&order);
        if pending.is_healing { &mut lane.due_healing } else { &mut lane.due }.insert(order);
        if was_acked {
            self.unsaved.insert(order);
        }
    }

    /// What may be sent now: of the spaces that are ready, in the order of writing, as far as the
    /// window reaches. What it gives counts as sent.
    pub(super) fn take_due(&mut self, is_ready: impl Fn(&SpaceName, bool) -> bool) -> Vec<Push> {
        let mut orders = BTreeSet::new();
        for (space, lane) in &self.lanes {
            if is_ready(space, false) {
                orders.extend(lane.due.iter().take(WINDOW_PUSHES));
            }
            if is_ready(space, true) {
                orders.extend(lane.due_healing.iter().take(WINDOW_PUSHES));
            }
        }
        orders.into_iter().map_while(|order| self.send(order)).collect()
    }

    /// Sends one push, if the window has room for it.
    fn send(&mut self, order: u64) -> Option<Push> {
        let pending = self.pushes.get_mut(&order)?;
        let fits = self.flying.is_empty()
            || self.flying.len() < WINDOW_PUSHES
                && self.flying_bytes + pending.bytes <= WINDOW_BYTES;
        if !fits {
            return None;
        }
        pending.flights += 1;
        let lane = self.lanes.entry(pending.push.space.clone()).or_default();
        lane.due.remove(&order);
        lane.due_healing.remove(&order);
        let before = self.flying.insert(order, pending.bytes).unwrap_or(0);
        self.flying_bytes = self.flying_bytes - before + pending.bytes;
        Some(pending.push.clone())
    }

    fn land(&mut self, order: u64) {
        self.flying_bytes -= self.flying.remove(&order).unwrap_or(0);
    }

    /// The connection ended: whatever has no answer is sent again in the next session.
    pub(super) fn disconnected(&mut self) {
        self.flying_bytes = 0;
        for (order, _) in std::mem::take(&mut self.flying) {
            if let Some(pending) = self.pushes.get_mut(&order) {
                pending.flights = 0;
                self.set_due(order);
            }
        }
    }

    /// The orders whose pushes are other than when this was last asked.
    pub(super) fn take_unsaved(&mut self) -> BTreeSet<u64> {
        self.unsaved_writes.clear();
        std::mem::take(&mut self.unsaved)
    }

    pub(super) fn has_unsaved_writes(&self) -> bool {
        !self.unsaved_writes.is_empty()
    }

    pub(super) fn is_saved(&self) -> bool {
        self.unsaved.is_empty()
    }
}
