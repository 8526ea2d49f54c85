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

    /// How many bytes of text a frame adds to a part that has begun, where it does nothing else. Such a frame of a reply
    /// that is passed on need not be decoded; the default decodes every frame.
    fn added_text(&mut self, _frame: Frame<'_>) -> Option<usize> {
        None
    }

    /// What becomes of the bytes of the frame that was decoded last, where the reply is passed on.
    fn passage(&self) -> Passage {
        Passage::Now
    }
}

/// When the bytes of a frame go on to a client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(clippy::exhaustive_enums, reason = "a stream has to follow each of them")]
pub enum Passage {
    /// At once.
    Now,
    /// With the end of the reply, since they say how it ended: before it is over, that may turn out to be wrong.
    AtEnd,
    /// Never: the client has not asked for what they say.
    Never,
}
