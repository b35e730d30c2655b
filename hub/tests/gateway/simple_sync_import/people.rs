//! The first key of a hub that has none, and rules, users and keys by the command.

use std::io::BufRead as _;

use serde_json::json;

use super::{BO, House, Original, ROOT, alone, program};
use crate::asking::ask;

/// From a running hub, and out of the folder of one that does not run.
#[tokio::test(flavor = "multi_thread")]
async fn a_token_for_root_is_issued_with_and_without_a_running_hub() {
    let mut house = House::open().await;
    let first = house.command(&["simple-sync", "root-token"]).await.trim().to_owned();
    let second = house.command(&["simple-sync", "root-token", "--json"]).await;
    let second: serde_json::Value = serde_json::from_str(&second).unwrap();
    assert!(second["expires_ms"].as_u64().unwrap() > 1_700_000_000_000);
    assert_eq!(house.exchange(&first).await.status, 400, "the next one takes its place");
    let data = house.program.data();
    let at_rest = ["simple-sync", "root-token", "--data", data.to_str().unwrap()];
    let (code, _, why) = alone(&at_rest);
    assert!(code == 1 && why.contains("in use"), "a store that a hub holds: {why}");
    house.program.kill();
    let (code, third, why) = alone(&at_rest);
    assert_eq!(code, 0, "{why}");
    tokio::task::block_in_place(|| house.program.restart());
    let token = second["token"].as_str().unwrap();
    assert_eq!(house.exchange(token).await.status, 400, "the last one counts");
    let made = house.exchange(third.trim()).await;
    assert_eq!((made.status, &made.json()["user"]), (200, &json!(".root")), "{}", made.text());
    let key = made.json()["apiKey"].as_str().unwrap().to_owned();
    assert_eq!(house.push(&key, ".root", "x").await.0, 200);
    let (code, _, why) = alone(&["simple-sync", "root-token", "--data", "no/such/folder"]);
    assert!(code == 1 && why.contains("holds no store"), "{why}");
    let unknown = ["simple-sync", "root-token", "nobodys"];
    let failed = house.fails(&unknown).await;
    assert!(failed.contains("nobodys"), "{failed}");
}

/// A database in the data folder is told of until there are events, and stays as it is.
#[test]
fn a_database_that_lies_in_the_data_folder_is_told_of() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    std::fs::create_dir(&data).unwrap();
    std::fs::write(data.join("simple-sync.db"), "whatever").unwrap();
    let mut hub = program()
        .args(["serve", "--listen", "127.0.0.1:0", "--data", data.to_str().unwrap()])
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let log = std::io::BufReader::new(hub.stderr.take().unwrap());
    // It ends with the hub, which says that it listens when all this is done.
    let mut told = false;
    for line in log.lines() {
        let line = line.unwrap();
        told |= line.contains("simple-sync import") && line.contains("simple-sync.db --dry-run");
        if line.contains("listening") {
            break;
        }
    }
    hub.kill().unwrap();
    hub.wait().unwrap();
    assert!(told);
}

/// Not even `.root`, who may do everything in an app, runs the hub.
#[tokio::test(flavor = "multi_thread")]
async fn only_admins_move_in_and_out() {
    let house = House::of(&Original::of_a_house()).await;
    house.history(ROOT).await;
    house.command(&["user", "add", "ann"]).await;
    let ann = house.command(&["token", "create", "--user", "ann"]).await;
    let routes = "POST import, GET export, GET users, GET keys, GET hashes, GET rules, \
                  POST rules, POST root-token";
    for (route, token) in routes.split(", ").flat_map(|it| [(it, ann.trim()), (it, ROOT)]) {
        let (method, route) = route.split_once(' ').unwrap();
        let bearer = format!("Bearer {token}");
        let headers = [("Authorization", &*bearer), ("Content-Type", "application/json")];
        let path = format!("/hub/v1/gateways/simple_sync/{route}");
        let body = if method == "POST" { "{}" } else { "" };
        let answer = ask(house.program.address, method, &path, &headers, body.as_bytes()).await;
        assert_eq!(answer.status, 403, "{method} {route} by {token}: {}", answer.text());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_part_of_an_import_is_refused() {
    let house = House::open().await;
    let token = house.program.token();
    let user = json!({ "id": "x", "created_ms": 1 });
    let many = json!({ "users": vec![&user; 2_001] });
    let before = house.sequences().await;
    for (body, status) in [
        (many.to_string(), 413),
        (json!({ "user": [user] }).to_string(), 400),
        (json!({ "events": [{ "uuid": "x" }] }).to_string(), 400),
        ("[".to_owned(), 400),
    ] {
        let bearer = format!("Bearer {token}");
        let headers = [("Authorization", &*bearer), ("Content-Type", "application/json")];
        let path = "/hub/v1/gateways/simple_sync/import";
        let answer = ask(house.program.address, "POST", path, &headers, body.as_bytes()).await;
        assert_eq!(answer.status, status, "{}", answer.text());
    }
    assert_eq!(house.sequences().await, before);
}

/// Names that no app could give, and keys of other makes: what can be kept is, the rest is told.
#[tokio::test(flavor = "multi_thread")]
async fn odd_names_and_keys_are_kept_or_told() {
    let original = Original::of_a_house();
    let long = "x".repeat(2_000);
    let rows = format!(
        "PRAGMA foreign_keys = OFF;
         INSERT INTO user VALUES ('odd | name%', '2026-11-20 15:51:24+00:00'),
           ('{long}', '2026-11-20 15:51:24+00:00');
         INSERT INTO api_key VALUES ('{}', 'nobody', 'plain', '', NULL, ''),
           ('no id', 'bo', '{}', '', NULL, '');",
        super::uuid(super::THEN, 77),
        super::hash(super::NOBODY),
    );
    original.database.execute_batch(&rows).unwrap();
    original.put(&super::event(80, "bo", &long, "x", ""));
    let house = House::open().await;
    let told = house.import(&original.file(), &[]).await;
    let notes: Vec<&str> =
        told["imported"]["notes"].as_array().unwrap().iter().filter_map(|it| it.as_str()).collect();
    assert_eq!(notes.len(), 4, "{notes:?}");
    for part in ["cannot hold", "are too long", "of \"nobody\" is not kept", "the key no id"] {
        assert_eq!(notes.iter().filter(|note| note.contains(part)).count(), 1, "{part}: {notes:?}");
    }
    let users = house.listed("users").await;
    assert!(users.iter().any(|user| user["id"] == "odd | name%"), "{users:?}");
    assert_eq!(house.history(BO).await.len(), 8);
}

#[tokio::test(flavor = "multi_thread")]
async fn rules_users_and_keys_are_shown_and_rules_made() {
    let house = House::of(&Original::of_a_house()).await;
    assert_eq!(house.push(BO, "bo", "note.1").await.0, 403);
    house.command(&["simple-sync", "allow", "events", "bo", "note.*", "*"]).await;
    assert_eq!(house.push(BO, "bo", "note.1").await.0, 200);
    house.command(&["simple-sync", "deny", "events", "bo", "note.*", "*"]).await;
    assert_eq!(house.push(BO, "bo", "note.2").await.0, 403);
    let rules = house.listed("rules").await;
    let note: Vec<_> = rules.iter().filter(|rule| rule["item"] == "note.*").collect();
    assert!(note.len() == 1 && note[0]["type"] == "deny", "{rules:?}");
    // A rule is an event, as one that an app adds.
    let history = house.history(BO).await;
    let added = history.iter().rev().filter(|event| event["action"] == ".acl.addRule");
    assert_eq!(added.filter(|event| event["user"] == ".root").count(), 6);
    let bad = ["simple-sync", "allow", "events", "bo", "a*b", "*"];
    let failed = house.fails(&bad).await;
    assert!(failed.contains("at most one wildcard"), "{failed}");
    let users: Vec<_> = house.listed("users").await.iter().map(|user| user["id"].clone()).collect();
    assert_eq!(users, [json!(".root"), json!("al"), json!("bo")]);
    let keys = house.command(&["simple-sync", "keys"]).await;
    assert!(keys.contains("Laptop") && !keys.contains("sk_") && !keys.contains("$2"), "{keys}");
}
