//! Whose call it is: what every error of a call has in common.

use std::sync::Arc;

use forge_core::{
    ExposeSecret, ModelId, ProviderError, ProviderId, SecretString, error::Phase, event::RateLimitStatus,
};

use crate::{failure::Failure, redact::redact};

/// The most characters of a vendor's message that an error keeps: some servers repeat the whole request in
/// it.
const MAX_MESSAGE: usize = 2_000;

#[derive(Debug, Clone)]
pub(crate) struct Origin {
    pub(crate) provider: ProviderId,
    pub(crate) model: Option<ModelId>,
    pub(crate) secrets: Arc<[SecretString]>,
    pub(crate) status: Option<u16>,
    pub(crate) request_id: Option<String>,
    pub(crate) rate_limit: Option<Box<RateLimitStatus>>,
}

impl Origin {
    /// The one place where a vendor's words become an error: credentials and control characters are
    /// removed and the length is capped here.
    pub(crate) fn error(&self, failure: Failure, phase: Phase) -> ProviderError {
        let clean = |text: &str, most: usize| -> String {
            // Before the text is cut: half a credential would not be recognised.
            let text = redact(text, &self.secrets);
            // A vendor's text must neither steer a terminal nor begin a line in a log.
            text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(most).collect()
        };
        let message = clean(&failure.message, MAX_MESSAGE);
        ProviderError::new(failure.kind, self.provider.as_str(), message).with(|facts| {
            facts.model.clone_from(&self.model);
            facts.phase = phase;
            facts.status = failure.status.or(self.status);
            facts.code = failure.code.map(|code| clean(&code, 100));
            facts.request_id = self.request_id.as_deref().map(|id| clean(id, 100));
            facts.retry_after = failure.retry_after;
            facts.rate_limit.clone_from(&self.rate_limit);
        })
    }

    /// Whether the text holds a credential of this call.
    pub(crate) fn holds_secret(&self, text: &str) -> bool {
        self.secrets.iter().any(|secret| text.contains(secret.expose_secret()))
    }
}
