//! Access rules over real sockets: a session that is open loses and gains records with the commit
//! that holds the rule, and every other way of reading says the same.

use super::harness::TestHub;
use super::raw::{RawClient, change};
use syncline::access::acl::{Subject, Verdict};
use syncline::access::principal::{Principal, Role};
use syncline::hub::TokenOrder;
use syncline_protocol::{Code, CollectionName, Filter, HubFrame, RecordKey, SpaceName};

/// A space of the admin's in which ben is a writer; two records are in it.
struct Scene {
    hub: TestHub,
    space: SpaceName,
    admin: Principal,
    ben: Principal,
    token: String,
}

impl Scene {
    async fn new() -> Self {
        let hub = TestHub::plain().await;
        let (space, admin) = (hub.space("shared").await, hub.principal().await);
        hub.hub.add_user(&admin, "ben", false, None).await.unwrap();
        hub.hub.set_member(&admin, &space, "ben", Some(Role::Writer)).await.unwrap();
        let order =
            TokenOrder { user: "ben", label: "", role: Role::Owner, spaces: &[], expires_ms: None };
        let token = hub.token(order).await;
        let from = "127.0.0.1".parse().unwrap();
        let ben = syncline::hub::Realm::Token;
        let ben = hub.hub.authenticate(ben, "", &token, from).await.unwrap();
        let scene = Self { hub, space, admin, ben, token };
        let mut ann = scene.hub.client().await;
        for key in ["open", "secret"] {
            let push = ann.put(&scene.space, key, "1");
            ann.push(push).await.unwrap();
        }
        scene
    }

    async fn rule(&self, item: &str, action: &str, verdict: Verdict) {
        let subject = Subject {
            principal: "ben".parse().unwrap(),
            item: item.parse().unwrap(),
            action: action.parse().unwrap(),
        };
        self.hub.hub.set_rule(&self.admin, &self.space, &subject, verdict).await.unwrap();
    }

    fn reads(&self, key: &str) -> bool {
        let view = self.hub.hub.read(&self.ben, &self.space).unwrap();
        let links = CollectionName::new("links").unwrap();
        view.get(&links, &RecordKey::new(key).unwrap()).unwrap().is_some()
    }
}

/// Skips what says nothing of records.
async fn told(client: &mut RawClient) -> HubFrame {
    loop {
        match client.next().await {
            HubFrame::Heartbeat { .. } | HubFrame::Digests { .. } => {}
            HubFrame::Changes { deltas, .. } if deltas.is_empty() => {}
            frame => return frame,
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_open_session_loses_and_gains_records_as_rules_change() {
    let scene = Scene::new().await;
    let mut ben = RawClient::connect(scene.hub.address, &scene.token).await.unwrap();
    assert_eq!(ben.subscribe(&scene.space, Filter::default()).await.len(), 2);
    scene.rule("links/secret", "read", Verdict::Deny).await;
    assert!(matches!(told(&mut ben).await, HubFrame::View { .. }), "its copy is of no view yet");
    let HubFrame::Withdraw { keys, .. } = told(&mut ben).await else { panic!("no withdraw") };
    assert_eq!(keys, [RecordKey::new("secret").unwrap()]);
    let HubFrame::View { mark, .. } = told(&mut ben).await else { panic!("no view") };
    assert!(scene.reads("open") && !scene.reads("secret"));

    // What happens to it meanwhile is not heard, by nobody who may not.
    let mut ann = scene.hub.client().await;
    for (key, value) in [("secret", "2"), ("open", "2")] {
        let push = ann.put(&scene.space, key, value);
        ann.push(push).await.unwrap();
    }
    let HubFrame::Changes { deltas, .. } = told(&mut ben).await else { panic!("no changes") };
    assert_eq!(deltas.len(), 1);
    assert_eq!(deltas[0].delta.change, change("open", "2"));

    scene.rule("links/secret", "read", Verdict::Allow).await;
    assert!(matches!(told(&mut ben).await, HubFrame::View { .. }), "its copy is of no view yet");
    let HubFrame::Changes { deltas, .. } = told(&mut ben).await else { panic!("no changes") };
    assert_eq!(deltas[0].delta.change, change("secret", "2"));
    let HubFrame::View { mark: then, .. } = told(&mut ben).await else { panic!("no view") };
    assert_ne!(mark, then);
    assert!(scene.reads("secret"));
    scene.hub.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rule_refuses_writes_deletes_and_guards_that_ask() {
    let scene = Scene::new().await;
    let mut ben = RawClient::connect(scene.hub.address, &scene.token).await.unwrap();
    scene.rule("links/secret", "*", Verdict::Deny).await;
    let push = ben.put(&scene.space, "secret", "mine");
    assert_eq!(ben.push(push).await.unwrap_err().code, Code::Forbidden);
    let push = ben.put(&scene.space, "open", "mine");
    ben.push(push).await.unwrap();
    let mut asking = ben.put(&scene.space, "open", "mine");
    asking.guards = vec![syncline_protocol::Guard {
        collection: CollectionName::new("links").unwrap(),
        key: RecordKey::new("secret").unwrap(),
        condition: syncline_protocol::Condition::Absent,
    }];
    assert_eq!(ben.push(asking).await.unwrap_err().code, Code::Forbidden);
    // A rule gives to a reader what the role does not.
    let hub = &scene.hub.hub;
    hub.set_member(&scene.admin, &scene.space, "ben", Some(Role::Reader)).await.unwrap();
    let push = ben.put(&scene.space, "open", "again");
    assert_eq!(ben.push(push).await.unwrap_err().code, Code::Forbidden);
    scene.rule("links/op*", "write", Verdict::Allow).await;
    let push = ben.put(&scene.space, "open", "again");
    ben.push(push).await.unwrap();
    scene.hub.stop().await;
}
