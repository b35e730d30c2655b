//! What events add up to, where the settings name the actions that do.

use std::slice::from_ref;

use serde_json::{Value as Json, json};

use super::{House, ROOT, event, event_at, now_ms, root};

impl House {
    /// A document, as the hub's own API shows it to `.root`.
    async fn document(&self, item: &str) -> Option<Json> {
        let path = format!("/hub/v1/spaces/simple-sync%2Fevents/collections/items/records/{item}");
        let bearer = format!("Bearer {ROOT}");
        let answer = self.ask("GET", &path, &[("Authorization", &bearer)], "").await;
        match answer.status {
            404 => None,
            _ => Some(answer.json()["fields"].clone()),
        }
    }
}

fn set(ms: u64, action: &str, fields: &Json) -> Json {
    let mut event = event_at(ms, ".root", "task.1", action);
    event["payload"] = json!(fields.to_string());
    event
}

#[tokio::test(flavor = "multi_thread")]
async fn the_newest_event_of_each_field_wins_however_late_it_comes() {
    let house =
        House::with(&[("SET_ACTIONS", "create,update"), ("DELETE_ACTIONS", "delete")]).await;
    let (now, root) = (now_ms(), root());
    let shows = |fields: Json| {
        let house = &house;
        async move { assert_eq!(house.document("task.1").await, Some(fields)) }
    };
    house.pushed(&root, &[set(now - 5000, "create", &json!({ "title": "Milk", "n": 1 }))]).await;
    shows(json!({ "title": "Milk", "n": 1 })).await;
    // One push, and what is older than what is there already.
    let events = [
        set(now - 3000, "update", &json!({ "title": "Bread" })),
        set(now - 4000, "update", &json!({ "title": "Eggs", "n": { "of": [2] } })),
        set(now - 2000, "comment", &json!({ "title": "no" })),
    ];
    house.pushed(&root, &events).await;
    shows(json!({ "title": "Bread", "n": { "of": [2] } })).await;
    // A delete ends what was set before it, and nothing else.
    house.pushed(&root, &[event_at(now - 3500, ".root", "task.1", "delete")]).await;
    shows(json!({ "title": "Bread" })).await;
    house.pushed(&root, &[set(now - 3600, "update", &json!({ "n": 3 }))]).await;
    shows(json!({ "title": "Bread" })).await;
    house.pushed(&root, &[event_at(now - 1000, ".root", "task.1", "delete")]).await;
    assert_eq!(house.document("task.1").await, None);
    house.pushed(&root, &[set(now - 500, "update", &json!({ "n": 4 }))]).await;
    shows(json!({ "n": 4 })).await;
    // What is no object sets nothing, and stays in the history.
    let mut odd = event(".root", "task.1", "update");
    odd["payload"] = json!("[1]");
    let history = house.pushed(&root, from_ref(&odd)).await;
    assert!(history.contains(&odd));
    shows(json!({ "n": 4 })).await;
}

/// A wrong clock wins for a minute, not for a day.
#[tokio::test(flavor = "multi_thread")]
async fn an_event_from_the_future_counts_as_little_later_than_it_came() {
    let house = House::with(&[("SET_ACTIONS", "set")]).await;
    let (now, root) = (now_ms(), root());
    house.pushed(&root, &[set(now + 80_000_000, "set", &json!({ "n": "far" }))]).await;
    house.pushed(&root, &[set(now + 70_000, "set", &json!({ "n": "near" }))]).await;
    house.pushed(&root, &[set(now + 80_000, "set", &json!({ "m": 1 }))]).await;
    let document = house.document("task.1").await.unwrap();
    assert_eq!(document["m"], 1);
    // Both were cut to a minute after they came, so that the later one to come is the later.
    assert_eq!(document["n"], "near");
}

#[tokio::test(flavor = "multi_thread")]
async fn without_such_actions_there_are_no_documents_and_nobody_writes_one() {
    let house = House::open().await;
    house.pushed(&root(), &[set(now_ms(), "update", &json!({ "n": 1 }))]).await;
    assert_eq!(house.document("task.1").await, None);
    let bearer = format!("Bearer {ROOT}");
    let headers = [("Authorization", &*bearer), ("Content-Type", "application/json")];
    let path = "/hub/v1/spaces/simple-sync%2Fevents/collections/items/records/task.1";
    let answer = house.ask("PUT", path, &headers, r#"{"fields":{"n":1}}"#).await;
    assert_eq!(answer.status, 422, "{}", answer.text());
}
