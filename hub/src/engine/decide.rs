//! Decide: the one place that says no, from records alone and in log order.
//!
//! Rights, reserved names, guards, expired stamps, quotas and gateway rules, in this order: a push
//! that was queued when a right was withdrawn is refused, whatever else it holds.

use std::collections::{HashMap, HashSet};

use syncline_protocol::{
    Change, Code, CollectionName, Condition, Delta, Epoch, FieldName, Fields, Guard, Op, RecordKey,
    Reject, SpaceId, SpaceName, Stamp,
};

use super::rule::{Additions, RuleView};
use super::{Engine, Part, Refusal, Writes};
use crate::access::directory::{Action, Grant, SYSTEM_SPACE};
use crate::access::principal::Principal;
use crate::selection::Access;
use crate::store::{Batch, SpaceRow};

/// A part that may be merged.
pub(super) struct Planned {
    pub(super) space: SpaceName,
    pub(super) id: SpaceId,
    pub(super) base: Option<u64>,
    pub(super) writes: Writes,
    /// What a rule added, to be stamped here.
    pub(super) additions: Additions,
}

impl Engine {
    /// Whether a principal may write anything to a space now.
    pub(super) fn may_write(&self, principal: &Principal, space: &SpaceName, now_ms: u64) -> bool {
        let actions = [Action::Write, Action::Delete];
        let accesses = self.directory.accesses(principal, space, actions, now_ms);
        accesses.iter().any(|access| *access != Access::Nothing)
    }

    /// Judges one part of a submission.
    pub(super) fn decide(
        &self,
        batch: &mut Batch<'_>,
        principal: &Principal,
        now_ms: u64,
        part: Part,
    ) -> Result<Planned, Refusal> {
        let grant = self.directory.grant(principal, &part.space, now_ms);
        let space = batch.space(&part.space)?.cloned();
        let space = check_right(grant, space, &part.space)?;
        self.check_access(principal, now_ms, &part)?;
        check_collections(principal, &part)?;
        let epoch = part.base.map(|(epoch, _)| epoch);
        check_guards(batch, &space, epoch, &part.guards)?;
        if let Writes::Stamped(deltas) = &part.writes {
            check_expired(batch, space.id, deltas)?;
        }
        self.check_quotas(&part.space, &space, &part.writes)?;
        self.check_fields(batch, space.id, &part.writes)?;
        let additions = self.consult_rules(batch, principal, (&part, &space), now_ms)?;
        let base = part.base.and_then(|(epoch, base)| judged_base(&space, epoch, base));
        Ok(Planned { space: part.space, id: space.id, base, writes: part.writes, additions })
    }

    /// What the space's rules, and where there is none the role, say to each write and each guard:
    /// a guard tells something of what it asks about. Whatever a gateway or the hub itself makes of
    /// a principal's request stands in reserved collections too, which no rule is about.
    fn check_access(&self, principal: &Principal, now_ms: u64, part: &Part) -> Result<(), Reject> {
        let (name, actions) = (&part.space, [Action::Read, Action::Write, Action::Delete]);
        let [read, write, delete] = self.directory.accesses(principal, name, actions, now_ms);
        if write == Access::Nothing && delete == Access::Nothing {
            let what = format!("You read {name}, and do not write to it");
            return Err(Reject::new(Code::Forbidden, what));
        }
        for (index, change) in part.writes.changes().enumerate() {
            let (access, verb) = match change.op {
                Op::Put(_) => (&write, "write"),
                Op::Delete => (&delete, "delete"),
            };
            let (collection, key) = (change.collection.as_str(), change.key.as_str());
            let is_own = change.collection.is_reserved();
            if !is_own && !access.allows(collection, key) {
                let what = format!("You may not {verb} {collection}/{key} in {name}");
                return Err(Reject::new(Code::Forbidden, what).at(index));
            }
        }
        for guard in part.guards.iter().filter(|guard| !guard.collection.is_reserved()) {
            let (collection, key) = (guard.collection.as_str(), guard.key.as_str());
            if !read.allows(collection, key) {
                let what = format!("You may not read {collection}/{key} in {name}");
                return Err(Reject::new(Code::Forbidden, what));
            }
        }
        Ok(())
    }

    /// The hub's own space has none: what it keeps there it has already decided to keep.
    fn check_quotas(
        &self,
        name: &SpaceName,
        space: &SpaceRow,
        writes: &Writes,
    ) -> Result<(), Reject> {
        let adds = name.as_str() != SYSTEM_SPACE
            && writes.changes().any(|change| matches!(change.op, Op::Put(_)));
        let own = self.directory.space_limits(name);
        let (bytes, records) = (
            own.bytes.unwrap_or(self.quotas.space_bytes),
            own.records.unwrap_or(self.quotas.space_records),
        );
        let full = |used: u64, quota: u64| adds && quota > 0 && used >= quota;
        if full(space.bytes, bytes) {
            let what = format!("The space holds its {bytes} bytes");
            return Err(Reject::new(Code::QuotaExceeded, what));
        }
        if full(space.records, records) {
            let what = format!("The space holds its {records} records");
            return Err(Reject::new(Code::QuotaExceeded, what));
        }
        Ok(())
    }

    /// A record holds so many fields, dropped ones counted: they stay as long as it lives.
    fn check_fields(
        &self,
        batch: &Batch<'_>,
        space: SpaceId,
        writes: &Writes,
    ) -> Result<(), Refusal> {
        let most = usize::try_from(self.quotas.record_fields).unwrap_or(usize::MAX);
        // The cheap bound first: records need telling apart only when all that is put could be too
        // much for one.
        let puts = || writes.changes().filter_map(|it| it.op.as_put().map(|fields| (it, fields)));
        let put: usize = puts().map(|(_, fields)| fields.len()).sum();
        for (change, _) in puts() {
            let stored = batch.stored(space, &change.collection, &change.key)?;
            let held = stored.as_ref().map_or(0, |stored| stored.row.record.registers().len());
            if held + put > most {
                return check_names(batch, space, writes, most);
            }
        }
        Ok(())
    }

    fn consult_rules(
        &self,
        batch: &Batch<'_>,
        principal: &Principal,
        (part, space): (&Part, &SpaceRow),
        now_ms: u64,
    ) -> Result<Additions, Refusal> {
        let Some(rule) = self.rules.iter().find(|rule| (rule.governs)(&part.space)) else {
            return Ok(Additions::default());
        };
        let changes: Vec<&Change> = part.writes.changes().collect();
        let view = RuleView::new(batch, space, part, (principal, &self.directory));
        (rule.judge)(&view, &changes, now_ms)
    }
}

impl Writes {
    /// What is to be written, without stamps.
    pub fn changes(&self) -> impl Iterator<Item = &Change> {
        let (deltas, changes): (&[Delta], &[Change]) = match self {
            Self::Stamped(deltas) => (deltas, &[]),
            Self::Unstamped(changes) => (&[], changes),
        };
        deltas.iter().map(|delta| &delta.change).chain(changes)
    }
}

/// Counts the names of each record's fields, those that it has and those that it would get, where
/// they might be too many.
fn check_names(
    batch: &Batch<'_>,
    space: SpaceId,
    writes: &Writes,
    most: usize,
) -> Result<(), Refusal> {
    let mut puts: HashMap<(&CollectionName, &RecordKey), (usize, Vec<&Fields>)> = HashMap::new();
    for (index, change) in writes.changes().enumerate() {
        let Some(fields) = change.op.as_put() else { continue };
        let record = (&change.collection, &change.key);
        puts.entry(record).or_insert((index, Vec::new())).1.push(fields);
    }
    for ((collection, key), (index, puts)) in puts {
        let stored = batch.stored(space, collection, key)?;
        let held = stored.as_ref().map_or(0, |stored| stored.row.record.registers().len());
        if held + puts.iter().map(|fields| fields.len()).sum::<usize>() <= most {
            continue;
        }
        let there = stored.iter().flat_map(|stored| stored.row.record.registers());
        let there = there.map(|(name, _)| name);
        let put = puts.iter().flat_map(|fields| fields.iter().map(|(name, _)| name));
        let names: HashSet<&FieldName> = there.chain(put).collect();
        if names.len() > most {
            let what = format!("{collection}/{key} would have more than {most} fields");
            return Err(Reject::new(Code::TooLarge, what).at(index).into());
        }
    }
    Ok(())
}

/// Whoever may not know of a space hears the same as of one that does not exist.
fn check_right(
    grant: Grant,
    space: Option<SpaceRow>,
    name: &SpaceName,
) -> Result<SpaceRow, Reject> {
    let unknown = || Reject::new(Code::UnknownSpace, format!("There is no space {name} for you"));
    match (grant, space) {
        (Grant::Unauthorized, _) => {
            Err(Reject::new(Code::Unauthorized, "This credential is no longer good"))
        }
        (Grant::Nothing, _) | (_, None) => Err(unknown()),
        (Grant::Role(_), Some(space)) => Ok(space),
    }
}

fn check_collections(principal: &Principal, part: &Part) -> Result<(), Reject> {
    let Writes::Stamped(deltas) = &part.writes else { return Ok(()) };
    if part.space.as_str() == SYSTEM_SPACE && !principal.is_hub() {
        let what = "The space `system` is written by the admin routes only";
        return Err(Reject::new(Code::Forbidden, what));
    }
    match deltas.iter().position(|delta| delta.change.collection.is_reserved()) {
        Some(index) => {
            let what = format!("{} is a reserved collection", deltas[index].change.collection);
            Err(Reject::new(Code::Reserved, what).at(index))
        }
        None => Ok(()),
    }
}

/// A sequence of another epoch says nothing about this log: a guard that names one does not hold.
fn check_guards(
    batch: &Batch<'_>,
    space: &SpaceRow,
    epoch: Option<Epoch>,
    guards: &[Guard],
) -> Result<(), Refusal> {
    let is_other_epoch = epoch.is_some_and(|epoch| epoch != space.epoch);
    for guard in guards {
        if guard.collection.is_reserved() {
            let what = format!("{} is a reserved collection", guard.collection);
            return Err(Reject::new(Code::Reserved, what).into());
        }
        let row = batch.record(space.id, &guard.collection, &guard.key)?.unwrap_or_default();
        let is_counted = matches!(guard.condition, Condition::UnchangedSince(_));
        if (is_counted && is_other_epoch) || !guard.condition.holds(&row.record) {
            let what = format!("{}/{} is not as the guard asks", guard.collection, guard.key);
            return Err(Reject::new(Code::GuardFailed, what).into());
        }
    }
    Ok(())
}

/// A delta on an absent record at or below the collection's greatest purged delete may speak of a
/// record that was deleted (law 7). A row made after the purge remembers it as its floor.
fn check_expired(batch: &mut Batch<'_>, space: SpaceId, deltas: &[Delta]) -> Result<(), Refusal> {
    for (index, Delta { stamp, change }) in deltas.iter().enumerate() {
        let Some(purged) = batch.collection(space, &change.collection)?.purged else { continue };
        if *stamp > purged {
            continue;
        }
        let floor: Option<Stamp> = match batch.stored(space, &change.collection, &change.key)? {
            Some(stored) => stored.row.floor,
            None => Some(purged),
        };
        if floor.is_some_and(|floor| *stamp <= floor) {
            let (collection, key) = (&change.collection, &change.key);
            let what = format!("{collection}/{key} was written before a delete that is forgotten");
            return Err(Reject::new(Code::Expired, what).at(index).into());
        }
    }
    Ok(())
}

/// The base that conflicts are judged by; none when it counts in another epoch.
fn judged_base(space: &SpaceRow, epoch: Epoch, base: u64) -> Option<u64> {
    (epoch == space.epoch).then_some(base)
}
