//! Sessions as the hub knows them: who is connected, and how to reach them.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use syncline_protocol::{
    Code, DeviceId, Filter, Hello, Peer, PushId, Reject, ReplicaId, SpaceId, SpaceName, Start,
};

use super::{Hub, now_ms, unknown_space};
use crate::access::principal::Principal;
use crate::admit::{replica_row, unavailable};
use crate::engine::Work;
use crate::fanout::{Queue, SessionId};
use crate::store::{ReplicaRow, StoreError};
use crate::subscription::{Beginning, Subscription};

/// A client that asks to be the only session of its device says so by this attribute of hello.
pub const EXCLUSIVE: &str = "exclusive";

/// How often it is looked whether sessions are gone.
const DEPARTED_EVERY: Duration = Duration::from_millis(5);

/// A session that is open.
#[derive(Debug)]
pub(super) struct Registered {
    info: SessionInfo,
    queue: Arc<Queue>,
}

impl Registered {
    pub(super) fn queue(&self) -> &Queue {
        &self.queue
    }
}

/// What is known of a session.
#[derive(Debug, Clone)]
pub struct SessionInfo {
    /// Its id.
    pub id: SessionId,
    /// Its account.
    pub account: String,
    /// The id of the token that it was let in by; none when it was a password.
    pub token: Option<String>,
    /// Its device.
    pub device: DeviceId,
    /// The device's name.
    pub name: String,
    /// The replica that stamps in it.
    pub replica: ReplicaId,
    /// Where it comes from.
    pub address: IpAddr,
    /// When it was opened, in milliseconds since 1970.
    pub opened_ms: u64,
}

/// A session that was let in.
#[derive(Debug)]
pub struct Arrival {
    /// Its id.
    pub id: SessionId,
    /// Who it is.
    pub principal: Principal,
    /// Its queue.
    pub queue: Arc<Queue>,
    /// When its token ends, in milliseconds since 1970; none when it does not.
    pub expires_ms: Option<u64>,
}

impl Hub {
    /// Lets a session in.
    ///
    /// # Errors
    /// A replica id of someone else, or too many sessions.
    pub fn arrive(
        &self,
        principal: &Principal,
        hello: &Hello,
        address: IpAddr,
    ) -> Result<Arrival, Reject> {
        self.check_room(principal)?;
        let is_new = self.inner.admit.claim(principal, hello.replica)?;
        let now_ms = now_ms();
        let mut row = replica_row(principal, hello.device, &hello.name, now_ms);
        row.offset_ms = hello.clock_ms.cast_signed().wrapping_sub(now_ms.cast_signed());
        if is_new {
            self.spawn_heard(vec![(hello.replica, row)]);
        } else {
            self.hear(hello.replica, row);
        }
        let id = self.inner.next_session.fetch_add(1, Ordering::Relaxed);
        self.settle_outbox(id, hello).map_err(|error| unavailable(&error))?;
        let info = SessionInfo {
            id,
            account: principal.account().to_owned(),
            token: principal.token_id().map(str::to_owned),
            device: hello.device,
            name: hello.name.clone(),
            replica: hello.replica,
            address,
            opened_ms: now_ms,
        };
        if hello.attributes.contains_key(EXCLUSIVE) {
            self.replace(&info);
        }
        Ok(self.register(principal, info))
    }

    /// Lets in whoever only listens: without a replica of its own, it is shown as the hub's.
    ///
    /// # Errors
    /// A hub that shuts down, or too many sessions.
    pub fn arrive_to_listen(
        &self,
        principal: &Principal,
        name: &str,
        address: IpAddr,
    ) -> Result<Arrival, Reject> {
        self.check_room(principal)?;
        let info = SessionInfo {
            id: self.inner.next_session.fetch_add(1, Ordering::Relaxed),
            account: principal.account().to_owned(),
            token: principal.token_id().map(str::to_owned),
            device: DeviceId(0),
            name: name.to_owned(),
            replica: self.inner.replica,
            address,
            opened_ms: now_ms(),
        };
        Ok(self.register(principal, info))
    }

    fn register(&self, principal: &Principal, info: SessionInfo) -> Arrival {
        let bytes = usize::try_from(self.inner.config.sync.queue_bytes).unwrap_or(usize::MAX);
        let (id, queue) = (info.id, Arc::new(Queue::new(bytes)));
        self.inner.sessions.insert(id, Registered { info, queue: queue.clone() });
        self.inner.metrics.sessions.inc();
        let expires_ms = self.directory().expires_ms(principal);
        // Whoever came while the hub began to drain hears of it as the others did.
        if self.is_draining() {
            queue.goodbye(Reject::new(Code::GoingAway, "The hub is shutting down"), Some(1_000));
        }
        Arrival { id, principal: principal.clone(), queue, expires_ms }
    }

    /// A session is gone.
    pub fn depart(&self, id: SessionId) {
        if self.inner.sessions.remove(&id).is_some() {
            self.inner.metrics.sessions.dec();
        }
    }

    /// The sessions that are open.
    #[must_use]
    pub fn sessions(&self) -> Vec<SessionInfo> {
        self.inner.sessions.iter().map(|session| session.info.clone()).collect()
    }

    /// Waits until an account whose credentials have ended has no session any more, or for so long.
    pub async fn await_departure(&self, account: &str, within: Duration) {
        let until = tokio::time::Instant::now() + within;
        let is_here = || self.inner.sessions.iter().any(|session| session.info.account == account);
        while is_here() && tokio::time::Instant::now() < until {
            tokio::time::sleep(DEPARTED_EVERY).await;
        }
    }

    /// Asks sessions to end.
    pub fn dismiss(&self, wanted: impl Fn(&SessionInfo) -> bool, reject: &Reject) {
        for session in self.inner.sessions.iter().filter(|session| wanted(&session.info)) {
            session.queue.goodbye(reject.clone(), None);
        }
    }

    /// Begins a subscription of a session.
    ///
    /// # Errors
    /// A right that is missing, a space that does not exist, a place that is not in its log.
    pub fn subscribe(
        &self,
        arrival: &Arrival,
        (space, filter, start): (&SpaceName, Filter, Start),
    ) -> Result<(Subscription, Vec<u8>), Reject> {
        let reading = self.reading(&arrival.principal, space)?;
        let look = || self.inner.store.snapshot()?.space(space);
        let row = look().map_err(|error| unavailable(&error))?;
        let row = row.ok_or_else(|| unknown_space(space))?;
        let feed = self.inner.fanout.listen(space, row.id, row.sequence);
        let writable = self.may_write(&arrival.principal, space);
        let (session, queue) = (arrival.id, &arrival.queue);
        let beginning = Beginning { session, queue, feed, filter, start, reading, writable };
        self.inner.metrics.catch_ups.inc();
        Subscription::begin(beginning, &row)
    }

    /// A session as others in a space see it.
    #[must_use]
    pub fn peer(&self, id: SessionId) -> Option<Peer> {
        let session = self.inner.sessions.get(&id)?;
        let SessionInfo { account, device, name, .. } = &session.info;
        Some(Peer { device: *device, name: name.clone(), principal: account.clone() })
    }

    /// A session says how far it has read.
    pub fn seen(&self, id: SessionId, space: SpaceId, sequence: u64) {
        let Some(info) = self.inner.sessions.get(&id).map(|session| session.info.clone()) else {
            return;
        };
        let mut heard = self.heard();
        let row = heard.entry(info.replica).or_insert_with(|| ReplicaRow {
            principal: info.account,
            device: info.device,
            name: info.name,
            last_ms: 0,
            offset_ms: 0,
            seen: Vec::new(),
        });
        row.last_ms = now_ms();
        match row.seen.iter_mut().find(|(seen, _)| *seen == space) {
            Some((_, seen)) => *seen = sequence,
            None => row.seen.push((space, sequence)),
        }
    }

    /// Writes down what was heard of replicas; called once a minute.
    pub fn write_heard(&self) {
        let heard: Vec<_> = std::mem::take(&mut *self.heard()).into_iter().collect();
        if !heard.is_empty() {
            self.spawn_heard(heard);
        }
    }

    /// Forgets the feeds of spaces that nobody listens to; called once a minute, so that they do
    /// not gather over a long life.
    pub fn sweep_feeds(&self) {
        self.inner.fanout.sweep();
    }

    /// Rights have changed: every session looks whether its own have.
    pub(super) fn recheck_sessions(&self) {
        self.inner.sessions.iter().for_each(|session| session.queue.recheck());
    }

    pub(super) fn device_of(&self, id: SessionId) -> (DeviceId, String) {
        let session = self.inner.sessions.get(&id);
        session.map_or((DeviceId(0), String::new()), |session| {
            (session.info.device, session.info.name.clone())
        })
    }

    fn check_room(&self, principal: &Principal) -> Result<(), Reject> {
        if self.inner.draining.load(Ordering::Acquire) {
            return Err(Reject::new(Code::GoingAway, "The hub is shutting down"));
        }
        let limits = &self.inner.config.limits;
        let too_many = |what: &str| {
            let reject = Reject::new(Code::TooMany, what);
            self.inner.rejects.note(principal.account(), &reject);
            Err(reject)
        };
        if self.inner.sessions.len() >= usize::try_from(limits.sessions).unwrap_or(usize::MAX) {
            return too_many("The hub has as many sessions as it may");
        }
        let most = self.sessions_max(principal.account());
        // Those of one account are counted only where that can matter.
        if most >= limits.sessions.into() {
            return Ok(());
        }
        let own = self.inner.sessions.iter();
        let own = own.filter(|session| session.info.account == principal.account()).count();
        if own as u64 >= most {
            return too_many("You have as many sessions as you may");
        }
        Ok(())
    }

    /// What a device's hello does not name any more is done with. Forgotten in the session's own
    /// turn, so that no answer to a push of this session goes with it. What was answered just now
    /// may be overlooked; the next hello finds it.
    fn settle_outbox(&self, session: SessionId, hello: &Hello) -> Result<(), StoreError> {
        let own = hello.outbox.iter().any(|id| id.replica == hello.replica);
        let rest = PushId { replica: hello.replica, counter: u64::MAX };
        let glance = self.inner.store.glance()?;
        for before in hello.outbox.iter().copied().chain((!own).then_some(rest)) {
            if glance.has_outcomes(before)? {
                self.spawn(session, Work::Forget { before }, 64);
            }
        }
        Ok(())
    }

    fn hear(&self, replica: ReplicaId, row: ReplicaRow) {
        let mut heard = self.heard();
        match heard.get_mut(&replica) {
            Some(known) => *known = ReplicaRow { seen: std::mem::take(&mut known.seen), ..row },
            None => {
                heard.insert(replica, row);
            }
        }
    }

    fn heard(&self) -> std::sync::MutexGuard<'_, std::collections::HashMap<ReplicaId, ReplicaRow>> {
        self.inner.heard.lock().expect("nothing panics while it holds what was heard")
    }

    fn replace(&self, by: &SessionInfo) {
        let reject = Reject::new(Code::Replaced, "Another session of this device took over");
        let same = |info: &SessionInfo| info.device == by.device && info.account == by.account;
        self.dismiss(same, &reject);
    }
}
