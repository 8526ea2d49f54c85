//! `forge mcp`, as typed.

use std::{net::SocketAddr, path::PathBuf};

use clap::{Subcommand, ValueEnum};

use super::Source;

#[derive(Debug, Subcommand)]
pub(crate) enum McpCommand {
    /// Serve over standard input and output, as a program starts it, or over HTTP.
    Serve(McpServe),
    /// Print what a program needs in its configuration, or add it there.
    Install(McpInstall),
}

/// Serve over standard input and output, as a program starts it, or over HTTP.
///
/// Standard output holds messages of the protocol and nothing else; what people may read goes to standard error. The server ends
/// with its input.
#[derive(Debug, clap::Args)]
pub(crate) struct McpServe {
    #[command(flatten)]
    pub(crate) sides: McpSides,
    /// A folder that may be read; may be repeated. That of the configuration (`mcp.roots`), else the working directory, if left
    /// out. Neither `/` nor your home folder is read as a whole.
    #[arg(long = "root", value_name = "DIR")]
    pub(crate) roots: Vec<PathBuf>,
    /// Serve over HTTP instead, at `/mcp/context` and `/mcp/models`: each at its address of the configuration
    /// (`127.0.0.1:9001` and `127.0.0.1:9002` unless set), or all at ADDR.
    #[arg(long, value_name = "ADDR")]
    #[expect(clippy::option_option, reason = "left out, without a value, and with one")]
    pub(crate) http: Option<Option<SocketAddr>>,
    /// Where probes are answered with `--http` (`/livez`, `/readyz`, `/metrics`); `127.0.0.1:9003` unless set.
    #[arg(long, value_name = "ADDR", requires = "http")]
    pub(crate) probes: Option<SocketAddr>,
    #[command(flatten)]
    pub(crate) source: Source,
}

/// Which tools are served.
#[derive(Debug, Clone, Copy, clap::Args)]
#[group(required = true, multiple = false)]
pub(crate) struct McpSides {
    /// Answer questions about code: map, find, refs, outline, impact. Nobody is asked and nothing is sent.
    #[arg(long)]
    pub(crate) context: bool,
    /// Ask models: ask, council, run, challenge, estimate, usage.
    #[arg(long)]
    pub(crate) models: bool,
    /// Both.
    #[arg(long)]
    pub(crate) all: bool,
}

/// Print what a program needs in its configuration, or add it there.
#[derive(Debug, clap::Args)]
pub(crate) struct McpInstall {
    /// The program.
    pub(crate) program: McpProgram,
    /// Only the server for questions about code.
    #[arg(long, conflicts_with = "models")]
    pub(crate) context: bool,
    /// Only the server that asks models.
    #[arg(long)]
    pub(crate) models: bool,
    /// Add it to the program's file, in which everything else stays as it is.
    #[arg(long)]
    pub(crate) write: bool,
    /// Another file than the program's usual one.
    #[arg(long, value_name = "FILE")]
    pub(crate) file: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum McpProgram {
    /// Claude Code: `.mcp.json` of the project.
    ClaudeCode,
    /// Codex: `~/.codex/config.toml`.
    Codex,
    /// opencode: `opencode.json` of the project.
    Opencode,
    /// Gemini CLI: `.gemini/settings.json` of the project.
    Gemini,
    /// VS Code: `.vscode/mcp.json` of the project.
    Vscode,
    /// Cursor: `.cursor/mcp.json` of the project.
    Cursor,
    /// Zed: `~/.config/zed/settings.json`.
    Zed,
}
