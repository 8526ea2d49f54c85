//! Whole replies become events.

use forge_core::ErrorKind;
use forge_http::{Events, Failure};

use super::Decoder;

impl Decoder {
    /// Takes a whole reply; see [`from_wire`].
    pub fn whole(mut self, body: &[u8], events: &mut Events) -> Result<(), Failure> {
        if !self.take(body, events)? {
            let message = "the reply has no choices; it is not a chat completion";
            return Err(Failure::new(ErrorKind::Decode, message));
        }
        self.finish(events)
    }
}

/// Turns a whole reply into the same events as its stream.
///
/// # Errors
/// An error in the place of the reply, or a reply without a finish reason.
pub fn from_wire(body: &[u8], events: &mut Events) -> Result<(), Failure> {
    Decoder::new().whole(body, events)
}
