//! Accounts: a token as the README says is enough to begin, and a data set that was dropped begins
//! anew.

use serde_json::json;

use super::kit::{Kit, folder};

async fn as_alice(kit: &mut Kit, role: &str) {
    let order =
        ["token", "create", "--user", "alice", "--space", "linkora/*", "--role", role, "--label"];
    let order: Vec<&str> = order.into_iter().chain(["phone"]).collect();
    kit.token = kit.command(&order).await.trim().to_owned();
}

#[tokio::test]
async fn a_token_as_the_readme_says_is_enough_to_begin() {
    let mut kit = Kit::start().await;
    kit.command(&["user", "add", "alice"]).await;
    let admin = kit.token.clone();
    // Whoever may only read makes nothing.
    as_alice(&mut kit, "reader").await;
    assert_eq!(kit.get("linkora/").await.status, 403);
    kit.token.clone_from(&admin);
    as_alice(&mut kit, "writer").await;
    assert_eq!(kit.get("linkora/").await.status, 200);
    assert_eq!(kit.make("CREATE_FOLDER", "a", folder("one", None)).await, 1);
    // It is alice's own, and the token makes no other.
    let url = kit.url("hub/v1/spaces");
    let other = kit.http().post(url).bearer_auth(&kit.token);
    let other = kit.send(other.json(&json!({ "name": "alice/other" }))).await;
    assert_eq!(other.status, 403, "{other:?}");
    kit.token = admin;
    let all = kit.command(&["space", "list"]).await;
    assert!(all.contains("linkora/alice"), "{all}");
}

#[tokio::test]
async fn a_data_set_that_was_dropped_begins_anew() {
    let mut kit = Kit::start().await;
    kit.command(&["user", "add", "alice"]).await;
    let admin = kit.token.clone();
    as_alice(&mut kit, "writer").await;
    let alice = kit.token.clone();
    kit.make("CREATE_FOLDER", "a", folder("one", None)).await;
    kit.token.clone_from(&admin);
    kit.command(&["space", "delete", "linkora/alice"]).await;
    kit.token = alice;
    assert_eq!(kit.updates(0).await["folders"], json!([]));
    assert_eq!(kit.make("CREATE_FOLDER", "a", folder("one", None)).await, 1);
}
