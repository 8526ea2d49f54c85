//! A git worktree for each worker, so that none of them writes where another or a person does.

use std::{
    ffi::OsStr,
    fs, io,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use crate::{home::WorkerPlace, id::WorkerId};

/// The file that names what is ignored by git and belongs into a worktree all the same, such as `.env`.
const INCLUDE: &str = ".worktreeinclude";

/// Why a worktree is not made or not removed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WorktreeError {
    /// The folder belongs to no repository.
    #[error("{} is in no git repository", .0.display())]
    NoRepository(PathBuf),
    /// There is work in it that is nowhere else.
    #[error("the worktree {} is kept: {dirty} files with changes, {unpushed} commits that are nowhere else", path.display())]
    Unsaved {
        /// Where it is.
        path: PathBuf,
        /// Files that are changed or not in the repository.
        dirty: usize,
        /// Commits of its branch that no other branch and no remote has.
        unpushed: usize,
    },
    /// It is no worktree any more, so that nobody knows what of it is elsewhere.
    #[error("the folder {} is kept: its link to the repository is gone, so that nobody knows whether its work is elsewhere", .0.display())]
    Unknown(PathBuf),
    /// git refuses.
    #[error("git {command}: {message}")]
    Git {
        /// The command.
        command: String,
        /// What it said.
        message: String,
    },
    /// A file cannot be copied.
    #[error("{}: {source}", path.display())]
    Io {
        /// Which.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
}

/// The work in a worktree that is nowhere else.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Unsaved {
    /// Files that are changed or not in the repository.
    pub dirty: usize,
    /// Commits of its branch that no other branch and no remote has.
    pub unpushed: usize,
}

/// The branch of a worker.
#[must_use]
pub fn branch(id: &WorkerId) -> String {
    format!("forge/{id}")
}

/// The repository that a folder belongs to.
#[must_use]
pub fn repository(folder: &Path) -> Option<PathBuf> {
    let said = git(folder, ["rev-parse", "--show-toplevel"]).ok()?;
    Some(PathBuf::from(said.trim_end_matches('\n')))
}

/// Makes the worktree of a worker from the commit that `repository` is at, on a branch of its own, with the ignored files that
/// `.worktreeinclude` names. One that is there is taken as it is.
pub fn create(place: &WorkerPlace, folder: &Path) -> Result<PathBuf, WorktreeError> {
    let top = repository(folder).ok_or_else(|| WorktreeError::NoRepository(folder.to_owned()))?;
    let path = place.worktree();
    if path.join(".git").exists() {
        return Ok(path);
    }
    let branch = branch(place.id());
    // A branch that is there holds the work of an earlier worker of this name, and is gone on with.
    let made = if has_branch(&top, &branch) {
        git(&top, [OsStr::new("worktree"), "add".as_ref(), path.as_ref(), branch.as_ref()])
    } else {
        git(&top, [OsStr::new("worktree"), "add".as_ref(), "-b".as_ref(), branch.as_ref(), path.as_ref()])
    };
    made?;
    include(&top, &path)?;
    Ok(path)
}

fn has_branch(folder: &Path, name: &str) -> bool {
    git(folder, ["rev-parse", "--verify", "--quiet", &format!("refs/heads/{name}")]).is_ok()
}

/// Copies the ignored files that are named.
fn include(top: &Path, path: &Path) -> Result<(), WorktreeError> {
    if !top.join(INCLUDE).is_file() {
        return Ok(());
    }
    let listed = git(top, ["ls-files", "-z", "-o", "-i", &format!("--exclude-from={INCLUDE}")])?;
    for name in listed.split('\0').filter(|name| !name.is_empty()) {
        let (from, to) = (top.join(name), path.join(name));
        // Links are not followed: they may lead out of the repository.
        if !fs::symlink_metadata(&from).is_ok_and(|found| found.is_file()) || to.exists() {
            continue;
        }
        let failed = |source| WorktreeError::Io { path: to.clone(), source };
        to.parent().map_or(Ok(()), fs::create_dir_all).map_err(failed)?;
        fs::copy(&from, &to).map_err(failed)?;
    }
    Ok(())
}

/// The work in the worktree of a worker that is nowhere else.
pub fn unsaved(place: &WorkerPlace) -> Result<Unsaved, WorktreeError> {
    let path = place.worktree();
    let dirty = git(&path, ["status", "--porcelain", "-z", "-uall"])?;
    let own = branch(place.id());
    // The agent may have gone to another commit, and left work on the branch.
    let (exclude, own_ref) = (format!("--exclude={own}"), format!("refs/heads/{own}"));
    let mut arguments = vec!["rev-list", "--count", "HEAD"];
    if has_branch(&path, &own) {
        arguments.push(&own_ref);
    }
    arguments.extend(["--not", "--remotes", &exclude, "--branches"]);
    let count = git(&path, arguments)?;
    let unpushed = count.trim().parse().unwrap_or(usize::MAX);
    Ok(Unsaved { dirty: dirty.split('\0').filter(|entry| !entry.is_empty()).count(), unpushed })
}

/// Removes the worktree of a worker, and its branch where no work is lost with it.
///
/// # Errors
///
/// Where there is unsaved work and `discard` does not give it up, and where git refuses.
pub fn remove(place: &WorkerPlace, top: &Path, discard: bool) -> Result<(), WorktreeError> {
    let path = place.worktree();
    if !path.exists() {
        return Ok(());
    }
    if !path.join(".git").exists() {
        // What git does not know any more may be all there is of the work. The caller removes the folder.
        return if discard { Ok(()) } else { Err(WorktreeError::Unknown(path)) };
    }
    let Unsaved { dirty, unpushed } = unsaved(place)?;
    if !discard && (dirty > 0 || unpushed > 0) {
        return Err(WorktreeError::Unsaved { path, dirty, unpushed });
    }
    // Forced because ignored files alone make git refuse; what counts has been looked at above.
    git(top, [OsStr::new("worktree"), "remove".as_ref(), "--force".as_ref(), path.as_ref()])?;
    let own = branch(place.id());
    if has_branch(top, &own) {
        git(top, ["branch", "-D", &own])?;
    }
    Ok(())
}

/// Runs git on the files as they are, without hooks and without the configuration that could run programs.
fn git<S: AsRef<OsStr>>(
    folder: &Path,
    arguments: impl IntoIterator<Item = S>,
) -> Result<String, WorktreeError> {
    let arguments: Vec<S> = arguments.into_iter().collect();
    let mut command = Command::new("git");
    command.arg("-C").arg(folder).args(["-c", "core.hooksPath=/dev/null", "-c", "core.fsmonitor=false"]);
    let named =
        || arguments.first().map(|first| first.as_ref().to_string_lossy().into_owned()).unwrap_or_default();
    // Whoever runs Forge from a hook of git has variables that would lead elsewhere.
    let foreign = ["GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_COMMON_DIR", "GIT_PREFIX"];
    for name in foreign {
        command.env_remove(name);
    }
    let failed = |message: String| WorktreeError::Git { command: named(), message };
    let output = command.args(&arguments).env("LC_ALL", "C").stdin(Stdio::null()).output();
    let output = output.map_err(|error| failed(error.to_string()))?;
    if !output.status.success() {
        return Err(failed(String::from_utf8_lossy(&output.stderr).trim().to_owned()));
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}
