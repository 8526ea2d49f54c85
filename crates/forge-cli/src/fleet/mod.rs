//! `forge fleet`: workers that do the beads of a queue.

#[cfg(target_os = "linux")]
mod example;
#[cfg(target_os = "linux")]
mod run;
#[cfg(target_os = "linux")]
mod status;
#[cfg(target_os = "linux")]
mod tune;

use std::process::ExitCode;

use crate::{args::FleetCommand, error::CliError};

#[cfg(not(target_os = "linux"))]
#[expect(clippy::unused_async, reason = "as on Linux")]
pub(crate) async fn run(_: FleetCommand, _: bool, _: bool) -> Result<ExitCode, CliError> {
    Err(CliError::usage("workers are for Linux", "run them there, or in a container"))
}

#[cfg(target_os = "linux")]
pub(crate) async fn run(command: FleetCommand, quiet: bool, as_json: bool) -> Result<ExitCode, CliError> {
    match command {
        FleetCommand::Run(args) if args.offline => example::run(*args, quiet, as_json).await,
        FleetCommand::Run(args) => run::of_workspace(*args, quiet, as_json).await,
        FleetCommand::Status(place) => status::run(place, quiet, as_json).await,
        FleetCommand::Tune(place) => tune::run(place, quiet, as_json).await,
    }
}
