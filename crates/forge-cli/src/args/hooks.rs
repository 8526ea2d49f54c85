//! `forge hooks`, as typed.

use std::path::PathBuf;

#[derive(Debug, clap::Subcommand)]
pub(crate) enum HooksCommand {
    /// List the hooks: when each runs, for what, and where it is written.
    List,
    /// Look whether what the hooks run is there.
    Check,
    /// Run the hooks of an event and show what they decide; 1 unless they all allow it.
    Fire(HooksFire),
}

#[derive(Debug, clap::Args)]
pub(crate) struct HooksFire {
    /// The event, such as `PreToolUse`.
    pub(crate) event: String,
    /// What the hooks are told, as a JSON object; `-` for stdin.
    #[arg(long, value_name = "FILE")]
    pub(crate) input: Option<PathBuf>,
}
