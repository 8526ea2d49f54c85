//! A program of the user's that is run: what it may take, what it said, and how it ended.
//!
//! Whatever the program does, [`run`] comes back: it may read nothing, write without end, leave children behind that hold
//! its pipes open, or never end. What it started ends with it.

mod output;
mod tree;

use std::{collections::BTreeMap, fmt, io, path::Path, pin::pin, process::Stdio, time::Duration};

use serde::Serialize;
use tokio::{
    io::AsyncWriteExt as _,
    process::{Child, ChildStdin, Command},
    time::timeout,
};

pub use self::output::Output;
use self::tree::Tree;

/// How long the pipes of an ended program may stay open, and an end by force may take.
const GRACE: Duration = Duration::from_secs(2);

/// The variables that a program of the user's is given: where things are and how to speak, and nothing that could be a key.
pub const VARIABLES: [&str; 22] = [
    "PATH",
    "HOME",
    "USER",
    "LOGNAME",
    "SHELL",
    "LANG",
    "LC_ALL",
    "LC_CTYPE",
    "TERM",
    "TMPDIR",
    "TZ",
    "CARGO_HOME",
    "RUSTUP_HOME",
    "GOPATH",
    "JAVA_HOME",
    "VIRTUAL_ENV",
    "NODE_PATH",
    // Windows starts nothing without these.
    "SystemRoot",
    "PATHEXT",
    "TEMP",
    "USERPROFILE",
    tree::VARIABLE,
];

/// The environment for a program of the user's: those of [`VARIABLES`] that are set.
pub fn environment(variable: impl Fn(&str) -> Option<String>) -> BTreeMap<String, String> {
    VARIABLES.iter().filter_map(|name| Some(((*name).to_owned(), variable(name)?))).collect()
}

/// What a program may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "a caller says each of them")]
pub struct Limits {
    /// It is ended after this time.
    pub timeout: Duration,
    /// Bytes that are kept of each, standard output and standard error. What comes after them is read and dropped.
    pub output: usize,
}

/// How a program ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[expect(clippy::exhaustive_enums, reason = "every caller tells them apart")]
pub enum Exit {
    /// By itself, with this status.
    Code(i32),
    /// By a signal that was not ours, for example a crash.
    Signal(i32),
    /// It was ended because its time was over.
    TimedOut,
}

impl Exit {
    /// Whether it ended by itself and says that all is well.
    pub const fn is_success(self) -> bool {
        matches!(self, Self::Code(0))
    }
}

impl fmt::Display for Exit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Code(code) => write!(f, "ended with status {code}"),
            Self::Signal(signal) => write!(f, "was ended by signal {signal}"),
            Self::TimedOut => write!(f, "did not end in time"),
        }
    }
}

/// What came of a program.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Ended {
    /// How it ended.
    pub exit: Exit,
    /// What it wrote to standard output.
    pub stdout: Output,
    /// What it wrote to standard error.
    pub stderr: Output,
}

/// Runs the program `argv[0]` with the arguments after it, in the folder `cwd`, and waits for its end.
///
/// It gets the environment `env` and nothing else, and `stdin` on standard input. A program without a slash in its name is
/// looked up in `PATH` of `env`. It runs in a process group of its own; when it has ended, when its time is over, and when
/// the future is dropped, everything that it started is ended too. On Linux this finds processes that left the group as
/// well, as long as they kept their environment.
///
/// # Errors
/// It cannot be started: the folder or the program is not there, or may not be run.
pub async fn run(
    argv: &[String],
    cwd: &Path,
    env: &BTreeMap<String, String>,
    stdin: &[u8],
    limits: Limits,
) -> io::Result<Ended> {
    let mark = tree::mark(env)?;
    let mut child = spawn(argv, cwd, env, &mark)?;
    let tree = Tree::of(&child, mark);
    let (mut stdout, mut stderr) = (Output::default(), Output::default());
    let (out, err) = (child.stdout.take(), child.stderr.take());
    let input = child.stdin.take();
    let exit = {
        let mut pipes = pin!(async {
            let out = stdout.read(out, limits.output);
            tokio::join!(out, stderr.read(err, limits.output), feed(input, stdin))
        });
        let mut is_read = false;
        let by_itself = timeout(limits.timeout, async {
            loop {
                tokio::select! {
                    status = child.wait() => break status,
                    _ = &mut pipes, if !is_read => is_read = true,
                }
            }
        });
        let exit = match by_itself.await {
            Ok(status) => exit(status?),
            Err(_) => Exit::TimedOut,
        };
        tree.end();
        if exit == Exit::TimedOut {
            // Without this the operating system keeps what is left of it for as long as we run.
            let _ = timeout(GRACE, child.wait()).await;
        }
        if !is_read {
            // Everyone known who held the pipes is gone. Who is not known does not keep us.
            let _ = timeout(GRACE, pipes).await;
        }
        exit
    };
    Ok(Ended { exit, stdout, stderr })
}

fn spawn(argv: &[String], cwd: &Path, env: &BTreeMap<String, String>, mark: &str) -> io::Result<Child> {
    let [program, arguments @ ..] = argv else {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "no program is named"));
    };
    if !cwd.is_dir() {
        let message = format!("the folder {} is not there", cwd.display());
        return Err(io::Error::new(io::ErrorKind::NotADirectory, message));
    }
    let mut command = Command::new(program);
    command.args(arguments).current_dir(cwd).env_clear().envs(env).env(tree::VARIABLE, mark);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    #[cfg(unix)]
    command.process_group(0);
    command.spawn()
}

/// Gives the program its input. One that does not read it has ended or closed it, which is its own affair.
async fn feed(input: Option<ChildStdin>, bytes: &[u8]) {
    if let Some(mut input) = input {
        let _ = input.write_all(bytes).await;
        let _ = input.shutdown().await;
    }
}

fn exit(status: std::process::ExitStatus) -> Exit {
    #[cfg(unix)]
    if let Some(signal) = std::os::unix::process::ExitStatusExt::signal(&status) {
        return Exit::Signal(signal);
    }
    Exit::Code(status.code().unwrap_or(-1))
}

#[cfg(test)]
mod tests;
