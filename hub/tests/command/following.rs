//! `tail`: where it begins, what it shows, and how it goes on after a cut.

use std::process::Stdio;

use serde_json::{Value as Json, json};

use crate::house::House;

#[test]
fn a_tail_begins_where_it_is_told_to() {
    let house = House::new();
    house.done(&["put", "s", "a", "k", "x=1", "--create"]);
    house.done(&["put", "s", "b", "k", "x=2"]);
    let show = house.done(&["space", "show", "s", "--json"]).json();
    let place = format!("{}:1", show[0]["epoch"].as_str().unwrap());
    let (start, after) = (house.tail(&["s"]), house.tail(&["s", "--from", &place]));
    let (now, of_b) =
        (house.tail(&["s", "--from", "now"]), house.tail(&["s", "--collection", "b"]));
    assert!(now.note().contains(":2"), "it is there before the next delta comes");
    house.done(&["delete", "s", "a", "k"]);
    house.done(&["put", "s", "b", "l", "x=3"]);
    let all = ["1 put a/k x=1", "2 put b/k x=2", "3 delete a/k", "4 put b/l x=3"];
    // The log keeps what is in force: a superseded delta may be gone already.
    let seen = start.take(3);
    assert!(seen.iter().all(|line| all.contains(&line.as_str())), "{seen:?}");
    assert_eq!(after.take(3), all[1..]);
    assert_eq!(now.take(2), all[2..]);
    assert_eq!(of_b.take(2), [all[1], all[3]]);
}

#[test]
fn json_lines_have_the_documented_names() {
    let house = House::new();
    house.done(&["put", "s", "c", "k", "x=[1]", "y=2", "--create"]);
    let tail = house.tail(&["s", "--json", "--from", "start"]);
    let first: Json = serde_json::from_str(&tail.next()).unwrap();
    let names: Vec<_> = first.as_object().unwrap().keys().collect();
    assert_eq!(names, ["space", "collection", "key", "op", "fields", "stamp", "sequence"]);
    assert_eq!((&first["op"], &first["sequence"]), (&json!("put"), &json!(1)));
    assert_eq!(first["fields"], json!({ "x": [1], "y": 2 }));
    house.done(&["put", "s", "c", "k", "--drop", "y"]);
    let second: Json = serde_json::from_str(&tail.next()).unwrap();
    assert_eq!((&second["fields"], &second["dropped"]), (&json!({}), &json!(["y"])));
    house.done(&["delete", "s", "c", "k"]);
    let third: Json = serde_json::from_str(&tail.next()).unwrap();
    assert_eq!((&third["op"], &third["fields"]), (&json!("delete"), &json!({})));
}

#[test]
fn a_tail_goes_on_after_a_cut_and_misses_nothing() {
    let mut house = House::new();
    house.done(&["put", "s", "c", "k1", "x=1", "--create"]);
    let tail = house.tail(&["s"]);
    assert_eq!(tail.next(), "1 put c/k1 x=1");
    house.restart();
    house.done(&["put", "s", "c", "k2", "x=2"]);
    assert_eq!(tail.next(), "2 put c/k2 x=2");
    house.restart();
    house.done(&["put", "s", "c", "k3", "x=3"]);
    house.done(&["put", "s", "c", "k4", "x=4"]);
    assert_eq!(tail.take(2), ["3 put c/k3 x=3", "4 put c/k4 x=4"]);
    assert!(tail.end().is_empty(), "nothing comes twice");
}

#[test]
fn a_place_that_is_not_in_the_log_is_refused() {
    let house = House::new();
    house.done(&["space", "create", "s"]);
    for place in ["0123456789abcdef:0", "0123456789abcdef:7"] {
        let outcome = house.run(&["tail", "s", "--from", place]);
        assert_eq!(
            (outcome.code, outcome.err.contains("unknown_cursor")),
            (1, true),
            "{outcome:?}"
        );
    }
}

#[test]
fn a_reader_that_has_enough_ends_the_command_quietly() {
    let house = House::new();
    house.done(&["put", "s", "c", "k", "x=1", "--create"]);
    let mut export = house.command(&["export", "s"]);
    let mut process = export.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop(process.stdout.take());
    let output = process.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    assert!(output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
}
