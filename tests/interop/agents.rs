//! Coding agents of others: each is made to call its own tool, runs it, and brings back what came of it.

use crate::{
    peer::{Done, Peer},
    python::say,
};

/// What the tools do, and what comes of it.
const SHELL: &str = "echo written by a tool > tool.txt; cat tool.txt";
const WRITTEN: &str = "written by a tool";

/// The first answer of this model calls the tool.
fn calls(model: &str, tool: &str, arguments: &str) -> String {
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

#[test]
fn codex_runs_its_tool_at_the_vendor_and_at_local_servers() {
    for (path, model, tool) in CODEX {
        let (scenario, mut arguments) = codex(model, tool);
        let Some(peer) = Peer::new("agents/node_modules/.bin/codex", "codex", &scenario) else { return };
        let config = format!(
            r#"model = "{model}"
model_provider = "simulated"
{SETTINGS}[model_providers.simulated]
name = "Simulated"
base_url = "{}/{path}"
env_key = "SIMULATED_KEY"
wire_api = "responses"
"#,
            peer.vendors()
        );
        peer.write("home/.codex/config.toml", &config);
        arguments.push("Write the file.");
        let done = peer.run(&arguments, &[("SIMULATED_KEY", "fk-test")]);
        went_round(&format!("Codex at {path}"), &done);
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

#[test]
fn opencode_runs_its_tool_in_every_dialect() {
    for (package, path, model, small) in OPENCODE {
        let scenario = shell(model, "bash");
        let Some(peer) = Peer::new("agents/node_modules/.bin/opencode", "opencode", &scenario) else {
            return;
        };
        let limit = r#"{ "limit": { "context": 100000, "output": 8000 } }"#;
        let options = format!(r#"{{ "baseURL": "{}/{path}", "apiKey": "fk-test" }}"#, peer.vendors());
        let provider = format!(
            r#"{{ "npm": "@ai-sdk/{package}", "name": "Simulated", "options": {options},
                 "models": {{ "{model}": {limit}, "{small}": {limit} }} }}"#
        );
        let config = format!(
            r#"{{ "provider": {{ "simulated": {provider} }}, "permission": {{ "*": "allow" }},
                 "model": "simulated/{model}", "small_model": "simulated/{small}" }}"#
        );
        peer.write("work/opencode.json", &config);
        let variables = ["AUTOUPDATE", "MODELS_FETCH", "LSP_DOWNLOAD", "DEFAULT_PLUGINS"]
            .map(|what| format!("OPENCODE_DISABLE_{what}"));
        let variables: Vec<(&str, &str)> = variables.iter().map(|name| (name.as_str(), "1")).collect();
        let done = peer.run(&["run", "Write the file."], &variables);
        went_round(&format!("opencode at {path} by {package}"), &done);
    }
}

#[test]
fn gemini_cli_runs_its_tool() {
    let scenario = shell("gemini-3.8-flash", "run_shell_command");
    let Some(peer) = Peer::new("agents/node_modules/.bin/gemini", "gemini", &scenario) else { return };
    let settings = r#"{ "security": { "auth": { "selectedType": "gemini-api-key" } },
        "privacy": { "usageStatisticsEnabled": false } }"#;
    peer.write("home/.gemini/settings.json", settings);
    let vendor = format!("{}/google", peer.vendors());
    let variables = [("GEMINI_API_KEY", "fk-test"), ("GOOGLE_GEMINI_BASE_URL", &*vendor)];
    let arguments = ["-m", "gemini-3.8-flash", "--yolo", "--skip-trust", "-p", "Write the file."];
    let done = peer.run(&arguments, &variables);
    went_round("Gemini CLI at generateContent", &done);
}

/// The name that aider gives the model, where its vendor lies, and the variables for key and address.
const AIDER: &[(&str, &str, &str, &str)] = &[
    ("openai/gpt-4o", "openai/v1", "OPENAI_API_KEY", "OPENAI_API_BASE"),
    ("anthropic/claude-sonnet-4-5", "anthropic", "ANTHROPIC_API_KEY", "ANTHROPIC_API_BASE"),
    ("gemini/gemini-2.5-flash", "google/v1beta", "GEMINI_API_KEY", "GEMINI_API_BASE"),
    ("ollama_chat/qwen3", "ollama", "OLLAMA_API_KEY", "OLLAMA_API_BASE"),
];

/// It has no tools: it writes the file that the answer holds, runs a test, and tells what the test says.
#[test]
fn aider_writes_the_file_and_tells_how_the_test_went() {
    let reply = |word: &str| format!("tool.txt\\n```\\n{word}\\n```\\n");
    let scenario = format!(
        "rules: [ {{ nth: 1, reply: {{ text: \"{}\" }} }}, {{ nth: 2, reply: {{ text: \"{}\" }} }} ]",
        reply("a mistake"),
        reply(WRITTEN)
    );
    for (model, path, key, address) in AIDER {
        let Some(peer) = Peer::new("aider/bin/aider", "aider", &scenario) else { return };
        let test = format!("grep -q '{WRITTEN}' tool.txt || {{ echo the test has failed; exit 1; }}");
        let arguments = [
            &["--model", model, "--edit-format", "whole", "--auto-test", "--test-cmd", &test][..],
            &["--no-git", "--no-gitignore", "--no-check-update", "--analytics-disable", "--yes-always"],
            &["--no-pretty", "--no-stream", "--no-show-model-warnings", "--no-show-release-notes"],
            &["--no-detect-urls", "--map-tokens", "0", "--message", "Write the file.", "tool.txt"],
        ]
        .concat();
        let vendor = format!("{}/{path}", peer.vendors());
        let variables = [(*key, "fk-test"), (*address, &*vendor), ("LITELLM_LOCAL_MODEL_COST_MAP", "True")];
        let done = peer.run(&arguments, &variables);
        done.is_answered();
        assert_eq!(done.file("tool.txt").trim(), WRITTEN, "{}", done.said);
        assert_eq!(done.asked_with("the test has failed"), 1, "{}", done.said);
        say(&format!("aider at {path}: a file went round, {} requests, 0 refused", done.requests.len()));
    }
}
