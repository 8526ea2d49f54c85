//! From the vendor's whole reply to events.

use forge_core::{ErrorKind, ModelId};
use forge_http::{Events, Failure};

use crate::stream::Decoder;

/// The events of a whole reply to a request for `asked`. It has the form of a stream's one frame.
pub(crate) fn from_wire(body: &str, asked: &ModelId, events: &mut Events) -> Result<(), Failure> {
    let mut decoder = Decoder::new(asked.clone());
    decoder.take(body, events)?;
    // A body is whole even if it does not say why the model stopped; one without content says nothing at all.
    if decoder.is_finished() || decoder.wrote() {
        decoder.finish(events);
        return Ok(());
    }
    // To hand out an empty answer as a success would hide a server that is no Gemini API.
    Err(Failure::new(
        ErrorKind::Decode,
        "the reply has no content and no finishReason; it is not a completion",
    ))
}
