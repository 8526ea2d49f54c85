//! Tells those who watch a store that something in it has changed.

use std::{
    future::poll_fn,
    sync::{Mutex, MutexGuard, PoisonError},
    task::{Poll, Waker},
};

/// A counter of changes that futures can wait for. Stores have one for the watchers of their streams.
///
/// Whoever waits asks for the count first, then looks at the store, and waits for another count if there is
/// nothing new: a change in between is never missed.
#[derive(Debug, Default)]
pub struct Changes(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    count: u64,
    waiting: Vec<Waker>,
    watchers: usize,
}

/// Somebody who waits, until it is dropped.
struct Watcher<'a>(&'a Changes);

impl Drop for Watcher<'_> {
    fn drop(&mut self) {
        self.0.state().watchers -= 1;
    }
}

impl Changes {
    /// How many changes there were.
    pub fn count(&self) -> u64 {
        self.state().count
    }

    /// Counts a change and wakes everybody who waits.
    pub fn notify(&self) {
        let mut state = self.state();
        state.count += 1;
        // Woken without the lock, which every waiter takes first.
        let waiting = std::mem::take(&mut state.waiting);
        drop(state);
        waiting.into_iter().for_each(Waker::wake);
    }

    /// Waits until the count differs from `seen`. Dropping the future ends the wait.
    pub async fn after(&self, seen: u64) {
        self.state().watchers += 1;
        // A wait may be dropped at any point, and nobody is watching then.
        let _watcher = Watcher(self);
        poll_fn(|cx| {
            let mut state = self.state();
            if state.count != seen {
                return Poll::Ready(());
            }
            // A task that is polled often before a change would fill the list.
            if !state.waiting.iter().any(|waker| waker.will_wake(cx.waker())) {
                state.waiting.push(cx.waker().clone());
            }
            Poll::Pending
        })
        .await;
    }

    /// Whether anybody waits.
    pub fn is_watched(&self) -> bool {
        self.state().watchers > 0
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // A counter and a list are whole at every step, and so is a lock that a panic has poisoned.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
