//! What the end of a reply says.

use forge_core::{
    event::{StopDetail, StopReason},
    request::Citation,
};

use crate::{reason::stop_reason, wire::answer as wire};

/// What the text rests on: each source once, and the words beside it.
pub(super) fn findings(citations: &[Citation]) -> Option<wire::Findings<'_>> {
    let mut findings = wire::Findings::default();
    let mut known: Vec<(Option<&str>, Option<&str>)> = Vec::new();
    for citation in citations {
        let place = (citation.url.as_deref(), citation.title.as_deref());
        if place == (None, None) {
            continue;
        }
        let at = known.iter().position(|one| *one == place).unwrap_or_else(|| {
            known.push(place);
            findings.grounding_chunks.push(wire::Chunk { web: wire::Web { uri: place.0, title: place.1 } });
            known.len() - 1
        });
        findings.grounding_supports.extend(
            citation
                .quote
                .as_deref()
                .map(|text| wire::Support { segment: wire::Segment { text }, grounding_chunk_indices: [at] }),
        );
    }
    (!known.is_empty()).then_some(findings)
}

/// How a reply ended.
#[derive(Debug)]
pub(super) struct End<'a> {
    pub(super) reason: StopReason,
    /// The vendor's own word for it.
    pub(super) raw: Option<&'a str>,
    pub(super) called: bool,
    pub(super) detail: Option<&'a StopDetail>,
}

impl<'a> End<'a> {
    /// The candidate with its end.
    pub(super) fn of(self, candidate: wire::Candidate<'a>) -> wire::Candidate<'a> {
        let message = self.detail.and_then(|detail| detail.explanation.as_deref());
        wire::Candidate { finish_reason: Some(self.word()), finish_message: message, ..candidate }
    }

    /// The vendor's own word where the reply is its own; a word of another vendor's means nothing here.
    fn word(&self) -> &'a str {
        let usual = match self.reason {
            StopReason::MaxTokens | StopReason::ContextWindow => return "MAX_TOKENS",
            StopReason::ContentFiltered | StopReason::Refusal => "SAFETY",
            StopReason::Error => "MALFORMED_RESPONSE",
            StopReason::Paused | StopReason::Other => "OTHER",
            _ => return "STOP",
        };
        let is_own = |word: &&str| {
            let has_form = word.bytes().all(|sign| sign.is_ascii_uppercase() || sign == b'_');
            has_form && !word.is_empty() && stop_reason(word, self.called) == self.reason
        };
        self.raw.filter(is_own).unwrap_or(usual)
    }
}
