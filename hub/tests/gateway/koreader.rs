//! KOReader's devices against a real hub.
//!
//! - `wire`: the worked transcript, the table of errors, odd requests.
//! - `accounts`: registration, keys, leaving, throttles, the hub's own passwords.
//! - `books`: which position wins, history, joins, and the same books for native clients.
//! - `imports`: KOsync's files and backups, and Redis.

mod accounts;
mod books;
mod imports;
mod wire;

use serde_json::{Value as Json, json};

use crate::asking::{Answer, ask};
use crate::program::Program;

/// The MD5 of `secret`.
pub(crate) const KEY: &str = "5ebe2294ecd0e0f08eab7690d2a6ee69";
/// The document of the worked transcript.
pub(crate) const DOCUMENT: &str = "0b229176d4e8db7f6d2b5a4952368d7a";

const VENDOR: (&str, &str) = ("Accept", "application/vnd.koreader.v1+json");
const ROUTES: &str = "/hub/v1/gateways/koreader";

/// A hub that lets anybody register.
pub(crate) struct House {
    pub(crate) program: Program,
}

/// Whoever reads: a name and the key that devices show for it.
#[derive(Clone, Copy)]
pub(crate) struct Reader<'a>(pub(crate) &'a str, pub(crate) &'a str);

pub(crate) const ALICE: Reader<'static> = Reader("alice", KEY);

impl House {
    pub(crate) async fn open() -> Self {
        Self::with(&[]).await
    }

    pub(crate) async fn with(settings: &[(&str, &str)]) -> Self {
        let open = ["REGISTRATION=open", "REGISTRATIONS_PER_MINUTE=0"];
        let open = open.iter().filter_map(|it| it.split_once('='));
        let all = open.chain(settings.iter().copied());
        let all: Vec<(String, String)> = all
            .map(|(key, value)| (format!("SYNCLINE_GATEWAYS__KOREADER__{key}"), value.to_owned()))
            .collect();
        let start = move || {
            let all: Vec<(&str, &str)> = all.iter().map(|(k, v)| (&**k, &**v)).collect();
            Program::start(&all)
        };
        Self { program: tokio::task::spawn_blocking(start).await.unwrap() }
    }

    /// A hub where Alice has registered.
    pub(crate) async fn of_alice() -> Self {
        let house = Self::open().await;
        assert_eq!(house.register(ALICE).await.status, 201);
        house
    }

    pub(crate) async fn ask(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> Answer {
        ask(self.program.address, method, path, headers, body.as_bytes()).await
    }

    pub(crate) async fn register(&self, reader: Reader<'_>) -> Answer {
        let body = json!({ "username": reader.0, "password": reader.1 }).to_string();
        self.ask("POST", "/users/create", &[VENDOR], &body).await
    }

    /// A request of one of a reader's devices.
    pub(crate) async fn by(
        &self,
        reader: Reader<'_>,
        method: &str,
        path: &str,
        body: &str,
    ) -> Answer {
        let headers = [VENDOR, ("x-auth-user", reader.0), ("x-auth-key", reader.1)];
        self.ask(method, path, &headers, body).await
    }

    pub(crate) async fn push(&self, reader: Reader<'_>, body: &Json) -> Answer {
        self.by(reader, "PUT", "/syncs/progress", &body.to_string()).await
    }

    /// A push that is accepted; gives the time that the hub gave it.
    pub(crate) async fn pushed(&self, reader: Reader<'_>, body: &Json) -> u64 {
        let answer = self.push(reader, body).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        answer.json()["timestamp"].as_u64().unwrap()
    }

    pub(crate) async fn pull(&self, reader: Reader<'_>, document: &str) -> Json {
        let answer = self.by(reader, "GET", &format!("/syncs/progress/{document}"), "").await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        answer.json()
    }

    /// A request to the gateway's routes for people, by the admin.
    pub(crate) async fn admin(&self, method: &str, path: &str, body: Option<Json>) -> Answer {
        self.hub(method, &format!("{ROUTES}{path}"), body).await
    }

    /// A request to any of the hub's own routes, by the admin.
    pub(crate) async fn hub(&self, method: &str, path: &str, body: Option<Json>) -> Answer {
        let bearer = format!("Bearer {}", self.program.token());
        let headers = [("Authorization", &*bearer), ("Content-Type", "application/json")];
        self.ask(method, path, &headers, &body.map(|it| it.to_string()).unwrap_or_default()).await
    }

    /// A command of the program against this hub; gives what it printed.
    pub(crate) async fn command(&self, arguments: &[&str]) -> String {
        tokio::task::block_in_place(|| self.program.command(arguments))
    }
}

/// A position of a device, as it sends it.
pub(crate) fn position(document: &str, device: &str, percentage: f64) -> Json {
    json!({ "document": document, "progress": format!("/p[{percentage}]"),
        "percentage": percentage, "device": device, "device_id": device.to_uppercase() })
}
