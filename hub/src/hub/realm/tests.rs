//! Secrets that change while one of them is being checked.

use std::time::Duration;

use super::*;
use crate::access::password;
use crate::config::Config;
use crate::store::Store;

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_that_was_replaced_while_it_was_checked_is_wrong() {
    let store = Store::in_memory(16 << 20).unwrap();
    let (hub, threads) = Hub::start(Config::default(), store, vec![]).unwrap();
    hub.bootstrap().await.unwrap();
    hub.register_account("realm", "alice", "old", Registering::Open).await.unwrap();
    // As after a start: what is recognised is checked at once.
    hub.recognised().forget("alice");
    let all = hub.inner.hashing.all_turns().await;
    let checking = {
        let hub = hub.clone();
        tokio::spawn(async move { hub.check_secret("realm", "alice", "old").await })
    };
    // It has looked, and waits for its turn.
    tokio::time::sleep(Duration::from_millis(100)).await;
    let new = put_own("realm", "alice", &password::hash(b"new", [1; 16]));
    hub.write_system(new.into(), Vec::new(), no_longer).await.unwrap();
    drop(all);
    let checked = checking.await.unwrap();
    assert!(matches!(checked, Checked::Wrong), "{checked:?}");
    let checked = hub.check_secret("realm", "alice", "new").await;
    assert!(matches!(checked, Checked::Good(_)), "{checked:?}");
    threads.stop();
}
