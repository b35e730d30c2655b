//! `syncline import`: an NDJSON file into a collection, as a replica of that collection would write
//! it: what the hub has already is not sent again, so a cut import is resumed by repeating it.
//!
//! ```text
//! line > record > fields that differ from the copy > push (a few hundred records) > window > acks
//! ```

use std::collections::{HashSet, VecDeque};
use std::fs::File;
use std::io::{BufRead as _, BufReader, Read as _};
use std::path::PathBuf;

use clap::Args;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use syncline_client::{AckError, Client, Space, Value, WriteHandle, json};

use super::Failure;
use super::connection::{Connection, filter, interrupted, open};
use super::line::{self, Line};
use super::print::note;
use super::remote::create_space;

/// Bytes of a line at most; a hub takes less in one record.
const LINE_BYTES_MAX: u64 = 16 << 20;
/// Records of one push.
const PUSH_RECORDS: usize = 500;
/// Bytes of lines that make one push; one longer line makes its own.
const PUSH_BYTES: usize = 256 << 10;
/// Pushes on their way: enough to keep the hub busy while the next is read.
const WINDOW: usize = 8;
/// Bad lines that are told one by one.
const TOLD_MAX: u64 = 20;

/// `syncline import`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct ImportArgs {
    /// The space
    space: String,
    /// The collection
    collection: String,
    /// One JSON object a line
    #[arg(value_name = "FILE.ndjson")]
    file: PathBuf,
    /// The field whose value is the record's key
    #[arg(long, value_name = "FIELD")]
    key: String,
    /// Make the space if there is none
    #[arg(long)]
    create: bool,
    #[command(flatten)]
    connection: Connection,
}

const EXAMPLES: &str = "\
Examples:
  syncline import bookmarks links bookmarks.ndjson --key key --create
  syncline import shop articles articles.ndjson --key id

A field that is called key and holds the key is not written as a field; any other is. Fields that a
record has and its line has not stay. What an export wrote is known by its form: lines of other
collections are passed over. Running it again sends what is missing, or nothing.";

impl ImportArgs {
    pub(super) async fn run(self) -> Result<(), Failure> {
        let file = File::open(&self.file).map_err(|error| self.unreadable(&error))?;
        if self.create {
            create_space(&self.connection.remote()?, &self.space).await?;
        }
        let client = self.connection.client()?;
        let filter = filter(std::slice::from_ref(&self.collection), "")?;
        let space = open(&client, &self.space, filter).await?;
        let bar = progress(file.metadata().map_or(0, |metadata| metadata.len()));
        let mut import = Import {
            args: &self,
            client: &client,
            space: &space,
            bar,
            push: Push::default(),
            window: VecDeque::new(),
            tally: Tally::default(),
        };
        let done = import.file(file).await;
        import.bar.finish_and_clear();
        import.tally.tell(&self);
        done?;
        if import.tally.bad == 0 { Ok(()) } else { Err(Failure::Told) }
    }

    fn unreadable(&self, error: &std::io::Error) -> Failure {
        Failure::Failed(format!("{} cannot be read: {error}", self.file.display()))
    }
}

/// An import under way.
struct Import<'a> {
    args: &'a ImportArgs,
    client: &'a Client,
    space: &'a Space,
    bar: ProgressBar,
    push: Push,
    window: VecDeque<(WriteHandle, Vec<u64>)>,
    tally: Tally,
}

/// What the next push will hold.
#[derive(Default)]
struct Push {
    records: Vec<(u64, String, Vec<(String, Value)>)>,
    keys: HashSet<String>,
    bytes: usize,
}

/// What became of the lines.
#[derive(Debug, Default)]
struct Tally {
    changed: u64,
    same: u64,
    other: u64,
    bad: u64,
}

impl Tally {
    fn tell(&self, args: &ImportArgs) {
        let Self { changed, same, other, bad } = self;
        let mut text = format!("{changed} changed, {same} as they were");
        if *other > 0 {
            text.push_str(&format!(", {other} of other collections than {}", args.collection));
        }
        if *bad > 0 {
            text.push_str(&format!(", {bad} lines were not understood"));
        }
        note(text);
    }
}

impl Import<'_> {
    async fn file(&mut self, file: File) -> Result<(), Failure> {
        let mut reader = BufReader::with_capacity(1 << 16, file);
        let (mut number, mut text) = (0, Vec::new());
        loop {
            text.clear();
            let mut limited = reader.by_ref().take(LINE_BYTES_MAX);
            let length = limited.read_until(b'\n', &mut text);
            let length = length.map_err(|error| self.args.unreadable(&error))?;
            if length == 0 {
                break;
            }
            number += 1;
            self.bar.inc(length as u64);
            if length as u64 == LINE_BYTES_MAX && text.last() != Some(&b'\n') {
                let what = format!("line {number} is longer than {LINE_BYTES_MAX} bytes");
                return Err(Failure::Failed(format!("{}: {what}", self.args.file.display())));
            }
            self.line(number, &text).await?;
        }
        self.send().await?;
        self.settle(0).await
    }

    async fn line(&mut self, number: u64, bytes: &[u8]) -> Result<(), Failure> {
        let Ok(text) = std::str::from_utf8(bytes) else {
            self.bad(number, "not UTF-8");
            return Ok(());
        };
        if text.trim().is_empty() {
            return Ok(());
        }
        let line = match line::read(text, &self.args.key) {
            Ok(line) => line,
            Err(problem) => {
                self.bad(number, &problem);
                return Ok(());
            }
        };
        if line.collection.as_ref().is_some_and(|name| *name != self.args.collection) {
            self.tally.other += 1;
            return Ok(());
        }
        // A key that stands twice: the copy must know of the first before the second is compared.
        if self.push.keys.contains(line.key.as_str()) {
            self.send().await?;
        }
        self.record(number, line, bytes.len()).await
    }

    async fn record(&mut self, number: u64, line: Line, bytes: usize) -> Result<(), Failure> {
        let known = self.space.get(&self.args.collection, line.key.as_str());
        let differs = |name: &str, value: &Value| {
            let old = known.as_ref().and_then(|record| record.get(name));
            old.is_none_or(|old| !is_same(old, value))
        };
        let fields = line.fields.into_iter().map(|(name, value)| (name.as_str().to_owned(), value));
        let fields: Vec<_> = fields.filter(|(name, value)| differs(name, value)).collect();
        if fields.is_empty() {
            self.tally.same += 1;
            return Ok(());
        }
        let full = self.push.records.len() >= PUSH_RECORDS;
        if full || (self.push.bytes + bytes > PUSH_BYTES && self.push.bytes > 0) {
            self.send().await?;
        }
        self.push.keys.insert(line.key.as_str().to_owned());
        self.push.bytes += bytes;
        self.push.records.push((number, line.key.as_str().to_owned(), fields));
        Ok(())
    }

    /// Writes what has gathered, and waits while too much is on its way.
    async fn send(&mut self) -> Result<(), Failure> {
        let Push { records, .. } = std::mem::take(&mut self.push);
        if records.is_empty() {
            return Ok(());
        }
        let lines: Vec<u64> = records.iter().map(|(number, ..)| *number).collect();
        let write = self.space.transaction(|write| {
            for (_, key, fields) in &records {
                let fields = fields.iter().map(|(name, value)| (name.as_str(), value.clone()));
                write.put(&self.args.collection, key, fields)?;
            }
            Ok(())
        });
        let write = write.map_err(|problem| self.at(&lines, &problem))?;
        self.window.push_back((write, lines));
        self.settle(WINDOW).await
    }

    /// Waits for answers until at most so many pushes are on their way.
    async fn settle(&mut self, most: usize) -> Result<(), Failure> {
        while self.window.len() > most {
            let Some((write, lines)) = self.window.pop_front() else { break };
            let acked = tokio::select! {
                biased; // An answer counts even when the connection ends right behind it.
                acked = write.acked() => acked,
                // A cut connection comes back by itself, and the pushes with it.
                failure = interrupted(self.client, false) => return Err(failure),
            };
            match acked {
                Ok(_) => self.tally.changed += lines.len() as u64,
                Err(AckError::Rejected(reject)) => {
                    let index = reject.index.and_then(|index| usize::try_from(index).ok());
                    let line = index.and_then(|index| lines.get(index)).copied();
                    let at = line.map_or(lines, |line| vec![line]);
                    return Err(self.at(&at, &Failure::from(reject)));
                }
                Err(other) => return Err(Failure::because(other)),
            }
        }
        Ok(())
    }

    /// A failure that names its lines.
    fn at(&self, lines: &[u64], problem: &dyn std::fmt::Display) -> Failure {
        let file = self.args.file.display();
        match lines {
            [line] => Failure::Failed(format!("{file}:{line}: {problem}")),
            [first, .., last] => {
                Failure::Failed(format!("{file}: lines {first} to {last}: {problem}"))
            }
            [] => Failure::Failed(format!("{file}: {problem}")),
        }
    }

    fn bad(&mut self, number: u64, problem: &str) {
        self.tally.bad += 1;
        let file = self.args.file.display();
        let text = match self.tally.bad {
            ..=TOLD_MAX => format!("{file}:{number}: {problem}"),
            count if count == TOLD_MAX + 1 => format!("{file}: more lines like that follow"),
            _ => return,
        };
        self.bar.suspend(|| note(text));
    }
}

/// Equal bytes, or equal to whoever reads them: another encoder may write a number longer.
fn is_same(old: &Value, new: &Value) -> bool {
    old == new || json::from_value(old) == json::from_value(new)
}

/// A bar on the terminal; none where standard error is a file.
fn progress(bytes: u64) -> ProgressBar {
    let bar = ProgressBar::with_draw_target(Some(bytes), ProgressDrawTarget::stderr());
    let style = ProgressStyle::with_template("{wide_bar} {bytes}/{total_bytes} {eta}");
    bar.with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
}
