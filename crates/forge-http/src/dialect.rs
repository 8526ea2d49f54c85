//! What every call of a vendor's API has in common.

use chrono::{DateTime, Utc};
use forge_core::{event::RateLimitStatus, provider::Timeouts};
use http::HeaderMap;

use crate::failure::{ErrorReply, Failure};

/// What every call of a vendor's API has in common.
#[derive(Debug, Clone, Copy)]
pub struct Dialect {
    /// Where the API begins, unless the settings say otherwise.
    pub base_url: &'static str,
    /// The header that carries the credential, and what stands before the key in it.
    pub credential: (&'static str, &'static str),
    /// Headers of every request.
    pub headers: &'static [(&'static str, &'static str)],
    /// The clocks of a call, unless the settings say otherwise.
    pub timeouts: Timeouts,
    /// Reads the rate limits from a reply's headers.
    pub rate_limits: fn(&HeaderMap, DateTime<Utc>) -> RateLimitStatus,
    /// Reads an error reply.
    pub classify: fn(&ErrorReply<'_>) -> Failure,
}
