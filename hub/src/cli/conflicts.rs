//! `syncline conflicts`: what last-write-wins discarded although its winner had not seen it.

use clap::Args;
use serde_json::{Value as Json, json};

use super::Failure;
use super::connection::Connection;
use super::print::{moment, note, rows, text};

/// `syncline conflicts`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct ConflictsArgs {
    /// The space
    space: String,
    /// Write the discarded value of this conflict back
    #[arg(long, value_name = "ID")]
    restore: Option<String>,
    /// One JSON object a line
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    connection: Connection,
}

const EXAMPLES: &str = "\
Examples:
  syncline conflicts bookmarks
  syncline conflicts bookmarks --restore 0123456789abcdef";

impl ConflictsArgs {
    pub(super) async fn run(self) -> Result<(), Failure> {
        let remote = self.connection.remote()?;
        let path = ["spaces", &self.space, "conflicts"];
        if let Some(id) = &self.restore {
            let path = [&path[..], &[id.as_str(), "restore"]].concat();
            let restored: Json = remote.post(&path, json!(null)).await?;
            note(format!("{id} is written back as sequence {}", text(&restored, "sequence")));
            return Ok(());
        }
        let conflicts = remote.list(&path).await?;
        if conflicts.is_empty() && !self.json {
            note(format!("{} keeps no conflicts", self.space));
        }
        rows(
            self.json,
            &conflicts,
            &[
                ("ID", |row| text(row, "id")),
                ("WHEN", |row| moment(row, "at_ms")),
                ("RECORD", |row| format!("{}/{}", text(row, "collection"), text(row, "key"))),
                ("FIELD", |row| text(row, "field")),
                ("LOST BY", |row| writer(&row["loser"])),
                ("WON BY", |row| writer(&row["winner"])),
                ("LOST", |row| value(row, "value")),
                ("NOW", |row| value(row, "current")),
            ],
        )
    }
}

fn writer(writer: &Json) -> String {
    match (writer["account"].as_str(), writer["name"].as_str()) {
        (Some(account), Some("") | None) => account.to_owned(),
        (Some(account), Some(device)) => format!("{account} ({device})"),
        (None, _) => "the hub".to_owned(),
    }
}

/// A value as JSON; nothing where the field was dropped.
fn value(row: &Json, field: &str) -> String {
    row.get(field).map_or_else(|| "(none)".to_owned(), Json::to_string)
}
