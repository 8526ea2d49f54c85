//! Which files of other people's projects the user stands behind, each as it was when they said so.

use std::{
    collections::BTreeMap,
    fs::{self, OpenOptions},
    io::{self, Write as _},
    path::{Path, PathBuf},
};

use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::{error::CliError, machine::state_folder};

/// Whether the file at `path`, with this text, is trusted.
pub(super) fn is_recorded(path: &Path, text: &str) -> Result<bool, CliError> {
    let Some(store) = store() else { return Ok(false) };
    let canonical = canonical(path)?;
    Ok(recorded(&store)?.get(&name(&canonical)).is_some_and(|known| *known == digest(text)))
}

/// Trusts the file at `path` for as long as it has this text. Gives its whole path.
pub(super) fn record(path: &Path, text: &str) -> Result<PathBuf, CliError> {
    let store = store().ok_or_else(|| {
        CliError::usage("there is no place to remember it", "set FORGE_HOME to a folder, or HOME")
    })?;
    let canonical = canonical(path)?;
    let mut files = recorded(&store)?;
    files.insert(name(&canonical), digest(text));
    let content = json!({"schema_version": "1.0", "files": files});
    replace(&store, &format!("{content:#}\n"))
        .map_err(|error| CliError::failed(format!("{} cannot be written", store.display()), &error))?;
    Ok(canonical)
}

fn store() -> Option<PathBuf> {
    Some(state_folder()?.join("trusted.json"))
}

/// The digests by path.
fn recorded(store: &Path) -> Result<BTreeMap<String, String>, CliError> {
    let text = match fs::read_to_string(store) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(BTreeMap::new()),
        Err(error) => return Err(CliError::file(store, &error)),
    };
    let files =
        serde_json::from_str::<Value>(&text).and_then(|mut all| serde_json::from_value(all["files"].take()));
    files.map_err(|error| CliError::content(store, "a list of trusted files", &error))
}

fn canonical(path: &Path) -> Result<PathBuf, CliError> {
    path.canonicalize().map_err(|error| CliError::file(path, &error))
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
