//! What is known of a model before it is asked.

use std::sync::Arc;

use forge_core::{Capabilities, Participant, provider::Timeouts};

use crate::{plan::Plan, stage::Stage};

/// The configured settings for the calls of a participant in its role. They take precedence over the settings of the
/// session.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct CallSettings {
    /// The most tokens of an answer, thinking included; `None` leaves it to the session, which doubles its
    /// own for a model that thinks.
    pub max_tokens: Option<u32>,
    /// The sampling temperature; `None` leaves it to the session. Models that accept none get none.
    pub temperature: Option<f64>,
    /// The timeouts of its provider. The longer of these and those of the session apply.
    pub timeouts: Option<Timeouts>,
}

/// Looks up the configured settings for the calls of a participant. It is asked at every planned call and has
/// to answer at once.
pub type Configured = Arc<dyn Fn(&Participant) -> CallSettings + Send + Sync>;

/// No configured settings: the session's own hold for everybody.
pub fn nothing_configured() -> Configured {
    Arc::new(|_| CallSettings::default())
}

/// What is known of the model that a call goes to.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct ModelProfile {
    pub(crate) capabilities: Capabilities,
    pub(crate) configured: CallSettings,
}

impl ModelProfile {
    /// Whether it thinks before it answers, which takes tokens and time from the answer.
    pub(crate) const fn thinks(&self) -> bool {
        !self.capabilities.efforts.is_empty()
    }

    /// The most tokens of its answer: as configured, else as the session says, doubled for a model that thinks; never
    /// more than it can write.
    pub(crate) fn max_tokens(&self, plan: &Plan, stage: Stage) -> u32 {
        let usual = plan.settings.max_tokens.of(stage);
        let usual = if self.thinks() { usual.saturating_mul(2) } else { usual };
        // A limit beyond what the model can write would be refused by its vendor.
        let most = self.capabilities.max_output_tokens.and_then(|most| u32::try_from(most).ok());
        self.configured.max_tokens.unwrap_or(usual).min(most.unwrap_or(u32::MAX))
    }
}
