//! `forge config trust`.

use std::{
    io::{self, BufRead as _, IsTerminal as _, Write as _},
    path::Path,
    process::ExitCode,
};

use forge::{FoundFile, ProjectFile};
use similar::TextDiff;

use super::{PROJECT_FILE, load, refused};
use crate::{args::ConfigTrust, error::CliError, paths::paths, show};

/// Shows what is new since the files were trusted, asks where somebody can answer, and trusts them as they are.
pub(super) fn run(one: &ConfigTrust, quiet: bool) -> Result<ExitCode, CliError> {
    let path = one.file.as_deref().unwrap_or(Path::new(PROJECT_FILE));
    let paths = paths();
    let mut files = vec![paths.project_file(path).map_err(refused)?];
    // A file with mistakes reaches nothing: what it would reach is asked for once it can be used.
    if let Some(found) = FoundFile::find(Some(path), &paths).map_err(refused)?
        && let Ok(file) = load(&found)
    {
        for prompt in found.reached(&file.session).map_err(refused)? {
            files.push(paths.project_file(&prompt).map_err(refused)?);
        }
    }
    let mut asks = false;
    for file in &files {
        asks |= tell(file, quiet);
    }
    if asks && !one.yes && io::stdin().is_terminal() && !agreed()? {
        show::note(quiet, "nothing is trusted that was not before");
        return Ok(ExitCode::FAILURE);
    }
    paths.trust(&files).map_err(refused)?;
    for file in &files {
        show::note(quiet, &format!("{} is trusted as it is now", file.path.display()));
    }
    Ok(ExitCode::SUCCESS)
}

/// Shows the file, or what has changed in it. Tells whether there was anything to show.
fn tell(file: &ProjectFile, quiet: bool) -> bool {
    let name = file.path.display().to_string();
    let before = file.before.as_deref().unwrap_or_default();
    if file.before.as_deref() == Some(&file.text) {
        return false;
    }
    let difference = TextDiff::from_lines(before, &file.text);
    let difference = difference.unified_diff().context_radius(3).header("as trusted", &name).to_string();
    show::note(quiet, difference.trim_end());
    true
}

fn agreed() -> Result<bool, CliError> {
    let failed = |error: io::Error| CliError::failed("nobody could be asked", &error);
    let mut stderr = io::stderr().lock();
    stderr.write_all(b"Trust this? [y/N] ").and_then(|()| stderr.flush()).map_err(failed)?;
    let mut line = String::new();
    io::stdin().lock().read_line(&mut line).map_err(failed)?;
    Ok(matches!(line.trim().to_ascii_lowercase().as_str(), "y" | "yes"))
}
