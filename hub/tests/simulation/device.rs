//! A device of a run: the real client session over the real replica, a store that keeps what it
//! saved, and clocks that may be wrong. It decides nothing.

use std::collections::BTreeMap;

use syncline_protocol::replica::{RecordName, Unsaved};
use syncline_protocol::session::client::{ClientSession, Identity, Moment};
use syncline_protocol::{DeviceId, Filter, Replica, ReplicaId, SpaceName};

/// A device.
pub(crate) struct Device {
    pub(crate) session: ClientSession,
    saved: Saved,
    id: DeviceId,
    identity: Identity,
    /// What it keeps of which space.
    pub(crate) spaces: BTreeMap<SpaceName, Filter>,
    pub(crate) may_write: bool,
    /// Its wall clock minus the true time.
    pub(crate) skew_ms: i64,
    /// Where its steady clock began.
    steady_ms: u64,
    pub(crate) conn: Option<u64>,
    /// When it will be woken next.
    pub(crate) wake_at_ms: Option<u64>,
    /// Without a network until then.
    pub(crate) away_until_ms: u64,
    /// Spaces that were proved equal since it was asked.
    pub(crate) verified: BTreeMap<SpaceName, u64>,
}

/// What a device's store keeps.
#[derive(Default)]
struct Saved {
    clock: Option<[u8; 16]>,
    spaces: BTreeMap<SpaceName, Vec<u8>>,
    records: BTreeMap<(SpaceName, RecordName), Vec<u8>>,
    pushes: BTreeMap<u64, Vec<u8>>,
}

impl Saved {
    fn save(&mut self, unsaved: Unsaved) {
        for space in unsaved.forgotten.iter().chain(&unsaved.emptied) {
            self.records.retain(|(other, _), _| other != space);
        }
        self.spaces.retain(|space, _| !unsaved.forgotten.contains(space));
        self.spaces.extend(unsaved.spaces);
        for record in unsaved.records {
            keep(&mut self.records, (record.space, record.name), record.bytes);
        }
        for (order, bytes) in unsaved.pushes {
            keep(&mut self.pushes, order, bytes);
        }
        self.clock = unsaved.clock.or(self.clock);
    }

    fn open(&self, id: ReplicaId, device: DeviceId) -> Replica {
        let mut replica = Replica::restore(id, device, self.clock);
        let good = "what a replica saved can be read";
        self.spaces.values().for_each(|bytes| replica.restore_space(bytes).expect(good));
        self.records.values().for_each(|bytes| replica.restore_record(bytes).expect(good));
        self.pushes.iter().for_each(|(&at, bytes)| replica.restore_push(at, bytes).expect(good));
        replica
    }
}

fn keep<K: Ord>(map: &mut BTreeMap<K, Vec<u8>>, key: K, bytes: Option<Vec<u8>>) {
    match bytes {
        Some(bytes) => map.insert(key, bytes),
        None => map.remove(&key),
    };
}

impl Device {
    /// A device that has never connected.
    pub(crate) fn new(id: u64, token: String, spaces: BTreeMap<SpaceName, Filter>) -> Self {
        let identity =
            Identity { token, device_name: format!("device {id}"), ..Identity::default() };
        let device = DeviceId(id);
        let replica = Replica::new(ReplicaId::from_random(id), device);
        let mut this = Self {
            session: ClientSession::new(replica, identity.clone()),
            saved: Saved::default(),
            id: device,
            identity,
            spaces,
            may_write: true,
            skew_ms: 0,
            steady_ms: 1_000_000,
            conn: None,
            wake_at_ms: None,
            away_until_ms: 0,
            verified: BTreeMap::new(),
        };
        this.open_spaces();
        this
    }

    fn open_spaces(&mut self) {
        let replica = self.session.replica_mut();
        for (space, filter) in &self.spaces {
            replica.open(space, filter.clone());
        }
    }

    /// What it is told with every call.
    pub(crate) fn moment(&self, true_ms: u64, run_ms: u64, random: u64) -> Moment {
        let wall_ms = true_ms.saturating_add_signed(self.skew_ms);
        Moment { wall_ms, steady_ms: self.steady_ms + run_ms, random }
    }

    /// When it wants to be woken, on the run's clock.
    pub(crate) fn wants_wake_ms(&self) -> Option<u64> {
        Some(self.session.wake_at_ms()?.saturating_sub(self.steady_ms))
    }

    /// Writes down what is new; to be done before anything is sent.
    pub(crate) fn save(&mut self) {
        let replica = self.session.replica_mut();
        if !replica.is_saved() {
            let unsaved = replica.take_unsaved();
            self.saved.save(unsaved);
        }
    }

    /// The program ends and begins again, under a new replica id and with what was saved.
    pub(crate) fn restart(&mut self, id: ReplicaId) {
        let replica = self.saved.open(id, self.id);
        self.session = ClientSession::new(replica, self.identity.clone());
        (self.conn, self.wake_at_ms) = (None, None);
        self.open_spaces();
    }
}
