//! The hub: in a process of its own, or one that runs already. Links speak its wire by hand.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::OnceLock;

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::{SinkExt as _, StreamExt as _, TryStreamExt as _, stream};
use reqwest::Method;
use serde_json::{Value, json};
use syncline_protocol::codec::{decode_hub, encode_client};
use syncline_protocol::{
    ClientFrame, Cursor, DeviceId, Epoch, Filter, Hello, HubFrame, Push, PushId, ReplicaId,
    SUBPROTOCOL, SpaceName, Start, VERSION, ViewMark,
};
use tokio::process::Command;
use tokio_tungstenite::tungstenite::Message;

use super::encoding::Encoder;
use super::websocket::{Web, connect};
use super::{Ability, Arrival, Failure, Link, Listening, Place, Running, Site, Target};
use crate::clock::wall_ms;
use crate::process::{Server, free_address};
use crate::workload::Write;

/// Frames that carry deltas or place a cursor: their kinds on the wire.
const CHANGES: u8 = 37;
const SNAPSHOT_PART: u8 = 35;

/// The account that is a plain member.
const MEMBER: &str = "member";
/// Rules that are set at a time.
const RULES_AT_ONCE: usize = 32;

/// One of many access rules: half are about records that are written, by their keys or by how
/// these begin, and half about others; none forbids what is measured.
fn rule(number: usize) -> Value {
    let (principal, record) = (["*", MEMBER][number % 2], number / 4);
    let (item, verdict) = match number % 4 {
        0 => (format!("todos/todo-{record:08}"), "allow"),
        1 => (format!("todos/todo-{record:06}*"), "allow"),
        2 => (format!("diary/{record:04}/*"), "deny"),
        _ => (format!("secret-{record}*"), "deny"),
    };
    json!({ "principal": principal, "item": item, "action": "*", "verdict": verdict })
}

/// The hub.
pub(crate) struct Hub;

#[async_trait]
impl Target for Hub {
    fn name(&self) -> &'static str {
        "hub"
    }

    fn acknowledges(&self) -> &'static str {
        "on disk: fsync before the ack, many pushes to one commit"
    }

    fn is_durable(&self) -> bool {
        true
    }

    fn can(&self, _: Ability) -> Result<(), &'static str> {
        Ok(())
    }

    fn installed(&self) -> Result<(), String> {
        Ok(())
    }

    async fn start(&self, site: &Site) -> Result<Box<dyn Running>, Failure> {
        let (server, address, token) = match &site.remote {
            Some((url, token)) => (None, remote_address(url).await?, token.clone()),
            None => spawn(site).await?,
        };
        let (version, member) = (version(site).await, OnceLock::new());
        Ok(Box::new(RunningHub { server, address, token, member, version }))
    }
}

async fn spawn(site: &Site) -> Result<(Option<Server>, SocketAddr, String), Failure> {
    let (address, folder) = (free_address()?, site.folder.path());
    let mut command = Command::new(&site.hub);
    command.args(["serve", "--listen", &address.to_string(), "--data"]).arg(folder.join("data"));
    command.env("SYNCLINE_LOG__FILTER", "warn");
    let mut server = Server::start(command, &folder.join("log"))?;
    server.listens(address).await?;
    ready(address).await?;
    let token = std::fs::read_to_string(folder.join("data/admin-token"))?.trim().to_owned();
    Ok((Some(server), address, token))
}

/// The port is open before the store is; the answer waits until it serves.
async fn ready(address: SocketAddr) -> Result<(), Failure> {
    let answer = reqwest::get(format!("http://{address}/readyz")).await?;
    answer.error_for_status()?;
    Ok(())
}

async fn remote_address(url: &str) -> Result<SocketAddr, Failure> {
    let authority = url.split("//").last().unwrap_or(url).trim_end_matches('/');
    let mut addresses = tokio::net::lookup_host(authority).await?;
    addresses.next().ok_or_else(|| Failure::new(format!("{authority} has no address")))
}

async fn version(site: &Site) -> String {
    let output = Command::new(&site.hub).arg("--version").output().await;
    let text = output.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned());
    text.unwrap_or_else(|_| "unknown".to_owned())
}

struct RunningHub {
    server: Option<Server>,
    address: SocketAddr,
    /// An admin's.
    token: String,
    /// A plain member's, once links are to be one.
    member: OnceLock<String>,
    version: String,
}

impl RunningHub {
    /// Asks for something to be made; it may be there already.
    async fn make(&self, method: Method, path: &str, body: Value) -> Result<String, Failure> {
        let url = format!("http://{}/hub/v1/{path}", self.address);
        let request = reqwest::Client::new().request(method, url).bearer_auth(&self.token);
        let answer = request.json(&body).send().await?;
        let (status, text) = (answer.status().as_u16(), answer.text().await?);
        match status {
            200..=299 | 409 => Ok(text),
            status => Err(Failure::new(format!("{status}: {text}"))),
        }
    }

    /// Makes a member who is no admin, and gives its token.
    async fn make_member(&self, space: &str) -> Result<String, Failure> {
        self.make(Method::POST, "users", json!({ "name": MEMBER })).await?;
        let path = format!("spaces/{space}/members/{MEMBER}");
        self.make(Method::PUT, &path, json!({ "role": "writer" })).await?;
        let made = self.make(Method::POST, "tokens", json!({ "user": MEMBER })).await?;
        let token = serde_json::from_str::<Value>(&made).ok();
        let token = token.and_then(|made| Some(made.get("token")?.as_str()?.to_owned()));
        token.ok_or_else(|| Failure::new("the hub made no token"))
    }
}

#[async_trait]
impl Running for RunningHub {
    fn version(&self) -> String {
        self.version.clone()
    }

    fn processes(&self) -> Vec<u32> {
        self.server.iter().map(Server::id).collect()
    }

    async fn prepare(&self, channel: &str) -> Result<(), Failure> {
        self.make(Method::POST, "spaces", json!({ "name": channel })).await.map(drop)
    }

    async fn restrict(&self, channel: &str, rules: usize) -> Result<(), Failure> {
        let token = self.make_member(channel).await?;
        let path = format!("spaces/{channel}/acl");
        let set = (0..rules).map(|number| self.make(Method::PUT, &path, rule(number)));
        stream::iter(set).buffer_unordered(RULES_AT_ONCE).try_collect::<Vec<_>>().await?;
        self.member.get_or_init(|| token);
        Ok(())
    }

    async fn link(&self, channel: &str, listening: Listening) -> Result<Box<dyn Link>, Failure> {
        let space = SpaceName::new(channel).map_err(|error| Failure::new(error.to_string()))?;
        let web = connect(self.address, SUBPROTOCOL).await?;
        // Whoever comes back is who it was.
        let encoder = match &listening {
            Listening::After(place) => Encoder::of(place_of(place)?.1),
            _ => Encoder::new(),
        };
        let mut link = HubLink { web, space, encoder, pushes: 0, cursor: None };
        link.hello(self.member.get().unwrap_or(&self.token)).await?;
        link.listen(listening).await?;
        Ok(Box::new(link))
    }

    async fn commits(&self) -> Option<u64> {
        let answer = reqwest::get(format!("http://{}/metrics", self.address)).await.ok()?;
        let text = answer.text().await.ok()?;
        let count = |line: &str| line.strip_prefix("syncline_commit_seconds_count ")?.parse().ok();
        text.lines().find_map(count)
    }

    async fn stop(self: Box<Self>) {
        if let Some(server) = self.server {
            server.stop().await;
        }
    }
}

/// One session.
struct HubLink {
    web: Web,
    space: SpaceName,
    encoder: Encoder,
    /// Pushes sent so far.
    pushes: u64,
    cursor: Option<Cursor>,
}

impl HubLink {
    async fn hello(&mut self, token: &str) -> Result<(), Failure> {
        let hello = Hello {
            version: VERSION,
            replica: self.encoder.replica(),
            device: DeviceId(self.encoder.replica().get()),
            name: "bench".to_owned(),
            token: token.to_owned(),
            clock_ms: wall_ms(),
            outbox: Vec::new(),
            attributes: BTreeMap::new(),
        };
        self.send(&ClientFrame::Hello(hello)).await?;
        let welcome = self.receive().await?;
        self.understand(welcome).map(|_| ())
    }

    async fn listen(&mut self, listening: Listening) -> Result<(), Failure> {
        let start = match listening {
            Listening::Nothing => return Ok(()),
            Listening::New => Start::Follow { epoch: None, after: None },
            Listening::All => Start::Snapshot,
            Listening::After(place) => Start::Resume(place_of(&place)?.0),
        };
        let (space, filter) = (self.space.clone(), Filter::default());
        self.send(&ClientFrame::Subscribe { space, filter, start }).await?;
        // The first thing heard says that it is agreed; what follows is the driver's to read.
        let subscribed = self.receive().await?;
        self.understand(subscribed).map(|_| ())
    }

    async fn send(&mut self, frame: &ClientFrame) -> Result<(), Failure> {
        Ok(self.web.send(Message::Binary(encode_client(frame).into())).await?)
    }

    async fn receive(&mut self) -> Result<Bytes, Failure> {
        loop {
            match self.web.next().await {
                Some(Ok(Message::Binary(bytes))) => return Ok(bytes),
                Some(Ok(Message::Close(_))) | None => return Err(Failure::new("it hung up")),
                Some(Ok(_)) => {}
                Some(Err(error)) => return Err(error.into()),
            }
        }
    }

    fn understand(&mut self, bytes: Bytes) -> Result<Arrival, Failure> {
        match bytes.get(1) {
            Some(&CHANGES) => {
                self.advance(&bytes);
                return Ok(Arrival::Bytes(bytes));
            }
            Some(&SNAPSHOT_PART) => return Ok(Arrival::Bytes(bytes)),
            _ => {}
        }
        let frame = decode_hub(&bytes).map_err(|error| Failure::new(error.to_string()))?;
        match frame {
            HubFrame::Ack { push, .. } => return Ok(Arrival::Acked(vec![push.counter - 1])),
            HubFrame::Subscribed { head, .. } => self.cursor = Some(head),
            HubFrame::SnapshotEnd { cursor, .. } => self.cursor = Some(cursor),
            HubFrame::Heartbeat { stretches, .. } => {
                if let (Some(cursor), Some(stretch)) = (&mut self.cursor, stretches.first()) {
                    cursor.sequence = cursor.sequence.max(stretch.last);
                }
            }
            HubFrame::Reject { reject, .. } | HubFrame::Goodbye { reject, .. } => {
                return Err(Failure::new(format!("{}: {}", reject.code, reject.text)));
            }
            _ => {}
        }
        Ok(Arrival::Nothing)
    }

    /// Moves the cursor to a frame's `last`, without decoding its deltas.
    fn advance(&mut self, frame: &[u8]) {
        let mut rest = frame;
        let mut read = || {
            rmp::decode::read_array_len(&mut rest).ok()?;
            rmp::decode::read_int::<u64, _>(&mut rest).ok()?;
            let (_, after) = rmp::decode::read_str_from_slice(rest).ok()?;
            rest = after;
            rmp::decode::read_int::<u64, _>(&mut rest).ok()?;
            rmp::decode::read_int::<u64, _>(&mut rest).ok()
        };
        if let (Some(last), Some(cursor)) = (read(), &mut self.cursor) {
            cursor.sequence = last;
        }
    }

    fn push(&mut self, writes: &[Write]) -> Push {
        self.pushes += 1;
        Push {
            id: PushId { replica: self.encoder.replica(), counter: self.pushes },
            space: self.space.clone(),
            epoch: None,
            base: 0,
            guards: Vec::new(),
            deltas: writes.iter().map(|write| self.encoder.delta(write)).collect(),
        }
    }
}

#[async_trait]
impl Link for HubLink {
    async fn feed(&mut self, writes: &[Write]) -> Result<(), Failure> {
        let push = ClientFrame::Push(self.push(writes));
        Ok(self.web.feed(Message::Binary(encode_client(&push).into())).await?)
    }

    async fn flush(&mut self) -> Result<(), Failure> {
        Ok(self.web.flush().await?)
    }

    async fn next(&mut self) -> Result<Arrival, Failure> {
        let bytes = self.receive().await?;
        self.understand(bytes)
    }

    async fn alive(&mut self) -> Result<(), Failure> {
        self.send(&ClientFrame::Ping { nonce: 0 }).await
    }

    fn place(&self) -> Option<Place> {
        let cursor = self.cursor?;
        let (view, replica) = (u64::from_be_bytes(cursor.view.0), self.encoder.replica());
        Some(Place(vec![cursor.epoch.0, cursor.sequence, view, replica.get()]))
    }
}

/// Where a replica had read to, and which it was.
fn place_of(place: &Place) -> Result<(Cursor, ReplicaId), Failure> {
    match place.0[..] {
        [epoch, sequence, view, replica] => {
            let (epoch, view) = (Epoch(epoch), ViewMark(view.to_be_bytes()));
            Ok((Cursor { epoch, sequence, view }, ReplicaId::from_random(replica)))
        }
        _ => Err(Failure::new("a place of another system")),
    }
}
