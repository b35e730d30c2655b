//! Misfortunes, and their end. Each is drawn from the plan's lot and happens to whatever chance
//! picks; none knows what it interrupts.

use syncline_protocol::ReplicaId;
use syncline_protocol::session::client::ConnectionState;

use super::plan::{Fault, filter};
use super::tally::Kind;
use super::trace::Note;
use super::world::{Event, Fail, World};

impl World {
    /// The next misfortune happens, and another is planned.
    pub(crate) fn misfortune(&mut self) -> Result<(), Fail> {
        if self.is_healed || self.plan.faults.is_empty() {
            return Ok(());
        }
        let in_ms = self.chance.below(2 * self.plan.fault_pause_ms);
        self.after(in_ms, Event::Misfortune);
        let fault = *self.chance.pick(&self.plan.faults);
        let index = self.chance.index(self.devices.len());
        match fault {
            Fault::Cut => self.devices[index].conn.into_iter().for_each(|conn| self.cut(conn)),
            Fault::Stall => self.stall(index),
            Fault::Away => self.go_away(index),
            Fault::Crash => self.crash(self.life)?,
            Fault::TornCommit => {
                let syncs = u32::from(self.chance.hits(5_000));
                self.disk.fail_after(syncs);
            }
            Fault::HubClock => {
                let skew_ms = self.chance.between(0, 4_000).cast_signed() - 2_000;
                self.set_hub_clock(skew_ms);
            }
            // Further back than any stamp may lie ahead, until someone sets it right.
            Fault::HubClockBack => {
                let back_ms = 2_000 + self.plan.drift_ms + self.chance.between(500, 3_000);
                self.set_hub_clock(-back_ms.cast_signed());
                let in_ms = self.chance.between(1_000, 5_000);
                self.after(in_ms, Event::HubClockRight);
            }
            Fault::DeviceClock => self.set_device_clock(index),
            Fault::DeviceRestart => return self.restart_device(index),
            Fault::DevicePurge => {
                let wall_ms = self.moment(index).wall_ms;
                self.devices[index].session.replica_mut().purge(wall_ms);
            }
            Fault::Verify => {
                let spaces: Vec<_> = self.devices[index].spaces.keys().cloned().collect();
                let space = self.chance.pick(&spaces).clone();
                let moment = self.moment(index);
                let (_, actions) = self.devices[index].session.verify(&space, moment);
                return self.act(index, actions);
            }
        }
        Ok(())
    }

    /// A device reads nothing for a while.
    fn stall(&mut self, index: usize) {
        let until_ms = self.now_ms + self.chance.between(500, 6_000);
        let Some(conn) = self.devices[index].conn else { return };
        let Some(link) = self.conns.get_mut(&conn) else { return };
        link.stalled_until_ms = until_ms;
        self.tally.count(Kind::Stalls);
        self.note(Note::Stalled { conn, until_ms });
    }

    /// A device has no network for longer than deletes are remembered.
    fn go_away(&mut self, index: usize) {
        let long_ms = self.plan.retention_ms + self.chance.between(500, 8_000);
        let until_ms = self.now_ms + long_ms;
        self.devices[index].away_until_ms = until_ms;
        self.tally.count(Kind::Absences);
        self.note(Note::Away { device: index, until_ms });
        self.devices[index].conn.into_iter().for_each(|conn| self.cut(conn));
    }

    fn set_hub_clock(&mut self, skew_ms: i64) {
        self.hub_skew_ms = skew_ms;
        self.tally.count(Kind::HubClockJumps);
        self.note(Note::HubClock { skew_ms });
    }

    pub(crate) fn right_hub_clock(&mut self) -> Result<(), Fail> {
        self.hub_skew_ms = 0;
        self.note(Note::HubClock { skew_ms: 0 });
        Ok(())
    }

    fn set_device_clock(&mut self, device: usize) {
        // Wrong by minutes, or by less than the hub refuses: both must come out right.
        let most_ms = if self.chance.hits(5_000) { 300_000 } else { self.plan.drift_ms };
        let skew_ms = self.chance.between(0, 2 * most_ms).cast_signed() - most_ms.cast_signed();
        let by_ms = skew_ms - self.devices[device].skew_ms;
        self.devices[device].skew_ms = skew_ms;
        self.tally.count(Kind::DeviceClockJumps);
        self.note(Note::DeviceClock { device, by_ms });
    }

    /// A program ends without having saved all, and begins again, perhaps wanting something else.
    fn restart_device(&mut self, index: usize) -> Result<(), Fail> {
        self.tally.count(Kind::DeviceRestarts);
        self.note(Note::DeviceRestart { device: index });
        self.hang_up(index);
        if self.chance.hits(5_000) {
            self.devices[index].save();
        }
        if self.chance.hits(2_000) {
            let spaces: Vec<_> = self.devices[index].spaces.keys().cloned().collect();
            let space = self.chance.pick(&spaces).clone();
            let other = filter(&mut self.chance);
            self.devices[index].spaces.insert(space, other);
        }
        let id = ReplicaId::from_random(self.chance.bits());
        let device = &mut self.devices[index];
        device.restart(id);
        let replica = device.session.replica();
        self.ledger.restarted(index, |push| replica.is_waiting(push));
        let moment = self.moment(index);
        let actions = self.devices[index].session.wake(moment);
        self.act(index, actions)
    }

    /// Everything is good from now on, but for clocks that stay wrong.
    pub(crate) fn heal(&mut self) -> Result<(), Fail> {
        self.is_healed = true;
        self.note(Note::Healed);
        for device in &mut self.devices {
            device.away_until_ms = 0;
        }
        self.disk.spare();
        self.mend();
        self.right_hub_clock()
    }

    /// Whether nothing is under way any more and everyone has read everything.
    pub(crate) fn is_quiet(&self) -> Result<(), Fail> {
        let node = self.node.as_ref().ok_or("the hub is down")?;
        if !node.is_idle() {
            return Err("the hub is at work".to_owned());
        }
        let snapshot = node.store.snapshot().map_err(|error| error.to_string())?;
        for (index, device) in self.devices.iter().enumerate() {
            let replica = device.session.replica();
            let state = device.session.state();
            if state != ConnectionState::Live {
                return Err(format!("device {index} is not live but {state:?}"));
            }
            if replica.outbox_len() > 0 {
                let left = replica.outbox_len();
                return Err(format!("device {index} has {left} pushes in its outbox"));
            }
            for space in device.spaces.keys() {
                let row = snapshot.space(space).map_err(|error| error.to_string())?;
                let head = row.ok_or("a space is gone")?.sequence;
                let at = replica.cursor(space.as_str()).map(|cursor| cursor.sequence);
                if !replica.is_live(space.as_str()) || at != Some(head) {
                    return Err(format!("device {index} is at {at:?} of {head} in {space}"));
                }
            }
        }
        Ok(())
    }

    /// Every device asks whether its copies equal the hub's.
    pub(crate) fn ask_digests(&mut self) -> Result<(), Fail> {
        for index in 0..self.devices.len() {
            self.devices[index].verified.clear();
            let spaces: Vec<_> = self.devices[index].spaces.keys().cloned().collect();
            for space in spaces {
                let moment = self.moment(index);
                let (_, actions) = self.devices[index].session.verify(&space, moment);
                self.act(index, actions)?;
            }
        }
        Ok(())
    }

    pub(crate) fn is_verified(&self) -> Result<(), Fail> {
        for (index, device) in self.devices.iter().enumerate() {
            let mut missing = device.spaces.keys().filter(|it| !device.verified.contains_key(*it));
            if let Some(space) = missing.next() {
                return Err(format!("device {index} never heard that its {space} is equal"));
            }
        }
        Ok(())
    }
}
