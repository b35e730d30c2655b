//! After a restore: whom a hub believes what they give back, and what their copies do.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on has failed")]

mod workbench;

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::Duration;

use syncline::access::principal::{Principal, Role};
use syncline::admit::Admit;
use syncline::config::{Config, Limits, Sync};
use syncline::engine::{Answer, Submission, system_space};
use syncline::hub::{Hub, Realm, TokenOrder, now_ms};
use syncline::store::backup::{RestoreOptions, restore, write_backup};
use syncline::store::{FILE, Store};
use syncline::subscription::{Beginning, Reading, Subscription};
use syncline_protocol::codec::decode_hub;
use syncline_protocol::{
    Code, Cursor, Delta, Epoch, Filter, HlcTime, HubFrame, Push, PushId, SnapshotMode, SpaceName,
    Start, ViewMark,
};
use tokio::sync::oneshot;
use workbench::{CACHE_BYTES, delete, put, replica, space, stamp};

const HERE: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

/// A hub on a folder, with two accounts that write to one space.
struct House {
    hub: Hub,
    threads: syncline::hub::Threads,
    ann: Principal,
    ben: Principal,
    admin: Principal,
}

async fn sign_in(hub: &Hub, token: &str) -> Principal {
    hub.authenticate(Realm::Token, "", token, HERE).await.unwrap()
}

/// The tokens of the admin, Ann and Ben.
type Tokens = [String; 3];

async fn open(folder: &std::path::Path, tokens: Option<&Tokens>) -> (House, Tokens) {
    let store = Store::open(&folder.join(FILE), CACHE_BYTES).unwrap();
    let (hub, threads) = Hub::start(Config::default(), store, vec![]).unwrap();
    let first = hub.bootstrap().await.unwrap();
    let tokens = match (tokens, first) {
        (Some(tokens), None) => tokens.clone(),
        (None, Some(first)) => furnish(&hub, first.0.reveal()).await,
        _ => panic!("only a new store makes a token"),
    };
    let [admin, ann, ben] = [&tokens[0], &tokens[1], &tokens[2]];
    let (admin, ann, ben) =
        (sign_in(&hub, admin).await, sign_in(&hub, ann).await, sign_in(&hub, ben).await);
    (House { hub, threads, ann, ben, admin }, tokens)
}

async fn furnish(hub: &Hub, admin_token: String) -> Tokens {
    use syncline::access::directory::{collection, member_key};
    use syncline::engine::admin::system_put;
    let admin = sign_in(hub, &admin_token).await;
    hub.create_space(&admin, space("shared"), "admin").await.unwrap();
    let mut changes = Vec::new();
    for user in ["ann", "ben"] {
        changes.push(system_put(collection::USERS, user, &[("admin", false.into())]));
        let member = member_key(&space("shared"), user);
        changes.push(system_put(collection::MEMBERS, &member, &[("role", "writer".into())]));
    }
    hub.apply(&admin, Submission::changes(system_space(), changes)).await.unwrap();
    let mut tokens = vec![admin_token];
    for user in ["ann", "ben"] {
        let order =
            TokenOrder { user, label: "test", role: Role::Writer, spaces: &[], expires_ms: None };
        tokens.push(hub.create_token(&admin, &order).await.unwrap().reveal());
    }
    tokens.try_into().unwrap()
}

impl House {
    async fn push(&self, by: &Principal, own: u64, counter: u64, deltas: Vec<Delta>) -> Answer {
        let id = PushId { replica: replica(own), counter };
        let (space, guards) = (space("shared"), Vec::new());
        let push = Push { id, space, epoch: None, base: 0, guards, deltas };
        let (room, (send, receive)) = (self.hub.room(100).await?, oneshot::channel());
        self.hub.push((by, 0), push, room, |answer| drop(send.send(answer)));
        receive.await.expect("every push is answered")
    }

    fn shows(&self, key: &str) -> bool {
        let view = self.hub.read(&self.admin, &space("shared")).unwrap();
        view.get(&workbench::collection("c"), &workbench::key(key)).unwrap().is_some()
    }

    /// Ends the hub, and restores a backup of it into a folder.
    fn restore(self, bytes: &[u8], folder: &std::path::Path, authoritative: bool) -> u64 {
        self.threads.stop();
        let restored_ms = now_ms();
        let mut drawn = 1000;
        let mut random = || {
            drawn += 1;
            drawn
        };
        let options = RestoreOptions { authoritative, now_ms: restored_ms, random: &mut random };
        restore(&mut &*bytes, folder, options).unwrap();
        restored_ms
    }
}

fn code(answer: &Answer) -> Option<Code> {
    answer.as_ref().err().map(|reject| reject.code)
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_acknowledged_after_the_backup_is_given_back() {
    let (before, after) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (house, tokens) = open(before.path(), None).await;
    let at = |offset: u64, by| stamp(now_ms() + offset, by);
    let kept = house.push(&house.ben, 20, 1, vec![put("c", "kept", "x", 1).stamped(at(0, 20))]);
    assert!(kept.await.is_ok());
    let mut backup = Vec::new();
    write_backup(house.hub.store(), &mut backup, &mut |_| {}).unwrap();
    // After the backup: a replica that it knows as Ben's, one that it does not know, a delete, and
    // a clock that is ahead by as much as is allowed.
    let lost = [
        put("c", "known", "x", 1).stamped(at(0, 20)),
        put("c", "unknown", "x", 1).stamped(at(0, 21)),
        put("c", "ahead", "x", 1).stamped(at(50_000, 21)),
        delete("c", "kept").stamped(at(1, 21)),
    ];
    for (counter, delta) in (1..).zip(&lost) {
        let own = delta.stamp.replica.get();
        let answer = house.push(&house.ben, own, counter + 1, vec![delta.clone()]).await;
        assert!(answer.is_ok(), "{answer:?}");
    }
    let restored_ms = house.restore(&backup, after.path(), false);

    let (house, _) = open(after.path(), Some(&tokens)).await;
    assert!(house.shows("kept") && !house.shows("unknown"));
    // Ann has it all in her copy, and gives it back under a replica of her own.
    let healed = house.push(&house.ann, 30, 1, lost.to_vec()).await;
    assert!(healed.is_ok(), "{healed:?}");
    for key in ["known", "unknown", "ahead"] {
        assert!(house.shows(key), "{key}");
    }
    assert!(!house.shows("kept"), "a delete is given back too");
    // What she gave back bound nobody: Ben's replica is still his to use.
    let again = house.push(&house.ben, 21, 9, vec![put("c", "b", "x", 1).stamped(at(2, 21))]).await;
    assert!(again.is_ok(), "{again:?}");
    // Her own replica is hers now, and his known one is his.
    let stolen =
        house.push(&house.ben, 30, 2, vec![put("c", "b", "x", 2).stamped(at(3, 30))]).await;
    assert_eq!(code(&stolen), Some(Code::ForeignStamp));
    let as_ben =
        house.push(&house.ann, 20, 3, vec![put("c", "b", "x", 3).stamped(at(4, 20))]).await;
    assert_eq!(code(&as_ben), Some(Code::ForeignStamp), "her push's own replica is not his");
    // Stamps from after the restore are nobody's to give back.
    let late = stamp(restored_ms + 60_001, 20);
    let forged = house.push(&house.ann, 30, 4, vec![put("c", "b", "x", 4).stamped(late)]).await;
    assert!(
        matches!(code(&forged), Some(Code::ForeignStamp | Code::ClockDrift)),
        "a stamp of after the restore: {forged:?}"
    );
    house.threads.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn with_authority_nothing_of_others_is_taken_back() {
    let (before, after) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (house, tokens) = open(before.path(), None).await;
    let first = house.push(&house.ben, 20, 1, vec![put("c", "a", "x", 1).stamped(stamp(1, 20))]);
    assert!(first.await.is_ok());
    let mut backup = Vec::new();
    write_backup(house.hub.store(), &mut backup, &mut |_| {}).unwrap();
    house.restore(&backup, after.path(), true);
    let (house, _) = open(after.path(), Some(&tokens)).await;
    let foreign = vec![put("c", "a", "x", 2).stamped(stamp(2, 20))];
    assert_eq!(code(&house.push(&house.ann, 30, 1, foreign).await), Some(Code::ForeignStamp));
    house.threads.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn two_hubs_of_one_backup_never_stamp_alike() {
    let (before, after) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (house, tokens) = open(before.path(), None).await;
    let mut backup = Vec::new();
    write_backup(house.hub.store(), &mut backup, &mut |_| {}).unwrap();
    let clock = house.hub.clock();
    house.restore(&backup, after.path(), false);
    let mut stamps = std::collections::BTreeSet::new();
    for folder in [&before, &after] {
        let (house, _) = open(folder.path(), Some(&tokens)).await;
        assert!(house.hub.clock() >= clock, "the clock never goes back");
        for value in 0..20 {
            let changes = vec![put("c", "a", "x", value)];
            let work = Submission::changes(space("shared"), changes);
            let receipt = house.hub.apply(&house.admin, work).await.unwrap();
            for applied in &receipt.parts[0].1 {
                assert!(stamps.insert(applied.delta.stamp), "{:?} twice", applied.delta.stamp);
            }
        }
        house.threads.stop();
    }
    assert_eq!(stamps.len(), 40);
}

/// An admit over a store whose space was restored at a time, with a window of ten seconds.
fn window(restored_ms: u64) -> Admit {
    let folder = tempfile::tempdir().unwrap();
    let mut bench = workbench::Bench::in_memory(syncline::config::Store::default(), vec![]);
    bench.make_spaces(&["shared"]).unwrap();
    let mut backup = Vec::new();
    write_backup(bench.writer.store(), &mut backup, &mut |_| {}).unwrap();
    let options = RestoreOptions { authoritative: false, now_ms: restored_ms, random: &mut || 77 };
    restore(&mut &*backup, folder.path(), options).unwrap();
    let store = Store::open(&folder.path().join(FILE), CACHE_BYTES).unwrap();
    let sync = Sync { heal_window: Duration::from_secs(10), ..Sync::default() };
    Admit::new(Limits::default(), sync, store, replica(99))
}

#[tokio::test(flavor = "multi_thread")]
async fn the_window_for_healing_closes() {
    let (folder, at) = (tempfile::tempdir().unwrap(), 1_000_000);
    let (house, _) = open(folder.path(), None).await;
    let admit = window(at);
    let push = |name: SpaceName, ms| Push {
        id: PushId { replica: replica(30), counter: 1 },
        space: name,
        epoch: None,
        base: 0,
        guards: Vec::new(),
        deltas: vec![put("c", "a", "x", 1).stamped(stamp(ms, 20))],
    };
    let judge = |name: &str, by: &Principal, ms, now_ms| {
        let push = push(space(name), ms);
        admit.push(by, &push, HlcTime::ZERO, now_ms).map(|admitted| admitted.new_replicas)
    };
    // The replica is Ben's: he used it first.
    assert!(admit.claim(&house.ben, replica(20)).unwrap());
    assert_eq!(judge("shared", &house.ann, at, at + 9_999), Ok(vec![replica(30)]));
    let ahead = judge("shared", &house.ann, at + 60_000, at + 9_999);
    assert_eq!(ahead, Ok(vec![]), "acknowledged ahead of the restore, by the drift allowed");
    let refused = |answer: Result<_, syncline_protocol::Reject>| answer.unwrap_err().code;
    let after = judge("shared", &house.ann, at + 60_001, at + 9_999);
    assert_eq!(refused(after), Code::ForeignStamp, "stamped after the restore");
    let closed = judge("shared", &house.ann, at, at + 10_000);
    assert_eq!(refused(closed), Code::ForeignStamp, "the window has closed");
    let elsewhere = judge("other", &house.ann, at, at + 1);
    assert_eq!(refused(elsewhere), Code::ForeignStamp, "a space that was not restored");
    house.threads.stop();
}

/// The mode of the snapshot that a start gets in a restored space.
fn mode(authoritative: bool, start: impl Fn(Epoch) -> Start) -> Option<SnapshotMode> {
    let folder = tempfile::tempdir().unwrap();
    let mut bench = workbench::Bench::in_memory(syncline::config::Store::default(), vec![]);
    bench.make_spaces(&["shared"]).unwrap();
    bench.push("shared", vec![put("c", "a", "x", 1).stamped(stamp(1, 1))]).unwrap();
    let mut backup = Vec::new();
    write_backup(bench.writer.store(), &mut backup, &mut |_| {}).unwrap();
    let options = RestoreOptions { authoritative, now_ms: 5, random: &mut || 77 };
    restore(&mut &*backup, folder.path(), options).unwrap();
    let store = Store::open(&folder.path().join(FILE), CACHE_BYTES).unwrap();
    let row = store.snapshot().unwrap().space(&space("shared")).unwrap().unwrap();
    let feed = bench.fanout.listen(&space("shared"), row.id, row.sequence);
    let queue = Arc::new(syncline::fanout::Queue::new(1 << 20));
    let (session, filter, start) = (1, Filter::default(), start(row.epoch));
    let beginning = Beginning {
        session,
        queue: &queue,
        feed,
        filter,
        start,
        reading: Reading::everything(),
        writable: true,
    };
    let (mut subscription, _) = Subscription::begin(beginning, &row).unwrap();
    let frames = subscription.catch_up(&store, 1 << 20, || Ok(Reading::everything())).unwrap();
    frames.iter().find_map(|frame| match decode_hub(frame).unwrap() {
        HubFrame::SnapshotBegin { mode, .. } => Some(mode),
        _ => None,
    })
}

#[test]
fn only_copies_of_the_log_before_the_restore_join() {
    let view = ViewMark([0; 8]);
    let resume = |epoch, sequence| Start::Resume(Cursor { epoch, sequence, view });
    assert_eq!(mode(false, |_| resume(Epoch(1), 1)), Some(SnapshotMode::Join));
    assert_eq!(mode(false, |epoch| resume(epoch, 9)), Some(SnapshotMode::Join));
    assert_eq!(mode(false, |epoch| resume(epoch, 0)), Some(SnapshotMode::Replace));
    assert_eq!(mode(false, |_| Start::Snapshot), Some(SnapshotMode::Replace));
    assert_eq!(mode(true, |_| resume(Epoch(1), 1)), Some(SnapshotMode::Replace));
}
