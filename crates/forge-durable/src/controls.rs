//! Commands that steer running work.

use std::{
    collections::VecDeque,
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::Context,
};

use futures_util::task::AtomicWaker;

/// Steers running work by the commands of its [`Machine`](crate::Machine). Clones steer the same one.
///
/// Commands are queued and handled in their order, between two steps of the run. Sending never waits and
/// never fails; a command that comes after the end of the work, or that is not read by then, is dropped.
pub struct Controls<C>(Arc<Shared<C>>);

struct Shared<C> {
    /// `None` once the work is over.
    commands: Mutex<Option<VecDeque<C>>>,
    waker: AtomicWaker,
}

impl<C> Controls<C> {
    pub(crate) fn new() -> Self {
        Self(Arc::new(Shared { commands: Mutex::new(Some(VecDeque::new())), waker: AtomicWaker::new() }))
    }

    /// Sends a command.
    pub fn send(&self, command: C) {
        // The command before the wake, so that the task finds it.
        if let Some(commands) = &mut *self.commands() {
            commands.push_back(command);
        }
        self.0.waker.wake();
    }

    pub(crate) fn take(&self) -> Option<C> {
        self.commands().as_mut()?.pop_front()
    }

    /// Whether a command is waiting; if not, `cx` is woken when one arrives.
    pub(crate) fn is_called(&self, cx: &Context<'_>) -> bool {
        // Registered before the queue is read: a command that comes between the two wakes the task.
        self.0.waker.register(cx.waker());
        self.commands().as_ref().is_some_and(|commands| !commands.is_empty())
    }

    /// No code panics under this lock, so that a poisoned queue is still whole.
    fn commands(&self) -> MutexGuard<'_, Option<VecDeque<C>>> {
        self.0.commands.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<C> Clone for Controls<C> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<C> fmt::Debug for Controls<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Controls").finish_non_exhaustive()
    }
}

/// The run's end of its controls. What is sent after it is gone is dropped, so that whoever waits for an answer gets none.
pub(crate) struct Commanded<C>(pub(crate) Controls<C>);

impl<C> Drop for Commanded<C> {
    fn drop(&mut self) {
        let unread = self.0.commands().take();
        // Outside of the lock: dropping a command may run code of others.
        drop(unread);
    }
}
