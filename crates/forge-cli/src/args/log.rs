//! `forge log`, as typed.

/// Find what was asked and answered before, the newest first: single questions, sessions and workflows.
#[derive(Debug, clap::Args)]
pub(crate) struct Log {
    /// Only those whose question or answer contains this text, in any case.
    pub(crate) text: Option<String>,
    /// Show this one in full: the id of a session or of a question.
    #[arg(long, value_name = "ID", conflicts_with = "text")]
    pub(crate) id: Option<String>,
    /// Only since then: how long ago (24h), a day (2026-11-21), or a whole time.
    #[arg(long, value_name = "TIME")]
    pub(crate) since: Option<String>,
    /// At most this many.
    #[arg(short = 'n', long, value_name = "N", default_value_t = 20)]
    pub(crate) limit: usize,
    /// Delete every question that is kept; sessions stay.
    #[arg(long, conflicts_with_all = ["text", "id", "since"])]
    pub(crate) clear: bool,
}
