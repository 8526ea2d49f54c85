//! A request without its dialect: what the scripted mind reads and what the meter counts.

use serde_json::{Value, json};

use crate::tokens::{CacheKind, Segment, count};
use crate::vendor::Vendor;

/// The part of a request that decides the answer.
#[derive(Debug, Clone)]
pub(crate) struct Turn {
    pub(crate) vendor: Vendor,
    pub(crate) model: ModelFacts,
    /// System text, joined.
    pub(crate) system: String,
    /// Text of the last user message, joined.
    pub(crate) user: String,
    /// Results of tool calls that came in after the last answer.
    pub(crate) tool_results: Vec<ToolResult>,
    pub(crate) tools: Vec<Tool>,
    pub(crate) tool_choice: ToolChoice,
    pub(crate) parallel_calls: bool,
    pub(crate) format: Format,
    pub(crate) thinks: bool,
    pub(crate) max_tokens: Option<u64>,
    pub(crate) stop: Vec<String>,
    /// The prompt in the order in which a vendor would read it.
    pub(crate) prompt: Vec<Segment>,
}

impl Turn {
    pub(crate) fn new(vendor: Vendor, model: ModelFacts) -> Self {
        Self {
            vendor,
            model,
            system: String::new(),
            user: String::new(),
            tool_results: Vec::new(),
            tools: Vec::new(),
            tool_choice: ToolChoice::Auto,
            parallel_calls: true,
            format: Format::Text,
            thinks: false,
            max_tokens: None,
            stop: Vec::new(),
            prompt: Vec::new(),
        }
    }

    /// Tokens of the whole prompt, before any cache.
    pub(crate) fn prompt_tokens(&self) -> u64 {
        self.prompt.iter().map(|segment| count(&segment.text, self.model.token_percent)).sum()
    }

    /// Tools open the prompt.
    pub(crate) fn push_tools(&mut self) {
        let segments = self.tools.iter().map(|tool| Segment::plain(format!("{} {}", tool.name, tool.schema)));
        self.prompt.extend(segments);
    }

    pub(crate) fn push_prompt(&mut self, text: impl Into<String>) {
        self.prompt.push(Segment::plain(text));
    }
}

/// What the meter and the gates know of the model that answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ModelFacts {
    /// The name in the reply.
    pub(crate) served: String,
    /// Context window in tokens.
    pub(crate) context: u64,
    /// What happens beyond it.
    pub(crate) overflow: Overflow,
    /// Tokens that this model's tokenizer makes of a hundred.
    pub(crate) token_percent: u64,
    pub(crate) cache: CacheKind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Overflow {
    Refuse,
    /// The prompt is cut without a word (Ollama).
    Truncate,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Tool {
    pub(crate) name: String,
    /// JSON Schema of the arguments.
    pub(crate) schema: Value,
    /// Takes a text of any form in place of arguments.
    pub(crate) freeform: bool,
    /// The group that a client has put it in.
    pub(crate) namespace: Option<String>,
}

impl Tool {
    pub(crate) fn function(name: impl Into<String>, schema: Value) -> Self {
        Self { name: name.into(), schema, freeform: false, namespace: None }
    }

    pub(crate) fn freeform(name: impl Into<String>) -> Self {
        let schema =
            json!({"type": "object", "properties": {"input": {"type": "string"}}, "required": ["input"]});
        Self { freeform: true, ..Self::function(name, schema) }
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ToolResult {
    pub(crate) name: Option<String>,
    pub(crate) text: String,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum ToolChoice {
    Auto,
    None,
    Any,
    Named(String),
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Format {
    Text,
    JsonObject,
    Schema { name: Option<String>, schema: Value },
}
