//! Every route: its answer, its effect, its event key by key, and what it leaves for those who come
//! later.

use serde_json::{Value as Json, json};

use super::kit::{Ears, Kit, folder, has_exactly, link, now};

const CORRELATED: [&str; 2] = ["eventTimestamp", "correlation"];

/// Asks, and hears one event with exactly these keys and the two that all have.
async fn told(
    kit: &Kit,
    ears: &mut Ears,
    (route, operation): (&str, &str),
    body: Json,
    keys: &[&str],
) -> Json {
    let answer = kit.ask(route, "a", body).await.json();
    let payload = ears.hears(operation).await;
    has_exactly(&payload, &[keys, &CORRELATED].concat());
    has_exactly(&payload["correlation"], &["id", "clientName"]);
    let time = answer.get("timeStampBasedResponse").unwrap_or(&answer)["eventTimestamp"].clone();
    assert_eq!(payload["eventTimestamp"], time);
    payload
}

const FOLDER: [&str; 5] = ["id", "name", "note", "parentFolderId", "isArchived"];
const LINK: [&str; 12] = [
    "id",
    "linkType",
    "title",
    "url",
    "baseURL",
    "imgURL",
    "note",
    "idOfLinkedFolder",
    "userAgent",
    "markedAsImportant",
    "mediaType",
    "linkTags",
];

#[tokio::test]
async fn folders() {
    let kit = Kit::start().await;
    let mut ears = kit.listen("b").await;
    let make = ("CREATE_FOLDER", "CREATE_FOLDER");
    let payload = told(&kit, &mut ears, make, folder("one", None), &FOLDER).await;
    assert_eq!(payload["parentFolderId"], Json::Null);
    told(&kit, &mut ears, make, folder("two", Some(1)), &FOLDER).await;
    let body = json!({
        "id": 2, "name": "zwei", "note": "n", "parentFolderId": 1, "isArchived": false, "x": 1,
    });
    told(&kit, &mut ears, ("UPDATE_FOLDER", "UPDATE_FOLDER"), body, &FOLDER).await;
    for (route, body) in [
        ("UPDATE_FOLDER_NAME", json!({ "folderId": 2, "newFolderName": "deux" })),
        ("UPDATE_FOLDER_NOTE", json!({ "folderId": 2, "newNote": "notes" })),
        ("MARK_FOLDER_AS_ARCHIVE", json!({ "id": 2 })),
        ("DELETE_FOLDER_NOTE", json!({ "id": 2 })),
        ("MARK_AS_REGULAR_FOLDER", json!({ "id": 2 })),
        ("MARK_FOLDERS_AS_ROOT", json!({ "folderIds": [2, 99] })),
    ] {
        let keys: Vec<&str> = body.as_object().unwrap().keys().map(String::as_str).collect();
        let payload = told(&kit, &mut ears, (route, route), body.clone(), &keys).await;
        if route == "MARK_FOLDERS_AS_ROOT" {
            assert_eq!(payload["folderIds"], json!([2]));
        }
    }
    let of = json!({ "id": 1 });
    assert_eq!(kit.ask("GET_CHILD_FOLDERS", "a", of).await.json(), json!([]));
    let roots = kit.get("GET_ROOT_FOLDERS").await.json();
    assert_eq!(roots.as_array().unwrap().len(), 2);
    has_exactly(&roots[1], &[&FOLDER[..], &["eventTimestamp"]].concat());
    assert_eq!((&roots[1]["name"], &roots[1]["note"]), (&json!("deux"), &json!("")));
    let search = |text: &'static str| {
        kit.send(kit.http().post(kit.url("SEARCH_FOR_FOLDERS")).bearer_auth(&kit.token).body(text))
    };
    assert_eq!(search("EU").await.json()[0]["name"], "deux");
    assert_eq!(search("%").await.json(), json!([]));
    assert_eq!(search("  ").await.json(), json!([]));
    // What is empty or unknown is answered, and tells nobody anything.
    for (route, body) in [
        ("MARK_FOLDERS_AS_ROOT", json!({ "folderIds": [] })),
        ("DELETE_FOLDER", json!({ "id": 99 })),
        ("DELETE_FOLDER", json!({ "id": -2 })),
        ("UPDATE_FOLDER_NAME", json!({ "folderId": 99, "newFolderName": "x" })),
    ] {
        has_exactly(&kit.ask(route, "a", body).await.json(), &["eventTimestamp", "message"]);
    }
    told(&kit, &mut ears, make, folder("three", None), &FOLDER).await;
}

#[tokio::test]
async fn links_and_tags() {
    let kit = Kit::start().await;
    let mut ears = kit.listen("b").await;
    kit.make("CREATE_FOLDER", "a", folder("one", None)).await;
    ears.hears("CREATE_FOLDER").await;
    let tag = ("CREATE_TAG", "CREATE_TAG");
    told(&kit, &mut ears, tag, json!({ "name": "t", "x": 1 }), &["id", "name"]).await;
    let make = ("CREATE_A_NEW_LINK", "CREATE_A_NEW_LINK");
    // Without tags, as the browser's extension sends it, and without a title.
    let mut body = link("https://a.org", "SAVED_LINK", Some(1));
    body.as_object_mut().unwrap().remove("tags");
    body["title"] = Json::Null;
    let payload = told(&kit, &mut ears, make, body, &LINK).await;
    assert_eq!((&payload["idOfLinkedFolder"], &payload["title"]), (&json!(-2), &json!("")));
    let mut body = link("https://b.org", "FOLDER_LINK", Some(1));
    body["tags"] = json!([1, 77]);
    let payload = told(&kit, &mut ears, make, body.clone(), &LINK).await;
    assert_eq!(payload["linkTags"], json!([{ "linkId": 2, "tagId": 1 }]));
    body["tags"] = json!([0]);
    assert_eq!(kit.ask("CREATE_A_NEW_LINK", "a", body).await.status, 500);
    for (route, operation, body) in [
        ("UPDATE_LINK_TITLE", "", json!({ "linkId": 2, "newTitleOfTheLink": "T" })),
        ("UPDATE_LINK_NOTE", "", json!({ "linkId": 2, "newNote": "N" })),
        ("ARCHIVE_LINK", "", json!({ "id": 2 })),
        ("UNARCHIVE_LINK", "", json!({ "id": 2 })),
        ("RENAME_TAG", "", json!({ "id": 1, "newName": "tt" })),
        (
            "UPDATE_USER_AGENT",
            "",
            json!({ "linkType": "SAVED_LINK", "linkId": 2, "userAgent": "x" }),
        ),
    ] {
        let keys: Vec<&str> = body.as_object().unwrap().keys().map(String::as_str).collect();
        let operation = if operation.is_empty() { route } else { operation };
        told(&kit, &mut ears, (route, operation), body.clone(), &keys).await;
    }
    // What would make apps add or delete links is told as an update.
    for (route, marked) in [("MARK_AS_IMP", true), ("UNMARK_AS_IMP", false)] {
        let payload =
            told(&kit, &mut ears, (route, "UPDATE_LINK"), json!({ "id": 2 }), &LINK).await;
        assert_eq!(payload["markedAsImportant"], marked);
    }
    let row = &kit.updates(0).await["links"][1];
    assert_eq!((&row["idOfLinkedFolder"], &row["userAgent"]), (&json!(-2), &json!("x")));
    // A page stands in the history once; the older row leaves a tombstone and no event.
    let before = now() - 1;
    for _ in 0..2 {
        told(&kit, &mut ears, make, link("https://h.org", "HISTORY_LINK", None), &LINK).await;
    }
    let gone = kit.tombstones(before).await;
    assert_eq!(
        (&gone[0]["operation"], &gone[0]["payload"]["id"]),
        (&json!("DELETE_A_LINK"), &json!(3))
    );
    assert_eq!(gone.as_array().unwrap().len(), 1);
    let delete = ("DELETE_TAG", "DELETE_TAG");
    told(&kit, &mut ears, delete, json!({ "id": 1 }), &["id"]).await;
    assert_eq!(kit.ask("DELETE_TAG", "a", json!({ "id": 1 })).await.status, 200);
    let many = ("DELETE_DUPLICATE_LINKS", "DELETE_DUPLICATE_LINKS");
    told(&kit, &mut ears, many, json!({ "linkIds": [1, 4, 99] }), &["linkIds"]).await;
    told(&kit, &mut ears, ("DELETE_A_LINK", "DELETE_A_LINK"), json!({ "id": 2 }), &["id"]).await;
    let gone = kit.tombstones(0).await;
    let names: Vec<&str> =
        gone.as_array().unwrap().iter().map(|it| it["operation"].as_str().unwrap()).collect();
    let wanted = ["DELETE_A_LINK", "DELETE_DUPLICATE_LINKS", "DELETE_A_LINK", "DELETE_TAG"];
    assert_eq!(names, wanted);
    for tombstone in gone.as_array().unwrap() {
        has_exactly(tombstone, &["deletedAt", "operation", "payload"]);
        assert_eq!(tombstone["payload"]["eventTimestamp"], tombstone["deletedAt"]);
    }
}

#[tokio::test]
async fn the_app_does_not_move_links_by_editing_them() {
    let kit = Kit::start().await;
    for name in ["one", "two"] {
        kit.make("CREATE_FOLDER", "a", folder(name, None)).await;
    }
    kit.make("CREATE_A_NEW_LINK", "a", link("https://a.org", "FOLDER_LINK", Some(2))).await;
    let mut body = link("https://a.org", "FOLDER_LINK", Some(1));
    body["id"] = json!(1);
    body["eventTimestamp"] = json!(now() + 4);
    body["correlation"] = super::kit::correlation("a");
    let edit = |agent: &'static str, body: Json| {
        let request = kit.http().post(kit.url("UPDATE_LINK")).bearer_auth(&kit.token);
        kit.send(request.header("user-agent", agent).json(&body))
    };
    edit("ktor-client", body.clone()).await.json();
    let place = |updates: Json| updates["links"][0]["idOfLinkedFolder"].clone();
    assert_eq!(place(kit.updates(0).await), json!(2));
    edit("curl", body).await.json();
    assert_eq!(place(kit.updates(0).await), json!(1));
}

#[tokio::test]
async fn panels_and_what_is_done_to_many() {
    let kit = Kit::start().await;
    let mut ears = kit.listen("b").await;
    for name in ["one", "two"] {
        kit.make("CREATE_FOLDER", "a", folder(name, None)).await;
        ears.hears("CREATE_FOLDER").await;
    }
    for at in 0..3 {
        kit.make("CREATE_A_NEW_LINK", "a", link(&format!("https://{at}"), "SAVED_LINK", None))
            .await;
        ears.hears("CREATE_A_NEW_LINK").await;
    }
    let panel = ("ADD_A_NEW_PANEL", "ADD_A_NEW_PANEL");
    told(&kit, &mut ears, panel, json!({ "panelName": "p" }), &["panelId", "panelName"]).await;
    let entry = ["id", "folderId", "panelPosition", "folderName", "connectedPanelId"];
    let add = ("ADD_A_NEW_FOLDER_IN_A_PANEL", "ADD_A_NEW_FOLDER_IN_A_PANEL");
    for folder in [1, 1, 2, 2] {
        let body = json!({
            "folderId": folder, "panelPosition": 0, "folderName": "f", "connectedPanelId": 1,
        });
        told(&kit, &mut ears, add, body, &entry).await;
    }
    let body = json!({ "newName": "q", "panelId": 1 });
    let rename = ("UPDATE_A_PANEL_NAME", "UPDATE_A_PANEL_NAME");
    told(&kit, &mut ears, rename, body, &["newName", "panelId"]).await;
    // A folder's new name is the name of its entries too.
    let body = json!({ "folderId": 2, "newFolderName": "zwei" });
    kit.ask("UPDATE_FOLDER_NAME", "a", body).await.json();
    ears.hears("UPDATE_FOLDER_NAME").await;
    assert_eq!(kit.updates(0).await["panelFolders"][2]["folderName"], "zwei");
    let taken = "DELETE_A_FOLDER_FROM_A_PANEL";
    let body = json!({ "panelId": 1, "folderID": 1 });
    told(&kit, &mut ears, (taken, taken), body, &["panelId", "folderID"]).await;
    // The route whose name no app knows is told entry by entry.
    kit.ask("DELETE_ALL_FOLDERS_FROM_A_PANEL", "a", json!({ "id": 1 })).await.json();
    for _ in 0..2 {
        has_exactly(
            &ears.hears(taken).await,
            &["panelId", "folderID", "eventTimestamp", "correlation"],
        );
    }
    told(&kit, &mut ears, ("DELETE_A_PANEL", "DELETE_A_PANEL"), json!({ "id": 1 }), &["id"]).await;
    for (route, ids) in
        [("ARCHIVE_MULTIPLE_ITEMS", "folderIds"), ("UNARCHIVE_MULTIPLE_ITEMS", "foldersIds")]
    {
        let body = json!({ "linkIds": [1, 99], ids: [1] });
        let payload = told(&kit, &mut ears, (route, route), body, &["linkIds", ids]).await;
        assert_eq!(payload["linkIds"], json!([1]));
        let row = kit.updates(0).await["links"][0]["idOfLinkedFolder"].clone();
        assert_eq!(row, if ids == "folderIds" { json!(-4) } else { json!(-2) });
    }
    let body = json!({
        "folderIds": [2], "linkIds": [1], "linkType": "FOLDER_LINK", "newParentFolderId": 1,
    });
    let moving = ("MOVE_EXISTING_ITEMS", "MOVE_EXISTING_ITEMS");
    let keys = ["folderIds", "linkIds", "linkType", "newParentFolderId"];
    told(&kit, &mut ears, moving, body, &keys).await;
    let forced = kit.get("FORCE_SET_DEFAULT_FOLDER_TO_INTERNAL_IDS").await.json();
    let payload = ears.hears("FORCE_SET_DEFAULT_FOLDER_TO_INTERNAL_IDS").await;
    assert_eq!(payload, forced);
    has_exactly(&payload, &["eventTimestamp", "message"]);
    let body = json!({ "linkIds": [2], "folderIds": [1] });
    let delete = ("DELETE_MULTIPLE_ITEMS", "DELETE_MULTIPLE_ITEMS");
    told(&kit, &mut ears, delete, body, &["linkIds", "folderIds"]).await;
    let left = kit.updates(0).await;
    assert_eq!(left["folders"], json!([]));
    assert_eq!(left["links"].as_array().unwrap().len(), 1);
    let everything = ("DELETE_EVERYTHING", "DELETE_EVERYTHING");
    told(&kit, &mut ears, everything, json!({}), &[]).await;
    assert_eq!(kit.tombstones(0).await, json!([]));
    assert_eq!(kit.make("CREATE_FOLDER", "a", folder("next", None)).await, 3);
}

/// Who is older than some rows of a list changes the others only; who is older than all is refused.
#[tokio::test]
async fn lists_are_judged_row_by_row() {
    let kit = Kit::start().await;
    for name in ["one", "two"] {
        kit.make("CREATE_FOLDER", "a", folder(name, None)).await;
    }
    let at = kit.updates(0).await["folders"][1]["eventTimestamp"].as_i64().unwrap();
    let wait = json!({ "folderId": 1, "newFolderName": "new" });
    while kit.ask("UPDATE_FOLDER_NAME", "a", wait.clone()).await.json()["eventTimestamp"]
        .as_i64()
        .unwrap()
        <= at + 4
    {}
    let body = json!({ "folderIds": [1, 2], "linkIds": [], "eventTimestamp": at });
    kit.ask("ARCHIVE_MULTIPLE_ITEMS", "a", body).await.json();
    let folders = kit.updates(0).await["folders"].clone();
    assert_eq!(
        (&folders[0]["isArchived"], &folders[1]["isArchived"]),
        (&json!(false), &json!(true))
    );
    let body = json!({ "folderIds": [1, 99], "linkIds": [], "eventTimestamp": at });
    let refused = kit.ask("ARCHIVE_MULTIPLE_ITEMS", "a", body).await;
    assert_eq!(refused.status, 500);
}

#[tokio::test]
async fn sockets_are_taken_as_the_app_opens_them() {
    let kit = Kit::start().await;
    for correlation in [None, Some("x"), Some("{\"id\":1,\"clientName\":\"x\"}")] {
        let mut ears = Ears::open(kit.address, &kit.token, correlation).await.unwrap();
        assert_eq!(u16::from(ears.end().await.unwrap().code), 1003, "{correlation:?}");
    }
    let refused = Ears::open(kit.address, "wrong", Some("{}")).await;
    let Err(tokio_tungstenite::tungstenite::Error::Http(answer)) = refused.map(drop) else {
        panic!("a wrong token opens no socket")
    };
    assert_eq!(answer.status(), 401);
    assert_eq!(kit.get("events").await.status, 400);
    // Two sockets of one installation: each hears, also when the other has gone.
    let (old, mut new) = (kit.listen("a").await, kit.listen("a").await);
    old.close().await;
    let noise = vec![7_u8; 1000];
    new.say(tokio_tungstenite::tungstenite::Message::Binary(noise.into())).await;
    kit.make("CREATE_FOLDER", "a", folder("one", None)).await;
    new.hears("CREATE_FOLDER").await;
}

/// Deletions that an installation missed are told when it comes back: not its own, nor of tags.
#[tokio::test]
async fn missed_deletions_are_told_on_return() {
    let kit = Kit::start().await;
    let mut ears = kit.listen("a").await;
    for name in ["one", "two", "three"] {
        kit.make("CREATE_FOLDER", "b", folder(name, None)).await;
        ears.hears("CREATE_FOLDER").await;
    }
    kit.make("CREATE_TAG", "b", json!({ "name": "t" })).await;
    ears.hears("CREATE_TAG").await;
    ears.close().await;
    kit.ask("DELETE_FOLDER", "b", json!({ "id": 1 })).await.json();
    kit.ask("DELETE_FOLDER", "a", json!({ "id": 2 })).await.json();
    kit.ask("DELETE_TAG", "b", json!({ "id": 1 })).await.json();
    let mut ears = kit.listen("a").await;
    assert_eq!(ears.hears("DELETE_FOLDER").await["id"], 1);
    assert_eq!(ears.hears("DELETE_A_FOLDER_FROM_ALL_PANELS").await["id"], 1);
    kit.make("CREATE_FOLDER", "b", folder("four", None)).await;
    ears.hears("CREATE_FOLDER").await;
}

/// What was sent to an installation that did not take it any more is told when it comes back.
#[tokio::test]
async fn what_was_sent_and_not_taken_is_told_on_return() {
    let kit = Kit::start().await;
    let mut ears = kit.listen("a").await;
    for name in ["one", "two", "three"] {
        kit.make("CREATE_FOLDER", "b", folder(name, None)).await;
        ears.hears("CREATE_FOLDER").await;
    }
    // It is sent while the socket is open, and the app has gone to sleep.
    kit.ask("DELETE_FOLDER", "b", json!({ "id": 1 })).await.json();
    ears.close().await;
    let mut ears = kit.listen("a").await;
    kit.make("CREATE_FOLDER", "b", folder("four", None)).await;
    assert_eq!(ears.hears("DELETE_FOLDER").await["id"], 1);
}

/// No app asks for it; what it does is told as a move, which every app takes.
#[tokio::test]
async fn a_link_may_be_moved_alone() {
    let kit = Kit::start().await;
    for name in ["one", "two"] {
        kit.make("CREATE_FOLDER", "b", folder(name, None)).await;
    }
    let made = link("https://a.org", "FOLDER_LINK", Some(1));
    let id = kit.make("CREATE_A_NEW_LINK", "b", made).await;
    let mut ears = kit.listen("a").await;
    let into = |folder: i64, kind: &str| json!({ "linkId": id, "newParentFolderId": folder, "linkType": kind });
    let told = kit.ask("UPDATE_LINKED_FOLDER_ID", "b", into(2, "FOLDER_LINK")).await.json();
    let moved = ears.hears("MOVE_EXISTING_ITEMS").await;
    assert_eq!((&moved["linkIds"], &moved["newParentFolderId"]), (&json!([id]), &json!(2)));
    assert_eq!(ears.hears("UPDATE_LINKED_FOLDER_ID").await["newParentFolderId"], 2);
    let row = kit.updates(0).await["links"][0].clone();
    assert_eq!(
        (&row["idOfLinkedFolder"], &row["eventTimestamp"]),
        (&json!(2), &told["eventTimestamp"])
    );
    // One of another kind is answered and moves nothing; nor does one that is too old, or into
    // what was deleted.
    kit.ask("UPDATE_LINKED_FOLDER_ID", "b", into(1, "SAVED_LINK")).await.json();
    let mut old = into(1, "FOLDER_LINK");
    old["eventTimestamp"] = json!(1);
    assert_eq!(kit.ask("UPDATE_LINKED_FOLDER_ID", "b", old).await.status, 500);
    kit.ask("DELETE_FOLDER", "b", json!({ "id": 1 })).await.json();
    let gone = kit.ask("UPDATE_LINKED_FOLDER_ID", "b", into(1, "FOLDER_LINK")).await;
    assert_eq!(gone.status, 500);
    assert_eq!(kit.updates(0).await["links"][0]["idOfLinkedFolder"], 2);
}

/// The API is served at the root, below its prefix, and with a slash behind each name.
#[tokio::test]
async fn every_base_works() {
    let kit = Kit::start().await;
    for path in ["", "TEST_BEARER", "TEST_BEARER/", "linkora/", "linkora/TEST_BEARER/"] {
        let answer = kit.get(path).await;
        assert_eq!((answer.status, answer.text.as_str()), (200, ""), "{path}");
    }
    kit.make("linkora/CREATE_FOLDER/", "a", folder("one", None)).await;
    let updates = kit.get("linkora/GET_UPDATES/?eventTimestamp=0").await.json();
    assert_eq!(updates["folders"].as_array().unwrap().len(), 1);
    for (path, status) in [("linkora/NOPE", 404), ("linkora/GET_LINKS", 404), ("CREATE_TAG", 405)] {
        assert_eq!(kit.get(path).await.status, status, "{path}");
    }
    for query in ["", "?eventTimestamp=", "?eventTimestamp=x", "?eventTimestamp=1.5"] {
        assert_eq!(kit.get(&format!("GET_UPDATES{query}")).await.status, 400, "{query}");
    }
    assert_eq!(kit.get("GET_UPDATES?eventTimestamp=-1").await.status, 200);
}

#[tokio::test]
async fn pages_of_any_origin_may_ask_with_a_token() {
    let kit = Kit::start().await;
    let asked = kit.http().request(reqwest::Method::OPTIONS, kit.url("CREATE_TAG"));
    let asked = asked
        .header("origin", "https://page.example")
        .header("access-control-request-method", "POST")
        .send()
        .await
        .unwrap();
    assert_eq!(asked.status(), 200);
    let header = |name: &str| asked.headers()[name].to_str().unwrap().to_owned();
    assert_eq!(header("access-control-allow-origin"), "https://page.example");
    assert_eq!(header("access-control-allow-credentials"), "true");
    assert_eq!(header("access-control-allow-headers"), "Content-Type, Authorization");
    let test = kit.http().request(reqwest::Method::OPTIONS, kit.url(""));
    let test = test
        .header("origin", "https://page.example")
        .header("access-control-request-method", "GET")
        .header("access-control-request-headers", "authorization");
    let answer = test.send().await.unwrap();
    assert_eq!(answer.headers()["access-control-allow-headers"], "Content-Type, Authorization");
    let get = kit.http().get(kit.url("TEST_BEARER")).header("origin", "https://page.example");
    let answer = get.send().await.unwrap();
    assert_eq!(answer.status(), 401);
    assert!(answer.headers().contains_key("access-control-allow-origin"));
}
