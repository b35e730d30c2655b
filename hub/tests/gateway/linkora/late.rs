//! A device that only asks: with the last time that it has been told it misses nothing, also when
//! much happens within one second.

use serde_json::{Value as Json, json};

use super::kit::{Kit, folder, link, now};
use super::model::Data;

/// A device that has no socket.
#[derive(Default)]
struct Late {
    data: Data,
    last: i64,
}

impl Late {
    /// As an app does at its start.
    async fn ask(&mut self, kit: &Kit) {
        let since = self.last;
        for tombstone in kit.tombstones(since).await.as_array().unwrap() {
            let payload = &tombstone["payload"];
            self.data.hear(tombstone["operation"].as_str().unwrap(), payload);
            self.know(payload["eventTimestamp"].as_i64().unwrap());
        }
        let updates = kit.updates(since).await;
        for row in
            ["links", "folders", "tags"].iter().flat_map(|it| updates[*it].as_array().unwrap())
        {
            self.know(row["eventTimestamp"].as_i64().unwrap());
        }
        self.data.update(&updates);
    }

    fn know(&mut self, time: i64) {
        assert!(time <= now() + 4, "{time} is ahead of {}", now());
        self.last = self.last.max(time);
    }
}

#[tokio::test]
async fn whoever_asks_between_writes_of_one_second_misses_none() {
    let kit = Kit::start().await;
    let (mut late, mut whole) = (Late::default(), Late::default());
    kit.make("CREATE_FOLDER", "a", folder("one", None)).await;
    kit.make("CREATE_TAG", "a", json!({ "name": "t" })).await;
    for at in 0..8_i64 {
        let url = format!("https://a.org/{at}");
        kit.make("CREATE_A_NEW_LINK", "a", link(&url, "FOLDER_LINK", Some(1))).await;
        if at % 2 == 0 {
            late.ask(&kit).await;
        }
        if at % 3 == 0 {
            kit.ask("DELETE_A_LINK", "a", json!({ "id": at })).await.json();
            late.ask(&kit).await;
        }
        let title = json!({ "linkId": at + 1, "newTitleOfTheLink": format!("{at}") });
        kit.ask("UPDATE_LINK_TITLE", "a", title).await.json();
    }
    late.ask(&kit).await;
    whole.ask(&kit).await;
    assert_eq!(late.data.rows(), whole.data.rows());
}

/// Who writes without a socket knows the time of its own write, and asks for what came after it.
#[tokio::test]
async fn whoever_writes_without_a_socket_misses_nothing() {
    let kit = Kit::start().await;
    let _ears = kit.listen("other").await;
    let mut writes = Vec::new();
    for _ in 0..3 {
        let mine = kit.ask("CREATE_FOLDER", "deaf", folder("mine", None)).await.json();
        let since = mine["timeStampBasedResponse"]["eventTimestamp"].as_i64().unwrap();
        writes.push((since, kit.make("CREATE_FOLDER", "other", folder("other", None)).await));
    }
    for (since, id) in writes {
        let told = kit.updates(since).await["folders"].clone();
        assert!(told.as_array().unwrap().iter().any(|it| it["id"] == id), "{since}: {told}");
    }
}

/// Folders come parents first, though a parent is younger, and only what changed comes at all.
#[tokio::test]
async fn parents_are_told_before_their_children() {
    let kit = Kit::start().await;
    for name in ["child", "parent", "other"] {
        kit.make("CREATE_FOLDER", "a", folder(name, None)).await;
    }
    let body = json!({
        "folderIds": [1], "linkIds": [], "linkType": "FOLDER_LINK", "newParentFolderId": 2,
    });
    kit.ask("MOVE_EXISTING_ITEMS", "a", body).await.json();
    let folders = kit.updates(0).await["folders"].clone();
    let ids: Vec<&Json> = folders.as_array().unwrap().iter().map(|it| &it["id"]).collect();
    assert_eq!(ids, [&json!(2), &json!(1), &json!(3)]);
}
