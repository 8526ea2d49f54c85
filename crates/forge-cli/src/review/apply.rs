//! `forge review --apply ID`: the lines that the last review of a repository wants in place of others.

use std::{
    fs, io,
    path::{Path, PathBuf},
    process::ExitCode,
};

use forge::agent::review::{Fix, Report, Repository, name_of};
use serde_json::{Value, json};

use crate::{
    args::{GlobalArgs, Review},
    error::CliError,
    paths::paths,
    terminal::{self, note},
};

use super::target;

/// Where the fixes of the last review of a repository are kept; `None` where there is no folder.
fn kept(repository: &Repository, offline: bool) -> Option<PathBuf> {
    // Simulated reviews are no reviews.
    let kind = if offline { "simulated" } else { "reviews" };
    let name = name_of(&repository.root().display().to_string());
    Some(paths().state?.join(kind).join(format!("{name}.fixes.json")))
}

/// Keeps the fixes of a report for `--apply`, in the place of those of the review before.
pub(super) fn keep(repository: &Repository, report: &Report, review: &Review, quiet: bool) {
    let Some(path) = kept(repository, review.source.offline) else { return };
    let all = [&report.findings, &report.folded, &report.disputed].into_iter().flatten();
    let fixes = all.filter_map(|one| {
        let (fix, place) = (one.fix.as_ref()?, one.place.as_ref()?);
        Some(json!({"id": one.id, "path": place.path, "fix": fix}))
    });
    let text = Value::Array(fixes.collect()).to_string();
    let written = path.parent().map_or(Ok(()), fs::create_dir_all).and_then(|()| write(&path, &text));
    if let Err(error) = written {
        note(quiet, &format!("`--apply` will know nothing of this review: {}: {error}", path.display()));
    }
}

/// They are lines of the user's files, and nobody else's to read.
fn write(path: &Path, text: &str) -> io::Result<()> {
    use std::{io::Write as _, os::unix::fs::OpenOptionsExt as _};
    let mut file = fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path)?;
    file.write_all(text.as_bytes())
}

/// Applies the fix of this id.
pub(super) fn run(id: &str, review: &Review, globals: GlobalArgs<'_>) -> Result<ExitCode, CliError> {
    let repository = Repository::open(Path::new(".")).map_err(|error| target::refused(&error))?;
    let text = kept(&repository, review.source.offline).and_then(|path| fs::read_to_string(path).ok());
    let fixes: Vec<Value> = text.and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_default();
    let ids: Vec<&str> = fixes.iter().filter_map(|fix| fix["id"].as_str()).collect();
    let Some(found) = fixes.iter().find(|fix| fix["id"] == id) else {
        let next = match ids.as_slice() {
            [] => {
                "review the change first; a finding has lines to apply only where they fit exactly".to_owned()
            }
            ids => format!("there are {}", ids.join(", ")),
        };
        return Err(CliError::usage(format!("the last review has no lines for `{id}`"), next));
    };
    let path = found["path"].as_str().unwrap_or_default();
    let fix: Fix = serde_json::from_value(found["fix"].clone())
        .map_err(|error| CliError::failed("the last review cannot be read", &error))?;
    let line = fix.apply(repository.root(), path).map_err(|reason| {
        let error = io::Error::other(reason);
        CliError::failed(format!("{id} is not applied"), &error).with_next("review the change as it is now")
    })?;
    if globals.json {
        terminal::json(&json!({"id": id, "path": path, "line": line}))?;
    } else {
        terminal::out(&format!("{id} is applied to {path}:{line}\n"))?;
    }
    Ok(ExitCode::SUCCESS)
}
