//! Books on the command line: a list, a history, titles, restoring, joining, deleting.

use clap::Subcommand;
use serde_json::{Value as Json, json};

use super::super::Failure;
use super::super::print::{rows, text};
use super::Gateway;

/// What to do with books.
#[derive(Debug, Subcommand)]
pub(super) enum What {
    /// List the books with where their readers are
    #[command(after_help = "Example:\n  syncline koreader books --json")]
    Books,
    /// Print a book's history, the oldest first
    #[command(
        after_help = "Example:\n  syncline koreader history 0b229176d4e8db7f6d2b5a4952368d7a"
    )]
    History {
        /// The book's document
        document: String,
    },
    /// Set a book's title; an empty one leaves it to the devices
    #[command(after_help = "Example:\n  syncline koreader title 0b229176 'Leaves of Grass'")]
    Title {
        /// The book's document
        document: String,
        /// What to call it
        title: String,
    },
    /// Make an earlier position the current one
    #[command(after_help = "Example:\n  syncline koreader restore 0b229176 ENTRY")]
    Restore {
        /// The book's document
        document: String,
        /// The entry, as `history` names it
        entry: String,
    },
    /// Begin a book anew: the next position counts, however early it is
    #[command(after_help = "Example:\n  syncline koreader restart 0b229176")]
    Restart {
        /// The book's document
        document: String,
    },
    /// Delete a book with its history
    #[command(after_help = "Example:\n  syncline koreader delete 0b229176")]
    Delete {
        /// The book's document
        document: String,
    },
    /// Say that documents are one book: each is then where any of them is
    #[command(after_help = "Example:\n  syncline koreader join 0b229176 1784b150")]
    Join {
        /// The documents
        #[arg(required = true, num_args = 2..)]
        documents: Vec<String>,
    },
    /// Say that a document is a book of its own again
    #[command(after_help = "Example:\n  syncline koreader split 0b229176")]
    Split {
        /// The document
        document: String,
    },
}

impl What {
    pub(super) async fn run(self, gateway: &Gateway) -> Result<(), Failure> {
        match self {
            Self::Books => books(gateway).await,
            Self::History { document } => history(gateway, &document).await,
            Self::Title { document, title } => {
                gateway.put(&["books", &document, "title"], json!({ "title": title })).await
            }
            Self::Restore { document, entry } => {
                let body = json!({ "entry": entry });
                gateway.post(&["books", &document, "restore"], body).await.map(drop)
            }
            Self::Restart { document } => {
                gateway.post(&["books", &document, "restart"], json!({})).await.map(drop)
            }
            Self::Delete { document } => gateway.delete(&["books", &document]).await,
            Self::Join { documents } => {
                gateway.post(&["joins"], json!({ "documents": documents })).await.map(drop)
            }
            Self::Split { document } => gateway.delete(&["joins", &document]).await,
        }
    }
}

async fn books(gateway: &Gateway) -> Result<(), Failure> {
    let mut books = gateway.list(&["books"]).await?;
    books.sort_by_key(|book| std::cmp::Reverse(book["position"]["timestamp"].as_u64()));
    rows(
        gateway.json,
        &books,
        &[
            ("DOCUMENT", |row| text(row, "document")),
            ("READ", |row| percent(&row["share"])),
            ("DEVICE", |row| text(&row["position"], "device")),
            ("LAST", |row| time(&row["position"], "timestamp")),
            ("TITLE", |row| text(row, "title")),
        ],
    )
}

async fn history(gateway: &Gateway, document: &str) -> Result<(), Failure> {
    let entries = gateway.list(&["books", document, "history"]).await?;
    rows(
        gateway.json,
        &entries,
        &[
            ("TIME", |row| time(row, "timestamp")),
            ("READ", |row| percent(&row["percentage"])),
            ("DEVICE", |row| text(row, "device")),
            ("ORIGIN", |row| text(row, "origin")),
            ("ENTRY", |row| text(row, "entry")),
        ],
    )
}

fn percent(share: &Json) -> String {
    share.as_f64().map_or_else(|| "-".to_owned(), |share| format!("{:.2} %", share * 100.0))
}

/// A moment in seconds since 1970, for people.
pub(super) fn time(row: &Json, field: &str) -> String {
    let ms = row[field].as_u64().map(|seconds| seconds.saturating_mul(1000));
    super::super::print::moment(&json!({ "ms": ms }), "ms")
}
