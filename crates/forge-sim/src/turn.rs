//! A request without its dialect: what a responder reads and what the meter counts.

use serde_json::{Value, json};

use crate::tokens::{CacheKind, Segment, count};
use crate::vendor::Vendor;

/// The part of a request that decides the answer, whatever the dialect.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Turn {
    /// Who was asked.
    pub vendor: Vendor,
    pub(crate) model: ModelFacts,
    /// System text, joined.
    pub system: String,
    /// Text of the last user message, joined.
    pub user: String,
    /// Results of tool calls that came in after the last answer.
    pub tool_results: Vec<ToolResult>,
    /// The tools that may be called.
    pub tools: Vec<Tool>,
    /// Whether tools may, must or must not be called.
    pub tool_choice: ToolChoice,
    /// Whether several tools may be called at once.
    pub parallel_calls: bool,
    /// The form of the answer.
    pub format: Format,
    /// Whether thoughts stand in front of the answer.
    pub thinks: bool,
    pub(crate) max_tokens: Option<u64>,
    pub(crate) stop: Vec<String>,
    /// The prompt in the order in which a vendor would read it.
    pub(crate) prompt: Vec<Segment>,
}

impl Turn {
    /// A turn that asks for nothing but an answer to this, of a model with no habits: to test a responder with.
    pub fn of(vendor: Vendor, user: impl Into<String>) -> Self {
        let facts = ModelFacts {
            served: "model".into(),
            context: 1_000_000,
            overflow: Overflow::Refuse,
            token_percent: 100,
            cache: CacheKind::None,
        };
        Self { user: user.into(), ..Self::new(vendor, facts) }
    }

    /// The model that answers, as the reply names it.
    pub fn model(&self) -> &str {
        &self.model.served
    }

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
    // First in the prompt, as in the vendors' own caches: other tools make another prefix.
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

/// A tool that may be called.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Tool {
    /// Its name.
    pub name: String,
    /// JSON Schema of the arguments.
    pub schema: Value,
    /// Takes a text of any form in place of arguments.
    pub freeform: bool,
    /// The group that a client has put it in.
    pub namespace: Option<String>,
}

impl Tool {
    /// A tool that takes arguments of this schema.
    pub fn function(name: impl Into<String>, schema: Value) -> Self {
        Self { name: name.into(), schema, freeform: false, namespace: None }
    }

    /// A tool that takes a text of any form.
    pub fn freeform(name: impl Into<String>) -> Self {
        let schema =
            json!({"type": "object", "properties": {"input": {"type": "string"}}, "required": ["input"]});
        Self { freeform: true, ..Self::function(name, schema) }
    }
}

/// What a tool gave back.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ToolResult {
    /// The tool, where the dialect names it.
    pub name: Option<String>,
    /// The result's text.
    pub text: String,
}

/// Whether tools are called.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ToolChoice {
    /// As the model likes.
    Auto,
    /// None may be called.
    None,
    /// Some tool has to be called.
    Any,
    /// The tool of this name has to be called.
    Named(String),
}

/// The form of an answer.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Format {
    /// Prose.
    Text,
    /// Any JSON object.
    JsonObject,
    /// JSON that satisfies a schema.
    Schema {
        /// The schema's name, where the dialect has one.
        name: Option<String>,
        /// JSON Schema.
        schema: Value,
    },
}
