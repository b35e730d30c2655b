//! What travels: the worked transcript to the byte, every row of the table of errors, and requests
//! that no device sends.

use serde_json::{Value as Json, json};

use super::{ALICE, DOCUMENT, House, KEY, Reader, VENDOR, position};
use crate::asking::Answer;

/// Asserts a status, the content type, the length, and a body to the byte.
#[track_caller]
fn is(answer: &Answer, status: u16, body: &str) {
    assert_eq!((answer.status, answer.text()), (status, body));
    assert_eq!(answer.header("content-type"), Some("application/json"));
    assert_eq!(answer.header("content-length"), Some(&*body.len().to_string()));
    assert_eq!(answer.header("set-cookie"), None);
    assert_eq!(answer.header("location"), None);
}

const A_PUSHES: &str = r#"{"document":"0b229176d4e8db7f6d2b5a4952368d7a","progress":"/body/DocFragment[20]/body/p[22]/img.0","percentage":0.3187,"device":"Kobo_clara","device_id":"5C2F8E0B7A314D6E9F10A2B3C4D5E6F7","metadata":{"filename":"leaves.epub","title":"Leaves of Grass","authors":"Walt Whitman"}}"#;
const A_IS_AT: &str = r#"{"document":"0b229176d4e8db7f6d2b5a4952368d7a","progress":"/body/DocFragment[20]/body/p[22]/img.0","percentage":0.3187,"device":"Kobo_clara","device_id":"5C2F8E0B7A314D6E9F10A2B3C4D5E6F7","timestamp":"#;
const B_PUSHES: &str = r#"{"document":"0b229176d4e8db7f6d2b5a4952368d7a","progress":"/body/DocFragment[3]/body/p[9]","percentage":0.0512,"device":"Kindle_pw","device_id":"A7B1C2D3E4F546678899AABBCCDDEEFF"}"#;

#[tokio::test(flavor = "multi_thread")]
async fn the_worked_transcript() {
    let house = House::open().await;
    let registered = house.register(ALICE).await;
    is(&registered, 201, r#"{"username":"alice"}"#);
    let taken = r#"{"code":2002,"message":"Username is already registered."}"#;
    is(&house.register(ALICE).await, 402, taken);
    let invalid = r#"{"code":2003,"message":"Invalid request"}"#;
    is(&house.register(Reader("a:b", KEY)).await, 403, invalid);
    is(&house.by(ALICE, "GET", "/users/auth", "").await, 200, r#"{"authorized":"OK"}"#);
    let wrong = Reader("alice", "00000000000000000000000000000000");
    let unauthorized = r#"{"code":2001,"message":"Unauthorized"}"#;
    is(&house.by(wrong, "GET", "/users/auth", "").await, 401, unauthorized);
    let path = format!("/syncs/progress/{DOCUMENT}");
    is(&house.by(ALICE, "GET", &path, "").await, 200, "{}");

    let pushed = house.by(ALICE, "PUT", "/syncs/progress", A_PUSHES).await;
    let time = pushed.json()["timestamp"].as_u64().unwrap();
    is(&pushed, 200, &format!(r#"{{"document":"{DOCUMENT}","timestamp":{time}}}"#));
    is(&house.by(ALICE, "GET", &path, "").await, 200, &format!("{A_IS_AT}{time}}}"));
    let again = house.by(ALICE, "PUT", "/syncs/progress", B_PUSHES).await;
    let later = again.json()["timestamp"].as_u64().unwrap();
    assert!(later >= time);
    let expected = format!("{},\"timestamp\":{later}}}", B_PUSHES.strip_suffix('}').unwrap());
    is(&house.by(ALICE, "GET", &path, "").await, 200, &expected);

    let new = Reader("alice", "e10adc3949ba59abbe56e057f20f883e");
    let change = format!(r#"{{"password":"{}"}}"#, new.1);
    is(&house.by(ALICE, "PUT", "/users/password", &change).await, 200, r#"{"updated":true}"#);
    is(&house.by(ALICE, "DELETE", "/users/me", "").await, 401, unauthorized);
    is(&house.by(new, "DELETE", "/users/me", "").await, 200, r#"{"deleted":true}"#);
    let gone = r#"{"code":2006,"message":"Account not found."}"#;
    is(&house.by(new, "DELETE", "/users/me", "").await, 404, gone);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_refused_push_says_why_and_stores_nothing() {
    let house = House::of_alice().await;
    let no_document = (403, 2004, "Field 'document' not provided.");
    let invalid = (403, 2003, "Invalid request");
    let no_json = (400, 103, "Could not parse JSON in body.");
    let no_hash = (400, 104, "Body should be a JSON hash.");
    let huge = format!(r#"{{"document":"d","progress":"{}"}}"#, "x".repeat(64 * 1024));
    let deep = "[".repeat(20_000);
    for (body, (status, code, message)) in [
        (r#"{"progress":"1","percentage":0.5,"device":"x"}"#, no_document),
        (r#"{"document":"d","progress":"1","device":"x"}"#, invalid),
        (r#"{"document":"d","progress":"1","percentage":"much","device":"x"}"#, invalid),
        (r#"{"document":"d","progress":null,"percentage":0.5,"device":"x"}"#, invalid),
        (r#"{"document":"d","progress":"1","percentage":1e999,"device":"x"}"#, invalid),
        (r#"{"document":"a:b","progress":"1","percentage":0.5,"device":"x"}"#, no_document),
        ("", no_document),
        ("{}", no_document),
        ("[]", no_document),
        ("{bad", no_json),
        ("\u{feff}{}", no_json),
        (&deep, no_json),
        ("[1,2,3]", no_hash),
        ("5", no_hash),
        ("null", no_hash),
        (&huge, (413, 2003, "Invalid request")),
    ] {
        let answer = house.by(ALICE, "PUT", "/syncs/progress", body).await;
        let expected = json!({ "code": code, "message": message });
        let shown: String = body.chars().take(60).collect();
        assert_eq!((answer.status, answer.json()), (status, expected), "{shown}");
    }
    let listed = house.admin("GET", "/books?account=alice", None).await.json();
    assert_eq!(listed, json!({ "items": [], "next": null }));
}

#[tokio::test(flavor = "multi_thread")]
async fn any_accept_and_any_content_type_is_served_but_another_version() {
    let house = House::of_alice().await;
    let body = position("d", "x", 0.5).to_string();
    let who = [("x-auth-user", "alice"), ("X-AUTH-KEY", KEY)];
    for kind in ["application/json", "text/plain", "application/vnd.koreader.v1+json", "odd"] {
        let headers = [who[0], who[1], ("Content-Type", kind)];
        assert_eq!(house.ask("PUT", "/syncs/progress", &headers, &body).await.status, 200);
    }
    assert_eq!(house.ask("PUT", "/syncs/progress", &who, &body).await.status, 200);
    for accept in ["*/*", "application/json", "application/vnd.koreader.v1.1+json"] {
        let headers = [who[0], who[1], ("Accept", accept)];
        assert_eq!(house.ask("GET", "/users/auth", &headers, "").await.status, 200, "{accept}");
    }
    let two = ("Accept", "application/vnd.koreader.v2+json");
    let headers = [who[0], who[1], two];
    let refused = house.ask("PUT", "/syncs/progress", &headers, &body).await;
    let message = "Unsupported version specified in the Accept header.";
    assert_eq!((refused.status, refused.json()), (412, json!({ "code": 102, "message": message })));
    assert_eq!(house.ask("GET", "/healthcheck", &[two], "").await.status, 412);
    let broken = house.ask("PUT", "/syncs/progress", &headers, "{bad").await;
    assert_eq!(broken.status, 400, "the body is read first");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_address_of_the_gateway_answers_directly() {
    let house = House::of_alice().await;
    for prefix in ["", "/kosync", "/koreader"] {
        for path in ["/healthcheck", "/healthcheck/"] {
            let answer = house.ask("GET", &format!("{prefix}{path}"), &[VENDOR], "").await;
            is(&answer, 200, r#"{"state":"OK"}"#);
        }
        let robots = house.ask("GET", &format!("{prefix}/robots.txt"), &[VENDOR], "").await;
        assert_eq!(robots.text(), "User-agent: *\nDisallow: /\n");
        let pulled = house.by(ALICE, "GET", &format!("{prefix}/syncs/progress/d/"), "").await;
        is(&pulled, 200, "{}");
    }
    for path in ["/kosync/nothing", "/kosync/USERS/AUTH", "/kosync/syncs/progress/a/b"] {
        let answer = house.by(ALICE, "GET", path, "").await;
        assert_eq!(answer.status, 404);
        assert!(answer.json()["message"].is_string());
    }
    assert_eq!(house.by(ALICE, "GET", "/nothing", "").await.status, 404);
    for odd in ["/users/auth?x=%00", "/syncs/progress/%ff", "/kosync//", "/syncs/progress/%"] {
        let status = house.by(ALICE, "GET", odd, "").await.status;
        assert!([200, 403, 404].contains(&status), "{odd}: {status}");
    }
    assert_eq!(house.ask("GET", "/api/auth.basic", &[], "").await.status, 404);
    is(&house.by(ALICE, "GET", "/users/auth", "").await, 200, r#"{"authorized":"OK"}"#);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_push_accepts_a_pull_can_read() {
    let house = House::of_alice().await;
    let long = "d".repeat(255);
    for (id, path) in [
        ("has-a-hyphen", "has-a-hyphen"),
        ("has.a.dot", "has.a.dot"),
        ("a b", "a%20b"),
        ("a/b", "a%2Fb"),
        ("100%", "100%25"),
        ("\u{f6}", "%C3%B6"),
        ("a+b?c#d", "a+b%3Fc%23d"),
        (&long, &long),
    ] {
        house.pushed(ALICE, &position(id, "x", 0.25)).await;
        assert_eq!(house.pull(ALICE, path).await["document"], id);
    }
    let place = "/body/DocFragment[11]/body/div/p[7]/text().123 \\ \" \u{1F600} \u{0}";
    for (percentage, progress) in [(0.0, place), (1.0, ""), (-1.0, "x"), (0.123456789012345, "56")]
    {
        let body = json!({ "document": "d", "progress": progress, "percentage": percentage,
            "device": "" });
        house.pushed(ALICE, &body).await;
        let found = house.pull(ALICE, "d").await;
        assert_eq!(found["progress"], progress);
        assert_eq!(found["percentage"], Json::from(percentage));
        assert_eq!(found.get("device_id"), None, "absent when it was not sent");
        assert!(found["timestamp"].is_u64());
    }
    let number = json!({ "document": "n", "progress": 56, "percentage": "0.5", "device": 7 });
    house.pushed(ALICE, &number).await;
    let found = house.pull(ALICE, "n").await;
    assert_eq!((&found["progress"], &found["percentage"]), (&json!("56"), &json!(0.5)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_push_replaces_the_whole_record() {
    let house = House::of_alice().await;
    house.pushed(ALICE, &position("d", "kobo", 0.5)).await;
    let plain = json!({ "document": "d", "progress": "1", "percentage": 0.1, "device": "other" });
    house.pushed(ALICE, &plain).await;
    assert_eq!(house.pull(ALICE, "d").await.get("device_id"), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn only_named_origins_may_ask_from_a_browser() {
    let house = House::of_alice().await;
    let headers = [("Origin", "https://evil.example.org"), VENDOR];
    let answer = house.ask("GET", "/healthcheck", &headers, "").await;
    assert_eq!(answer.header("access-control-allow-origin"), None);
    assert!(answer.header("x-request-id").is_some());
}
