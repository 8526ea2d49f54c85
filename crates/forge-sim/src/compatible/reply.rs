//! How the replies of a server look.

/// Where reasoning is to be found in a reply.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Thoughts {
    /// Nowhere.
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

/// The ids that a server gives to calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum CallIds {
    /// `call_` and random letters and digits.
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
pub struct UsageShape {
    /// Input that the cache had.
    pub cached: &'static [&'static str],
    /// Input that the cache did not have.
    pub fresh: &'static [&'static str],
    /// Thoughts.
    pub reasoning: &'static [&'static str],
    /// `completion_tokens` leaves reasoning out, `total_tokens` does not.
    pub reasoning_apart: bool,
    /// In a stream, usage lies inside the last choice.
    pub in_choice: bool,
    /// The last chunk has usage also when nobody asks for it.
    pub unasked: bool,
}

impl UsageShape {
    /// The three totals.
    pub const TOTALS: Self = Self {
        cached: &[],
        fresh: &[],
        reasoning: &[],
        reasoning_apart: false,
        in_choice: false,
        unasked: false,
    };

    /// The totals, with details of both sides under the names that OpenAI gave them.
    pub const DETAILED: Self = Self {
        cached: &["prompt_tokens_details.cached_tokens"],
        reasoning: &["completion_tokens_details.reasoning_tokens"],
        ..Self::TOTALS
    };
}
