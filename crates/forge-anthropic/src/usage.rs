//! The vendor's token arithmetic.

use forge_core::{ModelId, TokenCount, event::Warning, storage::accounts::Served, usage::ServerTools};
use forge_http::lenient::Count;

use crate::wire::reply::{Iteration, Usage};

/// What the reports of one call say together.
#[derive(Debug, Default)]
pub(crate) struct Bill {
    usage: Usage,
    /// The numbers that cannot be right.
    doubts: Vec<&'static str>,
}

impl Bill {
    /// Takes a report. Reports are cumulative and partial: what a later one names replaces what was there, also
    /// where it is a number that cannot be right: what it counts is unknown then.
    pub(crate) fn report(&mut self, newer: Usage) {
        let Self { usage, doubts } = self;
        let counts = [
            ("input_tokens", &mut usage.input_tokens, newer.input_tokens),
            (
                "cache_creation_input_tokens",
                &mut usage.cache_creation_input_tokens,
                newer.cache_creation_input_tokens,
            ),
            ("cache_read_input_tokens", &mut usage.cache_read_input_tokens, newer.cache_read_input_tokens),
            (
                "cache_creation",
                &mut usage.cache_creation.ephemeral_1h_input_tokens,
                newer.cache_creation.ephemeral_1h_input_tokens,
            ),
            ("output_tokens", &mut usage.output_tokens, newer.output_tokens),
            (
                "output_tokens_details",
                &mut usage.output_tokens_details.thinking_tokens,
                newer.output_tokens_details.thinking_tokens,
            ),
            ("total_tokens", &mut usage.total_tokens, newer.total_tokens),
        ];
        for (name, known, newer) in counts {
            // Replaced and never added: `message_delta` repeats the whole call and corrects what
            // `message_start` said.
            *known = newer.or(*known);
            if newer.is_odd() {
                doubt(doubts, name);
            }
        }
        if newer.server_tool_use.values().any(|uses| uses.is_odd()) {
            doubt(doubts, "server_tool_use");
        }
        usage.server_tool_use.extend(newer.server_tool_use);
        usage.iterations = newer.iterations.filter(|calls| !calls.is_empty()).or(usage.iterations.take());
        usage.service_tier = newer.service_tier.or(usage.service_tier.take());
        usage.inference_geo = newer.inference_geo.or(usage.inference_geo.take());
        usage.speed = newer.speed.or(usage.speed.take());
    }

    /// Takes the report with which a stream opens. Its output is a placeholder of a token or so: as a count
    /// it would be the bill of every stream that breaks off.
    pub(crate) fn opening(&mut self, usage: Usage) {
        self.report(Usage { output_tokens: Count::Missing, total_tokens: Count::Missing, ..usage });
    }

    /// What a call that goes on has taken so far, as far as no later report can take it back.
    pub(crate) fn so_far(&self) -> TokenCount {
        // Uses of tools grow until the end; what is handed out early may only be what stays.
        let tokens = self.usage.tokens().with_server_tools(None);
        // Some servers begin with nothing and say at the end how much it was.
        if tokens.total_input() == Some(0) { TokenCount::default() } else { tokens }
    }

    /// What the whole call took, and a word about numbers that do not agree with each other or with the answer.
    /// `model` is the one that served the call, `wrote` whether it wrote anything.
    pub(crate) fn settle(&mut self, model: Option<&ModelId>, wrote: bool) -> (TokenCount, Option<Warning>) {
        let Self { usage, doubts } = self;
        let mut tokens = usage.tokens();
        // No answer comes from an empty prompt. A zero here is a server that counts nothing, and zero is a
        // claim about money that nobody made.
        if tokens.total_input() == Some(0) && wrote {
            doubt(doubts, "input_tokens");
            tokens = tokens.with_input(None).with_cache_read(None);
            tokens = tokens.with_cache_write_5m(None).with_cache_write_1h(None);
        }
        if tokens.total_output() == Some(0) && wrote {
            doubt(doubts, "output_tokens");
            tokens = tokens.with_output(None).with_reasoning(None);
        }
        // Where either side is unknown there is nothing to hold the total against.
        let sum = tokens.total_input().zip(tokens.total_output());
        let sum = sum.map(|(input, output)| input.saturating_add(output));
        if usage.total_tokens.known().zip(sum).is_some_and(|(total, sum)| total != sum) {
            doubt(doubts, "total_tokens");
            tokens = tokens.with_output(None).with_reasoning(None);
        }
        // Calls of other models, and those that the sums leave out, have prices that the sums do not show.
        if usage.iterations.as_deref().is_some_and(|calls| !agree(calls, usage, model)) {
            doubt(doubts, "iterations");
            tokens = tokens.with_output(None).with_reasoning(None);
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
        let Usage { service_tier, inference_geo, speed, .. } = &self.usage;
        let mut served = Served::default();
        served.tier = service_tier.as_deref().map(Into::into);
        served.region = inference_geo.as_deref().map(Into::into);
        served.speed = speed.as_deref().map(Into::into);
        (served != Served::default()).then_some(served)
    }
}

fn doubt(doubts: &mut Vec<&'static str>, name: &'static str) {
    if !doubts.contains(&name) {
        doubts.push(name);
    }
}

/// Whether the calls of which a call consists are all this model's and sum to its totals.
fn agree(calls: &[Iteration], usage: &Usage, model: Option<&ModelId>) -> bool {
    let plain = |id: &ModelId| id.undated().unwrap_or(id.as_str()).to_owned();
    let is_own = |call: &Iteration| match (&call.model, model) {
        (Some(named), Some(model)) => plain(&named.as_str().into()) == plain(model),
        _ => true,
    };
    // An iteration without numbers may be of any size.
    let is_told = |call: &Iteration| call.input_tokens.known().and(call.output_tokens.known()).is_some();
    let sum = |of: fn(&Iteration) -> Count| {
        calls.iter().map(|call| of(call).known().unwrap_or(0)).fold(0, u64::saturating_add)
    };
    let is_whole = |total: Count, sum: u64| total.known().unwrap_or(0) == sum;
    calls.iter().all(|call| is_own(call) && is_told(call))
        && is_whole(usage.input_tokens, sum(|call| call.input_tokens))
        && is_whole(usage.output_tokens, sum(|call| call.output_tokens))
        && is_whole(usage.cache_read_input_tokens, sum(|call| call.cache_read_input_tokens))
        && is_whole(usage.cache_creation_input_tokens, sum(|call| call.cache_creation_input_tokens))
}

impl Usage {
    /// Classes that do not overlap. Parts that the vendor says are larger than their whole are cut to
    /// it, so that the sums hold.
    fn tokens(&self) -> TokenCount {
        let split = |whole: Count, part: Count| match (whole.known(), part) {
            (Some(_), Count::Odd) => (None, None),
            (Some(whole), Count::Known(part)) => (Some(whole - part.min(whole)), Some(part.min(whole))),
            (whole, _) => (whole, None),
        };
        let long = self.cache_creation.ephemeral_1h_input_tokens;
        let (cache_write_5m, cache_write_1h) = split(self.cache_creation_input_tokens, long);
        // What is thought is billed as what is written; only how much it was is unknown.
        let thinking = self.output_tokens_details.thinking_tokens;
        let thinking = if thinking.is_odd() { Count::Missing } else { thinking };
        let (output, reasoning) = split(self.output_tokens, thinking);
        TokenCount::default()
            .with_input(self.input_tokens.known())
            .with_cache_read(self.cache_read_input_tokens.known())
            .with_cache_write_5m(cache_write_5m)
            .with_cache_write_1h(cache_write_1h)
            .with_output(output)
            .with_reasoning(reasoning)
            .with_server_tools(self.server_tools())
    }

    fn server_tools(&self) -> Option<ServerTools> {
        let mut tools = ServerTools::default();
        for (name, uses) in &self.server_tool_use {
            let class = match name.as_str() {
                "web_search_requests" => &mut tools.web_search,
                "web_fetch_requests" => &mut tools.web_fetch,
                "code_execution_requests" => &mut tools.code_execution,
                _ => &mut tools.other,
            };
            let uses = u32::try_from(uses.known().unwrap_or(0)).unwrap_or(u32::MAX);
            *class = class.saturating_add(uses);
        }
        let is_odd = self.server_tool_use.values().any(|uses| uses.is_odd());
        (tools != ServerTools::default() && !is_odd).then_some(tools)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;

    fn settled(reports: &[Value], wrote: bool) -> (TokenCount, Option<Warning>) {
        let mut bill = Bill::default();
        for report in reports {
            bill.report(serde_json::from_str(&report.to_string()).unwrap());
        }
        bill.settle(Some(&"claude-opus-5".into()), wrote)
    }

    proptest! {
        #[test]
        fn the_classes_sum_to_the_vendors_totals(
            input in 0..1_000_000_u64,
            read in proptest::option::of(0..1_000_000_u64),
            written in proptest::option::of(0..1_000_000_u64),
            long in proptest::option::of(0..1_000_000_u64),
            output in 0..1_000_000_u64,
            thinking in proptest::option::of(0..1_000_000_u64),
        ) {
            let usage = json!({"input_tokens": input, "cache_creation_input_tokens": written,
                "cache_read_input_tokens": read, "cache_creation": {"ephemeral_1h_input_tokens": long},
                "output_tokens": output, "output_tokens_details": {"thinking_tokens": thinking}});
            let (tokens, warning) = settled(&[usage], false);
            let total = input + read.unwrap_or(0) + written.unwrap_or(0);
            prop_assert_eq!(tokens.total_input(), Some(total));
            prop_assert_eq!(tokens.total_output(), Some(output));
            prop_assert_eq!(warning, None);
        }
    }

    #[test]
    fn what_the_vendor_does_not_say_stays_unknown() {
        let (tokens, warning) = settled(&[], true);
        assert!(tokens.is_unknown());
        assert_eq!(warning, None);
    }

    #[test]
    fn a_number_that_cannot_be_right_leaves_its_class_unknown_with_one_warning() {
        for odd in [json!(-35), json!(1.5), json!("many"), json!(9e18), json!([1]), json!(true)] {
            let usage = json!({"input_tokens": 5, "output_tokens": odd, "cache_read_input_tokens": odd});
            let (tokens, warning) = settled(&[usage], true);
            assert_eq!(tokens, TokenCount::default().with_input(5), "{odd}");
            let warning = warning.unwrap();
            assert_eq!(warning.about, "usage");
            assert!(warning.message.contains("cache_read_input_tokens, output_tokens"), "{warning:?}");
        }
        // Whatever was told before.
        let (tokens, warning) = settled(&[json!({"input_tokens": 5}), json!({"input_tokens": -1})], true);
        assert_eq!((tokens.input, warning.is_some()), (None, true));
    }

    #[test]
    fn nothing_is_not_what_an_answer_took() {
        let zero = json!({"input_tokens": 0, "output_tokens": 0, "cache_read_input_tokens": 0});
        let (tokens, warning) = settled(std::slice::from_ref(&zero), true);
        assert!(tokens.is_unknown() && warning.is_some());
        assert_eq!(settled(&[zero], false).1, None);
        let cached = json!({"input_tokens": 0, "output_tokens": 1, "cache_read_input_tokens": 9});
        assert_eq!(settled(&[cached], true).1, None);
    }

    #[test]
    fn calls_within_the_call_that_the_totals_leave_out_have_no_known_price() {
        let call = |kind: &str, input: u64, model: Option<&str>| json!({"type": kind, "model": model, "input_tokens": input, "output_tokens": 2});
        let usage = |calls: Value, input: u64, output: u64| {
            settled(&[json!({"input_tokens": input, "output_tokens": output, "iterations": calls})], true)
        };
        for (calls, output, agrees) in [
            (json!([call("message", 5, None)]), 2, true),
            (json!([]), 2, true),
            (json!(7), 2, true),
            (json!([call("message", 2, None), call("message", 3, Some("claude-opus-5"))]), 4, true),
            (json!([call("compaction", 1_000, None), call("message", 5, None)]), 2, false),
            (json!([call("message", 3, None), call("advisor_message", 2, Some("claude-fable-5"))]), 4, false),
            (json!([call("message", 5, None), 7]), 2, false),
            (json!(["x"]), 2, false),
        ] {
            let (tokens, warning) = usage(calls.clone(), 5, output);
            assert_eq!((tokens.output.is_some(), warning.is_none()), (agrees, agrees), "{calls}");
        }
        let (tokens, warning) =
            settled(&[json!({"input_tokens": 5, "output_tokens": 2, "total_tokens": 70})], true);
        assert_eq!((tokens.output, warning.is_some()), (None, true));
    }

    #[test]
    fn uses_of_server_tools_and_the_way_of_serving_are_kept() {
        let usage = json!({"input_tokens": 1, "output_tokens": 2, "service_tier": "priority", "inference_geo": "us",
            "speed": "fast", "server_tool_use": {"web_search_requests": 3, "new_requests": 2}});
        let mut bill = Bill::default();
        assert_eq!(bill.served(), None);
        bill.report(serde_json::from_str(&usage.to_string()).unwrap());
        let uses = ServerTools::default().with_web_search(3).with_other(2);
        assert_eq!(bill.settle(None, true).0.server_tools, Some(uses));
        let served = Served::default().with_tier("priority").with_region("us").with_speed("fast");
        assert_eq!(bill.served(), Some(served));
    }
}
