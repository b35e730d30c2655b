//! What the interface refuses and how, and odd requests.

use std::slice::from_ref;

use serde_json::{Value as Json, json};

use super::{House, ROOT, event, event_at, id_at, now_ms, refuses, root};
use crate::asking::Answer;

const BAD_KEY: &str = "Invalid API key";

#[tokio::test(flavor = "multi_thread")]
async fn a_key_is_asked_for_before_anything_else() {
    let house = House::open().await;
    let routes = [
        ("GET", "/events"),
        ("POST", "/events"),
        ("GET", "/events/stream"),
        ("POST", "/acl"),
        ("POST", "/user/generateToken"),
        ("POST", "/user/resetKey"),
    ];
    let unknown = "sk_".to_owned() + &"A".repeat(43);
    let mangled = ROOT.replace("sk_", "SK_");
    for (method, path) in routes {
        let of = |key| house.call(method, path, key, "no json");
        refuses(&of(None).await, 401, "X-API-Key header required", None);
        refuses(&of(Some("")).await, 401, "X-API-Key header required", None);
        for wrong in ["sk_", "x", &unknown, &mangled, &ROOT[..45], &format!("{ROOT}=")] {
            refuses(&of(Some(wrong)).await, 401, BAD_KEY, None);
        }
    }
    let bearer = [("Authorization", &*format!("Bearer {ROOT}"))];
    let answer = house.ask("GET", "/api/v1/events", &bearer, "").await;
    refuses(&answer, 401, "X-API-Key header required", None);
    let lower = house.ask("GET", "/api/v1/events", &[("x-api-KEY", ROOT)], "").await;
    assert_eq!((lower.status, lower.text()), (200, "[]"));
    // The hub's own tokens are none here, and keys are none of another app.
    let admin = house.program.token();
    let answer = house.call("GET", "/events", Some(&admin), "").await;
    refuses(&answer, 401, BAD_KEY, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn apps_know_nothing_of_each_other() {
    let house = House::with(&[("APPS", "chores")]).await;
    let chores = "/apps/chores/api/v1/events";
    let answer = house.ask("GET", chores, &[("X-API-Key", ROOT)], "").await;
    refuses(&answer, 401, BAD_KEY, None);
    let token = std::fs::read_to_string(house.program.data().join("simple-sync-root-token-chores"));
    let body = json!({ "token": token.unwrap().trim() }).to_string();
    let wrong = house.call("POST", "/user/exchangeToken", None, &body).await;
    refuses(&wrong, 400, "Failed to exchange setup token", None);
    let exchange = "/apps/chores/api/v1/user/exchangeToken";
    let made = house.ask("POST", exchange, &[], &body).await.json();
    let key = [("X-API-Key", made["apiKey"].as_str().unwrap())];
    let pushed = event(".root", "dishes", "wash");
    let answer = house.ask("POST", chores, &key, &json!([pushed]).to_string()).await;
    assert_eq!(answer.json().as_array().unwrap().last(), Some(&pushed));
    assert_eq!(house.call("GET", "/events", Some(ROOT), "").await.text(), "[]");
    let answer = house.ask("GET", "/apps/none/api/v1/events", &key, "").await;
    refuses(&answer, 404, "Not found", None);
}

#[tokio::test(flavor = "multi_thread")]
async fn routes_methods_and_addresses() {
    let house = House::open().await;
    let health = house.call("GET", "/health", None, "").await;
    let told = health.json();
    assert_eq!((health.status, &told["status"]), (200, &json!("healthy")));
    assert!(told["uptime"].is_u64() && told["version"] == "0.4.0", "{told}");
    let time = told["timestamp"].as_str().unwrap();
    assert!(time.len() == 20 && time.ends_with('Z'), "{time}");
    assert_eq!(health.header("content-type"), Some("application/json; charset=utf-8"));

    refuses(&house.call("GET", "/nothing", None, "").await, 404, "Not found", None);
    let method = house.call("PUT", "/events", Some(ROOT), "").await;
    refuses(&method, 405, "Method not allowed", None);
    let allow = method.header("allow").unwrap_or_default().to_owned();
    assert!(allow.contains("GET") && allow.contains("POST"), "{allow}");
    let head = house.call("HEAD", "/events", Some(ROOT), "").await;
    assert_eq!((head.status, head.body.len()), (200, 0));
    assert!(head.header("x-sync-cursor").is_some());
    let options = house.call("OPTIONS", "/acl", None, "").await;
    assert_eq!((options.status, options.header("allow")), (204, Some("POST")));
    assert_eq!(house.call("OPTIONS", "/nothing", None, "").await.status, 404);

    let slash = house.call("GET", "/events/?since=x", Some(ROOT), "").await;
    assert_eq!((slash.status, slash.header("location")), (301, Some("../events?since=x")));
    let slash = house.call("POST", "/events/", Some(ROOT), "[]").await;
    assert_eq!((slash.status, slash.header("location")), (307, Some("../events")));
    let prefixed = house.ask("GET", "/simple-sync/api/v1/events", &[("X-API-Key", ROOT)], "").await;
    assert_eq!((prefixed.status, prefixed.text()), (200, "[]"));
    let document = house.call("GET", "/openapi.json", None, "").await.json();
    assert!(document["paths"]["/api/v1/user/exchangeToken"].is_object(), "{document}");
}

/// A member of an otherwise good event, changed.
fn with(member: &str, value: Json) -> Json {
    let mut event = event(".root", "task.1", "edit");
    event[member] = value;
    event
}

#[tokio::test(flavor = "multi_thread")]
async fn each_member_of_an_event_is_checked() {
    let house = House::open().await;
    let (now, root) = (now_ms(), root());
    let v4 = "5f0c3ffb-6cd6-4d2a-9a3e-8d5a5a3a9c11";
    let table = [
        (with("uuid", json!("")), "UUID is required"),
        (with("uuid", json!("abc")), "UUID must be valid format"),
        (with("uuid", json!(v4)), "invalid timestamp"),
        (with("timestamp", json!(now / 1000 + 5)), "invalid timestamp"),
        (with("timestamp", json!(now)), "invalid timestamp"),
        (event_at(900, ".root", "task.1", "edit"), "invalid timestamp"),
        (event_at(now + 86_500_000, ".root", "task.1", "edit"), "invalid timestamp"),
        (with("user", json!("")), "user is required"),
        (with("item", json!("")), "item is required"),
        (with("action", Json::Null), "action is required"),
        (with("item", json!("a\nb")), "item is invalid"),
        (with("item", json!("x".repeat(1025))), "item is invalid"),
        (with("action", json!("a\u{7f}")), "action is invalid"),
        (with("action", json!("x".repeat(1025))), "action is invalid"),
        (with("payload", json!("x".repeat((1 << 20) + 1))), "payload is too large"),
    ];
    for (event, text) in table {
        refuses(&house.push(&root, from_ref(&event)).await, 400, text, Some(&event));
    }
    // Ahead by less than a day, long ago, and names of any kind are fine.
    let fine = [
        event_at(now + 86_000_000, ".root", "task.a b*é", "edit|%"),
        event_at(1000, ".root", "%7C|", "x"),
        with("payload", json!("p")),
        with("payload", json!("")),
    ];
    let history = house.pushed(&root, &fine).await;
    assert_eq!(history.len(), 4);
    assert!(fine.iter().all(|it| history.contains(it)), "{history:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn each_phase_looks_at_the_whole_push_before_the_next() {
    let house = House::open().await;
    let bo = house.user("bo").await;
    let (denied, broken) = (event("bo", "task.1", "edit"), with("uuid", json!("abc")));
    let mut rule = event("bo", ".acl", ".acl.addRule");
    rule["uuid"] = json!("");
    let own = "ACL events must be submitted via dedicated /api/v1/acl endpoint";
    let all = [denied.clone(), broken.clone(), rule.clone()];
    refuses(&house.push(&bo, &all).await, 400, own, Some(&rule));
    let text = "UUID must be valid format";
    refuses(&house.push(&bo, &all[..2]).await, 400, text, Some(&broken));
    // Ownership belongs to the checks of each event.
    let foreign = event("al", "task.1", "edit");
    let text = "Cannot submit events for other users";
    let answer = house.push(&bo, &[foreign.clone(), broken]).await;
    refuses(&answer, 403, text, Some(&foreign));
    // An id that is taken is told before permission, and what was stored may come again after the
    // permission has gone.
    house.rules(&[["bo", "task.1", "*", "allow"]]).await;
    let stored = event("bo", "task.1", "edit");
    house.pushed(&bo, from_ref(&stored)).await;
    house.rules(&[["bo", "task.1", "*", "deny"]]).await;
    let history = house.pushed(&bo, &[stored.clone(), stored.clone()]).await;
    assert_eq!(history.iter().filter(|it| **it == stored).count(), 1);
    let mut changed = stored.clone();
    changed["action"] = json!("other");
    let text = "UUID already exists with different content";
    let answer = house.push(&bo, &[denied.clone(), changed.clone()]).await;
    refuses(&answer, 409, text, Some(&changed));
    let twice = [denied.clone(), {
        let mut it = denied.clone();
        it["item"] = json!("task.2");
        it
    }];
    refuses(&house.push(&bo, &twice).await, 409, text, Some(&denied));
    refuses(
        &house.push(&bo, from_ref(&denied)).await,
        403,
        "Insufficient permissions",
        Some(&denied),
    );
    // Another spelling is the same id.
    let mut spelled = stored.clone();
    spelled["uuid"] = json!(stored["uuid"].as_str().unwrap().to_uppercase());
    assert_eq!(house.pushed(&bo, &[spelled]).await.len(), history.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn reserved_names_are_the_servers() {
    let house = House::open().await;
    let bo = house.user("bo").await;
    let internal = "Cannot add internal events through this endpoint";
    let root = root();
    let cases = [
        event(".root", ".user.bo", ".user.resetKey"),
        event(".root", "x", ".secret"),
        event(".root", ".acl", "foo"),
        event(".root", ".user.bo", "foo"),
        event(".root", "x", ".acl.addRule"),
    ];
    for it in cases {
        refuses(&house.push(&root, from_ref(&it)).await, 403, internal, Some(&it));
    }
    let denied = event("bo", ".acl", "foo");
    refuses(
        &house.push(&bo, from_ref(&denied)).await,
        403,
        "Insufficient permissions",
        Some(&denied),
    );
    let create = |item: &str| event(".root", item, ".user.create");
    let long = format!(".user.{}", "x".repeat(256));
    for item in ["task.1", ".user.", ".user..root", ".user.a b", ".user.é", &long] {
        let it = create(item);
        refuses(&house.push(&root, from_ref(&it)).await, 400, "invalid user id", Some(&it));
    }
    let again = create(".user.bo");
    refuses(&house.push(&root, from_ref(&again)).await, 409, "User already exists", Some(&again));
    let twins = [create(".user.al"), create(".user.al")];
    refuses(&house.push(&root, &twins).await, 409, "User already exists", Some(&twins[1]));
    assert_eq!(house.history(&root).await.len(), 3, "nothing of a refused push is stored");
    house.pushed(&root, &[create(".user.a/b:c.d_-E"), create(".user.:")]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn there_are_limits_but_none_for_reading() {
    let house = House::with(&[
        ("BODY_BYTES", "8 KiB"),
        ("EVENTS_PER_PUSH", "5"),
        ("RULES_PER_REQUEST", "2"),
        ("PAYLOAD_BYTES", "100 B"),
        ("STRICT_PAYLOAD", "true"),
        ("DESCRIPTION_CHARS", "4"),
    ])
    .await;
    let root = root();
    let many: Vec<Json> = (0..6).map(|_| event(".root", "a", "b")).collect();
    refuses(&house.push(&root, &many).await, 413, "Too many events", None);
    house.pushed(&root, &many[..5]).await;
    let large = with("payload", json!("x".repeat(101)));
    refuses(&house.push(&root, from_ref(&large)).await, 400, "payload is too large", Some(&large));
    for payload in ["", "p", "[]", "1", "{"] {
        let it = with("payload", json!(payload));
        let answer = house.push(&root, from_ref(&it)).await;
        refuses(&answer, 400, "payload must be a JSON object", Some(&it));
    }
    let body = house.call("POST", "/events", Some(ROOT), &" ".repeat(9000)).await;
    refuses(&body, 413, "Request body too large", None);
    let rule = ["*", "*", "*", "deny"];
    let answer = house.add_rules(&root, &[rule, rule, rule]).await;
    refuses(&answer, 413, "Too many rules", None);
    let token = house.setup_token(&root, ".root").await.json()["token"].clone();
    let body = json!({ "token": token, "description": "too long" }).to_string();
    let answer = house.call("POST", "/user/exchangeToken", None, &body).await;
    refuses(&answer, 400, "description is too long", None);
    let body = json!({ "token": token, "description": "éééé" }).to_string();
    assert_eq!(house.call("POST", "/user/exchangeToken", None, &body).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn milliseconds_are_understood_where_the_settings_say_so() {
    let house = House::with(&[("MILLISECONDS", "true")]).await;
    let now = now_ms();
    let mut told = event_at(now, ".root", "task.1", "edit");
    told["timestamp"] = json!(now);
    let history = house.pushed(&root(), from_ref(&told)).await;
    assert_eq!(history[0]["timestamp"], json!(now / 1000));
    assert_eq!(house.pushed(&root(), from_ref(&told)).await, history);
    told["timestamp"] = json!(now + 1);
    refuses(&house.push(&root(), from_ref(&told)).await, 400, "invalid timestamp", Some(&told));
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_of_named_origins_may_use_an_app() {
    let house = House::with(&[("ORIGINS", "https://tasks.example.org")]).await;
    let asked = |origin: &'static str| {
        let house = &house;
        async move {
            let headers = [
                ("Origin", origin),
                ("Access-Control-Request-Method", "POST"),
                ("Access-Control-Request-Headers", "x-api-key"),
            ];
            let asked = house.ask("OPTIONS", "/api/v1/events", &headers, "").await;
            let read = [("Origin", origin), ("X-API-Key", ROOT)];
            (asked, house.ask("GET", "/api/v1/events", &read, "").await)
        }
    };
    let names = |answer: &Answer| answer.header("access-control-allow-origin").map(str::to_owned);
    let (asked_own, read_own) = asked("https://tasks.example.org").await;
    assert_eq!(names(&asked_own).as_deref(), Some("https://tasks.example.org"));
    let header = |name| asked_own.header(name).unwrap_or_default().to_ascii_lowercase();
    assert!(header("access-control-allow-headers").contains("x-api-key, content-type"));
    assert_eq!(header("access-control-allow-methods"), "get, post, options");
    assert_eq!(names(&read_own).as_deref(), Some("https://tasks.example.org"));
    let exposed = read_own.header("access-control-expose-headers").unwrap_or_default();
    assert!(exposed.contains("X-Sync-Cursor"), "{exposed}");
    let (asked_other, read_other) = asked("https://evil.example.org").await;
    assert_eq!((names(&asked_other), names(&read_other)), (None, None));
    assert_eq!(read_other.status, 200);
}

/// The members and bodies that Go's decoder takes, and those that it does not.
#[tokio::test(flavor = "multi_thread")]
async fn bodies_are_read_as_the_original_did() {
    let house = House::open().await;
    let by_root = |path: &'static str, body: String| {
        let house = &house;
        async move { house.call("POST", path, Some(ROOT), &body).await }
    };
    for body in ["", "[", "{}", "[1]", r#"[{"timestamp":1.0}]"#, r#"[{"payload":{}}]"#] {
        refuses(&by_root("/events", body.into()).await, 400, "Invalid JSON format", None);
    }
    for body in ["", "{}", r#"[{"user":1}]"#, "[1]"] {
        refuses(&by_root("/acl", body.into()).await, 400, "Invalid request format", None);
    }
    for body in ["", "[]", "{}", r#"{"user":""}"#, r#"{"user":null}"#, r#"{"user":7}"#] {
        let path = ["/user/generateToken", "/user/resetKey"];
        for path in path {
            refuses(&by_root(path, body.into()).await, 400, "Invalid request format", None);
        }
        let token = body.replace("user", "token");
        let answer = house.call("POST", "/user/exchangeToken", None, &token).await;
        refuses(&answer, 400, "Invalid request format", None);
    }
    let now = now_ms();
    let (id, second) = (id_at(now), now / 1000);
    let odd = format!(
        r#"[{{"UUID":"{id}","TimeStamp":{second},"User":".root","ITEM":"a","action":"b","x":[]}}] ?"#
    );
    let answer = by_root("/events", odd).await;
    assert_eq!(answer.json()[0]["payload"], "", "{}", answer.text());
    assert_eq!(by_root("/events", "null".into()).await.json().as_array().unwrap().len(), 1);
}
