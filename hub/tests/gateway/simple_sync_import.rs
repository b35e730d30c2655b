//! Moving in from simple-sync and out again: its database with a log beside it, files of events,
//! keys that it hashed, and the first key of a hub that has none.
//!
//! - `database`: the original's database, whole, twice, and by each source of rules.
//! - `leaving`: out again, as lines and as a database of the original's.
//! - `people`: tokens for `.root`, rules, users and keys by the command.

mod database;
mod leaving;
mod people;

use std::path::{Path, PathBuf};
use std::process::Command;

use rusqlite::Connection;
use serde_json::{Value as Json, json};

use crate::asking::{Answer, ask};
use crate::program::Program;

/// What the original writes: version 1 of its layout.
const SCHEMA: &str = "
CREATE TABLE user (id TEXT PRIMARY KEY, created_at DATETIME NOT NULL);
CREATE TABLE event (uuid TEXT PRIMARY KEY, timestamp INTEGER NOT NULL, user TEXT NOT NULL,
  item TEXT NOT NULL, action TEXT NOT NULL, payload TEXT);
CREATE INDEX idx_event_timestamp ON event (timestamp);
CREATE INDEX idx_event_item ON event (item);
CREATE TABLE api_key (uuid TEXT PRIMARY KEY, user TEXT NOT NULL, key_hash TEXT NOT NULL,
  created_at DATETIME NOT NULL, last_used_at DATETIME, description TEXT,
  FOREIGN KEY (user) REFERENCES user (id) ON DELETE CASCADE);
CREATE UNIQUE INDEX idx_api_key_key_hash ON api_key (key_hash);
CREATE TABLE setup_token (token TEXT PRIMARY KEY, user TEXT NOT NULL, expires_at DATETIME,
  used_at DATETIME, FOREIGN KEY (user) REFERENCES user (id) ON DELETE CASCADE);
CREATE TABLE acl_rule (user TEXT NOT NULL, item TEXT NOT NULL, action TEXT NOT NULL,
  type TEXT NOT NULL, PRIMARY KEY (user, item, action, type));
PRAGMA user_version = 1;";

/// Keys as people hold them.
const ROOT: &str = "sk_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8";
const BO: &str = "sk_ICEiIyQlJicoKSorLC0uLzAxMjM0NTY3ODk6Ozw9Pj8";
/// A key that nobody has.
const NOBODY: &str = "sk_QEFCQ0RFRkdISUpLTE1OT1BRUlNUVVZXWFlaW1xdXl8";

/// A moment of the past, in seconds.
const THEN: u64 = 1_759_985_518;

/// A UUID of version 7 that carries a time.
fn uuid(seconds: u64, number: u64) -> String {
    let hex = format!("{:012x}", seconds * 1000 + number % 1000);
    format!("{}-{}-7{:03x}-8000-{number:012x}", &hex[..8], &hex[8..], number % 4096)
}

/// An event as the API has it.
fn event(number: u64, user: &str, item: &str, action: &str, payload: &str) -> Json {
    json!({ "uuid": uuid(THEN, number), "timestamp": THEN, "user": user, "item": item,
        "action": action, "payload": payload })
}

fn rule_event(number: u64, user: &str, item: &str, verdict: &str) -> Json {
    let rule = json!({ "user": user, "item": item, "action": "*", "type": verdict });
    event(number, ".root", ".acl", ".acl.addRule", &rule.to_string())
}

fn hash(key: &str) -> String {
    // As Go writes it; a low cost, for a test that has two cores.
    bcrypt::hash(key, 4).unwrap().replacen("$2b$", "$2a$", 1)
}

/// A database of the original's, held open so that everything is in its log alone.
struct Original {
    folder: tempfile::TempDir,
    database: Connection,
}

impl Original {
    /// One with the layout and nothing else.
    fn empty() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let database = Connection::open(folder.path().join("simple-sync.db")).unwrap();
        let log = "PRAGMA journal_mode = WAL; PRAGMA wal_autocheckpoint = 0;";
        database.execute_batch(log).unwrap();
        database.execute_batch(SCHEMA).unwrap();
        Self { folder, database }
    }

    /// One of a small house: `.root` and `bo` with keys, `al` by an event alone.
    fn of_a_house() -> Self {
        let original = Self::empty();
        let rows = "INSERT INTO user VALUES ('.root', '2026-11-20 15:51:23.280720888+00:00'),
              ('bo', '2026-11-20 15:51:24+00:00');
            INSERT INTO setup_token VALUES
              ('GOOD-0001', 'bo', '2100-01-01 00:00:00+00:00', '0001-01-01 00:00:00+00:00'),
              ('USED-0001', 'bo', '2100-01-01 00:00:00+00:00', '2026-11-20 15:51:24+00:00'),
              ('LATE-0001', 'bo', '2026-11-20 15:51:24+00:00', NULL);
            INSERT INTO acl_rule VALUES ('bo', 'table.*', '*', 'allow');";
        original.database.execute_batch(rows).unwrap();
        for (number, user, key) in [(1, ".root", ROOT), (2, "bo", BO)] {
            let put = "INSERT INTO api_key VALUES (?1, ?2, ?3, ?4, NULL, 'Laptop')";
            let row = (uuid(THEN, number), user, hash(key), "2026-11-20 15:51:24.5+00:00");
            original.database.execute(put, row).unwrap();
        }
        for event in house_events() {
            original.put(&event);
        }
        original
    }

    fn put(&self, event: &Json) {
        let text = |name: &str| event[name].as_str();
        let put = "INSERT INTO event VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
        // The original writes NULL where nothing was sent.
        let payload = text("payload").filter(|payload| !payload.is_empty());
        let row = (
            text("uuid"),
            event["timestamp"].as_i64(),
            text("user"),
            text("item"),
            text("action"),
            payload,
        );
        self.database.execute(put, row).unwrap();
    }

    fn file(&self) -> PathBuf {
        self.folder.path().join("simple-sync.db")
    }
}

/// In the order of the rows, which is not that of the ids.
fn house_events() -> Vec<Json> {
    vec![
        event(10, ".root", ".user.al", ".user.create", "{}"),
        rule_event(30, "bo", "task.*", "deny"),
        rule_event(20, "bo", "task.*", "allow"),
        rule_event(21, "*", "task.private.*", "deny"),
        event(22, ".root", ".acl", ".acl.addRule", "this is no rule"),
        event(11, "bo", "task.1", "create", "{\"title\":\"Milk <b>\"}"),
        event(5, "bo", "task.1", "edit", ""),
        event(12, "bo", "odd item \u{e9}*", "x y", "p"),
    ]
}

/// A hub, its folder, and the command.
struct House {
    program: Program,
}

impl House {
    async fn open() -> Self {
        Self::with(&[]).await
    }

    async fn with(settings: &[(&str, &str)]) -> Self {
        let all: Vec<(String, String)> = settings
            .iter()
            .map(|(key, value)| {
                (format!("SYNCLINE_GATEWAYS__SIMPLE_SYNC__{key}"), (*value).to_owned())
            })
            .collect();
        let start = move || {
            let all: Vec<(&str, &str)> = all.iter().map(|(k, v)| (&**k, &**v)).collect();
            Program::start(&all)
        };
        Self { program: tokio::task::spawn_blocking(start).await.unwrap() }
    }

    /// A hub that took in a database.
    async fn of(original: &Original) -> Self {
        let house = Self::open().await;
        house.import(&original.file(), &[]).await;
        house
    }

    /// Imports, and gives what was told at the end.
    async fn import(&self, file: &Path, more: &[&str]) -> Json {
        let file = file.to_str().unwrap();
        let arguments = [&["simple-sync", "import", file, "--json"], more].concat();
        let told = self.command(&arguments).await;
        serde_json::from_str(told.lines().last().unwrap()).unwrap()
    }

    /// A command of the program against this hub; gives what it printed.
    async fn command(&self, arguments: &[&str]) -> String {
        tokio::task::block_in_place(|| self.program.command(arguments))
    }

    /// A command that is refused; gives what it said.
    async fn fails(&self, arguments: &[&str]) -> String {
        let url = format!("http://{}", self.program.address);
        let more = ["--url", &url, "--token", &self.program.token()].map(str::to_owned);
        let all: Vec<&str> = arguments.iter().copied().chain(more.iter().map(|it| &**it)).collect();
        let (code, out, why) = tokio::task::block_in_place(|| alone(&all));
        assert_eq!(code, 1, "{arguments:?}: {out}{why}");
        why
    }

    /// A list that a command prints as JSON.
    async fn listed(&self, what: &str) -> Vec<Json> {
        let told = self.command(&["simple-sync", what, "--json"]).await;
        told.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    async fn by(&self, key: &str, method: &str, path: &str, body: Option<&Json>) -> Answer {
        let body = body.map(ToString::to_string).unwrap_or_default();
        let headers = [("X-API-Key", key)];
        ask(self.program.address, method, path, &headers, body.as_bytes()).await
    }

    async fn history(&self, key: &str) -> Vec<Json> {
        let answer = self.by(key, "GET", "/api/v1/events", None).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        answer.json().as_array().unwrap().clone()
    }

    /// Pushes one event of this moment; gives status and error text.
    async fn push(&self, key: &str, user: &str, item: &str) -> (u16, String) {
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
        let id = uuid(now.as_secs(), now.subsec_nanos().into());
        let event = json!([{ "uuid": id, "timestamp": now.as_secs(), "user": user,
            "item": item, "action": "create", "payload": "{}" }]);
        let answer = self.by(key, "POST", "/api/v1/events", Some(&event)).await;
        let text = answer.json()["error"].as_str().unwrap_or_default().to_owned();
        (answer.status, text)
    }

    /// A request to the hub's own routes, by its admin.
    async fn hub(&self, path: &str) -> Json {
        let bearer = format!("Bearer {}", self.program.token());
        let answer =
            ask(self.program.address, "GET", path, &[("Authorization", &bearer)], b"").await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        answer.json()
    }

    /// How far the app's space and the accounts have come: nothing was written while this stays.
    async fn sequences(&self) -> [Json; 2] {
        let app = self.hub("/hub/v1/spaces/simple-sync%2Fevents").await;
        let system = self.hub("/hub/v1/spaces/system").await;
        [app["sequence"].clone(), system["sequence"].clone()]
    }

    /// The keys of which the hub knows the bcrypt hash alone.
    async fn hashes(&self) -> Vec<Json> {
        let all = self.hub("/hub/v1/gateways/simple_sync/hashes?app=events").await;
        all["items"].as_array().unwrap().clone()
    }

    async fn exchange(&self, token: &str) -> Answer {
        let body = json!({ "token": token }).to_string();
        ask(self.program.address, "POST", "/api/v1/user/exchangeToken", &[], body.as_bytes()).await
    }
}

/// The program, with nothing of the surroundings that could lead it astray.
fn program() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_syncline"));
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("SYNCLINE_")) {
        command.env_remove(name);
    }
    command
}

/// The program, apart from any hub; gives exit code, output and errors.
fn alone(arguments: &[&str]) -> (i32, String, String) {
    let output = program().args(arguments).output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap_or(-1), text(output.stdout), text(output.stderr))
}
