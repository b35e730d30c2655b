//! What sessions weigh: idle ones, and one that does not read.

use std::time::{Duration, Instant};

use super::program::Program;
use super::raw::{RawClient, change};
use super::size;
use syncline_protocol::{Applied, ClientFrame, Filter, HubFrame, SpaceName};

/// What an idle session may weigh in the hub.
const IDLE_BYTES: u64 = 10 * 1024;
/// What measuring itself may cost: pages that the allocator keeps.
const NOISE_BYTES: u64 = 4 << 20;
/// By how much two runs of the same work differ at their peaks.
const PEAK_NOISE_BYTES: u64 = 24 << 20;
/// What is written past a session that does not read: more than twice what it may seem to cost.
const WRITTEN_BYTES: usize = 64 << 20;
/// The bound of a session's queue in the run with a slow reader.
const QUEUE_BYTES: u64 = 1 << 20;

async fn idle_session(
    program: &Program,
    token: &str,
    space: &SpaceName,
    index: usize,
) -> RawClient {
    // Several addresses: one has not enough ports for all.
    let host = u8::try_from(index % 50 + 2).unwrap();
    let mut client = RawClient::open_from(program.address, [127, 0, 0, host]).await;
    client.hello(token).await.unwrap();
    client.subscribe(space, Filter::default()).await;
    client
}

#[tokio::test(flavor = "multi_thread")]
async fn an_idle_session_weighs_little() {
    let sessions = size("SYNCLINE_IDLE_SESSIONS", 500);
    rlimit::increase_nofile_limit(u64::MAX).unwrap();
    let program = Program::start(&[]);
    program.command(&["space", "create", "quiet"]);
    let (space, token) = (SpaceName::new("quiet").unwrap(), program.token());
    let mut held = Vec::new();
    // The first ones warm up what is made once.
    for index in 0..50 {
        held.push(idle_session(&program, &token, &space, index).await);
    }
    let before = program.resident();
    for index in 0..sessions {
        held.push(idle_session(&program, &token, &space, index).await);
    }
    // A heartbeat reaches every one of them.
    let last = held.last_mut().unwrap();
    while !matches!(last.next().await, HubFrame::Heartbeat { .. }) {}
    let each = program.resident().saturating_sub(before) / sessions as u64;
    println!("{sessions} idle sessions: {each} bytes each");
    let noise = NOISE_BYTES / sessions as u64;
    assert!(each <= IDLE_BYTES + noise, "{each} bytes a session");
}

/// Pushes many deltas while a bystander reads along, with or without a session that does not.
/// Gives the hub's greatest memory, and how long the bystander took.
async fn pushed(deltas: usize, with_sleeper: bool) -> (u64, Duration) {
    let queue = QUEUE_BYTES.to_string();
    let settings = [
        ("SYNCLINE_STORE__CACHE_BYTES", "16 MiB"),
        ("SYNCLINE_STORE__JOURNAL_BYTES", "1 MiB"),
        ("SYNCLINE_SYNC__QUEUE_BYTES", &queue),
        ("SYNCLINE_SYNC__IDLE_TIMEOUT", "10m"),
    ];
    let program = Program::start(&settings);
    program.command(&["space", "create", "busy"]);
    let (space, token) = (SpaceName::new("busy").unwrap(), program.token());
    let mut sleeper = RawClient::connect(program.address, &token).await.unwrap();
    if with_sleeper {
        sleeper.subscribe(&space, Filter::default()).await;
    }
    let mut bystander = RawClient::connect(program.address, &token).await.unwrap();
    bystander.subscribe(&space, Filter::default()).await;
    let mut writer = RawClient::connect(program.address, &token).await.unwrap();
    let begun = Instant::now();
    let reading = tokio::spawn(async move {
        let mut last = 0;
        while last < deltas as u64 {
            match bystander.next().await {
                HubFrame::Changes { last: to, .. } => last = to,
                HubFrame::Goodbye { reject, .. } => panic!("{reject}"),
                _ => {}
            }
        }
        bystander
    });
    write_many(&mut writer, &space, deltas).await;
    drop(reading.await.unwrap());
    let (peak, took) = (program.resident_peak(), begun.elapsed());
    if with_sleeper {
        wakes_up_to_everything(&mut sleeper, deltas).await;
    }
    (peak, took)
}

/// Writes records in pushes of a hundred, sixteen under way: [`WRITTEN_BYTES`] in all, or more.
async fn write_many(writer: &mut RawClient, space: &SpaceName, deltas: usize) {
    let mut waiting = std::collections::VecDeque::new();
    let value = "x".repeat((WRITTEN_BYTES / deltas).max(40));
    for from in (0..deltas).step_by(100) {
        let keys = from..deltas.min(from + 100);
        let deltas = keys.map(|key| change(&format!("key-{key}"), &value).stamped(writer.stamp()));
        let deltas = deltas.collect();
        let push = writer.push_of(space, deltas);
        waiting.push_back(push.id);
        writer.send(&ClientFrame::Push(push)).await;
        if waiting.len() == 16 {
            writer.answer(waiting.pop_front().unwrap()).await.unwrap();
        }
    }
    while let Some(id) = waiting.pop_front() {
        writer.answer(id).await.unwrap();
    }
}

/// The session that slept gets every record there is, once it reads.
async fn wakes_up_to_everything(sleeper: &mut RawClient, deltas: usize) {
    let mut seen = std::collections::HashSet::new();
    let mut count = |deltas: Vec<Applied>| {
        seen.extend(deltas.into_iter().map(|it| it.delta.change.key));
        seen.len()
    };
    loop {
        if let HubFrame::Changes { deltas: some, .. } = sleeper.next().await
            && count(some) == deltas
        {
            return;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_that_does_not_read_costs_its_queue_and_delays_nobody() {
    let deltas = size("SYNCLINE_SLOW_DELTAS", 20_000);
    let (without, took_without) = pushed(deltas, false).await;
    let (with, took_with) = pushed(deltas, true).await;
    let cost = with.saturating_sub(without);
    println!(
        "{deltas} deltas: peak {without} without, {with} with a sleeper: {cost} more; \
         {took_without:?} and {took_with:?}"
    );
    assert!(cost <= QUEUE_BYTES + PEAK_NOISE_BYTES, "a slow session cost {cost} bytes");
}
