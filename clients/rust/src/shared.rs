//! What handles and the loop share: the session under one lock, and the channels to the app.
//!
//! ```text
//!   handles --- lock, call, absorb ---+                      +--- loop: socket, timers, file
//!                                     v                      v
//!                          Core: session, orders for the loop, who waits for what
//! ```
//! The lock is held for one call and never across an await. Nothing here waits or moves bytes.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use syncline_protocol::replica::{Event, RecordName, Unsaved};
use syncline_protocol::session::client::{
    Action, ClientEvent, ClientSession, ConnectionState, Moment,
};
use syncline_protocol::{
    Change, Guard, Peer, PresenceEvent, PushId, Reject, Replica, SpaceName, Value,
};
use tokio::sync::{Notify, broadcast, oneshot, watch};
use tokio::time::Instant;

use crate::changes::Notice;
use crate::error::{AckError, Error, StoreError, SyncError};
use crate::space::{Progress, Verified};
use crate::transaction::{Ack, WriteHandle};

/// News of a space that a slow stream may leave unread before it is told to read anew.
const NEWS_MAX: usize = 256;
/// Notices that a slow stream may leave unread.
const NOTICES_MAX: usize = 256;

/// What handles and the loop share.
#[derive(Debug)]
pub(crate) struct Shared {
    core: Mutex<Core>,
    /// Wakes the loop: there are orders.
    pub(crate) wake: Notify,
    pub(crate) state: watch::Sender<ConnectionState>,
    pub(crate) saved: watch::Sender<SavedState>,
    /// Whether the loop has ended.
    pub(crate) ended: watch::Sender<bool>,
    pub(crate) notices: broadcast::Sender<Notice>,
    start: Instant,
}

/// How far the file holds what was written.
#[derive(Debug, Clone, Default)]
pub(crate) struct SavedState {
    /// So many writes are on the disk.
    pub(crate) writes: u64,
    pub(crate) failure: Option<StoreError>,
}

/// What the lock guards.
#[derive(Debug)]
pub(crate) struct Core {
    pub(crate) session: ClientSession,
    topics: BTreeMap<SpaceName, Topic>,
    acks: BTreeMap<PushId, oneshot::Sender<Result<Ack, AckError>>>,
    /// Messages for the socket, oldest first.
    pub(crate) outgoing: VecDeque<Vec<u8>>,
    pub(crate) order: Option<Order>,
    /// How many writes there were.
    pub(crate) writes: u64,
    pub(crate) is_closing: bool,
    /// The loop has ended, and nothing will be told any more.
    is_over: bool,
    failure: Option<StoreError>,
}

/// What the loop is to do with the socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Order {
    Connect,
    Close,
}

/// Who listens to a space, and what they are told.
#[derive(Debug)]
pub(crate) struct Topic {
    pub(crate) news: broadcast::Sender<News>,
    pub(crate) status: watch::Sender<Status>,
    verifying: Vec<oneshot::Sender<Result<Verified, SyncError>>>,
}

/// Something about a space.
#[derive(Debug, Clone)]
pub(crate) enum News {
    Changed(Arc<[RecordName]>),
    Signal(Peer, Value),
    Presence(Peer, PresenceEvent),
}

/// How a space stands.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Status {
    pub(crate) is_live: bool,
    pub(crate) progress: Option<Progress>,
    pub(crate) ended: Option<Reject>,
}

impl Topic {
    fn new() -> Self {
        let (news, status) = (broadcast::Sender::new(NEWS_MAX), watch::Sender::default());
        Self { news, status, verifying: Vec::new() }
    }
}

impl Shared {
    pub(crate) fn new(session: ClientSession) -> Self {
        let state = watch::Sender::new(session.state());
        let core = Core {
            session,
            topics: BTreeMap::new(),
            acks: BTreeMap::new(),
            outgoing: VecDeque::new(),
            order: None,
            writes: 0,
            is_closing: false,
            is_over: false,
            failure: None,
        };
        Self {
            core: Mutex::new(core),
            wake: Notify::new(),
            state,
            saved: watch::Sender::default(),
            ended: watch::Sender::new(false),
            notices: broadcast::Sender::new(NOTICES_MAX),
            start: Instant::now(),
        }
    }

    /// The core. A panic in an app's closure never happens under the lock, so that a poisoned one
    /// is as good as any.
    pub(crate) fn lock(&self) -> MutexGuard<'_, Core> {
        self.core.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Now, by both clocks, with fresh random bits.
    pub(crate) fn moment(&self) -> Moment {
        let wall = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let steady = self.start.elapsed();
        let millis = |time: std::time::Duration| u64::try_from(time.as_millis()).unwrap_or(0);
        // Without random numbers, which a start has had, pauses are merely less scattered.
        let random = getrandom::u64().unwrap_or(u64::from(wall.subsec_nanos()));
        Moment { wall_ms: millis(wall), steady_ms: millis(steady), random }
    }

    /// When a time of the steady clock is.
    pub(crate) fn instant(&self, steady_ms: u64) -> Instant {
        // A day is as good as never, and can always be added.
        let from_now = std::time::Duration::from_millis(steady_ms.min(self.day_from_now_ms()));
        self.start + from_now
    }

    fn day_from_now_ms(&self) -> u64 {
        self.moment().steady_ms + 86_400_000
    }

    /// Calls the session and does what comes of it.
    pub(crate) fn call<T>(
        &self,
        call: impl FnOnce(&mut ClientSession, Moment) -> (T, Vec<Action>),
    ) -> T {
        let now = self.moment();
        let mut core = self.lock();
        let (result, actions) = call(&mut core.session, now);
        self.absorb(&mut core, actions);
        result
    }

    /// Reads from the replica.
    pub(crate) fn read<T>(&self, read: impl FnOnce(&Replica) -> T) -> T {
        read(self.lock().session.replica())
    }

    /// Writes to a space.
    pub(crate) fn write(
        &self,
        space: &SpaceName,
        changes: Vec<Change>,
        guards: Vec<Guard>,
    ) -> Result<WriteHandle, Error> {
        let now = self.moment();
        let mut core = self.lock();
        core.check_open()?;
        let (push, actions) = core.session.write(space, changes, guards, now)?;
        let (sender, receiver) = oneshot::channel();
        core.acks.insert(push, sender);
        core.writes += 1;
        let handle = WriteHandle::new(push, receiver, core.writes, self.saved.subscribe());
        self.absorb(&mut core, actions);
        Ok(handle)
    }

    /// Listens to a space from now on.
    pub(crate) fn listen(&self, space: &SpaceName) -> broadcast::Receiver<News> {
        let mut core = self.lock();
        if core.is_over {
            Topic::new().news.subscribe()
        } else {
            core.topic(space).news.subscribe()
        }
    }

    /// How a space stands, from now on.
    pub(crate) fn status(&self, space: &SpaceName) -> watch::Receiver<Status> {
        let mut core = self.lock();
        let (over, is_over) = (Topic::new(), core.is_over);
        if is_over { over.status.subscribe() } else { core.topic(space).status.subscribe() }
    }

    /// Asks for a space to be verified; none when it is not open.
    pub(crate) fn verify(
        &self,
        space: &SpaceName,
    ) -> Option<oneshot::Receiver<Result<Verified, SyncError>>> {
        let now = self.moment();
        let mut core = self.lock();
        if core.is_closing {
            return None;
        }
        let (sender, receiver) = oneshot::channel();
        core.topic(space).verifying.push(sender);
        let (is_open, actions) = core.session.verify(space, now);
        self.absorb(&mut core, actions);
        is_open.then_some(receiver)
    }

    /// Begins to close: the loop saves, says goodbye and ends.
    pub(crate) fn close(&self) {
        self.lock().is_closing = true;
        self.wake.notify_one();
    }

    /// The file failed: nothing is taken or sent any more that could not be kept.
    pub(crate) fn fail(&self, failure: &StoreError) {
        let mut core = self.lock();
        core.failure = Some(failure.clone());
        let actions = core.session.stop();
        self.absorb(&mut core, actions);
        self.saved.send_modify(|saved| saved.failure = Some(failure.clone()));
    }

    /// The loop has ended: whoever waits is told so.
    pub(crate) fn end(&self) {
        let mut core = self.lock();
        (core.is_closing, core.is_over) = (true, true);
        let actions = core.session.stop();
        self.absorb(&mut core, actions);
        core.acks.clear();
        core.topics.clear();
        drop(core);
        self.ended.send_replace(true);
    }

    /// Does what the session says, as far as it does not need the loop.
    pub(crate) fn absorb(&self, core: &mut Core, actions: Vec<Action>) {
        for action in actions {
            match action {
                Action::Connect => core.give(Order::Connect),
                Action::Close => core.give(Order::Close),
                Action::Send(bytes) => core.outgoing.push_back(bytes),
                Action::Event(event) => self.tell(core, event),
            }
        }
        core.refresh();
        self.wake.notify_one();
    }

    fn tell(&self, core: &mut Core, event: ClientEvent) {
        match event {
            ClientEvent::Replica(event) => self.tell_replica(core, event),
            ClientEvent::State(state) => drop(self.state.send_replace(state)),
            // Nobody listening is no fault, here and below.
            ClientEvent::Signal { space, from, value } => {
                let _ = core.topic(&space).news.send(News::Signal(from, value));
            }
            ClientEvent::Presence { space, from, event } => {
                let _ = core.topic(&space).news.send(News::Presence(from, event));
            }
            _ => {}
        }
    }

    fn tell_replica(&self, core: &mut Core, event: Event) {
        match event {
            Event::Changed { space, records } => {
                let _ = core.topic(&space).news.send(News::Changed(records.into()));
            }
            Event::Progress { space, received, total } => {
                let progress = Some(Progress { received, records: total.records });
                core.topic(&space).status.send_modify(|status| status.progress = progress);
            }
            Event::CaughtUp { .. } => {}
            Event::Acked { push, sequence, .. } => {
                if let Some(waiting) = core.acks.remove(&push) {
                    let _ = waiting.send(Ok(Ack { push, sequence }));
                }
            }
            Event::Rejected { space, push, reject } => {
                if let Some(waiting) = core.acks.remove(&push) {
                    let _ = waiting.send(Err(AckError::Rejected(reject.clone())));
                }
                self.notice(Notice::Rejected { space, push, reject });
            }
            Event::Conflict { space, push, deltas } => {
                let changes = deltas.into_iter().map(|delta| delta.change).collect();
                self.notice(Notice::Conflict { space, push, changes });
            }
            Event::Verified { space, sequence } => {
                core.topic(&space).verified(&Ok(Verified::Equal { sequence }));
            }
            Event::Unverified { space } => {
                core.topic(&space).verified(&Err(SyncError::Unsettled));
            }
            Event::Diverged { space, collections, is_repairing } => {
                let different =
                    Verified::Different { collections: collections.clone(), is_repairing };
                core.topic(&space).verified(&Ok(different));
                self.notice(Notice::Diverged { space, collections, is_repairing });
            }
            Event::SubscriptionEnded { space, reject } => {
                let topic = core.topic(&space);
                topic.verified(&Err(SyncError::Ended(reject.clone())));
                topic.status.send_modify(|status| status.ended = Some(reject.clone()));
                self.notice(Notice::SubscriptionEnded { space, reject });
            }
            _ => {}
        }
    }

    fn notice(&self, notice: Notice) {
        let _ = self.notices.send(notice);
    }
}

impl Topic {
    fn verified(&mut self, result: &Result<Verified, SyncError>) {
        for waiting in self.verifying.drain(..) {
            let _ = waiting.send(result.clone());
        }
    }
}

impl Core {
    /// Whether the client still takes calls.
    pub(crate) fn check_open(&self) -> Result<(), Error> {
        match &self.failure {
            Some(failure) => Err(Error::Store(failure.clone())),
            None if self.is_closing => Err(Error::Closed),
            None => Ok(()),
        }
    }

    fn topic(&mut self, space: &SpaceName) -> &mut Topic {
        self.topics.entry(space.clone()).or_insert_with(Topic::new)
    }

    /// An order outdates the one before it, and what was to be sent on the old socket.
    fn give(&mut self, order: Order) {
        self.outgoing.clear();
        self.order = Some(order);
    }

    /// Lets those go who wait for pushes that are no more.
    pub(crate) fn drop_unanswerable(&mut self) {
        let replica = self.session.replica();
        self.acks.retain(|push, _| replica.is_waiting(*push));
    }

    /// Tells those who wait for a space how it stands, when that is news.
    fn refresh(&mut self) {
        let replica = self.session.replica();
        let is_connecting = self.session.state() == ConnectionState::Connecting;
        for (space, topic) in &self.topics {
            let is_live = replica.is_live(space.as_str());
            topic.status.send_if_modified(|status| {
                let before = status.clone();
                status.is_live = is_live;
                if is_live {
                    status.progress = None;
                }
                if is_live || is_connecting {
                    status.ended = None;
                }
                *status != before
            });
        }
    }

    /// What is to be saved before anything else is sent; with the number of writes that it holds.
    pub(crate) fn take_unsaved(&mut self) -> (u64, Unsaved) {
        (self.writes, self.session.replica_mut().take_unsaved())
    }
}
