//! From frames to events.

use std::collections::VecDeque;

use forge_core::StreamEvent;

use crate::{failure::Failure, frames::Frame};

/// Events on their way to the caller, oldest first.
pub type Events = VecDeque<StreamEvent>;

/// Turns a vendor's frames into events. One value decodes one stream.
pub trait Decode: Send + Unpin + 'static {
    /// Takes one frame and adds the events it means. Nothing may follow
    /// [`StreamEvent::Finished`].
    fn frame(&mut self, frame: Frame<'_>, events: &mut Events) -> Result<(), Failure>;

    /// The body came to a clean end after the last frame. A decoder whose vendor has already said that
    /// the reply is complete adds the last events; the default says that the reply was cut off.
    fn end(&mut self, _events: &mut Events) -> Result<(), Failure> {
        Err(Failure::truncated())
    }
}
