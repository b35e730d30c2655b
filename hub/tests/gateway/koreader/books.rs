//! Which position wins, what is kept of the others, and the same books for the hub's own clients.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, ChildStdout, Command, Stdio};

use serde_json::{Value as Json, json};

use super::{ALICE, DOCUMENT, House, KEY, Reader, position};

const RECORDS: &str = "/hub/v1/spaces/koreader%2Falice/collections";

impl House {
    async fn history(&self, document: &str) -> Vec<Json> {
        let path = format!("/books/{document}/history?account=alice");
        let answer = self.admin("GET", &path, None).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        answer.json()["items"].as_array().unwrap().clone()
    }

    /// `syncline tail` of Alice's space.
    fn tail(&self) -> Tail {
        let mut child = Command::new(env!("CARGO_BIN_EXE_syncline"))
            .args(["tail", "koreader/alice", "--json", "--from", "start"])
            .env("SYNCLINE_URL", format!("http://{}", self.program.address))
            .env("SYNCLINE_TOKEN", self.program.token())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let printed = BufReader::new(child.stdout.take().unwrap());
        Tail { child, printed }
    }

    async fn done(&self, method: &str, path: &str, body: Option<Json>) {
        let answer = self.admin(method, path, body).await;
        assert!((200..300).contains(&answer.status), "{method} {path}: {}", answer.text());
    }

    async fn percentage(&self, document: &str) -> f64 {
        self.pull(ALICE, document).await["percentage"].as_f64().unwrap()
    }
}

/// A command that follows a space until this value goes.
struct Tail {
    child: Child,
    printed: BufReader<ChildStdout>,
}

impl Tail {
    /// Reads on until a position of this percentage becomes the current one.
    fn until(&mut self, percentage: f64) {
        loop {
            let mut text = String::new();
            assert_ne!(self.printed.read_line(&mut text).unwrap(), 0, "the tail has ended");
            let line: Json = serde_json::from_str(&text).unwrap();
            let is_it = line["fields"]["position"]["percentage"] == percentage;
            if line["collection"] == "progress" && is_it {
                return;
            }
        }
    }
}

impl Drop for Tail {
    fn drop(&mut self) {
        // It is gone afterwards, however it ended.
        let _ = (self.child.kill(), self.child.wait());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_last_push_wins_and_none_is_lost() {
    let house = House::of_alice().await;
    house.register(Reader("bob", KEY)).await;
    for (device, percentage) in [("a", 0.5), ("b", 0.2), ("a", 0.3)] {
        house.pushed(ALICE, &position("d", device, percentage)).await;
        assert_eq!(house.percentage("d").await, percentage);
    }
    let kept: Vec<f64> =
        house.history("d").await.iter().map(|it| it["percentage"].as_f64().unwrap()).collect();
    assert_eq!(kept, [0.5, 0.2, 0.3]);
    assert_eq!(house.pull(Reader("bob", KEY), "d").await, json!({}));
    let devices = house.admin("GET", "/devices?account=alice", None).await.json();
    assert_eq!(devices["items"].as_array().unwrap().len(), 2);
    let of_b = format!("{RECORDS}/positions/records/d:id:B");
    let of_b = house.hub("GET", &of_b, None).await.json();
    assert_eq!(of_b["fields"]["position"]["percentage"], 0.2);
}

#[tokio::test(flavor = "multi_thread")]
async fn concurrent_pushes_leave_one_of_them_whole() {
    let house = House::of_alice().await;
    let bodies: Vec<Json> =
        (1..=20).map(|at| position("d", &format!("device{at}"), f64::from(at) / 20.0)).collect();
    futures_util::future::join_all(bodies.iter().map(|body| house.pushed(ALICE, body))).await;
    let found = house.pull(ALICE, "d").await;
    let is_whole = bodies.iter().any(|body| {
        ["progress", "percentage", "device", "device_id"].iter().all(|it| body[*it] == found[*it])
    });
    assert!(is_whole, "{found}");
    assert_eq!(house.history("d").await.len(), 20);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restored_position_is_what_the_next_pull_returns() {
    let house = House::of_alice().await;
    house.pushed(ALICE, &position("d", "a", 0.5)).await;
    let stray = house.pushed(ALICE, &position("d", "b", 0.01)).await;
    let entry = house.history("d").await[0]["entry"].clone();
    house.done("POST", "/books/d/restore?account=alice", Some(json!({ "entry": entry }))).await;
    let found = house.pull(ALICE, "d").await;
    assert_eq!((&found["percentage"], &found["device"]), (&json!(0.5), &json!("Syncline")));
    assert!(found["timestamp"].as_u64().unwrap() >= stray, "devices see it as newer");
    let of_other = json!({ "entry": format!("x{}", entry.as_str().unwrap()) });
    let refused = house.admin("POST", "/books/d/restore?account=alice", Some(of_other)).await;
    assert_eq!(refused.status, 422);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_furthest_stays_until_the_book_is_begun_anew() {
    let house = House::of_alice().await;
    house.pushed(ALICE, &position("d", "a", 0.5)).await;
    let furthest = ["koreader", "settings", "--account", "alice", "--policy", "furthest"];
    house.command(&furthest).await;
    house.pushed(ALICE, &position("d", "b", 0.2)).await;
    assert_eq!(house.percentage("d").await, 0.5);
    house.pushed(ALICE, &position("d", "b", 0.6)).await;
    assert_eq!(house.percentage("d").await, 0.6);
    house.command(&["koreader", "restart", "d", "--account", "alice"]).await;
    house.pushed(ALICE, &position("d", "b", 0.1)).await;
    assert_eq!(house.percentage("d").await, 0.1, "whatever comes after that counts");
    house.pushed(ALICE, &position("d", "b", 0.05)).await;
    assert_eq!(house.percentage("d").await, 0.1, "once");
    assert_eq!(house.history("d").await.len(), 5);
}

/// What `protect` means is told by the unit tests of `policy`, with times of their own; here a
/// replay is one that the hub sees within its own seconds.
#[tokio::test(flavor = "multi_thread")]
async fn a_replayed_queue_is_answered_and_kept() {
    let house = House::of_alice().await;
    house.command(&["koreader", "settings", "--account", "alice", "--protect", "true"]).await;
    for document in ["a", "b", "c"] {
        house.pushed(ALICE, &position(document, "reader", 0.1)).await;
        house.pushed(ALICE, &position(document, "phone", 0.5)).await;
    }
    for document in ["a", "b", "c"] {
        house.pushed(ALICE, &position(document, "reader", 0.2)).await;
        assert_eq!(house.history(document).await.len(), 3);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn joined_documents_are_one_book_until_they_are_split() {
    let house = House::of_alice().await;
    house.pushed(ALICE, &position("a", "kobo", 0.1)).await;
    house.pushed(ALICE, &position("b", "kindle", 0.2)).await;
    house.pushed(ALICE, &position("c", "kindle", 0.3)).await;
    let joins = |documents: Json| Some(json!({ "documents": documents }));
    house.done("POST", "/joins?account=alice", joins(json!(["a", "b"]))).await;
    house.done("POST", "/joins?account=alice", joins(json!(["c", "a"]))).await;
    house.pushed(ALICE, &position("b", "kindle", 0.4)).await;
    for document in ["a", "b", "c"] {
        let found = house.pull(ALICE, document).await;
        assert_eq!((&found["document"], &found["percentage"]), (&json!(document), &json!(0.4)));
    }
    house.done("DELETE", "/joins/b?account=alice", None).await;
    assert_eq!(house.percentage("b").await, 0.4);
    assert_eq!(house.percentage("a").await, 0.3, "the newest of those that are still joined");
    house.done("DELETE", "/joins/a?account=alice", None).await;
    assert_eq!(house.percentage("a").await, 0.1, "each has its own again");
    let unknown = house.admin("POST", "/joins?account=alice", joins(json!(["a", "x"]))).await;
    assert_eq!(unknown.status, 404);
    assert_eq!(house.admin("DELETE", "/joins/a?account=alice", None).await.status, 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn titles_are_a_persons_first_and_survive_pushes() {
    let house = House::of_alice().await;
    let mut body = position(DOCUMENT, "kobo", 0.25);
    body["metadata"] = json!({ "title": "Leaves", "filename": "leaves.epub", "odd": [1] });
    house.pushed(ALICE, &body).await;
    house.pushed(ALICE, &position(DOCUMENT, "kobo", 0.5)).await;
    let book = async || {
        let path = format!("/books/{DOCUMENT}?account=alice");
        house.admin("GET", &path, None).await.json()
    };
    assert_eq!(book().await["title"], "Leaves", "a push without metadata clears none");
    house.command(&["koreader", "title", DOCUMENT, "Leaves of Grass", "--account", "alice"]).await;
    house.pushed(ALICE, &body).await;
    assert_eq!(book().await["title"], "Leaves of Grass");
    assert_eq!(house.pull(ALICE, DOCUMENT).await.get("metadata"), None);
    let shown = house.command(&["koreader", "books", "--account", "alice"]).await;
    assert!(shown.contains("25.00 %") && shown.contains("Leaves of Grass"), "{shown}");
}

#[tokio::test(flavor = "multi_thread")]
async fn kosyncs_page_and_scripts_find_what_they_call() {
    let house = House::of_alice().await;
    let listed = house.by(ALICE, "GET", "/api/documents.all", "").await;
    assert_eq!((listed.status, listed.json()), (200, json!([])));
    house.pushed(ALICE, &position("d", "kobo", 0.25)).await;
    house.pushed(ALICE, &position("d", "kobo", 0.5)).await;
    let body = json!({ "document": "d", "pretty_name": "Walden" });
    let set = async |body: Json| {
        house.by(ALICE, "PUT", "/api/documents.update", &body.to_string()).await.status
    };
    assert_eq!(set(body).await, 204);
    assert_eq!(set(json!({ "document": "x", "pretty_name": "X" })).await, 404);
    assert_eq!(set(json!({ "pretty_name": "X" })).await, 403);
    let listed = house.by(ALICE, "GET", "/api/documents.all", "").await.json();
    let names: Vec<_> = listed[0].as_object().unwrap().keys().cloned().collect();
    assert_eq!(names.len(), 9, "{names:?}");
    assert_eq!(
        (&listed[0]["pretty_name"], &listed[0]["percentage"]),
        (&json!("Walden"), &json!(0.5))
    );
    assert_eq!(listed[0]["history"][0]["percentage"], 0.25);
    assert_eq!(listed[0]["history"].as_array().unwrap().len(), 1);
}

/// It is written in pieces: more than one a book, and several books in one.
#[tokio::test(flavor = "multi_thread")]
async fn a_long_list_is_whole_and_in_order() {
    let house = House::of_alice().await;
    let long = "p".repeat(16_000);
    for at in 0..40_u32 {
        let mut body = position("d", "kobo", f64::from(at) / 40.0);
        body["progress"] = json!(format!("{at}{long}"));
        house.pushed(ALICE, &body).await;
    }
    for document in ["e", "f", "g"] {
        house.pushed(ALICE, &position(document, "kobo", 0.5)).await;
    }
    house.done("DELETE", "/books/f?account=alice", None).await;
    let listed = house.by(ALICE, "GET", "/api/documents.all", "").await;
    assert!(listed.body.len() > 40 * 16_000);
    let listed = listed.json();
    let ids: Vec<_> = listed.as_array().unwrap().iter().map(|it| it["id"].clone()).collect();
    assert_eq!(ids, ["d", "e", "g"]);
    let history = listed[0]["history"].as_array().unwrap();
    let shares: Vec<f64> = history.iter().map(|it| it["percentage"].as_f64().unwrap()).collect();
    let expected: Vec<f64> = (0..39_u32).map(|at| f64::from(at) / 40.0).collect();
    assert_eq!(shares, expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_deleted_is_gone_with_all_that_was_kept_of_it() {
    let house = House::of_alice().await;
    house.pushed(ALICE, &position("d", "kobo", 0.25)).await;
    house.pushed(ALICE, &position("other", "kobo", 0.25)).await;
    house.done("DELETE", "/books/d?account=alice", None).await;
    assert_eq!(house.pull(ALICE, "d").await, json!({}));
    assert!(house.history("d").await.is_empty());
    assert_eq!(house.admin("GET", "/books/d?account=alice", None).await.status, 404);
    assert_eq!(house.history("other").await.len(), 1);
    house.pushed(ALICE, &position("d", "kobo", 0.75)).await;
    assert_eq!(house.history("d").await.len(), 1, "it begins anew");
}

#[tokio::test(flavor = "multi_thread")]
async fn limits_keep_the_newest_and_refuse_no_reader() {
    let house =
        House::with(&[("HISTORY_ENTRIES", "3"), ("DOCUMENTS", "2"), ("DEVICES", "1")]).await;
    house.register(ALICE).await;
    for at in 1..=5 {
        house.pushed(ALICE, &position("d", "kobo", f64::from(at) / 10.0)).await;
    }
    let kept: Vec<f64> =
        house.history("d").await.iter().map(|it| it["percentage"].as_f64().unwrap()).collect();
    assert_eq!(kept, [0.3, 0.4, 0.5]);
    house.pushed(ALICE, &position("e", "kobo", 0.1)).await;
    assert_eq!(house.push(ALICE, &position("f", "kobo", 0.1)).await.status, 403);
    house.pushed(ALICE, &position("d", "kobo", 0.6)).await;
    assert_eq!(house.push(ALICE, &position("d", "kindle", 0.1)).await.status, 403);
    house.done("DELETE", "/books/e?account=alice", None).await;
    house.pushed(ALICE, &position("f", "kobo", 0.1)).await;
}

/// A client of the hub turns pages too; what only the rule may write, it may not.
#[tokio::test(flavor = "multi_thread")]
async fn native_clients_read_and_write_the_same_books() {
    let house = House::of_alice().await;
    house.pushed(ALICE, &position("d", "kobo", 0.25)).await;
    let record = |collection: &str, key: &str| format!("{RECORDS}/{collection}/records/{key}");
    let seen = house.hub("GET", &record("progress", "d"), None).await.json();
    assert_eq!(seen["fields"]["position"]["percentage"], 0.25);
    let turned = json!({ "progress": "/p[2]", "percentage": 0.5, "device": "web", "timestamp": 1 });
    let fields = json!({ "fields": { "position": turned } });
    let put = house.hub("PATCH", &record("progress", "d"), Some(fields)).await;
    assert_eq!(put.status, 200, "{}", put.text());
    let found = house.pull(ALICE, "d").await;
    assert_eq!((&found["percentage"], &found["device"]), (&json!(0.5), &json!("web")));
    assert!(found["timestamp"].as_u64().unwrap() > 1_000_000_000, "the hub's own time");
    let history = house.history("d").await;
    assert_eq!((history.len(), &history[1]["origin"]), (2, &json!("native")));
    for (collection, fields) in [
        ("progress", json!({ "position": { "progress": "x" } })),
        ("progress", json!({ "position": 5 })),
        ("history", json!({ "position": turned })),
        ("devices", json!({ "name": "x" })),
    ] {
        let body = Some(json!({ "fields": fields }));
        let refused = house.hub("PATCH", &record(collection, "d"), body).await;
        assert_eq!(refused.status, 422, "{collection}: {}", refused.text());
    }
    let deleted = house.hub("DELETE", &record("progress", "d"), None).await;
    assert!(deleted.status < 300, "{}", deleted.text());
    assert_eq!(house.pull(ALICE, "d").await, json!({}));
    assert!(house.history("d").await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_turned_shows_at_once_to_whoever_follows() {
    let house = House::of_alice().await;
    house.pushed(ALICE, &position("d", "kobo", 0.25)).await;
    let mut tail = house.tail();
    tokio::task::block_in_place(|| tail.until(0.25));
    house.pushed(ALICE, &position("d", "kobo", 0.5)).await;
    tokio::task::block_in_place(|| tail.until(0.5));
}
