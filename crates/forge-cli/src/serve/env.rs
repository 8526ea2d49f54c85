//! `forge serve env`: how a program is pointed at the server.

use std::{net::SocketAddr, process::ExitCode};

use serde_json::json;

use crate::{
    args::Client,
    error::CliError,
    terminal::{self, note},
};

/// What a shell reads with `eval`.
pub(super) fn run(client: Client, listen: SocketAddr, quiet: bool, json: bool) -> Result<ExitCode, CliError> {
    let (server, versioned) = (format!("http://{listen}"), format!("http://{listen}/v1"));
    let (address, key) = match client {
        // A key of this kind is sent as it is, and none has to be confirmed first.
        Client::ClaudeCode => (("ANTHROPIC_BASE_URL", server), "ANTHROPIC_AUTH_TOKEN"),
        Client::Anthropic => (("ANTHROPIC_BASE_URL", server), "ANTHROPIC_API_KEY"),
        Client::Openai => (("OPENAI_BASE_URL", versioned), "OPENAI_API_KEY"),
        Client::Aider => (("OPENAI_API_BASE", versioned), "OPENAI_API_KEY"),
        // Both add the version themselves.
        Client::Google | Client::Gemini => (("GOOGLE_GEMINI_BASE_URL", server), "GEMINI_API_KEY"),
    };
    let variables = [address, (key, "fk-local".to_owned())];
    if client == Client::Gemini {
        // Told of an address of its own alone, it refuses to start without a terminal.
        note(
            quiet,
            "~/.gemini/settings.json has to say {\"security\": {\"auth\": {\"selectedType\": \"gemini-api-key\"}}}",
        );
    }
    if json {
        let variables: serde_json::Map<_, _> =
            variables.into_iter().map(|(name, value)| (name.to_owned(), value.into())).collect();
        terminal::json(&json!({ "variables": variables }))?;
    } else {
        let [address, key] = variables.map(|(name, value)| format!("export {name}={value}\n"));
        terminal::out(&(address + &key))?;
    }
    Ok(ExitCode::SUCCESS)
}
