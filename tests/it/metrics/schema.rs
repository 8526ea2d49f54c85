//! As much of JSON Schema as the schemas of this repository use.

use serde_json::Value;

/// Where `value` is not what the schema in the file says; an unknown word in a schema is a fault of the schema.
pub(crate) fn faults(schema: &Value, value: &Value) -> Vec<String> {
    let mut faults = Vec::new();
    check(schema, schema, value, "$", &mut faults);
    faults
}

fn check(root: &Value, schema: &Value, value: &Value, at: &str, faults: &mut Vec<String>) {
    for (word, rule) in schema.as_object().unwrap() {
        let holds = match word.as_str() {
            "$ref" => {
                let path = rule.as_str().unwrap().strip_prefix('#').unwrap();
                check(root, root.pointer(path).unwrap(), value, at, faults);
                true
            }
            "type" => match rule {
                Value::Array(kinds) => kinds.iter().any(|kind| is(value, kind)),
                kind => is(value, kind),
            },
            "const" => value == rule,
            "enum" => rule.as_array().unwrap().contains(value),
            "minimum" => value.as_f64().is_none_or(|number| number >= rule.as_f64().unwrap()),
            "maximum" => value.as_f64().is_none_or(|number| number <= rule.as_f64().unwrap()),
            "format" => {
                assert_eq!(rule, "date-time");
                value.as_str().is_none_or(|text| text.parse::<chrono::DateTime<chrono::Utc>>().is_ok())
            }
            "required" => {
                rule.as_array().unwrap().iter().all(|key| value.get(key.as_str().unwrap()).is_some())
            }
            "items" => {
                for (item, index) in value.as_array().unwrap().iter().zip(0..) {
                    check(root, rule, item, &format!("{at}[{index}]"), faults);
                }
                true
            }
            "properties" => {
                for (key, rule) in rule.as_object().unwrap() {
                    if let Some(found) = value.get(key) {
                        check(root, rule, found, &format!("{at}.{key}"), faults);
                    }
                }
                true
            }
            "additionalProperties" => {
                let known =
                    |key: &str| schema.get("properties").is_some_and(|known| known.get(key).is_some());
                for (key, found) in value.as_object().into_iter().flatten().filter(|(key, _)| !known(key)) {
                    match rule {
                        Value::Bool(false) => faults.push(format!("{at}.{key} is in no schema")),
                        rule => check(root, rule, found, &format!("{at}.{key}"), faults),
                    }
                }
                true
            }
            "$schema" | "$defs" | "title" | "description" => true,
            other => panic!("{other} in a schema"),
        };
        if !holds {
            faults.push(format!("{at} is {value}, against {word}: {rule}"));
        }
    }
}

fn is(value: &Value, kind: &Value) -> bool {
    match kind.as_str().unwrap() {
        "null" => value.is_null(),
        "boolean" => value.is_boolean(),
        "integer" => value.is_i64() || value.is_u64(),
        "number" => value.is_number(),
        "string" => value.is_string(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        other => panic!("{other} in a schema"),
    }
}
