//! What the wire costs: encoding and decoding of pushes and changes, merging, hashing.
//!
//! Each measures one thing that a hub or a client does for every delta. Sizes are those of a small
//! app's writes: a key of 20 bytes, three fields, about 120 bytes a delta.

use std::hint::black_box;

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use syncline_protocol::codec::{self, ChangesHeader, Limits};
use syncline_protocol::{
    Applied, Change, ClientFrame, CollectionName, Delta, Epoch, FieldName, HlcTime, HubFrame, Push,
    PushId, Record, RecordKey, ReplicaId, SpaceName, Stamp, Value, hash_field,
};

const NOW_MS: u64 = 1_760_000_000_000;

fn space() -> SpaceName {
    SpaceName::new("linkora/alice").expect("a name")
}

fn links() -> CollectionName {
    CollectionName::new("links").expect("a name")
}

fn field(name: &str) -> FieldName {
    FieldName::new(name).expect("a name")
}

fn delta(index: u64) -> Delta {
    let key = RecordKey::new(&format!("2025-10-09/{index:09}")).expect("a key");
    let fields = vec![
        (field("title"), Some(Value::from("An article about clocks"))),
        (field("url"), Some(Value::from("https://example.org/clocks"))),
        (field("read"), Some(Value::from(false))),
    ];
    let time = HlcTime::from_millis(NOW_MS + index);
    let change = Change::put(links(), key, fields).expect("good fields");
    change.stamped(Stamp::new(time, ReplicaId::from_random(7)))
}

fn applied(count: u64) -> Vec<Applied> {
    (1..=count).map(|sequence| Applied { sequence, delta: delta(sequence) }).collect()
}

fn push(count: u64) -> ClientFrame {
    ClientFrame::Push(Push {
        id: PushId { replica: ReplicaId::from_random(7), counter: 1 },
        space: space(),
        epoch: Some(Epoch(9)),
        base: 1_000,
        guards: vec![],
        deltas: (0..count).map(delta).collect(),
    })
}

fn pushes(c: &mut Criterion) {
    let limits = Limits::default();
    for count in [1, 100] {
        let frame = push(count);
        let bytes = codec::encode_client(&frame);
        let mut group = c.benchmark_group(format!("push of {count}"));
        group.throughput(Throughput::Elements(count));
        group.bench_function("encode", |b| b.iter(|| codec::encode_client(black_box(&frame))));
        group.bench_function("decode", |b| {
            b.iter(|| codec::decode_client(black_box(&bytes), &limits).expect("a good frame"));
        });
        group.finish();
    }
}

fn changes(c: &mut Criterion) {
    let deltas = applied(1_000);
    let frame = HubFrame::Changes { space: space(), before: 0, last: 1_000, more: false, deltas };
    let bytes = codec::encode_hub(&frame);
    let mut group = c.benchmark_group("changes of 1000");
    group.throughput(Throughput::Elements(1_000));
    group.bench_function("encode", |b| b.iter(|| codec::encode_hub(black_box(&frame))));
    group.bench_function("decode", |b| {
        b.iter(|| codec::decode_hub(black_box(&bytes)).expect("a good frame"));
    });
    let run = run();
    group.bench_function("header and run", |b| b.iter(|| assemble(black_box(&run))));
    group.finish();
}

/// What a log holds: each delta encoded once, when it was appended.
fn run() -> Vec<Vec<u8>> {
    let encode = |applied: Applied| {
        let mut bytes = Vec::new();
        codec::encode_applied(&mut bytes, &applied);
        bytes
    };
    applied(1_000).into_iter().map(encode).collect()
}

/// A frame out of bytes that exist already.
fn assemble(run: &[Vec<u8>]) -> Vec<u8> {
    let space = space();
    let header =
        ChangesHeader { space: &space, before: 0, last: 1_000, more: false, deltas: run.len() };
    let mut frame = header.encode();
    frame.reserve(run.iter().map(Vec::len).sum());
    run.iter().for_each(|delta| frame.extend_from_slice(delta));
    frame
}

fn merges(c: &mut Criterion) {
    let (older, newer) = (delta(1), delta(2));
    let mut record = Record::default();
    record.merge_delta(&newer);
    c.bench_function("merge into an empty record", |b| {
        b.iter_batched_ref(
            Record::default,
            |record| record.merge_delta(black_box(&newer)),
            BatchSize::SmallInput,
        );
    });
    c.bench_function("merge a newer delta", |b| {
        let mut record = Record::default();
        record.merge_delta(&older);
        b.iter_batched_ref(
            || record.clone(),
            |record| record.merge_delta(black_box(&newer)),
            BatchSize::SmallInput,
        );
    });
    c.bench_function("merge an older delta", |b| b.iter(|| record.merge_delta(black_box(&older))));
}

fn hashes(c: &mut Criterion) {
    let Delta { stamp, change } = delta(1);
    let (title, value) = (field("title"), Value::from("An article about clocks"));
    c.bench_function("hash a field", |b| {
        b.iter(|| hash_field(&change.collection, &change.key, &title, stamp, black_box(&value)));
    });
}

criterion_group!(codec_benches, pushes, changes, merges, hashes);
criterion_main!(codec_benches);
