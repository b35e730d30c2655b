//! A client against a hub behind a real socket: online, offline, over TLS, across restarts.

#![allow(clippy::unwrap_used, reason = "a test that is wrong should stop")]

mod hub;

use std::time::Duration;

use futures_util::StreamExt;
use hub::model::{collection, field, key};
use hub::{Certificate, TOKEN, TestHub, free_address, start, start_at};
use serde::{Deserialize, Serialize};
use syncline_client::{
    AckError, Change, Client, Code, ConnectionState, EphemeralError, Error, OpenError, Space,
    StoreError, Value, Verified,
};
use syncline_protocol::{DeviceId, HubFrame, Peer, PresenceEvent, Reject};
use tokio::time::timeout;

/// Longer than anything here takes; what hangs fails.
const PATIENCE: Duration = Duration::from_secs(60);

fn connect(hub: &TestHub) -> (Client, Space) {
    let client = Client::builder(&hub.url(), TOKEN).device_name("test").connect().unwrap();
    let space = client.space("home").unwrap();
    (client, space)
}

fn put(key_text: &str, value: u64) -> syncline_protocol::Change {
    let fields = vec![(field("f"), Some(Value::from(value)))];
    syncline_protocol::Change::put(collection("c"), key(key_text), fields).unwrap()
}

fn read(space: &Space, key: &str) -> Option<u64> {
    space.get("c", key)?.get("f")?.as_u64()
}

async fn state(client: &Client, is_wanted: impl Fn(&ConnectionState) -> bool) -> ConnectionState {
    let states = client.states().filter(|state| std::future::ready(is_wanted(state)));
    timeout(PATIENCE, Box::pin(states).next()).await.unwrap().unwrap()
}

async fn changed(
    space: &Space,
    mut changes: syncline_client::Changes,
    key: &str,
    value: Option<u64>,
) {
    let wait = async {
        while read(space, key) != value {
            changes.next().await.unwrap();
        }
    };
    timeout(PATIENCE, wait).await.unwrap();
}

#[tokio::test]
async fn writes_go_out_and_changes_come_in() {
    let hub = start().await;
    let (client, space) = connect(&hub);
    let changes = space.changes();
    let mut one = space.changes_of_record("c", "theirs").unwrap();
    timeout(PATIENCE, space.synced()).await.unwrap().unwrap();
    let write = space.put("c", "mine", [("f", Value::from(1_u64))]).unwrap();
    assert_eq!(read(&space, "mine"), Some(1));
    let ack = timeout(PATIENCE, write).await.unwrap().unwrap();
    assert_eq!(ack.sequence, 1);
    hub.write(put("theirs", 2));
    changed(&space, changes, "theirs", Some(2)).await;
    let expected = Change::Record { collection: collection("c"), key: key("theirs") };
    assert_eq!(one.next().await, Some(expected));
    assert_eq!(space.list("c").len(), 2);
    assert_eq!(space.list_prefix("c", "th").len(), 1);
    assert_eq!(space.collections(), [collection("c")]);
    assert!(space.is_synced() && space.progress().is_none());
    let verified = timeout(PATIENCE, space.verify()).await.unwrap().unwrap();
    assert_eq!(verified, Verified::Equal { sequence: 2 });
    space.delete("c", "mine").unwrap().await.unwrap();
    assert_eq!((read(&space, "mine"), client.waiting()), (None, 0));
}

#[tokio::test]
async fn typed_records_and_guards() {
    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Link {
        title: String,
        visits: u32,
    }
    let hub = start().await;
    let (_client, space) = connect(&hub);
    let link = Link { title: "a".to_owned(), visits: 1 };
    space.put_typed("links", "a", &link).unwrap().await.unwrap();
    let seen = space.get("links", "a").unwrap();
    assert_eq!(seen.to::<Link>().unwrap(), link);
    let refused = space.create("links", "a", [("title", Value::from("b"))]).unwrap().await;
    let Err(AckError::Rejected(reject)) = refused else { panic!("{refused:?}") };
    assert_eq!(reject.code, Code::GuardFailed);
    assert_eq!(space.get("links", "a").unwrap(), seen);
    space.put_if_unchanged(&seen, [("visits", Value::from(2_u64))]).unwrap().await.unwrap();
    let late = space.put_if_unchanged(&seen, [("visits", Value::from(3_u64))]).unwrap();
    assert!(matches!(late.await, Err(AckError::Rejected(_))));
    let write = space.transaction(|write| {
        write.if_equals("links", "a", "visits", Value::from(2_u64))?;
        write.drop_fields("links", "a", ["visits"])?.delete("links", "none")?;
        Ok(())
    });
    write.unwrap().await.unwrap();
    assert!(space.get("links", "a").unwrap().get("visits").is_none());
    assert!(matches!(space.transaction(|_| Ok(())), Err(Error::Write(_))));
    assert!(matches!(space.delete("bad name", "a"), Err(Error::Name(_))));
}

#[tokio::test]
async fn what_is_written_offline_survives_a_restart_and_arrives() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("client.redb");
    let address = free_address().await;
    let url = format!("ws://{address}");
    let open = || Client::builder(&url, TOKEN).store(&path).connect();
    let client = open().unwrap();
    let device = client.device();
    let space = client.space("home").unwrap();
    let mut write = space.put("c", "a", [("f", Value::from(7_u64))]).unwrap();
    timeout(PATIENCE, write.saved()).await.unwrap().unwrap();
    assert!(matches!(open(), Err(OpenError::Store(StoreError::InUse(_)))));
    let offline = state(&client, |s| matches!(s, ConnectionState::Offline { reason: Some(_), .. }));
    offline.await;
    client.close().await.unwrap();
    assert_eq!(write.acked().await, Err(AckError::Closed));
    assert!(matches!(space.delete("c", "a"), Err(Error::Closed)));
    assert_eq!(space.changes().next().await, None);

    let client = open().unwrap();
    assert_eq!((client.device(), client.waiting()), (device, 1));
    let space = client.space("home").unwrap();
    assert_eq!(read(&space, "a"), Some(7));
    let hub = start_at(address, None).await;
    client.retry_now();
    timeout(PATIENCE, space.synced()).await.unwrap().unwrap();
    space.put("c", "b", [("f", Value::from(8_u64))]).unwrap().await.unwrap();
    assert_eq!((hub.model.lock().unwrap().records.len(), client.waiting()), (2, 0));
    client.close().await.unwrap();
    drop(hub);

    let client = open().unwrap();
    assert_eq!(client.spaces().len(), 1);
    let space = client.space("home").unwrap();
    assert_eq!((read(&space, "a"), read(&space, "b"), client.waiting()), (Some(7), Some(8), 0));
}

#[tokio::test]
async fn dropping_every_handle_saves_and_frees_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("client.redb");
    let url = format!("ws://{}", free_address().await);
    let open = || Client::builder(&url, TOKEN).store(&path).connect();
    let client = open().unwrap();
    let space = client.space("home").unwrap();
    let write = space.put("c", "a", [("f", Value::from(7_u64))]).unwrap();
    drop((client, space));
    // The write's own handle keeps nothing alive, and hears of the end.
    assert_eq!(timeout(PATIENCE, write.acked()).await.unwrap(), Err(AckError::Closed));
    assert_eq!(read(&open().unwrap().space("home").unwrap(), "a"), Some(7));
}

#[tokio::test]
async fn a_hub_that_goes_and_comes_is_found_again() {
    let hub = start().await;
    let (client, space) = connect(&hub);
    let address = hub.address;
    timeout(PATIENCE, space.synced()).await.unwrap().unwrap();
    drop(hub);
    state(&client, |s| matches!(s, ConnectionState::Offline { .. })).await;
    let write = space.put("c", "a", [("f", Value::from(1_u64))]).unwrap();
    let refused = space.signal(Value::nil());
    assert_eq!(refused, Err(EphemeralError::Offline));
    let _hub = start_at(address, None).await;
    timeout(PATIENCE, write).await.unwrap().unwrap();
}

#[tokio::test]
async fn a_refused_token_waits_for_another() {
    let hub = start().await;
    let client = Client::builder(&hub.url(), "sl_bad").connect().unwrap();
    let space = client.space("home").unwrap();
    let ConnectionState::NeedsAuth(reject) =
        state(&client, |s| matches!(s, ConnectionState::NeedsAuth(_))).await
    else {
        panic!("not asked for")
    };
    assert_eq!(reject.code, Code::Unauthorized);
    client.set_token(TOKEN);
    timeout(PATIENCE, space.synced()).await.unwrap().unwrap();
    client.stop();
    assert_eq!(client.state(), ConnectionState::Stopped(None));
    client.start();
    timeout(PATIENCE, space.synced()).await.unwrap().unwrap();
}

#[tokio::test]
async fn a_stream_that_nobody_reads_is_told_to_read_anew() {
    let url = format!("ws://{}", free_address().await);
    let client = Client::builder(&url, TOKEN).memory().connect().unwrap();
    let space = client.space("home").unwrap();
    let mut changes = space.changes();
    for value in 0..1_000_u64 {
        space.put("c", "a", [("f", Value::from(value))]).unwrap();
    }
    assert_eq!(changes.next().await, Some(Change::Reread));
    assert!(matches!(changes.next().await, Some(Change::Record { .. })));
    assert_eq!(client.waiting(), 1_000);
}

#[tokio::test]
async fn many_writes_arrive_in_their_order() {
    let hub = start().await;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("client.redb");
    let client = Client::builder(&hub.url(), TOKEN).store(path).connect().unwrap();
    let space = client.space("home").unwrap();
    let mut last = None;
    for value in 0..500_u64 {
        let key = format!("k{}", value % 7);
        last = Some(space.put("c", &key, [("f", Value::from(value))]).unwrap());
    }
    timeout(PATIENCE, last.unwrap()).await.unwrap().unwrap();
    assert_eq!((read(&space, "k2"), space.list("c").len()), (Some(499), 7));
    let verified = timeout(PATIENCE, space.verify()).await.unwrap().unwrap();
    assert!(matches!(verified, Verified::Equal { .. }));
}

#[tokio::test]
async fn tls_trusts_a_pinned_key_or_a_given_root_and_nothing_else() {
    let certificate = Certificate::new(&["localhost"]);
    let hub = start_at("127.0.0.1:0".parse().unwrap(), Some(&certificate)).await;
    let port = hub.address.port();
    let open = |host: &str| Client::builder(&format!("wss://{host}:{port}"), TOKEN);
    let trusted = [
        open("127.0.0.1").pin_key(&certificate.key_hash),
        open("localhost").root_certificate(certificate.der.clone()),
    ];
    for builder in trusted {
        let client = builder.connect().unwrap();
        let space = client.space("home").unwrap();
        timeout(PATIENCE, space.synced()).await.unwrap().unwrap();
        client.close().await.unwrap();
    }
    let other = Certificate::new(&["localhost"]);
    let distrusted = [
        open("127.0.0.1").pin_key(&other.key_hash),
        open("localhost").root_certificate(other.der),
        open("127.0.0.1").root_certificate(certificate.der.clone()),
    ];
    for builder in distrusted {
        let client = builder.connect().unwrap();
        let refused =
            |s: &ConnectionState| matches!(s, ConnectionState::Offline { reason: Some(_), .. });
        let ConnectionState::Offline { reason: Some(reason), .. } = state(&client, refused).await
        else {
            panic!("not asked for")
        };
        assert!(reason.starts_with("TLS with"), "{reason}");
        client.close().await.unwrap();
    }
}

#[tokio::test]
async fn signals_and_presence_pass_by() {
    let hub = start().await;
    let (client, space) = connect(&hub);
    let (mut signals, mut presences) = (space.signals(), space.presences());
    timeout(PATIENCE, space.synced()).await.unwrap().unwrap();
    space.signal(Value::from("hello")).unwrap();
    space.show_presence(Some(Value::from("here"))).unwrap();
    let huge = Value::from("x".repeat(20_000).as_str());
    assert!(matches!(space.signal(huge), Err(EphemeralError::TooLarge { .. })));
    let from = Peer { device: DeviceId(3), name: "phone".to_owned(), principal: "ann".to_owned() };
    let name = space.name().clone();
    let value = Value::from("hi");
    hub.say(HubFrame::Signal { space: name.clone(), from: from.clone(), value: value.clone() });
    let event = PresenceEvent::Joined(None);
    hub.say(HubFrame::Presence { space: name, from: from.clone(), event: event.clone() });
    assert_eq!(timeout(PATIENCE, signals.next()).await.unwrap(), Some((from.clone(), value)));
    assert_eq!(timeout(PATIENCE, presences.next()).await.unwrap(), Some((from, event)));
    let write = space.put("c", "a", [("f", Value::nil())]).unwrap();
    client.forget("home").unwrap();
    assert_eq!(timeout(PATIENCE, write).await.unwrap(), Err(AckError::Closed));
    assert!(client.spaces().is_empty() && space.get("c", "a").is_none());
}

#[tokio::test]
async fn a_goodbye_with_a_time_is_waited_for() {
    let hub = start().await;
    let (client, space) = connect(&hub);
    timeout(PATIENCE, space.synced()).await.unwrap().unwrap();
    let reject = Reject::new(Code::GoingAway, "the hub restarts");
    hub.say(HubFrame::Goodbye { reject, retry_after_ms: Some(1) });
    let offline = |s: &ConnectionState| matches!(s, ConnectionState::Offline { .. });
    let ConnectionState::Offline { reason: Some(reason), .. } = state(&client, offline).await
    else {
        panic!("not asked for")
    };
    assert!(reason.contains("going_away"), "{reason}");
    state(&client, |s| *s == ConnectionState::Live).await;
}

#[test]
fn bad_settings_are_told_before_anything_happens() {
    let outside = Client::builder("ws://127.0.0.1:1", TOKEN).connect();
    assert!(matches!(outside, Err(OpenError::NoRuntime)));
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let _guard = runtime.enter();
    let url = Client::builder("127.0.0.1:7962", TOKEN).connect();
    assert!(matches!(url, Err(OpenError::Url(_))));
    let pin = Client::builder("ws://127.0.0.1", TOKEN).pin_key("12").connect();
    assert!(matches!(pin, Err(OpenError::Pin(_))));
    let name = Client::builder("ws://127.0.0.1", TOKEN).device_name(&"x".repeat(129)).connect();
    assert!(matches!(name, Err(OpenError::TooLong("device name", 128))));
}
