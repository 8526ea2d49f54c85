//! Equal calls at the same time: one goes out, the others wait for what comes of it.

use std::{future::poll_fn, sync::Arc, task::Poll, time::Duration};

use forge_core::{CallContext, StreamEvent};

use super::{Cache, entries::Waiting};

/// How long a call waits for an equal one. A client that reads its reply slowly must not hold up everybody else.
const PATIENCE: Duration = Duration::from_secs(120);

/// The part of a call whose reply may be kept.
pub(super) enum Turn {
    /// Its reply is there, or has come while it waited.
    Hit { events: Arc<[StreamEvent]>, has_waited: bool },
    /// It goes out, and others wait for it.
    Lead(Flight),
    /// It goes out by itself: the call that it has waited for left no reply, or took too long.
    Alone,
}

/// A call that others wait for, until its reply has ended or is dropped.
pub(super) struct Flight {
    cache: Cache,
    key: Arc<str>,
}

impl Drop for Flight {
    fn drop(&mut self) {
        let waiting = self.cache.lock().waiting.remove(&self.key);
        if let Some(waiting) = waiting {
            waiting.wake();
        }
    }
}

impl Cache {
    /// What becomes of a call with this key.
    pub(super) async fn turn(&self, key: &Arc<str>, cx: &CallContext) -> Turn {
        let patience = cx.timer.instant().checked_add(PATIENCE);
        let until = patience.into_iter().chain(cx.deadline).min();
        let mut alarm = None;
        let mut has_waited = false;
        poll_fn(move |task| {
            let mut entries = self.lock();
            if let Some(events) = entries.find(key, cx.timer.instant()) {
                return Poll::Ready(Turn::Hit { events, has_waited });
            }
            match entries.waiting.get_mut(key) {
                Some(waiting) => waiting.register(task.waker()),
                None if has_waited => return Poll::Ready(Turn::Alone),
                None => {
                    entries.waiting.insert(Arc::clone(key), Waiting::default());
                    let flight = Flight { cache: self.clone(), key: Arc::clone(key) };
                    return Poll::Ready(Turn::Lead(flight));
                }
            }
            drop(entries);
            has_waited = true;
            let Some(until) = until else { return Poll::Pending };
            let alarm = alarm.get_or_insert_with(|| cx.timer.sleep_until(until));
            alarm.as_mut().poll(task).map(|()| Turn::Alone)
        })
        .await
    }
}
