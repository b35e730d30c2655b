//! TinyBase: its WebSocket server with a mergeable store a path, kept in a file.
//!
//! Links speak as its synchronizer does: JSON behind the name of whom it is for, each cell with a
//! hybrid logical clock of its own. The server runs in Node (`bench/peers/tinybase`).
//!
//! ```text
//! message    to whom (nobody: all, S: the server), \n, [request, kind, body]
//! write      > all: changes, which the server hands on as they are
//! newcomer   > all: hashes?  < S: hashes  > S: tables that differ from these?  < S: tables
//! ```

use std::collections::HashMap;
use std::fmt::Write as _;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Mutex;

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use tokio::task::JoinHandle;
use tokio_tungstenite::tungstenite::Message;

use super::websocket::{Web, connect_to};
use super::{Ability, Arrival, Failure, Link, Listening, Place, Running, Site, Target, program};
use crate::clock::wall_ms;
use crate::process::Server;
use crate::workload::Write;

/// The folder, which is the package's name as well.
const PEER: &str = "tinybase";
/// The table of all records.
const TABLE: &str = "todos";
/// The server's own name.
const SERVER: &str = "S";
/// What stands for a cell that is no more.
const DELETED: &str = "\u{fffc}";
/// Kinds of messages.
const GET_HASHES: u64 = 1;
const CHANGES: u64 = 3;
const GET_TABLES: u64 = 4;
/// A newcomer's request for hashes.
const JOIN: &str = "join";
/// Digits of clocks, in their order.
const DIGITS: &[u8; 64] = b"-0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz";

/// TinyBase.
pub(crate) struct TinyBase;

#[async_trait]
impl Target for TinyBase {
    fn name(&self) -> &'static str {
        "tinybase"
    }

    fn acknowledges(&self) -> &'static str {
        "in memory, and only because it is asked: a request behind each push is answered"
    }

    fn is_durable(&self) -> bool {
        false
    }

    fn can(&self, ability: Ability) -> Result<(), &'static str> {
        match ability {
            Ability::Resume => {
                Err("a client that comes back sends the hash of every record that it holds; the \
                 harness holds none")
            }
            _ => Ok(()),
        }
    }

    fn note(&self) -> Option<&'static str> {
        Some(
            "the server rewrites a space's whole file for each change, one after the other, while \
             it goes on; what waits to be written is lost when the last client leaves, so that one \
             more stays in each space",
        )
    }

    fn installed(&self) -> Result<(), String> {
        program::node_peer(PEER).map(drop)
    }

    async fn start(&self, site: &Site) -> Result<Box<dyn Running>, Failure> {
        let (folder, server, address) = program::start_node(PEER, site).await?;
        let present = Mutex::new(HashMap::new());
        Ok(Box::new(RunningTinyBase { server, address, folder, present }))
    }
}

struct RunningTinyBase {
    server: Server,
    address: SocketAddr,
    folder: PathBuf,
    /// For each channel a client that stays.
    present: Mutex<HashMap<String, JoinHandle<()>>>,
}

impl RunningTinyBase {
    /// Joins a channel.
    async fn join(&self, channel: &str) -> Result<TinyBaseLink, Failure> {
        let web = connect_to(self.address, channel, None).await?;
        let mut link = TinyBaseLink { web, clock: Clock::new(), pushes: 0 };
        link.send("", JOIN, GET_HASHES, &json!("")).await?;
        // Its answer says that the store is loaded and that the link hears what is new.
        while !link.receive().await?.starts_with(b"S\n[\"join\",0,") {}
        Ok(link)
    }
}

#[async_trait]
impl Running for RunningTinyBase {
    fn version(&self) -> String {
        program::node_version(&self.folder, PEER)
    }

    fn processes(&self) -> Vec<u32> {
        vec![self.server.id()]
    }

    /// Puts a client there that stays: with the last one the server drops a space, and what waits
    /// to be written with it.
    async fn prepare(&self, channel: &str) -> Result<(), Failure> {
        let mut link = self.join(channel).await?;
        let stays = tokio::spawn(async move { while link.receive().await.is_ok() {} });
        let mut present = self.present.lock().expect("nothing panics while it holds this");
        if let Some(before) = present.insert(channel.to_owned(), stays) {
            before.abort();
        }
        Ok(())
    }

    async fn link(&self, channel: &str, listening: Listening) -> Result<Box<dyn Link>, Failure> {
        let mut link = self.join(channel).await?;
        match listening {
            Listening::Nothing | Listening::New => {}
            Listening::All => link.send(SERVER, "all", GET_TABLES, &json!({})).await?,
            Listening::After(_) => return Err(Failure::new("it has told no place")),
        }
        Ok(Box::new(link))
    }

    async fn stop(self: Box<Self>) {
        self.server.stop().await;
        let present = self.present.into_inner().unwrap_or_default();
        present.into_values().for_each(|stays| stays.abort());
    }
}

/// A clock of one client: 42 bits of milliseconds, 24 of a counter and 30 of the client, six bits a
/// digit, which sort as they count.
struct Clock {
    client: u64,
    ms: u64,
    counter: u64,
}

impl Clock {
    fn new() -> Self {
        Self { client: rand::random::<u64>() >> 34, ms: 0, counter: 0 }
    }

    fn tick(&mut self, now_ms: u64) -> String {
        self.counter += 1;
        if now_ms > self.ms {
            (self.ms, self.counter) = (now_ms, 0);
        }
        let mut text = String::with_capacity(16);
        for (bits, digits) in [(self.ms, 7), (self.counter, 4), (self.client, 5)] {
            for digit in (0..digits).rev() {
                let at = usize::try_from(bits >> (6 * digit) & 63).unwrap_or(0);
                text.push(char::from(DIGITS[at]));
            }
        }
        text
    }
}

/// One connection.
struct TinyBaseLink {
    web: Web,
    clock: Clock,
    pushes: u64,
}

impl TinyBaseLink {
    async fn send(
        &mut self,
        to: &str,
        request: &str,
        kind: u64,
        body: &Value,
    ) -> Result<(), Failure> {
        let message = format!("{to}\n[\"{request}\",{kind},{body}]");
        Ok(self.web.send(Message::text(message)).await?)
    }

    async fn receive(&mut self) -> Result<Bytes, Failure> {
        loop {
            match self.web.next().await {
                Some(Ok(Message::Text(text))) => return Ok(text.into()),
                Some(Ok(Message::Close(Some(close)))) => {
                    return Err(Failure::new(format!("it hung up: {}", close.reason)));
                }
                Some(Ok(Message::Close(None))) | None => return Err(Failure::new("it hung up")),
                Some(Ok(_)) => {}
                Some(Err(error)) => return Err(error.into()),
            }
        }
    }

    /// The changes of a push: tables, rows and cells, each of these with its clock.
    fn changes(&mut self, writes: &[Write]) -> String {
        // One push may hold a record twice: the later one's clocks are greater, and its key would
        // stand twice in one object.
        let mut rows = serde_json::Map::new();
        for write in writes {
            let values = match write.deletes {
                true => [json!(DELETED), json!(DELETED), json!(DELETED)],
                false => [json!(&*write.title), json!(write.done), json!(write.mark())],
            };
            let [title, done, at] = values.map(|value| json!([value, self.clock.tick(wall_ms())]));
            rows.insert(write.key(), json!([{ "title": title, "done": done, "at": at }]));
        }
        json!([[{ TABLE: [rows] }], [{}], 1]).to_string()
    }
}

#[async_trait]
impl Link for TinyBaseLink {
    async fn feed(&mut self, writes: &[Write]) -> Result<(), Failure> {
        let push = self.pushes;
        self.pushes += 1;
        let mut message = String::new();
        let changes = self.changes(writes);
        // Writing to a string never fails.
        let _ = write!(message, "\n[\"w{push}\",{CHANGES},{changes}]");
        self.web.feed(Message::text(message)).await?;
        let asks = format!("{SERVER}\n[\"{push}\",{GET_HASHES},\"\"]");
        Ok(self.web.feed(Message::text(asks)).await?)
    }

    async fn flush(&mut self) -> Result<(), Failure> {
        Ok(self.web.flush().await?)
    }

    async fn next(&mut self) -> Result<Arrival, Failure> {
        let bytes = self.receive().await?;
        Ok(match answered(&bytes) {
            Some(push) => Arrival::Acked(vec![push]),
            None => Arrival::Bytes(bytes),
        })
    }

    fn place(&self) -> Option<Place> {
        None
    }
}

/// The push that a message answers, when it is the server's answer to the request behind one.
fn answered(message: &[u8]) -> Option<u64> {
    let rest = message.strip_prefix(b"S\n[\"")?;
    let end = memchr::memchr(b'"', rest)?;
    let (number, rest) = rest.split_at(end);
    let is_answer = rest.starts_with(b"\",0,");
    std::str::from_utf8(number).ok()?.parse().ok().filter(|_| is_answer)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clocks_are_written_as_the_package_writes_them() {
        let mut clock = Clock { client: 0x3fff_ffff, ms: 0, counter: 0 };
        // 0x5e is 64 + 30, and so the digits 1 and 30.
        assert_eq!(clock.tick(0x5e), "-----0T----zzzzz");
        let next = clock.tick(0x5e);
        assert_eq!(next, "-----0T---0zzzzz");
        // A clock that is set back goes on where it was.
        assert!(clock.tick(1) > next);
    }

    #[test]
    fn answers_are_told_from_news() {
        assert_eq!(answered(b"S\n[\"17\",0,[1,0]]"), Some(17));
        assert_eq!(answered(b"S\n[\"17\",2,[1,0]]"), None);
        assert_eq!(answered(b"S\n[\"all\",0,[[{}],{}]]"), None);
        assert_eq!(answered(b"abc\n[\"17\",0,[1,0]]"), None);
    }
}
