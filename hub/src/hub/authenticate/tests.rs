//! Guesses that come together, and crowds that wait: while every turn is taken nothing can be
//! checked, so that what is answered all the same was answered without a check.

use std::time::Duration;

use futures_util::stream::FuturesUnordered;
use futures_util::{FutureExt as _, StreamExt as _};
use tokio::time::timeout;

use super::super::hashing::WAITING_MAX;
use super::*;
use crate::access::directory::collection;
use crate::access::password;
use crate::config::Config;
use crate::engine::admin::system_put;
use crate::hub::Threads;
use crate::store::Store;

/// Whoever is asked to answer at once gets a deadline that only a hang misses.
const AT_ONCE: Duration = Duration::from_secs(30);
const GUESSES_A_MINUTE: u32 = 5;

async fn house() -> (Hub, Threads) {
    let store = Store::in_memory(16 << 20).unwrap();
    let mut config = Config::default();
    config.limits.failed_logins_per_minute = GUESSES_A_MINUTE;
    let (hub, threads) = Hub::start(config, store, vec![]).unwrap();
    hub.bootstrap().await.unwrap();
    let password = Some("right secret".to_owned());
    hub.add_user(&Principal::hub(), "alice", false, password).await.unwrap();
    (hub, threads)
}

fn home(number: usize) -> IpAddr {
    IpAddr::from([10, 0, u8::try_from(number / 250).unwrap(), u8::try_from(number % 250).unwrap()])
}

async fn show(hub: &Hub, secret: &str, from: IpAddr) -> Result<Principal, Code> {
    let shown = hub.authenticate(Realm::Password, "alice", secret, from).await;
    shown.map_err(|reject| reject.code)
}

#[tokio::test(flavor = "multi_thread")]
async fn guesses_sent_together_are_no_more_than_guesses_sent_one_by_one() {
    let (hub, threads) = house().await;
    let all = hub.inner.hashing.all_turns().await;
    let secrets: Vec<String> = (0..40).map(|at| format!("wrong secret {at}")).collect();
    let mut shown: FuturesUnordered<_> =
        secrets.iter().map(|secret| show(&hub, secret, home(0))).collect();
    let allowed = usize::try_from(GUESSES_A_MINUTE).unwrap();
    for _ in allowed..secrets.len() {
        let answer = timeout(AT_ONCE, shown.next()).await.expect("it waits for a check");
        assert_eq!(answer, Some(Err(Code::RateLimited)));
    }
    // Not even the right one is checked any more; from elsewhere it is.
    assert_eq!(show(&hub, "right secret", home(0)).await, Err(Code::RateLimited));
    drop(all);
    let checked: Vec<_> = shown.by_ref().collect().await;
    assert_eq!(checked, vec![Err(Code::Unauthorized); allowed]);
    assert!(show(&hub, "right secret", home(1)).await.is_ok());
    // Seen once, it is recognised where the guesses come from, too.
    assert!(show(&hub, "right secret", home(0)).await.is_ok());
    drop(shown);
    threads.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_right_secret_takes_no_guess_away() {
    let (hub, threads) = house().await;
    for _ in 0..3 * GUESSES_A_MINUTE {
        hub.recognised().forget("alice");
        assert!(show(&hub, "right secret", home(0)).await.is_ok());
    }
    threads.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crowd_is_told_to_come_again_and_whoever_is_known_passes() {
    let (hub, threads) = house().await;
    assert!(show(&hub, "right secret", home(1000)).await.is_ok());
    let all = hub.inner.hashing.all_turns().await;
    let mut crowd: FuturesUnordered<_> =
        (0..WAITING_MAX + 10).map(|at| show(&hub, "wrong secret", home(at))).collect();
    for _ in 0..10 {
        let answer = timeout(AT_ONCE, crowd.next()).await.expect("it waits for a turn");
        assert_eq!(answer, Some(Err(Code::Busy)));
    }
    let known = timeout(AT_ONCE, show(&hub, "right secret", home(0))).await;
    assert!(known.expect("it waits for a turn").is_ok());
    drop(all);
    let checked: Vec<_> = crowd.by_ref().collect().await;
    assert_eq!(checked, vec![Err(Code::Unauthorized); WAITING_MAX]);
    // Whoever was sent away may come again: nothing was counted.
    let again = show(&hub, "wrong secret", home(WAITING_MAX)).await;
    assert_eq!(again, Err(Code::Unauthorized));
    drop(crowd);
    threads.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_password_that_was_replaced_while_it_was_checked_is_wrong() {
    let (hub, threads) = house().await;
    let all = hub.inner.hashing.all_turns().await;
    let mut checking = Box::pin(show(&hub, "right secret", home(0)));
    // It has looked the password up, and waits for its turn.
    assert!((&mut checking).now_or_never().is_none());
    let phc = password::hash(b"other secret", [1; 16]);
    let new = system_put(collection::CREDENTIALS, "password:alice", &[("phc", (&*phc).into())]);
    hub.write_system(vec![new], Vec::new(), wrong).await.unwrap();
    drop(all);
    assert_eq!(checking.await, Err(Code::Unauthorized));
    assert!(show(&hub, "other secret", home(0)).await.is_ok());
    threads.stop();
}
