//! Commands to work that is running.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, PoisonError},
    task::Context,
};

use futures_util::task::AtomicWaker;

/// Steers running work. Clones steer the same one.
#[derive(Debug, Clone, Default)]
pub struct Controls(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    commands: Mutex<VecDeque<Command>>,
    waker: AtomicWaker,
}

/// A command, which each machine understands in its own way.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Command {
    /// Begin no further effect.
    Pause,
    /// Begin effects again.
    Resume,
    /// Cancel what is under way, and end.
    Abort,
    /// Go on without the rest of what is under way.
    Skip,
    /// Mind this from now on.
    Feedback(String),
}

impl Controls {
    /// Lets effects that are under way end and begins no new ones.
    pub fn pause(&self) {
        self.send(Command::Pause);
    }

    /// Begins effects again.
    pub fn resume(&self) {
        self.send(Command::Resume);
    }

    /// Cancels what is under way and ends the work. It can be resumed later.
    pub fn abort(&self) {
        self.send(Command::Abort);
    }

    /// Goes on without the rest of what is under way.
    pub fn skip(&self) {
        self.send(Command::Skip);
    }

    /// Tells the next steps something.
    pub fn feedback(&self, text: impl Into<String>) {
        self.send(Command::Feedback(text.into()));
    }

    fn send(&self, command: Command) {
        self.0.commands.lock().unwrap_or_else(PoisonError::into_inner).push_back(command);
        self.0.waker.wake();
    }

    pub(crate) fn take(&self) -> Option<Command> {
        self.0.commands.lock().unwrap_or_else(PoisonError::into_inner).pop_front()
    }

    /// Whether there is a command; if not, `cx` is woken when one comes.
    pub(crate) fn is_called(&self, cx: &Context<'_>) -> bool {
        self.0.waker.register(cx.waker());
        !self.0.commands.lock().unwrap_or_else(PoisonError::into_inner).is_empty()
    }
}
