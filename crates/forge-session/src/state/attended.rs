//! What those who attend a session may do now.

use super::{State, Version};
use crate::{
    contribution::{Contribution, Deed},
    error::CommandError,
    plan::MAX_CYCLES,
    stage::Mode,
};

impl State {
    /// The number of the newest version of the document, the draft being 1; 0 while there is none.
    pub fn newest_version(&self) -> u32 {
        count(self.versions.len())
    }

    /// The cycle after which the session waits for a decision; `None` if it waits for none.
    pub fn waits_for(&self) -> Option<u32> {
        let closed = count(self.closed.len());
        let waits = self.stopped.is_none()
            && self.plan.settings.interactive
            && closed > 0
            && !self.has_cycle_begun()
            && !self.decisions.contains_key(&closed);
        waits.then_some(closed)
    }

    /// Whether somebody may write the document anew, as far as the text to change is version `base`.
    ///
    /// # Errors
    /// Another newest version; a session that is over or has no draft; a cycle that has begun, since its critics read one
    /// text; a session whose next panel would never come.
    pub fn check_edit(&self, base: u32) -> Result<(), CommandError> {
        let settings = &self.plan.settings;
        let Some(newest) = self.versions.last() else { return Err(CommandError::NoDraft) };
        if settings.review || settings.mode == Mode::Judge {
            return Err(CommandError::Review);
        }
        if self.has_cycle_begun() {
            return Err(CommandError::UnderWay { cycle: self.cycle(), version: self.newest_version() });
        }
        let has_panel = match settings.mode {
            Mode::Direct | Mode::Judge => false,
            Mode::Review => self.closed.is_empty(),
            // A wish goes beyond the cycles of the plan, and so does a text.
            Mode::Council => count(self.closed.len()) < MAX_CYCLES,
        };
        if !has_panel {
            return Err(CommandError::NoPanel);
        }
        if base != self.newest_version() {
            return Err(CommandError::Edited { version: self.newest_version(), text: newest.text.clone() });
        }
        Ok(())
    }

    /// Whether a decision about `cycle` is waited for.
    ///
    /// # Errors
    /// One that was made, or a cycle about which nobody is asked now.
    pub(crate) fn check_decision(&self, cycle: u32) -> Result<(), CommandError> {
        if let Some(decision) = self.decisions.get(&cycle) {
            let decided =
                |one: &&Contribution| one.cycle == cycle && matches!(one.deed, Deed::Decided { .. });
            let by = self.contributions.iter().rev().find(decided).and_then(|one| one.by.clone());
            return Err(CommandError::Decided { cycle, by, decision: decision.clone() });
        }
        if self.waits_for() == Some(cycle) { Ok(()) } else { Err(CommandError::NotAsked { cycle }) }
    }

    /// Whether the present cycle has begun, so that its critics read the text.
    pub(crate) fn has_cycle_begun(&self) -> bool {
        let cycle = self.cycle();
        self.panels.contains_key(&cycle) || self.calls.keys().any(|key| key.cycle == cycle)
    }

    /// Whether somebody has written the document anew since the last panel read it.
    pub(crate) fn is_unread(&self) -> bool {
        let of_now = |version: &Version| version.edited && version.cycle == count(self.closed.len());
        self.versions.last().is_some_and(of_now) && !self.panels.contains_key(&self.cycle())
    }
}

fn count(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}
