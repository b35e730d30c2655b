//! Links. A link's type decides where it lies, but for those that lie in folders.

use syncline_protocol::{Code, Reject};

use super::{Asked, check_age, echo, is_orphaned, once};
use crate::gateway::linkora::ledger::Ledger;
use crate::gateway::linkora::mapping::{Folder, Link, Tag, history_prefix};
use crate::gateway::linkora::wire::event::{LinkMade, OfId};
use crate::gateway::linkora::wire::request::{
    CreateLink, DeleteDuplicates, IdBased, MoveItems, MoveLink, Sent as _, UpdateLink,
    UpdateLinkNote, UpdateLinkTitle, UpdateUserAgent,
};
use crate::gateway::linkora::wire::{ARCHIVE, LinkType, SAVED};
use crate::hub::Refusal;

pub(super) fn create(
    ledger: &mut Ledger<'_>,
    request: CreateLink,
    asked: &Asked<'_>,
) -> Result<(), Refusal> {
    if request.tags.iter().any(|tag| *tag <= 0) {
        let what = "A tag of this link has no id yet: send the tag first";
        return Err(Reject::new(Code::Refused, what).into());
    }
    let queued = request.queued();
    once(ledger, request, (asked.name, queued), |ledger, request| {
        let tags = known_tags(ledger, &request.tags)?;
        let mut link = unmade(request);
        link.set_tags(&tags, ledger.time()?);
        let link = make(ledger, link)?;
        ledger.answer(link.id);
        Ok(())
    })
}

fn unmade(request: CreateLink) -> Link {
    Link {
        id: 0,
        modified: 0,
        sync: 0,
        kind: request.link_type,
        title: request.title.unwrap_or_default(),
        url: request.url,
        base_url: request.base_url,
        image_url: request.img_url,
        note: request.note,
        folder: request.link_type.place(request.id_of_linked_folder),
        user_agent: request.user_agent,
        important: request.marked_as_important,
        media: request.media_type,
        tags: Vec::new(),
        tagged: Vec::new(),
    }
}

/// Makes a link and tells of it; one in a deleted folder goes at once, as on every device.
fn make(ledger: &mut Ledger<'_>, link: Link) -> Result<Link, Refusal> {
    if link.kind == LinkType::HistoryLink {
        forget_history(ledger, &link.url, None)?;
    }
    let link = ledger.insert(link)?;
    if link.kind == LinkType::FolderLink && is_orphaned(ledger, link.folder)? {
        ledger.remove::<Link>(link.id)?;
        bury(ledger, link.id)?;
        return Ok(link);
    }
    told_link(ledger, "CREATE_A_NEW_LINK", &link)?;
    Ok(link)
}

/// A page stands in the history once. Devices that hear of the new one do the same by themselves.
pub(crate) fn forget_history(
    ledger: &mut Ledger<'_>,
    url: &str,
    but: Option<i64>,
) -> Result<(), Refusal> {
    for id in ledger.indexed(&history_prefix(url))? {
        if Some(id) != but {
            // Its page is in the history still.
            ledger.discard::<Link>(id)?;
            bury(ledger, id)?;
        }
    }
    Ok(())
}

pub(crate) fn bury(ledger: &mut Ledger<'_>, id: i64) -> Result<(), Refusal> {
    let (time, correlation) = (ledger.time()?, ledger.correlation().cloned());
    let payload = OfId { id, correlation: correlation.as_ref(), event_timestamp: time };
    ledger.bury("DELETE_A_LINK", &payload)
}

/// Those of the tags that there are.
pub(crate) fn known_tags(ledger: &mut Ledger<'_>, tags: &[i64]) -> Result<Vec<i64>, Refusal> {
    let mut known = Vec::with_capacity(tags.len());
    for tag in tags {
        if ledger.get::<Tag>(*tag)?.is_some() {
            known.push(*tag);
        }
    }
    Ok(known)
}

pub(super) fn update(
    ledger: &mut Ledger<'_>,
    request: UpdateLink,
    asked: &Asked<'_>,
) -> Result<(), Refusal> {
    let Some(old) = ledger.get::<Link>(request.id)? else { return Ok(()) };
    check_age(&old, request.at())?;
    let folder = folder_of(ledger, &old, &request, asked.call.app)?;
    let mut new = Link {
        kind: request.link_type,
        title: request.title,
        url: request.url,
        base_url: request.base_url,
        image_url: request.img_url,
        note: request.note,
        folder,
        user_agent: request.user_agent,
        important: request.marked_as_important,
        media: request.media_type,
        ..old.clone()
    };
    if let Some(tags) = request.link_tags {
        let tags: Vec<i64> = tags.iter().map(|tag| tag.tag_id).collect();
        let tags = known_tags(ledger, &tags)?;
        new.set_tags(&tags, ledger.time()?);
    }
    let link = ledger.update(&old, new)?;
    told_link(ledger, asked.name, &link)?;
    if asked.call.repair { told_move(ledger, &link) } else { Ok(()) }
}

/// The app names the folder by a number of its own when it edits a link, so that only other
/// clients are believed; none of them puts a link into a folder that was deleted.
fn folder_of(
    ledger: &mut Ledger<'_>,
    old: &Link,
    request: &UpdateLink,
    app: bool,
) -> Result<Option<i64>, Refusal> {
    if request.link_type != LinkType::FolderLink {
        return Ok(request.link_type.pseudo_folder());
    }
    let sent = request.id_of_linked_folder;
    match old.kind {
        LinkType::FolderLink if app => Ok(old.folder),
        LinkType::FolderLink if is_orphaned(ledger, sent)? => Ok(old.folder),
        LinkType::FolderLink => Ok(sent),
        _ => match sent {
            Some(id) if ledger.get::<Folder>(id)?.is_some() => Ok(sent),
            _ => Ok(None),
        },
    }
}

pub(super) fn title(
    ledger: &mut Ledger<'_>,
    request: UpdateLinkTitle,
    asked: &Asked<'_>,
) -> Result<(), Refusal> {
    let Some(old) = ledger.get::<Link>(request.link_id)? else { return Ok(()) };
    check_age(&old, request.at())?;
    ledger.update(&old, Link { title: request.new_title_of_the_link.clone(), ..old.clone() })?;
    echo(ledger, asked.name, request).map(drop)
}

pub(super) fn note(
    ledger: &mut Ledger<'_>,
    request: UpdateLinkNote,
    asked: &Asked<'_>,
) -> Result<(), Refusal> {
    let Some(old) = ledger.get::<Link>(request.link_id)? else { return Ok(()) };
    check_age(&old, request.at())?;
    ledger.update(&old, Link { note: request.new_note.clone(), ..old.clone() })?;
    echo(ledger, asked.name, request).map(drop)
}

/// What the original meant to do: it stores the link's own id as its folder. No app asks for it,
/// and none heeds its event, so that a move is told as what apps do heed.
pub(super) fn relocate(
    ledger: &mut Ledger<'_>,
    request: MoveLink,
    asked: &Asked<'_>,
) -> Result<(), Refusal> {
    let Some(old) = ledger.get::<Link>(request.link_id)? else { return Ok(()) };
    check_age(&old, request.at())?;
    if old.kind == request.link_type {
        let folder = old.kind.place(request.new_parent_folder_id);
        if is_orphaned(ledger, folder)? {
            let what = "The folder that this is to be moved into was deleted";
            return Err(Reject::new(Code::Refused, what).into());
        }
        let link = ledger.update(&old, Link { folder, ..old.clone() })?;
        told_move(ledger, &link)?;
    }
    echo(ledger, asked.name, request).map(drop)
}

/// What the original meant to do: it changes nothing but the time.
pub(super) fn user_agent(
    ledger: &mut Ledger<'_>,
    request: UpdateUserAgent,
    asked: &Asked<'_>,
) -> Result<(), Refusal> {
    let Some(old) = ledger.get::<Link>(request.link_id)? else { return Ok(()) };
    if old.kind == request.link_type {
        ledger.update(&old, Link { user_agent: request.user_agent.clone(), ..old.clone() })?;
    }
    echo(ledger, asked.name, request).map(drop)
}

pub(super) fn archive(
    ledger: &mut Ledger<'_>,
    request: IdBased,
    asked: &Asked<'_>,
) -> Result<(), Refusal> {
    set_kind(ledger, request, asked, (LinkType::ArchiveLink, ARCHIVE))
}

pub(super) fn unarchive(
    ledger: &mut Ledger<'_>,
    request: IdBased,
    asked: &Asked<'_>,
) -> Result<(), Refusal> {
    set_kind(ledger, request, asked, (LinkType::SavedLink, SAVED))
}

fn set_kind(
    ledger: &mut Ledger<'_>,
    request: IdBased,
    asked: &Asked<'_>,
    (kind, folder): (LinkType, i64),
) -> Result<(), Refusal> {
    let Some(old) = ledger.get::<Link>(request.id)? else { return Ok(()) };
    check_age(&old, request.at())?;
    ledger.update(&old, Link { kind, folder: Some(folder), ..old.clone() })?;
    echo(ledger, asked.name, request).map(drop)
}

#[expect(clippy::needless_pass_by_value, reason = "all commands have one shape")]
pub(super) fn important(
    ledger: &mut Ledger<'_>,
    request: IdBased,
    _: &Asked<'_>,
) -> Result<(), Refusal> {
    set_important(ledger, &request, true)
}

#[expect(clippy::needless_pass_by_value, reason = "all commands have one shape")]
pub(super) fn unimportant(
    ledger: &mut Ledger<'_>,
    request: IdBased,
    _: &Asked<'_>,
) -> Result<(), Refusal> {
    set_important(ledger, &request, false)
}

/// Told as an update: apps would add a link, or delete it, on hearing of it by its own name.
fn set_important(
    ledger: &mut Ledger<'_>,
    request: &IdBased,
    important: bool,
) -> Result<(), Refusal> {
    let Some(old) = ledger.get::<Link>(request.id)? else { return Ok(()) };
    check_age(&old, request.at())?;
    let link = ledger.update(&old, Link { important, ..old.clone() })?;
    told_link(ledger, "UPDATE_LINK", &link)
}

pub(super) fn delete(
    ledger: &mut Ledger<'_>,
    request: IdBased,
    asked: &Asked<'_>,
) -> Result<(), Refusal> {
    if ledger.remove::<Link>(request.id)?.is_none() {
        return Ok(());
    }
    let request = echo(ledger, asked.name, request)?;
    ledger.bury(asked.name, &request)
}

pub(super) fn delete_all(
    ledger: &mut Ledger<'_>,
    mut request: DeleteDuplicates,
    asked: &Asked<'_>,
) -> Result<(), Refusal> {
    let mut gone = Vec::with_capacity(request.link_ids.len());
    for id in std::mem::take(&mut request.link_ids) {
        if ledger.remove::<Link>(id)?.is_some() {
            gone.push(id);
        }
    }
    if gone.is_empty() {
        return Ok(());
    }
    request.link_ids = gone;
    let request = echo(ledger, asked.name, request)?;
    ledger.bury(asked.name, &request)
}

/// `CREATE_A_NEW_LINK` and `UPDATE_LINK` have one shape.
pub(crate) fn told_link(
    ledger: &mut Ledger<'_>,
    operation: &str,
    link: &Link,
) -> Result<(), Refusal> {
    let (time, correlation) = (ledger.time()?, ledger.correlation().cloned());
    let payload = LinkMade {
        id: link.id,
        link_type: link.kind,
        title: &link.title,
        url: &link.url,
        base_url: &link.base_url,
        img_url: &link.image_url,
        note: &link.note,
        id_of_linked_folder: link.folder,
        user_agent: link.user_agent.as_deref(),
        marked_as_important: link.important,
        media_type: link.media,
        correlation: correlation.as_ref(),
        link_tags: link.link_tags(),
        event_timestamp: time,
    };
    ledger.emit(operation, &payload)
}

/// Where a link lies in a folder, told in the one way that every app understands.
pub(crate) fn told_move(ledger: &mut Ledger<'_>, link: &Link) -> Result<(), Refusal> {
    let (LinkType::FolderLink, Some(folder)) = (link.kind, link.folder) else { return Ok(()) };
    let payload = MoveItems {
        folder_ids: Vec::new(),
        link_ids: vec![link.id],
        link_type: link.kind,
        new_parent_folder_id: folder,
        event_timestamp: ledger.time()?,
        correlation: ledger.correlation().cloned(),
    };
    ledger.emit("MOVE_EXISTING_ITEMS", &payload)
}
