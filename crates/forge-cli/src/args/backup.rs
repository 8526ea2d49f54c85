//! `forge backup`, as typed.

use std::path::PathBuf;

use clap::Subcommand;

/// Copy the accounts, sessions and budgets into a file, while other processes run; or restore them from one.
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
    /// Replace the accounts, sessions and budgets with a copy.
    Restore(BackupRestore),
}

#[derive(Debug, clap::Args)]
pub(crate) struct BackupRestore {
    /// The copy.
    pub(crate) file: PathBuf,
    /// Replace the existing file; it is kept beside the new one.
    #[arg(long)]
    pub(crate) force: bool,
    /// Those of simulated calls.
    #[arg(long)]
    pub(crate) offline: bool,
}
