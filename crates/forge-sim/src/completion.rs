//! An answer without its dialect.

use serde_json::{Map, Value};

use crate::turn::Tool;
use crate::usage::Usage;

/// What a dialect renders.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Completion {
    pub(crate) parts: Vec<Part>,
    pub(crate) stop: Stop,
    /// The word to use for `stop`, verbatim.
    pub(crate) raw_stop: Option<String>,
    pub(crate) usage: Usage,
    /// The model that the reply names.
    pub(crate) model: String,
}

impl Completion {
    pub(crate) fn calls(&self) -> impl Iterator<Item = &ToolCall> {
        self.parts.iter().filter_map(|part| match part {
            Part::Call(call) => Some(call),
            _ => None,
        })
    }

    /// Visible text, joined.
    pub(crate) fn text(&self) -> String {
        self.join(|part| match part {
            Part::Text(text) => Some(text),
            _ => None,
        })
    }

    /// Thinking, joined.
    pub(crate) fn thinking(&self) -> String {
        self.join(|part| match part {
            Part::Thinking(text) => Some(text),
            _ => None,
        })
    }

    pub(crate) fn refusal(&self) -> Option<&str> {
        self.parts.iter().find_map(|part| match part {
            Part::Refusal(text) => Some(text.as_str()),
            _ => None,
        })
    }

    fn join(&self, pick: impl Fn(&Part) -> Option<&String>) -> String {
        self.parts.iter().filter_map(|part| pick(part).map(String::as_str)).collect()
    }
}

/// A part of an answer.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Part {
    /// Thoughts.
    Thinking(String),
    /// Text.
    Text(String),
    /// A call of a tool.
    Call(ToolCall),
    /// The model's own words of refusal.
    Refusal(String),
}

/// A call of a tool.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct ToolCall {
    /// The tool's name.
    pub name: String,
    /// Its arguments.
    pub arguments: Map<String, Value>,
    /// The arguments as JSON text, or the text of a freeform call; incomplete when the token limit
    /// fell inside.
    pub json: String,
    /// Whether it came to its end.
    pub complete: bool,
    /// Takes a text of any form in place of arguments.
    pub freeform: bool,
    /// The group of the tool.
    pub namespace: Option<String>,
}

impl ToolCall {
    /// A call of a function.
    pub fn new(name: impl Into<String>, arguments: Map<String, Value>) -> Self {
        Self {
            name: name.into(),
            json: Value::Object(arguments.clone()).to_string(),
            arguments,
            complete: true,
            freeform: false,
            namespace: None,
        }
    }

    /// A call in the form that the tool has.
    pub fn of(tool: &Tool, arguments: Map<String, Value>) -> Self {
        let mut call = Self::new(&tool.name, arguments);
        if tool.freeform {
            call.freeform = true;
            call.json = call.arguments.get("input").and_then(Value::as_str).unwrap_or_default().to_owned();
        }
        call.namespace.clone_from(&tool.namespace);
        call
    }
}

/// Why an answer ends.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Stop {
    /// All is said.
    EndTurn,
    /// The limit of its tokens is reached.
    MaxTokens,
    /// One of the stop sequences came up.
    Sequence(String),
    /// Tools are called.
    ToolUse,
    /// The model declines.
    Refusal,
    /// The turn goes on in the next call.
    PauseTurn,
    /// The context window is full.
    ContextWindow,
    /// A filter holds the answer back.
    Safety,
    /// A filter refuses the prompt.
    Blocked,
    /// A call was no proper one.
    MalformedCall,
}
