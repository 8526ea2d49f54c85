//! The sessions that run in a system, for those who attend them.

use std::{fmt, sync::Arc};

use super::LiveSessions;
use crate::{
    ProviderId,
    session::{Controls, SessionError, State},
    sessions::SessionHost,
    storage::journal::{Journal, StreamName},
};

/// The sessions that clients of a system have begun and that run in it.
#[derive(Clone)]
pub struct RunningSessions {
    pub(crate) live: Arc<LiveSessions>,
    pub(crate) host: Arc<SessionHost>,
}

impl RunningSessions {
    /// All of them, the oldest first.
    pub fn list(&self) -> Vec<RunningSession> {
        self.live.running(&self.host)
    }

    /// The one of this name; `None` if it does not run here.
    pub fn find(&self, name: &str) -> Option<RunningSession> {
        self.list().into_iter().find(|one| one.name.as_str() == name)
    }
}

impl fmt::Debug for RunningSessions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RunningSessions").finish_non_exhaustive()
    }
}

/// A session that runs. It may end at any time: what is said to it then is refused as over.
#[derive(Clone)]
pub struct RunningSession {
    /// Its name.
    pub name: StreamName,
    /// The provider that it is.
    pub model: ProviderId,
    /// The name of the key that began it; `None` where clients need none.
    pub key: Option<Arc<str>>,
    /// The team of that key.
    pub team: Option<Arc<str>>,
    pub(super) controls: Controls,
    pub(super) journal: Arc<dyn Journal>,
}

impl RunningSession {
    /// Steers it for somebody, under whose name its journal has what is done.
    pub fn controls(&self, by: &str) -> Controls {
        self.controls.by(by)
    }

    /// As its journal has it now.
    ///
    /// # Errors
    /// A journal that cannot be read.
    pub async fn state(&self) -> Result<State, SessionError> {
        State::read(&*self.journal, &self.name).await
    }
}

impl fmt::Debug for RunningSession {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RunningSession").field("name", &self.name).finish_non_exhaustive()
    }
}
