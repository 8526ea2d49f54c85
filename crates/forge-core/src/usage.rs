//! The door to accounts: one record per attempt.

use std::{fmt, time::Duration};

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::{
    CallId, ErrorKind, ModelId, ModelProvider, Money, ParticipantRole, ProviderId, StorageError, Tags,
    TokenCount,
};

/// One attempt of one call, as the accounts keep it. Never holds prompts, replies or credentials.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
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
}

/// How an attempt went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CallStatus {
    /// It finished.
    Success,
    /// It failed, and the call with it.
    Failure,
    /// It failed, and the call went on elsewhere or again.
    Retry,
    /// The caller dropped it.
    Cancelled,
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
