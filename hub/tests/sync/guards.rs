//! Guards: of many who race exactly one wins, and the winner learns it even if the ack was lost.

use super::harness::TestHub;
use super::raw::{RawClient, change};
use syncline_protocol::{ClientFrame, Code, Condition, Guard, Push};

fn absent(client: &mut RawClient, space: &syncline_protocol::SpaceName, key: &str) -> Push {
    let mut push = client.put(space, key, "mine");
    let change = change(key, "");
    let (collection, key) = (change.collection, change.key);
    push.guards = vec![Guard { collection, key, condition: Condition::Absent }];
    push
}

#[tokio::test(flavor = "multi_thread")]
async fn of_64_who_race_one_wins_and_63_hear_guard_failed() {
    let hub = TestHub::plain().await;
    let space = hub.space("race").await;
    let mut racers = Vec::new();
    for _ in 0..64 {
        racers.push(hub.client().await);
    }
    let races = racers.into_iter().map(|mut racer| {
        let space = space.clone();
        tokio::spawn(async move {
            let push = absent(&mut racer, &space, "prize");
            racer.push(push).await
        })
    });
    let (mut won, mut lost) = (0, 0);
    for race in races.collect::<Vec<_>>() {
        match race.await.unwrap() {
            Ok(_) => won += 1,
            Err(reject) => {
                assert_eq!(reject.code, Code::GuardFailed);
                lost += 1;
            }
        }
    }
    assert_eq!((won, lost), (1, 63));
    hub.stop().await;
}

/// Cuts the connection right after a guarded push was sent, comes back as the same replica, and
/// repeats the push: the recorded answer says that it won.
#[tokio::test(flavor = "multi_thread")]
async fn a_winner_whose_ack_was_lost_still_learns_that_it_won() {
    let hub = TestHub::plain().await;
    let space = hub.space("race").await;
    let rounds = std::env::var("SYNCLINE_TEST_CUTS").ok().and_then(|it| it.parse().ok());
    let mut watcher = hub.client().await;
    watcher.subscribe(&space, syncline_protocol::Filter::default()).await;
    for round in 0..rounds.unwrap_or(1000) {
        let key = format!("prize-{round}");
        let mut winner = hub.client().await;
        let push = absent(&mut winner, &space, &key);
        winner.send(&ClientFrame::Push(push.clone())).await;
        // The commit is known to have happened, and the ack is never read.
        watcher.hears_of(&key).await;
        let replica = winner.replica;
        drop(winner);
        let mut again = RawClient::open(hub.address).await;
        again.replica = replica;
        again.hello_with(&hub.admin, vec![push.id]).await.unwrap();
        again.push(push.clone()).await.expect("the winner learns that it won");
        let mut loser = hub.client().await;
        let late = absent(&mut loser, &space, &key);
        assert_eq!(loser.push(late).await.unwrap_err().code, Code::GuardFailed);
    }
    hub.stop().await;
}
