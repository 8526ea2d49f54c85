//! The surroundings of a call: who is asked, until when, on whose behalf.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use serde::{Deserialize, Serialize};

use crate::{Attempts, CallId, Clock, ModelId, Participant, SystemClock};

/// The surroundings of a call. The request says what is wanted, the context where and when.
#[derive(Debug, Clone)]
pub struct CallContext {
    /// Who is asked. Routers replace it on the way in.
    pub participant: Arc<Participant>,
    /// The call, the same for all its attempts.
    pub call_id: CallId,
    /// Which attempt of the call this is, from 1.
    pub attempt: u32,
    /// All attempts of the call, shared by every copy of this context.
    pub attempts: Arc<Attempts>,
    /// When the whole call must be over, shared by every attempt.
    pub deadline: Option<Instant>,
    /// On whose behalf the call is made.
    pub tags: Tags,
    /// Where time comes from.
    pub clock: Arc<dyn Clock>,
}

/// On whose behalf a call is made, for the accounts.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Tags {
    /// The session.
    pub session: Option<Arc<str>>,
    /// The round within the session.
    pub round: Option<u32>,
    /// The task.
    pub task: Option<Arc<str>>,
}

impl CallContext {
    /// A first attempt with a fresh id, no deadline, and the system's clock.
    pub fn new(participant: impl Into<Arc<Participant>>) -> Self {
        Self::with_clock(participant, SystemClock::shared())
    }

    /// A first attempt with a fresh id and no deadline, on `clock`.
    pub fn with_clock(participant: impl Into<Arc<Participant>>, clock: Arc<dyn Clock>) -> Self {
        Self {
            participant: participant.into(),
            call_id: CallId::new(clock.now()),
            attempt: 1,
            attempts: Arc::default(),
            deadline: None,
            tags: Tags::default(),
            clock,
        }
    }

    /// The model asked for.
    pub fn model(&self) -> &ModelId {
        &self.participant.model
    }

    /// Makes this the context of one more attempt of the same call.
    pub fn next_attempt(&mut self) {
        self.attempt = self.attempts.begin();
    }

    /// The same context with a deadline this far from now.
    pub fn with_timeout(mut self, timeout: Duration) -> Self {
        self.deadline = self.clock.instant().checked_add(timeout);
        self
    }

    /// The same context with these tags.
    pub fn with_tags(mut self, tags: Tags) -> Self {
        self.tags = tags;
        self
    }
}
