//! Whole replies become events.

use forge_core::ErrorKind;
use forge_http::{Events, Failure};

use super::{Decoder, stream::Extent};

impl Decoder {
    /// Takes a whole reply; see [`from_wire`].
    pub fn whole(mut self, body: &str, events: &mut Events) -> Result<(), Failure> {
        if !self.take(Extent::Whole, body, events)? {
            let message = "the reply has no choices; it is not a chat completion";
            return Err(Failure::new(ErrorKind::Decode, message));
        }
        self.finish(Extent::Whole, events)
    }
}

/// Turns a whole reply into the same events as its stream.
///
/// # Errors
/// An error in the place of the reply, or a reply without a message.
pub fn from_wire(body: &str, events: &mut Events) -> Result<(), Failure> {
    Decoder::new().whole(body, events)
}
