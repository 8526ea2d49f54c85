//! What holds beside the configuration of a project that is not the user's own.

use std::path::{Path, PathBuf};

use forge_config::{KeyPath, Problem};
use forge_prompt::read_folder;

use super::{Paths, SystemError, text, trust::canonical};
use crate::{
    config::{ConfigFile, Trust},
    project_commands::project_commands,
    prompts::project_folder,
    scripts::scripts,
};

/// The prompts that a project's file leads to and the scripts that its hooks run, each with the key that leads there; the
/// root for prompts that lie where those of a project are. Sorted by folder and name.
type Files = Vec<(KeyPath, PathBuf)>;

/// The prompts that a project's file leads to, the scripts that its hooks run, and the files of the commands beside it.
///
/// # Errors
/// One of them lies outside of the project, or a folder cannot be read.
pub(super) fn reached(config: &Path, file: &ConfigFile) -> Result<Vec<PathBuf>, SystemError> {
    let files = files(config, file)?;
    match files.iter().find(|(_, prompt)| lies_outside(config, prompt)) {
        Some((_, outside)) => Err(SystemError::Outside { path: outside.clone() }),
        None => {
            let commands = project_commands(&config.with_file_name(""));
            Ok(files.into_iter().map(|(_, file)| file).chain(commands).collect())
        }
    }
}

/// Whether a link leads out of the project. What cannot be followed does.
fn lies_outside(config: &Path, prompt: &Path) -> bool {
    match (canonical(config), canonical(prompt)) {
        (Ok(config), Ok(prompt)) => !prompt.starts_with(config.with_file_name("")),
        _ => true,
    }
}

fn files(config: &Path, file: &ConfigFile) -> Result<Files, SystemError> {
    let beside = |folder: &PathBuf| config.with_file_name("").join(folder);
    let folders = [
        (KeyPath::ROOT.key("session").key("prompts"), file.session.prompts.as_ref().map(beside)),
        (KeyPath::ROOT.key("prompts").key("dir"), file.prompts.dir.as_ref().map(beside)),
        (KeyPath::ROOT, project_folder(config)),
    ];
    let mut found = Vec::new();
    for (key, folder) in folders {
        // As they are read when a session needs them, so that no other file is used than those that were trusted.
        let files = folder.map(|folder| read_folder(&folder)).transpose()?.unwrap_or_default();
        found.extend(files.into_iter().map(|file| (key.clone(), PathBuf::from(file.path))));
    }
    let project = config.with_file_name("");
    for hook in &file.hooks {
        let key = KeyPath::ROOT.key("hooks").key(&hook.name);
        let scripts = scripts(&hook.action, &project);
        found.extend(scripts.iter().map(|script| (key.clone(), project.join(script))));
    }
    Ok(found)
}

/// Why the files of a project may not be used; `None` if they may. Nothing outside of the project is one of
/// its files, wherever a link leads, and each has to be as the user trusted it.
pub(super) fn objection(config: &Path, trust: Trust, file: &ConfigFile, paths: &Paths) -> Option<Problem> {
    if trust != Trust::Trusted {
        return None;
    }
    // A folder that cannot be read is told when a session needs it.
    for (at, prompt) in files(config, file).ok()? {
        let name = prompt.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if lies_outside(config, &prompt) {
            let message = format!("`{name}` is outside of the project, so trust does not cover it");
            let hint = "put it into a folder beside forge.yaml";
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
