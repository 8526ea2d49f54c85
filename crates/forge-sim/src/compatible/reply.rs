//! How the replies of a server look.

/// Where reasoning is to be found in a reply.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Thoughts {
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
pub(crate) enum CallIds {
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
pub(crate) struct UsageShape {
    pub(crate) cached: &'static [&'static str],
    /// Input that the cache did not have.
    pub(crate) fresh: &'static [&'static str],
    pub(crate) reasoning: &'static [&'static str],
    /// `completion_tokens` leaves reasoning out, `total_tokens` does not.
    pub(crate) reasoning_apart: bool,
    /// In a stream, usage lies inside the last choice.
    pub(crate) in_choice: bool,
    /// The last chunk has usage also when nobody asks for it.
    pub(crate) unasked: bool,
}
