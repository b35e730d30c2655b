//! `syncline-bench`: what this machine carries, measured beside what else it could run.
//!
//! ```text
//! scenario (what is done) > driver (when it is sent, what is counted) > target (to whom)
//!                         > book (what was found) > report (how it is told)
//! ```
//! It knows the hub from outside only: its program, its wire, its metrics.

mod bench;
mod book;
mod cli;
mod clock;
mod contract;
mod driver;
mod figure;
mod machine;
mod process;
mod reference;
mod report;
mod scenario;
mod settings;
mod tally;
mod target;
mod workload;

fn main() -> std::process::ExitCode {
    cli::main()
}
