//! The client's end of a session, in virtual time: a seeded network loses, doubles, swaps and cuts,
//! and the session always finds its way back.

#![allow(clippy::unwrap_used, reason = "a test that is wrong should stop")]

mod model;

use model::{ModelHub, collection, field, key, shown};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use syncline_protocol::codec::{self, Limits};
use syncline_protocol::replica::{Event, RecordName};
use syncline_protocol::session::client::{
    Action, BACKOFF_MS_MAX, ClientEvent, ClientSession, ConnectionState, Identity, Moment,
};
use syncline_protocol::{
    Change, ClientFrame, Clock, Code, DeviceId, Filter, HubFrame, PresenceEvent, PushId, Reject,
    Replica, ReplicaId, SpaceName, Stamp, Value,
};

const START_MS: u64 = 1_700_000_000_000;

/// How often the network spoils a message, in thousandths.
#[derive(Clone, Copy, Default)]
struct Faults {
    lost: u32,
    doubled: u32,
    swapped: u32,
    cut: u32,
}

/// A session, a hub and a network, all in virtual time.
struct Network {
    hub: ModelHub,
    session: ClientSession,
    random: StdRng,
    faults: Faults,
    now_ms: u64,
    /// How far the device's clock is ahead of the hub's, in milliseconds.
    skew_ms: i64,
    is_open: bool,
    is_reachable: bool,
    /// Messages on their way: when they arrive, in what order they were sent, and what they are.
    to_hub: Vec<(u64, u64, Vec<u8>)>,
    to_client: Vec<(u64, u64, Vec<u8>)>,
    sent: u64,
    heartbeat_at_ms: u64,
    other: Clock,
    written: u64,
    events: Vec<ClientEvent>,
    connects: u64,
    /// How often presence was shown.
    shown: u64,
}

impl Network {
    fn new(seed: u64) -> Self {
        let hub = ModelHub::new(START_MS);
        let mut replica = Replica::new(ReplicaId::from_random(1), DeviceId(1));
        replica.open(&hub.space, Filter::default());
        let identity = Identity { token: "t".to_owned(), ..Identity::default() };
        Self {
            hub,
            session: ClientSession::new(replica, identity),
            random: StdRng::seed_from_u64(seed),
            faults: Faults::default(),
            now_ms: 0,
            skew_ms: 0,
            is_open: false,
            is_reachable: true,
            to_hub: vec![],
            to_client: vec![],
            sent: 0,
            heartbeat_at_ms: 15_000,
            other: Clock::default(),
            written: 0,
            events: vec![],
            connects: 0,
            shown: 0,
        }
    }

    fn moment(&mut self) -> Moment {
        let wall_ms = (START_MS + self.now_ms).saturating_add_signed(self.skew_ms);
        Moment { wall_ms, steady_ms: self.now_ms, random: self.random.random() }
    }

    fn chance(&mut self, thousandths: u32) -> bool {
        self.random.random_ratio(thousandths, 1000)
    }

    fn act(&mut self, actions: Vec<Action>) {
        for action in actions {
            match action {
                Action::Connect => self.connect(),
                Action::Send(bytes) => {
                    let frame = codec::decode_client(&bytes, &Limits::default()).unwrap();
                    self.shown += u64::from(matches!(frame, ClientFrame::Presence { .. }));
                    self.send(true, bytes);
                }
                Action::Close => self.drop_connection(),
                Action::Event(event) => self.events.push(event),
            }
        }
    }

    fn connect(&mut self) {
        self.drop_connection();
        self.connects += 1;
        let now = self.moment();
        self.is_open = self.is_reachable;
        let actions = if self.is_reachable {
            self.session.opened(now)
        } else {
            self.session.closed("nobody answers", now)
        };
        self.act(actions);
    }

    fn drop_connection(&mut self) {
        self.to_hub.clear();
        self.to_client.clear();
        self.hub.disconnect();
        self.is_open = false;
    }

    /// The network cuts a connection.
    fn cut(&mut self) {
        if self.is_open {
            self.drop_connection();
            let now = self.moment();
            let actions = self.session.closed("cut", now);
            self.act(actions);
        }
    }

    fn send(&mut self, is_to_hub: bool, bytes: Vec<u8>) {
        if !self.is_open || self.chance(self.faults.lost) {
            return;
        }
        let is_doubled = self.chance(self.faults.doubled);
        let is_swapped = self.chance(self.faults.swapped);
        let delay_ms = if is_swapped { self.random.random_range(20..400) } else { 20 };
        self.sent += 1;
        let (at_ms, order) = (self.now_ms + delay_ms, self.sent);
        let queue = if is_to_hub { &mut self.to_hub } else { &mut self.to_client };
        if is_doubled {
            queue.push((at_ms + 30, order, bytes.clone()));
        }
        queue.push((at_ms, order, bytes));
    }

    fn hub_sends(&mut self, frames: Vec<HubFrame>) {
        for frame in frames {
            self.send(false, codec::encode_hub(&frame));
        }
    }

    /// Does whatever is next; gives false when nothing is before `end_ms`.
    fn step(&mut self, end_ms: u64) -> bool {
        let next = |queue: &[(u64, u64, Vec<u8>)]| queue.iter().map(|m| (m.0, m.1)).min();
        let (to_hub, to_client) = (next(&self.to_hub), next(&self.to_client));
        let wake_ms = self.session.wake_at_ms().unwrap_or(u64::MAX);
        let times = [to_hub.map_or(u64::MAX, |m| m.0), to_client.map_or(u64::MAX, |m| m.0)];
        let at_ms = times.into_iter().min().unwrap().min(wake_ms).min(self.heartbeat_at_ms);
        if at_ms > end_ms {
            self.now_ms = end_ms;
            return false;
        }
        self.now_ms = self.now_ms.max(at_ms);
        self.hub.now_ms = START_MS + self.now_ms;
        if self.chance(self.faults.cut) {
            self.cut();
        } else if at_ms == times[0] {
            let bytes = take(&mut self.to_hub, to_hub.unwrap());
            let frame = codec::decode_client(&bytes, &Limits::default()).unwrap();
            let answers = self.hub.receive(frame);
            self.hub_sends(answers);
        } else if at_ms == times[1] {
            let bytes = take(&mut self.to_client, to_client.unwrap());
            let now = self.moment();
            let actions = self.session.received(&bytes, now);
            self.act(actions);
        } else if at_ms == self.heartbeat_at_ms {
            self.heartbeat_at_ms += 15_000;
            let frame = self.hub.heartbeat();
            self.hub_sends(vec![frame]);
        } else {
            let now = self.moment();
            let actions = self.session.wake(now);
            self.act(actions);
        }
        true
    }

    fn run(&mut self, for_ms: u64) {
        let end_ms = self.now_ms + for_ms;
        let mut steps = 0_u64;
        while self.step(end_ms) {
            steps += 1;
            assert!(steps < 100_000 + for_ms, "the session spins");
        }
    }

    fn change(&mut self) -> Change {
        self.written += 1;
        let key = key(&format!("k{}", self.random.random_range(0..20)));
        if self.chance(150) {
            return Change::delete(collection("c"), key);
        }
        let field = field(&format!("f{}", self.random.random_range(0..3)));
        Change::put(collection("c"), key, vec![(field, Some(Value::from(self.written)))]).unwrap()
    }

    fn write(&mut self) -> PushId {
        let (change, now) = (self.change(), self.moment());
        let space = self.hub.space.clone();
        let (push, actions) = self.session.write(&space, vec![change], vec![], now).unwrap();
        self.act(actions);
        push
    }

    fn hub_write(&mut self) {
        let time = self.other.tick(START_MS + self.now_ms);
        let delta = self.change().stamped(Stamp::new(time, ReplicaId::from_random(9)));
        let frames = self.hub.write(&[delta]);
        if self.is_open {
            self.hub_sends(frames);
        }
    }

    fn check_equal(&self, seed: u64) {
        let replica = self.session.replica();
        assert_eq!(self.session.state(), ConnectionState::Live, "seed {seed}");
        let records = replica.records("home").filter(|(_, _, record)| record.is_visible());
        let copy = records.map(|(c, k, r)| (RecordName::new(c, k), r.clone())).collect();
        assert_eq!(shown(&copy), shown(&self.hub.visible(&Filter::default())), "seed {seed}");
        assert_eq!(replica.digests("home"), self.hub.digests(&Filter::default()), "seed {seed}");
        assert_eq!(replica.outbox_len(), 0, "seed {seed}");
    }

    fn last_state(&self) -> &ConnectionState {
        let mut states = self.events.iter().filter_map(|event| match event {
            ClientEvent::State(state) => Some(state),
            _ => None,
        });
        states.next_back().unwrap()
    }

    fn goodbye(&mut self, code: Code, retry_after_ms: Option<u64>) {
        let frame = HubFrame::Goodbye { reject: Reject::new(code, "bye"), retry_after_ms };
        self.hub_sends(vec![frame]);
        self.run(100);
    }
}

fn take(queue: &mut Vec<(u64, u64, Vec<u8>)>, (at_ms, order): (u64, u64)) -> Vec<u8> {
    let index = queue.iter().position(|m| (m.0, m.1) == (at_ms, order)).unwrap();
    queue.remove(index).2
}

fn connected() -> Network {
    let mut network = Network::new(1);
    network.run(1_000);
    assert_eq!(network.session.state(), ConnectionState::Live);
    network
}

#[test]
fn a_spoilt_network_ends_in_equal_copies() {
    let seeds = std::env::var("SYNCLINE_SIM_SEEDS").ok().and_then(|text| text.parse().ok());
    for seed in 0..seeds.unwrap_or(60) {
        let mut network = Network::new(seed);
        network.faults = Faults { lost: 20, doubled: 40, swapped: 30, cut: 2 };
        network.skew_ms = network.random.random_range(-7_200_000..7_200_000);
        for _ in 0..150 {
            match network.random.random_range(0..6) {
                0 | 1 => drop(network.write()),
                2 | 3 => network.hub_write(),
                4 => network.is_reachable = network.random.random_ratio(2, 3),
                _ => network.hub.compact(),
            }
            let pause_ms = network.random.random_range(0..4_000);
            network.run(pause_ms);
        }
        (network.faults, network.is_reachable) = (Faults::default(), true);
        network.run(150_000);
        network.check_equal(seed);
    }
}

#[test]
fn an_unreachable_hub_is_tried_for_ever_and_ever_more_slowly() {
    let mut network = Network::new(3);
    network.is_reachable = false;
    network.run(60_000);
    let early = network.connects;
    network.run(3_600_000);
    let late = network.connects - early;
    assert!(early >= 6, "{early} tries in the first minute");
    // Half of the longest pause on average.
    let expected = 3_600_000 / (BACKOFF_MS_MAX / 2);
    assert!((expected / 2..expected * 2).contains(&late), "{late} tries in an hour");
    let ConnectionState::Offline { reason: Some(reason), .. } = network.session.state() else {
        panic!("{:?}", network.session.state());
    };
    assert_eq!(reason, "nobody answers");
    network.is_reachable = true;
    network.run(BACKOFF_MS_MAX + 1_000);
    assert_eq!(network.session.state(), ConnectionState::Live);
}

#[test]
fn a_refused_token_stops_until_there_is_another() {
    let mut network = connected();
    network.goodbye(Code::Unauthorized, None);
    assert!(matches!(network.last_state(), ConnectionState::NeedsAuth(_)));
    let before = network.connects;
    network.run(600_000);
    assert_eq!((network.connects, network.session.wake_at_ms()), (before, None));
    let now = network.moment();
    let actions = network.session.set_token("other".to_owned(), now);
    network.act(actions);
    network.run(1_000);
    assert_eq!(network.session.state(), ConnectionState::Live);
}

#[test]
fn goodbyes_for_good_stop_and_others_come_back_when_asked() {
    for code in [Code::Replaced, Code::UnsupportedVersion] {
        let mut network = connected();
        network.goodbye(code, None);
        let ConnectionState::Stopped(Some(reject)) = network.session.state() else { panic!() };
        assert_eq!(reject.code, code);
    }
    let mut network = connected();
    network.goodbye(Code::GoingAway, Some(20_000));
    network.run(19_500);
    assert_eq!(network.connects, 1);
    network.run(2_000);
    assert_eq!((network.connects, network.session.state()), (2, ConnectionState::Live));
}

#[test]
fn a_silent_hub_is_left_when_it_does_not_answer_a_ping() {
    let mut network = connected();
    network.faults.lost = 1000;
    network.run(48_000);
    assert_eq!(network.connects, 1);
    network.faults.lost = 0;
    network.run(8_000);
    assert_eq!((network.connects, network.session.state()), (2, ConnectionState::Live));
}

#[test]
fn a_lost_answer_ends_in_a_new_session() {
    let mut network = connected();
    network.faults.lost = 1000;
    let push = network.write();
    network.faults.lost = 0;
    network.run(29_000);
    assert_eq!((network.connects, network.session.replica().is_waiting(push)), (1, true));
    network.run(5_000);
    assert_eq!((network.connects, network.session.replica().is_waiting(push)), (2, false));
    network.check_equal(1);
}

#[test]
fn a_stream_that_falls_back_to_catching_up_and_stops_ends_in_a_new_session() {
    let mut network = connected();
    let space = network.hub.space.clone();
    let (before, last) = (network.hub.sequence, network.hub.sequence);
    let more = HubFrame::Changes { space, before, last, more: true, deltas: vec![] };
    network.hub_sends(vec![more]);
    network.run(29_000);
    assert_eq!((network.connects, network.session.replica().is_live("home")), (1, false));
    network.run(5_000);
    assert_eq!((network.connects, network.session.replica().is_live("home")), (2, true));
}

#[test]
fn quiet_sessions_live_on_and_keep_the_clock() {
    let mut network = connected();
    network.skew_ms = 5_000;
    network.run(3_600_000);
    assert_eq!(network.connects, 1);
    let now = network.moment();
    let offset_ms = START_MS + network.now_ms;
    assert!(network.session.replica().hub_ms(now.wall_ms).abs_diff(offset_ms) < 100);
}

#[test]
fn a_device_with_a_wrong_clock_writes_in_hub_time() {
    for skew_ms in [-86_400_000, 86_400_000] {
        let mut network = Network::new(5);
        network.skew_ms = skew_ms;
        let offline = network.write();
        network.run(5_000);
        assert!(!network.session.replica().is_waiting(offline));
        network.write();
        network.run(5_000);
        network.check_equal(5);
        let refused = |event: &ClientEvent| {
            matches!(event, ClientEvent::Replica(Event::Rejected { .. } | Event::Conflict { .. }))
        };
        assert!(!network.events.iter().any(refused));
    }
}

#[test]
fn a_busy_hub_is_asked_again_after_a_while() {
    let mut network = connected();
    network.hub.refuse = Some(Code::Busy);
    let push = network.write();
    network.run(900);
    network.hub.refuse = None;
    assert!(network.session.replica().is_waiting(push));
    network.run(10_000);
    assert!(!network.session.replica().is_waiting(push));
    assert_eq!(network.connects, 1);
}

#[test]
fn what_a_restored_hub_lost_is_offered_within_five_seconds() {
    let mut network = connected();
    let backup = network.hub.backup();
    network.write();
    network.write();
    network.run(1_000);
    let before = network.hub.visible(&Filter::default());
    network.cut();
    network.hub.restore(&backup);
    network.run(10_000);
    assert_eq!(shown(&before), shown(&network.hub.visible(&Filter::default())));
    network.check_equal(1);
}

#[test]
fn unreadable_messages_end_the_connection_and_not_the_session() {
    let mut network = connected();
    network.send(false, vec![0xc1]);
    network.run(5_000);
    assert_eq!((network.connects, network.session.state()), (2, ConnectionState::Live));
}

#[test]
fn presence_is_shown_again_in_each_session_and_signals_need_one() {
    let mut network = connected();
    let (space, now) = (SpaceName::new("home").unwrap(), network.moment());
    let actions = network.session.presence(&space, Some(Value::from("here")), now).unwrap();
    network.act(actions);
    assert_eq!(network.shown, 1);
    let huge = Value::from("x".repeat(20_000).as_str());
    assert!(network.session.signal(&space, huge, now).is_err());
    assert!(network.session.signal(&space, Value::nil(), now).is_ok());
    let from = syncline_protocol::Peer {
        device: DeviceId(4),
        name: "phone".to_owned(),
        principal: "ann".to_owned(),
    };
    let joined =
        HubFrame::Presence { space: space.clone(), from, event: PresenceEvent::Joined(None) };
    network.hub_sends(vec![joined]);
    network.run(100);
    assert!(matches!(network.events.last(), Some(ClientEvent::Presence { .. })));
    network.cut();
    let now = network.moment();
    assert!(network.session.signal(&space, Value::nil(), now).is_err());
    network.run(5_000);
    assert_eq!((network.session.state(), network.shown), (ConnectionState::Live, 2));
}

#[test]
fn the_token_is_never_shown() {
    let network = Network::new(1);
    let text = format!("{:?}", network.session);
    assert!(text.contains("Identity") && !text.contains("\"t\""));
}
