//! What is asked of a model, in one form for every vendor.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::{CacheTtl, Message};

/// One request. Which model serves it is the context's business ([`CallContext`](crate::CallContext)).
///
/// An unset option means the vendor's default. A *tuning* setting that a model does not take is left
/// out with a [`Warned`](crate::StreamEvent::Warned) event; a *feature* that it does not have is an
/// error before anything is sent.
///
/// ```
/// use forge_core::ModelRequest;
///
/// let request = ModelRequest::new("Answer in one sentence.")
///     .with_user_message("What is a monad?")
///     .with_max_tokens(200);
/// ```
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ModelRequest {
    /// System text; empty means none.
    pub system: String,
    /// Ends a cacheable prefix after the tools and the system text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub system_cache: Option<CacheTtl>,
    /// The conversation so far, oldest first.
    pub messages: Vec<Message>,
    /// Tools that the model may call.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tools: Vec<Tool>,
    /// Whether the model may, must or must not call tools.
    pub tool_choice: ToolChoice,
    /// Whether the model may call several tools in one turn.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parallel_tools: Option<bool>,
    /// The form of the answer.
    pub output: OutputFormat,
    /// How hard the model should think.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub effort: Option<Effort>,
    /// Ask for a readable form of the thoughts, where the vendor offers one.
    pub show_thinking: bool,
    /// Randomness.
    pub sampling: Sampling,
    /// Texts that end the answer when the model writes them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub stop_sequences: Vec<String>,
    /// The most tokens the answer may have, thinking included. Where a vendor insists on a number,
    /// the adapter takes the model's own maximum, at most 8,192.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_tokens: Option<u32>,
    /// Whether the vendor is asked for a stream or for one whole reply.
    pub delivery: Delivery,
    /// Keep the vendor's reply text beside the response.
    pub keep_raw: bool,
    /// Raw vendor fields, set on the top level of the wire request after everything else.
    #[serde(skip_serializing_if = "Map::is_empty")]
    pub extra: Map<String, Value>,
}

impl ModelRequest {
    /// A request with this system text and no messages yet.
    pub fn new(system: impl Into<String>) -> Self {
        Self { system: system.into(), ..Self::default() }
    }

    /// Adds a user turn.
    pub fn with_user_message(self, text: impl Into<String>) -> Self {
        self.with_message(Message::user(text))
    }

    /// Adds an assistant turn.
    pub fn with_assistant_message(self, text: impl Into<String>) -> Self {
        self.with_message(Message::assistant(text))
    }

    /// Adds a turn.
    pub fn with_message(mut self, message: Message) -> Self {
        self.messages.push(message);
        self
    }

    /// Sets the most tokens the answer may have.
    pub fn with_max_tokens(mut self, max_tokens: u32) -> Self {
        self.max_tokens = Some(max_tokens);
        self
    }

    /// Sets the temperature; 0 is the most predictable, vendors allow up to 1 or 2.
    pub fn with_temperature(mut self, temperature: f64) -> Self {
        self.sampling.temperature = Some(temperature);
        self
    }

    /// Adds a tool.
    pub fn with_tool(mut self, tool: Tool) -> Self {
        self.tools.push(tool);
        self
    }

    /// Sets the form of the answer.
    pub fn with_output(mut self, output: OutputFormat) -> Self {
        self.output = output;
        self
    }

    /// Sets how hard the model should think.
    pub fn with_effort(mut self, effort: Effort) -> Self {
        self.effort = Some(effort);
        self
    }

    /// Sets whether the vendor is asked for a stream or for one whole reply.
    pub fn with_delivery(mut self, delivery: Delivery) -> Self {
        self.delivery = delivery;
        self
    }
}

/// A function that the model may ask to be called.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tool {
    /// Letters, digits, `_` and `-`; at most 64 of them.
    pub name: String,
    /// What it does and when to use it.
    #[serde(default)]
    pub description: String,
    /// JSON Schema of the arguments; the root is an object.
    pub schema: Value,
    /// Hold the model to the schema exactly, where the vendor can.
    #[serde(default)]
    pub strict: bool,
}

/// Whether the model may, must or must not call tools.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ToolChoice {
    /// As the model sees fit.
    #[default]
    Auto,
    /// No calls.
    None,
    /// At least one call. Newer models refuse this.
    Required,
    /// This tool. Newer models refuse this.
    Tool(String),
}

/// The form of the answer.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum OutputFormat {
    /// Free text.
    #[default]
    Text,
    /// JSON that obeys a schema, through the vendor's own JSON-Schema mode.
    JsonSchema {
        /// A short name: letters, digits, `_` and `-`; at most 64 of them.
        name: String,
        /// The JSON Schema.
        schema: Value,
    },
}

/// How hard the model should think. Which levels a model knows stands in
/// [`Capabilities::efforts`](crate::Capabilities).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Effort {
    /// No thinking.
    None,
    /// As little as possible.
    Minimal,
    /// Little.
    Low,
    /// Some.
    Medium,
    /// Much.
    High,
    /// Very much.
    XHigh,
    /// As much as the model can.
    Max,
}

impl Effort {
    /// Every level, least first.
    pub const ALL: [Self; 7] =
        [Self::None, Self::Minimal, Self::Low, Self::Medium, Self::High, Self::XHigh, Self::Max];

    /// The level's written name, the same with every vendor that has it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Minimal => "minimal",
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
            Self::XHigh => "xhigh",
            Self::Max => "max",
        }
    }
}

/// Randomness. Many newer models take none of these.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Sampling {
    /// 0 to 2; Anthropic allows up to 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub temperature: Option<f64>,
    /// Keep the most likely tokens up to this probability, 0 to 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub top_p: Option<f64>,
    /// Keep this many most likely tokens.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub top_k: Option<u32>,
    /// Ask for repeatable answers; no vendor promises them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seed: Option<i64>,
    /// -2 to 2.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub presence_penalty: Option<f64>,
    /// -2 to 2.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub frequency_penalty: Option<f64>,
}

/// Whether the vendor is asked for a stream or for one whole reply. The events are the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Delivery {
    /// Piece by piece, as the model writes.
    #[default]
    Stream,
    /// In one reply, through the vendor's unary endpoint.
    Whole,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_file_may_be_short_and_typos_are_refused() {
        let request: ModelRequest = serde_json::from_str(
            r#"{"messages": [{"role": "user", "parts": [{"type": "text", "text": "hi"}]}],
                "sampling": {"temperature": 0.5}, "effort": "xhigh", "tool_choice": {"tool": "add"}}"#,
        )
        .unwrap();
        assert_eq!(request.effort, Some(Effort::XHigh));
        assert_eq!(request.tool_choice, ToolChoice::Tool("add".into()));
        let output = r#"{"output": {"json_schema": {"name": "a", "schema": {}, "strict": true}}}"#;
        for bad in [r#"{"mesages": []}"#, r#"{"sampling": {"temp": 1}}"#, output] {
            assert!(serde_json::from_str::<ModelRequest>(bad).is_err(), "{bad}");
        }
        let part = r#"{"type": "text", "text": "hi", "bold": true}"#;
        assert!(serde_json::from_str::<crate::Part>(part).is_err());
    }

    #[test]
    fn a_request_survives_json() {
        let request = ModelRequest::new("s")
            .with_user_message("u")
            .with_assistant_message("a")
            .with_max_tokens(5)
            .with_temperature(0.25)
            .with_output(OutputFormat::JsonSchema { name: "x".into(), schema: serde_json::json!({}) });
        let text = serde_json::to_string(&request).unwrap();
        assert_eq!(serde_json::from_str::<ModelRequest>(&text).unwrap(), request);
    }
}
