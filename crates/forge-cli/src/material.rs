//! What a model is to work from: files, folders, pictures, documents and what is piped in.

use std::{
    fs,
    io::{self, IsTerminal as _},
    path::{Path, PathBuf},
    sync::mpsc,
    time::Duration,
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use forge::request::{Part, Source};
use ignore::WalkBuilder;

use crate::{error::CliError, files, layout, terminal::note};

/// Larger pictures and documents are refused by every vendor.
const MAX_MEDIA: u64 = 20 * 1024 * 1024;

/// Bytes that the texts of one folder may have: far more than any model reads, and little enough to be a mistake beyond.
const MAX_FOLDER: u64 = 4 * 1024 * 1024;

/// How long a pipe may stay silent before somebody is told that it is read.
const PATIENCE: Duration = Duration::from_secs(1);

/// Something to work from.
#[derive(Debug, Clone)]
pub(crate) struct Material {
    /// Its path as the user wrote it, or what it is.
    pub(crate) name: String,
    pub(crate) content: Content,
}

#[derive(Debug, Clone)]
pub(crate) enum Content {
    Text(String),
    /// A picture or a document.
    Media(Box<Part>),
}

/// What stands at these paths: a file, a folder, or `-` for standard input.
pub(crate) fn read(paths: &[PathBuf], quiet: bool) -> Result<Vec<Material>, CliError> {
    let mut all = Vec::new();
    for path in paths {
        if path.as_os_str() == "-" {
            all.push(text("standard input", files::standard_input()?));
        } else if path.is_dir() {
            all.extend(folder(path, quiet)?);
        } else {
            all.push(file(path)?);
        }
    }
    Ok(all)
}

/// What is piped in beside what was written on the command line; `None` on a terminal, and where nothing comes.
pub(crate) fn piped() -> Result<Option<Material>, CliError> {
    if !is_piped() {
        return Ok(None);
    }
    // A thread, because reading a pipe blocks and cannot be given a time.
    let (sender, receiver) = mpsc::channel();
    std::thread::spawn(move || sender.send(files::standard_input()));
    let read = receiver.recv_timeout(PATIENCE).or_else(|_| {
        // Also to those who want quiet: a command that waits without a word looks dead.
        note(false, "reading standard input; if there is nothing to read, add `< /dev/null`");
        receiver.recv()
    });
    let read = read.unwrap_or_else(|_| Ok(String::new()))?;
    Ok(Some(read).filter(|read| !read.trim().is_empty()).map(|read| text("standard input", read)))
}

/// Whether standard input is a pipe, a socket or a file, and not a terminal, a device or closed.
#[cfg(unix)]
fn is_piped() -> bool {
    use std::os::{fd::AsFd as _, unix::fs::FileTypeExt as _};
    let stdin = io::stdin();
    // A copy, because dropping the file closes what it was made of.
    let Ok(copy) = stdin.as_fd().try_clone_to_owned() else { return false };
    let kind = fs::File::from(copy).metadata().map(|found| found.file_type());
    !stdin.is_terminal() && kind.is_ok_and(|kind| kind.is_fifo() || kind.is_socket() || kind.is_file())
}

#[cfg(not(unix))]
fn is_piped() -> bool {
    !io::stdin().is_terminal()
}

/// Tells of `@FILE` in a prompt that is taken for text although there is such a file.
pub(crate) fn tell_of_mentions(prompt: &str, quiet: bool) {
    for word in prompt.split_whitespace().filter_map(|word| word.strip_prefix('@')) {
        let name = word.trim_end_matches([',', '.', ';', ':', '!', '?', ')']);
        if !name.is_empty() && Path::new(name).exists() {
            note(
                quiet,
                &format!(
                    "`@{name}` is plain text to the model; to show it the file, add `--reference {name}`"
                ),
            );
        }
    }
}

fn text(name: impl Into<String>, text: String) -> Material {
    Material { name: name.into(), content: Content::Text(text) }
}

fn file(path: &Path) -> Result<Material, CliError> {
    let name = path.display().to_string();
    match media_type(path) {
        Some(media_type) => {
            let data = STANDARD.encode(files::read_bytes(path, MAX_MEDIA)?);
            let source = Source::Base64 { media_type: media_type.to_owned(), data };
            let part = match media_type {
                "application/pdf" => Part::document(source).with_name(&name),
                _ => Part::image(source),
            };
            Ok(Material { name, content: Content::Media(Box::new(part)) })
        }
        None => Ok(text(name, files::read(path)?)),
    }
}

/// What a file is by its ending, if models take it as it is.
fn media_type(path: &Path) -> Option<&'static str> {
    let ending = path.extension()?.to_str()?.to_ascii_lowercase();
    Some(match ending.as_str() {
        "png" => "image/png",
        "jpg" | "jpeg" => "image/jpeg",
        "gif" => "image/gif",
        "webp" => "image/webp",
        "pdf" => "application/pdf",
        _ => return None,
    })
}

/// Every text in a folder, in the order of the paths. Hidden files and those that `.gitignore` names are no part of it;
/// what is no text is left out and named.
fn folder(path: &Path, quiet: bool) -> Result<Vec<Material>, CliError> {
    let mut walk = WalkBuilder::new(path);
    // `.gitignore` counts without a repository as well, as in a folder that was unpacked.
    let walk = walk.require_git(false).sort_by_file_path(Path::cmp).build();
    let (mut found, mut left_out, mut bytes) = (Vec::new(), Vec::new(), 0);
    for entry in walk {
        let entry = entry.map_err(|error| CliError::file(path, &error))?;
        if !entry.file_type().is_some_and(|kind| kind.is_file()) {
            continue;
        }
        let name = entry.path().display().to_string();
        let content = files::beginning(entry.path(), MAX_FOLDER)?;
        // Without a zero byte it is a text that is too large, and not a picture or an archive.
        let is_cut = content.len() as u64 > MAX_FOLDER && !content.contains(&0);
        match files::decoded(content).ok().filter(|text| !text.contains('\0')) {
            Some(content) => {
                bytes += content.len() as u64;
                found.push(text(name, content));
            }
            None => left_out.push(name),
        }
        if bytes > MAX_FOLDER || is_cut {
            let what = format!("the texts in {} are larger than {} MiB", path.display(), MAX_FOLDER >> 20);
            return Err(CliError::usage(what, "name the files or the folder that matter"));
        }
    }
    if found.is_empty() {
        let what = format!("there is no text in {}", path.display());
        return Err(CliError::usage(what, "hidden files and files that .gitignore names are skipped"));
    }
    // All of this goes to a vendor, so that the user gets to see what it is.
    note(quiet, &listed(path, &found, &left_out, bytes));
    Ok(found)
}

/// `docs: 3 files, 12 kB: docs/a.md, ...; left out, not text: docs/logo.bin`
fn listed(path: &Path, found: &[Material], left_out: &[String], bytes: u64) -> String {
    const SHOWN: usize = 12;
    let names = |names: Vec<&str>| {
        let more = names.len().saturating_sub(SHOWN);
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        format!("{}{more}", names[..names.len().min(SHOWN)].join(", "))
    };
    let files = if found.len() == 1 { "file" } else { "files" };
    let texts = names(found.iter().map(|one| one.name.as_str()).collect());
    let mut line =
        format!("{}: {} {files}, {} kB: {texts}", path.display(), found.len(), bytes.div_ceil(1_000));
    if !left_out.is_empty() {
        line += "; left out, not text: ";
        line += &names(left_out.iter().map(String::as_str).collect());
    }
    layout::clean(&line).into_owned()
}
