//! A worked exchange between two devices and the hub: every answer and every event, nulls included.

use serde_json::{Value as Json, json};

use super::kit::{Kit, correlation};

/// The same, with the hub's time where the exchange has it.
#[track_caller]
fn same(found: &Json, wanted: &Json) {
    assert_eq!(found, wanted);
}

#[tokio::test]
#[allow(clippy::too_many_lines, reason = "one exchange, told in its order")]
async fn a_worked_exchange_goes_as_it_does_with_the_original() {
    let kit = Kit::start().await;
    let empty = json!({
        "links": [], "folders": [], "panels": [], "panelFolders": [], "tags": [], "linkTags": [],
    });
    let test = kit.get("TEST_BEARER").await;
    assert_eq!((test.status, test.text.as_str()), (200, ""));
    same(&kit.updates(0).await, &empty);
    let (mut a, mut b) = (kit.listen("aaaa").await, kit.listen("bbbb").await);

    // A makes a folder.
    let mut request = json!({
        "name": "Reading \u{1f4da}", "note": "", "parentFolderId": null, "isArchived": false,
        "eventTimestamp": super::kit::now() - 1, "correlation": correlation("aaaa"),
        "offlineSyncItemId": 0,
    });
    let made = kit.post("CREATE_FOLDER", &request).await.json();
    let t1 = made["timeStampBasedResponse"]["eventTimestamp"].as_i64().unwrap();
    assert_eq!((&made["id"], &made["correlation"]), (&json!(1), &correlation("aaaa")));
    request.as_object_mut().unwrap().remove("offlineSyncItemId");
    request["id"] = json!(1);
    request["eventTimestamp"] = json!(t1);
    same(&a.hears("CREATE_FOLDER").await, &request);
    same(&b.hears("CREATE_FOLDER").await, &request);

    // A makes a tag and a link with it.
    let tag = kit.ask("CREATE_TAG", "aaaa", json!({ "name": "rust" })).await.json();
    let t2 = tag["timeStampBasedResponse"]["eventTimestamp"].as_i64().unwrap();
    let event = json!({
        "id": 1, "name": "rust", "eventTimestamp": t2, "correlation": correlation("aaaa"),
    });
    same(&a.hears("CREATE_TAG").await, &event);
    same(&b.hears("CREATE_TAG").await, &event);
    let mut link = json!({
        "linkType": "FOLDER_LINK", "title": "The Book",
        "url": "https://doc.rust-lang.org/book/", "baseURL": "doc.rust-lang.org", "imgURL": "",
        "note": "", "idOfLinkedFolder": 1, "userAgent": "Twitterbot/1.0",
        "markedAsImportant": false, "mediaType": "IMAGE",
    });
    let mut request = link.clone();
    request["tags"] = json!([1]);
    request["offlineSyncItemId"] = json!(0);
    let made = kit.ask("CREATE_A_NEW_LINK", "aaaa", request).await.json();
    let t3 = made["timeStampBasedResponse"]["eventTimestamp"].as_i64().unwrap();
    link["id"] = json!(1);
    link["linkTags"] = json!([{ "linkId": 1, "tagId": 1 }]);
    link["eventTimestamp"] = json!(t3);
    let mut event = link.clone();
    event["correlation"] = correlation("aaaa");
    same(&a.hears("CREATE_A_NEW_LINK").await, &event);
    same(&b.hears("CREATE_A_NEW_LINK").await, &event);
    same(&kit.updates(0).await["links"], &json!([link]));

    // A goes offline; a second later B renames the link.
    a.close().await;
    let mut title = kit.ask(
        "UPDATE_LINK_TITLE",
        "bbbb",
        json!({
            "linkId": 1, "newTitleOfTheLink": "The Rust Book",
        }),
    );
    let renamed = loop {
        let answer = title.await.json();
        b.hears("UPDATE_LINK_TITLE").await;
        if answer["eventTimestamp"].as_i64().unwrap() > t3 + 1 {
            break answer;
        }
        title = kit.ask(
            "UPDATE_LINK_TITLE",
            "bbbb",
            json!({
                "linkId": 1, "newTitleOfTheLink": "The Rust Book",
            }),
        );
    };
    let t4 = renamed["eventTimestamp"].as_i64().unwrap();

    // An edit from what A knew is refused, and one from what is there is not.
    let mut old = link.clone();
    old["title"] = json!("Book (old)");
    old["linkTags"] = json!([{ "linkId": 1, "tagId": 1, "eventTimestamp": 0 }]);
    old["eventTimestamp"] = json!(t3);
    let refused = kit.ask("UPDATE_LINK", "aaaa", old.clone()).await;
    assert_eq!(refused.status, 500);
    assert!(refused.kind.starts_with("text/plain"));
    assert!(refused.text.contains("This row already contains the latest data."));
    let row = &kit.updates(0).await["links"][0];
    assert_eq!((&row["title"], &row["eventTimestamp"]), (&json!("The Rust Book"), &json!(t4)));

    // B deletes the folder, and with it what lies in it.
    let deleted = kit.ask("DELETE_FOLDER", "bbbb", json!({ "id": 1 })).await.json();
    let t5 = deleted["eventTimestamp"].as_i64().unwrap();
    let payload = json!({ "id": 1, "correlation": correlation("bbbb"), "eventTimestamp": t5 });
    same(&b.hears("DELETE_FOLDER").await, &payload);

    // A comes back.
    let buried =
        |operation: &str| json!({ "deletedAt": t5, "operation": operation, "payload": payload });
    let both = json!([buried("DELETE_FOLDER"), buried("DELETE_A_FOLDER_FROM_ALL_PANELS")]);
    same(&kit.tombstones(t3).await, &both);
    same(&kit.updates(t3).await, &empty);
    let mut rest = empty;
    rest["tags"] = json!([{ "id": 1, "name": "rust", "eventTimestamp": t2 }]);
    same(&kit.updates(0).await, &rest);
    same(&kit.tombstones(t5).await, &json!([]));
    let next = kit.make("CREATE_FOLDER", "aaaa", super::kit::folder("next", None)).await;
    assert_eq!(next, 2);
}
