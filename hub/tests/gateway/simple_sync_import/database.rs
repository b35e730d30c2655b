//! The original's database: its log, its keys, its rules, and what happens when it comes again.

use serde_json::{Value as Json, json};

use super::{
    BO, House, NOBODY, Original, ROOT, THEN, alone, event, house_events, rule_event, uuid,
};

/// Events, users, keys and rules work at once, although every row is in the log alone.
#[tokio::test(flavor = "multi_thread")]
async fn a_database_with_its_log_moves_in_whole() {
    let original = Original::of_a_house();
    let house = House::of(&original).await;
    let mut expected = house_events();
    // All are of one second, so that the order of acceptance is the order of the history.
    let history = house.history(BO).await;
    assert_eq!(history, expected);
    assert_eq!(house.push(BO, "bo", "task.2").await.0, 200, "the later of two rules is in force");
    for item in ["task.private.1", "table.1", "else"] {
        let denied = (403, "Insufficient permissions".to_owned());
        assert_eq!(house.push(BO, "bo", item).await, denied, "{item}");
    }
    assert_eq!(house.push(ROOT, ".root", "anything").await.0, 200);
    let wrong = house.by(NOBODY, "GET", "/api/v1/events", None).await;
    assert_eq!((wrong.status, wrong.text()), (401, r#"{"error":"Invalid API key"}"#));
    // A user whom an event alone names is one.
    let token = json!({ "user": "al" });
    let made = house.by(ROOT, "POST", "/api/v1/user/generateToken", Some(&token)).await;
    assert_eq!(made.status, 200, "{}", made.text());
    expected.truncate(3);
    assert_eq!(house.history(ROOT).await[..3], expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn only_the_setup_token_that_is_good_is_taken_over() {
    let house = House::of(&Original::of_a_house()).await;
    for token in ["USED-0001", "LATE-0001"] {
        assert_eq!(house.exchange(token).await.status, 400, "{token}");
    }
    let made = house.exchange("GOOD-0001").await;
    assert_eq!((made.status, &made.json()["user"]), (200, &json!("bo")), "{}", made.text());
    let key = made.json()["apiKey"].as_str().unwrap().to_owned();
    assert_eq!(house.push(&key, "bo", "task.3").await.0, 200);
}

/// After its first use a key is found by its digest: no slow hash of it is left.
#[tokio::test(flavor = "multi_thread")]
async fn a_slow_hash_is_replaced_at_first_use() {
    let mut house = House::of(&Original::of_a_house()).await;
    let users =
        |hashes: &[Json]| -> Vec<Json> { hashes.iter().map(|key| key["user"].clone()).collect() };
    assert_eq!(users(&house.hashes().await), [json!(".root"), json!("bo")]);
    let before = house.listed("keys").await;
    house.history(BO).await;
    assert_eq!(users(&house.hashes().await), [json!(".root")]);
    let quick = house.sequences().await;
    house.history(BO).await;
    assert_eq!(house.sequences().await[1], quick[1], "nothing is left to replace");
    let named = |keys: &[Json]| -> Vec<Json> {
        let mut named: Vec<_> = keys
            .iter()
            .map(|key| json!([key["uuid"], key["user"], key["description"], key["created_ms"]]))
            .collect();
        named.sort_by_key(ToString::to_string);
        named
    };
    let after = house.listed("keys").await;
    assert_eq!(named(&after), named(&before), "it is the same key");
    assert_eq!(named(&after)[1], json!([uuid(THEN, 2), "bo", "Laptop", 1_795_189_884_500_u64]));
    tokio::task::block_in_place(|| house.program.kill_and_restart());
    house.history(BO).await;
    // Requests that come at once are all let in, and the key is replaced once.
    let house = &house;
    let all = (0..8).map(|_| house.history(ROOT));
    let all = futures_util::future::join_all(all).await;
    assert!(all.iter().all(|history| history.len() == house_events().len()));
    assert_eq!(house.hashes().await.len(), 0);
    assert_eq!(house.listed("keys").await.len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dry_run_tells_everything_and_needs_no_hub() {
    let original = Original::of_a_house();
    let file = original.file();
    let arguments = ["simple-sync", "import", file.to_str().unwrap(), "--dry-run"];
    let (code, out, notes) = alone(&arguments);
    assert_eq!(code, 0, "{notes}");
    for line in [
        "events   8, 3 of them set rules",
        "users    3, 1 of them by events alone",
        "keys     2",
        "tokens   1 of 3; the others are used or have expired",
        "rules    2, from events",
        "  gains force  allow bo task.* *",
        "  gains force  deny * task.private.* *",
        "  loses force  allow bo table.* *",
    ] {
        assert!(out.lines().any(|told| told == line), "{line:?} is not in {out}");
    }
    assert!(notes.contains("sets no rule"), "{notes}");
    let (code, out, _) = alone(&[&arguments[..], &["--json"]].concat());
    let told: Json = serde_json::from_str(&out).unwrap();
    assert_eq!((code, &told["dry_run"], &told["rules"]), (0, &json!(true), &json!(2)));
}

#[tokio::test(flavor = "multi_thread")]
async fn importing_again_changes_nothing() {
    let original = Original::of_a_house();
    let house = House::open().await;
    let told = house.import(&original.file(), &[]).await;
    let imported = &told["imported"];
    assert_eq!((&imported["events"], &imported["keys"]), (&json!(8), &json!(2)), "{told}");
    let before = house.sequences().await;
    let told = house.import(&original.file(), &[]).await;
    let none = json!({ "events": 0, "same": 8, "users": 0, "rules": 0, "keys": 0, "tokens": 0,
        "notes": [] });
    assert_eq!(told["imported"], none);
    assert_eq!(house.sequences().await, before);
    // What the original has taken in since comes after all that is here.
    original.put(&event(40, "bo", "task.9", "create", "late"));
    original.put(&rule_event(41, "bo", "late.*", "allow"));
    let told = house.import(&original.file(), &[]).await;
    assert_eq!((&told["imported"]["events"], &told["imported"]["rules"]), (&json!(2), &json!(1)));
    assert_eq!(house.push(BO, "bo", "late.1").await.0, 200);
}

/// Whatever was decided here since stands, however often the same file comes.
#[tokio::test(flavor = "multi_thread")]
async fn importing_again_brings_back_nothing_that_has_ended() {
    let original = Original::of_a_house();
    let house = House::of(&original).await;
    let made = house.exchange("GOOD-0001").await;
    assert_eq!(made.status, 200);
    let rules = json!([{ "user": "bo", "item": "task.*", "action": "*", "type": "deny" }]);
    assert_eq!(house.by(ROOT, "POST", "/api/v1/acl", Some(&rules)).await.status, 200);
    let whom = json!({ "user": "bo" });
    let reset = house.by(ROOT, "POST", "/api/v1/user/resetKey", Some(&whom)).await;
    assert_eq!(reset.status, 200, "{}", reset.text());
    house.import(&original.file(), &[]).await;
    let gone = house.by(BO, "GET", "/api/v1/events", None).await;
    assert_eq!(gone.status, 401, "a key that was reset");
    assert_eq!(house.exchange("GOOD-0001").await.status, 400, "a token that was used");
    let key = house.command(&["simple-sync", "rules", "--json"]).await;
    let denied = |line: &str| line.contains(r#""item":"task.*""#) && line.contains("deny");
    assert!(key.lines().any(denied), "a rule that was replaced: {key}");
}

/// Who finds an event taken that was not there a moment ago looks once more.
#[tokio::test(flavor = "multi_thread")]
async fn imports_at_once_bring_everything_once() {
    let original = Original::of_a_house();
    for number in 100..1_200 {
        original.put(&event(number, "bo", "task.1", "edit", "{}"));
    }
    let house = House::open().await;
    let file = original.file();
    let address = format!("http://{}", house.program.address);
    let token = house.program.token();
    let imports = (0..3).map(|_| {
        let (file, url, token) = (file.clone(), address.clone(), token.clone());
        tokio::task::spawn_blocking(move || {
            let file = file.to_str().unwrap();
            alone(&["simple-sync", "import", file, "--json", "--url", &url, "--token", &token])
        })
    });
    let mut new = 0;
    for told in futures_util::future::join_all(imports).await {
        let (code, out, why) = told.unwrap();
        assert_eq!(code, 0, "{out}{why}");
        let told: Json = serde_json::from_str(out.lines().last().unwrap()).unwrap();
        let imported = &told["imported"];
        new += imported["events"].as_u64().unwrap();
        let all = imported["events"].as_u64().unwrap() + imported["same"].as_u64().unwrap();
        assert_eq!(all, 1_108, "{told}");
    }
    assert_eq!(new, 1_108);
    assert_eq!(house.history(BO).await.len(), 1_108);
    assert_eq!(house.listed("keys").await.len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn rules_come_from_where_one_says() {
    for (from, task, table) in [("events", 200, 403), ("table", 403, 200), ("both", 200, 200)] {
        let house = House::open().await;
        let file = Original::of_a_house();
        house.import(&file.file(), &["--acl-from", from]).await;
        assert_eq!(house.push(BO, "bo", "task.2").await.0, task, "{from}");
        assert_eq!(house.push(BO, "bo", "table.2").await.0, table, "{from}");
        assert_eq!(house.history(ROOT).await[..8], house_events(), "{from}");
        // Who thinks again imports again: the rules of events that are here come into force.
        house.import(&file.file(), &[]).await;
        assert_eq!(house.push(BO, "bo", "task.3").await.0, 200, "{from}, then events");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_id_stands_for_one_event() {
    let original = Original::empty();
    let spelt = |of: &Json, spelling: String| {
        let mut other = of.clone();
        other["uuid"] = spelling.into();
        other
    };
    let first = event(1, "bo", "task.1", "create", "a");
    let id = first["uuid"].as_str().unwrap();
    let mut differing = spelt(&first, format!("urn:uuid:{id}"));
    differing["payload"] = "b".into();
    for event in [&first, &spelt(&first, format!("{{{}}}", id.to_uppercase())), &differing] {
        original.put(event);
    }
    let house = House::open().await;
    let told = house.import(&original.file(), &[]).await;
    let imported = &told["imported"];
    assert_eq!((&imported["events"], &imported["same"]), (&json!(1), &json!(1)), "{told}");
    let notes = imported["notes"].as_array().unwrap();
    assert!(notes.len() == 1 && notes[0].as_str().unwrap().contains(id), "{told}");
    let out = house.command(&["simple-sync", "export"]).await;
    let out: Vec<Json> = out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(out, [first]);
}
