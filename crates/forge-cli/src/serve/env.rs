//! `forge serve env`: how a program is pointed at the server.

use std::{net::SocketAddr, process::ExitCode};

use serde_json::json;

use crate::{
    args::Client,
    error::CliError,
    terminal::{self, note},
};

/// What a program is given where the server asks for no key: most do not start without one.
const KEY: &str = "fk-local";

/// What a program needs: variables of its environment, and lines in a file of its own where variables do not do.
struct Settings {
    variables: Vec<(&'static str, String)>,
    file: Option<(&'static str, String)>,
}

/// What a shell reads with `eval`; the lines of a file stand on standard error.
pub(super) fn run(
    client: Client,
    listen: SocketAddr,
    model: Option<String>,
    quiet: bool,
    json: bool,
) -> Result<ExitCode, CliError> {
    let Settings { variables, file } = settings(client, listen, model);
    if let Some((path, text)) = &file {
        note(quiet, &format!("{path} has to say:\n\n{text}"));
    }
    if json {
        let variables: serde_json::Map<_, _> =
            variables.into_iter().map(|(name, value)| (name.to_owned(), value.into())).collect();
        let file = file.map(|(path, text)| json!({ "path": path, "text": text }));
        terminal::json(&json!({ "variables": variables, "file": file }))?;
    } else {
        let export = |(name, value)| format!("export {name}={}\n", quoted(value));
        terminal::out(&variables.into_iter().map(export).collect::<String>())?;
    }
    Ok(ExitCode::SUCCESS)
}

fn settings(client: Client, listen: SocketAddr, model: Option<String>) -> Settings {
    let (server, versioned) = (format!("http://{listen}"), format!("http://{listen}/v1"));
    let (address, key) = match client {
        Client::Codex => return codex(&versioned, model),
        Client::Opencode => return opencode(&versioned, model),
        // A key of this kind is sent as it is, and none has to be confirmed first.
        Client::ClaudeCode => (("ANTHROPIC_BASE_URL", server), "ANTHROPIC_AUTH_TOKEN"),
        Client::Anthropic => (("ANTHROPIC_BASE_URL", server), "ANTHROPIC_API_KEY"),
        Client::Openai => (("OPENAI_BASE_URL", versioned), "OPENAI_API_KEY"),
        Client::Aider => (("OPENAI_API_BASE", versioned), "OPENAI_API_KEY"),
        // Both add the version themselves.
        Client::Google | Client::Gemini => (("GOOGLE_GEMINI_BASE_URL", server), "GEMINI_API_KEY"),
    };
    // Told of an address of its own alone, it refuses to start without a terminal.
    let file = (client == Client::Gemini).then(|| {
        let text = r#"{"security": {"auth": {"selectedType": "gemini-api-key"}}}"#;
        ("~/.gemini/settings.json", text.to_owned() + "\n")
    });
    Settings { variables: vec![address, (key, KEY.to_owned())], file }
}

/// Codex learns of servers in its file alone.
fn codex(address: &str, model: Option<String>) -> Settings {
    // JSON's way to write a text is one of TOML's.
    let model = model.map_or_else(String::new, |model| format!("model = {}\n", json!(model)));
    let text = format!(
        r#"{model}model_provider = "forge"

[model_providers.forge]
name = "Forge"
base_url = "{address}"
env_key = "FORGE_CLIENT_KEY"
wire_api = "responses"
"#
    );
    Settings {
        variables: vec![("FORGE_CLIENT_KEY", KEY.to_owned())],
        file: Some(("~/.codex/config.toml", text)),
    }
}

/// opencode reads settings from a variable beside those of its files. It asks for no models that it was not told of.
fn opencode(address: &str, model: Option<String>) -> Settings {
    let model = model.unwrap_or_else(|| "claude-sonnet-5-5".to_owned());
    let settings = json!({
        "provider": { "forge": {
            "npm": "@ai-sdk/openai-compatible",
            "name": "Forge",
            "options": { "baseURL": address, "apiKey": KEY },
            "models": { &model: {} },
        }},
        "model": format!("forge/{model}"),
    });
    Settings { variables: vec![("OPENCODE_CONFIG_CONTENT", settings.to_string())], file: None }
}

/// A value as a shell reads it.
fn quoted(value: String) -> String {
    let plain = |sign: char| sign.is_ascii_alphanumeric() || "-_.:/".contains(sign);
    if value.chars().all(plain) { value } else { format!("'{}'", value.replace('\'', r"'\''")) }
}
