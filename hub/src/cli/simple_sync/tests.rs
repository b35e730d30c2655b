//! The original's databases, read as they are: with a log beside them, and odd in every way that
//! one may be.

use std::path::{Path, PathBuf};

use rusqlite::Connection;

use super::layout::SCHEMA;
use super::original::Original;
use super::rules::AclFrom;
use super::source::Source;
use super::survey::Survey;
use crate::cli::Failure;

const NOW: u64 = 1_800_000_000_000;

/// A database whose rows are in its log alone, as the original leaves it; open, so that nothing is
/// moved out of the log.
fn original(folder: &Path, rows: &str) -> (PathBuf, Connection) {
    let file = folder.join("simple-sync.db");
    let database = Connection::open(&file).unwrap();
    database.execute_batch("PRAGMA journal_mode = WAL; PRAGMA wal_autocheckpoint = 0;").unwrap();
    database.execute_batch(SCHEMA).unwrap();
    database.execute_batch(rows).unwrap();
    (file, database)
}

const ROWS: &str = "
INSERT INTO user VALUES ('.root', '2026-11-20 15:51:23.280720888+00:00'),
  ('bo', '2026-11-20 15:51:24+00:00');
INSERT INTO event VALUES
  ('0199c74f-c696-78f8-833a-82f8cf1f1949', 1759985518, '.root', '.user.al', '.user.create', '{}'),
  ('0199c74f-c697-78f8-833a-82f8cf1f1949', 1759985518, 'bo', 'task.1', 'create', NULL),
  ('0199C74FC69778F8833A82F8CF1F1949', 1759985518, 'bo', 'task.1', 'create', ''),
  ('{0199c74f-c698-78f8-833a-82f8cf1f1949}', 1759985518, 'bo', 'task.2', 'create', 'one'),
  ('urn:uuid:0199c74f-c698-78f8-833a-82f8cf1f1949', 1759985518, 'bo', 'task.2', 'create', 'two'),
  ('0199c74f-c699-78f8-833a-82f8cf1f1949', 1759985518, '.root', '.acl', '.acl.addRule',
   '{\"user\":\"bo\",\"item\":\"task.*\",\"action\":\"*\",\"type\":\"allow\"}'),
  ('0199c74f-c69a-78f8-833a-82f8cf1f1949', 1759985518, '.root', '.acl', '.acl.deny',
   '{\"user\":\"*\",\"item\":\"task.private.*\",\"action\":\"*\"}'),
  ('0199c74f-c69b-78f8-833a-82f8cf1f1949', 1759985518, '.root', '.acl', '.acl.addRule', 'oh'),
  ('0199c74f-c69c-78f8-833a-82f8cf1f1949', 'when', 'bo', 'task.3', 'create', '');
INSERT INTO api_key VALUES
  ('0199ab65-1a1e-7000-80f5-23a591c5106e', 'bo', '$2a$10$x', '2026-11-20 15:51:24+00:00', NULL,
   'Laptop');
INSERT INTO setup_token VALUES
  ('AAAA-0001', 'bo', '2100-01-01 00:00:00+00:00', '0001-01-01 00:00:00+00:00'),
  ('AAAA-0002', 'bo', '2100-01-01 00:00:00+00:00', NULL),
  ('AAAA-0003', 'bo', '2100-01-01 00:00:00+00:00', '2026-11-20 15:51:24+00:00'),
  ('AAAA-0004', 'bo', '2026-11-20 15:51:24+00:00', NULL);
INSERT INTO acl_rule VALUES ('*', 'task.private.*', '*', 'allow'), ('al', '*', '*', 'allow');
";

fn survey(from: AclFrom) -> Survey {
    let folder = tempfile::tempdir().unwrap();
    let (file, _open) = original(folder.path(), ROWS);
    Survey::of(&Source::open(&file).unwrap(), from, NOW).unwrap()
}

fn told(survey: &Survey) -> serde_json::Value {
    survey.json(true)
}

#[test]
fn rows_that_are_only_in_the_log_are_read() {
    let survey = survey(AclFrom::Events);
    let told = told(&survey);
    let counts = ["events", "rule_events", "merged", "users", "users_of_events", "keys"];
    let counts = counts.map(|name| told[name].as_u64().unwrap());
    assert_eq!(counts, [8, 2, 1, 3, 1, 1], "{told}");
    let tokens: Vec<&str> = survey.tokens.iter().map(|it| it.token.as_str()).collect();
    assert_eq!(tokens, ["AAAA-0001", "AAAA-0002"]);
    let key = &survey.keys[0];
    assert_eq!((key.created_ms, key.last_used_ms), (1_795_189_884_000, None));
    assert_eq!((key.hash.as_str(), key.description.as_str()), ("$2a$10$x", "Laptop"));
    let notes = survey.notes.texts();
    assert!(notes.len() == 3 && survey.notes.has_lost(), "{notes:?}");
    assert!(notes[0].starts_with("0199c74fc69878f8833a82f8cf1f1949 stands for different events"));
    assert!(notes.iter().any(|note| note.contains("c69b") && note.contains("sets no rule")));
    assert!(notes.iter().any(|note| note.contains("c69c") && note.contains("is no time")));
}

#[test]
fn rules_that_gain_or_lose_force_are_listed_for_every_source() {
    let lines = |told: &serde_json::Value, name: &str| -> Vec<String> {
        let rules = told[name].as_array().unwrap().iter();
        rules.map(|rule| format!("{} {} {}", rule["type"], rule["user"], rule["item"])).collect()
    };
    let events = told(&survey(AclFrom::Events));
    assert_eq!(
        lines(&events, "gain"),
        [r#""deny" "*" "task.private.*""#, r#""allow" "bo" "task.*""#]
    );
    assert_eq!(lines(&events, "lose"), [r#""allow" "*" "task.private.*""#, r#""allow" "al" "*""#]);
    let table = told(&survey(AclFrom::Table));
    assert_eq!((lines(&table, "gain").len(), lines(&table, "lose").len()), (0, 0));
    assert_eq!(table["rules"], 2);
    let both = told(&survey(AclFrom::Both));
    assert_eq!(lines(&both, "lose"), [r#""allow" "*" "task.private.*""#]);
    assert_eq!(both["rules"], 3);
}

#[test]
fn events_come_in_the_order_of_their_rows_and_in_bounded_pages() {
    let folder = tempfile::tempdir().unwrap();
    let (file, database) = original(folder.path(), "");
    let put = "INSERT INTO event VALUES (?1, 1, 'bo', 'i', 'x', ?2)";
    for number in (0..1_200).rev() {
        database.execute(put, (format!("{number:032x}"), "p".repeat(10_000))).unwrap();
    }
    database.execute("DELETE FROM event WHERE rowid % 2 = 0", ()).unwrap();
    let source = Source::open(&file).unwrap();
    let mut events = source.events(AclFrom::Events).unwrap();
    let mut seen = Vec::new();
    while let Some(page) = events.next(&mut super::notes::Notes::default()).unwrap() {
        assert!(page.len() < 250, "a page has so many bytes and no more: {}", page.len());
        seen.extend(page.into_iter().map(|event| event.uuid));
    }
    let expected: Vec<_> =
        (0..1_200).rev().step_by(2).map(|number| format!("{number:032x}")).collect();
    assert_eq!(seen, expected);
}

#[test]
fn what_is_no_database_of_the_original_is_refused_by_a_sentence() {
    let folder = tempfile::tempdir().unwrap();
    let refused = |file: &Path| match Original::open(file) {
        Err(Failure::Failed(why)) => why,
        _ => panic!("it was opened"),
    };
    let (file, database) = original(folder.path(), "PRAGMA user_version = 2;");
    assert!(refused(&file).contains("version 2"));
    database.execute_batch("PRAGMA user_version = 0;").unwrap();
    assert!(refused(&file).contains("version 0"));
    database.execute_batch("PRAGMA user_version = 1; DROP TABLE acl_rule;").unwrap();
    assert!(refused(&file).contains("no table acl_rule"));
    let other = folder.path().join("other.db");
    std::fs::write(&other, [b"SQLite format 3\0".as_slice(), &[7; 4_096]].concat()).unwrap();
    assert!(refused(&other).contains("cannot be read"));
    assert!(refused(&folder.path().join("none.db")).contains("cannot be read"));
}

#[test]
fn a_database_without_its_log_is_told_of() {
    let folder = tempfile::tempdir().unwrap();
    let (file, database) = original(folder.path(), ROWS);
    drop(database);
    let survey = Survey::of(&Source::open(&file).unwrap(), AclFrom::Events, NOW).unwrap();
    assert_eq!(survey.events, 8, "the last to leave has moved all of it into the database");
    assert!(survey.notes.texts()[0].contains("no -wal file"));
}

#[test]
fn a_file_of_lines_is_read_with_either_names() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("history.ndjson");
    let lines = [
        r#"{"uuid":"a","timestamp":1,"userUuid":"al","itemUuid":"i","action":"x","payload":"p"}"#,
        "",
        r#"{"uuid":"b","timestamp":1,"user":"al","item":".user.bo","action":".user.create"}"#,
        "oh",
    ];
    std::fs::write(&file, lines.join("\n")).unwrap();
    let survey = Survey::of(&Source::open(&file).unwrap(), AclFrom::Events, NOW).unwrap();
    let told = told(&survey);
    assert_eq!((&told["events"], &told["users"]), (&2.into(), &1.into()));
    let notes = survey.notes.texts();
    assert!(notes.len() == 1 && notes[0].contains("history.ndjson:4: "), "{notes:?}");
}
