//! `forge serve url`: where the server that runs is watched.

use std::{fs, path::PathBuf, process::ExitCode};

use serde_json::json;

use crate::{error::CliError, paths::paths, terminal};

/// The folder of what runs.
pub(super) fn folder() -> Option<PathBuf> {
    Some(paths().state?.join("run"))
}

pub(super) fn run(json: bool) -> Result<ExitCode, CliError> {
    let url = running()?;
    if json {
        terminal::json(&json!({ "url": url }))?;
    } else {
        terminal::out(&format!("{url}\n"))?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Where this user's server is watched.
pub(crate) fn running() -> Result<String, CliError> {
    let folder = folder();
    let socket = folder.as_ref().map(|folder| folder.join("admin.sock")).filter(|path| path.exists());
    if let Some(path) = socket {
        return Ok(format!("unix:{}", path.display()));
    }
    let written = folder.and_then(|folder| fs::read_to_string(folder.join("admin.url")).ok());
    let url = written.map(|text| text.trim().to_owned()).filter(|url| !url.is_empty());
    url.ok_or_else(|| {
        CliError::usage(
            "no server of this user is running, or none that is watched",
            "start one with `forge serve`, or name another with `forge watch --url`",
        )
    })
}
