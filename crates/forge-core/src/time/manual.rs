//! A time that moves by hand.

use std::{
    future::Future,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, Waker},
    time::{Duration, Instant},
};

use chrono::{DateTime, Utc};

use super::{Clock, SystemTimer, Timer, Wait};

/// A timer that moves only when it is told to; for tests of code that waits.
///
/// ```
/// use std::time::Duration;
/// use forge_core::time::{Clock, ManualTimer};
///
/// let timer = ManualTimer::new();
/// let before = timer.instant();
/// timer.advance(Duration::from_secs(60));
/// assert_eq!(timer.instant() - before, Duration::from_secs(60));
/// ```
#[derive(Debug, Clone)]
pub struct ManualTimer {
    origin: Instant,
    state: Arc<Mutex<State>>,
}

#[derive(Debug, Default)]
struct State {
    elapsed: Duration,
    sleepers: Vec<(Duration, Waker)>,
}

impl ManualTimer {
    /// A timer at the beginning of the Unix epoch.
    pub fn new() -> Self {
        // The system's clock gives the origin because nothing else makes an instant. Only differences count.
        Self { origin: SystemTimer.instant(), state: Arc::default() }
    }

    /// Moves time forward and wakes those whose time has come.
    pub fn advance(&self, by: Duration) {
        let mut state = self.lock();
        state.elapsed += by;
        let now = state.elapsed;
        let (due, later) = std::mem::take(&mut state.sleepers).into_iter().partition(|(at, _)| *at <= now);
        state.sleepers = later;
        // Whoever is woken may ask for the time, which takes the lock.
        drop(state);
        let due: Vec<(Duration, Waker)> = due;
        for (_, waker) in due {
            waker.wake();
        }
    }

    /// When the first sleeper wakes, as the time from now; `None` if nobody sleeps.
    pub fn next_wake(&self) -> Option<Duration> {
        let state = self.lock();
        state.sleepers.iter().map(|(at, _)| at.saturating_sub(state.elapsed)).min()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for ManualTimer {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for ManualTimer {
    fn now(&self) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + self.lock().elapsed
    }

    fn instant(&self) -> Instant {
        self.origin + self.lock().elapsed
    }
}

impl Timer for ManualTimer {
    fn sleep_until(&self, at: Instant) -> Wait {
        Box::pin(Sleeper { at: at.saturating_duration_since(self.origin), timer: self.clone() })
    }
}

struct Sleeper {
    at: Duration,
    timer: ManualTimer,
}

impl Future for Sleeper {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let mut state = self.timer.lock();
        if state.elapsed >= self.at {
            return Poll::Ready(());
        }
        let waker = cx.waker();
        if !state.sleepers.iter().any(|(at, known)| *at == self.at && known.will_wake(waker)) {
            state.sleepers.push((self.at, waker.clone()));
        }
        Poll::Pending
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;

    use super::*;

    #[test]
    fn a_sleeper_wakes_when_time_has_moved_far_enough() {
        let timer = ManualTimer::new();
        let mut sleep = timer.sleep_until(timer.instant() + Duration::from_secs(10));
        assert!(sleep.as_mut().now_or_never().is_none());
        timer.advance(Duration::from_secs(4));
        assert_eq!(timer.next_wake(), Some(Duration::from_secs(6)));
        assert!(sleep.as_mut().now_or_never().is_none());
        timer.advance(Duration::from_secs(6));
        assert!(sleep.now_or_never().is_some());
    }
}
