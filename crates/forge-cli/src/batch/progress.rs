//! How far a batch is, in a line for people.

use std::time::{Duration, Instant};

use forge::{Money, batch::BatchReport};

/// What was there when this run began.
#[derive(Debug)]
pub(super) struct Progress {
    done: u64,
    at: Instant,
    cap: Option<Money>,
}

impl Progress {
    pub(super) const fn new(begun: &BatchReport, cap: Option<Money>, now: Instant) -> Self {
        Self { done: begun.done, at: now, cap }
    }

    /// Such as `1200 of 9000 lines, 3 failed, 41.3/s, about 3m 9s left, $0.52 of $2`.
    pub(super) fn tell(&self, report: &BatchReport, now: Instant) -> String {
        let took = now.saturating_duration_since(self.at).as_secs_f64();
        let BatchReport { lines, done, failed, cost, .. } = report;
        let asked = done.saturating_sub(self.done);
        let money = self.cap.map_or_else(|| cost.to_string(), |cap| format!("{cost} of {cap}"));
        if asked == 0 || took <= 0.0 {
            return format!("{done} of {lines} lines, {failed} failed, {money}");
        }
        #[expect(clippy::cast_precision_loss, reason = "a rate that people read")]
        let (rate, left) = (asked as f64 / took, lines.saturating_sub(*done) as f64);
        let left = Duration::try_from_secs_f64((left / rate).ceil()).unwrap_or_default();
        let left = humantime::format_duration(left);
        format!("{done} of {lines} lines, {failed} failed, {rate:.1}/s, about {left} left, {money}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_left_is_that_of_this_runs_pace() {
        let at = |done, failed| {
            let mut report = BatchReport::default();
            (report.lines, report.done, report.failed) = (9_000, done, failed);
            report.cost = Money::from_nanos(520_000_000);
            report
        };
        let begun = Instant::now();
        let progress = Progress::new(&at(1_000, 0), Some(Money::from_nanos(2_000_000_000)), begun);
        let said = progress.tell(&at(1_400, 3), begun + Duration::from_secs(10));
        assert_eq!(said, "1400 of 9000 lines, 3 failed, 40.0/s, about 3m 10s left, $0.52 of $2.00");
        let said = progress.tell(&at(1_000, 0), begun + Duration::from_secs(10));
        assert_eq!(said, "1000 of 9000 lines, 0 failed, $0.52 of $2.00");
    }
}
