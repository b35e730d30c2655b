//! The world of a run: one hub, its devices, the network between them, and a clock that jumps from
//! one event to the next. Everything happens in one thread, in an order that the seed decides.
//!
//! ```text
//! plan --> load and misfortunes --> healed: until quiet --> verified by digest --> verdict
//! ```
//! It moves things and judges nothing: `verdict` does.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap};

use bytes::Bytes;
use syncline_protocol::SpaceName;

use super::chance::Chance;
use super::device::Device;
use super::disk::Disk;
use super::ledger::Ledger;
use super::network::Conn;
use super::node::{Node, Reply};
use super::oracle::Oracle;
use super::plan::Plan;
use super::tally::Tally;
use super::trace::{self, Note};

/// The true time when a run begins, in milliseconds since 1970.
const START_MS: u64 = 1_800_000_000_000;
/// After the network has healed, everything must be quiet within so many virtual milliseconds.
const QUIET_WITHIN_MS: u64 = 300_000;

/// Something that is going to happen.
#[derive(Debug)]
pub(crate) enum Event {
    /// A device writes.
    Write,
    /// Several devices race for one record.
    Race,
    /// The hub itself writes, as a gateway would.
    DoorWrite,
    Misfortune,
    WakeDevice(usize),
    /// A connection opens, or does not.
    Connect {
        device: usize,
        conn: u64,
    },
    ToHub {
        conn: u64,
        bytes: Bytes,
    },
    ToDevice {
        conn: u64,
        bytes: Bytes,
    },
    DeviceSeesEnd {
        conn: u64,
    },
    HubSeesEnd {
        conn: u64,
    },
    /// Time passes for the hub's sessions.
    Tick,
    Apply,
    Commit {
        life: u64,
    },
    Publish {
        life: u64,
    },
    Answer {
        life: u64,
        reply: Reply,
    },
    Drain {
        conn: u64,
    },
    Page {
        conn: u64,
    },
    HubStops {
        life: u64,
    },
    HubStarts,
    HubClockRight,
}

/// Everything there is.
pub(crate) struct World {
    pub(crate) plan: Plan,
    pub(crate) chance: Chance,
    /// Milliseconds since the run began.
    pub(crate) now_ms: u64,
    events: BinaryHeap<Reverse<(u64, u64)>>,
    waiting: BTreeMap<u64, Event>,
    order: u64,
    pub(crate) disk: Disk,
    /// The hub while it runs, and how often it was started.
    pub(crate) node: Option<Node>,
    pub(crate) life: u64,
    /// The hub's wall clock minus the true time.
    pub(crate) hub_skew_ms: i64,
    pub(crate) apply_due: bool,
    /// When the last answer that is under way is given.
    pub(crate) answers_ms: u64,
    /// Connections whose queue, or whose catch-up, has an event under way.
    pub(crate) draining: BTreeSet<u64>,
    pub(crate) paging: BTreeSet<u64>,
    pub(crate) devices: Vec<Device>,
    pub(crate) conns: BTreeMap<u64, Conn>,
    pub(crate) next_conn: u64,
    pub(crate) spaces: Vec<SpaceName>,
    pub(crate) races: u64,
    pub(crate) is_healed: bool,
    pub(crate) oracle: Oracle,
    pub(crate) ledger: Ledger,
    pub(crate) tally: Tally,
}

/// Why a run failed.
pub(crate) type Fail = String;

impl World {
    /// Runs a seed from its beginning to its verdict.
    pub(crate) fn run(seed: u64) -> Result<Tally, Fail> {
        trace::begin();
        let mut world = Self::new(seed)?;
        world.begin();
        while world.now_ms < world.plan.load_ms {
            world.step()?;
        }
        world.heal()?;
        world.until("quiet", Self::is_quiet)?;
        world.ask_digests()?;
        world.until("verified", Self::is_verified)?;
        world.until("quiet again", Self::is_quiet)?;
        world.judge()?;
        world.collect_tally();
        Ok(world.tally)
    }

    fn new(seed: u64) -> Result<Self, Fail> {
        let mut chance = Chance::new(seed);
        let plan = Plan::new(seed, &mut chance);
        let mut world = Self {
            plan,
            chance,
            now_ms: 0,
            events: BinaryHeap::new(),
            waiting: BTreeMap::new(),
            order: 0,
            disk: Disk::default(),
            node: None,
            life: 0,
            hub_skew_ms: 0,
            apply_due: false,
            answers_ms: 0,
            draining: BTreeSet::new(),
            paging: BTreeSet::new(),
            devices: Vec::new(),
            conns: BTreeMap::new(),
            next_conn: 1,
            spaces: super::plan::spaces(),
            races: 0,
            is_healed: false,
            oracle: Oracle::default(),
            ledger: Ledger::default(),
            tally: Tally::default(),
        };
        world.start_hub()?;
        world.furnish()?;
        Ok(world)
    }

    fn begin(&mut self) {
        for index in 0..self.devices.len() {
            let at_ms = self.chance.below(2_000);
            self.devices[index].wake_at_ms = Some(at_ms);
            self.at(at_ms, Event::WakeDevice(index));
        }
        for event in [Event::Write, Event::Race, Event::DoorWrite, Event::Misfortune, Event::Tick] {
            let in_ms = self.chance.below(500);
            self.after(in_ms, event);
        }
    }

    /// The hub's wall clock, in milliseconds since 1970.
    pub(crate) fn hub_ms(&self) -> u64 {
        self.true_ms().saturating_add_signed(self.hub_skew_ms)
    }

    pub(crate) fn true_ms(&self) -> u64 {
        START_MS + self.now_ms
    }

    pub(crate) fn at(&mut self, at_ms: u64, event: Event) {
        self.order += 1;
        self.events.push(Reverse((at_ms.max(self.now_ms), self.order)));
        self.waiting.insert(self.order, event);
    }

    pub(crate) fn after(&mut self, in_ms: u64, event: Event) {
        self.at(self.now_ms + in_ms, event);
    }

    pub(crate) fn note(&self, note: Note) {
        trace::note(self.now_ms, note);
    }

    /// Lets the next event happen.
    fn step(&mut self) -> Result<(), Fail> {
        let Reverse((at_ms, order)) = self.events.pop().ok_or("nothing will ever happen again")?;
        self.now_ms = at_ms;
        let event = self.waiting.remove(&order).ok_or("an event that is not there")?;
        self.happen(event)
    }

    fn happen(&mut self, event: Event) -> Result<(), Fail> {
        match event {
            Event::Write => self.write(),
            Event::Race => self.race(),
            Event::DoorWrite => self.door_write(),
            Event::Misfortune => self.misfortune(),
            Event::WakeDevice(device) => self.wake_device(device),
            Event::Connect { device, conn } => self.connect(device, conn),
            Event::ToHub { conn, bytes } => self.send_to_hub(conn, bytes),
            Event::ToDevice { conn, bytes } => self.send_to_device(conn, &bytes),
            Event::DeviceSeesEnd { conn } => self.device_sees_end(conn),
            Event::HubSeesEnd { conn } => self.hub_sees_end(conn),
            Event::Tick => self.tick(),
            Event::Apply => {
                self.apply();
                Ok(())
            }
            Event::Commit { life } => self.commit(life),
            Event::Publish { life } => self.publish(life),
            Event::Answer { life, reply } => self.answer(life, reply),
            Event::Drain { conn } => self.drain(conn),
            Event::Page { conn } => self.page(conn),
            Event::HubStops { life } => self.crash(life),
            Event::HubStarts => self.start_hub(),
            Event::HubClockRight => self.right_hub_clock(),
        }
    }

    /// Lets things happen until something is so.
    fn until(&mut self, what: &str, is_so: fn(&Self) -> Result<(), Fail>) -> Result<(), Fail> {
        let deadline_ms = self.now_ms + QUIET_WITHIN_MS;
        loop {
            let look_at_ms = self.now_ms + 250;
            while self.events.peek().is_some_and(|Reverse((at_ms, _))| *at_ms < look_at_ms) {
                self.step()?;
            }
            self.now_ms = look_at_ms;
            match is_so(self) {
                Ok(()) => return Ok(()),
                Err(why) if self.now_ms >= deadline_ms => {
                    return Err(format!("not {what} after {QUIET_WITHIN_MS} ms: {why}"));
                }
                Err(_) => {}
            }
        }
    }
}
