//! How the benchmarks count: parts of themselves in processes of their own.

use std::{
    env,
    error::Error,
    fs, io,
    io::{BufRead as _, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::Arc,
};

use forge_core::{CallContext, ModelRequest, Participant, Provider, ProviderExt as _};

/// The instructions of this program with these arguments, all threads included; `None` where valgrind is not installed.
pub fn instructions(arguments: &[&str]) -> Option<u64> {
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .arg(env::current_exe().ok()?)
        .args(arguments)
        .output()
        .ok()?;
    let report = String::from_utf8_lossy(&output.stderr).into_owned();
    report.lines().find_map(|line| line.split("Collected :").nth(1)?.trim().parse().ok())
}

/// What this program prints with these arguments.
///
/// # Errors
/// If it cannot run, or fails; then what it said.
pub fn output(arguments: &[&str]) -> io::Result<String> {
    let output = Command::new(env::current_exe()?).args(arguments).output()?;
    if !output.status.success() {
        return Err(io::Error::other(String::from_utf8_lossy(&output.stderr).into_owned()));
    }
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// Makes the same call so often on a warm connection, and returns what `allocated` grew by for each.
///
/// # Errors
/// If a call fails, or its reply differs from that of the first.
pub async fn allocations(
    provider: &dyn Provider,
    participant: Participant,
    request: ModelRequest,
    calls: u64,
    allocated: impl Fn() -> usize,
) -> Result<f64, Box<dyn Error>> {
    let (participant, request) = (Arc::new(participant), Arc::new(request));
    let call = || async {
        let cx = CallContext::new(Arc::clone(&participant));
        provider.complete(&cx, Arc::clone(&request)).await
    };
    let warm = call().await?;
    let before = allocated();
    for _ in 0..calls {
        if call().await?.text() != warm.text() {
            return Err("the replies differ".into());
        }
    }
    Ok((allocated() - before) as f64 / calls.max(1) as f64)
}

/// This program as a vendor, with the argument `serve`, until it is dropped.
#[derive(Debug)]
pub struct Vendor {
    /// Where it answers.
    pub url: String,
    process: Child,
}

impl Vendor {
    /// Starts it and waits for the address that it prints.
    ///
    /// # Errors
    /// If it cannot start or prints none.
    pub fn start() -> io::Result<Self> {
        let mut process = Command::new(env::current_exe()?).arg("serve").stdout(Stdio::piped()).spawn()?;
        let mut url = String::new();
        let stdout = process.stdout.take().ok_or_else(|| io::Error::other("no pipe"))?;
        BufReader::new(stdout).read_line(&mut url)?;
        Ok(Self { url: url.trim().to_owned(), process })
    }
}

impl Drop for Vendor {
    fn drop(&mut self) {
        // Either fails only if the process is gone already.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// A folder that goes with the part which uses it.
#[derive(Debug)]
pub struct Place(PathBuf);

impl Place {
    /// A new folder for files of the system's own choice of place.
    ///
    /// # Errors
    /// If it cannot be made.
    pub fn new() -> io::Result<Self> {
        let folder = env::temp_dir().join(format!("forge-bench-{}", std::process::id()));
        fs::create_dir_all(&folder)?;
        Ok(Self(folder))
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        // What is left goes with the system's other files of this kind.
        let _ = fs::remove_dir_all(&self.0);
    }
}
