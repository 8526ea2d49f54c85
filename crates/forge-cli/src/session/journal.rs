//! Where sessions are written down, under which name, and by whom.

use std::{path::Path, sync::Arc};

use chrono::Utc;
use forge::{
    CallId, Journal, MemoryJournal, StreamName,
    durable::{LocalLocks, Locks},
    layers::TokioTimer,
    store::JsonlJournal,
};

use crate::{args::Going, error::CliError, machine::state_folder, setup::System, show::note};

/// Where the session is written down: a folder if one is named, else the accounts, else memory.
pub(super) fn open(system: &System, going: &Going, quiet: bool) -> Result<Arc<dyn Journal>, CliError> {
    if let Some(folder) = &going.journal {
        return Ok(plain_files(folder)?);
    }
    match system.journal() {
        Some(journal) => Ok(journal),
        None => {
            note(quiet, "the session is kept in memory only and cannot be resumed; see `forge doctor`");
            Ok(Arc::new(MemoryJournal::default()))
        }
    }
}

/// What says whether another run of a session lives: lock files beside the plain files, else in the state folder.
/// What is kept in memory has no other run.
pub(super) fn locks(system: &System, going: &Going) -> Option<Arc<dyn Locks>> {
    let folder = match &going.journal {
        Some(folder) => folder.clone(),
        None => system.accounts().and_then(|_| Some(state_folder()?.join("run")))?,
    };
    Some(Arc::new(LocalLocks::new(folder)))
}

pub(super) fn plain_files(folder: &Path) -> Result<Arc<JsonlJournal>, CliError> {
    let journal = JsonlJournal::open(folder, Arc::new(TokioTimer));
    Ok(Arc::new(journal.map_err(|error| CliError::session(&error.into()))?))
}

/// A name that sorts by time, such as `20261121-164500-k3f9`.
pub(super) fn fresh_name() -> Result<StreamName, CliError> {
    let now = Utc::now();
    let mut chance = CallId::new(now).as_u128() & 0xf_ffff;
    let mut letters = String::new();
    for _ in 0..4 {
        let digit = u32::try_from(chance % 36).unwrap_or(0);
        letters.extend(char::from_digit(digit, 36));
        chance /= 36;
    }
    StreamName::new(&format!("{}-{letters}", now.format("%Y%m%d-%H%M%S")))
        .map_err(|error| CliError::session(&error.into()))
}

/// What this run of the command is called in a journal: words for others, of which no two runs have the same.
pub(super) fn holder() -> String {
    format!("process {} (run {:08x})", std::process::id(), CallId::new(Utc::now()).as_u128() & 0xffff_ffff)
}
