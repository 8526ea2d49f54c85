//! `forge backup`: copies of the accounts, the sessions and the budgets.

use std::{path::Path, process::ExitCode};

use forge::store::{StoreError, restore};
use serde_json::json;

use crate::{
    args::{Backup, BackupCommand, BackupRestore},
    error::CliError,
    metrics::{self, open},
    terminal::{self, note},
};

pub(crate) fn run(backup: &Backup, quiet: bool, json: bool) -> Result<ExitCode, CliError> {
    match (&backup.command, &backup.file) {
        (Some(BackupCommand::Restore(args)), _) => restored(args, quiet, json),
        (None, Some(to)) => written(to, backup.offline, quiet, json),
        (None, None) => Err(CliError::usage("there is no file to write to", "name one: `forge backup FILE`")),
    }
}

fn written(to: &Path, offline: bool, quiet: bool, json: bool) -> Result<ExitCode, CliError> {
    // A copy must not take the place of an older one before it is known to be good.
    if to.exists() {
        return Err(CliError::usage(format!("{} already exists", to.display()), "name a new file"));
    }
    let bytes = open(offline)?.backup(to).map_err(|error| CliError::store(&error))?;
    if json {
        terminal::json(&json!({"simulated": offline, "file": to, "bytes": bytes}))?;
    }
    note(quiet, &format!("{}: {bytes} bytes, every page was read and is intact", to.display()));
    Ok(ExitCode::SUCCESS)
}

fn restored(args: &BackupRestore, quiet: bool, json: bool) -> Result<ExitCode, CliError> {
    let (from, to) = (&args.file, metrics::place(args.offline)?);
    if to.exists() && !args.force {
        let what = format!("{} already exists and would be replaced", to.display());
        return Err(CliError::usage(what, "add `--force`; the old file is kept beside the new one"));
    }
    let before = restore(from, &to, args.force).map_err(|error: StoreError| CliError::store(&error))?;
    if json {
        terminal::json(
            &json!({"simulated": args.offline, "file": to, "restored_from": from, "kept": before}),
        )?;
    }
    let kept =
        before.map_or_else(String::new, |before| format!("; the old file is now {}", before.display()));
    note(quiet, &format!("{} is restored from {}{kept}", to.display(), from.display()));
    Ok(ExitCode::SUCCESS)
}
