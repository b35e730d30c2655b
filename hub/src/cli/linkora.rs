//! `syncline import-linkora`, `export-linkora` and `demo linkora`: a Linkora data set from and to
//! the database of its own server, and one to look at.
//!
//! The database is read here and sent as JSON, in parts of bounded size: no hub opens a file that
//! somebody sent it with SQLite. Ids, times and deletions are kept as they are.

mod database;
mod demo;

use std::path::PathBuf;

use clap::{Args, Subcommand};
use serde_json::{Value as Json, json};

use super::Failure;
use super::connection::Connection;
use super::print::note;

/// Rows that one request carries.
const PART_ROWS: usize = 2_000;
/// Bytes of pictures and texts that one request carries, but for a row that alone has more.
const PART_BYTES: usize = 8 << 20;

/// `syncline import-linkora`.
#[derive(Debug, Args)]
#[command(after_help = IMPORT_EXAMPLES)]
pub struct ImportArgs {
    /// The database of Linkora's own server
    #[arg(value_name = "FILE.sqlite")]
    file: PathBuf,
    /// Whose bookmarks they will be; your own when nothing is said
    #[arg(long, value_name = "NAME")]
    user: Option<String>,
    #[command(flatten)]
    connection: Connection,
}

const IMPORT_EXAMPLES: &str = "\
Examples:
  syncline import-linkora linkora.db
  syncline import-linkora linkora.db --user alice

Ids and times stay as they are, so that the apps need only the new address. Rows that the hub has
already are not written over: an import goes into an empty data set.";

/// `syncline export-linkora`.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  syncline export-linkora linkora.db --user alice")]
pub struct ExportArgs {
    /// The database to write; it must not be there yet
    #[arg(value_name = "FILE.sqlite")]
    file: PathBuf,
    /// Whose bookmarks; your own when nothing is said
    #[arg(long, value_name = "NAME")]
    user: Option<String>,
    #[command(flatten)]
    connection: Connection,
}

/// `syncline demo`.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  syncline demo linkora awesome-selfhosted.ndjson")]
pub struct DemoArgs {
    #[command(subcommand)]
    demo: Demo,
}

#[derive(Debug, Subcommand)]
enum Demo {
    /// Fill a Linkora data set as an app would, with a progress bar
    #[command(after_help = "Example:\n  syncline demo linkora awesome-selfhosted.ndjson")]
    Linkora(demo::LinkoraArgs),
}

impl ImportArgs {
    pub(crate) async fn run(self) -> Result<(), Failure> {
        let rows = database::read(&self.file)?;
        let remote = self.connection.remote()?;
        let count = rows.count();
        for part in rows.parts(PART_ROWS, PART_BYTES) {
            let query = user(self.user.as_deref());
            remote.post_to::<Json>(&["gateways", "linkora", "import"], &query, part).await?;
        }
        note(format!("{count} rows imported"));
        Ok(())
    }
}

impl ExportArgs {
    pub(crate) async fn run(self) -> Result<(), Failure> {
        let query = user(self.user.as_deref());
        let remote = self.connection.remote()?;
        let path = ["gateways", "linkora", "export"];
        let all: Json = remote.get_with(&path, &query).await?;
        let count = database::write(&self.file, &all)?;
        note(format!("{count} rows exported"));
        Ok(())
    }
}

impl DemoArgs {
    pub(crate) async fn run(self) -> Result<(), Failure> {
        match self.demo {
            Demo::Linkora(args) => args.run().await,
        }
    }
}

fn user(user: Option<&str>) -> Vec<(&'static str, String)> {
    user.map(|user| ("user", user.to_owned())).into_iter().collect()
}

/// The rows of a database, by the names that the hub's importer knows.
#[derive(Debug, Default)]
pub(crate) struct Rows {
    tables: Vec<(&'static str, Vec<Json>)>,
    ids: [i64; 5],
}

impl Rows {
    fn count(&self) -> usize {
        self.tables.iter().map(|(_, rows)| rows.len()).sum()
    }

    /// The rows in parts, in the order of the tables; tags of a link go with it.
    fn parts(mut self, rows_max: usize, bytes_max: usize) -> Vec<Json> {
        let tags = self.tables.iter().position(|(name, _)| *name == "linkTags");
        let tags = tags.map_or_else(Vec::new, |at| self.tables.remove(at).1);
        let mut of_link = std::collections::HashMap::<i64, Vec<Json>>::new();
        for tag in tags {
            of_link.entry(tag["linkId"].as_i64().unwrap_or_default()).or_default().push(tag);
        }
        let mut parts = Vec::new();
        // In each: an app that shows up between two parts gets no id that was given already.
        let empty = json!({ "ids": self.ids });
        let (mut part, mut rows, mut bytes) = (empty.clone(), 0, 0);
        for (table, all) in self.tables {
            for row in all {
                let weight = row.to_string().len();
                if rows >= rows_max || (rows > 0 && bytes + weight > bytes_max) {
                    parts.push(std::mem::replace(&mut part, empty.clone()));
                    (rows, bytes) = (0, 0);
                }
                if table == "links" {
                    let own = row["id"].as_i64().and_then(|id| of_link.remove(&id));
                    own.into_iter().flatten().for_each(|tag| push(&mut part, "linkTags", tag));
                }
                push(&mut part, table, row);
                (rows, bytes) = (rows + 1, bytes + weight);
            }
        }
        parts.push(part);
        parts
    }
}

fn push(part: &mut Json, table: &str, row: Json) {
    if !part[table].is_array() {
        part[table] = json!([]);
    }
    if let Some(rows) = part[table].as_array_mut() {
        rows.push(row);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_bounded_and_tags_go_with_their_links() {
        let rows = Rows {
            tables: vec![
                ("folders", vec![json!({ "id": 1 }), json!({ "id": 2 })]),
                ("links", vec![json!({ "id": 7 }), json!({ "id": 8 })]),
                ("linkTags", vec![json!({ "linkId": 8, "tagId": 3 })]),
            ],
            ids: [2, 8, 0, 0, 0],
        };
        let parts = rows.parts(3, 1 << 20);
        assert_eq!(parts.len(), 2);
        assert_eq!(parts[0]["folders"].as_array().unwrap().len(), 2);
        assert_eq!(parts[1]["links"], json!([{ "id": 8 }]));
        assert_eq!(parts[1]["linkTags"], json!([{ "linkId": 8, "tagId": 3 }]));
        assert!(parts.iter().all(|part| part["ids"] == json!([2, 8, 0, 0, 0])));
    }
}
