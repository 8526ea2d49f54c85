//! What the streams of both dialects are made of.

use forge_core::{
    TokenCount,
    event::{StopDetail, StopReason},
    request::Citation,
};

use crate::wire::answer_chat::UrlCitation;

/// A comment, which clients of both dialects skip.
pub(super) const PING: &[u8] = b": ping\n\n";

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
