//! The way back to a checkpoint.

use std::{collections::BTreeSet, ffi::OsString, os::unix::ffi::OsStringExt as _, path::PathBuf};

use crate::workspace::{Fingerprint, Kind, Place, WorkspaceError};

use super::{
    Checkpoint, Checkpoints, Run, cover,
    error::CheckpointError,
    git::Input,
    snapshot,
    sums::{LINK, Sum, Sums},
};

/// What becomes of files that the user changed after the last checkpoint of the run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum UserChanges {
    /// They stay. A file that the run has changed, too, is a conflict, and stays as well.
    Keep,
    /// They are undone with everything else; the checkpoint in [`Restored::before`] has them.
    Discard,
}

/// What a restore has done. Paths are from the root.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Restored {
    /// Files that are as they were, or gone as they were not there.
    pub restored: Vec<PathBuf>,
    /// Files that differ from the checkpoint and stay, because only the user changed them, or because they were there and not covered.
    pub kept: Vec<PathBuf>,
    /// Files that stay although the run changed them: the user did, too, or something stands in the way.
    pub conflicts: Vec<PathBuf>,
    /// The state right before, so that the restore can be undone.
    pub before: Checkpoint,
}

/// What a file is called before it takes its place.
const BESIDE: &str = ".forge-restore";

/// Contents are asked for in parts of so many files.
const FILES_AT_ONCE: usize = 100;

impl Checkpoints {
    /// Brings the files back to the checkpoint `to`. What differs between `to` and `last`, the last checkpoint that was taken after
    /// the work of the run, is the run's; what differs since is the user's.
    ///
    /// Each restored file is compared with what was on the disk at the checkpoint, by SHA-256 and permission bits. A restore that
    /// was ended in between is done again.
    pub fn restore(
        &self,
        to: &Checkpoint,
        last: &Checkpoint,
        changes: UserChanges,
    ) -> Result<Restored, CheckpointError> {
        let (old, seen) = (self.sums(to)?, self.sums(last)?);
        let run = Run::of(self, &to.run)?;
        let tree = snapshot::tree(&self.git, &run, &self.included)?;
        let entries = self.git.entries(&run.index())?;
        let before = self.keep(&run, tree, &entries)?;
        let now = self.sums(&before)?;
        let (mut outcome, plan) = plan(&old, &seen, &now, changes);
        self.make(to, &plan, &mut outcome)?;
        self.verify(&old, &outcome)?;
        // What was covered only meanwhile, because it was not ignored then, is not covered any more.
        self.git.run(Some(&run.index()), &["read-tree", "--reset", &to.commit], Input::None)?;
        let paths =
            |paths: Vec<Vec<u8>>| paths.into_iter().map(|path| OsString::from_vec(path).into()).collect();
        Ok(Restored {
            restored: paths(outcome.restored),
            kept: paths(outcome.kept),
            conflicts: paths(outcome.conflicts),
            before,
        })
    }

    /// What has to go goes first, so that it is not in the way of what comes back.
    fn make(
        &self,
        to: &Checkpoint,
        plan: &[Change<'_>],
        outcome: &mut Outcome,
    ) -> Result<(), CheckpointError> {
        for change in plan.iter().filter(|change| change.was.is_none()) {
            let done = self.remove(change)?;
            outcome.add(change.path, done);
        }
        let back: Vec<(&Change<'_>, &Sum)> =
            plan.iter().filter_map(|change| Some((change, change.was?))).collect();
        for part in back.chunks(FILES_AT_ONCE) {
            let contents = self.contents(to, part.iter().map(|(change, _)| change.path.as_slice()))?;
            for ((change, sum), bytes) in part.iter().zip(contents) {
                if Fingerprint::of(&bytes, None).sha256 != sum.hash {
                    return Err(CheckpointError::Altered(String::from_utf8_lossy(change.path).into_owned()));
                }
                let done = match self.put(change, sum, &bytes) {
                    // A link or a file where a folder was.
                    Err(CheckpointError::Workspace(
                        WorkspaceError::Link { .. } | WorkspaceError::Kind { .. },
                    )) => false,
                    other => other?,
                };
                outcome.add(change.path, done);
            }
        }
        Ok(())
    }

    /// Takes a file away, and folders that are empty without it; false if it is no longer what it was.
    fn remove(&self, change: &Change<'_>) -> Result<bool, CheckpointError> {
        let Some(place) = self.workspace.place_of(change.path, false)? else { return Ok(true) };
        if !is(&place, change.is)? {
            return Ok(false);
        }
        place.remove()?;
        let mut path = change.path.as_slice();
        while let Some(slash) = path.iter().rposition(|byte| *byte == b'/') {
            path = &path[..slash];
            let Some(folder) = self.workspace.place_of(path, false)? else { break };
            if !folder.remove_folder()? {
                break;
            }
        }
        Ok(true)
    }

    /// Puts a file back; false if something else stands there.
    fn put(&self, change: &Change<'_>, sum: &Sum, bytes: &[u8]) -> Result<bool, CheckpointError> {
        let Some(place) = self.workspace.place_of(change.path, true)? else { return Ok(false) };
        let is_free = match place.kind()? {
            Some(Kind::Folder) => place.remove_folder()?,
            Some(Kind::Other) => false,
            _ => is(&place, change.is)?,
        };
        if !is_free {
            return Ok(false);
        }
        let beside = place.sibling(BESIDE);
        beside.remove()?;
        if sum.mode == LINK {
            beside.write_link(bytes)?;
        } else {
            let like = place.stat()?.filter(|_| matches!(place.kind(), Ok(Some(Kind::File))));
            beside.write_new(bytes, like.as_ref())?;
            beside.set_mode(sum.mode & 0o7777)?;
        }
        beside.rename(&place)?;
        place.sync_folder()?;
        Ok(true)
    }

    fn verify(&self, old: &Sums, outcome: &Outcome) -> Result<(), CheckpointError> {
        let mut wrong = Vec::new();
        for path in &outcome.restored {
            let is_right = match self.workspace.place_of(path, false) {
                Ok(Some(place)) => is(&place, old.files.get(path))?,
                Ok(None) => !old.files.contains_key(path),
                Err(WorkspaceError::Kind { .. } | WorkspaceError::Link { .. }) => {
                    !old.files.contains_key(path)
                }
                Err(why) => return Err(why.into()),
            };
            if !is_right {
                wrong.push(String::from_utf8_lossy(path).into_owned());
            }
        }
        if wrong.is_empty() { Ok(()) } else { Err(CheckpointError::NotRestored(wrong)) }
    }

    /// The bytes of files as the checkpoint has them.
    pub(super) fn contents<'p>(
        &self,
        to: &Checkpoint,
        paths: impl Iterator<Item = &'p [u8]> + Clone,
    ) -> Result<Vec<Vec<u8>>, CheckpointError> {
        let mut asked = Vec::new();
        for path in paths.clone() {
            asked.extend(format!("{}:", to.commit).bytes());
            asked.extend(path);
            asked.push(0);
        }
        let said = self.git.run(None, &["cat-file", "--batch", "-z"], Input::Bytes(&asked))?;
        let mut rest = said.as_slice();
        let each = paths.map(|path| {
            let missing = || CheckpointError::Altered(String::from_utf8_lossy(path).into_owned());
            let head = rest.iter().position(|byte| *byte == b'\n').ok_or_else(missing)?;
            let words = std::str::from_utf8(&rest[..head]).ok().and_then(|words| words.split_once(" blob "));
            let size: usize = words.and_then(|(_, size)| size.parse().ok()).ok_or_else(missing)?;
            let end = size.checked_add(head + 1).ok_or_else(missing)?;
            let bytes = rest.get(head + 1..end).ok_or_else(missing)?.to_vec();
            rest = rest.get(end + 1..).unwrap_or_default();
            Ok(bytes)
        });
        each.collect()
    }
}

/// What is to be as it was, and what is to stay as it is.
fn plan<'s>(old: &'s Sums, seen: &Sums, now: &'s Sums, changes: UserChanges) -> (Outcome, Vec<Change<'s>>) {
    let (mut outcome, mut plan) = (Outcome::default(), Vec::new());
    let paths: BTreeSet<&Vec<u8>> = old.files.keys().chain(now.files.keys()).collect();
    for path in paths {
        let (was, ran, is) = (old.files.get(path), seen.files.get(path), now.files.get(path));
        if was == is {
            continue;
        }
        let is_repository = [was, is].into_iter().flatten().any(Sum::is_repository);
        if was.is_none() && path.ends_with(BESIDE.as_bytes()) {
            // A restore was ended in between.
            plan.push(Change { path, was, is });
        } else if was.is_none() && old.leaves_out(path) || changes == UserChanges::Keep && was == ran {
            outcome.kept.push(path.clone());
        } else if is_repository || changes == UserChanges::Keep && ran != is {
            outcome.conflicts.push(path.clone());
        } else {
            plan.push(Change { path, was, is });
        }
    }
    (outcome, plan)
}

/// A file that is to be as it was.
struct Change<'s> {
    path: &'s Vec<u8>,
    was: Option<&'s Sum>,
    is: Option<&'s Sum>,
}

#[derive(Default)]
struct Outcome {
    restored: Vec<Vec<u8>>,
    kept: Vec<Vec<u8>>,
    conflicts: Vec<Vec<u8>>,
}

impl Outcome {
    fn add(&mut self, path: &[u8], done: bool) {
        if done { self.restored.push(path.to_owned()) } else { self.conflicts.push(path.to_owned()) }
    }
}

/// Whether what stands at the place is that.
fn is(place: &Place, sum: Option<&Sum>) -> Result<bool, CheckpointError> {
    Ok(cover::now(place)?.as_ref() == sum)
}
