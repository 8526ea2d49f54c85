//! Which files of other people's projects the user stands behind, each as it was when they said so.

use std::{
    collections::BTreeMap,
    fs::{self, OpenOptions},
    io::{self, Write as _},
    path::{Path, PathBuf},
};

use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::{Paths, SystemError};

impl Paths {
    /// Whether the user stands behind the file at `path`, with this text.
    ///
    /// # Errors
    /// The file or the list of trusted ones cannot be read.
    pub fn is_trusted(&self, path: &Path, text: &str) -> Result<bool, SystemError> {
        let Ok(list) = self.trusted() else { return Ok(false) };
        let canonical = canonical(path)?;
        Ok(recorded(&list)?.get(&name(&canonical)).is_some_and(|known| *known == digest(text)))
    }

    /// Trusts the file at `path` for as long as it has this text. Gives its whole path.
    ///
    /// # Errors
    /// There is no folder for what is remembered, or it cannot be written.
    pub fn trust(&self, path: &Path, text: &str) -> Result<PathBuf, SystemError> {
        let list = self.trusted()?;
        let canonical = canonical(path)?;
        let mut files = recorded(&list)?;
        files.insert(name(&canonical), digest(text));
        let content = json!({"schema_version": "1.0", "files": files});
        let written = replace(&list, &format!("{content:#}\n"));
        written.map_err(|source| SystemError::File { path: list, source })?;
        Ok(canonical)
    }

    fn trusted(&self) -> Result<PathBuf, SystemError> {
        Ok(self.state.as_ref().ok_or(SystemError::NoState)?.join("trusted.json"))
    }
}

/// The digests by path.
fn recorded(list: &Path) -> Result<BTreeMap<String, String>, SystemError> {
    let text = match fs::read_to_string(list) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(BTreeMap::new()),
        Err(source) => return Err(SystemError::File { path: list.to_owned(), source }),
    };
    let files =
        serde_json::from_str::<Value>(&text).and_then(|mut all| serde_json::from_value(all["files"].take()));
    files.map_err(|source| SystemError::Content {
        path: list.to_owned(),
        what: "a list of trusted files",
        source: source.into(),
    })
}

fn canonical(path: &Path) -> Result<PathBuf, SystemError> {
    path.canonicalize().map_err(|source| SystemError::File { path: path.to_owned(), source })
}

fn name(path: &Path) -> String {
    path.display().to_string()
}

fn digest(text: &str) -> String {
    Sha256::digest(text).iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().concat()
}

/// Writes a file that nobody else can read in place of the old one: readers see the one or the other.
fn replace(path: &Path, content: &str) -> io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new(""));
    create_private(folder)?;
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
