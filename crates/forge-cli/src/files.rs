//! Texts from where the user says, and to where the user says.

use std::{fs, io::Read as _, path::Path};

use crate::{error::CliError, show::note};

pub(crate) fn read(path: &Path) -> Result<String, CliError> {
    fs::read_to_string(path).map_err(|error| CliError::file(path, &error))
}

pub(crate) fn standard_input() -> Result<String, CliError> {
    let mut text = String::new();
    std::io::stdin()
        .read_to_string(&mut text)
        .map_err(|error| CliError::failed("standard input is not text", &error))?;
    Ok(text)
}

/// Writes the file and says so.
pub(crate) fn write(path: &Path, text: &str, quiet: bool) -> Result<(), CliError> {
    fs::write(path, text)
        .map_err(|error| CliError::failed(format!("{} cannot be written", path.display()), &error))?;
    note(quiet, &format!("wrote {}", path.display()));
    Ok(())
}
