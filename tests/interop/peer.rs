//! A program of others that works in a folder of its own, with a simulator as its vendor.

use std::{
    fs,
    os::unix::process::CommandExt as _,
    path::PathBuf,
    process::{Command, Stdio},
    sync::{
        atomic::{AtomicU32, Ordering},
        mpsc,
    },
    thread,
    time::Duration,
};

use forge_sim::{RecordedRequest, Scenario, Sim, SimConfig};
use tokio::runtime::Runtime;

use crate::{
    gateway::{self, Gateway},
    python::{installed, skipped},
};

/// Where a place begins that lies behind the gateway.
const GATEWAY: &str = "gateway";
/// Where one begins that lies behind a gateway with simulated vendors of its own.
const OFFLINE: &str = "offline";

/// Names under which agents know models of one vendor, while the gateway has another's answer.
const ALIASES: &str = "serve:\n  models:\n    gpt-5.6-sol: { provider: anthropic }\n    \
    gemini-3.8-pro: { provider: openai }\n";

/// A few seconds are enough for each of them.
const DEADLINE: Duration = Duration::from_secs(90);

/// How many folders were made: two tests run one program at once.
static NUMBER: AtomicU32 = AtomicU32::new(0);

/// The program, its folders and its vendors. All end with the value.
#[derive(Debug)]
pub(crate) struct Peer {
    program: PathBuf,
    folder: Folder,
    runtime: Runtime,
    sim: Sim,
    gateway: Option<Gateway>,
}

/// What it has done.
#[derive(Debug)]
pub(crate) struct Done {
    /// Everything that it printed.
    pub(crate) said: String,
    pub(crate) requests: Vec<RecordedRequest>,
    /// The sessions at the gateway, each with how it ended and how many calls it made.
    pub(crate) sessions: Vec<(String, u64)>,
    folder: Folder,
}

impl Peer {
    /// The program below the folder of the tests' own Python, or nothing, and then says what is missing. `name` is for
    /// the folder in which it works.
    pub(crate) fn new(program: &str, name: &str, scenario: &str) -> Option<Self> {
        let program = installed(program)?;
        if !program.exists() {
            skipped(&format!(
                "{} is not installed; run `tests/interop/setup FOLDER` again",
                program.display()
            ));
            return None;
        }
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        // Outside of this repository, whose instructions and settings for agents are not part of the test either.
        let folder = format!("forge-interop-{name}-{}-{number}", std::process::id());
        let folder = Folder(std::env::temp_dir().join(folder));
        for part in ["home", "work"] {
            fs::create_dir_all(folder.0.join(part)).unwrap();
        }
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let scenario = Scenario::from_yaml(scenario).unwrap();
        let sim =
            runtime.block_on(Sim::start(SimConfig { seed: 7, scenario, ..SimConfig::default() })).unwrap();
        Some(Self { program, folder, runtime, sim, gateway: None })
    }

    /// The address of the vendors.
    pub(crate) fn vendors(&self) -> String {
        format!("http://{}", self.sim.addr())
    }

    /// The address of a place: below the vendors, or below a gateway in front of them, which it starts.
    pub(crate) fn at(&mut self, place: &str) -> String {
        let folder = || gateway::folder(&self.folder.0.file_name().unwrap().to_string_lossy());
        let (gateway, path) = if let Some(path) = place.strip_prefix(GATEWAY) {
            (Gateway::start(folder(), &self.vendors(), ALIASES), path)
        } else if let Some(path) = place.strip_prefix(OFFLINE) {
            (Gateway::offline(folder()), path)
        } else {
            return format!("{}/{place}", self.vendors());
        };
        let url = format!("{}{path}", gateway.url);
        self.gateway = Some(gateway);
        url
    }

    /// Writes a file of its configuration, below `home` or `work`.
    pub(crate) fn write(&self, path: &str, text: &str) {
        let path = self.folder.0.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    /// Runs it to its end. Settings of the developer's are not part of the test, and nothing is found at home.
    pub(crate) fn run(self, arguments: &[&str], variables: &[(&str, &str)]) -> Done {
        let home = self.folder.0.join("home");
        let mut command = Command::new(&self.program);
        command.args(arguments).current_dir(self.folder.0.join("work"));
        command.env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default()).env("HOME", &home);
        for (variable, below) in
            [("DATA", "data"), ("CONFIG", "config"), ("STATE", "state"), ("CACHE", "cache")]
        {
            command.env(format!("XDG_{variable}_HOME"), home.join(below));
        }
        // Nothing but the simulator is reached: what looks elsewhere meets a closed door at once.
        for proxy in ["http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"] {
            command.env(proxy, "http://127.0.0.1:9");
        }
        command.env("no_proxy", "127.0.0.1").env("NO_PROXY", "127.0.0.1").envs(variables.iter().copied());
        let said = finish(command);
        let mut requests = self.sim.journal();
        if self.gateway.is_some() {
            // It asks local servers what they are.
            requests.retain(|request| request.method == "POST" && !request.path.contains("/api/show"));
        }
        self.runtime.block_on(self.sim.shutdown());
        let sessions = self.gateway.as_ref().map(Gateway::sessions).unwrap_or_default();
        Done { said, requests, sessions, folder: self.folder }
    }
}

/// What the command prints until it ends; one that does not end is stopped, with all that it has started.
fn finish(mut command: Command) -> String {
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).process_group(0);
    let child = command.spawn().unwrap();
    let group = format!("-{}", child.id());
    let (ended, end) = mpsc::channel();
    thread::spawn(move || ended.send(child.wait_with_output()));
    let output = end.recv_timeout(DEADLINE);
    // The group has the id of the child; there is nobody left in it where all went well.
    let _ = Command::new("kill").args(["-KILL", "--", &group]).stderr(Stdio::null()).status();
    let timely = output.is_ok();
    let output = output.unwrap_or_else(|_| end.recv().unwrap()).unwrap();
    let said =
        [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).join("\n");
    assert!(timely, "it had not ended after {DEADLINE:?}: {said}");
    assert!(output.status.success(), "{}: {said}", output.status);
    said
}

impl Done {
    /// A file that it has written, below `work`.
    pub(crate) fn file(&self, path: &str) -> String {
        fs::read_to_string(self.folder.0.join("work").join(path))
            .unwrap_or_else(|error| panic!("{path}: {error}: {}", self.said))
    }

    /// Every request was answered well, and there were some.
    pub(crate) fn is_answered(&self) {
        let status = |request: &RecordedRequest| request.outcome.as_ref().and_then(|outcome| outcome.status);
        let refused: Vec<_> = self.requests.iter().filter(|request| status(request) != Some(200)).collect();
        assert!(refused.is_empty() && !self.requests.is_empty(), "{refused:?} {}", self.said);
    }

    /// How many requests hold this text.
    pub(crate) fn asked_with(&self, text: &str) -> usize {
        self.requests.iter().filter(|request| request.body.to_string().contains(text)).count()
    }
}

/// Removed with the value.
#[derive(Debug)]
struct Folder(PathBuf);

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}
