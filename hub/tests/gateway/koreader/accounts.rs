//! Who may come in, who may not, and how fast: registration, keys, leaving, the hub's passwords.

use std::time::{Duration, Instant};

use serde_json::json;

use super::{ALICE, House, KEY, Reader, position};

/// What a device gives up after, for one push.
const DEVICE_WAITS: Duration = Duration::from_secs(2);

#[tokio::test(flavor = "multi_thread")]
async fn of_twenty_registrations_of_one_name_one_succeeds() {
    let house = House::open().await;
    let tried = (0..20).map(|_| house.register(ALICE));
    let statuses = futures_util::future::join_all(tried).await;
    let mut statuses: Vec<u16> = statuses.iter().map(|answer| answer.status).collect();
    statuses.sort_unstable();
    assert_eq!(statuses, [vec![201], vec![402; 19]].concat());
}

#[tokio::test(flavor = "multi_thread")]
async fn registration_closes_after_the_first_and_an_admin_opens_it() {
    let house = House::with(&[("REGISTRATION", "first")]).await;
    assert_eq!(house.register(ALICE).await.status, 201);
    let bob = Reader("bob", KEY);
    let closed = house.register(bob).await;
    let message = "User registration is disabled.";
    assert_eq!((closed.status, closed.json()), (402, json!({ "code": 2005, "message": message })));
    assert_eq!(house.ask("POST", "/users/create", &[], "{}").await.status, 402);
    house.command(&["koreader", "registration", "open"]).await;
    assert_eq!(house.register(bob).await.status, 201);
    house.command(&["koreader", "registration", "closed"]).await;
    let info = house.admin("GET", "", None).await.json();
    assert_eq!(
        (&info["registration"], &info["registration_open"]),
        (&json!("closed"), &json!(false))
    );
    let carol = json!({ "name": "Carol", "password": "secret" });
    assert_eq!(house.admin("POST", "/accounts", Some(carol)).await.status, 201);
    assert_eq!(house.by(Reader("Carol", KEY), "GET", "/users/auth", "").await.status, 200);
    let by_bob = house.by(bob, "GET", "/hub/v1/gateways/koreader/accounts", "").await;
    assert_eq!(by_bob.status, 401, "a device's key opens none of the hub's own routes");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gateway_that_is_turned_off_says_so() {
    let house = House::with(&[("ENABLED", "false")]).await;
    assert_eq!(house.register(ALICE).await.status, 404);
    assert_eq!(house.admin("GET", "", None).await.json()["enabled"], json!(false));
}

#[tokio::test(flavor = "multi_thread")]
async fn names_are_told_apart_by_every_byte() {
    let house = House::open().await;
    let names = ["alice", "Alice", "Zo\u{eb}", "user*one", "userXone", "a b", "x.y@z-1"];
    for name in names {
        assert_eq!(house.register(Reader(name, name)).await.status, 201, "{name}");
        house.pushed(Reader(name, name), &position("d", name, 0.5)).await;
    }
    assert_eq!(
        house.by(Reader("user*one", "user*one"), "DELETE", "/users/me", "").await.status,
        200
    );
    for name in names.into_iter().filter(|name| *name != "user*one") {
        assert_eq!(house.pull(Reader(name, name), "d").await["device"], name);
    }
    let listed = house.admin("GET", "/accounts", None).await.json();
    let known: Vec<&str> =
        listed["items"].as_array().unwrap().iter().filter_map(|it| it["name"].as_str()).collect();
    assert!(names[..3].iter().all(|name| known.contains(name)), "{known:?}");
    for bad in ["", "a:b", " a", "a ", "a\u{7}", &"n".repeat(256)] {
        assert_eq!(house.register(Reader(bad, KEY)).await.status, 403, "{bad:?}");
    }
    for body in [r#"{"username":5,"password":"k"}"#, r#"{"username":"x"}"#, "", "[]"] {
        assert_eq!(house.ask("POST", "/users/create", &[], body).await.status, 403, "{body}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_problem_with_a_credential_is_the_same_answer() {
    let house = House::of_alice().await;
    let upper = KEY.to_uppercase();
    let shown = [
        vec![],
        vec![("x-auth-user", "alice")],
        vec![("x-auth-key", KEY)],
        vec![("x-auth-user", ""), ("x-auth-key", KEY)],
        vec![("x-auth-user", "alice"), ("x-auth-key", "")],
        vec![("x-auth-user", "al:ice"), ("x-auth-key", KEY)],
        vec![("x-auth-user", "nobody"), ("x-auth-key", KEY)],
        vec![("x-auth-user", "Alice"), ("x-auth-key", KEY)],
        vec![("x-auth-user", "alice"), ("x-auth-key", &upper)],
        vec![("x-auth-user", "admin"), ("x-auth-key", KEY)],
    ];
    let body = position("d", "x", 0.5).to_string();
    for headers in shown {
        for (method, path) in [
            ("GET", "/users/auth"),
            ("PUT", "/syncs/progress"),
            ("GET", "/syncs/progress/d"),
            ("GET", "/api/documents.all"),
        ] {
            let body = if method == "PUT" { &*body } else { "" };
            let answer = house.ask(method, path, &headers, body).await;
            let expected = json!({ "code": 2001, "message": "Unauthorized" });
            assert_eq!((answer.status, answer.json()), (401, expected), "{headers:?}");
        }
    }
    assert_eq!(house.pull(ALICE, "d").await, json!({}), "nothing was stored");
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_changes_from_one_key_one_succeeds_and_reading_goes_on() {
    let house = House::of_alice().await;
    house.pushed(ALICE, &position("d", "x", 0.5)).await;
    for bad in ["{}", "[]", "", r#"{"password":""}"#, r#"{"password":5}"#] {
        assert_eq!(house.by(ALICE, "PUT", "/users/password", bad).await.status, 403, "{bad}");
    }
    let changes = ["one", "two", "three"].map(|key| format!(r#"{{"password":"{key}"}}"#));
    let tried = changes.iter().map(|body| house.by(ALICE, "PUT", "/users/password", body));
    let statuses = futures_util::future::join_all(tried).await;
    let done: Vec<usize> = (0..3).filter(|at| statuses[*at].status == 200).collect();
    assert_eq!(done.len(), 1, "{:?}", statuses.iter().map(|it| it.status).collect::<Vec<_>>());
    let new = Reader("alice", ["one", "two", "three"][done[0]]);
    assert_eq!(house.pull(new, "d").await["percentage"], 0.5);
    assert_eq!(house.by(ALICE, "GET", "/users/auth", "").await.status, 401);
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_left_is_gone_and_the_name_starts_empty() {
    let house = House::of_alice().await;
    house.pushed(ALICE, &position("d", "x", 0.5)).await;
    let pushes = (0..20).map(|at| {
        let body = position(&at.to_string(), "x", 0.5);
        let house = &house;
        async move { house.push(ALICE, &body).await.status }
    });
    let (left, statuses) = tokio::join!(
        house.by(ALICE, "DELETE", "/users/me", ""),
        futures_util::future::join_all(pushes)
    );
    assert_eq!(left.status, 200);
    assert!(statuses.iter().all(|status| [200, 401].contains(status)), "{statuses:?}");
    let spaces = house.command(&["space", "list"]).await;
    assert!(!spaces.contains("koreader/alice"), "{spaces}");
    assert_eq!(house.register(ALICE).await.status, 201);
    assert_eq!(house.pull(ALICE, "d").await, json!({}));
}

/// The account is the hub's: leaving from a device takes the readings along and no more.
#[tokio::test(flavor = "multi_thread")]
async fn a_hub_account_with_more_than_readings_stays() {
    let house = House::open().await;
    let user = json!({ "name": "alice", "password": "long secret" });
    assert_eq!(house.hub("POST", "/hub/v1/users", Some(user)).await.status, 201);
    assert_eq!(house.register(ALICE).await.status, 402, "a device never attaches to it");
    let digest = <md5::Md5 as md5::Digest>::digest("long secret");
    let key = hex::encode(digest);
    let reader = Reader("alice", &key);
    assert_eq!(house.by(reader, "GET", "/users/auth", "").await.status, 200);
    house.pushed(reader, &position("d", "x", 0.5)).await;
    let password = json!({ "password": "other secret" });
    assert_eq!(house.hub("PUT", "/hub/v1/users/alice/password", Some(password)).await.status, 204);
    assert_eq!(house.by(reader, "GET", "/users/auth", "").await.status, 401);
    let digest = <md5::Md5 as md5::Digest>::digest("other secret");
    let key = hex::encode(digest);
    let reader = Reader("alice", &key);
    assert_eq!(house.pull(reader, "d").await["percentage"], 0.5);
    assert_eq!(house.by(reader, "DELETE", "/users/me", "").await.status, 200);
    assert_eq!(house.by(reader, "GET", "/users/auth", "").await.status, 401);
    assert!(house.command(&["user", "list"]).await.contains("alice"));
}

/// A browser's session opens nothing once what opened it has gone: it keeps no account.
#[tokio::test(flavor = "multi_thread")]
async fn a_session_that_is_left_over_keeps_no_account() {
    let house = House::of_alice().await;
    let order = json!({ "user": "alice" });
    let made = house.hub("POST", "/hub/v1/tokens", Some(order)).await.json();
    let login = json!({ "token": made["token"] }).to_string();
    let kind = [("Content-Type", "application/json")];
    assert_eq!(house.ask("POST", "/hub/v1/session", &kind, &login).await.status, 201);
    let path = format!("/hub/v1/tokens/{}", made["id"].as_str().unwrap());
    assert_eq!(house.hub("DELETE", &path, None).await.status, 204);
    assert_eq!(house.by(ALICE, "DELETE", "/users/me", "").await.status, 200);
    assert!(!house.command(&["user", "list"]).await.contains("alice"));
    assert_eq!(house.register(ALICE).await.status, 201);
}

/// A key may have come from anywhere: neither it nor what it was made of is a password of the hub.
#[tokio::test(flavor = "multi_thread")]
async fn a_readers_password_opens_the_hub_only_once_an_admin_sets_it() {
    let house = House::of_alice().await;
    let status = async |password: &str| {
        use base64::Engine as _;
        let pair = format!("alice:{password}");
        let basic = base64::engine::general_purpose::STANDARD.encode(pair);
        let shown = [("Authorization", &*format!("Basic {basic}"))];
        house.ask("GET", "/hub/v1/whoami", &shown, "").await.status
    };
    for password in ["secret", "secreT", KEY] {
        assert_eq!(status(password).await, 401, "{password}");
    }
    let password = json!({ "password": "long secret" });
    assert_eq!(house.hub("PUT", "/hub/v1/users/alice/password", Some(password)).await.status, 204);
    assert_eq!(status("long secret").await, 200);
    let key = hex::encode(<md5::Md5 as md5::Digest>::digest("long secret"));
    assert_eq!(house.by(Reader("alice", &key), "GET", "/users/auth", "").await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_device_may_have_a_password_of_its_own() {
    let house = House::of_alice().await;
    let order = json!({ "label": "Kobo" });
    let made = house.admin("POST", "/passwords?account=alice", Some(order)).await.json();
    let digest = <md5::Md5 as md5::Digest>::digest(made["password"].as_str().unwrap());
    let key = hex::encode(digest);
    let device = Reader("alice", &key);
    house.pushed(device, &position("d", "x", 0.5)).await;
    assert_eq!(house.pull(ALICE, "d").await["percentage"], 0.5);
    let change = r#"{"password":"x"}"#;
    assert_eq!(house.by(device, "PUT", "/users/password", change).await.status, 401);
    assert_eq!(house.by(device, "DELETE", "/users/me", "").await.status, 401);
    let listed = house.command(&["koreader", "passwords", "--account", "alice"]).await;
    assert!(listed.contains("Kobo") && !listed.contains(made["password"].as_str().unwrap()));
    let path = format!("/passwords/{}?account=alice", made["id"].as_str().unwrap());
    assert_eq!(house.admin("DELETE", &path, None).await.status, 204);
    assert_eq!(house.by(device, "GET", "/users/auth", "").await.status, 401);
    assert_eq!(house.by(ALICE, "GET", "/users/auth", "").await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_hundred_pushes_in_a_row_pass_while_somebody_guesses() {
    let house = House::with(&[("WRONG_KEYS_PER_ACCOUNT_MINUTE", "3")]).await;
    house.register(ALICE).await;
    let wrong = Reader("alice", "00000000000000000000000000000000");
    let mut statuses = Vec::new();
    for _ in 0..5 {
        statuses.push(house.by(wrong, "GET", "/users/auth", "").await);
    }
    let last = statuses.last().unwrap();
    assert_eq!(
        (statuses[0].status, last.status, last.json()["code"].clone()),
        (401, 429, json!(2001))
    );
    assert!(last.header("retry-after").is_some());
    let mut slowest = Duration::ZERO;
    for at in 0..200 {
        let begun = Instant::now();
        let body = position(&format!("d{}", at % 28), "x", f64::from(at) / 200.0);
        house.pushed(ALICE, &body).await;
        slowest = slowest.max(begun.elapsed());
    }
    assert!(slowest < DEVICE_WAITS, "{slowest:?}");
}

/// After a start nobody's key is recognised: whoever guesses then finds no more guesses free
/// because many come at once, or because the right one is among them.
#[tokio::test(flavor = "multi_thread")]
async fn guesses_that_come_together_are_counted_before_they_are_checked() {
    let limits = [("WRONG_KEYS_PER_ACCOUNT_MINUTE", "3"), ("WRONG_KEYS_PER_ADDRESS_MINUTE", "4")];
    let mut house = House::with(&limits).await;
    house.register(ALICE).await;
    house.register(Reader("bob", KEY)).await;
    tokio::task::block_in_place(|| {
        house.program.kill();
        house.program.restart();
    });
    let wrong = Reader("alice", "00000000000000000000000000000000");
    let guesses = (0..20).map(|_| house.by(wrong, "GET", "/users/auth", ""));
    let answers = futures_util::future::join_all(guesses).await;
    let checked = answers.iter().filter(|answer| answer.status == 401).count();
    assert!(answers.iter().all(|answer| [401, 429].contains(&answer.status)));
    assert_eq!(checked, 3);
    assert_eq!(house.by(ALICE, "GET", "/users/auth", "").await.status, 429, "it is not checked");
    let bob = Reader("bob", KEY);
    assert_eq!(house.by(bob, "GET", "/users/auth", "").await.status, 200, "the address has one");
    assert_eq!(house.by(Reader("bob", "0"), "GET", "/users/auth", "").await.status, 401);
    assert_eq!(house.by(Reader("bob", "1"), "GET", "/users/auth", "").await.status, 429);
    assert_eq!(house.by(bob, "GET", "/users/auth", "").await.status, 200, "it was seen before");
}

#[tokio::test(flavor = "multi_thread")]
async fn registrations_from_one_address_have_a_pace() {
    let house = House::with(&[("REGISTRATIONS_PER_MINUTE", "2")]).await;
    let mut statuses = Vec::new();
    for name in ["a", "b", "c"] {
        statuses.push(house.register(Reader(name, KEY)).await.status);
    }
    assert_eq!(statuses, [201, 201, 429]);
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_are_kept_nowhere_and_what_was_pushed_survives_a_kill() {
    let mut house = House::of_alice().await;
    house.pushed(ALICE, &position("d", "x", 0.5)).await;
    tokio::task::block_in_place(|| house.program.kill());
    for file in std::fs::read_dir(house.program.data()).unwrap() {
        let path = file.unwrap().path();
        let Ok(bytes) = std::fs::read(&path) else { continue };
        let found = bytes.windows(KEY.len()).any(|window| window == KEY.as_bytes());
        assert!(!found, "the key stands in {}", path.display());
    }
    tokio::task::block_in_place(|| house.program.restart());
    assert_eq!(house.pull(ALICE, "d").await["percentage"], 0.5);
}
