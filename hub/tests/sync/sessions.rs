//! Sessions share what they write, live; they hear of each other; they end in good order.

use futures_util::SinkExt as _;
use tokio_tungstenite::tungstenite::Message;

use super::harness::TestHub;
use super::raw::change;
use syncline::config::Config;
use syncline_protocol::codec::encode_client;
use syncline_protocol::{
    Applied, ClientFrame, Code, CollectionName, Filter, HubFrame, PresenceEvent, Start, Value,
};

#[tokio::test(flavor = "multi_thread")]
async fn what_one_writes_the_other_reads_live_and_later() {
    let hub = TestHub::plain().await;
    let space = hub.space("shared").await;
    let (mut ann, mut bob) = (hub.client().await, hub.client().await);
    assert!(bob.subscribe(&space, Filter::default()).await.is_empty());
    let push = ann.put(&space, "a", "hello");
    assert_eq!(ann.push(push).await, Ok(1));
    let heard = bob.hears_of("a").await;
    assert_eq!(heard.sequence, 1);
    assert_eq!(heard.delta.change, change("a", "hello"));
    let mut late = hub.client().await;
    assert_eq!(late.subscribe(&space, Filter::default()).await, [heard]);
    hub.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_resumed_cursor_gets_only_what_it_missed() {
    let hub = TestHub::plain().await;
    let space = hub.space("shared").await;
    let mut ann = hub.client().await;
    for key in ["a", "b"] {
        let push = ann.put(&space, key, "1");
        ann.push(push).await.unwrap();
    }
    let mut bob = hub.client().await;
    let (filter, start) = (Filter::default(), Start::Snapshot);
    bob.send(&ClientFrame::Subscribe { space: space.clone(), filter, start }).await;
    let cursor = loop {
        if let HubFrame::SnapshotEnd { cursor, .. } = bob.next().await {
            break cursor;
        }
    };
    drop(bob);
    let push = ann.put(&space, "c", "1");
    ann.push(push).await.unwrap();
    let mut bob = hub.client().await;
    let (filter, start) = (Filter::default(), Start::Resume(cursor));
    bob.send(&ClientFrame::Subscribe { space: space.clone(), filter, start }).await;
    let mut frames = Vec::new();
    while !matches!(frames.last(), Some(HubFrame::Digests { .. })) {
        frames.push(bob.next().await);
    }
    assert!(!frames.iter().any(|it| matches!(it, HubFrame::SnapshotBegin { .. })), "{frames:?}");
    let changes = frames.iter().find_map(|frame| match frame {
        HubFrame::Changes { before, last, deltas, .. } => Some((*before, *last, deltas.len())),
        _ => None,
    });
    assert_eq!(changes, Some((2, 3, 1)));
    hub.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn heartbeats_move_a_cursor_that_has_nothing_to_receive() {
    let beat = std::time::Duration::from_millis(100);
    let hub = TestHub::start(|config| config.sync.heartbeat = beat, vec![]).await;
    let space = hub.space("shared").await;
    let (mut ann, mut bob) = (hub.client().await, hub.client().await);
    let tags = CollectionName::new("tags").unwrap();
    bob.subscribe(&space, Filter::new([tags], "").unwrap()).await;
    let push = ann.put(&space, "a", "1");
    ann.push(push).await.unwrap();
    loop {
        if let HubFrame::Heartbeat { stretches, .. } = bob.next().await
            && let Some(stretch) = stretches.first()
        {
            assert_eq!((stretch.before, stretch.last), (0, 1));
            break;
        }
    }
    hub.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn those_in_a_space_signal_and_see_each_other() {
    let hub = TestHub::plain().await;
    let space = hub.space("shared").await;
    let (mut ann, mut bob) = (hub.client().await, hub.client().await);
    ann.subscribe(&space, Filter::default()).await;
    bob.subscribe(&space, Filter::default()).await;
    let (value, idle) = (Value::from("typing"), Value::from("idle"));
    bob.send(&ClientFrame::Presence { space: space.clone(), value: Some(idle.clone()) }).await;
    bob.send(&ClientFrame::Presence { space: space.clone(), value: Some(value.clone()) }).await;
    bob.send(&ClientFrame::Signal { space: space.clone(), value: value.clone() }).await;
    let mut heard = Vec::new();
    while heard.len() < 3 {
        match ann.next().await {
            HubFrame::Presence { event, .. } => heard.push(Some(event)),
            HubFrame::Signal { value: said, .. } => {
                assert_eq!(said, value);
                heard.push(None);
            }
            _ => {}
        }
    }
    let expected =
        [Some(PresenceEvent::Joined(Some(idle))), Some(PresenceEvent::State(value)), None];
    assert_eq!(heard, expected);
    drop(bob);
    loop {
        if let HubFrame::Presence { event: PresenceEvent::Left, .. } = ann.next().await {
            break;
        }
    }
    hub.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_says_goodbye_and_when_to_come_back() {
    let hub = TestHub::plain().await;
    let space = hub.space("shared").await;
    let mut ann = hub.client().await;
    ann.subscribe(&space, Filter::default()).await;
    let stopping = tokio::spawn(hub.stop());
    let mut retry = None;
    while retry.is_none() {
        if let HubFrame::Goodbye { reject, retry_after_ms } = ann.next().await {
            assert_eq!(reject.code, Code::GoingAway);
            retry = retry_after_ms;
        }
    }
    assert!(retry.unwrap() < 10_000);
    drop(ann);
    stopping.await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn digests_prove_a_copy_and_verify_asks_for_one() {
    let hub = TestHub::plain().await;
    let space = hub.space("shared").await;
    let mut ann = hub.client().await;
    let push = ann.put(&space, "a/1", "x");
    ann.push(push).await.unwrap();
    let narrow = Filter::new([CollectionName::new("links").unwrap()], "a/").unwrap();
    let deltas = ann.subscribe(&space, narrow).await;
    ann.send(&ClientFrame::Verify { space: space.clone() }).await;
    let digests = loop {
        if let HubFrame::Digests { digests, .. } = ann.next().await {
            break digests;
        }
    };
    let change = &deltas[0].delta.change;
    let mut expected = syncline_protocol::Digest::default();
    let mut record = syncline_protocol::Record::default();
    record.merge_delta(&deltas[0].delta);
    expected.add_record(&change.collection, &change.key, &record);
    assert_eq!(digests.get("links"), Some(&expected));
    hub.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn pushes_wait_for_room_in_the_intake_and_are_answered_in_their_order() {
    let narrow = |config: &mut Config| config.sync.intake_bytes = 1;
    let hub = TestHub::start(narrow, Vec::new()).await;
    let space = hub.space("shared").await;
    let mut clients = [hub.client().await, hub.client().await];
    let mut sent = [Vec::new(), Vec::new()];
    for round in 0..64 {
        for (client, sent) in clients.iter_mut().zip(&mut sent) {
            let push = client.put(&space, &format!("k{round}"), "1");
            sent.push(push.id);
            client.send(&ClientFrame::Push(push)).await;
        }
    }
    for (client, sent) in clients.iter_mut().zip(sent) {
        for id in sent {
            client.answer(id).await.unwrap();
        }
    }
    hub.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_a_burst_of_pushes_each_is_answered() {
    let hub = TestHub::plain().await;
    let space = hub.space("shared").await;
    let mut client = hub.client().await;
    let pushes: Vec<_> = (0..600).map(|at| client.put(&space, &format!("k{at}"), "1")).collect();
    let ids: Vec<_> = pushes.iter().map(|push| push.id).collect();
    for push in pushes {
        let bytes = encode_client(&ClientFrame::Push(push));
        client.web.feed(Message::Binary(bytes.into())).await.unwrap();
    }
    client.web.flush().await.unwrap();
    for id in ids {
        client.answer(id).await.unwrap();
    }
    hub.stop().await;
}

/// Pages of one record, far more than are read in a turn or wait for a socket; first for one who
/// reads at once, then for one who reads when others have gone on for a while.
#[tokio::test(flavor = "multi_thread")]
async fn a_catch_up_of_many_pages_is_whole_and_in_order() {
    const RECORDS: usize = 200;
    let hub = TestHub::start(|config| config.sync.page_bytes = 1, Vec::new()).await;
    let space = hub.space("shared").await;
    let (mut ann, mut bob) = (hub.client().await, hub.client().await);
    let keys: Vec<_> = (0..RECORDS).map(|at| format!("k{at:03}")).collect();
    let value = "long ".repeat(12_000);
    for key in &keys {
        let push = ann.put(&space, key, &value);
        ann.push(push).await.unwrap();
    }
    let told = |found: &[Applied]| -> Vec<String> {
        found.iter().map(|it| it.delta.change.key.as_str().to_owned()).collect()
    };
    assert_eq!(told(&bob.subscribe(&space, Filter::default()).await), keys);
    let (filter, start) = (Filter::default(), Start::Follow { epoch: None, after: Some(0) });
    let mut slow = hub.client().await;
    slow.send(&ClientFrame::Subscribe { space: space.clone(), filter, start }).await;
    for _ in 0..RECORDS {
        let push = ann.put(&space, "later", "1");
        ann.push(push).await.unwrap();
    }
    let mut found = Vec::new();
    while found.len() < RECORDS + 1 {
        if let HubFrame::Changes { before, last, deltas, .. } = slow.next().await {
            assert!(before <= last);
            found.extend(deltas);
        }
    }
    assert_eq!(told(&found[..RECORDS]), keys);
    assert!(found.is_sorted_by_key(|applied| applied.sequence));
    hub.stop().await;
}
