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
const PEERS: [(&str, &[&str]); 8] = [
    ("floor", &["chat", "anthropic"]),
    ("forge-openai", &["chat"]),
    ("forge-anthropic", &["anthropic"]),
    ("forge-router", &["chat", "anthropic"]),
    ("llm", &["chat"]),
    ("genai", &["chat", "anthropic"]),
    ("rig-core", &["chat", "anthropic"]),
    ("async-openai", &["chat"]),
];

/// A form of a call.
struct Form {
    name: &'static str,
    /// What the programs call it.
    argument: &'static str,
    /// Calls of the shorter and the longer run under callgrind.
    runs: [u64; 2],
    /// Calls whose allocations are counted.
    counted: u64,
}

const FORMS: [Form; 5] = [
    Form { name: "unary", argument: "unary", runs: [100, 1_100], counted: 1_000 },
    Form { name: "tools", argument: "tools", runs: [100, 600], counted: 500 },
    Form { name: "stream", argument: "stream", runs: [50, 250], counted: 500 },
    // A pause stands before each delta, so a call takes more than half a second.
    Form { name: "paced", argument: "stream", runs: [1, 9], counted: 8 },
    Form { name: "budget", argument: "budget", runs: [100, 1_100], counted: 1_000 },
];

const STARTS: usize = 21;

fn main() -> Result<(), Failure> {
    if env::args().nth(1).as_deref() == Some("serve") {
        for address in mock::serve_all()? {
            println!("http://localhost:{}", address.port());
        }
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

    let mut instructions = Vec::new();
    let mut allocations = Vec::new();
    for dialect in ["chat", "anthropic"] {
        let speakers: Vec<_> =
            libraries.iter().filter(|library| library.dialects.contains(&dialect)).collect();
        let starts = starts(&speakers, dialect, vendors.url(dialect, "unary")?)?;
        for (library, start) in speakers.iter().zip(starts) {
            let mut counted = vec![dialect.to_owned(), library.label()];
            let mut allocated = counted.clone();
            for form in &FORMS {
                if library.measures(form) {
                    let url = vendors.url(dialect, form.name)?;
                    counted.push(library.instructions(dialect, form, url)?.to_string());
                    allocated.push(library.run(&[dialect, form.argument, &form.counted.to_string(), url])?);
                } else {
                    counted.push("-".to_owned());
                    allocated.push("-".to_owned());
                }
            }
            counted.push(format!("{:.1} ms", start.as_secs_f64() * 1_000.0));
            instructions.push(counted);
            allocations.push(allocated);
        }
    }
    let forms = FORMS.map(|form| form.name);
    print("Instructions", &[&forms[..], &["start"]].concat(), &instructions);
    print("Allocations", &forms, &allocations);

    println!("| Library | program, stripped | crates |");
    println!("|---|--:|--:|");
    for library in &libraries {
        let size = fs::metadata(&library.program)?.len() as f64 / 1024.0 / 1024.0;
        println!("| {} | {size:.2} MiB | {} |", library.label(), library.crates.len());
    }
    Ok(())
}

/// A table with a row for each dialect and library.
fn print(what: &str, columns: &[&str], rows: &[Vec<String>]) {
    println!("| {what} | Library | {} |", columns.join(" | "));
    println!("|---|---|{}", "--:|".repeat(columns.len()));
    for row in rows {
        println!("| {} |", row.join(" | "));
    }
    println!();
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

    /// Only a router has limits, accounts and budgets.
    fn measures(&self, form: &Form) -> bool {
        form.name != "budget" || self.name == "forge-router"
    }

    fn instructions(&self, dialect: &str, form: &Form, url: &str) -> Result<u64, Failure> {
        eprintln!("{dialect} {} {}", self.name, form.name);
        let [short, long] = form.runs.map(|calls| {
            let mut valgrind = Command::new("valgrind");
            valgrind.args(["--tool=callgrind", "--callgrind-out-file=/dev/null"]).arg(&self.program);
            let run = valgrind.args([dialect, form.argument, &calls.to_string(), url]).output()?;
            let report = String::from_utf8_lossy(&run.stderr);
            let counted = |line: &str| line.split("Collected :").nth(1)?.trim().parse::<u64>().ok();
            match report.lines().find_map(counted) {
                Some(counted) if run.status.success() => Ok(counted),
                _ => Err(Failure::from(format!("callgrind on {}: {report}", self.name))),
            }
        });
        Ok((long? - short?) / (form.runs[1] - form.runs[0]))
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
    urls: Vec<String>,
}

impl Vendors {
    fn start() -> Result<Self, Failure> {
        let mut process = Command::new(env::current_exe()?).arg("serve").stdout(Stdio::piped()).spawn()?;
        let lines = BufReader::new(process.stdout.take().ok_or("no pipe")?).lines();
        let urls = lines.take(mock::ADDRESSES).collect::<Result<_, _>>()?;
        Ok(Self { process, urls })
    }

    fn url(&self, dialect: &str, form: &str) -> Result<&str, Failure> {
        let at = usize::from(dialect == "anthropic") + 2 * usize::from(form == "paced");
        Ok(self.urls.get(at).ok_or("no address")?)
    }
}

impl Drop for Vendors {
    fn drop(&mut self) {
        // Either fails only if the process is gone already.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
