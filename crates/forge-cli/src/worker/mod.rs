//! `forge worker`: coding agents in tmux.

#[cfg(target_os = "linux")]
mod act;
#[cfg(target_os = "linux")]
mod fault;
#[cfg(target_os = "linux")]
mod form;
#[cfg(target_os = "linux")]
mod show;
#[cfg(target_os = "linux")]
mod spawn;

#[cfg(target_os = "linux")]
pub(crate) use self::fault::of_launch;

use std::process::ExitCode;

use crate::{args::WorkerCommand, error::CliError};

#[cfg(not(target_os = "linux"))]
#[expect(clippy::unused_async, reason = "as on Linux")]
pub(crate) async fn run(_: Box<WorkerCommand>, _: bool, _: bool) -> Result<ExitCode, CliError> {
    Err(CliError::usage("workers are for Linux", "run them there, or in a container"))
}

#[cfg(target_os = "linux")]
pub(crate) async fn run(
    command: Box<WorkerCommand>,
    quiet: bool,
    as_json: bool,
) -> Result<ExitCode, CliError> {
    use forge_worker::{WorkerHome, WorkerLauncher};

    let Some(state) = crate::paths::paths().state else {
        let problem = "workers are kept in a folder, and there is none";
        return Err(CliError::usage(problem, "set FORGE_HOME to one, or HOME"));
    };
    let home = WorkerHome::new(state);
    let launcher = WorkerLauncher::with_home(home);
    match *command {
        WorkerCommand::Spawn(args) => spawn::spawn(&launcher, *args, quiet, as_json).await,
        WorkerCommand::List => show::list(&launcher, as_json).await,
        WorkerCommand::Show { worker } => show::one(&launcher, worker, as_json).await,
        WorkerCommand::Logs { worker, lines } => show::logs(&launcher, worker, lines, as_json),
        WorkerCommand::Discover { socket } => show::discover(&launcher, socket, as_json).await,
        WorkerCommand::Doctor => show::doctor(&launcher, as_json).await,
        WorkerCommand::Attach { worker } => act::attach(&launcher, worker, as_json),
        WorkerCommand::Send { worker, text, id } => act::send(&launcher, worker, &text, id, as_json).await,
        WorkerCommand::Reap { worker, discard } => act::reap(&launcher, worker, discard, as_json).await,
        WorkerCommand::Restart { worker } => act::restart(&launcher, worker, quiet, as_json).await,
        other => act::act(&launcher, other, as_json).await,
    }
}
