//! Texts of configurations, as they are read.

use std::{fs::File, io::Read as _, path::Path};

use super::SystemError;
use crate::config::MAX_BYTES;

/// The text of the file, or a little more than may be in one.
pub(super) fn read(path: &Path) -> Result<String, SystemError> {
    let mut bytes = Vec::new();
    File::open(path)
        .and_then(|file| file.take(MAX_BYTES as u64 + 1).read_to_end(&mut bytes))
        .map_err(|source| SystemError::File { path: path.to_owned(), source })?;
    if bytes.len() > MAX_BYTES {
        // The end may be in the middle of a character; the size alone is refused later.
        return Ok(String::from_utf8_lossy(&bytes).into_owned());
    }
    let content = |what, source| SystemError::Content { path: path.to_owned(), what, source };
    if is_utf16(&bytes) {
        let source = "every other byte of it is empty".into();
        return Err(content("text in UTF-8, but in UTF-16; save it as UTF-8", source));
    }
    String::from_utf8(bytes).map_err(|source| content("text in UTF-8", source.into()))
}

/// Whether a text begins with the mark of UTF-16, or with one of its characters without it.
fn is_utf16(bytes: &[u8]) -> bool {
    matches!(
        bytes,
        [0xff, 0xfe, ..] | [0xfe, 0xff, ..] | [1..=0x7f, 0, 1..=0x7f, 0, ..] | [0, 1..=0x7f, 0, 1..=0x7f, ..]
    )
}
