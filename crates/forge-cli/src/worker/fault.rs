//! What goes wrong with workers, and what to do then.

use forge_worker::{
    DeliverError, DiscoveryError, InvalidWorkerId, LauncherError, TmuxError, WorkerId, WorkerLauncher,
    WorkerPlace,
};

use crate::{error::CliError, layout::clean};

/// A worker's name, as typed.
pub(super) fn named(worker: String) -> Result<WorkerId, CliError> {
    WorkerId::new(worker).map_err(|error| of_name(&error))
}

/// A worker that is there, and its files.
pub(super) fn existing(
    launcher: &WorkerLauncher,
    worker: String,
) -> Result<(WorkerId, WorkerPlace), CliError> {
    let id = named(worker)?;
    let place = launcher.home().worker(&id);
    if place.spec().is_none() { Err(missing(&id)) } else { Ok((id, place)) }
}

pub(super) fn missing(id: &WorkerId) -> CliError {
    of_launch(&LauncherError::NotFound { worker_id: id.to_string() })
}

fn of_name(error: &InvalidWorkerId) -> CliError {
    CliError::usage(clean(&error.to_string()), "choose another name")
}

pub(crate) fn of_launch(error: &LauncherError) -> CliError {
    let next = match error {
        LauncherError::NotFound { .. } => "`forge worker list` shows those that are there",
        LauncherError::LauncherNotFound { .. } | LauncherError::Agent(_) => {
            "see docs/workers.md for agents and launchers"
        }
        LauncherError::LauncherNotExecutable { .. } => {
            "make it executable, with a first line such as `#!/bin/sh`"
        }
        LauncherError::AlreadyRunning { .. } => {
            "`forge worker stop` ends it, `forge worker show` says what it does"
        }
        LauncherError::SessionExists { .. } => "choose another one with `--session NAME`",
        LauncherError::Workspace { .. } => "name a folder with `--workspace DIR`",
        LauncherError::AgentMissing { .. } => "install the agent, or put its folder on PATH",
        LauncherError::NotRunning { .. } => "`forge worker restart` starts it again",
        LauncherError::Name(error) => return of_name(error),
        LauncherError::Worktree(_) => {
            "save the work, or give it up with `forge worker reap --discard`; `--in-place` needs no worktree"
        }
        _ => return CliError::failed("nothing was done with the worker", error).with_next(after(error)),
    };
    CliError::usage(clean(&error.to_string()), next)
}

fn after(error: &LauncherError) -> &'static str {
    match error {
        LauncherError::Tmux(_) => "`forge worker doctor` says what this machine lacks",
        LauncherError::Timeout { .. } => {
            "`launcher.log` in the worker's folder has what it said; `--timeout` gives more time"
        }
        _ => "`forge worker logs` has what it showed",
    }
}

pub(super) fn of_delivery(error: &DeliverError) -> CliError {
    let next = match error {
        DeliverError::Worker(error) => return of_launch(error),
        DeliverError::ControlCharacter { .. } | DeliverError::Empty => "send text, tabs and line ends only",
        DeliverError::NotReady { .. } => {
            "wait until `forge worker show` says `ready`, or answer with `forge worker attach`"
        }
        DeliverError::OtherText { .. } => "choose another `--id`",
        _ => "look with `forge worker attach`",
    };
    match error {
        DeliverError::ControlCharacter { .. } | DeliverError::Empty | DeliverError::OtherText { .. } => {
            CliError::usage(error.to_string(), next)
        }
        _ => CliError::failed("the text is not known to have arrived", error).with_next(next),
    }
}

pub(super) fn of_tmux(error: &TmuxError) -> CliError {
    CliError::failed("this machine cannot run workers", error).with_next("install it, then try again")
}

pub(super) fn of_discovery(error: &DiscoveryError) -> CliError {
    CliError::failed("workers cannot be looked for", error)
        .with_next("`forge worker doctor` says what this machine lacks")
}
