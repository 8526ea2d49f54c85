//! Questions about the accounts.

use std::time::Duration;

use chrono::{DateTime, Utc};
use serde::{Serialize, Serializer};

use super::CallStatus;
use crate::{
    error_kind::ErrorKind,
    id::{CallId, ModelId, ProviderId},
    participant::ParticipantRole,
    tags::Tags,
    usage::Money,
};

/// Which attempts are meant. An empty list means any; the default means all attempts ever.
///
/// Exhaustive on purpose, as all of this module: stores answer every question, and fill in every figure.
#[derive(Debug, Clone, PartialEq, Default)]
#[allow(clippy::exhaustive_structs, reason = "every store has to heed each side of a question")]
pub struct Filter {
    /// Configured providers.
    pub providers: Vec<ProviderId>,
    /// Models: those that served, or were asked if it is unknown who served.
    pub models: Vec<ModelId>,
    /// Roles.
    pub roles: Vec<ParticipantRole>,
    /// Sessions. Such a question is answered from the attempts themselves, so pruned ones are missing.
    pub sessions: Vec<String>,
    /// Calls, answered as sessions are.
    pub calls: Vec<CallId>,
    /// Tags that an attempt must have, all of them; answered as sessions are.
    pub tags: Tags,
    /// Attempts that began at this time or later, to the millisecond.
    pub since: Option<DateTime<Utc>>,
    /// Attempts that began before this time, to the millisecond.
    pub until: Option<DateTime<Utc>>,
    /// How they went.
    pub statuses: Vec<CallStatus>,
}

/// By what figures are split up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[allow(clippy::exhaustive_enums, reason = "every store has to answer each of them")]
pub enum GroupBy {
    /// The configured provider.
    Provider,
    /// The model that served, or was asked if it is unknown who served.
    Model,
    /// The role.
    Role,
    /// The day (UTC).
    Day,
    /// The hour (UTC); finer than a day if both are named.
    Hour,
    /// How the attempt went.
    Status,
}

/// The length of a point of a trend.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[allow(clippy::exhaustive_enums, reason = "every store has to answer each of them")]
pub enum Bucket {
    /// An hour (UTC).
    Hour,
    /// A day (UTC).
    Day,
}

/// What the attempts of a [`SummaryRow`] have in common; `None` where nothing was asked.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default, Serialize)]
#[allow(
    clippy::exhaustive_structs,
    reason = "every store fills all of it, so a new part has to show wherever it is missing"
)]
pub struct Key {
    /// The beginning of the hour or day.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub start: Option<DateTime<Utc>>,
    /// The configured provider.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub provider: Option<ProviderId>,
    /// The model.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model: Option<ModelId>,
    /// The role.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub role: Option<ParticipantRole>,
    /// How the attempts went.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<CallStatus>,
}

/// Figures of the attempts that have `key` in common.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[allow(
    clippy::exhaustive_structs,
    reason = "every store fills all of it, so a new part has to show wherever it is missing"
)]
pub struct SummaryRow {
    /// What they have in common.
    #[serde(flatten)]
    pub key: Key,
    /// The figures.
    #[serde(flatten)]
    pub figures: Figures,
}

/// Figures of the attempts of an hour or a day.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[allow(
    clippy::exhaustive_structs,
    reason = "every store fills all of it, so a new part has to show wherever it is missing"
)]
pub struct TrendPoint {
    /// When it begins.
    pub start: DateTime<Utc>,
    /// The figures; all zero if there was no attempt.
    #[serde(flatten)]
    pub figures: Figures,
}

/// Sums over attempts. Counts, tokens, cost and means are exact; percentiles are within 3.2 %.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
#[allow(
    clippy::exhaustive_structs,
    reason = "every store fills all of it, so a new part has to show wherever it is missing"
)]
pub struct Figures {
    /// Calls. A call counts once, where it ended: at the attempt that succeeded, or at its last one.
    pub calls: u64,
    /// Attempts.
    pub attempts: u64,
    /// Attempts that succeeded.
    pub successes: u64,
    /// Attempts that failed, and the call with them.
    pub failures: u64,
    /// Attempts that failed, after which the call went on.
    pub retries: u64,
    /// Attempts that the caller dropped.
    pub cancelled: u64,
    /// Attempts that were under way when their process died. What they took is unknown.
    pub killed: u64,
    /// Calls that another provider answered than the one tried first.
    pub fallbacks: u64,
    /// How long attempts took that ended by themselves: neither dropped nor killed.
    pub latency: Timing,
    /// How long attempts took to their first content, where there was any.
    pub first_token: Timing,
    /// Tokens, as far as they are known.
    pub tokens: Tokens,
    /// Attempts of which no token count is known.
    pub unknown_tokens: u64,
    /// Cost in nano-dollars, as far as it is known.
    pub cost: Money,
    /// Attempts of unknown cost.
    pub unknown_cost: u64,
    /// Failed attempts by kind, the most frequent first.
    pub errors: Vec<(ErrorKind, u64)>,
}

impl Figures {
    /// The share of calls that were answered, of those that had an outcome: successes / (successes + failures). What
    /// the caller dropped says nothing about a vendor. `None` without any.
    pub fn success_rate(&self) -> Option<f64> {
        share(self.successes, self.failures)
    }

    /// The share of attempts that succeeded, of those that had an outcome; `None` without any.
    pub fn attempt_success_rate(&self) -> Option<f64> {
        share(self.successes, self.failures.saturating_add(self.retries))
    }
}

fn share(good: u64, bad: u64) -> Option<f64> {
    let all = good.saturating_add(bad);
    // Without an outcome there is no rate; 0 would blame a vendor that nobody asked.
    (all > 0).then(|| good as f64 / all as f64)
}

/// How long attempts took, in microseconds when serialised. `None` without any.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[allow(
    clippy::exhaustive_structs,
    reason = "every store fills all of it, so a new part has to show wherever it is missing"
)]
pub struct Timing {
    /// The mean.
    #[serde(rename = "mean_us", serialize_with = "micros")]
    pub mean: Option<Duration>,
    /// The time that half of the attempts did not exceed.
    #[serde(rename = "p50_us", serialize_with = "micros")]
    pub p50: Option<Duration>,
    /// The time that 95 % did not exceed.
    #[serde(rename = "p95_us", serialize_with = "micros")]
    pub p95: Option<Duration>,
    /// The time that 99 % did not exceed.
    #[serde(rename = "p99_us", serialize_with = "micros")]
    pub p99: Option<Duration>,
}

/// Sums of tokens in the classes of [`TokenCount`](crate::TokenCount).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[allow(
    clippy::exhaustive_structs,
    reason = "every store fills all of it, so a new part has to show wherever it is missing"
)]
pub struct Tokens {
    /// Uncached input.
    pub input: u64,
    /// Input read from a cache.
    pub cache_read: u64,
    /// Input written to the standard cache.
    pub cache_write_5m: u64,
    /// Input written to the long-lived cache.
    pub cache_write_1h: u64,
    /// Input of further classes.
    pub other_input: u64,
    /// Visible output.
    pub output: u64,
    /// Thinking.
    pub reasoning: u64,
}

impl Tokens {
    /// All of them.
    pub fn total(&self) -> u64 {
        let classes = [
            self.cache_read,
            self.cache_write_5m,
            self.cache_write_1h,
            self.other_input,
            self.output,
            self.reasoning,
        ];
        classes.into_iter().fold(self.input, u64::saturating_add)
    }
}

#[allow(clippy::ref_option, reason = "the shape that serde asks for")]
fn micros<S: Serializer>(time: &Option<Duration>, serializer: S) -> Result<S::Ok, S::Error> {
    time.map(|time| u64::try_from(time.as_micros()).unwrap_or(u64::MAX)).serialize(serializer)
}
