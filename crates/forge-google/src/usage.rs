//! The vendor's token arithmetic.

use forge_core::{TokenCount, event::Warning, storage::accounts::Served, usage::ServerTools};
use forge_http::lenient::Count;

use crate::wire::reply::Usage;

/// What the reports of one call say together.
#[derive(Debug, Default)]
pub(crate) struct Bill {
    usage: Usage<'static>,
    /// The numbers that cannot be right.
    doubts: Vec<&'static str>,
    /// How often the vendor searched.
    searches: usize,
}

impl Bill {
    /// Takes a report; each is about the whole call so far. A number that cannot be right makes unknown what it
    /// counts, whatever was said of it before. Whether the report changes what is known of the input.
    pub(crate) fn report(&mut self, newer: Usage<'_>) -> bool {
        // A frame without counts is no report: read as one, it would be all zeros.
        if newer == Usage::default() {
            return false;
        }
        let before = self.usage.input();
        let Self { usage, doubts, .. } = self;
        let counts = [
            ("promptTokenCount", &mut usage.prompt_token_count, newer.prompt_token_count),
            (
                "cachedContentTokenCount",
                &mut usage.cached_content_token_count,
                newer.cached_content_token_count,
            ),
            ("candidatesTokenCount", &mut usage.candidates_token_count, newer.candidates_token_count),
            ("thoughtsTokenCount", &mut usage.thoughts_token_count, newer.thoughts_token_count),
            (
                "toolUsePromptTokenCount",
                &mut usage.tool_use_prompt_token_count,
                newer.tool_use_prompt_token_count,
            ),
            ("totalTokenCount", &mut usage.total_token_count, newer.total_token_count),
        ];
        for (name, known, newer) in counts {
            // Each frame counts the whole call so far, so that the last one holds and nothing is added up.
            *known = newer.or(*known);
            if newer.is_odd() {
                doubt(doubts, name);
            }
        }
        if let Some(tier) = newer.service_tier.filter(|tier| usage.service_tier.as_ref() != Some(tier)) {
            usage.service_tier = Some(tier.into_owned().into());
        }
        let input = self.usage.input();
        input != before && input.total_input() != Some(0)
    }

    /// Takes over how often the vendor searched so far.
    pub(crate) fn searched(&mut self, searches: usize) {
        // Frames repeat the queries of earlier ones.
        self.searches = self.searches.max(searches);
    }

    /// What the input took. The output is known at the end alone: the vendor corrects it until then.
    pub(crate) fn input(&self) -> TokenCount {
        self.usage.input()
    }

    /// What a call took that was broken off.
    pub(crate) fn so_far(&self) -> TokenCount {
        self.usage.tokens()
    }

    /// What the whole call took, and a word about numbers that do not agree with each other or with the answer;
    /// `wrote` is whether there is one.
    pub(crate) fn settle(&mut self, wrote: bool) -> (TokenCount, Option<Warning>) {
        let Self { usage, doubts, searches } = self;
        let mut tokens = usage.tokens();
        // No report is unknown; a report that leaves a count out says zero, see `Usage::zeroed`.
        if tokens.is_unknown() && doubts.is_empty() {
            let message = "the vendor did not say how many tokens the call took";
            return (tokens, Some(Warning::new("usage", message)));
        }
        let input = tokens.total_input();
        // No answer comes from an empty prompt: a zero here is a server that counts nothing.
        if wrote && input == Some(0) {
            doubt(doubts, "promptTokenCount");
            tokens = tokens.with_input(None).with_cache_read(None).with_other_input(None);
        }
        // The total is all that is billed: what it holds beyond the parts has no price that they show.
        let sum = input.zip(tokens.total_output()).map(|(input, output)| input.saturating_add(output));
        let total = usage.total_token_count.known();
        let is_whole = total.zip(sum).is_none_or(|(total, sum)| total == sum);
        if !is_whole {
            doubt(doubts, "totalTokenCount");
        }
        let is_free = wrote && tokens.output == Some(0);
        if is_free {
            doubt(doubts, "candidatesTokenCount");
        }
        // Thoughts have a count of their own and keep it.
        if !is_whole || is_free {
            tokens = tokens.with_output(None);
        }
        if *searches > 0 {
            let uses = u32::try_from(*searches).unwrap_or(u32::MAX);
            tokens = tokens.with_server_tools(ServerTools::default().with_web_search(uses));
        }
        let warning = (!doubts.is_empty()).then(|| {
            let names = doubts.join(", ");
            let message =
                format!("the vendor's numbers cannot be right ({names}); what they count is unknown");
            Warning::new("usage", message)
        });
        (tokens, warning)
    }

    /// How the call was served; `None` where the vendor says nothing about it.
    pub(crate) fn served(&self) -> Option<Served> {
        self.usage.service_tier.as_deref().map(|tier| Served::default().with_tier(tier))
    }
}

fn doubt(doubts: &mut Vec<&'static str>, name: &'static str) {
    if !doubts.contains(&name) {
        doubts.push(name);
    }
}

impl Usage<'_> {
    /// The vendor leaves out counts that are zero, so in a report that names any count the others are zero.
    fn zeroed(&self, count: Count) -> Option<u64> {
        let named = [
            self.prompt_token_count,
            self.cached_content_token_count,
            self.candidates_token_count,
            self.thoughts_token_count,
            self.tool_use_prompt_token_count,
            self.total_token_count,
        ];
        let names_any = named.iter().any(|count| *count != Count::Missing);
        match count {
            Count::Missing => names_any.then_some(0),
            count => count.known(),
        }
    }

    /// A cached part that is larger than its prompt is cut to it, so that the sums hold. What the vendor's own tools
    /// put into the prompt is input of a further class.
    fn input(&self) -> TokenCount {
        let prompt = self.zeroed(self.prompt_token_count);
        let cached = self.zeroed(self.cached_content_token_count);
        let cached = cached.map(|cached| cached.min(prompt.unwrap_or(cached)));
        TokenCount::default()
            .with_input(prompt.zip(cached).map(|(prompt, cached)| prompt - cached))
            // On top of the prompt, as the vendor counts it, and missing where no tool of the vendor's has
            // run.
            .with_other_input(self.tool_use_prompt_token_count.known())
            .with_cache_read(cached)
    }

    /// Classes that do not overlap.
    fn tokens(&self) -> TokenCount {
        self.input()
            .with_output(self.zeroed(self.candidates_token_count))
            .with_reasoning(self.zeroed(self.thoughts_token_count))
    }
}

#[cfg(test)]
mod tests {
    use proptest::{option, prelude::*};
    use serde_json::{Value, json};

    use super::*;

    fn settled(reports: &[Value], wrote: bool) -> (TokenCount, Option<Warning>) {
        let mut bill = Bill::default();
        for report in reports {
            bill.report(serde_json::from_str(&report.to_string()).unwrap());
        }
        bill.settle(wrote)
    }

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
            let (tokens, warning) = settled(&[json!({
                "promptTokenCount": prompt,
                "cachedContentTokenCount": cached,
                "candidatesTokenCount": candidates,
                "thoughtsTokenCount": thoughts,
                "toolUsePromptTokenCount": tool_results,
                "totalTokenCount": total,
            })], false);
            prop_assert_eq!(warning, None);
            prop_assert_eq!(tokens.total_input(), Some(prompt + zero(tool_results)));
            prop_assert_eq!(tokens.total_output(), Some(zero(candidates) + zero(thoughts)));
            prop_assert_eq!(tokens.total_input().unwrap() + tokens.total_output().unwrap(), total);
        }
    }

    #[test]
    fn what_the_vendor_does_not_say_stays_unknown() {
        let (tokens, warning) = settled(&[json!({})], true);
        assert!(tokens.is_unknown() && warning.is_some());
    }

    #[test]
    fn a_count_left_out_of_a_report_is_zero() {
        let expected =
            TokenCount::default().with_input(7).with_cache_read(0).with_output(0).with_reasoning(0);
        assert_eq!(settled(&[json!({"promptTokenCount": 7})], false), (expected, None));
    }

    #[test]
    fn a_number_that_cannot_be_right_leaves_its_class_unknown_with_one_warning() {
        for odd in [json!(-35), json!(1.5), json!("many"), json!(9e18), json!([1]), json!(true)] {
            let usage =
                json!({"promptTokenCount": 5, "candidatesTokenCount": odd, "thoughtsTokenCount": odd});
            let (tokens, warning) = settled(&[usage], true);
            assert_eq!(tokens, TokenCount::default().with_input(5).with_cache_read(0), "{odd}");
            let warning = warning.unwrap();
            assert!(warning.message.contains("candidatesTokenCount, thoughtsTokenCount"), "{warning:?}");
        }
        let (tokens, warning) =
            settled(&[json!({"promptTokenCount": 5}), json!({"promptTokenCount": -1})], false);
        assert_eq!((tokens.input, warning.is_some()), (None, true));
    }

    #[test]
    fn sums_that_differ_and_answers_for_nothing_have_no_known_output() {
        for (usage, is_known) in [
            (json!({"promptTokenCount": 5, "candidatesTokenCount": 2, "totalTokenCount": 7}), true),
            (json!({"promptTokenCount": 5, "candidatesTokenCount": 2}), true),
            (json!({"promptTokenCount": 5, "candidatesTokenCount": 2, "totalTokenCount": 70}), false),
            (
                json!({"promptTokenCount": 5, "thoughtsTokenCount": -2, "candidatesTokenCount": 2, "totalTokenCount": 9}),
                false,
            ),
            (json!({"promptTokenCount": 5, "totalTokenCount": 5}), false),
        ] {
            let (tokens, warning) = settled(std::slice::from_ref(&usage), true);
            assert_eq!(tokens.output.is_some(), is_known, "{usage}");
            assert_eq!(warning.is_none(), is_known, "{usage}");
        }
        let (tokens, warning) = settled(&[json!({"promptTokenCount": 0, "candidatesTokenCount": 2})], true);
        assert_eq!((tokens.input, tokens.output, warning.is_some()), (None, Some(2), true));
    }

    #[test]
    fn the_tier_and_the_searches_are_kept() {
        let mut bill = Bill::default();
        assert_eq!(bill.served(), None);
        bill.report(serde_json::from_str(r#"{"promptTokenCount": 1, "serviceTier": "flex"}"#).unwrap());
        bill.searched(2);
        assert_eq!(bill.served(), Some(Served::default().with_tier("flex")));
        let searches = ServerTools::default().with_web_search(2);
        assert_eq!(bill.settle(false).0.server_tools, Some(searches));
    }
}
