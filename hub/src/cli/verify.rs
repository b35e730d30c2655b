//! `syncline verify`: a fresh copy of a space and the hub tell each other their digests.

use std::collections::BTreeSet;

use clap::Args;
use serde_json::json;
use syncline_client::Verified;

use super::Failure;
use super::connection::{Connection, failed_sync, filter, interrupted, open};
use super::print::Out;

/// `syncline verify`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct VerifyArgs {
    /// The space
    space: String,
    /// One JSON object a line
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    connection: Connection,
}

const EXAMPLES: &str = "\
Example:
  syncline verify bookmarks

Prints equal or different for each collection; the exit code is 1 when any is different.";

impl VerifyArgs {
    pub(super) async fn run(self) -> Result<(), Failure> {
        let client = self.connection.client()?;
        let space = open(&client, &self.space, filter(&[], "")?).await?;
        let held = space.collections();
        let verified = tokio::select! {
            biased; // An answer counts even when the connection ends right behind it.
            verified = space.verify() => verified.map_err(failed_sync)?,
            failure = interrupted(&client, true) => return Err(failure),
        };
        let different: BTreeSet<_> = match verified {
            Verified::Equal { .. } => BTreeSet::new(),
            Verified::Different { collections, .. } => collections.into_iter().collect(),
        };
        let all: BTreeSet<_> = held.into_iter().chain(different.iter().cloned()).collect();
        let mut out = Out::new();
        for collection in &all {
            let result = if different.contains(collection) { "different" } else { "equal" };
            if self.json {
                let name = collection.as_str();
                out.line(json!({ "space": self.space, "collection": name, "result": result }))?;
            } else {
                out.line(format!("{collection} {result}"))?;
            }
        }
        if all.is_empty() && !self.json {
            out.line("equal: nothing is there")?;
        }
        out.flush()?;
        if different.is_empty() { Ok(()) } else { Err(Failure::Told) }
    }
}
