//! What no request reaches: imports, keys that end while a request is under way, old tokens, and
//! keys of which only a hash is known.

use std::net::{IpAddr, Ipv4Addr};

use syncline_protocol::{Reject, SpaceName};

use super::super::check::action;
use super::super::event::{Beside, Event, new_id};
use super::super::mapping::{ROOT, account_of, collection, delete, space_of};
use super::super::{server_event, setup_token};
use super::*;
use crate::hub::{Hub, KeyOrder, Principal, Reads, Realm, Receipt, Submission, Threads, now_ms};

/// An app of which nobody has a key.
struct House {
    hub: Hub,
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

fn event(user: &str, item: &str, action: &str, payload: &str) -> Event {
    let (user, item) = (user.to_owned(), item.to_owned());
    let (action, payload) = (action.to_owned(), payload.to_owned());
    let (uuid, timestamp) = (new_id(now_ms()).to_string(), now_ms() / 1000);
    Event { uuid, timestamp, user, item, action, payload }
}

fn rule_event(action: &str, verdict: &str) -> Event {
    let payload = format!(r#"{{"user":"bo","item":"{action}*","action":"*"{verdict}}}"#);
    event(ROOT, ".acl", action, &payload)
}

impl House {
    async fn open() -> Self {
        let (hub, threads) = Hub::in_memory(vec![RULE]);
        hub.bootstrap().await.unwrap();
        hub.open_app(&space(), &account_of(&space(), ROOT), Reads::Open).await.unwrap();
        Self { hub, threads: Some(threads) }
    }

    async fn server(&self, changes: Vec<Change>) -> Result<Receipt, Reject> {
        self.hub.apply(&Principal::hub(), Submission::changes(space(), changes)).await
    }

    async fn import(&self, events: &[Event], inert: bool) -> Result<Receipt, Reject> {
        let beside = Beside { received_ms: now_ms(), inert, ..Beside::default() };
        self.server(events.iter().map(|event| event.keep(&beside).unwrap()).collect()).await
    }

    fn rules(&self) -> usize {
        self.hub.directory().acl(&space()).iter().count()
    }

    /// Gives a user a key of which the hub knows a bcrypt hash alone.
    async fn hash(&self, user: &str, uuid: &str, hash: &str) {
        let (account, space) = (account_of(&space(), user), space());
        let order =
            KeyOrder { account: &account, space: &space, uuid, label: "old", created_ms: 1 };
        let write = Submission { id: None, parts: vec![order.part_of_hash(hash)] };
        self.hub.apply(&Principal::hub(), write).await.unwrap();
    }
}

const HERE: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

#[tokio::test]
async fn what_is_imported_gives_rights_unless_it_is_inert() {
    let house = House::open().await;
    let events = [
        event(ROOT, ".user.a b", action::CREATE, ""),
        rule_event(action::ADD_RULE, r#","type":"allow""#),
        rule_event(".acl.deny", ""),
        event(ROOT, ".acl", action::ADD_RULE, "no rule"),
        event("a b", ".user.a b", action::RESET, "{}"),
    ];
    house.import(&events, false).await.unwrap();
    assert!(house.hub.has_account("simple-sync/events/a b"));
    assert_eq!(house.rules(), 2);
    let inert = [
        event(ROOT, ".user.cy", action::CREATE, ""),
        event(
            ROOT,
            ".acl",
            action::ADD_RULE,
            r#"{"user":"*","item":"*","action":"*","type":"allow"}"#,
        ),
    ];
    house.import(&inert, true).await.unwrap();
    assert!(!house.hub.has_account("simple-sync/events/cy"));
    assert_eq!(house.rules(), 2);
    // Once more is told, and changes nothing.
    let again = house.import(&events, false).await.unwrap_err();
    assert_eq!((again.text.as_str(), again.index), (Fault::TAKEN.text, Some(0)));
}

#[tokio::test]
async fn what_was_asked_for_with_a_key_that_has_ended_is_refused() {
    let house = House::open().await;
    let by = (ROOT, Some("key-gone"));
    let audit = server_event::audit(by, (ROOT, action::RESET), now_ms()).unwrap();
    let reject = house.server(vec![audit]).await.unwrap_err();
    assert_eq!(Fault::from(&reject), Fault::BAD_KEY);
    let rule = server_event::rule((ROOT, Some("key-gone")), "{}".to_owned(), now_ms()).unwrap();
    assert_eq!(Fault::from(&house.server(vec![rule]).await.unwrap_err()), Fault::BAD_KEY);
}

#[tokio::test]
async fn a_setup_token_ends_by_itself() {
    let house = House::open().await;
    let kept = setup_token::kept("00", ROOT, now_ms() - 1).unwrap();
    house.server(vec![kept]).await.unwrap();
    let used = || vec![delete(collection::TOKENS, "00").unwrap()];
    let reject = house.server(used()).await.unwrap_err();
    assert_eq!(Fault::from(&reject), Fault::NO_EXCHANGE);
    let kept = setup_token::kept("00", ROOT, now_ms() + 60_000).unwrap();
    house.server(vec![kept]).await.unwrap();
    house.server(used()).await.unwrap();
    assert!(house.server(used()).await.is_err(), "and after it was used");
}

#[tokio::test]
async fn events_are_never_changed_whoever_asks() {
    let house = House::open().await;
    let stored = event(ROOT, "task.1", "edit", "");
    house.import(std::slice::from_ref(&stored), false).await.unwrap();
    let gone = house.server(vec![delete(EVENTS, &stored.key()).unwrap()]).await;
    assert!(gone.is_err());
    let admin = Principal::with_password("admin");
    let beside = Beside { received_ms: now_ms(), ..Beside::default() };
    let foreign = event(ROOT, "task.2", "edit", "").keep(&beside).unwrap();
    let pushed = house.hub.apply(&admin, Submission::changes(space(), vec![foreign])).await;
    assert_eq!(pushed.unwrap_err().text, Fault::NOT_OWN.text, "an admin is no user of the app");
}

#[tokio::test]
async fn a_key_of_which_a_hash_is_known_is_tried_once() {
    let house = House::open().await;
    let keys: Vec<_> = (0..3).map(|_| house.hub.draw_key()).collect();
    for (at, key) in keys.iter().enumerate().take(2) {
        let hash = bcrypt::hash(key.reveal(), 4).unwrap();
        house.hash(ROOT, &format!("0{at}"), &hash).await;
    }
    let show = |at: usize| house.hub.authenticate(Realm::Token, "", keys[at].reveal(), HERE);
    assert!(show(2).await.is_err());
    let shown = show(1).await.unwrap();
    assert_eq!(shown.account(), "simple-sync/events/.root");
    let left: Vec<String> = house.hub.directory().slow_keys().map(|it| it.0.to_owned()).collect();
    assert_eq!(left, ["key-00"]);
    // From now on it is found at once, as the same key of the same user.
    assert_eq!(show(1).await.unwrap(), shown);
    let two = tokio::join!(show(0), show(0));
    assert!(two.0.is_ok() && two.1.is_ok(), "{two:?}");
    assert_eq!(house.hub.directory().slow_keys().count(), 0);
    assert_eq!(house.hub.directory().tokens_of(shown.account()).count(), 2);
}
