//! Live: sessions of the hub's own wire with an app's key, and event streams.

use std::slice::from_ref;

use std::time::Duration;

use serde_json::{Value as Json, json};
use syncline_protocol::{
    Change, ClientFrame, Code, CollectionName, Delta, FieldName, Filter, HubFrame, RecordKey,
    Reject, SpaceName, Start, Value,
};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, Lines};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::{House, User, event, event_at, ids, now_ms, root};
use crate::raw::RawClient;

const PATIENCE: Duration = Duration::from_secs(60);

fn space() -> SpaceName {
    SpaceName::new("simple-sync/events").unwrap()
}

fn key_of(event: &Json) -> String {
    let text = |member: &str| event[member].as_str().unwrap();
    format!("{}|{}|{}", text("uuid"), text("user"), text("item"))
}

fn value_of(event: &Json) -> Value {
    Value::new(rmp_serde::to_vec(event).unwrap()).unwrap()
}

/// The write that pushes an event natively.
fn write(event: &Json) -> Change {
    let field = (FieldName::new("event").unwrap(), Some(value_of(event)));
    let key = RecordKey::new(&key_of(event)).unwrap();
    Change::put(CollectionName::new("events").unwrap(), key, vec![field]).unwrap()
}

async fn push(client: &mut RawClient, changes: Vec<Change>) -> Result<u64, Reject> {
    let deltas =
        changes.into_iter().map(|change| Delta { stamp: client.stamp(), change }).collect();
    let push = client.push_of(&space(), deltas);
    client.push(push).await
}

/// Waits until a session is told of a key, or of its withdrawal.
async fn hears(client: &mut RawClient, key: &str) -> bool {
    loop {
        match client.next().await {
            HubFrame::Changes { deltas, .. }
                if deltas.iter().any(|it| it.delta.change.key.as_str() == key) =>
            {
                return true;
            }
            HubFrame::Withdraw { keys, .. } if keys.iter().any(|it| it.as_str() == key) => {
                return false;
            }
            _ => {}
        }
    }
}

impl House {
    async fn session(&self, user: &User) -> RawClient {
        RawClient::connect(self.program.address, &user.key).await.unwrap()
    }

    async fn stream(&self, user: &User, query: &str) -> Ears {
        let stream = TcpStream::connect(self.program.address).await.unwrap();
        let (read, mut write) = tokio::io::split(stream);
        let request = format!(
            "GET /api/v1/events/stream{query} HTTP/1.1\r\nHost: hub\r\nX-API-Key: {}\r\n\r\n",
            user.key
        );
        write.write_all(request.as_bytes()).await.unwrap();
        let mut ears = Ears { lines: BufReader::new(read).lines(), _write: write };
        assert_eq!(ears.line().await.unwrap(), "HTTP/1.1 200 OK");
        ears
    }
}

/// A reader of an event stream.
struct Ears {
    lines: Lines<BufReader<tokio::io::ReadHalf<TcpStream>>>,
    _write: tokio::io::WriteHalf<TcpStream>,
}

impl Ears {
    async fn line(&mut self) -> Option<String> {
        timeout(PATIENCE, self.lines.next_line()).await.expect("it says something").unwrap()
    }

    /// The value of the next line of this name.
    async fn next(&mut self, name: &str) -> String {
        loop {
            let line = self.line().await.expect("the stream goes on");
            if let Some(value) = line.strip_prefix(name) {
                return value.trim().to_owned();
            }
        }
    }

    async fn event(&mut self) -> Json {
        serde_json::from_str(&self.next("data:").await).unwrap()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn sessions_see_events_and_push_them() {
    let house = House::open().await;
    let bo = house.user("bo").await;
    house.rules(&[["bo", "task.*", "*", "allow"]]).await;
    let mut session = house.session(&bo).await;
    let records = session.subscribe(&space(), Filter::default()).await;
    assert_eq!(records.len(), house.history(&bo).await.len());
    let pushed = event("bo", "task.1", "edit");
    house.pushed(&bo, from_ref(&pushed)).await;
    let applied = session.hears_of(&key_of(&pushed)).await;
    let syncline_protocol::Op::Put(fields) = &applied.delta.change.op else { panic!("a put") };
    let told = fields.iter().find(|(name, _)| name.as_str() == "event").unwrap().1.unwrap();
    let told: Json = rmp_serde::from_slice(told.as_bytes()).unwrap();
    assert_eq!(told, pushed);
    // The other way round.
    let native = event("bo", "task.2", "edit");
    push(&mut session, vec![write(&native)]).await.unwrap();
    let history = house.history(&bo).await;
    assert_eq!(history.last(), Some(&native));
    assert_eq!(house.pushed(&bo, from_ref(&native)).await, history);
}

#[tokio::test(flavor = "multi_thread")]
async fn native_pushes_pass_the_same_phases() {
    let house = House::open().await;
    let bo = house.user("bo").await;
    house.rules(&[["bo", "task.*", "*", "allow"]]).await;
    let stored = event("bo", "task.0", "edit");
    house.pushed(&bo, from_ref(&stored)).await;
    let mut session = house.session(&bo).await;
    let with = |member: &str, value: Json| {
        let mut event = event("bo", "task.1", "edit");
        event[member] = value;
        event
    };
    let mut taken = stored.clone();
    taken["item"] = json!("task.9");
    let mut changed = stored.clone();
    changed["action"] = json!("other");
    let table = [
        (
            event("bo", ".acl", ".acl.addRule"),
            Code::Refused,
            "ACL events must be submitted via dedicated /api/v1/acl endpoint",
        ),
        (with("timestamp", json!(7)), Code::Refused, "invalid timestamp"),
        (event("al", "task.1", "edit"), Code::Forbidden, "Cannot submit events for other users"),
        (taken, Code::Exists, "UUID already exists with different content"),
        (changed, Code::Exists, "UUID already exists with different content"),
        (event("bo", "other", "edit"), Code::Forbidden, "Insufficient permissions"),
        (
            event("bo", "task.1", ".secret"),
            Code::Forbidden,
            "Cannot add internal events through this endpoint",
        ),
        (event("bo", "task.1", ".user.create"), Code::Refused, "invalid user id"),
    ];
    for (bad, code, text) in table {
        let good = event("bo", "task.5", "edit");
        let reject = push(&mut session, vec![write(&good), write(&bad)]).await.unwrap_err();
        assert_eq!((reject.code, &*reject.text, reject.index), (code, text, Some(1)), "{bad}");
    }
    // What is no event, or not as the hub keeps it.
    let collection = |name: &str| CollectionName::new(name).unwrap();
    let key = RecordKey::new(&key_of(&stored)).unwrap();
    let field = |name: &str| (FieldName::new(name).unwrap(), Some(Value::from(1_u64)));
    let mut misplaced = write(&event("bo", "task.1", "edit"));
    misplaced.key = RecordKey::new("elsewhere").unwrap();
    let others = [
        Change::delete(collection("events"), key.clone()),
        Change::put(collection("events"), key.clone(), vec![field("event")]).unwrap(),
        Change::put(collection("events"), key.clone(), vec![field("server")]).unwrap(),
        Change::put(collection("items"), key.clone(), vec![field("x")]).unwrap(),
        misplaced,
    ];
    for other in others {
        let reject = push(&mut session, vec![other]).await.unwrap_err();
        assert_eq!(reject.code, Code::Refused, "{reject}");
    }
    assert_eq!(house.history(&bo).await.last(), Some(&stored));
    // A user who is made natively is a user.
    let mut root = house.session(&root()).await;
    push(&mut root, vec![write(&event(".root", ".user.cy", ".user.create"))]).await.unwrap();
    assert!(!house.key_of("cy").await.key.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn sessions_end_before_the_reset_is_answered() {
    let house = House::open().await;
    let bo = house.user("bo").await;
    let mut session = house.session(&bo).await;
    session.subscribe(&space(), Filter::default()).await;
    let mut ears = house.stream(&bo, "").await;
    assert_eq!(house.reset(&root(), "bo").await.status, 200);
    let bearer = format!("Bearer {}", house.program.token());
    let open = house.ask("GET", "/hub/v1/sessions", &[("Authorization", &bearer)], "").await;
    assert!(open.status == 200 && !open.text().contains("events/bo"), "{}", open.text());
    let (reject, close) = session.ending().await;
    assert_eq!((reject.code, close), (Code::Unauthorized, 4401));
    assert_eq!(ears.next("event:").await, "goodbye");
    assert_eq!(ears.event().await, json!({ "error": "Invalid API key" }));
    let refused = RawClient::connect(house.program.address, &bo.key).await;
    assert_eq!(refused.err().unwrap().code, Code::Unauthorized);
}

#[tokio::test(flavor = "multi_thread")]
async fn with_the_policy_acl_sessions_see_what_rules_allow() {
    let house = House::with(&[("READ", "acl")]).await;
    let (al, bo) = (house.user("al").await, house.user("bo").await);
    house.rules(&[["al", "*", "write", "allow"], ["bo", "pub.*", ".read", "allow"]]).await;
    let private = event("al", "priv.1", "write");
    house.pushed(&al, from_ref(&private)).await;
    let mut session = house.session(&bo).await;
    let mut ears = house.stream(&bo, "").await;
    let records = session.subscribe(&space(), Filter::default()).await;
    let theirs = |key: &str| !key.contains("|bo|");
    assert!(!records.iter().any(|it| theirs(it.delta.change.key.as_str())), "{records:?}");
    let (hidden, shown) = (event("al", "priv.2", "write"), event("al", "pub.1", "write"));
    house.pushed(&al, &[hidden.clone(), shown.clone()]).await;
    // Had the hidden one been told, it would have been told before.
    loop {
        let HubFrame::Changes { deltas, .. } = session.next().await else { continue };
        assert!(!deltas.iter().any(|it| it.delta.change.key.as_str() == key_of(&hidden)));
        if deltas.iter().any(|it| it.delta.change.key.as_str() == key_of(&shown)) {
            break;
        }
    }
    assert_eq!(ears.event().await, shown);
    // Rules widen and narrow what is there.
    house.rules(&[["bo", "priv.*", ".read", "allow"]]).await;
    assert!(hears(&mut session, &key_of(&private)).await);
    assert_eq!(ears.next("event:").await, "reread");
    house.rules(&[["bo", "priv.*", ".read", "deny"]]).await;
    assert!(!hears(&mut session, &key_of(&private)).await);
    let after = event("al", "pub.2", "write");
    house.pushed(&al, &[event("al", "priv.3", "write"), after.clone()]).await;
    loop {
        let data = ears.event().await;
        if data == after {
            break;
        }
        assert_eq!(data, json!({}), "a notice to read again");
    }
    // Under another key a log is followed by the same rules.
    let start = Start::Follow { epoch: None, after: Some(0) };
    let subscribe = ClientFrame::Subscribe { space: space(), filter: Filter::default(), start };
    let mut follower = house.session(&bo).await;
    follower.send(&subscribe).await;
    let mut keys = Vec::new();
    while !keys.contains(&key_of(&after)) {
        let HubFrame::Changes { deltas, .. } = follower.next().await else { continue };
        keys.extend(deltas.iter().map(|it| it.delta.change.key.as_str().to_owned()));
    }
    assert!(!keys.iter().any(|key| key.contains("|priv.")), "{keys:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_goes_on_where_it_was_cut() {
    let house = House::open().await;
    let root = root();
    let begun = house.call("GET", "/events", Some(&root.key), "").await;
    let begun = begun.header("x-sync-cursor").unwrap().to_owned();
    let old = event_at(now_ms() - 9_000_000, ".root", "task.1", "edit");
    house.pushed(&root, &[event(".root", "task.0", "edit"), old.clone()]).await;
    let mut ears = house.stream(&root, &format!("?since={begun}")).await;
    assert_eq!(ears.event().await["item"], "task.0");
    let first = ears.next("id:").await;
    assert_eq!(ears.event().await, old);
    let live = event(".root", "task.2", "edit");
    house.pushed(&root, from_ref(&live)).await;
    let cursor = loop {
        let id = ears.next("id:").await;
        let line = ears.line().await.unwrap();
        if let Some(data) = line.strip_prefix("data:") {
            assert_eq!(serde_json::from_str::<Json>(data).unwrap(), live);
            break id;
        }
    };
    drop(ears);
    let missed = event(".root", "task.3", "edit");
    house.pushed(&root, from_ref(&missed)).await;
    let mut ears = house.stream(&root, &format!("?since={cursor}")).await;
    assert_eq!(ears.event().await, missed);
    // What a stream tells is what a read tells.
    let read = house.call("GET", &format!("/events?since={first}"), Some(&root.key), "").await;
    let read = read.json().as_array().unwrap().clone();
    assert_eq!(ids(&read), ids(&[live, missed]));
    let unknown = house.call("GET", "/events/stream?since=x", Some(&root.key), "").await;
    super::refuses(&unknown, 410, "Unknown cursor", None);
}
