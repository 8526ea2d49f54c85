//! Which schemas the vendor's strict mode takes.

use serde_json::Value;

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
}
