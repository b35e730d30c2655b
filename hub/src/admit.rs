//! Admit: the first judge of a push, before it waits for the writer.
//!
//! It judges what needs a clock or a counter: sizes, rates, stamps too far ahead, and whose a
//! replica id is. What depends on records is the engine's to decide, in log order.

use std::collections::BTreeSet;
use std::sync::Mutex;
use std::time::Instant;

use dashmap::DashMap;
use syncline_protocol::{
    Change, Code, Delta, DeviceId, HlcTime, Op, Push, Reject, ReplicaId, SpaceName, check_drift,
};

use crate::access::principal::Principal;
use crate::config::{Limits, Sync};
use crate::store::{ReplicaRow, Store, StoreError};

/// Replica ids that one push may bring: its own, and those of its device's earlier runs.
const REPLICAS_PER_PUSH: usize = 64;
/// Owners remembered; what is forgotten is read from the store again.
const OWNERS_MAX: usize = 200_000;
/// Rates remembered; the least used is forgotten.
const RATES_MAX: usize = 100_000;
/// A burst may spend what so many seconds allow.
const BURST_SECONDS: f64 = 10.0;

/// The first judge, and what it remembers.
pub struct Admit {
    limits: Limits,
    sync: Sync,
    store: Store,
    hub_replica: ReplicaId,
    /// Whose replica ids are: those used since the start, and those looked up.
    owners: DashMap<ReplicaId, String>,
    rates: Mutex<std::collections::HashMap<String, Rate>>,
}

impl std::fmt::Debug for Admit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Admit").field("owners", &self.owners.len()).finish_non_exhaustive()
    }
}

/// What an account may still write now.
#[derive(Debug, Clone, Copy)]
struct Rate {
    allowance: f64,
    at: Instant,
}

/// A push may go on to the writer.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Admitted {
    /// Replica ids that this principal is the first to use: to be remembered with the push.
    pub new_replicas: Vec<ReplicaId>,
}

impl Admit {
    /// A judge over a store.
    #[must_use]
    pub fn new(limits: Limits, sync: Sync, store: Store, hub_replica: ReplicaId) -> Self {
        let (owners, rates) = (DashMap::new(), Mutex::default());
        Self { limits, sync, store, hub_replica, owners, rates }
    }

    /// Judges a native push.
    ///
    /// # Errors
    /// Why it is refused.
    pub fn push(
        &self,
        principal: &Principal,
        push: &Push,
        hub_clock: HlcTime,
        now_ms: u64,
    ) -> Result<Admitted, Reject> {
        self.check_clock(hub_clock, now_ms)?;
        self.check_rate(principal, push.deltas.len())?;
        for (index, delta) in push.deltas.iter().enumerate() {
            self.check_size(&delta.change, self.limits.value_bytes).map_err(|no| no.at(index))?;
            self.check_stamp(delta, now_ms).map_err(|no| no.at(index))?;
        }
        self.check_replicas(principal, push, now_ms)
    }

    /// Judges changes that the hub will stamp.
    ///
    /// # Errors
    /// Why they are refused.
    pub fn changes<'c>(
        &self,
        principal: &Principal,
        changes: impl Iterator<Item = &'c Change>,
        hub_clock: HlcTime,
        now_ms: u64,
    ) -> Result<(), Reject> {
        self.check_clock(hub_clock, now_ms)?;
        let mut count = 0;
        for change in changes.filter(|_| !principal.is_hub()) {
            self.check_size(change, self.limits.door_value_bytes).map_err(|no| no.at(count))?;
            count += 1;
        }
        if count > usize_of(self.limits.door_deltas_per_push) {
            let what = format!("One write has at most {} deltas", self.limits.door_deltas_per_push);
            return Err(Reject::new(Code::TooLarge, what));
        }
        self.check_rate(principal, count)
    }

    /// A hub whose clock ran ahead of the wall by more than the drift would stamp nothing that
    /// anyone accepts: it reads, and refuses to write.
    fn check_clock(&self, hub_clock: HlcTime, now_ms: u64) -> Result<(), Reject> {
        let drift_ms = millis(self.sync.max_clock_drift);
        check_drift(hub_clock, now_ms, drift_ms).map_err(|drift| {
            let what = format!("The hub's clock stands {} ms behind its own past", drift.ahead_ms);
            Reject::new(Code::ClockBack, what)
        })
    }

    fn check_stamp(&self, delta: &Delta, now_ms: u64) -> Result<(), Reject> {
        let drift_ms = millis(self.sync.max_clock_drift);
        check_drift(delta.stamp.time, now_ms, drift_ms).map_err(|drift| {
            let what = format!("A stamp is {} ms ahead of the hub's clock", drift.ahead_ms);
            Reject::new(Code::ClockDrift, what)
        })
    }

    fn check_size(&self, change: &Change, value_bytes: u32) -> Result<(), Reject> {
        let key = change.key.as_str().len();
        if key > usize_of(self.limits.key_bytes) {
            let what = format!("A key has at most {} bytes", self.limits.key_bytes);
            return Err(Reject::new(Code::TooLarge, what));
        }
        let Op::Put(fields) = &change.op else { return Ok(()) };
        if fields.len() > usize_of(self.limits.fields) {
            let what = format!("A put has at most {} fields", self.limits.fields);
            return Err(Reject::new(Code::TooLarge, what));
        }
        let mut values = fields.iter().filter_map(|(_, value)| value);
        if values.any(|value| value.as_bytes().len() > usize_of(value_bytes)) {
            let what = format!("A value has at most {value_bytes} bytes");
            return Err(Reject::new(Code::TooLarge, what));
        }
        Ok(())
    }

    /// A replica id belongs to whoever used it first. Only a space that was restored from a backup
    /// takes stamps of others, from before the restore: what was acknowledged after the backup is
    /// given back by whoever has it, although its replicas are unknown here or known as others'.
    /// Those bind nobody; the push's own replica binds as ever.
    fn check_replicas(
        &self,
        principal: &Principal,
        push: &Push,
        now_ms: u64,
    ) -> Result<Admitted, Reject> {
        let replicas: BTreeSet<ReplicaId> =
            push.deltas.iter().map(|delta| delta.stamp.replica).chain([push.id.replica]).collect();
        let mut admitted = Admitted::default();
        let mut restored = None;
        for replica in replicas {
            let owner = self.owner(replica).map_err(|error| unavailable(&error))?;
            match owner {
                Some(owner) if owner == principal.account() => {}
                other => {
                    if restored.is_none() {
                        restored = Some(self.healing_before(&push.space, now_ms)?);
                    }
                    let heals = restored.flatten().is_some_and(|before| {
                        push.id.replica != replica && is_older(push, replica, before)
                    });
                    match (heals, other) {
                        (true, _) => {}
                        (false, None) => admitted.new_replicas.push(replica),
                        (false, Some(_)) => return Err(foreign(push, replica)),
                    }
                }
            }
        }
        if admitted.new_replicas.len() > REPLICAS_PER_PUSH {
            let what = format!("One push brings at most {REPLICAS_PER_PUSH} new replica ids");
            return Err(Reject::new(Code::TooLarge, what));
        }
        for replica in &admitted.new_replicas {
            if !self.bind(*replica, principal.account()) {
                return Err(foreign(push, *replica));
            }
        }
        Ok(admitted)
    }

    /// Whether this principal may stamp as a replica; says whether it is the first to.
    ///
    /// # Errors
    /// `foreign_stamp` when the id belongs to someone else.
    pub fn claim(&self, principal: &Principal, replica: ReplicaId) -> Result<bool, Reject> {
        match self.owner(replica).map_err(|error| unavailable(&error))? {
            Some(owner) if owner == principal.account() => Ok(false),
            None if self.bind(replica, principal.account()) => Ok(true),
            _ => Err(Reject::new(Code::ForeignStamp, "This replica id is someone else's")),
        }
    }

    fn owner(&self, replica: ReplicaId) -> Result<Option<String>, StoreError> {
        if replica == self.hub_replica {
            return Ok(Some(String::new()));
        }
        if let Some(owner) = self.owners.get(&replica) {
            return Ok(Some(owner.clone()));
        }
        // An id never changes hands, so that an old look is as good as a new one, and cheaper.
        let row = match self.store.glance()?.replica(replica)? {
            Some(row) => Some(row),
            None => self.store.snapshot()?.replica(replica)?,
        };
        let owner = row.map(|row| row.principal);
        if let Some(owner) = &owner {
            self.remember(replica, owner);
        }
        Ok(owner)
    }

    /// Remembers whose a replica is, unless it is someone else's by now.
    fn remember(&self, replica: ReplicaId, owner: &str) {
        self.bind(replica, owner);
    }

    /// Gives a replica to an account; of two that ask at once only one gets it.
    fn bind(&self, replica: ReplicaId, account: &str) -> bool {
        if self.owners.len() >= OWNERS_MAX {
            // All are in the store, or will be with the commit that waits: they can be read again.
            self.owners.clear();
        }
        *self.owners.entry(replica).or_insert_with(|| account.to_owned()) == account
    }

    /// Until when stamps of others may be given back to a space; none when it needs no healing.
    /// Stamps that were acknowledged before the restore may lie ahead of it by the allowed drift.
    fn healing_before(&self, space: &SpaceName, now_ms: u64) -> Result<Option<u64>, Reject> {
        let look = || self.store.snapshot()?.space(space);
        let row = look().map_err(|error| unavailable(&error))?;
        let restored_ms = row.filter(|row| !row.authoritative).and_then(|row| row.restored_ms);
        let window_ms = millis(self.sync.heal_window);
        let in_window = |&at_ms: &u64| now_ms < at_ms.saturating_add(window_ms);
        let drift_ms = millis(self.sync.max_clock_drift);
        Ok(restored_ms.filter(in_window).map(|at_ms| at_ms.saturating_add(drift_ms)))
    }

    fn check_rate(&self, principal: &Principal, deltas: usize) -> Result<(), Reject> {
        let rate = f64::from(self.limits.deltas_per_second_per_user);
        if rate == 0.0 || principal.is_hub() {
            return Ok(());
        }
        let mut rates = self.rates.lock().expect("nothing panics while it holds the rates");
        let now = Instant::now();
        if rates.len() >= RATES_MAX {
            rates.retain(|_, rate| now.duration_since(rate.at).as_secs_f64() < BURST_SECONDS);
        }
        let burst = rate * BURST_SECONDS;
        let entry = rates
            .entry(principal.account().to_owned())
            .or_insert(Rate { allowance: burst, at: now });
        let earned = now.duration_since(entry.at).as_secs_f64() * rate;
        *entry = Rate { allowance: (entry.allowance + earned).min(burst), at: now };
        // A push larger than a whole burst must still pass some time: when all is there.
        let price = (deltas as f64).min(burst);
        if entry.allowance < price {
            let what = format!("You may write {rate} deltas a second");
            return Err(Reject::new(Code::RateLimited, what));
        }
        entry.allowance -= price;
        Ok(())
    }
}

/// A row for a replica id that is known only from a push.
#[must_use]
pub fn replica_row(principal: &Principal, device: DeviceId, name: &str, now_ms: u64) -> ReplicaRow {
    ReplicaRow {
        principal: principal.account().to_owned(),
        device,
        name: name.to_owned(),
        last_ms: now_ms,
        offset_ms: 0,
        seen: Vec::new(),
    }
}

fn is_older(push: &Push, replica: ReplicaId, before_ms: u64) -> bool {
    let mut stamps = push.deltas.iter().map(|delta| delta.stamp);
    stamps.all(|stamp| stamp.replica != replica || stamp.time.millis() <= before_ms)
}

fn foreign(push: &Push, replica: ReplicaId) -> Reject {
    let reject = Reject::new(Code::ForeignStamp, format!("Replica {replica} is someone else's"));
    match push.deltas.iter().position(|delta| delta.stamp.replica == replica) {
        Some(index) => reject.at(index),
        None => reject,
    }
}

/// The store cannot be asked.
#[must_use]
pub fn unavailable(error: &StoreError) -> Reject {
    tracing::error!(%error, "the store failed");
    Reject::new(Code::Unavailable, "The store failed")
}

fn millis(duration: std::time::Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

fn usize_of(limit: u32) -> usize {
    usize::try_from(limit).unwrap_or(usize::MAX)
}
