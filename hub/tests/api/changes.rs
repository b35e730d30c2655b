//! Following a space by Server-Sent Events: from any place, filtered, and to a good end.

use futures_util::{Stream, StreamExt as _};
use serde_json::{Value as Json, json};
use std::pin::Pin;
use tokio::time::timeout;

use super::asking::{Api, PATIENCE, fields, record};

/// One event, or a comment.
#[derive(Debug, Default, Clone, PartialEq)]
struct Event {
    event: String,
    id: String,
    data: Json,
    retry: Option<u64>,
    comment: bool,
}

/// A stream of events.
struct Events {
    body: Pin<Box<dyn Stream<Item = reqwest::Result<bytes::Bytes>> + Send>>,
    text: String,
}

impl Events {
    /// The next event, or comment; none at the end.
    async fn next(&mut self) -> Option<Event> {
        loop {
            if let Some((block, rest)) = self.text.split_once("\n\n") {
                let event = parse(block);
                self.text = rest.to_owned();
                return Some(event);
            }
            let piece = timeout(PATIENCE, self.body.next()).await.expect("something comes in time");
            match piece {
                Some(piece) => self.text.push_str(std::str::from_utf8(&piece.unwrap()).unwrap()),
                None => {
                    assert!(self.text.is_empty(), "cut in the middle: {}", self.text);
                    return None;
                }
            }
        }
    }

    /// The next event that is one.
    async fn event(&mut self) -> Event {
        loop {
            let next = self.next().await.expect("an event before the end");
            if !next.comment {
                return next;
            }
        }
    }

    async fn keys(&mut self, count: usize) -> Vec<String> {
        let mut keys = Vec::new();
        while keys.len() < count {
            let event = self.event().await;
            assert_eq!(event.event, "change", "{event:?}");
            keys.push(event.data["key"].as_str().unwrap().to_owned());
        }
        keys
    }

    /// The reason for which it ends, and that it does.
    async fn goodbye(&mut self) -> Event {
        let event = self.event().await;
        assert_eq!(event.event, "goodbye", "{event:?}");
        assert_eq!(self.next().await, None);
        event
    }
}

fn parse(block: &str) -> Event {
    let mut event = Event::default();
    for line in block.lines() {
        let (name, value) = line.split_once(": ").unwrap_or((line, ""));
        match name {
            "" | ":" => event.comment = true,
            "event" => event.event = value.to_owned(),
            "id" => event.id = value.to_owned(),
            "data" => event.data = serde_json::from_str(value).unwrap(),
            "retry" => event.retry = Some(value.parse().unwrap()),
            other => panic!("{other}: {block}"),
        }
    }
    event
}

impl Api {
    async fn follow(&self, token: &str, space: &str, query: &str) -> Events {
        self.follow_after(token, space, query, None).await
    }

    async fn follow_after(
        &self,
        token: &str,
        space: &str,
        query: &str,
        last: Option<&str>,
    ) -> Events {
        let mut request = self.by(token, &format!("GET {space}/changes?{query}"));
        if let Some(last) = last {
            request = request.header("last-event-id", last);
        }
        let response = timeout(PATIENCE, request.send()).await.unwrap().unwrap();
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        assert!(response.headers().contains_key("syncline-sequence"));
        let body = Box::pin(response.bytes_stream());
        let mut events = Events { body, text: String::new() };
        let start = events.event().await;
        assert_eq!(start.event, "start", "{start:?}");
        events
    }

    async fn put(&self, token: &str, space: &str, key: &str) {
        self.ask(token, &record("PUT", space, key), fields(json!({ "n": 1 }))).await.good();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn history_comes_first_and_then_what_happens() {
    let api = Api::new().await;
    let admin = api.house.admin.clone();
    let space = &api.space(&admin, "s").await;
    api.put(&admin, space, "a").await;
    api.put(&admin, space, "b").await;
    let mut events = api.follow(&admin, space, "from=start").await;
    assert_eq!(events.keys(2).await, ["a", "b"]);
    // What an app writes by the wire comes too, in the form that `syncline tail --json` prints.
    let mut app = api.house.client().await;
    let name = syncline_protocol::SpaceName::new("s").unwrap();
    let push = app.put(&name, "c", "by an app");
    let stamp = push.deltas[0].stamp.to_string();
    app.push(push).await.unwrap();
    let event = events.event().await;
    assert_eq!(
        event.data,
        json!({
            "space": "s", "collection": "links", "key": "c", "op": "put",
            "fields": { "title": "by an app" }, "stamp": stamp, "sequence": 3,
        })
    );
    api.ask(&admin, &record("DELETE", space, "a"), None).await.good();
    assert_eq!(events.event().await.data["op"], "delete");
    drop(events);

    // Whoever was cut off goes on after the last event, whatever the address says.
    let mut again = api.follow_after(&admin, space, "from=start", Some(&event.id)).await;
    assert_eq!(again.keys(1).await, ["a"]);
    let mut from = api.follow(&admin, space, &format!("from={}", event.id)).await;
    assert_eq!(from.keys(1).await, ["a"]);
    let mut now = api.follow(&admin, space, "from=now").await;
    api.put(&admin, space, "d").await;
    assert_eq!(now.keys(1).await, ["d"]);
    api.house.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_filter_selects_and_without_following_it_ends() {
    let api = Api::new().await;
    let admin = api.house.admin.clone();
    let space = &api.space(&admin, "s").await;
    for key in ["a/1", "b/1", "a/2"] {
        api.put(&admin, space, &key.replace('/', "%2F")).await;
    }
    let other = format!("PUT {space}/collections/other/records/x");
    api.ask(&admin, &other, fields(json!({ "n": 1 }))).await.good();
    let read = async |query: &str| {
        let query = format!("from=start&follow=false&{query}");
        let mut events = api.follow(&admin, space, &query).await;
        let mut keys = Vec::new();
        loop {
            let event = events.event().await;
            if event.event == "end" {
                assert!(event.id.ends_with(":4"), "it was read to the log's end: {event:?}");
                assert_eq!(events.next().await, None);
                return keys;
            }
            keys.push(event.data["key"].as_str().unwrap().to_owned());
        }
    };
    assert_eq!(read("").await.len(), 4);
    assert_eq!(read("prefix=a/").await, ["a/1", "a/2"]);
    assert_eq!(read("collection=other").await, ["x"]);
    assert_eq!(read("collection=other,links&prefix=b").await, ["b/1"]);
    for (wrong, refusal) in [
        ("from=00000000000000ff:1", (409, "unknown_cursor")),
        ("from=yesterday", (400, "malformed")),
        ("follow=perhaps", (400, "malformed")),
        ("collection=", (422, "refused")),
        ("collection=.credentials", (422, "reserved")),
        ("collection=a,,b", (422, "refused")),
    ] {
        let route = format!("GET {space}/changes?{wrong}");
        assert_eq!(api.admin(&route, None).await.refused(), refusal, "{wrong}");
    }
    let eve = api.user("eve").await;
    let route = format!("GET {space}/changes");
    assert_eq!(api.ask(&eve, &route, None).await.refused(), (404, "unknown_space"));
    assert!(api.house.hub.sessions().is_empty(), "nobody is left behind");
    api.house.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_ends_with_the_right_to_it() {
    let api = Api::new().await;
    let (ann, bob) = (api.user("ann").await, api.user("bob").await);
    let space = &api.space(&ann, "notes/ann").await;
    let member = format!("{space}/members/bob");
    let reader = Some(json!({ "role": "reader" }));
    api.ask(&ann, &format!("PUT {member}"), reader).await.good();
    let mut withdrawn = api.follow(&bob, space, "").await;
    let sessions = api.admin("GET /sessions", None).await.json;
    assert_eq!(
        (&sessions["items"][0]["account"], &sessions["items"][0]["name"]),
        (&json!("bob"), &json!("event stream"))
    );
    api.ask(&ann, &format!("DELETE {member}"), None).await.good();
    assert_eq!(withdrawn.goodbye().await.data["code"], "unknown_space");

    let mut revoked = api.follow(&ann, space, "").await;
    let made = api.admin("POST /tokens", Some(json!({ "user": "ann" }))).await.good();
    let second = made.json["token"].as_str().unwrap().to_owned();
    api.admin(&format!("DELETE /tokens/{}", &ann[3..15]), None).await.good();
    assert_eq!(revoked.goodbye().await.data["code"], "unauthorized");

    let mut dismissed = api.follow(&second, space, "").await;
    let id = api.admin("GET /sessions", None).await.json["items"][0]["id"].clone();
    api.admin(&format!("DELETE /sessions/{id}"), None).await.good();
    assert_eq!(dismissed.goodbye().await.data["code"], "forbidden");

    let end = syncline::hub::now_ms() + 1_500;
    let order = json!({ "user": "ann", "expires_ms": end });
    let made = api.admin("POST /tokens", Some(order)).await.good();
    let mut expires = api.follow(made.json["token"].as_str().unwrap(), space, "").await;
    assert_eq!(expires.goodbye().await.data["code"], "unauthorized");

    let mut dropped = api.follow(&second, space, "").await;
    api.ask(&second, &format!("DELETE {space}"), None).await.good();
    assert_eq!(dropped.goodbye().await.data["code"], "unknown_space");
    api.house.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hub_that_drains_says_goodbye_to_its_streams() {
    let api = Api::new().await;
    let admin = api.house.admin.clone();
    let space = &api.space(&admin, "s").await;
    let mut events = api.follow(&admin, space, "").await;
    let Api { house, .. } = api;
    let (goodbye, ()) = tokio::join!(events.goodbye(), house.stop());
    assert_eq!(goodbye.data["code"], "going_away");
    assert!(goodbye.retry.is_some(), "it says when to come back");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_reader_falls_back_to_the_log_and_misses_nothing() {
    let api = Api::with(|config| config.sync.queue_bytes = 16 << 10).await;
    let admin = api.house.admin.clone();
    let space = &api.space(&admin, "s").await;
    let mut events = api.follow(&admin, space, "from=now").await;
    // Far more than the queue, the pieces and the socket hold, while nobody reads.
    let text = "x".repeat(400_000);
    let count = 60;
    for at in 0..count {
        let body = fields(json!({ "text": text }));
        api.ask(&admin, &record("PUT", space, &format!("{at:03}")), body).await.good();
    }
    let expected: Vec<String> = (0..count).map(|at| format!("{at:03}")).collect();
    assert_eq!(events.keys(count).await, expected);
    assert!(api.house.hub.metrics().slow_consumers.get() > 0, "its queue was dropped");
    api.house.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_quiet_stream_shows_that_it_lives_and_how_far_it_is() {
    let heartbeat = std::time::Duration::from_millis(200);
    let api = Api::with(|config| config.sync.heartbeat = heartbeat).await;
    let admin = api.house.admin.clone();
    let space = &api.space(&admin, "s").await;
    let mut events = api.follow(&admin, space, "prefix=none").await;
    api.put(&admin, space, "a").await;
    loop {
        let beat = events.next().await.unwrap();
        assert!(beat.comment, "{beat:?}");
        // The id moves on although nothing of the view has changed.
        if beat.id.ends_with(":1") {
            break;
        }
    }
    api.house.stop().await;
}
