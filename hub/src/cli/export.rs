//! `syncline export`: the records of a space as NDJSON, which `syncline import` reads back.

use clap::Args;

use super::Failure;
use super::connection::{Connection, filter, open};
use super::line;
use super::print::Out;

/// `syncline export`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct ExportArgs {
    /// The space
    space: String,
    /// Of these collections only; more than once for several
    #[arg(long, value_name = "C")]
    collection: Vec<String>,
    #[command(flatten)]
    connection: Connection,
}

const EXAMPLES: &str = "\
Examples:
  syncline export bookmarks > bookmarks.ndjson
  syncline export bookmarks --collection links | wc -l

Each line is {\"collection\", \"key\", then the fields}. A field that is itself called collection or
key, or begins with $, has one more $ in front. `syncline import` with --key key reads it back.";

impl ExportArgs {
    pub(super) async fn run(self) -> Result<(), Failure> {
        let client = self.connection.client()?;
        let space = open(&client, &self.space, filter(&self.collection, "")?).await?;
        let mut out = Out::new();
        for collection in space.collections() {
            for record in space.list(collection.as_str()) {
                let key = record.key.as_str();
                out.line(line::write(collection.as_str(), key, &record.fields))?;
            }
        }
        out.flush()
    }
}
