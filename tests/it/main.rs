//! The workspace's shape, and the built command as its users run it.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a failed test panics")]

mod arrows;
mod ask;
mod batch;
mod bead;
mod caps;
mod casts;
mod chat;
mod config;
mod continued;
mod corpora;
mod eval;
mod examples;
mod exec;
mod failover;
mod faults;
#[cfg(target_os = "linux")]
mod fleet;
mod forms;
mod front;
mod hooks;
mod house;
mod keys;
mod kills;
mod lists;
mod log;
mod material;
mod mcp;
mod metrics;
mod mission_t085;
mod modules;
mod offline;
mod openings;
mod place;
mod prompts;
mod readme;
mod review;
mod route;
mod run;
mod serve;
mod session_input;
mod simulator;
mod spending;
mod takeovers;
#[cfg(target_os = "linux")]
mod top;
mod watch;
mod workflow;

use std::{
    io::Write as _,
    path::PathBuf,
    process::{Command, Stdio},
    sync::OnceLock,
};

use serde_json::Value;

/// What the command said.
#[derive(Debug)]
struct Said {
    code: Option<i32>,
    stdout: String,
    stderr: String,
}

/// The built command. It is built here because cargo builds binaries for their own package's tests only.
fn forge() -> Command {
    static PATH: OnceLock<PathBuf> = OnceLock::new();
    let path = PATH.get_or_init(|| {
        let output = Command::new(env!("CARGO"))
            .args(["build", "--locked", "-p", "forge-cli", "--bin", "forge", "--message-format", "json"])
            .current_dir(env!("CARGO_MANIFEST_DIR"))
            .stderr(Stdio::inherit())
            .output()
            .unwrap();
        let messages = String::from_utf8(output.stdout).unwrap();
        let mut executables = messages
            .lines()
            .filter_map(|line| serde_json::from_str::<Value>(line).ok())
            .filter_map(|message| message["executable"].as_str().map(PathBuf::from));
        executables.next_back().expect("the command is built")
    });
    let mut command = Command::new(path);
    // What it remembers does not go to the developer's own folders.
    command.env_clear().env("FORGE_HOME", env!("CARGO_TARGET_TMPDIR")).stdin(Stdio::null());
    command
}

fn run(command: &mut Command) -> Said {
    let output = command.output().unwrap();
    Said {
        code: output.status.code(),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

fn run_with_input(command: &mut Command, input: &str) -> Said {
    let mut child =
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    Said {
        code: output.status.code(),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

/// A simulated vendor that plays `scenario` while `test` runs.
fn with_sim<T>(scenario: &str, test: impl FnOnce(&forge_sim::Sim) -> T) -> T {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let scenario = forge_sim::Scenario::from_yaml(scenario).unwrap();
    let config = forge_sim::SimConfig { scenario, ..forge::offline::config() };
    let sim = runtime.block_on(forge_sim::Sim::start(config)).unwrap();
    let result = test(&sim);
    runtime.block_on(sim.shutdown());
    result
}
