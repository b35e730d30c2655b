//! The network: connections whose messages are lost, doubled, late and out of order, and which are
//! cut so that the two ends notice at different times, or only by silence. Knows no message.

use bytes::Bytes;

use super::tally::Kind;
use super::trace::Note;
use super::world::{Event, Fail, World};

/// A connection.
#[derive(Debug)]
pub(crate) struct Conn {
    pub(crate) device: usize,
    /// Nothing that is sent from now on arrives.
    is_cut: bool,
    /// Something was lost, so that either end may wait in vain until it is cut.
    is_lossy: bool,
    /// One way, in milliseconds.
    way_ms: u64,
    /// When the last message that keeps its order arrives, each way.
    last_to_hub_ms: u64,
    last_to_device_ms: u64,
    /// The hub's end takes and gives nothing until then.
    pub(crate) stalled_until_ms: u64,
}

impl World {
    /// A device wants a connection.
    pub(crate) fn dial(&mut self, device: usize) {
        let conn = self.next_conn;
        self.next_conn += 1;
        self.devices[device].conn = Some(conn);
        let in_ms = self.chance.between(1, 60);
        self.after(in_ms, Event::Connect { device, conn });
    }

    pub(crate) fn connect(&mut self, device: usize, conn: u64) -> Result<(), Fail> {
        if self.devices[device].conn != Some(conn) {
            return Ok(());
        }
        let is_away = self.devices[device].away_until_ms > self.now_ms;
        let hub_ms = self.hub_ms();
        let Some(node) = self.node.as_mut().filter(|_| !is_away) else {
            self.note(Note::Refused { device });
            self.devices[device].conn = None;
            let moment = self.moment(device);
            let actions = self.devices[device].session.closed("no way to the hub", moment);
            return self.act(device, actions);
        };
        node.accept(conn, hub_ms);
        let way_ms = self.chance.between(1, 40);
        let (is_cut, is_lossy) = (false, false);
        let (last_to_hub_ms, last_to_device_ms, stalled_until_ms) = (0, 0, 0);
        self.conns.insert(
            conn,
            Conn {
                device,
                is_cut,
                is_lossy,
                way_ms,
                last_to_hub_ms,
                last_to_device_ms,
                stalled_until_ms,
            },
        );
        self.note(Note::Connected { device, conn });
        let moment = self.moment(device);
        let actions = self.devices[device].session.opened(moment);
        self.act(device, actions)
    }

    /// Sends one message, as this network does.
    pub(crate) fn send(&mut self, conn: u64, to_hub: bool, bytes: &Bytes) {
        let rates = if self.is_healed { Default::default() } else { self.plan.network };
        let Some(link) = self.conns.get_mut(&conn).filter(|link| !link.is_cut) else { return };
        if self.chance.hits(rates.lost) {
            link.is_lossy = true;
            let bytes = bytes.len();
            self.tally.count(Kind::Lost);
            return self.note(Note::Lost { conn, to_hub, bytes });
        }
        let is_doubled = self.chance.hits(rates.doubled);
        self.tally.add(Kind::Doubled, u64::from(is_doubled));
        let mut arrivals = Vec::with_capacity(2);
        for _ in 0..=u64::from(is_doubled) {
            let mut at_ms = self.now_ms + link.way_ms + self.chance.below(5);
            if self.chance.hits(rates.late) {
                self.tally.count(Kind::Late);
                at_ms += self.chance.between(100, 3_000);
            }
            let last = if to_hub { &mut link.last_to_hub_ms } else { &mut link.last_to_device_ms };
            if self.chance.hits(rates.reordered) {
                self.tally.count(Kind::Reordered);
                at_ms += self.chance.below(100);
            } else {
                at_ms = at_ms.max(*last);
                *last = at_ms;
            }
            let bytes = bytes.clone();
            let event = match to_hub {
                true => Event::ToHub { conn, bytes },
                false => Event::ToDevice { conn, bytes },
            };
            arrivals.push((at_ms, event));
        }
        arrivals.into_iter().for_each(|(at_ms, event)| self.at(at_ms, event));
    }

    /// A connection breaks. Each end notices in its own time, or never by itself.
    pub(crate) fn cut(&mut self, conn: u64) {
        let Some(link) = self.conns.get_mut(&conn).filter(|link| !link.is_cut) else { return };
        link.is_cut = true;
        self.tally.count(Kind::Cuts);
        self.note(Note::Cut { conn });
        let is_silent = |world: &mut Self| !world.is_healed && world.chance.hits(1_500);
        if !is_silent(self) {
            let in_ms = self.chance.below(300);
            self.after(in_ms, Event::DeviceSeesEnd { conn });
        }
        if !is_silent(self) {
            let in_ms = self.chance.below(3_000);
            self.after(in_ms, Event::HubSeesEnd { conn });
        }
    }

    /// A device closes its end: what it sent before still arrives.
    pub(crate) fn hang_up(&mut self, device: usize) {
        let Some(conn) = self.devices[device].conn.take() else { return };
        let Some(link) = self.conns.get_mut(&conn) else { return };
        link.is_cut = true;
        let at_ms = link.last_to_hub_ms.max(self.now_ms + link.way_ms);
        self.at(at_ms, Event::HubSeesEnd { conn });
    }

    pub(crate) fn device_sees_end(&mut self, conn: u64) -> Result<(), Fail> {
        let Some(device) = self.conns.get(&conn).map(|link| link.device) else { return Ok(()) };
        if self.devices[device].conn != Some(conn) {
            return Ok(());
        }
        self.devices[device].conn = None;
        let moment = self.moment(device);
        let actions = self.devices[device].session.closed("the connection broke", moment);
        self.act(device, actions)
    }

    pub(crate) fn hub_sees_end(&mut self, conn: u64) -> Result<(), Fail> {
        if let Some(node) = &mut self.node {
            node.leave(conn);
        }
        Ok(())
    }

    /// The hub closes its end behind what it sent.
    pub(crate) fn hub_hangs_up(&mut self, conn: u64) {
        let Some(link) = self.conns.get_mut(&conn) else { return };
        link.is_cut = true;
        let at_ms = link.last_to_device_ms.max(self.now_ms + link.way_ms);
        self.at(at_ms, Event::DeviceSeesEnd { conn });
    }

    /// The network is good from now on: whatever is broken or doubtful is cut.
    pub(crate) fn mend(&mut self) {
        let all: Vec<_> = self.conns.keys().copied().collect();
        for conn in all {
            let Some(link) = self.conns.get_mut(&conn) else { continue };
            link.stalled_until_ms = 0;
            if link.is_cut {
                self.after(1, Event::DeviceSeesEnd { conn });
                self.after(1, Event::HubSeesEnd { conn });
            } else if link.is_lossy {
                self.cut(conn);
            }
        }
    }
}
