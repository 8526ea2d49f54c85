//! Whether the scripts of a hook are those that the user stands behind.

use std::{fs, path::Path};

use sha2::{Digest as _, Sha256};

use super::Script;

impl Script {
    /// The script at `path` in the folder `project`, as it is now.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn read(project: &Path, path: &Path) -> std::io::Result<Self> {
        Ok(Self { path: path.to_owned(), sha256: digest(&fs::read(project.join(path))?) })
    }

    /// Whether it is the same in the `project`, and in the copy of it in which the work is done, if it is there.
    fn holds(&self, project: &Path, cwd: &Path) -> bool {
        let is_same = |bytes: Vec<u8>| digest(&bytes) == self.sha256;
        let copy = cwd.join(&self.path);
        fs::read(project.join(&self.path)).is_ok_and(is_same)
            && (!copy.exists() || fs::read(copy).is_ok_and(is_same))
    }
}

/// What is wrong with one of them; `None` if they all are as they were.
pub(super) fn objection(scripts: &[Script], project: &Path, cwd: &Path) -> Option<String> {
    let changed = scripts.iter().find(|script| !script.holds(project, cwd))?;
    Some(format!("`{}` has changed since the configuration was read", changed.path.display()))
}

fn digest(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().concat()
}
