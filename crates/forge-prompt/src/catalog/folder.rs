//! The files of a folder of prompts.

use std::{
    fs::{self, File},
    io::{self, Read as _},
    path::Path,
};

use crate::template::PromptError;

/// The most bytes of one prompt. Texts that are larger are references, not instructions.
const MAX_BYTES: u64 = 1024 * 1024;
/// The most prompts of a folder, so that one named by mistake ends soon.
const MAX_FILES: usize = 2_000;
/// How deep folders are entered: a link to a folder above itself has no end.
const MAX_DEPTH: usize = 8;

/// The endings of files that are prompts.
pub(crate) const ENDINGS: [&str; 2] = [".jinja", ".yaml"];

/// A file that holds a prompt.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct PromptFile {
    /// Its path from the folder of its set, with `/`, such as `role/critic.md.jinja`. The prompt has its name from it.
    pub name: String,
    /// How reports call it.
    pub path: String,
    /// What it holds.
    pub text: String,
}

impl PromptFile {
    /// A file of this name, which reports call so too.
    pub fn new(name: impl Into<String>, text: impl Into<String>) -> Self {
        let name = name.into();
        Self { path: name.clone(), name, text: text.into() }
    }
}

/// The prompts of a folder and of the folders inside it, by path: files that end in `.jinja` or `.yaml`. Others are
/// passed over, and so are names that are hidden or not UTF-8.
///
/// # Errors
/// A folder or a file that cannot be read, that is too large, or too many of them; the error has the path as name.
pub fn read_folder(folder: &Path) -> Result<Vec<PromptFile>, PromptError> {
    let mut files = Vec::new();
    enter(folder, "", 0, &mut files)?;
    files.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(files)
}

fn enter(folder: &Path, prefix: &str, depth: usize, files: &mut Vec<PromptFile>) -> Result<(), PromptError> {
    let unreadable = |error| PromptError::unreadable(folder, error);
    for entry in fs::read_dir(folder).map_err(unreadable)? {
        let path = entry.map_err(unreadable)?.path();
        let Some(name) = path.file_name().and_then(|name| name.to_str()) else { continue };
        let name = format!("{prefix}{name}");
        if path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b".")) {
            continue;
        }
        if path.is_dir() {
            if depth + 1 < MAX_DEPTH {
                enter(&path, &format!("{name}/"), depth + 1, files)?;
            }
        } else if ENDINGS.iter().any(|ending| name.ends_with(ending)) {
            if files.len() == MAX_FILES {
                let message = format!("there are more than {MAX_FILES} prompts in it");
                return Err(PromptError::wrong(folder.display().to_string(), message));
            }
            let text = read(&path).map_err(|error| PromptError::unreadable(&path, error))?;
            files.push(PromptFile { name, path: path.display().to_string(), text });
        }
    }
    Ok(())
}

fn read(path: &Path) -> io::Result<String> {
    let mut text = String::new();
    // One byte more, to tell a file that goes on from one that ends at the limit.
    let bytes = File::open(path)?.take(MAX_BYTES + 1).read_to_string(&mut text)?;
    if bytes as u64 > MAX_BYTES {
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, "it is larger than 1 MiB"));
    }
    Ok(text)
}
