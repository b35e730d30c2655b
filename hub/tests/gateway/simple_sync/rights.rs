//! Rules, users, setup tokens and keys.

use std::slice::from_ref;

use futures_util::future::join_all;
use serde_json::{Value as Json, json};

use super::{House, User, event, ids, refuses, root};

const DENIED: &str = "Insufficient permissions";
const NO_EXCHANGE: &str = "Failed to exchange setup token";

/// The worked examples 18 to 20 of the specification's section 3, and what is special of `.root`.
#[tokio::test(flavor = "multi_thread")]
async fn who_may_manage_whom_is_decided_by_rules() {
    let house = House::open().await;
    let (alice, _bob) = (house.user("alice").await, house.user("bob").await);
    refuses(&house.setup_token(&alice, "bob").await, 403, DENIED, None);
    // 19: a rule on the item of the audit event does not help.
    house.rules(&[["alice", ".user.bob", ".user.generateToken", "allow"]]).await;
    refuses(&house.setup_token(&alice, "bob").await, 403, DENIED, None);
    // 18: one on the bare id does.
    house.rules(&[["alice", "bob", ".user.generateToken", "allow"]]).await;
    assert_eq!(house.setup_token(&alice, "bob").await.status, 200);
    let history = house.history(&alice).await;
    let last = history.last().unwrap();
    assert_eq!((&last["item"], &last["user"]), (&json!(".user.bob"), &json!("alice")));
    refuses(&house.reset(&alice, "bob").await, 403, DENIED, None);
    refuses(&house.add_rules(&alice, &[["*", "*", "*", "allow"]]).await, 403, DENIED, None);
    // 20: a plain star reaches the rules too, but never `.root`.
    house.rules(&[["alice", "*", "*", "allow"]]).await;
    let answer = house.add_rules(&alice, &[["bob", "x", "*", "allow"]]).await;
    assert_eq!(
        (answer.status, answer.json()["message"].clone()),
        (200, json!("ACL events submitted"))
    );
    refuses(&house.setup_token(&alice, ".root").await, 403, DENIED, None);
    refuses(&house.reset(&alice, ".root").await, 403, DENIED, None);
    refuses(&house.setup_token(&alice, "nobody").await, 404, "User not found", None);
    assert_eq!(house.reset(&alice, "nobody").await.status, 200);
    assert_eq!(house.setup_token(&root(), ".root").await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn dots_may_be_kept_from_plain_patterns() {
    let house = House::with(&[("DOTTED", "true")]).await;
    let alice = house.user("alice").await;
    house.rules(&[["alice", "*", "*", "allow"]]).await;
    house.pushed(&alice, &[event("alice", "task.1", "edit")]).await;
    refuses(&house.add_rules(&alice, &[["*", "*", "*", "allow"]]).await, 403, DENIED, None);
    refuses(&house.reset(&alice, "alice").await, 403, DENIED, None);
    house.rules(&[["alice", ".acl", ".acl.*", "allow"]]).await;
    assert_eq!(house.add_rules(&alice, &[["bo", "*", "*", "allow"]]).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn rules_are_added_all_or_none() {
    let house = House::open().await;
    let bo = house.user("bo").await;
    let before = house.history(&bo).await.len();
    let none = "At least one ACL rule required";
    refuses(&house.post(&root(), "/acl", &json!([])).await, 400, none, None);
    refuses(&house.post(&root(), "/acl", &Json::Null).await, 400, none, None);
    let good = ["bo", "task.*", "*", "allow"];
    let table = [
        (["", "x", "x", "x"], "user pattern cannot be empty"),
        (["*", "", "", ""], "item pattern cannot be empty"),
        (["*", "*", "", "allow"], "action pattern cannot be empty"),
        (["a\u{1}", "*", "*", "allow"], "user pattern contains invalid control characters"),
        (["*", "a*b", "*", "allow"], "item pattern can have at most one wildcard at the end"),
        (["*", "*", "**", "allow"], "action pattern can have at most one wildcard at the end"),
        (["*", "*", "*", "Allow"], "type must be either 'allow' or 'deny'"),
        (["*", "*", "*", ""], "type must be either 'allow' or 'deny'"),
    ];
    for (bad, text) in table {
        refuses(&house.add_rules(&root(), &[good, bad]).await, 400, text, None);
    }
    // Without the permission the body is not looked at.
    refuses(&house.call("POST", "/acl", Some(&bo.key), "[").await, 403, DENIED, None);
    assert_eq!(house.history(&bo).await.len(), before);
    let denied = event("bo", "task.1", "edit");
    refuses(&house.push(&bo, from_ref(&denied)).await, 403, DENIED, Some(&denied));
    house.rules(&[good, ["*", "task.2", "*", "deny"]]).await;
    house.pushed(&bo, &[denied]).await;
    // One with the same patterns takes the place of another, and that is how one is taken back.
    house.rules(&[["bo", "task.*", "*", "deny"]]).await;
    let denied = event("bo", "task.1", "edit");
    refuses(&house.push(&bo, from_ref(&denied)).await, 403, DENIED, Some(&denied));
    let listed = house.command(&["acl", "list", "simple-sync/events", "--json"]).await;
    assert_eq!(listed.lines().count(), 2, "{listed}");
    let explain = ["acl", "explain", "simple-sync/events", "bo", "task.1", "edit"];
    assert_eq!(house.command(&explain).await.trim(), "deny: by the rule bo task.* *");
    let explain = ["acl", "explain", "simple-sync/events", "bo", "other", "edit"];
    assert_eq!(house.command(&explain).await.trim(), "deny: no rule matches");
}

/// A rule of the hub's own kind would be in no history.
#[tokio::test(flavor = "multi_thread")]
async fn rules_that_are_no_events_are_refused() {
    let house = House::open().await;
    let bearer = format!("Bearer {}", house.program.token());
    let headers = [("Authorization", &*bearer), ("Content-Type", "application/json")];
    let path = "/hub/v1/spaces/simple-sync%2Fevents/acl";
    let rule = json!({ "principal": "bo", "item": "*", "action": "*", "verdict": "allow" });
    let answer = house.ask("PUT", path, &headers, &rule.to_string()).await;
    assert_eq!(answer.status, 422, "{}", answer.text());
    assert!(answer.text().contains("The rules of simple-sync/events are events"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_setup_token_is_good_once_and_until_the_next() {
    let house = House::open().await;
    let bo = house.user("bo").await;
    let token = |answer: crate::asking::Answer| answer.json()["token"].as_str().unwrap().to_owned();
    let first = token(house.setup_token(&root(), "bo").await);
    let second = token(house.setup_token(&root(), "bo").await);
    for wrong in [&*first, "ABCD-1234", &second.to_lowercase(), "x", " "] {
        refuses(&house.exchange(wrong).await, 400, NO_EXCHANGE, None);
    }
    let made = house.exchange(&second).await;
    assert_eq!(made.status, 200);
    refuses(&house.exchange(&second).await, 400, NO_EXCHANGE, None);
    // Keys that there were stay, and each has an end together.
    let other = User { key: made.json()["apiKey"].as_str().unwrap().into() };
    let third = token(house.setup_token(&root(), "bo").await);
    assert_eq!(house.history(&bo).await, house.history(&other).await);
    house.reset(&root(), "bo").await;
    for gone in [&bo, &other] {
        let answer = house.call("GET", "/events", Some(&gone.key), "").await;
        refuses(&answer, 401, "Invalid API key", None);
    }
    assert_eq!(house.exchange(&third).await.status, 200, "setup tokens stay");
    // Secrets are in no event.
    let told = json!(house.history(&root()).await).to_string();
    assert!(!told.contains(&third) && !told.contains("sk_"), "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_who_exchange_one_token_one_gets_a_key() {
    let house = House::open().await;
    for round in 0..8 {
        let name = format!("u{round}");
        house.pushed(&root(), &[event(".root", &format!(".user.{name}"), ".user.create")]).await;
        let token = house.setup_token(&root(), &name).await.json()["token"].clone();
        let token = token.as_str().unwrap();
        let answers = join_all((0..4).map(|_| house.exchange(token))).await;
        let good = answers.iter().filter(|answer| answer.status == 200).count();
        assert_eq!(good, 1);
        let bad = answers.iter().filter(|answer| answer.status != 200);
        bad.for_each(|answer| refuses(answer, 400, NO_EXCHANGE, None));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_pushes_of_one_id_one_is_stored() {
    let house = House::open().await;
    for _ in 0..8 {
        let same = event(".root", "task.1", "edit");
        let pushes = (0..4).map(|it| {
            let mut event = same.clone();
            event["payload"] = json!(it.to_string());
            let house = &house;
            async move { (house.push(&root(), from_ref(&event)).await, event) }
        });
        let answers = join_all(pushes).await;
        let stored: Vec<_> = answers.iter().filter(|(answer, _)| answer.status == 200).collect();
        assert_eq!(stored.len(), 1);
        let text = "UUID already exists with different content";
        for (answer, event) in answers.iter().filter(|(answer, _)| answer.status != 200) {
            refuses(answer, 409, text, Some(event));
        }
        let (root, same) = (root(), [stored[0].1.clone()]);
        let again = join_all((0..4).map(|_| house.push(&root, &same))).await;
        assert!(again.iter().all(|answer| answer.status == 200));
        let history = house.history(&root).await;
        let uuid = same[0]["uuid"].as_str().unwrap();
        assert_eq!(ids(&history).iter().filter(|it| **it == uuid).count(), 1);
    }
}

/// However many come at once, all of the same events.
#[tokio::test(flavor = "multi_thread")]
async fn equal_pushes_at_once_all_succeed() {
    let house = House::open().await;
    let same: Vec<Json> = (0..20).map(|_| event(".root", "task.1", "edit")).collect();
    let root = root();
    let answers = join_all((0..6).map(|_| house.push(&root, &same))).await;
    for answer in &answers {
        assert_eq!(answer.status, 200, "{}", answer.text());
    }
    assert_eq!(house.history(&root).await.len(), 20);
}

#[tokio::test(flavor = "multi_thread")]
async fn guesses_wait_and_good_tokens_are_no_guesses() {
    let house = House::with(&[("WRONG_TOKENS_PER_MINUTE", "30")]).await;
    house.pushed(&root(), &[event(".root", ".user.bo", ".user.create")]).await;
    for _ in 0..40 {
        let token = house.setup_token(&root(), "bo").await.json()["token"].clone();
        assert_eq!(house.exchange(token.as_str().unwrap()).await.status, 200);
    }
    for guess in 0..30 {
        refuses(&house.exchange("ABCD-1234").await, 400, NO_EXCHANGE, None);
        assert!(guess < 30);
    }
    let mut last = house.exchange("ABCD-1234").await;
    for _ in 0..1000 {
        if last.status == 429 {
            break;
        }
        last = house.exchange("ABCD-1234").await;
    }
    refuses(&last, 429, "Too many requests", None);
}

/// The first start leaves a way in, and says it in a file of its owner's.
#[tokio::test(flavor = "multi_thread")]
async fn the_first_start_makes_a_setup_token_for_root() {
    let mut house = House::start(Vec::new()).await;
    let file = house.program.data().join("simple-sync-root-token");
    let token = std::fs::read_to_string(&file).unwrap();
    let mode =
        std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(&file).unwrap().permissions());
    assert_eq!(mode & 0o777, 0o600);
    tokio::task::block_in_place(|| house.program.kill_and_restart());
    assert_eq!(std::fs::read_to_string(&file).unwrap(), token, "one that is good stays");
    let made = house.exchange(token.trim()).await.json();
    let root = User { key: made["apiKey"].as_str().unwrap().into() };
    house.pushed(&root, &[event(".root", "task.1", "edit")]).await;
    std::fs::remove_file(&file).unwrap();
    tokio::task::block_in_place(|| house.program.kill_and_restart());
    assert!(!file.exists(), "whoever has a key needs no token");
}

/// Accounts of apps are no people of the hub.
#[tokio::test(flavor = "multi_thread")]
async fn users_of_an_app_are_nobody_elsewhere() {
    let house = House::open().await;
    let bo = house.user("bo").await;
    let users = house.command(&["user", "list", "--json"]).await;
    assert!(!users.contains("simple-sync"), "{users}");
    let bearer = format!("Bearer {}", bo.key);
    let headers = [("Authorization", &*bearer), ("Content-Type", "application/json")];
    let ask = |method: &'static str, path: &'static str, body: &'static str| {
        house.ask(method, path, &headers, body)
    };
    let who = ask("GET", "/hub/v1/whoami", "").await.json();
    assert_eq!(who["account"], "simple-sync/events/bo");
    for (method, path, body) in [
        ("GET", "/hub/v1/users", ""),
        ("POST", "/hub/v1/spaces", r#"{"name":"simple-sync/events/bo/x"}"#),
        ("DELETE", "/hub/v1/spaces/simple-sync%2Fevents", ""),
        ("GET", "/hub/v1/spaces/simple-sync%2Fevents/acl", ""),
        ("GET", "/hub/v1/spaces/system/collections", ""),
    ] {
        let answer = ask(method, path, body).await;
        assert!((400..500).contains(&answer.status), "{path}: {}", answer.text());
    }
    let root = format!("Bearer {}", root().key);
    let drop = [("Authorization", &*root)];
    let answer = house.ask("DELETE", "/hub/v1/spaces/simple-sync%2Fevents", &drop, "").await;
    assert!((400..500).contains(&answer.status), "{}", answer.text());
    assert_eq!(house.history(&bo).await.len(), 3);
}
