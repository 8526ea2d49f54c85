//! Where sessions are written down, under which name, and by whom.

use std::{path::Path, sync::Arc};

use forge::{storage::journal::Journal, store::JsonlJournal, time::SystemTimer};

use crate::{args::SessionArgs, error::CliError, setup::Setup, terminal::note};

/// Where the session is written down: a folder if one is named, else the accounts, else memory.
pub(super) fn open(
    system: &Setup,
    session_args: &SessionArgs,
    quiet: bool,
) -> Result<Arc<dyn Journal>, CliError> {
    if let Some(folder) = &session_args.journal {
        return Ok(plain_files(folder)?);
    }
    if !system.is_durable() {
        note(quiet, "the session is kept in memory only and cannot be resumed; see `forge doctor`");
    }
    Ok(Arc::clone(system.journal()))
}

pub(super) fn plain_files(folder: &Path) -> Result<Arc<JsonlJournal>, CliError> {
    let journal = JsonlJournal::open(folder, SystemTimer::shared());
    Ok(Arc::new(journal.map_err(|error| CliError::session(&error.into()))?))
}
