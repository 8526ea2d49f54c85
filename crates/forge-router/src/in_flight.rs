//! The calls under way, so that they can end before the process does.

use std::{
    collections::BTreeMap,
    future::poll_fn,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll, Waker},
    time::{Duration, Instant},
};

use forge_core::time::Timer;
use futures_util::task::AtomicWaker;

/// How long cancelled calls have to end.
const FAREWELL: Duration = Duration::from_millis(200);

/// Counts calls and, once closed, waits for their end.
#[derive(Debug, Default)]
pub(crate) struct InFlight(Mutex<State>);

/// The calls under way by their numbers, and who waits until there are none.
#[derive(Debug, Default)]
struct State {
    closed: bool,
    next: u64,
    calls: BTreeMap<u64, Arc<CancelFlag>>,
    waiting: Vec<Waker>,
}

/// Tells one call to end.
#[derive(Debug, Default)]
struct CancelFlag {
    cancelled: AtomicBool,
    waker: AtomicWaker,
}

impl CancelFlag {
    /// Whether the call has to end; wakes the task when it has to.
    fn poll(&self, task: &Context<'_>) -> bool {
        // Before the flag is read: a cancellation between the two wakes the task.
        self.waker.register(task.waker());
        self.cancelled.load(Ordering::Acquire)
    }
}

impl InFlight {
    /// Lets a call in; `None` once closed.
    pub(crate) fn enter(calls: &Arc<Self>) -> Option<InFlightGuard> {
        let mut state = calls.lock();
        if state.closed {
            return None;
        }
        let (place, cancel) = (state.next, Arc::<CancelFlag>::default());
        state.next += 1;
        state.calls.insert(place, Arc::clone(&cancel));
        Some(InFlightGuard { calls: Arc::clone(calls), place, cancel })
    }

    pub(crate) fn in_flight(&self) -> usize {
        self.lock().calls.len()
    }

    /// Refuses new calls, waits for those under way, at most until `until`, cancels the rest, and waits a moment
    /// for what they leave in the accounts. Returns how many were cancelled.
    pub(crate) async fn close(&self, timer: &dyn Timer, until: Option<Instant>) -> usize {
        // Under the lock that `enter` takes, so that no call slips in behind the count.
        self.lock().closed = true;
        if self.is_empty_by(timer, until).await {
            return 0;
        }
        let left: Vec<Arc<CancelFlag>> = self.lock().calls.values().cloned().collect();
        for call in &left {
            // The flag before the wake, so that the task finds it set.
            call.cancelled.store(true, Ordering::Release);
            call.waker.wake();
        }
        // Whoever does not even look at its call is not waited for any longer.
        self.is_empty_by(timer, timer.instant().checked_add(FAREWELL)).await;
        left.len()
    }

    async fn is_empty_by(&self, timer: &dyn Timer, until: Option<Instant>) -> bool {
        let mut alarm = until.map(|until| timer.sleep_until(until));
        poll_fn(|task| {
            if self.is_empty(task) {
                return Poll::Ready(true);
            }
            alarm.as_mut().map_or(Poll::Pending, |alarm| alarm.as_mut().poll(task).map(|()| false))
        })
        .await
    }

    /// Whether no call is under way; wakes the task when there is none.
    fn is_empty(&self, task: &Context<'_>) -> bool {
        let mut state = self.lock();
        let empty = state.calls.is_empty();
        if !empty && !state.waiting.iter().any(|waker| waker.will_wake(task.waker())) {
            state.waiting.push(task.waker().clone());
        }
        empty
    }

    /// No code here panics while it holds the lock, so a poisoned one is still whole.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A call under way, until it is dropped.
#[derive(Debug)]
pub(crate) struct InFlightGuard {
    calls: Arc<InFlight>,
    place: u64,
    cancel: Arc<CancelFlag>,
}

impl InFlightGuard {
    /// Watches for the cancellation while the guard is inside of the call.
    pub(crate) fn watch(&self) -> CancelWatch {
        CancelWatch(Arc::clone(&self.cancel))
    }

    /// Whether the call has to end now; wakes the task when it has to.
    pub(crate) fn poll_cancelled(&self, task: &Context<'_>) -> bool {
        self.cancel.poll(task)
    }
}

/// Watches for the cancellation of a call.
#[derive(Debug)]
pub(crate) struct CancelWatch(Arc<CancelFlag>);

impl CancelWatch {
    pub(crate) fn poll_cancelled(&self, task: &Context<'_>) -> bool {
        self.0.poll(task)
    }
}

impl Drop for InFlightGuard {
    fn drop(&mut self) {
        let mut state = self.calls.lock();
        state.calls.remove(&self.place);
        // Woken once the lock is free: a task that looks at once must not wait for it.
        let waiting = if state.calls.is_empty() { std::mem::take(&mut state.waiting) } else { Vec::new() };
        drop(state);
        for waker in waiting {
            waker.wake();
        }
    }
}

#[cfg(test)]
mod tests {
    use forge_core::time::{Clock as _, ManualTimer};
    use futures_util::FutureExt as _;

    use super::*;

    #[test]
    fn closing_waits_for_the_calls_under_way_and_then_cancels_them() {
        let (calls, timer) = (Arc::new(InFlight::default()), ManualTimer::new());
        let (early, late) = (InFlight::enter(&calls).unwrap(), InFlight::enter(&calls).unwrap());
        let until = Some(timer.instant() + Duration::from_secs(5));
        let mut closing = Box::pin(calls.close(&timer, until));
        let silent = InFlight::enter(&calls).unwrap();
        assert!(closing.as_mut().now_or_never().is_none());
        assert!(InFlight::enter(&calls).is_none());
        drop(early);
        assert!(closing.as_mut().now_or_never().is_none());
        let task = Context::from_waker(Waker::noop());
        assert!(!late.poll_cancelled(&task));
        timer.advance(Duration::from_secs(5));
        assert!(closing.as_mut().now_or_never().is_none(), "it hears what they say at the end");
        assert!(late.poll_cancelled(&task) && silent.poll_cancelled(&task));
        drop(late);
        timer.advance(FAREWELL);
        assert_eq!(closing.now_or_never(), Some(2), "one that does not listen is left behind");
        drop(silent);
        assert_eq!(calls.close(&timer, until).now_or_never(), Some(0), "closing again is no mistake");
    }
}
