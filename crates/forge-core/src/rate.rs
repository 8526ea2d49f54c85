//! What a vendor says about its rate limits.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

/// Rate limits as last seen in a reply's headers. Vendors that send none leave everything `None`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct RateLimitStatus {
    /// Requests.
    pub requests: Option<RateLimitWindow>,
    /// Tokens of both directions.
    pub tokens: Option<RateLimitWindow>,
    /// Input tokens.
    pub input_tokens: Option<RateLimitWindow>,
    /// Output tokens.
    pub output_tokens: Option<RateLimitWindow>,
    /// When the headers were read.
    pub observed_at: Option<DateTime<Utc>>,
}

impl RateLimitStatus {
    /// Whether no limit is known.
    pub fn is_unknown(&self) -> bool {
        [self.requests, self.tokens, self.input_tokens, self.output_tokens].iter().all(Option::is_none)
    }
}

/// One limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct RateLimitWindow {
    /// How much there is when nothing is used.
    pub limit: Option<u64>,
    /// How much is left.
    pub remaining: Option<u64>,
    /// When it is whole again.
    pub resets_at: Option<DateTime<Utc>>,
}

impl RateLimitWindow {
    /// A limit with what is left of it and when it is whole again.
    pub fn new(limit: Option<u64>, remaining: Option<u64>, resets_at: Option<DateTime<Utc>>) -> Self {
        Self { limit, remaining, resets_at }
    }
}
