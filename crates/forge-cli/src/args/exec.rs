use clap::ValueEnum;
use forge::agent::command::Permission;

use super::Source;

/// Carry out one slash command, with or without a conversation.
///
/// `forge exec /help` lists the commands. A command of your own is a prompt in `.forge/commands/NAME.md`; its answer is that of a
/// model.
#[derive(Debug, clap::Args)]
pub(crate) struct Exec {
    /// The command with what it takes, such as `/review HEAD~1`.
    #[arg(required = true, value_name = "LINE")]
    pub(crate) line: Vec<String>,
    /// The conversation that it is about; see `forge sessions list --conversations`.
    #[arg(long, value_name = "ID")]
    pub(crate) session: Option<String>,
    /// The workflow that it is about.
    #[arg(long, value_name = "ID")]
    pub(crate) workflow: Option<String>,
    /// The most that the command may do.
    #[arg(long, value_enum, value_name = "WHAT", default_value_t = Allowed::Write)]
    pub(crate) allow: Allowed,
    /// Show Markdown as it is, even on a terminal.
    #[arg(long)]
    pub(crate) raw: bool,
    #[command(flatten)]
    pub(crate) source: Source,
}

/// What a command may do, from the least to the most.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Allowed {
    /// Show something.
    Read,
    /// Change whom a conversation asks and what it carries.
    Converse,
    /// Ask models, which costs money.
    Ask,
    /// Change files.
    Write,
}

impl From<Allowed> for Permission {
    fn from(allowed: Allowed) -> Self {
        match allowed {
            Allowed::Read => Self::Read,
            Allowed::Converse => Self::Converse,
            Allowed::Ask => Self::Ask,
            Allowed::Write => Self::Write,
        }
    }
}
