//! Tools and schemas of a Messages request.

use serde_json::{Map, Value};

use super::{history, schema};
use crate::api_error::ApiError;
use crate::tokens::Segment;
use crate::turn::{Tool, ToolChoice, Turn};

const MAX_STRICT_TOOLS: usize = 20;
const MAX_OPTIONAL: usize = 24;
const MAX_UNIONS: usize = 16;

/// The client's own tools; server tools (`type: web_search_…`) pass unread.
pub(super) fn tools(value: Option<&Value>) -> Result<Vec<Tool>, ApiError> {
    let Some(value) = value else {
        return Ok(Vec::new());
    };
    let list = value.as_array().ok_or_else(|| ApiError::invalid("tools: Input should be a valid list"))?;
    let mut tools: Vec<Tool> = Vec::new();
    let mut strict = Strictness::default();
    for (index, tool) in list.iter().enumerate() {
        let kind = tool.get("type").and_then(Value::as_str);
        if kind.is_some_and(|kind| kind != "custom") {
            continue;
        }
        let name = tool
            .get("name")
            .and_then(Value::as_str)
            .ok_or_else(|| ApiError::invalid(format!("tools.{index}.custom.name: Field required")))?;
        let plain = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
        if name.is_empty() || name.len() > 128 || !name.chars().all(plain) {
            return Err(ApiError::invalid(format!(
                "tools.{index}.custom.name: String should match pattern '^[a-zA-Z0-9_-]{{1,128}}$'"
            )));
        }
        let schema = tool
            .get("input_schema")
            .ok_or_else(|| ApiError::invalid(format!("tools.{index}.custom.input_schema: Field required")))?;
        if schema.get("type").and_then(Value::as_str) != Some("object") {
            return Err(ApiError::invalid(format!(
                "tools.{index}.custom.input_schema.type: Input should be 'object'"
            )));
        }
        if ["oneOf", "allOf", "anyOf"].iter().any(|word| schema.get(word).is_some()) {
            return Err(ApiError::invalid(format!(
                "tools.{index}.custom.input_schema: input_schema does not support oneOf, allOf, or anyOf at \
                 the top level"
            )));
        }
        if tools.iter().any(|known| known.name == name) {
            return Err(ApiError::invalid("tools: Tool names must be unique."));
        }
        if tool.get("strict").and_then(Value::as_bool) == Some(true) {
            strict.add(schema, &format!("tools.{index}.custom.input_schema"))?;
        }
        tools.push(Tool::function(name, schema.clone()));
    }
    strict.check()?;
    Ok(tools)
}

pub(super) fn choice(
    value: Option<&Value>,
    tools: Option<&Value>,
    turn: &mut Turn,
) -> Result<ToolChoice, ApiError> {
    let Some(value) = value.filter(|value| !value.is_null()) else {
        return Ok(ToolChoice::Auto);
    };
    let offered = tools.and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    if offered.is_empty() {
        return Err(ApiError::invalid("tool_choice: may only be specified while providing tools"));
    }
    let single = value.get("disable_parallel_tool_use").and_then(Value::as_bool);
    turn.parallel_calls = single != Some(true);
    match value.get("type").and_then(Value::as_str) {
        Some("auto") => Ok(ToolChoice::Auto),
        Some("none") => Ok(ToolChoice::None),
        // What the vendor runs itself shows in no call.
        Some("any") if turn.tools.is_empty() => Ok(ToolChoice::Auto),
        Some("any") => Ok(ToolChoice::Any),
        Some("tool") => {
            let name = value.get("name").and_then(Value::as_str).unwrap_or_default();
            if turn.tools.iter().any(|tool| tool.name == name) {
                Ok(ToolChoice::Named(name.to_owned()))
            } else if offered.iter().any(|tool| tool.get("name").and_then(Value::as_str) == Some(name)) {
                Ok(ToolChoice::Auto)
            } else {
                Err(ApiError::invalid(format!("Tool '{name}' not found in provided tools")))
            }
        }
        _ => Err(ApiError::invalid("tool_choice.type: Input should be 'auto', 'any', 'tool' or 'none'")),
    }
}

/// Takes over `cache_control` of the client's own tools, which open the prompt.
pub(super) fn mark_breakpoints(value: Option<&Value>, prompt: &mut [Segment]) -> Result<(), ApiError> {
    let own = value.and_then(Value::as_array).into_iter().flatten().filter(|tool| {
        let kind = tool.get("type").and_then(Value::as_str);
        kind.is_none_or(|kind| kind == "custom")
    });
    for (tool, segment) in own.zip(prompt) {
        segment.breakpoint = history::breakpoint(tool.get("cache_control"))?;
    }
    Ok(())
}

/// Totals over all strict tools of a request.
#[derive(Debug, Default)]
struct Strictness {
    tools: usize,
    optional: usize,
    unions: usize,
}

impl Strictness {
    fn add(&mut self, schema: &Value, path: &str) -> Result<(), ApiError> {
        self.tools += 1;
        schema::check(schema, path)?;
        self.measure(schema);
        Ok(())
    }

    fn measure(&mut self, schema: &Value) {
        if let Value::Array(items) = schema {
            return items.iter().for_each(|item| self.measure(item));
        }
        let Some(object) = schema.as_object() else {
            return;
        };
        if object.contains_key("anyOf") || object.get("type").is_some_and(Value::is_array) {
            self.unions += 1;
        }
        let properties = object.get("properties").and_then(Value::as_object).map_or(0, Map::len);
        let required = object.get("required").and_then(Value::as_array).map_or(0, Vec::len);
        self.optional += properties.saturating_sub(required);
        for schema in schema::subschemas(object) {
            self.measure(schema);
        }
    }

    fn check(&self) -> Result<(), ApiError> {
        let limits = [
            ("strict tools", self.tools, MAX_STRICT_TOOLS),
            ("optional parameters", self.optional, MAX_OPTIONAL),
            ("parameters with union types", self.unions, MAX_UNIONS),
        ];
        match limits.into_iter().find(|(_, count, most)| count > most) {
            Some((what, count, most)) => Err(ApiError::invalid(format!(
                "Schemas contain too many {what} ({count}), the limit is {most}"
            ))),
            None => Ok(()),
        }
    }
}
