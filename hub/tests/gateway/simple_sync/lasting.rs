//! What lasts: restarts after a kill, and backups.

use std::slice::from_ref;

use serde_json::json;

use super::{House, ROOT, event, refuses, root};
use crate::program::Program;

#[tokio::test(flavor = "multi_thread")]
async fn everything_outlives_a_kill() {
    let mut house = House::open().await;
    let bo = house.user("bo").await;
    house.rules(&[["bo", "task.*", "*", "allow"]]).await;
    let pushed = event("bo", "task.1", "edit");
    house.pushed(&bo, from_ref(&pushed)).await;
    let token = house.setup_token(&root(), "bo").await.json()["token"].clone();
    let history = house.history(&bo).await;
    tokio::task::block_in_place(|| house.program.kill_and_restart());
    assert_eq!(house.history(&bo).await, history);
    assert_eq!(house.pushed(&bo, from_ref(&pushed)).await, history);
    house.pushed(&bo, &[event("bo", "task.2", "edit")]).await;
    let denied = event("bo", "other", "edit");
    let answer = house.push(&bo, from_ref(&denied)).await;
    refuses(&answer, 403, "Insufficient permissions", Some(&denied));
    assert_eq!(house.exchange(token.as_str().unwrap()).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_holds_events_users_keys_and_rules() {
    let house = House::open().await;
    let bo = house.user("bo").await;
    house.rules(&[["bo", "task.*", "*", "allow"]]).await;
    house.pushed(&bo, &[event("bo", "task.1", "edit")]).await;
    let history = house.history(&bo).await;
    let cursor = house.call("GET", "/events", Some(&bo.key), "").await;
    let cursor = cursor.header("x-sync-cursor").unwrap().to_owned();
    let folder = tempfile::tempdir().unwrap();
    let backup = folder.path().join("backup");
    house.command(&["backup", backup.to_str().unwrap()]).await;
    house.pushed(&bo, &[event("bo", "task.lost", "edit")]).await;
    let (admin, at) = (house.program.token(), folder.path().join("restored"));
    let start = move || Program::restored(&at, &backup, &admin);
    let program = tokio::task::spawn_blocking(start).await.unwrap();
    let restored = House { program };
    assert_eq!(restored.history(&bo).await, history);
    restored.pushed(&bo, &[event("bo", "task.2", "edit")]).await;
    let root = restored.call("GET", "/events", Some(ROOT), "").await;
    assert_eq!(root.status, 200);
    // The log is another one now.
    let path = format!("/events?since={cursor}");
    let answer = restored.call("GET", &path, Some(&bo.key), "").await;
    refuses(&answer, 410, "Unknown cursor", None);
    assert_eq!(json!(restored.history(&bo).await).as_array().unwrap().len(), history.len() + 1);
}
