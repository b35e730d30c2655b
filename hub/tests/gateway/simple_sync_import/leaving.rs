//! Out of the hub: lines that another hub takes in, and a database that the original could open.

use rusqlite::Connection;
use serde_json::{Value as Json, json};

use super::{BO, House, Original, ROOT, alone, house_events};
use crate::asking::ask;

#[tokio::test(flavor = "multi_thread")]
async fn lines_go_from_hub_to_hub() {
    let house = House::of(&Original::of_a_house()).await;
    let lines = house.command(&["simple-sync", "export"]).await;
    let events: Vec<Json> = lines.lines().map(|it| serde_json::from_str(it).unwrap()).collect();
    assert_eq!(events, house_events());
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("history.ndjson");
    std::fs::write(&file, &lines).unwrap();
    let other = House::open().await;
    let told = other.import(&file, &[]).await;
    let imported = &told["imported"];
    let counts = [&imported["events"], &imported["users"]];
    assert_eq!(counts, [&json!(8), &json!(1)], "{told}");
    assert_eq!(other.command(&["simple-sync", "export"]).await, lines);
    assert_eq!(other.listed("rules").await, house.listed("rules").await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_of_the_first_form_comes_in() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("history.txt");
    let lines = [
        json!({ "uuid": "123", "timestamp": 1_700_000_000, "userUuid": "bo", "itemUuid": "task.1",
            "action": "create", "payload": "{}" }),
        json!({ "uuid": "123", "timestamp": 1_700_000_000, "userUuid": "bo", "itemUuid": "task.1",
            "action": "create", "payload": "{}" }),
    ];
    let text: Vec<String> = lines.iter().map(ToString::to_string).collect();
    std::fs::write(&file, text.join("\n")).unwrap();
    let house = House::with(&[("SEED", "true")]).await;
    let told = house.import(&file, &[]).await;
    let imported = &told["imported"];
    assert_eq!((&imported["events"], &imported["same"]), (&json!(1), &json!(1)), "{told}");
    let told = house.import(&file, &[]).await;
    assert_eq!(told["imported"]["events"], 0);
    let out = house.command(&["simple-sync", "export"]).await;
    let out: Json = serde_json::from_str(out.trim()).unwrap();
    assert_eq!((&out["user"], &out["item"]), (&json!("bo"), &json!("task.1")));
    // Apps of today get an id that they can read; the old one stays beside it.
    let id = out["uuid"].as_str().unwrap();
    assert!(id.starts_with("018bcfe5-6800-7"), "the time, and version 7: {id}");
    // Apps of the first form go on by the old one.
    let token = house.command(&["simple-sync", "root-token"]).await;
    let key = house.exchange(token.trim()).await.json()["apiKey"].as_str().unwrap().to_owned();
    let bearer = format!("Bearer {key}");
    let headers = [("Authorization", &*bearer)];
    let told = ask(house.program.address, "GET", "/simple-sync/events", &headers, b"").await;
    assert_eq!(
        (&told.json()[0]["uuid"], &told.json()[0]["userUuid"]),
        (&json!("123"), &json!("bo"))
    );
    let bad = r#"{"uuid":"","timestamp":1,"userUuid":"bo","itemUuid":"i","action":"x"}"#;
    std::fs::write(&file, format!("{}\n{bad}\n", text[0])).unwrap();
    let why = house.fails(&["simple-sync", "import", file.to_str().unwrap()]).await;
    assert!(why.contains("history.txt:2: its uuid is empty"), "{why}");
    let (code, _, why) = alone(&[
        "simple-sync",
        "import",
        file.to_str().unwrap(),
        "--acl-from",
        "table",
        "--dry-run",
    ]);
    assert_eq!(code, 2, "{why}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_for_the_original_holds_all_that_it_can() {
    let house = House::of(&Original::of_a_house()).await;
    house.history(BO).await;
    assert_eq!(house.push(BO, "bo", "task.new").await.0, 200);
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("out.db");
    let name = file.to_str().unwrap();
    house.command(&["simple-sync", "export", "--sqlite", name]).await;
    let database = Connection::open(&file).unwrap();
    let texts = |ask: &str| -> Vec<String> {
        let mut statement = database.prepare(ask).unwrap();
        let rows = statement.query_map([], |row| row.get(0)).unwrap();
        rows.map(Result::unwrap).collect()
    };
    assert_eq!(texts("SELECT id FROM user ORDER BY id"), [".root", "al", "bo"]);
    assert_eq!(texts("SELECT user FROM api_key"), [".root"], "of the other no bcrypt is left");
    let rules = texts("SELECT type || ' ' || user || ' ' || item FROM acl_rule ORDER BY item");
    assert_eq!(rules, ["allow bo task.*", "deny * task.private.*"]);
    assert_eq!(texts("SELECT item FROM event ORDER BY rowid").len(), 9);
    let version: i64 = database.query_row("PRAGMA user_version", [], |row| row.get(0)).unwrap();
    assert_eq!(version, 1);
    // And it comes in again, where nothing differs but what was left out.
    let other = House::open().await;
    other.import(&file, &["--acl-from", "table"]).await;
    let lines = house.command(&["simple-sync", "export"]).await;
    assert_eq!(other.command(&["simple-sync", "export"]).await, lines);
    assert_eq!(other.history(ROOT).await.len(), 9);
    assert_eq!(other.listed("rules").await, house.listed("rules").await);
    let again = ["simple-sync", "export", "--sqlite", name];
    let failed = house.fails(&again).await;
    assert!(failed.contains("is there already"), "{failed}");
}
