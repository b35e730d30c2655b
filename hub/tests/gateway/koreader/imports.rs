//! Imports: the files of KOsync, its backups in both encodings, and Redis in the official layout.
//! Importing twice changes nothing, and devices go on with the keys that they have.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use base64::Engine as _;
use serde::Serialize;
use serde_json::{Value as Json, json};
use tempfile::TempDir;

use super::{ALICE, House, KEY, position};

/// A position as KOsync keeps it.
fn file(percentage: f64, timestamp: u64) -> Json {
    json!({ "progress": format!("/p[{percentage}]"), "percentage": percentage, "device": "Kobo",
        "device_id": "", "document": "", "timestamp": timestamp, "pretty_name": "Walden" })
}

fn database(schema: u64) -> Json {
    let history = if schema == 6 {
        json!({ "d": { "document_history": [file(0.1, 100), file(0.2, 200)] } })
    } else if schema == 5 {
        json!({ "d": [file(0.1, 100), file(0.2, 200)] })
    } else {
        Json::Null
    };
    json!({ "schema": schema, "config": { "disable_registration": true }, "users": {
        "": { "password": "" },
        "a:b": { "password": "k", "documents": { "d": file(0.5, 300) } },
        "alice": { "username": "", "password": KEY, "documents": { "d": file(0.3, 300) },
            "history": history } } })
}

impl House {
    async fn import(&self, arguments: &[&str]) -> Vec<Json> {
        let mut all = vec!["koreader", "import", "--json"];
        all.extend(arguments);
        let printed = tokio::task::block_in_place(|| self.try_command(&all));
        printed.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// A command that may fail for one account and do the rest.
    fn try_command(&self, arguments: &[&str]) -> String {
        let output = Command::new(env!("CARGO_BIN_EXE_syncline"))
            .args(arguments)
            .env("SYNCLINE_URL", format!("http://{}", self.program.address))
            .env("SYNCLINE_TOKEN", self.program.token())
            .output()
            .unwrap();
        String::from_utf8(output.stdout).unwrap()
    }

    async fn sequence(&self) -> Json {
        let shown = self.hub("GET", "/hub/v1/spaces/koreader%2Falice", None).await.json();
        shown["sequence"].clone()
    }
}

fn total(report: &[Json]) -> &Json {
    &report.last().expect("a total")["total"]["total"]
}

/// Imports dry, then twice, and looks at what is there.
async fn check(arguments: &[&str], entries: usize) {
    let house = House::open().await;
    let dry: Vec<&str> = arguments.iter().copied().chain(["--dry-run"]).collect();
    let told = house.import(&dry).await;
    assert_eq!(total(&told)["positions"], entries, "{told:?}");
    assert_eq!(house.by(ALICE, "GET", "/users/auth", "").await.status, 401, "it was dry");
    let told = house.import(arguments).await;
    assert_eq!((&total(&told)["made"], &total(&told)["positions"]), (&json!(1), &json!(entries)));
    let found = house.pull(ALICE, "d").await;
    assert_eq!((&found["percentage"], &found["timestamp"]), (&json!(0.3), &json!(300)));
    let before = house.sequence().await;
    let told = house.import(arguments).await;
    let same = json!({ "made": 0, "positions": 0, "titles": 0, "keys_set": 0, "books": 0 });
    for (name, none) in same.as_object().unwrap() {
        assert_eq!(&total(&told)[name], none, "{name}: {told:?}");
    }
    assert_eq!(house.sequence().await, before, "importing twice changes nothing");
    house.pushed(ALICE, &position("d", "x", 0.1)).await;
    house.import(arguments).await;
    assert_eq!(house.pull(ALICE, "d").await["percentage"], 0.1, "what was pushed later wins");
}

fn written(folder: &TempDir, name: &str, bytes: &[u8]) -> String {
    let path = folder.path().join(name);
    std::fs::write(&path, bytes).unwrap();
    path.to_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_of_every_schema() {
    let folder = tempfile::tempdir().unwrap();
    for (schema, entries) in [(6, 3), (5, 3), (0, 1)] {
        let path = written(&folder, "database.json", database(schema).to_string().as_bytes());
        check(&[&path], entries).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_taken_over_is_told() {
    let house = House::of_alice().await;
    let folder = tempfile::tempdir().unwrap();
    let path = written(&folder, "database.json", database(6).to_string().as_bytes());
    let told = house.import(&[&path]).await;
    assert_eq!(told[0]["found"]["passed_over"].as_array().unwrap().len(), 1);
    let ours = told[0]["found"]["suggestions"][0]["ours"].as_str().unwrap();
    assert!(ours.contains("closed"), "{ours}");
    let failed: Vec<&Json> = told.iter().filter(|it| it["account"]["failed"].is_string()).collect();
    assert_eq!(failed.len(), 1, "{told:?}");
    assert_eq!(failed[0]["account"]["name"], "a:b");
    let told = house.import(&[&path, "--rename"]).await;
    assert_eq!(total(&told)["made"], 1, "{told:?}");
    let cut = written(&folder, "cut.json", &database(6).to_string().as_bytes()[..100]);
    assert_eq!(house.import(&[&cut]).await.len(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_that_is_here_keeps_its_key_unless_it_is_replaced() {
    let house = House::of_alice().await;
    let folder = tempfile::tempdir().unwrap();
    let mut other = database(6);
    other["users"]["alice"]["password"] = json!("other");
    let path = written(&folder, "database.json", other.to_string().as_bytes());
    let told = house.import(&[&path, "--existing", "skip"]).await;
    assert_eq!(total(&told)["positions"], 0);
    house.import(&[&path]).await;
    assert_eq!(house.pull(ALICE, "d").await["percentage"], 0.3);
    house.pushed(ALICE, &position("d", "x", 0.9)).await;
    house.import(&[&path, "--existing", "replace"]).await;
    let reader = super::Reader("alice", "other");
    assert_eq!(house.pull(reader, "d").await["percentage"], 0.3);
    assert_eq!(house.by(ALICE, "GET", "/users/auth", "").await.status, 401);
}

/// What another server knows opens a person's account here only where that is asked for.
#[tokio::test(flavor = "multi_thread")]
async fn an_account_without_a_key_gets_one_only_when_asked_and_an_admins_never() {
    let house = House::open().await;
    for (name, admin) in [("alice", false), ("root", true)] {
        let user = json!({ "name": name, "admin": admin });
        let made = house.hub("POST", "/hub/v1/users", Some(user)).await;
        assert_eq!(made.status, 201, "{}", made.text());
    }
    let folder = tempfile::tempdir().unwrap();
    let mut both = database(6);
    both["users"]["root"] = both["users"]["alice"].clone();
    let path = written(&folder, "database.json", both.to_string().as_bytes());
    let root = super::Reader("root", KEY);
    for existing in ["merge", "replace", "skip"] {
        let told = house.import(&[&path, "--existing", existing]).await;
        assert_eq!(total(&told)["keys_set"], 0, "{told:?}");
        assert_eq!(house.by(ALICE, "GET", "/users/auth", "").await.status, 401, "{existing}");
    }
    let told = house.import(&[&path, "--existing", "attach"]).await;
    assert_eq!(total(&told)["keys_set"], 1, "{told:?}");
    assert_eq!(house.pull(ALICE, "d").await["percentage"], 0.3);
    assert_eq!(house.by(root, "GET", "/users/auth", "").await.status, 401);
}

/// Around a backup's bytes, as KOsync writes it.
fn pem(kind: &str, bytes: &[u8]) -> String {
    let text = base64::engine::general_purpose::STANDARD.encode(bytes);
    let lines: Vec<&str> =
        text.as_bytes().chunks(64).map(|line| std::str::from_utf8(line).unwrap()).collect();
    format!(
        "-----BEGIN KOSYNC BACKUP-----\nApp: https://git.obth.eu/atjontv/kosync\n\
         Content-Type: {kind}\nCreated-At: 2026-11-20T15:52:13Z\nSchema: 6\n\n{}\n\
         -----END KOSYNC BACKUP-----\n",
        lines.join("\n")
    )
}

/// The MessagePack form has the program's own names for the same things.
mod packed {
    use std::collections::BTreeMap;

    use super::Serialize;

    #[derive(Serialize)]
    #[serde(rename_all = "PascalCase")]
    pub(super) struct Database {
        pub(super) schema: u64,
        pub(super) config: Option<()>,
        pub(super) users: BTreeMap<String, User>,
    }

    #[derive(Serialize)]
    #[serde(rename_all = "PascalCase")]
    pub(super) struct User {
        pub(super) username: String,
        pub(super) password: String,
        pub(super) documents: BTreeMap<String, File>,
        pub(super) history: Option<BTreeMap<String, History>>,
    }

    #[derive(Serialize)]
    #[serde(rename_all = "PascalCase")]
    pub(super) struct History {
        pub(super) document_history: Vec<File>,
    }

    #[derive(Serialize)]
    #[serde(rename_all = "PascalCase")]
    pub(super) struct File {
        pub(super) progress_data: Progress,
        pub(super) document_id: String,
        pub(super) timestamp: i64,
        pub(super) pretty_name: String,
    }

    #[derive(Serialize)]
    #[serde(rename_all = "PascalCase")]
    pub(super) struct Progress {
        pub(super) progress: String,
        pub(super) percentage: f32,
        pub(super) device: String,
        pub(super) device_id: String,
    }

    pub(super) fn file(percentage: f32, timestamp: i64) -> File {
        let (progress, device) = (format!("/p[{percentage}]"), "Kobo".to_owned());
        let progress_data = Progress { progress, percentage, device, device_id: String::new() };
        let (document_id, pretty_name) = ("d".to_owned(), "Walden".to_owned());
        File { progress_data, document_id, timestamp, pretty_name }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_of_both_encodings() {
    let folder = tempfile::tempdir().unwrap();
    let text = pem("application/json", database(6).to_string().as_bytes());
    check(&[&written(&folder, "json.bak", text.as_bytes())], 3).await;
    let history =
        packed::History { document_history: vec![packed::file(0.1, 100), packed::file(0.2, 200)] };
    let user = packed::User {
        username: String::new(),
        password: KEY.to_owned(),
        documents: [("d".to_owned(), packed::file(0.3, 300))].into(),
        history: Some([("d".to_owned(), history)].into()),
    };
    let users = [("alice".to_owned(), user)].into();
    let database = packed::Database { schema: 6, config: None, users };
    let text = pem("application/vnd.msgpack", &rmp_serde::to_vec_named(&database).unwrap());
    check(&[&written(&folder, "msgpack.bak", text.as_bytes())], 3).await;
}

/// A redis-server on a socket in a folder of its own.
struct Redis {
    child: Child,
    folder: TempDir,
}

impl Redis {
    /// None on a machine without one, which a build must not be.
    fn start() -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let mut command = Command::new("redis-server");
        command.args(["--port", "0", "--save", "", "--dir"]).arg(folder.path());
        command.arg("--unixsocket").arg(folder.path().join("redis.sock"));
        command.stdout(Stdio::null());
        match command.spawn() {
            Ok(child) => Some(Self { child, folder }),
            Err(error) => {
                assert_ne!(std::env::var("CI").as_deref(), Ok("true"), "redis-server: {error}");
                eprintln!("not run: there is no redis-server here");
                None
            }
        }
    }

    fn address(&self) -> String {
        format!("redis+unix://{}", self.folder.path().join("redis.sock").display())
    }

    fn connect(&self) -> redis::Connection {
        let client = redis::Client::open(self.address()).unwrap();
        loop {
            match client.get_connection() {
                Ok(connection) => return connection,
                Err(_) => std::thread::yield_now(),
            }
        }
    }

    /// Fills a database as the official server does, and saves it to a file.
    fn fill(&self) -> PathBuf {
        let mut connection = self.connect();
        let mut ask = |words: &[&str]| {
            let mut command = redis::cmd(words[0]);
            command.arg(&words[1..]).exec(&mut connection).unwrap();
        };
        ask(&["SELECT", "1"]);
        ask(&["SET", "user:alice:key", KEY]);
        ask(&[
            "HSET",
            "user:alice:document:d",
            "percentage",
            "0.3",
            "progress",
            "/p[3]",
            "device",
            "Kobo",
            "device_id",
            "userdata: NULL",
            "timestamp",
            "300",
        ]);
        ask(&["SET", "user:alice:document:old:percentage", "0.25"]);
        ask(&["SET", "user:alice:document:old:progress", "/p[1]"]);
        ask(&["SET", "user:alice:document:old:device", "Kindle"]);
        ask(&["HSET", "user:nobody:document:d", "percentage", "0.3"]);
        ask(&["LPUSH", "user:list", "x"]);
        ask(&["SAVE"]);
        self.folder.path().join("dump.rdb")
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        // It is gone afterwards, however it ended.
        let _ = (self.child.kill(), self.child.wait());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_running_redis_and_its_dump() {
    let Some(redis) = Redis::start() else { return };
    let dump = tokio::task::block_in_place(|| redis.fill());
    check(&["--redis", &redis.address()], 2).await;
    check(&[dump.to_str().unwrap()], 2).await;
    let house = House::open().await;
    let report = house.import(&["--redis", &redis.address()]).await;
    assert_eq!(report[0]["found"]["passed_over"].as_array().unwrap().len(), 2, "{report:?}");
    let old = house.pull(ALICE, "old").await;
    assert_eq!((&old["percentage"], &old["timestamp"]), (&json!(0.25), &json!(0)));
    let wrong = house.import(&["--redis", &redis.address(), "--database", "3"]).await;
    assert!(wrong.is_empty(), "{wrong:?}");
    assert!(Path::new(&dump).exists());
}
