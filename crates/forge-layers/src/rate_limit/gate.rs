//! All limits of one route behind one queue. Time is handed in; nothing waits here.

use std::{
    task::Waker,
    time::{Duration, Instant},
};

use chrono::{DateTime, Utc};
use forge_core::event::{RateLimitStatus, RateLimitWindow};

use super::{
    RateLimits,
    estimate::Need,
    requests::Requests,
    tokens::{Bucket, Reservation},
};
use crate::queue::Queue;

#[derive(Debug)]
pub(super) struct Gate {
    closed_until: Option<Instant>,
    requests: Option<Requests>,
    input: Option<Bucket>,
    output: Option<Bucket>,
    queue: Queue<Need>,
}

/// What a call has taken out of the buckets.
#[derive(Debug)]
#[must_use]
pub(super) struct Taken {
    input: Option<Reservation>,
    output: Option<Reservation>,
}

/// Whether a call may go now.
#[derive(Debug)]
pub(super) enum Turn {
    /// Go, and wake the next one.
    Go(Taken, Option<Waker>),
    /// Not before this time; without one, not before being woken.
    Wait(Option<Instant>),
    /// The wait would pass the deadline; this is its length.
    TooLate {
        wait: Duration,
        /// Whether the vendor asked for it.
        is_paused: bool,
    },
}

impl Gate {
    pub(super) fn new(limits: RateLimits) -> Self {
        Self {
            closed_until: None,
            requests: limits.requests_per_minute.map(|limit| Requests::new(limit, limits.burst)),
            input: limits.input_tokens_per_minute.map(Bucket::new),
            output: limits.output_tokens_per_minute.map(Bucket::new),
            queue: Queue::new(),
        }
    }

    pub(super) fn waiting(&self) -> usize {
        self.queue.len()
    }

    /// How long a call waits at `place`, or as a newcomer. Exact for the first one while nothing is
    /// corrected or given back.
    pub(super) fn wait(&self, place: Option<u64>, need: Need, now: Instant) -> Duration {
        let ahead = || self.queue.ahead_of(place);
        let closed = Some(self.pause(now));
        let requests = self.requests.as_ref().map(|requests| requests.wait(ahead().count(), now));
        let input =
            self.input.as_ref().map(|input| input.wait(ahead().map(|need| need.input), need.input, now));
        let output =
            self.output.as_ref().map(|output| output.wait(ahead().map(|need| need.output), need.output, now));
        [closed, requests, input, output].into_iter().flatten().max().unwrap_or_default()
    }

    /// For how long the vendor still wants no calls.
    pub(super) fn pause(&self, now: Instant) -> Duration {
        self.closed_until.map_or(Duration::ZERO, |until| until.saturating_duration_since(now))
    }

    /// Lets the call at `place` go if its turn has come; otherwise keeps its place in the queue, or gives it one.
    pub(super) fn turn(
        &mut self,
        place: &mut Option<u64>,
        need: Need,
        deadline: Option<Instant>,
        waker: &Waker,
        now: Instant,
    ) -> Turn {
        let first = self.queue.is_turn_of(*place);
        let mut wait = self.wait(*place, need, now);
        // Only the first may go, also where a later one needs less: otherwise small calls would starve a large
        // one.
        if first && wait.is_zero() {
            match self.take(need, now) {
                Ok(taken) => {
                    let next = place.take().and_then(|place| self.queue.leave(place));
                    return Turn::Go(taken, next);
                }
                Err(longer) => wait = longer,
            }
        }
        let at = now.checked_add(wait);
        // A wait beyond what the clock can count passes every deadline.
        if deadline.is_some_and(|deadline| at.is_none_or(|at| deadline <= at)) {
            // Read at the same instant as the wait: a moment later less of the pause is left.
            return Turn::TooLate { wait, is_paused: self.pause(now) >= wait };
        }
        *place = Some(self.queue.wait(*place, need, waker));
        // The others are woken by whoever leaves the front; only their deadline is known for sure.
        Turn::Wait(if first { at } else { deadline })
    }

    pub(super) fn leave(&mut self, place: u64) -> Option<Waker> {
        self.queue.leave(place)
    }

    /// Replaces what was taken by what was used; returns the waker of the call for which there may be enough now.
    pub(super) fn settle(&mut self, taken: Taken, used: Need, now: Instant) -> Option<Waker> {
        let Taken { input, output } = taken;
        for (bucket, reservation, used) in
            [(&mut self.input, input, used.input), (&mut self.output, output, used.output)]
        {
            if let (Some(bucket), Some(reservation)) = (bucket, reservation) {
                bucket.settle(reservation, used, now);
            }
        }
        self.queue.first()
    }

    /// Admits no call before `until`; returns the wakers of those that have to wait longer now.
    pub(super) fn close(&mut self, until: Instant) -> Vec<Waker> {
        // The longest pause holds; a shorter one that arrives later does not end it.
        if self.closed_until >= Some(until) {
            return Vec::new();
        }
        self.closed_until = Some(until);
        self.queue.wakers()
    }

    /// Believes the vendor where it says that less is left than expected; returns whom to wake because they
    /// will have to wait longer.
    ///
    /// A window for tokens of both directions stands in for a direction that has none of its own: there
    /// cannot be more left for one direction than for both.
    pub(super) fn adopt(
        &mut self,
        status: &RateLimitStatus,
        wall: DateTime<Utc>,
        now: Instant,
    ) -> Vec<Waker> {
        // A status from the future counts as one of now.
        let age = status.observed_at.and_then(|at| (wall - at).to_std().ok()).unwrap_or_default();
        let left = |window: Option<RateLimitWindow>, per_minute: u64| {
            Some(left_after(age, window?.remaining?, per_minute))
        };
        let mut lower = false;
        if let Some(requests) = &mut self.requests
            && let Some(left) = left(status.requests, requests.per_minute())
        {
            lower |= requests.adopt(left, now);
        }
        for (bucket, window) in
            [(&mut self.input, status.input_tokens), (&mut self.output, status.output_tokens)]
        {
            if let Some(bucket) = bucket
                && let Some(left) = left(window.or(status.tokens), bucket.per_minute())
            {
                lower |= bucket.adopt(left, now);
            }
        }
        if lower { self.queue.wakers() } else { Vec::new() }
    }

    fn take(&mut self, need: Need, now: Instant) -> Result<Taken, Duration> {
        if let Some(requests) = &mut self.requests {
            // First, because only this step can refuse: no tokens are lost to a call that does not go out.
            requests.take(now)?;
        }
        let reserve =
            |bucket: &mut Option<Bucket>, tokens| bucket.as_mut().map(|bucket| bucket.reserve(tokens, now));
        Ok(Taken {
            input: reserve(&mut self.input, need.input),
            output: reserve(&mut self.output, need.output),
        })
    }

    #[cfg(test)]
    pub(super) fn tokens(&self, now: Instant) -> [Option<i128>; 2] {
        [&self.input, &self.output].map(|bucket| bucket.as_ref().map(|bucket| bucket.tokens(now)))
    }
}

/// What is left by now of what was left `age` ago.
fn left_after(age: Duration, remaining: u64, per_minute: u64) -> u64 {
    let refilled = age.as_nanos().saturating_mul(u128::from(per_minute)) / 60_000_000_000;
    remaining.saturating_add(u64::try_from(refilled).unwrap_or(u64::MAX))
}
