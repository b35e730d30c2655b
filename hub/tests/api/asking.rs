//! A hub in this process, asked over HTTP.

use std::sync::Arc;
use std::time::Duration;

use reqwest::{Client, Method, RequestBuilder, Response};
use rustls::{ClientConfig, RootCertStore};
use serde_json::{Value as Json, json};
use syncline::config::Config;
use tokio::time::timeout;

use super::harness::TestHub;

/// Nothing in these tests takes so long unless it is broken.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// A hub and whoever asks it.
pub(crate) struct Api {
    pub(crate) house: TestHub,
    pub(crate) http: Client,
}

/// An answer, read whole.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: reqwest::header::HeaderMap,
    pub(crate) json: Json,
}

impl Reply {
    async fn of(response: Response) -> Self {
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let bytes = response.bytes().await.unwrap();
        Self { status, headers, json: serde_json::from_slice(&bytes).unwrap_or(Json::Null) }
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        let value = self.headers.get(name).unwrap_or_else(|| panic!("no {name}: {self:?}"));
        value.to_str().unwrap()
    }

    /// The status and the code of a refusal.
    #[track_caller]
    pub(crate) fn refused(&self) -> (u16, &str) {
        assert!(self.json["text"].as_str().is_some_and(|text| text.ends_with('.')), "{self:?}");
        (self.status, self.json["code"].as_str().unwrap())
    }

    #[track_caller]
    pub(crate) fn good(self) -> Self {
        assert!((200..300).contains(&self.status), "{self:?}");
        self
    }
}

impl Api {
    pub(crate) async fn new() -> Self {
        Self::with(|_| {}).await
    }

    pub(crate) async fn with(change: impl FnOnce(&mut Config)) -> Self {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let tls = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(RootCertStore::empty())
            .with_no_client_auth();
        let http = Client::builder().tls_backend_preconfigured(tls).no_proxy().build().unwrap();
        Self { house: TestHub::start(change, vec![]).await, http }
    }

    /// A request to a route below `/hub/v1`, by no one.
    pub(crate) fn request(&self, method: &str, path: &str) -> RequestBuilder {
        let url = format!("http://{}/hub/v1{path}", self.house.address);
        self.http.request(method.parse::<Method>().unwrap(), url)
    }

    /// A request to one route, such as `GET /whoami`, by the holder of a token.
    pub(crate) fn by(&self, token: &str, route: &str) -> RequestBuilder {
        let (method, path) = route.split_once(' ').unwrap();
        self.request(method, path).bearer_auth(token)
    }

    pub(crate) async fn send(&self, request: RequestBuilder) -> Reply {
        let answer = async { Reply::of(request.send().await.unwrap()).await };
        timeout(PATIENCE, answer).await.expect("the hub answers in time")
    }

    pub(crate) async fn ask(&self, token: &str, route: &str, body: Option<Json>) -> Reply {
        let request = self.by(token, route);
        self.send(match body {
            Some(body) => request.json(&body),
            None => request,
        })
        .await
    }

    /// Asks as the admin.
    pub(crate) async fn admin(&self, route: &str, body: Option<Json>) -> Reply {
        let token = self.house.admin.clone();
        self.ask(&token, route, body).await
    }

    /// A user, and a token of theirs.
    pub(crate) async fn user(&self, name: &str) -> String {
        self.admin("POST /users", Some(json!({ "name": name }))).await.good();
        let made = self.admin("POST /tokens", Some(json!({ "user": name }))).await.good();
        made.json["token"].as_str().unwrap().to_owned()
    }

    /// A space of a user's own, as it stands in a path.
    pub(crate) async fn space(&self, token: &str, name: &str) -> String {
        let made = self.ask(token, "POST /spaces", Some(json!({ "name": name }))).await.good();
        assert_eq!(made.header("syncline-sequence").split_once(':').unwrap().1, "0");
        format!("/spaces/{}", name.replace('/', "%2F"))
    }
}

/// The route of a record.
pub(crate) fn record(method: &str, space: &str, key: &str) -> String {
    format!("{method} {space}/collections/links/records/{key}")
}

pub(crate) fn fields(fields: Json) -> Option<Json> {
    Some(Json::Object([("fields".to_owned(), fields)].into_iter().collect()))
}
