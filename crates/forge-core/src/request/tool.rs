//! Tools that a model may call, and how it may be made to.

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};
use serde_json::{Map, Value, json};

use super::{CacheTtl, Schema};
use crate::participant::ModelProvider;

/// A tool that the model may call.
///
/// In JSON the kind stands in `type`; one without it is a function.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Tool {
    /// A function of the caller's with arguments in JSON.
    Function(FunctionTool),
    /// A tool of the caller's that takes free text.
    Freeform(FreeformTool),
    /// A tool that the vendor runs by itself, such as a web search.
    Hosted(HostedTool),
}

/// A function of the caller's with arguments in JSON.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct FunctionTool {
    /// Letters, digits, `_` and `-`; at most 64 of them.
    pub name: String,
    /// The group of tools to which it belongs, where the vendor has such groups.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    /// What it does and when to use it.
    #[serde(default)]
    pub description: String,
    /// JSON Schema of the arguments; the root is an object.
    pub schema: Schema,
    /// Hold the model to the schema exactly, where the vendor can.
    #[serde(default)]
    pub strict: bool,
    /// Ends a cacheable prefix here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cache: Option<CacheTtl>,
}

/// A tool of the caller's that takes free text.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct FreeformTool {
    /// Letters, digits, `_` and `-`; at most 64 of them.
    pub name: String,
    /// The group of tools to which it belongs, where the vendor has such groups.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    /// What it does and when to use it.
    #[serde(default)]
    pub description: String,
    /// The form of its input.
    #[serde(default)]
    pub format: FreeformFormat,
}

/// The form of a free text.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
#[non_exhaustive]
pub enum FreeformFormat {
    /// Any text.
    #[default]
    Text,
    /// Text that a grammar allows.
    Grammar {
        /// The grammar's notation, such as `lark` or `regex`.
        syntax: String,
        /// The grammar.
        definition: String,
    },
}

/// A tool that its vendor runs by itself.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct HostedTool {
    /// The vendor that runs it. A call to any other leaves the tool out, with a warning.
    pub vendor: ModelProvider,
    /// The group of tools to which it belongs, where the vendor has such groups.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    /// The tool as the vendor's requests have it.
    pub definition: Schema,
}

impl Tool {
    /// A function with this schema of its arguments.
    pub fn function(name: impl Into<String>, schema: impl Into<Schema>) -> Self {
        Self::Function(FunctionTool::new(name, schema))
    }

    /// A tool that takes any text.
    pub fn freeform(name: impl Into<String>) -> Self {
        Self::Freeform(FreeformTool::new(name))
    }

    /// A tool that `vendor` runs, as that vendor's requests have it.
    pub fn hosted(vendor: ModelProvider, definition: impl Into<Schema>) -> Self {
        Self::Hosted(HostedTool::new(vendor, definition))
    }

    /// The same tool with this description; a hosted tool has none.
    pub fn with_description(mut self, text: impl Into<String>) -> Self {
        match &mut self {
            Self::Function(tool) => tool.description = text.into(),
            Self::Freeform(tool) => tool.description = text.into(),
            Self::Hosted(_) => {}
        }
        self
    }

    /// The same tool in this group.
    pub fn with_namespace(mut self, name: impl Into<String>) -> Self {
        let namespace = match &mut self {
            Self::Function(tool) => &mut tool.namespace,
            Self::Freeform(tool) => &mut tool.namespace,
            Self::Hosted(tool) => &mut tool.namespace,
        };
        *namespace = Some(name.into());
        self
    }

    /// The name by which the model calls it; a hosted tool is known by its definition.
    pub fn name(&self) -> Option<&str> {
        match self {
            Self::Function(tool) => Some(&tool.name),
            Self::Freeform(tool) => Some(&tool.name),
            Self::Hosted(_) => None,
        }
    }

    /// The group of tools to which it belongs.
    pub fn namespace(&self) -> Option<&str> {
        match self {
            Self::Function(tool) => tool.namespace.as_deref(),
            Self::Freeform(tool) => tool.namespace.as_deref(),
            Self::Hosted(tool) => tool.namespace.as_deref(),
        }
    }
}

impl FunctionTool {
    /// A function with this schema of its arguments.
    pub fn new(name: impl Into<String>, schema: impl Into<Schema>) -> Self {
        Self {
            name: name.into(),
            namespace: None,
            description: String::new(),
            schema: schema.into(),
            strict: false,
            cache: None,
        }
    }

    /// Says what it does and when to use it.
    pub fn with_description(mut self, text: impl Into<String>) -> Self {
        self.description = text.into();
        self
    }

    /// Holds the model to the schema exactly, where the vendor can.
    pub fn strict(mut self) -> Self {
        self.strict = true;
        self
    }

    /// Ends a cacheable prefix after this tool.
    pub fn with_cache(mut self, ttl: CacheTtl) -> Self {
        self.cache = Some(ttl);
        self
    }
}

impl FreeformTool {
    /// A tool that takes any text.
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            namespace: None,
            description: String::new(),
            format: FreeformFormat::default(),
        }
    }

    /// Sets the form of its input.
    pub fn with_format(mut self, format: FreeformFormat) -> Self {
        self.format = format;
        self
    }
}

impl HostedTool {
    /// A tool that `vendor` runs, as that vendor's requests have it.
    pub fn new(vendor: ModelProvider, definition: impl Into<Schema>) -> Self {
        Self { vendor, namespace: None, definition: definition.into() }
    }
}

impl From<FunctionTool> for Tool {
    fn from(tool: FunctionTool) -> Self {
        Self::Function(tool)
    }
}

impl From<FreeformTool> for Tool {
    fn from(tool: FreeformTool) -> Self {
        Self::Freeform(tool)
    }
}

impl<'de> Deserialize<'de> for Tool {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut fields = Map::<String, Value>::deserialize(deserializer)?;
        // Taken out before the rest is read, since every kind refuses fields that it does not know.
        let kind = fields.remove("type").unwrap_or_else(|| "function".into());
        let rest = Value::Object(fields);
        let tool = match kind.as_str() {
            Some("function") => serde_json::from_value(rest).map(Self::Function),
            Some("freeform") => serde_json::from_value(rest).map(Self::Freeform),
            Some("hosted") => serde_json::from_value(rest).map(Self::Hosted),
            _ => {
                let text = format!("a tool has no type {kind}; choose `function`, `freeform` or `hosted`");
                return Err(D::Error::custom(text));
            }
        };
        tool.map_err(D::Error::custom)
    }
}

/// Whether the model may, must or must not call tools.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
#[non_exhaustive]
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
    /// These tools alone, though the request names more: the list of tools stays the same, and with it the
    /// vendor's cache of the prompt.
    Allowed {
        /// The tools.
        names: Vec<String>,
        /// Whether one of them has to be called.
        #[serde(default)]
        required: bool,
    },
}

impl ToolChoice {
    /// Whether the model has to call a tool.
    pub fn is_forced(&self) -> bool {
        matches!(self, Self::Required | Self::Tool(_) | Self::Allowed { required: true, .. })
    }
}

/// What a tool is called with.
///
/// In JSON: the arguments themselves, a free text as a string, and `{"$broken": "..."}` for arguments that are
/// not JSON.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum ToolInput {
    /// Arguments of a function: an object.
    Json(Value),
    /// The text for a freeform tool.
    Text(String),
    /// What should have been JSON and is not: the model broke off, or broke the rules.
    Broken(String),
}

// With a sign that names of arguments hardly begin with.
const BROKEN: &str = "$broken";

impl ToolInput {
    /// The arguments that a model wrote as `text`. An empty text means none.
    pub fn parse(text: String) -> Self {
        // Some vendors send nothing at all where a tool is called without arguments.
        if text.trim().is_empty() {
            return Self::Json(Value::Object(Map::new()));
        }
        // The model's own words are kept, so that it can be shown what is wrong with them.
        serde_json::from_str(&text).map_or_else(|_| Self::Broken(text), Self::Json)
    }

    /// The arguments, if they are JSON.
    pub fn as_json(&self) -> Option<&Value> {
        match self {
            Self::Json(value) => Some(value),
            Self::Text(_) | Self::Broken(_) => None,
        }
    }

    /// The input as the model wrote it, or would have.
    pub fn to_text(&self) -> String {
        match self {
            Self::Json(value) => value.to_string(),
            Self::Text(text) | Self::Broken(text) => text.clone(),
        }
    }
}

impl From<Value> for ToolInput {
    fn from(value: Value) -> Self {
        match value {
            Value::String(text) => Self::Text(text),
            // Alone in its object, so that arguments with a field of this name stay what they are.
            Value::Object(mut fields) if fields.len() == 1 && fields.contains_key(BROKEN) => {
                match fields.remove(BROKEN) {
                    Some(Value::String(text)) => Self::Broken(text),
                    other => Self::Json(json!({BROKEN: other})),
                }
            }
            value => Self::Json(value),
        }
    }
}

impl Serialize for ToolInput {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Json(value) => value.serialize(serializer),
            Self::Text(text) => serializer.serialize_str(text),
            Self::Broken(text) => json!({BROKEN: text}).serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for ToolInput {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Value::deserialize(deserializer).map(Self::from)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tool_without_a_type_is_a_function() {
        let tool: Tool =
            serde_json::from_value(json!({"name": "add", "schema": {"type": "object"}})).unwrap();
        assert_eq!(tool, Tool::function("add", json!({"type": "object"})));
        for tool in [
            tool,
            Tool::freeform("exec").with_namespace("shell"),
            Tool::hosted(ModelProvider::OpenAI, json!({"type": "web_search"})),
        ] {
            let text = serde_json::to_string(&tool).unwrap();
            assert_eq!(serde_json::from_str::<Tool>(&text).unwrap(), tool, "{text}");
        }
        for bad in [json!({"name": "add", "shcema": {}}), json!({"type": "fn", "name": "add", "schema": {}})]
        {
            assert!(serde_json::from_value::<Tool>(bad).is_err());
        }
    }

    #[test]
    fn free_text_and_broken_json_are_told_apart() {
        assert_eq!(ToolInput::parse(" ".into()), ToolInput::Json(json!({})));
        assert_eq!(ToolInput::parse("{\"x\":1".into()), ToolInput::Broken("{\"x\":1".into()));
        for input in [
            ToolInput::Json(json!({"x": [1]})),
            ToolInput::Json(json!({BROKEN: 3})),
            ToolInput::Text("ls -l".into()),
            ToolInput::Broken("{\"x\"".into()),
        ] {
            let text = serde_json::to_string(&input).unwrap();
            assert_eq!(serde_json::from_str::<ToolInput>(&text).unwrap(), input, "{text}");
        }
    }
}
