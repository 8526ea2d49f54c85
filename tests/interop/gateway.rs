//! Clients of others at `forge serve`: each speaks its own dialect, and every vendor answers.

use std::{
    fs,
    io::{BufRead as _, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
};

use forge_sim::{Sim, SimConfig};
use serde_json::Value;

use crate::{
    command::forge,
    python::{installed, python, say, skipped},
};

/// The server, with simulated vendors behind it. It ends with the value.
#[derive(Debug)]
pub(crate) struct Gateway {
    child: Child,
    pub(crate) url: String,
    folder: PathBuf,
}

impl Gateway {
    /// One whose vendors are at `vendors`, an address such as `http://127.0.0.1:4711`, with the configuration `more` behind
    /// that of its providers.
    pub(crate) fn start(folder: PathBuf, vendors: &str, more: &str) -> Self {
        // One attempt, and no vendor is left alone: every case sees what becomes of its own failure.
        let text = format!(
            r#"schema_version: "1.0"
retry: {{ max_attempts: 1 }}
breaker: {{ consecutive_failures: 100000, error_rate: 1.0 }}
providers:
  anthropic: {{ type: anthropic, model: claude-sonnet-5-5, api_key: sk-test-1, endpoint: "{vendors}/anthropic" }}
  openai: {{ type: openai, model: gpt-6.2-sol, api_key: sk-test-2, endpoint: "{vendors}/openai/v1" }}
  chat: {{ type: openai, model: gpt-4o, api_key: sk-test-3, endpoint: "{vendors}/openai/v1" }}
  google: {{ type: google, model: gemini-3.8-flash, api_key: sk-test-4, endpoint: "{vendors}/google" }}
  local: {{ type: local, model: qwen3, endpoint: "{vendors}/ollama" }}
{more}
"#
        );
        let config = folder.join("forge.yaml");
        fs::write(&config, text).unwrap();
        let mut command = at_home(&folder);
        command.args(["serve", "--listen", "127.0.0.1:0", "--config"]).arg(&config);
        Self::run(command, folder)
    }

    /// One in front of the vendors that it simulates itself, and of their council.
    pub(crate) fn offline(folder: PathBuf) -> Self {
        let mut command = at_home(&folder);
        command.args(["serve", "--offline", "--listen", "127.0.0.1:0"]);
        Self::run(command, folder)
    }

    /// The two servers of the Model Context Protocol alone, in front of vendors that they simulate themselves.
    pub(crate) fn mcp(folder: PathBuf) -> Self {
        fs::create_dir(folder.join("code")).unwrap();
        fs::write(folder.join("code/lib.rs"), "fn canary() {}\n").unwrap();
        let mut command = at_home(&folder);
        command.args(["mcp", "serve", "--all", "--offline", "--root", "code"]);
        command.args(["--http", "127.0.0.1:0", "--probes", "127.0.0.1:0"]);
        Self::run(command, folder)
    }

    /// The sessions that its clients have begun: how each ended, and how many calls it made.
    pub(crate) fn sessions(&self) -> Vec<(String, u64)> {
        let output =
            at_home(&self.folder).args(["sessions", "list", "--offline", "--json"]).output().unwrap();
        let listed: Value = serde_json::from_slice(&output.stdout).unwrap();
        let sessions = listed["sessions"].as_array().unwrap().iter();
        sessions
            .map(|one| (one["status"].as_str().unwrap().to_owned(), one["calls"].as_u64().unwrap()))
            .collect()
    }

    fn run(mut command: Command, folder: PathBuf) -> Self {
        let mut child = command.stderr(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines().map_while(Result::ok);
        let mut said = String::new();
        let url = lines.by_ref().find_map(|line| {
            said = format!("{said}{line}\n");
            let place = line.split_once("serving ")?.1;
            Some(place.split_once(';').or_else(|| place.split_once("/mcp/"))?.0.to_owned())
        });
        let url = url.unwrap_or_else(|| panic!("the server ended: {said}"));
        // Nobody else reads what it says later.
        thread::spawn(move || lines.for_each(drop));
        Self { child, url, folder }
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// A folder for a server, which removes it.
pub(crate) fn folder(name: &str) -> PathBuf {
    let folder = std::env::temp_dir().join(format!("forge-gateway-{name}-{}", std::process::id()));
    fs::create_dir_all(&folder).unwrap();
    folder
}

/// The command with a home of its own.
fn at_home(folder: &Path) -> Command {
    let mut command = forge();
    command.env("FORGE_HOME", folder).current_dir(folder);
    command
}

/// What the script says at the gateway; where it fails, the reasons. `prepare` gets the server's folder, and gives the rest
/// of the arguments.
fn heard(script: &str, name: &str, prepare: impl FnOnce(&Path) -> Vec<String>) -> Option<String> {
    let mut command = python(script)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let sim = runtime.block_on(Sim::start(SimConfig { seed: 7, ..SimConfig::default() })).unwrap();
    let vendors = format!("http://{}", sim.addr());
    let folder = folder(name);
    let arguments = prepare(&folder);
    // A credential that its vendor refuses, for the last case.
    let refused = format!(
        "  refused: {{ type: anthropic, model: claude-sonnet-5-5, api_key: sk-test-invalid, \
         endpoint: \"{vendors}/anthropic\" }}"
    );
    let gateway = Gateway::start(folder, &vendors, &refused);
    let output = command.arg(&vendors).arg(&gateway.url).args(arguments).output().unwrap();
    runtime.block_on(sim.shutdown());
    let [said, report] =
        [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
    assert!(output.status.success(), "{said}{report}");
    Some(said)
}

/// All cases of the client in `gateway.py` hold, and there are this many at least.
fn holds(client: &str, least: u32) {
    let Some(said) = heard("gateway.py", client, |_| vec![client.to_owned()]) else { return };
    say(&format!("at the gateway: {}", said.trim()));
    // "openai 3.57.0: 265 of 265 cases"
    let count = said.rsplit(" of ").next().and_then(|rest| rest.split(' ').next()?.parse::<u32>().ok());
    assert!(count.is_some_and(|count| count >= least), "{said}");
}

#[test]
fn the_openai_package_gets_every_vendor() {
    holds("openai", 435);
}

#[test]
fn the_anthropic_package_gets_every_vendor() {
    holds("anthropic", 450);
}

#[test]
fn the_google_genai_package_gets_every_vendor() {
    holds("google-genai", 215);
}

#[test]
fn litellm_gets_every_vendor() {
    let Some(program) = installed("bin/litellm") else { return };
    if !program.exists() {
        skipped("litellm is not installed; run `tests/interop/setup FOLDER` again");
        return;
    }
    holds("litellm", 449);
}

#[test]
fn the_openai_package_leaves_a_council_and_comes_back_to_it() {
    let Some(mut command) = python("gateway_council.py") else { return };
    let gateway = Gateway::offline(folder("council"));
    let output = command.arg(&gateway.url).output().unwrap();
    let report = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{report}");
    say(&format!("a council at the gateway: {}", String::from_utf8_lossy(&output.stdout).trim()));
    // The one that was left has no more calls than the one that was not, and there is no third.
    let sessions = gateway.sessions();
    assert_eq!((sessions.len(), &sessions[0]), (2, &sessions[1]), "{sessions:?}");
}

/// A key of `forge keys`, with what it may do.
fn key(folder: &Path, name: &str, options: &[&str]) -> String {
    let output = at_home(folder).args(["keys", "create", name]).args(options).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

#[test]
fn the_openai_package_comes_back_for_its_responses() {
    let Some(mut command) = python("gateway_stored.py") else { return };
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let sim = runtime.block_on(Sim::start(SimConfig { seed: 7, ..SimConfig::default() })).unwrap();
    let folder = folder("stored");
    let keys = ["one", "two"].map(|name| key(&folder, name, &[]));
    let serve = "serve: { responses: { store: 30d }, \
                 models: { embed: { provider: openai, model: text-embedding-3-small } } }";
    let gateway = Gateway::start(folder, &format!("http://{}", sim.addr()), serve);
    let output = command.arg(&gateway.url).args(keys).output().unwrap();
    runtime.block_on(sim.shutdown());
    let [said, report] =
        [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
    assert!(output.status.success(), "{said}{report}");
    say(&format!("at the gateway: {}", said.trim()));
}

#[test]
fn a_client_without_its_key_gets_the_exception_of_its_package() {
    let said = heard("gateway_keys.py", "keys", |folder| {
        vec![
            key(folder, "free", &[]),
            key(folder, "narrow", &["--models", "provider:a*"]),
            key(folder, "slow", &["--rpm", "12"]),
            key(folder, "poor", &["--total-usd", "0.000001"]),
        ]
    });
    let Some(said) = said else { return };
    say(&format!("at the gateway: {}", said.trim()));
}
