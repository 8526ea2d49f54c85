//! Commands that steer running work.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, PoisonError},
    task::Context,
};

use futures_util::task::AtomicWaker;

/// Steers running work. Clones steer the same one.
///
/// Commands are queued and handled in their order, between two steps of the run. Sending never waits and
/// never fails; a command that comes after the end of the work is never read.
#[derive(Debug, Clone, Default)]
pub struct Controls(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    commands: Mutex<VecDeque<Command>>,
    waker: AtomicWaker,
}

/// A command. Each machine interprets it in its own terms.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Command {
    /// Start no further effects.
    Pause,
    /// Start effects again.
    Resume,
    /// Cancel effects in flight and stop.
    Abort,
    /// Continue without the effects in flight.
    Skip,
    /// Take this into account from now on.
    Feedback(String),
}

impl Controls {
    /// Lets effects in flight finish and starts no new ones.
    pub fn pause(&self) {
        self.send(Command::Pause);
    }

    /// Starts effects again.
    pub fn resume(&self) {
        self.send(Command::Resume);
    }

    /// Cancels effects in flight and stops the work, which can be resumed later.
    pub fn abort(&self) {
        self.send(Command::Abort);
    }

    /// Continues without the effects in flight.
    pub fn skip(&self) {
        self.send(Command::Skip);
    }

    /// Gives the next steps feedback to take into account.
    pub fn feedback(&self, text: impl Into<String>) {
        self.send(Command::Feedback(text.into()));
    }

    fn send(&self, command: Command) {
        // The command before the wake, so that the task finds it. No code panics under this lock, so that a
        // poisoned queue is still whole.
        self.0.commands.lock().unwrap_or_else(PoisonError::into_inner).push_back(command);
        self.0.waker.wake();
    }

    pub(crate) fn take(&self) -> Option<Command> {
        self.0.commands.lock().unwrap_or_else(PoisonError::into_inner).pop_front()
    }

    /// Whether a command is waiting; if not, `cx` is woken when one arrives.
    pub(crate) fn is_called(&self, cx: &Context<'_>) -> bool {
        // Registered before the queue is read: a command that comes between the two wakes the task.
        self.0.waker.register(cx.waker());
        !self.0.commands.lock().unwrap_or_else(PoisonError::into_inner).is_empty()
    }
}
