//! What apps send twice: creates whose answer was lost, and copies, which they send for ever.

use serde_json::{Value as Json, json};

use super::kit::{Kit, folder, link, now};

#[tokio::test]
async fn a_create_is_made_once_however_it_comes_again() {
    let kit = Kit::start().await;
    let mut ears = kit.listen("b").await;
    let body = |queued: i64, at: i64| {
        let mut body = folder("one", None);
        body["offlineSyncItemId"] = json!(queued);
        body["eventTimestamp"] = json!(at);
        body
    };
    let at = now();
    let first = kit.ask("CREATE_FOLDER", "a", body(0, at)).await.json();
    ears.hears("CREATE_FOLDER").await;
    // The same from the queue; and the same again.
    assert_eq!(kit.ask("CREATE_FOLDER", "a", body(5, at)).await.json(), first);
    assert_eq!(kit.ask("CREATE_FOLDER", "a", body(6, at)).await.json(), first);
    // Two taps are two folders, and so are another time, another sender, another content.
    assert_eq!(kit.make("CREATE_FOLDER", "a", body(0, at)).await, 2);
    assert_eq!(kit.make("CREATE_FOLDER", "a", body(7, at + 1)).await, 3);
    assert_eq!(kit.make("CREATE_FOLDER", "b", body(7, at)).await, 4);
    assert_eq!(kit.make("CREATE_FOLDER", "a", body(7, at + 1)).await, 3);
    assert_eq!(kit.make("CREATE_FOLDER", "a", body(8, at + 1)).await, 5);
    for id in 2..=5 {
        assert_eq!(ears.hears("CREATE_FOLDER").await["id"], id);
    }
    kit.make("CREATE_TAG", "a", json!({ "name": "end" })).await;
    ears.hears("CREATE_TAG").await;
    assert_eq!(kit.updates(0).await["folders"].as_array().unwrap().len(), 5);
}

fn reference(local: i64, parent: i64, source: i64, root: bool) -> Json {
    json!({
        "newlyCopiedLocalId": local, "parentOfNewlyCopiedLocalId": parent,
        "sourceRemoteId": source, "sourceRemoteParentId": -45454,
        "isRootFolderForTheDestination": root,
    })
}

async fn tree(kit: &Kit) {
    kit.make("CREATE_FOLDER", "a", folder("target", None)).await;
    kit.make("CREATE_FOLDER", "a", folder("source", None)).await;
    kit.make("CREATE_FOLDER", "a", folder("below", Some(2))).await;
    kit.make("CREATE_TAG", "a", json!({ "name": "t" })).await;
    let mut tagged = link("https://a.org", "FOLDER_LINK", Some(3));
    tagged["tags"] = json!([1]);
    kit.make("CREATE_A_NEW_LINK", "a", tagged).await;
}

#[tokio::test]
async fn a_copy_is_answered_with_the_new_ids_and_made_once() {
    let kit = Kit::start().await;
    tree(&kit).await;
    let mut ears = kit.listen("b").await;
    let body = json!({
        "folders": [
            { "currentFolder": reference(40, -45454, 2, true), "links": [] },
            { "currentFolder": reference(41, 40, 3, false),
              "links": [reference(70, -45454, 1, false), reference(71, -45454, 99, false)] },
        ],
        "linkIds": { "76": 1, "77": -45454 }, "linkType": "FOLDER_LINK", "newParentFolderId": 1,
        "eventTimestamp": now(),
    });
    let answer = kit.ask("COPY_EXISTING_ITEMS", "a", body.clone()).await.json();
    assert_eq!(answer["linkIds"], json!({ "76": 2 }));
    let copied = |local, parent, id, root| {
        let mut copied = reference(local, parent, id, root);
        copied["sourceRemoteId"] = json!(id);
        copied
    };
    let folders = json!([
        { "currentFolder": copied(40, -45454, 4, true), "links": [] },
        { "currentFolder": copied(41, 40, 5, false), "links": [copied(70, -45454, 3, false)] },
    ]);
    assert_eq!(answer["folders"], folders);
    let payload = ears.hears("COPY_EXISTING_ITEMS").await;
    super::kit::has_exactly(&payload, &["eventTimestamp", "correlation"]);
    // Whoever hears of it finds the copies by asking from the second before.
    let time = payload["eventTimestamp"].as_i64().unwrap();
    let updates = kit.updates(time - 1).await;
    let copies: Vec<&Json> = updates["folders"].as_array().unwrap().iter().collect();
    let copy = copies.iter().find(|it| it["id"] == 5).unwrap();
    assert_eq!(copy["parentFolderId"], 4);
    let links = updates["links"].as_array().unwrap();
    let link = links.iter().find(|it| it["id"] == 3).unwrap();
    assert_eq!(link["linkTags"], json!([{ "linkId": 3, "tagId": 1 }]));
    for _ in 0..3 {
        assert_eq!(kit.ask("COPY_EXISTING_ITEMS", "a", body.clone()).await.json(), answer);
    }
    kit.make("CREATE_TAG", "a", json!({ "name": "end" })).await;
    ears.hears("CREATE_TAG").await;
    // One unknown folder, and nothing of a copy is made.
    let mut body = body;
    body["folders"][1]["currentFolder"]["sourceRemoteId"] = json!(99);
    assert_eq!(kit.ask("COPY_EXISTING_ITEMS", "a", body).await.status, 500);
    assert_eq!(kit.updates(0).await["folders"].as_array().unwrap().len(), 5);
}

#[tokio::test]
async fn the_older_form_of_a_copy_is_answered_in_kind() {
    let kit = Kit::start().await;
    tree(&kit).await;
    let of = |local: i64, remote: i64| json!({ "localId": local, "remoteId": remote });
    let body = json!({
        "folders": [{
            "currentFolder": of(40, 2), "links": [],
            "childFolders": [
                { "currentFolder": of(41, 3), "links": [of(70, 1)], "childFolders": [] },
            ],
        }],
        "linkIds": {}, "linkType": "FOLDER_LINK", "newParentFolderId": 1,
    });
    let answer = kit.ask("COPY_EXISTING_ITEMS", "a", body).await.json();
    let folders = json!([
        { "currentFolder": of(40, 4), "links": [] },
        { "currentFolder": of(41, 5), "links": [of(70, 2)] },
    ]);
    assert_eq!(answer["folders"], folders);
    let rows = kit.updates(0).await["folders"].clone();
    assert_eq!((&rows[3]["parentFolderId"], &rows[4]["parentFolderId"]), (&json!(1), &json!(4)));
}

/// The second that is going on may still bring changes: an answer that names it would have the app
/// never ask for them.
#[tokio::test]
async fn what_changes_nothing_is_answered_with_a_second_that_is_over() {
    let kit = Kit::start().await;
    for _ in 0..2 {
        let before = now();
        let answer = kit.ask("DELETE_FOLDER", "a", json!({ "id": 99 })).await.json();
        let time = answer["eventTimestamp"].as_i64().unwrap();
        assert!((0..before).contains(&time), "{answer}");
        kit.make("CREATE_FOLDER", "a", folder("one", None)).await;
    }
}
