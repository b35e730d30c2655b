//! Several rows at once: whoever is newer than the request stays as it is, the others change, and
//! only those are told. When all that there are are newer, the request is refused.

use syncline_protocol::{Code, Reject};

use super::{Asked, Removal, Tree, check_age, check_parent, echo, is_orphaned, stale};
use crate::gateway::linkora::ledger::Ledger;
use crate::gateway::linkora::mapping::{Folder, Link, Row};
use crate::gateway::linkora::wire::request::{Many, MoveItems, Sent as _, UnarchiveMany};
use crate::gateway::linkora::wire::{ARCHIVE, LinkType, SAVED};
use crate::hub::Refusal;

/// What became of the rows of a list.
struct Tally {
    at: i64,
    known: usize,
    applied: usize,
}

impl Tally {
    fn new(at: i64) -> Self {
        Self { at, known: 0, applied: 0 }
    }

    /// Changes those rows that are there and not newer; says which.
    fn each<R: Row>(
        &mut self,
        ledger: &mut Ledger<'_>,
        ids: &[i64],
        change: impl Fn(&R) -> R,
    ) -> Result<Vec<i64>, Refusal> {
        let mut applied = Vec::with_capacity(ids.len());
        for id in ids {
            let Some(old) = ledger.get::<R>(*id)? else { continue };
            self.known += 1;
            if check_age(&old, self.at).is_ok() {
                ledger.update(&old, change(&old))?;
                applied.push(*id);
            }
        }
        self.applied += applied.len();
        Ok(applied)
    }

    /// Whether there is something to tell.
    fn settle(&self) -> Result<bool, Refusal> {
        match (self.applied, self.known) {
            (0, 0) => Ok(false),
            (0, _) => Err(stale()),
            _ => Ok(true),
        }
    }
}

pub(super) fn archive(
    ledger: &mut Ledger<'_>,
    mut request: Many,
    asked: &Asked<'_>,
) -> Result<(), Refusal> {
    let mut tally = Tally::new(request.at());
    request.link_ids = tally.each(ledger, &request.link_ids, |old: &Link| Link {
        kind: LinkType::ArchiveLink,
        folder: Some(ARCHIVE),
        ..old.clone()
    })?;
    let ids = &request.folder_ids;
    request.folder_ids =
        tally.each(ledger, ids, |old: &Folder| Folder { archived: true, ..old.clone() })?;
    if tally.settle()? { echo(ledger, asked.name, request).map(drop) } else { Ok(()) }
}

pub(super) fn unarchive(
    ledger: &mut Ledger<'_>,
    mut request: UnarchiveMany,
    asked: &Asked<'_>,
) -> Result<(), Refusal> {
    let mut tally = Tally::new(request.at());
    request.link_ids = tally.each(ledger, &request.link_ids, |old: &Link| Link {
        kind: LinkType::SavedLink,
        folder: Some(SAVED),
        ..old.clone()
    })?;
    let ids = &request.folders_ids;
    request.folders_ids =
        tally.each(ledger, ids, |old: &Folder| Folder { archived: false, ..old.clone() })?;
    if tally.settle()? { echo(ledger, asked.name, request).map(drop) } else { Ok(()) }
}

pub(super) fn delete(
    ledger: &mut Ledger<'_>,
    mut request: Many,
    asked: &Asked<'_>,
) -> Result<(), Refusal> {
    let mut links = Vec::with_capacity(request.link_ids.len());
    for id in &request.link_ids {
        if ledger.get::<Link>(*id)?.is_some() {
            links.push(*id);
        }
    }
    let mut folders = Vec::with_capacity(request.folder_ids.len());
    let mut tree = Tree::read(ledger)?;
    for id in &request.folder_ids {
        if ledger.get::<Folder>(*id)?.is_some() {
            tree.remove(ledger, *id, Removal::Whole)?;
            folders.push(*id);
        }
    }
    for id in &links {
        ledger.remove::<Link>(*id)?;
    }
    if links.is_empty() && folders.is_empty() {
        return Ok(());
    }
    (request.link_ids, request.folder_ids) = (links, folders);
    let request = echo(ledger, asked.name, request)?;
    ledger.bury(asked.name, &request)
}

pub(super) fn relocate(
    ledger: &mut Ledger<'_>,
    mut request: MoveItems,
    asked: &Asked<'_>,
) -> Result<(), Refusal> {
    let target = request.new_parent_folder_id;
    check_target(ledger, &request)?;
    let mut tally = Tally::new(request.at());
    let ids = &request.folder_ids;
    request.folder_ids =
        tally.each(ledger, ids, |old: &Folder| Folder { parent: Some(target), ..old.clone() })?;
    let kind = request.link_type;
    request.link_ids = tally.each(ledger, &request.link_ids, |old: &Link| Link {
        kind,
        folder: kind.place(Some(target)),
        ..old.clone()
    })?;
    if tally.settle()? { echo(ledger, asked.name, request).map(drop) } else { Ok(()) }
}

/// Nothing is moved into what was deleted, and no folder into itself or where no folder can lie.
fn check_target(ledger: &mut Ledger<'_>, request: &MoveItems) -> Result<(), Refusal> {
    let target = request.new_parent_folder_id;
    let mut folders = Vec::new();
    for id in &request.folder_ids {
        if ledger.get::<Folder>(*id)?.is_some() {
            folders.push(*id);
        }
    }
    if !folders.is_empty() && target <= 0 {
        return Err(Reject::new(Code::Refused, "Folders lie in folders only").into());
    }
    let into_folder = request.link_type == LinkType::FolderLink && !request.link_ids.is_empty();
    if into_folder && is_orphaned(ledger, Some(target))? {
        let what = "The folder that this is to be moved into was deleted";
        return Err(Reject::new(Code::Refused, what).into());
    }
    folders.iter().try_for_each(|id| check_parent(ledger, *id, Some(target)))
}
