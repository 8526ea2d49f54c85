//! What the free endpoints of vendors say about them.

use std::{
    fmt,
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use forge_core::{ErrorKind, ModelId, ProviderError, ProviderId, event::RateLimitStatus, provider::Health};
use forge_layers::RateLimits;
use serde::Serialize;

/// How a provider did when it was last asked. In JSON, times are in whole milliseconds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ProviderHealth {
    /// The provider.
    pub provider: ProviderId,
    /// Its vendor, as in the configuration.
    #[serde(rename = "type")]
    pub kind: String,
    /// Its model.
    pub model: ModelId,
    /// How it does.
    pub status: HealthStatus,
    /// Why, if it is not ready, and what to do; `None` if it is ready.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// What its replies said about rate limits so far.
    #[serde(skip_serializing_if = "RateLimitStatus::is_unknown")]
    pub rate_limit: RateLimitStatus,
    /// How long the answer took, or until the check was given up.
    #[serde(rename = "duration_ms", serialize_with = "millis")]
    pub took: Duration,
}

/// What is known of a provider without asking it.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct RouteStatus {
    /// The provider.
    pub provider: ProviderId,
    /// Its kind, as in the configuration.
    pub kind: String,
    /// Its model.
    pub model: ModelId,
    /// What the last check has found, if that is still believed.
    pub health: Option<HealthStatus>,
    /// How long its circuit stays open, if it is.
    pub open_for: Option<Duration>,
    /// Calls under way at it.
    pub in_flight: u32,
    /// What may be sent to it a minute, with each of its keys.
    pub rate: RateLimits,
    /// How many calls may be under way at once with each of its keys.
    pub concurrent: Option<u32>,
}

fn millis<S: serde::Serializer>(duration: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_u64(u64::try_from(duration.as_millis()).unwrap_or(u64::MAX))
}

/// How a provider does. A finding is believed for a while, after which the provider is asked again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum HealthStatus {
    /// It answers and takes the credential. Believed for 5 min.
    Ready,
    /// It answers; its model is still loading. Believed for 5 s.
    Loading,
    /// It answers, and has no model to serve. Believed for 30 s.
    Empty,
    /// It does not answer, or not as it should. Believed for 30 s; a call that has nowhere else to go asks it
    /// all the same.
    Failed,
    /// It refuses the credential. Believed for 5 min.
    Refused,
}

impl HealthStatus {
    /// The status's written name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ready => "ready",
            Self::Loading => "loading",
            Self::Empty => "empty",
            Self::Failed => "failed",
            Self::Refused => "refused",
        }
    }

    /// How long the finding is believed. Models finish loading and servers come back; only then is a
    /// provider that is not ready worth another look.
    const fn believed_for(self) -> Duration {
        match self {
            Self::Ready | Self::Refused => Duration::from_secs(300),
            Self::Loading => Duration::from_secs(5),
            Self::Empty | Self::Failed => Duration::from_secs(30),
        }
    }
}

impl fmt::Display for HealthStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// What a check found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct CheckResult {
    pub(crate) status: HealthStatus,
    pub(crate) detail: Option<String>,
    pub(crate) took: Duration,
}

impl CheckResult {
    /// What an answer of the free endpoint means, with what to do where it is an error.
    pub(crate) fn of(answer: Result<Health, ProviderError>, took: Duration) -> Self {
        let (status, detail) = match answer {
            Ok(Health::Ready) => (HealthStatus::Ready, None),
            Ok(Health::Loading) => (HealthStatus::Loading, Some("its model is still loading".into())),
            Ok(Health::Empty) => (HealthStatus::Empty, Some("it has no model loaded".into())),
            Err(error) => {
                let status = match error.kind {
                    // Only a new credential helps here, while a server may come back by itself.
                    ErrorKind::Authentication | ErrorKind::Permission => HealthStatus::Refused,
                    _ => HealthStatus::Failed,
                };
                (status, Some(format!("{error}; {}", error.kind.next_step())))
            }
        };
        Self { status, detail, took }
    }
}

/// The last finding about a provider, until it expires.
#[derive(Debug, Default)]
pub(crate) struct HealthCache(Mutex<Option<(Instant, CheckResult)>>);

impl HealthCache {
    pub(crate) fn set(&self, finding: CheckResult, now: Instant) {
        *self.lock() = Some((now, finding));
    }

    /// The last finding; `None` if there is none, or if it is too old to be believed.
    pub(crate) fn get(&self, now: Instant) -> Option<CheckResult> {
        let last = self.lock();
        let (at, finding) = last.as_ref()?;
        (now.saturating_duration_since(*at) < finding.status.believed_for()).then(|| finding.clone())
    }

    /// What speaks against asking the provider now.
    pub(crate) fn ineligible_because(&self, now: Instant) -> Option<HealthStatus> {
        let last = self.lock();
        let (at, finding) = last.as_ref()?;
        let believed = now.saturating_duration_since(*at) < finding.status.believed_for();
        (believed && finding.status != HealthStatus::Ready).then_some(finding.status)
    }

    /// No code here panics while it holds the lock, so a poisoned one is still whole.
    fn lock(&self) -> MutexGuard<'_, Option<(Instant, CheckResult)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use forge_core::time::{Clock as _, SystemTimer};

    use super::*;

    #[test]
    fn no_finding_is_believed_for_ever() {
        let (last, now) = (HealthCache::default(), SystemTimer.instant());
        let error = || ProviderError::new(ErrorKind::Authentication, "p", "bad key");
        for (answer, status, seconds) in [
            (Ok(Health::Loading), Some(HealthStatus::Loading), 5),
            (Ok(Health::Empty), Some(HealthStatus::Empty), 30),
            (Err(error()), Some(HealthStatus::Refused), 300),
            (Ok(Health::Ready), None, 300),
        ] {
            last.set(CheckResult::of(answer, Duration::ZERO), now);
            assert_eq!(last.ineligible_because(now), status);
            assert!(last.get(now + Duration::from_secs(seconds - 1)).is_some());
            assert!(last.get(now + Duration::from_secs(seconds)).is_none());
            assert_eq!(last.ineligible_because(now + Duration::from_secs(seconds)), None);
        }
    }
}
