//! Pushes of clients of the hub, with stamps of their own, against the rule in a hub in memory.

use std::net::{IpAddr, Ipv4Addr};

use syncline_protocol::{Change, Code, HlcTime, Push, PushId, ReplicaId, Stamp};
use tokio::sync::oneshot;

use super::super::mapping::{delete, history_key, position_key, put, space_of, value};
use super::super::request::Keep;
use super::super::{library, wire::Metadata};
use super::*;
use crate::hub::{Hub, Principal, Realm, Receipt, Submission, Threads, now_ms};

type Answer = Result<Receipt, syncline_protocol::Reject>;

/// Alice's space.
struct House {
    hub: Hub,
    admin: Principal,
    threads: Option<Threads>,
}

impl Drop for House {
    fn drop(&mut self) {
        if let Some(threads) = self.threads.take() {
            threads.stop();
        }
    }
}

impl House {
    async fn open() -> Self {
        let (hub, threads) = Hub::in_memory(vec![RULE]);
        let token = hub.bootstrap().await.unwrap().expect("a new store has no account").0.reveal();
        let here = IpAddr::V4(Ipv4Addr::LOCALHOST);
        let admin = hub.authenticate(Realm::Token, "", &token, here).await.unwrap();
        hub.create_space(&admin, space(), "admin").await.unwrap();
        Self { hub, admin, threads: Some(threads) }
    }

    /// A push of a replica that wrote at a time.
    async fn stamped(&self, ms: u64, changes: Vec<Change>) -> Answer {
        let replica = ReplicaId::from_random(7);
        let stamp = Stamp::new(HlcTime::from_millis(ms), replica);
        let deltas = changes.into_iter().map(|change| change.stamped(stamp)).collect();
        let id = PushId { replica, counter: crate::hub::random_u64() >> 12 };
        let push = Push { id, space: space(), epoch: None, base: 0, guards: Vec::new(), deltas };
        let (room, (send, receive)) = (self.hub.room(100).await?, oneshot::channel());
        self.hub.push((&self.admin, 0), push, room, |answer| drop(send.send(answer)));
        receive.await.expect("every push is answered")
    }

    async fn unstamped(&self, changes: Vec<Change>) -> Answer {
        self.hub.apply(&self.admin, Submission::changes(space(), changes)).await
    }

    async fn push(&self, percentage: f64, keep: Keep) {
        let request = Request::push(position(percentage, 0), Metadata::new(), keep);
        self.unstamped(vec![request.into_change("d").unwrap()]).await.unwrap();
    }

    fn get(&self, collection: &str, key: &str) -> Option<Record> {
        let view = self.hub.read(&self.admin, &space()).unwrap();
        library::get(&view, collection, key).unwrap()
    }

    fn percentage(&self) -> Option<f64> {
        let record = self.get(collection::PROGRESS, "d")?;
        Some(field::<Position>(&record, "position")?.percentage)
    }

    fn entries(&self) -> usize {
        let view = self.hub.read(&self.admin, &space()).unwrap();
        library::history(&view, "d", usize::MAX).unwrap().len()
    }
}

fn space() -> SpaceName {
    space_of("alice").unwrap()
}

fn position(percentage: f64, timestamp: u64) -> Position {
    let (progress, device) = (format!("/p[{percentage}]"), "kobo".to_owned());
    Position { progress, percentage, device, device_id: None, timestamp }
}

fn holding(collection: &str, key: &str, position: &Position) -> Change {
    put(collection, key, &[("position", Some(value(position).unwrap()))]).unwrap()
}

fn turned(percentage: f64) -> Change {
    holding(collection::PROGRESS, "d", &position(percentage, 0))
}

fn is_refused(answer: &Answer) -> bool {
    answer.as_ref().is_err_and(|reject| reject.code == Code::Refused)
}

#[tokio::test(flavor = "multi_thread")]
async fn what_loses_to_a_later_write_deletes_and_turns_nothing() {
    let house = House::open().await;
    house.push(0.5, Keep::default()).await;
    house.push(0.6, Keep::default()).await;
    let long_ago = now_ms() - 3_600_000;
    let gone = delete(collection::PROGRESS, "d").unwrap();
    house.stamped(long_ago, vec![gone.clone()]).await.unwrap();
    assert_eq!((house.percentage(), house.entries()), (Some(0.6), 2), "a stale delete");
    house.stamped(long_ago + 1, vec![turned(0.1)]).await.unwrap();
    assert_eq!((house.percentage(), house.entries()), (Some(0.6), 2), "a stale position");
    house.stamped(now_ms() + 1_000, vec![turned(0.7)]).await.unwrap();
    assert_eq!((house.percentage(), house.entries()), (Some(0.7), 3), "a page turned now");
    house.stamped(now_ms() + 2_000, vec![gone]).await.unwrap();
    assert_eq!((house.percentage(), house.entries()), (None, 0), "a delete now");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_gives_back_what_a_restored_backup_has_lost() {
    let house = House::open().await;
    house.push(0.5, Keep::default()).await;
    let now_s = now_ms() / 1000;
    let lost = Position { device: "kindle".to_owned(), ..position(0.7, now_s) };
    let entry = history_key("d", &lost, 7);
    let last = position_key("d", &lost.device_key());
    let device = [("name", Some(Value::from("kindle"))), ("seen_s", Some(now_s.into()))];
    let given = vec![
        holding(collection::PROGRESS, "d", &lost),
        holding(collection::HISTORY, &entry, &lost),
        holding(collection::POSITIONS, &last, &lost),
        put(collection::DEVICES, "name:kindle", &device).unwrap(),
    ];
    house.stamped(now_ms() + 1_000, given.clone()).await.unwrap();
    assert_eq!(house.percentage(), Some(0.7));
    for (collection, key) in [
        (collection::HISTORY, &*entry),
        (collection::POSITIONS, &last),
        (collection::DEVICES, "name:kindle"),
    ] {
        assert!(house.get(collection, key).is_some(), "{collection} was lost");
    }
    for change in given.into_iter().skip(1) {
        assert!(is_refused(&house.unstamped(vec![change]).await), "no restore has no stamps");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_only_the_rule_writes_stays_as_it_is() {
    let house = House::open().await;
    house.push(0.5, Keep::default()).await;
    let here = field::<Position>(&house.get(collection::PROGRESS, "d").unwrap(), "position");
    let last = position_key("d", "name:kobo");
    let far = position(0.9, u64::MAX);
    let forged = vec![
        holding(collection::HISTORY, "d:5-x", &position(0.9, 5)),
        holding(collection::HISTORY, &history_key("d", &far, 0), &far),
        holding(collection::POSITIONS, &last, &position(0.9, 5)),
        put(collection::DEVICES, "name:x", &[("seen_s", Some(5_u64.into()))]).unwrap(),
    ];
    house.stamped(now_ms() + 1_000, forged).await.unwrap();
    assert_eq!(house.entries(), 1);
    let record = house.get(collection::POSITIONS, &last).unwrap();
    assert_eq!(field::<Position>(&record, "position"), here);
    assert_eq!(house.get(collection::DEVICES, "name:x"), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_turned_keeps_as_much_as_the_gateway_last_said() {
    let house = House::open().await;
    for at in 0..3_u32 {
        house.unstamped(vec![turned(f64::from(at) / 10.0)]).await.unwrap();
    }
    house.push(0.5, Keep { entries: 4, ..Keep::default() }).await;
    for at in 6..9_u32 {
        house.unstamped(vec![turned(f64::from(at) / 10.0)]).await.unwrap();
    }
    assert_eq!(house.entries(), 4);
    house.push(0.95, Keep { entries: 2000, ..Keep::default() }).await;
    // More than any default ever was.
    let many: Vec<Change> = (0..1100_u64)
        .map(|at| {
            let keep = Keep { entries: 2000, ..Keep::default() };
            Request::import(position(0.1, at), keep).into_change("d").unwrap()
        })
        .collect();
    for some in many.chunks(500) {
        house.unstamped(some.to_vec()).await.unwrap();
    }
    house.unstamped(vec![turned(0.99)]).await.unwrap();
    assert_eq!(house.entries(), 4 + 1 + 1100 + 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_joined_and_where_somebody_reads_keeps_within_limits() {
    let house = House::open().await;
    house.push(0.5, Keep::default()).await;
    let joined = |books: &[&str]| {
        put(collection::JOINS, "d", &[("books", Some(value(books).unwrap()))]).unwrap()
    };
    let many: Vec<String> = (0..16).map(|at| at.to_string()).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).chain(["d"]).collect();
    for books in [&[][..], &["d", ""], &["d", "a:b"], &["a", "b"], &many] {
        assert!(is_refused(&house.unstamped(vec![joined(books)]).await), "{books:?}");
        assert!(is_refused(&house.stamped(now_ms(), vec![joined(books)]).await), "{books:?}");
    }
    let none = put(collection::JOINS, "d", &[("books", Some(5_u64.into()))]).unwrap();
    assert!(is_refused(&house.unstamped(vec![none]).await));
    house.unstamped(vec![joined(&many[1..])]).await.unwrap();
    let long = Position { progress: "p".repeat(16 * 1024 + 1), ..position(0.5, 0) };
    let long = holding(collection::PROGRESS, "d", &long);
    assert!(is_refused(&house.unstamped(vec![long]).await));
}

/// The oldest goes however much was removed from before it, and never the newest.
#[tokio::test(flavor = "multi_thread")]
async fn a_long_history_ends_with_the_newest() {
    let house = House::open().await;
    for at in 1..=200 {
        let request = Request::import(position(0.5, at), Keep { entries: 4, ..Keep::default() });
        house.unstamped(vec![request.into_change("d").unwrap()]).await.unwrap();
    }
    let view = house.hub.read(&house.admin, &space()).unwrap();
    let kept = library::history(&view, "d", usize::MAX).unwrap();
    let times: Vec<u64> = kept.into_iter().map(|entry| entry.position.timestamp).collect();
    assert_eq!(times, [197, 198, 199, 200]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_device_too_many_is_refused_and_those_that_are_known_go_on() {
    let house = House::open().await;
    let push = async |device: &str, percentage: f64| {
        let position = Position { device: device.to_owned(), ..position(percentage, 0) };
        let keep = Keep { devices: 2, ..Keep::default() };
        let request = Request::push(position, Metadata::new(), keep);
        house.unstamped(vec![request.into_change("d").unwrap()]).await
    };
    for (device, percentage) in [("kobo", 0.1), ("kindle", 0.2), ("kobo", 0.3)] {
        push(device, percentage).await.unwrap();
    }
    assert_eq!(push("phone", 0.4).await.unwrap_err().code, Code::QuotaExceeded);
    assert_eq!(house.entries(), 3, "nothing of it was kept");
    let device = [("name", Some(Value::from("x"))), ("seen_s", Some(5_u64.into()))];
    let given = put(collection::DEVICES, "name:x", &device).unwrap();
    house.stamped(now_ms() + 1_000, vec![given.clone()]).await.unwrap();
    assert_eq!(house.get(collection::DEVICES, "name:x"), None, "nor does a copy bring one");
    house.unstamped(vec![delete(collection::DEVICES, "name:kindle").unwrap()]).await.unwrap();
    push("phone", 0.5).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_book_is_begun_anew_in_all_its_documents_and_once() {
    let house = House::open().await;
    let furthest = put(collection::SETTINGS, "account", &[("policy", Some("furthest".into()))]);
    house.unstamped(vec![furthest.unwrap()]).await.unwrap();
    let push = async |document: &str, percentage: f64| {
        let request = Request::push(position(percentage, 0), Metadata::new(), Keep::default());
        house.unstamped(vec![request.into_change(document).unwrap()]).await.unwrap();
    };
    let current = |document: &str| {
        let record = house.get(collection::PROGRESS, document).unwrap();
        let is_free = record.get("free").and_then(Value::as_bool).unwrap_or(false);
        (field::<Position>(&record, "position").unwrap().percentage, is_free)
    };
    push("d", 0.9).await;
    push("e", 0.95).await;
    let books = Some(value(&["d", "e"]).unwrap());
    for document in ["d", "e"] {
        let joined = put(collection::JOINS, document, &[("books", books.clone())]);
        house.unstamped(vec![joined.unwrap()]).await.unwrap();
    }
    push("e", 0.1).await;
    assert_eq!(current("e"), (0.95, false));
    let anew = put(collection::PROGRESS, "d", &[("free", Some(true.into()))]).unwrap();
    house.stamped(now_ms() + 1_000, vec![anew]).await.unwrap();
    assert_eq!((current("d"), current("e")), ((0.9, true), (0.95, true)));
    push("e", 0.1).await;
    assert_eq!((current("d"), current("e")), ((0.9, false), (0.1, false)));
    let view = house.hub.read(&house.admin, &space()).unwrap();
    assert_eq!(library::position(&view, "d").unwrap().unwrap().percentage, 0.1);
    push("d", 0.05).await;
    assert_eq!(current("d"), (0.9, false), "it counts once");
}

/// What was read here is not replaced by what another server says of the same second; and of what
/// other servers say, the same is kept in whatever order it comes.
#[tokio::test(flavor = "multi_thread")]
async fn events_of_one_second_end_the_same_in_any_order() {
    let said = |document: &'static str, percentage, device: &str| {
        let position = Position { device: device.to_owned(), ..position(percentage, 1_000) };
        (document, Request::import(position, Keep::default()))
    };
    let events = [
        said("d", 0.2, "kobo"),
        said("d", 0.4, "kobo"),
        said("d", 0.3, "kindle"),
        said("e", 0.1, "kobo"),
    ];
    let mut ends = Vec::new();
    for order in [[0, 1, 2, 3], [3, 2, 1, 0], [1, 3, 0, 2], [2, 0, 3, 1]] {
        for together in [true, false] {
            let house = House::open().await;
            let changes = order.map(|at| {
                let (document, request) = &events[at];
                request.clone().into_change(document).unwrap()
            });
            for some in changes.chunks(if together { 4 } else { 1 }) {
                house.unstamped(some.to_vec()).await.unwrap();
            }
            let device = house.get(collection::DEVICES, "name:kobo").unwrap();
            let last = house.get(collection::POSITIONS, &position_key("d", "name:kobo")).unwrap();
            let last: Position = field(&last, "position").unwrap();
            let document = device.get("document").and_then(Value::as_str).map(str::to_owned);
            ends.push((house.percentage(), last.percentage, document, house.entries()));
        }
    }
    assert!(ends.iter().all(|end| *end == ends[0]), "{ends:?}");
    assert_eq!(ends[0], (Some(0.4), 0.4, Some("e".to_owned()), 3));
    let house = House::open().await;
    house.push(0.3, Keep::default()).await;
    let here: Position = field(&house.get(collection::PROGRESS, "d").unwrap(), "position").unwrap();
    let again = Position { timestamp: here.timestamp, ..position(0.9, 0) };
    let again = Request::import(again, Keep::default()).into_change("d").unwrap();
    house.unstamped(vec![again]).await.unwrap();
    let last = house.get(collection::POSITIONS, &position_key("d", "name:kobo")).unwrap();
    assert_eq!((house.percentage(), house.entries()), (Some(0.3), 2));
    assert_eq!(field::<Position>(&last, "position"), Some(here));
}
