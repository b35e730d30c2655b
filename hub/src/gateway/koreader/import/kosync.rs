//! KOsync's `database.json`, of every schema: any field may be missing, and a schema's number does
//! not say which. Pure.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Map, Value as Json};

use super::super::mapping::Position;
use super::source::{Account, Book, Source, Suggestion};

/// The newest schema that is known.
pub(super) const SCHEMA_MAX: u64 = 6;

/// The file.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Database {
    pub(super) schema: u64,
    pub(super) config: Option<Map<String, Json>>,
    pub(super) users: Option<BTreeMap<String, User>>,
    /// The first release had its settings at the top.
    pub(super) listen_address: Option<Json>,
    pub(super) disable_registration: Option<Json>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct User {
    pub(super) password: String,
    pub(super) documents: Option<BTreeMap<String, File>>,
    pub(super) history: Option<BTreeMap<String, History>>,
}

/// A document's state.
#[derive(Debug, Default, Clone, Deserialize)]
#[serde(default)]
pub(super) struct File {
    pub(super) progress: String,
    pub(super) percentage: f64,
    pub(super) device: String,
    pub(super) device_id: String,
    pub(super) timestamp: i64,
    pub(super) pretty_name: String,
}

/// What a document's earlier states are in: the program writes the one, its manual shows the other.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub(super) enum History {
    Written { document_history: Option<Vec<File>> },
    Shown(Vec<File>),
}

/// Reads a database.
pub(super) fn read(bytes: &[u8]) -> Result<Source, String> {
    let database: Database = serde_json::from_slice(bytes).map_err(|error| {
        format!(
            "this is no database.json, or it was copied while KOsync wrote it ({error}): stop \
             KOsync first, or use a .bak"
        )
    })?;
    source(database)
}

/// What a database holds.
pub(super) fn source(database: Database) -> Result<Source, String> {
    if database.schema > SCHEMA_MAX {
        let schema = database.schema;
        return Err(format!("schema {schema} is newer than what is known, {SCHEMA_MAX}"));
    }
    let mut config = database.config.unwrap_or_default();
    config.extend(database.listen_address.map(|it| ("listen_address".to_owned(), it)));
    config.extend(database.disable_registration.map(|it| ("disable_registration".to_owned(), it)));
    let mut source = Source { suggestions: suggestions(&config), ..Source::default() };
    for (name, user) in database.users.unwrap_or_default() {
        if name.is_empty() {
            source.notes.push("the account without a name, which anyone could use".to_owned());
            continue;
        }
        source.accounts.push(account(&name, user));
    }
    Ok(source)
}

/// The map's keys name users and documents; what stands inside may be empty.
fn account(name: &str, user: User) -> Account {
    let mut account = Account::new(name, &user.password);
    let mut histories = user.history.unwrap_or_default();
    let documents = user.documents.unwrap_or_default();
    for (document, file) in documents {
        let earlier = histories.remove(&document).map(History::into_files).unwrap_or_default();
        account.add_document(document, earlier, Some(file));
    }
    for (document, history) in histories {
        account.add_document(document, history.into_files(), None);
    }
    account
}

impl Account {
    fn add_document(&mut self, document: String, earlier: Vec<File>, file: Option<File>) {
        if document.is_empty() {
            self.notes.push("a document without an id".to_owned());
            return;
        }
        let title = file.as_ref().map(|file| file.pretty_name.clone());
        let title = title.filter(|title| !title.is_empty());
        // Before the first real state KOsync writes an empty one.
        let states = earlier.into_iter().chain(file).filter(|file| !file.is_empty());
        let mut events: Vec<Position> = states.map(File::into_position).collect();
        events.dedup();
        self.add(Book { document, title, events });
    }
}

impl History {
    fn into_files(self) -> Vec<File> {
        match self {
            Self::Written { document_history } => document_history.unwrap_or_default(),
            Self::Shown(files) => files,
        }
    }
}

impl File {
    fn is_empty(&self) -> bool {
        self.timestamp == 0 && self.progress.is_empty() && self.device.is_empty()
    }

    fn into_position(self) -> Position {
        Position {
            progress: self.progress,
            percentage: self.percentage,
            device: self.device,
            device_id: Some(self.device_id).filter(|id| !id.is_empty()),
            timestamp: u64::try_from(self.timestamp).unwrap_or(0),
        }
    }
}

fn suggestions(config: &Map<String, Json>) -> Vec<Suggestion> {
    let known = config.iter().filter_map(|(key, value)| {
        let ours = match (key.as_str(), value) {
            ("disable_registration", Json::Bool(true)) => {
                "gateways.koreader.registration = \"closed\"".to_owned()
            }
            ("disable_registration", Json::Bool(false)) => {
                "gateways.koreader.registration = \"open\"".to_owned()
            }
            ("listen_address", Json::String(address)) if !address.is_empty() => {
                let full = address.strip_prefix(':').map(|port| format!("0.0.0.0:{port}"));
                let full = full.unwrap_or_else(|| address.clone());
                format!("gateways.koreader.listen = [\"{full}\"]")
            }
            ("store_history", Json::Bool(false)) => {
                "gateways.koreader.history_entries = 1".to_owned()
            }
            ("backup_on_startup", Json::Bool(true)) => {
                "none: run `syncline backup` from a timer".to_owned()
            }
            ("enable_webui", Json::Bool(_)) => "none: the dashboard is always there".to_owned(),
            _ => return None,
        };
        Some(Suggestion { theirs: format!("{key} = {value}"), ours })
    });
    known.collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn file(timestamp: u64, percentage: f64) -> Json {
        json!({ "progress": "p", "percentage": percentage, "device": "Kobo", "device_id": "",
            "document": "", "timestamp": timestamp, "pretty_name": "" })
    }

    fn books(user: &Json) -> Vec<Book> {
        let database = json!({ "schema": 6, "users": { "ann": user } });
        let source = read(database.to_string().as_bytes()).unwrap();
        source.accounts.into_iter().next().unwrap().books
    }

    #[test]
    fn every_schema_is_read() {
        let first = json!({ "listen_address": ":8080", "disable_registration": true, "users": {
            "ann": { "username": "", "password": "k", "documents": { "d": file(5, 0.2) } } } });
        let source = read(first.to_string().as_bytes()).unwrap();
        assert_eq!(source.accounts[0].books[0].events[0].timestamp, 5);
        let ours: Vec<&str> = source.suggestions.iter().map(|it| it.ours.as_str()).collect();
        assert!(ours.contains(&"gateways.koreader.listen = [\"0.0.0.0:8080\"]"), "{ours:?}");
        assert!(ours.contains(&"gateways.koreader.registration = \"closed\""), "{ours:?}");
        for schema in 0..=6 {
            let database = json!({ "schema": schema, "config": {}, "users": {
                "ann": { "password": "k", "documents": null, "history": null }, "bob": {} } });
            assert_eq!(read(database.to_string().as_bytes()).unwrap().accounts.len(), 2);
        }
        assert!(read(br#"{"schema": 7}"#).is_err());
        assert!(read(br#"{"schema": 6, "users": {"ann"#).unwrap_err().contains("stop KOsync"));
    }

    #[test]
    fn both_shapes_of_history_come_before_the_current_state() {
        for history in
            [json!({ "document_history": [file(0, 0.0), file(3, 0.1)] }), json!([file(3, 0.1)])]
        {
            let user = json!({ "documents": { "d": file(5, 0.2) }, "history": { "d": history } });
            let times: Vec<u64> = books(&user)[0].events.iter().map(|it| it.timestamp).collect();
            assert!(times == [0, 3, 5] || times == [3, 5], "{times:?}");
        }
        let empty = json!({ "timestamp": 0, "progress": "", "device": "" });
        let user = json!({ "documents": { "d": file(5, 0.2) },
            "history": { "d": { "document_history": [empty] } } });
        assert_eq!(books(&user)[0].events.len(), 1);
    }

    #[test]
    fn a_title_alone_is_no_position() {
        let user = json!({ "documents": {
            "d": { "pretty_name": "Leaves of Grass", "timestamp": 0, "progress": "" }, "": file(1, 0.1) } });
        let books = books(&user);
        assert_eq!(books.len(), 1);
        assert_eq!(books[0].title.as_deref(), Some("Leaves of Grass"));
        assert!(books[0].events.is_empty());
    }

    #[test]
    fn nobody_is_passed_over() {
        let source = read(br#"{"users": {"": {"password": ""}}}"#).unwrap();
        assert_eq!((source.accounts.len(), source.notes.len()), (0, 1));
    }
}
