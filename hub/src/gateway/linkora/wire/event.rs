//! Events and tombstones: the names that the app knows, and payloads that its decoder accepts.
//!
//! The app's stream ends at the first name or key that it does not expect, so that nothing is sent
//! that is not listed here. Most payloads are the request's own shape with the hub's time in it.

use serde::Serialize;

use super::{Correlation, LinkTag, LinkType, MediaType};

/// An event as text: one JSON object.
pub(crate) fn text(operation: &str, payload: &impl Serialize) -> String {
    #[derive(Serialize)]
    struct Event<'a, P> {
        operation: &'a str,
        payload: &'a P,
    }
    serde_json::to_string(&Event { operation, payload }).expect("these shapes are all JSON")
}

/// `CREATE_FOLDER`.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct FolderMade<'a> {
    pub(crate) id: i64,
    pub(crate) name: &'a str,
    pub(crate) note: &'a str,
    pub(crate) parent_folder_id: Option<i64>,
    pub(crate) is_archived: bool,
    pub(crate) correlation: Option<&'a Correlation>,
    pub(crate) event_timestamp: i64,
}

/// `CREATE_A_NEW_LINK` and `UPDATE_LINK`.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct LinkMade<'a> {
    pub(crate) id: i64,
    pub(crate) link_type: LinkType,
    pub(crate) title: &'a str,
    pub(crate) url: &'a str,
    #[serde(rename = "baseURL")]
    pub(crate) base_url: &'a str,
    #[serde(rename = "imgURL")]
    pub(crate) img_url: &'a str,
    pub(crate) note: &'a str,
    pub(crate) id_of_linked_folder: Option<i64>,
    pub(crate) user_agent: Option<&'a str>,
    pub(crate) marked_as_important: bool,
    pub(crate) media_type: MediaType,
    pub(crate) correlation: Option<&'a Correlation>,
    pub(crate) link_tags: Vec<LinkTag>,
    pub(crate) event_timestamp: i64,
}

/// `CREATE_TAG`, to whose decoder one key more would be an error.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct TagMade<'a> {
    pub(crate) id: i64,
    pub(crate) name: &'a str,
    pub(crate) event_timestamp: i64,
    pub(crate) correlation: Option<&'a Correlation>,
}

/// `ADD_A_NEW_PANEL`.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct PanelMade<'a> {
    pub(crate) panel_id: i64,
    pub(crate) panel_name: &'a str,
    pub(crate) correlation: Option<&'a Correlation>,
    pub(crate) event_timestamp: i64,
}

/// `ADD_A_NEW_FOLDER_IN_A_PANEL`.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct PanelFolderMade<'a> {
    pub(crate) id: i64,
    pub(crate) folder_id: i64,
    pub(crate) panel_position: i64,
    pub(crate) folder_name: &'a str,
    pub(crate) connected_panel_id: i64,
    pub(crate) correlation: Option<&'a Correlation>,
    pub(crate) event_timestamp: i64,
}

/// Everything that is known by one id.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct OfId<'a> {
    pub(crate) id: i64,
    pub(crate) correlation: Option<&'a Correlation>,
    pub(crate) event_timestamp: i64,
}

/// `COPY_EXISTING_ITEMS` and `DELETE_EVERYTHING`.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct OfTime<'a> {
    pub(crate) event_timestamp: i64,
    pub(crate) correlation: Option<&'a Correlation>,
}
