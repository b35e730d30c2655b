//! Importing: rows with the ids and times that they had elsewhere, so that devices which know them
//! need only another address. Nothing is told: whoever needs the rows asks for them.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};
use syncline_protocol::{Code, Reject};

use super::Asked;
use crate::gateway::linkora::ledger::Ledger;
use crate::gateway::linkora::mapping::{Folder, Link, Panel, PanelFolder, Row, Table, Tag};
use crate::gateway::linkora::wire::Correlation;
use crate::gateway::linkora::wire::answer::{
    FolderRow, LinkRow, LinkTagRow, PanelFolderRow, PanelRow, TagRow,
};
use crate::gateway::linkora::wire::request::Sent;
use crate::hub::Refusal;

/// Some rows of another server's database.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Import {
    pub(crate) folders: Vec<FolderRow>,
    pub(crate) links: Vec<LinkRow>,
    pub(crate) panels: Vec<PanelRow>,
    pub(crate) panel_folders: Vec<PanelFolderRow>,
    pub(crate) tags: Vec<TagRow>,
    /// Of the links that come along.
    pub(crate) link_tags: Vec<LinkTagRow>,
    pub(crate) tombstones: Vec<ImportedTombstone>,
    /// The greatest ids ever given, as far as known, in the order of the tables.
    pub(crate) ids: [i64; 5],
}

/// A deletion, told as the app decodes it.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ImportedTombstone {
    pub(crate) deleted_at: i64,
    pub(crate) operation: String,
    pub(crate) payload: String,
}

impl Sent for Import {
    fn correlation(&self) -> Option<&Correlation> {
        None
    }
    fn at(&self) -> i64 {
        0
    }
    fn set_time(&mut self, _: i64) {}
}

/// The greatest id that may come in.
const IMPORTED_MAX: i64 = 1 << 50;

const TABLES: [Table; 5] =
    [Table::Folders, Table::Links, Table::Tags, Table::Panels, Table::PanelFolders];

pub(super) fn import(ledger: &mut Ledger<'_>, rows: Import, _: &Asked<'_>) -> Result<(), Refusal> {
    for (table, id) in TABLES.into_iter().zip(rows.ids) {
        check_id(table, id)?;
        ledger.take_ids(table, id);
    }
    let tags = by_link(&rows.link_tags);
    for row in rows.folders {
        insert(ledger, &folder(row))?;
    }
    for row in rows.tags {
        let (id, at) = (row.id, row.event_timestamp);
        insert(ledger, &Tag { id, modified: at, sync: at, name: row.name })?;
    }
    for row in rows.panels {
        let (id, at) = (row.panel_id, row.event_timestamp);
        insert(ledger, &Panel { id, modified: at, sync: at, name: row.panel_name })?;
    }
    for row in rows.links {
        insert(ledger, &link(row, &tags))?;
    }
    for row in rows.panel_folders {
        insert(ledger, &panel_folder(row))?;
    }
    for tombstone in rows.tombstones {
        ledger.bury_as(tombstone.deleted_at, &tombstone.operation, &tombstone.payload)?;
    }
    ledger.time().map(drop)
}

/// Ids go on above the greatest, and have to stay such as every client can hold.
fn check_id(table: Table, id: i64) -> Result<(), Refusal> {
    if id <= IMPORTED_MAX {
        return Ok(());
    }
    let what = format!("{} {id}: ids go up to {IMPORTED_MAX}", table.as_str());
    Err(Reject::new(Code::Refused, what).into())
}

fn insert<R: Row>(ledger: &mut Ledger<'_>, row: &R) -> Result<(), Refusal> {
    check_id(R::TABLE, row.id())?;
    if row.id() <= 0 || ledger.get::<R>(row.id())?.is_some() {
        let what = format!("{} {} is there already", R::TABLE.as_str(), row.id());
        return Err(Reject::new(Code::Exists, what).into());
    }
    ledger.insert_as(row)
}

fn folder(row: FolderRow) -> Folder {
    Folder {
        id: row.id,
        modified: row.event_timestamp,
        sync: row.event_timestamp,
        name: row.name,
        note: row.note,
        parent: row.parent_folder_id,
        archived: row.is_archived,
    }
}

/// Tags by their links, each in the order of ids.
fn by_link(tags: &[LinkTagRow]) -> HashMap<i64, Vec<&LinkTagRow>> {
    let mut of_link = HashMap::<i64, Vec<&LinkTagRow>>::new();
    for tag in tags {
        of_link.entry(tag.link_id).or_default().push(tag);
    }
    of_link.values_mut().for_each(|own| own.sort_by_key(|tag| tag.tag_id));
    of_link
}

fn link(row: LinkRow, tags: &HashMap<i64, Vec<&LinkTagRow>>) -> Link {
    let own = tags.get(&row.id).map_or(&[][..], Vec::as_slice);
    Link {
        id: row.id,
        modified: row.event_timestamp,
        sync: row.event_timestamp,
        kind: row.link_type,
        title: row.title,
        url: row.url,
        base_url: row.base_url,
        image_url: row.img_url,
        note: row.note,
        folder: row.id_of_linked_folder,
        user_agent: row.user_agent,
        important: row.marked_as_important,
        media: row.media_type,
        tags: own.iter().map(|tag| tag.tag_id).collect(),
        tagged: own.iter().map(|tag| tag.event_timestamp).collect(),
    }
}

fn panel_folder(row: PanelFolderRow) -> PanelFolder {
    PanelFolder {
        id: row.id,
        modified: row.event_timestamp,
        sync: row.event_timestamp,
        panel: row.connected_panel_id,
        folder: row.folder_id,
        name: row.folder_name,
        position: row.panel_position,
    }
}
