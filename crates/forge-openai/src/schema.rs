//! Which schemas the vendor's strict mode takes, and what becomes of those that it does not.

use std::{borrow::Cow, fmt::Display};

use forge_core::{
    event::Warning,
    request::{OutputFormat, OutputSchema, Schema, Tool},
};
use forge_http::schema::{SchemaRules, fit};
use serde_json::Value;

/// What the strict mode takes. Source: the vendor's guide to structured outputs and its error texts, 2026-11.
const STRICT: SchemaRules = SchemaRules {
    closes_objects: true,
    refuses: &[],
    refs_have_siblings: false,
    recurses: true,
    root_is_object: true,
};

/// A schema as it is sent.
#[derive(Debug)]
pub(crate) struct Sent<'a> {
    pub(crate) schema: Cow<'a, Schema>,
    /// The vendor holds the model to it.
    pub(crate) strict: bool,
}

impl<'a> Sent<'a> {
    /// Strict where the caller does not forbid it and the vendor can be held to what the schema says; else the schema
    /// as it was written, which the vendor takes as a guide.
    fn of(schema: &'a Schema, asked: Option<bool>, about: impl Display, warnings: &mut Vec<Warning>) -> Self {
        let as_written = Self { schema: Cow::Borrowed(schema), strict: false };
        if asked == Some(false) {
            return as_written;
        }
        let fitted = fit(schema, &STRICT);
        let is_whole = fitted.is_taken && fitted.left_to_the_model.is_empty();
        if is_whole && is_strict(fitted.schema.value()) {
            return Self { schema: fitted.schema, strict: true };
        }
        // Whoever left it open has lost nothing and is not warned.
        if asked == Some(true) {
            let message = format!(
                "the schema of {about} goes out as a guide: the strict mode wants an object at the root that names \
                 all its fields as required and has no others"
            );
            warnings.push(Warning::new("schema", message));
        }
        as_written
    }
}

/// The schema of the answer, if there is one.
pub(crate) fn output<'a>(
    output: &'a OutputFormat,
    warnings: &mut Vec<Warning>,
) -> Option<(&'a OutputSchema, Sent<'a>)> {
    let OutputFormat::JsonSchema(output) = output else { return None };
    Some((output, Sent::of(&output.schema, output.strict, "the answer", warnings)))
}

/// The schemas of the tools, in their order; `None` for tools without one.
pub(crate) fn tools<'a>(tools: &'a [Tool], warnings: &mut Vec<Warning>) -> Vec<Option<Sent<'a>>> {
    let sent = |tool: &'a Tool| match tool {
        Tool::Function(tool) => {
            // Written out for a warning alone, which few tools need.
            let about = format_args!("the tool `{}`", tool.name);
            Some(Sent::of(&tool.schema, Some(tool.strict), about, warnings))
        }
        _ => None,
    };
    tools.iter().map(sent).collect()
}

/// Whether every object of the schema names all its properties as required and allows no others. The
/// vendor refuses other schemas in strict mode; without it, it takes them as a guide.
pub(crate) fn is_strict(schema: &Value) -> bool {
    let Value::Object(fields) = schema else { return false };
    if ["allOf", "oneOf", "not", "patternProperties", "if"].iter().any(|word| fields.contains_key(*word)) {
        return false;
    }
    let is_object = fields.contains_key("properties")
        || fields.get("type").is_some_and(|kind| match kind {
            Value::String(kind) => kind == "object",
            Value::Array(kinds) => kinds.iter().any(|kind| kind == "object"),
            _ => false,
        });
    let closed = || {
        let required = fields.get("required").and_then(Value::as_array);
        let names =
            fields.get("properties").and_then(Value::as_object).into_iter().flat_map(|map| map.keys());
        fields.get("additionalProperties") == Some(&Value::Bool(false))
            && names.into_iter().all(|name| required.is_some_and(|list| list.iter().any(|one| one == name)))
    };
    let maps = ["properties", "$defs", "definitions"]
        .into_iter()
        .filter_map(|word| fields.get(word)?.as_object())
        .flat_map(|map| map.values());
    let choices = fields.get("anyOf").and_then(Value::as_array).into_iter().flatten();
    (!is_object || closed()) && maps.chain(choices).chain(fields.get("items")).all(is_strict)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_closed_schemas_are_strict() {
        let closed = json!({"type": "object", "additionalProperties": false, "required": ["a", "b"],
            "properties": {"a": {"type": "array", "items": {"$ref": "#/$defs/x"}}, "b": {"type": ["string", "null"]}},
            "$defs": {"x": {"type": "object", "properties": {}, "additionalProperties": false}}});
        assert!(is_strict(&closed));
        let change = |path: &str, value: Value| {
            let mut schema = closed.clone();
            *schema.pointer_mut(path).unwrap() = value;
            schema
        };
        assert!(!is_strict(&change("/required", json!(["a"]))));
        assert!(!is_strict(&change("/additionalProperties", json!(true))));
        assert!(!is_strict(&change("/$defs/x/additionalProperties", json!({}))));
        assert!(!is_strict(&change("/properties/a/items", json!({"type": "object"}))));
        assert!(!is_strict(&json!({"type": "object"})));
    }

    fn sent(schema: Value, asked: Option<bool>) -> (Value, bool, usize) {
        let (schema, mut warnings) = (Schema::from(schema), Vec::new());
        let sent = Sent::of(&schema, asked, "x", &mut warnings);
        (sent.schema.value().clone(), sent.strict, warnings.len())
    }

    #[test]
    fn what_strict_mode_can_hold_is_made_strict_and_the_rest_is_a_guide() {
        let open = json!({"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"]});
        let mut closed = open.clone();
        closed["additionalProperties"] = json!(false);
        assert_eq!(sent(open.clone(), None), (closed, true, 0));
        assert_eq!(sent(open.clone(), Some(false)), (open, false, 0));
        let referring = json!({"type": "object", "required": ["a"], "additionalProperties": false,
            "properties": {"a": {"$ref": "#/$defs/A", "description": "d"}}, "$defs": {"A": {"type": "string"}}});
        let (inlined, strict, _) = sent(referring, Some(true));
        assert_eq!(
            (&inlined["properties"]["a"], strict),
            (&json!({"type": "string", "description": "d"}), true)
        );
        for guide in [
            json!({"type": "array", "items": {"type": "string"}}),
            json!({"anyOf": [{"type": "object", "properties": {}, "additionalProperties": false}]}),
            json!({"type": "object", "properties": {"a": {}}}),
            json!({"type": "object", "additionalProperties": {"type": "integer"}}),
        ] {
            assert_eq!(sent(guide.clone(), None), (guide.clone(), false, 0));
            assert_eq!(sent(guide.clone(), Some(true)), (guide, false, 1));
        }
    }
}
