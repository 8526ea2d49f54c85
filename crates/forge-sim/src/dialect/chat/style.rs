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

/// Where reasoning is to be found in a reply.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::dialect) enum Thoughts {
    Hidden,
    /// A text in this field beside the content.
    Field(&'static str),
    /// A text in `reasoning`, and signed pieces in `reasoning_details`.
    Details,
    /// The content is a list of chunks, some of which are thoughts.
    Chunks,
    /// Between `<think>` and `</think>` at the start of the content.
    Tags,
    /// The same without its beginning, which the chat template has taken.
    LoneTag,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::dialect) enum CallIds {
    Random,
    /// `call_0`, `call_1`, and again in the next reply.
    Counted,
    /// `functions.name:0`.
    Named,
    /// Nine letters and digits.
    Nine,
}

/// The classes of tokens by their names, with dots between levels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::dialect) struct UsageShape {
    pub(in crate::dialect) cached: &'static [&'static str],
    /// Input that the cache did not have.
    pub(in crate::dialect) fresh: &'static [&'static str],
    pub(in crate::dialect) reasoning: &'static [&'static str],
    /// `completion_tokens` leaves reasoning out, `total_tokens` does not.
    pub(in crate::dialect) reasoning_apart: bool,
    /// In a stream, usage lies inside the last choice.
    pub(in crate::dialect) in_choice: bool,
    /// The last chunk has usage also when nobody asks for it.
    pub(in crate::dialect) unasked: bool,
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
