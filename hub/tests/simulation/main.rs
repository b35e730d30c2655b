//! The simulation: many replicas and the real hub in one thread, over a network and with clocks,
//! disks and programs that fail, under one seed. It replays exactly, so that a failure that chance
//! found once can be looked at until it is understood.
//!
//! - `SYNCLINE_SIM_SEED=n` runs one seed, and prints its last events when it fails.
//! - `SYNCLINE_SIM_SEEDS=k` runs the first k seeds.
//!
//! ```text
//! world     the loop, and everything that there is       plan      what a seed makes of a run
//! network   messages lost, doubled, late, out of order   faults    misfortunes and their end
//! hubside   commits, publishing, pages, crashes          apps      what is written, what is told
//! node      the hub without its threads                  seat      its end of a connection
//! device    a client session with store and clocks       disk      forgets what was not synced
//! oracle    what must be true of the records             ledger    what the apps were promised
//! verdict   all compared                                 tally     what really happened
//! ```

mod apps;
mod chance;
mod device;
mod disk;
mod faults;
mod hubside;
mod ledger;
mod network;
mod node;
mod oracle;
mod plan;
mod seat;
mod tally;
mod trace;
mod verdict;
mod world;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use tally::Tally;
use world::World;

/// Seeds by default: enough for a change to be judged while one waits for it.
const SEEDS: u64 = if cfg!(debug_assertions) { 20 } else { 200 };
/// From so many seeds on each misfortune must have happened at least once.
const SEEDS_FOR_ALL: u64 = 20;

fn variable(name: &str) -> Option<u64> {
    let text = std::env::var(name).ok()?;
    Some(text.parse().expect("the variable holds a number"))
}

/// Runs a seed and prints what happened in it. Gives what to say when it failed.
fn run(seed: u64) -> Result<Tally, String> {
    let begun = Instant::now();
    let run = catch_unwind(AssertUnwindSafe(|| World::run(seed)));
    let failed = |why: String| {
        format!("{}seed {seed} failed: {why}\nreplay: SYNCLINE_SIM_SEED={seed}", trace::lines())
    };
    let tally = match run {
        Ok(Ok(tally)) => tally,
        Ok(Err(why)) => return Err(failed(why)),
        Err(panic) => {
            let text = panic.downcast_ref::<String>().map(String::as_str);
            let text = text.or_else(|| panic.downcast_ref::<&str>().copied());
            return Err(failed(format!("panic: {}", text.unwrap_or("without words"))));
        }
    };
    println!("seed {seed}, {} ms: {tally}", begun.elapsed().as_millis());
    Ok(tally)
}

/// Runs seeds on as many threads as there are cores; each run stays in its own.
fn run_all(seeds: std::ops::Range<u64>) -> (Tally, Vec<String>) {
    let (next, end) = (AtomicU64::new(seeds.start), seeds.end);
    let results = Mutex::new((Tally::default(), Vec::new()));
    let work = || {
        while let Some(seed) = Some(next.fetch_add(1, Ordering::Relaxed)).filter(|&it| it < end) {
            let result = run(seed);
            let mut results = results.lock().expect("nothing panics while it holds the results");
            match result {
                Ok(tally) => results.0.join(&tally),
                Err(why) => {
                    results.1.push(why);
                    next.store(end, Ordering::Relaxed);
                }
            }
        }
    };
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(work);
        }
    });
    results.into_inner().expect("nothing panics while it holds the results")
}

#[test]
fn a_seed_replays_exactly() {
    let [first, second] = [(); 2].map(|()| run(1).map(|tally| tally.to_string()));
    assert_eq!(first, second);
    assert!(first.is_ok());
}

#[test]
fn all_copies_are_equal_at_the_end_whatever_happens() {
    if let Some(seed) = variable("SYNCLINE_SIM_SEED") {
        run(seed).unwrap_or_else(|why| panic!("{why}"));
        return;
    }
    let seeds = variable("SYNCLINE_SIM_SEEDS").unwrap_or(SEEDS);
    let begun = Instant::now();
    let (tally, failures) = run_all(0..seeds);
    assert!(failures.is_empty(), "{}", failures.join("\n\n"));
    println!("{seeds} seeds in {} ms, in all: {tally}", begun.elapsed().as_millis());
    if seeds >= SEEDS_FOR_ALL {
        let missing = tally.missing();
        assert!(missing.is_empty(), "this never happened in any run: {}", missing.join(", "));
    }
}
