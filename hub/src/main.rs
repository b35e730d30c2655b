//! The program: reads its arguments, does the one thing that they ask for, and says by its exit
//! code how that went. It decides nothing that a user of the library could not.

use std::process::ExitCode;

use clap::Parser as _;
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use serde_json::Value as Json;
use syncline::cli::{self, Cli, Command, Failure, Ordered, ServeArgs};
use syncline::config::Overrides;
use syncline::serve;

/// What one thread allocates another frees here, all the time: a delta is read by a session's
/// worker and ends with the writer or the fan-out. The C library's allocator takes a quarter of a
/// busy hub's processor time for that.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let command = Cli::parse().command.unwrap_or_else(|| {
        // As if `serve` had been said, its variables read too.
        Cli::parse_from(["syncline", "serve"]).command.unwrap_or_default()
    });
    let done = match command {
        Command::Serve(args) => serve(args),
        command => ask(command),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            failure.tell();
            ExitCode::from(failure.exit_code())
        }
    }
}

fn serve(args: ServeArgs) -> Result<(), Failure> {
    let listen = Some(args.listen).filter(|listen| !listen.is_empty());
    let options = serve::Options {
        config: args.config,
        overrides: Overrides { data: args.data, listen },
        environment: cli::environment().collect(),
        token_file: cli::TOKEN_FILE,
    };
    serve::run(options).map_err(|error| Failure::Failed(error.to_string()))
}

fn ask(command: Command) -> Result<(), Failure> {
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let runtime = runtime.map_err(|error| Failure::Failed(error.to_string()))?;
    let done = runtime.block_on(Box::pin(cli::run(command, at_rest)));
    // What still reads or looks up names need not end first.
    runtime.shutdown_background();
    done
}

/// What a gateway's route answers on a data folder that no hub serves.
fn at_rest(ordered: Ordered) -> BoxFuture<'static, Result<Json, Failure>> {
    let Ordered { data, path, query } = ordered;
    let options = serve::Options {
        overrides: Overrides { data: Some(data), listen: None },
        environment: cli::environment().collect(),
        ..serve::Options::default()
    };
    async move {
        let answer = serve::ask(options, &path, &query).await;
        answer.map_err(|error| Failure::Failed(error.to_string()))
    }
    .boxed()
}
