//! Tokens per minute, in a bucket that takes back and may be overdrawn.

use std::{
    num::NonZeroU64,
    time::{Duration, Instant},
};

/// The unit of the level: a limit of one token a minute refills one unit a nanosecond, so that nothing is
/// ever rounded.
const TOKEN: i128 = 60_000_000_000;

/// Vendors' numbers are not trusted: no usage overdraws the bucket by more than this many minutes.
const MAX_DEBT: i128 = 60;

/// A bucket that holds a minute's worth of tokens and refills evenly.
#[derive(Debug)]
pub(super) struct Bucket {
    per_minute: u64,
    level: i128,
    /// When the level was read last; a bucket that nobody has used yet is full.
    at: Option<Instant>,
    /// Counts the vendor's corrections. What was reserved before the last one is contained in it.
    corrections: u64,
}

/// Tokens taken out of a bucket ahead of a call, to be settled when its usage is known.
#[derive(Debug)]
#[must_use]
pub(super) struct Reservation {
    tokens: u64,
    corrections: u64,
}

impl Bucket {
    pub(super) fn new(per_minute: NonZeroU64) -> Self {
        let per_minute = per_minute.get();
        Self { per_minute, level: i128::from(per_minute) * TOKEN, at: None, corrections: 0 }
    }

    pub(super) fn per_minute(&self) -> u64 {
        self.per_minute
    }

    /// How long it takes until `tokens` are there, when the tokens `ahead` are served before. More than the
    /// bucket holds means the whole bucket.
    pub(super) fn wait(&self, ahead: impl Iterator<Item = u64>, tokens: u64, now: Instant) -> Duration {
        let needed = ahead.fold(self.units(tokens), |sum, tokens| sum.saturating_add(self.units(tokens)));
        let lack = needed.saturating_sub(self.level_at(now)).max(0).unsigned_abs();
        let nanos = lack.div_ceil(u128::from(self.per_minute));
        Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
    }

    /// Takes `tokens` out, at most what the bucket holds.
    pub(super) fn reserve(&mut self, tokens: u64, now: Instant) -> Reservation {
        // A call that is larger than the bucket would never have its turn; it takes all of it instead.
        let tokens = tokens.min(self.per_minute);
        self.refill(now);
        self.level -= self.units(tokens);
        Reservation { tokens, corrections: self.corrections }
    }

    /// Replaces the reserved tokens by the `used` ones. The level may fall below zero.
    pub(super) fn settle(
        &mut self,
        Reservation { tokens, corrections }: Reservation,
        used: u64,
        now: Instant,
    ) {
        self.refill(now);
        let mut change = (i128::from(tokens) - i128::from(used)).saturating_mul(TOKEN);
        // The vendor's figure contains this call already: nothing is given back, but more use than reserved
        // counts.
        if corrections != self.corrections {
            change = change.min(0);
        }
        let lowest = -MAX_DEBT * self.capacity();
        self.level = self.level.saturating_add(change).clamp(lowest, self.capacity());
    }

    /// Believes the vendor if it says that no more than `remaining` tokens are left. Returns whether that
    /// is less than before.
    pub(super) fn adopt(&mut self, remaining: u64, now: Instant) -> bool {
        self.refill(now);
        let remaining = i128::from(remaining) * TOKEN;
        // A higher figure is not believed: calls that are reserved here may not have reached the vendor yet.
        let lower = remaining < self.level;
        if lower {
            self.level = remaining;
            self.corrections += 1;
        }
        lower
    }

    fn refill(&mut self, now: Instant) {
        self.level = self.level_at(now);
        // Callers read the clock before they take the lock, so times may arrive out of order.
        self.at = self.at.max(Some(now));
    }

    fn level_at(&self, now: Instant) -> i128 {
        let Some(at) = self.at else { return self.level };
        let elapsed = i128::try_from(now.saturating_duration_since(at).as_nanos()).unwrap_or(i128::MAX);
        let refilled = elapsed.saturating_mul(i128::from(self.per_minute));
        self.level.saturating_add(refilled).min(self.capacity())
    }

    fn capacity(&self) -> i128 {
        i128::from(self.per_minute) * TOKEN
    }

    fn units(&self, tokens: u64) -> i128 {
        i128::from(tokens.min(self.per_minute)) * TOKEN
    }

    #[cfg(test)]
    pub(super) fn tokens(&self, now: Instant) -> i128 {
        self.level_at(now).div_euclid(TOKEN)
    }
}

#[cfg(test)]
mod tests {
    use std::iter::empty;

    use proptest::prelude::*;

    use super::*;

    fn bucket(per_minute: u64) -> Bucket {
        Bucket::new(NonZeroU64::new(per_minute).unwrap())
    }

    fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn it_refills_evenly_and_never_overflows() {
        let now = Instant::now();
        let mut bucket = bucket(600);
        let _ = bucket.reserve(600, now);
        assert_eq!([0, 1, 30, 60, 600].map(|at| bucket.tokens(now + seconds(at))), [0, 10, 300, 600, 600]);
        assert_eq!(bucket.wait(empty(), 50, now), seconds(5));
        assert_eq!(bucket.wait([100, 200].into_iter(), 50, now), seconds(35));
        assert_eq!(bucket.wait(empty(), u64::MAX, now), seconds(60));
    }

    #[test]
    fn settling_gives_back_what_was_not_used_and_takes_what_was_used_beyond() {
        let now = Instant::now();
        let mut bucket = bucket(1_000);
        for (reserved, used, left) in [(800, 300, 700), (700, 0, 700), (500, 900, -200), (0, 0, -200)] {
            let reservation = bucket.reserve(reserved, now);
            bucket.settle(reservation, used, now);
            assert_eq!(bucket.tokens(now), left);
        }
        assert_eq!(bucket.wait(empty(), 100, now), seconds(18));
    }

    #[test]
    fn a_correction_contains_what_was_reserved_before_it() {
        let now = Instant::now();
        let mut bucket = bucket(1_000);
        let (early, larger) = (bucket.reserve(300, now), bucket.reserve(100, now));
        assert!(!bucket.adopt(600, now));
        assert!(bucket.adopt(50, now));
        bucket.settle(early, 10, now);
        assert_eq!(bucket.tokens(now), 50);
        bucket.settle(larger, 130, now);
        assert_eq!(bucket.tokens(now), 20);
        let late = bucket.reserve(20, now);
        bucket.settle(late, 0, now);
        assert_eq!(bucket.tokens(now), 20);
    }

    #[test]
    fn absurd_numbers_neither_panic_nor_close_it_for_ever() {
        let now = Instant::now();
        let mut bucket = bucket(10);
        let reservation = bucket.reserve(u64::MAX, now);
        bucket.settle(reservation, u64::MAX, now);
        assert_eq!(bucket.wait(empty(), 10, now), seconds(61 * 60));
        let mut large = Bucket::new(NonZeroU64::MAX);
        let _ = large.reserve(u64::MAX, now);
        assert!(!large.adopt(u64::MAX, now));
        assert_eq!(large.wait([u64::MAX; 9].into_iter(), u64::MAX, now), seconds(600));
    }

    proptest! {
        #[test]
        fn no_span_of_time_admits_more_than_the_bucket_holds_and_refills(
            per_minute in 1_u64..100_000,
            calls in prop::collection::vec((0_u64..150_000, 0_u64..90_000), 1..60),
        ) {
            let mut now = Instant::now();
            let mut bucket = bucket(per_minute);
            let mut admitted: Vec<(Instant, u128)> = Vec::new();
            for (tokens, pause) in calls {
                now += Duration::from_millis(pause);
                let wait = bucket.wait(empty(), tokens, now);
                if let Some(earlier) = wait.checked_sub(Duration::from_nanos(1)) {
                    prop_assert!(!bucket.wait(empty(), tokens, now + earlier).is_zero(), "no wait is too long");
                }
                now += wait;
                prop_assert!(bucket.wait(empty(), tokens, now).is_zero(), "no wait is too short");
                let _ = bucket.reserve(tokens, now);
                admitted.push((now, u128::from(tokens.min(per_minute)) * TOKEN.unsigned_abs()));
                let mut sum = 0;
                for (since, units) in admitted.iter().rev() {
                    sum += units;
                    let refilled = (now - *since).as_nanos() * u128::from(per_minute);
                    prop_assert!(sum <= u128::from(per_minute) * TOKEN.unsigned_abs() + refilled);
                }
            }
        }

        #[test]
        fn what_is_settled_unused_leaves_no_trace(
            per_minute in 1_u64..100_000,
            tokens in prop::collection::vec(0_u64..150_000, 1..20),
        ) {
            let now = Instant::now();
            let mut bucket = bucket(per_minute);
            let reserved: Vec<_> = tokens.iter().map(|tokens| bucket.reserve(*tokens, now)).collect();
            for reservation in reserved {
                bucket.settle(reservation, 0, now);
            }
            prop_assert_eq!(bucket.tokens(now), i128::from(per_minute));
        }
    }
}
