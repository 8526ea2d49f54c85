//! The vendors' token arithmetic.

use forge_core::{TokenCount, event::Warning};
use forge_http::lenient::{self, Count};
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::wire::{chat_reply, responses_reply};

/// How a vendor's numbers belong together. The vendors of the dialect use the same names for different sums;
/// a wrong reading shows in the price, not in an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Counting {
    /// The output includes the thoughts, and input and output make the total.
    #[default]
    Inclusive,
    /// The output leaves the thoughts out.
    ReasoningApart,
    /// The thoughts are what input and output leave of the total.
    RestIsReasoning,
    /// Some of the input shows only in the total.
    RestIsInput,
}

/// The vendor's numbers, as far as they have come: the totals include their parts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Totals {
    pub(crate) input: Count,
    pub(crate) cached: Count,
    pub(crate) written: Count,
    pub(crate) output: Count,
    pub(crate) reasoning: Count,
    pub(crate) all: Count,
    /// Something else than numbers stood in their place.
    pub(crate) unreadable: bool,
}

impl Totals {
    /// Numbers in which a value cannot be read at all.
    const UNREADABLE: Self = Self {
        input: Count::Odd,
        cached: Count::Missing,
        written: Count::Missing,
        output: Count::Odd,
        reasoning: Count::Missing,
        all: Count::Missing,
        unreadable: true,
    };

    /// The numbers of a Chat reply.
    pub(crate) fn of_chat(usage: &RawValue) -> Self {
        read::<chat_reply::Usage>(usage).map_or(Self::UNREADABLE, Self::from)
    }

    /// The numbers that llama.cpp gives beside those of the dialect.
    pub(crate) fn of_timings(timings: &RawValue) -> Self {
        read::<chat_reply::Timings>(timings).map_or(Self::default(), Self::from)
    }

    /// The numbers of a Responses reply.
    pub(crate) fn of_responses(usage: &RawValue) -> Self {
        read::<responses_reply::Usage>(usage).map_or(Self::UNREADABLE, Self::from)
    }

    pub(crate) fn is_missing(&self) -> bool {
        *self == Self::default()
    }

    /// Reports are cumulative: what a later one says takes the place of what was said before.
    pub(crate) fn overwrite(&mut self, newer: Self) {
        *self = Self {
            input: newer.input.or(self.input),
            cached: newer.cached.or(self.cached),
            written: newer.written.or(self.written),
            output: newer.output.or(self.output),
            reasoning: newer.reasoning.or(self.reasoning),
            all: newer.all.or(self.all),
            unreadable: newer.unreadable,
        };
    }

    /// Classes that do not overlap. Parts that the vendor says are larger than their whole are cut to
    /// it, so that the sums hold.
    pub(crate) fn classes(self, counting: Counting) -> TokenCount {
        let (input, cache_read) = split(self.input.known(), self.cached.known());
        let (input, cache_write_5m) = split(input, self.written.known());
        let (output, reasoning) = match self.apart(counting) {
            Some(reasoning) => (self.output.known(), Some(reasoning)),
            None => split(self.output.known(), self.reasoning.known()),
        };
        TokenCount::default()
            .with_input(input)
            .with_cache_read(cache_read)
            .with_cache_write_5m(cache_write_5m)
            .with_output(output)
            .with_reasoning(reasoning)
    }

    /// The thoughts, where the output leaves them out. A total that holds only if they are added proves it.
    fn apart(&self, counting: Counting) -> Option<u64> {
        let reasoning = self.reasoning.known().filter(|tokens| *tokens > 0);
        // A total of 0 is a field that the server does not fill, and says nothing about the parts.
        let rest = self.rest().filter(|rest| *rest > 0);
        match counting {
            // A total that holds without the thoughts proves that they are inside.
            Counting::ReasoningApart => reasoning.filter(|_| self.rest() != Some(0)),
            Counting::RestIsReasoning => rest.or(reasoning.filter(|_| self.all.known().is_none())),
            Counting::Inclusive | Counting::RestIsInput => reasoning.filter(|tokens| rest == Some(*tokens)),
        }
    }

    /// What input and output leave of the total.
    fn rest(&self) -> Option<u64> {
        let all = self.all.known().filter(|all| *all > 0)?;
        all.checked_sub(self.input.known()?.saturating_add(self.output.known()?))
    }

    /// The classes at the end of a reply, and what is wrong with the numbers. A class in doubt is unknown, and so is
    /// the price then: a sum that may be wrong must not pass for one that is right.
    pub(crate) fn settled(self, counting: Counting, has_output: bool) -> (TokenCount, Option<Warning>) {
        let warn = |message: &str| Some(Warning::new("usage", message));
        let mut tokens = self.classes(counting);
        if self.is_missing() {
            return (tokens, warn("the server did not say how many tokens the call took"));
        }
        let mut doubts: Vec<&str> = Vec::new();
        let counts = [self.input, self.cached, self.written, self.output, self.reasoning, self.all];
        if self.unreadable || counts.iter().any(|count| count.is_odd()) {
            doubts.push("the server gives a number of tokens that cannot be one");
        }
        // No call has an empty prompt: a zero here is a server that counts nothing.
        if self.input == Count::Known(0) {
            doubts.push("the server counted no tokens in the prompt");
            (tokens.input, tokens.cache_read, tokens.cache_write_5m) = (None, None, None);
        }
        if self.output == Count::Known(0) && has_output && tokens.reasoning.unwrap_or(0) == 0 {
            doubts.push("the server counted no tokens in the answer");
            (tokens.output, tokens.reasoning) = (None, None);
        }
        if let Some((input, output)) = tokens.total_input().zip(tokens.total_output())
            && let Some(all) = self.all.known().filter(|all| *all > 0)
            && all != input.saturating_add(output)
        {
            doubts.push("input and output do not make the server's total");
            match counting {
                // At these vendors the total holds input that the parts leave out, so that the input is what
                // is short.
                Counting::RestIsInput => tokens.input = None,
                _ => tokens.output = None,
            }
        }
        if doubts.is_empty() && tokens.is_unknown() {
            doubts.push("the server did not say how many tokens the call took");
        }
        let message = doubts.join("; ");
        let warning = (!message.is_empty()).then(|| format!("{message}; what is in doubt is left unknown"));
        (tokens, warning.map(|message| Warning::new("usage", message)))
    }
}

fn read<'a, T: Deserialize<'a>>(raw: &'a RawValue) -> Option<T> {
    lenient::object(&mut serde_json::Deserializer::from_str(raw.get())).ok().flatten()
}

/// The tokens of a reply whose server gives one number for the prompt and one for the output, and what is wrong with
/// them. `has_output` says whether anything came that must have taken tokens.
pub fn settled(input: Count, output: Count, has_output: bool) -> (TokenCount, Option<Warning>) {
    Totals { input, output, ..Totals::default() }.settled(Counting::Inclusive, has_output)
}

/// What is left of the whole, and the part.
fn split(whole: Option<u64>, part: Option<u64>) -> (Option<u64>, Option<u64>) {
    match (whole, part) {
        (Some(whole), Some(part)) => (Some(whole - part.min(whole)), Some(part.min(whole))),
        (whole, None) => (whole, None),
        (None, part) => (None, part),
    }
}

impl From<chat_reply::Usage> for Totals {
    fn from(usage: chat_reply::Usage) -> Self {
        let chat_reply::Usage {
            prompt_tokens_details: prompt, completion_tokens_details: completion, ..
        } = usage;
        Self {
            input: usage.prompt_tokens,
            // One meaning under four names; the dialect's own goes first.
            cached: prompt
                .cached_tokens
                .or(usage.cached_tokens)
                .or(usage.prompt_cache_hit_tokens)
                .or(usage.num_cached_tokens),
            written: prompt.cache_write_tokens,
            output: usage.completion_tokens,
            reasoning: completion.reasoning_tokens,
            all: usage.total_tokens,
            unreadable: false,
        }
    }
}

impl From<chat_reply::Timings> for Totals {
    /// Here the prompt's number does not include the cached tokens.
    fn from(timings: chat_reply::Timings) -> Self {
        let input = match (timings.prompt, timings.cached) {
            (Count::Known(prompt), Count::Known(cached)) => Count::from(prompt.saturating_add(cached)),
            (prompt, _) => prompt,
        };
        Self { input, cached: timings.cached, output: timings.predicted, ..Self::default() }
    }
}

impl From<responses_reply::Usage> for Totals {
    fn from(usage: responses_reply::Usage) -> Self {
        Self {
            input: usage.input_tokens,
            cached: usage.input_tokens_details.cached_tokens,
            written: usage.input_tokens_details.cache_write_tokens,
            output: usage.output_tokens,
            reasoning: usage.output_tokens_details.reasoning_tokens,
            all: usage.total_tokens,
            unreadable: false,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::{option, prelude::*};
    use serde_json::{Value, json};

    use super::*;

    fn of(usage: &Value) -> Totals {
        let usage = usage.to_string();
        Totals::of_chat(serde_json::from_str(&usage).unwrap())
    }

    fn settled(usage: &Value, counting: Counting) -> (TokenCount, Option<String>) {
        let (tokens, warning) = of(usage).settled(counting, true);
        (tokens, warning.map(|warning| warning.message))
    }

    proptest! {
        #[test]
        fn the_classes_sum_to_the_vendors_totals(
            input in 0_u64..1_000_000,
            output in 0_u64..1_000_000,
            cached in option::of(any::<u32>()),
            written in option::of(any::<u32>()),
            reasoning in option::of(any::<u32>()),
        ) {
            let chat = of(&json!({"prompt_tokens": input, "completion_tokens": output,
                "prompt_tokens_details": {"cached_tokens": cached, "cache_write_tokens": written},
                "completion_tokens_details": {"reasoning_tokens": reasoning}}));
            let responses = json!({"input_tokens": input, "output_tokens": output,
                "input_tokens_details": {"cached_tokens": cached, "cache_write_tokens": written},
                "output_tokens_details": {"reasoning_tokens": reasoning}}).to_string();
            prop_assert_eq!(chat, Totals::of_responses(serde_json::from_str(&responses).unwrap()));
            let tokens = chat.classes(Counting::Inclusive);
            prop_assert_eq!(tokens.total_input(), Some(input));
            prop_assert_eq!(tokens.total_output(), Some(output));
            prop_assert_eq!(tokens.reasoning.is_some(), reasoning.is_some());
        }
    }

    #[test]
    fn what_the_vendor_does_not_say_stays_unknown() {
        assert!(of(&json!({})).classes(Counting::Inclusive).is_unknown());
        let tokens = of(&json!({"prompt_tokens": 7})).classes(Counting::Inclusive);
        assert_eq!((tokens.input, tokens.cache_read, tokens.output), (Some(7), None, None));
    }

    #[test]
    fn cached_tokens_have_four_names() {
        for usage in [
            json!({"prompt_tokens_details": {"cached_tokens": 90}}),
            json!({"cached_tokens": 90}),
            json!({"prompt_cache_hit_tokens": 90, "prompt_cache_miss_tokens": 10}),
            json!({"num_cached_tokens": 90, "prompt_tokens_details": null}),
        ] {
            let mut usage = usage;
            usage["prompt_tokens"] = json!(100);
            usage["completion_tokens"] = json!(2);
            let (tokens, warning) = settled(&usage, Counting::Inclusive);
            assert_eq!((tokens.input, tokens.cache_read, warning), (Some(10), Some(90), None), "{usage}");
        }
    }

    #[test]
    fn what_cannot_be_is_unknown_and_said_once() {
        for (usage, input, output) in [
            (json!({"prompt_tokens": 1151, "completion_tokens": -35}), Some(1151), None),
            (json!({"prompt_tokens": 0.5, "completion_tokens": 3}), None, Some(3)),
            (json!({"prompt_tokens": "many", "completion_tokens": 3}), None, Some(3)),
            (json!({"prompt_tokens": 9e18, "completion_tokens": -1}), None, None),
            (json!({"prompt_tokens": 0, "completion_tokens": 0}), None, None),
            (json!({"prompt_tokens": 5, "completion_tokens": 0}), Some(5), None),
            (json!({"prompt_tokens": 5, "completion_tokens": 2, "total_tokens": 90}), Some(5), None),
            (json!([1, 2]), None, None),
            (json!(7), None, None),
        ] {
            let (tokens, warning) = settled(&usage, Counting::Inclusive);
            assert_eq!((tokens.input, tokens.output), (input, output), "{usage}");
            assert!(warning.is_some(), "{usage}");
        }
        let (_, warning) =
            settled(&json!({"prompt_tokens": "7", "completion_tokens": 3.0}), Counting::Inclusive);
        assert_eq!(warning, None);
    }

    #[test]
    fn each_vendors_arithmetic_gives_the_same_classes() {
        let apart = json!({"prompt_tokens": 10, "completion_tokens": 4, "total_tokens": 154,
            "completion_tokens_details": {"reasoning_tokens": 140}});
        let hidden = json!({"prompt_tokens": 10, "completion_tokens": 4, "total_tokens": 154});
        let inside = json!({"prompt_tokens": 10, "completion_tokens": 144, "total_tokens": 154,
            "completion_tokens_details": {"reasoning_tokens": 140}});
        for (usage, counting) in [
            (&apart, Counting::ReasoningApart),
            // The total shows it, whoever the vendor is.
            (&apart, Counting::Inclusive),
            (&hidden, Counting::RestIsReasoning),
            (&apart, Counting::RestIsReasoning),
            (&inside, Counting::Inclusive),
            (&inside, Counting::RestIsReasoning),
        ] {
            let (tokens, warning) = settled(usage, counting);
            assert_eq!((tokens.output, tokens.reasoning), (Some(4), Some(140)), "{usage} {counting:?}");
            assert_eq!((tokens.input, warning), (Some(10), None), "{usage} {counting:?}");
        }
        let (tokens, warning) = settled(&hidden, Counting::RestIsInput);
        assert_eq!((tokens.input, tokens.output), (None, Some(4)));
        assert!(warning.unwrap().contains("total"));
    }
}
