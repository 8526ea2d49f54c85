//! `forge backup`: copies of the accounts, the sessions and the budgets.

use std::{path::Path, process::ExitCode};

use forge::store::{StoreError, restore};

use crate::{
    args::{Backup, BackupCommand},
    error::CliError,
    metrics::{self, open},
    show::note,
};

pub(crate) fn run(backup: &Backup, quiet: bool) -> Result<ExitCode, CliError> {
    match (&backup.command, &backup.file) {
        (Some(BackupCommand::Restore(wanted)), _) => {
            restored(&wanted.file, wanted.force, wanted.offline, quiet)
        }
        (None, Some(to)) => written(to, backup.offline, quiet),
        (None, None) => Err(CliError::usage("there is no file to write to", "name one: `forge backup FILE`")),
    }
}

fn written(to: &Path, offline: bool, quiet: bool) -> Result<ExitCode, CliError> {
    if to.exists() {
        return Err(CliError::usage(format!("{} is there already", to.display()), "name a file that is new"));
    }
    let bytes = open(offline)?.backup(to).map_err(|error| CliError::store(&error))?;
    note(quiet, &format!("{}: {bytes} bytes, every page read and good", to.display()));
    Ok(ExitCode::SUCCESS)
}

fn restored(from: &Path, force: bool, offline: bool, quiet: bool) -> Result<ExitCode, CliError> {
    let to = metrics::place(offline)?;
    if to.exists() && !force {
        let what = format!("{} is there, and would be replaced", to.display());
        return Err(CliError::usage(what, "add `--force`; what is there is kept beside it"));
    }
    let before = restore(from, &to, force).map_err(|error: StoreError| CliError::store(&error))?;
    let kept = before.map_or_else(String::new, |before| format!("; what was there is {}", before.display()));
    note(quiet, &format!("{} is as {} has it{kept}", to.display(), from.display()));
    Ok(ExitCode::SUCCESS)
}
