//! The admin routes of a hub, seen from outside: JSON over HTTP below `/hub/v1`.
//!
//! Every refusal comes back as the code and text that the hub gave.

use std::time::Duration;

use reqwest::{Method, RequestBuilder, Response, Url};
use rustls::{ClientConfig, RootCertStore};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value as Json;
use syncline_protocol::{Code, Reject};

use super::Failure;

/// A hub that does not take a connection for so long is not there.
const CONNECT_WITHIN: Duration = Duration::from_secs(10);
/// Nothing that is asked here takes the hub so long; a backup says something all the time.
const SILENCE_MAX: Duration = Duration::from_secs(60);

/// Items of a list that one request asks for: as many as the hub gives at once.
const PAGE_ITEMS: &str = "1000";

/// The hub's admin routes.
#[derive(Debug)]
pub(super) struct Remote {
    http: reqwest::Client,
    base: Url,
    token: String,
    /// What every request asks along.
    query: Vec<(&'static str, String)>,
}

/// Why a request was not answered with what was asked for.
pub(super) enum Unanswered {
    /// The hub said no.
    Refused(Reject),
    /// No hub said anything, or nothing that a hub says.
    Failed(Failure),
}

impl From<Unanswered> for Failure {
    fn from(unanswered: Unanswered) -> Self {
        match unanswered {
            Unanswered::Refused(reject) => reject.into(),
            Unanswered::Failed(failure) => failure,
        }
    }
}

#[derive(Deserialize)]
struct Page {
    items: Vec<Json>,
    next: Option<String>,
}

#[derive(Deserialize)]
struct Words {
    code: String,
    text: String,
}

impl Remote {
    /// The routes of the hub at an address.
    pub(super) fn new(
        base: Url,
        token: String,
        tls: Option<ClientConfig>,
    ) -> Result<Self, Failure> {
        let tls = tls.map_or_else(no_tls, Ok)?;
        let http = reqwest::Client::builder()
            .tls_backend_preconfigured(tls)
            .connect_timeout(CONNECT_WITHIN)
            .read_timeout(SILENCE_MAX)
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .build();
        let http = http.map_err(|error| Failure::because(causes(&error)))?;
        Ok(Self { http, base, token, query: Vec::new() })
    }

    /// The same, with something that every request asks along, where there is something.
    pub(super) fn asking(mut self, name: &'static str, value: Option<&str>) -> Self {
        self.query.extend(value.map(|value| (name, value.to_owned())));
        self
    }

    /// Asks for something.
    pub(super) async fn get<T: DeserializeOwned>(&self, path: &[&str]) -> Result<T, Failure> {
        Ok(self.ask(Method::GET, path, None).await?)
    }

    /// Asks for a whole list, page by page.
    pub(super) async fn list(&self, path: &[&str]) -> Result<Vec<Json>, Failure> {
        let (mut items, mut after) = (Vec::new(), String::new());
        loop {
            let mut url = self.url(path);
            url.query_pairs_mut().append_pair("limit", PAGE_ITEMS).append_pair("after", &after);
            let page: Page = self.read(self.sent(self.http.get(url)).await?).await?;
            items.extend(page.items);
            match page.next {
                Some(next) => after = next,
                None => return Ok(items),
            }
        }
    }

    /// Makes something.
    pub(super) async fn post<T: DeserializeOwned>(
        &self,
        path: &[&str],
        body: Json,
    ) -> Result<T, Failure> {
        Ok(self.ask(Method::POST, path, Some(body)).await?)
    }

    /// Asks for something, with a query.
    pub(super) async fn get_with<T: DeserializeOwned>(
        &self,
        path: &[&str],
        query: &[(&str, String)],
    ) -> Result<T, Failure> {
        let request = self.http.get(with(self.url(path), query));
        Ok(self.read(self.sent(request).await?).await?)
    }

    /// Makes something, with a query.
    pub(super) async fn post_to<T: DeserializeOwned>(
        &self,
        path: &[&str],
        query: &[(&str, String)],
        body: Json,
    ) -> Result<T, Failure> {
        let request = self.http.post(with(self.url(path), query)).json(&body);
        Ok(self.read(self.sent(request).await?).await?)
    }

    /// Makes something by a route that is not below `/hub/v1`: a gateway's.
    pub(super) async fn post_at<T: DeserializeOwned>(
        &self,
        path: &[&str],
        body: Json,
    ) -> Result<T, Failure> {
        let request = self.http.post(self.url_at(path.iter().copied())).json(&body);
        Ok(self.read(self.sent(request).await?).await?)
    }

    /// Sets something.
    pub(super) async fn put(&self, path: &[&str], body: Json) -> Result<(), Failure> {
        Ok(self.ask(Method::PUT, path, Some(body)).await?)
    }

    /// Removes something.
    pub(super) async fn delete(&self, path: &[&str]) -> Result<(), Failure> {
        Ok(self.ask(Method::DELETE, path, None).await?)
    }

    /// Sends a file; gives an answer that is good but not read yet.
    pub(super) async fn upload(&self, path: &[&str], file: Vec<u8>) -> Result<Response, Failure> {
        let request = self.http.request(Method::POST, self.url(path)).body(file);
        Ok(self.sent(request).await?)
    }

    /// What one of the health routes says, and whether that is good.
    pub(super) async fn health(&self, route: &str) -> Result<(bool, String), Failure> {
        let mut url = self.base.clone();
        // Addresses with a host, which these are, can have a path.
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().push(route);
        }
        let response = self.http.get(url).send().await;
        let response = response.map_err(|error| Failure::from(self.unreachable(&error)))?;
        let good = response.status().is_success();
        let said = response.text().await;
        Ok((good, said.map_err(|error| Failure::from(self.unreachable(&error)))?))
    }

    /// Asks, with the refusal itself for those who know what to do about it.
    pub(super) async fn ask<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &[&str],
        body: Option<Json>,
    ) -> Result<T, Unanswered> {
        let response = self.send(method, path, body).await?;
        self.read(response).await
    }

    /// Asks, and gives an answer that is good but not read yet.
    pub(super) async fn send(
        &self,
        method: Method,
        path: &[&str],
        body: Option<Json>,
    ) -> Result<Response, Unanswered> {
        let mut request = self.http.request(method, self.url(path));
        if let Some(body) = &body {
            request = request.json(body);
        }
        self.sent(request).await
    }

    async fn sent(&self, request: RequestBuilder) -> Result<Response, Unanswered> {
        let request = request.bearer_auth(&self.token);
        let response = request.send().await.map_err(|error| self.unreachable(&error))?;
        let status = response.status();
        if status.is_success() {
            return Ok(response);
        }
        let bytes = response.bytes().await.map_err(|error| self.unreachable(&error))?;
        let words: Option<Words> = serde_json::from_slice(&bytes).ok();
        Err(match words.and_then(|it| Some((Code::from_word(&it.code)?, it.text))) {
            Some((code, text)) => Unanswered::Refused(Reject { code, text, index: None }),
            None => {
                let what = format!("{} answers {status}: is it a hub?", self.base);
                Unanswered::Failed(Failure::Failed(what))
            }
        })
    }

    async fn read<T: DeserializeOwned>(&self, response: Response) -> Result<T, Unanswered> {
        let bytes = response.bytes().await.map_err(|error| self.unreachable(&error))?;
        let json = if bytes.is_empty() { b"null".as_slice() } else { &bytes };
        serde_json::from_slice(json).map_err(|error| {
            let what = format!("{} answers as no hub does: {error}", self.base);
            Unanswered::Failed(Failure::Failed(what))
        })
    }

    fn url(&self, path: &[&str]) -> Url {
        self.url_at(["hub", "v1"].iter().chain(path).copied())
    }

    fn url_at<'a>(&self, path: impl Iterator<Item = &'a str>) -> Url {
        let mut url = self.base.clone();
        // Addresses with a host, which these are, can have a path.
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().extend(path);
        }
        if !self.query.is_empty() {
            url.query_pairs_mut().extend_pairs(&self.query);
        }
        url
    }

    fn unreachable(&self, error: &reqwest::Error) -> Unanswered {
        let what = format!("the hub at {} does not answer: {}", self.base, causes(error));
        Unanswered::Failed(Failure::Failed(what))
    }
}

fn with(mut url: Url, query: &[(&str, String)]) -> Url {
    if !query.is_empty() {
        url.query_pairs_mut().extend_pairs(query);
    }
    url
}

/// Makes a space unless it is there. Who may write to it need not have the right to make it.
pub(super) async fn create_space(remote: &Remote, name: &str) -> Result<(), Failure> {
    match remote.ask::<Json>(Method::GET, &["spaces", name], None).await {
        Err(Unanswered::Refused(reject)) if reject.code == Code::UnknownSpace => {}
        answer => return Ok(answer.map(drop)?),
    }
    let body = serde_json::json!({ "name": name });
    match remote.ask::<Json>(Method::POST, &["spaces"], Some(body)).await {
        Err(Unanswered::Refused(reject)) if reject.code == Code::Exists => Ok(()),
        answer => Ok(answer.map(drop)?),
    }
}

/// reqwest wants TLS settings even where none are used; these trust nobody.
fn no_tls() -> Result<ClientConfig, Failure> {
    let provider = std::sync::Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(Failure::because)?;
    Ok(builder.with_root_certificates(RootCertStore::empty()).with_no_client_auth())
}

/// An error's last cause says what a person can mend; what stands before it repeats the address.
fn causes(error: &dyn std::error::Error) -> String {
    let mut last = error;
    while let Some(cause) = last.source() {
        last = cause;
    }
    last.to_string()
}
