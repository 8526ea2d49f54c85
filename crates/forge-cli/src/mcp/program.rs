//! How programs are told of servers: in which file, and under which keys.

use std::path::PathBuf;

use serde_json::{Value, json};

use crate::{args::McpProgram, paths::variable};

/// A server as a program starts it: its name, and the arguments of `forge`.
pub(super) type Server = (&'static str, Vec<&'static str>);

/// The form of a program's file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    Json,
    Toml,
}

/// The file that a program reads, and its form; `None` if there is no home folder to find it in.
pub(super) fn file(program: McpProgram) -> Option<PathBuf> {
    let home = |rest: &str| variable("HOME").map(|home| PathBuf::from(home).join(rest));
    match program {
        McpProgram::ClaudeCode => Some(".mcp.json".into()),
        McpProgram::Codex => {
            let own = variable("CODEX_HOME").map(|folder| PathBuf::from(folder).join("config.toml"));
            own.or_else(|| home(".codex/config.toml"))
        }
        McpProgram::Opencode => Some("opencode.json".into()),
        McpProgram::Gemini => Some(".gemini/settings.json".into()),
        McpProgram::Vscode => Some(".vscode/mcp.json".into()),
        McpProgram::Cursor => Some(".cursor/mcp.json".into()),
        McpProgram::Zed => {
            let own =
                variable("XDG_CONFIG_HOME").map(|folder| PathBuf::from(folder).join("zed/settings.json"));
            own.or_else(|| home(".config/zed/settings.json"))
        }
    }
}

pub(super) fn form(program: McpProgram) -> Form {
    if program == McpProgram::Codex { Form::Toml } else { Form::Json }
}

/// The key below which servers stand.
pub(super) fn key(program: McpProgram) -> &'static str {
    match program {
        McpProgram::ClaudeCode | McpProgram::Gemini | McpProgram::Cursor => "mcpServers",
        McpProgram::Codex => "mcp_servers",
        McpProgram::Opencode => "mcp",
        McpProgram::Vscode => "servers",
        McpProgram::Zed => "context_servers",
    }
}

/// What stands below the name of a server.
pub(super) fn entry(program: McpProgram, (_, words): &Server) -> Value {
    let stdio = json!({"type": "stdio", "command": "forge", "args": words});
    match program {
        McpProgram::ClaudeCode => stdio,
        // A council is answered within 45 s; a program that gives a tool less would never hear of it.
        McpProgram::Codex => json!({"command": "forge", "args": words, "tool_timeout_sec": 60}),
        McpProgram::Opencode => {
            let command: Vec<_> = ["forge"].iter().chain(words).collect();
            json!({"type": "local", "command": command, "enabled": true, "timeout": 60_000})
        }
        McpProgram::Gemini => json!({"command": "forge", "args": words, "timeout": 60_000}),
        // Started elsewhere than in the project, unless they are told.
        McpProgram::Vscode => with(stdio, "cwd", json!("${workspaceFolder}")),
        McpProgram::Cursor => {
            let words: Vec<_> = words.iter().copied().chain(["--root", "${workspaceFolder}"]).collect();
            json!({"type": "stdio", "command": "forge", "args": words})
        }
        McpProgram::Zed => json!({"source": "custom", "command": "forge", "args": words, "env": {}}),
    }
}

fn with(mut object: Value, key: &str, value: Value) -> Value {
    object[key] = value;
    object
}
