//! `put`, `get`, `delete`, `import`, `export` and `conflicts`, and the list of real bookmarks.

use std::collections::BTreeSet;
use std::path::PathBuf;

use serde_json::{Value as Json, json};
use syncline_client::{Client, Value};

use crate::house::House;

/// 1,256 real records; the folder lies beside the checkout.
fn bookmarks() -> PathBuf {
    let beside = "../../shared/data/awesome-selfhosted.ndjson";
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(beside)
}

fn without(mut line: Json, field: &str) -> Json {
    line.as_object_mut().unwrap().remove(field);
    line
}

#[test]
fn real_records_go_in_and_come_out_equal() {
    let house = House::new();
    house.done(&["space", "create", "bookmarks"]);
    let tails = [(); 2].map(|()| house.tail(&["bookmarks", "--json"]));
    let file = bookmarks();
    let import = ["import", "bookmarks", "links", file.to_str().unwrap(), "--key", "key"];
    let first = house.done(&import);
    assert!(first.err.contains("1256 changed, 0 as they were"), "{}", first.err);
    let [one, two] = tails.map(|tail| tail.take(1256));
    assert_eq!(one, two, "both see the same order");

    let given: Vec<Json> = std::fs::read_to_string(&file)
        .unwrap()
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let keys = |lines: &[Json]| -> BTreeSet<String> {
        lines.iter().map(|line| line["key"].as_str().unwrap().to_owned()).collect()
    };
    let seen: Vec<Json> = one.iter().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(keys(&seen), keys(&given));
    let sequences: Vec<_> = seen.iter().map(|line| line["sequence"].as_u64().unwrap()).collect();
    assert!(sequences.is_sorted_by(|a, b| a < b));

    let exported = house.done(&["export", "bookmarks"]).json();
    assert_eq!(exported.len(), given.len());
    assert!(exported.iter().all(|line| line["collection"] == "links"));
    let plain: Vec<Json> = exported.into_iter().map(|line| without(line, "collection")).collect();
    assert!(given.iter().all(|line| plain.contains(line)), "an export equals what was imported");

    let again = house.done(&import);
    assert!(again.err.contains("0 changed, 1256 as they were"), "{}", again.err);
    let show = house.done(&["space", "show", "bookmarks", "--json"]).json();
    assert_eq!(show[0]["sequence"], 1256, "a second import sends nothing");
    assert_eq!(house.done(&["verify", "bookmarks"]).out, "links equal\n");
}

#[test]
fn a_record_is_put_read_and_deleted() {
    let house = House::new();
    let put = ["put", "s", "links", "a", "title=A page", "visits=3", "tags=[\"x\"]", "--create"];
    house.done(&put);
    let shown = house.done(&["get", "s", "links", "a"]).out;
    assert_eq!(shown, "tags=[\"x\"]\ntitle=\"A page\"\nvisits=3\n");
    house.done(&["put", "s", "links", "a", "visits=4", "--drop", "tags", "--create"]);
    let json = house.done(&["get", "s", "links", "a", "--json"]).json();
    let names: Vec<_> = json[0].as_object().unwrap().keys().collect();
    assert_eq!(names, ["space", "collection", "key", "op", "fields", "stamp", "sequence"]);
    assert_eq!(json[0]["fields"], json!({ "title": "A page", "visits": 4 }));
    assert_eq!(json[0]["stamp"].as_str().unwrap().len(), 32);

    // A key that begins with another is another record.
    house.done(&["put", "s", "links", "ab", "b=null"]);
    assert_eq!(house.done(&["get", "s", "links", "a", "--json"]).json().len(), 1);
    let both = house.done(&["get", "s", "links"]).out;
    assert_eq!(both, "a title=\"A page\" visits=4\nab b=null\n");
    house.done(&["delete", "s", "links", "a"]);
    let gone = house.run(&["get", "s", "links", "a"]);
    assert_eq!((gone.code, gone.err.contains("no record links/a")), (1, true), "{gone:?}");
    assert!(house.done(&["delete", "s", "links", "a"]).err.contains("nothing to delete"));
    for args in [&["put", "none", "c", "k", "a=1"][..], &["get", "none", "c"], &["export", "none"]]
    {
        let outcome = house.run(args);
        assert_eq!((outcome.code, outcome.err.contains("unknown_space")), (1, true), "{outcome:?}");
    }
}

#[test]
fn an_import_names_the_lines_that_it_does_not_understand() {
    let house = House::new();
    let lines = [
        r#"{"id": 1, "title": "one", "key": "own"}"#,
        "{",
        "",
        r#"{"title": "no key"}"#,
        r#"{"id": "1", "title": "one again"}"#,
        r#"{"id": 2}"#,
    ];
    let file = house.file("a.ndjson", lines.join("\n"));
    let import = ["import", "s", "c", &file, "--key", "id", "--create"];
    let outcome = house.run(&import);
    assert_eq!(outcome.code, 1, "{outcome:?}");
    for part in [":2: not JSON", ":4: it has no field \"id\"", "3 changed", "2 lines were not"] {
        assert!(outcome.err.contains(part), "{part}: {}", outcome.err);
    }
    // The later line of one key wins, as it would have without the first.
    let json = house.done(&["get", "s", "c", "1", "--json"]).json();
    assert_eq!(json[0]["fields"], json!({ "id": "1", "title": "one again", "key": "own" }));
    let missing = house.run(&["import", "s", "c", "none.ndjson", "--key", "id"]);
    assert_eq!((missing.code, missing.err.contains("none.ndjson")), (1, true));
    let binary = house.file("b.ndjson", [0xff, 0xfe, b'\n']);
    let outcome = house.run(&["import", "s", "c", &binary, "--key", "id"]);
    assert_eq!((outcome.code, outcome.err.contains(":1: not UTF-8")), (1, true));
    let large = format!("{{\"id\": \"l\", \"text\": \"{}\"}}", "x".repeat(2 << 20));
    let large = house.file("large.ndjson", format!("{{\"id\": \"k\", \"a\": 1}}\n{large}\n"));
    let outcome = house.run(&["import", "s", "c", &large, "--key", "id"]);
    assert_eq!((outcome.code, outcome.err.contains("large.ndjson:2:")), (1, true), "{outcome:?}");
}

#[test]
fn an_export_imported_elsewhere_gives_the_same_records() {
    let house = House::new();
    house.done(&["put", "a", "links", "k", "key=1", "collection=x", "$y=2", "z={}", "--create"]);
    house.done(&["put", "a", "notes", "k", "text=[null]"]);
    let export = house.done(&["export", "a"]).out;
    assert_eq!(house.done(&["export", "a", "--collection", "links"]).out.lines().count(), 1);
    let file = house.file("a.ndjson", &export);
    for collection in ["links", "notes"] {
        let args = ["import", "b", collection, &file, "--key", "key", "--create"];
        assert!(house.done(&args).err.contains("1 changed, 0 as they were, 1 of other"));
    }
    assert_eq!(house.done(&["export", "b"]).out, export);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_value_is_shown_and_brought_back() {
    let house = House::new();
    house.done(&["space", "create", "s"]);
    let token = std::fs::read_to_string(house.data().join("admin-token")).unwrap();
    let client =
        |name: &str| Client::builder(&house.url, token.trim()).device_name(name).connect().unwrap();
    let (laptop, phone) = (client("laptop"), client("phone"));
    let (on_laptop, on_phone) = (laptop.space("s").unwrap(), phone.space("s").unwrap());
    let put = |space: &syncline_client::Space, title: &str| {
        space.put("c", "k", [("title", Value::from(title))]).unwrap()
    };
    put(&on_laptop, "first").acked().await.unwrap();
    on_phone.synced().await.unwrap();
    phone.stop();
    put(&on_laptop, "of the laptop").acked().await.unwrap();
    let late = put(&on_phone, "of the phone");
    phone.start();
    late.acked().await.unwrap();
    let (house, listed) =
        off_the_runtime(house, |house| house.done(&["conflicts", "s", "--json"])).await;
    let listed = listed.json();
    assert_eq!(listed.len(), 1, "{listed:?}");
    // Two devices agree on the time to some milliseconds: either write may be the later one.
    let is_phone_first = listed[0]["loser"]["name"] == "phone";
    let (loser, winner) = if is_phone_first { ("phone", "laptop") } else { ("laptop", "phone") };
    let lost = format!("of the {loser}");
    assert_eq!(
        (&listed[0]["value"], &listed[0]["current"]),
        (&json!(lost), &json!(format!("of the {winner}")))
    );
    assert_eq!(
        (&listed[0]["loser"]["name"], &listed[0]["winner"]["name"]),
        (&json!(loser), &json!(winner))
    );
    assert_eq!(listed[0]["restored"], false);
    let id = listed[0]["id"].as_str().unwrap().to_owned();
    let bring_back = move |house: &House| {
        let table = house.done(&["conflicts", "s"]).out;
        assert!(table.contains(&id) && table.contains(&format!("admin ({loser})")), "{table}");
        house.done(&["conflicts", "s", "--restore", &id]);
        let record = house.done(&["get", "s", "c", "k"]).out;
        assert_eq!(record, format!("title=\"{lost}\"\n"));
        assert_eq!(house.done(&["conflicts", "s", "--json"]).json()[0]["restored"], true);
        let unknown = house.run(&["conflicts", "s", "--restore", "0123456789abcdef"]);
        assert_eq!((unknown.code, unknown.err.contains("not_found")), (1, true), "{unknown:?}");
    };
    off_the_runtime(house, bring_back).await;
}

/// Runs commands, which block, where they stop nobody.
async fn off_the_runtime<T: Send + 'static>(
    house: House,
    work: impl FnOnce(&House) -> T + Send + 'static,
) -> (House, T) {
    let worked = tokio::task::spawn_blocking(move || {
        let result = work(&house);
        (house, result)
    });
    worked.await.unwrap()
}
