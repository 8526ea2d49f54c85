//! The command `forge`.

mod args;
mod ask;
mod config;
mod error;
mod models;
mod providers;
mod route;
mod setup;
mod show;
mod signals;
mod sim;

use std::{
    io::{IsTerminal as _, Write as _},
    process::ExitCode,
};

use clap::Parser as _;
use tracing_subscriber::{EnvFilter, filter::LevelFilter};

use crate::{
    args::{Args, Command, ModelsCommand, ProvidersCommand, RouteCommand},
    error::CliError,
    setup::Wanted,
};

fn main() -> ExitCode {
    let args = Args::parse();
    log(args.verbose);
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return fail(&CliError::failed("the asynchronous runtime did not start", &error)),
    };
    match runtime.block_on(run(args)) {
        Ok(code) => code,
        Err(error) => fail(&error),
    }
}

async fn run(args: Args) -> Result<ExitCode, CliError> {
    let (quiet, config) = (args.quiet, args.config.as_deref());
    match args.command {
        Command::Ask(ask) => {
            let wanted = Wanted { source: ask.source, config, quiet };
            ask::run(*ask, wanted).await
        }
        Command::Sim(sim) => sim::run(sim).await,
        Command::Providers { command: ProvidersCommand::List(list) } => {
            providers::list(list.json, Wanted { source: list.source, config, quiet }).await
        }
        Command::Providers { command: ProvidersCommand::Status(status) } => {
            let wanted = Wanted { source: status.list.source, config, quiet };
            providers::status(&status, wanted).await
        }
        Command::Route { command: RouteCommand::Explain(explain) } => {
            let wanted = Wanted { source: explain.source, config, quiet };
            route::explain(explain, wanted).await
        }
        Command::Models { command: ModelsCommand::List(list) } => {
            let wanted = Wanted { source: list.source, config, quiet };
            models::list(list, wanted).await
        }
        Command::Config { command } => config::run(command, config, quiet),
    }
}

/// Says what went wrong and what to do, and gives the exit code. A closed stderr changes nothing.
fn fail(error: &CliError) -> ExitCode {
    let _ = write!(std::io::stderr().lock(), "{error}");
    error.exit_code()
}

/// Logs go to stderr: `FORGE_LOG` in the form of `RUST_LOG`, else by the number of `-v`.
fn log(verbose: u8) {
    let level = match verbose {
        0 => LevelFilter::WARN,
        1 => LevelFilter::INFO,
        2 => LevelFilter::DEBUG,
        _ => LevelFilter::TRACE,
    };
    let filter =
        EnvFilter::builder().with_default_directive(level.into()).with_env_var("FORGE_LOG").from_env_lossy();
    let subscriber = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    if std::io::stderr().is_terminal() {
        // Coloured, unless NO_COLOR says otherwise.
        subscriber.init();
    } else {
        subscriber.with_ansi(false).init();
    }
}
