//! A session that is welcome: what it waits for, what it sends by itself, and when it is dead.
//!
//! Everything that is expected has a deadline, so that a lost message ends in a new session and
//! never in a silent wait. It never looks into records.

use std::collections::BTreeMap;

use super::event::{Action, ClientEvent, Moment};
use super::{ANSWER_MS, ClientSession, PURGE_MS, Phase};
use crate::codec;
use crate::delta::PushId;
use crate::frame::{ClientFrame, HubFrame, Subject};
use crate::name::SpaceName;
use crate::replica::{HubLimits, Received};

/// How often the hub is told how far the copies have read, in milliseconds.
const SEEN_MS: u64 = 60_000;
/// What a restored hub lost is offered after a delay of up to this, in milliseconds, so that not
/// all replicas offer the same at once.
const HEAL_MS_MAX: u64 = 5_000;
/// What the hub asked to send later is sent after a delay from this, in milliseconds ..
const RETRY_MS_MIN: u64 = 1_000;
/// .. to this.
const RETRY_MS_MAX: u64 = 10_000;
/// A pong that took longer says too little about the hub's clock, in milliseconds.
const PONG_MS_MAX: u64 = 5_000;
/// The slowest way to a hub that is still waited for, in bytes per millisecond: what is in flight
/// delays the answer to what comes behind it.
const SLOWEST_BYTES_PER_MS: u64 = 8;

/// What exists only while a session is live. All times are of the steady clock.
#[derive(Debug)]
pub(super) struct Live {
    pub(super) since_ms: u64,
    heard_ms: u64,
    sent_ms: u64,
    /// The ping that waits for its pong, and when it was sent.
    ping: Option<(u64, u64)>,
    pings: u64,
    waits: BTreeMap<Wait, u64>,
    /// The pushes without an answer, with their sizes.
    flying: BTreeMap<PushId, u64>,
    flying_bytes: u64,
    retries: BTreeMap<SpaceName, u64>,
    heals: BTreeMap<SpaceName, u64>,
    seen: BTreeMap<SpaceName, u64>,
    seen_at_ms: u64,
}

/// Something that the hub owes.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Wait {
    /// The next frame of a catch-up, its first included.
    CatchUp(SpaceName),
    Digests(SpaceName),
    Push(PushId),
    Pong,
}

/// The hub's time minus this device's, in milliseconds: what the hub showed, plus half of the round
/// trip, minus what the device shows (Cristian, "Probabilistic clock synchronization", 1989).
pub(super) fn offset_ms(hub_ms: u64, sent_ms: u64, now: Moment) -> i64 {
    let way_ms = now.steady_ms.saturating_sub(sent_ms) / 2;
    let hub_now = i64::try_from(hub_ms.saturating_add(way_ms)).unwrap_or(i64::MAX);
    hub_now.saturating_sub(i64::try_from(now.wall_ms).unwrap_or(i64::MAX))
}

impl Live {
    pub(super) fn new(now: Moment) -> Self {
        let now_ms = now.steady_ms;
        Self {
            since_ms: now_ms,
            heard_ms: now_ms,
            sent_ms: now_ms,
            ping: None,
            pings: 0,
            waits: BTreeMap::new(),
            flying: BTreeMap::new(),
            flying_bytes: 0,
            retries: BTreeMap::new(),
            heals: BTreeMap::new(),
            seen: BTreeMap::new(),
            seen_at_ms: now_ms + SEEN_MS,
        }
    }

    pub(super) fn wake_at_ms(&self, limits: &HubLimits) -> u64 {
        let pending = self.waits.values().chain(self.retries.values()).chain(self.heals.values());
        let first = pending.min().copied().unwrap_or(u64::MAX);
        let ping = if self.ping.is_none() { self.ping_at_ms(limits) } else { u64::MAX };
        first.min(ping).min(self.dead_at_ms(limits)).min(self.seen_at_ms)
    }

    /// When to ping: after a heartbeat of silence, and before the hub takes this end for dead.
    fn ping_at_ms(&self, limits: &HubLimits) -> u64 {
        let silent = self.heard_ms + limits.heartbeat_ms;
        silent.min(self.sent_ms + limits.idle_timeout_ms / 3)
    }

    /// When the hub is taken for dead: after two and a half heartbeats without a word.
    fn dead_at_ms(&self, limits: &HubLimits) -> u64 {
        self.heard_ms + limits.heartbeat_ms * 5 / 2
    }

    /// What the hub owes and did not give in time, in words.
    fn overdue(&self, limits: &HubLimits, now_ms: u64) -> Option<String> {
        if now_ms >= self.dead_at_ms(limits) {
            return Some("the hub has fallen silent".to_owned());
        }
        let (wait, _) = self.waits.iter().find(|&(_, &deadline_ms)| now_ms >= deadline_ms)?;
        Some(match wait {
            Wait::CatchUp(space) => format!("the hub stopped sending {space}"),
            Wait::Digests(space) => format!("the hub sent no digests of {space}"),
            Wait::Push(push) => format!("the hub did not answer the push {push}"),
            Wait::Pong => "the hub did not answer a ping".to_owned(),
        })
    }

    /// Sends a frame, and notes what the hub owes for it.
    pub(super) fn send(&mut self, frame: &ClientFrame, now: Moment) -> Action {
        let bytes = codec::encode_client(frame);
        self.sent_ms = now.steady_ms;
        if let ClientFrame::Push(push) = frame {
            let size = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
            let before = self.flying.insert(push.id, size).unwrap_or(0);
            self.flying_bytes = self.flying_bytes.saturating_sub(before).saturating_add(size);
        }
        let deadline_ms = self.answer_at_ms(now);
        match frame {
            ClientFrame::Subscribe { space, .. } => {
                self.waits.insert(Wait::CatchUp(space.clone()), deadline_ms);
            }
            ClientFrame::Unsubscribe { space } => self.forget(space),
            ClientFrame::Verify { space } => {
                self.waits.insert(Wait::Digests(space.clone()), deadline_ms);
            }
            ClientFrame::Push(push) => {
                self.waits.insert(Wait::Push(push.id), deadline_ms);
            }
            ClientFrame::Ping { nonce } => {
                self.ping = Some((*nonce, now.steady_ms));
                self.waits.insert(Wait::Pong, deadline_ms);
            }
            ClientFrame::Hello(_)
            | ClientFrame::Seen { .. }
            | ClientFrame::Signal { .. }
            | ClientFrame::Presence { .. } => {}
        }
        Action::Send(bytes)
    }

    fn answer_at_ms(&self, now: Moment) -> u64 {
        now.steady_ms + ANSWER_MS + self.flying_bytes / SLOWEST_BYTES_PER_MS
    }

    fn forget(&mut self, space: &SpaceName) {
        self.waits.remove(&Wait::CatchUp(space.clone()));
        self.waits.remove(&Wait::Digests(space.clone()));
        self.seen.remove(space);
    }

    /// Notes what a frame gives of what the hub owes.
    fn heard(&mut self, frame: &HubFrame, now: Moment) {
        self.heard_ms = now.steady_ms;
        match frame {
            HubFrame::Subscribed { space, .. }
            | HubFrame::SnapshotBegin { space, .. }
            | HubFrame::SnapshotPart { space, .. }
            | HubFrame::SnapshotEnd { space, .. }
            | HubFrame::Changes { space, .. } => {
                let deadline_ms = self.answer_at_ms(now);
                if let Some(deadline) = self.waits.get_mut(&Wait::CatchUp(space.clone())) {
                    *deadline = deadline_ms;
                }
            }
            HubFrame::Digests { space, .. } => {
                self.waits.remove(&Wait::Digests(space.clone()));
            }
            HubFrame::Ack { push, .. } | HubFrame::Reject { subject: Subject::Push(push), .. } => {
                self.waits.remove(&Wait::Push(*push));
                let size = self.flying.remove(push).unwrap_or(0);
                self.flying_bytes = self.flying_bytes.saturating_sub(size);
            }
            HubFrame::Reject { subject: Subject::Space(space), .. } => self.forget(space),
            _ => {}
        }
    }

    /// Takes the pong that was waited for; gives when its ping was sent.
    fn take_pong(&mut self, nonce: u64) -> Option<u64> {
        let (_, sent_ms) = self.ping.take_if(|(expected, _)| *expected == nonce)?;
        self.waits.remove(&Wait::Pong);
        Some(sent_ms)
    }
}

impl ClientSession {
    /// A frame of a session that is welcome.
    pub(super) fn live_frame(&mut self, frame: HubFrame, now: Moment) -> Vec<Action> {
        let Phase::Live(live) = &mut self.phase else { return vec![] };
        live.heard(&frame, now);
        let mut actions = vec![];
        match &frame {
            HubFrame::Pong { nonce, hub_ms } => {
                let sent_ms = live.take_pong(*nonce);
                let is_fresh =
                    |sent_ms: &u64| now.steady_ms.saturating_sub(*sent_ms) <= PONG_MS_MAX;
                if let Some(sent_ms) = sent_ms.filter(is_fresh) {
                    let offset_ms = offset_ms(*hub_ms, sent_ms, now);
                    self.replica.learn_offset(offset_ms, now.wall_ms);
                }
            }
            // The hub's clock shows at least this by now.
            HubFrame::Heartbeat { hub_ms, .. } if *hub_ms > self.replica.hub_ms(now.wall_ms) => {
                let offset_ms = offset_ms(*hub_ms, now.steady_ms, now);
                self.replica.learn_offset(offset_ms, now.wall_ms);
            }
            HubFrame::Subscribed { space, .. } => {
                if let Some(value) = self.presences.get(space).cloned() {
                    let frame = ClientFrame::Presence { space: space.clone(), value: Some(value) };
                    actions.push(live.send(&frame, now));
                }
            }
            _ => {}
        }
        match frame {
            HubFrame::Signal { space, from, value } => {
                actions.push(Action::Event(ClientEvent::Signal { space, from, value }));
            }
            HubFrame::Presence { space, from, event } => {
                actions.push(Action::Event(ClientEvent::Presence { space, from, event }));
            }
            frame => {
                let received = self.replica.receive(frame, now.wall_ms);
                actions.extend(self.act_on(received, now));
            }
        }
        actions.extend(self.pump(now));
        actions
    }

    /// Tells the app, and plans what the replica leaves to the session.
    fn act_on(&mut self, received: Received, now: Moment) -> Vec<Action> {
        let events = received.events.into_iter().map(ClientEvent::Replica).map(Action::Event);
        let mut actions: Vec<_> = events.collect();
        if received.must_reconnect {
            actions.extend(self.give_up("part of a snapshot was lost".to_owned(), now));
            return actions;
        }
        for space in received.retry {
            let delay_ms = RETRY_MS_MIN + self.draw(RETRY_MS_MAX - RETRY_MS_MIN, now);
            if let Phase::Live(live) = &mut self.phase {
                live.retries.insert(space, now.steady_ms + delay_ms);
            }
        }
        for space in received.heal {
            let delay_ms = self.draw(HEAL_MS_MAX, now);
            if let Phase::Live(live) = &mut self.phase {
                live.heals.entry(space).or_insert(now.steady_ms + delay_ms);
            }
        }
        actions
    }

    /// Sends what the replica has to send.
    pub(super) fn pump(&mut self, now: Moment) -> Vec<Action> {
        let Phase::Live(live) = &mut self.phase else { return vec![] };
        let replica = &self.replica;
        live.waits.retain(|wait, _| match wait {
            Wait::CatchUp(space) => !replica.is_live(space.as_str()),
            _ => true,
        });
        // A live stream may fall back to catching up, when this end reads slowly.
        let deadline_ms = live.answer_at_ms(now);
        for (space, _) in replica.spaces().filter(|(s, _)| replica.is_catching_up(s.as_str())) {
            live.waits.entry(Wait::CatchUp(space.clone())).or_insert(deadline_ms);
        }
        let frames = self.replica.take_frames();
        frames.iter().map(|frame| live.send(frame, now)).collect()
    }

    /// Does what it is time for.
    pub(super) fn live_wake(&mut self, now: Moment) -> Vec<Action> {
        let Phase::Live(live) = &mut self.phase else { return vec![] };
        let limits = *self.replica.limits();
        if let Some(reason) = live.overdue(&limits, now.steady_ms) {
            return self.give_up(reason, now);
        }
        let mut actions = vec![];
        if live.ping.is_none() && now.steady_ms >= live.ping_at_ms(&limits) {
            live.pings += 1;
            let nonce = live.pings;
            actions.push(live.send(&ClientFrame::Ping { nonce }, now));
        }
        for (space, _) in live.retries.extract_if(.., |_, at_ms| now.steady_ms >= *at_ms) {
            self.replica.release(space.as_str());
        }
        for (space, _) in live.heals.extract_if(.., |_, at_ms| now.steady_ms >= *at_ms) {
            self.replica.release_healing(space.as_str());
        }
        if now.steady_ms >= live.seen_at_ms {
            live.seen_at_ms = now.steady_ms + SEEN_MS;
            actions.extend(self.tell_seen(now));
        }
        if now.steady_ms >= self.purge_at_ms {
            self.purge_at_ms = now.steady_ms + PURGE_MS;
            self.replica.purge(now.wall_ms);
        }
        actions.extend(self.pump(now));
        actions
    }

    /// Tells the hub how far the copies have read, where that is news.
    fn tell_seen(&mut self, now: Moment) -> Vec<Action> {
        let Phase::Live(live) = &mut self.phase else { return vec![] };
        let mut actions = vec![];
        for (space, _) in self.replica.spaces().filter(|(s, _)| self.replica.is_live(s.as_str())) {
            let Some(cursor) = self.replica.cursor(space.as_str()) else { continue };
            if live.seen.insert(space.clone(), cursor.sequence) != Some(cursor.sequence) {
                let frame = ClientFrame::Seen { space: space.clone(), sequence: cursor.sequence };
                actions.push(live.send(&frame, now));
            }
        }
        actions
    }
}
