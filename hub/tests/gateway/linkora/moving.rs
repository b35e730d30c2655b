//! Databases in and out with all that devices know of them, and backups that give no id twice.

use rusqlite::Connection;
use serde_json::{Value as Json, json};

use super::kit::{Kit, folder, link, now};

/// A database as the original writes it, of some rows and a past.
fn original(path: &std::path::Path) {
    let database = Connection::open(path).unwrap();
    let past = now() - 5_000;
    database
        .execute_batch(&format!(
            "CREATE TABLE folders_table (id INTEGER PRIMARY KEY AUTOINCREMENT, last_modified BIGINT, \
             folder_name TEXT, note TEXT, parent_folder_id BIGINT, \
             is_folder_archived BOOLEAN DEFAULT 0);
             CREATE TABLE links_table (id INTEGER PRIMARY KEY AUTOINCREMENT, last_modified BIGINT, \
             link_type TEXT, link_title TEXT, url TEXT, base_url TEXT, img_url TEXT, note TEXT, \
             id_of_linked_folder BIGINT, user_agent TEXT, media_type TEXT, \
             marked_as_important BOOLEAN);
             CREATE TABLE tags (id INTEGER PRIMARY KEY AUTOINCREMENT, last_modified BIGINT, name TEXT);
             CREATE TABLE link_tags (linkId BIGINT, tagId BIGINT, last_modified BIGINT, \
             PRIMARY KEY (linkId, tagId));
             CREATE TABLE panels (id INTEGER PRIMARY KEY AUTOINCREMENT, panel_name TEXT, \
             last_modified BIGINT);
             CREATE TABLE panel_folders (id INTEGER PRIMARY KEY AUTOINCREMENT, folder_id BIGINT, \
             folder_name TEXT, panel_position BIGINT, connected_panel_id BIGINT, \
             last_modified BIGINT);
             CREATE TABLE tombstone (id INTEGER PRIMARY KEY AUTOINCREMENT, deleted_at BIGINT, \
             operation TEXT, payload TEXT);
             INSERT INTO folders_table VALUES (3, {past}, 'Reading', 'n', NULL, 1), \
             (7, {past}, 'Below', '', 3, 0);
             INSERT INTO links_table VALUES (12, {past}, 'FOLDER_LINK', 'T \u{1f4da}', 'https://a.org', \
             'a.org', '', '', 7, NULL, 'VIDEO', 0);
             INSERT INTO tags VALUES (2, {past}, 'rust');
             INSERT INTO link_tags VALUES (12, 2, {past} - 1);
             INSERT INTO panels VALUES (1, 'p', {past});
             INSERT INTO panel_folders VALUES (4, 3, 'Reading', 0, 1, {past});
             INSERT INTO tombstone VALUES (1, {past}, 'DELETE_A_LINK', \
             '{{\"id\":40,\"correlation\":{{\"id\":\"x\",\"clientName\":\"y\"}},\"eventTimestamp\":1}}'), \
             (2, {past}, 'SOMETHING_ELSE', '{{}}');"
        ))
        .unwrap();
}

fn table(path: &std::path::Path, ask: &str) -> Vec<String> {
    let database = Connection::open(path).unwrap();
    let mut statement = database.prepare(ask).unwrap();
    let columns = statement.column_count();
    let rows = statement.query_map([], |row| {
        let cell = |at| row.get::<_, rusqlite::types::Value>(at).map(|it| format!("{it:?}"));
        (0..columns).map(cell).collect::<rusqlite::Result<Vec<String>>>()
    });
    rows.unwrap().map(|row| row.unwrap().join(" ")).collect()
}

#[tokio::test]
async fn a_database_comes_in_and_goes_out_as_it_was() {
    let kit = Kit::start().await;
    original(&kit.file("original.db"));
    kit.command(&["user", "add", "alice"]).await;
    kit.command(&["import-linkora", "original.db", "--user", "alice"]).await;
    kit.command(&["import-linkora", "original.db"]).await;
    let updates = kit.updates(0).await;
    let past = updates["folders"][0]["eventTimestamp"].as_i64().unwrap();
    assert!(past < now() - 4_000);
    let link = &updates["links"][0];
    assert_eq!((&link["id"], &link["idOfLinkedFolder"]), (&json!(12), &json!(7)));
    assert_eq!(link["linkTags"], json!([{ "linkId": 12, "tagId": 2 }]));
    assert_eq!(updates["linkTags"][0]["eventTimestamp"], past - 1);
    let gone = kit.tombstones(0).await;
    let payload = json!({
        "id": 40, "correlation": { "id": "x", "clientName": "y" }, "eventTimestamp": past,
    });
    assert_eq!(
        gone,
        json!([{ "deletedAt": past, "operation": "DELETE_A_LINK", "payload": payload }])
    );
    // A second time nothing is written over; and ids go on above all that ever were.
    let again = kit.http().post(kit.url("hub/v1/gateways/linkora/import")).bearer_auth(&kit.token);
    let again = again.json(&json!({ "tags": [{ "id": 2, "name": "x", "eventTimestamp": 1 }] }));
    assert_eq!(kit.send(again).await.status, 409);
    // And no id is so great that none could follow.
    let last = kit.http().post(kit.url("hub/v1/gateways/linkora/import")).bearer_auth(&kit.token);
    let last = kit.send(last.json(&json!({ "ids": [0, i64::MAX, 0, 0, 0] }))).await;
    assert!((400..500).contains(&last.status), "{last:?}");
    kit.command(&["export-linkora", "out.db"]).await;
    for ask in [
        "SELECT id, last_modified, folder_name, note, parent_folder_id, is_folder_archived \
         FROM folders_table ORDER BY id",
        "SELECT id, last_modified, link_type, link_title, url, base_url, img_url, note, \
         id_of_linked_folder, user_agent, media_type, marked_as_important FROM links_table",
        "SELECT id, last_modified, name FROM tags",
        "SELECT linkId, tagId, last_modified FROM link_tags",
        "SELECT id, panel_name, last_modified FROM panels",
        "SELECT id, folder_id, folder_name, panel_position, connected_panel_id, last_modified \
         FROM panel_folders",
    ] {
        assert_eq!(table(&kit.file("original.db"), ask), table(&kit.file("out.db"), ask), "{ask}");
    }
    let mut body = super::kit::link("https://b.org", "SAVED_LINK", None);
    body["tags"] = json!([2]);
    assert_eq!(kit.make("CREATE_A_NEW_LINK", "a", body).await, 41);
    assert_eq!(kit.make("CREATE_FOLDER", "a", folder("next", None)).await, 8);
}

#[tokio::test]
async fn the_demo_fills_a_data_set_as_an_app_would() {
    let kit = Kit::start().await;
    let mut ears = kit.listen("a").await;
    let line = |title: &str| {
        json!({
            "key": title, "title": title, "url": "https://a.org/x", "folder": "F",
            "note": "n", "tags": ["MIT", title],
        })
        .to_string()
    };
    std::fs::write(kit.file("demo.ndjson"), [line("one"), line("two")].join("\n")).unwrap();
    kit.command(&["demo", "linkora", "demo.ndjson"]).await;
    for operation in ["CREATE_FOLDER", "CREATE_TAG", "CREATE_TAG", "CREATE_A_NEW_LINK"] {
        ears.hears(operation).await;
    }
    let updates = kit.updates(0).await;
    let count = |name: &str| updates[name].as_array().unwrap().len();
    assert_eq!((count("folders"), count("tags"), count("links")), (1, 3, 2));
    assert_eq!(updates["links"][1]["baseURL"], "a.org");
}

/// After a restore no id and no time comes again that may have been handed out since the backup.
#[tokio::test]
async fn a_restored_data_set_gives_no_id_twice() {
    let mut kit = Kit::start().await;
    kit.make("CREATE_FOLDER", "a", folder("one", None)).await;
    kit.command(&["backup", "a.backup"]).await;
    let id = kit.make("CREATE_FOLDER", "a", folder("lost", None)).await;
    let lost = kit.updates(0).await["folders"][1]["eventTimestamp"].as_i64().unwrap();
    kit.kill();
    std::fs::remove_dir_all(kit.data()).unwrap();
    kit.command(&["restore", "a.backup", "--data", "data"]).await;
    kit.restart().await;
    let next = kit.ask("CREATE_FOLDER", "a", folder("new", None)).await.json();
    assert!(next["id"].as_i64().unwrap() > id + 1_000_000, "{next}");
    assert!(next["timeStampBasedResponse"]["eventTimestamp"].as_i64().unwrap() > lost);
    let told: Json = kit.updates(lost).await;
    assert_eq!(told["folders"][0]["name"], "new");
    // What was lost comes back under its id: apps that hold it make no second one.
    let mut ears = kit.listen("a").await;
    let id = format!("id={id}");
    kit.command(&["put", "linkora/admin", "folders", "lost", "name=lost", &id]).await;
    assert_eq!(ears.hears("UPDATE_FOLDER").await["name"], "lost");
    kit.command(&["put", "linkora/admin", "tags", "back", "name=back", "id=1"]).await;
    kit.command(&["put", "linkora/admin", "links", "back", "url=https://a.org", "id=1"]).await;
    assert_eq!(ears.hears("UPDATE_LINK").await["id"], 1);
}

/// A native app that holds what a restored backup has lost gives it back by itself: under the ids
/// that the apps hold it by, and told to them as changes of what they have.
#[tokio::test(flavor = "multi_thread")]
async fn a_replica_gives_back_what_a_restore_has_lost() {
    let mut kit = Kit::start().await;
    kit.make("CREATE_FOLDER", "a", folder("one", None)).await;
    kit.command(&["backup", "a.backup"]).await;
    let lost = kit.make("CREATE_FOLDER", "a", folder("lost", None)).await;
    let within = link("https://lost.org", "FOLDER_LINK", Some(lost));
    let link_id = kit.make("CREATE_A_NEW_LINK", "a", within).await;
    let url = format!("http://{}", kit.address);
    let client = syncline_client::Client::builder(&url, &kit.token).memory().connect().unwrap();
    let space = client.space("linkora/admin").unwrap();
    space.synced().await.unwrap();
    assert_eq!(space.list("folders").len(), 2);
    client.stop();
    kit.kill();
    std::fs::remove_dir_all(kit.data()).unwrap();
    kit.command(&["restore", "a.backup", "--data", "data"]).await;
    kit.restart().await;
    // The first write moves all numbers ahead; a socket that was open then would be closed for it.
    kit.make("CREATE_TAG", "a", json!({ "name": "new" })).await;
    let mut ears = kit.listen("a").await;
    client.start();
    let mut told = Vec::new();
    for _ in 0..2 {
        let event = ears.next().await;
        told.push((event["operation"].clone(), event["payload"]["id"].clone()));
    }
    let expected = [(json!("UPDATE_FOLDER"), json!(lost)), (json!("UPDATE_LINK"), json!(link_id))];
    assert_eq!(told, expected);
    let updates = kit.updates(0).await;
    let ids = |name: &str| {
        let rows = updates[name].as_array().unwrap().iter();
        rows.map(|row| row["id"].as_i64().unwrap()).collect::<Vec<_>>()
    };
    assert_eq!((ids("folders"), ids("links")), (vec![1, lost], vec![link_id]));
    assert_eq!(updates["links"][0]["idOfLinkedFolder"], lost);
    client.close().await.unwrap();
}
