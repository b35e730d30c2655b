//! Copying: new rows for old ones, all in one go. The app asks for each copy again at every start,
//! for ever, and gets the first answer each time.

use std::collections::BTreeMap;

use syncline_protocol::{Code, Reject};

use super::{Asked, once};
use crate::gateway::linkora::ledger::Ledger;
use crate::gateway::linkora::mapping::{Folder, Link};
use crate::gateway::linkora::wire::LinkType;
use crate::gateway::linkora::wire::event::OfTime;
use crate::gateway::linkora::wire::request::{CopiedFolder, CopyItems, CopyRef};
use crate::hub::Refusal;

/// Stands for a place in a device's queue: any other copy request that is the same is a repeat.
const ALWAYS_THE_SAME: i64 = 1;

pub(super) fn copy(
    ledger: &mut Ledger<'_>,
    request: CopyItems,
    asked: &Asked<'_>,
) -> Result<(), Refusal> {
    once(ledger, request, (asked.name, ALWAYS_THE_SAME), |ledger, request| {
        for source in request.link_ids.values() {
            let place = (request.link_type, request.new_parent_folder_id);
            copy_link(ledger, *source, place)?;
        }
        let mut copies = BTreeMap::new();
        let target = Some(request.new_parent_folder_id);
        for folder in &request.folders {
            copy_folder(ledger, folder, (target, None), &mut copies)?;
        }
        if ledger.answered().iter().all(|id| *id == 0) {
            return Ok(());
        }
        let correlation = ledger.correlation().cloned();
        let event_timestamp = ledger.time()?;
        let payload = OfTime { event_timestamp, correlation: correlation.as_ref() };
        ledger.emit(asked.name, &payload)
    })
}

/// Copies one folder with its links, and what an older app nested into it. In the newer form a
/// folder names its parent's copy by the device's own number.
fn copy_folder(
    ledger: &mut Ledger<'_>,
    folder: &CopiedFolder,
    (target, above): (Option<i64>, Option<i64>),
    copies: &mut BTreeMap<i64, i64>,
) -> Result<(), Refusal> {
    let current = &folder.current_folder;
    let Some(source) = ledger.get::<Folder>(current.source())? else {
        let what = format!("There is no folder {} to copy", current.source());
        return Err(Reject::new(Code::Refused, what).into());
    };
    let parent = match current {
        CopyRef::Nested { .. } => above.or(target),
        CopyRef::Flat { is_root_folder_for_the_destination: true, .. } => target,
        CopyRef::Flat { parent_of_newly_copied_local_id: local, .. } => copies.get(local).copied(),
    };
    let copy = ledger.insert(Folder { parent, ..source })?;
    ledger.answer(copy.id);
    copies.insert(current.local(), copy.id);
    for link in &folder.links {
        copy_link(ledger, link.source(), (LinkType::FolderLink, copy.id))?;
    }
    for child in &folder.child_folders {
        copy_folder(ledger, child, (target, Some(copy.id)), copies)?;
    }
    Ok(())
}

fn copy_link(
    ledger: &mut Ledger<'_>,
    source: i64,
    (kind, folder): (LinkType, i64),
) -> Result<(), Refusal> {
    let Some(source) = ledger.get::<Link>(source)? else {
        ledger.answer(0);
        return Ok(());
    };
    let mut link = Link { kind, folder: kind.place(Some(folder)), ..source };
    let tags = std::mem::take(&mut link.tags);
    link.set_tags(&tags, ledger.time()?);
    let id = ledger.insert(link)?.id;
    ledger.answer(id);
    Ok(())
}
