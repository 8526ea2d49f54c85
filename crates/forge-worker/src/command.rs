//! The commands of a program that launches workers: what it starts itself as, in panes and from agents.

use std::{ffi::OsString, io, path::PathBuf};

use forge_core::time::{Clock as _, SystemTimer};

use crate::{
    home::{WorkerHome, variable},
    hook,
    id::WorkerId,
    output::{OUTPUT_SIZE, keep_output},
    shim, sim,
};

/// Carries out one of the commands that this crate needs of its program, and returns the exit code; `None` where the words are
/// no such command, and for `--help`. A program asks first thing, before it has threads: a hook has 5 ms, and a shim is one thread.
///
/// | Words | Does |
/// |---|---|
/// | `worker-shim HOME ID` | leads a pane ([`crate::run_shim`]) |
/// | `worker-shim --shell HOME` | the same for a session that a launcher made; a plain shell where that belongs to no worker |
/// | `worker-shim --stage2 PID ARGV...` | becomes the agent |
/// | `worker-log FILE` | keeps what comes on standard input |
/// | `worker-sim-agent ...` | the scripted agent |
/// | `hook AGENT ...` | appends a report of an agent |
pub fn command(words: &[OsString]) -> Option<u8> {
    let (first, rest) = words.split_first()?;
    match first.to_str()? {
        "worker-shim" => Some(worker_shim(rest)),
        "worker-log" => {
            let path = PathBuf::from(rest.first()?);
            Some(u8::from(keep_output(io::stdin().lock(), &path, OUTPUT_SIZE).is_err()))
        }
        "worker-sim-agent" => Some(sim::run(rest)),
        "hook" => {
            let (agent, rest) = rest.split_first()?;
            // Help is for the parser of the program.
            let agent = agent.to_str().filter(|agent| !agent.starts_with('-'))?;
            let rest: Vec<String> = rest.iter().map(|word| word.to_string_lossy().into_owned()).collect();
            hook::report(agent, &rest, io::stdin().lock(), SystemTimer.now());
            Some(0)
        }
        _ => None,
    }
}

fn worker_shim(words: &[OsString]) -> u8 {
    const USAGE: u8 = 64;
    match words {
        [word, rest @ ..] if word == "--stage2" => shim::second_stage(rest),
        [word, home] if word == "--shell" => {
            let id = variable("FORGE_WORKER_ID").and_then(|id| WorkerId::new(id).ok());
            let place = id.map(|id| WorkerHome::new(home).worker(&id));
            // The specification is of this run: an old one has another mark.
            let run = variable(crate::process::MARK);
            match place.filter(|place| place.spec().is_some_and(|spec| Some(spec.run) == run)) {
                Some(place) => shim_of(&place),
                None => shim::become_shell(),
            }
        }
        [home, id] => match id.to_str().map(WorkerId::new) {
            Some(Ok(id)) => shim_of(&WorkerHome::new(home).worker(&id)),
            _ => USAGE,
        },
        _ => USAGE,
    }
}

fn shim_of(place: &crate::home::WorkerPlace) -> u8 {
    const NO_PROGRAM: u8 = 71;
    let Ok(program) = std::env::current_exe() else { return NO_PROGRAM };
    shim::run(place, &program, &["worker-shim", "--stage2"], &SystemTimer)
}
