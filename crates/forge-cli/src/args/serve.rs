use std::{net::SocketAddr, time::Duration};

use clap::{Subcommand, ValueEnum};

use super::Source;

/// Serve the vendors' APIs to other programs, with any role, pool or provider as a model.
///
/// Programs that speak Anthropic's Messages, OpenAI's Responses or Chat Completions, or Gemini's generateContent, are pointed
/// at the address and get, under the name of a model, a role (`role:coder`), a pool (`pool:fast`), a provider
/// (`provider:claude`), or a model that one of the providers has. Nobody is asked for a key, so that only addresses of this
/// machine are taken.
#[derive(Debug, clap::Args)]
pub(crate) struct Serve {
    #[command(subcommand)]
    pub(crate) command: Option<ServeCommand>,
    /// Where to listen; port 0 takes a free one.
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:4600")]
    pub(crate) listen: SocketAddr,
    /// How long calls under way have to end when the server is told to.
    #[arg(long, value_name = "TIME", default_value = "30s", value_parser = humantime::parse_duration)]
    pub(crate) grace: Duration,
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
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Client {
    /// Claude Code.
    ClaudeCode,
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
