//! Everything that a program started, found by its process group and by a mark in its environment.

use std::{collections::BTreeMap, io};

use tokio::process::Child;

/// The variable with the mark, which children inherit.
pub(super) const VARIABLE: &str = "FORGE_PROCESS";
/// Looks around for processes that were started since the one before; a program that starts them faster than they are
/// found is left to the operating system.
#[cfg(target_os = "linux")]
const ROUNDS: usize = 64;

/// A mark that nobody else has. That of a program that runs us stays in it, so that its own end finds ours too.
pub(super) fn mark(env: &BTreeMap<String, String>) -> io::Result<String> {
    let mut bytes = [0; 8];
    getrandom::fill(&mut bytes).map_err(io::Error::other)?;
    let own = format!("{:016x}", u64::from_ne_bytes(bytes));
    Ok(env.get(VARIABLE).map_or_else(|| own.clone(), |outer| format!("{outer}:{own}")))
}

/// A program and what it started. They end when this is dropped.
#[derive(Debug)]
pub(super) struct Tree {
    #[cfg(unix)]
    group: Option<rustix::process::Pid>,
    #[cfg(target_os = "linux")]
    mark: String,
}

impl Tree {
    #[cfg_attr(not(target_os = "linux"), expect(unused_variables, reason = "the mark is looked up in /proc"))]
    #[cfg_attr(not(target_os = "linux"), expect(clippy::needless_pass_by_value, reason = "kept on Linux"))]
    pub(super) fn of(child: &Child, mark: String) -> Self {
        #[cfg(unix)]
        let id = child.id().and_then(|id| i32::try_from(id).ok());
        Self {
            #[cfg(unix)]
            group: id.and_then(rustix::process::Pid::from_raw),
            #[cfg(target_os = "linux")]
            mark,
        }
    }

    /// Ends them all.
    pub(super) fn end(self) {
        drop(self);
    }
}

impl Drop for Tree {
    fn drop(&mut self) {
        #[cfg(unix)]
        if let Some(group) = self.group {
            // A group without anybody in it is one that has ended.
            let _ = rustix::process::kill_process_group(group, rustix::process::Signal::KILL);
        }
        #[cfg(target_os = "linux")]
        end_marked(&self.mark);
    }
}

/// Ends the processes with this mark, until no new ones are there. Who has a signal to end cannot start others.
#[cfg(target_os = "linux")]
fn end_marked(mark: &str) {
    use rustix::process::{Pid, Signal, kill_process};

    let mut ended = std::collections::BTreeSet::new();
    for _ in 0..ROUNDS {
        let found: Vec<i32> = marked(mark).filter(|id| ended.insert(*id)).collect();
        if found.is_empty() {
            return;
        }
        for process in found.into_iter().filter_map(Pid::from_raw) {
            let _ = kill_process(process, Signal::KILL);
        }
    }
}

/// The processes whose environment has the mark, without us. Those of other users cannot be read, and are not ours.
#[cfg(target_os = "linux")]
fn marked(mark: &str) -> impl Iterator<Item = i32> {
    let own = i32::try_from(std::process::id()).ok();
    let processes = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    let ids = processes.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    ids.filter(move |id: &i32| {
        let environment = || std::fs::read(format!("/proc/{id}/environ"));
        Some(*id) != own && environment().is_ok_and(|bytes| has_mark(&bytes, mark))
    })
}

#[cfg(target_os = "linux")]
pub(super) fn has_mark(environment: &[u8], mark: &str) -> bool {
    let mut variables = environment.split(|byte| *byte == 0).filter_map(|one| std::str::from_utf8(one).ok());
    let value = variables.find_map(|one| one.strip_prefix(VARIABLE)?.strip_prefix('='));
    // Ours stands in the marks of what a program of ours runs in its turn.
    value.is_some_and(|value| {
        value == mark || value.strip_prefix(mark).is_some_and(|rest| rest.starts_with(':'))
    })
}
