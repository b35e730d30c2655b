//! Folders: a tree, in which whatever hangs on a folder goes with it.

use std::collections::{BTreeMap, BTreeSet};

use syncline_protocol::{Code, Reject};

use super::{Asked, check_age, echo, once, stale};
use crate::gateway::linkora::ledger::Ledger;
use crate::gateway::linkora::mapping::{Folder, Link, PanelFolder, Table};
use crate::gateway::linkora::wire::event::{FolderMade, OfId};
use crate::gateway::linkora::wire::request::{
    CreateFolder, IdBased, MarkFoldersAsRoot, Sent as _, UpdateFolder, UpdateFolderName,
    UpdateFolderNote,
};
use crate::hub::Refusal;

pub(super) fn create(
    ledger: &mut Ledger<'_>,
    request: CreateFolder,
    asked: &Asked<'_>,
) -> Result<(), Refusal> {
    let queued = request.queued();
    once(ledger, request, (asked.name, queued), |ledger, request| {
        let folder = Folder {
            id: 0,
            modified: 0,
            sync: 0,
            name: request.name,
            note: request.note,
            parent: request.parent_folder_id,
            archived: request.is_archived,
        };
        let folder = ledger.insert(folder)?;
        ledger.answer(folder.id);
        if is_orphaned(ledger, folder.parent)? {
            return take_back(ledger, folder.id);
        }
        told_folder(ledger, "CREATE_FOLDER", &folder)
    })
}

pub(super) fn update(
    ledger: &mut Ledger<'_>,
    request: UpdateFolder,
    asked: &Asked<'_>,
) -> Result<(), Refusal> {
    let Some(old) = ledger.get::<Folder>(request.id)? else { return Ok(()) };
    check_age(&old, request.at())?;
    check_parent(ledger, old.id, request.parent_folder_id)?;
    let new = Folder {
        name: request.name.clone(),
        note: request.note.clone(),
        parent: request.parent_folder_id,
        archived: request.is_archived,
        ..old.clone()
    };
    ledger.update(&old, new)?;
    rename_entries(ledger, old.id, &request.name)?;
    echo(ledger, asked.name, request).map(drop)
}

pub(super) fn rename(
    ledger: &mut Ledger<'_>,
    request: UpdateFolderName,
    asked: &Asked<'_>,
) -> Result<(), Refusal> {
    let Some(old) = ledger.get::<Folder>(request.folder_id)? else { return Ok(()) };
    check_age(&old, request.at())?;
    ledger.update(&old, Folder { name: request.new_folder_name.clone(), ..old.clone() })?;
    rename_entries(ledger, old.id, &request.new_folder_name)?;
    echo(ledger, asked.name, request).map(drop)
}

/// A panel shows a folder under the folder's own name.
pub(crate) fn rename_entries(
    ledger: &mut Ledger<'_>,
    folder: i64,
    name: &str,
) -> Result<(), Refusal> {
    let entries = ledger.rows::<PanelFolder>()?;
    for entry in entries.into_iter().filter(|it| it.folder == folder && it.name != name) {
        ledger.update(&entry, PanelFolder { name: name.to_owned(), ..entry.clone() })?;
    }
    Ok(())
}

pub(super) fn note(
    ledger: &mut Ledger<'_>,
    request: UpdateFolderNote,
    asked: &Asked<'_>,
) -> Result<(), Refusal> {
    let Some(old) = ledger.get::<Folder>(request.folder_id)? else { return Ok(()) };
    check_age(&old, request.at())?;
    ledger.update(&old, Folder { note: request.new_note.clone(), ..old.clone() })?;
    echo(ledger, asked.name, request).map(drop)
}

pub(super) fn drop_note(
    ledger: &mut Ledger<'_>,
    request: IdBased,
    asked: &Asked<'_>,
) -> Result<(), Refusal> {
    let Some(old) = ledger.get::<Folder>(request.id)? else { return Ok(()) };
    ledger.update(&old, Folder { note: String::new(), ..old.clone() })?;
    echo(ledger, asked.name, request).map(drop)
}

pub(super) fn archive(
    ledger: &mut Ledger<'_>,
    request: IdBased,
    asked: &Asked<'_>,
) -> Result<(), Refusal> {
    set_archived(ledger, request, asked, true)
}

pub(super) fn unarchive(
    ledger: &mut Ledger<'_>,
    request: IdBased,
    asked: &Asked<'_>,
) -> Result<(), Refusal> {
    set_archived(ledger, request, asked, false)
}

fn set_archived(
    ledger: &mut Ledger<'_>,
    request: IdBased,
    asked: &Asked<'_>,
    archived: bool,
) -> Result<(), Refusal> {
    let Some(old) = ledger.get::<Folder>(request.id)? else { return Ok(()) };
    check_age(&old, request.at())?;
    ledger.update(&old, Folder { archived, ..old.clone() })?;
    echo(ledger, asked.name, request).map(drop)
}

pub(super) fn to_root(
    ledger: &mut Ledger<'_>,
    mut request: MarkFoldersAsRoot,
    asked: &Asked<'_>,
) -> Result<(), Refusal> {
    let (at, mut known) = (request.at(), 0);
    let mut applied = Vec::new();
    for id in std::mem::take(&mut request.folder_ids) {
        let Some(old) = ledger.get::<Folder>(id)? else { continue };
        known += 1;
        if check_age(&old, at).is_ok() {
            ledger.update(&old, Folder { parent: None, ..old.clone() })?;
            applied.push(id);
        }
    }
    match (applied.is_empty(), known) {
        (true, 0) => Ok(()),
        (true, _) => Err(stale()),
        (false, _) => {
            request.folder_ids = applied;
            echo(ledger, asked.name, request).map(drop)
        }
    }
}

/// The pseudo folders are no folders: what stands in them is never deleted by their ids.
pub(super) fn delete(
    ledger: &mut Ledger<'_>,
    request: IdBased,
    asked: &Asked<'_>,
) -> Result<(), Refusal> {
    if ledger.get::<Folder>(request.id)?.is_none() {
        return Ok(());
    }
    Tree::read(ledger)?.remove(ledger, request.id, Removal::Whole)?;
    echo(ledger, asked.name, request).map(drop)
}

/// How much of a folder is still there to be removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Removal {
    /// All of it.
    Whole,
    /// All but its own row, which a native push has removed already.
    Contents,
}

/// What lies in which folder, read once for however many folders go.
#[derive(Debug)]
pub(crate) struct Tree {
    folders: BTreeMap<i64, Vec<i64>>,
    /// The entries of panels, by the folder that they show.
    entries: BTreeMap<i64, Vec<i64>>,
    gone: BTreeSet<i64>,
}

impl Tree {
    pub(crate) fn read(ledger: &mut Ledger<'_>) -> Result<Self, Refusal> {
        let (mut folders, mut entries) = (BTreeMap::<_, Vec<_>>::new(), BTreeMap::new());
        for folder in ledger.rows::<Folder>()? {
            if let Some(parent) = folder.parent {
                folders.entry(parent).or_default().push(folder.id);
            }
        }
        for entry in ledger.rows::<PanelFolder>()? {
            entries.entry(entry.folder).or_insert_with(Vec::new).push(entry.id);
        }
        Ok(Self { folders, entries, gone: BTreeSet::new() })
    }

    /// Removes a folder and all below it, and leaves tombstones: its own first.
    pub(crate) fn remove(
        &mut self,
        ledger: &mut Ledger<'_>,
        id: i64,
        removal: Removal,
    ) -> Result<(), Refusal> {
        let all = self.take(id);
        for folder in &all {
            for link in ledger.indexed(&format!("folder/{folder}/"))? {
                ledger.remove::<Link>(link)?;
            }
            for entry in self.entries.remove(folder).into_iter().flatten() {
                ledger.remove::<PanelFolder>(entry)?;
            }
        }
        for folder in &all {
            if *folder != id || removal == Removal::Whole {
                ledger.remove::<Folder>(*folder)?;
            }
            bury(ledger, *folder)?;
        }
        Ok(())
    }

    /// A folder and all below it, itself first, but for what has gone already; ends on any circle.
    fn take(&mut self, id: i64) -> Vec<i64> {
        let (mut all, mut at) = (vec![id], 0);
        self.gone.insert(id);
        while let Some(next) = all.get(at).copied() {
            let below = self.folders.remove(&next).into_iter().flatten();
            all.extend(below.filter(|child| self.gone.insert(*child)));
            at += 1;
        }
        all
    }
}

fn bury(ledger: &mut Ledger<'_>, id: i64) -> Result<(), Refusal> {
    let (time, correlation) = (ledger.time()?, ledger.correlation().cloned());
    let payload = OfId { id, correlation: correlation.as_ref(), event_timestamp: time };
    ledger.bury("DELETE_FOLDER", &payload)?;
    ledger.bury("DELETE_A_FOLDER_FROM_ALL_PANELS", &payload)
}

/// Removes a folder that nobody has heard of: it was made where a deleted one would be.
pub(crate) fn take_back(ledger: &mut Ledger<'_>, id: i64) -> Result<(), Refusal> {
    ledger.remove::<Folder>(id)?;
    let (time, correlation) = (ledger.time()?, ledger.correlation().cloned());
    let payload = OfId { id, correlation: correlation.as_ref(), event_timestamp: time };
    ledger.bury("DELETE_FOLDER", &payload)
}

/// Whether a parent was deleted: whatever is put into it goes the way it went, as on every device.
pub(crate) fn is_orphaned(ledger: &mut Ledger<'_>, parent: Option<i64>) -> Result<bool, Refusal> {
    let Some(parent) = parent.filter(|id| *id > 0) else { return Ok(false) };
    let gone = ledger.has_given(Table::Folders, parent)
        && !ledger.may_return(Table::Folders, parent)
        && ledger.get::<Folder>(parent)?.is_none();
    Ok(gone)
}

/// Refuses a parent that was deleted, and one that lies in the folder itself.
pub(crate) fn check_parent(
    ledger: &mut Ledger<'_>,
    id: i64,
    parent: Option<i64>,
) -> Result<(), Refusal> {
    if is_orphaned(ledger, parent)? {
        let what = "The folder that this is to be moved into was deleted";
        return Err(Reject::new(Code::Refused, what).into());
    }
    let (mut seen, mut above) = (BTreeSet::new(), parent);
    while let Some(next) = above.filter(|next| seen.insert(*next)) {
        if next == id {
            let what = "A folder cannot lie in itself";
            return Err(Reject::new(Code::Refused, what).into());
        }
        above = ledger.get::<Folder>(next)?.and_then(|folder| folder.parent);
    }
    Ok(())
}

/// `CREATE_FOLDER` and `UPDATE_FOLDER` have one shape.
pub(crate) fn told_folder(
    ledger: &mut Ledger<'_>,
    operation: &str,
    folder: &Folder,
) -> Result<(), Refusal> {
    let (time, correlation) = (ledger.time()?, ledger.correlation().cloned());
    let payload = FolderMade {
        id: folder.id,
        name: &folder.name,
        note: &folder.note,
        parent_folder_id: folder.parent,
        is_archived: folder.archived,
        correlation: correlation.as_ref(),
        event_timestamp: time,
    };
    ledger.emit(operation, &payload)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn descent_ends_on_a_circle_and_begins_with_the_folder() {
        let lies = [(3, vec![1]), (1, vec![2]), (2, vec![3])];
        let tree = || Tree {
            folders: lies.iter().cloned().collect(),
            entries: BTreeMap::new(),
            gone: BTreeSet::new(),
        };
        assert_eq!(tree().take(2), [2, 3, 1]);
        assert_eq!(tree().take(4), [4]);
        let mut tree = tree();
        assert_eq!(tree.take(3), [3, 1, 2], "and what has gone goes once");
        assert_eq!(tree.take(1), [1]);
    }
}
