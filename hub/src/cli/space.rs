//! `syncline space`: which spaces there are, what they hold, who is in them.

use std::time::Duration;

use clap::{Args, Subcommand};
use serde_json::{Value as Json, json};

use super::Failure;
use super::connection::Connection;
use super::print::{Out, note, rows, text};

/// `syncline space`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct SpaceArgs {
    #[command(subcommand)]
    what: What,
    #[command(flatten)]
    connection: Connection,
}

const EXAMPLES: &str = "\
Examples:
  syncline space create bookmarks
  syncline space show bookmarks
  syncline space members bookmarks --set alice=writer --remove bob
  syncline space retention bookmarks links 30d
  syncline space delete bookmarks";

#[derive(Debug, Subcommand)]
enum What {
    /// List the spaces that one may know of
    #[command(after_help = "Example:\n  syncline space list --json")]
    List {
        /// One JSON object a line
        #[arg(long)]
        json: bool,
    },
    /// Make a space
    #[command(after_help = "Example:\n  syncline space create notes/alice --owner alice")]
    Create {
        /// Segments of a-z, 0-9, `.`, `_` and `-`, joined by `/`
        name: String,
        /// Whose it is; one's own when nothing is said
        #[arg(long, value_name = "USER")]
        owner: Option<String>,
    },
    /// Show a space: its log, its collections, its members
    #[command(after_help = "Example:\n  syncline space show bookmarks")]
    Show {
        /// The space
        name: String,
        /// One JSON object
        #[arg(long)]
        json: bool,
    },
    /// List the members of a space, or change them
    #[command(after_help = MEMBERS_EXAMPLES)]
    Members {
        /// The space
        name: String,
        /// Give a user a role: owner, writer or reader; more than once for several
        #[arg(long, value_name = "USER=ROLE", value_parser = parse_member)]
        set: Vec<(String, String)>,
        /// Take a user's role away; more than once for several
        #[arg(long, value_name = "USER")]
        remove: Vec<String>,
        /// One JSON object a line
        #[arg(long)]
        json: bool,
    },
    /// Show how long a collection remembers its deletes, or set it
    #[command(after_help = RETENTION_EXAMPLES)]
    Retention {
        /// The space
        name: String,
        /// The collection; all of them when nothing is said
        collection: Option<String>,
        /// How long, such as 30d; default for what the hub's setting says
        #[arg(value_name = "TIME", value_parser = parse_retention)]
        time: Option<Retention>,
    },
    /// Delete a space with everything in it
    #[command(after_help = "Example:\n  syncline space delete bookmarks")]
    Delete {
        /// The space
        name: String,
    },
}

const RETENTION_EXAMPLES: &str = "\
Examples:
  syncline space retention bookmarks
  syncline space retention bookmarks links 30d
  syncline space retention bookmarks links default

An app that was away for longer reports what it wrote to deleted records as conflicts.";

/// How long a collection is to remember its deletes; none for as long as the hub's setting says.
#[derive(Debug, Clone, Copy)]
struct Retention(Option<Duration>);

const MEMBERS_EXAMPLES: &str = "\
Examples:
  syncline space members bookmarks
  syncline space members bookmarks --set alice=writer --set bob=reader
  syncline space members bookmarks --remove bob";

impl SpaceArgs {
    pub(super) async fn run(self) -> Result<(), Failure> {
        let remote = self.connection.remote()?;
        match self.what {
            What::List { json } => {
                let spaces = remote.list(&["spaces"]).await?;
                rows(
                    json,
                    &spaces,
                    &[
                        ("NAME", |row| text(row, "name")),
                        ("OWNER", |row| text(row, "owner")),
                        ("ROLE", |row| text(row, "role")),
                        ("RECORDS", |row| text(row, "records")),
                        ("BYTES", |row| text(row, "bytes")),
                        ("SEQUENCE", |row| text(row, "sequence")),
                    ],
                )
            }
            What::Create { name, owner } => {
                let body = json!({ "name": name, "owner": owner });
                remote.post::<Json>(&["spaces"], body).await?;
                Ok(())
            }
            What::Show { name, json } => {
                let space: Json = remote.get(&["spaces", &name]).await?;
                if json { super::print::say(space) } else { show(&space) }
            }
            What::Members { name, set, remove, json } => {
                for (user, role) in &set {
                    let path = ["spaces", &name, "members", user];
                    remote.put(&path, json!({ "role": role })).await?;
                }
                for user in &remove {
                    remote.delete(&["spaces", &name, "members", user]).await?;
                }
                let members = remote.list(&["spaces", &name, "members"]).await?;
                members_table(json, &members)
            }
            What::Retention { name, collection, time } => {
                if let (Some(collection), Some(Retention(time))) = (&collection, time) {
                    let ms = time.map(|time| u64::try_from(time.as_millis()).unwrap_or(u64::MAX));
                    let path = ["spaces", &name, "collections", collection, "retention"];
                    return remote.put(&path, json!({ "retention_ms": ms })).await;
                }
                let mut rows = remote.list(&["spaces", &name, "collections"]).await?;
                rows.retain(|row| collection.as_ref().is_none_or(|it| row["name"] == **it));
                retention_table(&rows)
            }
            What::Delete { name } => {
                remote.delete(&["spaces", &name]).await?;
                note(format!("{name} is gone; its bytes are freed in the background"));
                Ok(())
            }
        }
    }
}

fn parse_member(argument: &str) -> Result<(String, String), String> {
    match argument.split_once('=') {
        Some((user, role @ ("owner" | "writer" | "reader"))) if !user.is_empty() => {
            Ok((user.to_owned(), role.to_owned()))
        }
        _ => Err("write USER=owner, USER=writer or USER=reader".to_owned()),
    }
}

fn parse_retention(argument: &str) -> Result<Retention, String> {
    if argument == "default" {
        return Ok(Retention(None));
    }
    let time = humantime::parse_duration(argument);
    let time = time.map_err(|problem| format!("{problem}; write 30d, 12h or default"))?;
    Ok(Retention(Some(time)))
}

fn retention_table(collections: &[Json]) -> Result<(), Failure> {
    let retention = |row: &Json| match row["retention_ms"].as_u64() {
        Some(ms) => humantime::format_duration(Duration::from_millis(ms)).to_string(),
        None => "default".to_owned(),
    };
    rows(
        false,
        collections,
        &[
            ("COLLECTION", |row| text(row, "name")),
            ("TOMBSTONES", |row| text(row, "tombstones")),
            ("RETENTION", retention),
        ],
    )
}

fn members_table(json: bool, members: &[Json]) -> Result<(), Failure> {
    rows(json, members, &[("USER", |row| text(row, "user")), ("ROLE", |row| text(row, "role"))])
}

fn show(space: &Json) -> Result<(), Failure> {
    let mut out = Out::new();
    for field in [
        "name",
        "owner",
        "role",
        "epoch",
        "sequence",
        "horizon",
        "log_entries",
        "records",
        "bytes",
        "conflict_bytes",
    ] {
        out.line(format!("{field:<15} {}", text(space, field)))?;
    }
    out.line("")?;
    out.flush()?;
    let list = |field: &str| space[field].as_array().cloned().unwrap_or_default();
    rows(
        false,
        &list("collections"),
        &[
            ("COLLECTION", |row| text(row, "name")),
            ("RECORDS", |row| text(row, "records")),
            ("FIELDS", |row| text(row, "fields")),
            ("BYTES", |row| text(row, "bytes")),
            ("TOMBSTONES", |row| text(row, "tombstones")),
            ("DIGEST", |row| text(row, "digest")),
        ],
    )?;
    super::print::say("")?;
    members_table(false, &list("members"))
}
