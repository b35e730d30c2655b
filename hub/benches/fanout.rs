//! What fan-out costs: a batch to so many sessions of one view, and the merging of many views.
//!
//! Sizes are those of a busy app: batches of a hundred small deltas.

use std::hint::black_box;
use std::sync::Arc;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use syncline::fanout::{Fanout, Popped, Queue};
use syncline::publication::{Publication, Published};
use syncline_protocol::codec::encode_applied;
use syncline_protocol::{
    Applied, Change, CollectionName, FieldName, Filter, HlcTime, RecordKey, ReplicaId, SpaceId,
    SpaceName, Stamp, Value,
};

/// Deltas of a batch.
const DELTAS: u64 = 100;
/// A queue that never fills within a round.
const QUEUE_BYTES: usize = 64 << 20;

fn published(sequence: u64) -> Published {
    let collection = CollectionName::new("todos").expect("a name");
    let key = RecordKey::new(&format!("{}/todo-{sequence:08}", sequence % 10)).expect("a key");
    let field = |name, value: &str| (FieldName::new(name).expect("a name"), Some(value.into()));
    let done = (FieldName::new("done").expect("a name"), Some(Value::from(true)));
    let fields = vec![field("title", "water the neighbour's garden"), done];
    let change = Change::put(collection, key, fields).expect("good fields");
    let stamp = Stamp::new(HlcTime::from_millis(sequence), ReplicaId::from_random(7));
    let applied = Applied { sequence, delta: change.stamped(stamp) };
    let mut bytes = Vec::new();
    encode_applied(&mut bytes, &applied);
    Published { applied: Arc::new(applied), bytes: bytes.into() }
}

fn batch(space: &SpaceName, before: u64) -> Publication {
    let deltas: Vec<_> = (before + 1..=before + DELTAS).map(published).collect();
    Publication { space: space.clone(), id: SpaceId(1), before, last: before + DELTAS, deltas }
}

/// Hands the same batch out again and again; each session takes it from its queue.
fn measure(c: &mut Criterion, name: &str, filters: &[Filter], sessions: usize) {
    let (fanout, space) = (Fanout::default(), SpaceName::new("bench").expect("a name"));
    let feed = fanout.listen(&space, SpaceId(1), 0);
    let queues: Vec<_> = (0..sessions).map(|_| Arc::new(Queue::new(QUEUE_BYTES))).collect();
    for (session, queue) in queues.iter().enumerate() {
        let selection = filters[session % filters.len()].clone().into();
        assert!(feed.join(session as u64, (&selection, 0), queue));
    }
    let batch = [batch(&space, 0)];
    let mut group = c.benchmark_group(name);
    group.throughput(Throughput::Elements(DELTAS * sessions as u64));
    group.bench_function(format!("{sessions} sessions"), |b| {
        b.iter(|| {
            fanout.publish(black_box(&batch));
            for queue in &queues {
                while queue.pop() != Popped::Nothing {}
            }
        });
    });
    group.finish();
}

fn fan_out(c: &mut Criterion) {
    for sessions in [1, 100, 1_000] {
        measure(c, "one view", &[Filter::default()], sessions);
    }
    let narrow = |at: usize| Filter::new(Vec::new(), &format!("{at}/")).expect("a filter");
    let filters: Vec<_> = (0..10).map(narrow).collect();
    measure(c, "ten views", &filters, 1_000);
}

criterion_group!(fanout_benches, fan_out);
criterion_main!(fanout_benches);
