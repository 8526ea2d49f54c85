//! Token buckets for each credential and model.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use crate::scenario::Limit;
use crate::vendor::Vendor;

/// Whose bucket it is.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Account {
    pub(crate) vendor: Vendor,
    pub(crate) credential: u64,
    pub(crate) model: String,
}

/// What a limit counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Meter {
    Requests,
    Tokens,
    InputTokens,
    OutputTokens,
    RequestsPerDay,
}

/// A request that does not fit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Exceeded {
    pub(crate) meter: Meter,
    pub(crate) limit: u64,
    pub(crate) wait: Duration,
}

/// The state of one bucket, for the headers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Level {
    pub(crate) limit: u64,
    pub(crate) remaining: u64,
    pub(crate) full_in: Duration,
}

impl Level {
    /// A bucket that nothing was taken from.
    pub(crate) const fn full(limit: u64) -> Self {
        Self { limit, remaining: limit, full_in: Duration::ZERO }
    }
}

/// The state of an account; a meter without a limit is absent.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Levels {
    pub(crate) requests: Option<Level>,
    pub(crate) tokens: Option<Level>,
    pub(crate) input_tokens: Option<Level>,
    pub(crate) output_tokens: Option<Level>,
}

#[derive(Debug, Default)]
pub(crate) struct Limits {
    accounts: HashMap<Account, Buckets>,
}

#[derive(Debug)]
struct Buckets {
    requests: Option<Bucket>,
    tokens: Option<Bucket>,
    input_tokens: Option<Bucket>,
    output_tokens: Option<Bucket>,
    day: Option<Bucket>,
}

const MINUTE: Duration = Duration::from_secs(60);
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

impl Limits {
    /// Takes a request and its input, or nothing at all when it does not fit.
    pub(crate) fn admit(
        &mut self,
        account: &Account,
        limit: &Limit,
        input: u64,
        now: Instant,
    ) -> Result<(), Exceeded> {
        let buckets = self.buckets(account, limit, now);
        let mut wanted = [
            (Meter::RequestsPerDay, &mut buckets.day, 1),
            (Meter::Requests, &mut buckets.requests, 1),
            (Meter::Tokens, &mut buckets.tokens, input),
            (Meter::InputTokens, &mut buckets.input_tokens, input),
            // What will be written nobody knows yet; an empty bucket refuses, any other lets pass.
            (Meter::OutputTokens, &mut buckets.output_tokens, 1),
        ];
        // All are checked before any is taken from: a request that is refused costs nothing.
        for (meter, bucket, amount) in &mut wanted {
            if let Some(bucket) = bucket {
                bucket.refill(now);
                bucket.check(*amount).map_err(|wait| Exceeded {
                    meter: *meter,
                    limit: bucket.limit,
                    wait,
                })?;
            }
        }
        for (meter, bucket, amount) in wanted {
            // Output is known, and paid for, only at the end.
            if let Some(bucket) = bucket
                && meter != Meter::OutputTokens
            {
                bucket.level -= amount as f64;
            }
        }
        Ok(())
    }

    /// Takes the output of a finished request; the level may fall below zero.
    pub(crate) fn settle(&mut self, account: &Account, output: u64) {
        if let Some(buckets) = self.accounts.get_mut(account) {
            for bucket in [&mut buckets.tokens, &mut buckets.output_tokens].into_iter().flatten() {
                bucket.level -= output as f64;
            }
        }
    }

    pub(crate) fn levels(&mut self, account: &Account, limit: &Limit, now: Instant) -> Levels {
        let buckets = self.buckets(account, limit, now);
        let level = |bucket: &mut Option<Bucket>| {
            bucket.as_mut().map(|bucket| {
                bucket.refill(now);
                bucket.report()
            })
        };
        Levels {
            requests: level(&mut buckets.requests),
            tokens: level(&mut buckets.tokens),
            input_tokens: level(&mut buckets.input_tokens),
            output_tokens: level(&mut buckets.output_tokens),
        }
    }

    pub(crate) fn clear(&mut self) {
        self.accounts.clear();
    }

    fn buckets(&mut self, account: &Account, limit: &Limit, now: Instant) -> &mut Buckets {
        self.accounts.entry(account.clone()).or_insert_with(|| {
            let bucket = |limit: Option<u64>, period| limit.map(|limit| Bucket::full(limit, period, now));
            Buckets {
                requests: bucket(limit.requests_per_minute, MINUTE),
                tokens: bucket(limit.tokens_per_minute, MINUTE),
                input_tokens: bucket(limit.input_tokens_per_minute, MINUTE),
                output_tokens: bucket(limit.output_tokens_per_minute, MINUTE),
                day: bucket(limit.requests_per_day, DAY),
            }
        })
    }
}

/// Refilled continuously, `limit` in each period.
#[derive(Debug)]
struct Bucket {
    limit: u64,
    per_second: f64,
    level: f64,
    at: Instant,
}

impl Bucket {
    fn full(limit: u64, period: Duration, now: Instant) -> Self {
        Self { limit, per_second: limit as f64 / period.as_secs_f64(), level: limit as f64, at: now }
    }

    fn refill(&mut self, now: Instant) {
        let passed = now.saturating_duration_since(self.at).as_secs_f64();
        self.level = (self.level + passed * self.per_second).min(self.limit as f64);
        self.at = now;
    }

    /// How long until `amount` would be there; what is more than the limit never fits.
    fn check(&self, amount: u64) -> Result<(), Duration> {
        let missing = amount as f64 - self.level;
        if missing <= 0.0 {
            return Ok(());
        }
        Err(self.wait(missing))
    }

    fn wait(&self, missing: f64) -> Duration {
        // A limit of zero never refills, and a hint has to say something.
        Duration::try_from_secs_f64(missing / self.per_second).unwrap_or(DAY)
    }

    fn report(&self) -> Level {
        let missing = self.limit as f64 - self.level;
        Level {
            limit: self.limit,
            remaining: whole(self.level),
            full_in: if missing > 0.0 { self.wait(missing) } else { Duration::ZERO },
        }
    }
}

/// The whole part of a level; zero below zero.
fn whole(level: f64) -> u64 {
    Duration::try_from_secs_f64(level).map_or(0, |level| level.as_secs())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn account(credential: u64) -> Account {
        Account { vendor: Vendor::OpenAi, credential, model: "m".into() }
    }

    #[test]
    fn a_bucket_empties_and_refills() {
        let mut limits = Limits::default();
        let limit = Limit { requests_per_minute: Some(2), ..Limit::default() };
        let now = Instant::now();
        let mut admit = |account: &Account, now| limits.admit(account, &limit, 0, now);
        assert!(admit(&account(1), now).is_ok());
        assert!(admit(&account(1), now).is_ok());
        let exceeded = admit(&account(1), now).unwrap_err();
        assert_eq!((exceeded.meter, exceeded.limit), (Meter::Requests, 2));
        assert_eq!(exceeded.wait, Duration::from_secs(30));
        assert!(admit(&account(2), now).is_ok(), "credentials are apart");
        assert!(admit(&account(1), now + Duration::from_secs(30)).is_ok());
        assert!(admit(&account(1), now + Duration::from_secs(30)).is_err());
    }

    #[test]
    fn a_refused_request_takes_nothing() {
        let mut limits = Limits::default();
        let limit =
            Limit { requests_per_minute: Some(10), input_tokens_per_minute: Some(100), ..Limit::default() };
        let now = Instant::now();
        let exceeded = limits.admit(&account(1), &limit, 101, now).unwrap_err();
        assert_eq!(exceeded.meter, Meter::InputTokens);
        let levels = limits.levels(&account(1), &limit, now);
        assert_eq!(levels.requests.unwrap().remaining, 10);
    }

    #[test]
    fn output_is_taken_when_it_is_known() {
        let mut limits = Limits::default();
        let limit = Limit { output_tokens_per_minute: Some(60), ..Limit::default() };
        let now = Instant::now();
        limits.admit(&account(1), &limit, 0, now).unwrap();
        limits.settle(&account(1), 90);
        let exceeded = limits.admit(&account(1), &limit, 0, now).unwrap_err();
        assert_eq!(exceeded.meter, Meter::OutputTokens);
        assert_eq!(exceeded.wait, Duration::from_secs(31));
        let level = limits.levels(&account(1), &limit, now).output_tokens.unwrap();
        assert_eq!((level.remaining, level.full_in), (0, Duration::from_secs(90)));
    }

    #[test]
    fn the_day_is_a_limit_of_its_own() {
        let mut limits = Limits::default();
        let limit = Limit { requests_per_day: Some(1), ..Limit::default() };
        let now = Instant::now();
        limits.admit(&account(1), &limit, 0, now).unwrap();
        let exceeded = limits.admit(&account(1), &limit, 0, now + MINUTE).unwrap_err();
        assert_eq!(exceeded.meter, Meter::RequestsPerDay);
        assert!(exceeded.wait > Duration::from_secs(80_000));
    }
}
