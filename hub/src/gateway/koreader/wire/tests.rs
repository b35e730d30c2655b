//! What devices send, and odd things that they never would.

use http::{HeaderMap, Method};
use serde_json::json;

use super::*;

fn push(text: &str) -> Result<Push, Refused> {
    Push::parse(Body::parse(text.as_bytes())?)
}

fn with(field: &str, value: Json) -> Result<Push, Refused> {
    let mut body = json!({ "document": "d", "progress": "1", "percentage": 0.5, "device": "x" });
    body[field] = value;
    push(&body.to_string())
}

#[test]
fn bodies_are_objects() {
    assert_eq!(Body::parse(b"{bad"), Err(Refused::NO_JSON));
    assert_eq!(Body::parse(b"\xff"), Err(Refused::NO_JSON));
    assert_eq!(Body::parse("[".repeat(10_000).as_bytes()), Err(Refused::NO_JSON));
    for scalar in ["[1,2,3]", "5", "\"x\"", "true", "null"] {
        assert_eq!(Body::parse(scalar.as_bytes()), Err(Refused::NO_OBJECT), "{scalar}");
    }
    assert_eq!(Body::parse(b"[]"), Ok(Body::Object(Map::new())));
    assert_eq!(Body::parse(b""), Ok(Body::Missing));
}

#[test]
fn a_push_without_a_usable_document_says_so_first() {
    for text in ["", "{}", "[]", r#"{"document":5}"#, r#"{"document":""}"#] {
        assert_eq!(push(text), Err(Refused::NO_DOCUMENT), "{text}");
    }
    for document in ["a:b", "a\u{7}", &"d".repeat(256)] {
        assert_eq!(with("document", json!(document)), Err(Refused::NO_DOCUMENT), "{document:?}");
    }
    for document in ["has-a-hyphen", "has.a.dot", "a b", "a/b", "100%", "\u{f6}", &"d".repeat(255)]
    {
        assert_eq!(with("document", json!(document)).unwrap().document, document);
    }
}

/// A device compares what it gets back with what it sent.
#[test]
fn a_percentage_keeps_its_last_bit() {
    for text in ["0.9260341482321497", "0.1", "0.30000000000000004", "0.7071067811865475", "5e-324"]
    {
        let body = format!(r#"{{"document":"d","progress":"1","percentage":{text},"device":"x"}}"#);
        let Position { percentage, .. } = push(&body).unwrap().position;
        let parsed: f64 = text.parse().unwrap();
        assert_eq!(percentage.to_bits(), parsed.to_bits(), "{text}");
        assert_eq!(json!(percentage).to_string(), text);
    }
}

#[test]
fn numbers_and_texts_stand_for_each_other() {
    let progress = |json| with("progress", json).map(|push| push.position.progress);
    assert_eq!(progress(json!(56)), Ok("56".to_owned()));
    assert_eq!(progress(json!(56.0)), Ok("56".to_owned()));
    assert_eq!(progress(json!(1.5)), Ok("1.5".to_owned()));
    let percentage = |json| with("percentage", json).map(|push| push.position.percentage);
    for (given, kept) in [(json!("0.5"), 0.5), (json!(0), 0.0), (json!(1), 1.0), (json!(-1), -1.0)]
    {
        assert_eq!(percentage(given), Ok(kept));
    }
    assert_eq!(percentage(json!(0.123_456_789_012_345_68)), Ok(0.123_456_789_012_345_68));
    for wrong in [json!("abc"), json!(null), json!(true), json!([]), json!("inf"), json!("NaN")] {
        assert_eq!(percentage(wrong.clone()), Err(Refused::INVALID), "{wrong}");
    }
    let huge = r#"{"document":"d","progress":"1","percentage":1e999,"device":"x"}"#;
    assert_eq!(push(huge), Err(Refused::INVALID));
}

#[test]
fn what_is_missing_or_of_another_kind_is_refused() {
    for field in ["progress", "percentage", "device"] {
        for wrong in [json!(null), json!(true), json!([]), json!({})] {
            assert_eq!(with(field, wrong), Err(Refused::INVALID), "{field}");
        }
    }
    assert_eq!(with("progress", json!("x".repeat(16 * 1024 + 1))), Err(Refused::INVALID));
    assert_eq!(with("device", json!("x".repeat(256))), Err(Refused::INVALID));
    assert_eq!(with("device_id", json!("x".repeat(256))), Err(Refused::INVALID));
    assert_eq!(with("device", json!("")).unwrap().position.device, "");
    for absent in [json!(null), json!(5), json!({})] {
        assert_eq!(with("device_id", absent).unwrap().position.device_id, None);
    }
}

#[test]
fn metadata_is_kept_as_far_as_it_names_a_book() {
    let given = json!({ "title": "T", "authors": "x".repeat(600), "other": "o", "isbn_id": "1",
        "filename": 5 });
    let kept = with("metadata", given).unwrap().metadata;
    assert_eq!(kept.keys().collect::<Vec<_>>(), ["authors", "isbn_id", "title"]);
    assert_eq!(kept["authors"].len(), 512);
    for odd in [json!(null), json!(5), json!([1]), json!("x")] {
        assert!(with("metadata", odd).unwrap().metadata.is_empty());
    }
}

#[test]
fn names_that_cannot_travel_are_refused() {
    let register = |name: &str, key: &str| {
        let body = json!({ "username": name, "password": key }).to_string();
        Registration::parse(Body::parse(body.as_bytes()).unwrap())
    };
    for good in ["alice", "Zo\u{eb}", "user*one", "a b", "a.b@c-d", &"n".repeat(255)] {
        assert_eq!(register(good, "k").unwrap().name, good);
    }
    for bad in ["", "a:b", " a", "a ", "a\nb", &"n".repeat(256)] {
        assert_eq!(register(bad, "k"), Err(Refused::INVALID), "{bad:?}");
    }
    assert_eq!(register("a", ""), Err(Refused::INVALID));
    assert_eq!(Registration::parse(Body::Missing), Err(Refused::INVALID));
}

#[test]
fn paths_are_cut_before_they_are_decoded() {
    let pull = |path: &str| Route::of(&Method::GET, path);
    let id = |id: &str| Some(Route::Pull(Some(id.to_owned())));
    assert_eq!(pull("/syncs/progress/a%2Fb"), id("a/b"));
    assert_eq!(pull("/syncs/progress/a%20b/"), id("a b"));
    assert_eq!(pull("/syncs/progress/100%"), id("100%"));
    assert_eq!(pull("/syncs/progress/%C3%B6"), id("\u{f6}"));
    assert_eq!(pull("/syncs/progress/a%3Ab"), Some(Route::Pull(None)));
    assert_eq!(pull("/syncs/progress/%ff"), Some(Route::Pull(None)));
    for unknown in ["/syncs/progress/a/b", "/syncs/progress/", "/users/AUTH", "/x", "/users/create"]
    {
        assert_eq!(pull(unknown), None, "{unknown}");
    }
    assert_eq!(Route::of(&Method::GET, "/users/auth///"), Some(Route::Authorize));
}

#[test]
fn only_another_version_of_the_vendors_type_is_refused() {
    let accepts = |accept: &str| {
        let mut headers = HeaderMap::new();
        headers.insert("accept", accept.parse().unwrap());
        route::check_accept(&headers).is_ok()
    };
    assert!(route::check_accept(&HeaderMap::new()).is_ok());
    for served in [
        "*/*",
        "application/json",
        "application/vnd.koreader.v1+json",
        "application/vnd.koreader.v1.1+json",
        "text/html, application/json",
    ] {
        assert!(accepts(served), "{served}");
    }
    assert!(!accepts("application/vnd.koreader.v2+json"));
    assert!(!accepts("application/vnd.koreader.v10+json"));
}

#[test]
fn a_record_has_its_fields_and_no_null() {
    let position = Position {
        progress: "p".to_owned(),
        percentage: 0.3187,
        device: "Kobo".to_owned(),
        device_id: None,
        timestamp: 7,
    };
    let shown = record("d", &position).to_string();
    let expected =
        r#"{"document":"d","progress":"p","percentage":0.3187,"device":"Kobo","timestamp":7}"#;
    assert_eq!(shown, expected);
}
