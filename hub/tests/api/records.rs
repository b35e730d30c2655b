//! Records: written, read, listed, guarded, pushed together, and refused.

use futures_util::future::join_all;
use serde_json::json;
use syncline_protocol::Filter;

use super::asking::{Api, fields, record};

#[tokio::test(flavor = "multi_thread")]
async fn a_record_is_made_changed_replaced_and_deleted() {
    let api = Api::new().await;
    let ann = api.user("ann").await;
    let space = &api.space(&ann, "notes/ann").await;
    let put = &record("PUT", space, "a%2Fb%20%C3%A9");
    let made = api.ask(&ann, put, fields(json!({ "title": "one", "stars": 3 }))).await;
    assert_eq!((made.status, &made.json["sequence"]), (201, &json!(1)));
    assert_eq!(made.json["changes"][0]["key"], "a/b é");
    let place = made.header("syncline-sequence").to_owned();
    assert_eq!(made.header("etag"), format!("\"{place}\""));

    let patch = record("PATCH", space, "a%2Fb%20%C3%A9");
    let change = json!({ "fields": { "note": null }, "drop": ["stars"] });
    let changed = api.ask(&ann, &patch, Some(change)).await;
    assert_eq!((changed.status, &changed.json["changes"][0]["dropped"]), (200, &json!(["stars"])));
    let get = record("GET", space, "a%2Fb%20%C3%A9");
    let read = api.ask(&ann, &get, None).await.good();
    assert_eq!(read.json["fields"], json!({ "note": null, "title": "one" }), "nil is a value");
    assert_eq!(read.json["sequence"], 2);
    for name in ["space", "collection", "key", "op", "stamp"] {
        assert!(read.json[name].is_string(), "{name}: {read:?}");
    }

    let replaced = api.ask(&ann, put, fields(json!({ "title": "two" }))).await;
    assert_eq!(replaced.status, 200);
    let read = api.ask(&ann, &get, None).await.good();
    assert_eq!(read.json["fields"], json!({ "title": "two" }), "others were dropped");
    assert_eq!(read.header("etag"), replaced.header("etag"));

    let delete = record("DELETE", space, "a%2Fb%20%C3%A9");
    let gone = api.ask(&ann, &delete, None).await;
    assert_eq!(gone.status, 204);
    assert!(gone.header("syncline-sequence").ends_with(":4"));
    assert_eq!(api.ask(&ann, &get, None).await.refused(), (404, "not_found"));
    assert_eq!(api.ask(&ann, &delete, None).await.refused(), (404, "not_found"));
    api.house.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn any_value_travels_as_json_and_back() {
    let api = Api::new().await;
    let admin = api.house.admin.clone();
    let space = &api.space(&admin, "s").await;
    let all = json!({
        "array": [1, -1, [true]], "binary": { "$bin": "AQI=" }, "big": u64::MAX,
        "extension": { "$ext": [-1, "Bw=="] }, "float": 1.5, "map": { "a": { "b": null } },
        "nan": { "$float": "NaN" }, "pairs": { "$map": [[1, 2], ["1", 4]] }, "text": "h\u{e4}",
    });
    api.admin(&record("PUT", space, "k"), fields(all.clone())).await.good();
    let read = api.admin(&record("GET", space, "k"), None).await.good();
    assert_eq!(read.json["fields"], all);
    // The same bytes reach whoever follows by the wire.
    let mut client = api.house.client().await;
    let name = syncline_protocol::SpaceName::new("s").unwrap();
    let held = client.subscribe(&name, Filter::default()).await;
    let syncline_protocol::Op::Put(put) = &held[0].delta.change.op else { panic!("{held:?}") };
    let binary = put.iter().find(|(name, _)| name.as_str() == "binary").unwrap().1.unwrap();
    assert_eq!(binary.as_bytes(), [0xc4, 2, 1, 2]);
    let wrong = api.admin(&record("PUT", space, "k"), fields(json!({ "a": { "$bin": 1 } }))).await;
    assert_eq!(wrong.refused(), (422, "refused"));
    assert!(wrong.json["text"].as_str().unwrap().contains("base64"), "{wrong:?}");
    api.house.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn conditions_let_exactly_one_writer_through() {
    let api = Api::new().await;
    let admin = api.house.admin.clone();
    let space = &api.space(&admin, "race").await;
    let put = record("PUT", space, "prize");
    let race = |condition: (&'static str, String)| {
        let tries = (0..16).map(|at| {
            let request = api.by(&admin, &put).header(condition.0, &condition.1);
            api.send(request.json(&json!({ "fields": { "by": at } })))
        });
        join_all(tries.collect::<Vec<_>>())
    };
    let makers = race(("if-none-match", "*".to_owned())).await;
    let won: Vec<_> = makers.iter().filter(|it| it.status == 201).collect();
    assert_eq!(won.len(), 1);
    assert!(
        makers.iter().filter(|it| it.status != 201).all(|it| it.refused() == (412, "guard_failed"))
    );
    let tag = won[0].header("etag").to_owned();
    let changers = race(("if-match", tag.clone())).await;
    assert_eq!(changers.iter().filter(|it| it.status == 200).count(), 1);

    let with = async |route: &str, name: &'static str, value: &str| {
        let request = api.by(&admin, &record(route, space, "prize")).header(name, value);
        api.send(request.json(&json!({ "fields": { "a": 1 } }))).await
    };
    assert_eq!(with("PATCH", "if-match", &tag).await.refused(), (412, "guard_failed"));
    assert_eq!(with("DELETE", "if-match", &tag).await.refused(), (412, "guard_failed"));
    assert_eq!(with("PUT", "if-match", "7").await.refused(), (400, "malformed"));
    assert_eq!(with("GET", "if-match", &tag).await.refused(), (412, "guard_failed"));
    let now = with("GET", "if-match", "*").await.good().header("etag").to_owned();
    let cached = with("GET", "if-none-match", &now).await;
    assert_eq!((cached.status, cached.header("etag")), (304, now.as_str()));
    assert_eq!(with("PATCH", "if-match", &now).await.status, 200);
    assert_eq!(with("DELETE", "if-match", "*").await.status, 204);
    assert_eq!(with("PUT", "if-match", "*").await.refused(), (412, "guard_failed"));
    api.house.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn replacing_loses_no_field_of_a_later_writer() {
    let api = Api::new().await;
    let admin = api.house.admin.clone();
    let space = &api.space(&admin, "s").await;
    // Each puts two fields of its own name: whoever is last must have dropped all the others.
    let put = record("PUT", space, "k");
    let writers = (0..6).map(|at| {
        let body = fields(json!({ format!("a{at}"): at, format!("b{at}"): at }));
        api.ask(&admin, &put, body)
    });
    let done = join_all(writers.collect::<Vec<_>>()).await;
    assert!(done.iter().all(|it| matches!(it.status, 200 | 201 | 503)), "{done:?}");
    let read = api.admin(&record("GET", space, "k"), None).await.good();
    let names: Vec<&String> = read.json["fields"].as_object().unwrap().keys().collect();
    assert_eq!((names.len(), &names[0][1..]), (2, &names[1][1..]), "{read:?}");
    api.house.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_comes_in_pages_by_prefix_and_skips_what_is_deleted() {
    let api = Api::new().await;
    let admin = api.house.admin.clone();
    let space = &api.space(&admin, "s").await;
    let put = |key: String| json!({ "op": "put", "collection": "links", "key": key, "fields": { "n": 1 } });
    let mut writes: Vec<_> = (0..25).map(|at| put(format!("a/{at:02}"))).collect();
    writes
        .extend([put("b".into()), json!({ "op": "delete", "collection": "links", "key": "a/03" })]);
    writes.push(json!({ "op": "put", "collection": "other", "key": "a/1", "fields": { "n": 1 } }));
    let push = format!("POST {space}/push");
    api.admin(&push, Some(json!({ "writes": writes }))).await.good();
    let (mut keys, mut after) = (Vec::new(), String::new());
    loop {
        let list =
            format!("GET {space}/collections/links/records?prefix=a%2F&limit=7&after={after}");
        let page = api.admin(&list, None).await.good();
        let items = page.json["items"].as_array().unwrap();
        assert!(items.len() <= 7);
        keys.extend(items.iter().map(|item| item["key"].as_str().unwrap().to_owned()));
        match page.json["next"].as_str() {
            Some(next) => after = next.to_owned(),
            None => break,
        }
    }
    let expected: Vec<_> = (0..25).filter(|at| *at != 3).map(|at| format!("a/{at:02}")).collect();
    assert_eq!(keys, expected);
    let all = format!("GET {space}/collections/links/records");
    assert_eq!(api.admin(&all, None).await.json["items"].as_array().unwrap().len(), 25);
    for wrong in ["limit=0", "limit=x", "after=%25", "limit=1001"] {
        let wrong = api.admin(&format!("{all}?{wrong}"), None).await;
        assert_eq!(wrong.refused(), (400, "malformed"));
    }
    let collections = api.admin(&format!("GET {space}/collections?limit=1"), None).await.good();
    assert_eq!(collections.json["items"][0]["name"], "links");
    assert_eq!(collections.json["items"][0]["tombstones"], 1);
    assert!(collections.json["next"].is_string());
    api.house.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_push_is_applied_whole_or_not_at_all() {
    let api = Api::new().await;
    let admin = api.house.admin.clone();
    let space = &api.space(&admin, "s").await;
    let push = async |guards: serde_json::Value, writes: serde_json::Value| {
        let body = json!({ "guards": guards, "writes": writes });
        api.admin(&format!("POST {space}/push"), Some(body)).await
    };
    let put = |key: &str, fields| json!({ "op": "put", "collection": "links", "key": key, "fields": fields });
    let at = |condition: &str| json!({ "if": condition, "collection": "links", "key": "a" });
    let with = |condition: &str, more: serde_json::Value| {
        let mut guard = at(condition);
        guard.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        guard
    };
    let both = json!([put("a", json!({ "n": 1 })), put("b", json!({ "n": 2 }))]);
    let done = push(json!([at("absent")]), both.clone()).await.good();
    assert_eq!(
        (&done.json["sequence"], done.json["changes"].as_array().unwrap().len()),
        (&json!(2), 2)
    );
    for (guard, holds) in [
        (at("absent"), false),
        (with("unchanged", json!({ "since": 1 })), true),
        (with("unchanged", json!({ "since": 0 })), false),
        (with("equal", json!({ "field": "n", "value": 1 })), true),
        (with("equal", json!({ "field": "n", "value": 2 })), false),
        (with("field_absent", json!({ "field": "x" })), true),
        (with("field_absent", json!({ "field": "n" })), false),
    ] {
        let answer = push(json!([guard]), json!([put("c", json!({ "n": 3 }))])).await;
        let expected = if holds { 200 } else { 412 };
        assert_eq!(answer.status, expected, "{guard} {answer:?}");
    }
    let spoilt = push(json!([]), json!([put("d", json!({ "n": 1 })), put("e", json!({}))])).await;
    assert_eq!((spoilt.refused(), &spoilt.json["index"]), ((422, "refused"), &json!(1)));
    assert_eq!(api.admin(&record("GET", space, "d"), None).await.status, 404);
    let reserved = json!([{ "op": "delete", "collection": ".x", "key": "k" }]);
    assert_eq!(push(json!([]), reserved).await.refused(), (422, "reserved"));
    assert_eq!(push(json!([]), json!([])).await.refused(), (422, "refused"));
    for wrong in [json!([{ "op": "fly" }]), json!([1]), json!(1)] {
        assert_eq!(push(json!([]), wrong).await.refused(), (400, "malformed"));
    }
    let other_epoch = json!({
        "epoch": "00000000000000ff", "guards": [with("unchanged", json!({ "since": 9 }))],
        "writes": both,
    });
    let answer = api.admin(&format!("POST {space}/push"), Some(other_epoch)).await;
    assert_eq!(answer.refused(), (412, "guard_failed"));
    api.house.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rights_are_those_of_whoever_asks() {
    let api = Api::new().await;
    let (ann, bob, eve) = (api.user("ann").await, api.user("bob").await, api.user("eve").await);
    let space = &api.space(&ann, "notes/ann").await;
    api.ask(&ann, &record("PUT", space, "k"), fields(json!({ "a": 1 }))).await.good();
    let member = format!("PUT {space}/members/bob");
    api.ask(&ann, &member, Some(json!({ "role": "reader" }))).await.good();
    let (get, put) = (&record("GET", space, "k"), &record("PUT", space, "k"));
    let body = || fields(json!({ "a": 2 }));
    assert_eq!(api.ask(&bob, get, None).await.status, 200);
    assert_eq!(api.ask(&bob, put, body()).await.refused(), (403, "forbidden"));
    let push = json!({ "writes": [{ "op": "delete", "collection": "links", "key": "k" }] });
    let answer = api.ask(&bob, &format!("POST {space}/push"), Some(push)).await;
    assert_eq!(answer.refused(), (403, "forbidden"));
    assert_eq!(api.ask(&eve, get, None).await.refused(), (404, "unknown_space"));
    assert_eq!(api.ask(&eve, put, body()).await.refused(), (404, "unknown_space"));
    let (method, path) = get.split_once(' ').unwrap();
    assert_eq!(api.send(api.request(method, path)).await.refused(), (401, "unauthorized"));

    // Not even an admin writes to the hub's own space or reads what is the hub's own there.
    let system = "/spaces/system";
    let token = &record("PUT", system, "k");
    assert_eq!(api.admin(token, body()).await.refused(), (403, "forbidden"));
    let secrets = format!("GET {system}/collections/.credentials/records");
    assert_eq!(api.admin(&secrets, None).await.refused(), (422, "reserved"));
    let retention = format!("PUT {system}/collections/users/retention");
    let answer = api.admin(&retention, Some(json!({ "retention_ms": null }))).await;
    assert_eq!(answer.refused(), (403, "forbidden"));
    let users = format!("GET {system}/collections/users/records");
    assert_eq!(api.admin(&users, None).await.json["items"].as_array().unwrap().len(), 4);
    api.house.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_too_large_or_no_json_is_refused() {
    let api = Api::with(|config| config.limits.door_value_bytes = 1000).await;
    let admin = api.house.admin.clone();
    let space = &api.space(&admin, "s").await;
    let put = &record("PUT", space, "k");
    let large = fields(json!({ "a": "x".repeat(1001) }));
    assert_eq!(api.admin(put, large).await.refused(), (413, "too_large"));
    let huge = fields(json!({ "a": "x".repeat(9 << 20) }));
    assert_eq!(api.admin(put, huge).await.refused(), (413, "too_large"));
    for (kind, body) in [
        ("application/json", "{"),
        ("application/json", "[]"),
        ("application/json", "{\"field\": {}}"),
        ("text/plain", "{\"fields\": {}}"),
    ] {
        let request = api.by(&admin, put).header("content-type", kind).body(body);
        assert_eq!(api.send(request).await.refused(), (400, "malformed"), "{kind} {body}");
    }
    assert_eq!(api.admin(put, fields(json!({}))).await.refused(), (422, "refused"));
    assert_eq!(api.admin(put, fields(json!({ "": 1 }))).await.refused(), (422, "refused"));
    let wrong = format!("GET {space}/collections/a b/records/k").replace(' ', "%20");
    let wrong = wrong.replacen("%20", " ", 1);
    assert_eq!(api.admin(&wrong, None).await.refused(), (422, "refused"));
    api.house.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_read_waits_for_the_sequence_that_it_asks_for() {
    let api = Api::new().await;
    let admin = api.house.admin.clone();
    let space = &api.space(&admin, "s").await;
    let made = api.admin(&record("PUT", space, "k"), fields(json!({ "n": 1 }))).await.good();
    let epoch = made.header("syncline-sequence").split_once(':').unwrap().0.to_owned();
    let get = record("GET", space, "k");
    let read = |place: String| api.send(api.by(&admin, &get).header("syncline-at-least", place));
    assert_eq!(read(format!("{epoch}:1")).await.good().json["fields"]["n"], 1);
    let put = record("PUT", space, "k");
    let write = async {
        // The reader is let in first; whichever comes first, it must see the second write.
        tokio::task::yield_now().await;
        api.admin(&put, fields(json!({ "n": 2 }))).await
    };
    let (seen, _) = tokio::join!(read(format!("{epoch}:2")), write);
    assert_eq!(seen.good().json["fields"]["n"], 2);
    let other = read("00000000000000ff:1".to_owned()).await;
    assert_eq!(other.refused(), (409, "unknown_cursor"));
    assert_eq!(read(format!("{epoch}:3")).await.refused(), (504, "not_yet"));
    assert_eq!(read("later".to_owned()).await.refused(), (400, "malformed"));
    api.house.stop().await;
}
