//! How long a panel is waited for.

use std::time::Duration;

/// The shortest grace for those who have not answered when enough have.
const LEAST_GRACE: Duration = Duration::from_secs(5);

/// When the panel is closed: half as long again as the last needed answer took, at least five seconds, after
/// it came. `answers` are (when it came, how long it took), in any order; `None` while too few are there.
pub(crate) fn closes(required: usize, answers: &[(Duration, Duration)]) -> Option<Duration> {
    let mut answers = answers.to_vec();
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
}
