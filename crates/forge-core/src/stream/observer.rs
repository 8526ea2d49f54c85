//! Who sees a reply pass by.

use std::task::Context;

use crate::{error::ProviderError, event::StreamEvent};

/// Sees what becomes of one call, and is dropped as soon as the call is over, however it ends. Its
/// `Drop` gives back what the call held.
pub trait StreamObserver: Send + 'static {
    /// An event of the reply. [`StreamEvent::Finished`] is the last thing it sees.
    fn event(&mut self, event: &StreamEvent);

    /// The call failed; without an error, the reply just ended. The last thing it sees. It may add what it knows to the
    /// error.
    fn failure(&mut self, error: Option<&mut ProviderError>);

    /// Nothing of the reply is there yet. With an error, the call ends here: the observer is dropped with the reply, and
    /// those further out see the failure. For clocks and cancellations, which have `task` woken by themselves.
    fn pending(&mut self, task: &mut Context<'_>) -> Option<ProviderError> {
        let _ = task;
        None
    }
}
