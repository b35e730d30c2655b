//! The bodies of requests, in the order of their routes.
//!
//! A request's event is the same shape with the hub's time in it: what is not part of the event is
//! never written. A nullable field may be absent; so may the correlation.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer, Serialize};

use super::{Correlation, LinkTag, LinkType, MediaType};

/// What every body has: who sent it, and when its writer acted.
pub(crate) trait Sent {
    fn correlation(&self) -> Option<&Correlation>;
    fn at(&self) -> i64;
    /// The app's own number of the row, when it comes from its queue of unsent work.
    fn queued(&self) -> i64 {
        0
    }
    fn set_time(&mut self, time: i64);
}

macro_rules! request {
    (
        $(#[$about:meta])*
        $name:ident { $($(#[$meta:meta])* $field:ident: $type:ty),* $(,)? }
        $(queued by $queued:ident)?
    ) => {
        $(#[$about])*
        #[derive(Debug, Clone, Serialize, Deserialize)]
        #[serde(rename_all = "camelCase")]
        pub(crate) struct $name {
            $($(#[$meta])* pub(crate) $field: $type,)*
            $(#[serde(default, skip_serializing)] pub(crate) $queued: i64,)?
            pub(crate) event_timestamp: i64,
            pub(crate) correlation: Option<Correlation>,
        }

        impl Sent for $name {
            fn correlation(&self) -> Option<&Correlation> {
                self.correlation.as_ref()
            }
            fn at(&self) -> i64 {
                self.event_timestamp
            }
            $(fn queued(&self) -> i64 {
                self.$queued
            })?
            fn set_time(&mut self, time: i64) {
                self.event_timestamp = time;
            }
        }
    };
}

request! {
    /// One row by its id.
    IdBased { id: i64 }
}
request! {
    /// `CREATE_FOLDER`.
    CreateFolder { name: String, note: String, parent_folder_id: Option<i64>, is_archived: bool }
    queued by offline_sync_item_id
}
request! {
    /// `UPDATE_FOLDER`.
    UpdateFolder {
        id: i64,
        name: String,
        note: String,
        parent_folder_id: Option<i64>,
        is_archived: bool,
    }
}
request! {
    /// `UPDATE_FOLDER_NAME`.
    UpdateFolderName { folder_id: i64, new_folder_name: String }
}
request! {
    /// `UPDATE_FOLDER_NOTE`.
    UpdateFolderNote { folder_id: i64, new_note: String }
}
request! {
    /// `MARK_FOLDERS_AS_ROOT`.
    MarkFoldersAsRoot { folder_ids: Vec<i64> }
}
request! {
    /// `CREATE_A_NEW_LINK`.
    CreateLink {
        link_type: LinkType,
        title: Option<String>,
        url: String,
        #[serde(rename = "baseURL")] base_url: String,
        #[serde(rename = "imgURL")] img_url: String,
        note: String,
        id_of_linked_folder: Option<i64>,
        user_agent: Option<String>,
        marked_as_important: bool,
        media_type: MediaType,
        #[serde(default)] tags: Vec<i64>,
    }
    queued by offline_sync_item_id
}
request! {
    /// `UPDATE_LINK`; tags that are absent stay as they are.
    UpdateLink {
        id: i64,
        link_type: LinkType,
        title: String,
        url: String,
        #[serde(rename = "baseURL")] base_url: String,
        #[serde(rename = "imgURL")] img_url: String,
        note: String,
        id_of_linked_folder: Option<i64>,
        user_agent: Option<String>,
        marked_as_important: bool,
        media_type: MediaType,
        #[serde(default, deserialize_with = "given")] link_tags: Option<Vec<LinkTag>>,
    }
}
request! {
    /// `UPDATE_LINK_TITLE`.
    UpdateLinkTitle { link_id: i64, new_title_of_the_link: String }
}
request! {
    /// `UPDATE_LINK_NOTE`.
    UpdateLinkNote { link_id: i64, new_note: String }
}
request! {
    /// `UPDATE_LINKED_FOLDER_ID`.
    MoveLink { link_type: LinkType, link_id: i64, new_parent_folder_id: Option<i64> }
}
request! {
    /// `UPDATE_USER_AGENT`.
    UpdateUserAgent { link_type: LinkType, link_id: i64, user_agent: Option<String> }
}
request! {
    /// `DELETE_DUPLICATE_LINKS`.
    DeleteDuplicates { link_ids: Vec<i64> }
}
request! {
    /// `CREATE_TAG`.
    CreateTag { name: String }
    queued by offline_sync_item_id
}
request! {
    /// `RENAME_TAG`.
    RenameTag { id: i64, new_name: String }
}
request! {
    /// `UPDATE_A_PANEL_NAME`.
    RenamePanel { new_name: String, panel_id: i64 }
}
request! {
    /// `ADD_A_NEW_FOLDER_IN_A_PANEL`.
    AddPanelFolder {
        folder_id: i64,
        panel_position: i64,
        folder_name: String,
        connected_panel_id: i64,
    }
    queued by offline_sync_item_id
}
request! {
    /// `DELETE_A_FOLDER_FROM_A_PANEL`.
    DeletePanelFolder { panel_id: i64, #[serde(rename = "folderID")] folder_id: i64 }
}
request! {
    /// `ARCHIVE_MULTIPLE_ITEMS` and `DELETE_MULTIPLE_ITEMS`.
    Many { link_ids: Vec<i64>, folder_ids: Vec<i64> }
}
request! {
    /// `UNARCHIVE_MULTIPLE_ITEMS`, which spells one key in its own way.
    UnarchiveMany { folders_ids: Vec<i64>, link_ids: Vec<i64> }
}
request! {
    /// `MOVE_EXISTING_ITEMS`.
    MoveItems {
        folder_ids: Vec<i64>,
        link_ids: Vec<i64>,
        link_type: LinkType,
        new_parent_folder_id: i64,
    }
}
request! {
    /// `COPY_EXISTING_ITEMS`.
    CopyItems {
        folders: Vec<CopiedFolder>,
        link_ids: BTreeMap<String, i64>,
        link_type: LinkType,
        new_parent_folder_id: i64,
    }
}
request! {
    /// `DELETE_EVERYTHING`.
    DeleteEverything { }
}

/// `ADD_A_NEW_PANEL`: the one body that need not say when.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct AddPanel {
    pub(crate) panel_name: String,
    #[serde(default, skip_serializing)]
    pub(crate) offline_sync_item_id: i64,
    #[serde(default)]
    pub(crate) event_timestamp: i64,
    pub(crate) correlation: Option<Correlation>,
}

impl Sent for AddPanel {
    fn correlation(&self) -> Option<&Correlation> {
        self.correlation.as_ref()
    }
    fn at(&self) -> i64 {
        self.event_timestamp
    }
    fn queued(&self) -> i64 {
        self.offline_sync_item_id
    }
    fn set_time(&mut self, time: i64) {
        self.event_timestamp = time;
    }
}

/// A folder to copy, its links, and, in the older form, what lies below it.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct CopiedFolder {
    pub(crate) current_folder: CopyRef,
    #[serde(default)]
    pub(crate) links: Vec<CopyRef>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) child_folders: Vec<CopiedFolder>,
}

/// What to copy, in the form of servers since 0.3.0 or in the one before.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(untagged)]
pub(crate) enum CopyRef {
    /// Since 0.3.0.
    #[serde(rename_all = "camelCase")]
    Flat {
        newly_copied_local_id: i64,
        parent_of_newly_copied_local_id: i64,
        source_remote_id: i64,
        source_remote_parent_id: Option<i64>,
        is_root_folder_for_the_destination: bool,
    },
    /// Before.
    #[serde(rename_all = "camelCase")]
    Nested { local_id: i64, remote_id: i64 },
}

impl CopyRef {
    /// The app's own number of the copy.
    pub(crate) fn local(&self) -> i64 {
        match self {
            Self::Flat { newly_copied_local_id: local, .. }
            | Self::Nested { local_id: local, .. } => *local,
        }
    }

    /// The row to copy.
    pub(crate) fn source(&self) -> i64 {
        match self {
            Self::Flat { source_remote_id: source, .. }
            | Self::Nested { remote_id: source, .. } => *source,
        }
    }
}

/// Present, so not null.
fn given<'de, D: Deserializer<'de>, T: Deserialize<'de>>(from: D) -> Result<Option<T>, D::Error> {
    T::deserialize(from).map(Some)
}
