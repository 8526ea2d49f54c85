//! Where sessions are written down, under which name, and by whom.

use std::{path::Path, sync::Arc};

use forge::{Journal, layers::TokioTimer, store::JsonlJournal};

use crate::{args::Going, error::CliError, setup::Setup, show::note};

/// Where the session is written down: a folder if one is named, else the accounts, else memory.
pub(super) fn open(system: &Setup, going: &Going, quiet: bool) -> Result<Arc<dyn Journal>, CliError> {
    if let Some(folder) = &going.journal {
        return Ok(plain_files(folder)?);
    }
    if !system.is_durable() {
        note(quiet, "the session is kept in memory only and cannot be resumed; see `forge doctor`");
    }
    Ok(Arc::clone(system.journal()))
}

pub(super) fn plain_files(folder: &Path) -> Result<Arc<JsonlJournal>, CliError> {
    let journal = JsonlJournal::open(folder, Arc::new(TokioTimer));
    Ok(Arc::new(journal.map_err(|error| CliError::session(&error.into()))?))
}

/// Whether the process that calls itself so has ended.
pub(super) fn is_gone(holder: &str) -> bool {
    let Some(rest) = holder.strip_prefix("process ") else { return false };
    let id = rest.split(' ').next().unwrap_or_default();
    if id.is_empty() || !id.bytes().all(|b| b.is_ascii_digit()) {
        return false;
    }
    // Signal 0 is not sent; it only asks whether it could be.
    let asked =
        std::process::Command::new("kill").args(["-0", id]).stderr(std::process::Stdio::null()).status();
    asked.is_ok_and(|status| !status.success())
}
