//! Housekeeping: which paced step of the store's own work goes into which commit.
//!
//! Steps are small and apart in time, so that no push waits long behind one.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::ops::Bound;
use std::time::Duration;

use syncline_protocol::{CollectionName, SpaceId, SpaceName};

use crate::config::Store as Settings;
use crate::store::compaction::{
    PurgePass, PurgeRule, compact_log, expire_conflicts, expire_outcomes, expire_replicas,
    is_mostly_dead, purge_tombstones, remove_dropped, wants_compaction,
};
use crate::store::{Batch, Store, StoreError};

/// A replica that was silent for so long is forgotten: commands and pages draw a new id each time
/// they are opened, and whoever comes back later claims the old one anew.
const REPLICA_RETENTION: Duration = Duration::from_secs(365 * 24 * 60 * 60);

/// What is to be done, and when the next step is due.
#[derive(Debug)]
pub struct Housekeeping {
    settings: Settings,
    /// Logs being compacted, and how far each has been looked at.
    logs: BTreeMap<SpaceName, u64>,
    /// The log that was looked at last: the others come first.
    last_log: Option<SpaceName>,
    /// Whether the round is next, when both wait.
    rounds_turn: bool,
    /// What is left of the current round.
    round: VecDeque<Step>,
    next_round_ms: u64,
    next_step_ms: u64,
}

/// A piece of a round; goes on where the last step left off.
#[derive(Debug, Clone)]
enum Step {
    /// Finds what there is to do.
    Survey,
    Purge(SpaceName, CollectionName, u64, PurgePass),
    Conflicts(Option<Vec<u8>>),
    Outcomes(Option<Vec<u8>>),
    Replicas(Option<Vec<u8>>),
    Dropped,
}

impl Housekeeping {
    /// Housekeeping of an open store: logs that were left full are looked at first.
    ///
    /// # Errors
    /// When the store fails.
    pub fn new(settings: Settings, store: &Store) -> Result<Self, StoreError> {
        let spaces = store.snapshot()?.spaces()?;
        let full = spaces.into_iter().filter(|(_, row)| wants_compaction(row));
        let logs = full.map(|(name, _)| (name, 0)).collect();
        let round = VecDeque::from([Step::Survey]);
        Ok(Self {
            settings,
            logs,
            last_log: None,
            rounds_turn: false,
            round,
            next_round_ms: 0,
            next_step_ms: 0,
        })
    }

    /// When the next step is due, in milliseconds since 1970.
    #[must_use]
    pub fn due_ms(&self) -> u64 {
        if self.logs.is_empty() && self.round.is_empty() {
            self.next_round_ms
        } else {
            self.next_step_ms
        }
    }

    /// Looks whether the logs of these spaces have become too long.
    pub(super) fn notice(
        &mut self,
        batch: &mut Batch<'_>,
        spaces: &BTreeSet<SpaceName>,
    ) -> Result<(), StoreError> {
        for name in spaces {
            if !self.logs.contains_key(name)
                && batch.space(name)?.is_some_and(|row| wants_compaction(row))
            {
                self.logs.insert(name.clone(), 0);
            }
        }
        Ok(())
    }

    /// Does the next step. Logs take turns with each other and with the round, so that one which
    /// is always too long holds nothing else up.
    pub(super) fn step(
        &mut self,
        batch: &mut Batch<'_>,
        now_ms: u64,
        pinned_after: &dyn Fn(SpaceId) -> u64,
    ) -> Result<(), StoreError> {
        self.next_step_ms = now_ms.saturating_add(millis(self.settings.compaction_pause));
        let round_is_due = !self.round.is_empty() || self.next_round_ms <= now_ms;
        let is_rounds = std::mem::take(&mut self.rounds_turn) && round_is_due;
        if let Some((name, after)) = self.next_log().filter(|_| !is_rounds) {
            self.logs.remove(&name);
            self.last_log = Some(name.clone());
            self.rounds_turn = true;
            if let Some(next) = compact_log(batch, &name, after, self.limit())? {
                self.logs.insert(name, next);
            }
            return Ok(());
        }
        if self.round.is_empty() {
            self.round.push_back(Step::Survey);
        }
        let Some(step) = self.round.pop_front() else { return Ok(()) };
        self.take(step, batch, now_ms, pinned_after)
    }

    /// The log whose turn it is, and how far it has been looked at.
    fn next_log(&self) -> Option<(SpaceName, u64)> {
        let after = self.last_log.as_ref().map_or(Bound::Unbounded, Bound::Excluded);
        let mut later = self.logs.range::<SpaceName, _>((after, Bound::Unbounded));
        let next = later.next().or_else(|| self.logs.first_key_value());
        next.map(|(name, after)| (name.clone(), *after))
    }

    fn take(
        &mut self,
        step: Step,
        batch: &mut Batch<'_>,
        now_ms: u64,
        pinned_after: &dyn Fn(SpaceId) -> u64,
    ) -> Result<(), StoreError> {
        let before = |retention: Duration| now_ms.saturating_sub(millis(retention));
        let limit = self.limit();
        let again = match step {
            Step::Survey => {
                let interval = millis(self.settings.maintenance_interval);
                self.next_round_ms = now_ms.saturating_add(interval);
                self.survey(batch, now_ms)?;
                None
            }
            Step::Purge(space, collection, before_ms, pass) => {
                let id = batch.space(&space)?.map(|row| row.id);
                let pinned_after = id.map_or(0, pinned_after);
                let rule = PurgeRule { before_ms, pinned_after };
                let next = purge_tombstones(batch, (&space, &collection), rule, pass, limit)?;
                self.notice(batch, &BTreeSet::from([space.clone()]))?;
                next.map(|pass| Step::Purge(space, collection, before_ms, pass))
            }
            Step::Conflicts(after) => {
                let before_ms = before(self.settings.conflict_retention);
                let spaces = batch.space_ids()?;
                expire_conflicts(batch, &spaces, before_ms, after.as_deref(), limit)?
                    .map(|next| Step::Conflicts(Some(next)))
            }
            Step::Outcomes(after) => {
                let before_ms = before(self.settings.outcome_retention);
                expire_outcomes(batch, before_ms, after.as_deref(), limit)?
                    .map(|next| Step::Outcomes(Some(next)))
            }
            Step::Replicas(after) => {
                let before_ms = before(REPLICA_RETENTION);
                expire_replicas(batch, before_ms, after.as_deref(), limit)?
                    .map(|next| Step::Replicas(Some(next)))
            }
            Step::Dropped => remove_dropped(batch, limit)?.then_some(Step::Dropped),
        };
        again.into_iter().for_each(|step| self.round.push_front(step));
        Ok(())
    }

    fn survey(&mut self, batch: &mut Batch<'_>, now_ms: u64) -> Result<(), StoreError> {
        for space in batch.spaces_that(is_mostly_dead)? {
            self.logs.entry(space).or_insert(0);
        }
        for (space, collection, row) in batch.collections_with_tombstones()? {
            let retention = row.retention.unwrap_or(self.settings.tombstone_retention);
            let before_ms = now_ms.saturating_sub(millis(retention));
            if row.tombstones_since_ms < before_ms {
                self.round.push_back(Step::Purge(
                    space,
                    collection,
                    before_ms,
                    PurgePass::default(),
                ));
            }
        }
        self.round.extend([
            Step::Conflicts(None),
            Step::Outcomes(None),
            Step::Replicas(None),
            Step::Dropped,
        ]);
        Ok(())
    }

    fn limit(&self) -> usize {
        usize::try_from(self.settings.compaction_batch).unwrap_or(usize::MAX)
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
