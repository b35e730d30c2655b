//! What a data set is after some requests, written anew from the protocol alone; and what a device
//! makes of the events that it hears. Rows are as they travel, without their times.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value as Json, json};

/// Rows by id.
pub(super) type Rows = BTreeMap<i64, Json>;

/// A data set. A link's row has its tags as `tags`.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Data {
    pub(super) folders: Rows,
    pub(super) links: Rows,
    pub(super) tags: Rows,
    pub(super) panels: Rows,
    pub(super) entries: Rows,
    /// Folders that were deleted.
    gone: BTreeSet<i64>,
}

pub(super) fn int(body: &Json, field: &str) -> i64 {
    body[field].as_i64().unwrap_or_else(|| panic!("{field} in {body}"))
}

pub(super) fn ints(body: &Json, field: &str) -> Vec<i64> {
    body[field].as_array().unwrap().iter().map(|id| id.as_i64().unwrap()).collect()
}

/// The fields of an object, by the names that the row has and the names that the object has.
fn pick(from: &Json, fields: &[(&str, &str)]) -> Json {
    fields.iter().map(|(to, name)| ((*to).to_owned(), from[*name].clone())).collect()
}

fn place(kind: &str, folder: &Json) -> Json {
    match kind {
        "SAVED_LINK" => json!(-2),
        "IMPORTANT_LINK" => json!(-3),
        "ARCHIVE_LINK" => json!(-4),
        "HISTORY_LINK" => json!(-5),
        _ => folder.clone(),
    }
}

const FOLDER: &[(&str, &str)] = &[
    ("name", "name"),
    ("note", "note"),
    ("parentFolderId", "parentFolderId"),
    ("isArchived", "isArchived"),
];
const LINK: &[(&str, &str)] = &[
    ("linkType", "linkType"),
    ("title", "title"),
    ("url", "url"),
    ("baseURL", "baseURL"),
    ("imgURL", "imgURL"),
    ("note", "note"),
    ("idOfLinkedFolder", "idOfLinkedFolder"),
    ("userAgent", "userAgent"),
    ("markedAsImportant", "markedAsImportant"),
    ("mediaType", "mediaType"),
];
const ENTRY: &[(&str, &str)] = &[
    ("folderId", "folderId"),
    ("panelPosition", "panelPosition"),
    ("folderName", "folderName"),
    ("connectedPanelId", "connectedPanelId"),
];

impl Data {
    /// What `GET_UPDATES` tells, taken over like a device does: known rows are written over.
    pub(super) fn update(&mut self, updates: &Json) {
        let each = |name: &str| updates[name].as_array().unwrap().clone();
        for row in each("folders") {
            self.folders.insert(int(&row, "id"), pick(&row, FOLDER));
        }
        for row in each("tags") {
            self.tags.insert(int(&row, "id"), row["name"].clone());
        }
        for row in each("panels") {
            self.panels.insert(int(&row, "panelId"), row["panelName"].clone());
        }
        for row in each("links") {
            self.links.insert(int(&row, "id"), link_of(&row));
        }
        for row in each("panelFolders") {
            self.entries.insert(int(&row, "id"), pick(&row, ENTRY));
        }
    }

    /// Whether the protocol refuses a request.
    pub(super) fn refuses(&self, route: &str, body: &Json, stale: bool) -> bool {
        let is_dead = |id: &Json| id.as_i64().is_some_and(|id| self.gone.contains(&id));
        let own = |rows: &Rows, field: &str| rows.contains_key(&int(body, field));
        let any =
            |rows: &Rows, field: &str| ints(body, field).iter().any(|id| rows.contains_key(id));
        match route {
            "UPDATE_FOLDER" if own(&self.folders, "id") => {
                let parent = &body["parentFolderId"];
                stale || is_dead(parent) || self.lies_in(parent.as_i64(), int(body, "id"))
            }
            "UPDATE_FOLDER_NAME" | "UPDATE_FOLDER_NOTE" => stale && own(&self.folders, "folderId"),
            "MARK_FOLDER_AS_ARCHIVE" | "MARK_AS_REGULAR_FOLDER" => {
                stale && own(&self.folders, "id")
            }
            "MARK_FOLDERS_AS_ROOT" => stale && any(&self.folders, "folderIds"),
            "UPDATE_LINK" | "ARCHIVE_LINK" | "UNARCHIVE_LINK" | "MARK_AS_IMP" | "UNMARK_AS_IMP" => {
                stale && own(&self.links, "id")
            }
            "UPDATE_LINK_TITLE" | "UPDATE_LINK_NOTE" => stale && own(&self.links, "linkId"),
            "RENAME_TAG" => stale && own(&self.tags, "id"),
            "UPDATE_A_PANEL_NAME" => stale && own(&self.panels, "panelId"),
            "ARCHIVE_MULTIPLE_ITEMS" => {
                stale && (any(&self.links, "linkIds") || any(&self.folders, "folderIds"))
            }
            "UNARCHIVE_MULTIPLE_ITEMS" => {
                stale && (any(&self.links, "linkIds") || any(&self.folders, "foldersIds"))
            }
            "MOVE_EXISTING_ITEMS" => self.refuses_move(body, stale),
            "COPY_EXISTING_ITEMS" => body["folders"].as_array().unwrap().iter().any(|folder| {
                !self.folders.contains_key(&int(&folder["currentFolder"], "sourceRemoteId"))
            }),
            _ => false,
        }
    }

    fn refuses_move(&self, body: &Json, stale: bool) -> bool {
        let target = int(body, "newParentFolderId");
        let folders = ints(body, "folderIds");
        let mut known = folders.iter().filter(|id| self.folders.contains_key(id));
        let links = ints(body, "linkIds");
        let into = body["linkType"] == "FOLDER_LINK" && !links.is_empty();
        let dead = self.gone.contains(&target);
        let circle = known.clone().any(|id| self.lies_in(Some(target), *id));
        let any = known.next().is_some();
        let some = any || links.iter().any(|id| self.links.contains_key(id));
        (dead && (into || any)) || circle || (stale && some)
    }

    /// Whether a folder is another one or lies below it.
    pub(super) fn lies_in(&self, folder: Option<i64>, other: i64) -> bool {
        let (mut at, mut seen) = (folder, BTreeSet::new());
        while let Some(id) = at.filter(|id| seen.insert(*id)) {
            if id == other {
                return true;
            }
            at = self.folders.get(&id).and_then(|folder| folder["parentFolderId"].as_i64());
        }
        false
    }

    /// What a request that was taken does. `id` is the one that was answered.
    pub(super) fn request(&mut self, route: &str, body: &Json, id: i64) {
        match route {
            "CREATE_FOLDER" if self.is_dead(&body["parentFolderId"]) => {
                self.gone.insert(id);
            }
            "CREATE_A_NEW_LINK" => {
                let mut row = pick(body, LINK);
                let kind = body["linkType"].as_str().unwrap();
                row["idOfLinkedFolder"] = place(kind, &body["idOfLinkedFolder"]);
                let tags: BTreeSet<i64> = ints(body, "tags").into_iter().collect();
                row["tags"] = json!(self.known_tags(tags));
                if kind == "FOLDER_LINK" && self.is_dead(&body["idOfLinkedFolder"]) {
                    return;
                }
                self.make_link(id, row);
            }
            "DELETE_FOLDER" if self.folders.contains_key(&int(body, "id")) => {
                self.delete_folder(int(body, "id"));
            }
            "DELETE_MULTIPLE_ITEMS" => {
                for id in ints(body, "folderIds") {
                    if self.folders.contains_key(&id) {
                        self.delete_folder(id);
                    }
                }
                ints(body, "linkIds").iter().for_each(|id| drop(self.links.remove(id)));
            }
            "UPDATE_LINK" => {
                let Some(old) = self.links.get(&int(body, "id")).cloned() else { return };
                let mut row = pick(body, LINK);
                let kind = body["linkType"].as_str().unwrap();
                row["idOfLinkedFolder"] = place(kind, &self.folder_of(&old, body));
                let tags = body["linkTags"].as_array().unwrap().iter();
                row["tags"] = json!(self.known_tags(tags.map(|tag| int(tag, "tagId")).collect()));
                self.links.insert(int(body, "id"), row);
            }
            "MARK_AS_IMP" | "UNMARK_AS_IMP" => {
                if let Some(link) = self.links.get_mut(&int(body, "id")) {
                    link["markedAsImportant"] = json!(route == "MARK_AS_IMP");
                }
            }
            "DELETE_EVERYTHING" => {
                let mut gone = std::mem::take(&mut self.gone);
                gone.extend(self.folders.keys());
                *self = Self { gone, ..Self::default() };
            }
            _ => self.hear(route, &with_id(route, body, id)),
        }
    }

    fn is_dead(&self, id: &Json) -> bool {
        id.as_i64().is_some_and(|id| self.gone.contains(&id))
    }

    fn known_tags(&self, tags: BTreeSet<i64>) -> Vec<i64> {
        tags.into_iter().filter(|tag| self.tags.contains_key(tag)).collect()
    }

    fn folder_of(&self, old: &Json, body: &Json) -> Json {
        let sent = &body["idOfLinkedFolder"];
        if old["linkType"] == "FOLDER_LINK" {
            return if self.is_dead(sent) { old["idOfLinkedFolder"].clone() } else { sent.clone() };
        }
        let known = sent.as_i64().is_some_and(|id| self.folders.contains_key(&id));
        if known { sent.clone() } else { Json::Null }
    }

    fn make_link(&mut self, id: i64, row: Json) {
        if row["linkType"] == "HISTORY_LINK" {
            self.links.retain(|_, it| it["linkType"] != "HISTORY_LINK" || it["url"] != row["url"]);
        }
        self.links.insert(id, row);
    }

    fn delete_folder(&mut self, id: i64) {
        let below: Vec<i64> =
            self.folders.keys().copied().filter(|it| self.lies_in(Some(*it), id)).collect();
        for id in below {
            self.folders.remove(&id);
            self.gone.insert(id);
            self.links.retain(|_, link| link["idOfLinkedFolder"] != json!(id));
            self.entries.retain(|_, entry| entry["folderId"] != json!(id));
        }
    }

    /// What a device makes of an event or a tombstone.
    #[allow(clippy::too_many_lines, reason = "one arm an operation")]
    pub(super) fn hear(&mut self, operation: &str, payload: &Json) {
        let id = || int(payload, "id");
        let set = |rows: &mut Rows, id: i64, fields: &[(&str, Json)]| {
            if let Some(row) = rows.get_mut(&id) {
                fields.iter().for_each(|(field, value)| row[*field] = value.clone());
            }
        };
        let text = |field: &str| payload[field].clone();
        match operation {
            "CREATE_FOLDER" => drop(self.folders.insert(id(), pick(payload, FOLDER))),
            "UPDATE_FOLDER" => {
                if let Some(folder) = self.folders.get_mut(&id()) {
                    *folder = pick(payload, FOLDER);
                    self.rename_entries(id(), &text("name"));
                }
            }
            "UPDATE_FOLDER_NAME" => {
                let id = int(payload, "folderId");
                if self.folders.contains_key(&id) {
                    set(&mut self.folders, id, &[("name", text("newFolderName"))]);
                    self.rename_entries(id, &text("newFolderName"));
                }
            }
            "UPDATE_FOLDER_NOTE" => {
                set(&mut self.folders, int(payload, "folderId"), &[("note", text("newNote"))]);
            }
            "DELETE_FOLDER_NOTE" => set(&mut self.folders, id(), &[("note", json!(""))]),
            "MARK_FOLDER_AS_ARCHIVE" => {
                set(&mut self.folders, id(), &[("isArchived", json!(true))]);
            }
            "MARK_AS_REGULAR_FOLDER" => {
                set(&mut self.folders, id(), &[("isArchived", json!(false))]);
            }
            "MARK_FOLDERS_AS_ROOT" => {
                for id in ints(payload, "folderIds") {
                    set(&mut self.folders, id, &[("parentFolderId", Json::Null)]);
                }
            }
            "DELETE_FOLDER" => self.delete_folder(id()),
            "CREATE_A_NEW_LINK" => self.make_link(id(), link_of(payload)),
            "UPDATE_LINK" => {
                if let Some(link) = self.links.get_mut(&id()) {
                    *link = link_of(payload);
                }
            }
            "UPDATE_LINK_TITLE" => {
                let title = text("newTitleOfTheLink");
                set(&mut self.links, int(payload, "linkId"), &[("title", title)]);
            }
            "UPDATE_LINK_NOTE" => {
                set(&mut self.links, int(payload, "linkId"), &[("note", text("newNote"))]);
            }
            "ARCHIVE_LINK" => set(&mut self.links, id(), &kind("ARCHIVE_LINK", -4)),
            "UNARCHIVE_LINK" => set(&mut self.links, id(), &kind("SAVED_LINK", -2)),
            "DELETE_A_LINK" => drop(self.links.remove(&id())),
            "DELETE_DUPLICATE_LINKS" => {
                ints(payload, "linkIds").iter().for_each(|id| drop(self.links.remove(id)));
            }
            "CREATE_TAG" => drop(self.tags.insert(id(), text("name"))),
            "RENAME_TAG" => {
                if let Some(tag) = self.tags.get_mut(&id()) {
                    *tag = text("newName");
                }
            }
            "DELETE_TAG" => {
                self.tags.remove(&id());
                for link in self.links.values_mut() {
                    let rest = ints(link, "tags").into_iter().filter(|tag| *tag != id());
                    link["tags"] = json!(rest.collect::<Vec<_>>());
                }
            }
            "ADD_A_NEW_PANEL" => {
                self.panels.insert(int(payload, "panelId"), text("panelName"));
            }
            "UPDATE_A_PANEL_NAME" => {
                if let Some(panel) = self.panels.get_mut(&int(payload, "panelId")) {
                    *panel = text("newName");
                }
            }
            "DELETE_A_PANEL" => {
                let id = id();
                if self.panels.remove(&id).is_some() {
                    self.entries.retain(|_, entry| entry["connectedPanelId"] != json!(id));
                }
            }
            "ADD_A_NEW_FOLDER_IN_A_PANEL" => drop(self.entries.insert(id(), pick(payload, ENTRY))),
            "DELETE_A_FOLDER_FROM_A_PANEL" => {
                let (panel, folder) = (&payload["panelId"], &payload["folderID"]);
                self.entries.retain(|_, entry| {
                    entry["connectedPanelId"] != *panel || entry["folderId"] != *folder
                });
            }
            "DELETE_A_FOLDER_FROM_ALL_PANELS" => {
                self.entries.retain(|_, entry| entry["folderId"] != payload["id"]);
            }
            "DELETE_ALL_FOLDERS_FROM_A_PANEL" => {
                self.entries.retain(|_, entry| entry["connectedPanelId"] != payload["id"]);
            }
            "ARCHIVE_MULTIPLE_ITEMS" | "UNARCHIVE_MULTIPLE_ITEMS" => {
                let archived = operation == "ARCHIVE_MULTIPLE_ITEMS";
                let ids = if archived { "folderIds" } else { "foldersIds" };
                let (name, folder) =
                    if archived { ("ARCHIVE_LINK", -4) } else { ("SAVED_LINK", -2) };
                for id in ints(payload, "linkIds") {
                    set(&mut self.links, id, &kind(name, folder));
                }
                for id in ints(payload, ids) {
                    set(&mut self.folders, id, &[("isArchived", json!(archived))]);
                }
            }
            "DELETE_MULTIPLE_ITEMS" => {
                ints(payload, "folderIds").into_iter().for_each(|id| self.delete_folder(id));
                ints(payload, "linkIds").iter().for_each(|id| drop(self.links.remove(id)));
            }
            "MOVE_EXISTING_ITEMS" => {
                let target = &payload["newParentFolderId"];
                for id in ints(payload, "folderIds") {
                    set(&mut self.folders, id, &[("parentFolderId", target.clone())]);
                }
                let name = payload["linkType"].as_str().unwrap();
                let moved = [("linkType", json!(name)), ("idOfLinkedFolder", place(name, target))];
                for id in ints(payload, "linkIds") {
                    set(&mut self.links, id, &moved);
                }
            }
            "DELETE_EVERYTHING" => {
                let mut gone = std::mem::take(&mut self.gone);
                gone.extend(self.folders.keys());
                *self = Self { gone, ..Self::default() };
            }
            "FORCE_SET_DEFAULT_FOLDER_TO_INTERNAL_IDS" => {
                for link in self.links.values_mut() {
                    let kind = link["linkType"].as_str().unwrap().to_owned();
                    link["idOfLinkedFolder"] = place(&kind, &link["idOfLinkedFolder"]);
                }
            }
            other => panic!("the app knows no {other}"),
        }
    }

    fn rename_entries(&mut self, folder: i64, name: &Json) {
        for entry in self.entries.values_mut().filter(|it| it["folderId"] == json!(folder)) {
            entry["folderName"] = name.clone();
        }
    }

    /// Without what only the requests tell: a device never hears which folders were.
    pub(super) fn rows(&self) -> [&Rows; 5] {
        [&self.folders, &self.links, &self.tags, &self.panels, &self.entries]
    }
}

fn kind(name: &str, folder: i64) -> [(&'static str, Json); 2] {
    [("linkType", json!(name)), ("idOfLinkedFolder", json!(folder))]
}

/// A link's row, with the ids of its tags.
fn link_of(row: &Json) -> Json {
    let mut link = pick(row, LINK);
    let tags: BTreeSet<i64> =
        row["linkTags"].as_array().unwrap().iter().map(|tag| int(tag, "tagId")).collect();
    link["tags"] = json!(tags);
    link
}

/// A request in the shape of its event.
fn with_id(route: &str, body: &Json, id: i64) -> Json {
    let mut payload = body.clone();
    match route {
        "CREATE_FOLDER" | "CREATE_TAG" | "ADD_A_NEW_FOLDER_IN_A_PANEL" => payload["id"] = json!(id),
        "ADD_A_NEW_PANEL" => payload["panelId"] = json!(id),
        _ => {}
    }
    payload
}
