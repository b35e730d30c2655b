//! Histories while events go on coming, and seconds with more events than one pass finds.

use syncline_protocol::{Change, SpaceName};

use super::super::event::{Beside, prefix_of};
use super::super::mapping::{ROOT, account_of, space_of};
use super::super::rule::RULE;
use super::*;
use crate::hub::{Hub, Reads, Submission, Threads, random_u64};

const SECOND: u64 = 1_760_000_000;

struct House {
    app: App,
    threads: Option<Threads>,
}

impl Drop for House {
    fn drop(&mut self) {
        if let Some(threads) = self.threads.take() {
            threads.stop();
        }
    }
}

fn space() -> SpaceName {
    space_of("events").unwrap()
}

impl House {
    async fn open() -> Self {
        let (hub, threads) = Hub::in_memory(vec![RULE]);
        hub.bootstrap().await.unwrap();
        hub.open_app(&space(), &account_of(&space(), ROOT), Reads::Open).await.unwrap();
        Self { app: App::new(hub, space()), threads: Some(threads) }
    }

    fn reading(&self) -> Reading {
        Reading { app: self.app.clone(), principal: Principal::hub() }
    }

    /// Keeps events of these milliseconds, one after the other; their items count on.
    async fn keep(&self, first: usize, times: &[u64]) {
        let keep = |(at, ms): (usize, &u64)| {
            let mut random = [0; 10];
            random[..8].copy_from_slice(&random_u64().to_be_bytes());
            let id = uuid::Builder::from_unix_timestamp_millis(*ms, &random).into_uuid();
            let (user, item) = (ROOT.to_owned(), format!("{}", first + at));
            let event = Event {
                uuid: id.to_string(),
                timestamp: ms / 1000,
                user,
                item,
                action: "edit".to_owned(),
                payload: String::new(),
            };
            event.keep(&Beside::default()).unwrap()
        };
        let changes: Vec<Change> = times.iter().enumerate().map(keep).collect();
        let write = Submission::changes(space(), changes);
        self.app.hub().apply(&Principal::hub(), write).await.unwrap();
    }
}

fn items(json: &[u8]) -> Vec<usize> {
    let events: Vec<Event> = serde_json::from_slice(json).unwrap();
    events.iter().map(|event| event.item.parse().unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_history_ends_where_it_was_begun() {
    let house = House::open().await;
    house.keep(0, &[SECOND * 1000 + 900, SECOND * 1000, (SECOND + 5) * 1000]).await;
    let until = house.reading().view().unwrap().space().sequence;
    let mut history = History::new(house.reading(), until, Tell::V1);
    let begun = Cursor { epoch: house.reading().view().unwrap().space().epoch, sequence: 0 };
    let mut recent = Recent::new(house.reading(), begun, until);
    // Before, within and after what is there.
    house.keep(3, &[(SECOND - 5) * 1000, SECOND * 1000 + 500, (SECOND + 9) * 1000]).await;
    assert_eq!(items(&history.next().unwrap().unwrap()), [0, 1, 2]);
    assert_eq!(items(&recent.next().unwrap().unwrap()), [0, 1, 2]);
    assert!(history.next().unwrap().is_none() && recent.next().unwrap().is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crowd_is_told_in_passes() {
    let house = House::open().await;
    let times: Vec<u64> = (0..10).map(|at| SECOND * 1000 + 900 - 7 * at).collect();
    house.keep(0, &times).await;
    house.keep(10, &[(SECOND - 1) * 1000, (SECOND + 1) * 1000]).await;
    let scope = Scope { until: 9, tell: Tell::V1 };
    for found_max in [1, 3, 9, 10, 100] {
        let mut crowd = Crowd::finding(SECOND, scope, found_max);
        let (view, mut out) = (house.reading().view().unwrap(), Out::default());
        let mut turns = 0;
        while crowd.pass(&view, &mut out).unwrap() {
            turns += 1;
            assert!(turns < 100, "it does not end");
        }
        out.end();
        // The tenth came after this history's end.
        assert_eq!(items(&out.take()), (0..9).collect::<Vec<_>>(), "{found_max}");
        assert_eq!(crowd.end(), Some(prefix_of(SECOND + 1)));
    }
    assert_eq!(Crowd::new((1 << 48) / 1000, scope).end(), None);
}
