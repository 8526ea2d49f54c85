//! Durations and times in every notation that vendors use in headers and error bodies.

use std::time::{Duration, SystemTime};

use chrono::{DateTime, Utc};
use forge_core::event::RateLimitWindow;
use http::{HeaderMap, HeaderValue};

/// The longest wait that is believed; nonsense beyond it (a vendor's bug, an attack) is cut to it.
const LONGEST: Duration = Duration::from_secs(7 * 24 * 60 * 60);

/// The first header of this name, if it is text.
pub fn header<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok().map(str::trim)
}

/// How long to wait before trying again: `retry-after-ms`, then `retry-after` in whole or fractional
/// seconds or as an HTTP date. Read it on errors only; some vendors send it with successes too.
///
/// Values that make no sense (negative, not a number) count as absent; no wait exceeds a week.
pub fn retry_after(headers: &HeaderMap, now: DateTime<Utc>) -> Option<Duration> {
    // The finer one first, as vendors' own clients do.
    let milliseconds = header(headers, "retry-after-ms").and_then(|text| seconds(text, 1e-3));
    milliseconds.or_else(|| {
        let text = header(headers, "retry-after")?;
        seconds(text, 1.0).or_else(|| {
            let until = httpdate::parse_http_date(text).ok()?;
            // A time that has passed is no wait, and no reason to fall back to a guess.
            let wait = until.duration_since(SystemTime::from(now)).unwrap_or_default();
            Some(wait.min(LONGEST))
        })
    })
}

/// What `x-should-retry` says; `None` if it is missing or neither `true` nor `false`. A vendor's word on one
/// error goes before the advice that follows from its kind.
pub fn should_retry(headers: &HeaderMap) -> Option<bool> {
    header(headers, "x-should-retry")?.parse().ok()
}

/// A decimal number of `unit` seconds.
fn seconds(text: &str, unit: f64) -> Option<Duration> {
    let seconds = text.parse::<f64>().ok()? * unit;
    // A NaN compares false and is refused too.
    (seconds >= 0.0).then(|| Duration::try_from_secs_f64(seconds).unwrap_or(LONGEST).min(LONGEST))
}

/// A duration with units, such as `12ms`, `1.5s`, `6m0s` (Go) or `34.4s` (protobuf), cut to a week. `None`
/// for a number without a unit, an unknown unit, or a negative one.
pub fn unit_duration(text: &str) -> Option<Duration> {
    let mut rest = text.trim();
    let mut total = Duration::ZERO;
    if rest.is_empty() {
        return None;
    }
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let (number, tail) = rest.split_at(digits);
        let letters = tail.find(|c: char| c.is_ascii_digit() || c == '.').unwrap_or(tail.len());
        let (unit, tail) = tail.split_at(letters);
        let unit = match unit {
            "ns" => 1e-9,
            // Go writes the micro sign, others the Greek letter, which looks the same.
            "us" | "µs" | "μs" => 1e-6,
            "ms" => 1e-3,
            "s" => 1.0,
            "m" => 60.0,
            "h" => 3600.0,
            _ => return None,
        };
        total = total.saturating_add(seconds(number, unit)?);
        rest = tail;
    }
    Some(total.min(LONGEST))
}

/// When a limit is whole again: an RFC 3339 time, or a duration from `now` with a unit, else in seconds.
/// `None` if it is none of these.
pub fn reset_time(text: &str, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
    if let Ok(time) = DateTime::parse_from_rfc3339(text) {
        return Some(time.to_utc());
    }
    let wait = unit_duration(text).or_else(|| seconds(text, 1.0))?;
    now.checked_add_signed(chrono::TimeDelta::from_std(wait).ok()?)
}

/// One field of a rate limit, read from a header. A number that makes no sense, such as the -1 of some
/// gateways, counts as absent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RateField {
    /// [`RateLimitWindow::limit`].
    Limit,
    /// [`RateLimitWindow::remaining`].
    Remaining,
    /// [`RateLimitWindow::reset_at`].
    Reset,
}

impl RateField {
    /// The field whose word (`limit`, `remaining`, `reset`) this is.
    pub fn from_word(word: &str) -> Option<Self> {
        match word {
            "limit" => Some(Self::Limit),
            "remaining" => Some(Self::Remaining),
            "reset" => Some(Self::Reset),
            _ => None,
        }
    }

    /// Reads the field from a header's value into its window. A window comes into being with its
    /// first field that says something.
    pub fn read(self, value: &HeaderValue, now: DateTime<Utc>, window: &mut Option<RateLimitWindow>) {
        let Ok(text) = value.to_str() else { return };
        let mut read = window.unwrap_or_default();
        match self {
            Self::Limit => read.limit = text.trim().parse().ok(),
            Self::Remaining => read.remaining = text.trim().parse().ok(),
            Self::Reset => read.reset_at = reset_time(text.trim(), now),
        }
        if read != RateLimitWindow::default() {
            *window = Some(read);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn now() -> DateTime<Utc> {
        "2026-11-20T12:00:00Z".parse().unwrap()
    }

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect()
    }

    #[test]
    fn every_notation_of_a_wait_is_read() {
        let wait = |pairs: &[(&'static str, &str)]| {
            retry_after(&headers(pairs), now()).map(|wait| wait.as_secs_f64())
        };
        assert_eq!(wait(&[("retry-after", "20")]), Some(20.0));
        assert_eq!(wait(&[("retry-after", " 0.5 ")]), Some(0.5));
        assert_eq!(wait(&[("retry-after", "Fri, 20 Nov 2026 12:00:30 GMT")]), Some(30.0));
        assert_eq!(wait(&[("retry-after", "Fri, 20 Nov 2026 11:00:00 GMT")]), Some(0.0));
        assert_eq!(wait(&[("retry-after-ms", "1500"), ("retry-after", "20")]), Some(1.5));
        assert_eq!(wait(&[("retry-after-ms", "soon"), ("retry-after", "20")]), Some(20.0));
        assert_eq!(wait(&[("retry-after", "1e18")]), Some(LONGEST.as_secs_f64()));
        for nonsense in ["-1", "NaN", "", "soon", "Fri, 99 Nov 2026"] {
            assert_eq!(wait(&[("retry-after", nonsense)]), None, "{nonsense}");
        }
    }

    #[test]
    fn durations_with_units_are_read() {
        let millis = |text| unit_duration(text).map(|wait| wait.as_millis());
        assert_eq!(millis("12ms"), Some(12));
        assert_eq!(millis("6m0s"), Some(360_000));
        assert_eq!(millis("1h2m3.5s"), Some(3_723_500));
        assert_eq!(millis("34.4s"), Some(34_400));
        assert_eq!(millis("0s"), Some(0));
        for nonsense in ["", "s", "5", "5x", "-5s", "1..2s", "5s!"] {
            assert_eq!(millis(nonsense), None, "{nonsense}");
        }
    }

    #[test]
    fn a_window_is_read_from_both_notations() {
        let window = |limit: &str, remaining: &str, reset: &str| {
            let mut window = None;
            for (word, value) in [("limit", limit), ("remaining", remaining), ("reset", reset)] {
                let field = RateField::from_word(word).unwrap();
                field.read(&value.parse().unwrap(), now(), &mut window);
            }
            window
        };
        let in_a_minute = Some(now() + chrono::TimeDelta::seconds(60));
        let expected = |remaining| Some(RateLimitWindow::new(Some(50), remaining, in_a_minute));
        assert_eq!(window("50", "49", "2026-11-20T12:01:00Z"), expected(Some(49)));
        assert_eq!(window("50", "0", "1m0s"), expected(Some(0)));
        assert_eq!(window("50", "-1", "60"), expected(None));
        assert_eq!(window("-1", "", "never"), None);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(10_000))]

        #[test]
        fn no_text_makes_a_hint_panic(text in prop_oneof![
            "\\PC{0,40}",
            "[-+]?[0-9]{0,20}(\\.[0-9]{0,9})?(e[-+]?[0-9]{1,3})?",
            "([0-9]{1,6}(\\.[0-9]{1,3})?(ns|us|ms|s|m|h|d)){1,4}",
            "(Mon|Fri), [0-9]{2} (Jan|Nov) [0-9]{4} [0-9]{2}:[0-9]{2}:[0-9]{2} GMT",
        ]) {
            let _ = unit_duration(&text);
            let _ = reset_time(&text, now());
            if let Ok(value) = HeaderValue::from_str(&text) {
                let mut headers = HeaderMap::new();
                headers.insert("retry-after", value);
                prop_assert!(retry_after(&headers, now()).is_none_or(|wait| wait <= LONGEST));
            }
        }
    }
}
