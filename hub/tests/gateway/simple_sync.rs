//! simple-sync's apps against a real hub.
//!
//! - `wire`: every refusal and odd request of the interface.
//! - `transcript`: the worked transcript of the specification.
//! - `rights`: rules, users, tokens and keys.
//! - `reading`: order, cursors, what is known already, many pages, one crowded second.
//! - `live`: sessions and event streams.
//! - `lasting`: restarts, crashes and backups.
//! - `documents`: what events add up to.
//! - `seed`: the first form of the interface.

mod documents;
mod lasting;
mod live;
mod reading;
mod rights;
mod seed;
mod transcript;
mod wire;

use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::{Value as Json, json};
use uuid::{Builder, Uuid};

use crate::asking::{Answer, ask};
use crate::program::Program;

/// The key of `.root` in these tests.
pub(crate) const ROOT: &str = "sk_c3luY2xpbmUgdGVzdHMgdXNlIHRoaXMga2V5IG9ubHk";

/// A hub whose `.root` has a key.
pub(crate) struct House {
    pub(crate) program: Program,
}

/// A user with a key.
#[derive(Debug, Clone)]
pub(crate) struct User {
    pub(crate) key: String,
}

pub(crate) fn root() -> User {
    User { key: ROOT.to_owned() }
}

pub(crate) fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    u64::try_from(since.as_millis()).unwrap()
}

/// An id of a moment.
pub(crate) fn id_at(ms: u64) -> Uuid {
    let mut random = [0; 10];
    random[..8].copy_from_slice(&syncline::hub::random_u64().to_be_bytes());
    Builder::from_unix_timestamp_millis(ms, &random).into_uuid()
}

/// An event of a moment.
pub(crate) fn event_at(ms: u64, user: &str, item: &str, action: &str) -> Json {
    json!({ "uuid": id_at(ms).to_string(), "timestamp": ms / 1000, "user": user, "item": item,
        "action": action, "payload": "{}" })
}

/// An event of now.
pub(crate) fn event(user: &str, item: &str, action: &str) -> Json {
    event_at(now_ms(), user, item, action)
}

/// The settings that a test changes, by the names of their variables.
pub(crate) type Settings<'a> = &'a [(&'a str, &'a str)];

/// Variables of the gateway's settings.
pub(crate) fn variables(settings: Settings<'_>) -> Vec<(String, String)> {
    let own = settings.iter().map(|(key, value)| {
        (format!("SYNCLINE_GATEWAYS__SIMPLE_SYNC__{key}"), (*value).to_owned())
    });
    own.collect()
}

impl House {
    pub(crate) async fn open() -> Self {
        Self::with(&[]).await
    }

    pub(crate) async fn with(settings: Settings<'_>) -> Self {
        let mut all = variables(settings);
        all.push(("SYNCLINE_SIMPLE_SYNC_ROOT_KEY".to_owned(), ROOT.to_owned()));
        Self::start(all).await
    }

    pub(crate) async fn start(variables: Vec<(String, String)>) -> Self {
        let start = move || {
            let all: Vec<_> = variables.iter().map(|(k, v)| (&**k, &**v)).collect();
            Program::start(&all)
        };
        Self { program: tokio::task::spawn_blocking(start).await.unwrap() }
    }

    /// A request to the app at `/api/v1`.
    pub(crate) async fn call(
        &self,
        method: &str,
        path: &str,
        key: Option<&str>,
        body: &str,
    ) -> Answer {
        let key = key.map(|key| ("X-API-Key", key));
        let headers: Vec<_> = key.into_iter().collect();
        self.ask(method, &format!("/api/v1{path}"), &headers, body).await
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

    pub(crate) async fn post(&self, user: &User, path: &str, body: &Json) -> Answer {
        self.call("POST", path, Some(&user.key), &body.to_string()).await
    }

    pub(crate) async fn push(&self, user: &User, events: &[Json]) -> Answer {
        self.post(user, "/events", &json!(events)).await
    }

    /// A push that is taken; gives the history with it.
    #[track_caller]
    pub(crate) fn pushed(&self, user: &User, events: &[Json]) -> impl Future<Output = Vec<Json>> {
        let (user, events) = (user.clone(), events.to_vec());
        let caller = std::panic::Location::caller();
        async move {
            let answer = self.push(&user, &events).await;
            assert_eq!(answer.status, 200, "{caller}: {}", answer.text());
            answer.json().as_array().unwrap().clone()
        }
    }

    pub(crate) async fn history(&self, user: &User) -> Vec<Json> {
        let answer = self.call("GET", "/events", Some(&user.key), "").await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        answer.json().as_array().unwrap().clone()
    }

    /// Makes a user with a key.
    pub(crate) async fn user(&self, name: &str) -> User {
        self.pushed(&root(), &[event(".root", &format!(".user.{name}"), ".user.create")]).await;
        self.key_of(name).await
    }

    /// Makes another key of a user.
    pub(crate) async fn key_of(&self, name: &str) -> User {
        let token = self.setup_token(&root(), name).await.json()["token"].clone();
        let made = self.exchange(token.as_str().unwrap()).await;
        assert_eq!(made.status, 200, "{}", made.text());
        let key = made.json()["apiKey"].as_str().unwrap().to_owned();
        User { key }
    }

    pub(crate) async fn setup_token(&self, by: &User, name: &str) -> Answer {
        self.post(by, "/user/generateToken", &json!({ "user": name })).await
    }

    pub(crate) async fn exchange(&self, token: &str) -> Answer {
        let body = json!({ "token": token, "description": "test" }).to_string();
        self.call("POST", "/user/exchangeToken", None, &body).await
    }

    pub(crate) async fn reset(&self, by: &User, name: &str) -> Answer {
        self.post(by, "/user/resetKey", &json!({ "user": name })).await
    }

    /// Adds rules as `.root`.
    pub(crate) async fn rules(&self, rules: &[[&str; 4]]) {
        let answer = self.add_rules(&root(), rules).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
    }

    pub(crate) async fn add_rules(&self, by: &User, rules: &[[&str; 4]]) -> Answer {
        let rules: Vec<Json> = rules.iter().map(rule).collect();
        self.post(by, "/acl", &json!(rules)).await
    }

    /// A command of the program against this hub; gives what it printed.
    pub(crate) async fn command(&self, arguments: &[&str]) -> String {
        tokio::task::block_in_place(|| self.program.command(arguments))
    }
}

fn rule([user, item, action, verdict]: &[&str; 4]) -> Json {
    json!({ "user": user, "item": item, "action": action, "type": verdict })
}

/// What a refusal says.
#[track_caller]
pub(crate) fn refuses(answer: &Answer, status: u16, text: &str, event: Option<&Json>) {
    let mut expected = json!({ "error": text });
    if let Some(event) = event {
        expected["eventUuid"] = event["uuid"].clone();
    }
    assert_eq!((answer.status, answer.json()), (status, expected), "{}", answer.text());
    assert_eq!(answer.header("content-type"), Some("application/json; charset=utf-8"));
}

/// The ids of events.
pub(crate) fn ids(events: &[Json]) -> Vec<&str> {
    events.iter().map(|event| event["uuid"].as_str().unwrap()).collect()
}
