//! Requests per minute, paced by governor.

use std::{
    num::NonZeroU32,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use governor::{
    Quota, RateLimiter,
    clock::Clock,
    middleware::NoOpMiddleware,
    nanos::Nanos,
    state::{NotKeyed, StateStore},
};

/// Lets a few requests through at once and the others at even intervals.
///
/// Time is handed in. Whoever holds this value holds it alone, so its atomics are plain cells.
#[derive(Debug)]
pub(super) struct Requests {
    limiter: RateLimiter<NotKeyed, Arrival, Moment, NoOpMiddleware<Nanos>>,
    arrival: Arrival,
    moment: Moment,
    /// When a request first came.
    origin: Option<Instant>,
    per_minute: u32,
    burst: u32,
    /// Nanoseconds between two requests.
    interval: u64,
}

impl Requests {
    pub(super) fn new(per_minute: NonZeroU32, burst: Option<NonZeroU32>) -> Self {
        let usual = NonZeroU32::MIN.saturating_add(per_minute.get() / 12).min(MAX_BURST);
        let burst = burst.unwrap_or(usual);
        let quota = Quota::per_minute(per_minute).allow_burst(burst);
        let (arrival, moment) = (Arrival::default(), Moment::default());
        Self {
            limiter: RateLimiter::new(quota, arrival.clone(), moment.clone()),
            arrival,
            moment,
            origin: None,
            per_minute: per_minute.get(),
            burst: burst.get(),
            interval: nanos(quota.replenish_interval()),
        }
    }

    pub(super) fn per_minute(&self) -> u64 {
        u64::from(self.per_minute)
    }

    /// Lets one request through, or says how long it has to wait.
    pub(super) fn take(&mut self, now: Instant) -> Result<(), Duration> {
        self.origin.get_or_insert(now);
        let now = self.nanos_at(now);
        self.moment.0.store(now, Ordering::Relaxed);
        self.limiter.check().map_err(|not_until| not_until.wait_time_from(Nanos::new(now)))
    }

    /// How long a request waits that has `ahead` others before it.
    pub(super) fn wait(&self, ahead: usize, now: Instant) -> Duration {
        let now = self.nanos_at(now);
        let arrival = self.arrival.0.load(Ordering::Relaxed).max(now);
        let behind = self.interval.saturating_mul(ahead as u64);
        // A request may come this much before its arrival at even intervals: that is the burst.
        Duration::from_nanos((arrival - now).saturating_add(behind).saturating_sub(self.tolerance()))
    }

    /// Believes the vendor if it says that no more than `remaining` requests are left. Returns whether that
    /// is less than before.
    pub(super) fn adopt(&mut self, remaining: u64, now: Instant) -> bool {
        // An arrival can only express what is missing from a full burst; a vendor that has more left says nothing
        // new.
        let gone = u64::from(self.burst).saturating_sub(remaining);
        self.origin.get_or_insert(now);
        let arrival = self.nanos_at(now).saturating_add(self.interval.saturating_mul(gone));
        // Never moved back: calls that went out just now may not be in the vendor's figure yet.
        gone > 0 && self.arrival.0.fetch_max(arrival, Ordering::Relaxed) < arrival
    }

    fn tolerance(&self) -> u64 {
        self.interval.saturating_mul(u64::from(self.burst - 1))
    }

    fn nanos_at(&self, now: Instant) -> u64 {
        self.origin.map_or(0, |origin| nanos(now.saturating_duration_since(origin)))
    }
}

/// `per_minute(N)` alone lets nearly 2N requests through in the first minute; with this burst it is N + 5.
const MAX_BURST: NonZeroU32 = NonZeroU32::MIN.saturating_add(4);

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

/// The time since the origin, as last handed in.
#[derive(Debug, Clone, Default)]
struct Moment(Arc<AtomicU64>);

impl Clock for Moment {
    type Instant = Nanos;

    fn now(&self) -> Nanos {
        Nanos::new(self.0.load(Ordering::Relaxed))
    }
}

/// When the next request would arrive if all came at even intervals: the whole state of a GCRA limiter,
/// kept here so that it can be looked at and corrected.
#[derive(Debug, Clone, Default)]
struct Arrival(Arc<AtomicU64>);

impl StateStore for Arrival {
    type Key = NotKeyed;

    fn measure_and_replace<T, F, E>(&self, _: &NotKeyed, decide: F) -> Result<T, E>
    where
        F: Fn(Option<Nanos>) -> Result<(T, Nanos), E>,
    {
        // A refusal leaves the arrival as it was, so that asking costs nothing.
        let (outcome, arrival) = decide(Some(Nanos::new(self.0.load(Ordering::Relaxed))))?;
        self.0.store(arrival.as_u64(), Ordering::Relaxed);
        Ok(outcome)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn requests(per_minute: u32) -> Requests {
        Requests::new(NonZeroU32::new(per_minute).unwrap(), None)
    }

    fn burst(requests: &mut Requests, now: Instant) -> usize {
        (0..100).take_while(|_| requests.take(now).is_ok()).count()
    }

    #[test]
    fn a_few_pass_at_once_and_the_others_at_even_intervals() {
        let begin = Instant::now();
        for (per_minute, expected) in [(1, 1), (11, 1), (12, 2), (60, 5), (6_000, 5)] {
            let mut requests = requests(per_minute);
            assert_eq!(burst(&mut requests, begin), expected, "{per_minute} per minute");
            let interval = Duration::from_secs(60) / per_minute;
            assert_eq!(requests.take(begin), Err(interval));
            let early = interval.checked_sub(Duration::from_nanos(1)).unwrap();
            assert!(requests.take(begin + early).is_err());
            assert_eq!(requests.take(begin + interval), Ok(()));
        }
    }

    #[test]
    fn as_many_pass_at_once_as_the_burst_says() {
        let begin = Instant::now();
        let most = NonZeroU32::new(30);
        let mut requests = Requests::new(NonZeroU32::new(60).unwrap(), most);
        assert_eq!(burst(&mut requests, begin), 30);
        assert_eq!(requests.take(begin), Err(Duration::from_secs(1)));
        assert_eq!(burst(&mut requests, begin + Duration::from_secs(600)), 30);
    }

    #[test]
    fn the_first_minute_lets_no_more_than_the_limit_and_the_burst_through() {
        let begin = Instant::now();
        let mut requests = requests(60);
        let taken = (0..6_000).filter(|at| requests.take(begin + Duration::from_millis(at * 10)).is_ok());
        assert_eq!(taken.count(), 64);
    }

    #[test]
    fn the_wait_is_known_before_it_begins() {
        let begin = Instant::now();
        let mut requests = requests(60);
        assert_eq!([0, 4, 5, 7].map(|ahead| requests.wait(ahead, begin).as_secs()), [0, 0, 1, 3]);
        assert_eq!(burst(&mut requests, begin), 5);
        assert_eq!([0, 1].map(|ahead| requests.wait(ahead, begin).as_secs()), [1, 2]);
        assert_eq!(requests.take(begin), Err(requests.wait(0, begin)));
        assert_eq!(requests.wait(0, begin + Duration::from_secs(100)), Duration::ZERO);
    }

    #[test]
    fn the_vendor_is_believed_when_it_says_that_less_is_left() {
        let begin = Instant::now();
        for remaining in 0..8 {
            let mut requests = requests(60);
            assert_eq!(requests.adopt(remaining, begin), remaining < 5);
            assert!(!requests.adopt(remaining + 1, begin));
            assert_eq!(burst(&mut requests, begin) as u64, remaining.min(5));
        }
        let mut requests = requests(60);
        assert_eq!(burst(&mut requests, begin), 5);
        assert!(!requests.adopt(0, begin), "as many as we think");
    }
}
