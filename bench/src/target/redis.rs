//! Redis: a hash a record and a stream a channel, written in one transaction.
//!
//! The hash is the record, the stream the log. Whoever listens reads the stream with a blocking
//! XREAD, which says where it is, loses nothing and takes all that waits in one answer. Spoken by
//! hand: see `wire.rs`.

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
        let mut wire = Wire::connect(self.address).await?;
        let reading = match listening {
            Listening::Nothing => None,
            Listening::After(place) => Some(Reading::after(channel, id(&place)?)),
            Listening::New => Some(Reading::after(channel, last(&mut wire, channel).await?)),
            // The place before the snapshot: what is written meanwhile comes behind it again.
            Listening::All => Some(Reading::all(channel, last(&mut wire, channel).await?)),
        };
        if let Some(reading) = &reading {
            reading.ask(&mut wire.output);
            wire.flush().await?;
        }
        let (record, log) = (format!("rec:{channel}:"), log(channel));
        let dialect = RedisDialect { record, log, reading, scanner: Scanner::default() };
        Ok(Box::new(Spoken::new(wire, dialect)))
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

/// The stream's last entry.
async fn last(wire: &mut Wire, channel: &str) -> Result<String, Failure> {
    command(&mut wire.output, &["XREVRANGE", &log(channel), "+", "-", "COUNT", "1"]);
    wire.flush().await?;
    let mut scanner = Scanner::default();
    loop {
        if let Some(length) = scanner.scan(&wire.input)? {
            let reply = wire.input.split_to(length);
            let id = scanner.last.map(|(begin, end)| reply[begin..end].to_vec());
            let id = id.unwrap_or_else(|| b"0-0".to_vec());
            return String::from_utf8(id).map_err(|error| Failure::new(error.to_string()));
        }
        wire.fill().await?;
    }
}

fn id(place: &Place) -> Result<String, Failure> {
    match place.0[..] {
        [milliseconds, number] => Ok(format!("{milliseconds}-{number}")),
        _ => Err(Failure::new("a place of another system")),
    }
}

/// A command as it goes over the wire.
fn command(output: &mut BytesMut, words: &[&str]) {
    output.extend_from_slice(format!("*{}\r\n", words.len()).as_bytes());
    for word in words {
        output.extend_from_slice(format!("${}\r\n", word.len()).as_bytes());
        output.extend_from_slice(word.as_bytes());
        output.extend_from_slice(b"\r\n");
    }
}

/// What a link that listens is waiting for.
struct Reading {
    log: String,
    pattern: String,
    /// The last entry that has come.
    id: String,
    /// Where the scan of records is to go on, while there is one.
    cursor: Option<String>,
    /// Records of the page that are still to come.
    records: usize,
}

impl Reading {
    fn after(channel: &str, id: String) -> Self {
        let (log, pattern) = (log(channel), format!("rec:{channel}:*"));
        Self { log, pattern, id, cursor: None, records: 0 }
    }

    fn all(channel: &str, id: String) -> Self {
        Self { cursor: Some("0".to_owned()), ..Self::after(channel, id) }
    }

    /// Asks for the next page, or for news.
    fn ask(&self, output: &mut BytesMut) {
        let Self { log, pattern, id, cursor, .. } = self;
        match cursor {
            Some(cursor) => {
                command(output, &["SCAN", cursor, "MATCH", pattern, "COUNT", PAGE, "TYPE", "hash"]);
            }
            None => command(output, &["XREAD", "COUNT", PAGE, "BLOCK", "0", "STREAMS", log, id]),
        }
    }

    /// Takes an answer and asks for what comes next.
    fn take(&mut self, reply: &[u8], last: Option<(usize, usize)>, output: &mut BytesMut) -> Piece {
        if self.records > 0 {
            self.records -= 1;
            if self.records == 0 {
                self.ask(output);
            }
            return Piece::Data;
        }
        if self.cursor.is_some() {
            let mut words = bulks(reply);
            self.cursor = words.next().filter(|next| *next != "0").map(str::to_owned);
            for key in words {
                command(output, &["HGETALL", key]);
                self.records += 1;
            }
            if self.records == 0 {
                self.ask(output);
            }
            return Piece::Other;
        }
        if let Some(id) = last.and_then(|(begin, end)| std::str::from_utf8(&reply[begin..end]).ok())
        {
            id.clone_into(&mut self.id);
        }
        self.ask(output);
        Piece::Data
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

impl Dialect for RedisDialect {
    fn push(&mut self, writes: &[Write], output: &mut BytesMut) -> Result<usize, Failure> {
        if self.reading.is_some() {
            return Err(Failure::new("a connection that waits for news cannot write"));
        }
        let log = &self.log;
        command(output, &["MULTI"]);
        for write in writes {
            let key = write.key();
            let record = format!("{}{key}", self.record);
            if write.deletes {
                command(output, &["DEL", &record]);
                command(
                    output,
                    &["XADD", log, "MAXLEN", "~", LOG_MAX, "*", "key", &key, "deleted", "1"],
                );
                continue;
            }
            let (title, done, at) =
                (&*write.title, if write.done { "1" } else { "0" }, write.mark());
            let fields = ["title", title, "done", done, "at", &at];
            let words = [&["HSET", &record], &fields[..]].concat();
            command(output, &words);
            let entry = ["XADD", log, "MAXLEN", "~", LOG_MAX, "*", "key", &key];
            command(output, &[&entry[..], &fields[..]].concat());
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
            (b'*', Some(reading)) => reading.take(reply, last, output),
            // Only the answer to a whole transaction is an array.
            (b'*', None) => Piece::Ack(1),
            _ => Piece::Other,
        };
        Ok(Some((length, piece)))
    }

    fn alive(&mut self, output: &mut BytesMut) {
        // Whoever waits for news may say nothing, and need not: the server asks for no sign.
        if self.reading.is_none() {
            command(output, &["PING"]);
        }
    }

    fn place(&self) -> Option<Place> {
        let (milliseconds, number) = self.reading.as_ref()?.id.split_once('-')?;
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
            b'*' => {
                let size = size()?;
                self.begins_pair = size == 2;
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
            b'$' | b'+' | b':' => self.at = begin,
            _ => return Err(Failure::new(String::from_utf8_lossy(line))),
        }
        self.begins_pair = false;
        Ok(Some(0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dialect(reading: Option<Reading>) -> RedisDialect {
        let (record, log) = ("rec:bench:".to_owned(), log("bench"));
        RedisDialect { record, log, reading, scanner: Scanner::default() }
    }

    /// The kinds of all replies, however the input is cut; and what was said in answer.
    fn check(reading: impl Fn() -> Option<Reading>, input: &[u8], pieces: &[Piece], answer: &str) {
        for cut in 0..=input.len() {
            let mut dialect = dialect(reading());
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
            let words: Vec<_> = bulks(&output).collect();
            assert_eq!(words.join(" "), answer, "cut at {cut}");
        }
    }

    #[test]
    fn a_transaction_is_one_ack() {
        let input = b"+OK\r\n+QUEUED\r\n+QUEUED\r\n*2\r\n:3\r\n$3\r\n1-0\r\n";
        let pieces = [Piece::Other, Piece::Other, Piece::Other, Piece::Ack(1)];
        check(|| None, input, &pieces, "");
        assert!(dialect(None).piece(b"-EXECABORT\r\n", &mut BytesMut::new()).is_err());
        assert!(dialect(None).piece(b"*many\r\n", &mut BytesMut::new()).is_err());
    }

    #[test]
    fn news_move_the_place() {
        let fields = "*4\r\n$3\r\nkey\r\n$1\r\na\r\n$2\r\nat\r\n$1\r\nx\r\n";
        let entry = |id: &str| format!("*2\r\n${}\r\n{id}\r\n{fields}", id.len());
        let news = ["*1\r\n*2\r\n$3\r\nlog\r\n*2\r\n", &entry("7-1"), &entry("19-2")].concat();
        let reading = || Some(Reading::after("bench", "3-0".to_owned()));
        let asked = "XREAD COUNT 1000 BLOCK 0 STREAMS log:bench 19-2";
        check(reading, news.as_bytes(), &[Piece::Data], asked);
    }

    #[test]
    fn a_snapshot_is_read_page_by_page() {
        let reading = || Some(Reading::all("bench", "3-0".to_owned()));
        let input = b"*2\r\n$1\r\n0\r\n*1\r\n$1\r\na\r\n*2\r\n$2\r\nat\r\n$1\r\nx\r\n";
        let asked = "HGETALL a XREAD COUNT 1000 BLOCK 0 STREAMS log:bench 3-0";
        check(reading, input, &[Piece::Other, Piece::Data], asked);
    }
}
