//! Coding agents of others with Forge as one of their tools, as `forge mcp install` writes it into their files.

use std::path::PathBuf;

use serde_json::Value;

use crate::{
    agents::{OPENCODE_VARIABLES, calls, codex_config, opencode_config},
    command::forge,
    peer::{Done, Peer},
    python::say,
};

/// What the model has the agent ask, and what nobody but the index could have told it.
const QUESTION: &str = "{ symbol: canary }";
const ANSWER: &str = "lib.rs:2 function";

/// The folder with the command, which agents look for by its name.
fn path() -> String {
    let folder = PathBuf::from(forge().get_program()).parent().unwrap().display().to_string();
    format!("{folder}:{}", std::env::var("PATH").unwrap_or_default())
}

/// What the file of a program has to say.
fn entry(program: &str) -> String {
    let output = forge().args(["mcp", "install", program, "--context"]).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

/// The index answered, and its answer went to the model.
fn was_told(name: &str, done: &Done) {
    done.is_answered();
    assert!(done.asked_with(ANSWER) >= 1, "{} {:?}", done.said, done.requests.last());
    assert!(done.said.contains("with the results of the tools"), "{}", done.said);
    say(&format!("{name}: a tool of the context server went round, {} requests", done.requests.len()));
}

#[test]
fn codex_asks_the_index() {
    let scenario = calls("qwen3", "find", QUESTION);
    let Some(mut peer) = Peer::new("agents/node_modules/.bin/codex", "codex-mcp", &scenario) else { return };
    let config = codex_config(&peer.at("llamacpp/v1"), "qwen3", "");
    peer.write("home/.codex/config.toml", &format!("{config}\n{}", entry("codex")));
    peer.write("work/lib.rs", "// One.\nfn canary() {}\n");
    let arguments =
        ["exec", "--skip-git-repo-check", "-c", "features.daemon_auto_start=false", "Where is it?"];
    let done = peer.run(&arguments, &[("SIMULATED_KEY", "fk-test"), ("PATH", &path())]);
    was_told("Codex", &done);
}

#[test]
fn opencode_asks_the_index() {
    let scenario = calls("qwen3", "forge-context_find", QUESTION);
    let Some(mut peer) = Peer::new("agents/node_modules/.bin/opencode", "opencode-mcp", &scenario) else {
        return;
    };
    let config = opencode_config("openai-compatible", &peer.at("ollama/v1"), ["qwen3", "llama3.2"]);
    let mut config: Value = serde_json::from_str(&config).unwrap();
    let entry: Value = serde_json::from_str(&entry("opencode")).unwrap();
    config["mcp"] = entry["mcp"].clone();
    peer.write("work/opencode.json", &config.to_string());
    peer.write("work/lib.rs", "// One.\nfn canary() {}\n");
    let path = path();
    let variables: Vec<_> =
        OPENCODE_VARIABLES.iter().map(|name| (*name, "1")).chain([("PATH", &*path)]).collect();
    let done = peer.run(&["run", "Where is it?"], &variables);
    was_told("opencode", &done);
}
