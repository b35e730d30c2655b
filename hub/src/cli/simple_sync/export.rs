//! `syncline simple-sync export`: the history, one event a line, or all that the original can hold
//! as a database of its own, for leaving the hub.

use std::path::{Path, PathBuf};

use clap::Args;
use reqwest::Method;
use serde::de::DeserializeOwned;

use super::ROUTES;
use super::event::Event;
use super::layout::Layout;
use crate::cli::Failure;
use crate::cli::connection::Connection;
use crate::cli::print::{Out, note};
use crate::cli::remote::Remote;

/// Bytes of a line at most; no event that a hub takes is as long.
const LINE_BYTES: usize = 64 << 20;

/// `syncline simple-sync export`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct ExportArgs {
    /// The app
    #[arg(default_value = "events")]
    app: String,
    /// Write a database that simple-sync 0.4.0 can be started on; the file must not be there yet
    #[arg(long, value_name = "FILE")]
    sqlite: Option<PathBuf>,
}

const EXAMPLES: &str = "\
Examples:
  syncline simple-sync export > history.ndjson
  syncline simple-sync export chores --sqlite simple-sync.db

A line is one event with the six members of the API, in the order of the history. The database has
the events, the users, and the rules that are in force. The hub keeps of a key what recognises it
and no bcrypt hash: only keys that were imported and never used since go along, everybody else needs
a new setup token there.";

impl ExportArgs {
    pub(super) async fn run(self, connection: &Connection) -> Result<(), Failure> {
        let remote = connection.remote()?.asking("app", Some(&self.app));
        match &self.sqlite {
            Some(file) => database(&remote, file).await,
            None => lines(&remote).await,
        }
    }
}

async fn lines(remote: &Remote) -> Result<(), Failure> {
    let mut out = Out::new();
    let mut history = History::open(remote).await?;
    while let Some(line) = history.next().await? {
        out.line(String::from_utf8_lossy(&line))?;
    }
    out.flush()
}

async fn database(remote: &Remote, file: &Path) -> Result<(), Failure> {
    let layout = Layout::new(file)?;
    let done = fill(remote, &layout).await;
    if let Err(failure) = done {
        drop(layout);
        // What is not whole is of no use, and would be in the way of the next try.
        let _ = std::fs::remove_file(file);
        return Err(failure);
    }
    layout.done()
}

async fn fill(remote: &Remote, layout: &Layout) -> Result<(), Failure> {
    let users: Vec<_> = list(remote, "users").await?;
    let keys: Vec<_> = list(remote, "hashes").await?;
    let rules: Vec<_> = list(remote, "rules").await?;
    users.iter().try_for_each(|user| layout.user(user))?;
    keys.iter().try_for_each(|key| layout.key(key))?;
    rules.iter().try_for_each(|rule| layout.rule(rule))?;
    let mut events = 0_u64;
    let mut history = History::open(remote).await?;
    while let Some(line) = history.next().await? {
        let event: Event = serde_json::from_slice(&line).map_err(Failure::because)?;
        layout.event(&event)?;
        events += 1;
    }
    let (users, keys, rules) = (users.len(), keys.len(), rules.len());
    note(format!("{events} events, {users} users, {rules} rules and {keys} keys exported"));
    Ok(())
}

async fn list<T: DeserializeOwned>(remote: &Remote, what: &str) -> Result<Vec<T>, Failure> {
    let items = remote.list(&[ROUTES[0], ROUTES[1], what]).await?.into_iter();
    items.map(|item| serde_json::from_value(item).map_err(Failure::because)).collect()
}

/// The lines of a history, as they come.
struct History {
    response: reqwest::Response,
    waiting: Vec<u8>,
    read: usize,
}

impl History {
    async fn open(remote: &Remote) -> Result<Self, Failure> {
        let response = remote.send(Method::GET, &[ROUTES[0], ROUTES[1], "export"], None).await?;
        Ok(Self { response, waiting: Vec::new(), read: 0 })
    }

    /// The next line; none at the end.
    async fn next(&mut self) -> Result<Option<Vec<u8>>, Failure> {
        loop {
            let found = self.waiting[self.read..].iter().position(|byte| *byte == b'\n');
            if let Some(length) = found {
                let line = self.waiting[self.read..self.read + length].to_vec();
                self.read += length + 1;
                return Ok(Some(line));
            }
            self.waiting.drain(..self.read);
            self.read = 0;
            let broken = |error| Failure::Failed(format!("the history broke off: {error}"));
            match self.response.chunk().await.map_err(broken)? {
                Some(chunk) => self.waiting.extend_from_slice(&chunk),
                None if self.waiting.is_empty() => return Ok(None),
                None => return Err(Failure::because("the history broke off within a line")),
            }
            if self.waiting.len() > LINE_BYTES {
                return Err(Failure::because("the hub's history is no history"));
            }
        }
    }
}
