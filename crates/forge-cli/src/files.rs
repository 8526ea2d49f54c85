//! Texts from where the user says, and to where the user says.

use std::{
    fs::{self, File},
    io::{self, Read},
    path::Path,
};

use crate::{error::CliError, show::note};

/// What is larger is no text but an archive, or a device without an end.
const MAX_TEXT: u64 = 10 * 1024 * 1024;

/// The text in a file.
pub(crate) fn read(path: &Path) -> Result<String, CliError> {
    let bytes = read_bytes(path, MAX_TEXT)?;
    String::from_utf8(bytes).map_err(|error| CliError::content(path, "text in UTF-8", &error))
}

/// What is in a file, if it is no more than `most` bytes, a whole number of MiB.
pub(crate) fn read_bytes(path: &Path, most: u64) -> Result<Vec<u8>, CliError> {
    let bytes = File::open(path).and_then(|file| at_most(file, most));
    bytes.map_err(|error| CliError::file(path, &error))?.ok_or_else(|| too_large(path.display(), most))
}

pub(crate) fn standard_input() -> Result<String, CliError> {
    let unreadable = |error: &dyn std::error::Error| CliError::failed("standard input is not text", error);
    let bytes = at_most(io::stdin(), MAX_TEXT).map_err(|error| unreadable(&error))?;
    let bytes = bytes.ok_or_else(|| too_large("standard input", MAX_TEXT))?;
    String::from_utf8(bytes).map_err(|error| unreadable(&error))
}

fn at_most(source: impl Read, most: u64) -> io::Result<Option<Vec<u8>>> {
    let mut bytes = Vec::new();
    let read = source.take(most + 1).read_to_end(&mut bytes)?;
    Ok((read as u64 <= most).then_some(bytes))
}

fn too_large(what: impl std::fmt::Display, most: u64) -> CliError {
    CliError::usage(
        format!("{what} is larger than {} MiB", most / 1024 / 1024),
        "give a smaller one, or the part that matters",
    )
}

/// Refuses a path at which nothing can be written, before anything is paid for.
pub(crate) fn check_output(path: &Path) -> Result<(), CliError> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    let fault = if path.is_dir() {
        "it is a folder"
    } else if folder.is_some_and(|folder| !folder.is_dir()) {
        "its folder is not there"
    } else {
        return Ok(());
    };
    Err(CliError::usage(format!("{} cannot be written: {fault}", path.display()), "name another file"))
}

/// Writes the file and says so.
pub(crate) fn write(path: &Path, text: &str, quiet: bool) -> Result<(), CliError> {
    fs::write(path, text)
        .map_err(|error| CliError::failed(format!("{} cannot be written", path.display()), &error))?;
    note(quiet, &format!("wrote {}", path.display()));
    Ok(())
}
