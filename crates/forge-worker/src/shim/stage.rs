//! How an agent comes to run: a second stage of this program, which then becomes the agent.

use std::{ffi::OsString, io, os::unix::process::CommandExt as _, path::Path, process::Command};

use rustix::{
    process::{Pid, Signal, getpid, getppid, kill_process, set_parent_process_death_signal},
    termios::{tcgetpgrp, tcsetpgrp},
};

use crate::{
    home::{WorkerPlace, variable},
    process::MARK,
    record::WorkerSpec,
};

/// Starts the second stage in a group of its own, and makes that group the terminal's foreground one. Returns its number, which
/// is the agent's.
pub(super) fn start_agent(
    spec: &WorkerSpec,
    place: &WorkerPlace,
    program: &Path,
    second_stage: &[&str],
) -> io::Result<i32> {
    let mut command = Command::new(program);
    command.args(second_stage).arg(std::process::id().to_string()).args(&spec.argv);
    command.current_dir(&spec.workspace).process_group(0).env_clear();
    // tmux says what its panes understand.
    command.envs(variable("TERM").map(|term| ("TERM", term)));
    command.envs(&spec.env);
    command.env("FORGE_WORKER_ID", spec.worker_id.as_str()).env(MARK, &spec.run);
    command.env("FORGE_SESSION", &spec.session).env("FORGE_MODEL", &spec.model);
    // In a worktree, the queue is still that of the folder it was made from.
    command.env("FORGE_WORKSPACE", spec.project()).env("FORGE_HOME", place.home().root());
    command.envs(spec.bead.as_ref().map(|bead| ("FORGE_ASSIGNED_BEAD", bead)));
    // Spawned by the thread that runs to the end of the shim: the signal of a parent's death is that of its thread.
    let child = command.spawn()?;
    let pid = i32::try_from(child.id()).map_err(io::Error::other)?;
    if let Some(group) = Pid::from_raw(pid) {
        // Without a terminal there is no foreground. An agent that read before this was stopped by it, and is continued.
        let _ = tcsetpgrp(io::stdin(), group);
    }
    Ok(pid)
}

/// Becomes the agent: `arguments` are the number of the shim, then the agent's command line. Returns only where that fails, with
/// the exit code of a shell.
///
/// The kernel ends the agent with its shim, however that ends: nobody else would watch it.
pub(crate) fn second_stage(arguments: &[OsString]) -> u8 {
    let Some([shim, program, rest @ ..]) = arguments.get(..) else { return 64 };
    if set_parent_process_death_signal(Some(Signal::KILL)).is_err() {
        return 71;
    }
    // The shim may have ended before the signal was asked for.
    let parent = getppid().map(|parent| parent.as_raw_nonzero().to_string());
    if parent.is_none_or(|parent| *shim != *parent) {
        return 71;
    }
    await_foreground();
    let error = Command::new(program).args(rest).exec();
    if error.kind() == io::ErrorKind::NotFound { 127 } else { 126 }
}

/// Stops until the shim has made this group the foreground one and continues it: an agent that read its terminal before that would
/// be interrupted in the middle.
fn await_foreground() {
    // A few times only: without a terminal, or where the shim may not set its group, the agent runs all the same.
    for _ in 0..3 {
        let is_background = tcgetpgrp(io::stdin()).is_ok_and(|group| group != getpid());
        if !is_background || kill_process(getpid(), Signal::STOP).is_err() {
            return;
        }
    }
}

/// Becomes a plain shell: the session belongs to no worker. Returns only where that fails.
pub(crate) fn become_shell() -> u8 {
    let _ = Command::new("/bin/sh").exec();
    127
}
