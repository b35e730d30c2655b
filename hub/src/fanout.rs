//! Fan-out: every committed delta to every session whose view holds it.
//!
//! An optimisation over the log and nothing more: a session that cannot keep up loses its queue
//! and reads on from the log at its cursor (law 6). A frame is built once for each distinct view of
//! a space and shared by all who have it. Knows nothing of who may see what: a view comes decided.

mod presence;
mod queue;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use dashmap::DashMap;
use syncline_protocol::codec::{ChangesHeader, encode_hub};
use syncline_protocol::{HubFrame, Peer, PresenceEvent, SpaceId, SpaceName, Value};

use crate::publication::{Publication, Published, Rights};
use crate::selection::Selection;
use presence::Attendance;
pub use queue::{Answered, Popped, Queue};

/// Deltas of one frame, in bytes: a batch of more is told in several.
const FRAME_BYTES: usize = 256 * 1024;

/// Names a session within this process.
pub type SessionId = u64;

/// The feeds of all spaces that someone listens to.
#[derive(Debug, Default)]
pub struct Fanout {
    feeds: DashMap<SpaceId, Arc<Feed>>,
}

/// What publications came to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Delivered {
    /// Deltas, for every session that gets each.
    pub deltas: usize,
    /// Queues that were woken, once for each space.
    pub queues: usize,
}

/// One space's listeners.
#[derive(Debug)]
pub struct Feed {
    space: SpaceName,
    id: SpaceId,
    /// Everything up to this sequence has been put into the queues of those it is for.
    published: AtomicU64,
    state: Mutex<FeedState>,
}

#[derive(Debug, Default)]
struct FeedState {
    views: Vec<ViewFeed>,
    attendance: Attendance,
    /// Where running catch-ups stand: what lies after must not be purged.
    pins: BTreeMap<SessionId, u64>,
    /// The version of the rights that views must at least have been made by.
    rights: u64,
}

/// Those who see the same of a space.
#[derive(Debug)]
struct ViewFeed {
    selection: Selection,
    /// The `last` of the newest frame: where the next one joins.
    last: u64,
    listeners: BTreeMap<SessionId, Arc<Queue>>,
}

impl Fanout {
    /// Listens to a space. `sequence` is where the space stands if nobody listened before.
    pub fn listen(&self, space: &SpaceName, id: SpaceId, sequence: u64) -> Arc<Feed> {
        let feed = self.feeds.entry(id).or_insert_with(|| {
            Arc::new(Feed {
                space: space.clone(),
                id,
                published: AtomicU64::new(sequence),
                state: Mutex::default(),
            })
        });
        feed.clone()
    }

    /// Tells everyone what a batch did. Called in the order of commits, by one thread.
    pub fn publish(&self, publications: &[Publication]) -> Delivered {
        let mut delivered = Delivered::default();
        for publication in publications {
            // The guard must not be held while queues fill.
            let feed = self.feeds.get(&publication.id).map(|feed| feed.clone());
            if let Some(feed) = feed {
                feed.publish(publication, &mut delivered);
            }
        }
        delivered
    }

    /// Rights have changed, and nothing that was decided before holds: whoever listens in a space
    /// where they may have must ask again, and reads on from the log. Called before what the same
    /// batch did is published.
    pub fn retire(&self, rights: &Rights, version: u64) {
        if *rights == Rights::Same {
            return;
        }
        let feeds: Vec<_> = self.feeds.iter().map(|feed| feed.value().clone()).collect();
        for feed in feeds.iter().filter(|feed| rights.concern(&feed.space)) {
            feed.retire(version);
        }
    }

    /// The sequence after which a space's tombstones must stay: a running catch-up needs them.
    #[must_use]
    pub fn pinned_after(&self, id: SpaceId) -> u64 {
        let Some(feed) = self.feeds.get(&id).map(|feed| feed.clone()) else { return u64::MAX };
        feed.lock().pins.values().min().copied().unwrap_or(u64::MAX)
    }

    /// A space is gone: its listeners look for themselves.
    pub fn dropped(&self, id: SpaceId) {
        if let Some((_, feed)) = self.feeds.remove(&id) {
            for view in &feed.lock().views {
                view.listeners.values().for_each(|queue| queue.retire());
            }
        }
    }

    /// Forgets feeds that nobody listens to.
    pub fn sweep(&self) {
        self.feeds.retain(|_, feed| Arc::strong_count(feed) > 1 || !feed.is_idle());
    }
}

impl Feed {
    /// The space's name.
    #[must_use]
    pub fn space(&self) -> &SpaceName {
        &self.space
    }

    /// The space's id.
    #[must_use]
    pub fn id(&self) -> SpaceId {
        self.id
    }

    /// The sequence up to which everything has been put into queues. Ask before looking whether a
    /// queue is empty, and both together prove that there is nothing to receive up to it.
    #[must_use]
    pub fn published(&self) -> u64 {
        self.published.load(Ordering::Acquire)
    }

    /// Begins to fill a session's queue with a selection that was made by the rights of a version;
    /// gives whether they still hold. If not, nothing is filled: ask for them again.
    #[must_use]
    pub fn join(
        &self,
        session: SessionId,
        (selection, version): (&Selection, u64),
        queue: &Arc<Queue>,
    ) -> bool {
        let mut state = self.lock();
        state.forget(session);
        if version < state.rights {
            return false;
        }
        let listeners = match state.views.iter().position(|view| view.selection == *selection) {
            Some(at) => &mut state.views[at].listeners,
            None => {
                let (selection, last) = (selection.clone(), self.published());
                state.views.push(ViewFeed { selection, last, listeners: BTreeMap::new() });
                &mut state.views.last_mut().expect("a view was pushed").listeners
            }
        };
        listeners.insert(session, queue.clone());
        true
    }

    /// Whether a session's queue is being filled.
    #[must_use]
    pub fn has(&self, session: SessionId) -> bool {
        self.lock().views.iter().any(|view| view.listeners.contains_key(&session))
    }

    /// Stops filling a session's queue until it joins again.
    pub fn leave_queue(&self, session: SessionId) {
        self.lock().forget(session);
    }

    fn retire(&self, version: u64) {
        let mut state = self.lock();
        state.rights = state.rights.max(version);
        for view in std::mem::take(&mut state.views) {
            view.listeners.values().for_each(|queue| queue.retire());
        }
    }

    /// Stops filling a session's queue, and takes the session out of the space.
    pub fn leave(&self, session: SessionId) {
        let mut state = self.lock();
        state.forget(session);
        state.pins.remove(&session);
        if let Some((peer, event)) = state.attendance.leave(session) {
            self.tell(&state, session, peer, event);
        }
    }

    /// A catch-up of this session needs what lies after a sequence; none when it is done.
    pub fn pin(&self, session: SessionId, after: Option<u64>) {
        let pins = &mut self.lock().pins;
        match after {
            Some(after) => pins.insert(session, after),
            None => pins.remove(&session),
        };
    }

    /// The frames that tell a newcomer what the others show.
    #[must_use]
    pub fn shown_to(&self, session: SessionId) -> Vec<Bytes> {
        let state = self.lock();
        let shown = state.attendance.others(session).map(|(peer, value)| {
            let (space, from) = (self.space.clone(), peer.clone());
            let event = PresenceEvent::Joined(Some(value.clone()));
            Bytes::from(encode_hub(&HubFrame::Presence { space, from, event }))
        });
        shown.collect()
    }

    /// A session shows its state to the others, or shows none any more.
    pub fn show(&self, session: SessionId, peer: Peer, value: Option<Value>) {
        let mut state = self.lock();
        if let Some((peer, event)) = state.attendance.show(session, peer, value) {
            self.tell(&state, session, peer, event);
        }
    }

    /// A session says something to the others.
    pub fn signal(&self, session: SessionId, from: Peer, value: Value) {
        let frame = HubFrame::Signal { space: self.space.clone(), from, value };
        self.tell_frame(&self.lock(), session, &frame);
    }

    fn tell(&self, state: &FeedState, from: SessionId, peer: Peer, event: PresenceEvent) {
        let frame = HubFrame::Presence { space: self.space.clone(), from: peer, event };
        self.tell_frame(state, from, &frame);
    }

    fn tell_frame(&self, state: &FeedState, from: SessionId, frame: &HubFrame) {
        let bytes = Bytes::from(encode_hub(frame));
        let listeners = state.views.iter().flat_map(|view| &view.listeners);
        for (_, queue) in listeners.filter(|(session, _)| **session != from) {
            queue.push_ephemeral(bytes.clone());
        }
    }

    fn publish(&self, publication: &Publication, delivered: &mut Delivered) {
        let mut state = self.lock();
        for view in &mut state.views {
            let deltas = view.publish(&self.space, self.id, publication);
            delivered.deltas += deltas * view.listeners.len();
            delivered.queues += if deltas > 0 { view.listeners.len() } else { 0 };
        }
        self.published.store(publication.last, Ordering::Release);
    }

    fn is_idle(&self) -> bool {
        self.lock().views.is_empty()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, FeedState> {
        self.state.lock().expect("nothing panics while it holds a feed")
    }
}

impl FeedState {
    fn forget(&mut self, session: SessionId) {
        for view in &mut self.views {
            view.listeners.remove(&session);
        }
        self.views.retain(|view| !view.listeners.is_empty());
    }
}

impl ViewFeed {
    /// Builds the frames of a batch once and queues them for every listener; gives how many deltas
    /// each of them gets.
    fn publish(&mut self, space: &SpaceName, id: SpaceId, publication: &Publication) -> usize {
        let selected: Vec<&Published> = publication
            .deltas
            .iter()
            .filter(|delta| {
                let change = &delta.applied.delta.change;
                self.selection.selects(change.collection.as_str(), change.key.as_str())
            })
            .collect();
        if selected.is_empty() || self.listeners.is_empty() {
            return 0;
        }
        let frames = frames(space, self.last, publication.last, &selected);
        for queue in self.listeners.values() {
            for (last, bytes) in &frames {
                queue.push(id, *last, bytes.clone());
            }
            queue.wake();
        }
        self.last = publication.last;
        selected.len()
    }
}

/// The frames of a batch: a push arrives whole, so all but the last say that more follows.
fn frames(space: &SpaceName, before: u64, last: u64, deltas: &[&Published]) -> Vec<(u64, Bytes)> {
    let mut frames = Vec::new();
    let (mut before, mut rest) = (before, deltas);
    while !rest.is_empty() {
        let mut bytes = 0;
        let fits = rest.iter().take_while(|delta| {
            bytes += delta.bytes.len();
            bytes <= FRAME_BYTES
        });
        let (now, later) = rest.split_at(fits.count().max(1));
        let more = !later.is_empty();
        let frame_last = if more { now[now.len() - 1].applied.sequence } else { last };
        let header = ChangesHeader { space, before, last: frame_last, more, deltas: now.len() };
        let mut frame = header.encode();
        now.iter().for_each(|delta| frame.extend_from_slice(&delta.bytes));
        frames.push((frame_last, Bytes::from(frame)));
        (before, rest) = (frame_last, later);
    }
    frames
}

#[cfg(test)]
mod tests;
