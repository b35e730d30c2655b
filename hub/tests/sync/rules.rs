//! The seam for gateways, proved by one that numbers records: native pushes get numbers too, in the
//! same commit, and what the gateway could not bear is refused.

use super::harness::TestHub;
use super::raw::change;
use syncline::engine::{Additions, Part, Refusal, Rule, RuleView, Submission, Touched, Writes};
use syncline_protocol::{
    Change, Code, CollectionName, FieldName, Filter, Op, Record, RecordKey, Reject, SpaceName,
    Value,
};

fn name(text: &str) -> CollectionName {
    CollectionName::new(text).unwrap()
}

fn put(collection: &str, key: &RecordKey, field: &str, value: u64) -> Change {
    let field = (FieldName::new(field).unwrap(), Some(Value::from(value)));
    Change::put(name(collection), key.clone(), vec![field]).unwrap()
}

/// Gives each new record of `links` the next number, and bears no key that is `forbidden`.
fn number(view: &RuleView<'_>, changes: &[&Change], _: u64) -> Result<Additions, Refusal> {
    let counter = RecordKey::new("next").unwrap();
    let record = view.get(&name(".counters"), &counter)?;
    let mut next = record.and_then(|it| it.get("value")?.as_u64()).unwrap_or(1);
    let mut more = Vec::new();
    for change in changes.iter().filter(|it| matches!(it.op, Op::Put(_))) {
        if change.key.as_str() == "forbidden" {
            return Err(Reject::new(Code::Refused, "This key is forbidden here").into());
        }
        if view.get(&change.collection, &change.key)?.is_none() {
            more.push(put("links", &change.key, "number", next));
            next += 1;
        }
    }
    more.push(put(".counters", &counter, "value", next));
    Ok(more.into())
}

const NUMBERS: Rule = Rule {
    gateway: "numbers",
    governs: |space| space.as_str().starts_with("numbered/"),
    judge: number,
};

#[tokio::test(flavor = "multi_thread")]
async fn a_rule_numbers_records_of_native_pushes_in_the_same_commit() {
    let hub = TestHub::start(|_| {}, vec![NUMBERS]).await;
    let space = hub.space("numbered/a").await;
    let (mut ann, mut bob) = (hub.client().await, hub.client().await);
    bob.subscribe(&space, Filter::default()).await;
    for key in ["x", "y"] {
        let push = ann.put(&space, key, "1");
        ann.push(push).await.unwrap();
    }
    let again = ann.put(&space, "x", "2");
    assert_eq!(ann.push(again).await, Ok(5));
    let forbidden = ann.put(&space, "forbidden", "1");
    assert_eq!(ann.push(forbidden).await.unwrap_err().code, Code::Refused);
    let view = hub.hub.read(&hub.principal().await, &space).unwrap();
    let number = |key: &str| {
        let record = view.get(&name("links"), &RecordKey::new(key).unwrap()).unwrap();
        record.and_then(|record| record.get("number")?.as_u64())
    };
    assert_eq!((number("x"), number("y"), number("forbidden")), (Some(1), Some(2), None));
    // The counter is the hub's own: it is in no snapshot.
    let mut late = hub.client().await;
    let deltas = late.subscribe(&space, Filter::default()).await;
    assert!(deltas.iter().all(|it| it.delta.change.collection.as_str() == "links"));
    hub.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_write_to_several_spaces_is_one_or_none() {
    let hub = TestHub::plain().await;
    let (one, two) = (hub.space("one").await, hub.space("two").await);
    let part = |space: &SpaceName, key: &str| Part {
        space: space.clone(),
        base: None,
        guards: vec![],
        writes: Writes::Unstamped(vec![change(key, "1")]),
    };
    let principal = hub.principal().await;
    let both = Submission { id: None, parts: vec![part(&one, "a"), part(&two, "a")] };
    let receipt = hub.hub.apply(&principal, both).await.unwrap();
    let sequences: Vec<u64> = receipt.parts.iter().map(|part| part.0).collect();
    assert_eq!(sequences, [1, 1]);
    assert_eq!(receipt.parts[0].1.len(), 1);
    let missing = SpaceName::new("missing").unwrap();
    let half = Submission { id: None, parts: vec![part(&one, "b"), part(&missing, "b")] };
    assert_eq!(hub.hub.apply(&principal, half).await.unwrap_err().code, Code::UnknownSpace);
    assert_eq!(hub.hub.read(&principal, &one).unwrap().space().sequence, 1);
    hub.stop().await;
}

/// What the hub stamps wins over what it knows, however far ahead its stamp: an answered write
/// never loses silently.
#[tokio::test(flavor = "multi_thread")]
async fn the_hub_stamps_past_what_is_there() {
    let hub = TestHub::plain().await;
    let space = hub.space("one").await;
    let mut ann = hub.client().await;
    let mut push = ann.put(&space, "a", "ahead");
    let ahead = syncline_protocol::HlcTime::from_millis(syncline::hub::now_ms() + 50_000);
    push.deltas[0].stamp.time = ahead;
    ann.push(push).await.unwrap();
    let principal = hub.principal().await;
    let write = Submission::changes(space.clone(), vec![change("a", "answered")]);
    hub.hub.apply(&principal, write).await.unwrap();
    let view = hub.hub.read(&principal, &space).unwrap();
    let record = view.get(&name("links"), &RecordKey::new("a").unwrap()).unwrap().unwrap();
    assert_eq!(record.get("title").and_then(Value::as_str), Some("answered"));
    hub.stop().await;
}

/// Tells of each record what the push makes of it, or that it is gone.
fn tell(view: &RuleView<'_>, _: &[&Change], _: u64) -> Result<Additions, Refusal> {
    let text = |record: &Record| record.get("title").and_then(Value::as_str).map(str::to_owned);
    let tell = |one: Touched| {
        let of = |record: Option<&Record>| record.and_then(text).unwrap_or("none".to_owned());
        let told = format!("{} > {}", of(one.before.as_ref()), of(one.after.as_ref()));
        let field = (FieldName::new("told").unwrap(), Some(Value::from(told.as_str())));
        Change::put(name("told"), one.key, vec![field]).unwrap()
    };
    Ok(view.touched()?.into_iter().map(tell).collect::<Vec<_>>().into())
}

const TELLS: Rule =
    Rule { gateway: "tells", governs: |space| space.as_str().starts_with("told/"), judge: tell };

/// A write that loses to a greater stamp changes nothing, and a rule is told so.
#[tokio::test(flavor = "multi_thread")]
async fn a_rule_sees_what_becomes_of_each_record() {
    let hub = TestHub::start(|_| {}, vec![TELLS]).await;
    let space = hub.space("told/a").await;
    let (mut ann, principal) = (hub.client().await, hub.principal().await);
    let told = || {
        let view = hub.hub.read(&principal, &space).unwrap();
        let record = view.get(&name("told"), &RecordKey::new("x").unwrap()).unwrap().unwrap();
        record.get("told").and_then(Value::as_str).unwrap().to_owned()
    };
    let push = ann.put(&space, "x", "new");
    let newer = push.deltas[0].stamp.time;
    ann.push(push).await.unwrap();
    assert_eq!(told(), "none > new");
    let mut old = ann.put(&space, "x", "old");
    old.deltas[0].stamp.time = syncline_protocol::HlcTime::from_millis(newer.millis() - 1_000);
    ann.push(old).await.unwrap();
    assert_eq!(told(), "new > new");
    let write = |change| Submission::changes(space.clone(), vec![change]);
    hub.hub.apply(&principal, write(change("x", "hub"))).await.unwrap();
    assert_eq!(told(), "new > hub");
    let gone = Change::delete(name("links"), RecordKey::new("x").unwrap());
    hub.hub.apply(&principal, write(gone)).await.unwrap();
    assert_eq!(told(), "hub > none");
    hub.stop().await;
}
