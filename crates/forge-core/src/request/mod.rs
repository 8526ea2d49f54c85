//! What is asked of a model, in one form for every vendor.

mod cache;
mod carried;
mod check;
mod extras;
mod message;
mod outline;
mod schema;
mod shared;
mod size;
mod tool;

use std::{borrow::Cow, fmt, sync::Arc};

use serde::{
    Deserialize, Deserializer, Serialize,
    de::{SeqAccess, Visitor, value::SeqAccessDeserializer},
};

pub use self::{
    cache::CacheTtl,
    carried::{Carried, Dialect, InvalidBody, ParseBody},
    extras::Extras,
    message::{Citation, Message, MessageRole, Opaque, Part, Source, SystemText},
    outline::{Outline, Prefix},
    schema::Schema,
    shared::Shared,
    size::{RequestSize, tokens_of},
    tool::{FreeformFormat, FreeformTool, FunctionTool, HostedTool, Tool, ToolChoice, ToolInput},
};

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
// A misspelt field is an error: left out in silence, it would be a wish that nobody fulfils.
#[non_exhaustive]
pub struct ModelRequest {
    /// System text in blocks; empty means none. In JSON also one text.
    #[serde(deserialize_with = "text_or_blocks")]
    pub system: Shared<SystemText>,
    /// The conversation so far, oldest first.
    pub messages: Shared<Message>,
    /// Tools that the model may call.
    #[serde(skip_serializing_if = "<[Tool]>::is_empty")]
    pub tools: Shared<Tool>,
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
    /// The most tokens that thinking may take, for models that take a number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub thinking_budget: Option<u32>,
    /// Whether to ask for a readable form of the thoughts, where the vendor offers one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub show_thinking: Option<bool>,
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
    /// Raw fields by the vendor that takes them, set on the top level of the wire request after everything else.
    #[serde(skip_serializing_if = "Extras::is_empty")]
    pub extra: Extras,
    // Not written, because it holds a function that only this process has.
    #[serde(skip)]
    carried: Option<Arc<Carried>>,
}

impl ModelRequest {
    /// A request with this system text and no messages yet.
    pub fn new(system: impl Into<String>) -> Self {
        Self::default().with_system_text(SystemText::new(system))
    }

    /// Adds a block of system text; an empty one adds nothing.
    pub fn with_system_text(mut self, block: SystemText) -> Self {
        // Vendors refuse an empty block.
        if !block.text.is_empty() {
            self.system.push(block);
        }
        self
    }

    /// The system text as one text, its blocks apart by an empty line.
    pub fn system_text(&self) -> Cow<'_, str> {
        match &self.system[..] {
            [] => Cow::Borrowed(""),
            [one] => Cow::Borrowed(&one.text),
            many => {
                let texts: Vec<_> = many.iter().map(|block| block.text.as_str()).collect();
                Cow::Owned(texts.join("\n\n"))
            }
        }
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
    pub fn with_tool(mut self, tool: impl Into<Tool>) -> Self {
        self.tools.push(tool.into());
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

    /// Sets the texts that end the answer when the model writes them.
    pub fn with_stop_sequences<S: Into<String>>(mut self, texts: impl IntoIterator<Item = S>) -> Self {
        self.stop_sequences = texts.into_iter().map(Into::into).collect();
        self
    }

    /// Sets whether the model may, must or must not call tools.
    pub fn with_tool_choice(mut self, choice: ToolChoice) -> Self {
        self.tool_choice = choice;
        self
    }

    /// Sets whether the vendor is asked for a stream or for one whole reply.
    pub fn with_delivery(mut self, delivery: Delivery) -> Self {
        self.delivery = delivery;
        self
    }
}

/// System text as one text or as a list of blocks.
fn text_or_blocks<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Shared<SystemText>, D::Error> {
    struct Blocks;

    impl<'de> Visitor<'de> for Blocks {
        type Value = Vec<SystemText>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a text or a list of blocks such as {\"text\": \"...\"}")
        }

        fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
            Ok(if text.is_empty() { Vec::new() } else { vec![SystemText::new(text)] })
        }

        fn visit_seq<A: SeqAccess<'de>>(self, blocks: A) -> Result<Self::Value, A::Error> {
            Vec::deserialize(SeqAccessDeserializer::new(blocks))
        }
    }

    deserializer.deserialize_any(Blocks).map(Shared::from)
}

/// The form of the answer.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
#[non_exhaustive]
pub enum OutputFormat {
    /// Free text.
    #[default]
    Text,
    /// JSON of any form.
    Json,
    /// JSON that obeys a schema, through the vendor's own JSON-Schema mode.
    JsonSchema(OutputSchema),
}

/// The schema that an answer obeys.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct OutputSchema {
    /// A short name: letters, digits, `_` and `-`; at most 64 of them.
    pub name: String,
    /// What the answer is for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// The JSON Schema.
    pub schema: Schema,
    /// Whether the vendor holds the model to the schema exactly; unset means that it does where it can.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub strict: Option<bool>,
}

impl OutputSchema {
    /// A schema by this short name.
    pub fn new(name: impl Into<String>, schema: impl Into<Schema>) -> Self {
        Self { name: name.into(), description: None, schema: schema.into(), strict: None }
    }
}

impl OutputFormat {
    /// JSON that obeys this schema.
    pub fn json_schema(name: impl Into<String>, schema: impl Into<Schema>) -> Self {
        Self::JsonSchema(OutputSchema::new(name, schema))
    }
}

/// How hard the model should think. Which levels a model knows stands in
/// [`Capabilities::efforts`](crate::Capabilities).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
// From the least to the most: the nearest level is found by this order.
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
#[non_exhaustive]
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
#[allow(clippy::exhaustive_enums, reason = "a reply comes in pieces or in one")]
pub enum Delivery {
    /// Piece by piece, as the model writes.
    // The default, because a stalled server shows early in a stream; a whole reply has one clock for all of
    // it.
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
        let output = r#"{"output": {"json_schema": {"name": "a", "schema": {}, "strikt": true}}}"#;
        for bad in [r#"{"mesages": []}"#, r#"{"sampling": {"temp": 1}}"#, output] {
            assert!(serde_json::from_str::<ModelRequest>(bad).is_err(), "{bad}");
        }
        let part = r#"{"type": "text", "text": "hi", "bold": true}"#;
        assert!(serde_json::from_str::<crate::request::Part>(part).is_err());
    }

    #[test]
    fn system_text_is_one_text_or_blocks_with_cache_marks() {
        let read = |text| serde_json::from_str::<ModelRequest>(text).unwrap().system;
        assert_eq!(read(r#"{"system": "be brief"}"#), ModelRequest::new("be brief").system);
        assert!(read(r#"{"system": ""}"#).is_empty());
        let blocks = read(r#"{"system": [{"text": "a", "cache": "1h"}, {"text": "b"}]}"#);
        assert_eq!(blocks[0], SystemText::new("a").with_cache(CacheTtl::OneHour));
        let request = ModelRequest { system: blocks, ..ModelRequest::default() };
        assert_eq!(request.system_text(), "a\n\nb");
    }

    #[test]
    fn a_request_survives_json() {
        let request = ModelRequest::new("s")
            .with_user_message("u")
            .with_assistant_message("a")
            .with_max_tokens(5)
            .with_temperature(0.25)
            .with_output(OutputFormat::json_schema("x", serde_json::json!({})));
        let text = serde_json::to_string(&request).unwrap();
        assert_eq!(serde_json::from_str::<ModelRequest>(&text).unwrap(), request);
    }
}
