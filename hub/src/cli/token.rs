//! `syncline token`: API tokens. A new one is printed alone on standard output, so that a script
//! can take it; it cannot be shown again.

use std::time::{SystemTime, UNIX_EPOCH};

use clap::{Args, Subcommand, ValueEnum};
use serde::Deserialize;
use serde_json::{Value as Json, json};

use super::Failure;
use super::connection::Connection;
use super::print::{moment, rows, say, text};

/// `syncline token`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct TokenArgs {
    #[command(subcommand)]
    what: What,
    #[command(flatten)]
    connection: Connection,
}

const EXAMPLES: &str = "\
Examples:
  syncline token create --user alice --label laptop
  syncline token create --user alice --space 'notes/*' --role reader --expires 90d
  syncline token list
  syncline token revoke 0123456789ab";

#[derive(Debug, Subcommand)]
enum What {
    /// Make a token and print it, once
    #[command(after_help = CREATE_EXAMPLES)]
    Create {
        /// Whose it is
        #[arg(long)]
        user: String,
        /// Open these spaces only: a name, or its beginning and `*`; more than once for several
        #[arg(long, value_name = "PATTERN")]
        space: Vec<String>,
        /// The most that it allows
        #[arg(long, value_enum, default_value = "owner")]
        role: RoleName,
        /// What it is for
        #[arg(long, value_name = "TEXT", default_value = "")]
        label: String,
        /// For how long, such as 90d or 12h; for ever when nothing is said
        #[arg(long, value_name = "TIME", value_parser = humantime::parse_duration)]
        expires: Option<std::time::Duration>,
    },
    /// List tokens: all for an admin, one's own for others
    #[command(after_help = "Example:\n  syncline token list --json")]
    List {
        /// One JSON object a line
        #[arg(long)]
        json: bool,
    },
    /// End a token, and the sessions that it opened, at once
    #[command(after_help = "Example:\n  syncline token revoke 0123456789ab")]
    Revoke {
        /// The token's id, as `list` shows it
        id: String,
    },
}

const CREATE_EXAMPLES: &str = "\
Examples:
  syncline token create --user alice
  TOKEN=$(syncline token create --user alice --space 'notes/*' --role writer --expires 90d)";

/// What a member or a token may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum RoleName {
    /// Reads, writes, and says who else may
    Owner,
    /// Reads and writes
    Writer,
    /// Reads
    Reader,
}

impl RoleName {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Owner => "owner",
            Self::Writer => "writer",
            Self::Reader => "reader",
        }
    }
}

#[derive(Deserialize)]
struct Made {
    token: String,
}

impl TokenArgs {
    pub(super) async fn run(self) -> Result<(), Failure> {
        let remote = self.connection.remote()?;
        match self.what {
            What::Create { user, space, role, label, expires } => {
                let expires_ms = expires.map(end_of).transpose()?;
                let body = json!({
                    "user": user,
                    "label": label,
                    "role": role.as_str(),
                    "spaces": space,
                    "expires_ms": expires_ms,
                });
                let made: Made = remote.post(&["tokens"], body).await?;
                say(made.token)
            }
            What::List { json } => {
                let tokens = remote.list(&["tokens"]).await?;
                rows(
                    json,
                    &tokens,
                    &[
                        ("ID", |row| text(row, "id")),
                        ("USER", |row| text(row, "user")),
                        ("ROLE", |row| text(row, "role")),
                        ("SPACES", spaces),
                        ("CREATED", |row| moment(row, "created_ms")),
                        ("EXPIRES", |row| moment(row, "expires_ms")),
                        ("LABEL", |row| text(row, "label")),
                    ],
                )
            }
            What::Revoke { id } => remote.delete(&["tokens", &id]).await,
        }
    }
}

fn end_of(after: std::time::Duration) -> Result<u64, Failure> {
    let end =
        SystemTime::now().checked_add(after).and_then(|end| end.duration_since(UNIX_EPOCH).ok());
    let end = end.and_then(|end| u64::try_from(end.as_millis()).ok());
    end.ok_or_else(|| Failure::usage("--expires is too far away"))
}

fn spaces(row: &Json) -> String {
    let patterns = row["spaces"].as_array().map(Vec::as_slice).unwrap_or_default();
    let patterns: Vec<&str> = patterns.iter().filter_map(Json::as_str).collect();
    if patterns.is_empty() { "*".to_owned() } else { patterns.join(" ") }
}
