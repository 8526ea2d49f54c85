//! What a key or a team uses by the minute and at once.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use forge_core::{
    ErrorKind, ProviderError, StreamEvent, TokenCount, storage::access::Allowance, stream::StreamObserver,
};
use tokio::sync::OwnedSemaphorePermit;

use crate::rate_headers::{Room, Rooms};

const MINUTE: f64 = 60.0;

/// Counts what is used of an allowance. Several servers count each by itself.
#[derive(Debug, Default)]
pub(crate) struct Meter(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    requests: Bucket,
    tokens: Bucket,
    under_way: u32,
}

/// A bucket that fills evenly to its limit within a minute. It is below zero where more was taken than was thought.
#[derive(Debug, Default)]
struct Bucket {
    /// What was missing from the limit, and when that was.
    used: f64,
    at: Option<Instant>,
}

impl Bucket {
    /// What is there now.
    fn level(&mut self, limit: f64, now: Instant) -> f64 {
        let since = self.at.map_or(Duration::ZERO, |at| now.saturating_duration_since(at));
        self.used = (self.used - since.as_secs_f64() * limit / MINUTE).max(0.0);
        self.at = Some(now);
        limit - self.used
    }

    /// How long until `wanted` is there; `None` if it is.
    fn wait(&mut self, limit: Option<f64>, wanted: f64, now: Instant) -> Option<Duration> {
        let Some(limit) = limit else {
            // What was used while nobody counted is no debt of a later limit.
            *self = Self::default();
            return None;
        };
        // Nobody would ever have room for more than the limit.
        let missing = wanted.min(limit) - self.level(limit, now);
        (missing > 0.0).then(|| Duration::from_secs_f64((missing * MINUTE / limit).min(MINUTE * 60.0)))
    }
}

impl Bucket {
    /// What is left of the limit.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "never below zero, and whole")]
    fn room(&mut self, limit: u64, now: Instant) -> Room {
        let left = self.level(float(limit), now).max(0.0) as u64;
        let minutes = self.used / float(limit).max(1.0);
        Room { limit, left, full_in: Duration::try_from_secs_f64(minutes * MINUTE).unwrap_or(Duration::MAX) }
    }
}

/// The limits by the minute and at once. Unset, there is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Rates {
    requests_per_minute: Option<u32>,
    tokens_per_minute: Option<u64>,
    concurrent: Option<u32>,
}

impl Rates {
    pub(crate) fn of(allowance: &Allowance) -> Self {
        let Allowance { requests_per_minute, tokens_per_minute, concurrent, .. } = *allowance;
        Self { requests_per_minute, tokens_per_minute, concurrent }
    }

    /// These, and those of `others` where there is none.
    pub(crate) fn or(self, others: Self) -> Self {
        Self {
            requests_per_minute: self.requests_per_minute.or(others.requests_per_minute),
            tokens_per_minute: self.tokens_per_minute.or(others.tokens_per_minute),
            concurrent: self.concurrent.or(others.concurrent),
        }
    }

    pub(crate) fn counts_tokens(self) -> bool {
        self.tokens_per_minute.is_some()
    }
}

/// Who is limited, and what is used of it.
#[derive(Debug, Clone)]
pub(crate) struct Metered {
    /// Such as "the key `ci`".
    pub(crate) owner: String,
    pub(crate) rates: Rates,
    pub(crate) meter: Arc<Meter>,
}

impl Metered {
    /// Takes a request and, ahead of its answer, the tokens of its prompt, if there is room for both.
    fn enter(&self, rates: Rates, tokens: u64, now: Instant) -> Result<(), ProviderError> {
        let mut state = self.meter.state();
        if let Some(most) = rates.concurrent
            && state.under_way >= most
        {
            let what = format!("has {most} requests under way, which are all it may have at once");
            return Err(self.refusal(&what, Duration::from_secs(1)));
        }
        let requests = rates.requests_per_minute.map(f64::from);
        if let Some(wait) = state.requests.wait(requests, 1.0, now) {
            return Err(self.refusal("has used the requests that it has for a minute", wait));
        }
        let most = rates.tokens_per_minute.map(float);
        if let Some(wait) = state.tokens.wait(most, float(tokens), now) {
            return Err(self.refusal("has used the tokens that it has for a minute", wait));
        }
        state.under_way += 1;
        state.requests.used += 1.0;
        state.tokens.used += float(tokens);
        Ok(())
    }

    /// What is left of the limits by the minute.
    pub(crate) fn rooms(&self, rates: Rates, now: Instant) -> Rooms {
        let mut state = self.meter.state();
        let requests = rates.requests_per_minute.map(u64::from);
        Rooms {
            requests: requests.map(|limit| state.requests.room(limit, now)),
            tokens: rates.tokens_per_minute.map(|limit| state.tokens.room(limit, now)),
        }
    }

    fn refusal(&self, what: &str, wait: Duration) -> ProviderError {
        let message = format!("{} {what}", self.owner);
        ProviderError::new(ErrorKind::RateLimited, "gateway", message)
            .with(|facts| facts.retry_after = Some(wait))
    }
}

impl Meter {
    /// Counts a request that is over: it took `used` tokens where `taken` were thought of.
    fn leave(&self, taken: u64, used: u64) {
        let mut state = self.state();
        state.under_way = state.under_way.saturating_sub(1);
        state.tokens.used = (state.tokens.used + float(used) - float(taken)).max(0.0);
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        // Numbers are whole at every step, and so is a lock that a panic has poisoned.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Numbers of tokens are far below the 2^53 from which on a float leaves some out.
#[allow(clippy::cast_precision_loss, reason = "see above")]
const fn float(tokens: u64) -> f64 {
    tokens as f64
}

/// The place of one request in its key's and its team's allowances. Dropped with the call, it gives them back what the
/// request did not use, and takes what it used beyond that: whoever went over its tokens waits the longer.
#[derive(Debug)]
pub(crate) struct Admission {
    /// Its place among all calls of the server.
    _place: OwnedSemaphorePermit,
    meters: Vec<Arc<Meter>>,
    /// The tokens of the prompt, as they were thought to be.
    taken: u64,
    /// Whether a vendor took the request.
    started: bool,
    /// Bytes of the answer.
    written: u64,
    tokens: TokenCount,
}

impl Admission {
    /// Admits a request with a prompt of about so many tokens.
    ///
    /// # Errors
    /// The first of `limits` that has no room. None of them has counted the request then.
    pub(crate) fn new(
        place: OwnedSemaphorePermit,
        limits: &[(&Metered, Rates)],
        tokens: u64,
        now: Instant,
    ) -> Result<Self, ProviderError> {
        let mut admission = Self {
            _place: place,
            meters: Vec::new(),
            taken: tokens,
            started: false,
            written: 0,
            tokens: TokenCount::default(),
        };
        for (metered, rates) in limits {
            if let Err(refused) = metered.enter(*rates, tokens, now) {
                // What another limit has refused was no request. Its tokens go back with the place.
                admission.meters.iter().for_each(|meter| meter.state().requests.used -= 1.0);
                return Err(refused);
            }
            admission.meters.push(Arc::clone(&metered.meter));
        }
        Ok(admission)
    }

    /// The tokens of the call, as far as they are known. A call that nobody took has used none.
    fn used(&self) -> u64 {
        let known = self.tokens.total_input().zip(self.tokens.total_output());
        let known = known.map(|(input, output)| input.saturating_add(output));
        // About four bytes of text are a token.
        let thought = self.taken.saturating_add(self.written / 4);
        known.unwrap_or(if self.started { thought } else { 0 })
    }
}

impl StreamObserver for Admission {
    fn event(&mut self, event: &StreamEvent) {
        match event {
            StreamEvent::Started(_) => self.started = true,
            StreamEvent::PartDelta { delta, .. } => {
                self.written = self.written.saturating_add(delta.len() as u64);
            }
            StreamEvent::Relayed(relayed) => {
                self.written = self.written.saturating_add(u64::from(relayed.text));
            }
            StreamEvent::UsageUpdated(tokens) => self.tokens.overwrite(tokens),
            StreamEvent::Finished(finished) => self.tokens = finished.usage,
            _ => {}
        }
    }

    fn failure(&mut self, _: Option<&mut ProviderError>) {}
}

impl Drop for Admission {
    fn drop(&mut self) {
        let used = self.used();
        self.meters.iter().for_each(|meter| meter.leave(self.taken, used));
    }
}

#[cfg(test)]
mod tests {
    use forge_core::event::{Finished, Started, StopReason};

    use super::*;

    fn limit(change: impl FnOnce(&mut Allowance)) -> Metered {
        let mut allowance = Allowance::default();
        change(&mut allowance);
        Metered { owner: "the key `ci`".into(), rates: Rates::of(&allowance), meter: Arc::default() }
    }

    fn admit(limits: &[Metered], tokens: u64, now: Instant) -> Result<Admission, ProviderError> {
        let places = Arc::new(tokio::sync::Semaphore::new(1));
        let limits: Vec<_> = limits.iter().map(|metered| (metered, metered.rates)).collect();
        Admission::new(places.try_acquire_owned().unwrap(), &limits, tokens, now)
    }

    /// How long a refused request is to wait, in milliseconds.
    fn wait(refused: Result<Admission, ProviderError>) -> u128 {
        let refused = refused.unwrap_err();
        assert_eq!(refused.kind, ErrorKind::RateLimited);
        refused.retry_after.unwrap().as_millis()
    }

    fn finished(input: u64, output: u64) -> StreamEvent {
        let mut finished = Finished::new(StopReason::EndTurn);
        (finished.usage.input, finished.usage.output) = (Some(input), Some(output));
        finished.into()
    }

    #[test]
    fn requests_of_a_minute_come_back_evenly() {
        let limits = [limit(|allowance| allowance.requests_per_minute = Some(3))];
        let begin = Instant::now();
        let ask = |seconds| admit(&limits, 0, begin + Duration::from_secs(seconds));
        for _ in 0..3 {
            ask(0).unwrap();
        }
        assert_eq!(wait(ask(0)), 20_000);
        assert_eq!(wait(ask(15)), 5_000);
        ask(20).unwrap();
        assert_eq!(wait(ask(20)), 20_000);
        for _ in 0..3 {
            ask(600).unwrap();
        }
        assert_eq!(wait(ask(600)), 20_000, "a long rest is worth no more than a minute");
    }

    #[test]
    fn tokens_are_counted_as_they_turn_out() {
        let limits = [limit(|allowance| allowance.tokens_per_minute = Some(600))];
        let begin = Instant::now();
        let ask = |tokens, seconds| admit(&limits, tokens, begin + Duration::from_secs(seconds));
        let mut first = ask(100, 0).unwrap();
        first.event(&Started::default().into());
        first.event(&finished(120, 780));
        drop(first);
        // 900 of 600 are used: 300 too many, which 30 seconds pay back, and ten more make room for 100.
        assert_eq!(wait(ask(100, 0)), 40_000);
        drop(ask(100, 40).unwrap());
        drop(ask(100, 40).unwrap());
        let mut broken = ask(100, 40).unwrap();
        broken.event(&Started::default().into());
        drop(broken);
        assert_eq!(
            wait(ask(100, 40)),
            10_000,
            "calls that nobody took are free, and one that was taken is not"
        );
        // Longer than all that a minute has: as soon as the bucket is full.
        assert_eq!(wait(ask(10_000, 40)), 60_000);
        ask(10_000, 100).unwrap();
    }

    #[test]
    fn no_more_than_so_many_are_under_way_and_a_refused_one_counts_nowhere() {
        let (key, team) = (
            limit(|allowance| allowance.requests_per_minute = Some(2)),
            limit(|allowance| allowance.concurrent = Some(1)),
        );
        let limits = [key, team];
        let now = Instant::now();
        let first = admit(&limits, 5, now).unwrap();
        assert_eq!(wait(admit(&limits, 5, now)), 1_000);
        drop(first);
        let second = admit(&limits, 5, now).unwrap();
        drop(second);
        assert_eq!(wait(admit(&limits, 5, now)), 30_000, "two were let in, and the refused one was none");
    }
}
