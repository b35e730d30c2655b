//! Bookmarks by other ways: what the command and native apps write reaches the app's socket in a
//! form that the app accepts, and what the app writes reaches them.

use std::collections::BTreeSet;

use serde_json::{Value as Json, json};

use super::kit::{Kit, folder, has_exactly, link};

const SPACE: &str = "linkora/admin";

#[tokio::test]
async fn what_the_command_writes_reaches_the_app_and_the_other_way_round() {
    let kit = Kit::start().await;
    let mut ears = kit.listen("a").await;
    let put = |arguments: &'static [&'static str]| {
        let all: Vec<&str> = ["put", SPACE].iter().chain(arguments).copied().collect();
        let kit = &kit;
        async move { kit.command(&all).await }
    };
    put(&["folders", "reading", "name=Reading"]).await;
    let made = ears.hears("CREATE_FOLDER").await;
    assert_eq!((&made["id"], &made["correlation"]["id"]), (&json!(1), &json!("syncline-hub")));
    put(&["tags", "rust", "name=rust"]).await;
    ears.hears("CREATE_TAG").await;
    let fields = ["links", "book", "url=https://doc.rust-lang.org/book/", "title=The Book"];
    let fields: Vec<&str> =
        fields.iter().copied().chain(["folder=reading", "tags=[\"rust\"]"]).collect();
    let all: Vec<&str> = ["put", SPACE].into_iter().chain(fields).collect();
    kit.command(&all).await;
    let made = ears.hears("CREATE_A_NEW_LINK").await;
    let keys = [
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
        "correlation",
        "linkTags",
        "eventTimestamp",
    ];
    has_exactly(&made, &keys);
    assert_eq!((&made["linkType"], &made["idOfLinkedFolder"]), (&json!("FOLDER_LINK"), &json!(1)));
    assert_eq!(
        (&made["baseURL"], &made["linkTags"][0]["tagId"]),
        (&json!("doc.rust-lang.org"), &json!(1))
    );
    // Changes are told as narrowly as can be.
    put(&["links", "book", "title=The Rust Book"]).await;
    assert_eq!(ears.hears("UPDATE_LINK_TITLE").await["newTitleOfTheLink"], "The Rust Book");
    put(&["links", "book", "note=read me"]).await;
    ears.hears("UPDATE_LINK_NOTE").await;
    put(&["links", "book", "type=ARCHIVE_LINK"]).await;
    ears.hears("ARCHIVE_LINK").await;
    put(&["folders", "reading", "name=Read"]).await;
    assert_eq!(ears.hears("UPDATE_FOLDER").await["name"], "Read");
    // The app's own are there under ids, and what it changes shows.
    kit.make("CREATE_A_NEW_LINK", "a", link("https://a.org", "FOLDER_LINK", Some(1))).await;
    ears.hears("CREATE_A_NEW_LINK").await;
    kit.tail_until(SPACE, "https://a.org").await;
    // A folder that goes takes its links along, whoever deletes it.
    kit.command(&["delete", SPACE, "folders", "reading"]).await;
    assert_eq!(ears.hears("DELETE_FOLDER").await["id"], 1);
    let left = kit.updates(0).await;
    assert_eq!(left["folders"], json!([]));
    assert_eq!(left["links"].as_array().unwrap().len(), 1, "{left}");
    let gone = kit.tombstones(0).await;
    assert_eq!(gone[0]["operation"], "DELETE_FOLDER");
    kit.command(&["delete", SPACE, "tags", "rust"]).await;
    ears.hears("DELETE_TAG").await;
    assert_eq!(kit.updates(0).await["links"][0]["linkTags"], json!([]));
}

/// Through the hub's own HTTP API: what the gateway keeps for itself cannot be written, and what
/// the app could not bear is refused whole.
#[tokio::test]
async fn what_the_app_could_not_bear_is_refused() {
    let kit = Kit::start().await;
    kit.make("CREATE_FOLDER", "a", folder("one", None)).await;
    let push = |writes: Json| {
        let url = kit.url("hub/v1/spaces/linkora%2Fadmin/push");
        let request = kit.http().post(url).bearer_auth(&kit.token);
        kit.send(request.json(&json!({ "writes": writes })))
    };
    let put = |collection: &str, key: &str, fields: Json| {
        let (op, of) = ("put", collection);
        json!({ "op": op, "collection": of, "key": key, "fields": fields })
    };
    for writes in [
        json!([put("links", "x", json!({ "title": "no address" }))]),
        json!([put("links", "x", json!({ "url": 5 }))]),
        json!([put("links", "x", json!({ "url": "u", "type": "MY_LINK" }))]),
        json!([put("links", "x", json!({ "url": "u", "folder": 77 }))]),
        json!([put("links", "x", json!({ "url": "u", "folder": "nowhere" }))]),
        json!([put("folders", "000000000001", json!({ "parent": 1 }))]),
        json!([
            put("folders", "p", json!({ "name": "p", "parent": "q" })),
            put("folders", "q", json!({ "name": "q", "parent": "p" })),
        ]),
        json!([put("events", "0001", json!({ "n": 2, "event": "{}" }))]),
        json!([put("state", "head", json!({ "time": 0 }))]),
        json!([put("tombstones", "x", json!({ "deleted_at": 1 }))]),
    ] {
        let answer = push(writes.clone()).await;
        assert!((400..500).contains(&answer.status), "{writes}: {answer:?}");
    }
    assert_eq!(kit.updates(0).await["links"], json!([]));
    // Ids and times are the gateway's to give, and a push of several rows comes in a good order.
    let mut ears = kit.listen("a").await;
    let answer = push(json!([
        put("links", "l", json!({ "url": "u", "folder": "child", "id": 99, "sync": 5 })),
        put("folders", "child", json!({ "name": "child", "parent": "top" })),
        put("folders", "top", json!({ "name": "top" })),
    ]));
    assert_eq!(answer.await.status, 200);
    assert_eq!(ears.hears("CREATE_FOLDER").await["name"], "top");
    assert_eq!(ears.hears("CREATE_FOLDER").await["name"], "child");
    let made = ears.hears("CREATE_A_NEW_LINK").await;
    assert_eq!(made["id"], 1);
    assert!(made["eventTimestamp"].as_i64().unwrap() > 5);
}

/// Two apps and a native writer at once: every id once, every event once, in one order for all.
#[tokio::test(flavor = "multi_thread")]
async fn writers_at_once_get_ids_of_their_own_and_one_order() {
    const EACH: usize = 40;
    let kit = Kit::start().await;
    let (mut one, mut two) = (kit.listen("one").await, kit.listen("two").await);
    let create = |from: &'static str| {
        let kit = &kit;
        async move {
            let mut ids = Vec::new();
            for at in 0..EACH {
                let body = link(&format!("https://{from}/{at}"), "SAVED_LINK", None);
                ids.push(kit.make("CREATE_A_NEW_LINK", from, body).await);
            }
            ids
        }
    };
    let native = async {
        for at in 0..EACH {
            let url =
                kit.url(&format!("hub/v1/spaces/linkora%2Fadmin/collections/links/records/n{at}"));
            let body = json!({ "fields": { "url": format!("https://native/{at}") } });
            let put = kit.http().put(url).bearer_auth(&kit.token).json(&body);
            assert_eq!(kit.send(put).await.status / 100, 2);
        }
    };
    let (a, b, ()) = tokio::join!(create("one"), create("two"), native);
    let mut heard = BTreeSet::new();
    for _ in 0..3 * EACH {
        let event = one.next().await;
        assert_eq!(event, two.next().await);
        assert!(heard.insert(event["payload"]["id"].as_i64().unwrap()), "{event}");
    }
    let answered: BTreeSet<i64> = a.into_iter().chain(b).collect();
    assert_eq!(answered.len(), 2 * EACH);
    assert!(answered.is_subset(&heard) && heard.len() == 3 * EACH);
}

/// A link that is made while its folder is deleted goes with it, in whichever order they come.
#[tokio::test(flavor = "multi_thread")]
async fn a_link_made_while_its_folder_goes_does_not_stay_behind() {
    let kit = Kit::start().await;
    for at in 1..=10_i64 {
        kit.make("CREATE_FOLDER", "a", folder("one", None)).await;
        let make =
            kit.ask("CREATE_A_NEW_LINK", "a", link("https://a.org", "FOLDER_LINK", Some(at)));
        let delete = kit.ask("DELETE_FOLDER", "b", json!({ "id": at }));
        let (made, deleted) = tokio::join!(make, delete);
        assert_eq!((made.json()["id"].as_i64(), deleted.status), (Some(at), 200));
    }
    let updates = kit.updates(0).await;
    assert_eq!((&updates["links"], &updates["folders"]), (&json!([]), &json!([])));
    // And so does what comes long after.
    let made =
        kit.ask("CREATE_A_NEW_LINK", "a", link("https://a.org", "FOLDER_LINK", Some(1))).await;
    assert_eq!(made.json()["id"], 11);
    assert_eq!(kit.updates(0).await["links"], json!([]));
}
