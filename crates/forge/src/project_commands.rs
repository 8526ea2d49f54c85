//! Where the commands of a project lie, as Forge and as other programs keep them.

use std::{
    fs,
    path::{Path, PathBuf},
};

/// Folders below folders of commands.
const DEEPEST: usize = 4;
/// More files are nobody's commands.
const MOST: usize = 500;

/// The files of the commands of the project in `folder`: `.forge/commands/*.md`, then `.claude/commands/**/*.md` and
/// `.claude/skills/*/SKILL.md`, each sorted. Links are not followed, because a file elsewhere is not the project's.
pub fn project_commands(folder: &Path) -> Vec<PathBuf> {
    let mut found = own(&folder.join(".forge/commands"));
    walk(&folder.join(".claude/commands"), DEEPEST, &mut found);
    for skill in entries(&folder.join(".claude/skills")) {
        found.extend(Some(skill.join("SKILL.md")).filter(|file| is_plain(file)));
    }
    found.truncate(MOST);
    found
}

/// The files of commands directly in a folder.
pub(crate) fn own(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    walk(folder, 0, &mut found);
    found
}

fn walk(folder: &Path, depth: usize, found: &mut Vec<PathBuf>) {
    for entry in entries(folder) {
        if found.len() >= MOST {
            return;
        }
        let is_text = entry.extension().is_some_and(|ending| ending == "md");
        if is_text && is_plain(&entry) {
            found.push(entry);
        } else if depth > 0 && fs::symlink_metadata(&entry).is_ok_and(|one| one.is_dir()) {
            walk(&entry, depth - 1, found);
        }
    }
}

fn is_plain(file: &Path) -> bool {
    fs::symlink_metadata(file).is_ok_and(|one| one.is_file())
}

fn entries(folder: &Path) -> Vec<PathBuf> {
    let read = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut entries: Vec<_> = read.map(|entry| entry.path()).collect();
    entries.sort();
    entries
}
