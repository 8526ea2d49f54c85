//! The vendor's token arithmetic.

use forge_core::TokenCount;

use crate::wire::{chat_reply, responses_reply};

/// The vendor's numbers: the totals include their parts.
#[derive(Debug, Clone, Copy, Default)]
struct Totals {
    input: Option<u64>,
    cached: Option<u64>,
    written: Option<u64>,
    output: Option<u64>,
    reasoning: Option<u64>,
}

impl Totals {
    /// Classes that do not overlap. Parts that the vendor says are larger than their whole are cut to
    /// it, so that the sums hold.
    fn classes(self) -> TokenCount {
        let (input, cache_read) = split(self.input, self.cached);
        let (input, cache_write_5m) = split(input, self.written);
        let (output, reasoning) = split(self.output, self.reasoning);
        TokenCount::default()
            .with_input(input)
            .with_cache_read(cache_read)
            .with_cache_write_5m(cache_write_5m)
            .with_output(output)
            .with_reasoning(reasoning)
    }
}

/// What is left of the whole, and the part.
fn split(whole: Option<u64>, part: Option<u64>) -> (Option<u64>, Option<u64>) {
    match (whole, part) {
        (Some(whole), Some(part)) => (Some(whole - part.min(whole)), Some(part.min(whole))),
        (whole, None) => (whole, None),
        (None, part) => (None, part),
    }
}

impl chat_reply::Usage {
    pub(crate) fn tokens(self) -> TokenCount {
        let prompt = self.prompt_tokens_details.unwrap_or_default();
        Totals {
            input: self.prompt_tokens,
            cached: prompt.cached_tokens,
            written: prompt.cache_write_tokens,
            output: self.completion_tokens,
            reasoning: self.completion_tokens_details.unwrap_or_default().reasoning_tokens,
        }
        .classes()
    }
}

impl chat_reply::Timings {
    /// Here the prompt's number does not include the cached tokens.
    pub(crate) fn tokens(self) -> TokenCount {
        TokenCount::default().with_input(self.prompt).with_cache_read(self.cached).with_output(self.predicted)
    }
}

impl responses_reply::Usage {
    pub(crate) fn tokens(self) -> TokenCount {
        let input = self.input_tokens_details.unwrap_or_default();
        Totals {
            input: self.input_tokens,
            cached: input.cached_tokens,
            written: input.cache_write_tokens,
            output: self.output_tokens,
            reasoning: self.output_tokens_details.unwrap_or_default().reasoning_tokens,
        }
        .classes()
    }
}

#[cfg(test)]
mod tests {
    use proptest::{option, prelude::*};

    use super::*;

    proptest! {
        #[test]
        fn the_classes_sum_to_the_vendors_totals(
            input: u64,
            output: u64,
            cached in option::of(any::<u64>()),
            written in option::of(any::<u64>()),
            reasoning in option::of(any::<u64>()),
        ) {
            let details = Some(chat_reply::PromptDetails { cached_tokens: cached, cache_write_tokens: written });
            let chat = chat_reply::Usage {
                prompt_tokens: Some(input),
                completion_tokens: Some(output),
                prompt_tokens_details: details,
                completion_tokens_details: Some(chat_reply::CompletionDetails { reasoning_tokens: reasoning }),
            };
            let details =
                Some(responses_reply::InputDetails { cached_tokens: cached, cache_write_tokens: written });
            let responses = responses_reply::Usage {
                input_tokens: Some(input),
                output_tokens: Some(output),
                input_tokens_details: details,
                output_tokens_details: Some(responses_reply::OutputDetails { reasoning_tokens: reasoning }),
            };
            prop_assert_eq!(chat.tokens(), responses.tokens());
            prop_assert_eq!(chat.tokens().total_input(), Some(input));
            prop_assert_eq!(chat.tokens().total_output(), Some(output));
            prop_assert_eq!(chat.tokens().reasoning.is_some(), reasoning.is_some());
        }
    }

    #[test]
    fn what_the_vendor_does_not_say_stays_unknown() {
        assert!(chat_reply::Usage::default().tokens().is_unknown());
        let tokens = chat_reply::Usage { prompt_tokens: Some(7), ..Default::default() }.tokens();
        assert_eq!((tokens.input, tokens.cache_read, tokens.output), (Some(7), None, None));
    }
}
