//! Whether the scripts of a hook are those that the user stands behind.

use std::{fs, path::Path};

use sha2::{Digest as _, Sha256};

use serde_json::json;

use super::{Hook, HookAction, Script};

impl Hook {
    /// What is run, word by word; of a preset its name alone.
    pub fn argv(&self) -> Vec<String> {
        match &self.action {
            HookAction::Program(argv) => argv.clone(),
            HookAction::Shell(line) => vec!["sh".to_owned(), "-c".to_owned(), line.clone()],
            HookAction::Preset(preset) => vec![preset.name().to_owned()],
        }
    }

    /// The SHA-256 over what it is and the scripts that it runs, in hexadecimal digits. Another place of the same hook in a file
    /// does not change it.
    pub fn sha256(&self) -> String {
        let scripts: Vec<_> = self.scripts.iter().map(|script| json!([script.path, script.sha256])).collect();
        let millis = u64::try_from(self.timeout.as_millis()).unwrap_or(u64::MAX);
        let whole =
            json!([self.name, self.event.name(), self.matcher, self.action, millis, self.required, scripts]);
        digest(whole.to_string().as_bytes())
    }
}

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
