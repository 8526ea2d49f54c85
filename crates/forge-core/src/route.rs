//! How a call found its model: what a router looked at, what it tried, and why.

use std::{borrow::Cow, sync::Arc, time::Duration};

use serde::{Deserialize, Serialize};

use crate::{
    error_kind::{ErrorKind, Phase},
    id::{ModelId, ProviderId},
    participant::Participant,
    usage::Money,
};

/// How a call found its model. Attached to every reply and every error of a router.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[non_exhaustive]
pub struct RouteTrace {
    /// Who answers; `None` if nobody could.
    pub participant: Option<Arc<Participant>>,
    /// Every route that was looked at, in the order of the chain, with the verdict on it.
    pub candidates: Vec<Candidate>,
    /// Every attempt that failed, in order.
    pub failed: Vec<FailedAttempt>,
}

impl RouteTrace {
    /// Who answers, what was looked at, and what failed.
    pub fn new(
        participant: Option<Arc<Participant>>,
        candidates: Vec<Candidate>,
        failed: Vec<FailedAttempt>,
    ) -> Self {
        Self { participant, candidates, failed }
    }
}

/// A route that was looked at for a call.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Candidate {
    /// The configured provider.
    pub provider: ProviderId,
    /// Its model.
    pub model: ModelId,
    /// How the route came to be looked at, such as `primary`, `fallback`, `pool fast` or `default`.
    pub origin: Cow<'static, str>,
    /// What became of it.
    #[serde(flatten)]
    pub verdict: Verdict,
    /// Input tokens the request is expected to have.
    pub input_tokens: u64,
    /// What the call may cost at most; `None` if the model's price is unknown.
    #[serde(flatten, with = "crate::usage::cost")]
    pub cost: Option<Money>,
    /// How long the call would wait for its turn.
    #[serde(rename = "wait_ms", with = "crate::millis")]
    pub wait: Duration,
}

/// What became of a route that was looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "verdict", content = "why", rename_all = "snake_case")]
#[allow(clippy::exhaustive_enums, reason = "Forge's own judgement, which every reader has to follow")]
pub enum Verdict {
    /// It answers, or would be asked first.
    Chosen,
    /// It was not needed, or would be asked if those before it fail.
    Next,
    /// It was asked and failed.
    Failed(ErrorKind),
    /// It was not asked, for this reason.
    Passed(String),
}

/// One attempt that failed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct FailedAttempt {
    /// Which attempt of the call it was, from 1.
    pub attempt: u32,
    /// The configured provider.
    pub provider: ProviderId,
    /// The model asked for.
    pub model: ModelId,
    /// What went wrong.
    pub error: ErrorKind,
    /// How far it had come.
    pub phase: Phase,
    /// The HTTP status.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub http_status: Option<u16>,
    /// The vendor's own code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// The vendor's own words.
    pub message: String,
    /// The vendor's id of the request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
    /// From sending to the failure.
    #[serde(rename = "duration_ms", with = "crate::millis")]
    pub duration: Duration,
}

impl Candidate {
    /// A route to `model` of `provider` that was looked at as `origin`.
    pub fn new(
        provider: ProviderId,
        model: ModelId,
        origin: impl Into<Cow<'static, str>>,
        verdict: Verdict,
    ) -> Self {
        Self {
            provider,
            model,
            origin: origin.into(),
            verdict,
            input_tokens: 0,
            cost: None,
            wait: Duration::ZERO,
        }
    }
}
