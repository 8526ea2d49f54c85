//! What holds beside the configuration of a project that is not the user's own.

use std::{
    fs,
    path::{Path, PathBuf},
};

use forge_config::{KeyPath, Problem};

use super::{Paths, SystemError, text, trust::canonical};
use crate::config::{ConfigFile, SessionPlan, Trust};

/// The prompt templates that sessions of a project's file use, sorted by name.
///
/// # Errors
/// One of them lies outside of the project, or the folder cannot be read.
pub(super) fn reached(config: &Path, session: &SessionPlan) -> Result<Vec<PathBuf>, SystemError> {
    let prompts = prompts(config, session)?;
    match prompts.iter().find(|prompt| lies_outside(config, prompt)) {
        Some(outside) => Err(SystemError::Outside { path: outside.clone() }),
        None => Ok(prompts),
    }
}

/// Whether a link leads out of the project. What cannot be followed does.
fn lies_outside(config: &Path, prompt: &Path) -> bool {
    match (canonical(config), canonical(prompt)) {
        (Ok(config), Ok(prompt)) => !prompt.starts_with(config.with_file_name("")),
        _ => true,
    }
}

/// The prompt templates that sessions of the file at `config` use, sorted by name.
fn prompts(config: &Path, session: &SessionPlan) -> Result<Vec<PathBuf>, SystemError> {
    let Some(folder) = &session.prompts else { return Ok(Vec::new()) };
    let folder = config.with_file_name("").join(folder);
    let unreadable = |source| SystemError::File { path: folder.clone(), source };
    let entries: Result<Vec<_>, _> = fs::read_dir(&folder).map_err(unreadable)?.collect();
    let files = entries.map_err(unreadable)?.into_iter().map(|entry| entry.path());
    let mut files: Vec<_> =
        files.filter(|path| path.extension().is_some_and(|ending| ending == "jinja")).collect();
    files.sort();
    Ok(files)
}

/// Why the prompts of a project's file may not be used; `None` if they may. Nothing outside of the project is one of
/// its prompts, wherever a link leads, and each has to be as the user trusted it.
pub(super) fn objection(config: &Path, trust: Trust, file: &ConfigFile, paths: &Paths) -> Option<Problem> {
    if file.session.prompts.is_none() || trust != Trust::Trusted {
        return None;
    }
    let at = KeyPath::ROOT.key("session").key("prompts");
    // A folder that cannot be read is told when a session needs it.
    for prompt in prompts(config, &file.session).ok()? {
        let name = prompt.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if lies_outside(config, &prompt) {
            let message = format!("`{name}` is outside of the project, so trust does not cover it");
            let hint = "put the templates into a folder beside forge.yaml";
            return Some(Problem::new(forge_config::code::UNTRUSTED, at, message).with_hint(hint));
        }
        let now = text::read(&prompt);
        if !now.is_ok_and(|now| paths.is_trusted(&prompt, &now).unwrap_or(false)) {
            let message = format!("`{name}` is not as you trusted it");
            let hint = "`forge config trust` shows the difference and asks";
            return Some(Problem::new(forge_config::code::UNTRUSTED, at, message).with_hint(hint));
        }
    }
    None
}
