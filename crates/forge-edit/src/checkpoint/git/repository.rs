//! Which repository a folder has.

use std::{
    ffi::{OsStr, OsString},
    fs,
    os::unix::ffi::OsStringExt as _,
    path::{Path, PathBuf},
};

use crate::checkpoint::error::CheckpointError;

use super::{Git, word};

/// The first git that can leave attributes out.
const OLDEST: (u32, u32) = (2, 41);

const VARIABLES: [&str; 4] = ["PATH", "HOME", "XDG_CONFIG_HOME", "TMPDIR"];

const EMPTY_TREE: &str = "4b825dc642cb6eb9a060e54bf8d69288fbee4904";
const EMPTY_TREE_SHA256: &str = "6ef19b41225c5369f1c104d45d8d85efa9b057b53b14b4b9b939dd74decc5321";

impl Git {
    pub(in crate::checkpoint) fn open(
        root: &Path,
        state: &Path,
        variable: impl Fn(&str) -> Option<OsString>,
    ) -> Result<Self, CheckpointError> {
        let environment = VARIABLES.into_iter().filter_map(|name| Some((name, variable(name)?))).collect();
        let git = Self {
            root: root.to_owned(),
            folder: state.join("shadow.git"),
            attributes: None,
            is_shadow: true,
            empty_tree: EMPTY_TREE,
            environment,
        };
        let version = word(&git.run_in(root, &["version"])?);
        if !is_new_enough(&version) {
            let version = version.strip_prefix("git version ").unwrap_or(&version);
            return Err(CheckpointError::OldGit(version.to_owned()));
        }
        match git.run_in(root, &["rev-parse", "--absolute-git-dir"]) {
            Ok(folder) => git.with_users(line(&folder)),
            Err(CheckpointError::Git { said, .. }) if said.contains("not a git repository") => {
                if !git.folder.join("HEAD").exists() {
                    let folder = git.folder.to_string_lossy().into_owned();
                    git.run_in(state, &["init", "--quiet", "--bare", "--template=", &folder])?;
                }
                Ok(git)
            }
            Err(why) => Err(why),
        }
    }

    /// Whether the repository has attributes beside the working tree that change contents; those cannot be turned off.
    pub(in crate::checkpoint) fn has_attributes(&self) -> Result<bool, CheckpointError> {
        self.attributes.as_deref().map_or(Ok(false), changes_contents)
    }

    fn with_users(mut self, folder: PathBuf) -> Result<Self, CheckpointError> {
        let root = self.root.clone();
        let ask =
            |git: &Self, arguments: &[&str]| Ok::<_, CheckpointError>(line(&git.run_in(&root, arguments)?));
        let top = ask(&self, &["rev-parse", "--show-toplevel"])?;
        let top = fs::canonicalize(&top).unwrap_or(top);
        if top != self.root {
            return Err(CheckpointError::Inside { root: self.root, top });
        }
        if ask(&self, &["rev-parse", "--show-object-format"])?.as_os_str() == OsStr::new("sha256") {
            self.empty_tree = EMPTY_TREE_SHA256;
        }
        let attributes = ask(&self, &["rev-parse", "--git-path", "info/attributes"])?;
        self.attributes = Some(self.root.join(attributes));
        (self.folder, self.is_shadow) = (folder, false);
        Ok(self)
    }
}

/// Whether a file of attributes has any by which contents would change on their way in or out. A name that a macro defines counts, too.
fn changes_contents(path: &Path) -> Result<bool, CheckpointError> {
    const ATTRIBUTES: [&str; 7] = ["text", "eol", "crlf", "filter", "ident", "working-tree-encoding", "attr"];
    let text = match fs::read(path) {
        Ok(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
        Err(why) if why.kind() == std::io::ErrorKind::NotFound => return Ok(false),
        Err(source) => return Err(CheckpointError::State { path: path.to_owned(), source }),
    };
    let lines = text.lines().filter(|line| !line.trim_start().starts_with('#'));
    let mut words = lines.flat_map(str::split_whitespace);
    Ok(words.any(|word| ATTRIBUTES.iter().any(|name| word.contains(name)) || word == "binary"))
}

fn is_new_enough(version: &str) -> bool {
    let numbers = version.strip_prefix("git version ").unwrap_or_default();
    let mut numbers = numbers.split(|c: char| !c.is_ascii_digit()).map(str::parse);
    matches!((numbers.next(), numbers.next()), (Some(Ok(major)), Some(Ok(minor))) if (major, minor) >= OLDEST)
}

/// The path that git prints on a line.
fn line(said: &[u8]) -> PathBuf {
    let said = said.strip_suffix(b"\n").unwrap_or(said);
    PathBuf::from(OsString::from_vec(said.to_vec()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_gits_that_can_leave_attributes_out_will_do() {
        for good in [
            "git version 2.41.0",
            "git version 2.47.3",
            "git version 3.0.1.windows.1",
            "git version 2.42.rc1",
        ] {
            assert!(is_new_enough(good), "{good}");
        }
        for bad in ["git version 2.40.9", "git version 1.99", "git", "git version x"] {
            assert!(!is_new_enough(bad), "{bad}");
        }
    }
}
