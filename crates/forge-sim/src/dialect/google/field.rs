//! Protocol-buffer JSON: every field has a `camelCase` name and a `snake_case` one.

use serde_json::{Map, Value, json};

use crate::api_error::ApiError;

/// The field by its `camelCase` name, under either spelling; null counts as absent.
pub(super) fn get<'a>(value: &'a Value, camel: &str) -> Option<&'a Value> {
    value.get(camel).or_else(|| value.get(snake(camel))).filter(|value| !value.is_null())
}

pub(super) fn text<'a>(value: &'a Value, camel: &str) -> Option<&'a str> {
    get(value, camel).and_then(Value::as_str)
}

pub(super) fn list<'a>(value: &'a Value, camel: &str) -> &'a [Value] {
    get(value, camel).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

fn snake(camel: &str) -> String {
    let mut name = String::with_capacity(camel.len() + 4);
    for c in camel.chars() {
        if c.is_ascii_uppercase() {
            name.push('_');
        }
        name.push(c.to_ascii_lowercase());
    }
    name
}

/// Refuses the first field outside `known`, as the JSON reader of the vendor does.
pub(super) fn check_names(value: &Value, at: &str, known: &[&str]) -> Result<(), ApiError> {
    let fields = value.as_object().map(Map::keys).into_iter().flatten();
    for field in fields {
        let is_known = known.iter().any(|known| known == field || snake(known) == *field);
        if !is_known {
            return Err(unknown_name(field, at));
        }
    }
    Ok(())
}

fn unknown_name(field: &str, at: &str) -> ApiError {
    let place = if at.is_empty() { String::new() } else { format!(" at '{at}'") };
    ApiError::invalid(format!(
        "Invalid JSON payload received. Unknown name \"{field}\"{place}: Cannot find field."
    ))
    .with_param(at)
}

pub(super) fn wrong_value(at: &str, kind: &str, value: &Value) -> ApiError {
    ApiError::invalid(format!("Invalid value at '{at}' ({kind}), {value}")).with_param(at)
}

/// The detail that names the field.
pub(super) fn violation(param: &str, message: &str) -> Value {
    json!({
        "@type": "type.googleapis.com/google.rpc.BadRequest",
        "fieldViolations": [{"field": param, "description": message}],
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_spellings_are_read() {
        let body = json!({"system_instruction": 1, "toolConfig": 2, "contents": null});
        assert_eq!(get(&body, "systemInstruction"), Some(&json!(1)));
        assert_eq!(get(&body, "toolConfig"), Some(&json!(2)));
        assert_eq!(get(&body, "contents"), None);
        assert!(check_names(&body, "", &["systemInstruction", "toolConfig", "contents"]).is_ok());
        assert!(check_names(&body, "", &["contents"]).is_err());
    }
}
