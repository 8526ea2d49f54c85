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
    /// The header that carries the credential, in lower case, and what stands before the key in it, with
    /// the space if there is one. Without a key the header is not sent.
    pub credential: (&'static str, &'static str),
    /// Headers of every request. A header of the settings replaces one of the same name.
    pub headers: &'static [(&'static str, &'static str)],
    /// The clocks of a call, unless the settings say otherwise.
    pub timeouts: Timeouts,
    /// Reads the rate limits from a reply's headers. It gets the time of the reply and leaves
    /// [`observed_at`](RateLimitStatus::observed_at) alone, which the connection sets.
    pub rate_limits: fn(&HeaderMap, DateTime<Utc>) -> RateLimitStatus,
    /// Reads an error reply. A wait that it names goes before that of the headers, which the connection
    /// reads.
    pub classify: fn(&ErrorReply<'_>) -> Failure,
}
