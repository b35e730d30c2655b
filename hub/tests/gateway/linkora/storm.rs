//! Random requests of all kinds: a model of the protocol, what a device makes of its events, and
//! what the hub tells those who ask stay equal, through a crash in the middle.

use std::collections::BTreeMap;

use rand::rngs::SmallRng;
use rand::{RngExt as _, SeedableRng as _};
use serde_json::{Value as Json, json};

use super::kit::{Ears, Kit, now};
use super::model::{Data, int};

const REQUESTS: usize = 2_000;
/// Old enough to be older than any row.
const LONG_AGO: i64 = 1_000;

struct Storm {
    kit: Kit,
    random: SmallRng,
    model: Data,
    ids: Ids,
    ears: Option<(Ears, Ears)>,
    /// What the first device makes of what it hears.
    device: Data,
    /// The greatest time that it has heard of.
    last: i64,
    marks: u32,
    /// The requests since all last agreed.
    lately: Vec<String>,
}

/// The last id of each kind: some of them are gone.
#[derive(Default)]
struct Ids {
    folder: i64,
    link: i64,
    tag: i64,
    panel: i64,
    copies: i64,
}

#[tokio::test]
async fn requests_events_and_updates_tell_the_same() {
    let seed = std::env::var("SYNCLINE_LINKORA_SEED").ok().and_then(|it| it.parse().ok());
    let seed: u64 = seed.unwrap_or_else(rand::random);
    println!("SYNCLINE_LINKORA_SEED={seed}");
    let kit = Kit::start().await;
    let mut storm = Storm {
        ears: Some((kit.listen("one").await, kit.listen("two").await)),
        kit,
        random: SmallRng::seed_from_u64(seed),
        model: Data::default(),
        ids: Ids::default(),
        device: Data::default(),
        last: 0,
        marks: 0,
        lately: Vec::new(),
    };
    for at in 0..REQUESTS {
        if at == REQUESTS / 2 {
            storm.crash().await;
        }
        storm.step().await;
        if at % 400 == 399 {
            storm.settle().await;
        }
    }
    storm.settle().await;
}

impl Storm {
    /// Both sockets have heard all, in one order; everybody knows the same.
    async fn settle(&mut self) {
        self.marks += 1;
        let mark = json!({ "name": format!("mark {}", self.marks) });
        self.request("CREATE_TAG", mark.clone(), false).await;
        let (mut one, mut two) = self.ears.take().unwrap();
        loop {
            let event = one.next().await;
            assert_eq!(event, two.next().await);
            self.hear(&event).await;
            if event["payload"]["name"] == mark["name"] {
                break;
            }
        }
        self.ears = Some((one, two));
        let mut told = Data::default();
        told.update(&self.kit.updates(0).await);
        self.agrees(&told, "what is told");
        self.agrees(&self.device, "what was heard");
        self.lately.clear();
    }

    fn agrees(&self, other: &Data, what: &str) {
        for (own, rows) in self.model.rows().into_iter().zip(other.rows()) {
            for id in own.keys().chain(rows.keys()) {
                assert_eq!(own.get(id), rows.get(id), "{what} of {id}, after {:#?}", self.lately);
            }
        }
    }

    async fn hear(&mut self, event: &Json) {
        let (operation, payload) = (event["operation"].as_str().unwrap(), &event["payload"]);
        let time = int(payload, "eventTimestamp");
        assert!(time >= self.last && time <= now() + 4, "{event}");
        self.last = time;
        if operation == "COPY_EXISTING_ITEMS" {
            // A device asks for the copies. By now there may be more than it has heard of, and it
            // hears of that again.
            let updates = self.kit.updates(time - 1).await;
            self.device.update(&updates);
        } else {
            self.device.hear(operation, payload);
        }
    }

    /// The hub dies and comes back; the devices catch up as they do at their start.
    async fn crash(&mut self) {
        self.settle().await;
        self.kit.kill();
        self.kit.restart().await;
        for tombstone in self.kit.tombstones(self.last).await.as_array().unwrap() {
            self.device.hear(tombstone["operation"].as_str().unwrap(), &tombstone["payload"]);
        }
        let updates = self.kit.updates(self.last).await;
        self.device.update(&updates);
        self.agrees(&self.device, "what was told after the crash");
        self.ears = Some((self.kit.listen("one").await, self.kit.listen("two").await));
    }

    async fn step(&mut self) {
        let (route, body) = self.draw();
        let stale = self.random.random_range(0..8) == 0;
        self.request(route, body, stale).await;
        // A copy that a device hears of later could not be told from what came after it.
        if route == "COPY_EXISTING_ITEMS" || route == "DELETE_EVERYTHING" {
            self.settle().await;
        }
    }

    async fn request(&mut self, route: &'static str, mut body: Json, stale: bool) {
        body["eventTimestamp"] = json!(if stale { LONG_AGO } else { now() + 4 });
        let from = ["one", "two", "rest"][self.random.random_range(0..3)];
        if route == "FORCE_SET_DEFAULT_FOLDER_TO_INTERNAL_IDS" {
            self.kit.get(route).await.json();
            self.model.hear(route, &body);
            return;
        }
        let refused = self.model.refuses(route, &body, stale);
        self.lately.push(format!("{route} {body} refused: {refused}"));
        let answer = self.kit.ask(route, from, body.clone()).await;
        if refused {
            assert_eq!(answer.status, 500, "{route} {body}");
            return;
        }
        let answer = answer.json();
        if route == "COPY_EXISTING_ITEMS" {
            self.take_copies(&body, &answer);
            return;
        }
        let id = answer["id"].as_i64().unwrap_or_default();
        self.count(route, id);
        self.model.request(route, &body, id);
    }

    /// No id comes twice.
    fn count(&mut self, route: &str, id: i64) {
        let last = match route {
            "CREATE_FOLDER" => &mut self.ids.folder,
            "CREATE_A_NEW_LINK" => &mut self.ids.link,
            "CREATE_TAG" => &mut self.ids.tag,
            "ADD_A_NEW_PANEL" => &mut self.ids.panel,
            _ => return,
        };
        assert!(id > *last, "{route}: {id} after {last}");
        *last = id;
    }

    fn take_copies(&mut self, body: &Json, answer: &Json) {
        let (kind, target) = (&body["linkType"], &body["newParentFolderId"]);
        for (local, source) in body["linkIds"].as_object().unwrap() {
            let id = answer["linkIds"][local].as_i64();
            self.copy_link(source.as_i64().unwrap(), id, (kind, target));
        }
        let mut copies = BTreeMap::new();
        let answers = answer["folders"].as_array().unwrap();
        for (asked, told) in body["folders"].as_array().unwrap().iter().zip(answers) {
            let current = &asked["currentFolder"];
            let id = int(&told["currentFolder"], "sourceRemoteId");
            let mut folder = self.model.folders[&int(current, "sourceRemoteId")].clone();
            let above = copies.get(&int(current, "parentOfNewlyCopiedLocalId"));
            let root = current["isRootFolderForTheDestination"] == true;
            folder["parentFolderId"] = if root { target.clone() } else { json!(above) };
            self.model.folders.insert(id, folder);
            self.count("CREATE_FOLDER", id);
            copies.insert(int(current, "newlyCopiedLocalId"), id);
            let mut told = told["links"].as_array().unwrap().iter();
            for link in asked["links"].as_array().unwrap() {
                let source = int(link, "sourceRemoteId");
                let known = self.model.links.contains_key(&source);
                let copy = known.then(|| int(told.next().unwrap(), "sourceRemoteId"));
                self.copy_link(source, copy, (&json!("FOLDER_LINK"), &json!(id)));
            }
        }
    }

    fn copy_link(&mut self, source: i64, id: Option<i64>, (kind, folder): (&Json, &Json)) {
        let known = self.model.links.get(&source).cloned();
        assert_eq!(known.is_some(), id.is_some());
        if let (Some(mut link), Some(id)) = (known, id) {
            link["linkType"] = kind.clone();
            link["idOfLinkedFolder"] = folder.clone();
            self.count("CREATE_A_NEW_LINK", id);
            self.model.links.insert(id, link);
        }
    }

    /// An id of a kind: mostly of a row that is there.
    fn any(&mut self, kind: &str) -> i64 {
        let (rows, last) = match kind {
            "folder" => (&self.model.folders, self.ids.folder),
            "link" => (&self.model.links, self.ids.link),
            "tag" => (&self.model.tags, self.ids.tag),
            _ => (&self.model.panels, self.ids.panel),
        };
        if rows.is_empty() || self.random.random_range(0..8) == 0 {
            return self.random.random_range(1..=last + 2);
        }
        let at = self.random.random_range(0..rows.len());
        *rows.keys().nth(at).unwrap()
    }

    fn some(&mut self, kind: &str) -> Vec<i64> {
        let count = self.random.random_range(0..4);
        (0..count).map(|_| self.any(kind)).collect()
    }

    fn word(&mut self) -> String {
        format!("word {} \u{1f4da}", self.random.random_range(0..1000))
    }

    /// A folder to lie in, of those that are or were; never one that will be.
    fn parent(&mut self) -> Json {
        let id = self.any("folder").min(self.ids.folder);
        if id < 1 || self.random.random_range(0..3) == 0 { Json::Null } else { json!(id) }
    }

    fn kind(&mut self) -> &'static str {
        let kinds = [
            "FOLDER_LINK",
            "FOLDER_LINK",
            "FOLDER_LINK",
            "SAVED_LINK",
            "HISTORY_LINK",
            "IMPORTANT_LINK",
        ];
        kinds[self.random.random_range(0..kinds.len())]
    }

    fn link(&mut self) -> Json {
        json!({
            "linkType": self.kind(), "title": self.word(), "baseURL": "a.org", "imgURL": "",
            "url": format!("https://a.org/{}", self.random.random_range(0..20)),
            "note": self.word(), "idOfLinkedFolder": self.parent(), "userAgent": null,
            "markedAsImportant": false, "mediaType": "VIDEO",
        })
    }

    #[allow(clippy::too_many_lines, reason = "one arm a route")]
    fn draw(&mut self) -> (&'static str, Json) {
        match self.random.random_range(0..60) {
            0..10 => {
                let mut link = self.link();
                link["tags"] = json!(self.some("tag"));
                ("CREATE_A_NEW_LINK", link)
            }
            10..15 => (
                "CREATE_FOLDER",
                json!({
                    "name": self.word(), "note": "", "parentFolderId": self.parent(),
                    "isArchived": false,
                }),
            ),
            15 => ("CREATE_TAG", json!({ "name": self.word() })),
            16 => ("ADD_A_NEW_PANEL", json!({ "panelName": self.word() })),
            17..19 => {
                let mut folder = json!({
                    "id": self.any("folder"), "name": self.word(), "note": self.word(),
                    "parentFolderId": self.parent(), "isArchived": true,
                });
                folder["parentFolderId"] = self.parent();
                ("UPDATE_FOLDER", folder)
            }
            19 => (
                "UPDATE_FOLDER_NAME",
                json!({ "folderId": self.any("folder"), "newFolderName": self.word() }),
            ),
            20 => (
                "UPDATE_FOLDER_NOTE",
                json!({ "folderId": self.any("folder"), "newNote": self.word() }),
            ),
            21 => ("DELETE_FOLDER_NOTE", json!({ "id": self.any("folder") })),
            22 => ("MARK_FOLDER_AS_ARCHIVE", json!({ "id": self.any("folder") })),
            23 => ("MARK_AS_REGULAR_FOLDER", json!({ "id": self.any("folder") })),
            24 => ("MARK_FOLDERS_AS_ROOT", json!({ "folderIds": self.some("folder") })),
            25..27 => ("DELETE_FOLDER", json!({ "id": self.any("folder") })),
            27..31 => {
                let mut link = self.link();
                let id = self.any("link");
                let tag = |tag| json!({ "linkId": id, "tagId": tag, "eventTimestamp": 0 });
                let tags: Vec<Json> = self.some("tag").into_iter().map(tag).collect();
                link["id"] = json!(id);
                link["linkTags"] = json!(tags);
                ("UPDATE_LINK", link)
            }
            31 => (
                "UPDATE_LINK_TITLE",
                json!({ "linkId": self.any("link"), "newTitleOfTheLink": self.word() }),
            ),
            32 => {
                ("UPDATE_LINK_NOTE", json!({ "linkId": self.any("link"), "newNote": self.word() }))
            }
            33 => ("ARCHIVE_LINK", json!({ "id": self.any("link") })),
            34 => ("UNARCHIVE_LINK", json!({ "id": self.any("link") })),
            35 => ("MARK_AS_IMP", json!({ "id": self.any("link") })),
            36 => ("UNMARK_AS_IMP", json!({ "id": self.any("link") })),
            37..39 => ("DELETE_A_LINK", json!({ "id": self.any("link") })),
            39 => ("DELETE_DUPLICATE_LINKS", json!({ "linkIds": self.some("link") })),
            40 => ("RENAME_TAG", json!({ "id": self.any("tag"), "newName": self.word() })),
            41 => ("DELETE_TAG", json!({ "id": self.any("tag") })),
            42 => (
                "UPDATE_A_PANEL_NAME",
                json!({ "panelId": self.any("panel"), "newName": self.word() }),
            ),
            43 => ("DELETE_A_PANEL", json!({ "id": self.any("panel") })),
            44..47 => {
                let folder = self.any("folder");
                let name = self.model.folders.get(&folder).map(|folder| folder["name"].clone());
                let entry = json!({
                    "folderId": folder, "panelPosition": 1, "folderName": name.unwrap_or(json!("")),
                    "connectedPanelId": self.any("panel"),
                });
                ("ADD_A_NEW_FOLDER_IN_A_PANEL", entry)
            }
            47 => (
                "DELETE_A_FOLDER_FROM_A_PANEL",
                json!({ "panelId": self.any("panel"), "folderID": self.any("folder") }),
            ),
            48 => ("DELETE_A_FOLDER_FROM_ALL_PANELS", json!({ "id": self.any("folder") })),
            49 => ("DELETE_ALL_FOLDERS_FROM_A_PANEL", json!({ "id": self.any("panel") })),
            50 => (
                "ARCHIVE_MULTIPLE_ITEMS",
                json!({ "linkIds": self.some("link"), "folderIds": self.some("folder") }),
            ),
            51 => (
                "UNARCHIVE_MULTIPLE_ITEMS",
                json!({ "linkIds": self.some("link"), "foldersIds": self.some("folder") }),
            ),
            52 => (
                "DELETE_MULTIPLE_ITEMS",
                json!({ "linkIds": self.some("link"), "folderIds": self.some("folder") }),
            ),
            53..56 => (
                "MOVE_EXISTING_ITEMS",
                json!({
                    "folderIds": self.some("folder"), "linkIds": self.some("link"),
                    "linkType": "FOLDER_LINK",
                    "newParentFolderId": self.any("folder").clamp(1, self.ids.folder.max(1)),
                }),
            ),
            56 if self.random.random_range(0..5) == 0 => ("COPY_EXISTING_ITEMS", self.copy()),
            57 => ("FORCE_SET_DEFAULT_FOLDER_TO_INTERNAL_IDS", json!({})),
            58 if self.random.random_range(0..10) == 0 => ("DELETE_EVERYTHING", json!({})),
            _ => ("CREATE_TAG", json!({ "name": self.word() })),
        }
    }

    /// A copy of one folder with a child, and of a link beside.
    fn copy(&mut self) -> Json {
        let target = self.model.folders.keys().next().copied().unwrap_or(1);
        self.ids.copies += 10;
        let local = self.ids.copies;
        let reference = |at: i64, parent: i64, source: i64, root: bool| {
            json!({
                "newlyCopiedLocalId": local + at, "parentOfNewlyCopiedLocalId": parent,
                "sourceRemoteId": source, "sourceRemoteParentId": null,
                "isRootFolderForTheDestination": root,
            })
        };
        let (first, second) = (self.any("folder"), self.any("folder"));
        let link = reference(3, -45454, self.any("link"), false);
        json!({
            "folders": [
                { "currentFolder": reference(1, -45454, first, true), "links": [link] },
                { "currentFolder": reference(2, local + 1, second, false), "links": [] },
            ],
            "linkIds": { (local + 4).to_string(): self.any("link"), (local + 5).to_string(): -45454 },
            "linkType": "FOLDER_LINK", "newParentFolderId": target,
        })
    }
}
