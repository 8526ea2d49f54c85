//! Texts from where the user says, and to where the user says.

use std::{
    fs::{self, File},
    io::{self, Read},
    path::{Path, PathBuf},
    string::FromUtf8Error,
};

use crate::{error::CliError, terminal::note};

/// What is larger is no text but an archive, or a device without an end.
const MAX_TEXT: u64 = 10 * 1024 * 1024;

/// The text in a file.
pub(crate) fn read(path: &Path) -> Result<String, CliError> {
    decoded(read_bytes(path, MAX_TEXT)?)
        .map_err(|error| CliError::content(path, "text in UTF-8 or UTF-16", &error))
}

/// Text from its bytes: UTF-8, with or without a byte order mark, or UTF-16 with one.
pub(crate) fn decoded(bytes: Vec<u8>) -> Result<String, FromUtf8Error> {
    let wide = |pair: fn([u8; 2]) -> u16| {
        let units = bytes[2..].chunks_exact(2);
        let whole = units.remainder().is_empty();
        let text =
            char::decode_utf16(units.map(|unit| pair([unit[0], unit[1]]))).collect::<Result<String, _>>();
        text.ok().filter(|_| whole)
    };
    let text = match bytes.as_slice() {
        [0xff, 0xfe, ..] => wide(u16::from_le_bytes),
        [0xfe, 0xff, ..] => wide(u16::from_be_bytes),
        [0xef, 0xbb, 0xbf, rest @ ..] => return String::from_utf8(rest.to_vec()),
        _ => None,
    };
    text.map_or_else(|| String::from_utf8(bytes), Ok)
}

/// What is in a file, if it is no more than `most` bytes, a whole number of MiB.
pub(crate) fn read_bytes(path: &Path, most: u64) -> Result<Vec<u8>, CliError> {
    let bytes = File::open(path).and_then(|file| at_most(file, most));
    bytes.map_err(|error| CliError::file(path, &error))?.ok_or_else(|| too_large(path.display(), most))
}

/// The first bytes of a file: all of it, or one more than `most`.
pub(crate) fn beginning(path: &Path, most: u64) -> Result<Vec<u8>, CliError> {
    let mut bytes = Vec::new();
    let read = File::open(path).and_then(|file| file.take(most + 1).read_to_end(&mut bytes));
    read.map(|_| bytes).map_err(|error| CliError::file(path, &error))
}

pub(crate) fn standard_input() -> Result<String, CliError> {
    let unreadable = |error: &dyn std::error::Error| CliError::failed("standard input is not text", error);
    let bytes = at_most(io::stdin(), MAX_TEXT).map_err(|error| unreadable(&error))?;
    let bytes = bytes.ok_or_else(|| too_large("standard input", MAX_TEXT))?;
    decoded(bytes).map_err(|error| unreadable(&error))
}

fn at_most(source: impl Read, most: u64) -> io::Result<Option<Vec<u8>>> {
    let mut bytes = Vec::new();
    // One byte more than allowed tells what is too large from what just fits, also of pipes, which have no
    // size.
    let read = source.take(most + 1).read_to_end(&mut bytes)?;
    Ok((read as u64 <= most).then_some(bytes))
}

fn too_large(what: impl std::fmt::Display, most: u64) -> CliError {
    CliError::usage(
        format!("{what} is larger than {} MiB", most / 1024 / 1024),
        "give a smaller one, or the part that matters",
    )
}

/// Forms that look right by their name and that Forge does not write.
const FOREIGN: [&str; 6] = ["pdf", "doc", "docx", "odt", "rtf", "epub"];

/// Refuses a path at which nothing can be written, before anything is paid for.
pub(crate) fn check_output(path: &Path) -> Result<(), CliError> {
    let ending = path.extension().and_then(|ending| ending.to_str()).unwrap_or_default().to_ascii_lowercase();
    if FOREIGN.contains(&ending.as_str()) {
        let what =
            format!("{} cannot be written: `.{ending}` is not a format that Forge writes", path.display());
        return Err(CliError::usage(what, "write `.html` and print it from a browser, or `.md`"));
    }
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    let fault = if path.is_dir() {
        "it is a folder"
    } else if folder.is_some_and(|folder| !folder.is_dir()) {
        "its folder does not exist"
    } else {
        return Ok(());
    };
    Err(CliError::usage(format!("{} cannot be written: {fault}", path.display()), "name another file"))
}

/// Writes the file and says so. What is there before is whole until the new text is.
pub(crate) fn write(path: &Path, text: &str, quiet: bool) -> Result<(), CliError> {
    replace(path, text)
        .map_err(|error| CliError::failed(format!("{} cannot be written", path.display()), &error))?;
    note(quiet, &format!("wrote {}", path.display()));
    Ok(())
}

/// Puts a file with the text in the place of what is there. Devices and pipes are written to as they are.
fn replace(path: &Path, text: &str) -> io::Result<()> {
    // A link stays a link: what it points to is replaced.
    let target = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let before = fs::metadata(&target).ok();
    // What may not be written refuses here: a rename would go around its protection.
    if before.as_ref().is_some_and(|before| !before.is_file() || before.permissions().readonly()) {
        return fs::write(&target, text);
    }
    let mut name = target.file_name().unwrap_or_default().to_owned();
    // Beside the target, because a rename across file systems is none.
    name.push(format!(".{}.part", std::process::id()));
    let part = PathBuf::from(&target).with_file_name(name);
    // Permissions before the rename, so that under its name the file is never open to more people than
    // before.
    let written = fs::write(&part, text)
        .and_then(|()| before.map_or(Ok(()), |before| fs::set_permissions(&part, before.permissions())))
        .and_then(|()| fs::rename(&part, &target));
    written.inspect_err(|_| {
        let _ = fs::remove_file(&part);
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_read_with_and_without_a_byte_order_mark() {
        let wide = |order: fn(u16) -> [u8; 2]| {
            let units = [0xfeff].into_iter().chain("ä – x".encode_utf16());
            units.flat_map(order).collect::<Vec<u8>>()
        };
        for bytes in ["ä – x".into(), "\u{feff}ä – x".into(), wide(u16::to_le_bytes), wide(u16::to_be_bytes)]
        {
            assert_eq!(decoded(bytes).unwrap(), "ä – x");
        }
        assert!(
            decoded(vec![0xff, 0xfe, 0x00, 0xd8]).is_err()
                && decoded(vec![0xff, 0xfe, 0x00]).is_err()
                && decoded(vec![b'a', 0xe4]).is_err()
        );
    }
}
