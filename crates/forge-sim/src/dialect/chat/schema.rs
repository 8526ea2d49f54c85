//! The part of JSON Schema that OpenAI takes, strictly and otherwise.

use serde_json::{Map, Value};

use crate::api_error::ApiError;

/// Keywords that no strict schema holds.
const NOT_STRICT: &[&str] = &[
    "allOf",
    "oneOf",
    "not",
    "if",
    "then",
    "else",
    "dependentRequired",
    "dependentSchemas",
    "patternProperties",
    "propertyNames",
    "unevaluatedProperties",
    "unevaluatedItems",
    "contains",
    "uniqueItems",
];

/// Compositions that may not stand at the root.
const COMPOSITIONS: &[&str] = &["oneOf", "anyOf", "allOf", "enum", "not"];

const MAX_DEPTH: usize = 10;

/// Whose schema it is, for the error texts.
#[derive(Debug, Clone, Copy)]
pub(super) struct Owner<'a> {
    pub(super) what: &'a str,
    pub(super) param: &'a str,
    pub(super) code: &'a str,
}

impl Owner<'_> {
    fn refuse(&self, problem: impl AsRef<str>) -> ApiError {
        ApiError::invalid(format!("Invalid schema for {}: {}", self.what, problem.as_ref()))
            .with_param(self.param)
            .with_code(self.code)
    }
}

/// The root of a schema is an object and nothing else.
pub(super) fn check_root(schema: &Value, owner: Owner<'_>) -> Result<(), ApiError> {
    let kind = schema.get("type").and_then(Value::as_str);
    if kind != Some("object") {
        let kind = kind.map_or_else(|| "\"None\"".to_owned(), |kind| format!("\"{kind}\""));
        return Err(
            owner.refuse(format!("schema must be a JSON Schema of 'type: \"object\"', got 'type: {kind}'."))
        );
    }
    if COMPOSITIONS.iter().any(|word| schema.get(word).is_some()) {
        return Err(owner.refuse(
            "schema must have type 'object' and not have 'oneOf'/'anyOf'/'allOf'/'enum'/'not' at the \
             top level.",
        ));
    }
    Ok(())
}

/// What is refused in any mode.
pub(super) fn check_loose(schema: &Value, owner: Owner<'_>) -> Result<(), ApiError> {
    each_level(schema, &mut Vec::new(), &mut |object, context| {
        if object.get("type").and_then(Value::as_str) == Some("array")
            && !["items", "prefixItems"].iter().any(|key| object.contains_key(*key))
        {
            return Err(owner.refuse(format!("In context={context}, array schema missing items.")));
        }
        Ok(())
    })
}

/// Strict schemas close every object, require every property, and know fewer keywords.
pub(super) fn check_strict(schema: &Value, owner: Owner<'_>) -> Result<(), ApiError> {
    check_root(schema, owner)?;
    if depth(schema) > MAX_DEPTH {
        return Err(owner.refuse(format!(
            "schema exceeds the maximum allowed depth. Expected at most {MAX_DEPTH} levels of nesting."
        )));
    }
    each_level(schema, &mut Vec::new(), &mut |object, context| strict_level(object, context, owner))
}

fn strict_level(object: &Map<String, Value>, context: &str, owner: Owner<'_>) -> Result<(), ApiError> {
    if object.contains_key("$ref") {
        let others: Vec<String> =
            object.keys().filter(|key| *key != "$ref").map(|key| format!("'{key}'")).collect();
        if others.is_empty() {
            return Ok(());
        }
        return Err(
            owner.refuse(format!("context={context}, $ref cannot have keywords {{{}}}.", others.join(", ")))
        );
    }
    if let Some(word) = NOT_STRICT.iter().find(|word| object.contains_key(**word)) {
        return Err(owner.refuse(format!("In context={context}, '{word}' is not permitted.")));
    }
    let kinds: Vec<&str> = match object.get("type") {
        Some(Value::String(kind)) => vec![kind],
        Some(Value::Array(kinds)) => kinds.iter().filter_map(Value::as_str).collect(),
        _ if object.contains_key("anyOf") => return Ok(()),
        _ => {
            return Err(owner.refuse(format!("In context={context}, schema must have a 'type' key.")));
        }
    };
    if kinds.contains(&"array") && !object.contains_key("items") {
        return Err(owner.refuse(format!("In context={context}, array schema missing items.")));
    }
    if !kinds.contains(&"object") {
        return Ok(());
    }
    if object.get("additionalProperties") != Some(&Value::Bool(false)) {
        return Err(owner.refuse(format!(
            "In context={context}, 'additionalProperties' is required to be supplied and to be false."
        )));
    }
    let required = object.get("required").and_then(Value::as_array);
    let missing = object
        .get("properties")
        .and_then(Value::as_object)
        .into_iter()
        .flat_map(Map::keys)
        .find(|name| required.is_none_or(|required| !required.contains(&Value::from(name.as_str()))));
    match missing {
        Some(name) => Err(owner.refuse(format!(
            "In context={context}, 'required' is required to be supplied and to be an array including \
             every key in properties. Missing '{name}'."
        ))),
        None => Ok(()),
    }
}

type Check<'a> = dyn FnMut(&Map<String, Value>, &str) -> Result<(), ApiError> + 'a;

/// Calls `check` for every schema inside, with its place as the vendor writes it.
fn each_level(schema: &Value, place: &mut Vec<String>, check: &mut Check<'_>) -> Result<(), ApiError> {
    let Some(object) = schema.as_object() else {
        return Ok(());
    };
    check(object, &context(place))?;
    let mut below = |steps: &[&str], schema: &Value| {
        place.extend(steps.iter().map(|step| format!("'{step}'")));
        let result = each_level(schema, place, check);
        place.truncate(place.len() - steps.len());
        result
    };
    for key in ["properties", "$defs", "definitions"] {
        for (name, schema) in object.get(key).and_then(Value::as_object).into_iter().flatten() {
            below(&[key, name], schema)?;
        }
    }
    if let Some(items) = object.get("items") {
        below(&["items"], items)?;
    }
    for key in ["anyOf", "allOf", "oneOf"] {
        let options = object.get(key).and_then(Value::as_array).into_iter().flatten();
        for (index, schema) in options.enumerate() {
            below(&[key, &index.to_string()], schema)?;
        }
    }
    Ok(())
}

/// A tuple of Python, which has a comma after a single member.
fn context(place: &[String]) -> String {
    match place {
        [one] => format!("({one},)"),
        _ => format!("({})", place.join(", ")),
    }
}

fn depth(schema: &Value) -> usize {
    match schema {
        Value::Object(object) => {
            let own = usize::from(object.get("properties").is_some());
            own + object.values().map(depth).max().unwrap_or(0)
        }
        Value::Array(items) => items.iter().map(depth).max().unwrap_or(0),
        _ => 0,
    }
}
