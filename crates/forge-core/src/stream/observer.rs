//! Who sees a reply pass by.

use crate::{error::ProviderError, event::StreamEvent};

/// Sees what becomes of one call, and is dropped as soon as the call is over, however it ends. Its
/// `Drop` gives back what the call held.
pub trait StreamObserver: Send + 'static {
    /// An event of the reply. [`StreamEvent::Finished`] is the last thing it sees.
    fn event(&mut self, event: &StreamEvent);

    /// The call failed; without an error, the reply just ended. The last thing it sees.
    fn failure(&mut self, error: Option<&ProviderError>);
}
