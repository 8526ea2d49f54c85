//! A second working tree of a user's repository.

use std::{
    ffi::OsStr,
    fs, io,
    os::unix::{ffi::OsStrExt as _, fs::symlink},
    path::{Path, PathBuf},
};

use super::{Checkpoints, error::CheckpointError, git::Input};

impl Checkpoints {
    /// Makes a working tree beside the user's: what `HEAD` has, and over it everything that is not committed and not ignored. What is
    /// at the place is replaced. Returns the files that are not committed, from the root.
    ///
    /// No branch is made, and index, `HEAD` and stash of the user stay as they are.
    ///
    /// # Errors
    /// The folder is no repository, has no commit yet, or git refuses.
    pub fn add_worktree(&self, folder: &Path) -> Result<Vec<PathBuf>, CheckpointError> {
        let arguments = ["status", "--porcelain=v1", "-z", "--untracked-files=all", "--no-renames"];
        let said = self.git.run(None, &arguments, Input::None)?;
        let dirty: Vec<PathBuf> = said
            .split(|byte| *byte == 0)
            // `XY path`; what a submodule has is its own.
            .filter_map(|line| line.get(3..).filter(|path| !path.is_empty()))
            .map(|path| PathBuf::from(OsStr::from_bytes(path)))
            .collect();
        self.remove_worktree(folder)?;
        let place = folder.to_string_lossy().into_owned();
        self.git.run_in(self.git.root(), &["worktree", "add", "--quiet", "--detach", &place, "HEAD"])?;
        for path in &dirty {
            copy(&self.git.root().join(path), &folder.join(path))
                .map_err(|source| CheckpointError::State { path: folder.join(path), source })?;
        }
        Ok(dirty)
    }

    /// Removes a working tree that [`add_worktree`](Self::add_worktree) made, with all that is in it. One that is not there is no error.
    ///
    /// # Errors
    /// Files that cannot be removed.
    pub fn remove_worktree(&self, folder: &Path) -> Result<(), CheckpointError> {
        match fs::remove_dir_all(folder) {
            Err(why) if why.kind() != io::ErrorKind::NotFound => {
                return Err(CheckpointError::State { path: folder.to_owned(), source: why });
            }
            _ => {}
        }
        // git forgets those whose folders are gone.
        self.git.run_in(self.git.root(), &["worktree", "prune"]).map(|_| ())
    }
}

/// Makes `to` what `from` is: a file with its mode, a link, or nothing.
fn copy(from: &Path, to: &Path) -> io::Result<()> {
    match fs::remove_file(to) {
        Err(why) if !matches!(why.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
            return Err(why);
        }
        _ => {}
    }
    let facts = match from.symlink_metadata() {
        Ok(facts) => facts,
        Err(why) if matches!(why.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
            return Ok(());
        }
        Err(why) => return Err(why),
    };
    if let Some(folder) = to.parent() {
        fs::create_dir_all(folder)?;
    }
    if facts.is_symlink() {
        symlink(fs::read_link(from)?, to)
    } else if facts.is_file() {
        fs::copy(from, to).map(|_| ())
    } else {
        // A repository inside, a pipe, a socket.
        Ok(())
    }
}
