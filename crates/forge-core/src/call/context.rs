//! The surroundings of a call: who is asked, until when, on whose behalf.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use crate::{
    call::Attempts,
    error::ProviderError,
    id::{CallId, ModelId},
    participant::{ModelProvider, Participant},
    route::FailedAttempt,
    storage::budget::BudgetCap,
    tags::Tags,
    time::{SystemTimer, Timer},
};

/// The surroundings of a call. The request says what is wanted, the context where and when.
#[derive(Debug, Clone)]
#[non_exhaustive]
// What is large in it is shared, because every attempt has a copy.
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
    /// Who must not answer, whatever the configuration says: nobody judges a text of its own. A model is known by
    /// its vendor and its id, through whichever provider it is reached.
    pub exclude: Arc<[Participant]>,
    /// Who may answer in place of the one that is named.
    pub fallback: Fallback,
    /// Budgets of the caller's own, such as those of a key, which hold beside the configured ones.
    pub caps: Arc<[BudgetCap]>,
    /// Where time comes from, for everybody who works on the call: routers, layers, accounts.
    pub timer: Arc<dyn Timer>,
}

/// Who may answer in place of the participant that a call names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[allow(clippy::exhaustive_enums, reason = "Forge's own judgement, which every reader has to follow")]
pub enum Fallback {
    /// Whoever the configuration has for its role.
    #[default]
    Configured,
    /// Nobody: the caller asks the next one by itself, so that a circuit that is open is left alone and a
    /// connection that cannot be made is not tried again.
    Caller,
    /// Nobody, and the caller has nobody else to ask.
    Nobody,
}

impl CallContext {
    /// A first attempt with a fresh id, no deadline, and the system's time.
    pub fn new(participant: impl Into<Arc<Participant>>) -> Self {
        Self::with_timer(participant, SystemTimer::shared())
    }

    /// A first attempt with a fresh id and no deadline, in the time of `timer`.
    pub fn with_timer(participant: impl Into<Arc<Participant>>, timer: Arc<dyn Timer>) -> Self {
        Self {
            participant: participant.into(),
            call_id: CallId::new(timer.now()),
            attempt: 1,
            attempts: Arc::default(),
            deadline: None,
            tags: Tags::default(),
            exclude: Arc::default(),
            fallback: Fallback::default(),
            caps: Arc::default(),
            timer,
        }
    }

    /// The model asked for.
    pub fn model(&self) -> &ModelId {
        &self.participant.model_id
    }

    /// Makes this the context of one more attempt of the same call.
    pub fn next_attempt(&mut self) {
        self.attempt = self.attempts.begin();
    }

    /// Notes that this attempt failed with `error`; it was begun at `begun`, by the context's timer.
    pub fn note_failure(&self, error: &ProviderError, begun: Instant) {
        self.attempts.note(FailedAttempt {
            attempt: self.attempt,
            provider: self.participant.provider_id.clone(),
            model: self.model().clone(),
            error: error.kind,
            phase: error.phase,
            http_status: error.status,
            code: error.code.clone(),
            message: error.message.clone(),
            request_id: error.request_id.clone(),
            duration: self.timer.instant().saturating_duration_since(begun),
        });
    }

    /// The same context with a deadline this far from now.
    pub fn with_timeout(mut self, timeout: Duration) -> Self {
        // A timeout that the timer cannot count is no deadline.
        self.deadline = self.timer.instant().checked_add(timeout);
        self
    }

    /// The same context for another participant.
    pub fn with_participant(mut self, participant: impl Into<Arc<Participant>>) -> Self {
        self.participant = participant.into();
        self
    }

    /// The same context for the attempt of this number, from 1.
    pub fn with_attempt(mut self, attempt: u32) -> Self {
        self.attempt = attempt;
        self
    }

    /// The same context for a call that none of these may answer.
    pub fn with_exclusions(mut self, exclude: impl Into<Arc<[Participant]>>) -> Self {
        self.exclude = exclude.into();
        self
    }

    /// Whether this model is among those that must not answer.
    pub fn excludes(&self, provider: &ModelProvider, model: &ModelId) -> bool {
        self.exclude.iter().any(|one| one.provider == *provider && one.model_id == *model)
    }

    /// The same context with another rule for who may answer in place of the one that is named.
    pub fn with_fallback(mut self, fallback: Fallback) -> Self {
        self.fallback = fallback;
        self
    }

    /// The same context with these budgets beside the configured ones.
    pub fn with_caps(mut self, caps: impl Into<Arc<[BudgetCap]>>) -> Self {
        self.caps = caps.into();
        self
    }

    /// The same context with these tags.
    pub fn with_tags(mut self, tags: Tags) -> Self {
        self.tags = tags;
        self
    }
}
