//! Golden stamps: their bytes and order, and clocks that tick and observe step by step.

use serde_json::{Value as Json, json};
use syncline_protocol::{Clock, HlcTime, MILLIS_MAX, Stamp};

use super::{NOW_MS, replica};

/// Stamps in ascending order.
pub(crate) fn stamps() -> Vec<Json> {
    let cases = [
        ("first", "The least stamp.", 0, 0, 1),
        ("counter", "The counter counts before the replica.", 0, 1, 1),
        ("millisecond", "Milliseconds count before the counter.", 1, 0, 1),
        ("now", "An everyday stamp.", NOW_MS, 0, 1),
        ("replica", "The replica decides last, as an unsigned number.", NOW_MS, 0, u64::MAX),
        ("last", "The greatest stamp.", MILLIS_MAX, u16::MAX, u64::MAX),
    ];
    let stamps = cases.map(|(.., millis, counter, by)| {
        Stamp::new(HlcTime::from_bits(millis << 16 | u64::from(counter)), replica(by))
    });
    assert!(stamps.is_sorted() && stamps.map(Stamp::to_bytes).is_sorted());
    let entries = cases.iter().zip(stamps).map(|(&(name, note, millis, counter, by), stamp)| {
        json!({
            "name": name,
            "note": note,
            "value": { "millis": millis, "counter": counter, "replica": format!("{by:016x}") },
            "hex": hex::encode(stamp.to_bytes()),
        })
    });
    entries.collect()
}

/// What a clock is told: a tick at a wall time, or a time observed at one.
enum Step {
    Tick(u64),
    Observe(u64, u16, u64),
}

/// Clocks, each with the time that it shows after every step.
pub(crate) fn clocks() -> Vec<Json> {
    use Step::{Observe, Tick};
    const DRIFT: u64 = 60_000;
    vec![
        clock("ticks", "One wall millisecond, then a later one.", 0, &[Tick(9), Tick(9), Tick(11)]),
        clock("wall_back", "A wall that falls back.", 0, &[Tick(100), Tick(40), Tick(101)]),
        clock(
            "carry",
            "The counter carries into the milliseconds.",
            9 << 16 | 0xfffe,
            &[Tick(3), Tick(3), Tick(3)],
        ),
        clock(
            "observe",
            "A later time moves the clock, an earlier one does not.",
            0,
            &[Tick(10), Observe(15, 7, 10), Tick(10), Observe(12, 0, 12), Tick(16)],
        ),
        clock(
            "drift",
            "Exactly the drift is good, a millisecond more is refused and moves nothing.",
            0,
            &[Tick(10), Observe(11 + DRIFT, 0, 10), Tick(10), Observe(10 + DRIFT, 0, 10), Tick(10)],
        ),
        clock(
            "restart",
            "A clock that starts after a persisted time.",
            500 << 16 | 3,
            &[Tick(20), Tick(501)],
        ),
    ]
}

fn clock(name: &str, note: &str, last: u64, steps: &[Step]) -> Json {
    let mut clock = Clock::starting_after(HlcTime::from_bits(last));
    let steps: Vec<_> = steps.iter().map(|step| run(&mut clock, step)).collect();
    json!({ "name": name, "note": note, "last": time(HlcTime::from_bits(last)), "steps": steps })
}

fn run(clock: &mut Clock, step: &Step) -> Json {
    match *step {
        Step::Tick(now_ms) => json!({ "tick": now_ms, "last": time(clock.tick(now_ms)) }),
        Step::Observe(millis, counter, now_ms) => {
            let seen = HlcTime::from_bits(millis << 16 | u64::from(counter));
            let taken = clock.observe_within(seen, now_ms, 60_000).is_ok();
            json!({
                "observe": time(seen), "now": now_ms, "taken": taken, "last": time(clock.last()),
            })
        }
    }
}

/// The 64 bits of a time, as in the first half of a stamp.
fn time(time: HlcTime) -> String {
    format!("{:016x}", time.to_bits())
}
