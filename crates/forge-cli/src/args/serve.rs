use std::{net::SocketAddr, time::Duration};

use clap::{Subcommand, ValueEnum};
use forge::config::{AdminPlace, Listen};

use super::Source;

/// Serve the vendors' APIs to other programs, with any role, pool or provider as a model.
///
/// Programs that speak Anthropic's Messages, OpenAI's Responses or Chat Completions, or Gemini's generateContent, are pointed
/// at the address and get, under the name of a model, a role (`role:coder`), a pool (`pool:fast`), a provider
/// (`provider:claude`), or a model that one of the providers has. Once `forge keys create` has made a key, every client has
/// to bring one; without any, only places of this machine are listened at.
#[derive(Debug, clap::Args)]
pub(crate) struct Serve {
    #[command(subcommand)]
    pub(crate) command: Option<ServeCommand>,
    /// Where to listen: `127.0.0.1:4600` unless the configuration says otherwise, `unix:PATH`, `systemd:`; port 0 takes a
    /// free one. May be given several times.
    #[arg(long, value_name = "PLACE")]
    pub(crate) listen: Vec<Listen>,
    /// Where to answer probes (`/livez`, `/readyz`, `/metrics`).
    #[arg(long, value_name = "ADDR")]
    pub(crate) probes: Option<SocketAddr>,
    /// Where `forge watch` and a browser watch the server: `unix` for a socket in the folder of the state, an address of this
    /// machine such as `127.0.0.1:4602`, `off`.
    #[arg(long, value_name = "PLACE")]
    pub(crate) admin: Option<AdminPlace>,
    /// How long calls under way have to end when the server is told to; 30s unless the configuration says otherwise.
    #[arg(long, value_name = "TIME", value_parser = humantime::parse_duration)]
    pub(crate) grace: Option<Duration>,
    /// Look at the configuration, the certificate and the keys, and start nothing.
    #[arg(long)]
    pub(crate) check: bool,
    /// Start only if every provider answers.
    #[arg(long)]
    pub(crate) require_all: bool,
    #[command(flatten)]
    pub(crate) source: Source,
}

#[derive(Debug, Subcommand)]
pub(crate) enum ServeCommand {
    /// Print what a program needs in its environment to use the server.
    Env {
        /// The program.
        client: Client,
        /// Where the server listens.
        #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:4600")]
        listen: SocketAddr,
        /// The model that it asks for, for programs that are told of one.
        #[arg(long, value_name = "NAME")]
        model: Option<String>,
    },
    /// Print where the running server is watched.
    ///
    /// It is an address with its token, or `unix:` and the path of a socket.
    Url,
}

/// Watch what a server does, event by event, or attend one of its sessions.
///
/// There is a line for each call, circuit, budget and session. It ends with the server. Nothing of prompts, replies and keys is in it.
///
/// With a session, its events alone are shown, and each line that is typed is done in it, under the name of who types: `continue`, `skip`,
/// `feedback TEXT`, `show [FILE]`, `edit FILE`, `pause`, `resume`, `abort`. It ends with the session.
#[derive(Debug, clap::Args)]
pub(crate) struct Watch {
    /// The session to attend, which has to run in the server.
    #[arg(value_name = "SESSION")]
    pub(crate) session: Option<String>,
    /// Under which name; that of the user if left out. A key has a name of its own.
    #[arg(long = "as", value_name = "NAME", requires = "session")]
    pub(crate) by: Option<String>,
    /// The server, as `forge serve url` shows it: `unix:PATH`, or an address with its token; the one of this user if left
    /// out. A key may stand in the place of the token.
    #[arg(long, value_name = "URL")]
    pub(crate) url: Option<String>,
    /// Begin behind the event of this number, 0 for the first of all; only what comes from now on if left out.
    #[arg(long, value_name = "N")]
    pub(crate) after: Option<u64>,
    /// Only events whose type this fits, such as `call.*`; may be given several times.
    #[arg(long = "type", value_name = "GLOB", conflicts_with = "session")]
    pub(crate) types: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Client {
    /// Claude Code.
    ClaudeCode,
    /// Codex.
    Codex,
    /// opencode.
    Opencode,
    /// The SDKs of Anthropic.
    Anthropic,
    /// The SDKs of OpenAI, and what is built on them.
    Openai,
    /// aider.
    Aider,
    /// The SDKs of Google.
    Google,
    /// Gemini CLI.
    Gemini,
}
