//! The whole data set, and what the gateway asks for on its own behalf.

use serde::{Deserialize, Serialize};

use super::Asked;
use crate::gateway::linkora::ledger::Ledger;
use crate::gateway::linkora::mapping::{Folder, Link, Panel, PanelFolder, Row, Tag};
use crate::gateway::linkora::wire::answer;
use crate::gateway::linkora::wire::event::OfTime;
use crate::gateway::linkora::wire::request::{DeleteEverything, Sent};
use crate::gateway::linkora::wire::{Correlation, LinkType};
use crate::hub::Refusal;

/// What is said when every link lies where its type belongs.
pub(super) const FORCED: &str = "links without a folder lie where their type belongs";

/// `FORCE_SET_DEFAULT_FOLDER_TO_INTERNAL_IDS`, which has no body.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Force {}

/// Nothing is said.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Nothing {}

/// A device's socket has closed.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Closed {
    /// Whose it was.
    pub(crate) device: String,
    /// The time and the number of the last tombstone that it has heard of, if that is known.
    pub(crate) heard: Option<(i64, i64)>,
}

macro_rules! unsent {
    ($($name:ident),*) => {$(
        impl Sent for $name {
            fn correlation(&self) -> Option<&Correlation> {
                None
            }
            fn at(&self) -> i64 {
                0
            }
            fn set_time(&mut self, _: i64) {}
        }
    )*};
}

unsent!(Force, Nothing, Closed);

pub(super) fn force(ledger: &mut Ledger<'_>, _: Force, asked: &Asked<'_>) -> Result<(), Refusal> {
    for old in ledger.rows::<Link>()? {
        if old.kind != LinkType::FolderLink {
            ledger.update(&old, Link { folder: old.kind.pseudo_folder(), ..old.clone() })?;
        }
    }
    let payload = answer::time_stamped(ledger.time()?, FORCED);
    ledger.emit(asked.name, &payload)
}

/// Everything goes, tombstones too; nothing of it is told to those who come later, for they would
/// throw away what they have not sent yet. Ids go on where they were.
pub(super) fn delete_everything(
    ledger: &mut Ledger<'_>,
    _: DeleteEverything,
    asked: &Asked<'_>,
) -> Result<(), Refusal> {
    remove_all::<PanelFolder>(ledger)?;
    remove_all::<Panel>(ledger)?;
    remove_all::<Link>(ledger)?;
    remove_all::<Tag>(ledger)?;
    remove_all::<Folder>(ledger)?;
    ledger.clear("tombstones")?;
    let correlation = ledger.correlation().cloned();
    let event_timestamp = ledger.time()?;
    let payload = OfTime { event_timestamp, correlation: correlation.as_ref() };
    ledger.emit(asked.name, &payload)
}

fn remove_all<R: Row>(ledger: &mut Ledger<'_>) -> Result<(), Refusal> {
    for row in ledger.rows::<R>()? {
        ledger.remove::<R>(row.id())?;
    }
    Ok(())
}

/// Somebody has read while the last second told is not over.
pub(super) fn barrier(ledger: &mut Ledger<'_>, _: Nothing, _: &Asked<'_>) -> Result<(), Refusal> {
    ledger.bar();
    Ok(())
}

/// Whoever was sent an event of this second hears no more.
#[expect(clippy::needless_pass_by_value, reason = "all commands have one shape")]
pub(super) fn closed(
    ledger: &mut Ledger<'_>,
    request: Closed,
    _: &Asked<'_>,
) -> Result<(), Refusal> {
    if ledger.now() <= ledger.last_time() {
        ledger.bar();
    }
    match request.heard {
        Some(heard) => ledger.note_seen(&request.device, heard),
        None => Ok(()),
    }
}
