//! Bodies and frames as bytes.

use crate::wire::outgoing::Event;

pub(super) fn json(value: &impl serde::Serialize) -> Vec<u8> {
    // Texts and numbers always have a form in JSON.
    serde_json::to_vec(value).unwrap_or_default()
}

/// Adds a frame.
pub(super) fn write(out: &mut Vec<u8>, event: &Event<'_>) {
    out.extend_from_slice(b"event: ");
    out.extend_from_slice(event.name().as_bytes());
    out.extend_from_slice(b"\ndata: ");
    // Texts and numbers always have a form in JSON, and a vector takes all bytes.
    let _ = serde_json::to_writer(&mut *out, event);
    out.extend_from_slice(b"\n\n");
}
