//! Restores the state of a session from its journal.

use forge_core::storage::journal::{Entry, Journal, StreamName};

use crate::{error::SessionError, event::Record, state::State};

impl State {
    /// The state of the session `name` according to its journal. Claims nothing: a run may be in progress,
    /// and its next entry may be on disk when this returns.
    ///
    /// # Errors
    /// [`SessionError::Unknown`] if there is none, or a journal that cannot be read.
    pub async fn read(journal: &dyn Journal, name: &StreamName) -> Result<Self, SessionError> {
        let entries = journal.read(name, 0).await?;
        if entries.is_empty() {
            return Err(SessionError::Unknown(name.clone()));
        }
        Self::of(name, &entries)
    }

    /// Folds all entries of the journal of `name`.
    pub(crate) fn of(name: &StreamName, entries: &[Entry]) -> Result<Self, SessionError> {
        let mut state = Self::default();
        for entry in entries {
            state.apply(&Record::read(name, entry)?);
        }
        Ok(state)
    }
}
