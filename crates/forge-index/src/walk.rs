//! The files below a root that are to be known.

use std::{
    fs::File,
    io::{self, Read as _},
    path::Path,
};

use ignore::{DirEntry, WalkBuilder};

use crate::{language::Language, options::Options, row::Skipped, stat::Stat};

/// Folders whose code comes from elsewhere, or is made.
const VENDORED: [&str; 10] = [
    "node_modules",
    "vendor",
    "third_party",
    "thirdparty",
    "bower_components",
    "site-packages",
    "__pycache__",
    "venv",
    "target",
    "dist",
];

/// A file that is in a language that is read.
#[derive(Debug, Clone)]
pub(crate) struct Candidate {
    /// From the root, with `/` between folders.
    pub(crate) path: String,
    pub(crate) language: Language,
    pub(crate) stat: Stat,
}

/// The files below a root, by path, and what was left out. Rules of `.gitignore` and `.ignore` below the root hold, with and
/// without a repository; nothing outside of the root is looked at, neither rules nor the targets of links.
pub(crate) fn walk(root: &Path, options: &Options) -> (Vec<Candidate>, Skipped) {
    let mut skipped = Skipped::default();
    let vendored = std::sync::Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let counter = std::sync::Arc::clone(&vendored);
    let mut builder = WalkBuilder::new(root);
    builder
        .parents(false)
        .git_global(false)
        .git_exclude(false)
        .require_git(false)
        .follow_links(false)
        .filter_entry(move |entry| {
            let skips = is_vendored(entry);
            if skips {
                counter.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            }
            !skips
        });
    let mut found = Vec::new();
    for entry in builder.build() {
        match entry {
            Ok(entry) => found.extend(candidate(root, &entry, options, &mut skipped)),
            Err(_) => skipped.unreadable += 1,
        }
    }
    skipped.vendored = vendored.load(std::sync::atomic::Ordering::Relaxed);
    // The order of a folder is that of its file system.
    found.sort_by(|one, other| one.path.cmp(&other.path));
    skipped.too_large += found.len().saturating_sub(options.max_files);
    found.truncate(options.max_files);
    (found, skipped)
}

fn is_vendored(entry: &DirEntry) -> bool {
    let is_folder = entry.file_type().is_some_and(|kind| kind.is_dir());
    // The root is what was asked for, whatever its name.
    is_folder && entry.depth() > 0 && entry.file_name().to_str().is_some_and(|name| VENDORED.contains(&name))
}

fn candidate(root: &Path, entry: &DirEntry, options: &Options, skipped: &mut Skipped) -> Option<Candidate> {
    let kind = entry.file_type()?;
    if kind.is_symlink() {
        skipped.links += 1;
        return None;
    }
    if !kind.is_file() {
        return None;
    }
    let relative = entry.path().strip_prefix(root).ok()?;
    let Some(path) = relative.to_str() else {
        skipped.unreadable += 1;
        return None;
    };
    let path = path.replace(std::path::MAIN_SEPARATOR, "/");
    let language = Language::of(&path)?;
    let Ok(metadata) = entry.metadata() else {
        skipped.unreadable += 1;
        return None;
    };
    if metadata.len() > options.max_file_bytes {
        skipped.too_large += 1;
        return None;
    }
    Some(Candidate { path, language, stat: Stat::of(&metadata) })
}

/// The bytes of a file, if it still is the one that was found: its name may lead to another one by now, even outside of the
/// root.
pub(crate) fn read(root: &Path, candidate: &Candidate, options: &Options) -> io::Result<Vec<u8>> {
    let file = File::open(root.join(&candidate.path))?;
    let metadata = file.metadata()?;
    if !metadata.is_file() || !Stat::of(&metadata).is_same_file(candidate.stat) {
        return Err(io::Error::other("it was replaced while it was read"));
    }
    let mut bytes = Vec::new();
    file.take(options.max_file_bytes).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// What a file is on the disk now; `None` if it is gone.
pub(crate) fn stat(root: &Path, path: &str) -> Option<Stat> {
    std::fs::symlink_metadata(root.join(path)).ok().map(|metadata| Stat::of(&metadata))
}
