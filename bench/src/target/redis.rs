//! Redis: a hash a record and a stream a channel, written and published in one transaction.
//!
//! The hash is the record, the stream the log. Whoever listens is subscribed, which fans out about
//! twice as fast as a blocking XREAD of the stream does; it reads the stream only to catch up. What
//! is published does not say where in the stream it stands, so that a listener asks for the
//! stream's end now and then: what it received before the answer lies before that end, and RESP 3
//! lets one connection do both. Spoken by hand: see `wire.rs`.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::path::PathBuf;

use async_trait::async_trait;
use bytes::BytesMut;
use tokio::process::Command;

use super::wire::{Dialect, Piece, Spoken, Wire};
use super::{Ability, Failure, Link, Listening, Place, Running, Site, Target, program};
use crate::process::{Server, free_address};
use crate::workload::Write;

/// How to install it.
const INSTALL: &str = "apt-get install redis-server";
/// Entries that a stream keeps, about: an app bounds its log.
const LOG_MAX: &str = "1000000";
/// Entries of one answer, and records of one page of a snapshot.
const PAGE: &str = "1000";
/// Messages after which the stream's end is asked for.
const REFRESH: usize = 64;
/// How a message of a subscription begins.
const MESSAGE: &[u8] = b">3\r\n$7\r\nmessage\r\n";

/// Redis with an append-only file that is synced before each answer.
pub(crate) struct Redis;

#[async_trait]
impl Target for Redis {
    fn name(&self) -> &'static str {
        "redis"
    }

    fn acknowledges(&self) -> &'static str {
        "on disk: fsync before the answer (appendfsync always), many transactions to one fsync"
    }

    fn is_durable(&self) -> bool {
        true
    }

    fn can(&self, _: Ability) -> Result<(), &'static str> {
        Ok(())
    }

    fn installed(&self) -> Result<(), String> {
        program::found("redis-server", INSTALL).map(drop)
    }

    async fn start(&self, site: &Site) -> Result<Box<dyn Running>, Failure> {
        let program = program::found("redis-server", INSTALL).map_err(Failure::new)?;
        let (address, folder) = (free_address()?, site.folder.path());
        // The protected mode takes the other addresses of the loopback network for strangers.
        let config = format!(
            "bind {}\nprotected-mode no\nport {}\ndir {folder:?}\ndaemonize no\nsave \"\"\n\
             appendonly yes\nappendfsync always\nmaxclients 60000\ntcp-backlog 4096\n",
            address.ip(),
            address.port(),
        );
        let file = folder.join("redis.conf");
        std::fs::write(&file, config)?;
        let mut command = Command::new(&program);
        command.arg(file);
        let mut server = Server::start(command, &folder.join("log"))?;
        server.listens(address).await?;
        Ok(Box::new(RunningRedis { server, address, program }))
    }
}

struct RunningRedis {
    server: Server,
    address: SocketAddr,
    program: PathBuf,
}

#[async_trait]
impl Running for RunningRedis {
    fn version(&self) -> String {
        program::said(&self.program, "--version")
    }

    fn processes(&self) -> Vec<u32> {
        vec![self.server.id()]
    }

    async fn link(&self, channel: &str, listening: Listening) -> Result<Box<dyn Link>, Failure> {
        let wire = Wire::connect(self.address).await?;
        let reading = match &listening {
            Listening::Nothing => None,
            Listening::After(place) => Some(Reading::after(channel, id(place)?)),
            Listening::New => Some(Reading::new(channel)),
            Listening::All => Some(Reading { snapshot: true, ..Reading::new(channel) }),
        };
        let is_new = matches!(listening, Listening::New);
        let mut link = Spoken::new(wire, RedisDialect::new(channel, reading));
        link.begin().await?;
        while is_new && link.place().is_none() {
            link.next().await?;
        }
        Ok(Box::new(link))
    }

    async fn stop(self: Box<Self>) {
        // It may have a child that rewrites its file: asked to go, it takes the child with it.
        if let Ok(mut wire) = Wire::connect(self.address).await {
            command(&mut wire.output, &["SHUTDOWN", "NOSAVE"]);
            let gone = async {
                wire.flush().await?;
                wire.fill().await
            };
            // An answer or the connection's end: both say that it has heard.
            let _ = tokio::time::timeout(std::time::Duration::from_secs(5), gone).await;
        }
        self.server.stop().await;
    }
}

fn log(channel: &str) -> String {
    format!("log:{channel}")
}

fn id(place: &Place) -> Result<String, Failure> {
    match place.0[..] {
        [milliseconds, number] => Ok(format!("{milliseconds}-{number}")),
        _ => Err(Failure::new("a place of another system")),
    }
}

/// A command as it goes over the wire.
fn command(output: &mut BytesMut, text: &[&str]) {
    words(output, &text.iter().map(|word| word.as_bytes()).collect::<Vec<_>>());
}

fn words(output: &mut BytesMut, words: &[&[u8]]) {
    output.extend_from_slice(format!("*{}\r\n", words.len()).as_bytes());
    for word in words {
        output.extend_from_slice(format!("${}\r\n", word.len()).as_bytes());
        output.extend_from_slice(word);
        output.extend_from_slice(b"\r\n");
    }
}

/// What was asked for, and is answered in this order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Asked {
    /// Another protocol version.
    Protocol,
    /// The stream's last entry.
    End,
    /// A page of the stream.
    Log,
    /// A page of the names of records.
    Scan,
    /// A record; with the last one of a page it goes on.
    Record { is_last: bool },
}

/// What a link that listens has and waits for.
struct Reading {
    log: String,
    pattern: String,
    /// The entry up to which everything has come, once that is known.
    id: Option<String>,
    /// Whether the records as they are come first.
    snapshot: bool,
    /// Where the scan for records goes on.
    cursor: Option<String>,
    asked: VecDeque<Asked>,
    /// Messages since the stream's end was asked for.
    messages: usize,
}

impl Reading {
    /// From now on.
    fn new(channel: &str) -> Self {
        Self {
            log: log(channel),
            pattern: format!("rec:{channel}:*"),
            id: None,
            snapshot: false,
            cursor: None,
            asked: VecDeque::new(),
            messages: 0,
        }
    }

    /// From an entry on.
    fn after(channel: &str, id: String) -> Self {
        Self { id: Some(id), ..Self::new(channel) }
    }

    /// Subscribes, then asks for what comes before that.
    fn begin(&mut self, output: &mut BytesMut) {
        command(output, &["HELLO", "3"]);
        self.asked.push_back(Asked::Protocol);
        // Its answer comes as a message does.
        command(output, &["SUBSCRIBE", &self.log]);
        let next = if self.id.is_some() { Asked::Log } else { Asked::End };
        self.ask(next, output);
    }

    fn ask(&mut self, what: Asked, output: &mut BytesMut) {
        let Self { log, pattern, .. } = &*self;
        let id = self.id.as_deref().unwrap_or("0-0");
        match what {
            Asked::End => command(output, &["XREVRANGE", log, "+", "-", "COUNT", "1"]),
            Asked::Log => {
                command(output, &["XRANGE", log, &format!("({id}"), "+", "COUNT", PAGE]);
            }
            Asked::Scan => {
                let cursor = self.cursor.as_deref().unwrap_or("0");
                command(output, &["SCAN", cursor, "MATCH", pattern, "COUNT", PAGE, "TYPE", "hash"]);
            }
            Asked::Protocol | Asked::Record { .. } => return,
        }
        self.asked.push_back(what);
    }

    /// Asks for the stream's end, unless something else is under way.
    fn refresh(&mut self, output: &mut BytesMut) {
        if self.asked.is_empty() {
            self.messages = 0;
            self.ask(Asked::End, output);
        }
    }

    /// Takes a message of the subscription.
    fn message(&mut self, reply: &[u8], output: &mut BytesMut) -> Piece {
        if !reply.starts_with(MESSAGE) {
            return Piece::Other;
        }
        self.messages += 1;
        if self.messages >= REFRESH {
            self.refresh(output);
        }
        Piece::Data
    }

    /// Takes an answer, and asks for what comes next.
    fn answer(
        &mut self,
        reply: &[u8],
        last: Option<(usize, usize)>,
        output: &mut BytesMut,
    ) -> Piece {
        let last = last.and_then(|(begin, end)| std::str::from_utf8(&reply[begin..end]).ok());
        match self.asked.pop_front() {
            Some(Asked::End) => {
                self.id = Some(last.unwrap_or("0-0").to_owned());
                if std::mem::take(&mut self.snapshot) {
                    self.ask(Asked::Scan, output);
                }
                Piece::Other
            }
            Some(Asked::Log) => {
                if let Some(last) = last {
                    self.id = Some(last.to_owned());
                    self.ask(Asked::Log, output);
                }
                Piece::Data
            }
            Some(Asked::Scan) => {
                self.page(reply, output);
                Piece::Other
            }
            Some(Asked::Record { is_last }) => {
                if is_last && self.cursor.is_some() {
                    self.ask(Asked::Scan, output);
                }
                Piece::Data
            }
            Some(Asked::Protocol) | None => Piece::Other,
        }
    }

    /// Asks for all records of a page.
    fn page(&mut self, reply: &[u8], output: &mut BytesMut) {
        let mut words = bulks(reply);
        self.cursor = words.next().filter(|next| *next != "0").map(str::to_owned);
        let mut keys = words.peekable();
        if keys.peek().is_none() && self.cursor.is_some() {
            self.ask(Asked::Scan, output);
        }
        while let Some(key) = keys.next() {
            command(output, &["HGETALL", key]);
            self.asked.push_back(Asked::Record { is_last: keys.peek().is_none() });
        }
    }
}

/// The texts in a reply, in order.
fn bulks(reply: &[u8]) -> impl Iterator<Item = &str> {
    let lines = std::str::from_utf8(reply).unwrap_or_default().split("\r\n");
    // Keys and cursors hold neither line ends nor anything that begins like a length.
    lines.filter(|line| !line.is_empty() && !line.starts_with(['*', '$']))
}

/// A link's words.
struct RedisDialect {
    /// Before a record's own key.
    record: String,
    log: String,
    reading: Option<Reading>,
    scanner: Scanner,
}

impl RedisDialect {
    fn new(channel: &str, reading: Option<Reading>) -> Self {
        let (record, log) = (format!("rec:{channel}:"), log(channel));
        Self { record, log, reading, scanner: Scanner::default() }
    }
}

impl Dialect for RedisDialect {
    fn begin(&mut self, output: &mut BytesMut) {
        if let Some(reading) = &mut self.reading {
            reading.begin(output);
        }
    }

    fn push(&mut self, writes: &[Write], output: &mut BytesMut) -> Result<usize, Failure> {
        if self.reading.is_some() {
            return Err(Failure::new("a connection that listens does not write"));
        }
        let log = &self.log;
        command(output, &["MULTI"]);
        for write in writes {
            let key = write.key();
            let record = format!("{}{key}", self.record);
            let entry = ["XADD", log, "MAXLEN", "~", LOG_MAX, "*", "key", &key];
            if write.deletes {
                command(output, &["DEL", &record]);
                command(output, &[&entry[..], &["deleted", "1"]].concat());
                command(output, &["PUBLISH", log, &key]);
                continue;
            }
            let (title, done, at) =
                (&*write.title, if write.done { "1" } else { "0" }, write.mark());
            let fields = ["title", title, "done", done, "at", &at];
            command(output, &[&["HSET", &record], &fields[..]].concat());
            command(output, &[&entry[..], &fields[..]].concat());
            words(
                output,
                &[b"PUBLISH", log.as_bytes(), &[key.as_bytes(), &write.payload()].concat()],
            );
        }
        command(output, &["EXEC"]);
        Ok(1)
    }

    fn piece(
        &mut self,
        input: &[u8],
        output: &mut BytesMut,
    ) -> Result<Option<(usize, Piece)>, Failure> {
        let Some(length) = self.scanner.scan(input)? else { return Ok(None) };
        let last = self.scanner.last.take();
        let reply = &input[..length];
        let piece = match (reply[0], &mut self.reading) {
            (b'>', Some(reading)) => reading.message(reply, output),
            (_, Some(reading)) => reading.answer(reply, last, output),
            // Only the answer to a whole transaction is an array.
            (b'*', None) => Piece::Ack(1),
            _ => Piece::Other,
        };
        Ok(Some((length, piece)))
    }

    fn alive(&mut self, output: &mut BytesMut) {
        match &mut self.reading {
            Some(reading) => reading.refresh(output),
            None => command(output, &["PING"]),
        }
    }

    fn place(&self) -> Option<Place> {
        let (milliseconds, number) = self.reading.as_ref()?.id.as_ref()?.split_once('-')?;
        Some(Place(vec![milliseconds.parse().ok()?, number.parse().ok()?]))
    }
}

/// Finds the end of a reply, going on where the input ended the last time.
#[derive(Debug, Default)]
struct Scanner {
    /// Bytes that are scanned.
    at: usize,
    /// Elements still to come, of all arrays that are open; none before a reply.
    remaining: Option<u64>,
    /// Whether an array of two has just begun.
    begins_pair: bool,
    /// Where the last text lies that came first in an array of two: an entry's id. Its fields, two
    /// words each, are an array of four at least.
    last: Option<(usize, usize)>,
}

impl Scanner {
    /// The length of the reply that the input begins with, once it is there as a whole.
    fn scan(&mut self, input: &[u8]) -> Result<Option<usize>, Failure> {
        let mut remaining = self.remaining.unwrap_or(1);
        while remaining > 0 {
            let Some(added) = self.element(input)? else {
                self.remaining = Some(remaining);
                return Ok(None);
            };
            remaining = remaining - 1 + added;
        }
        self.remaining = None;
        Ok(Some(std::mem::take(&mut self.at)))
    }

    /// Passes one element; says how many more it opens.
    fn element(&mut self, input: &[u8]) -> Result<Option<u64>, Failure> {
        let rest = &input[self.at..];
        let Some(end) = memchr::memchr(b'\n', rest) else { return Ok(None) };
        let line = rest[..end].strip_suffix(b"\r").unwrap_or(&rest[..end]);
        let strange = || Failure::new(format!("not Redis: {}", String::from_utf8_lossy(line)));
        let (kind, text) = line.split_first().ok_or_else(strange)?;
        let number = || std::str::from_utf8(text).ok()?.parse::<i64>().ok().map(|it| it.max(0));
        let size = || number().and_then(|it| u64::try_from(it).ok()).ok_or_else(strange);
        let begin = self.at + end + 1;
        match kind {
            b'*' | b'>' | b'%' => {
                // A map counts its pairs.
                let size = if *kind == b'%' { size()?.saturating_mul(2) } else { size()? };
                self.begins_pair = *kind == b'*' && size == 2;
                self.at = begin;
                return Ok(Some(size));
            }
            b'$' if text != b"-1" => {
                let size = usize::try_from(size()?).map_err(|_| strange())?;
                let end = begin.saturating_add(size);
                if input.len() < end.saturating_add(2) {
                    return Ok(None);
                }
                if self.begins_pair {
                    self.last = Some((begin, end));
                }
                self.at = end + 2;
            }
            b'$' | b'+' | b':' | b'_' => self.at = begin,
            _ => return Err(Failure::new(String::from_utf8_lossy(line))),
        }
        self.begins_pair = false;
        Ok(Some(0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The kinds of all replies, however the input is cut; and what was said in answer.
    fn check(reading: impl Fn() -> Option<Reading>, input: &[u8], pieces: &[Piece], answer: &str) {
        for cut in 0..=input.len() {
            let mut dialect = RedisDialect::new("bench", reading());
            let (mut output, mut found, mut begin) = (BytesMut::new(), Vec::new(), 0);
            dialect.begin(&mut output);
            output.clear();
            for end in [cut, input.len()] {
                while let Some((length, piece)) =
                    dialect.piece(&input[begin..end], &mut output).unwrap()
                {
                    found.push(piece);
                    begin += length;
                }
            }
            assert_eq!((begin, &found[..]), (input.len(), pieces), "cut at {cut}");
            let words: Vec<_> = bulks(&output).collect();
            assert_eq!(words.join(" "), answer, "cut at {cut}");
        }
    }

    #[test]
    fn a_transaction_is_one_ack() {
        let input = b"+OK\r\n+QUEUED\r\n+QUEUED\r\n*2\r\n:3\r\n$3\r\n1-0\r\n";
        let pieces = [Piece::Other, Piece::Other, Piece::Other, Piece::Ack(1)];
        check(|| None, input, &pieces, "");
        assert!(
            RedisDialect::new("bench", None)
                .piece(b"-EXECABORT\r\n", &mut BytesMut::new())
                .is_err()
        );
        assert!(
            RedisDialect::new("bench", None).piece(b"*many\r\n", &mut BytesMut::new()).is_err()
        );
    }

    #[test]
    fn what_was_missed_comes_page_by_page() {
        let fields = "*4\r\n$3\r\nkey\r\n$1\r\na\r\n$2\r\nat\r\n$1\r\nx\r\n";
        let entry = |id: &str| format!("*2\r\n${}\r\n{id}\r\n{fields}", id.len());
        let hello = "%1\r\n$5\r\nproto\r\n:3\r\n>3\r\n$9\r\nsubscribe\r\n$9\r\nlog:bench\r\n:1\r\n";
        let input = [hello, "*2\r\n", &entry("7-1"), &entry("19-2"), "*0\r\n"].concat();
        let pieces = [Piece::Other, Piece::Other, Piece::Data, Piece::Data];
        let reading = || Some(Reading::after("bench", "3-0".to_owned()));
        check(reading, input.as_bytes(), &pieces, "XRANGE log:bench (19-2 + COUNT 1000");
    }

    #[test]
    fn a_snapshot_is_read_page_by_page_behind_the_end() {
        let reading = || Some(Reading { snapshot: true, ..Reading::new("bench") });
        let end = "%0\r\n*1\r\n*2\r\n$3\r\n9-1\r\n*0\r\n";
        let page = |cursor: char| format!("*2\r\n$1\r\n{cursor}\r\n*1\r\n$1\r\na\r\n");
        let record = "%1\r\n$2\r\nat\r\n$1\r\nx\r\n";
        let input = [end, &page('7'), record, &page('0'), record].concat();
        let scan = |cursor| format!("SCAN {cursor} MATCH rec:bench:* COUNT 1000 TYPE hash");
        let asked = format!("{} HGETALL a {} HGETALL a", scan(0), scan(7));
        let pieces =
            [Piece::Other, Piece::Other, Piece::Other, Piece::Data, Piece::Other, Piece::Data];
        check(reading, input.as_bytes(), &pieces, &asked);
    }

    #[test]
    fn the_end_is_asked_for_now_and_then() {
        let message = [MESSAGE, b"$9\r\nlog:bench\r\n$1\r\nx\r\n"].concat();
        let input = [b"%0\r\n*0\r\n".to_vec(), message.repeat(REFRESH)].concat();
        let pieces = [vec![Piece::Other; 2], vec![Piece::Data; REFRESH]].concat();
        let reading = || Some(Reading::new("bench"));
        check(reading, &input, &pieces, "XREVRANGE log:bench + - COUNT 1");
    }
}
