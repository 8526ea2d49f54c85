//! From the vendor's whole reply to events.

use forge_core::{ErrorKind, ModelId};
use forge_http::{Events, Failure, lenient::Items};

use crate::{
    error,
    stream::Decoder,
    wire::{error::ErrorBody, reply::Message},
};

/// The events of a whole reply to a request for `asked`.
pub(crate) fn from_wire(body: &str, asked: &ModelId, events: &mut Events) -> Result<(), Failure> {
    let message: Message<'_> =
        serde_json::from_str(body).map_err(|error| Failure::decode("the reply", &error))?;
    match &message.content {
        Items::Known(_) => {}
        // A refusal may come without any block; its reason alone makes it a reply.
        Items::Missing if message.stop_reason.is_some() => {}
        Items::Missing | Items::Odd => return Err(not_a_message(body)),
    }
    let mut decoder = Decoder::new(asked.clone());
    decoder.message(message, events)?;
    decoder.finish(events);
    Ok(())
}

/// Some proxies answer 200 with an error inside.
fn not_a_message(body: &str) -> Failure {
    match ErrorBody::read(body.as_bytes()) {
        Some(error) => error::from_body(error, ErrorKind::Server),
        None => {
            Failure::new(ErrorKind::Decode, "the reply has no stop_reason and no blocks; it is not a message")
        }
    }
}
