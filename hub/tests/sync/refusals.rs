//! Everything that is refused: each with its code, and without harm to anyone else.

use std::time::Duration;

use super::harness::TestHub;
use super::raw::{RawClient, change};
use futures_util::SinkExt as _;
use syncline::access::directory::collection;
use syncline::access::principal::{Principal, Role};
use syncline::engine::admin::{system_delete, system_put};
use syncline::engine::{Submission, system_space};
use syncline::hub::{TokenOrder, now_ms};
use syncline_protocol::{
    Change, ClientFrame, Code, CollectionName, FieldName, Filter, HlcTime, HubFrame, Push,
    RecordKey, SpaceName, Start, Subject, Value,
};
use tokio_tungstenite::tungstenite::Message;

/// A hub with a space, a bystander who listens, and someone who writes.
struct Scene {
    hub: TestHub,
    space: SpaceName,
    writer: RawClient,
    bystander: RawClient,
}

impl Scene {
    async fn set() -> Self {
        let hub = TestHub::plain().await;
        let space = hub.space("shared").await;
        let (writer, mut bystander) = (hub.client().await, hub.client().await);
        bystander.subscribe(&space, Filter::default()).await;
        Self { hub, space, writer, bystander }
    }

    /// The push is refused with this code, its session lives, and so does everyone's.
    async fn refuses(mut self, code: Code, make: impl FnOnce(&mut RawClient, &SpaceName) -> Push) {
        let push = make(&mut self.writer, &self.space);
        assert_eq!(self.writer.push(push).await.unwrap_err().code, code);
        let good = self.writer.put(&self.space, "good", "1");
        assert_eq!(self.writer.push(good).await, Ok(1), "the refusal left something behind");
        self.bystander.hears_of("good").await;
        self.hub.stop().await;
    }

    /// The session ends with this code, and everyone else's lives.
    async fn closes(mut self, code: Code, message: Message) {
        let mut other = self.hub.client().await;
        self.writer.web.send(message).await.unwrap();
        let (reject, close) = self.writer.ending().await;
        assert_eq!((reject.code, close), (code, code.websocket_close()));
        let good = other.put(&self.space, "good", "1");
        other.push(good).await.unwrap();
        self.bystander.hears_of("good").await;
        self.hub.stop().await;
    }
}

fn big_put(key: &str, fields: usize, bytes: usize) -> Change {
    let value = Value::from(&*"x".repeat(bytes));
    let field = |index: usize| (FieldName::new(&format!("f{index}")).unwrap(), Some(value.clone()));
    let (collection, key) = (CollectionName::new("links").unwrap(), RecordKey::new(key).unwrap());
    Change::put(collection, key, (0..fields).map(field).collect()).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stamp_from_the_future() {
    let ahead = |client: &mut RawClient, space: &SpaceName| {
        let mut push = client.put(space, "a", "1");
        push.deltas[0].stamp.time = HlcTime::from_millis(now_ms() + 120_000);
        push
    };
    Scene::set().await.refuses(Code::ClockDrift, ahead).await;
}

/// Whoever hears of it stamps anew what was not answered: that must not be in the log by then.
#[tokio::test(flavor = "multi_thread")]
async fn a_stamp_from_the_future_after_the_earlier_pushes_are_answered() {
    let Scene { hub, space, mut writer, .. } = Scene::set().await;
    let mut pushes: Vec<_> = (0..5).map(|at| writer.put(&space, &at.to_string(), "1")).collect();
    pushes[4].deltas[0].stamp.time = HlcTime::from_millis(now_ms() + 120_000);
    let ids: Vec<_> = pushes.iter().map(|push| push.id).collect();
    for push in pushes {
        writer.send(&ClientFrame::Push(push)).await;
    }
    let mut answered = Vec::new();
    while answered.len() < ids.len() {
        match writer.next().await {
            HubFrame::Ack { push, .. } => answered.push(push),
            HubFrame::Reject { subject: Subject::Push(push), reject, .. } => {
                assert_eq!(reject.code, Code::ClockDrift);
                answered.push(push);
            }
            _ => {}
        }
    }
    assert_eq!(answered, ids);
    hub.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_push_over_each_limit() {
    let fields = |client: &mut RawClient, space: &SpaceName| {
        let delta = big_put("a", 257, 1).stamped(client.stamp());
        client.push_of(space, vec![delta])
    };
    Scene::set().await.refuses(Code::TooLarge, fields).await;
    let deltas = |client: &mut RawClient, space: &SpaceName| {
        let deltas = (0..10_001).map(|_| big_put("a", 1, 1).stamped(client.stamp())).collect();
        client.push_of(space, deltas)
    };
    Scene::set().await.refuses(Code::TooLarge, deltas).await;
    let nested = |client: &mut RawClient, space: &SpaceName| {
        // A hundred nested arrays, one too deep for a value, in the place of a short text.
        let push = client.put(space, "a", "1");
        client.push_of(space, push.deltas)
    };
    let mut scene = Scene::set().await;
    let push = nested(&mut scene.writer, &scene.space);
    let id = push.id;
    let mut bytes = syncline_protocol::codec::encode_client(&ClientFrame::Push(push));
    bytes.truncate(bytes.len() - 2);
    bytes.extend(vec![0x91; 100]);
    bytes.push(0xc0);
    scene.writer.send_bytes(bytes).await;
    assert_eq!(scene.writer.answer(id).await.unwrap_err().code, Code::TooLarge);
    scene.hub.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_value_and_a_key_over_a_configured_limit() {
    let small = |config: &mut syncline::config::Config| {
        config.limits.value_bytes = 100;
        config.limits.key_bytes = 10;
    };
    let hub = TestHub::start(small, vec![]).await;
    let space = hub.space("shared").await;
    let mut client = hub.client().await;
    let long = client.put(&space, "a", &"x".repeat(200));
    assert_eq!(client.push(long).await.unwrap_err().code, Code::TooLarge);
    let long = client.put(&space, "a-key-that-is-long", "x");
    assert_eq!(client.push(long).await.unwrap_err().code, Code::TooLarge);
    hub.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_space() {
    let unknown = |client: &mut RawClient, _: &SpaceName| {
        client.put(&SpaceName::new("nowhere").unwrap(), "a", "1")
    };
    Scene::set().await.refuses(Code::UnknownSpace, unknown).await;
    let mut scene = Scene::set().await;
    let space = SpaceName::new("nowhere").unwrap();
    let (filter, start) = (Filter::default(), Start::Snapshot);
    scene.writer.send(&ClientFrame::Subscribe { space: space.clone(), filter, start }).await;
    let HubFrame::Reject { subject, reject, .. } = scene.writer.next().await else { panic!() };
    assert_eq!((subject, reject.code), (Subject::Space(space), Code::UnknownSpace));
    scene.hub.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reserved_collection_and_the_system_space() {
    let reserved = |client: &mut RawClient, space: &SpaceName| {
        let change = Change { collection: CollectionName::new(".x").unwrap(), ..change("a", "1") };
        let delta = change.stamped(client.stamp());
        client.push_of(space, vec![delta])
    };
    Scene::set().await.refuses(Code::Reserved, reserved).await;
    let system = |client: &mut RawClient, _: &SpaceName| client.put(&system_space(), "a", "1");
    Scene::set().await.refuses(Code::Forbidden, system).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_foreign_replica_id() {
    let mut scene = Scene::set().await;
    let reader = member(&scene.hub, "bob", Role::Writer).await;
    let mut bob = RawClient::connect(scene.hub.address, &reader).await.unwrap();
    let push = scene.writer.put(&scene.space, "a", "1");
    scene.writer.push(push.clone()).await.unwrap();
    let mut forged = bob.put(&scene.space, "a", "2");
    forged.deltas[0].stamp.replica = push.deltas[0].stamp.replica;
    assert_eq!(bob.push(forged).await.unwrap_err().code, Code::ForeignStamp);
    let mut hubs = bob.put(&scene.space, "a", "2");
    hubs.deltas[0].stamp.replica = scene.hub.hub.replica();
    assert_eq!(bob.push(hubs).await.unwrap_err().code, Code::ForeignStamp);
    scene.hub.stop().await;
}

/// Makes an account that is a member of `shared`; gives its token.
async fn member(hub: &TestHub, user: &str, role: Role) -> String {
    let changes = vec![
        system_put(collection::USERS, user, &[("admin", Value::from(false))]),
        system_put(
            collection::MEMBERS,
            &format!("shared:{user}"),
            &[("role", Value::from(role.as_str()))],
        ),
    ];
    system(hub, changes).await;
    let order = TokenOrder { user, label: "", role: Role::Owner, spaces: &[], expires_ms: None };
    hub.token(order).await
}

async fn system(hub: &TestHub, changes: Vec<Change>) {
    let write = Submission::changes(system_space(), changes);
    hub.hub.apply(&Principal::hub(), write).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_who_writes_and_a_member_no_more() {
    let scene = Scene::set().await;
    let token = member(&scene.hub, "bob", Role::Reader).await;
    let mut bob = RawClient::connect(scene.hub.address, &token).await.unwrap();
    bob.subscribe(&scene.space, Filter::default()).await;
    let push = bob.put(&scene.space, "a", "1");
    assert_eq!(bob.push(push).await.unwrap_err().code, Code::Forbidden);
    system(&scene.hub, vec![system_delete(collection::MEMBERS, "shared:bob")]).await;
    loop {
        if let HubFrame::Reject { subject: Subject::Space(space), reject, .. } = bob.next().await {
            assert_eq!((space, reject.code), (scene.space.clone(), Code::UnknownSpace));
            break;
        }
    }
    scene.hub.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revoked_an_expired_and_a_wrong_token() {
    let scene = Scene::set().await;
    let token = member(&scene.hub, "bob", Role::Writer).await;
    let mut bob = RawClient::connect(scene.hub.address, &token).await.unwrap();
    let id = token.split('_').nth(1).unwrap();
    system(&scene.hub, vec![system_delete(collection::TOKENS, id)]).await;
    assert_eq!(bob.ending().await.0.code, Code::Unauthorized);
    let refused = RawClient::connect(scene.hub.address, &token).await.map(|_| ()).unwrap_err();
    assert_eq!(refused.code, Code::Unauthorized);
    let order = TokenOrder {
        user: "bob",
        label: "",
        role: Role::Owner,
        spaces: &[],
        expires_ms: Some(now_ms() + 1_000),
    };
    let expiring = scene.hub.token(order).await;
    let mut bob = RawClient::connect(scene.hub.address, &expiring).await.unwrap();
    assert_eq!(bob.ending().await.0.code, Code::Unauthorized);
    let refused = RawClient::connect(scene.hub.address, &expiring).await.map(|_| ()).unwrap_err();
    assert_eq!(refused.code, Code::Unauthorized);
    let refused = RawClient::connect(scene.hub.address, "wrong").await.map(|_| ()).unwrap_err();
    assert_eq!(refused.code, Code::Unauthorized);
    scene.hub.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn malformed_frames() {
    let cases = [
        (Code::Malformed, Message::Binary(vec![0xc1].into())),
        (Code::Malformed, Message::Binary(vec![0x92, 4, 4].into())),
        (Code::Malformed, Message::Text("hello".into())),
        (Code::NotUtf8, Message::Binary(vec![0x92, 3, 0xa2, 0xff, 0xff].into())),
        (Code::TooLarge, Message::Binary(vec![0; (1 << 20) + 1].into())),
        // More than the sockets between hold: whoever is not read to the end hears no goodbye.
        (Code::TooLarge, Message::Binary(vec![0; 16 << 20].into())),
    ];
    for (code, message) in cases {
        Scene::set().await.closes(code, message).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_silent_and_a_half_open_socket() {
    let quick = |config: &mut syncline::config::Config| {
        config.sync.hello_timeout = Duration::from_millis(200);
        config.sync.heartbeat = Duration::from_millis(100);
        config.sync.idle_timeout = Duration::from_millis(400);
    };
    let hub = TestHub::start(quick, vec![]).await;
    let mut silent = RawClient::open(hub.address).await;
    assert_eq!(silent.ending().await.0.code, Code::HelloTimeout);
    let mut gone = hub.client().await;
    assert_eq!(gone.ending().await.0.code, Code::Idle);
    hub.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn too_many_subscriptions_and_sessions() {
    let few = |config: &mut syncline::config::Config| {
        config.limits.subscriptions_per_session = 1;
        config.limits.sessions = 2;
    };
    let hub = TestHub::start(few, vec![]).await;
    let (one, two) = (hub.space("one").await, hub.space("two").await);
    let mut client = hub.client().await;
    client.subscribe(&one, Filter::default()).await;
    let (filter, start) = (Filter::default(), Start::Snapshot);
    client.send(&ClientFrame::Subscribe { space: two, filter, start }).await;
    loop {
        if let HubFrame::Reject { reject, .. } = client.next().await {
            assert_eq!(reject.code, Code::TooMany);
            break;
        }
    }
    let _second = hub.client().await;
    let refused = RawClient::connect(hub.address, &hub.admin).await.map(|_| ()).unwrap_err();
    assert_eq!(refused.code, Code::TooMany);
    hub.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_space_that_is_full() {
    let small = |config: &mut syncline::config::Config| config.quotas.space_records = 1;
    let hub = TestHub::start(small, vec![]).await;
    let space = hub.space("small").await;
    let mut client = hub.client().await;
    let push = client.put(&space, "a", "1");
    client.push(push).await.unwrap();
    let push = client.put(&space, "b", "1");
    assert_eq!(client.push(push).await.unwrap_err().code, Code::QuotaExceeded);
    hub.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_that_is_full() {
    let hub = TestHub::plain().await;
    let space = hub.space("shared").await;
    let mut client = hub.client().await;
    for (fields, answer) in [(256, Ok(1)), (256, Ok(2)), (1, Ok(3))] {
        let delta = big_put("a", fields, 1).stamped(client.stamp());
        let push = client.push_of(&space, vec![delta]);
        assert_eq!(client.push(push).await, answer);
    }
    let one_more = client.put(&space, "a", "1");
    assert_eq!(client.push(one_more).await.unwrap_err().code, Code::TooLarge);
    hub.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_owner_of_too_many_spaces() {
    let few = |config: &mut syncline::config::Config| config.quotas.spaces_per_user = 1;
    let hub = TestHub::start(few, vec![]).await;
    hub.space("one").await;
    let two = SpaceName::new("two").unwrap();
    let refused = hub.hub.create_space(&hub.principal().await, two, "admin").await.unwrap_err();
    assert_eq!(refused.code, Code::TooMany);
    hub.stop().await;
}
