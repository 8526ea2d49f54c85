//! Coding agents of others: each is made to call its own tool, runs it, and brings back what came of it.

use crate::{
    peer::{Done, Peer},
    python::say,
};

/// What the tools do, and what comes of it.
const SHELL: &str = "echo written by a tool > tool.txt; cat tool.txt";
const WRITTEN: &str = "written by a tool";

/// The first answer of this model calls the tool.
pub(crate) fn calls(model: &str, tool: &str, arguments: &str) -> String {
    let call = format!("{{ name: {tool}, arguments: {arguments} }}");
    format!("rules: [ {{ model: {model}, nth: 1, reply: {{ tool_calls: [ {call} ] }} }} ]")
}

fn shell(model: &str, tool: &str) -> String {
    calls(model, tool, &format!("{{ command: \"{SHELL}\", description: Writes a file }}"))
}

/// The tool ran, its result was told, and the answer to that was the end.
fn went_round(name: &str, done: &Done) {
    done.is_answered();
    assert_eq!(done.file("tool.txt").trim(), WRITTEN);
    // The command holds the words too; the last request has them in the result as well.
    let last = done.requests.last().unwrap().body.to_string();
    assert!(last.matches(WRITTEN).count() >= 2, "{last}");
    assert!(done.said.contains("with the results of the tools"), "{}", done.said);
    say(&format!("{name}: a tool went round, {} requests, 0 refused", done.requests.len()));
}

/// Where Codex speaks, the model, and its tool there: a script for the vendor's own models, a function for others.
const CODEX: &[(&str, &str, &str)] = &[
    ("openai/v1", "gpt-6.2-sol", "exec"),
    ("llamacpp/v1", "qwen3", "exec_command"),
    ("vllm/v1", "qwen3", "exec_command"),
    ("lmstudio/v1", "qwen3", "exec_command"),
];

/// The call of Codex's tool, and the arguments that all its runs have.
fn codex(model: &str, tool: &str) -> (String, Vec<&'static str>) {
    let arguments = match tool {
        "exec" => {
            format!("{{ input: \"const r = await tools.exec_command({{cmd: '{SHELL}'}}); text(r);\" }}")
        }
        _ => format!("{{ cmd: \"{SHELL}\" }}"),
    };
    let always = ["exec", "--skip-git-repo-check", "-c", "features.daemon_auto_start=false"];
    (calls(model, tool, &arguments), always.to_vec())
}

const SETTINGS: &str = "approval_policy = \"never\"\nsandbox_mode = \"danger-full-access\"\n";

/// A council has answered, and its stages were seen.
fn was_advised(name: &str, done: &Done, stages: &[&str]) {
    assert!(done.said.contains("## Open questions"), "{}", done.said);
    for stage in stages {
        assert!(done.said.contains(stage), "{stage}: {}", done.said);
    }
    let [(status, calls)] = &*done.sessions else { panic!("{:?}", done.sessions) };
    assert_eq!(status, "converged", "{}", done.said);
    say(&format!("{name}: a council of {calls} calls answered"));
}

#[test]
fn codex_asks_a_council_and_shows_its_stages() {
    let Some(mut peer) = Peer::new("agents/node_modules/.bin/codex", "codex", "") else { return };
    let config = codex_config(&peer.at("offline/v1"), "council", "model_reasoning_summary = \"auto\"\n");
    peer.write("home/.codex/config.toml", &config);
    let (_, mut arguments) = codex("", "exec");
    arguments.push("Design a rate limiter");
    let done = peer.run(&arguments, &[("SIMULATED_KEY", "fk-test")]);
    was_advised("Codex", &done, &["A draft is written.", "critics asked.", "Done: "]);
}

pub(crate) fn codex_config(address: &str, model: &str, more: &str) -> String {
    format!(
        r#"model = "{model}"
model_provider = "simulated"
{more}{SETTINGS}[model_providers.simulated]
name = "Simulated"
base_url = "{address}"
env_key = "SIMULATED_KEY"
wire_api = "responses"
"#
    )
}

/// Codex where `place` is. It knows the model as `model`; the vendor's model that answers is `answering`.
fn run_codex(place: &str, model: &str, answering: &str, tool: &str) -> Option<()> {
    let (scenario, mut arguments) = codex(answering, tool);
    let mut peer = Peer::new("agents/node_modules/.bin/codex", "codex", &scenario)?;
    let config = codex_config(&peer.at(place), model, "");
    peer.write("home/.codex/config.toml", &config);
    arguments.push("Write the file.");
    let done = peer.run(&arguments, &[("SIMULATED_KEY", "fk-test")]);
    went_round(&format!("Codex at {place}, answered by {answering}"), &done);
    Some(())
}

#[test]
fn codex_runs_its_tool_at_the_vendor_and_at_local_servers() {
    for (place, model, tool) in CODEX {
        if run_codex(place, model, model, tool).is_none() {
            return;
        }
    }
}

/// The model as Codex knows it, the one that answers, and the tool. The name that Codex knows brings its script, which takes
/// free text and stands in a group; behind it answers a vendor that has neither.
const CODEX_AT_THE_GATEWAY: &[(&str, &str, &str)] = &[
    ("gpt-6.2-sol", "gpt-6.2-sol", "exec"),
    ("provider:anthropic", "claude-sonnet-5-5", "exec_command"),
    ("provider:google", "gemini-3.8-flash", "exec_command"),
    ("provider:chat", "gpt-4o", "exec_command"),
    ("provider:local", "qwen3", "exec_command"),
    ("gpt-5.6-sol", "claude-sonnet-5-5", "exec"),
];

#[test]
fn codex_runs_its_tool_through_the_gateway() {
    for (model, answering, tool) in CODEX_AT_THE_GATEWAY {
        if run_codex("gateway/v1", model, answering, tool).is_none() {
            return;
        }
    }
}

#[test]
fn codex_finds_ollama_and_its_model_by_itself() {
    let (scenario, mut arguments) = codex("qwen3", "exec_command");
    let Some(peer) = Peer::new("agents/node_modules/.bin/codex", "codex-oss", &scenario) else { return };
    peer.write("home/.codex/config.toml", SETTINGS);
    let server = format!("{}/ollama/v1", peer.vendors());
    arguments.extend(["--oss", "--local-provider", "ollama", "-m", "qwen3", "Write the file."]);
    let done = peer.run(&arguments, &[("CODEX_OSS_BASE_URL", &*server)]);
    went_round("Codex at Ollama", &done);
}

/// The package that opencode speaks with, where it speaks, the model, and a small one for titles, which meets no rule.
const OPENCODE: &[(&str, &str, &str, &str)] = &[
    ("openai", "openai/v1", "gpt-6.2-sol", "gpt-6-luna"),
    ("openai-compatible", "openai/v1", "gpt-4.1", "gpt-4.1-mini"),
    ("openai-compatible", "groq/openai/v1", "llama-3.3-70b-versatile", "openai/gpt-oss-120b"),
    ("openai-compatible", "ollama/v1", "qwen3", "llama3.2"),
    ("openai-compatible", "deepseek/v1", "deepseek-v4-pro", "deepseek-v4-flash"),
    ("openai", "lmstudio/v1", "qwen3", "llama3.2"),
    ("anthropic", "anthropic/v1", "claude-sonnet-5-5", "claude-haiku-5-5"),
    ("google", "google/v1beta", "gemini-3.8-flash", "gemini-2.5-flash"),
];

/// opencode where `place` is, by this package. It knows the model as `model`, and `answering` answers.
fn run_opencode(package: &str, place: &str, model: &str, answering: &str, small: &str) -> Option<()> {
    let done =
        opencode(&shell(answering, "bash"), package, place, [model, small], &["run", "Write the file."])?;
    went_round(&format!("opencode at {place} by {package}, answered by {answering}"), &done);
    Some(())
}

#[test]
fn opencode_asks_a_council() {
    let arguments = ["run", "--thinking", "Design a rate limiter"];
    let models = ["council", "provider:local"];
    let Some(done) = opencode("", "openai-compatible", "offline/v1", models, &arguments) else { return };
    was_advised("opencode", &done, &["A draft is written.", "Done: "]);
}

/// What keeps opencode from looking elsewhere.
pub(crate) const OPENCODE_VARIABLES: [&str; 4] = [
    "OPENCODE_DISABLE_AUTOUPDATE",
    "OPENCODE_DISABLE_MODELS_FETCH",
    "OPENCODE_DISABLE_LSP_DOWNLOAD",
    "OPENCODE_DISABLE_DEFAULT_PLUGINS",
];

/// The configuration of opencode with one vendor, at `address`, by this package.
pub(crate) fn opencode_config(package: &str, address: &str, [model, small]: [&str; 2]) -> String {
    let limit = r#"{ "limit": { "context": 100000, "output": 8000 } }"#;
    let options = format!(r#"{{ "baseURL": "{address}", "apiKey": "fk-test" }}"#);
    let provider = format!(
        r#"{{ "npm": "@ai-sdk/{package}", "name": "Simulated", "options": {options},
             "models": {{ "{model}": {limit}, "{small}": {limit} }} }}"#
    );
    format!(
        r#"{{ "provider": {{ "simulated": {provider} }}, "permission": {{ "*": "allow" }},
             "model": "simulated/{model}", "small_model": "simulated/{small}" }}"#
    )
}

/// What opencode does with these arguments.
fn opencode(
    scenario: &str,
    package: &str,
    place: &str,
    [model, small]: [&str; 2],
    arguments: &[&str],
) -> Option<Done> {
    let mut peer = Peer::new("agents/node_modules/.bin/opencode", "opencode", scenario)?;
    let config = opencode_config(package, &peer.at(place), [model, small]);
    peer.write("work/opencode.json", &config);
    let variables: Vec<_> = OPENCODE_VARIABLES.iter().map(|name| (*name, "1")).collect();
    Some(peer.run(arguments, &variables))
}

#[test]
fn opencode_runs_its_tool_in_every_dialect() {
    for (package, place, model, small) in OPENCODE {
        if run_opencode(package, place, model, model, small).is_none() {
            return;
        }
    }
}

/// The package, where it speaks, the model as opencode knows it, and the one that answers.
const OPENCODE_AT_THE_GATEWAY: &[(&str, &str, &str, &str)] = &[
    ("anthropic", "gateway/v1", "claude-sonnet-5-5", "claude-sonnet-5-5"),
    ("anthropic", "gateway/v1", "provider:google", "gemini-3.8-flash"),
    ("openai", "gateway/v1", "gpt-6.2-sol", "gpt-6.2-sol"),
    ("openai", "gateway/v1", "provider:anthropic", "claude-sonnet-5-5"),
    ("openai-compatible", "gateway/v1", "provider:chat", "gpt-4o"),
    ("openai-compatible", "gateway/v1", "provider:google", "gemini-3.8-flash"),
    ("google", "gateway/v1beta", "provider:google", "gemini-3.8-flash"),
    ("google", "gateway/v1beta", "provider:openai", "gpt-6.2-sol"),
];

#[test]
fn opencode_runs_its_tool_through_the_gateway() {
    for (package, place, model, answering) in OPENCODE_AT_THE_GATEWAY {
        if run_opencode(package, place, model, answering, "provider:local").is_none() {
            return;
        }
    }
}

/// Gemini CLI where `place` is. It knows the model as `model`, and `answering` answers.
fn run_gemini(place: &str, model: &str, answering: &str) -> Option<()> {
    let scenario = shell(answering, "run_shell_command");
    let mut peer = Peer::new("agents/node_modules/.bin/gemini", "gemini", &scenario)?;
    let settings = r#"{ "security": { "auth": { "selectedType": "gemini-api-key" } },
        "privacy": { "usageStatisticsEnabled": false } }"#;
    peer.write("home/.gemini/settings.json", settings);
    let vendor = peer.at(place);
    let variables = [("GEMINI_API_KEY", "fk-test"), ("GOOGLE_GEMINI_BASE_URL", &*vendor)];
    let arguments = ["-m", model, "--yolo", "--skip-trust", "-p", "Write the file."];
    let done = peer.run(&arguments, &variables);
    went_round(&format!("Gemini CLI at {place}, answered by {answering}"), &done);
    Some(())
}

#[test]
fn gemini_cli_runs_its_tool() {
    run_gemini("google", "gemini-3.8-flash", "gemini-3.8-flash");
}

#[test]
fn gemini_cli_runs_its_tool_through_the_gateway() {
    for (model, answering) in [
        ("gemini-3.8-flash", "gemini-3.8-flash"),
        ("provider:anthropic", "claude-sonnet-5-5"),
        ("gemini-3.8-pro", "gpt-6.2-sol"),
    ] {
        if run_gemini("gateway", model, answering).is_none() {
            return;
        }
    }
}

/// The name that aider gives the model, where its vendor lies, and the variables for key and address.
const AIDER: &[(&str, &str, &str, &str)] = &[
    ("openai/gpt-4o", "openai/v1", "OPENAI_API_KEY", "OPENAI_API_BASE"),
    ("anthropic/claude-sonnet-4-5", "anthropic", "ANTHROPIC_API_KEY", "ANTHROPIC_API_BASE"),
    ("gemini/gemini-2.5-flash", "google/v1beta", "GEMINI_API_KEY", "GEMINI_API_BASE"),
    ("ollama_chat/qwen3", "ollama", "OLLAMA_API_KEY", "OLLAMA_API_BASE"),
];

/// The same at the gateway: its own vendor and another, in each dialect.
const AIDER_AT_THE_GATEWAY: &[(&str, &str, &str, &str)] = &[
    ("openai/gpt-4o", "gateway/v1", "OPENAI_API_KEY", "OPENAI_API_BASE"),
    ("openai/provider:anthropic", "gateway/v1", "OPENAI_API_KEY", "OPENAI_API_BASE"),
    ("anthropic/claude-sonnet-4-5", "gateway", "ANTHROPIC_API_KEY", "ANTHROPIC_API_BASE"),
    ("anthropic/provider:google", "gateway", "ANTHROPIC_API_KEY", "ANTHROPIC_API_BASE"),
    ("gemini/gemini-2.5-flash", "gateway/v1beta", "GEMINI_API_KEY", "GEMINI_API_BASE"),
    ("gemini/provider:openai", "gateway/v1beta", "GEMINI_API_KEY", "GEMINI_API_BASE"),
];

/// It has no tools: it writes the file that the answer holds, runs a test, and tells what the test says.
fn run_aider(rows: &[(&str, &str, &str, &str)]) {
    let reply = |word: &str| format!("tool.txt\\n```\\n{word}\\n```\\n");
    let scenario = format!(
        "rules: [ {{ nth: 1, reply: {{ text: \"{}\" }} }}, {{ nth: 2, reply: {{ text: \"{}\" }} }} ]",
        reply("a mistake"),
        reply(WRITTEN)
    );
    for (model, path, key, address) in rows {
        let Some(mut peer) = Peer::new("aider/bin/aider", "aider", &scenario) else { return };
        let test = format!("grep -q '{WRITTEN}' tool.txt || {{ echo the test has failed; exit 1; }}");
        let arguments = [
            &["--model", model, "--edit-format", "whole", "--auto-test", "--test-cmd", &test][..],
            &["--no-git", "--no-gitignore", "--no-check-update", "--analytics-disable", "--yes-always"],
            &["--no-pretty", "--no-stream", "--no-show-model-warnings", "--no-show-release-notes"],
            &["--no-detect-urls", "--map-tokens", "0", "--message", "Write the file.", "tool.txt"],
        ]
        .concat();
        let vendor = peer.at(path);
        let variables = [(*key, "fk-test"), (*address, &*vendor), ("LITELLM_LOCAL_MODEL_COST_MAP", "True")];
        let done = peer.run(&arguments, &variables);
        done.is_answered();
        assert_eq!(done.file("tool.txt").trim(), WRITTEN, "{}", done.said);
        assert_eq!(done.asked_with("the test has failed"), 1, "{}", done.said);
        say(&format!(
            "aider at {path} with {model}: a file went round, {} requests, 0 refused",
            done.requests.len()
        ));
    }
}

#[test]
fn aider_writes_the_file_and_tells_how_the_test_went() {
    run_aider(AIDER);
}

#[test]
fn aider_writes_the_file_through_the_gateway() {
    run_aider(AIDER_AT_THE_GATEWAY);
}
