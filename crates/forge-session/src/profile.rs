//! What is known of a model before it is asked.

use std::sync::Arc;

use forge_core::{Capabilities, Participant, Timeouts};

use crate::{plan::Plan, stage::Stage};

/// What the configuration says about the calls of a participant in its role. It wins over the session's own
/// numbers, which stand where it is silent.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct CallSettings {
    /// Tokens that an answer may have, thinking included.
    pub max_tokens: Option<u32>,
    /// Randomness.
    pub temperature: Option<f64>,
    /// The clocks of its provider. The longer of these and the session's own hold.
    pub timeouts: Option<Timeouts>,
}

/// What the configuration says about the calls of a participant.
pub type Configured = Arc<dyn Fn(&Participant) -> CallSettings + Send + Sync>;

/// The configuration says nothing.
pub fn nothing_configured() -> Configured {
    Arc::new(|_| CallSettings::default())
}

/// What is known of whoever is asked.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct ModelProfile {
    pub(crate) capabilities: Capabilities,
    pub(crate) configured: CallSettings,
}

impl ModelProfile {
    /// Whether it thinks before it answers, in tokens and time of the answer.
    pub(crate) const fn thinks(&self) -> bool {
        !self.capabilities.efforts.is_empty()
    }

    /// Tokens that its answer may have: those of the configuration, else those of the session, twice as many for a
    /// model that thinks; at most what it can write.
    pub(crate) fn max_tokens(&self, plan: &Plan, stage: Stage) -> u32 {
        let usual = plan.settings.max_tokens.of(stage);
        let usual = if self.thinks() { usual.saturating_mul(2) } else { usual };
        let most = self.capabilities.max_output_tokens.and_then(|most| u32::try_from(most).ok());
        self.configured.max_tokens.unwrap_or(usual).min(most.unwrap_or(u32::MAX))
    }
}
