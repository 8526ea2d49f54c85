//! What is done with workers.

use std::{os::unix::process::CommandExt as _, process::ExitCode};

use forge_worker::{Message, WorkerId, WorkerLauncher};
use serde_json::json;

use super::{
    fault::{existing, named, of_delivery, of_launch},
    show::shown,
};
use crate::{args::WorkerCommand, error::CliError, files, terminal};

/// Says in one line or one object what was done.
fn done(id: &WorkerId, action: &str, as_json: bool) -> Result<ExitCode, CliError> {
    if as_json {
        terminal::json(&json!({ "worker": id.as_str(), "action": action }))?;
    } else {
        terminal::out(&format!("{id}: {action}\n"))?;
    }
    Ok(ExitCode::SUCCESS)
}

/// The commands that name a worker and nothing else.
pub(super) async fn act(
    launcher: &WorkerLauncher,
    command: WorkerCommand,
    as_json: bool,
) -> Result<ExitCode, CliError> {
    let refused = |error| of_launch(&error);
    match command {
        WorkerCommand::Stop { worker } => {
            let id = named(worker)?;
            launcher.stop(&id).await.map_err(refused)?;
            done(&id, "stopped", as_json)
        }
        WorkerCommand::Kill { worker } => {
            let id = named(worker)?;
            launcher.kill(&id).await.map_err(refused)?;
            done(&id, "killed", as_json)
        }
        WorkerCommand::Freeze { worker } => {
            let id = named(worker)?;
            launcher.freeze(&id).await.map_err(refused)?;
            done(&id, "frozen", as_json)
        }
        WorkerCommand::Thaw { worker } => {
            let id = named(worker)?;
            launcher.thaw(&id).await.map_err(refused)?;
            done(&id, "thawed", as_json)
        }
        WorkerCommand::Detach { worker } => {
            let id = named(worker)?;
            launcher.detach(&id).await.map_err(refused)?;
            done(&id, "detached", as_json)
        }
        WorkerCommand::Pause { worker } => paused(launcher, worker, true, as_json),
        WorkerCommand::Resume { worker } => paused(launcher, worker, false, as_json),
        _ => Err(CliError::usage("this is no command on one worker", "see `forge help worker`")),
    }
}

fn paused(
    launcher: &WorkerLauncher,
    worker: String,
    paused: bool,
    as_json: bool,
) -> Result<ExitCode, CliError> {
    let (id, place) = existing(launcher, worker)?;
    place.set_paused(paused).map_err(|error| of_launch(&error.into()))?;
    done(&id, if paused { "paused" } else { "resumed" }, as_json)
}

/// Becomes tmux, which has the terminal from then on.
pub(super) fn attach(launcher: &WorkerLauncher, worker: String, as_json: bool) -> Result<ExitCode, CliError> {
    let id = named(worker)?;
    if as_json {
        return Err(CliError::usage("`attach` shows a terminal", "leave `--json` out"));
    }
    let error = launcher.attach(&id).map_err(|error| of_launch(&error))?.exec();
    Err(CliError::failed("tmux did not start", &error)
        .with_next("`forge worker doctor` says what this machine lacks"))
}

pub(super) async fn send(
    launcher: &WorkerLauncher,
    worker: String,
    text: &str,
    id: Option<String>,
    as_json: bool,
) -> Result<ExitCode, CliError> {
    let worker = named(worker)?;
    let text = if text == "-" { files::standard_input()? } else { text.to_owned() };
    let message = match id {
        Some(id) => Message::new(id, text),
        None => Message::of_its_own(text).map_err(|error| of_delivery(&error))?,
    };
    let delivery = launcher.deliver(&worker, &message).await.map_err(|error| of_delivery(&error))?;
    if as_json {
        let object =
            json!({ "worker": worker.as_str(), "message": message.id, "delivery": delivery.as_str() });
        terminal::json(&object)?;
    } else {
        terminal::out(&format!("{worker}: {} (message {})\n", delivery.as_str(), message.id))?;
    }
    Ok(ExitCode::SUCCESS)
}

pub(super) async fn reap(
    launcher: &WorkerLauncher,
    worker: String,
    discard: bool,
    as_json: bool,
) -> Result<ExitCode, CliError> {
    let id = named(worker)?;
    let reaped = launcher.reap(&id, discard).await.map_err(|error| of_launch(&error))?;
    if as_json {
        let object = json!({ "worker": id.as_str(), "ended": reaped.ended, "worktree_removed": reaped.worktree_removed });
        terminal::json(&object)?;
    } else {
        terminal::out(&format!("{id}: reaped, {} processes ended\n", reaped.ended.len()))?;
    }
    Ok(ExitCode::SUCCESS)
}

pub(super) async fn restart(
    launcher: &WorkerLauncher,
    worker: String,
    quiet: bool,
    as_json: bool,
) -> Result<ExitCode, CliError> {
    let id = named(worker)?;
    let handle = launcher.restart(&id).await.map_err(|error| of_launch(&error))?;
    for warning in &handle.warnings {
        terminal::note(quiet, warning);
    }
    shown(launcher, &handle, as_json).await
}
