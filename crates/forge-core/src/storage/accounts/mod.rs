//! The doors to accounts: one record per attempt, and questions about them.

mod query;

use std::{fmt, sync::Arc, time::Duration};

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

pub use self::query::{Bucket, Figures, Filter, GroupBy, Key, SummaryRow, Timing, Tokens, TrendPoint};
use super::StorageError;
use crate::{
    error_kind::ErrorKind,
    id::{CallId, ModelId, ProviderId},
    participant::{ModelProvider, Participant, ParticipantRole},
    price::ServedAs,
    tags::Tags,
    usage::{Money, TokenCount},
};

/// One attempt of one call, as the accounts keep it. Never holds prompts, replies or credentials.
///
/// Exhaustive on purpose: whoever makes a record says something about each fact, and whoever keeps it keeps each.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[allow(
    clippy::exhaustive_structs,
    reason = "whoever accounts for a call has to say all that the accounts keep"
)]
pub struct UsageRecord {
    /// The call.
    pub call_id: CallId,
    /// Which attempt of the call, from 1. Together with the call it names the record.
    pub attempt: u32,
    /// When the attempt began.
    pub started_at: DateTime<Utc>,
    /// The configured provider.
    pub provider: ProviderId,
    /// Whose models it serves; prices go by vendor and model.
    pub vendor: ModelProvider,
    /// The model asked for.
    pub model_asked: ModelId,
    /// The model that served the attempt, which sets the price.
    pub model_served: Option<ModelId>,
    /// The role.
    pub role: ParticipantRole,
    /// On whose behalf.
    pub tags: Tags,
    /// How it went.
    pub status: CallStatus,
    /// What went wrong, if anything.
    pub error: Option<ErrorKind>,
    /// From sending to the last event.
    pub latency: Duration,
    /// From sending to the first content.
    pub first_token: Option<Duration>,
    /// Tokens by class.
    pub tokens: TokenCount,
    /// What it cost; `None` is unknown, not free.
    pub cost: Option<Money>,
    /// Whether the tokens are an estimate because the vendor did not say.
    pub estimated: bool,
    /// The vendor's id of the request.
    pub request_id: Option<String>,
    /// How the vendor served it, where that sets the price.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub served: Option<Served>,
}

impl UsageRecord {
    /// A first attempt of which nothing is known but who was asked, and how it went.
    pub fn new(
        call_id: CallId,
        started_at: DateTime<Utc>,
        participant: &Participant,
        status: CallStatus,
    ) -> Self {
        Self {
            call_id,
            attempt: 1,
            started_at,
            provider: participant.provider_id.clone(),
            vendor: participant.provider.clone(),
            model_asked: participant.model_id.clone(),
            model_served: None,
            role: participant.role.clone(),
            tags: Tags::default(),
            status,
            error: None,
            latency: Duration::ZERO,
            first_token: None,
            tokens: TokenCount::default(),
            cost: None,
            estimated: false,
            request_id: None,
            served: None,
        }
    }
}

/// How the vendor served a call, in the vendor's own words.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct Served {
    /// The tier of service, such as `priority` or `batch`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tier: Option<Arc<str>>,
    /// Where it was computed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub region: Option<Arc<str>>,
    /// How fast, such as `fast`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub speed: Option<Arc<str>>,
}

impl Served {
    /// How a request with these raw fields of its vendor wants to be served.
    ///
    /// ```
    /// use forge_core::{ModelProvider, request::Extras, storage::accounts::Served};
    ///
    /// let mut extras = Extras::default();
    /// extras.insert(ModelProvider::OpenAI, "service_tier", "priority");
    /// let asked = Served::asked(extras.fields(&ModelProvider::OpenAI).unwrap());
    /// assert_eq!(asked.tier.as_deref(), Some("priority"));
    /// ```
    pub fn asked(fields: &serde_json::Map<String, serde_json::Value>) -> Self {
        let word = |names: &[&str]| names.iter().find_map(|name| fields.get(*name)?.as_str()).map(Arc::from);
        Self {
            tier: word(&["service_tier", "serviceTier"]),
            region: word(&["inference_geo"]),
            speed: word(&["speed"]),
        }
    }

    /// What about it may cost more or less than the usual price; `None` if nothing does.
    ///
    /// ```
    /// use forge_core::storage::accounts::Served;
    ///
    /// assert_eq!(Served::default().with_tier("default").with_region("global").unusual(), None);
    /// assert_eq!(Served::default().with_tier("flex").unusual().as_deref(), Some("the tier `flex`"));
    /// ```
    pub fn unusual(&self) -> Option<String> {
        let (what, word) = self.unusual_words().next()?;
        let what = match what {
            ServedAs::Tier => "tier",
            ServedAs::Region => "region",
            ServedAs::Speed => "speed",
        };
        Some(format!("the {what} `{word}`"))
    }

    /// The same with what `other` says where this says nothing.
    #[must_use]
    pub fn or(self, other: &Self) -> Self {
        Self {
            tier: self.tier.or_else(|| other.tier.clone()),
            region: self.region.or_else(|| other.region.clone()),
            speed: self.speed.or_else(|| other.speed.clone()),
        }
    }

    pub(crate) fn unusual_words(&self) -> impl Iterator<Item = (ServedAs, &str)> {
        // Vendors' words for the usual way of serving. Whatever is not among them may have another price.
        const TIERS: &[&str] =
            &["", "auto", "default", "on_demand", "standard", "standard_only", "unspecified"];
        const REGIONS: &[&str] = &["", "global", "none", "not_available", "unspecified"];
        const SPEEDS: &[&str] = &["", "default", "normal", "standard"];
        let said = [
            (ServedAs::Tier, &self.tier, TIERS),
            (ServedAs::Region, &self.region, REGIONS),
            (ServedAs::Speed, &self.speed, SPEEDS),
        ];
        said.into_iter().filter_map(|(what, said, usual)| {
            let word = said.as_deref()?;
            (!usual.iter().any(|usual| usual.eq_ignore_ascii_case(word))).then_some((what, word))
        })
    }

    /// The same with the tier of service.
    pub fn with_tier(mut self, tier: impl Into<Arc<str>>) -> Self {
        self.tier = Some(tier.into());
        self
    }

    /// The same with where it was computed.
    pub fn with_region(mut self, region: impl Into<Arc<str>>) -> Self {
        self.region = Some(region.into());
        self
    }

    /// The same with how fast it was.
    pub fn with_speed(mut self, speed: impl Into<Arc<str>>) -> Self {
        self.speed = Some(speed.into());
        self
    }
}

/// How an attempt went.
///
/// Exhaustive on purpose: figures count each of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
#[allow(clippy::exhaustive_enums, reason = "every store has to keep each of them")]
pub enum CallStatus {
    /// It finished.
    Success,
    /// It failed, and the call with it.
    Failure,
    /// It failed, and the call went on elsewhere or again.
    Retry,
    /// The caller dropped it.
    Cancelled,
    /// Its process died while it was under way. What it took is unknown, and never 0.
    Killed,
}

impl CallStatus {
    /// Whether the attempt ended by itself: it was neither dropped nor killed.
    pub const fn has_outcome(self) -> bool {
        matches!(self, Self::Success | Self::Failure | Self::Retry)
    }

    /// The written name, as in JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Success => "success",
            Self::Failure => "failure",
            Self::Retry => "retry",
            Self::Cancelled => "cancelled",
            Self::Killed => "killed",
        }
    }
}

/// Takes usage records. Recording never waits and never fails a call.
#[async_trait]
pub trait UsageSink: fmt::Debug + Send + Sync + 'static {
    /// Takes a record. Returns at once.
    fn record(&self, record: UsageRecord);

    /// Waits until every record taken so far is as safe as it gets.
    async fn flush(&self) -> Result<(), StorageError>;
}

/// Keeps nothing.
#[async_trait]
impl UsageSink for () {
    fn record(&self, _: UsageRecord) {}

    async fn flush(&self) -> Result<(), StorageError> {
        Ok(())
    }
}

/// Answers questions about the accounts.
#[async_trait]
pub trait AccountsReader: fmt::Debug + Send + Sync + 'static {
    /// Figures of the attempts that `filter` means, one row per combination of `by` that occurs, ordered by
    /// time, provider, model, role and status. Without `by` it is one row, also if there are no attempts.
    async fn summary(&self, filter: &Filter, by: &[GroupBy]) -> Result<Vec<SummaryRow>, AccountsError>;

    /// Figures per hour or day, from the first with an attempt to the last, without gaps.
    ///
    /// # Errors
    /// Also above 100,000 points.
    async fn trend(&self, filter: &Filter, bucket: Bucket) -> Result<Vec<TrendPoint>, AccountsError>;

    /// At most `limit` of the attempts that `filter` means, in the order of time, call and attempt; those that
    /// follow `after`, where that is given. An attempt that failed before another of its call is a retry.
    async fn attempts(
        &self,
        filter: &Filter,
        after: Option<&UsageRecord>,
        limit: u64,
    ) -> Result<Vec<UsageRecord>, AccountsError>;
}

/// Why a question has no answer.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AccountsError {
    /// The question cannot be answered.
    #[error("{reason}")]
    Filter {
        /// What is wrong with it.
        reason: String,
    },
    /// The storage behind it failed.
    #[error("the accounts could not be read")]
    Storage(#[from] StorageError),
}
