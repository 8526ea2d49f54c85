//! Function declarations, their schemas, and which of them may be called.

use serde_json::Value;

use super::field::{check_names, get, list, text, wrong_value};
use crate::api_error::ApiError;
use crate::turn::{Tool, ToolChoice};

/// Declarations, and the tools that the vendor runs itself.
const GROUP_FIELDS: &[&str] = &[
    "codeExecution",
    "computerUse",
    "enterpriseWebSearch",
    "fileSearch",
    "functionDeclarations",
    "googleMaps",
    "googleSearch",
    "googleSearchRetrieval",
    "mcpServers",
    "retrieval",
    "urlContext",
];

const FUNCTION_FIELDS: &[&str] = &[
    "behavior",
    "description",
    "name",
    "parameters",
    "parametersJsonSchema",
    "response",
    "responseJsonSchema",
];

pub(super) fn tools(body: &Value) -> Result<Vec<Tool>, ApiError> {
    let mut tools: Vec<Tool> = Vec::new();
    for (index, group) in list(body, "tools").iter().enumerate() {
        check_names(group, &format!("tools[{index}]"), GROUP_FIELDS)?;
        for (number, function) in list(group, "functionDeclarations").iter().enumerate() {
            let at = format!("tools[{index}].function_declarations[{number}]");
            check_names(function, &at, FUNCTION_FIELDS)?;
            let name = text(function, "name").unwrap_or_default();
            let plain = |c: char| c.is_ascii_alphanumeric() || "_-.:".contains(c);
            let starts_well = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
            if !starts_well || name.len() > 64 || !name.chars().all(plain) {
                return Err(ApiError::invalid(format!(
                    "* GenerateContentRequest.{at}.name: Invalid function name. Must start with a \
                     letter or an underscore."
                )));
            }
            let subset = get(function, "parameters");
            let full = get(function, "parametersJsonSchema");
            if subset.is_some() && full.is_some() {
                return Err(ApiError::invalid(format!(
                    "{at}: only one of parameters and parameters_json_schema may be set"
                )));
            }
            if let Some(schema) = subset {
                check_subset(schema, &format!("{at}.parameters"))?;
            }
            if tools.iter().any(|known| known.name == name) {
                return Err(ApiError::invalid(format!("Duplicate function declaration found: {name}")));
            }
            tools.push(Tool::function(name, subset.or(full).cloned().unwrap_or(Value::Null)));
        }
    }
    Ok(tools)
}

/// The fields of the vendor's `OpenAPI` subset.
const SCHEMA_FIELDS: &[&str] = &[
    "anyOf",
    "default",
    "description",
    "enum",
    "example",
    "format",
    "items",
    "maxItems",
    "maxLength",
    "maxProperties",
    "maximum",
    "minItems",
    "minLength",
    "minProperties",
    "minimum",
    "nullable",
    "pattern",
    "properties",
    "propertyOrdering",
    "required",
    "title",
    "type",
];

/// Refuses what the subset does not know.
pub(super) fn check_subset(schema: &Value, at: &str) -> Result<(), ApiError> {
    // Common keywords such as `$ref` are unknown here, so that schemas of other vendors have to be rewritten.
    check_names(schema, at, SCHEMA_FIELDS)?;
    // The subset has one type for each schema, and `nullable` beside it.
    if let Some(kind @ Value::Array(_)) = schema.get("type") {
        return Err(wrong_value(
            &format!("{at}.type"),
            "type.googleapis.com/google.ai.generativelanguage.v1beta.Type",
            kind,
        ));
    }
    if let Some(properties) = schema.get("properties").and_then(Value::as_object) {
        for (name, schema) in properties {
            check_subset(schema, &format!("{at}.properties[{name}]"))?;
        }
    }
    if let Some(items) = schema.get("items") {
        check_subset(items, &format!("{at}.items"))?;
    }
    list(schema, "anyOf")
        .iter()
        .enumerate()
        .try_for_each(|(index, schema)| check_subset(schema, &format!("{at}.any_of[{index}]")))
}

pub(super) fn choice(body: &Value, tools: &[Tool]) -> Result<ToolChoice, ApiError> {
    let config = get(body, "toolConfig").and_then(|config| get(config, "functionCallingConfig"));
    let Some(config) = config else {
        return Ok(ToolChoice::Auto);
    };
    check_names(
        config,
        "tool_config.function_calling_config",
        &["allowedFunctionNames", "mode", "streamFunctionCallArguments"],
    )?;
    let allowed = list(config, "allowedFunctionNames");
    for name in allowed.iter().filter_map(Value::as_str) {
        if !tools.iter().any(|tool| tool.name == name) {
            return Err(ApiError::invalid(format!(
                "Function calling config refers to an undeclared function: {name}"
            )));
        }
    }
    match text(config, "mode").unwrap_or("AUTO") {
        "AUTO" | "MODE_UNSPECIFIED" | "VALIDATED" => Ok(ToolChoice::Auto),
        "NONE" => Ok(ToolChoice::None),
        "ANY" => Ok(match allowed {
            [name] => ToolChoice::Named(name.as_str().unwrap_or_default().to_owned()),
            _ => ToolChoice::Any,
        }),
        _ => Err(wrong_value(
            "tool_config.function_calling_config.mode",
            "type.googleapis.com/google.ai.generativelanguage.v1beta.FunctionCallingConfig.Mode",
            &config["mode"],
        )),
    }
}
