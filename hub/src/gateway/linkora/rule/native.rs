//! What a native push did, completed: new rows get ids and times, references by key become ids,
//! what hangs on a deleted row goes with it, and devices are told in operations that they know.
//!
//! ```text
//! new rows: folders, tags, panels, links, panel folders    > told as made, contents last
//! changed rows                                             > told as narrowly as can be
//! deleted rows: panel folders, links, tags, panels, folders > told, and buried
//! ```

use std::collections::{BTreeSet, HashSet};

use syncline_protocol::{Code, Reject, Value};

use super::changed::tell_change;
use crate::gateway::linkora::command::{
    Removal, Tree, bury_link, check_parent, clear_panel, is_orphaned, take_back, told_folder,
    told_link, told_move, told_panel, told_panel_folder, told_tag, told_taken, untag,
};
use crate::gateway::linkora::ledger::{Ledger, OWN};
use crate::gateway::linkora::mapping::{
    Fault, Fields, Folder, Image, Link, Panel, PanelFolder, Row, Table, Tag, image, numbers,
};
use crate::gateway::linkora::wire::event::OfId;
use crate::gateway::linkora::wire::request::Many;
use crate::gateway::linkora::wire::{Correlation, LinkType};
use crate::hub::{Refusal, RuleView, Touched};

/// Completes a native push.
pub(super) fn reconcile(ledger: &mut Ledger<'_>, view: &RuleView<'_>) -> Result<(), Refusal> {
    let touched = view.touched()?;
    let mut rows: Vec<(Table, &Touched)> = Vec::new();
    for one in &touched {
        if let Some(name) = OWN.into_iter().find(|name| *name == one.collection.as_str()) {
            keep_own(ledger, view, name, one)?;
        } else if let Some(table) = Table::named(one.collection.as_str()) {
            ledger.assume(table.as_str(), one.key.as_str(), one.after.as_ref());
            if let Some(before) = &one.before {
                let id = Fields::of(&image(before)).number("id").unwrap_or_default();
                ledger.know(table, id, Some(one.key.as_str()));
            }
            rows.push((table, one));
        }
    }
    make(ledger, &rows)?;
    change(ledger, &rows)?;
    delete(ledger, &rows)
}

/// What only the rule writes stays as it is. A copy that gives back what it had before a restore is
/// not refused for that; whoever writes there on purpose is.
fn keep_own(
    ledger: &mut Ledger<'_>,
    view: &RuleView<'_>,
    name: &'static str,
    touched: &Touched,
) -> Result<(), Refusal> {
    if !view.is_stamped() {
        let what = format!("{name} is written by the gateway only");
        return Err(Reject::new(Code::Refused, what).into());
    }
    if touched.before != touched.after {
        ledger.undo(name, &touched.key, touched.before.as_ref(), touched.after.as_ref());
    }
    Ok(())
}

fn refused(table: Table, key: &str, what: &str) -> Refusal {
    Reject::new(Code::Refused, format!("{}/{key}: {what}", table.as_str())).into()
}

fn faulty(table: Table, key: &str, fault: &Fault) -> Refusal {
    refused(table, key, &format!("{} has to be {}", fault.field, fault.wanted))
}

fn of<'a>(
    rows: &'a [(Table, &'a Touched)],
    table: Table,
    wanted: impl Fn(&Touched) -> bool + 'a,
) -> impl Iterator<Item = &'a Touched> {
    rows.iter().filter(move |(of, one)| *of == table && wanted(one)).map(|(_, one)| *one)
}

fn is_new(touched: &Touched) -> bool {
    touched.before.is_none() && touched.after.is_some()
}

fn is_changed(touched: &Touched) -> bool {
    touched.before.is_some() && touched.after.is_some() && touched.before != touched.after
}

fn is_gone(touched: &Touched) -> bool {
    touched.before.is_some() && touched.after.is_none()
}

/// New rows: ids for all first, so that they may name each other.
fn make(ledger: &mut Ledger<'_>, rows: &[(Table, &Touched)]) -> Result<(), Refusal> {
    let mut kept = Kept::new();
    for table in Table::ALL {
        for one in of(rows, table, is_new) {
            check_whole(ledger, table, one.key.as_str())?;
            let (id, keeps) = ledger.enroll(table, one.key.as_str())?;
            kept.extend(keeps.then_some((table, id)));
        }
    }
    make_folders(ledger, rows, &kept)?;
    for one in of(rows, Table::Tags, is_new) {
        let tag: Tag = adopt(ledger, one)?;
        tell_new(ledger, &kept, &tag, told_tag)?;
    }
    for one in of(rows, Table::Panels, is_new) {
        let panel: Panel = adopt(ledger, one)?;
        tell_new(ledger, &kept, &panel, told_panel)?;
    }
    for one in of(rows, Table::Links, is_new) {
        make_link(ledger, one, &kept)?;
    }
    for one in of(rows, Table::PanelFolders, is_new) {
        let entry: PanelFolder = adopt(ledger, one)?;
        tell_new(ledger, &kept, &entry, told_panel_folder)?;
    }
    Ok(())
}

/// New rows that came back under ids of their own after a restore: devices may hold them already,
/// and would make them a second time. Where the apps know no other way, nothing is told; whoever
/// lacks such a row gets it when it asks for what changed.
type Kept = HashSet<(Table, i64)>;

fn tell_new<R: Row>(
    ledger: &mut Ledger<'_>,
    kept: &Kept,
    row: &R,
    tell: impl FnOnce(&mut Ledger<'_>, &R) -> Result<(), Refusal>,
) -> Result<(), Refusal> {
    if kept.contains(&(R::TABLE, row.id())) { Ok(()) } else { tell(ledger, row) }
}

/// A field that a new row cannot be without. A write to a row that was deleted meanwhile brings
/// nothing back that way.
fn check_whole(ledger: &mut Ledger<'_>, table: Table, key: &str) -> Result<(), Refusal> {
    let needed: &[&str] = match table {
        Table::Folders | Table::Tags | Table::Panels => &["name"],
        Table::Links => &["url"],
        Table::PanelFolders => &["panel", "folder"],
    };
    let image = ledger.image_at(table, key)?.unwrap_or_default();
    match needed.iter().find(|field| Fields::of(&image).get(field).is_none()) {
        Some(field) => Err(refused(table, key, &format!("a new row needs a {field}"))),
        None => Ok(()),
    }
}

/// Parents before children, whatever the order in the push.
fn make_folders(
    ledger: &mut Ledger<'_>,
    rows: &[(Table, &Touched)],
    kept: &Kept,
) -> Result<(), Refusal> {
    let mut waiting: Vec<&Touched> = of(rows, Table::Folders, is_new).collect();
    let mut ids = BTreeSet::new();
    for one in &waiting {
        resolve(ledger, Table::Folders, one.key.as_str())?;
        ids.extend(ledger.id_at(Table::Folders, one.key.as_str())?);
    }
    while !waiting.is_empty() {
        let mut later = Vec::new();
        let before = waiting.len();
        for one in waiting {
            let image = ledger.image_at(Table::Folders, one.key.as_str())?.unwrap_or_default();
            let parent = Fields::of(&image).number("parent").unwrap_or_default();
            if ids.contains(&parent) {
                later.push(one);
            } else {
                let folder = make_folder(ledger, one, kept)?;
                ids.remove(&folder);
            }
        }
        if later.len() == before {
            return Err(refused(Table::Folders, later[0].key.as_str(), "it would lie in itself"));
        }
        waiting = later;
    }
    Ok(())
}

fn make_folder(ledger: &mut Ledger<'_>, one: &Touched, kept: &Kept) -> Result<i64, Refusal> {
    let folder: Folder = adopt(ledger, one)?;
    if is_orphaned(ledger, folder.parent)? {
        take_back(ledger, folder.id)?;
    } else {
        check_known(ledger, one, folder.parent)?;
        let known = kept.contains(&(Table::Folders, folder.id));
        told_folder(ledger, if known { "UPDATE_FOLDER" } else { "CREATE_FOLDER" }, &folder)?;
    }
    Ok(folder.id)
}

fn make_link(ledger: &mut Ledger<'_>, one: &Touched, kept: &Kept) -> Result<(), Refusal> {
    let mut link: Link = read(ledger, one)?;
    complete(&mut link);
    let tags = std::mem::take(&mut link.tags);
    link.set_tags(&tags, ledger.time()?);
    let link = ledger.adopt(one.key.as_str(), link)?;
    if link.kind == LinkType::FolderLink && is_orphaned(ledger, link.folder)? {
        ledger.remove::<Link>(link.id)?;
        return bury_link(ledger, link.id);
    }
    if link.kind == LinkType::FolderLink {
        check_known(ledger, one, link.folder)?;
    }
    if link.kind == LinkType::HistoryLink {
        crate::gateway::linkora::command::forget_history(ledger, &link.url, Some(link.id))?;
    }
    if kept.contains(&(Table::Links, link.id)) {
        told_link(ledger, "UPDATE_LINK", &link)?;
        return told_move(ledger, &link);
    }
    told_link(ledger, "CREATE_A_NEW_LINK", &link)
}

/// What a native app left out and the foreign ones show.
pub(super) fn complete(link: &mut Link) {
    link.folder = link.kind.place(link.folder);
    if link.base_url.is_empty() {
        let rest = link.url.split_once("://").map_or(link.url.as_str(), |(_, rest)| rest);
        let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
        link.base_url = host.rsplit('@').next().unwrap_or_default().to_owned();
    }
}

/// Refuses a folder that never was: a slip of the pen, and no device could show it.
pub(super) fn check_known(
    ledger: &mut Ledger<'_>,
    one: &Touched,
    folder: Option<i64>,
) -> Result<(), Refusal> {
    let Some(id) = folder else { return Ok(()) };
    let known = ledger.get::<Folder>(id)?.is_some() || ledger.may_return(Table::Folders, id);
    if known {
        return Ok(());
    }
    let what = format!("{}/{}: there is no folder {id}", one.collection, one.key);
    Err(Reject::new(Code::Refused, what).into())
}

/// Reads a new row and gives it what only the rule gives.
fn adopt<R: Row>(ledger: &mut Ledger<'_>, one: &Touched) -> Result<R, Refusal> {
    let row = read::<R>(ledger, one)?;
    ledger.adopt(one.key.as_str(), row)
}

/// Reads a row as the push leaves it, its references resolved.
pub(super) fn read<R: Row>(ledger: &mut Ledger<'_>, one: &Touched) -> Result<R, Refusal> {
    let key = one.key.as_str();
    resolve(ledger, R::TABLE, key)?;
    let image = ledger.image_at(R::TABLE, key)?.unwrap_or_default();
    R::read(Fields::of(&image)).map_err(|fault| faulty(R::TABLE, key, &fault))
}

/// A native app may name folders, tags and panels by their keys; in records they stand by id.
fn resolve(ledger: &mut Ledger<'_>, table: Table, key: &str) -> Result<(), Refusal> {
    let image = ledger.image_at(table, key)?.unwrap_or_default();
    let references: &[(&'static str, Table)] = match table {
        Table::Folders => &[("parent", Table::Folders)],
        Table::Links => &[("folder", Table::Folders)],
        Table::PanelFolders => &[("folder", Table::Folders), ("panel", Table::Panels)],
        Table::Tags | Table::Panels => &[],
    };
    for (field, to) in references {
        if let Some(named) = Fields::of(&image).get(field).and_then(Value::as_str) {
            let id = ledger.id_at(*to, named)?;
            let id = id.ok_or_else(|| refused(table, key, &format!("no {field} {named}")))?;
            ledger.put_fields(table, key, vec![(field, Some(Value::from(id)))])?;
        }
    }
    if table == Table::Links { resolve_tags(ledger, &image, key) } else { Ok(()) }
}

/// Tags by id or by key; one that is unknown is left out, as when a device sends it.
fn resolve_tags(ledger: &mut Ledger<'_>, image: &Image, key: &str) -> Result<(), Refusal> {
    let Some(value) = Fields::of(image).get("tags") else { return Ok(()) };
    let fault = Fault { field: "tags", wanted: "an array of ids, or of keys of tags" };
    let named: Result<Vec<TagName>, _> = rmp_serde::from_slice(value.as_bytes());
    let named = named.map_err(|_| faulty(Table::Links, key, &fault))?;
    let mut ids = Vec::with_capacity(named.len());
    for name in named {
        let id = match name {
            TagName::Id(id) => ledger.get::<Tag>(id)?.map(|tag| tag.id),
            TagName::Key(key) => ledger.id_at(Table::Tags, &key)?,
        };
        ids.extend(id);
    }
    ids.sort_unstable();
    ids.dedup();
    ledger.put_fields(Table::Links, key, vec![("tags", Some(numbers(&ids)))])
}

#[derive(serde::Deserialize)]
#[serde(untagged)]
enum TagName {
    Id(i64),
    Key(String),
}

fn change(ledger: &mut Ledger<'_>, rows: &[(Table, &Touched)]) -> Result<(), Refusal> {
    for one in of(rows, Table::Folders, is_changed) {
        tell_change::<Folder>(ledger, one)?;
    }
    // Judged when all folders stand where the push puts them.
    for one in of(rows, Table::Folders, is_changed) {
        let image = ledger.image_at(Table::Folders, one.key.as_str())?.unwrap_or_default();
        let fields = Fields::of(&image);
        let parent = fields.number_or_none("parent").unwrap_or_default();
        check_parent(ledger, fields.number("id").unwrap_or_default(), parent)?;
    }
    for one in of(rows, Table::Tags, is_changed) {
        tell_change::<Tag>(ledger, one)?;
    }
    for one in of(rows, Table::Panels, is_changed) {
        tell_change::<Panel>(ledger, one)?;
    }
    for one in of(rows, Table::Links, is_changed) {
        tell_change::<Link>(ledger, one)?;
    }
    for one in of(rows, Table::PanelFolders, is_changed) {
        tell_change::<PanelFolder>(ledger, one)?;
    }
    Ok(())
}

fn delete(ledger: &mut Ledger<'_>, rows: &[(Table, &Touched)]) -> Result<(), Refusal> {
    for one in of(rows, Table::PanelFolders, is_gone) {
        if let Some(entry) = ledger.lament::<PanelFolder>(one)? {
            told_taken(ledger, &entry)?;
        }
    }
    delete_links(ledger, rows)?;
    for one in of(rows, Table::Tags, is_gone) {
        if let Some(tag) = ledger.lament::<Tag>(one)? {
            untag(ledger, tag.id)?;
            told_gone(ledger, "DELETE_TAG", tag.id, true)?;
        }
    }
    for one in of(rows, Table::Panels, is_gone) {
        if let Some(panel) = ledger.lament::<Panel>(one)? {
            clear_panel(ledger, |entry| entry.panel == panel.id)?;
            told_gone(ledger, "DELETE_A_PANEL", panel.id, true)?;
        }
    }
    let mut tree = None;
    for one in of(rows, Table::Folders, is_gone) {
        if let Some(folder) = ledger.lament::<Folder>(one)? {
            let tree = match &mut tree {
                Some(tree) => tree,
                None => tree.insert(Tree::read(ledger)?),
            };
            tree.remove(ledger, folder.id, Removal::Contents)?;
            told_gone(ledger, "DELETE_FOLDER", folder.id, false)?;
        }
    }
    Ok(())
}

/// One link is told as one; many as one event, for every device has to take each.
fn delete_links(ledger: &mut Ledger<'_>, rows: &[(Table, &Touched)]) -> Result<(), Refusal> {
    let mut ids = Vec::new();
    for one in of(rows, Table::Links, is_gone) {
        ids.extend(ledger.lament::<Link>(one)?.map(|link| link.id));
    }
    match ids.as_slice() {
        [] => Ok(()),
        [id] => told_gone(ledger, "DELETE_A_LINK", *id, true),
        _ => {
            let payload = Many {
                link_ids: ids,
                folder_ids: Vec::new(),
                event_timestamp: ledger.time()?,
                correlation: Some(Correlation::hub()),
            };
            ledger.emit("DELETE_MULTIPLE_ITEMS", &payload)?;
            ledger.bury("DELETE_MULTIPLE_ITEMS", &payload)
        }
    }
}

fn told_gone(
    ledger: &mut Ledger<'_>,
    operation: &str,
    id: i64,
    buries: bool,
) -> Result<(), Refusal> {
    let (time, correlation) = (ledger.time()?, ledger.correlation().cloned());
    let payload = OfId { id, correlation: correlation.as_ref(), event_timestamp: time };
    ledger.emit(operation, &payload)?;
    if buries { ledger.bury(operation, &payload) } else { Ok(()) }
}
