//! Tools, formats and stop sequences.

use serde_json::{Map, Value};

use super::schema::{self, Owner};
use super::{Reading, missing, wrong_type, wrong_value};
use crate::api_error::ApiError;
use crate::turn::{Format, Tool, ToolChoice};

const MAX_NAME: usize = 64;
const MAX_STOPS: usize = 4;

pub(in crate::dialect) fn tools(body: &Value, reading: Reading) -> Result<Vec<Tool>, ApiError> {
    let Some(list) = body.get("tools").filter(|tools| !tools.is_null()) else {
        return Ok(Vec::new());
    };
    let list = list.as_array().ok_or_else(|| wrong_type("tools", "an array of objects"))?;
    // Chat refuses the empty list, which Responses takes.
    if list.is_empty() && reading == Reading::Strict {
        return Err(ApiError::invalid(
            "Invalid 'tools': empty array. Expected an array with minimum length 1, but got an \
             empty array instead.",
        )
        .with_param("tools")
        .with_code("empty_array"));
    }
    list.iter()
        .enumerate()
        .map(|(index, tool)| {
            if tool.get("type").and_then(Value::as_str) == Some("custom") {
                let path = format!("tools[{index}].custom.name");
                let name = tool.pointer("/custom/name").and_then(Value::as_str);
                return Ok(Tool::freeform(name.ok_or_else(|| missing(&path))?));
            }
            let path = format!("tools[{index}].function");
            let function = tool.get("function").ok_or_else(|| missing(&path))?;
            self::tool(function, &path, &format!("tools[{index}].function.parameters"), reading)
        })
        .collect()
}

/// A function with `name`, `parameters` and `strict`, nested or flat.
pub(in crate::dialect) fn tool(
    function: &Value,
    path: &str,
    schema_path: &str,
    reading: Reading,
) -> Result<Tool, ApiError> {
    let name =
        function.get("name").and_then(Value::as_str).ok_or_else(|| missing(&format!("{path}.name")))?;
    if reading == Reading::Strict {
        check_name(name, &format!("{path}.name"))?;
        check_parameters(function, name, schema_path)?;
    }
    Ok(Tool::function(name, function.get("parameters").cloned().unwrap_or(Value::Object(Map::new()))))
}

/// Parameters are an object, strict or not; a function may have none.
fn check_parameters(function: &Value, name: &str, path: &str) -> Result<(), ApiError> {
    let what = format!("function '{name}'");
    let owner = Owner { what: &what, param: path, code: "invalid_function_parameters" };
    let strict = function.get("strict").and_then(Value::as_bool) == Some(true);
    match function.get("parameters").filter(|schema| !schema.is_null()) {
        Some(schema) if strict => schema::check_strict(schema, owner),
        Some(Value::Object(fields)) if fields.is_empty() => Ok(()),
        Some(schema) => {
            schema::check_root(schema, owner)?;
            schema::check_loose(schema, owner)
        }
        None if strict => schema::check_strict(&Value::Null, owner),
        None => Ok(()),
    }
}

fn check_name(name: &str, path: &str) -> Result<(), ApiError> {
    if name.len() > MAX_NAME {
        return Err(ApiError::invalid(format!(
            "Invalid '{path}': string too long. Expected a string with maximum length 64, but got \
             a string with length {} instead.",
            name.len()
        ))
        .with_param(path)
        .with_code("string_above_max_length"));
    }
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    if name.is_empty() || !name.chars().all(plain) {
        return Err(ApiError::invalid(format!(
            "Invalid '{path}': string does not match pattern. Expected a string that matches the \
             pattern '^[a-zA-Z0-9_-]+$'."
        ))
        .with_param(path)
        .with_code("invalid_value"));
    }
    Ok(())
}

/// A forced tool lies as deep here as a declared one.
pub(in crate::dialect) fn tool_choice(
    body: &Value,
    tools: &[Tool],
    reading: Reading,
) -> Result<ToolChoice, ApiError> {
    let Some(choice) = body.get("tool_choice").filter(|choice| !choice.is_null()) else {
        return Ok(ToolChoice::Auto);
    };
    if tools.is_empty() && reading == Reading::Strict && choice.as_str() != Some("none") {
        return Err(ApiError::invalid(
            "Invalid value for 'tool_choice': 'tool_choice' is only allowed when 'tools' are \
             specified.",
        )
        .with_param("tool_choice"));
    }
    match choice.as_str() {
        Some("auto") => return Ok(ToolChoice::Auto),
        Some("none") => return Ok(ToolChoice::None),
        Some("required") => return Ok(ToolChoice::Any),
        Some(other) => {
            return Err(wrong_value("tool_choice", other, &["none", "auto", "required"]));
        }
        None => {}
    }
    if choice.get("type").and_then(Value::as_str) == Some("allowed_tools") {
        return allowed_tools(choice, tools);
    }
    named_tool(choice, tools)
}

/// Some of the tools, of which the model may or has to call one.
fn allowed_tools(choice: &Value, tools: &[Tool]) -> Result<ToolChoice, ApiError> {
    let path = "tool_choice.allowed_tools";
    let allowed = choice.get("allowed_tools").ok_or_else(|| missing(path))?;
    let list = allowed.get("tools").and_then(Value::as_array);
    let list = list.ok_or_else(|| missing(&format!("{path}.tools")))?;
    let picked = list.iter().map(|entry| named_tool(entry, tools)).collect::<Result<Vec<_>, _>>()?;
    match allowed.get("mode").and_then(Value::as_str).unwrap_or_default() {
        "auto" => Ok(ToolChoice::Auto),
        "required" => Ok(match &picked[..] {
            [one] => one.clone(),
            _ => ToolChoice::Any,
        }),
        other => Err(wrong_value(&format!("{path}.mode"), other, &["auto", "required"])),
    }
}

fn named_tool(choice: &Value, tools: &[Tool]) -> Result<ToolChoice, ApiError> {
    let custom = choice.get("type").and_then(Value::as_str) == Some("custom");
    let (pointer, path) =
        if custom { ("/custom/name", "custom.name") } else { ("/function/name", "function.name") };
    let name = choice
        .pointer(pointer)
        .and_then(Value::as_str)
        .ok_or_else(|| missing(&format!("tool_choice.{path}")))?;
    if tools.iter().any(|tool| tool.name == name) {
        Ok(ToolChoice::Named(name.to_owned()))
    } else {
        Err(ApiError::invalid(format!("Tool choice '{name}' not found in 'tools' parameter."))
            .with_param("tool_choice"))
    }
}

pub(in crate::dialect) fn response_format(body: &Value, reading: Reading) -> Result<Format, ApiError> {
    let Some(format) = body.get("response_format").filter(|format| !format.is_null()) else {
        return Ok(Format::Text);
    };
    match format.get("type").and_then(Value::as_str) {
        Some("text") => Ok(Format::Text),
        // As llama.cpp takes it: a schema beside its JSON mode.
        Some("json_object") if format.get("schema").is_some() => {
            Ok(Format::Schema { name: None, schema: format["schema"].clone() })
        }
        Some("json_object") => Ok(Format::JsonObject),
        Some("json_schema") => {
            let named = format.get("json_schema").ok_or_else(|| missing("response_format.json_schema"))?;
            schema_format(named, "response_format.json_schema", reading)
        }
        other => Err(wrong_value(
            "response_format.type",
            other.unwrap_or_default(),
            &["json_object", "json_schema", "text"],
        )),
    }
}

/// `{name, schema, strict}`, as Chat nests it and Responses lays it flat.
pub(in crate::dialect) fn schema_format(
    format: &Value,
    path: &str,
    reading: Reading,
) -> Result<Format, ApiError> {
    let name = format.get("name").and_then(Value::as_str);
    let schema = format.get("schema");
    if reading == Reading::Strict {
        let name = name.ok_or_else(|| missing(&format!("{path}.name")))?;
        check_name(name, &format!("{path}.name"))?;
        let schema = schema.ok_or_else(|| missing(&format!("{path}.schema")))?;
        if format.get("strict").and_then(Value::as_bool) == Some(true) {
            let what = format!("response_format '{name}'");
            let param = if path.starts_with("text") { "text.format.schema" } else { "response_format" };
            schema::check_strict(schema, Owner { what: &what, param, code: "invalid_json_schema" })?;
        }
    }
    Ok(Format::Schema {
        name: name.map(ToOwned::to_owned),
        schema: schema.cloned().unwrap_or(Value::Object(Map::new())),
    })
}

/// Only OpenAI limits their number.
pub(in crate::dialect) fn stop(body: &Value, reading: Reading) -> Result<Vec<String>, ApiError> {
    match body.get("stop") {
        None | Some(Value::Null) => Ok(Vec::new()),
        Some(Value::String(word)) => Ok(vec![word.clone()]),
        Some(Value::Array(words)) if reading == Reading::Strict && words.len() > MAX_STOPS => {
            Err(ApiError::invalid(format!(
                "Invalid 'stop': array too long. Expected an array with maximum length 4, but got an \
             array with length {} instead.",
                words.len()
            ))
            .with_param("stop")
            .with_code("array_above_max_length"))
        }
        Some(Value::Array(words)) => {
            Ok(words.iter().filter_map(|word| word.as_str().map(ToOwned::to_owned)).collect())
        }
        Some(_) => Err(wrong_type("stop", "one of a string or array of strings")),
    }
}
