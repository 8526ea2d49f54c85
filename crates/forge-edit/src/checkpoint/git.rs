//! git, with everything off that runs programs or changes contents.

mod command;
mod repository;

use std::{
    ffi::{OsStr, OsString},
    os::unix::ffi::OsStrExt as _,
    path::{Path, PathBuf},
};

pub(super) use self::command::Input;
use super::error::CheckpointError;

/// A repository and a working tree.
#[derive(Debug)]
pub(super) struct Git {
    root: PathBuf,
    folder: PathBuf,
    /// The attributes beside the working tree, in a repository of the user.
    attributes: Option<PathBuf>,
    is_shadow: bool,
    /// The name of the empty tree, by the kind of hashes in the repository.
    empty_tree: &'static str,
    environment: Vec<(&'static str, OsString)>,
}

/// An entry of an index.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry {
    mode: u32,
    pub(super) hash: String,
    pub(super) path: Vec<u8>,
}

impl Entry {
    /// Whether it is the commit of a repository inside.
    pub(super) fn is_repository(&self) -> bool {
        self.mode == 0o160_000
    }

    pub(super) fn shown(&self) -> String {
        String::from_utf8_lossy(&self.path).into_owned()
    }
}

impl Git {
    pub(super) fn is_shadow(&self) -> bool {
        self.is_shadow
    }

    pub(super) fn root(&self) -> &Path {
        &self.root
    }

    /// What is in an index of ours.
    pub(super) fn entries(&self, index: &Path) -> Result<Vec<Entry>, CheckpointError> {
        entries(&self.run(Some(index), &["ls-files", "-z", "-s"], Input::None)?)
    }

    /// The repositories inside that the user's index names.
    pub(super) fn user_links(&self) -> Result<Vec<Vec<u8>>, CheckpointError> {
        if self.is_shadow {
            return Ok(Vec::new());
        }
        let all = entries(&self.run(None, &["ls-files", "-z", "-s"], Input::None)?)?;
        Ok(all.into_iter().filter(Entry::is_repository).map(|entry| entry.path).collect())
    }

    /// Files that the user tracks although they are ignored.
    pub(super) fn tracked_and_ignored(&self) -> Result<Vec<Vec<u8>>, CheckpointError> {
        if self.is_shadow {
            return Ok(Vec::new());
        }
        let arguments = ["ls-files", "-z", "-c", "-i", "--exclude-standard"];
        Ok(split(&self.run(None, &arguments, Input::None)?))
    }

    /// Files that are ignored and not in the index; of a folder with nothing else, its name alone.
    pub(super) fn ignored(&self, index: &Path) -> Result<Vec<Vec<u8>>, CheckpointError> {
        let arguments = ["ls-files", "-z", "-o", "-i", "--exclude-standard", "--directory"];
        Ok(split(&self.run(Some(index), &arguments, Input::None)?))
    }

    /// Files that are neither ignored nor in the index; of a repository inside, its folder with `/` at the end.
    pub(super) fn others(&self, index: &Path) -> Result<Vec<Vec<u8>>, CheckpointError> {
        Ok(split(&self.run(Some(index), &["ls-files", "-z", "-o", "--exclude-standard"], Input::None)?))
    }

    /// Whether a repository inside has anything that is not committed.
    pub(super) fn has_changes(&self, path: &[u8]) -> Result<bool, CheckpointError> {
        let folder = self.root.join(OsStr::from_bytes(path));
        // A submodule that is not checked out has nothing.
        if !folder.join(".git").exists() {
            return Ok(false);
        }
        let arguments = ["status", "--porcelain", "-uall", "--ignore-submodules=none"];
        Ok(!self.run_in(&folder, &arguments)?.is_empty())
    }

    /// The commit of a repository inside.
    pub(super) fn head(&self, path: &[u8]) -> Result<String, CheckpointError> {
        let said =
            self.run_in(&self.root.join(OsStr::from_bytes(path)), &["rev-parse", "--verify", "HEAD"])?;
        Ok(word(&said))
    }

    pub(super) fn reference(&self, name: &str) -> Result<Option<String>, CheckpointError> {
        let said = self.run(None, &["for-each-ref", "--format=%(objectname)", name], Input::None)?;
        Ok(Some(word(&said)).filter(|word| !word.is_empty()))
    }

    /// Sets a reference, if it is still what it was.
    pub(super) fn set_reference(
        &self,
        name: &str,
        new: &str,
        old: Option<&str>,
    ) -> Result<(), CheckpointError> {
        let none = "0".repeat(new.len());
        let old = old.unwrap_or(&none);
        match self.run(None, &["update-ref", name, new, old], Input::None) {
            Ok(_) => Ok(()),
            Err(CheckpointError::Git { .. }) if self.reference(name)?.as_deref().unwrap_or(&none) != old => {
                Err(CheckpointError::Concurrent(name.to_owned()))
            }
            Err(why) => Err(why),
        }
    }

    pub(super) fn forget(&self, name: &str) -> Result<(), CheckpointError> {
        self.run(None, &["update-ref", "-d", name], Input::None).map(|_| ())
    }

    pub(super) fn commit(&self, tree: &str, parent: Option<&str>) -> Result<String, CheckpointError> {
        let mut arguments = vec!["commit-tree", tree, "-m", "A checkpoint of Forge"];
        if let Some(parent) = parent {
            arguments.extend(["-p", parent]);
        }
        Ok(word(&self.run(None, &arguments, Input::None)?))
    }
}

/// The single word that git prints.
pub(super) fn word(said: &[u8]) -> String {
    String::from_utf8_lossy(said).trim().to_owned()
}

/// Pieces that end with a zero byte.
fn split(said: &[u8]) -> Vec<Vec<u8>> {
    said.split(|byte| *byte == 0).filter(|path| !path.is_empty()).map(<[u8]>::to_vec).collect()
}

/// Lines `mode hash stage TAB path`; of a path with a conflict, the first.
fn entries(said: &[u8]) -> Result<Vec<Entry>, CheckpointError> {
    let mut found: Vec<Entry> = Vec::new();
    for line in split(said) {
        let entry = line.iter().position(|byte| *byte == b'\t').and_then(|tab| {
            let mut words = std::str::from_utf8(&line[..tab]).ok()?.split(' ');
            let mode = u32::from_str_radix(words.next()?, 8).ok()?;
            Some(Entry { mode, hash: words.next()?.to_owned(), path: line[tab + 1..].to_vec() })
        });
        let entry = entry.ok_or_else(|| CheckpointError::Git {
            command: "ls-files".to_owned(),
            said: String::from_utf8_lossy(&line).into_owned(),
        })?;
        if found.last().is_none_or(|last| last.path != entry.path) {
            found.push(entry);
        }
    }
    Ok(found)
}
