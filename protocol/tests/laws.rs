//! The laws that this crate alone must keep, over random deltas and clocks.
//!
//! Each test holds the code against the law's own words, written out here a second time in their
//! plainest form; none of them may lean on the code it judges. Failing seeds are kept beside this
//! file and replayed first.

mod arbitrary;

use std::collections::{BTreeMap, BTreeSet};

use arbitrary::crowded_delta;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;
use proptest::test_runner::FileFailurePersistence;
use syncline_protocol::{
    Clock, CollectionName, Delta, Digest, FieldName, HlcTime, Merged, Op, Record, RecordKey,
    ReplicaId, Stamp, Value, check_drift, hash_field,
};

const DRIFT_MS: u64 = 60_000;

fn config() -> ProptestConfig {
    let kept = FileFailurePersistence::Direct("tests/laws.proptest-regressions");
    ProptestConfig { cases: 2_000, failure_persistence: Some(Box::new(kept)), ..Default::default() }
}

proptest! {
    #![proptest_config(config())]

    /// A record is the greatest delete stamp, and per field the greatest (stamp, value).
    #[test]
    fn law_1_merge_is_a_join(
        deltas in vec(crowded_delta(), 0..14),
        order in vec(any::<(Index, Index)>(), 0..30),
        cuts in any::<[Index; 2]>(),
    ) {
        let deltas: Vec<_> = deltas.into_iter().filter(is_about_a).collect();
        let record = merge_all(&deltas);
        prop_assert_eq!(shape(&record), plain_merge(&deltas), "the law's own words");
        prop_assert_eq!(&merge_all(disorder(&deltas, &order)), &record, "any order, any repeats");

        let (a, b, c) = split(&deltas, cuts);
        let [a, b, c] = [a, b, c].map(merge_all);
        prop_assert_eq!(&join(&join(&a, &b), &c), &record, "joins are merges");
        prop_assert_eq!(&join(&a, &join(&b, &c)), &record, "join associates");
        prop_assert_eq!(join(&a, &b), join(&b, &a), "join commutes");
        prop_assert_eq!(&join(&record, &record), &record, "join repeats safely");
        prop_assert_eq!(&join(&record, &b), &record, "a part adds nothing to the whole");
    }

    /// A clock never goes back, never repeats, and follows nobody beyond the drift.
    #[test]
    fn law_2_a_stamp_never_runs_away(
        steps in vec(clock_step(), 1..60),
        start in prop_oneof![Just(0_u64), 0_u64..1 << 40],
        counter in prop_oneof![Just(0_u16), Just(u16::MAX), any::<u16>()],
    ) {
        let mut clock = Clock::starting_after(HlcTime::from_bits(start << 16 | u64::from(counter)));
        let (mut wall, mut wall_max) = (start, start);
        let mut ticks = 0;
        for step in steps {
            let before = clock.last();
            match step {
                Step::Tick(change) => {
                    wall = wall.saturating_add_signed(change);
                    let time = clock.tick(wall);
                    ticks += 1;
                    prop_assert!(time > before, "{time:?} was given or seen before");
                    prop_assert!(time.millis() >= wall, "{time:?} is behind the wall {wall}");
                    prop_assert_eq!(clock.last(), time);
                }
                Step::Observe(ahead, counter) => {
                    let millis = wall.saturating_add_signed(ahead);
                    let time = HlcTime::from_bits(millis << 16 | u64::from(counter));
                    let is_good = millis.saturating_sub(wall) <= DRIFT_MS;
                    let answer = clock.observe_within(time, wall, DRIFT_MS);
                    prop_assert_eq!(answer.is_ok(), is_good);
                    prop_assert_eq!(check_drift(time, wall, DRIFT_MS), answer);
                    let moved = if is_good { before.max(time) } else { before };
                    prop_assert_eq!(clock.last(), moved, "a refused stamp moves nobody's clock");
                    if let Err(drift) = answer {
                        prop_assert_eq!(drift.ahead_ms, millis - wall);
                    }
                }
                Step::Restart => clock = Clock::starting_after(clock.last()),
            }
            wall_max = wall_max.max(wall);
            // Ticks within one millisecond may carry, at one millisecond for every 65,536.
            let bound = HlcTime::from_millis(wall_max + DRIFT_MS + 1).to_bits() + ticks;
            prop_assert!(clock.last().to_bits() <= bound, "the clock has run away");
        }
    }

    /// Kept as records change or computed from scratch, a digest tells equal copies from others.
    #[test]
    fn law_8_copies_can_be_proved_equal(
        deltas in vec(crowded_delta(), 0..14),
        others in vec(crowded_delta(), 0..14),
        order in vec(any::<(Index, Index)>(), 0..30),
    ) {
        let mut copy = Copy::default();
        for delta in &deltas {
            copy.merge(delta);
            prop_assert_eq!(&copy.kept, &copy.digests(), "after {:?}", delta);
        }
        let mut same = Copy::default();
        disorder(&deltas, &order).iter().for_each(|delta| same.merge(delta));
        prop_assert_eq!(&same.kept, &copy.kept, "order does not matter");

        let mut other = Copy::default();
        others.iter().for_each(|delta| other.merge(delta));
        prop_assert_eq!(other.kept == copy.kept, other.visible() == copy.visible());
    }
}

#[test]
fn a_full_counter_carries_and_stamps_stay_in_order() {
    let replica = ReplicaId::from_random(1);
    let mut clock = Clock::starting_after(HlcTime::from_bits(9 << 16 | 0xfffe));
    let stamps = [(); 3].map(|()| Stamp::new(clock.tick(3), replica));
    let read = stamps.map(|stamp| (stamp.time.millis(), stamp.time.counter()));
    assert_eq!(read, [(9, 0xffff), (10, 0), (10, 1)]);
    assert!(stamps.map(Stamp::to_bytes).is_sorted());
}

/// Law 1 speaks of one record; the crowd has two.
fn is_about_a(delta: &Delta) -> bool {
    delta.change.key.as_str() == "a"
}

fn merge_all(deltas: impl AsRef<[Delta]>) -> Record {
    let mut record = Record::default();
    for delta in deltas.as_ref() {
        record.merge_delta(delta);
    }
    record
}

fn join(a: &Record, b: &Record) -> Record {
    let mut both = a.clone();
    both.join(b);
    both
}

fn split(deltas: &[Delta], cuts: [Index; 2]) -> (&[Delta], &[Delta], &[Delta]) {
    let [one, two] = cuts.map(|cut| cut.index(deltas.len() + 1));
    let (first, second) = (one.min(two), one.max(two));
    (&deltas[..first], &deltas[first..second], &deltas[second..])
}

/// The same deltas in another order, some of them several times.
fn disorder(deltas: &[Delta], order: &[(Index, Index)]) -> Vec<Delta> {
    let mut mixed = deltas.to_vec();
    for (from, to) in order.iter().filter(|_| !deltas.is_empty()) {
        mixed.insert(to.index(mixed.len() + 1), from.get(deltas).clone());
        let other = from.index(mixed.len());
        mixed.swap(0, other);
    }
    mixed
}

type Shape = (Option<Stamp>, BTreeMap<FieldName, (Stamp, Option<Value>)>);

fn shape(record: &Record) -> Shape {
    let fields = record.registers();
    let fields =
        fields.map(|(name, register)| (name.clone(), (register.stamp, register.value.clone())));
    (record.tombstone().map(|tombstone| tombstone.stamp), fields.collect())
}

/// The merge law in its own words: all deltas at once, two maxima, then what is hidden goes.
fn plain_merge(deltas: &[Delta]) -> Shape {
    let is_delete = |delta: &&Delta| matches!(delta.change.op, Op::Delete);
    let tombstone = deltas.iter().filter(is_delete).map(|delta| delta.stamp).max();
    let mut fields = BTreeMap::new();
    for delta in deltas {
        let Op::Put(put) = &delta.change.op else { continue };
        for (name, value) in put.iter() {
            let written = (delta.stamp, value.cloned());
            let greatest = fields.entry(name.clone()).or_insert_with(|| written.clone());
            *greatest = written.max(greatest.clone());
        }
    }
    fields.retain(|_, (stamp, _)| tombstone.is_none_or(|tombstone| *stamp > tombstone));
    (tombstone, fields)
}

#[derive(Debug, Clone)]
enum Step {
    /// The wall moves by so many milliseconds, forward or back, and the clock ticks.
    Tick(i64),
    /// A time so many milliseconds ahead of the wall or behind it comes from elsewhere.
    Observe(i64, u16),
    /// The process ends and starts again with what it persisted.
    Restart,
}

fn clock_step() -> impl Strategy<Value = Step> {
    let drift = i64::try_from(DRIFT_MS).expect("a minute");
    let ahead = prop_oneof![-5_i64..5, drift - 2..drift + 3, -drift..1 << 30];
    let counter = prop_oneof![Just(u16::MAX), any::<u16>()];
    prop_oneof![
        4 => prop_oneof![Just(0_i64), -5_i64..5, -100_000_i64..100_000].prop_map(Step::Tick),
        4 => (ahead, counter).prop_map(|(ahead, counter)| Step::Observe(ahead, counter)),
        1 => Just(Step::Restart),
    ]
}

/// A copy of two records whose digests are kept as they change, the way a hub keeps them.
#[derive(Default)]
struct Copy {
    records: BTreeMap<(CollectionName, RecordKey), Record>,
    kept: BTreeMap<CollectionName, Digest>,
}

impl Copy {
    fn merge(&mut self, delta: &Delta) {
        let at = (delta.change.collection.clone(), delta.change.key.clone());
        let record = self.records.entry(at).or_default();
        let merged = record.merge_delta(delta);
        let digest = self.kept.entry(delta.change.collection.clone()).or_default();
        count(digest, delta, record, &merged);
        self.kept.retain(|_, digest| digest.fields > 0);
    }

    /// All digests, from what the records show and nothing else, last record first.
    fn digests(&self) -> BTreeMap<CollectionName, Digest> {
        let mut digests: BTreeMap<_, Digest> = BTreeMap::new();
        for ((collection, key), record) in self.records.iter().rev() {
            let digest = digests.entry(collection.clone()).or_default();
            digest.add_record(collection, key, record);
        }
        digests.retain(|_, digest| digest.fields > 0);
        digests
    }

    fn visible(&self) -> BTreeSet<(CollectionName, RecordKey, FieldName, Stamp, Value)> {
        let mut all = BTreeSet::new();
        for ((collection, key), record) in &self.records {
            all.extend(record.visible().map(|(field, register, value)| {
                let (collection, key) = (collection.clone(), key.clone());
                (collection, key, field.clone(), register.stamp, value.clone())
            }));
        }
        all
    }
}

/// Counts out what a merge displaced and in what won, by its report alone.
fn count(digest: &mut Digest, delta: &Delta, record: &Record, merged: &Merged) {
    let (collection, key) = (&delta.change.collection, &delta.change.key);
    for (field, old) in &merged.displaced {
        if let Some(value) = &old.value {
            digest.remove(hash_field(collection, key, field, old.stamp, value));
        }
    }
    for field in &merged.won {
        if let Some(value) = record.get(field.as_str()) {
            digest.add(hash_field(collection, key, field, delta.stamp, value));
        }
    }
}
