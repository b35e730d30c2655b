//! The engine: decides on each entry in log order, merges it, and says what to publish.
//!
//! Synchronous, clock-free and deterministic: an entry carries its time and its random values, so
//! the same entries in the same order make the same store anywhere. It knows no network and no
//! waiting; the writer gives it a batch of entries and commits what it did.
//!
//! ```text
//! entry > decide: grant, form, guards, quotas, rules > merge: records, digests, log, conflicts
//!         no: a reject, nothing has changed              > receipt, and what to publish
//! ```

pub mod admin;
mod conflict;
mod decide;
mod merge;
mod orders;
mod rule;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use syncline_protocol::{
    Applied, Change, Clock, CollectionName, Delta, Epoch, Guard, HlcTime, Push, PushId, Reject,
    ReplicaId, SpaceId, SpaceName,
};

use crate::access::directory::{Directory, SYSTEM_SPACE};
use crate::access::principal::Principal;
use crate::config::{Quotas, Store as Settings};
use crate::publication::{Publication, Published, Rights};
use crate::store::{Batch, OutcomeRow, ReplicaRow, Store, StoreError};

pub use orders::Order;
pub(crate) use orders::{add_member, set_rule};
pub use rule::{Additions, Judge, Rule, RuleView, Touched};

/// One thing to apply: what, by whom, when.
#[derive(Debug, Clone)]
pub struct Entry {
    /// Who asks.
    pub principal: Principal,
    /// The hub's wall clock when it was admitted, in milliseconds since 1970.
    pub now_ms: u64,
    /// What.
    pub work: Work,
}

impl Entry {
    /// Work of the hub itself, which may do everything: never what somebody asked for.
    #[must_use]
    pub fn by_hub(now_ms: u64, work: Work) -> Self {
        Self { principal: Principal::hub(), now_ms, work }
    }
}

/// What an entry asks for.
#[derive(Debug, Clone)]
pub enum Work {
    /// Deltas and changes of some spaces, all or none.
    Write(Submission),
    /// Makes a space; the random values come with the entry.
    CreateSpace {
        /// Its name.
        name: SpaceName,
        /// The account that will own it.
        owner: String,
        /// Its id.
        id: SpaceId,
        /// Its log's epoch.
        epoch: Epoch,
    },
    /// Drops a space.
    DropSpace {
        /// Its name.
        name: SpaceName,
    },
    /// Sets how long a collection keeps its tombstones.
    SetRetention {
        /// The space.
        space: SpaceName,
        /// The collection, which may still be empty.
        collection: CollectionName,
        /// How long; none for as long as the hub's setting says.
        retention: Option<Duration>,
    },
    /// Forgets the recorded answers to a replica's pushes that are done with.
    Forget {
        /// The first push that may still wait for its answer.
        before: PushId,
    },
    /// Remembers what was last heard of replicas: local to this hub.
    Heard(Vec<(ReplicaId, ReplicaRow)>),
    /// Nothing: it was refused before, and its answer waits its turn.
    Refused(Reject),
}

/// Writes that stand or fall together.
#[derive(Debug, Clone)]
pub struct Submission {
    /// The push's name, for an answer that can be repeated; a gateway's writes need none.
    pub id: Option<PushId>,
    /// What to write, by space.
    pub parts: Vec<Part>,
}

/// The writes of one space.
#[derive(Debug, Clone)]
pub struct Part {
    /// The space.
    pub space: SpaceName,
    /// What the writer had read when it wrote: conflicts are judged by it.
    pub base: Option<(Epoch, u64)>,
    /// What must hold.
    pub guards: Vec<Guard>,
    /// What to write.
    pub writes: Writes,
}

/// Writes with stamps of a replica, or without.
#[derive(Debug, Clone)]
pub enum Writes {
    /// Stamped by a replica.
    Stamped(Vec<Delta>),
    /// To be stamped here: of gateways, admin routes, rules and the hub itself. Only these may
    /// touch reserved collections and the space `system`.
    Unstamped(Vec<Change>),
}

impl Submission {
    /// A native push.
    #[must_use]
    pub fn native(push: Push) -> Self {
        let part = Part {
            space: push.space,
            base: push.epoch.map(|epoch| (epoch, push.base)),
            guards: push.guards,
            writes: Writes::Stamped(push.deltas),
        };
        Self { id: Some(push.id), parts: vec![part] }
    }

    /// Changes of one space, to be stamped by the hub.
    #[must_use]
    pub fn changes(space: SpaceName, changes: Vec<Change>) -> Self {
        let writes = Writes::Unstamped(changes);
        Self { id: None, parts: vec![Part { space, base: None, guards: Vec::new(), writes }] }
    }
}

/// What became of an entry that was applied.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Receipt {
    /// For each part, in order: the sequence of its last delta (the space's when nothing changed),
    /// and the deltas applied, when the hub stamped them.
    pub parts: Vec<(u64, Vec<Applied>)>,
}

impl Receipt {
    /// The sequence that an ack of a one-space push names.
    #[must_use]
    pub fn sequence(&self) -> u64 {
        self.parts.first().map_or(0, |part| part.0)
    }
}

/// The answer to an entry.
pub type Answer = Result<Receipt, Reject>;

/// Why an entry was not applied: refused, or the store failed.
#[derive(Debug)]
pub enum Refusal {
    /// The entry is refused; nothing has changed.
    Reject(Reject),
    /// The store failed; the batch is lost.
    Store(StoreError),
}

impl From<Reject> for Refusal {
    fn from(reject: Reject) -> Self {
        Self::Reject(reject)
    }
}

impl From<StoreError> for Refusal {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl From<redb::StorageError> for Refusal {
    fn from(error: redb::StorageError) -> Self {
        Self::Store(error.into())
    }
}

/// What the engine keeps between batches: its clock, the directory, and its settings.
pub struct Engine {
    clock: Clock,
    replica: ReplicaId,
    directory: Arc<Directory>,
    settings: Settings,
    quotas: Quotas,
    rules: Vec<Rule>,
    published: BTreeMap<SpaceName, Publication>,
    dropped: Vec<SpaceId>,
    conflicts: u64,
    rights: Rights,
    /// Where a delta is encoded: one buffer for all, for each would grow one of its own.
    scratch: Vec<u8>,
}

/// What a batch leaves to be told, once it is committed.
#[derive(Debug, Default)]
pub struct Told {
    /// What to fan out.
    pub publications: Vec<Publication>,
    /// Spaces that are gone.
    pub dropped: Vec<SpaceId>,
    /// How many writes lost without having been known to their winners.
    pub conflicts: u64,
    /// Where rights may have changed.
    pub rights: Rights,
    /// The version of the directory that has all of them.
    pub version: u64,
}

impl Told {
    /// Adds what a later batch leaves. A space that was dropped and made again has another id, so
    /// that its publications are of another life.
    pub fn join(&mut self, later: Self) {
        for publication in later.publications {
            let same = self.publications.iter_mut().find(|it| it.id == publication.id);
            match same {
                Some(earlier) => {
                    earlier.last = publication.last;
                    earlier.deltas.extend(publication.deltas);
                }
                None => self.publications.push(publication),
            }
        }
        self.dropped.extend(later.dropped);
        self.conflicts += later.conflicts;
        self.rights.join(later.rights);
        self.version = later.version;
    }
}

impl Engine {
    /// An engine over a store, stamping as `replica`: an id drawn anew each time it is opened.
    ///
    /// # Errors
    /// When the store fails.
    pub fn open(
        store: &Store,
        replica: ReplicaId,
        settings: Settings,
        quotas: Quotas,
        rules: Vec<Rule>,
    ) -> Result<Self, StoreError> {
        let snapshot = store.snapshot()?;
        let directory = Arc::new(admin::load_directory(&snapshot)?);
        Ok(Self {
            clock: Clock::starting_after(snapshot.clock()?),
            replica,
            directory,
            settings,
            quotas,
            rules,
            published: BTreeMap::new(),
            dropped: Vec::new(),
            conflicts: 0,
            rights: Rights::Same,
            scratch: Vec::new(),
        })
    }

    /// The id that this engine stamps with.
    #[must_use]
    pub fn replica(&self) -> ReplicaId {
        self.replica
    }

    /// The greatest time stamped or observed.
    #[must_use]
    pub fn clock(&self) -> HlcTime {
        self.clock.last()
    }

    /// Accounts, tokens and memberships as of the last entry applied.
    #[must_use]
    pub fn directory(&self) -> &Arc<Directory> {
        &self.directory
    }

    /// Applies one entry to a batch.
    ///
    /// # Errors
    /// Only when the store fails: the whole batch is then lost. A refusal is an answer.
    pub(crate) fn apply(
        &mut self,
        batch: &mut Batch<'_>,
        entry: Entry,
    ) -> Result<Answer, StoreError> {
        let result = match entry.work {
            Work::Write(submission) => {
                return self.write(batch, &entry.principal, entry.now_ms, submission);
            }
            Work::CreateSpace { name, owner, id, epoch } => {
                self.create_space(batch, &entry.principal, entry.now_ms, (name, owner, id, epoch))
            }
            Work::DropSpace { name } => {
                self.drop_space(batch, &entry.principal, entry.now_ms, &name)
            }
            Work::SetRetention { space, collection, retention } => {
                let wanted = (&space, &collection, retention);
                self.set_retention(batch, &entry.principal, entry.now_ms, wanted)
            }
            Work::Forget { before } => admin::forget_outcomes(batch, before),
            Work::Heard(replicas) => admin::remember_replicas(batch, &replicas),
            Work::Refused(reject) => Err(Refusal::Reject(reject)),
        };
        settle(result)
    }

    /// What the entries since the last call did, to be told once they are committed.
    #[must_use]
    pub fn take_told(&mut self) -> Told {
        Told {
            publications: std::mem::take(&mut self.published).into_values().collect(),
            dropped: std::mem::take(&mut self.dropped),
            conflicts: std::mem::take(&mut self.conflicts),
            rights: std::mem::take(&mut self.rights),
            version: self.directory.version(),
        }
    }

    /// Decides on a submission and merges it. The answer to a guarded one is recorded with it.
    fn write(
        &mut self,
        batch: &mut Batch<'_>,
        principal: &Principal,
        now_ms: u64,
        submission: Submission,
    ) -> Result<Answer, StoreError> {
        let guarded = submission.parts.iter().find(|part| !part.guards.is_empty());
        let recorded = match (submission.id, guarded) {
            (Some(id), Some(part)) => batch.space(&part.space)?.map(|space| (id, space.id)),
            _ => None,
        };
        // Whoever may not write learns no recorded answer, and leaves none for whoever may.
        let recorded =
            recorded.filter(|_| self.may_write(principal, &submission.parts[0].space, now_ms));
        if let Some((id, space)) = recorded
            && let Some(outcome) = batch.outcome(id, space)?
        {
            return Ok(outcome.answer.map(|sequence| Receipt { parts: vec![(sequence, vec![])] }));
        }
        let result = self.decide_and_merge(batch, principal, now_ms, submission);
        let answer = settle(result)?;
        if let Some((id, space)) = recorded
            && answer.as_ref().map_or_else(|reject| !reject.code.is_retryable(), |_| true)
        {
            let outcome = answer.clone().map(|receipt| receipt.sequence());
            let outcome = OutcomeRow { at_ms: now_ms, answer: outcome };
            batch.record_outcome(id, space, &outcome)?;
        }
        Ok(answer)
    }

    fn decide_and_merge(
        &mut self,
        batch: &mut Batch<'_>,
        principal: &Principal,
        now_ms: u64,
        submission: Submission,
    ) -> Result<Receipt, Refusal> {
        // Every part is decided before any is merged: a no leaves nothing behind.
        let (mut planned, mut ordered) = (Vec::with_capacity(submission.parts.len()), Vec::new());
        for part in submission.parts {
            planned.push(self.decide(batch, principal, now_ms, part)?);
        }
        if let Some(orders) = self.ordered(&planned, now_ms) {
            ordered.push(self.decide(batch, &Principal::hub(), now_ms, orders)?);
        }
        let mut receipt = Receipt::default();
        for part in planned {
            receipt.parts.push(self.merge(batch, now_ms, part)?);
        }
        for part in ordered {
            self.merge(batch, now_ms, part)?;
        }
        Ok(receipt)
    }

    /// Counts a delta in that a batch applied.
    fn publish(&mut self, space: &SpaceName, id: SpaceId, before: u64, delta: Published) {
        let last = delta.applied.sequence;
        let publication = self.published.entry(space.clone()).or_insert_with(|| Publication {
            space: space.clone(),
            id,
            before,
            last,
            deltas: Vec::new(),
        });
        publication.last = last;
        publication.deltas.push(delta);
    }
}

/// Tells a refusal from a failure.
fn settle(result: Result<Receipt, Refusal>) -> Result<Answer, StoreError> {
    match result {
        Ok(receipt) => Ok(Ok(receipt)),
        Err(Refusal::Reject(reject)) => Ok(Err(reject)),
        Err(Refusal::Store(error)) => Err(error),
    }
}

/// The name of the space that accounts and rights live in.
///
/// # Panics
/// Never: the name is a good one.
#[must_use]
pub fn system_space() -> SpaceName {
    SpaceName::new(SYSTEM_SPACE).expect("`system` is a space name")
}
