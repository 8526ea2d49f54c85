//! What is different between two checkpoints, and how it is brought elsewhere.

use std::fs;

use crate::path::EditPath;

use super::{
    Checkpoint, Checkpoints,
    error::CheckpointError,
    git::{Input, word},
};

/// A file that is different.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ChangedFile {
    /// Where it is.
    pub path: EditPath,
    /// Its bytes before; `None` if it was not there.
    pub before: Option<Vec<u8>>,
    /// Its bytes afterwards; `None` if it is gone.
    pub after: Option<Vec<u8>>,
}

impl Checkpoints {
    /// The difference in these files as a unified diff with five lines around each change; in all files if none are named.
    pub fn diff(
        &self,
        from: &Checkpoint,
        to: &Checkpoint,
        only: &[EditPath],
    ) -> Result<String, CheckpointError> {
        let arguments =
            ["diff", "--no-ext-diff", "--no-textconv", "--no-color", "--no-renames", "--unified=5"];
        let said = self.compared(&arguments, from, to, only)?;
        Ok(String::from_utf8_lossy(&said).into_owned())
    }

    fn compared(
        &self,
        arguments: &[&str],
        from: &Checkpoint,
        to: &Checkpoint,
        only: &[EditPath],
    ) -> Result<Vec<u8>, CheckpointError> {
        let mut arguments = arguments.to_vec();
        arguments.extend([from.tree.as_str(), to.tree.as_str(), "--"]);
        arguments.extend(only.iter().map(EditPath::as_str));
        self.git.run(None, &arguments, Input::None)
    }

    /// Those of these files that are different, sorted by their paths; of all files if none are named. Names that are no text, links
    /// and repositories inside are left out.
    pub fn changes(
        &self,
        from: &Checkpoint,
        to: &Checkpoint,
        only: &[EditPath],
    ) -> Result<Vec<ChangedFile>, CheckpointError> {
        let arguments = ["diff-tree", "-r", "-z", "--no-renames", "--raw"];
        let said = self.compared(&arguments, from, to, only)?;
        let mut pieces = said.split(|byte| *byte == 0);
        let mut found = Vec::new();
        // `:OLDMODE NEWMODE OLD NEW STATUS`, and the path behind it.
        while let (Some(head), Some(path)) = (pieces.next(), pieces.next()) {
            let head = String::from_utf8_lossy(head);
            let mut words = head.trim_start_matches(':').split(' ');
            let modes = [words.next().unwrap_or_default(), words.next().unwrap_or_default()];
            let is_file = |mode: &str| mode.starts_with("100");
            let is_plain = modes.iter().all(|mode| is_file(mode) || mode.starts_with("000"));
            let path = std::str::from_utf8(path).ok().and_then(|path| EditPath::new(path).ok());
            if let Some(path) = path.filter(|_| is_plain) {
                let side = |checkpoint: &Checkpoint, mode: &str| {
                    if is_file(mode) { self.content(checkpoint, &path).map(Some) } else { Ok(None) }
                };
                let (before, after) = (side(from, modes[0])?, side(to, modes[1])?);
                found.push(ChangedFile { path, before, after });
            }
        }
        Ok(found)
    }

    /// The bytes of a file as the checkpoint has them.
    fn content(&self, checkpoint: &Checkpoint, path: &EditPath) -> Result<Vec<u8>, CheckpointError> {
        let mut found = self.contents(checkpoint, std::iter::once(path.as_str().as_bytes()))?;
        found.pop().ok_or_else(|| CheckpointError::Altered(path.to_string()))
    }

    /// A file that two have changed, as git merges it line by line; `None` where both changed the same lines.
    ///
    /// # Errors
    /// git fails, or the state folder cannot be written.
    pub fn merge(&self, ours: &[u8], base: &[u8], theirs: &[u8]) -> Result<Option<Vec<u8>>, CheckpointError> {
        let folder = self.state.join("merge");
        let failed = |source| CheckpointError::State { path: folder.clone(), source };
        fs::create_dir_all(&folder).map_err(failed)?;
        let write = |name: &str, bytes: &[u8]| {
            let path = folder.join(name);
            fs::write(&path, bytes).map_err(failed)?;
            Ok::<_, CheckpointError>(path.to_string_lossy().into_owned())
        };
        let (ours, base, theirs) = (write("ours", ours)?, write("base", base)?, write("theirs", theirs)?);
        let merged = self.git.run(None, &["merge-file", "-p", "-q", &ours, &base, &theirs], Input::None);
        let _ = fs::remove_dir_all(&folder);
        match merged {
            Ok(bytes) => Ok(Some(bytes)),
            // The exit code is the number of conflicts, or that it is no text.
            Err(CheckpointError::Git { .. }) => Ok(None),
            Err(why) => Err(why),
        }
    }

    /// Makes a commit on top of the user's `HEAD` in which these files are as the checkpoint has them, and a branch that leads to it.
    /// Working tree, index and `HEAD` stay as they are.
    ///
    /// # Errors
    /// There is such a branch, or git refuses.
    pub fn branch(
        &self,
        name: &str,
        to: &Checkpoint,
        files: &[EditPath],
        message: &str,
    ) -> Result<String, CheckpointError> {
        let reference = format!("refs/heads/{name}");
        self.git.run(None, &["check-ref-format", &reference], Input::None)?;
        let head = word(&self.git.run(None, &["rev-parse", "--verify", "HEAD"], Input::None)?);
        let index = self.state.join("branch.index");
        self.git.run(Some(&index), &["read-tree", &head], Input::None)?;
        for file in files {
            let said = self.git.run(None, &["ls-tree", "-z", &to.tree, "--", file.as_str()], Input::None)?;
            // `MODE blob HASH TAB path`, which `update-index` takes; one that is gone has the mode 0.
            let gone = || format!("0 {}\t{file}\0", "0".repeat(head.len())).into_bytes();
            let entry = if said.is_empty() { gone() } else { said };
            self.git.run(Some(&index), &["update-index", "-z", "--index-info"], Input::Bytes(&entry))?;
        }
        let tree = word(&self.git.run(Some(&index), &["write-tree"], Input::None)?);
        let commit =
            word(&self.git.run(None, &["commit-tree", &tree, "-p", &head, "-m", message], Input::None)?);
        self.git.set_reference(&reference, &commit, None)?;
        Ok(commit)
    }
}
