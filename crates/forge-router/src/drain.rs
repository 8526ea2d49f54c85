//! The calls under way, so that they can end before the process does.

use std::{
    collections::HashMap,
    future::poll_fn,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll, Waker},
    time::{Duration, Instant},
};

use forge_layers::Timer;
use futures_util::task::AtomicWaker;

/// How long those who are told to go are waited for.
const FAREWELL: Duration = Duration::from_millis(200);

/// Counts calls and, once closed, waits for their end.
#[derive(Debug, Default)]
pub(crate) struct Drain(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    closed: bool,
    next: u64,
    calls: HashMap<u64, Arc<Cut>>,
    waiting: Vec<Waker>,
}

/// Tells one call to end.
#[derive(Debug, Default)]
struct Cut {
    cut: AtomicBool,
    waker: AtomicWaker,
}

impl Cut {
    fn is_set(&self, task: &Context<'_>) -> bool {
        self.waker.register(task.waker());
        self.cut.load(Ordering::Acquire)
    }
}

impl Drain {
    /// Lets a call in; `None` once closed.
    pub(crate) fn enter(drain: &Arc<Self>) -> Option<Inside> {
        let mut state = drain.lock();
        if state.closed {
            return None;
        }
        let (place, cut) = (state.next, Arc::<Cut>::default());
        state.next += 1;
        state.calls.insert(place, Arc::clone(&cut));
        Some(Inside { drain: Arc::clone(drain), place, cut })
    }

    pub(crate) fn in_flight(&self) -> usize {
        self.lock().calls.len()
    }

    /// Lets nobody in any more, waits until everybody has left, at most until `until`, and then tells those
    /// who are left to go, and waits a moment for what they leave in the accounts. Returns how many those were.
    pub(crate) async fn close(&self, timer: &dyn Timer, until: Option<Instant>) -> usize {
        self.lock().closed = true;
        if self.is_empty_by(timer, until).await {
            return 0;
        }
        let left: Vec<Arc<Cut>> = self.lock().calls.values().cloned().collect();
        for call in &left {
            call.cut.store(true, Ordering::Release);
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
pub(crate) struct Inside {
    drain: Arc<Drain>,
    place: u64,
    cut: Arc<Cut>,
}

impl Inside {
    /// Looks out for the end while the call is somewhere else.
    pub(crate) fn watch(&self) -> Watch {
        Watch(Arc::clone(&self.cut))
    }

    /// Whether the call has to end now; wakes the task when it has to.
    pub(crate) fn is_cut(&self, task: &Context<'_>) -> bool {
        self.cut.is_set(task)
    }
}

/// Looks out for the end of a call.
#[derive(Debug)]
pub(crate) struct Watch(Arc<Cut>);

impl Watch {
    pub(crate) fn is_cut(&self, task: &Context<'_>) -> bool {
        self.0.is_set(task)
    }
}

impl Drop for Inside {
    fn drop(&mut self) {
        let mut state = self.drain.lock();
        state.calls.remove(&self.place);
        let waiting = if state.calls.is_empty() { std::mem::take(&mut state.waiting) } else { Vec::new() };
        drop(state);
        for waker in waiting {
            waker.wake();
        }
    }
}

#[cfg(test)]
mod tests {
    use forge_core::Clock as _;
    use forge_layers::ManualTimer;
    use futures_util::FutureExt as _;

    use super::*;

    #[test]
    fn a_closed_door_waits_for_those_inside_and_then_sends_them_away() {
        let (drain, timer) = (Arc::new(Drain::default()), ManualTimer::new());
        let (early, late) = (Drain::enter(&drain).unwrap(), Drain::enter(&drain).unwrap());
        let until = Some(timer.instant() + Duration::from_secs(5));
        let mut closing = Box::pin(drain.close(&timer, until));
        let silent = Drain::enter(&drain).unwrap();
        assert!(closing.as_mut().now_or_never().is_none());
        assert!(Drain::enter(&drain).is_none());
        drop(early);
        assert!(closing.as_mut().now_or_never().is_none());
        let task = Context::from_waker(Waker::noop());
        assert!(!late.is_cut(&task));
        timer.advance(Duration::from_secs(5));
        assert!(closing.as_mut().now_or_never().is_none(), "it hears what they say at the end");
        assert!(late.is_cut(&task) && silent.is_cut(&task));
        drop(late);
        timer.advance(FAREWELL);
        assert_eq!(closing.now_or_never(), Some(2), "one that does not listen is left behind");
        drop(silent);
        assert_eq!(drain.close(&timer, until).now_or_never(), Some(0), "closing again is no mistake");
    }
}
