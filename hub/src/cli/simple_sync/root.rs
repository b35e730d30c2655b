//! `syncline simple-sync root-token`: a new setup token for `.root`, from a running hub, or out of
//! the data folder of one that does not run: whoever may write there needs no key.

use std::path::PathBuf;

use clap::Args;
use serde_json::Value as Json;

use super::ROUTES;
use crate::cli::connection::Connection;
use crate::cli::print::{moment, note, say, text};
use crate::cli::{AtRest, Failure, Ordered};

/// `syncline simple-sync root-token`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct RootTokenArgs {
    /// The app
    #[arg(default_value = "events")]
    app: String,
    /// Issue it in this data folder, of a hub that does not run
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
}

const EXAMPLES: &str = "\
Examples:
  syncline simple-sync root-token                          asks the running hub
  syncline simple-sync root-token --data ./syncline-data   while the hub does not run

An app exchanges it once, within a day, by POST /api/v1/user/exchangeToken, for a key that may do
everything. Tokens that were issued for .root before are no longer good; keys are.";

impl RootTokenArgs {
    pub(super) async fn run(
        self,
        connection: &Connection,
        as_json: bool,
        at_rest: AtRest,
    ) -> Result<(), Failure> {
        let path = [ROUTES[0], ROUTES[1], "root-token"];
        let made: Json = match self.data {
            Some(data) => {
                let query = vec![("app", self.app)];
                at_rest(Ordered { data, path: path.join("/"), query }).await?
            }
            None => {
                let remote = connection.remote()?.asking("app", Some(&self.app));
                remote.post(&path, Json::Null).await?
            }
        };
        if as_json {
            return say(made);
        }
        note(format!("a setup token for .root, until {}:", moment(&made, "expires_ms")));
        say(text(&made, "token"))
    }
}
