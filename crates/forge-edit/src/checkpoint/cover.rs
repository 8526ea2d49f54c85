//! What each covered file is now. Files that have not changed since the checkpoint before are not read again.

use std::{
    collections::{BTreeSet, HashMap},
    fmt::Write as _,
    fs,
    os::unix::{ffi::OsStrExt as _, fs::FileTypeExt as _, fs::MetadataExt as _},
    path::Path,
};

use crate::workspace::{Fingerprint, Kind, Place, Workspace, permissions};

use super::{
    Run,
    error::CheckpointError,
    git::Entry,
    sums::{LINK, REPOSITORY, Sum, Sums, write_whole},
};

/// By the state of a file as the system tells it, the hash of its bytes.
type Stats = HashMap<String, String>;

/// The sums of every entry, with what is not covered.
pub(super) fn sums(
    workspace: &Workspace,
    run: &Run,
    entries: &[Entry],
    ignored: Vec<Vec<u8>>,
) -> Result<Sums, CheckpointError> {
    let known = read_stats(&run.stats());
    // The clock of the file system: what was changed at or after this moment may change again unnoticed.
    let failed = |source| CheckpointError::State { path: run.folder.clone(), source };
    let probe = run.folder.join("now");
    fs::write(&probe, "").map_err(failed)?;
    let now = fs::metadata(&probe).map(|meta| (meta.ctime(), meta.ctime_nsec())).map_err(failed)?;
    let mut sums = Sums { not_covered: ignored, ..Sums::default() };
    let mut stats = String::new();
    for entry in entries {
        if entry.is_repository() {
            sums.files.insert(entry.path.clone(), Sum { mode: REPOSITORY, hash: entry.hash.clone() });
            continue;
        }
        let Some(place) = workspace.place_of(&entry.path, false)? else { continue };
        let Some((sum, state)) = sum(&place, &known, now)? else { continue };
        if let Some(state) = state {
            let _ = writeln!(stats, "{} {state}", sum.hash);
        }
        sums.files.insert(entry.path.clone(), sum);
    }
    write_whole(&run.stats(), stats.as_bytes())?;
    sums.not_covered.extend(specials(workspace.path(), entries));
    Ok(sums)
}

/// The sum of a file, and its state if that can be relied on.
fn sum(
    place: &Place,
    known: &Stats,
    now: (i64, i64),
) -> Result<Option<(Sum, Option<String>)>, CheckpointError> {
    let (Some(stat), Some(kind)) = (place.stat()?, place.kind()?) else { return Ok(None) };
    match kind {
        Kind::Link => {
            let hash = Fingerprint::of(&place.read_link()?, None).sha256;
            return Ok(Some((Sum { mode: LINK, hash }, None)));
        }
        Kind::File => {}
        Kind::Folder | Kind::Other => return Ok(None),
    }
    let (changed, nanos) = (stat.st_ctime, i64::try_from(stat.st_ctime_nsec).unwrap_or(i64::MAX));
    let state = format!("{} {} {} {changed} {nanos}", stat.st_dev, stat.st_ino, stat.st_size);
    let hash = match known.get(&state) {
        Some(hash) => hash.clone(),
        None => match place.read()? {
            Some(bytes) => Fingerprint::of(&bytes, None).sha256,
            None => return Ok(None),
        },
    };
    let reliable = ((changed, nanos) < now).then_some(state);
    Ok(Some((Sum { mode: 0o100_000 | permissions(&stat), hash }, reliable)))
}

/// What stands at a place, read anew; a folder is nothing.
pub(super) fn now(place: &Place) -> Result<Option<Sum>, CheckpointError> {
    Ok(sum(place, &Stats::new(), (0, 0))?.map(|(sum, _)| sum))
}

fn read_stats(path: &Path) -> Stats {
    // Without the file, everything is read again.
    let text = fs::read_to_string(path).unwrap_or_default();
    let lines = text.lines().filter_map(|line| line.split_once(' '));
    lines.map(|(hash, state)| (state.to_owned(), hash.to_owned())).collect()
}

/// Pipes, sockets and devices in the folders of covered files: git passes over them without a word.
fn specials(root: &Path, entries: &[Entry]) -> Vec<Vec<u8>> {
    let mut folders = BTreeSet::from([&b""[..]]);
    for entry in entries {
        let ends = entry.path.iter().enumerate().filter(|(_, byte)| **byte == b'/').map(|(at, _)| at);
        folders.extend(ends.map(|end| &entry.path[..end]));
    }
    let mut found = Vec::new();
    for folder in folders {
        let Ok(inside) = fs::read_dir(root.join(std::ffi::OsStr::from_bytes(folder))) else { continue };
        for entry in inside.flatten() {
            let special = entry.file_type().is_ok_and(|kind| {
                kind.is_fifo() || kind.is_socket() || kind.is_block_device() || kind.is_char_device()
            });
            if special {
                let slash: &[u8] = if folder.is_empty() { b"" } else { b"/" };
                found.push([folder, slash, entry.file_name().as_bytes()].concat());
            }
        }
    }
    found
}
