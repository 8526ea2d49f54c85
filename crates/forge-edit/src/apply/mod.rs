//! All files of a set of edits, or none: also when the process ends in between.
//!
//! New contents are written beside their files and brought to the disk first, and the old ones get a second name. Only then are
//! names exchanged, one after the other. Whenever the process ends, each file is the old or the new one, and what is needed to go
//! on or back is there: [`Workspace::recover`] finds out from the [`Intent`], which the caller keeps.

mod intent;
mod recover;
mod slot;

use crate::{
    resolve::{Resolved, ResolvedFile},
    workspace::{Workspace, WorkspaceError},
};

use self::slot::{Slot, State};
pub use self::{
    intent::{Intent, IntentFile},
    recover::Recovered,
};

/// What has just been done; for progress, and for tests that end the process there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ApplyStep {
    /// A folder was made.
    Folder,
    /// New contents are on the disk, beside their file.
    Staged,
    /// An old file has its second name.
    Kept,
    /// A file is the new one.
    Replaced,
    /// All files are as they should be.
    Verified,
    /// What was beside a file is gone.
    Cleaned,
}

/// Why edits were not applied. Unless it says otherwise, every file is as it was.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ApplyError {
    /// The system refuses.
    #[error(transparent)]
    Workspace(#[from] WorkspaceError),
    /// An intent has a name that no file can have.
    #[error("`{0}` cannot name an intent; use up to 64 letters, digits, `-` and `_`")]
    Name(String),
    /// Files are not as they were when the edits were resolved; after a crash, neither as before nor as afterwards.
    #[error("changed in the meantime: {}", .0.join(", "))]
    Changed(Vec<String>),
    /// A file would have to be a folder, too.
    #[error("{0} would be a file and a folder")]
    FileAndFolder(String),
    /// Edits of this name have not come to their end.
    #[error("edits named {0} have not come to their end; recover them first")]
    InUse(String),
    /// The intent is of other edits.
    #[error("the intent {0} is of other edits")]
    Other(String),
    /// What stood beside the files is gone, so that nothing leads on or back; the checkpoint does.
    #[error("{} cannot be finished or undone, because what stood beside it is gone; restore the checkpoint", .0.join(", "))]
    Torn(Vec<String>),
    /// It failed, and so did going back; after what stands in the way is gone, [`Workspace::recover`] does.
    #[error("{why}; and going back failed: {back}")]
    Stuck {
        /// Why it failed.
        why: Box<ApplyError>,
        /// Why going back failed.
        back: Box<ApplyError>,
    },
}

impl Workspace {
    /// Makes the changes that the intent announces, all or none. A file that is not as it was resolved stops everything.
    ///
    /// The intent is to be on the disk of the caller before, and a checkpoint to be taken.
    pub fn apply(&self, intent: &Intent, resolved: &Resolved) -> Result<(), ApplyError> {
        self.apply_watched(intent, resolved, &mut |_| {})
    }

    /// As [`apply`](Self::apply), telling each step after it is done.
    pub fn apply_watched(
        &self,
        intent: &Intent,
        resolved: &Resolved,
        watch: &mut dyn FnMut(ApplyStep),
    ) -> Result<(), ApplyError> {
        let contents = intent.contents(resolved)?;
        for slot in Slot::all(self, intent)? {
            if slot.is_in_use()? {
                return Err(ApplyError::InUse(intent.id.clone()));
            }
        }
        if let Err(why) = self.make(intent, &contents, watch) {
            return Err(match self.undo(intent, watch) {
                Ok(()) => why,
                Err(back) => ApplyError::Stuck { why: Box::new(why), back: Box::new(back) },
            });
        }
        clean(&Slot::all(self, intent)?, watch)
    }

    fn make(
        &self,
        intent: &Intent,
        contents: &[&ResolvedFile],
        watch: &mut dyn FnMut(ApplyStep),
    ) -> Result<(), ApplyError> {
        for folder in &intent.folders {
            if let Some(place) = self.place(folder)? {
                place.make_folder()?;
                place.sync_folder()?;
            }
            watch(ApplyStep::Folder);
        }
        let slots = Slot::all(self, intent)?;
        for (slot, file) in slots.iter().zip(contents) {
            slot.stage(self, file)?;
            watch(ApplyStep::Staged);
        }
        for slot in &slots {
            slot.keep()?;
            watch(ApplyStep::Kept);
        }
        let changed: Vec<String> = slots
            .iter()
            .filter_map(|slot| match slot.state() {
                Ok(State::Old) => None,
                Ok(_) => Some(Ok(slot.file.path.to_string())),
                Err(why) => Some(Err(why)),
            })
            .collect::<Result<_, _>>()?;
        if !changed.is_empty() {
            return Err(ApplyError::Changed(changed));
        }
        finish(&slots, watch)
    }
}

/// Exchanges the names that are left, and looks at every file.
fn finish(slots: &[Slot<'_>], watch: &mut dyn FnMut(ApplyStep)) -> Result<(), ApplyError> {
    for slot in slots {
        if slot.state()? != State::New {
            slot.replace()?;
        }
        watch(ApplyStep::Replaced);
    }
    let mut wrong = Vec::new();
    for slot in slots {
        slot.target()?.sync_folder()?;
        if slot.state()? != State::New {
            wrong.push(slot.file.path.to_string());
        }
    }
    if !wrong.is_empty() {
        return Err(ApplyError::Changed(wrong));
    }
    watch(ApplyStep::Verified);
    Ok(())
}

fn clean(slots: &[Slot<'_>], watch: &mut dyn FnMut(ApplyStep)) -> Result<(), ApplyError> {
    for slot in slots {
        slot.clean()?;
        watch(ApplyStep::Cleaned);
    }
    Ok(())
}
