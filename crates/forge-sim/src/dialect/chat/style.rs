use crate::compatible::{CallIds, Thoughts, UsageShape};

/// What sets one server's replies apart from another's.
#[derive(Debug, Clone, Copy)]
pub(in crate::dialect) struct Style {
    pub(in crate::dialect) thoughts: Thoughts,
    pub(in crate::dialect) call_ids: CallIds,
    /// A whole reply has an empty `delta` beside its `message`.
    pub(in crate::dialect) whole_delta: bool,
    pub(in crate::dialect) usage: UsageStyle,
    /// Random padding in each chunk, null refusals and annotations.
    pub(in crate::dialect) vendor_extras: bool,
    /// The tier that a reply names.
    pub(in crate::dialect) service_tier: Option<&'static str>,
    /// The last content and the finish reason share a chunk.
    pub(in crate::dialect) finish_with_content: bool,
    pub(in crate::dialect) fingerprint: Option<&'static str>,
    /// An error in mid stream is swallowed: an empty chunk, then the end.
    pub(in crate::dialect) swallows_errors: bool,
    /// An error in mid stream is followed by `[DONE]`.
    pub(in crate::dialect) done_after_error: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::dialect) enum UsageStyle {
    /// Totals with details of both sides; whether cache writes are told.
    Detailed { cache_writes: bool },
    /// Totals and cached tokens, with timings beside them.
    Timings,
    /// The three totals.
    Totals,
    /// As a table says.
    Shaped(UsageShape),
}

/// What the client asked the reply to look like.
#[derive(Debug, Clone, Copy, Default)]
pub(in crate::dialect) struct Output {
    pub(in crate::dialect) stream: bool,
    pub(in crate::dialect) include_usage: bool,
    pub(in crate::dialect) usage_in_every_chunk: bool,
    pub(in crate::dialect) obfuscation: bool,
    pub(in crate::dialect) choices: u64,
    /// The probability of each token beside the text.
    pub(in crate::dialect) logprobs: bool,
    /// So many alternatives to each token.
    pub(in crate::dialect) top_logprobs: u64,
}
