//! `serve`, `config`, and what every command has in common: help, trust, exit codes.

use std::os::unix::fs::PermissionsExt as _;

use crate::house::{House, Outcome, Tail, program};

fn mode(path: &std::path::Path) -> u32 {
    std::fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[test]
fn the_first_start_leaves_a_token_and_says_where() {
    let mut house = House::new();
    let text = &house.greeting;
    for part in ["SHA-256", "syncline-data/admin-token", "syncline space create", "first start"] {
        assert!(text.contains(part), "{part}: {text}");
    }
    assert!(!text.contains("sl_"), "a pipe must not see the token: {text}");
    let log = std::fs::read_to_string(house.folder.path().join("log")).unwrap();
    assert!(!log.contains("sl_"), "{log}");
    assert_eq!(mode(&house.data()), 0o700);
    assert_eq!(mode(&house.data().join("admin-token")), 0o600);
    assert_eq!(mode(&house.data().join("syncline.redb")), 0o600);

    assert_eq!(house.stop(), Some(0));
    house.restart();
    assert!(!house.greeting.contains("first start"), "{}", house.greeting);
    house.done(&["space", "list"]);
}

#[test]
fn a_hub_ends_in_good_manners() {
    let mut house = House::new();
    house.done(&["space", "create", "s"]);
    let tail = house.tail(&["s"]);
    assert!(tail.note().contains("s from"));
    assert_eq!(house.stop(), Some(0));
    // The one who follows hears of it and waits for the hub to come back.
    assert!(tail.note().contains("going_away"));
}

#[test]
fn what_cannot_be_served_is_said_and_fails() {
    let house = House::new();
    let serve = |args: &[&str]| {
        let args = [&["serve", "--data", "other"], args].concat();
        Outcome::of(program(house.folder.path()).args(args))
    };
    let taken = serve(&["--listen", house.address()]);
    assert_eq!((taken.code, taken.err.contains("cannot listen on")), (1, true), "{taken:?}");
    let same = Outcome::of(program(house.folder.path()).args(["serve", "--listen", "127.0.0.1:0"]));
    assert_eq!((same.code, same.err.contains("in use by another process")), (1, true), "{same:?}");
    let file = house.file("wrong.toml", "[sync]\nheartbeet = \"1s\"\n");
    let wrong = serve(&["--config", &file]);
    assert_eq!(wrong.code, 1);
    for part in ["wrong.toml", "heartbeet", "sync.heartbeat"] {
        assert!(wrong.err.contains(part), "{part}: {}", wrong.err);
    }
    let broken = house.folder.path().join("broken");
    std::fs::create_dir(&broken).unwrap();
    std::fs::write(broken.join("syncline.redb"), "not a store").unwrap();
    let broken = broken.to_str().unwrap();
    let damaged = Outcome::of(program(house.folder.path()).args(["serve", "--data", broken]));
    assert_eq!(
        (damaged.code, damaged.err.contains("broken/syncline.redb")),
        (1, true),
        "{damaged:?}"
    );
}

#[test]
fn settings_are_checked_and_printed() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("a.toml");
    std::fs::write(&file, "data = \"elsewhere\"\n").unwrap();
    let config = |what: &str, file: &std::path::Path| {
        let args = ["config", what, "--config", file.to_str().unwrap()];
        Outcome::of(program(folder.path()).args(args))
    };
    assert_eq!(config("check", &file).code, 0);
    let printed = config("print", &file);
    assert!(printed.out.contains("data = \"elsewhere\""), "{}", printed.out);
    let again = folder.path().join("b.toml");
    std::fs::write(&again, &printed.out).unwrap();
    assert_eq!(config("print", &again).out, printed.out);
    let missing = config("check", &folder.path().join("none.toml"));
    assert_eq!((missing.code, missing.err.contains("none.toml")), (1, true));
}

#[test]
fn a_command_that_is_not_understood_is_code_2() {
    let house = House::new();
    for args in [
        &["fly"][..],
        &["put", "s", "c"],
        &["put", "s", "c", "k"],
        &["put", "s", "c", "k", "field"],
        &["put", "s", "not a collection", "k", "a=1"],
        &["get", "NOT A SPACE", "c"],
        &["tail", "s", "--from", "yesterday"],
        &["token", "create", "--user", "ann", "--role", "king"],
        &["token", "create", "--user", "ann", "--expires", "soon"],
        &["space", "members", "s", "--set", "ann"],
        &["space", "list", "--url", "nowhere"],
        &["space", "list", "--pin", "abc", "--url", "https://127.0.0.1:1"],
        &["space", "list", "--ca", "none.pem", "--url", "https://127.0.0.1:1"],
    ] {
        let outcome = house.run(args);
        assert_eq!(outcome.code, 2, "{args:?}: {outcome:?}");
        assert!(!outcome.err.is_empty() && outcome.out.is_empty(), "{args:?}");
    }
    let help = house.done(&["--help"]);
    assert!(help.out.contains("Examples:"), "{}", help.out);
}

#[test]
fn a_hub_that_is_not_there_is_code_1_and_no_token_is_code_2() {
    let mut house = House::new();
    house.done(&["space", "create", "s"]);
    house.kill();
    for args in [&["space", "list"][..], &["get", "s", "c"], &["tail", "s"], &["doctor"]] {
        let outcome = house.run(args);
        assert_eq!(outcome.code, 1, "{args:?}: {outcome:?}");
        assert!(outcome.err.contains(house.address().rsplit(':').next().unwrap()), "{outcome:?}");
    }
    let away = ["space", "list", "--url", "http://192.0.2.1:7962"];
    let outcome = house.run(&away);
    assert_eq!((outcome.code, outcome.err.contains("--token")), (2, true), "{outcome:?}");
}

#[test]
fn a_wrong_token_is_refused_everywhere() {
    let house = House::new();
    house.done(&["space", "create", "s"]);
    let wrong = format!("sl_0123456789ab_{}", "A".repeat(43));
    for args in [&["space", "list"][..], &["get", "s", "c"], &["tail", "s"], &["verify", "s"]] {
        let outcome = house.run_as(&wrong, args);
        assert_eq!(outcome.code, 1, "{args:?}");
        assert!(outcome.err.contains("unauthorized"), "{args:?}: {outcome:?}");
        assert!(!outcome.err.contains(&wrong));
    }
}

#[test]
fn a_pinned_key_is_trusted_and_no_other() {
    let house = House::new();
    let pin = house.greeting.lines().find(|line| line.contains("SHA-256")).unwrap();
    let pin = pin.rsplit(' ').next().unwrap();
    let url = house.url.replace("http", "https");
    house.done(&["space", "create", "s", "--url", &url, "--pin", pin]);
    house.done(&["put", "s", "c", "k", "a=1", "--url", &url, "--pin", pin]);
    let tail = house.tail(&["s", "--url", &url, "--pin", pin]);
    assert_eq!(tail.next(), "1 put c/k a=1");
    let other = "0".repeat(64);
    for args in [&["space", "list"][..], &["get", "s", "c"], &["tail", "s"]] {
        for trust in [&["--pin", other.as_str()][..], &[]] {
            let args = [args, trust, &["--url", &url]].concat();
            let outcome = house.run(&args);
            assert_eq!(outcome.code, 1, "{args:?}: {outcome:?}");
        }
    }
}

#[test]
fn a_certificate_authority_of_ones_own_is_trusted() {
    let house = House::with(&[("SYNCLINE_TLS__NAMES", "127.0.0.1")]);
    let ca = house.data().join("tls/certificate.pem");
    let url = house.url.replace("http", "https");
    let trust = ["--url", &url, "--ca", ca.to_str().unwrap()];
    house.done(&[&["put", "s", "c", "k", "a=1", "--create"], &trust[..]].concat());
    assert_eq!(house.done(&[&["export", "s"], &trust[..]].concat()).out.lines().count(), 1);
    let tail = house.tail(&[&["s"], &trust[..]].concat());
    assert_eq!(tail.next(), "1 put c/k a=1");
}

#[test]
fn a_full_disk_ends_the_hub_and_nothing_is_acknowledged_in_vain() {
    let mut house = House::with_space_for_the_store();
    let line = |at: usize| format!("{{\"id\": {at}, \"text\": \"{}\"}}\n", noise(at));
    let lines: String = (0..4_000).map(line).collect();
    let file = house.file("large.ndjson", lines);
    let import =
        Tail::of(&mut house.command(&["import", "s", "c", &file, "--key", "id", "--create"]));
    assert_eq!(house.wait(), Some(1), "a hub that cannot write does not go on");
    let note = import.note();
    assert!(note.contains("waiting for the hub"), "the import says so and waits: {note}");
    let log = std::fs::read_to_string(house.folder.path().join("log")).unwrap();
    assert!(log.contains("the store failed") && log.contains("cannot write any more"), "{log}");
    // With room on the disk the import goes on by itself, and is whole.
    house.restart();
    let (code, notes) = import.ended();
    assert_eq!(code, Some(0), "{notes:?}");
    assert!(notes.last().unwrap().contains("4000 changed"), "{notes:?}");
    assert_eq!(house.done(&["verify", "s"]).out, "c equal\n");
    assert_eq!(house.done(&["export", "s"]).out.lines().count(), 4_000);
}

/// A text that does not compress, another one for each number.
fn noise(seed: usize) -> String {
    let mut state = seed as u64 + 1;
    let mut digit = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        char::from(b'a' + u8::try_from(state >> 60).unwrap())
    };
    (0..2_000).map(|_| digit()).collect()
}
