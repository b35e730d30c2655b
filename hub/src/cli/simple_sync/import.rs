//! `syncline simple-sync import`: what the original kept, told first, then sent to the hub in parts
//! of bounded size. The hub never opens a file that somebody sent it with SQLite.
//!
//! ```text
//! users > rules of the table > events, in their order, each with the rule that it sets > keys
//! ```
//! Keys come last, so that nobody pushes into half of a history. An import that broke off is
//! repeated: what the hub has already it leaves as it is.

use std::path::PathBuf;

use clap::Args;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde::{Deserialize, Serialize};
use serde_json::{Value as Json, json};

use super::ROUTES;
use super::event::Event;
use super::notes::Notes;
use super::rows::{Key, Token, User};
use super::rules::{AclFrom, RuleLine};
use super::source::Source;
use super::survey::Survey;
use crate::cli::Failure;
use crate::cli::connection::Connection;
use crate::cli::print::say;
use crate::cli::remote::Remote;
use crate::hub::now_ms;

/// Users, keys, tokens or rules that one request carries.
const PART_ROWS: usize = 500;

/// `syncline simple-sync import`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct ImportArgs {
    /// simple-sync.db, with its -wal file beside it, or a file of one JSON event a line
    file: PathBuf,
    /// The app
    #[arg(long, default_value = "events")]
    app: String,
    /// Which rules come into force
    #[arg(long, value_name = "SOURCE", default_value = "events")]
    acl_from: AclFrom,
    /// Say what would be imported, and do nothing; needs no hub
    #[arg(long)]
    dry_run: bool,
}

const EXAMPLES: &str = "\
Examples:
  syncline simple-sync import data/simple-sync.db --dry-run
  syncline simple-sync import data/simple-sync.db
  syncline simple-sync import history.ndjson --app chores

Stop simple-sync first, and leave simple-sync.db-wal beside the database: recent events, often all
of them, are only there. Keys go on working as they are. simple-sync 0.4.0 enforced the rules of its
table and never those that were sent to it; the list of rules that gain or lose force shows what
that means here. Importing again brings what is new, or nothing. A file of lines may call its
members userUuid and itemUuid; one that is no event is told, and the exit code is 1.";

/// What one request carries.
#[derive(Debug, Default, Serialize)]
struct Part<'a> {
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    users: &'a [User],
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    rules: &'a [RuleLine],
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    events: &'a [Event],
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    keys: &'a [Key],
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    tokens: &'a [Token],
}

/// What became of a part: what is new here, and what was here already.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Done {
    events: u64,
    same: u64,
    users: u64,
    rules: u64,
    keys: u64,
    tokens: u64,
    /// What could not be taken over, for people.
    notes: Vec<String>,
}

impl ImportArgs {
    pub(super) async fn run(self, connection: &Connection, as_json: bool) -> Result<(), Failure> {
        let source = Source::open(&self.file)?;
        if source.database().is_none() && self.acl_from.has_table() {
            let what = "a file of lines has no table of rules: leave out --acl-from";
            return Err(Failure::usage(what));
        }
        // Before a long file is read, not after it.
        let remote = if self.dry_run { None } else { Some(connection.remote()?) };
        let survey = Survey::of(&source, self.acl_from, now_ms())?;
        survey.tell(as_json, self.dry_run)?;
        let done = if survey.notes.has_lost() { Err(Failure::Told) } else { Ok(()) };
        let Some(remote) = remote else { return done };
        let bar = progress(survey.events);
        let mut sending = Sending {
            remote: remote.asking("app", Some(&self.app)),
            bar: bar.clone(),
            total: Done::default(),
            notes: Notes::default(),
        };
        let sent = sending.all(&source, &survey, self.acl_from).await;
        bar.finish_and_clear();
        sending.notes.tell();
        sent?;
        sending.tell(as_json)?;
        done
    }
}

/// An import under way.
struct Sending {
    remote: Remote,
    bar: ProgressBar,
    total: Done,
    notes: Notes,
}

impl Sending {
    async fn all(
        &mut self,
        source: &Source,
        survey: &Survey,
        from: AclFrom,
    ) -> Result<(), Failure> {
        for users in survey.users.chunks(PART_ROWS) {
            self.part(Part { users, ..Part::default() }).await?;
        }
        for rules in survey.table.chunks(PART_ROWS) {
            self.part(Part { rules, ..Part::default() }).await?;
        }
        let mut events = source.events(from)?;
        // What is to be told of the source is told by the survey.
        while let Some(page) = events.next(&mut Notes::default())? {
            if !page.is_empty() {
                self.part(Part { events: &page, ..Part::default() }).await?;
            }
            self.bar.inc(page.len() as u64);
        }
        for keys in survey.keys.chunks(PART_ROWS) {
            self.part(Part { keys, ..Part::default() }).await?;
        }
        for tokens in survey.tokens.chunks(PART_ROWS) {
            self.part(Part { tokens, ..Part::default() }).await?;
        }
        Ok(())
    }

    async fn part(&mut self, part: Part<'_>) -> Result<(), Failure> {
        let body = serde_json::to_value(&part).map_err(Failure::because)?;
        let done: Done = self.remote.post(&[ROUTES[0], ROUTES[1], "import"], body).await?;
        let total = &mut self.total;
        total.events += done.events;
        total.same += done.same;
        total.users += done.users;
        total.rules += done.rules;
        total.keys += done.keys;
        total.tokens += done.tokens;
        done.notes.into_iter().for_each(|note| self.notes.add(note));
        Ok(())
    }

    fn tell(&self, as_json: bool) -> Result<(), Failure> {
        let Done { events, same, users, rules, keys, tokens, .. } = &self.total;
        if as_json {
            let imported: Json = json!({
                "events": events, "same": same, "users": users, "rules": rules, "keys": keys,
                "tokens": tokens, "notes": self.notes.texts(),
            });
            return say(json!({ "imported": imported }));
        }
        say(format!(
            "imported {events} events, {users} users, {rules} rules, {keys} keys and {tokens} \
             tokens; {same} events were here already"
        ))
    }
}

/// A bar on the terminal; none where standard error is a file.
fn progress(events: u64) -> ProgressBar {
    let bar = ProgressBar::with_draw_target(Some(events), ProgressDrawTarget::stderr());
    let style = ProgressStyle::with_template("{wide_bar} {pos}/{len} events {per_sec} {eta}");
    bar.with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
}
