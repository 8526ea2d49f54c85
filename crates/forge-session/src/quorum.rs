//! How long a panel waits for its critics.

use std::time::Duration;

/// The shortest grace period for the critics that have not answered when enough have.
const LEAST_GRACE: Duration = Duration::from_secs(5);

/// When the panel closes: after the last required answer arrived, plus half the time it took, at least five seconds.
/// `answers` are (when it arrived, how long it took), in any order. `None` while there are too few.
pub(crate) fn closes(required: usize, answers: &[(Duration, Duration)]) -> Option<Duration> {
    let mut answers = answers.to_vec();
    // By arrival: the last of the required answers is the measure, however fast the others were.
    answers.sort_unstable();
    let (came, took) = answers.get(required.checked_sub(1)?)?;
    Some(*came + (*took / 2).max(LEAST_GRACE))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_grace_is_half_as_long_again_but_at_least_five_seconds() {
        let s = Duration::from_secs;
        assert_eq!(closes(2, &[(s(20), s(20))]), None);
        assert_eq!(closes(2, &[(s(50), s(40)), (s(20), s(10))]), Some(s(70)));
        assert_eq!(closes(1, &[(s(50), s(40)), (s(12), s(2))]), Some(s(17)));
        assert_eq!(closes(0, &[(s(1), s(1))]), None);
    }

    /// 60,000 rounds of three critics: lognormal around 20 s, 3 % of them four times slower, 1 % hang, 90 s at most.
    #[test]
    fn stragglers_cost_little_and_few_answers_are_lost() {
        let ceiling = 90.0;
        let mut rng = fastrand::Rng::with_seed(3);
        let mut latency = || {
            let normal =
                (-2.0 * rng.f64().max(1e-12).ln()).sqrt() * (std::f64::consts::TAU * rng.f64()).cos();
            let slow = if rng.f64() < 0.03 { 4.0 } else { 1.0 };
            if rng.f64() < 0.01 { f64::INFINITY } else { 20.0 * (0.5 * normal).exp() * slow }
        };
        let (mut times, mut kept, mut failed) = (Vec::new(), 0, 0);
        for _ in 0..60_000 {
            let all: Vec<f64> = (0..3).map(|_| latency()).collect();
            let came = |until: f64| all.iter().copied().filter(move |one| *one <= until && *one <= ceiling);
            let answers: Vec<_> = came(ceiling).map(Duration::from_secs_f64).map(|at| (at, at)).collect();
            let closed = closes(2, &answers).map_or(ceiling, |at| at.as_secs_f64().min(ceiling));
            let whole = came(closed).count() == 3;
            times.push(if whole { came(closed).fold(0.0, f64::max) } else { closed });
            kept += came(closed).count();
            failed += usize::from(came(closed).count() < 2);
        }
        times.sort_by(f64::total_cmp);
        let (p95, p99) = (times[57_000], times[59_400]);
        let (kept, failed) = (kept as f64 / 60_000.0, failed as f64 / 60_000.0);
        assert!(p95 <= 55.0 && p99 <= 75.0 && kept >= 2.5 && failed <= 0.002, "{p95} {p99} {kept} {failed}");
    }
}
