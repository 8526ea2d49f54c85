//! The built command with llama.cpp behind its providers.

use std::{
    fs,
    path::PathBuf,
    process::{Command, Stdio},
    sync::OnceLock,
};

use serde_json::Value;

use crate::python::{SENTENCE, Server};

/// The built command. It is built here because cargo builds binaries for their own package's tests only.
pub(crate) fn forge() -> Command {
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
    command.env_clear().stdin(Stdio::null());
    command
}

/// What the command says with these arguments and a configuration of two models, each behind its server.
fn said(writer: &Server, reader: &Server, name: &str, arguments: &[&str]) -> (Option<i32>, String, String) {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}-{}", std::process::id()));
    fs::create_dir_all(&folder).unwrap();
    let config = folder.join("config.yaml");
    let text = format!(
        r#"schema_version: "1.0"
providers:
  writer: {{ type: local, model: tiny, endpoint: "{}" }}
  reader: {{ type: local, model: other, endpoint: "{}" }}
roles:
  drafter: {{ provider: writer }}
  critic: {{ panel: [reader] }}
  synthesizer: {{ provider: writer }}
  checker: {{ provider: reader }}
default_provider: writer
session: {{ critics: 1, required: 1, cycles: 1 }}
"#,
        writer.url, reader.url
    );
    fs::write(&config, text).unwrap();
    let mut command = forge();
    command.args(arguments).arg("--config").arg(config).env("FORGE_HOME", &folder);
    let output = command.current_dir(&folder).output().unwrap();
    fs::remove_dir_all(folder).unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code(), text(output.stdout), text(output.stderr))
}

#[test]
fn the_status_of_the_providers_comes_from_the_server() {
    let Some(server) = Server::start(&[]) else { return };
    let (code, stdout, stderr) = said(&server, &server, "status", &["providers", "status"]);
    assert_eq!(code, Some(0), "{stderr}");
    let ready = stdout.lines().filter(|line| line.contains("ready"));
    assert_eq!(ready.count(), 2, "{stdout}");
}

#[test]
fn a_question_is_answered() {
    let Some(server) = Server::start(&[]) else { return };
    let (code, stdout, stderr) = said(&server, &server, "ask", &["ask", "Why is the sky blue?"]);
    assert_eq!((code, stdout.trim()), (Some(0), SENTENCE), "{stderr}");
    assert!(stderr.contains("9 out, $0.00"), "{stderr}");
}

#[test]
fn a_session_is_drafted_judged_revised_and_checked() {
    let Some(writer) = Server::start(&["n_ctx=16384"]) else { return };
    // Who answers under the writer's name would be told that it judges a text of its own.
    let Some(reader) = Server::start(&["n_ctx=16384", "model_alias=other"]) else { return };
    let (code, stdout, stderr) = said(&writer, &reader, "session", &["run", "An answer"]);
    assert_eq!(code, Some(0), "{stdout}{stderr}");
    let settled = "\n> **1 critic, 1 fault, 1 fixed, 0 left; settled: nothing that must change is open";
    assert!(stdout.contains(settled), "{stdout}");
    assert!(stdout.contains("\nSeven small words make one better answer.\n"), "{stdout}");
    assert!(stdout.contains("| F1 | major | reader/other | settled |"), "{stdout}");
}
