//! NATS JetStream: a key-value bucket a channel, listened to as its clients watch it.
//!
//! A bucket is a stream that keeps the last message of each subject. A put is acknowledged by
//! JetStream; a watch is an ordered push consumer with flow control, from the last values, from now
//! on, or from a sequence. Spoken by hand: see `wire.rs`.

use std::net::SocketAddr;
use std::path::PathBuf;

use async_trait::async_trait;
use bytes::BytesMut;
use memchr::memmem;
use tokio::process::Command;

use super::wire::{Dialect, Piece, Spoken, Wire};
use super::{Ability, Failure, Link, Listening, Place, Running, Site, Target, program};
use crate::process::{Server, free_address};
use crate::workload::Write;

/// The subscription that answers come by.
const ANSWERS: &str = "1";
/// The subscription that news come by.
const NEWS: &str = "2";
/// A delete of a key, as key-value clients write it.
const DELETE: &str = "NATS/1.0\r\nKV-Operation: DEL\r\n\r\n";
/// How to install a current one.
const INSTALL: &str = "make bench-peers, or apt-get install nats-server (an older one)";

/// NATS with JetStream.
pub(crate) struct Nats {
    /// Whether each write reaches the disk before its ack.
    pub(crate) syncs_always: bool,
}

#[async_trait]
impl Target for Nats {
    fn name(&self) -> &'static str {
        if self.syncs_always { "nats-always" } else { "nats" }
    }

    fn acknowledges(&self) -> &'static str {
        match self.syncs_always {
            true => "on disk: fsync before the ack (sync_interval: always); each write by itself",
            false => "in the page cache: fsync every two minutes; each write by itself",
        }
    }

    fn is_durable(&self) -> bool {
        self.syncs_always
    }

    fn can(&self, _: Ability) -> Result<(), &'static str> {
        Ok(())
    }

    fn installed(&self) -> Result<(), String> {
        let program = program::found("nats-server", INSTALL)?;
        let version = program::said(&program, "--version");
        // Older ones know durations there, and no word.
        if self.syncs_always && minor(&version).is_some_and(|version| version < (2, 10)) {
            return Err(format!("{version} does not know sync_interval: always; {INSTALL}"));
        }
        Ok(())
    }

    async fn start(&self, site: &Site) -> Result<Box<dyn Running>, Failure> {
        let program = program::found("nats-server", INSTALL).map_err(Failure::new)?;
        let (address, folder) = (free_address()?, site.folder.path());
        let sync = if self.syncs_always { "sync_interval: always" } else { "" };
        let config = format!(
            "listen: \"{address}\"\nmax_connections: 65536\n\
             jetstream {{ store_dir: {:?}, {sync} }}\n",
            folder.join("data")
        );
        let file = folder.join("nats.conf");
        std::fs::write(&file, config)?;
        let mut command = Command::new(&program);
        command.arg("--config").arg(file);
        let mut server = Server::start(command, &folder.join("log"))?;
        server.listens(address).await?;
        Ok(Box::new(RunningNats { server, address, program }))
    }
}

/// The first two numbers of a version.
fn minor(version: &str) -> Option<(u32, u32)> {
    let numbers = version.split(|c: char| !c.is_ascii_digit()).filter_map(|it| it.parse().ok());
    let [major, minor] = numbers.take(2).collect::<Vec<u32>>().try_into().ok()?;
    Some((major, minor))
}

struct RunningNats {
    server: Server,
    address: SocketAddr,
    program: PathBuf,
}

#[async_trait]
impl Running for RunningNats {
    fn version(&self) -> String {
        program::said(&self.program, "--version")
    }

    fn processes(&self) -> Vec<u32> {
        vec![self.server.id()]
    }

    /// Makes a bucket as its clients do.
    async fn prepare(&self, channel: &str) -> Result<(), Failure> {
        let bucket = serde_json::json!({
            "name": format!("KV_{channel}"),
            "subjects": [format!("$KV.{channel}.>")],
            "retention": "limits",
            "storage": "file",
            "discard": "new",
            "max_msgs_per_subject": 1,
            "max_msgs": -1,
            "max_bytes": -1,
            "max_age": 0,
            "max_consumers": -1,
            "num_replicas": 1,
            "duplicate_window": 120_000_000_000_u64,
            "allow_rollup_hdrs": true,
            "deny_delete": true,
            "allow_direct": true,
        });
        let mut caller = Caller::connect(self.address).await?;
        let subject = format!("$JS.API.STREAM.CREATE.KV_{channel}");
        caller.ask(&subject, &bucket.to_string()).await.map(drop)
    }

    async fn link(&self, channel: &str, listening: Listening) -> Result<Box<dyn Link>, Failure> {
        let mut caller = Caller::connect(self.address).await?;
        let place = match policy(&listening)? {
            Some(policy) => Some(caller.watch(channel, policy).await?),
            None => None,
        };
        let (channel, inbox) = (channel.to_owned(), caller.inbox.clone());
        let dialect = NatsDialect { channel, inbox, place };
        Ok(Box::new(Spoken::new(caller.into_wire(), dialect)))
    }

    async fn stop(self: Box<Self>) {
        self.server.stop().await;
    }
}

/// From where a watch begins.
fn policy(listening: &Listening) -> Result<Option<serde_json::Value>, Failure> {
    Ok(match listening {
        Listening::Nothing => None,
        Listening::New => Some(serde_json::json!({ "deliver_policy": "new" })),
        Listening::All => Some(serde_json::json!({ "deliver_policy": "last_per_subject" })),
        Listening::After(Place(place)) => {
            let [sequence] = place[..] else {
                return Err(Failure::new("a place of another system"));
            };
            let (policy, start) = ("by_start_sequence", sequence + 1);
            Some(serde_json::json!({ "deliver_policy": policy, "opt_start_seq": start }))
        }
    })
}

/// A connection before it is a link: asks and waits for the answer.
struct Caller {
    wire: Wire,
    inbox: String,
    /// News that came while it waited for an answer.
    news: BytesMut,
}

impl Caller {
    async fn connect(address: SocketAddr) -> Result<Self, Failure> {
        let mut wire = Wire::connect(address).await?;
        let inbox = format!("_INBOX.{:016x}", rand::random::<u64>());
        let options = r#"{"verbose":false,"pedantic":false,"headers":true,"no_responders":true,
            "protocol":1,"lang":"rust","name":"syncline-bench","version":"1"}"#;
        let options: String = options.split_whitespace().collect();
        let hello = format!("CONNECT {options}\r\nSUB {inbox}.> {ANSWERS}\r\nPING\r\n");
        wire.output.extend_from_slice(hello.as_bytes());
        wire.flush().await?;
        let mut caller = Self { wire, inbox, news: BytesMut::new() };
        while caller.message().await?.is_none_or(|(line, _)| line != "PONG") {}
        Ok(caller)
    }

    /// Waits for a message: its first line and its payload. News that come already are left for
    /// the link.
    async fn message(&mut self) -> Result<Option<(String, Vec<u8>)>, Failure> {
        loop {
            if let Some(message) = Message::parse(&self.wire.input)? {
                let is_news = message.subscription == NEWS.as_bytes();
                let line = String::from_utf8_lossy(message.line).into_owned();
                let (payload, length) = (message.payload.to_vec(), message.length);
                let bytes = self.wire.input.split_to(length);
                if is_news {
                    self.news.extend_from_slice(&bytes);
                    return Ok(None);
                }
                return Ok(Some((line, payload)));
            }
            self.wire.fill().await?;
        }
    }

    /// Asks JetStream for something.
    async fn ask(&mut self, subject: &str, body: &str) -> Result<serde_json::Value, Failure> {
        let Self { wire, inbox, .. } = self;
        let request = format!("PUB {subject} {inbox}.ask {}\r\n{body}\r\n", body.len());
        wire.output.extend_from_slice(request.as_bytes());
        wire.flush().await?;
        let asked = format!("{}.ask", self.inbox);
        loop {
            let Some((line, payload)) = self.message().await? else { continue };
            if line.split(' ').nth(1) != Some(&asked) {
                continue;
            }
            let answer: serde_json::Value = serde_json::from_slice(&payload)
                .map_err(|error| Failure::new(format!("{subject}: {error}: {line}")))?;
            return match answer.get("error") {
                Some(error) => Err(Failure::new(format!("{subject}: {error}"))),
                None => Ok(answer),
            };
        }
    }

    /// The connection, with the news that have come already.
    fn into_wire(mut self) -> Wire {
        self.news.extend_from_slice(&self.wire.input);
        self.wire.input = self.news;
        self.wire
    }

    /// Watches a bucket; says the sequence before the first that will come.
    async fn watch(
        &mut self,
        channel: &str,
        mut policy: serde_json::Value,
    ) -> Result<u64, Failure> {
        let news = format!("{}_news", self.inbox);
        self.wire.output.extend_from_slice(format!("SUB {news} {NEWS}\r\n").as_bytes());
        let consumer = serde_json::json!({
            "deliver_subject": news,
            "ack_policy": "none",
            "max_deliver": 1,
            "replay_policy": "instant",
            "filter_subject": format!("$KV.{channel}.>"),
            "flow_control": true,
            "idle_heartbeat": 5_000_000_000_u64,
            "mem_storage": true,
            "num_replicas": 1,
        });
        if let (Some(policy), Some(more)) = (policy.as_object_mut(), consumer.as_object()) {
            policy.extend(more.clone());
        }
        let stream = format!("KV_{channel}");
        let body = serde_json::json!({ "stream_name": stream, "config": policy });
        let subject = format!("$JS.API.CONSUMER.CREATE.{stream}");
        let answer = self.ask(&subject, &body.to_string()).await?;
        Ok(answer["delivered"]["stream_seq"].as_u64().unwrap_or(0))
    }
}

/// A link's words. The place is that of the last news, for a link that listens.
struct NatsDialect {
    channel: String,
    inbox: String,
    place: Option<u64>,
}

impl Dialect for NatsDialect {
    fn push(&mut self, writes: &[Write], output: &mut BytesMut) -> Result<usize, Failure> {
        let Self { channel, inbox, .. } = self;
        for write in writes {
            let key = write.key();
            if write.deletes {
                let size = DELETE.len();
                let line = format!("HPUB $KV.{channel}.{key} {inbox}.ack {size} {size}\r\n");
                output.extend_from_slice(line.as_bytes());
                output.extend_from_slice(DELETE.as_bytes());
            } else {
                let payload = write.payload();
                let line = format!("PUB $KV.{channel}.{key} {inbox}.ack {}\r\n", payload.len());
                output.extend_from_slice(line.as_bytes());
                output.extend_from_slice(&payload);
            }
            output.extend_from_slice(b"\r\n");
        }
        Ok(writes.len())
    }

    fn piece(
        &mut self,
        input: &[u8],
        output: &mut BytesMut,
    ) -> Result<Option<(usize, Piece)>, Failure> {
        let Some(message) = Message::parse(input)? else { return Ok(None) };
        let piece = match message.subscription {
            b"1" if memmem::find(message.payload, b"\"error\"").is_some() => {
                return Err(Failure::new(String::from_utf8_lossy(message.payload)));
            }
            b"1" if message.payload.starts_with(b"{\"stream\"") => Piece::Ack(1),
            b"2" if message.header.starts_with(b"NATS/1.0 100") => {
                go_on(&message, output);
                Piece::Other
            }
            b"2" => {
                self.place = sequence(message.reply).or(self.place);
                Piece::Data
            }
            _ if message.line == b"PING" => {
                output.extend_from_slice(b"PONG\r\n");
                Piece::Other
            }
            _ => Piece::Other,
        };
        Ok(Some((message.length, piece)))
    }

    fn alive(&mut self, output: &mut BytesMut) {
        output.extend_from_slice(b"PING\r\n");
    }

    fn place(&self) -> Option<Place> {
        Some(Place(vec![self.place?]))
    }
}

/// Answers the flow control: in its own message, or in a heartbeat that says that it waits.
fn go_on(message: &Message<'_>, output: &mut BytesMut) {
    let header = String::from_utf8_lossy(message.header);
    let stalled = header.lines().find_map(|line| line.strip_prefix("Nats-Consumer-Stalled: "));
    let reply = String::from_utf8_lossy(message.reply);
    let subject = stalled.unwrap_or(&reply).trim();
    if !subject.is_empty() {
        output.extend_from_slice(format!("PUB {subject} 0\r\n\r\n").as_bytes());
    }
}

/// The stream's sequence in the subject that news would be acknowledged by:
/// `$JS.ACK.[domain.account.]stream.consumer.delivered.SEQUENCE.delivered.time.pending[.random]`.
fn sequence(reply: &[u8]) -> Option<u64> {
    let tokens: Vec<&[u8]> = reply.split(|byte| *byte == b'.').collect();
    let at = if tokens.len() > 9 { 7 } else { 5 };
    std::str::from_utf8(tokens.get(at)?).ok()?.parse().ok()
}

/// A message as it came.
#[derive(Debug, Default, PartialEq, Eq)]
struct Message<'a> {
    line: &'a [u8],
    subscription: &'a [u8],
    reply: &'a [u8],
    header: &'a [u8],
    payload: &'a [u8],
    /// Bytes of all of it.
    length: usize,
}

impl<'a> Message<'a> {
    /// The message that the input begins with, when it is there as a whole.
    fn parse(input: &'a [u8]) -> Result<Option<Self>, Failure> {
        let Some(end) = memchr::memchr(b'\n', input) else { return Ok(None) };
        let line = input[..end].strip_suffix(b"\r").unwrap_or(&input[..end]);
        if line.starts_with(b"-ERR") {
            return Err(Failure::new(String::from_utf8_lossy(line)));
        }
        let has_header = line.starts_with(b"HMSG ");
        if !has_header && !line.starts_with(b"MSG ") {
            return Ok(Some(Self { line, length: end + 1, ..Self::default() }));
        }
        Self::with_payload(input, line, end + 1, has_header)
    }

    fn with_payload(
        input: &'a [u8],
        line: &'a [u8],
        begin: usize,
        has_header: bool,
    ) -> Result<Option<Self>, Failure> {
        let strange = || Failure::new(format!("not NATS: {}", String::from_utf8_lossy(line)));
        let mut tokens = line.split(|byte| *byte == b' ').skip(2);
        let subscription = tokens.next().ok_or_else(strange)?;
        let rest: Vec<&[u8]> = tokens.collect();
        let sizes = if has_header { 2 } else { 1 };
        let number = |token: &&[u8]| std::str::from_utf8(token).ok()?.parse::<usize>().ok();
        let size = rest.last().and_then(number).ok_or_else(strange)?;
        let header = match has_header {
            true => rest.iter().rev().nth(1).and_then(number).ok_or_else(strange)?,
            false => 0,
        };
        let reply = if rest.len() > sizes { rest[0] } else { &[][..] };
        let Some(body) = input.get(begin..begin + size + 2) else { return Ok(None) };
        let (header, payload) = body[..size].split_at_checked(header).ok_or_else(strange)?;
        let length = begin + size + 2;
        Ok(Some(Self { line, subscription, reply, header, payload, length }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The kinds of all messages, and what was answered, however the input is cut.
    fn check(input: &[u8], pieces: &[Piece], answer: &str, place: Option<u64>) {
        for cut in 0..=input.len() {
            let (channel, inbox) = ("bench".to_owned(), "_INBOX.1".to_owned());
            let mut dialect = NatsDialect { channel, inbox, place: None };
            let (mut output, mut found, mut begin) = (BytesMut::new(), Vec::new(), 0);
            for end in [cut, input.len()] {
                while let Some((length, piece)) =
                    dialect.piece(&input[begin..end], &mut output).unwrap()
                {
                    found.push(piece);
                    begin += length;
                }
            }
            assert_eq!((begin, &found[..]), (input.len(), pieces), "cut at {cut}");
            assert_eq!((&output[..], dialect.place), (answer.as_bytes(), place));
        }
    }

    /// A message with its size.
    fn message(head: &str, payload: &str) -> String {
        format!("{head} {}\r\n{payload}\r\n", payload.len())
    }

    #[test]
    fn messages_are_told_apart() {
        let ack = message("MSG _INBOX.1.ack 1", r#"{"stream":"KV_bench","seq":1}"#);
        let input = format!("PING\r\n{ack}+OK\r\n");
        let pieces = [Piece::Other, Piece::Ack(1), Piece::Other];
        check(input.as_bytes(), &pieces, "PONG\r\n", None);
        let news = message("MSG $KV.bench.a 2 $JS.ACK.KV_bench.c.1.77.1.99.0", "abc");
        let flow = message("HMSG news 2 flow 36", "NATS/1.0 100 FlowControl Request\r\n\r\n");
        let input = news + &flow;
        check(input.as_bytes(), &[Piece::Data, Piece::Other], "PUB flow 0\r\n\r\n", Some(77));
    }

    #[test]
    fn what_is_refused_is_a_failure() {
        let refused = message("MSG _INBOX.1.ack 1", r#"{"error":{"code":503}}"#);
        let (channel, inbox) = ("bench".to_owned(), "_INBOX.1".to_owned());
        let mut dialect = NatsDialect { channel, inbox, place: None };
        assert!(dialect.piece(refused.as_bytes(), &mut BytesMut::new()).is_err());
        assert!(Message::parse(b"-ERR 'Authorization Violation'\r\n").is_err());
        assert!(Message::parse(b"MSG a 1 many\r\n").is_err());
        assert!(Message::parse(b"HMSG a 1 9 3\r\nabc\r\n").is_err());
    }

    #[test]
    fn a_sequence_is_found_in_both_forms() {
        assert_eq!(sequence(b"$JS.ACK.KV_bench.c.1.77.1.99.0"), Some(77));
        assert_eq!(sequence(b"$JS.ACK._.HASH.KV_bench.c.1.78.1.99.0.rand"), Some(78));
        assert_eq!(sequence(b""), None);
    }

    #[test]
    fn versions_are_compared() {
        assert_eq!(minor("nats-server: v2.9.10"), Some((2, 9)));
        assert_eq!(minor("nats-server"), None);
    }
}
