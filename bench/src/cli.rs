//! The command line: what to measure, against whom, and where the report goes.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand, ValueEnum as _};

use crate::bench::Bench;
use crate::book::Book;
use crate::contract;
use crate::reference::{rebroadcast, rows::Rows};
use crate::report::{compare, html, table};
use crate::scenario::Scenario;
use crate::settings::Settings;
use crate::target::{self, Failure};
use crate::{machine, report};

const EXAMPLES: &str = "\
Examples:
  syncline-bench run --quick
  syncline-bench run fanout write --target hub,ceiling --json today.json --html today.html
  syncline-bench run storm --storm-sessions 5000 --rounds 3
  syncline-bench compare yesterday.json today.json
  syncline-bench check --target hub,redis
  syncline-bench list";

/// Measures a Syncline hub beside its ceiling, its bare store and its peers.
#[derive(Debug, Parser)]
#[command(name = "syncline-bench", version, after_help = EXAMPLES)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Measures, and prints what it found
    Run(Box<RunArgs>),
    /// Shows what moved beyond the noise between two runs
    Compare {
        /// The older run's JSON
        old: PathBuf,
        /// The newer run's JSON
        new: PathBuf,
    },
    /// Lists the systems, what an acknowledgement means there, and how to install them
    List,
    /// Proves that each system does what the measurements take for granted
    Check(Box<CheckArgs>),
    /// The ceiling's server
    #[command(hide = true)]
    Ceiling { address: SocketAddr },
    /// The bare store
    #[command(hide = true, subcommand)]
    Rows(Rows),
}

/// Whom a quick run measures: each further system takes a minute.
const QUICK: [&str; 2] = ["hub", "ceiling"];

#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
struct RunArgs {
    /// What to measure; everything when nothing is named
    #[arg(value_name = "SCENARIO")]
    scenarios: Vec<Scenario>,
    /// Whom to measure; all that are installed when nothing is named, and with --quick the hub and
    /// what it is held against
    #[arg(long, value_delimiter = ',', value_name = "NAME")]
    target: Vec<String>,
    /// Writes the run to a file, for `compare` and for other programs
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Writes the run as one page with plots, which needs no network
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
    #[command(flatten)]
    settings: Settings,
}

#[derive(Debug, clap::Args)]
struct CheckArgs {
    /// Whom to check; all that are installed when nothing is named
    #[arg(long, value_delimiter = ',', value_name = "NAME")]
    target: Vec<String>,
    #[command(flatten)]
    settings: Settings,
}

/// Runs the program; the exit code is 0, 1 for a failure, 2 for a wrong call.
pub(crate) fn main() -> ExitCode {
    let cli = Cli::parse();
    // Whoever was first has chosen the same.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let runtime = match tokio::runtime::Runtime::new() {
        Ok(runtime) => runtime,
        Err(error) => return failed(&error.into()),
    };
    let ended = runtime.block_on(async {
        tokio::select! {
            result = cli.command.run() => result,
            () = interrupted() => Err(Failure::new("interrupted")),
        }
    });
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failed(&failure),
    }
}

/// Waits until someone asks it to end: what is dropped then takes servers and folders with it.
async fn interrupted() {
    use tokio::signal::unix::{SignalKind, signal};
    match signal(SignalKind::terminate()) {
        Ok(mut terminate) => {
            tokio::select! {
                _ = tokio::signal::ctrl_c() => {}
                _ = terminate.recv() => {}
            }
        }
        // Without handlers a signal ends the program at once, as ever.
        Err(_) => std::future::pending().await,
    }
}

fn failed(failure: &Failure) -> ExitCode {
    eprintln!("syncline-bench: {failure}");
    ExitCode::FAILURE
}

impl Command {
    async fn run(self) -> Result<(), Failure> {
        match self {
            Self::Run(run) => run.run().await,
            Self::Compare { old, new } => {
                print!("{}", compare::compare(&report::read(&old)?, &report::read(&new)?));
                Ok(())
            }
            Self::List => {
                list();
                Ok(())
            }
            Self::Check(check) => check.run().await,
            Self::Ceiling { address } => Ok(rebroadcast::serve(address).await?),
            Self::Rows(rows) => rows.run().await,
        }
    }
}

impl RunArgs {
    async fn run(self) -> Result<(), Failure> {
        let settings = self.settings.settled();
        // Descriptors for as many sessions as the machine allows; too few show as a failure.
        let _ = rlimit::increase_nofile_limit(u64::MAX);
        let targets = match self.target.as_slice() {
            [] if settings.quick => chosen(&QUICK.map(str::to_owned))?,
            named => chosen(named)?,
        };
        let scenarios = match self.scenarios {
            none if none.is_empty() => Scenario::value_variants().to_vec(),
            some => some,
        };
        let run = machine::run(&settings);
        let mut bench = Bench::new(settings, targets);
        bench.book.run = run;
        for scenario in scenarios {
            scenario.run(&mut bench).await;
        }
        bench.done();
        tell(&bench.book, self.json, self.html)
    }
}

impl CheckArgs {
    async fn run(self) -> Result<(), Failure> {
        let mut broken = Vec::new();
        for target in chosen(&self.target)? {
            if let Err(missing) = target.installed() {
                println!("{}\n  not installed: {missing}", target.name());
                continue;
            }
            let findings = contract::check(target.as_ref(), self.settings.site()?).await;
            println!("{findings}");
            if findings.are_broken() {
                broken.push(target.name());
            }
        }
        if broken.is_empty() {
            return Ok(());
        }
        Err(Failure::new(format!("not what they promise: {}", broken.join(", "))))
    }
}

fn chosen(names: &[String]) -> Result<Vec<Box<dyn target::Target>>, Failure> {
    let mut targets = target::all();
    if let Some(unknown) = names.iter().find(|name| targets.iter().all(|it| it.name() != **name)) {
        let known: Vec<_> = targets.iter().map(|it| it.name()).collect();
        let known = known.join(", ");
        return Err(Failure::new(format!("there is no target {unknown}; there are {known}")));
    }
    targets.retain(|target| names.is_empty() || names.iter().any(|name| name == target.name()));
    Ok(targets)
}

fn tell(book: &Book, json: Option<PathBuf>, page: Option<PathBuf>) -> Result<(), Failure> {
    print!("{}", table::table(book));
    if let Some(path) = json {
        report::write(&path, &report::json(book)?)?;
    }
    if let Some(path) = page {
        report::write(&path, &html::page(book)?)?;
    }
    Ok(())
}

fn list() {
    for target in target::all() {
        println!("{}\n    acknowledged: {}", target.name(), target.acknowledges());
        if let Some(note) = target.note() {
            println!("    {note}");
        }
        if let Err(how) = target.installed() {
            println!("    not installed: {how}");
        }
    }
}
