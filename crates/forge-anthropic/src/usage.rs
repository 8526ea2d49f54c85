//! The vendor's token arithmetic.

use forge_core::{Served, ServerTools, TokenCount};

use crate::wire::reply::Usage;

impl Usage {
    /// Usage in a stream is cumulative and partial: what a later report names replaces what was there.
    pub(crate) fn overwrite(&mut self, newer: Self) {
        self.input_tokens = newer.input_tokens.or(self.input_tokens);
        self.cache_creation_input_tokens =
            newer.cache_creation_input_tokens.or(self.cache_creation_input_tokens);
        self.cache_read_input_tokens = newer.cache_read_input_tokens.or(self.cache_read_input_tokens);
        self.cache_creation = newer.cache_creation.or(self.cache_creation);
        self.output_tokens = newer.output_tokens.or(self.output_tokens);
        self.output_tokens_details = newer.output_tokens_details.or(self.output_tokens_details);
        self.server_tool_use = newer.server_tool_use.or(self.server_tool_use);
        self.service_tier = newer.service_tier.or(self.service_tier.take());
        self.inference_geo = newer.inference_geo.or(self.inference_geo.take());
        self.speed = newer.speed.or(self.speed.take());
    }

    /// Classes that do not overlap. Parts that the vendor says are larger than their whole are cut to
    /// it, so that the sums hold.
    pub(crate) fn tokens(&self) -> TokenCount {
        let split = |whole: Option<u64>, part: Option<u64>| match (whole, part) {
            (Some(whole), Some(part)) => (Some(whole - part.min(whole)), Some(part.min(whole))),
            (whole, _) => (whole, None),
        };
        let long = self.cache_creation.and_then(|split| split.ephemeral_1h_input_tokens);
        let (cache_write_5m, cache_write_1h) = split(self.cache_creation_input_tokens, long);
        let thinking = self.output_tokens_details.and_then(|details| details.thinking_tokens);
        let (output, reasoning) = split(self.output_tokens, thinking);
        TokenCount::default()
            .with_input(self.input_tokens)
            .with_cache_read(self.cache_read_input_tokens)
            .with_cache_write_5m(cache_write_5m)
            .with_cache_write_1h(cache_write_1h)
            .with_output(output)
            .with_reasoning(reasoning)
            .with_server_tools(self.server_tools())
    }
}

impl Usage {
    /// How the call was served; `None` where the vendor says nothing about it.
    pub(crate) fn served(&self) -> Option<Served> {
        let mut served = Served::default();
        served.tier = self.service_tier.as_deref().map(Into::into);
        served.region = self.inference_geo.as_deref().map(Into::into);
        served.speed = self.speed.as_deref().map(Into::into);
        (served != Served::default()).then_some(served)
    }

    fn server_tools(&self) -> Option<ServerTools> {
        let uses = self.server_tool_use?;
        let tools = ServerTools::default()
            .with_web_search(uses.web_search_requests.unwrap_or(0))
            .with_web_fetch(uses.web_fetch_requests.unwrap_or(0));
        (tools != ServerTools::default()).then_some(tools)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::wire::reply::{CacheCreation, OutputDetails};

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
            let usage = Usage {
                input_tokens: Some(input),
                cache_creation_input_tokens: written,
                cache_read_input_tokens: read,
                cache_creation: Some(CacheCreation { ephemeral_1h_input_tokens: long }),
                output_tokens: Some(output),
                output_tokens_details: Some(OutputDetails { thinking_tokens: thinking }),
                ..Usage::default()
            };
            let tokens = usage.tokens();
            let total = input + read.unwrap_or(0) + written.unwrap_or(0);
            prop_assert_eq!(tokens.total_input(), Some(total));
            prop_assert_eq!(tokens.total_output(), Some(output));
        }
    }

    #[test]
    fn what_the_vendor_does_not_say_stays_unknown() {
        assert!(Usage::default().tokens().is_unknown());
    }

    #[test]
    fn uses_of_server_tools_and_the_way_of_serving_are_kept() {
        let usage: Usage = serde_json::from_value(serde_json::json!({"input_tokens": 1, "output_tokens": 2,
            "server_tool_use": {"web_search_requests": 3}, "service_tier": "priority", "inference_geo": "us"}))
        .unwrap();
        assert_eq!(usage.tokens().server_tools, Some(ServerTools::default().with_web_search(3)));
        assert_eq!(usage.served(), Some(Served::default().with_tier("priority").with_region("us")));
        assert_eq!(Usage::default().served(), None);
    }
}
