//! Commands that steer a session, and what becomes of them.

use std::{
    fmt,
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use futures_channel::oneshot;

use crate::{decision::Decision, error::CommandError};

/// Steers a session while it runs. Clones steer the same one.
///
/// Each command is told of by a [`Receipt`], which need not be waited for.
#[derive(Debug, Clone)]
pub struct Controls {
    session: forge_durable::Controls<Command>,
    by: Option<Arc<str>>,
}

/// What somebody wants of a session.
pub(crate) struct Command {
    /// Who.
    pub(crate) by: Option<String>,
    pub(crate) order: Order,
    /// Told once it is on disk, or why it is not. Dropped, it says that the session is over.
    pub(crate) receipt: oneshot::Sender<Result<(), CommandError>>,
}

/// What is wanted.
#[derive(Debug, PartialEq)]
pub(crate) enum Order {
    Pause,
    Resume,
    Abort,
    Skip,
    Feedback(String),
    Edit { base: u32, text: String },
    Decide { cycle: u32, decision: Decision },
}

impl Controls {
    pub(crate) fn new(session: forge_durable::Controls<Command>) -> Self {
        Self { session, by: None }
    }

    /// The same for somebody with a name, under which the journal has what is done.
    pub fn by(&self, name: &str) -> Self {
        Self { session: self.session.clone(), by: Some(name.into()) }
    }

    /// Lets calls in flight finish and starts no new ones.
    pub fn pause(&self) -> Receipt {
        self.send(Order::Pause)
    }

    /// Starts calls again. What somebody with a name has paused, only somebody with a name lets go on.
    pub fn resume(&self) -> Receipt {
        self.send(Order::Resume)
    }

    /// Cancels calls in flight and ends the session, which can be resumed later.
    pub fn abort(&self) -> Receipt {
        self.send(Order::Abort)
    }

    /// Continues without the calls in flight.
    pub fn skip(&self) -> Receipt {
        self.send(Order::Skip)
    }

    /// Gives the next stages feedback to take into account.
    pub fn feedback(&self, text: impl Into<String>) -> Receipt {
        self.send(Order::Feedback(text.into()))
    }

    /// Puts `text` in the place of version `base` of the document, which must be the newest one: versions count from 1, the
    /// draft. Between two stages only, where no critic has begun to read; the next panel reads the new text.
    pub fn edit(&self, base: u32, text: impl Into<String>) -> Receipt {
        self.send(Order::Edit { base, text: text.into() })
    }

    /// Decides what to do after `cycle`, where the session waits for that. The first decision holds.
    pub fn decide(&self, cycle: u32, decision: Decision) -> Receipt {
        self.send(Order::Decide { cycle, decision })
    }

    fn send(&self, order: Order) -> Receipt {
        let (receipt, answer) = oneshot::channel();
        self.session.send(Command { by: self.by.as_deref().map(str::to_owned), order, receipt });
        Receipt(answer)
    }
}

/// What becomes of a command: nothing more to say once the journal has it, or why it was refused.
#[derive(Debug)]
pub struct Receipt(oneshot::Receiver<Result<(), CommandError>>);

impl Future for Receipt {
    type Output = Result<(), CommandError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        // Nobody is left to answer: the run has ended, also where it ended before the command was on disk.
        Pin::new(&mut self.0).poll(cx).map(|answer| answer.unwrap_or(Err(CommandError::Over)))
    }
}

impl fmt::Debug for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Command").field("by", &self.by).field("order", &self.order).finish_non_exhaustive()
    }
}
