//! Reading: order, cursors, what is known already, who may see what, and long answers.

use std::slice::from_ref;

use serde_json::{Value as Json, json};

use super::{House, User, event, event_at, ids, now_ms, refuses, root};
use crate::asking::Answer;

impl House {
    async fn read(&self, user: &User, query: &str) -> Answer {
        self.call("GET", &format!("/events{query}"), Some(&user.key), "").await
    }

    async fn cursor(&self, user: &User) -> String {
        cursor(&self.read(user, "").await)
    }
}

fn cursor(answer: &Answer) -> String {
    answer.header("x-sync-cursor").unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_order_is_time_and_within_a_second_acceptance() {
    let house = House::open().await;
    let second = (now_ms() / 1000 - 100) * 1000;
    let at = |ms: u64| event_at(second + ms, ".root", "task.1", "edit");
    // Of one second, the later id comes first because it was accepted first.
    let (late, early, before, after) = (at(900), at(100), at(0), at(1000));
    let older = event_at(second - 1, ".root", "task.1", "edit");
    house.pushed(&root(), &[late.clone(), early.clone()]).await;
    house.pushed(&root(), &[after.clone(), before.clone()]).await;
    let history = house.pushed(&root(), from_ref(&older)).await;
    assert_eq!(history, [older, late, early, before, after]);
    assert_eq!(house.history(&root()).await, history);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cursor_reads_what_came_after_it() {
    let house = House::open().await;
    let root = root();
    let empty = house.cursor(&root).await;
    let now = now_ms();
    let (first, older) = (
        event_at(now, ".root", "task.1", "edit"),
        event_at(now - 9_000_000, ".root", "task.2", "edit"),
    );
    house.pushed(&root, from_ref(&first)).await;
    let middle = house.cursor(&root).await;
    house.pushed(&root, from_ref(&older)).await;
    let since = house.read(&root, &format!("?since={empty}")).await;
    assert_eq!(since.json(), json!([first, older]), "as they were accepted");
    let rest = house.read(&root, &format!("?since={middle}")).await;
    assert_eq!(rest.json(), json!([older]));
    let none = house.read(&root, &format!("?since={}", cursor(&rest))).await;
    assert_eq!((none.json(), cursor(&none)), (json!([]), cursor(&rest)));
    // A push with a cursor is told what came after it, itself among that.
    let third = event(".root", "task.3", "edit");
    let body = json!([third]).to_string();
    let path = format!("/events?since={middle}");
    let pushed = house.call("POST", &path, Some(&root.key), &body).await;
    assert_eq!(pushed.json(), json!([older, third]));
    let (epoch, sequence) = middle.split_once('-').unwrap();
    let beyond = format!("{epoch}-ffffff");
    let elsewhere = format!("{}-{sequence}", "0".repeat(16));
    for unknown in ["1759985518", "x", &beyond, &elsewhere] {
        let answer = house.read(&root, &format!("?since={unknown}")).await;
        refuses(&answer, 410, "Unknown cursor", None);
    }
    let path = format!("/events?since={beyond}");
    let fourth = json!([event(".root", "task.4", "edit")]).to_string();
    let answer = house.call("POST", &path, Some(&root.key), &fourth).await;
    refuses(&answer, 410, "Unknown cursor", None);
    assert_eq!(house.history(&root).await.len(), 3, "and nothing was stored");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_known_already_is_not_told_again() {
    let house = House::open().await;
    let root = root();
    house.pushed(&root, &[event(".root", "task.1", "edit")]).await;
    let first = house.read(&root, "").await;
    let tag = first.header("etag").unwrap().to_owned();
    let known = [("X-API-Key", &*root.key), ("If-None-Match", &*tag)];
    let again = house.ask("GET", "/api/v1/events", &known, "").await;
    assert_eq!((again.status, again.body.len()), (304, 0));
    assert_eq!(cursor(&again), cursor(&first));
    house.pushed(&root, &[event(".root", "task.1", "edit")]).await;
    let changed = house.ask("GET", "/api/v1/events", &known, "").await;
    assert_eq!((changed.status, changed.json().as_array().unwrap().len()), (200, 2));
    let packed = [("X-API-Key", &*root.key), ("Accept-Encoding", "gzip")];
    let packed = house.ask("GET", "/api/v1/events", &packed, "").await;
    assert_eq!(packed.header("content-encoding"), Some("gzip"));
    assert_eq!(packed.body[..2], [0x1f, 0x8b]);
}

#[tokio::test(flavor = "multi_thread")]
async fn denied_events_may_be_left_out() {
    let house = House::open().await;
    let bo = house.user("bo").await;
    house.rules(&[["bo", "task.*", "*", "allow"], ["*", "task.private.*", "*", "deny"]]).await;
    let events = [
        event("bo", "task.1", "edit"),
        event("bo", "task.private.2", "edit"),
        event("bo", ".acl", "foo"),
        event("bo", "task.3", "edit"),
        event("bo", "task.4", ".secret"),
    ];
    let skip = |events: Vec<Json>| {
        let (house, bo) = (&house, &bo);
        async move { house.post(bo, "/events?denied=skip", &json!(events)).await }
    };
    let answer = skip(events.to_vec()).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let left = [&events[1], &events[2], &events[4]].map(|it| it["uuid"].as_str().unwrap());
    assert_eq!(answer.header("x-rejected-events"), Some(&*left.join(",")));
    let history = answer.json().as_array().unwrap().clone();
    assert!(history.contains(&events[0]) && history.contains(&events[3]));
    assert!(!history.iter().any(|it| left.contains(&it["uuid"].as_str().unwrap())));
    // It is about permission alone.
    let broken = event("al", "task.1", "edit");
    let answer = skip(vec![event("bo", "task.5", "edit"), broken.clone()]).await;
    refuses(&answer, 403, "Cannot submit events for other users", Some(&broken));
    let none = skip(vec![events[1].clone()]).await;
    assert_eq!((none.status, none.json()), (200, json!(history)));
}

/// Where the settings say so, rules decide who sees what, on every way.
#[tokio::test(flavor = "multi_thread")]
async fn with_the_policy_acl_everybody_sees_what_rules_allow() {
    let house = House::with(&[("READ", "acl")]).await;
    let (al, bo) = (house.user("al").await, house.user("bo").await);
    house.rules(&[["al", "*", "write", "allow"], ["bo", "pub.*", "*", "allow"]]).await;
    let begun = house.cursor(&bo).await;
    let (public, private) = (event("al", "pub.1", "write"), event("al", "priv.1", "write"));
    let told = house.pushed(&al, &[public.clone(), private.clone()]).await;
    // One's own, and what the server wrote in one's own name.
    assert!(ids(&told).len() == 3 && told.contains(&private), "{told:?}");
    let own = house.history(&bo).await;
    let theirs: Vec<_> = own.iter().filter(|it| it["user"] != "bo").collect();
    assert_eq!(theirs, [&public]);
    assert_eq!(house.read(&bo, &format!("?since={begun}")).await.json(), json!([public]));
    let mine = event("bo", "pub.2", "write");
    let told = house.pushed(&bo, from_ref(&mine)).await;
    assert!(told.contains(&mine) && told.contains(&public) && !told.contains(&private));
    assert!(house.history(&root()).await.contains(&private));
    // An id that is taken says so, and no more.
    let mut same = event("bo", "pub.3", "write");
    same["uuid"] = private["uuid"].clone();
    same["timestamp"] = private["timestamp"].clone();
    let text = "UUID already exists with different content";
    refuses(&house.push(&bo, from_ref(&same)).await, 409, text, Some(&same));
    // A rule widens what is seen, and the next one narrows it.
    house.rules(&[["bo", "priv.*", ".read", "allow"]]).await;
    assert!(house.history(&bo).await.contains(&private));
    house.rules(&[["bo", "*", ".read", "deny"], ["bo", "priv.1", ".read", "deny"]]).await;
    let left = house.history(&bo).await;
    assert!(!left.contains(&private) && left.contains(&public) && left.contains(&mine));
}

/// One second may hold more than is held at once, and many pages are one answer.
#[tokio::test(flavor = "multi_thread")]
async fn long_histories_and_crowded_seconds_are_told_in_order() {
    let house = House::open().await;
    let second = (now_ms() / 1000 - 100) * 1000;
    let mut pushed: Vec<Json> = Vec::new();
    for round in 0..12_u64 {
        // Ids fall while acceptance goes on.
        let mut event = event_at(second + 900 - round, ".root", "big", "edit");
        event["payload"] = json!("x".repeat(1 << 19));
        pushed.push(event);
    }
    let small = (0..3000_u64).map(|at| event_at(second + 2000 + at, ".root", "small", "edit"));
    let small: Vec<Json> = small.collect();
    let before = event_at(second - 5000, ".root", "before", "edit");
    for part in pushed.chunks(6) {
        let answer = house.push(&root(), part).await;
        assert_eq!(answer.status, 200);
    }
    house.pushed(&root(), &small).await;
    let history = house.pushed(&root(), from_ref(&before)).await;
    let expected: Vec<&Json> = std::iter::once(&before).chain(&pushed).chain(&small).collect();
    assert_eq!(ids(&history).len(), expected.len());
    assert!(history.iter().eq(expected), "in another order");
    let since = house.read(&root(), "").await;
    assert_eq!(since.json().as_array().unwrap().len(), 3013);
}
