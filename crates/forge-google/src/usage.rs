//! The vendor's token arithmetic.

use forge_core::TokenCount;

use crate::wire::reply::Usage;

impl Usage {
    /// Classes that do not overlap. The vendor leaves out counts that are zero, so in a report that
    /// names any count the others are zero. A cached part that is larger than its prompt is cut to it,
    /// so that the sums hold. What the vendor's own tools put into the prompt is input of a further class.
    pub(crate) fn tokens(self) -> TokenCount {
        if self == Self::default() {
            return TokenCount::default();
        }
        let prompt = self.prompt_token_count.unwrap_or(0);
        let cached = self.cached_content_token_count.unwrap_or(0).min(prompt);
        TokenCount::default()
            .with_input(prompt - cached)
            .with_other_input(self.tool_use_prompt_token_count)
            .with_cache_read(cached)
            .with_output(self.candidates_token_count.unwrap_or(0))
            .with_reasoning(self.thoughts_token_count.unwrap_or(0))
    }
}

#[cfg(test)]
mod tests {
    use proptest::{option, prelude::*};
    use serde_json::json;

    use super::*;

    proptest! {
        #[test]
        fn the_classes_sum_to_the_vendors_total(
            prompt in 1..1_000_000_u64,
            cached in option::of(0..1_000_000_u64),
            candidates in option::of(0..1_000_000_u64),
            thoughts in option::of(0..1_000_000_u64),
            tool_results in option::of(0..1_000_000_u64),
        ) {
            let zero = |count: Option<u64>| count.unwrap_or(0);
            let total = prompt + zero(candidates) + zero(thoughts) + zero(tool_results);
            let usage: Usage = serde_json::from_value(json!({
                "promptTokenCount": prompt,
                "cachedContentTokenCount": cached,
                "candidatesTokenCount": candidates,
                "thoughtsTokenCount": thoughts,
                "toolUsePromptTokenCount": tool_results,
                "totalTokenCount": total,
            })).unwrap();
            let tokens = usage.tokens();
            prop_assert_eq!(tokens.total_input(), Some(prompt + zero(tool_results)));
            prop_assert_eq!(tokens.total_output(), Some(zero(candidates) + zero(thoughts)));
            prop_assert_eq!(tokens.total_input().unwrap() + tokens.total_output().unwrap(), total);
        }
    }

    #[test]
    fn what_the_vendor_does_not_say_stays_unknown() {
        assert!(Usage::default().tokens().is_unknown());
    }

    #[test]
    fn a_count_left_out_of_a_report_is_zero() {
        let usage = Usage { prompt_token_count: Some(7), ..Usage::default() };
        let expected =
            TokenCount::default().with_input(7).with_cache_read(0).with_output(0).with_reasoning(0);
        assert_eq!(usage.tokens(), expected);
    }
}
