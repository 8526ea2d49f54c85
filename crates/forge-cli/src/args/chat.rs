//! `forge chat`, as typed.

use super::Source;

/// Talk with a model: question by question, each answer streamed. What was said is kept, and `--continue` goes on with it.
///
/// On a terminal lines are edited with the usual keys; a line that ends with `\` goes on in the next one, and so does what is
/// pasted. Ctrl-C ends an answer, Ctrl-D the conversation. `/help` lists what can be typed beside questions. Elsewhere each line of
/// standard input is a question.
#[derive(Debug, clap::Args)]
pub(crate) struct Chat {
    /// Go on with the last conversation.
    #[arg(short = 'c', long = "continue", conflicts_with = "session")]
    pub(crate) goes_on: bool,
    /// Go on with this conversation.
    #[arg(long, value_name = "ID")]
    pub(crate) session: Option<String>,
    /// Ask this provider; see `forge providers list`.
    #[arg(short, long, value_name = "ID")]
    pub(crate) provider: Option<String>,
    /// Ask this model instead of the provider's usual one.
    #[arg(short, long, value_name = "MODEL")]
    pub(crate) model: Option<String>,
    /// Ask whoever plays this role, such as `critic` or `coder`; see `forge route explain`.
    #[arg(short, long, conflicts_with = "provider")]
    pub(crate) role: Option<String>,
    /// Show Markdown as it is, even on a terminal.
    #[arg(long)]
    pub(crate) raw: bool,
    #[command(flatten)]
    pub(crate) source: Source,
}
