//! The hub's side of the world: when it commits, publishes, answers, reads pages, starts and stops.
//! The moments are chance's; what happens then is the node's.

use bytes::Bytes;
use syncline::access::directory::{collection, member_key};
use syncline::access::principal::Principal;
use syncline::access::token::{RANDOM_BYTES, Token};
use syncline::engine::admin::system_put;
use syncline::engine::{Entry, Submission, Work, Writes, system_space};
use syncline_protocol::{Epoch, ReplicaId, SpaceId, SpaceName, Value};

use super::device::Device;
use super::node::{Done, Finished, Node, Reply};
use super::plan;
use super::seat::{self, Out};
use super::tally::Kind;
use super::trace::Note;
use super::world::{Event, Fail, World};

/// Whoever writes, and one who may only read.
const ACCOUNTS: &[(&str, &str)] =
    &[("ann", "owner"), ("bob", "writer"), ("cleo", "writer"), ("rob", "reader")];
/// The kind of the frame that begins a snapshot, as PROTOCOL.md numbers it.
const SNAPSHOT_BEGIN: u8 = 34;

impl World {
    pub(crate) fn start_hub(&mut self) -> Result<(), Fail> {
        let replica = ReplicaId::from_random(self.chance.bits());
        let node = Node::open(&self.disk, self.plan.config(), replica);
        let node = match node {
            Ok(node) => node,
            // Power may go while a hub starts, too.
            Err(_) if self.disk.is_off() => {
                self.disk = self.disk.power_off();
                self.after(500, Event::HubStarts);
                return Ok(());
            }
            Err(error) => return Err(format!("the hub does not start: {error}")),
        };
        self.node = Some(node);
        self.life += 1;
        self.note(Note::Restart);
        Ok(())
    }

    /// Makes accounts, spaces and devices.
    pub(crate) fn furnish(&mut self) -> Result<(), Fail> {
        let now_ms = self.hub_ms();
        let hub = Principal::hub;
        let mut works = vec![self.create(&system_space(), "hub")];
        let mut tokens = Vec::new();
        for (account, _) in ACCOUNTS {
            let mut random = [0; RANDOM_BYTES];
            random.fill_with(|| self.chance.bits().to_le_bytes()[0]);
            let token = Token::from_random(random);
            let id = token.id().to_string();
            let digest = Value::from(hex::encode(token.digest().to_bytes()).as_str());
            let fields = [("user", Value::from(*account)), ("role", Value::from("owner"))];
            let changes = vec![
                system_put(collection::USERS, account, &[("admin", Value::from(false))]),
                system_put(collection::CREDENTIALS, &format!("token:{id}"), &[("digest", digest)]),
                system_put(collection::TOKENS, &id, &fields),
            ];
            works.push(Work::Write(Submission::changes(system_space(), changes)));
            tokens.push(token.reveal());
        }
        for space in self.spaces.clone() {
            works.push(self.create(&space, ACCOUNTS[0].0));
            let members = ACCOUNTS.iter().skip(1).map(|(account, role)| {
                let key = member_key(&space, account);
                system_put(collection::MEMBERS, &key, &[("role", Value::from(*role))])
            });
            let members = Submission::changes(system_space(), members.collect());
            works.push(Work::Write(members));
        }
        let node = self.node.as_mut().ok_or("no hub to furnish")?;
        for work in works {
            node.submit(0, Entry { principal: hub(), now_ms, work }, (1, 1), None);
            let done = node.apply(now_ms).and_then(|()| node.commit());
            let done = done.map_err(|error| error.to_string())?.ok_or("nothing was applied")?.done;
            if let Some(Err(reject)) = done.into_iter().map(|done| done.answer).next() {
                return Err(format!("the hub cannot be furnished: {reject}"));
            }
            node.publish();
        }
        self.make_devices(&tokens);
        Ok(())
    }

    fn create(&mut self, name: &SpaceName, owner: &str) -> Work {
        let (id, epoch) = (SpaceId(self.chance.bits()), Epoch(self.chance.bits()));
        Work::CreateSpace { name: name.clone(), owner: owner.to_owned(), id, epoch }
    }

    fn make_devices(&mut self, tokens: &[String]) {
        for index in 0..self.plan.devices {
            // The last account may only read; it has one device in twelve.
            let is_reader = index % 12 == 11;
            let account = if is_reader { tokens.len() - 1 } else { index % (tokens.len() - 1) };
            let mut spaces = std::collections::BTreeMap::new();
            while spaces.is_empty() {
                for space in &self.spaces {
                    if self.chance.hits(6_000) {
                        spaces.insert(space.clone(), plan::filter(&mut self.chance));
                    }
                }
            }
            let id = self.chance.bits();
            let mut device = Device::new(id, tokens[account].clone(), spaces);
            device.may_write = !is_reader;
            if self.chance.hits(3_000) {
                device.skew_ms = self.chance.between(0, 600_000).cast_signed() - 300_000;
            }
            self.devices.push(device);
        }
    }

    pub(crate) fn send_to_hub(&mut self, conn: u64, bytes: Bytes) -> Result<(), Fail> {
        let stalled_until_ms = self.stalled_until_ms(conn);
        if stalled_until_ms > self.now_ms {
            self.at(stalled_until_ms, Event::ToHub { conn, bytes });
            return Ok(());
        }
        let hub_ms = self.hub_ms();
        let Some(node) = &mut self.node else { return Ok(()) };
        let out = node.receive(conn, &bytes, hub_ms);
        self.give(conn, out);
        Ok(())
    }

    fn stalled_until_ms(&self, conn: u64) -> u64 {
        self.conns.get(&conn).map_or(0, |link| link.stalled_until_ms)
    }

    /// Sends what the hub's end gives, and sees what is to be done next.
    fn give(&mut self, conn: u64, out: Vec<Out>) {
        for out in out {
            match out {
                Out::Frame(bytes) => {
                    let begins = bytes.get(1) == Some(&SNAPSHOT_BEGIN);
                    self.tally.add(Kind::Snapshots, u64::from(begins));
                    self.send(conn, false, &bytes);
                }
                Out::Last(bytes) => {
                    self.send(conn, false, &bytes);
                    self.hub_hangs_up(conn);
                }
            }
        }
        let Some(node) = &self.node else { return };
        let (is_behind, has_work) = (node.is_behind(conn), node.waiting > 0);
        if is_behind && self.paging.insert(conn) {
            let at_ms = self.stalled_until_ms(conn).max(self.now_ms + self.chance.below(6));
            self.at(at_ms, Event::Page { conn });
        }
        if has_work {
            self.want_apply();
        }
    }

    pub(crate) fn want_apply(&mut self) {
        if !std::mem::replace(&mut self.apply_due, true) {
            let in_ms = self.chance.below(5);
            self.after(in_ms, Event::Apply);
        }
    }

    /// What is applied is committed later: more may be applied before, and read.
    pub(crate) fn apply(&mut self) {
        self.apply_due = false;
        let (hub_ms, life) = (self.hub_ms(), self.life);
        let Some(node) = self.node.as_mut().filter(|node| !node.has_failed) else { return };
        if node.apply(hub_ms).is_err() {
            return self.hub_fails();
        }
        let housekeeping_in_ms = node.writer.housekeeping_due_ms().saturating_sub(hub_ms);
        if node.waiting > 0 {
            self.want_apply();
        } else if housekeeping_in_ms < 250 && !self.apply_due {
            self.apply_due = true;
            self.after(housekeeping_in_ms, Event::Apply);
        }
        let in_ms = self.chance.below(6);
        self.after(in_ms, Event::Commit { life });
    }

    pub(crate) fn commit(&mut self, life: u64) -> Result<(), Fail> {
        let Some(node) = self.node.as_mut().filter(|_| self.life == life) else { return Ok(()) };
        let Ok(finished) = node.commit() else {
            self.hub_fails();
            return Ok(());
        };
        self.answer_all();
        let done = finished.into_iter().flat_map(|finished| finished.done);
        done.into_iter().try_for_each(|done| self.record(done))?;
        let in_ms = self.chance.below(4);
        self.after(in_ms, Event::Publish { life });
        Ok(())
    }

    fn hub_fails(&mut self) {
        self.answer_all();
        self.tally.count(Kind::TornCommits);
        let (in_ms, life) = (self.chance.below(40), self.life);
        self.after(in_ms, Event::HubStops { life });
    }

    fn answer_all(&mut self) {
        let (replies, life) = (self.node.as_ref().map(Node::take_replies), self.life);
        for reply in replies.into_iter().flatten() {
            // None overtakes another.
            let at_ms = self.now_ms + self.chance.below(6);
            self.answers_ms = self.answers_ms.max(at_ms);
            self.at(self.answers_ms, Event::Answer { life, reply });
        }
    }

    /// Tells the oracle what a commit did.
    fn record(&mut self, done: Done) -> Result<(), Fail> {
        let Done { work, answer } = done;
        let submission = match work {
            Work::Write(submission) => submission,
            Work::Forget { before } => {
                self.note(Note::Forgot { before });
                return Ok(());
            }
            _ => return Ok(()),
        };
        let part = submission.parts.first().ok_or("a write of nothing")?;
        let (Some(push), Writes::Stamped(deltas)) = (submission.id, &part.writes) else {
            return self.record_door_write(&part.space, answer);
        };
        let answer = answer.map(|receipt| receipt.sequence()).map_err(|reject| reject.code);
        self.note(Note::Committed { push, answer });
        answer.err().into_iter().for_each(|code| self.tally.reject(code));
        let is_repeat = self.oracle.has_applied(push) && answer.is_ok();
        self.tally.add(Kind::Repeats, u64::from(is_repeat));
        let applies = match part.guards.is_empty() {
            true => answer.is_ok(),
            false => self.oracle.answer(push, answer)?,
        };
        if applies {
            self.oracle.apply(push, &part.space, deltas);
        }
        Ok(())
    }

    /// An answered write of the hub's own wins over everything before it.
    fn record_door_write(
        &mut self,
        space: &SpaceName,
        answer: syncline::engine::Answer,
    ) -> Result<(), Fail> {
        let receipt =
            answer.map_err(|reject| format!("a write of the hub is refused: {reject}"))?;
        let applied: Vec<_> = receipt.parts.into_iter().flat_map(|(_, applied)| applied).collect();
        for applied in &applied {
            self.oracle.merge(space, &applied.delta);
        }
        match applied.iter().find(|applied| !self.oracle.shows(space, &applied.delta)) {
            Some(lost) => Err(format!("an answered write of the hub was lost: {lost:?}")),
            None => Ok(()),
        }
    }

    pub(crate) fn publish(&mut self, life: u64) -> Result<(), Fail> {
        let Some(node) = self.node.as_mut().filter(|_| self.life == life) else { return Ok(()) };
        node.publish();
        let mut filled = Vec::new();
        for (conn, seat) in &node.seats {
            if seat.queue.has_frames() {
                filled.push(*conn);
            }
            let (bytes, most) = (seat.queue.bytes() as u64, self.plan.queue_bytes);
            if bytes > most {
                return Err(format!("a queue holds {bytes} bytes of {most}"));
            }
        }
        for conn in filled {
            if self.draining.insert(conn) {
                let at_ms = self.stalled_until_ms(conn).max(self.now_ms + self.chance.below(4));
                self.at(at_ms, Event::Drain { conn });
            }
        }
        Ok(())
    }

    pub(crate) fn answer(&mut self, life: u64, reply: Reply) -> Result<(), Fail> {
        let conn = reply.conn;
        if self.life != life || self.node.as_ref().is_none_or(|it| !it.seats.contains_key(&conn)) {
            return Ok(());
        }
        let stalled_until_ms = self.stalled_until_ms(conn);
        if stalled_until_ms > self.now_ms {
            self.at(stalled_until_ms, Event::Answer { life, reply });
            return Ok(());
        }
        let out = seat::answer(reply, self.hub_ms());
        self.give(conn, vec![out]);
        Ok(())
    }

    pub(crate) fn drain(&mut self, conn: u64) -> Result<(), Fail> {
        let stalled_until_ms = self.stalled_until_ms(conn);
        if stalled_until_ms > self.now_ms {
            self.at(stalled_until_ms, Event::Drain { conn });
            return Ok(());
        }
        self.draining.remove(&conn);
        let Some(node) = &mut self.node else { return Ok(()) };
        let out = node.drain(conn);
        self.give(conn, out);
        Ok(())
    }

    pub(crate) fn page(&mut self, conn: u64) -> Result<(), Fail> {
        let stalled_until_ms = self.stalled_until_ms(conn);
        if stalled_until_ms > self.now_ms {
            self.at(stalled_until_ms, Event::Page { conn });
            return Ok(());
        }
        self.paging.remove(&conn);
        let hub_ms = self.hub_ms();
        let Some(node) = &mut self.node else { return Ok(()) };
        let out = node.page(conn, hub_ms);
        self.give(conn, out);
        Ok(())
    }

    /// Heartbeats, silence, and housekeeping that is due.
    pub(crate) fn tick(&mut self) -> Result<(), Fail> {
        self.after(250, Event::Tick);
        let hub_ms = self.hub_ms();
        let Some(node) = &mut self.node else { return Ok(()) };
        let conns: Vec<_> = node.seats.keys().copied().collect();
        let is_due = node.writer.is_housekeeping_due(hub_ms);
        node.fanout.sweep();
        for conn in conns {
            if self.stalled_until_ms(conn) <= self.now_ms
                && let Some(node) = &mut self.node
            {
                let out = node.wake(conn, hub_ms);
                self.give(conn, out);
            }
        }
        if is_due {
            self.want_apply();
        }
        Ok(())
    }

    /// The hub loses its power, and starts again after a while.
    pub(crate) fn crash(&mut self, life: u64) -> Result<(), Fail> {
        if self.life != life || self.node.is_none() {
            return Ok(());
        }
        self.tally.count(Kind::Crashes);
        self.note(Note::Crash { in_commit: self.node.as_ref().is_some_and(|it| it.has_failed) });
        self.disk = self.disk.power_off();
        self.collect_tally();
        if let Some(node) = self.node.take() {
            self.find_synced(node)?;
        }
        self.draining.clear();
        self.paging.clear();
        let open: Vec<_> = self.devices.iter().filter_map(|device| device.conn).collect();
        open.into_iter().for_each(|conn| self.cut(conn));
        let in_ms = self.chance.between(20, 1_500);
        self.after(in_ms, Event::HubStarts);
        Ok(())
    }

    /// What a reader had brought to the disk before the power went is there, although nobody was
    /// told of it. What it takes a sync to commit now was not.
    fn find_synced(&mut self, mut node: Node) -> Result<(), Fail> {
        while let Ok(Some(Finished { done, was_synced: true })) = node.commit() {
            done.into_iter().try_for_each(|done| self.record(done))?;
        }
        Ok(())
    }

    /// Takes over what the running hub has counted.
    pub(crate) fn collect_tally(&mut self) {
        if let Some(node) = &mut self.node {
            self.tally.join(&std::mem::take(&mut node.tally));
        }
    }
}
