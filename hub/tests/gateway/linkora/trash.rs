//! The trash: what an app deletes can be had back by other ways, under a new id, and no app is told
//! of what was kept.

use serde_json::{Value as Json, json};

use super::kit::{Kit, folder, link};

const SPACE: &str = "hub/v1/spaces/linkora%2Fadmin";

async fn native(kit: &Kit, path: &str) -> Json {
    kit.send(kit.http().get(kit.url(path)).bearer_auth(&kit.token)).await.json()
}

/// What lies in the trash, oldest first.
async fn trash(kit: &Kit) -> Vec<Json> {
    let all = native(kit, &format!("{SPACE}/collections/trash/records")).await;
    let all = all["items"].as_array().unwrap().iter();
    all.map(|item| item["fields"].clone()).collect()
}

#[tokio::test]
async fn what_an_app_deletes_comes_back_under_a_new_id() {
    let kit = Kit::start().await;
    let mut ears = kit.listen("a").await;
    kit.make("CREATE_FOLDER", "a", folder("Reading", None)).await;
    let mut book = link("https://doc.rust-lang.org/book/", "FOLDER_LINK", Some(1));
    book["title"] = json!("The Book");
    assert_eq!(kit.make("CREATE_A_NEW_LINK", "a", book).await, 1);
    kit.ask("DELETE_FOLDER", "a", json!({ "id": 1 })).await.json();
    for operation in ["CREATE_FOLDER", "CREATE_A_NEW_LINK", "DELETE_FOLDER"] {
        ears.hears(operation).await;
    }

    let kept = trash(&kit).await;
    let of = |table: &str| kept.iter().find(|it| it["table"] == table).unwrap()["row"].clone();
    assert_eq!(of("folders")["name"], "Reading");
    assert_eq!((&of("links")["title"], &of("links")["folder"]), (&json!("The Book"), &json!(1)));
    assert_eq!(kit.updates(0).await["links"], json!([]));

    // What only the rule gives may come along, and counts for nothing.
    let (mut folder, mut link) = (of("folders"), of("links"));
    link["folder"] = json!("again");
    folder["note"] = json!("back");
    let writes = json!([
        { "op": "put", "collection": "links", "key": "book", "fields": link },
        { "op": "put", "collection": "folders", "key": "again", "fields": folder },
    ]);
    let push = kit.http().post(kit.url(&format!("{SPACE}/push"))).bearer_auth(&kit.token);
    kit.send(push.json(&json!({ "writes": writes }))).await.json();
    assert_eq!(ears.hears("CREATE_FOLDER").await["id"], 2);
    let made = ears.hears("CREATE_A_NEW_LINK").await;
    assert_eq!((&made["id"], &made["idOfLinkedFolder"]), (&json!(2), &json!(2)));
}

#[tokio::test]
async fn a_deleted_tag_knows_its_links() {
    let kit = Kit::start().await;
    kit.make("CREATE_TAG", "a", json!({ "name": "rust" })).await;
    kit.make("CREATE_TAG", "a", json!({ "name": "unused" })).await;
    for at in 0..3 {
        let mut tagged = link(&format!("https://a.org/{at}"), "SAVED_LINK", None);
        tagged["tags"] = if at == 1 { json!([]) } else { json!([1]) };
        kit.make("CREATE_A_NEW_LINK", "a", tagged).await;
    }
    kit.ask("DELETE_TAG", "a", json!({ "id": 1 })).await.json();
    kit.command(&["delete", "linkora/admin", "tags", "000000000002"]).await;
    let kept = trash(&kit).await;
    assert_eq!((&kept[0]["row"]["name"], &kept[0]["links"]), (&json!("rust"), &json!([1, 3])));
    assert_eq!((&kept[1]["row"]["name"], &kept[1]["links"]), (&json!("unused"), &Json::Null));
}

/// An app that opens a page again moves it to the top of its history: nothing was deleted.
#[tokio::test]
async fn the_history_fills_no_trash() {
    let kit = Kit::start().await;
    for id in 1..=3 {
        let visit = link("https://a.org", "HISTORY_LINK", None);
        assert_eq!(kit.make("CREATE_A_NEW_LINK", "a", visit).await, id);
    }
    assert_eq!(kit.tombstones(0).await.as_array().unwrap().len(), 2);
    let collections = native(&kit, &format!("{SPACE}/collections")).await;
    assert!(!collections.to_string().contains("trash"), "{collections}");
}

#[tokio::test]
async fn a_person_can_begin_before_an_app_does() {
    let kit = Kit::start_with(&[("SYNCLINE_GATEWAYS__LINKORA__HOSTS", "bookmarks.example")]).await;
    let path = "hub/v1/gateways/linkora";
    let before = native(&kit, path).await;
    assert_eq!((&before["enabled"], &before["exists"]), (&json!(true), &json!(false)));
    assert_eq!(before["certificate"], "/linkora.cer");
    assert_eq!(before["hosts"], json!(["bookmarks.example"]));
    for _ in 0..2 {
        let begun = kit.send(kit.http().post(kit.url(path)).bearer_auth(&kit.token)).await;
        assert_eq!(begun.status, 200, "{begun:?}");
    }
    assert_eq!(native(&kit, path).await["exists"], true);
    // Another's is an admin's to begin.
    kit.command(&["user", "add", "alice"]).await;
    let alices = kit.url(&format!("{path}?user=alice"));
    assert_eq!(kit.send(kit.http().post(&alices).bearer_auth(&kit.token)).await.status, 200);
    kit.command(&["user", "add", "bob"]).await;
    let token = kit.command(&["token", "create", "--user", "bob", "--label", "x"]).await;
    let asked = kit.send(kit.http().post(&alices).bearer_auth(token.trim())).await;
    assert!((400..500).contains(&asked.status), "{asked:?}");
    let mine = kit.send(kit.http().post(kit.url(path)).bearer_auth(token.trim())).await;
    assert_eq!(mine.status, 200, "{mine:?}");
}
