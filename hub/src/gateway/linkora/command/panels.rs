//! Panels: named, ordered selections of folders for the home screen.

use super::{Asked, check_age, echo, once};
use crate::gateway::linkora::ledger::Ledger;
use crate::gateway::linkora::mapping::{Panel, PanelFolder};
use crate::gateway::linkora::wire::event::{PanelFolderMade, PanelMade};
use crate::gateway::linkora::wire::request::{
    AddPanel, AddPanelFolder, DeletePanelFolder, IdBased, RenamePanel, Sent as _,
};
use crate::hub::Refusal;

const TAKEN: &str = "DELETE_A_FOLDER_FROM_A_PANEL";

pub(super) fn create(
    ledger: &mut Ledger<'_>,
    request: AddPanel,
    asked: &Asked<'_>,
) -> Result<(), Refusal> {
    let queued = request.queued();
    once(ledger, request, (asked.name, queued), |ledger, request| {
        let panel = Panel { id: 0, modified: 0, sync: 0, name: request.panel_name };
        let panel = ledger.insert(panel)?;
        ledger.answer(panel.id);
        told_panel(ledger, &panel)
    })
}

pub(super) fn rename(
    ledger: &mut Ledger<'_>,
    request: RenamePanel,
    asked: &Asked<'_>,
) -> Result<(), Refusal> {
    let Some(old) = ledger.get::<Panel>(request.panel_id)? else { return Ok(()) };
    check_age(&old, request.at())?;
    ledger.update(&old, Panel { name: request.new_name.clone(), ..old.clone() })?;
    echo(ledger, asked.name, request).map(drop)
}

pub(super) fn delete(
    ledger: &mut Ledger<'_>,
    request: IdBased,
    asked: &Asked<'_>,
) -> Result<(), Refusal> {
    if ledger.remove::<Panel>(request.id)?.is_none() {
        return Ok(());
    }
    clear(ledger, |entry| entry.panel == request.id)?;
    let request = echo(ledger, asked.name, request)?;
    ledger.bury(asked.name, &request)
}

/// Removes entries; says which.
pub(crate) fn clear(
    ledger: &mut Ledger<'_>,
    wanted: impl Fn(&PanelFolder) -> bool,
) -> Result<Vec<PanelFolder>, Refusal> {
    let entries = ledger.rows::<PanelFolder>()?;
    let gone: Vec<_> = entries.into_iter().filter(|entry| wanted(entry)).collect();
    for entry in &gone {
        ledger.remove::<PanelFolder>(entry.id)?;
    }
    Ok(gone)
}

pub(super) fn add(
    ledger: &mut Ledger<'_>,
    request: AddPanelFolder,
    asked: &Asked<'_>,
) -> Result<(), Refusal> {
    let queued = request.queued();
    once(ledger, request, (asked.name, queued), |ledger, request| {
        let entry = PanelFolder {
            id: 0,
            modified: 0,
            sync: 0,
            panel: request.connected_panel_id,
            folder: request.folder_id,
            name: request.folder_name,
            position: request.panel_position,
        };
        let entry = ledger.insert(entry)?;
        ledger.answer(entry.id);
        told_panel_folder(ledger, &entry)
    })
}

pub(super) fn take(
    ledger: &mut Ledger<'_>,
    request: DeletePanelFolder,
    asked: &Asked<'_>,
) -> Result<(), Refusal> {
    let (panel, folder) = (request.panel_id, request.folder_id);
    let gone = clear(ledger, |entry| entry.panel == panel && entry.folder == folder)?;
    if gone.is_empty() {
        return Ok(());
    }
    let request = echo(ledger, asked.name, request)?;
    ledger.bury(asked.name, &request)
}

pub(super) fn take_from_all(
    ledger: &mut Ledger<'_>,
    request: IdBased,
    asked: &Asked<'_>,
) -> Result<(), Refusal> {
    if clear(ledger, |entry| entry.folder == request.id)?.is_empty() {
        return Ok(());
    }
    let request = echo(ledger, asked.name, request)?;
    ledger.bury(asked.name, &request)
}

/// Told entry by entry: this route's own name would end the stream of every app.
#[expect(clippy::needless_pass_by_value, reason = "all commands have one shape")]
pub(super) fn empty(
    ledger: &mut Ledger<'_>,
    request: IdBased,
    _: &Asked<'_>,
) -> Result<(), Refusal> {
    let gone = clear(ledger, |entry| entry.panel == request.id)?;
    gone.iter().try_for_each(|entry| told_taken(ledger, entry))
}

/// One entry is gone.
pub(crate) fn told_taken(ledger: &mut Ledger<'_>, entry: &PanelFolder) -> Result<(), Refusal> {
    let payload = DeletePanelFolder {
        panel_id: entry.panel,
        folder_id: entry.folder,
        event_timestamp: ledger.time()?,
        correlation: ledger.correlation().cloned(),
    };
    ledger.emit(TAKEN, &payload)?;
    ledger.bury(TAKEN, &payload)
}

/// `ADD_A_NEW_PANEL`.
pub(crate) fn told_panel(ledger: &mut Ledger<'_>, panel: &Panel) -> Result<(), Refusal> {
    let (time, correlation) = (ledger.time()?, ledger.correlation().cloned());
    let payload = PanelMade {
        panel_id: panel.id,
        panel_name: &panel.name,
        correlation: correlation.as_ref(),
        event_timestamp: time,
    };
    ledger.emit("ADD_A_NEW_PANEL", &payload)
}

/// `ADD_A_NEW_FOLDER_IN_A_PANEL`.
pub(crate) fn told_panel_folder(
    ledger: &mut Ledger<'_>,
    entry: &PanelFolder,
) -> Result<(), Refusal> {
    let (time, correlation) = (ledger.time()?, ledger.correlation().cloned());
    let payload = PanelFolderMade {
        id: entry.id,
        folder_id: entry.folder,
        panel_position: entry.position,
        folder_name: &entry.name,
        connected_panel_id: entry.panel,
        correlation: correlation.as_ref(),
        event_timestamp: time,
    };
    ledger.emit("ADD_A_NEW_FOLDER_IN_A_PANEL", &payload)
}
