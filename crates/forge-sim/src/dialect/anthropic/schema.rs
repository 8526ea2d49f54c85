//! The part of JSON Schema that structured output and strict tools know.

use std::collections::HashMap;

use serde_json::{Map, Value};

use crate::api_error::ApiError;

/// Keywords by the type that they limit; none of them is enforced, and so each is refused.
const UNSUPPORTED: &[(&str, &[&str])] = &[
    ("integer", &["minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"]),
    ("number", &["minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"]),
    ("string", &["minLength", "maxLength", "pattern"]),
    (
        "array",
        &[
            "maxItems",
            "uniqueItems",
            "contains",
            "minContains",
            "maxContains",
            "prefixItems",
            "unevaluatedItems",
        ],
    ),
    (
        "object",
        &[
            "minProperties",
            "maxProperties",
            "patternProperties",
            "propertyNames",
            "unevaluatedProperties",
            "dependentRequired",
            "dependentSchemas",
        ],
    ),
];

/// Compositions that no grammar is made of.
const COMPOSITIONS: &[&str] = &["oneOf", "not", "if", "then", "else"];

const FORMATS: &[&str] =
    &["date-time", "time", "date", "duration", "email", "hostname", "uri", "ipv4", "ipv6", "uuid"];

/// Refuses what the vendor's grammar cannot hold; `path` names the field in the request.
pub(super) fn check(schema: &Value, path: &str) -> Result<(), ApiError> {
    if recurs(schema) {
        return Err(ApiError::invalid(format!("{path}: Recursive schemas are not supported")));
    }
    level(schema, path)
}

fn level(schema: &Value, path: &str) -> Result<(), ApiError> {
    if let Value::Array(items) = schema {
        return items.iter().try_for_each(|item| level(item, path));
    }
    let Some(object) = schema.as_object() else {
        return Ok(());
    };
    let refuse = |problem: String| Err(ApiError::invalid(format!("{path}: {problem}")));
    let kinds: Vec<&str> = match object.get("type") {
        Some(Value::String(kind)) => vec![kind],
        Some(Value::Array(kinds)) => kinds.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    };
    for kind in &kinds {
        let keywords =
            UNSUPPORTED.iter().find(|(known, _)| known == kind).map_or(&[][..], |(_, words)| words);
        let found: Vec<&str> = keywords.iter().copied().filter(|word| object.contains_key(*word)).collect();
        match found[..] {
            [] => {}
            [word] => return refuse(format!("For '{kind}' type, property '{word}' is not supported")),
            _ => {
                return refuse(format!(
                    "For '{kind}' type, properties {} are not supported",
                    found.join(", ")
                ));
            }
        }
    }
    if kinds.contains(&"array")
        && object.get("minItems").is_some_and(|least| least.as_u64().is_none_or(|least| least > 1))
    {
        return refuse("For 'array' type, 'minItems' values other than 0 or 1 are not supported".to_owned());
    }
    if kinds.contains(&"object") && object.get("additionalProperties") != Some(&Value::Bool(false)) {
        return refuse(
            "For 'object' type, 'additionalProperties' must be explicitly set to false".to_owned(),
        );
    }
    if let Some(format) = object.get("format").and_then(Value::as_str).filter(|_| kinds.contains(&"string"))
        && !FORMATS.contains(&format)
    {
        return refuse(format!("For 'string' type, format '{format}' is not supported"));
    }
    if let Some(word) = COMPOSITIONS.iter().find(|word| object.contains_key(**word)) {
        return refuse(format!("Schema type '{word}' is not supported"));
    }
    let target = object.get("$ref").and_then(Value::as_str);
    if target.is_some_and(|target| !target.starts_with('#')) {
        return refuse("External $ref is not supported".to_owned());
    }
    let values = object.get("enum").and_then(Value::as_array);
    if values.is_some_and(|values| values.iter().any(|value| value.is_object() || value.is_array())) {
        return refuse("Enums of objects or arrays are not supported".to_owned());
    }
    subschemas(object).try_for_each(|schema| level(schema, path))
}

pub(super) fn subschemas(object: &Map<String, Value>) -> impl Iterator<Item = &Value> {
    let named = ["properties", "$defs", "definitions"]
        .into_iter()
        .filter_map(|key| object.get(key)?.as_object())
        .flat_map(Map::values);
    let direct = ["items", "anyOf", "oneOf", "allOf"].into_iter().filter_map(|key| object.get(key));
    named.chain(direct)
}

/// Whether a reference leads back to where it stands.
fn recurs(root: &Value) -> bool {
    // False while a target is being followed, true when all behind it is known.
    let mut done = HashMap::from([("", false)]);
    let mut open = vec![("", references(root))];
    while let Some((target, leads)) = open.last_mut() {
        let Some(next) = leads.pop() else {
            done.insert(*target, true);
            open.pop();
            continue;
        };
        match done.get(next) {
            Some(true) => {}
            Some(false) => return true,
            None => {
                done.insert(next, false);
                open.push((next, root.pointer(next).map(references).unwrap_or_default()));
            }
        }
    }
    false
}

/// The targets inside the document that a schema and everything in it name.
fn references(schema: &Value) -> Vec<&str> {
    match schema {
        Value::Array(items) => items.iter().flat_map(references).collect(),
        Value::Object(fields) => {
            let own = fields.get("$ref").and_then(Value::as_str).and_then(|target| target.strip_prefix('#'));
            own.into_iter().chain(fields.values().flat_map(references)).collect()
        }
        _ => Vec::new(),
    }
}
