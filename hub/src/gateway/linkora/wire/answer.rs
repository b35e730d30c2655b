//! What is answered: times, new ids, rows, and the mapping of copies.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json, json};

use super::request::{CopiedFolder, CopyItems, CopyRef};
use super::{Correlation, LinkTag, LinkType, MediaType};

/// The answer to most writes. Its text is for people.
pub(crate) fn time_stamped(time: i64, message: &str) -> Json {
    json!({ "eventTimestamp": time, "message": message })
}

/// The answer to whatever makes one row.
pub(crate) fn new_item(time: i64, id: i64, correlation: Option<&Correlation>) -> Json {
    let message = format!("made with id = {id}");
    json!({
        "timeStampBasedResponse": time_stamped(time, &message),
        "id": id,
        "correlation": correlation,
    })
}

/// The answer to a copy. `made` has the new ids in the order of [`sources`], 0 where the source is
/// unknown.
pub(crate) fn copied(request: &CopyItems, time: i64, made: &[i64]) -> Json {
    let mut made = made.iter().copied();
    let mut link_ids = Map::new();
    for local in request.link_ids.keys() {
        if let Some(id) = made.next().filter(|id| *id != 0) {
            link_ids.insert(local.clone(), json!(id));
        }
    }
    let mut folders = Vec::new();
    request.folders.iter().for_each(|folder| copied_folder(folder, &mut made, &mut folders));
    json!({
        "folders": folders,
        "linkIds": link_ids,
        "correlation": request.correlation,
        "eventTimestamp": time,
    })
}

fn copied_folder(
    folder: &CopiedFolder,
    made: &mut impl Iterator<Item = i64>,
    folders: &mut Vec<Json>,
) {
    let id = made.next().unwrap_or_default();
    let ids: Vec<i64> = made.by_ref().take(folder.links.len()).collect();
    let links = folder.links.iter().zip(ids).filter(|(_, id)| *id != 0);
    let links: Vec<Json> = links.map(|(link, id)| copied_ref(link, id)).collect();
    folders
        .push(json!({ "currentFolder": copied_ref(&folder.current_folder, id), "links": links }));
    folder.child_folders.iter().for_each(|child| copied_folder(child, made, folders));
}

/// In the answer the source's place holds the id of the copy.
fn copied_ref(copy: &CopyRef, id: i64) -> Json {
    match copy {
        CopyRef::Nested { local_id, .. } => json!({ "localId": local_id, "remoteId": id }),
        CopyRef::Flat {
            newly_copied_local_id,
            parent_of_newly_copied_local_id,
            source_remote_parent_id,
            is_root_folder_for_the_destination,
            ..
        } => json!({
            "newlyCopiedLocalId": newly_copied_local_id,
            "parentOfNewlyCopiedLocalId": parent_of_newly_copied_local_id,
            "sourceRemoteId": id,
            "sourceRemoteParentId": source_remote_parent_id,
            "isRootFolderForTheDestination": is_root_folder_for_the_destination,
        }),
    }
}

/// A folder as lists have it.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct FolderRow {
    pub(crate) id: i64,
    pub(crate) name: String,
    pub(crate) note: String,
    pub(crate) parent_folder_id: Option<i64>,
    pub(crate) is_archived: bool,
    pub(crate) event_timestamp: i64,
}

/// A link as lists have it.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct LinkRow {
    pub(crate) id: i64,
    pub(crate) link_type: LinkType,
    pub(crate) title: String,
    pub(crate) url: String,
    #[serde(rename = "baseURL")]
    pub(crate) base_url: String,
    #[serde(rename = "imgURL")]
    pub(crate) img_url: String,
    pub(crate) note: String,
    pub(crate) id_of_linked_folder: Option<i64>,
    pub(crate) user_agent: Option<String>,
    pub(crate) marked_as_important: bool,
    pub(crate) media_type: MediaType,
    pub(crate) event_timestamp: i64,
    /// In an import they stand apart, with their times.
    #[serde(default)]
    pub(crate) link_tags: Vec<LinkTag>,
}

/// A panel as lists have it.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct PanelRow {
    pub(crate) panel_id: i64,
    pub(crate) panel_name: String,
    pub(crate) event_timestamp: i64,
}

/// A folder on a panel as lists have it.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct PanelFolderRow {
    pub(crate) id: i64,
    pub(crate) folder_id: i64,
    pub(crate) panel_position: i64,
    pub(crate) folder_name: String,
    pub(crate) connected_panel_id: i64,
    pub(crate) event_timestamp: i64,
}

/// A tag as lists have it.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct TagRow {
    pub(crate) id: i64,
    pub(crate) name: String,
    pub(crate) event_timestamp: i64,
}

/// A tag on a link, with the time at which it was put there.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct LinkTagRow {
    pub(crate) link_id: i64,
    pub(crate) tag_id: i64,
    pub(crate) event_timestamp: i64,
}
