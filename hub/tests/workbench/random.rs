//! Random runs of a writer: pushes of all kinds in two spaces, one of them under a rule, with
//! housekeeping, dropped spaces and restarts between.

use std::time::Duration;

use proptest::prelude::*;
use syncline::config;
use syncline::engine::{Additions, Part, Refusal, Rule, RuleView, Submission, Work, Writes};
use syncline_protocol::{
    Change, Condition, Delta, FieldName, Guard, Push, PushId, SpaceName, Value,
};

use super::{Bench, collection, create, delete, field, key, put, replica, space, stamp};

/// So many cases, unless the environment asks for others.
pub(crate) fn cases(cases: u32) -> ProptestConfig {
    match std::env::var_os("PROPTEST_CASES") {
        Some(_) => ProptestConfig::default(),
        None => ProptestConfig { cases, ..ProptestConfig::default() },
    }
}

/// The spaces of a run besides `system`.
pub(crate) const SPACES: [&str; 2] = ["plain", "ruled"];
const OPEN: [&str; 2] = ["c", "d"];
const RESERVED: &str = ".r";

/// One step of a run.
#[derive(Debug, Clone)]
pub(crate) enum Step {
    Push { space: usize, deltas: Vec<Write>, guarded: Option<Condition>, base: Option<u64> },
    Unstamped { space: usize, changes: Vec<(bool, Write)> },
    DropSpace(usize),
    Pass(u64),
    Reopen,
}

/// One delta, its stamp some milliseconds before or after the bench's time.
#[derive(Debug, Clone)]
pub(crate) struct Write {
    collection: usize,
    key: u8,
    fields: Vec<(u8, Option<u8>)>,
    late_ms: u64,
    by: u64,
}

impl Write {
    /// A put, or a delete when there is no field.
    fn change(&self, name: &str) -> Change {
        let record = format!("k{}", self.key);
        let named = |(at, value): &(u8, Option<u8>)| {
            (field(&format!("f{at}")), value.map(|value| Value::from(u64::from(value))))
        };
        let mut fields: Vec<(FieldName, _)> = self.fields.iter().map(named).collect();
        fields.sort_by(|a, b| a.0.cmp(&b.0));
        fields.dedup_by(|a, b| a.0 == b.0);
        if fields.is_empty() {
            return delete(name, &record);
        }
        Change::put(collection(name), key(&record), fields).unwrap()
    }

    fn delta(&self, now_ms: u64) -> Delta {
        self.change(OPEN[self.collection]).stamped(stamp(now_ms - self.late_ms, self.by))
    }
}

fn write() -> impl Strategy<Value = Write> {
    let fields = prop::collection::vec((0..4_u8, prop::option::weighted(0.7, 0..3_u8)), 0..4);
    (0..2_usize, 0..4_u8, fields, 0..60_u64, 1..4_u64).prop_map(
        |(collection, key, fields, late_ms, by)| Write { collection, key, fields, late_ms, by },
    )
}

fn condition() -> impl Strategy<Value = Condition> {
    prop_oneof![
        Just(Condition::Absent),
        (0..30_u64).prop_map(Condition::UnchangedSince),
        (0..4_u8).prop_map(|at| Condition::FieldAbsent(field(&format!("f{at}")))),
    ]
}

/// Any step.
pub(crate) fn step() -> impl Strategy<Value = Step> {
    let deltas = prop::collection::vec(write(), 1..4);
    let changes = prop::collection::vec((any::<bool>(), write()), 1..4);
    let guarded = prop::option::weighted(0.2, condition());
    let base = prop::option::of(0..40_u64);
    prop_oneof![
        10 => (0..2_usize, deltas, guarded, base).prop_map(|(space, deltas, guarded, base)| {
            Step::Push { space, deltas, guarded, base }
        }),
        4 => (0..2_usize, changes).prop_map(|(space, changes)| Step::Unstamped { space, changes }),
        4 => (1..200_u64).prop_map(Step::Pass),
        1 => (0..2_usize).prop_map(Step::DropSpace),
        1 => Just(Step::Reopen),
    ]
}

/// Numbers the pushes of its spaces in a reserved collection and in an open one, and forgets the
/// number at every tenth.
fn number(view: &RuleView<'_>, changes: &[&Change], _: u64) -> Result<Additions, Refusal> {
    let counter = view.get(&collection(RESERVED), &key("count"))?;
    let last = counter.and_then(|record| record.get("n").and_then(Value::as_u64)).unwrap_or(0);
    if last == 10 {
        return Ok(vec![delete(RESERVED, "count"), delete("d", "numbered")].into());
    }
    let next = last + changes.len().min(1) as u64;
    Ok(vec![put(RESERVED, "count", "n", next), put("d", "numbered", "n", next)].into())
}

/// One rule, for the second space.
pub(crate) fn rules() -> Vec<Rule> {
    let governs = |name: &SpaceName| name.as_str() == "ruled";
    vec![Rule { gateway: "counts", governs, judge: number }]
}

/// Everything is old after a moment, and every step of housekeeping is small.
pub(crate) fn settings() -> config::Store {
    config::Store {
        tombstone_retention: Duration::from_millis(100),
        conflict_retention: Duration::from_millis(300),
        outcome_retention: Duration::from_millis(300),
        compaction_pause: Duration::from_millis(5),
        compaction_batch: 3,
        maintenance_interval: Duration::from_millis(50),
        conflicts_per_field: 2,
        conflict_bytes_per_space: 400,
        ..config::Store::default()
    }
}

/// A bench on its way through steps.
pub(crate) struct Run {
    pub(crate) bench: Bench,
    pushes: u64,
    lives: u64,
}

impl Run {
    pub(crate) fn begin() -> Self {
        let mut bench = Bench::in_memory(settings(), rules());
        bench.make_spaces(&SPACES).unwrap();
        Self { bench, pushes: 0, lives: 100 }
    }

    pub(crate) fn take(&mut self, step: Step) {
        let now_ms = self.bench.now_ms;
        match step {
            Step::Push { space: at, deltas, guarded, base } => {
                self.pushes += 1;
                let guard = |condition| {
                    let (collection, key) = (collection("c"), key("k0"));
                    Guard { collection, key, condition }
                };
                let name = space(SPACES[at]);
                let epoch = self.bench.snapshot().space(&name).unwrap().map(|row| row.epoch);
                let push = Push {
                    id: PushId { replica: replica(deltas[0].by), counter: self.pushes },
                    space: name,
                    epoch: epoch.filter(|_| base.is_some()),
                    base: base.unwrap_or(0),
                    guards: guarded.map(guard).into_iter().collect(),
                    deltas: deltas.iter().map(|write| write.delta(now_ms)).collect(),
                };
                let work = Work::Write(Submission::native(push));
                self.bench.commit(vec![work]).unwrap();
            }
            Step::Unstamped { space: at, changes } => {
                let named = |(reserved, write): &(bool, Write)| {
                    write.change(if *reserved { RESERVED } else { OPEN[write.collection] })
                };
                let part = |at: usize| Part {
                    space: space(SPACES[at]),
                    base: None,
                    guards: Vec::new(),
                    writes: Writes::Unstamped(changes.iter().map(named).collect()),
                };
                let parts = vec![part(at), part(1 - at)];
                self.bench.commit(vec![Work::Write(Submission { id: None, parts })]).unwrap();
            }
            Step::DropSpace(at) => {
                self.lives += 1;
                let name = space(SPACES[at]);
                let works = vec![Work::DropSpace { name: name.clone() }, create(name, self.lives)];
                self.bench.commit(works).unwrap();
            }
            Step::Pass(ms) => self.bench.pass(Duration::from_millis(ms)),
            Step::Reopen => {
                let store = self.bench.writer.store().clone();
                self.bench = Bench::open(store, self.lives, settings(), rules()).unwrap();
                self.bench.now_ms = now_ms;
            }
        }
    }
}
