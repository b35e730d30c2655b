//! The worked transcript of the specification (section 8), with ids of the present.

use std::slice::from_ref;

use serde_json::json;

use super::{House, event_at, id_at, ids, now_ms, refuses, root};

#[tokio::test(flavor = "multi_thread")]
async fn alice_syncs_her_tasks() {
    let house = House::open().await;
    let (root, begun) = (root(), now_ms() / 1000);

    // 1. Root creates Alice.
    let created = event_at(now_ms(), ".root", ".user.alice", ".user.create");
    let history = house.pushed(&root, from_ref(&created)).await;
    assert_eq!(history, from_ref(&created));

    // 2. Root issues a setup token.
    let issued = house.setup_token(&root, "alice").await;
    assert_eq!(issued.status, 200);
    let token = issued.json()["token"].as_str().unwrap().to_owned();
    let form = |part: &str| {
        part.len() == 4 && part.bytes().all(|it| it.is_ascii_uppercase() || it.is_ascii_digit())
    };
    assert!(token.split_once('-').is_some_and(|(a, b)| form(a) && form(b)), "{token}");
    let expires = issued.json()["expiresAt"].as_str().unwrap().to_owned();
    let expires =
        time::OffsetDateTime::parse(&expires, &time::format_description::well_known::Rfc3339);
    let left = expires.unwrap().unix_timestamp() - i64::try_from(begun).unwrap();
    assert!((86_000..=86_800).contains(&left), "{left}");

    // 3. Alice's laptop exchanges it, once.
    let body = json!({ "token": token, "description": "Laptop" }).to_string();
    let exchanged = house.call("POST", "/user/exchangeToken", None, &body).await;
    let key = exchanged.json();
    assert_eq!((exchanged.status, &key["user"]), (200, &json!("alice")));
    assert_eq!(key["description"], "Laptop");
    let id: uuid::Uuid = key["keyUuid"].as_str().unwrap().parse().unwrap();
    assert_eq!(id.get_version_num(), 7);
    let alice = super::User { key: key["apiKey"].as_str().unwrap().into() };
    assert!(alice.key.starts_with("sk_") && alice.key.len() == 46);
    let body = json!({ "token": token }).to_string();
    let again = house.call("POST", "/user/exchangeToken", None, &body).await;
    refuses(&again, 400, "Failed to exchange setup token", None);

    // 4. First read.
    let history = house.history(&alice).await;
    let told: Vec<_> = history
        .iter()
        .map(|it| [&it["user"], &it["item"], &it["action"], &it["payload"]])
        .map(|it| it.map(|it| it.as_str().unwrap().to_owned()))
        .collect();
    assert_eq!(
        told,
        [
            [".root", ".user.alice", ".user.create", "{}"],
            [".root", ".user.alice", ".user.generateToken", "{}"],
            ["alice", ".user.alice", ".user.exchangeToken", "{}"],
        ]
    );
    for it in &history {
        assert_eq!(it.as_object().unwrap().len(), 6, "{it}");
    }

    // 5. She pushes what she did offline; no rule allows it yet.
    let hour_ago = now_ms() - 3_600_000;
    let mut first = event_at(hour_ago, "alice", "task.1", "create");
    first["payload"] = json!("{\"title\":\"Milk\"}");
    let second = event_at(hour_ago + 1000, "alice", "task.private.2", "create");
    let batch = [first.clone(), second.clone()];
    let refused = house.push(&alice, &batch).await;
    refuses(&refused, 403, "Insufficient permissions", Some(&first));
    assert_eq!(house.history(&alice).await.len(), 3);

    // 6. Root adds two rules in one call.
    house.rules(&[["alice", "task.*", "*", "allow"], ["*", "task.private.*", "*", "deny"]]).await;
    let history = house.history(&alice).await;
    let payloads: Vec<_> = history[3..].iter().map(|it| it["payload"].as_str().unwrap()).collect();
    assert_eq!(
        payloads,
        [
            r#"{"user":"alice","item":"task.*","action":"*","type":"allow"}"#,
            r#"{"user":"*","item":"task.private.*","action":"*","type":"deny"}"#,
        ]
    );

    // 7. The same batch: the more specific rule denies the second.
    let refused = house.push(&alice, &batch).await;
    refuses(&refused, 403, "Insufficient permissions", Some(&second));

    // 8. Her client sends the first alone, which comes first.
    let history = house.pushed(&alice, &batch[..1]).await;
    assert_eq!((history.len(), &history[0]), (6, &first));

    // 9. The answer was lost; she pushes again.
    let cursor = |answer: &crate::asking::Answer| answer.header("x-sync-cursor").map(str::to_owned);
    let again = house.push(&alice, &batch[..1]).await;
    assert_eq!(again.json(), json!(history));
    let read = house.call("GET", "/events", Some(&alice.key), "").await;
    assert_eq!(cursor(&again), cursor(&read));

    // 10. Mistakes.
    let now = now_ms();
    let mut late = event_at(now, "alice", "task.1", "edit");
    late["timestamp"] = json!(now / 1000 + 1);
    refuses(&house.push(&alice, from_ref(&late)).await, 400, "invalid timestamp", Some(&late));
    late["timestamp"] = json!(now);
    refuses(&house.push(&alice, from_ref(&late)).await, 400, "invalid timestamp", Some(&late));
    let other = event_at(now, "bob", "task.1", "edit");
    let text = "Cannot submit events for other users";
    refuses(&house.push(&alice, from_ref(&other)).await, 403, text, Some(&other));
    let mut rule = event_at(now, "alice", ".acl", ".acl.addRule");
    rule["uuid"] = json!("acl-test-123");
    let text = "ACL events must be submitted via dedicated /api/v1/acl endpoint";
    refuses(&house.push(&alice, from_ref(&rule)).await, 400, text, Some(&rule));
    let object = house.post(&alice, "/events", &json!({})).await;
    refuses(&object, 400, "Invalid JSON format", None);

    // 11. The laptop is stolen.
    let reset = house.reset(&root, "alice").await;
    assert_eq!(reset.json(), json!({ "message": "API keys invalidated successfully" }));
    let gone = house.call("GET", "/events", Some(&alice.key), "").await;
    refuses(&gone, 401, "Invalid API key", None);
    let history = house.history(&root).await;
    let last = history.last().unwrap();
    assert_eq!((&last["action"], &last["user"]), (&json!(".user.resetKey"), &json!(".root")));
    let back = house.key_of("alice").await;
    let own = event_at(now_ms(), "alice", "task.1", "done");
    let history = house.pushed(&back, from_ref(&own)).await;
    assert!(ids(&history).contains(&own["uuid"].as_str().unwrap()));
    assert_ne!(id_at(1), id_at(1));
}
