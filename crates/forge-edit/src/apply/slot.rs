//! A file with what stands beside it meanwhile: the new contents, and the old file under a second name.

use crate::{
    resolve::ResolvedFile,
    workspace::{Fingerprint, Place, Workspace},
};

use super::{
    ApplyError,
    intent::{Intent, IntentFile},
};

/// Which of the two a file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    Old,
    New,
    /// Somebody else has changed it.
    Neither,
}

/// A file of an intent.
#[derive(Debug)]
pub(super) struct Slot<'i> {
    pub(super) file: &'i IntentFile,
    /// The file, its new contents, its old ones; `None` while its folder is not there.
    places: Option<(Place, Place, Place)>,
}

impl<'i> Slot<'i> {
    pub(super) fn all(workspace: &Workspace, intent: &'i Intent) -> Result<Vec<Self>, ApplyError> {
        let slots = intent.files.iter().enumerate().map(|(number, file)| {
            let beside = |target: &Place, what: &str| {
                target.sibling(&format!(".forge-edit-{}-{number}.{what}", intent.id))
            };
            let places = workspace.place(&file.path)?.map(|target| {
                let (new, old) = (beside(&target, "new"), beside(&target, "old"));
                (target, new, old)
            });
            Ok(Self { file, places })
        });
        slots.collect()
    }

    fn places(&self) -> Result<&(Place, Place, Place), ApplyError> {
        self.places.as_ref().ok_or_else(|| ApplyError::Torn(vec![self.file.path.to_string()]))
    }

    pub(super) fn target(&self) -> Result<&Place, ApplyError> {
        Ok(&self.places()?.0)
    }

    pub(super) fn state(&self) -> Result<State, ApplyError> {
        let found = match &self.places {
            Some((target, ..)) => target.fingerprint()?,
            None => None,
        };
        let is = |one: &Option<Fingerprint>| match (one, &found) {
            (None, None) => true,
            (Some(one), Some(found)) => one.is(found),
            _ => false,
        };
        Ok(match () {
            () if is(&self.file.before) => State::Old,
            () if is(&self.file.after) => State::New,
            () => State::Neither,
        })
    }

    /// Writes the new contents beside the file, with the mode of the file that it is or comes from.
    pub(super) fn stage(&self, workspace: &Workspace, file: &ResolvedFile) -> Result<(), ApplyError> {
        let (target, new, _) = self.places()?;
        let Some(bytes) = &file.after else { return Ok(()) };
        let like = match &file.mode_of {
            Some(other) => workspace.place(other)?.map(|place| place.stat()).transpose()?.flatten(),
            None => target.stat()?,
        };
        new.write_new(bytes, like.as_ref())?;
        Ok(new.sync_folder()?)
    }

    /// Gives the old file a second name; where there are none, it is copied.
    pub(super) fn keep(&self) -> Result<(), ApplyError> {
        let (target, _, old) = self.places()?;
        if self.file.before.is_none() || self.file.after.is_none() {
            return Ok(());
        }
        if !target.link(old)?
            && let Some(bytes) = target.read()?
        {
            old.write_new(&bytes, target.stat()?.as_ref())?;
        }
        Ok(old.sync_folder()?)
    }

    /// Makes the file the new one. A new file never takes the place of one that has come meanwhile.
    pub(super) fn replace(&self) -> Result<(), ApplyError> {
        let (target, new, old) = self.places()?;
        match (&self.file.before, &self.file.after) {
            (_, None) => target.rename(old)?,
            (None, Some(_)) if new.link(target)? => {}
            (_, Some(_)) => new.rename(target)?,
        }
        Ok(())
    }

    /// Makes the file the old one again.
    pub(super) fn back(&self) -> Result<(), ApplyError> {
        let (target, _, old) = self.places()?;
        if self.file.before.is_some() {
            old.rename(target)?;
        } else {
            target.remove()?;
        }
        Ok(target.sync_folder()?)
    }

    /// Whether the file is the new one, or can be made so.
    pub(super) fn leads_on(&self) -> Result<bool, ApplyError> {
        let Some((_, new, _)) = &self.places else { return Ok(false) };
        let Some(after) = &self.file.after else { return Ok(true) };
        let staged = new.fingerprint()?.is_some_and(|found| after.is(&found));
        Ok(self.state()? == State::New || staged)
    }

    /// Whether the file is the old one, or can be made so.
    pub(super) fn leads_back(&self) -> Result<bool, ApplyError> {
        let Some((_, _, old)) = &self.places else { return Ok(true) };
        let Some(before) = &self.file.before else { return Ok(true) };
        let kept = old.fingerprint()?.is_some_and(|found| before.is(&found));
        Ok(self.state()? == State::Old || kept)
    }

    /// Whether something stands beside the file already.
    pub(super) fn is_in_use(&self) -> Result<bool, ApplyError> {
        let Some((_, new, old)) = &self.places else { return Ok(false) };
        Ok(new.kind()?.is_some() || old.kind()?.is_some())
    }

    /// Takes away what stands beside the file.
    pub(super) fn clean(&self) -> Result<(), ApplyError> {
        if let Some((_, new, old)) = &self.places {
            new.remove()?;
            old.remove()?;
            new.sync_folder()?;
        }
        Ok(())
    }
}
