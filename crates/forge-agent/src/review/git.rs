//! What git knows of a change. git is asked with everything off that runs programs of the repository.

use std::{
    io::Read as _,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

/// The tree without files, against which the first commit is a change.
const EMPTY_TREE: &str = "4b825dc642cb6eb9a060e54bf8d69288fbee4904";
/// More bytes of a diff are not read: nobody reviews them, and they need not fit into memory.
const MOST_BYTES: u64 = 64 << 20;
/// Lines around a change that the diff shows.
const CONTEXT: &str = "--unified=5";

/// Which change is meant.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Target {
    /// A revision, for what came since its merge base with `HEAD`; or `A..B` and `A...B`, as git reads them.
    Revision(String),
    /// What is staged.
    Staged,
    /// What differs from `HEAD` in the working tree, staged or not.
    Worktree,
}

/// A change as git gives it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Taken {
    /// The text of the diff.
    pub diff: String,
    /// What it is called, such as `1a2b3c4d..HEAD`.
    pub name: String,
    /// The commit before, or the tree without files where there is none.
    pub base: String,
    /// The commit afterwards; `None` for what is not committed.
    pub head: Option<String>,
    /// Whether the new side is what the working tree has, apart from changes that are not committed.
    pub is_checked_out: bool,
    /// Files that git does not know and that are therefore not read.
    pub untracked: usize,
}

/// Why git gives no change.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum GitError {
    /// git is not there.
    #[error("git cannot be run: {0}")]
    NoGit(std::io::Error),
    /// The folder belongs to no repository.
    #[error("{} is in no git repository", .0.display())]
    NoRepository(PathBuf),
    /// There is no such commit.
    #[error("there is no commit `{0}`")]
    NoCommit(String),
    /// A clone without the history that is needed.
    #[error("the history of this clone is cut off before `{0}` and `{1}` part")]
    Shallow(String, String),
    /// Two histories that have nothing in common.
    #[error("`{0}` and `{1}` have no commit in common")]
    NoBase(String, String),
    /// The diff is larger than anybody reads.
    #[error("the diff is larger than {} MiB", MOST_BYTES >> 20)]
    TooLarge,
    /// git refuses.
    #[error("git {what} failed: {said}")]
    Failed {
        /// The command.
        what: String,
        /// What git said.
        said: String,
    },
}

impl GitError {
    /// What to do about it.
    pub const fn next(&self) -> &'static str {
        match self {
            Self::NoGit(_) => "install git, or give the change with `--diff FILE`",
            Self::NoRepository(_) => "go into the repository, or give the change with `--diff FILE`",
            Self::NoCommit(_) => {
                "`git log --oneline` shows commits; in a clone of a server fetch the branch first"
            }
            Self::Shallow(..) => {
                "fetch the whole history: `fetch-depth: 0` at the checkout of a workflow, or `git fetch --unshallow`"
            }
            Self::NoBase(..) => "compare two states as they are: `A..B`",
            Self::TooLarge => "name a smaller range",
            Self::Failed { .. } => "run the same command by hand",
        }
    }
}

/// A repository of somebody, which is only read.
#[derive(Debug, Clone)]
pub struct Repository {
    root: PathBuf,
}

impl Repository {
    /// The repository around `folder`.
    ///
    /// # Errors
    /// git is not there, or the folder is in no repository.
    pub fn open(folder: &Path) -> Result<Self, GitError> {
        let here = Self { root: folder.to_owned() };
        match here.word(&["rev-parse", "--show-toplevel"]) {
            Ok(root) if !root.is_empty() => Ok(Self { root: PathBuf::from(root) }),
            Err(error @ GitError::NoGit(_)) => Err(error),
            _ => Err(GitError::NoRepository(folder.to_owned())),
        }
    }

    /// Its folder.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Whether this names something between commits, and no file.
    pub fn is_revision(&self, text: &str) -> bool {
        let (left, right) = sides(text).map_or((text, None), |(left, _, right)| (left, Some(right)));
        self.commit(left).is_ok() && right.is_none_or(|right| self.commit(right).is_ok())
    }

    /// The branch that is checked out; `None` away from any.
    pub fn branch(&self) -> Option<String> {
        self.word(&["symbolic-ref", "--quiet", "HEAD"]).ok().filter(|name| !name.is_empty())
    }

    /// The change that is meant.
    ///
    /// # Errors
    /// A commit that is not there, two that have no common one, and those of git.
    pub fn change(&self, target: &Target) -> Result<Taken, GitError> {
        match target {
            Target::Revision(text) => self.between(text),
            Target::Staged => self.uncommitted("what is staged", &["--cached"]),
            Target::Worktree => self.uncommitted("the working tree", &[]),
        }
    }

    /// A file as it is at `commit`; `None` where it is not there, is no text, or is larger than `most` bytes.
    pub fn file_at(&self, commit: &str, path: &str, most: usize) -> Option<String> {
        let name = format!("{commit}:{path}");
        let size: usize = self.word(&["cat-file", "-s", &name]).ok()?.parse().ok()?;
        if size > most {
            return None;
        }
        String::from_utf8(self.run(&["cat-file", "blob", &name]).ok()?).ok()
    }

    /// The diff between two commits of which this has seen the first one before.
    ///
    /// # Errors
    /// A commit that is not there, and those of git.
    pub fn since(&self, commit: &str, head: &str) -> Result<String, GitError> {
        self.diff(&[&self.commit(commit)?, &self.commit(head)?])
    }

    /// Whether `earlier` belongs to the history of `later`, or is the same.
    pub fn is_ancestor(&self, earlier: &str, later: &str) -> bool {
        self.run(&["merge-base", "--is-ancestor", earlier, later]).is_ok()
    }

    fn between(&self, text: &str) -> Result<Taken, GitError> {
        let (left, right, is_base) = match sides(text) {
            None => (text, "HEAD", true),
            Some((left, dots, right)) => (left, right, dots == 3),
        };
        let (from, head) = (self.commit(left)?, self.commit(right)?);
        let base = if is_base { self.merge_base((left, &from), (right, &head))? } else { from };
        let diff = self.diff(&[&base, &head])?;
        let name = format!("{}..{right}", base.get(..12).unwrap_or(&base));
        let is_checked_out = self.commit("HEAD").is_ok_and(|now| now == head);
        Ok(Taken { diff, name, base, head: Some(head), is_checked_out, untracked: 0 })
    }

    fn uncommitted(&self, name: &str, options: &[&str]) -> Result<Taken, GitError> {
        // Before the first commit everything is new.
        let base = self.commit("HEAD").unwrap_or_else(|_| EMPTY_TREE.to_owned());
        let arguments: Vec<&str> = options.iter().copied().chain([base.as_str()]).collect();
        let diff = self.diff(&arguments)?;
        let untracked = if options.is_empty() {
            let listed = self.run(&["ls-files", "-z", "--others", "--exclude-standard"])?;
            listed.split(|byte| *byte == 0).filter(|name| !name.is_empty()).count()
        } else {
            0
        };
        Ok(Taken { diff, name: name.to_owned(), base, head: None, is_checked_out: true, untracked })
    }

    fn merge_base(&self, from: (&str, &str), head: (&str, &str)) -> Result<String, GitError> {
        match self.word(&["merge-base", from.1, head.1]) {
            Ok(base) if !base.is_empty() => Ok(base),
            Err(error @ GitError::NoGit(_)) => Err(error),
            _ if self.is_shallow() => Err(GitError::Shallow(from.0.to_owned(), head.0.to_owned())),
            _ => Err(GitError::NoBase(from.0.to_owned(), head.0.to_owned())),
        }
    }

    fn is_shallow(&self) -> bool {
        self.word(&["rev-parse", "--is-shallow-repository"]).is_ok_and(|word| word == "true")
    }

    /// The name of a commit in full.
    fn commit(&self, name: &str) -> Result<String, GitError> {
        let wanted = format!("{name}^{{commit}}");
        let found = self.word(&["rev-parse", "--quiet", "--verify", "--end-of-options", &wanted]);
        match found {
            Ok(hash) if !hash.is_empty() => Ok(hash),
            Err(error @ GitError::NoGit(_)) => Err(error),
            // The commit before the first one of a cut history is there for git, but not here.
            _ if self.is_shallow() => Err(GitError::Shallow(name.to_owned(), "HEAD".to_owned())),
            _ => Err(GitError::NoCommit(name.to_owned())),
        }
    }

    fn diff(&self, what: &[&str]) -> Result<String, GitError> {
        let options = [
            "diff",
            "--no-ext-diff",
            "--no-textconv",
            "--no-color",
            "--no-relative",
            "--find-renames",
            "--submodule=short",
            "--src-prefix=a/",
            "--dst-prefix=b/",
            CONTEXT,
        ];
        let arguments: Vec<&str> = options.into_iter().chain(what.iter().copied()).chain(["--"]).collect();
        // Bytes that are no UTF-8 stand for nothing that a model could quote.
        Ok(String::from_utf8_lossy(&self.run(&arguments)?).into_owned())
    }

    fn word(&self, arguments: &[&str]) -> Result<String, GitError> {
        Ok(String::from_utf8_lossy(&self.run(arguments)?).trim().to_owned())
    }

    fn run(&self, arguments: &[&str]) -> Result<Vec<u8>, GitError> {
        let mut command = Command::new("git");
        command
            .args([
                "-c",
                "core.fsmonitor=false",
                "-c",
                "core.hooksPath=/dev/null",
                "-c",
                "core.quotePath=false",
            ])
            .args(["--no-pager", "--no-optional-locks"])
            .args(arguments)
            .env_remove("GIT_EXTERNAL_DIFF")
            .env("GIT_TERMINAL_PROMPT", "0")
            .env("LC_ALL", "C")
            .current_dir(&self.root)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = command.spawn().map_err(GitError::NoGit)?;
        // Read beside stdout: git warns of each file, and would wait for a reader.
        let warnings = child.stderr.take().map(|mut stderr| {
            std::thread::spawn(move || {
                let mut said = Vec::new();
                // What cannot be read is missing in a message, and nothing else.
                let _ = stderr.read_to_end(&mut said);
                said
            })
        });
        let mut out = Vec::new();
        if let Some(stdout) = child.stdout.take() {
            stdout.take(MOST_BYTES + 1).read_to_end(&mut out).map_err(GitError::NoGit)?;
        }
        let status = child.wait().map_err(GitError::NoGit)?;
        let said = warnings.and_then(|reader| reader.join().ok()).unwrap_or_default();
        if out.len() as u64 > MOST_BYTES {
            return Err(GitError::TooLarge);
        }
        if status.success() {
            return Ok(out);
        }
        let said = String::from_utf8_lossy(&said);
        let what = arguments.first().copied().unwrap_or_default().to_owned();
        Err(GitError::Failed {
            what,
            said: said.trim().lines().next().unwrap_or("it says nothing").to_owned(),
        })
    }
}

/// Both sides of a range and how many dots stand between them. An empty side is `HEAD`.
fn sides(text: &str) -> Option<(&str, usize, &str)> {
    let (left, rest) = text.split_once("..")?;
    let (dots, right) = rest.strip_prefix('.').map_or((2, rest), |right| (3, right));
    Some((named(left), dots, named(right)))
}

/// A side of a range: an empty one is `HEAD`.
const fn named(side: &str) -> &str {
    if side.is_empty() { "HEAD" } else { side }
}
