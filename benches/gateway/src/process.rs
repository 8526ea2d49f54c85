//! A program that is measured from outside: its time, memory and descriptors, and its end.

use std::{
    fs, io,
    process::{Child, Command, ExitStatus},
    time::Duration,
};

/// A process, which ends with this.
#[derive(Debug)]
pub(crate) struct Process {
    child: Child,
}

impl Process {
    /// Starts a program on one core.
    pub(crate) fn start(
        core: Option<usize>,
        command: &[String],
        prepare: impl FnOnce(&mut Command),
    ) -> io::Result<Self> {
        let mut words: Vec<String> = Vec::new();
        if let Some(core) = core {
            // It becomes the program, so that the number of the process is that of the program.
            words.extend(["taskset".into(), "-c".into(), core.to_string()]);
        }
        words.extend_from_slice(command);
        let mut command = Command::new(&words[0]);
        command.args(&words[1..]);
        prepare(&mut command);
        command.spawn().map(|child| Self { child })
    }

    pub(crate) fn child(&mut self) -> &mut Child {
        &mut self.child
    }

    /// Seconds of all cores that its threads have used; `stat` beside it tells hundredths alone.
    pub(crate) fn cpu(&self) -> io::Result<f64> {
        let mut nanoseconds = 0.0;
        for thread in fs::read_dir(format!("/proc/{}/task", self.child.id()))? {
            // One that has just ended has nothing to tell.
            let told = fs::read_to_string(thread?.path().join("schedstat")).unwrap_or_default();
            nanoseconds +=
                told.split(' ').next().and_then(|used| used.parse::<f64>().ok()).unwrap_or_default();
        }
        if nanoseconds > 0.0 { Ok(nanoseconds / 1e9) } else { Err(unreadable()) }
    }

    /// KiB of memory.
    pub(crate) fn rss(&self) -> io::Result<f64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        line.and_then(|line| line.split_whitespace().next()?.parse().ok()).ok_or_else(unreadable)
    }

    /// Open descriptors.
    pub(crate) fn descriptors(&self) -> io::Result<usize> {
        Ok(fs::read_dir(format!("/proc/{}/fd", self.child.id()))?.count())
    }

    /// Ends it at once, as a power cut would.
    pub(crate) fn kill(&mut self) {
        // Either fails only if the process is gone already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// Tells it to end, and waits until it has.
    pub(crate) async fn terminate(&mut self) -> io::Result<ExitStatus> {
        Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status()?;
        for _ in 0..6_000 {
            if let Some(status) = self.child.try_wait()? {
                return Ok(status);
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        Err(io::ErrorKind::TimedOut.into())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}

fn unreadable() -> io::Error {
    io::Error::other("the system tells nothing of the process")
}

/// Puts this program, all of its threads to come included, on one core.
pub(crate) fn pin(core: usize) -> io::Result<()> {
    let own = std::process::id().to_string();
    let status = Command::new("taskset").args(["-cp", &core.to_string(), &own]).output()?.status;
    if status.success() { Ok(()) } else { Err(io::Error::other("`taskset` does not pin this program")) }
}
