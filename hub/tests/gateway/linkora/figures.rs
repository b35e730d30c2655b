//! Bounds that a slow machine keeps as well, and a hub that counts what happened instead of what
//! changed does not.

use std::time::{Duration, Instant};

use serde_json::json;

use super::kit::{Kit, link};

/// Ten times what is promised of a release on an idle machine; a hundred times where one pause of
/// the machine is the figure.
const UPDATES_WITHIN: Duration = Duration::from_secs(10);
const DELETE_WITHIN: Duration = Duration::from_secs(50);
const EVENT_WITHIN: Duration = Duration::from_secs(5);

const LINKS: i64 = 5_000;

/// Many rows at once, as an import brings them.
async fn fill(kit: &Kit) {
    for part in 0..LINKS / 1_000 {
        let row = |at: i64| {
            let mut row = link(&format!("https://a.org/{at}"), "SAVED_LINK", Some(-2));
            row.as_object_mut().unwrap().remove("tags");
            row["id"] = json!(part * 1_000 + at);
            row["eventTimestamp"] = json!(1_000);
            row["linkTags"] = json!([]);
            row
        };
        let body = json!({ "links": (1..=1_000).map(row).collect::<Vec<_>>() });
        let url = kit.url("hub/v1/gateways/linkora/import");
        let request = kit.http().post(url).bearer_auth(&kit.token).json(&body);
        assert_eq!(kit.send(request).await.status, 200);
    }
}

#[tokio::test]
async fn large_data_sets_are_told_and_deleted_in_time() {
    let kit = Kit::start().await;
    let begun = Instant::now();
    fill(&kit).await;
    println!("5,000 links imported in {:?}", begun.elapsed());
    let begun = Instant::now();
    let updates = kit.updates(0).await;
    println!("5,000 links told in {:?}", begun.elapsed());
    assert_eq!(updates["links"].as_array().unwrap().len(), 5_000);
    assert!(begun.elapsed() < UPDATES_WITHIN, "{:?}", begun.elapsed());
    let mut ears = kit.listen("b").await;
    let begun = Instant::now();
    let body = json!({ "linkIds": (1..=LINKS).collect::<Vec<_>>() });
    kit.ask("DELETE_DUPLICATE_LINKS", "a", body).await.json();
    println!("5,000 links deleted in {:?}", begun.elapsed());
    assert!(begun.elapsed() < DELETE_WITHIN, "{:?}", begun.elapsed());
    let answered = Instant::now();
    let payload = ears.hears("DELETE_DUPLICATE_LINKS").await;
    assert_eq!(payload["linkIds"].as_array().unwrap().len(), 5_000);
    assert_eq!(kit.updates(0).await["links"], json!([]));
    println!("heard {:?} after the answer", answered.elapsed());
}

#[tokio::test]
async fn events_follow_their_answers_at_once() {
    let kit = Kit::start().await;
    let mut ears = kit.listen("b").await;
    let mut worst = Duration::ZERO;
    for at in 0..50 {
        kit.make("CREATE_TAG", "a", json!({ "name": format!("{at}") })).await;
        let answered = Instant::now();
        ears.hears("CREATE_TAG").await;
        worst = worst.max(answered.elapsed());
    }
    println!("the latest of 50 events came {worst:?} after its answer");
    assert!(worst < EVENT_WITHIN, "{worst:?}");
}
