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
    /// Whether the vendor refuses a call at `now`: a limit is used up and not whole again.
    pub fn is_limited(&self, now: DateTime<Utc>) -> bool {
        self.windows().any(|window| window.is_used_up(now))
    }

    /// When the last of the limits that are used up at `now` is whole again; `None` if none is, or nobody knows when.
    pub fn reset_at(&self, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        // The last one, because a call needs room within every limit.
        self.windows().filter(|window| window.is_used_up(now)).filter_map(|window| window.reset_at).max()
    }

    fn windows(&self) -> impl Iterator<Item = RateLimitWindow> {
        [self.requests, self.tokens, self.input_tokens, self.output_tokens].into_iter().flatten()
    }

    /// Whether no limit is known.
    pub fn is_unknown(&self) -> bool {
        self.windows().next().is_none()
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
    #[serde(alias = "resets_at")]
    pub reset_at: Option<DateTime<Utc>>,
}

impl RateLimitWindow {
    /// A limit with what is left of it and when it is whole again.
    pub fn new(limit: Option<u64>, remaining: Option<u64>, reset_at: Option<DateTime<Utc>>) -> Self {
        Self { limit, remaining, reset_at }
    }

    /// Whether nothing is left of it at `now`. A limit without a known reset counts as used up until the next reply.
    fn is_used_up(&self, now: DateTime<Utc>) -> bool {
        // An unknown rest is not used up: a route does not stand still for what nobody said.
        self.remaining == Some(0) && self.reset_at.is_none_or(|reset| now < reset)
    }
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::*;

    #[test]
    fn a_vendor_is_limited_until_the_last_limit_that_is_used_up_is_whole_again() {
        let now = DateTime::UNIX_EPOCH;
        let window = |left, seconds| {
            Some(RateLimitWindow::new(Some(10), Some(left), Some(now + TimeDelta::seconds(seconds))))
        };
        let status = RateLimitStatus {
            requests: window(0, 5),
            tokens: window(0, 60),
            input_tokens: window(3, 90),
            ..RateLimitStatus::default()
        };
        assert!(status.is_limited(now) && !status.is_limited(now + TimeDelta::seconds(60)));
        assert_eq!(status.reset_at(now), Some(now + TimeDelta::seconds(60)));
        assert_eq!(status.reset_at(now + TimeDelta::seconds(60)), None);
        let unknown = RateLimitStatus::default();
        assert!(unknown.is_unknown() && !unknown.is_limited(now) && unknown.reset_at(now).is_none());
    }
}
