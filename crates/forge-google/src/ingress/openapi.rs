//! Schemas in the vendor's older form, which is one of `OpenAPI`: they become JSON Schema.

use serde_json::{Map, Value, json};

/// What the older form alone has.
const OWN_WORDS: [&str; 4] = ["nullable", "propertyOrdering", "property_ordering", "example"];
/// Formats that name a kind of number or of text, which a checker of JSON Schema does not know.
const OWN_FORMATS: [&str; 5] = ["enum", "int32", "int64", "float", "double"];
/// Limits, which the older form writes as texts too, since they have 64 bits.
const LIMITS: [(&str, &str); 6] = [
    ("minItems", "min_items"),
    ("maxItems", "max_items"),
    ("minLength", "min_length"),
    ("maxLength", "max_length"),
    ("minProperties", "min_properties"),
    ("maxProperties", "max_properties"),
];

/// The JSON Schema that says the same. One that is JSON Schema already stays as it is.
// The depth is that of the body, which its reader holds to a limit.
pub(super) fn json_schema(schema: Value) -> Value {
    let Value::Object(mut fields) = schema else { return schema };
    let nullable = fields.get("nullable").and_then(Value::as_bool) == Some(true);
    fields.retain(|name, value| {
        let is_own_format =
            name == "format" && value.as_str().is_some_and(|format| OWN_FORMATS.contains(&format));
        !OWN_WORDS.contains(&name.as_str()) && !is_own_format && *value != "TYPE_UNSPECIFIED"
    });
    let fields: Map<String, Value> = fields.into_iter().map(|(name, value)| field(name, value)).collect();
    if nullable { or_null(fields) } else { Value::Object(fields) }
}

fn field(name: String, value: Value) -> (String, Value) {
    let value = match name.as_str() {
        "type" => lower(value),
        "items" | "additionalProperties" => json_schema(value),
        "properties" | "$defs" | "defs" => each(value),
        "anyOf" | "any_of" => {
            let schemas = match value {
                Value::Array(schemas) => schemas.into_iter().map(json_schema).collect(),
                other => other,
            };
            return ("anyOf".into(), schemas);
        }
        other => match LIMITS.iter().find(|(camel, snake)| [camel, snake].contains(&&other)) {
            Some((camel, _)) => return ((*camel).to_owned(), number(value)),
            None => value,
        },
    };
    (name, value)
}

/// The schemas under names of the client's own.
fn each(value: Value) -> Value {
    match value {
        Value::Object(schemas) => {
            schemas.into_iter().map(|(name, schema)| (name, json_schema(schema))).collect()
        }
        other => other,
    }
}

fn lower(value: Value) -> Value {
    match value {
        Value::String(word) => word.to_ascii_lowercase().into(),
        Value::Array(words) => words.into_iter().map(lower).collect(),
        other => other,
    }
}

fn number(value: Value) -> Value {
    value.as_str().and_then(|text| text.parse::<u64>().ok()).map_or(value, Value::from)
}

/// The schema, or null in its place.
fn or_null(mut fields: Map<String, Value>) -> Value {
    // A list of values has to have null in it, whatever the type says.
    if let Some(Value::Array(values)) = fields.get_mut("enum")
        && !values.contains(&Value::Null)
    {
        values.push(Value::Null);
    }
    match fields.get_mut("type") {
        Some(Value::String(word)) => {
            let word = std::mem::take(word);
            fields.insert("type".into(), json!([word, "null"]));
            Value::Object(fields)
        }
        Some(Value::Array(words)) if !words.contains(&json!("null")) => {
            words.push("null".into());
            Value::Object(fields)
        }
        Some(_) => Value::Object(fields),
        None => json!({"anyOf": [fields, {"type": "null"}]}),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_older_form_says_the_same_in_json_schema() {
        let older = json!({
            "type": "OBJECT", "propertyOrdering": ["type", "n"], "required": ["type"],
            "properties": {
                "type": {"type": "STRING", "format": "enum", "enum": ["A", "STRING"], "nullable": true},
                "n": {"type": "INTEGER", "format": "int32", "minimum": 1},
                "nullable": {"type": "ARRAY", "min_items": "1", "maxItems": 3, "items": {"type": "BOOLEAN"}},
                "at": {"type": "STRING", "format": "date-time", "example": "x"},
                "one": {"any_of": [{"type": "NUMBER"}, {"type": "NULL"}], "nullable": true},
            },
        });
        let expected = json!({
            "type": "object", "required": ["type"],
            "properties": {
                "type": {"type": ["string", "null"], "enum": ["A", "STRING", null]},
                "n": {"type": "integer", "minimum": 1},
                "nullable": {"type": "array", "minItems": 1, "maxItems": 3, "items": {"type": "boolean"}},
                "at": {"type": "string", "format": "date-time"},
                "one": {"anyOf": [{"anyOf": [{"type": "number"}, {"type": "null"}]}, {"type": "null"}]},
            },
        });
        assert_eq!(json_schema(older), expected);
        assert_eq!(json_schema(expected.clone()), expected, "JSON Schema stays as it is");
    }
}
