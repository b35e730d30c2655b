//! A hub in a process of its own, requests as the app sends them, and its event socket.

use std::io::BufRead as _;
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::{Value as Json, json};
use tokio::net::TcpStream;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, WebSocketConfig};

/// Nothing takes so long, on the slowest machine.
pub(super) const DEADLINE: Duration = Duration::from_secs(60);

/// A hub that runs.
pub(super) struct Kit {
    child: Child,
    folder: tempfile::TempDir,
    settings: Vec<(String, String)>,
    pub(super) address: SocketAddr,
    pub(super) token: String,
    http: reqwest::Client,
}

impl Drop for Kit {
    fn drop(&mut self) {
        // A hub that a test has killed is gone already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What was answered.
#[derive(Debug, Clone)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) kind: String,
    pub(super) text: String,
}

impl Answer {
    /// The JSON of a success, which has to be one in every respect.
    #[track_caller]
    pub(super) fn json(&self) -> Json {
        assert_eq!(self.status, 200, "{self:?}");
        assert_eq!(self.kind, "application/json", "{self:?}");
        serde_json::from_str(&self.text).expect("a success is JSON")
    }
}

pub(super) fn now() -> i64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    i64::try_from(since.as_secs()).unwrap()
}

pub(super) fn correlation(id: &str) -> Json {
    json!({ "id": id, "clientName": format!("App {id}") })
}

impl Kit {
    pub(super) async fn start() -> Self {
        Self::start_with(&[]).await
    }

    pub(super) async fn start_with(settings: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let own = |&(name, value): &(&str, &str)| (name.to_owned(), value.to_owned());
        let settings: Vec<_> = settings.iter().map(own).collect();
        let address = free_address();
        let child = spawn(folder.path(), address, &settings);
        let http = http();
        let mut kit = Self { child, folder, settings, address, token: String::new(), http };
        kit.wait_until_ready().await;
        let token = std::fs::read_to_string(kit.data().join("admin-token")).unwrap();
        kit.token = token.trim().to_owned();
        kit
    }

    pub(super) fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    pub(super) fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// What the hub has said on standard error.
    pub(super) fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("log")).unwrap()
    }

    pub(super) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    pub(super) async fn restart(&mut self) {
        self.child = spawn(self.folder.path(), self.address, &self.settings);
        self.wait_until_ready().await;
    }

    async fn wait_until_ready(&self) {
        let until = Instant::now() + DEADLINE;
        let url = format!("http://{}/readyz", self.address);
        loop {
            let asked = self.http.get(&url).send().await;
            if asked.is_ok_and(|answer| answer.status().is_success()) {
                return;
            }
            assert!(Instant::now() < until, "the hub did not get ready: {}", self.log());
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// Runs a command against this hub; gives what it printed.
    pub(super) async fn command(&self, arguments: &[&str]) -> String {
        let mut command = self.against_this_hub(arguments);
        let said = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
        let out = String::from_utf8_lossy(&said.stdout).into_owned();
        let errors = String::from_utf8_lossy(&said.stderr);
        assert!(said.status.success(), "{arguments:?}: {out}{errors}");
        out
    }

    /// Watches a space with `syncline tail` until a line has a text.
    pub(super) async fn tail_until(&self, space: &str, text: &'static str) {
        let mut command = self.against_this_hub(&["tail", space, "--json"]);
        let watch = move || {
            let mut tail = command.stdout(Stdio::piped()).spawn().unwrap();
            let mut lines = std::io::BufReader::new(tail.stdout.take().unwrap()).lines();
            assert!(lines.any(|line| line.unwrap().contains(text)));
            tail.kill().unwrap();
            tail.wait().unwrap();
        };
        let watching = tokio::task::spawn_blocking(watch);
        tokio::time::timeout(DEADLINE, watching).await.expect("the change shows").unwrap();
    }

    fn against_this_hub(&self, arguments: &[&str]) -> Command {
        let mut command = syncline();
        command
            .args(arguments)
            .current_dir(self.folder.path())
            .env("SYNCLINE_URL", format!("http://{}", self.address))
            .env("SYNCLINE_TOKEN", &self.token);
        command
    }

    pub(super) fn url(&self, path: &str) -> String {
        format!("http://{}/{path}", self.address)
    }

    pub(super) async fn send(&self, request: reqwest::RequestBuilder) -> Answer {
        let answer = request.send().await.unwrap();
        let kind = answer.headers().get("content-type").map(|it| it.to_str().unwrap().to_owned());
        Answer {
            status: answer.status().as_u16(),
            kind: kind.unwrap_or_default(),
            text: answer.text().await.unwrap(),
        }
    }

    pub(super) fn http(&self) -> &reqwest::Client {
        &self.http
    }

    /// Asks as the app does: with a type on every request.
    pub(super) async fn get(&self, path: &str) -> Answer {
        let request = self.http.get(self.url(path)).bearer_auth(&self.token);
        self.send(request.header("content-type", "application/json")).await
    }

    pub(super) async fn post(&self, route: &str, body: &Json) -> Answer {
        let request = self.http.post(self.url(route)).bearer_auth(&self.token);
        self.send(request.json(body)).await
    }

    /// The same for bodies of an app, whose correlation and time are added.
    pub(super) async fn ask(&self, route: &str, from: &str, mut body: Json) -> Answer {
        body["correlation"] = correlation(from);
        if body.get("eventTimestamp").is_none() {
            body["eventTimestamp"] = json!(now());
        }
        self.post(route, &body).await
    }

    /// Makes a row; gives its id.
    pub(super) async fn make(&self, route: &str, from: &str, body: Json) -> i64 {
        self.ask(route, from, body).await.json()["id"].as_i64().unwrap()
    }

    pub(super) async fn updates(&self, since: i64) -> Json {
        self.get(&format!("GET_UPDATES?eventTimestamp={since}")).await.json()
    }

    pub(super) async fn tombstones(&self, since: i64) -> Json {
        self.get(&format!("GET_TOMBSTONES?eventTimestamp={since}")).await.json()
    }

    pub(super) async fn listen(&self, id: &str) -> Ears {
        Ears::open(self.address, &self.token, Some(&correlation(id).to_string())).await.unwrap()
    }
}

pub(super) fn folder(name: &str, parent: Option<i64>) -> Json {
    json!({ "name": name, "note": "", "parentFolderId": parent, "isArchived": false })
}

pub(super) fn link(url: &str, kind: &str, folder: Option<i64>) -> Json {
    json!({
        "linkType": kind, "title": "", "url": url, "baseURL": "", "imgURL": "", "note": "",
        "idOfLinkedFolder": folder, "userAgent": null, "markedAsImportant": false,
        "mediaType": "IMAGE", "tags": [],
    })
}

/// An app's event socket.
pub(super) struct Ears {
    web: WebSocketStream<TcpStream>,
}

impl Ears {
    pub(super) async fn open(
        address: SocketAddr,
        token: &str,
        correlation: Option<&str>,
    ) -> Result<Self, tokio_tungstenite::tungstenite::Error> {
        let mut url = reqwest::Url::parse(&format!("ws://{address}/events")).unwrap();
        if let Some(correlation) = correlation {
            url.query_pairs_mut().append_pair("correlation", correlation);
        }
        let mut request = url.as_str().into_client_request()?;
        let token = format!("Bearer {token}");
        request.headers_mut().insert("authorization", token.parse().unwrap());
        let stream = TcpStream::connect(address).await?;
        let large = WebSocketConfig::default().max_message_size(None).max_frame_size(None);
        let (web, _) =
            tokio_tungstenite::client_async_with_config(request, stream, Some(large)).await?;
        Ok(Self { web })
    }

    /// The next event.
    pub(super) async fn next(&mut self) -> Json {
        loop {
            let said = tokio::time::timeout(DEADLINE, self.web.next()).await;
            match said.expect("an event is due").expect("the socket is open").unwrap() {
                Message::Text(text) => return serde_json::from_str(&text).unwrap(),
                Message::Close(frame) => panic!("the socket was closed: {frame:?}"),
                _ => {}
            }
        }
    }

    /// The next event, which has to be this one.
    pub(super) async fn hears(&mut self, operation: &str) -> Json {
        let event = self.next().await;
        assert_eq!(event["operation"], operation, "{event}");
        event["payload"].clone()
    }

    /// How the hub ends the socket.
    pub(super) async fn end(&mut self) -> Option<CloseFrame> {
        loop {
            let said = tokio::time::timeout(DEADLINE, self.web.next()).await;
            match said.expect("an end is due") {
                Some(Ok(Message::Close(frame))) => return frame,
                Some(Ok(_)) => {}
                Some(Err(_)) | None => return None,
            }
        }
    }

    pub(super) async fn say(&mut self, message: Message) {
        self.web.send(message).await.unwrap();
    }

    /// Closes the socket and waits until the hub has.
    pub(super) async fn close(mut self) {
        self.web.close(None).await.unwrap();
        while let Some(Ok(_)) = self.web.next().await {}
    }
}

/// reqwest wants TLS settings even where none are used; these trust nobody.
pub(super) fn http() -> reqwest::Client {
    let provider = std::sync::Arc::new(rustls::crypto::ring::default_provider());
    let tls = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(rustls::RootCertStore::empty())
        .with_no_client_auth();
    reqwest::Client::builder().tls_backend_preconfigured(tls).no_proxy().build().unwrap()
}

fn syncline() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_syncline"));
    let own = |name: &str| name.starts_with("SYNCLINE_") || name.starts_with("LINKORA_");
    for (name, _) in std::env::vars().filter(|(name, _)| own(name)) {
        command.env_remove(name);
    }
    command
}

fn spawn(folder: &Path, address: SocketAddr, settings: &[(String, String)]) -> Child {
    let mut log = std::fs::OpenOptions::new();
    let log = log.create(true).append(true).open(folder.join("log")).unwrap();
    syncline()
        .args(["serve", "--data"])
        .arg(folder.join("data"))
        .args(["--listen", &address.to_string()])
        .env("SYNCLINE_LOG__FILTER", "debug")
        .envs(settings.iter().cloned())
        .stdout(Stdio::null())
        .stderr(log)
        .spawn()
        .unwrap()
}

/// A port that nothing holds now; the hub takes it a moment later.
pub(super) fn free_address() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

/// Whether an object has exactly these keys.
#[track_caller]
pub(super) fn has_exactly(object: &Json, keys: &[&str]) {
    let mut there: Vec<&str> = object.as_object().unwrap().keys().map(String::as_str).collect();
    let mut wanted = keys.to_vec();
    there.sort_unstable();
    wanted.sort_unstable();
    assert_eq!(there, wanted, "{object}");
}
