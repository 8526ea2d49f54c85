//! What is left of a key's own limits, in the headers in which the client's vendor tells of its own. Those of the vendor are of
//! the whole account and go to nobody.

use std::time::Duration;

use chrono::{DateTime, SecondsFormat, Utc};
use forge_core::request::Dialect;

use crate::reply::{Reply, insert};

/// What is left of one limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Room {
    pub(crate) limit: u64,
    pub(crate) left: u64,
    /// How long until nothing of it is used.
    pub(crate) full_in: Duration,
}

/// What is left of the limits by the minute. `None` is no limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Rooms {
    pub(crate) requests: Option<Room>,
    pub(crate) tokens: Option<Room>,
}

/// The names of the headers for limit, rest and reset: of requests, and of tokens.
type Names = [[&'static str; 3]; 2];

/// <https://docs.claude.com/en/api/rate-limits#response-headers>
const ANTHROPIC: Names = [
    [
        "anthropic-ratelimit-requests-limit",
        "anthropic-ratelimit-requests-remaining",
        "anthropic-ratelimit-requests-reset",
    ],
    [
        "anthropic-ratelimit-tokens-limit",
        "anthropic-ratelimit-tokens-remaining",
        "anthropic-ratelimit-tokens-reset",
    ],
];

/// <https://platform.openai.com/docs/guides/rate-limits#rate-limits-in-headers>
const OPENAI: Names = [
    ["x-ratelimit-limit-requests", "x-ratelimit-remaining-requests", "x-ratelimit-reset-requests"],
    ["x-ratelimit-limit-tokens", "x-ratelimit-remaining-tokens", "x-ratelimit-reset-tokens"],
];

impl Rooms {
    /// The one of two that ends first, for each limit.
    pub(crate) fn tighter(self, other: Self) -> Self {
        let tighter = |one: Option<Room>, other: Option<Room>| {
            one.into_iter().chain(other).min_by_key(|room| room.left)
        };
        Self { requests: tighter(self.requests, other.requests), tokens: tighter(self.tokens, other.tokens) }
    }

    /// Adds the headers. Clients of Gemini are told of no limits.
    pub(crate) fn tell(self, dialect: &Dialect, now: DateTime<Utc>, reply: &mut Reply) {
        let (names, is_anthropic) = match dialect.as_str() {
            "messages" => (ANTHROPIC, true),
            "chat" | "responses" => (OPENAI, false),
            _ => return,
        };
        for (room, [limit, left, full]) in [self.requests, self.tokens].into_iter().zip(names) {
            let Some(room) = room else { continue };
            insert(reply, limit, &room.limit.to_string());
            insert(reply, left, &room.left.to_string());
            let reset = if is_anthropic { instant(room.full_in, now) } else { go_duration(room.full_in) };
            insert(reply, full, &reset);
        }
    }
}

/// An instant as RFC 3339 writes it, in whole seconds: the next one.
fn instant(wait: Duration, now: DateTime<Utc>) -> String {
    let wait = chrono::TimeDelta::from_std(wait + Duration::from_millis(999)).unwrap_or_default();
    (now + wait).to_rfc3339_opts(SecondsFormat::Secs, true)
}

/// A time as Go writes it: `120ms`, `1.5s`, `6m0s`.
fn go_duration(wait: Duration) -> String {
    let millis = wait.as_millis();
    if millis < 1_000 {
        return format!("{millis}ms");
    }
    let (minutes, seconds, rest) = (millis / 60_000, millis / 1_000 % 60, millis % 1_000);
    let rest = if rest == 0 { String::new() } else { format!(".{rest:03}") };
    let seconds = format!("{seconds}{}s", rest.trim_end_matches('0'));
    match minutes {
        0 => seconds,
        1..60 => format!("{minutes}m{seconds}"),
        _ => format!("{}h{}m{seconds}", minutes / 60, minutes % 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_written_as_vendors_write_them() {
        let times = [(0, "0ms"), (120, "120ms"), (1_500, "1.5s"), (59_010, "59.01s"), (60_000, "1m0s")];
        for (millis, text) in times.into_iter().chain([(3_661_000, "1h1m1s")]) {
            assert_eq!(go_duration(Duration::from_millis(millis)), text);
        }
        let now = DateTime::UNIX_EPOCH;
        assert_eq!(instant(Duration::from_millis(1_200), now), "1970-01-01T00:00:02Z");
    }
}
