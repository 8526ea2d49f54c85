//! Builds one program for each library, runs them against one mock, and prints what one call costs as
//! Markdown.
//!
//! Instructions of a call: the difference of two runs under callgrind, by the difference of their calls.
//! Allocations: counted inside the programs. Start: the wall time of a whole process that makes one call,
//! the median of many, taken in turns.

mod mock;

use std::{
    collections::BTreeSet,
    env, fs,
    io::{BufRead as _, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

type Failure = Box<dyn std::error::Error>;

/// Each library with the dialects it speaks.
const PEERS: [(&str, &[&str]); 6] = [
    ("floor", &["chat", "anthropic"]),
    ("forge-openai", &["chat"]),
    ("forge-anthropic", &["anthropic"]),
    ("genai", &["chat", "anthropic"]),
    ("rig-core", &["chat", "anthropic"]),
    ("async-openai", &["chat"]),
];

/// Calls of the shorter and the longer run under callgrind.
const RUNS: [u64; 2] = [100, 1_100];
const STARTS: usize = 21;

fn main() -> Result<(), Failure> {
    if env::args().nth(1).as_deref() == Some("serve") {
        println!("http://localhost:{}", mock::serve_chat()?.port());
        println!("http://localhost:{}", forge_benches::serve("127.0.0.1:0")?.port());
        loop {
            std::thread::park();
        }
    }
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.toml");
    let mut libraries = Vec::new();
    for (name, dialects) in PEERS {
        let crates = crates(&manifest, name)?;
        libraries.push(Library { name, dialects, program: build(&manifest, name)?, crates });
    }
    let vendors = Vendors::start()?;

    println!(
        "| Dialect | Library | unary: instructions | allocations | stream: instructions | allocations | start |"
    );
    println!("|---|---|--:|--:|--:|--:|--:|");
    for (dialect, url) in [("chat", &vendors.chat), ("anthropic", &vendors.anthropic)] {
        let speakers: Vec<_> =
            libraries.iter().filter(|library| library.dialects.contains(&dialect)).collect();
        let starts = starts(&speakers, dialect, url)?;
        for (library, start) in speakers.iter().zip(starts) {
            let mut row = vec![dialect.to_owned(), library.label()];
            for form in ["unary", "stream"] {
                let instructions = library.instructions(dialect, form, url)?;
                let allocations = library.run(&[dialect, form, "1000", url])?;
                row.extend([instructions.to_string(), allocations]);
            }
            println!("| {} | {:.1} ms |", row.join(" | "), start.as_secs_f64() * 1_000.0);
        }
    }

    println!("\n| Library | program, stripped | crates |");
    println!("|---|--:|--:|");
    for library in &libraries {
        let size = fs::metadata(&library.program)?.len() as f64 / 1024.0 / 1024.0;
        println!("| {} | {size:.2} MiB | {} |", library.label(), library.crates.len());
    }
    Ok(())
}

struct Library {
    name: &'static str,
    dialects: &'static [&'static str],
    program: PathBuf,
    /// What is built for it, each as `name version`.
    crates: BTreeSet<String>,
}

impl Library {
    fn label(&self) -> String {
        let package = if self.name == "floor" { "hyper" } else { self.name };
        let named = |line: &&String| line.split(' ').next() == Some(package);
        let package = self.crates.iter().find(named).map_or(package, String::as_str);
        if self.name == "floor" { format!("{package} alone") } else { package.to_owned() }
    }

    fn run(&self, arguments: &[&str]) -> Result<String, Failure> {
        output(Command::new(&self.program).args(arguments))
    }

    fn instructions(&self, dialect: &str, form: &str, url: &str) -> Result<u64, Failure> {
        let [short, long] = RUNS.map(|calls| {
            let mut valgrind = Command::new("valgrind");
            valgrind.args(["--tool=callgrind", "--callgrind-out-file=/dev/null"]);
            let run = valgrind.arg(&self.program).args([dialect, form, &calls.to_string(), url]).output()?;
            let report = String::from_utf8_lossy(&run.stderr);
            let counted = |line: &str| line.split("Collected :").nth(1)?.trim().parse::<u64>().ok();
            match report.lines().find_map(counted) {
                Some(counted) if run.status.success() => Ok(counted),
                _ => Err(Failure::from(format!("callgrind on {}: {report}", self.name))),
            }
        });
        Ok((long? - short?) / (RUNS[1] - RUNS[0]))
    }
}

/// One package at a time, so that no library gets the features that another asks of a common dependency.
fn build(manifest: &Path, name: &str) -> Result<PathBuf, Failure> {
    let mut build = Command::new(env!("CARGO"));
    build.args(["build", "--release", "--locked", "--package", &format!("peer-{name}"), "--manifest-path"]);
    if !build.arg(manifest).status()?.success() {
        return Err(format!("{name} cannot be built").into());
    }
    let target = env::current_exe()?.ancestors().nth(2).ok_or("no target directory")?.to_owned();
    Ok(target.join("release").join(format!("peer-{name}")))
}

/// The library and everything below it, build dependencies included; the measuring is left out.
fn crates(manifest: &Path, name: &str) -> Result<BTreeSet<String>, Failure> {
    let mut tree = Command::new(env!("CARGO"));
    tree.args(["tree", "--locked", "--edges", "normal,build", "--prefix", "none", "--package"]);
    let tree = output(tree.arg(format!("peer-{name}")).arg("--manifest-path").arg(manifest))?;
    let package = |line: &str| line.split(' ').take(2).collect::<Vec<_>>().join(" ");
    let measuring =
        |line: &String| ["harness ", "stats_alloc ", "peer-"].iter().any(|own| line.starts_with(own));
    Ok(tree.lines().map(package).filter(|line| !line.is_empty() && !measuring(line)).collect())
}

/// The libraries take turns, so that a busy moment of the machine hits all of them.
fn starts(libraries: &[&Library], dialect: &str, url: &str) -> Result<Vec<Duration>, Failure> {
    let mut times = vec![Vec::new(); libraries.len()];
    for _ in 0..STARTS {
        for (library, times) in libraries.iter().zip(&mut times) {
            let begun = Instant::now();
            library.run(&[dialect, "unary", "0", url])?;
            times.push(begun.elapsed());
        }
    }
    Ok(times
        .into_iter()
        .map(|mut times| {
            times.sort_unstable();
            times[STARTS / 2]
        })
        .collect())
}

fn output(command: &mut Command) -> Result<String, Failure> {
    let output = command.stderr(Stdio::piped()).output()?;
    if !output.status.success() {
        return Err(format!("{command:?}: {}", String::from_utf8_lossy(&output.stderr)).into());
    }
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// The mock, a process of its own.
struct Vendors {
    process: Child,
    chat: String,
    anthropic: String,
}

impl Vendors {
    fn start() -> Result<Self, Failure> {
        let mut process = Command::new(env::current_exe()?).arg("serve").stdout(Stdio::piped()).spawn()?;
        let mut lines = BufReader::new(process.stdout.take().ok_or("no pipe")?).lines();
        let mut url = || lines.next().ok_or("no address");
        let (chat, anthropic) = (url()??, url()??);
        Ok(Self { process, chat, anthropic })
    }
}

impl Drop for Vendors {
    fn drop(&mut self) {
        // Either fails only if the process is gone already.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
