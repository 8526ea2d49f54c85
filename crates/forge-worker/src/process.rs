//! Processes as the kernel knows them: a number alone proves nothing, a number with its start time names one process.

use std::{collections::BTreeMap, fs, io, os::unix::fs::MetadataExt as _};

use procfs::process::{Stat, all_processes};
use rustix::process::{Pid, PidfdFlags, Signal, geteuid, pidfd_open, pidfd_send_signal};
use serde::{Deserialize, Serialize};

/// The variable that every process of a worker's run inherits.
pub(crate) const MARK: &str = "FORGE_WORKER_RUN";

/// A process: its number, and when it started in clock ticks since the machine did. Written as `[pid, start]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(from = "(i32, u64)", into = "(i32, u64)")]
pub struct ProcessId {
    pid: i32,
    start: u64,
}

impl From<(i32, u64)> for ProcessId {
    fn from((pid, start): (i32, u64)) -> Self {
        Self { pid, start }
    }
}

impl From<ProcessId> for (i32, u64) {
    fn from(id: ProcessId) -> Self {
        (id.pid, id.start)
    }
}

impl ProcessId {
    /// The process that has this number now.
    #[must_use]
    pub fn of(pid: i32) -> Option<Self> {
        let stat = stat(pid)?;
        Some(Self { pid, start: stat.starttime })
    }

    /// The process that asks.
    pub(crate) fn own() -> Option<Self> {
        Self::of(i32::try_from(std::process::id()).ok()?)
    }

    /// Its number.
    #[must_use]
    pub const fn pid(self) -> i32 {
        self.pid
    }

    /// Whether it still runs, or is stopped. One that has ended and waits for its parent does not.
    #[must_use]
    pub fn is_alive(self) -> bool {
        stat(self.pid).is_some_and(|stat| stat.starttime == self.start && !matches!(stat.state, 'Z' | 'X'))
    }

    /// The letter of its state, such as `T` for stopped; `None` where it has ended.
    #[must_use]
    pub fn state(self) -> Option<char> {
        stat(self.pid).filter(|stat| stat.starttime == self.start).map(|stat| stat.state)
    }

    /// Sends a signal to this process and to no later one with its number.
    pub(crate) fn signal(self, signal: Signal) -> io::Result<()> {
        let gone = || io::Error::from(rustix::io::Errno::SRCH);
        let pid = Pid::from_raw(self.pid).ok_or_else(gone)?;
        let handle = pidfd_open(pid, PidfdFlags::empty())?;
        // Asked while the handle holds the number: whoever has it now keeps it.
        if ProcessId::of(self.pid) != Some(self) {
            return Err(gone());
        }
        Ok(pidfd_send_signal(&handle, signal)?)
    }
}

fn stat(pid: i32) -> Option<Stat> {
    procfs::process::Process::new(pid).ok()?.stat().ok()
}

/// Everything below a process, however far, without those that have ended. In the order of their start.
pub(crate) fn descendants(root: i32) -> Vec<ProcessId> {
    let stats = all_processes().into_iter().flatten().filter_map(|process| process.ok()?.stat().ok());
    let mut children: BTreeMap<i32, Vec<(ProcessId, bool)>> = BTreeMap::new();
    for stat in stats {
        let id = ProcessId { pid: stat.pid, start: stat.starttime };
        children.entry(stat.ppid).or_default().push((id, !matches!(stat.state, 'Z' | 'X')));
    }
    let (mut found, mut left) = (Vec::new(), vec![root]);
    while let Some(parent) = left.pop() {
        for (child, is_alive) in children.remove(&parent).unwrap_or_default() {
            left.push(child.pid);
            found.extend(is_alive.then_some(child));
        }
    }
    found.sort_unstable_by_key(|id| (id.start, id.pid));
    found
}

/// Processes of this user that carry the mark of `run` and did not start before `since`.
pub(crate) fn marked(run: &str, since: ProcessId) -> Vec<ProcessId> {
    let mark = format!("{MARK}={run}");
    let own = |pid: i32| fs::metadata(format!("/proc/{pid}")).is_ok_and(|it| it.uid() == geteuid().as_raw());
    let carries = |pid: i32| {
        // Compared as bytes and let go of: what else is in there is no business of ours.
        let environment = fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
        environment.split(|byte| *byte == 0).any(|entry| entry == mark.as_bytes())
    };
    let all = all_processes().into_iter().flatten().filter_map(|process| process.ok()?.stat().ok());
    let later = all.filter(|stat| stat.starttime >= since.start && !matches!(stat.state, 'Z' | 'X'));
    let found = later.filter(|stat| own(stat.pid) && carries(stat.pid));
    found.map(|stat| ProcessId { pid: stat.pid, start: stat.starttime }).collect()
}

/// The memory that these processes hold, in bytes; `None` where none of them can be asked.
pub(crate) fn resident(processes: &[ProcessId]) -> Option<u64> {
    let pages = processes.iter().filter_map(|id| stat(id.pid).filter(|stat| stat.starttime == id.start));
    let pages: Vec<u64> = pages.map(|stat| stat.rss).collect();
    (!pages.is_empty()).then(|| pages.iter().sum::<u64>() * procfs::page_size())
}
