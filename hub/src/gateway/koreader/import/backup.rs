//! KOsync's `.bak`: PEM around JSON, or around MessagePack with the program's own field names.
//! Pure.

use std::collections::BTreeMap;
use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::de::{self, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value as Json};

use super::kosync::{self, Database, File, History, SCHEMA_MAX, User};
use super::source::Source;

const BEGIN: &str = "-----BEGIN KOSYNC BACKUP-----";
const END: &str = "-----END KOSYNC BACKUP-----";

/// Whether this looks like a backup, of KOsync or not.
pub(super) fn is_one(bytes: &[u8]) -> bool {
    bytes.trim_ascii_start().starts_with(b"-----BEGIN ")
}

/// Reads a backup.
pub(super) fn read(bytes: &[u8]) -> Result<Source, String> {
    let text = std::str::from_utf8(bytes).map_err(|_| "a backup is text, and this is not")?;
    let inside = text.trim().strip_prefix(BEGIN).and_then(|rest| rest.strip_suffix(END));
    let inside = inside.ok_or("this is no backup of KOsync, or it was cut short")?;
    let (headers, body) = split(inside);
    let schema = headers.get("Schema").ok_or("the backup does not name its schema")?;
    let schema: u64 = schema.parse().map_err(|_| "the backup's schema is no number")?;
    if schema > SCHEMA_MAX {
        return Err(format!("schema {schema} is newer than what is known, {SCHEMA_MAX}"));
    }
    let bytes = STANDARD.decode(body).map_err(|_| "the backup is damaged: that is no base64")?;
    match headers.get("Content-Type").map(String::as_str) {
        Some("application/json") => kosync::read(&bytes),
        Some("application/vnd.msgpack") => {
            let packed: Packed = rmp_serde::from_slice(&bytes)
                .map_err(|error| format!("the backup is damaged: {error}"))?;
            kosync::source(packed.into())
        }
        Some(other) => Err(format!("the backup holds {other}, which is not known")),
        None => Err("the backup does not say what it holds".to_owned()),
    }
}

fn split(inside: &str) -> (BTreeMap<String, String>, String) {
    let (mut headers, mut body) = (BTreeMap::new(), String::new());
    for line in inside.lines().map(str::trim) {
        match line.split_once(": ") {
            Some((name, value)) => drop(headers.insert(name.to_owned(), value.to_owned())),
            None => body.push_str(line),
        }
    }
    (headers, body)
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
struct Packed {
    schema: u64,
    config: Option<PackedConfig>,
    users: Option<BTreeMap<String, PackedUser>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
struct PackedConfig {
    listen_address: String,
    disable_registration: bool,
    store_history: Option<bool>,
    backup_on_startup: bool,
    web_ui: Option<bool>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
struct PackedUser {
    password: String,
    documents: Option<BTreeMap<String, PackedFile>>,
    history: Option<BTreeMap<String, Option<PackedHistory>>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
struct PackedHistory {
    document_history: Option<Vec<PackedFile>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
struct PackedFile {
    progress_data: PackedProgress,
    timestamp: i64,
    pretty_name: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
struct PackedProgress {
    progress: String,
    percentage: Shortest,
    device: String,
    device_id: String,
}

/// A number whose shortest decimal text is what was meant: a single-precision 0.2 is 0.2.
#[derive(Debug, Default)]
struct Shortest(f64);

impl<'de> Deserialize<'de> for Shortest {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Number;
        impl Visitor<'_> for Number {
            type Value = Shortest;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a number")
            }
            fn visit_f32<E: de::Error>(self, number: f32) -> Result<Shortest, E> {
                number.to_string().parse().map(Shortest).map_err(E::custom)
            }
            fn visit_f64<E: de::Error>(self, number: f64) -> Result<Shortest, E> {
                Ok(Shortest(number))
            }
            fn visit_u64<E: de::Error>(self, number: u64) -> Result<Shortest, E> {
                number.to_string().parse().map(Shortest).map_err(E::custom)
            }
            fn visit_i64<E: de::Error>(self, number: i64) -> Result<Shortest, E> {
                number.to_string().parse().map(Shortest).map_err(E::custom)
            }
        }
        from.deserialize_any(Number)
    }
}

impl From<Packed> for Database {
    fn from(packed: Packed) -> Self {
        let users = packed.users.unwrap_or_default().into_iter();
        Self {
            schema: packed.schema,
            config: packed.config.map(PackedConfig::into_json),
            users: Some(users.map(|(name, user)| (name, user.into())).collect()),
            ..Self::default()
        }
    }
}

impl PackedConfig {
    fn into_json(self) -> Map<String, Json> {
        let given = [
            ("listen_address", Some(Json::from(self.listen_address))),
            ("disable_registration", Some(self.disable_registration.into())),
            ("store_history", self.store_history.map(Json::from)),
            ("backup_on_startup", Some(self.backup_on_startup.into())),
            ("enable_webui", self.web_ui.map(Json::from)),
        ];
        given.into_iter().filter_map(|(key, value)| Some((key.to_owned(), value?))).collect()
    }
}

impl From<PackedUser> for User {
    fn from(user: PackedUser) -> Self {
        let documents = user.documents.unwrap_or_default().into_iter();
        let history = user.history.unwrap_or_default().into_iter();
        let files = |history: Option<PackedHistory>| {
            let files = history.and_then(|it| it.document_history).unwrap_or_default();
            History::Shown(files.into_iter().map(File::from).collect())
        };
        Self {
            password: user.password,
            documents: Some(documents.map(|(id, file)| (id, file.into())).collect()),
            history: Some(history.map(|(id, history)| (id, files(history))).collect()),
        }
    }
}

impl From<PackedFile> for File {
    fn from(file: PackedFile) -> Self {
        let PackedProgress { progress, percentage, device, device_id } = file.progress_data;
        let (timestamp, pretty_name) = (file.timestamp, file.pretty_name);
        Self { progress, percentage: percentage.0, device, device_id, timestamp, pretty_name }
    }
}

#[cfg(test)]
mod tests {
    use serde::Serialize;
    use serde_json::json;

    use super::*;

    fn pem(kind: &str, schema: &str, body: &[u8]) -> String {
        let text = STANDARD.encode(body);
        let lines: Vec<&str> =
            text.as_bytes().chunks(64).map(|line| std::str::from_utf8(line).unwrap()).collect();
        let headers = format!("App: x\nContent-Type: {kind}\nCreated-At: now\n{schema}\n");
        format!("{BEGIN}\n{headers}\n{}\n{END}\n", lines.join("\n"))
    }

    #[derive(Serialize)]
    #[serde(rename_all = "PascalCase")]
    struct Progress {
        progress: &'static str,
        percentage: f32,
        device: &'static str,
        device_id: &'static str,
    }

    #[derive(Serialize)]
    #[serde(rename_all = "PascalCase")]
    struct Document {
        progress_data: Progress,
        document_id: &'static str,
        timestamp: i64,
    }

    #[test]
    fn both_encodings_say_the_same() {
        let progress = Progress { progress: "p", percentage: 0.2, device: "Kobo", device_id: "" };
        let document = Document { progress_data: progress, document_id: "d", timestamp: 5 };
        let documents = BTreeMap::from([("d", document)]);
        #[derive(Serialize)]
        #[serde(rename_all = "PascalCase")]
        struct Ann<'a> {
            username: &'a str,
            password: &'a str,
            documents: BTreeMap<&'a str, Document>,
            history: Option<()>,
        }
        let ann = Ann { username: "", password: "k", documents, history: None };
        let users = BTreeMap::from([("ann", ann)]);
        #[derive(Serialize)]
        #[serde(rename_all = "PascalCase")]
        struct Top<'a> {
            schema: u64,
            config: Option<()>,
            users: BTreeMap<&'a str, Ann<'a>>,
        }
        let packed = rmp_serde::to_vec_named(&Top { schema: 6, config: None, users }).unwrap();
        let text = json!({ "schema": 6, "users": { "ann": { "password": "k", "documents": { "d": {
            "progress": "p", "percentage": 0.2, "device": "Kobo", "timestamp": 5 } } } } });
        let packed = read(pem("application/vnd.msgpack", "Schema: 6", &packed).as_bytes());
        let plain = pem("application/json", "Schema: 6", text.to_string().as_bytes());
        assert_eq!(packed.unwrap(), read(plain.as_bytes()).unwrap());
    }

    #[test]
    fn what_is_no_backup_is_refused() {
        let body = br#"{"schema":6}"#;
        for wrong in [
            pem("application/json", "Schema: 7", body),
            pem("application/json", "Other: 6", body),
            pem("text/plain", "Schema: 6", body),
            pem("application/json", "Schema: 6", body).replace("KOSYNC", "OTHER"),
            pem("application/json", "Schema: 6", body).replace(END, ""),
            pem("application/vnd.msgpack", "Schema: 6", b"\xc1"),
        ] {
            assert!(is_one(wrong.as_bytes()) && read(wrong.as_bytes()).is_err(), "{wrong}");
        }
    }
}
