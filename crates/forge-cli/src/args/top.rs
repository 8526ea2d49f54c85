//! `forge top`, as typed.

use std::path::PathBuf;

#[derive(Debug, clap::Args)]
pub(crate) struct Top {
    /// Print the overview once instead of showing the dashboard.
    #[arg(long)]
    pub(crate) once: bool,
    /// The colours; `NO_COLOR` means none.
    #[arg(long, value_enum, value_name = "THEME")]
    pub(crate) theme: Option<TopTheme>,
    /// Show how workers are by emoji, and not by letters.
    #[arg(long)]
    pub(crate) emoji: bool,
    /// The folder whose queue is shown. Usually the repository that this is called in.
    #[arg(long, value_name = "DIR")]
    pub(crate) workspace: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, clap::ValueEnum)]
pub(crate) enum TopTheme {
    Dark,
    Light,
    None,
}
