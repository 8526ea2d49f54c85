//! What the streams of both dialects are made of.

use forge_core::{
    TokenCount,
    event::{StopDetail, StopReason},
    request::Citation,
};
use serde::Serialize;

use crate::wire::answer_chat::UrlCitation;

/// A comment, which clients of both dialects skip.
pub(super) const PING: &[u8] = b": ping\n\n";

/// Adds an event without a name.
pub(super) fn data(value: &impl Serialize, out: &mut Vec<u8>) {
    out.extend_from_slice(b"data: ");
    // Texts and numbers always have a JSON form, and memory takes whatever is written to it.
    let _ = serde_json::to_writer(&mut *out, value);
    out.extend_from_slice(b"\n\n");
}

/// Adds an event with a name.
pub(super) fn named(name: &str, value: &impl Serialize, out: &mut Vec<u8>) {
    out.extend_from_slice(b"event: ");
    out.extend_from_slice(name.as_bytes());
    out.push(b'\n');
    data(value, out);
}

/// The address on which the text so far rests, at its last character; `None` for what has no address.
pub(super) fn url_citation(citation: &Citation, written: usize) -> Option<UrlCitation<'_>> {
    let url = citation.url.as_deref()?;
    let title = citation.title.as_deref().unwrap_or_default();
    Some(UrlCitation { url, title, start_index: written, end_index: written })
}

/// What a vendor said about a refusal for which the model had no words of its own.
pub(super) fn explanation(reason: StopReason, refused: bool, detail: Option<&StopDetail>) -> Option<&str> {
    let explanation = detail?.explanation.as_deref()?;
    (reason == StopReason::Refusal && !refused).then_some(explanation)
}

/// Tokens that were written to a cache of either life.
pub(super) fn written_to_cache(tokens: &TokenCount) -> Option<u64> {
    match (tokens.cache_write_5m, tokens.cache_write_1h) {
        (Some(short), Some(long)) => Some(short.saturating_add(long)),
        (short, long) => short.or(long),
    }
}
