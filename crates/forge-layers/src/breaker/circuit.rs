//! The states of a circuit. Time is handed in; nothing waits here.

use std::time::{Duration, Instant};

use forge_core::ErrorKind;

use super::{BreakerPolicy, BreakerState};

/// A failure that asks for more patience than this opens the circuit for that long.
pub(super) const LONGEST_HINT: Duration = Duration::from_secs(120);

/// Vendors' numbers are not trusted: nothing stays open for longer than this.
pub(super) const LONGEST_REST: Duration = Duration::from_secs(30 * 24 * 3600);

#[derive(Debug, Clone)]
pub(super) struct Circuit {
    policy: BreakerPolicy,
    dice: fastrand::Rng,
    position: Position,
    /// Counts the changes of position. What began before the last one says nothing about what is now.
    generation: u64,
    streak: u32,
    samples: Samples,
    /// The last cooldown without its jitter, since the circuit was closed.
    cooldown: Option<Duration>,
}

#[derive(Debug, Clone)]
enum Position {
    Closed,
    /// Open, and half-open from `until` on.
    Open {
        until: Instant,
        cause: ErrorKind,
        probing: bool,
        /// The rest was asked for, not guessed.
        firm: bool,
    },
}

/// Admission of one call, to be given back with its outcome.
#[derive(Debug)]
pub(super) struct Pass {
    generation: u64,
    probe: bool,
    /// Admitted although the circuit may be open. Its success closes the circuit, its failure is no news.
    last_resort: bool,
}

impl Pass {
    pub(super) fn is_probe(&self) -> bool {
        self.probe
    }
}

#[derive(Debug, Clone, Copy)]
pub(super) enum Refusal {
    Open { cause: ErrorKind, left: Duration },
    Probing,
}

#[derive(Debug, Clone, Copy)]
pub(super) struct Failure {
    pub(super) cause: ErrorKind,
    pub(super) sticky: bool,
    pub(super) retry_after: Duration,
}

impl Circuit {
    pub(super) fn new(policy: BreakerPolicy, seed: u64) -> Self {
        Self {
            policy,
            dice: fastrand::Rng::with_seed(seed),
            position: Position::Closed,
            generation: 0,
            streak: 0,
            samples: Samples::new(policy.window),
            cooldown: None,
        }
    }

    pub(super) fn state(&self, now: Instant) -> BreakerState {
        match self.position {
            Position::Closed => BreakerState::Closed,
            Position::Open { until, probing: false, .. } if now < until => BreakerState::Open { until },
            // A rest that is over is half-open by the clock alone, so no task has to wake up for it.
            Position::Open { .. } => BreakerState::HalfOpen,
        }
    }

    pub(super) fn cause(&self) -> Option<ErrorKind> {
        match self.position {
            Position::Closed => None,
            Position::Open { cause, .. } => Some(cause),
        }
    }

    pub(super) fn admit(&mut self, now: Instant) -> Result<Pass, Refusal> {
        let probe = match &mut self.position {
            Position::Closed => false,
            Position::Open { probing: true, .. } => return Err(Refusal::Probing),
            Position::Open { until, cause, .. } if now < *until => {
                return Err(Refusal::Open { cause: *cause, left: *until - now });
            }
            Position::Open { probing, .. } => {
                *probing = true;
                true
            }
        };
        Ok(Pass { generation: self.generation, probe, last_resort: false })
    }

    /// Admits a call that has nowhere else to go, unless waiting was asked for by the vendor or needs to be
    /// done for a credential.
    pub(super) fn admit_last(&mut self, now: Instant) -> Result<Pass, Refusal> {
        match self.position {
            Position::Open { until, cause, firm: true, .. } if now < until => {
                Err(Refusal::Open { cause, left: until - now })
            }
            Position::Open { .. } => {
                Ok(Pass { generation: self.generation, probe: false, last_resort: true })
            }
            Position::Closed => self.admit(now),
        }
    }

    pub(super) fn succeeded(&mut self, Pass { generation, probe, last_resort }: Pass, now: Instant) {
        if generation != self.generation {
            return;
        }
        // One answer proves that the route works, whoever had to ask for it.
        if probe || last_resort {
            self.close();
        } else {
            self.streak = 0;
            self.samples.record(now, false);
        }
    }

    pub(super) fn failed(
        &mut self,
        Pass { generation, probe, last_resort }: Pass,
        failure: Failure,
        now: Instant,
    ) {
        // A wait that was asked for opens the circuit at once: counting failures would only repeat the refusal.
        let rest = self.rest_asked_for(failure);
        if generation != self.generation || last_resort {
            self.failed_late(rest, failure.cause, now);
        } else if let Some(rest) = rest {
            self.open(rest, failure.cause, true, now);
        } else if probe || self.counts_to_trip(now) {
            // A short hint only lengthens the guessed cooldown. It is not firm, so that a last resort may still
            // pass.
            let rest = self.next_cooldown().max(failure.retry_after);
            self.open(rest, failure.cause, false, now);
        }
    }

    /// Opens for a rest that the vendor asked an earlier process for.
    pub(super) fn hold(&mut self, rest: Duration, cause: ErrorKind, now: Instant) {
        self.open(rest.min(LONGEST_REST), cause, true, now);
    }

    /// The call ended without saying anything about the route.
    pub(super) fn abandoned(&mut self, Pass { generation, probe, .. }: Pass) {
        if generation == self.generation
            && probe
            && let Position::Open { probing, .. } = &mut self.position
        {
            // Without this, a probe that says nothing would keep the circuit half-open for good.
            *probing = false;
        }
    }

    pub(super) fn close(&mut self) {
        self.turn(Position::Closed);
        self.cooldown = None;
    }

    /// A call from before the circuit opened may still lengthen the rest. It is older than a probe under way
    /// and than a closed circuit, and says nothing against either.
    fn failed_late(&mut self, rest: Option<Duration>, late: ErrorKind, now: Instant) {
        let Position::Open { until, cause, probing: false, firm } = &mut self.position else { return };
        if let Some(rest) = rest
            && *until < now + rest
        {
            *until = now + rest;
            *cause = late;
            *firm = true;
        }
    }

    fn rest_asked_for(&self, failure: Failure) -> Option<Duration> {
        let sticky = failure.sticky.then_some(self.policy.sticky_cooldown);
        let hint = Some(failure.retry_after).filter(|hint| failure.sticky || *hint > LONGEST_HINT);
        sticky.max(hint).map(|rest| rest.min(LONGEST_REST))
    }

    fn counts_to_trip(&mut self, now: Instant) -> bool {
        self.streak = self.streak.saturating_add(1);
        self.samples.record(now, true);
        let (failures, all) = self.samples.totals(now);
        let rate = f64::from(failures) / f64::from(all.max(1));
        self.streak >= self.policy.consecutive_failures
            || (all >= self.policy.min_samples && rate >= self.policy.error_rate)
    }

    fn next_cooldown(&mut self) -> Duration {
        let longest = self.policy.max_cooldown.min(LONGEST_REST);
        // Doubling starts from the value without jitter, so that chance does not add up from probe to probe.
        let next = self.cooldown.map_or(self.policy.cooldown, |last| last.saturating_mul(2)).min(longest);
        self.cooldown = Some(next);
        let factor = 1.0 + self.policy.jitter * (2.0 * self.dice.f64() - 1.0);
        // A jitter above 1 may make the product negative, which is no duration; then the plain cooldown holds.
        Duration::try_from_secs_f64(next.as_secs_f64() * factor).unwrap_or(next).min(LONGEST_REST)
    }

    fn open(&mut self, rest: Duration, cause: ErrorKind, firm: bool, now: Instant) {
        self.turn(Position::Open { until: now + rest, cause, probing: false, firm });
    }

    fn turn(&mut self, position: Position) {
        self.position = position;
        self.generation += 1;
        self.streak = 0;
        self.samples = Samples::new(self.policy.window);
    }
}

const BUCKETS: usize = 10;

/// Outcomes of the last window, in a ring of buckets.
#[derive(Debug, Clone)]
struct Samples {
    /// When the first outcome was recorded.
    origin: Option<Instant>,
    /// Of one bucket.
    width: Duration,
    ring: [Bucket; BUCKETS],
}

#[derive(Debug, Clone, Copy, Default)]
struct Bucket {
    /// The number of the bucket, counted from the origin.
    turn: u64,
    failures: u32,
    all: u32,
}

impl Samples {
    fn new(window: Duration) -> Self {
        // At least a nanosecond: `turn` divides by it.
        let width = (window / 10).max(Duration::from_nanos(1));
        Self { origin: None, width, ring: [Bucket::default(); BUCKETS] }
    }

    fn record(&mut self, now: Instant, failure: bool) {
        self.origin.get_or_insert(now);
        let turn = self.turn(now);
        let place = usize::try_from(turn % BUCKETS as u64).ok();
        let Some(bucket) = place.and_then(|place| self.ring.get_mut(place)) else { return };
        // A stale bucket is cleared when its place is needed again. Until then `totals` passes over it by its
        // turn.
        if bucket.turn != turn {
            *bucket = Bucket { turn, ..Bucket::default() };
        }
        bucket.all = bucket.all.saturating_add(1);
        bucket.failures = bucket.failures.saturating_add(u32::from(failure));
    }

    /// Failures and all calls.
    fn totals(&self, now: Instant) -> (u32, u32) {
        let turn = self.turn(now);
        let recent = self.ring.iter().filter(|bucket| bucket.turn + BUCKETS as u64 > turn);
        recent.fold((0, 0), |(failures, all): (u32, u32), bucket| {
            (failures.saturating_add(bucket.failures), all.saturating_add(bucket.all))
        })
    }

    fn turn(&self, now: Instant) -> u64 {
        let elapsed = self.origin.map_or(0, |origin| now.saturating_duration_since(origin).as_nanos());
        // Half of the maximum leaves room for the sum in `totals`.
        u64::try_from(elapsed / self.width.as_nanos()).unwrap_or(u64::MAX / 2)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SERVER: Failure = Failure { cause: ErrorKind::Server, sticky: false, retry_after: Duration::ZERO };

    fn circuit() -> Circuit {
        Circuit::new(BreakerPolicy::default(), 7)
    }

    fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn call(circuit: &mut Circuit, failure: Option<Failure>, now: Instant) {
        let pass = circuit.admit(now).unwrap();
        match failure {
            Some(failure) => circuit.failed(pass, failure, now),
            None => circuit.succeeded(pass, now),
        }
    }

    fn rest(circuit: &Circuit, now: Instant) -> f64 {
        match circuit.state(now) {
            BreakerState::Open { until } => (until - now).as_secs_f64(),
            BreakerState::Closed | BreakerState::HalfOpen => 0.0,
        }
    }

    #[test]
    fn half_of_the_calls_failing_opens_it_within_twenty() {
        for first in [0, 1] {
            for spread in [0, 1] {
                let begin = Instant::now();
                let mut circuit = circuit();
                let opened = (0..20_u32).find(|at| {
                    let now = begin + seconds(u64::from(at * spread));
                    call(&mut circuit, (at % 2 == first).then_some(SERVER), now);
                    circuit.state(now) != BreakerState::Closed
                });
                assert!(opened.is_some());
            }
        }
    }

    #[test]
    fn a_third_of_the_calls_failing_does_not_open_it() {
        let now = Instant::now();
        let mut circuit = circuit();
        for at in 0..3_000 {
            call(&mut circuit, (at % 3 == 2).then_some(SERVER), now);
        }
        assert_eq!(circuit.state(now), BreakerState::Closed);
    }

    #[test]
    fn the_rate_forgets_what_is_older_than_the_window() {
        let begin = Instant::now();
        let mut circuit = circuit();
        for failure in [Some(SERVER), None, Some(SERVER), None] {
            call(&mut circuit, failure, begin);
        }
        let later = begin + seconds(30);
        assert_eq!(circuit.samples.totals(begin + seconds(29)), (2, 4));
        assert_eq!(circuit.samples.totals(later), (0, 0));
        call(&mut circuit, Some(SERVER), later);
        assert_eq!(circuit.state(later), BreakerState::Closed);
    }

    #[test]
    fn the_cooldown_doubles_up_to_two_minutes_and_a_success_resets_it() {
        let mut now = Instant::now();
        let mut circuit = circuit();
        for _ in 0..2 {
            for _ in 0..5 {
                call(&mut circuit, Some(SERVER), now);
            }
            for expected in [15.0, 30.0, 60.0, 120.0, 120.0] {
                let rest = rest(&circuit, now);
                assert!((0.9 * expected..=1.1 * expected).contains(&rest), "{rest} is not {expected}");
                now += Duration::from_secs_f64(rest);
                call(&mut circuit, Some(SERVER), now);
            }
            now += seconds(150);
            call(&mut circuit, None, now);
            assert_eq!(circuit.state(now), BreakerState::Closed);
        }
    }

    #[test]
    fn no_cooldown_is_shorter_than_the_vendor_asks_for() {
        let now = Instant::now();
        let mut circuit = circuit();
        let failure = Failure { retry_after: seconds(100), ..SERVER };
        for _ in 0..5 {
            call(&mut circuit, Some(failure), now);
        }
        assert!(rest(&circuit, now) >= 100.0);
    }

    #[test]
    fn the_last_resort_is_admitted_unless_waiting_was_asked_for() {
        let now = Instant::now();
        let mut circuit = circuit();
        for _ in 0..5 {
            call(&mut circuit, Some(SERVER), now);
        }
        let rested = rest(&circuit, now);
        for _ in 0..10 {
            let pass = circuit.admit_last(now).unwrap();
            circuit.failed(pass, SERVER, now);
        }
        assert!((rest(&circuit, now) - rested).abs() < f64::EPSILON, "its failures are no news");
        let pass = circuit.admit_last(now).unwrap();
        circuit.succeeded(pass, now);
        assert_eq!(circuit.state(now), BreakerState::Closed);
        let pass = circuit.admit_last(now).unwrap();
        circuit.failed(pass, Failure { sticky: true, ..SERVER }, now);
        assert!(matches!(circuit.admit_last(now), Err(Refusal::Open { .. })));
        assert!(circuit.admit_last(now + seconds(1_800)).is_ok());
    }

    #[test]
    fn absurd_numbers_neither_panic_nor_close_it_for_ever() {
        let now = Instant::now();
        let mut strange = circuit();
        call(&mut strange, Some(Failure { retry_after: Duration::MAX, ..SERVER }), now);
        assert!((1.0..=LONGEST_REST.as_secs_f64()).contains(&rest(&strange, now)));
        let policy = BreakerPolicy {
            consecutive_failures: 0,
            error_rate: f64::NAN,
            window: Duration::ZERO,
            cooldown: Duration::MAX,
            max_cooldown: Duration::MAX,
            jitter: f64::INFINITY,
            ..BreakerPolicy::default()
        };
        let mut strange = Circuit::new(policy, 0);
        call(&mut strange, Some(SERVER), now);
        assert!(rest(&strange, now) <= LONGEST_REST.as_secs_f64());
    }

    #[test]
    fn calls_from_before_the_circuit_opened_say_nothing_about_what_is_now() {
        let mut now = Instant::now();
        let mut circuit = circuit();
        let mut old: Vec<Pass> = (0..20).map(|_| circuit.admit(now).unwrap()).collect();
        for _ in 0..5 {
            call(&mut circuit, Some(SERVER), now);
        }
        let rested = rest(&circuit, now);
        circuit.succeeded(old.pop().unwrap(), now);
        circuit.failed(old.pop().unwrap(), SERVER, now);
        circuit.abandoned(old.pop().unwrap());
        assert!((rest(&circuit, now) - rested).abs() < f64::EPSILON);
        let spent = Failure { cause: ErrorKind::QuotaExhausted, sticky: true, retry_after: Duration::ZERO };
        circuit.failed(old.pop().unwrap(), spent, now);
        assert!((rest(&circuit, now) - 1_800.0).abs() < f64::EPSILON);

        now += seconds(1_800);
        for drop in [true, false] {
            let probe = circuit.admit(now).unwrap();
            circuit.failed(old.pop().unwrap(), spent, now);
            assert!(matches!(circuit.admit(now), Err(Refusal::Probing)));
            if drop {
                circuit.abandoned(probe);
                assert_eq!(circuit.state(now), BreakerState::HalfOpen);
            } else {
                circuit.succeeded(probe, now);
                assert_eq!(circuit.state(now), BreakerState::Closed);
            }
        }
        for _ in 0..4 {
            circuit.failed(old.pop().unwrap(), spent, now);
            circuit.succeeded(old.pop().unwrap(), now);
            assert_eq!(circuit.state(now), BreakerState::Closed);
            call(&mut circuit, Some(SERVER), now);
        }
        call(&mut circuit, Some(SERVER), now);
        assert!(rest(&circuit, now) > 0.0, "old successes do not interrupt a streak");
    }

    proptest! {
        #[test]
        fn there_is_never_more_than_one_probe_and_always_a_way_back(
            steps in prop::collection::vec((0_u8..6, 0_usize..8, 0_u64..40), 1..200),
        ) {
            let mut now = Instant::now();
            let mut circuit = circuit();
            let mut passes: Vec<Pass> = Vec::new();
            for (step, which, wait) in steps {
                now += seconds(wait);
                if step < 2 {
                    passes.extend(circuit.admit(now).ok());
                } else if !passes.is_empty() {
                    let pass = passes.swap_remove(which % passes.len());
                    match step {
                        2 => circuit.succeeded(pass, now),
                        3 => circuit.failed(pass, SERVER, now),
                        4 => circuit.failed(pass, Failure { sticky: true, ..SERVER }, now),
                        _ => circuit.abandoned(pass),
                    }
                }
                let generation = circuit.generation;
                let probes = passes.iter().filter(|pass| pass.probe && pass.generation == generation);
                prop_assert!(probes.count() <= 1);
            }
            for pass in passes.drain(..) {
                circuit.abandoned(pass);
            }
            now += LONGEST_REST;
            call(&mut circuit, None, now);
            prop_assert_eq!(circuit.state(now), BreakerState::Closed);
        }
    }
}
