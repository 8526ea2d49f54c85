//! Which files of other people's projects the user stands behind, each as it was when they said so.

use std::{
    collections::BTreeMap,
    fs::{self, OpenOptions},
    io::{self, Write as _},
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::{Paths, SystemError, text};

/// A file of a project that the user is asked to stand behind.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ProjectFile {
    /// Its whole path, without links.
    pub path: PathBuf,
    /// Its text as it is now, for people: without its secrets.
    pub shown: String,
    /// The same of when it was trusted; `None` if it never was.
    pub before: Option<String>,
    /// Whether it is byte for byte as it was trusted.
    pub is_trusted: bool,
    text: String,
}

impl ProjectFile {
    /// The same file, in whose text nobody sees these.
    pub fn hiding(mut self, secrets: &[String]) -> Self {
        for secret in secrets.iter().filter(|secret| !secret.is_empty()) {
            self.shown = self.shown.replace(secret.as_str(), "***");
        }
        self
    }
}

/// The list as it is kept.
#[derive(Debug, Default, Serialize, Deserialize)]
struct List {
    schema_version: String,
    /// The digest of each file, by its path.
    files: BTreeMap<String, String>,
    /// The text of each file without its secrets, so that a difference can be shown.
    #[serde(default)]
    texts: BTreeMap<String, String>,
}

impl Paths {
    /// Whether the user stands behind the file at `path`, with this text.
    ///
    /// # Errors
    /// The file or the list of trusted ones cannot be read.
    pub fn is_trusted(&self, path: &Path, text: &str) -> Result<bool, SystemError> {
        // Where nothing is remembered, nothing has been trusted.
        let Ok(list) = self.trusted() else { return Ok(false) };
        let canonical = canonical(path)?;
        Ok(recorded(&list)?.files.get(&name(&canonical)).is_some_and(|known| *known == sha256(text)))
    }

    /// The file at `path` as it is, beside how it was trusted.
    ///
    /// # Errors
    /// The file or the list of trusted ones cannot be read.
    pub fn project_file(&self, path: &Path) -> Result<ProjectFile, SystemError> {
        let text = text::read(path)?;
        let path = canonical(path)?;
        let mut list = recorded(&self.trusted()?)?;
        let is_trusted = list.files.get(&name(&path)).is_some_and(|known| *known == sha256(&text));
        let before = list.texts.remove(&name(&path));
        Ok(ProjectFile { path, shown: text.clone(), before, is_trusted, text })
    }

    /// Trusts the files for as long as they have these texts.
    ///
    /// # Errors
    /// There is no folder for what is remembered, or it cannot be written.
    pub fn trust(&self, files: &[ProjectFile]) -> Result<(), SystemError> {
        let path = self.trusted()?;
        let mut list = recorded(&path)?;
        for file in files {
            list.files.insert(name(&file.path), sha256(&file.text));
            list.texts.insert(name(&file.path), file.shown.clone());
        }
        "1.1".clone_into(&mut list.schema_version);
        let content = serde_json::to_string_pretty(&list).map_err(io::Error::other);
        let written = content.and_then(|content| replace(&path, &format!("{content}\n")));
        written.map_err(|source| SystemError::File { path, source })
    }

    fn trusted(&self) -> Result<PathBuf, SystemError> {
        Ok(self.state.as_ref().ok_or(SystemError::NoState)?.join("trusted.json"))
    }
}

fn recorded(list: &Path) -> Result<List, SystemError> {
    let text = match fs::read_to_string(list) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(List::default()),
        Err(source) => return Err(SystemError::File { path: list.to_owned(), source }),
    };
    serde_json::from_str(&text).map_err(|source| SystemError::Content {
        path: list.to_owned(),
        what: "a list of trusted files",
        source: source.into(),
    })
}

pub(super) fn canonical(path: &Path) -> Result<PathBuf, SystemError> {
    path.canonicalize().map_err(|source| SystemError::File { path: path.to_owned(), source })
}

fn name(path: &Path) -> String {
    path.display().to_string()
}

/// In hexadecimal digits.
pub(crate) fn sha256(text: &str) -> String {
    Sha256::digest(text).iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().concat()
}

/// Writes a file that nobody else can read in place of the old one: readers see the one or the other.
fn replace(path: &Path, content: &str) -> io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new(""));
    create_private(folder)?;
    // In the same folder, because a rename across file systems is none; one for each process, so that two of
    // them do not write into each other.
    let fresh = folder.join(format!(".trusted.json.{}", std::process::id()));
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let written = options.open(&fresh).and_then(|mut file| {
        file.write_all(content.as_bytes())?;
        file.sync_all()
    });
    written.and_then(|()| fs::rename(&fresh, path)).inspect_err(|_| {
        let _ = fs::remove_file(&fresh);
    })
}

fn create_private(folder: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}
