//! The tree of what is on the disk, byte for byte.

use std::{collections::BTreeSet, ffi::OsStr, fs, io, os::unix::ffi::OsStrExt as _, path::Path};

use crate::path::EditPath;

use super::{
    Run,
    error::CheckpointError,
    git::{Git, Input, word},
};

/// Writes the tree of what is on the disk, and leaves it in the index of the run.
pub(super) fn tree(git: &Git, run: &Run, included: &[EditPath]) -> Result<String, CheckpointError> {
    // What a git that was ended has left; the run is ours alone.
    remove(&run.folder.join("index.lock"))?;
    let mut forced = git.tracked_and_ignored()?;
    forced.extend(included.iter().map(|path| path.as_str().as_bytes().to_vec()));
    forced.retain(|path| fs::symlink_metadata(on_disk(git, path)).is_ok_and(|meta| !meta.is_dir()));
    if git.has_attributes()? {
        by_hand(git, run, forced)?;
    } else {
        git.run(Some(&run.index()), &["add", "-A", "--sparse", "--", "."], Input::None)?;
        if !forced.is_empty() {
            let arguments = ["add", "-f", "--sparse", "--pathspec-from-file=-", "--pathspec-file-nul"];
            git.run(Some(&run.index()), &arguments, Input::Bytes(&forced.join(&0)))?;
        }
    }
    Ok(word(&git.run(Some(&run.index()), &["write-tree"], Input::None)?))
}

/// The same file by file, without attributes: those in the user's repository cannot be turned off.
fn by_hand(git: &Git, run: &Run, forced: Vec<Vec<u8>>) -> Result<(), CheckpointError> {
    let index = run.index();
    let mut paths: BTreeSet<Vec<u8>> = git.others(&index)?.into_iter().chain(forced).collect();
    paths.extend(git.entries(&index)?.into_iter().map(|entry| entry.path));
    let mut lines = Vec::new();
    let mut files = Vec::new();
    for path in paths {
        let (path, is_folder) = match path.strip_suffix(b"/") {
            Some(folder) => (folder.to_vec(), true),
            None => (path, false),
        };
        let Ok(meta) = fs::symlink_metadata(on_disk(git, &path)) else { continue };
        if meta.is_symlink() {
            let target = fs::read_link(on_disk(git, &path)).map_err(|source| failed(git, &path, source))?;
            let input = Input::Bytes(target.as_os_str().as_bytes());
            let hash = git.run(None, &["hash-object", "-w", "--no-filters", "--stdin"], input)?;
            line(&mut lines, "120000", &word(&hash), &path);
        } else if meta.is_file() {
            files.push((path, meta));
        } else if is_folder || on_disk(git, &path).join(".git").exists() {
            line(&mut lines, "160000", &git.head(&path)?, &path);
        }
    }
    let hashes = hashes(git, files.iter().map(|(path, _)| path.as_slice()))?;
    for ((path, meta), hash) in files.iter().zip(hashes) {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = if meta.permissions().mode() & 0o100 == 0 { "100644" } else { "100755" };
        line(&mut lines, mode, &hash, path);
    }
    remove(&index)?;
    git.run(Some(&index), &["update-index", "-z", "--index-info"], Input::Bytes(&lines)).map(|_| ())
}

fn line(lines: &mut Vec<u8>, mode: &str, hash: &str, path: &[u8]) {
    lines.extend(format!("{mode} {hash} 0\t").bytes());
    lines.extend(path);
    lines.push(0);
}

/// The names of the contents of files, which are written into the repository. A list of paths has one in each line, and takes a
/// quotation mark for the beginning of an escaped one, so such paths go by themselves.
fn hashes<'p>(
    git: &Git,
    paths: impl Iterator<Item = &'p [u8]> + Clone,
) -> Result<Vec<String>, CheckpointError> {
    let plain = |path: &&[u8]| !path.contains(&b'\n') && !path.ends_with(b"\r") && !path.starts_with(b"\"");
    let list: Vec<&[u8]> = paths.clone().filter(plain).collect();
    let arguments = ["hash-object", "-w", "--no-filters", "--stdin-paths"];
    let lines: Vec<u8> = list.into_iter().flat_map(|path| [path, b"\n"].concat()).collect();
    let said = String::from_utf8_lossy(&git.run(None, &arguments, Input::Bytes(&lines))?).into_owned();
    let mut listed = said.lines();
    let each = paths.map(|path| {
        if plain(&path) {
            return Ok(listed.next().unwrap_or_default().to_owned());
        }
        let bytes = fs::read(on_disk(git, path)).map_err(|source| failed(git, path, source))?;
        let input = Input::Bytes(&bytes);
        Ok(word(&git.run(None, &["hash-object", "-w", "--no-filters", "--stdin"], input)?))
    });
    each.collect()
}

fn on_disk(git: &Git, path: &[u8]) -> std::path::PathBuf {
    git.root().join(OsStr::from_bytes(path))
}

fn failed(git: &Git, path: &[u8], source: io::Error) -> CheckpointError {
    CheckpointError::State { path: on_disk(git, path), source }
}

fn remove(path: &Path) -> Result<(), CheckpointError> {
    match fs::remove_file(path) {
        Err(source) if source.kind() != io::ErrorKind::NotFound => {
            Err(CheckpointError::State { path: path.to_owned(), source })
        }
        _ => Ok(()),
    }
}
