//! One error for every vendor: what happened in the common vocabulary, and the vendor's own facts
//! beside it.

use std::{error::Error, fmt, sync::Arc, time::Duration};

pub use crate::error_kind::{Advice, BreakerEffect, ErrorKind, Phase, Policy};
use crate::{
    event::{ModelResponse, RateLimitStatus},
    id::ModelId,
    request::InvalidBody,
    route::RouteTrace,
    storage::budget::BudgetError,
};

/// A failed call. Boxed, so that results stay small; the fields are reached through it.
///
/// Its text names the kind, the provider and model, the status and the vendor's words. It never
/// holds a credential.
///
/// ```
/// use forge_core::{ErrorKind, ProviderError};
///
/// let error = ProviderError::new(ErrorKind::RateLimited, "claude", "Too many requests")
///     .with(|facts| facts.status = Some(429));
/// assert_eq!(error.to_string(), "claude: rate limited (HTTP 429): Too many requests");
/// ```
#[derive(Debug)]
pub struct ProviderError(Box<ErrorFacts>);

/// What is known about a failed call.
#[derive(Debug)]
#[non_exhaustive]
pub struct ErrorFacts {
    /// What went wrong.
    pub kind: ErrorKind,
    /// The name of the provider that was asked.
    pub provider: String,
    /// The model that was asked for.
    pub model: Option<ModelId>,
    /// How far the call had come.
    pub phase: Phase,
    /// The HTTP status.
    pub status: Option<u16>,
    /// The vendor's own error code or type.
    pub code: Option<String>,
    /// The vendor's own words, capped and with credentials removed; or ours, if it said none.
    pub message: String,
    /// The vendor's id of the request, for its support desk.
    pub request_id: Option<String>,
    /// The shortest time to wait before trying again.
    pub retry_after: Option<Duration>,
    /// What the vendor said about trying again, where it said so outright. Overrides the kind.
    pub should_retry: Option<bool>,
    /// What the reply's headers said about rate limits.
    pub rate_limit: Option<Box<RateLimitStatus>>,
    /// What a router looked at and tried.
    pub route: Option<Arc<RouteTrace>>,
    /// What had arrived, when the call broke off after output.
    pub partial: Option<Box<ModelResponse>>,
    /// The underlying error.
    pub source: Option<Box<dyn Error + Send + Sync>>,
}

impl ProviderError {
    /// Whether one of the caller's own budgets refused, also one that holds for a single provider.
    pub fn is_of_budget(&self) -> bool {
        // A budget of one provider ends as another kind, with the budget's error as its cause.
        self.budget().is_some() || self.kind == ErrorKind::BudgetExceeded
    }

    /// What the budget said that refused the call.
    pub fn budget(&self) -> Option<&BudgetError> {
        let mut cause = self.source();
        while let Some(found) = cause {
            if let Some(budget) = found.downcast_ref() {
                return Some(budget);
            }
            cause = found.source();
        }
        None
    }

    /// An error of `kind` from `provider`, in the phase [`BeforeOutput`](Phase::BeforeOutput).
    pub fn new(kind: ErrorKind, provider: impl Into<String>, message: impl Into<String>) -> Self {
        Self(Box::new(ErrorFacts {
            kind,
            provider: provider.into(),
            model: None,
            phase: Phase::default(),
            status: None,
            code: None,
            message: message.into(),
            request_id: None,
            retry_after: None,
            should_retry: None,
            rate_limit: None,
            route: None,
            partial: None,
            source: None,
        }))
    }

    /// The error for a feature that `provider` does not have; nothing was sent.
    pub fn unsupported(provider: &str, model: &ModelId, what: impl fmt::Display) -> Self {
        let message = format!("{what} is not supported by this model");
        Self::new(ErrorKind::Unsupported, provider, message).with(|facts| {
            facts.model = Some(model.clone());
            // What was not sent has cost nothing, and the accounts go by this phase.
            facts.phase = Phase::BeforeSend;
        })
    }

    /// The same error with more facts.
    pub fn with(mut self, add: impl FnOnce(&mut ErrorFacts)) -> Self {
        add(&mut self.0);
        self
    }

    /// What is known, to add more to it.
    pub fn facts_mut(&mut self) -> &mut ErrorFacts {
        &mut self.0
    }

    /// How the failed attempt is treated: by its kind, unless the vendor said whether to retry.
    pub fn policy(&self) -> Policy {
        let policy = self.kind.policy(self.phase);
        let advice = match (self.should_retry, policy.advice) {
            // The vendor speaks of its own server; what another route will answer it does not know.
            (Some(false), Advice::RetryThenNext) => Advice::Next,
            // Only before output: the vendor does not know what the caller has already seen.
            (Some(true), Advice::Next | Advice::Stop) if self.phase == Phase::BeforeOutput => {
                Advice::RetryThenNext
            }
            // The other advices rest on the request itself or on the role, which a word about retries does
            // not change.
            (_, advice) => advice,
        };
        // Whether to try again says nothing about the health of the route.
        Policy { advice, ..policy }
    }
}

/// A client's mistake, found before anything is sent.
impl From<InvalidBody> for ProviderError {
    fn from(error: InvalidBody) -> Self {
        Self::new(ErrorKind::InvalidRequest, "client", error.to_string())
            .with(|facts| facts.phase = Phase::BeforeSend)
    }
}

impl std::ops::Deref for ProviderError {
    type Target = ErrorFacts;

    fn deref(&self) -> &ErrorFacts {
        &self.0
    }
}

impl fmt::Display for ProviderError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.provider)?;
        if let Some(model) = &self.model {
            write!(f, "/{model}")?;
        }
        write!(f, ": {}", self.kind.describe())?;
        let code = self.code.as_deref();
        match (self.status, code) {
            (Some(status), Some(code)) => write!(f, " (HTTP {status}, {code})")?,
            (Some(status), None) => write!(f, " (HTTP {status})")?,
            (None, Some(code)) => write!(f, " ({code})")?,
            (None, None) => {}
        }
        if !self.message.is_empty() {
            write!(f, ": {}", self.message)?;
        }
        if let Some(wait) = self.retry_after {
            write!(f, "; retry after {:.1} s", wait.as_secs_f64())?;
        }
        if let Some(id) = &self.request_id {
            write!(f, " [request {id}]")?;
        }
        Ok(())
    }
}

impl Error for ProviderError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.0.source.as_ref().map(|source| &**source as _)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_vendors_word_on_retrying_overrides_the_kind() {
        let advice = |kind, phase, said| {
            let error = ProviderError::new(kind, "p", "").with(|facts| {
                facts.phase = phase;
                facts.should_retry = said;
            });
            error.policy().advice
        };
        assert_eq!(advice(ErrorKind::RateLimited, Phase::BeforeOutput, Some(false)), Advice::Next);
        assert_eq!(advice(ErrorKind::InvalidRequest, Phase::BeforeOutput, Some(true)), Advice::RetryThenNext);
        assert_eq!(advice(ErrorKind::Server, Phase::AfterOutput, Some(true)), Advice::Stop);
    }

    #[test]
    fn the_text_says_what_where_and_why() {
        let error = ProviderError::new(ErrorKind::RateLimited, "claude", "slow down").with(|facts| {
            facts.model = Some("m".into());
            facts.status = Some(429);
            facts.code = Some("rate_limit_error".into());
            facts.retry_after = Some(Duration::from_millis(1500));
            facts.request_id = Some("req_1".into());
        });
        assert_eq!(
            error.to_string(),
            "claude/m: rate limited (HTTP 429, rate_limit_error): slow down; retry after 1.5 s [request req_1]"
        );
    }
}
