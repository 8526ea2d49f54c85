//! On or back, after a process has ended in between.

use crate::workspace::Workspace;

use super::{
    ApplyError, ApplyStep, clean, finish,
    intent::Intent,
    slot::{Slot, State},
};

/// What has become of edits whose process had ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Recovered {
    /// All files are the new ones.
    Finished,
    /// All files are the old ones.
    Undone,
}

impl Workspace {
    /// Finishes what the intent announces if any file is a new one already, and goes back otherwise. Doing it twice, or after
    /// the edits were applied in full, changes nothing more.
    ///
    /// A file that is neither the old nor the new one was changed by somebody else: then nothing is touched.
    pub fn recover(&self, intent: &Intent) -> Result<Recovered, ApplyError> {
        self.recover_watched(intent, &mut |_| {})
    }

    /// As [`recover`](Self::recover), telling each step after it is done.
    pub fn recover_watched(
        &self,
        intent: &Intent,
        watch: &mut dyn FnMut(ApplyStep),
    ) -> Result<Recovered, ApplyError> {
        let slots = Slot::all(self, intent)?;
        let (mut begun, mut torn) = (false, Vec::new());
        let (mut changed, mut leads_on) = (Vec::new(), true);
        for slot in &slots {
            match slot.state()? {
                State::Old => {}
                State::New => begun = true,
                State::Neither => changed.push(slot.file.path.to_string()),
            }
            leads_on &= slot.leads_on()?;
            if !slot.leads_back()? {
                torn.push(slot.file.path.to_string());
            }
        }
        if !changed.is_empty() {
            return Err(ApplyError::Changed(changed));
        }
        if begun && leads_on {
            finish(&slots, watch)?;
            clean(&slots, watch)?;
            return Ok(Recovered::Finished);
        }
        if !torn.is_empty() {
            return Err(ApplyError::Torn(torn));
        }
        self.undo(intent, watch)?;
        Ok(Recovered::Undone)
    }

    /// Makes every file the old one again; one that somebody else has changed stays.
    pub(super) fn undo(&self, intent: &Intent, watch: &mut dyn FnMut(ApplyStep)) -> Result<(), ApplyError> {
        let slots = Slot::all(self, intent)?;
        for slot in &slots {
            if slot.state()? == State::New {
                slot.back()?;
            }
            watch(ApplyStep::Replaced);
        }
        clean(&slots, watch)?;
        for folder in intent.folders.iter().rev() {
            if let Some(place) = self.place(folder)? {
                place.remove_folder()?;
            }
        }
        Ok(())
    }
}
