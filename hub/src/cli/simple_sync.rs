//! `syncline simple-sync`: moving in from the original and out again, its first key, its rules,
//! users and keys. It speaks to the gateway's routes and knows nothing of its records.

mod event;
mod export;
mod import;
mod layout;
mod moment;
mod notes;
mod original;
mod root;
mod rows;
mod rules;
mod source;
mod survey;
#[cfg(test)]
mod tests;

use clap::{Args, Subcommand};
use serde_json::{Value as Json, json};

use super::Failure;
use super::connection::Connection;
use super::print::{moment as when, rows as table, text};
use super::remote::Remote;

/// The gateway's routes.
const ROUTES: [&str; 2] = ["gateways", "simple_sync"];

/// `syncline simple-sync`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct SimpleSyncArgs {
    #[command(subcommand)]
    what: What,
    /// JSON, one object a line, instead of text for people
    #[arg(long, global = true)]
    json: bool,
    #[command(flatten)]
    connection: Connection,
}

const EXAMPLES: &str = "\
Examples:
  syncline simple-sync root-token
  syncline simple-sync import data/simple-sync.db --dry-run
  syncline simple-sync allow events alice 'task.*' '*'
  syncline simple-sync export > history.ndjson";

#[derive(Debug, Subcommand)]
enum What {
    /// Issue a setup token for .root, which an app exchanges for the administrator's key
    RootToken(root::RootTokenArgs),
    /// Take in the original's database, or a file of events
    Import(import::ImportArgs),
    /// Print the history as NDJSON, or write all as a database for the original
    Export(export::ExportArgs),
    /// Add a rule that allows something
    #[command(after_help = "Example:\n  syncline simple-sync allow events alice 'task.*' '*'")]
    Allow(Rule),
    /// Add a rule that denies something
    #[command(after_help = "Example:\n  syncline simple-sync deny events '*' 'task.private.*' '*'")]
    Deny(Rule),
    /// List the rules in force
    #[command(after_help = "Example:\n  syncline simple-sync rules")]
    Rules(App),
    /// List the users
    #[command(after_help = "Example:\n  syncline simple-sync users chores")]
    Users(App),
    /// List the API keys: whose, what for, when last used; never the keys themselves
    #[command(after_help = "Example:\n  syncline simple-sync keys")]
    Keys(App),
}

/// An app.
#[derive(Debug, Args)]
struct App {
    /// The app
    #[arg(default_value = "events")]
    app: String,
}

/// An app and three patterns. The most specific item decides, then user, then action; a rule with
/// the same three patterns is replaced, and none is ever taken out.
#[derive(Debug, Args)]
struct Rule {
    /// The app
    app: String,
    /// The users: a name, or its beginning and `*`
    user: String,
    /// The items, likewise
    item: String,
    /// The actions, likewise
    action: String,
}

impl SimpleSyncArgs {
    pub(super) async fn run(self, at_rest: super::AtRest) -> Result<(), Failure> {
        let (connection, as_json) = (&self.connection, self.json);
        let gateway = |app: &str| {
            let remote = connection.remote()?.asking("app", Some(app));
            Ok::<_, Failure>(Gateway(remote))
        };
        match self.what {
            What::RootToken(args) => args.run(connection, as_json, at_rest).await,
            What::Import(args) => args.run(connection, as_json).await,
            What::Export(args) => args.run(connection).await,
            What::Allow(rule) => gateway(&rule.app)?.add(&rule, "allow").await,
            What::Deny(rule) => gateway(&rule.app)?.add(&rule, "deny").await,
            What::Rules(App { app }) => gateway(&app)?.rules(as_json).await,
            What::Users(App { app }) => gateway(&app)?.users(as_json).await,
            What::Keys(App { app }) => gateway(&app)?.keys(as_json).await,
        }
    }
}

/// The routes of the gateway, about one app.
struct Gateway(Remote);

impl Gateway {
    async fn list(&self, what: &str) -> Result<Vec<Json>, Failure> {
        self.0.list(&[ROUTES[0], ROUTES[1], what]).await
    }

    async fn add(&self, rule: &Rule, verdict: &str) -> Result<(), Failure> {
        let Rule { user, item, action, .. } = rule;
        let body = json!({ "user": user, "item": item, "action": action, "type": verdict });
        self.0.post::<Json>(&[ROUTES[0], ROUTES[1], "rules"], body).await.map(drop)
    }

    async fn rules(&self, as_json: bool) -> Result<(), Failure> {
        let columns: &[super::print::Column] = &[
            ("USER", |row| text(row, "user")),
            ("ITEM", |row| text(row, "item")),
            ("ACTION", |row| text(row, "action")),
            ("TYPE", |row| text(row, "type")),
        ];
        table(as_json, &self.list("rules").await?, columns)
    }

    async fn users(&self, as_json: bool) -> Result<(), Failure> {
        let columns: &[super::print::Column] =
            &[("USER", |row| text(row, "id")), ("CREATED", |row| when(row, "created_ms"))];
        table(as_json, &self.list("users").await?, columns)
    }

    async fn keys(&self, as_json: bool) -> Result<(), Failure> {
        let columns: &[super::print::Column] = &[
            ("KEY", |row| text(row, "uuid")),
            ("USER", |row| text(row, "user")),
            ("CREATED", |row| when(row, "created_ms")),
            ("LAST USED", |row| when(row, "last_used_ms")),
            ("DESCRIPTION", |row| text(row, "description")),
        ];
        table(as_json, &self.list("keys").await?, columns)
    }
}
