//! `user`, `token` and `space`: who may do what, and when they no longer may.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::process::Stdio;

use serde_json::json;

use crate::house::House;

/// Runs a command with something on its standard input.
fn with_input(house: &House, args: &[&str], input: &str) -> i32 {
    let mut process = house.command(args).stdin(Stdio::piped()).spawn().unwrap();
    process.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    process.wait().unwrap().code().unwrap()
}

#[test]
fn accounts_are_made_listed_and_removed() {
    let house = House::new();
    assert_eq!(
        with_input(&house, &["user", "add", "ann", "--password-stdin"], "correct horse\n"),
        0
    );
    house.done(&["user", "add", "bob", "--admin"]);
    let users = house.done(&["user", "list", "--json"]).json();
    let shown: Vec<_> = users
        .iter()
        .map(|user| format!("{} {} {}", user["name"], user["admin"], user["password"]))
        .collect();
    assert_eq!(shown, ["\"admin\" true false", "\"ann\" false true", "\"bob\" true false"]);
    assert!(house.done(&["user", "list"]).out.starts_with("NAME"));
    assert_eq!(with_input(&house, &["user", "password", "ann"], "battery staple"), 0);
    for short in ["short", "", "two\nlines\n"] {
        assert_ne!(with_input(&house, &["user", "password", "ann"], short), 0, "{short:?}");
    }
    house.done(&["user", "remove", "bob"]);
    let last = house.run(&["user", "remove", "admin"]);
    assert_eq!((last.code, last.err.contains("last admin")), (1, true), "{last:?}");
    assert_eq!(house.run(&["user", "add", "ann"]).code, 1);
}

#[test]
fn a_token_opens_what_it_names_and_no_more() {
    let house = House::new();
    let reader = house.user("ann", &["--space", "notes/*", "--role", "reader", "--expires", "90d"]);
    assert_eq!((reader.len(), reader.lines().count()), (59, 1), "the token alone is printed");
    house.done(&["put", "notes/a", "c", "k", "a=1", "--create"]);
    house.done(&["put", "other", "c", "k", "a=1", "--create"]);
    for space in ["notes/a", "other"] {
        house.done(&["space", "members", space, "--set", "ann=writer"]);
    }
    assert_eq!(house.run_as(&reader, &["get", "notes/a", "c", "k"]).code, 0);
    let write = house.run_as(&reader, &["put", "notes/a", "c", "k", "a=2"]);
    assert_eq!((write.code, write.err.contains("forbidden")), (1, true), "{write:?}");
    let other = house.run_as(&reader, &["get", "other", "c", "k"]);
    assert_eq!((other.code, other.err.contains("unknown_space")), (1, true), "{other:?}");
    let listed = house.run_as(&reader, &["space", "list", "--json"]).json();
    assert_eq!(listed.len(), 1, "{listed:?}");
    let all = house.run_as(&reader, &["user", "list"]);
    assert_eq!((all.code, all.err.contains("forbidden")), (1, true));
    let tokens = house.run_as(&reader, &["token", "list", "--json"]).json();
    assert_eq!((&tokens[0]["role"], tokens.len()), (&"reader".into(), 1));
    assert!(tokens[0]["expires_ms"].as_u64().is_some());
}

#[test]
fn a_revoked_token_ends_its_sessions_at_once() {
    let house = House::new();
    house.done(&["put", "s", "c", "k", "a=1", "--create"]);
    let ann = house.user("ann", &["--label", "laptop"]);
    house.done(&["space", "members", "s", "--set", "ann=reader"]);
    let mut following = house.command(&["tail", "s"]);
    let tail = crate::house::Tail::of(following.env("SYNCLINE_TOKEN", &ann));
    assert_eq!(tail.next(), "1 put c/k a=1");
    let own = house.tail(&["s"]);
    assert_eq!(own.next(), "1 put c/k a=1");
    house.done(&["token", "revoke", &ann[3..15]]);
    let (code, notes) = tail.ended();
    assert_eq!(code, Some(1));
    assert!(notes.last().unwrap().contains("unauthorized"), "{notes:?}");
    assert_eq!(house.run_as(&ann, &["space", "list"]).code, 1);
    // Nobody else notices.
    house.done(&["put", "s", "c", "k", "a=2"]);
    assert_eq!(own.next(), "2 put c/k a=2");
    assert_eq!(house.run(&["token", "revoke", "0123456789ab"]).code, 1);
}

#[test]
fn a_member_that_is_removed_sees_no_more() {
    let house = House::new();
    house.done(&["space", "create", "s", "--owner", "admin"]);
    let ann = house.user("ann", &[]);
    let members = house.done(&["space", "members", "s", "--set", "ann=writer", "--json"]).json();
    assert_eq!(members.len(), 2, "{members:?}");
    let put = ["put", "s", "c", "k", "a=1", "--create"];
    assert_eq!(house.run_as(&ann, &put).code, 0, "who may write need not be able to create");
    let mut following = house.command(&["tail", "s"]);
    let tail = crate::house::Tail::of(following.env("SYNCLINE_TOKEN", &ann));
    assert_eq!(tail.next(), "1 put c/k a=1");
    house.done(&["space", "members", "s", "--remove", "ann"]);
    let (code, notes) = tail.ended();
    assert_eq!(code, Some(1));
    assert!(notes.last().unwrap().contains("unknown_space"), "{notes:?}");
    assert_eq!(house.run_as(&ann, &put).code, 1);
}

#[test]
fn spaces_are_shown_and_deleted() {
    let house = House::new();
    house.done(&["space", "create", "a/b"]);
    assert_eq!(house.run(&["space", "create", "a/b"]).code, 1);
    house.done(&["put", "a/b", "c", "k", "x=1"]);
    let shown = house.done(&["space", "show", "a/b"]).out;
    for part in ["epoch", "horizon", "log_entries     1", "COLLECTION", "USER", "admin"] {
        assert!(shown.contains(part), "{part}: {shown}");
    }
    let listed = house.done(&["space", "list"]).out;
    assert!(listed.contains("a/b") && listed.contains("system"), "{listed}");
    house.done(&["space", "delete", "a/b"]);
    let gone = house.run(&["space", "show", "a/b"]);
    assert_eq!((gone.code, gone.err.contains("unknown_space")), (1, true));
    assert_eq!(house.run(&["space", "delete", "system"]).code, 1);
}

#[test]
fn a_collections_retention_is_set_shown_and_kept() {
    let mut house = House::new();
    house.done(&["space", "create", "s"]);
    house.done(&["space", "retention", "s", "links", "30d"]);
    house.done(&["put", "s", "pages", "k", "a=1"]);
    house.restart();
    let shown = house.done(&["space", "retention", "s"]).out;
    let lines: Vec<Vec<&str>> = shown.lines().map(|it| it.split_whitespace().collect()).collect();
    assert_eq!(lines[0], ["COLLECTION", "TOMBSTONES", "RETENTION"]);
    assert_eq!(lines[1], ["links", "0", "30days"]);
    assert_eq!(lines[2], ["pages", "0", "default"]);
    house.done(&["space", "retention", "s", "links", "default"]);
    let shown = house.done(&["space", "retention", "s", "links"]).out;
    assert!(shown.lines().count() == 2 && shown.contains("default"), "{shown}");
    assert_eq!(house.run(&["space", "retention", "s", "links", "soon"]).code, 2);
    let short = house.run(&["space", "retention", "s", "links", "1s"]);
    assert_eq!((short.code, short.err.contains("an hour")), (1, true), "{short:?}");
}

#[test]
fn lists_longer_than_a_page_are_printed_whole() {
    let house = House::new();
    house.done(&["space", "create", "s"]);
    let token = house.token("admin", &[]);
    let write = |at| {
        let fields = json!({ "a": 1 });
        json!({ "op": "put", "collection": format!("c{at:04}"), "key": "k", "fields": fields })
    };
    let body = json!({ "writes": (0..1_005).map(write).collect::<Vec<_>>() }).to_string();
    let request = format!(
        "POST /hub/v1/spaces/s/push HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n\
         Connection: close\r\nAuthorization: Bearer {token}\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    let mut stream = TcpStream::connect(house.address()).unwrap();
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    let shown = house.done(&["space", "retention", "s"]).out;
    assert_eq!(shown.lines().count(), 1_006, "the head, and a line a collection");
}
