use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};

use crate::usage::Usage;

/// A prepared answer. What is left out comes from the responder.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ReplySpec {
    /// Visible text; the empty text gives a reply without any.
    pub text: Option<String>,
    /// Thinking before it.
    pub thinking: Option<String>,
    /// Calls after it; an empty list forbids calls.
    pub tool_calls: Option<Vec<CallSpec>>,
    /// Why the reply ends.
    pub stop_reason: Option<StopSpec>,
    /// The vendor's word for it, verbatim.
    pub raw_stop_reason: Option<String>,
    /// Token counts to report.
    pub usage: UsageSpec,
    /// Fields of the vendor's own usage object, verbatim and of any type; anything but a mapping
    /// stands in place of the whole object.
    #[serde(deserialize_with = "anything")]
    pub raw_usage: Option<Value>,
    /// The model which the reply says has answered.
    pub model: Option<String>,
}

/// A value that is there, be it null.
fn anything<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Value>, D::Error> {
    Value::deserialize(deserializer).map(Some)
}

/// One prepared tool call.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CallSpec {
    /// The tool.
    pub name: String,
    /// Its arguments.
    #[serde(default)]
    pub arguments: Map<String, Value>,
}

/// Why a reply ends, in words that no vendor owns.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StopSpec {
    /// The model was done.
    EndTurn,
    /// The token limit was reached.
    MaxTokens,
    /// The model refused.
    Refusal,
    /// A long server-side turn was interrupted (Anthropic).
    PauseTurn,
    /// The context window was full.
    ContextWindow,
    /// A filter stopped the output.
    Safety,
    /// A filter stopped the prompt.
    Blocked,
    /// The model wrote a tool call that does not parse (Gemini).
    MalformedCall,
}

/// Token counts to report; a class that is left out keeps its computed value.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct UsageSpec {
    /// Uncached input.
    pub input: Option<u64>,
    /// Cache reads.
    pub cache_read: Option<u64>,
    /// Cache writes, five minutes.
    pub cache_write_5m: Option<u64>,
    /// Cache writes, one hour.
    pub cache_write_1h: Option<u64>,
    /// Visible output.
    pub output: Option<u64>,
    /// Reasoning output.
    pub reasoning: Option<u64>,
}

impl UsageSpec {
    pub(crate) fn apply(&self, computed: Usage) -> Usage {
        Usage {
            input: self.input.unwrap_or(computed.input),
            cache_read: self.cache_read.unwrap_or(computed.cache_read),
            cache_write_5m: self.cache_write_5m.unwrap_or(computed.cache_write_5m),
            cache_write_1h: self.cache_write_1h.unwrap_or(computed.cache_write_1h),
            output: self.output.unwrap_or(computed.output),
            reasoning: self.reasoning.unwrap_or(computed.reasoning),
        }
    }
}
