//! The first form of the interface, where the settings turn it on.

use serde_json::{Value as Json, json};

use super::{House, ROOT, User, event, now_ms, refuses, root};
use crate::asking::Answer;

const EVENTS: &str = "/simple-sync/events";

impl House {
    async fn log_in(&self, user: &str, key: &str) -> Answer {
        let body = json!({ "username": user, "password": key }).to_string();
        self.ask("POST", "/simple-sync/auth/token", &[], &body).await
    }

    async fn bearer(&self, method: &str, path: &str, bearer: &str, body: &Json) -> Answer {
        let bearer = format!("Bearer {bearer}");
        let body = if method == "GET" { String::new() } else { body.to_string() };
        self.ask(method, path, &[("Authorization", &bearer)], &body).await
    }
}

fn seed_event(uuid: &str, timestamp: u64, item: &str) -> Json {
    json!({ "uuid": uuid, "timestamp": timestamp, "userUuid": "whoever", "itemUuid": item,
        "action": "edit", "payload": "{}" })
}

#[tokio::test(flavor = "multi_thread")]
async fn apps_of_the_first_form_read_and_push() {
    let house = House::with(&[("SEED", "true")]).await;
    let bo = house.user("bo").await;
    house.rules(&[["bo", "task.*", "*", "allow"]]).await;
    refuses(&house.log_in("bo", ROOT).await, 401, "Invalid username or password", None);
    refuses(&house.log_in("bo", "x").await, 401, "Invalid username or password", None);
    refuses(&house.log_in("", "").await, 400, "Invalid request format", None);
    let token = house.log_in("bo", &bo.key).await.json()["token"].clone();
    let token = token.as_str().unwrap();
    assert_eq!(token.split('.').count(), 3);

    let second = now_ms() / 1000;
    let (first, denied) =
        (seed_event("ev-1", second - 5, "task.1"), seed_event("ev-2", second, "x"));
    let pushed = json!([first, denied]);
    let answer = house.bearer("POST", EVENTS, token, &pushed).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let of_bo = |answer: &Answer| {
        let all = answer.json().as_array().unwrap().clone();
        let own = all.into_iter().filter(|it| it["userUuid"] == "bo" && it["action"] == "edit");
        own.collect::<Vec<Json>>()
    };
    let mut expected = first.clone();
    expected["userUuid"] = json!("bo");
    assert_eq!(of_bo(&answer), [expected.clone()], "denied events are left out");
    // A repeat is found by the alias, and what is known already stays as it was.
    let mut changed = first.clone();
    changed["action"] = json!("other");
    let again = house.bearer("POST", EVENTS, token, &json!([changed])).await;
    assert_eq!((again.status, of_bo(&again)), (200, vec![expected.clone()]));
    // Under /api/v1 the Bearer value tells the form, and a key is one too.
    let v1 = house.bearer("GET", "/api/v1/events", &bo.key, &Json::Null).await;
    assert_eq!(of_bo(&v1), [expected.clone()]);
    let own = house.history(&bo).await;
    let kept = own.iter().find(|it| it["item"] == "task.1").unwrap();
    assert_ne!(kept["uuid"], "ev-1", "version 1 is told ids that it knows");
    let late = format!("{EVENTS}?fromTimestamp={}", second + 100);
    assert_eq!(house.bearer("GET", &late, token, &Json::Null).await.text(), "[]");
    let from = format!("{EVENTS}?fromTimestamp={}", second - 5);
    assert_eq!(of_bo(&house.bearer("GET", &from, token, &Json::Null).await), [expected]);
    let odd = format!("{EVENTS}?fromTimestamp=x");
    let odd = house.bearer("GET", &odd, token, &Json::Null).await;
    refuses(&odd, 400, "Invalid timestamp parameter", None);

    for (wrong, text) in [
        (seed_event("", second, "task.1"), "Missing required fields"),
        (seed_event("a", second, ""), "Missing required fields"),
        (seed_event("a", 0, "task.1"), "Invalid timestamp"),
        (seed_event("a", second + 90_000, "task.1"), "Invalid timestamp"),
    ] {
        let answer = house.bearer("POST", EVENTS, token, &json!([wrong])).await;
        refuses(&answer, 400, text, None);
    }
    let missing = house.ask("GET", EVENTS, &[], "").await;
    refuses(&missing, 401, "Authorization header required", None);
    let bad = house.bearer("GET", EVENTS, &format!("{token}x"), &Json::Null).await;
    refuses(&bad, 401, "Invalid or expired token", None);
    // A token ends with the key that it was given for.
    house.reset(&root(), "bo").await;
    let ended = house.bearer("GET", EVENTS, token, &Json::Null).await;
    refuses(&ended, 401, "Invalid or expired token", None);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_form_is_off_unless_it_is_wanted() {
    let house = House::open().await;
    refuses(&house.log_in(".root", ROOT).await, 404, "Not found", None);
    let answer = house.bearer("GET", "/api/v1/events", ROOT, &Json::Null).await;
    refuses(&answer, 401, "X-API-Key header required", None);
    let User { key } = root();
    house.pushed(&User { key }, &[event(".root", "task.1", "edit")]).await;
}
