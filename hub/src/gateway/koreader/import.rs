//! Importers: KOsync's file and backups, the official server's Redis. What was read goes through
//! the door as an admin's own writes; a dry run says what would be done. Importing twice changes
//! nothing, and whatever was pushed here later wins.

mod backup;
mod kosync;
mod redis;
mod source;
mod write;

use serde::{Deserialize, Serialize};
use syncline_protocol::Reject;
use tokio::sync::mpsc::Sender;

use super::mapping::refused;
use crate::hub::{Hub, Principal};
pub(super) use source::Source;
pub(super) use write::Report;

/// What to import, and how.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Order {
    /// What was sent.
    pub(super) from: Kind,
    /// Says what would be done, and does nothing.
    #[serde(default)]
    pub(super) dry_run: bool,
    /// What becomes of accounts that are here already.
    #[serde(default)]
    pub(super) existing: Existing,
    /// Gives names that no device could send a form that it can, instead of passing them over.
    #[serde(default)]
    pub(super) rename: bool,
    /// The number of a Redis database; a container's when nothing is said.
    #[serde(default = "container")]
    pub(super) database: i64,
}

fn container() -> i64 {
    1
}

/// What is imported from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Kind {
    /// A `database.json` or a `.bak` of KOsync.
    Kosync,
    /// The address of a Redis server.
    Redis,
    /// A dump of Redis.
    Rdb,
}

/// What becomes of an account that is here already.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Existing {
    /// Its key stays, its books are joined by what is imported, and the later position wins.
    #[default]
    Merge,
    /// As `merge`, and one that has no key gets the imported one; an admin's never.
    Attach,
    /// Nothing of it changes.
    Skip,
    /// Its imported books become what the import says, and so does a key that it has; an admin's
    /// account gets none.
    Replace,
}

/// Reads what was sent. Blocks.
pub(super) fn read(order: &Order, bytes: &[u8]) -> Result<Source, Reject> {
    let read = match order.from {
        Kind::Kosync if backup::is_one(bytes) => backup::read(bytes),
        Kind::Kosync => kosync::read(bytes),
        Kind::Rdb => redis::read_dump(bytes, order.database),
        Kind::Redis => match std::str::from_utf8(bytes) {
            Ok(address) => redis::read(address.trim(), order.database),
            Err(_) => Err("the address of a server is text".to_owned()),
        },
    };
    read.map_err(refused)
}

/// Writes what was read, one account after the other, and tells of each.
pub(super) async fn write(
    hub: &Hub,
    principal: &Principal,
    order: &Order,
    source: Source,
    tell: &Sender<Report>,
) {
    // Whoever asked may be gone: what was begun is brought to its end.
    let tell = async |report| drop(tell.send(report).await);
    tell(Report::Found { suggestions: source.suggestions, passed_over: source.notes }).await;
    let mut total = write::Total::default();
    for account in source.accounts {
        let told = write::account(hub, principal, order, account).await;
        total.count(&told);
        tell(Report::Account(Box::new(told))).await;
    }
    tell(Report::Total { dry_run: order.dry_run, total }).await;
}
