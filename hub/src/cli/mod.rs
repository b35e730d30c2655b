//! The command: every family of subcommands, one file each, and what they share.
//!
//! All of them talk to a running hub, over its protocol or its admin routes; `config`, `restore`
//! and what `--data` makes of `doctor` and `simple-sync root-token` work on files instead. Nothing
//! here opens a store that a running hub holds, and nothing here panics because a reader has gone.
//!
//! Exit codes: 0 done, 1 refused or failed, 2 not understood.

mod acl;
mod backup;
mod config;
mod conflicts;
mod connection;
mod data;
mod export;
mod failure;
mod import;
mod koreader;
mod line;
mod linkora;
mod print;
mod remote;
mod simple_sync;
mod space;
mod tail;
mod token;
mod user;
mod verify;
mod wire;

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use futures_util::future::BoxFuture;

pub use config::environment;
pub use connection::TOKEN_FILE;
pub use failure::Failure;

/// A self-hosted hub that keeps a person's apps in sync, live.
#[derive(Debug, Parser)]
#[command(name = "syncline", version, about, max_term_width = 100, after_help = EXAMPLES)]
pub struct Cli {
    /// What to do; `serve` when nothing is said.
    #[command(subcommand)]
    pub command: Option<Command>,
}

const EXAMPLES: &str = "\
Examples:
  syncline serve                                     a hub on this machine
  syncline space create bookmarks                    a space for records
  syncline put bookmarks links a url=https://a.org   a record in it
  syncline tail bookmarks                            every change, live

The commands find a hub by --url or SYNCLINE_URL and a token by --token or SYNCLINE_TOKEN. On the
hub's own machine neither is needed: the first start leaves a token in syncline-data/admin-token.
Exit codes: 0 done, 1 refused or failed, 2 not understood.";

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run a hub
    #[command(after_help = SERVE_EXAMPLES)]
    Serve(ServeArgs),
    /// Accounts: add, list, remove, set a password
    User(user::UserArgs),
    /// API tokens: create, list, revoke
    Token(token::TokenArgs),
    /// Spaces: list, create, show, members, retention, delete
    Space(space::SpaceArgs),
    /// A space's access rules: list, allow, deny, remove, explain
    Acl(acl::AclArgs),
    /// Set fields of a record
    Put(data::PutArgs),
    /// Print one record, or a whole collection
    Get(data::GetArgs),
    /// Delete a record
    Delete(data::DeleteArgs),
    /// Print every change of a space, live
    Tail(tail::TailArgs),
    /// Write the records of an NDJSON file; only what differs is sent
    Import(import::ImportArgs),
    /// Print all records of a space as NDJSON
    Export(export::ExportArgs),
    /// Take over the database of Linkora's own server
    ImportLinkora(linkora::ImportArgs),
    /// Write bookmarks as a database for Linkora's own server
    ExportLinkora(linkora::ExportArgs),
    /// Fill a data set to look at
    Demo(linkora::DemoArgs),
    /// What last-write-wins discarded, and bringing it back
    Conflicts(conflicts::ConflictsArgs),
    /// Compare a fresh copy of a space with the hub, by digest
    Verify(verify::VerifyArgs),
    /// Write a backup of a running hub to a file
    Backup(backup::BackupArgs),
    /// Make a data folder of a backup
    Restore(backup::RestoreArgs),
    /// Ask a running hub how it is, or check the store of a stopped one
    Doctor(backup::DoctorArgs),
    /// KOReader's books, devices and accounts; importing from its other servers
    Koreader(koreader::KoreaderArgs),
    /// simple-sync's apps: the first key, moving in and out, rules, users and keys
    SimpleSync(simple_sync::SimpleSyncArgs),
    /// The hub's settings: check or print them
    Config(config::ConfigArgs),
}

const SERVE_EXAMPLES: &str = "\
Examples:
  syncline serve
  syncline serve --data /var/lib/syncline --listen 0.0.0.0:7962 --listen '[::]:7962'
  syncline serve --config /etc/syncline.toml

Flags stand over SYNCLINE_* variables, those over the file, that over the defaults; see
`syncline config print`.";

/// How to run a hub.
#[derive(Debug, Default, Args)]
pub struct ServeArgs {
    /// The TOML file with the settings
    #[arg(long, value_name = "FILE", env = "SYNCLINE_CONFIG")]
    pub config: Option<PathBuf>,
    /// The folder that holds everything; ./syncline-data when nothing is said
    #[arg(long, value_name = "DIR")]
    pub data: Option<PathBuf>,
    /// An address to listen on, more than once for several; 127.0.0.1:7962 when nothing is said
    #[arg(long, value_name = "ADDR")]
    pub listen: Vec<SocketAddr>,
}

impl Default for Command {
    fn default() -> Self {
        Self::Serve(ServeArgs::default())
    }
}

/// What a command wants of a gateway's routes while no hub runs.
#[derive(Debug)]
pub struct Ordered {
    /// The data folder.
    pub data: PathBuf,
    /// The path below `/hub/v1`; it is posted to, without a body.
    pub path: String,
    /// The query.
    pub query: Vec<(&'static str, String)>,
}

/// Answers [`Ordered`] by the routes themselves, without a port. The command stands below the
/// gateways and cannot name them, so whoever runs it brings this along.
pub type AtRest = fn(Ordered) -> BoxFuture<'static, Result<serde_json::Value, Failure>>;

/// Does what any command but `serve` asks for.
///
/// # Errors
/// Why it was not done; see [`Failure::exit_code`].
pub async fn run(command: Command, at_rest: AtRest) -> Result<(), Failure> {
    match command {
        Command::Serve(_) => {
            Err(Failure::Failed("serving is the program's own business".to_owned()))
        }
        Command::User(args) => args.run().await,
        Command::Token(args) => args.run().await,
        Command::Space(args) => args.run().await,
        Command::Acl(args) => args.run().await,
        Command::Put(args) => args.run().await,
        Command::Get(args) => args.run().await,
        Command::Delete(args) => args.run().await,
        Command::Tail(args) => args.run().await,
        Command::Import(args) => args.run().await,
        Command::Export(args) => args.run().await,
        Command::ImportLinkora(args) => args.run().await,
        Command::ExportLinkora(args) => args.run().await,
        Command::Demo(args) => args.run().await,
        Command::Conflicts(args) => args.run().await,
        Command::Verify(args) => args.run().await,
        Command::Backup(args) => args.run().await,
        Command::Restore(args) => args.run(),
        Command::Doctor(args) => args.run().await,
        Command::Koreader(args) => args.run().await,
        Command::SimpleSync(args) => args.run(at_rest).await,
        Command::Config(args) => args.run(),
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_arguments_fit_together() {
        Cli::command().debug_assert();
    }

    #[test]
    fn every_command_has_help_with_an_example() {
        fn check(command: &clap::Command) {
            let name = command.get_name();
            assert!(command.get_about().is_some(), "{name} does not say what it is for");
            let after = command.get_after_help().map(ToString::to_string).unwrap_or_default();
            assert!(after.contains("Example"), "{name} has no example");
            command.get_subcommands().for_each(check);
        }
        check(&Cli::command());
    }
}
