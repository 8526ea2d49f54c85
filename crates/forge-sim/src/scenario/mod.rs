//! What the simulator does wrong on purpose, and how fast it is: read from YAML or built in code.

mod bytes;
mod fault;
mod magic;
mod nth;
mod pace;
mod reply;
mod rule;
mod vendors;

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::compatible::Server;
use crate::error::SimError;
use crate::vendor::Vendor;

pub use bytes::{ByteStyle, LineEnding, Split};
pub use fault::{Cut, Drip, ErrorSpec, ErrorStyle, Quirk, Reset, RetryAfter, Stall, StreamError};
pub(crate) use magic::{rule_for, strip};
pub use nth::Nth;
pub use pace::{Distribution, Latency, Limit};
pub use reply::{CallSpec, ReplySpec, StopSpec, UsageSpec};
pub use rule::Rule;
pub(crate) use rule::Selected;

/// A whole script. The empty one answers every valid request at once and without fault. Unknown fields are
/// errors, because a fault that is misspelt would make a test pass without it.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Scenario {
    /// API keys that local servers insist on; without an entry they ask for none.
    #[serde(deserialize_with = "vendors::keys")]
    pub keys: BTreeMap<Vendor, String>,
    /// How long answers take; the first entry that fits a request counts.
    pub latency: Vec<Latency>,
    /// Rate limits; the first entry that fits a request counts.
    pub limits: Vec<Limit>,
    /// Faults and prepared replies; the first rule that fires counts.
    pub rules: Vec<Rule>,
}

impl Scenario {
    /// Reads a scenario from YAML; an empty text is the empty scenario.
    ///
    /// # Errors
    /// Text that is not YAML, an unknown or misspelt field, an unknown vendor, or a rule that can do nothing.
    ///
    /// ```
    /// let scenario = forge_sim::Scenario::from_yaml(
    ///     "rules:
    ///        - vendor: anthropic
    ///          nth: 1
    ///          error: { kind: overloaded }",
    /// )?;
    /// assert_eq!(scenario.rules.len(), 1);
    /// # Ok::<(), forge_sim::SimError>(())
    /// ```
    pub fn from_yaml(text: &str) -> Result<Self, SimError> {
        Self::from_yaml_with(text, &[])
    }

    /// Reads a scenario that may also name servers which the program adds, as in [`SimConfig::servers`].
    ///
    /// [`SimConfig::servers`]: crate::SimConfig::servers
    pub fn from_yaml_with(text: &str, servers: &[&'static Server]) -> Result<Self, SimError> {
        // To the reader of YAML an empty document is no mapping.
        if text.trim().is_empty() {
            return Ok(Self::default());
        }
        let document = serde_yaml::Deserializer::from_str(text);
        // As maps of one key: else the reader wants variants with values as YAML tags, which few people know.
        let scenario: Self =
            vendors::knowing(servers, || serde_yaml::with::singleton_map_recursive::deserialize(document))?;
        scenario.check()?;
        Ok(scenario)
    }

    /// Refuses rules that could not do what they say.
    pub(crate) fn check(&self) -> Result<(), SimError> {
        for (index, rule) in self.rules.iter().enumerate() {
            rule.check().map_err(|problem| SimError::Rule { rule: index + 1, problem })?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_action_reads_from_yaml() {
        let scenario = Scenario::from_yaml(
            r#"
keys: { llamacpp: secret }
latency:
  - { vendor: openai, model: gpt-5, first_byte_ms: { lognormal: { median: 20, sigma: 0.5 } }, tokens_per_second: { fixed: 80 } }
limits:
  - { vendor: anthropic, requests_per_minute: 5, input_tokens_per_minute: 1000, retry_after: { none: true } }
rules:
  - { vendor: anthropic, nth: 1, error: { kind: rate_limited, retry_after: { seconds: 3 }, should_retry: true } }
  - { nth: "2..5", reset: before_headers }
  - { nth: { every: 3 }, cut: { at_byte: 12 } }
  - { cut: before_terminal, bytes: { line_ending: crlf, split: { seed: 4 }, pings: 2, no_final_blank_line: true } }
  - { bytes: { split: every_byte } }
  - { stall: { between_events: 10, after_events: 2 } }
  - { stream_error: { kind: overloaded, after_events: 2, style: bare } }
  - { reset: { during: { inside_event: 2 } } }
  - { drip: { bytes: 1, every_ms: 5 } }
  - { reply: { text: hi, usage: { input: 272001 }, stop_reason: pause_turn, tool_calls: [ { name: f, arguments: { a: 1 } } ] } }
  - { quirks: [no_index, no_done] }
  - { loading_ms: 100 }
  - { headers: { retry-after: "180" } }
  - { body: "<html>", status: 502 }
  - { vendor: strict-template, reply: { raw_usage: { output_tokens: -1.5, a: { b: null } } } }
  - { reply: { raw_usage: null } }
  - { quirks: [split_surrogates, whole_start], bytes: { last_event_bytes: 1200000 } }
"#,
        )
        .unwrap();
        assert_eq!(scenario.rules.len(), 17);
        let usage = |rule: usize| scenario.rules[rule].reply.clone().unwrap().raw_usage;
        assert_eq!(usage(14).unwrap()["output_tokens"], -1.5);
        assert_eq!((usage(15), usage(9)), (Some(serde_json::Value::Null), None));
        assert_eq!(scenario.rules[1].nth, Some(Nth::Range(2, Some(5))));
        assert_eq!(scenario.rules[2].cut, Some(Cut::AtByte(12)));
    }

    #[test]
    fn a_misspelt_field_is_refused() {
        assert!(matches!(
            Scenario::from_yaml("rules: [ { vendor: openai, eror: {} } ]"),
            Err(SimError::Syntax(_))
        ));
    }

    #[test]
    fn a_rule_without_an_action_is_refused_by_its_number() {
        let error = Scenario::from_yaml("rules: [ { loading_ms: 1 }, { vendor: openai } ]");
        assert!(matches!(error, Err(SimError::Rule { rule: 2, .. })));
    }

    #[test]
    fn the_empty_text_is_the_empty_scenario() {
        assert_eq!(Scenario::from_yaml("\n").unwrap(), Scenario::default());
    }
}
