//! `forge backup`, as typed.

use std::path::PathBuf;

use clap::Subcommand;

/// Copy the accounts, sessions and budgets into a file, while others go on; or take them from one.
#[derive(Debug, clap::Args)]
pub(crate) struct Backup {
    /// The file to write, which must be new.
    pub(crate) file: Option<PathBuf>,
    /// Those of simulated calls.
    #[arg(long)]
    pub(crate) offline: bool,
    #[command(subcommand)]
    pub(crate) command: Option<BackupCommand>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum BackupCommand {
    /// Put a copy in the place of what there is.
    Restore(BackupRestore),
}

#[derive(Debug, clap::Args)]
pub(crate) struct BackupRestore {
    /// The copy.
    pub(crate) file: PathBuf,
    /// Replace what is there; it is kept beside the new file.
    #[arg(long)]
    pub(crate) force: bool,
    /// Those of simulated calls.
    #[arg(long)]
    pub(crate) offline: bool,
}
