//! Whether a value obeys a schema.

use std::{cell::Cell, fmt::Write as _};

use serde_json::{Map, Number, Value};

use super::Schema;

/// References that follow each other without reaching into the value have gone in a circle by then.
const DEEPEST: usize = 64;
/// Nested choices can take exponential time; after this many steps the value counts as good.
const MOST_STEPS: u32 = 1_000_000;

impl Schema {
    /// Where `value` does not obey the schema, and how; `None` if it does.
    ///
    /// Reads the keywords that say what a value may be, references within the schema included. What `pattern`,
    /// `format`, `patternProperties` and `if` ask for is not looked at, and neither are references to other documents.
    ///
    /// ```
    /// use forge_core::request::Schema;
    /// use serde_json::json;
    ///
    /// let schema = Schema::from(json!({"type": "object", "properties": {"n": {"type": "integer", "maximum": 10}}}));
    /// assert_eq!(schema.violation(&json!({"n": 7})), None);
    /// assert_eq!(schema.violation(&json!({"n": 70})).unwrap(), "/n is larger than 10");
    /// ```
    pub fn violation(&self, value: &Value) -> Option<String> {
        let mut place = String::new();
        let root = self.value();
        Check { root, steps: Cell::new(0) }.value(root, value, &mut place, 0).err().map(|problem| {
            let place = if place.is_empty() { "the value" } else { &place };
            format!("{place} {problem}")
        })
    }
}

struct Check<'a> {
    root: &'a Value,
    steps: Cell<u32>,
}

type Checked = Result<(), String>;

impl<'a> Check<'a> {
    /// On a failure, `place` is left where it happened.
    fn value(&self, schema: &'a Value, value: &Value, place: &mut String, depth: usize) -> Checked {
        let Value::Object(schema) = schema else {
            // What is no schema is not read, and what is not read allows everything.
            return if *schema == Value::Bool(false) { Err("is not allowed".into()) } else { Ok(()) };
        };
        self.steps.set(self.steps.get() + 1);
        // Undecided counts as good: the check may miss a fault, but never invents one.
        if depth > DEEPEST || self.steps.get() > MOST_STEPS {
            return Ok(());
        }
        let target = schema.get("$ref").and_then(Value::as_str).and_then(|to| self.referenced(to));
        if let Some(target) = target {
            self.value(target, value, place, depth + 1)?;
        }
        kind(schema, value)?;
        self.choices(schema, value, place, depth)?;
        match value {
            Value::Object(fields) => self.object(schema, fields, place, depth),
            Value::Array(items) => self.array(schema, items, place, depth),
            Value::String(text) => {
                // JSON Schema counts characters; bytes would refuse good texts in many scripts.
                length(schema, ["minLength", "maxLength"], text.chars().count(), "characters")
            }
            Value::Number(number) => range(schema, number),
            Value::Null | Value::Bool(_) => Ok(()),
        }
    }

    fn referenced(&self, to: &str) -> Option<&'a Value> {
        // A reference to another document is not followed, because the core does no I/O.
        self.root.pointer(to.strip_prefix('#')?)
    }

    fn choices(
        &self,
        schema: &'a Map<String, Value>,
        value: &Value,
        place: &mut String,
        depth: usize,
    ) -> Checked {
        let list = |word| schema.get(word).and_then(Value::as_array).into_iter().flatten();
        // With a copy of the place: a branch that fails leaves its own place behind.
        let obeys = |schema: &'a Value| self.value(schema, value, &mut place.clone(), depth + 1).is_ok();
        if schema.contains_key("anyOf") && !list("anyOf").any(obeys) {
            return Err("matches none of the schemas in `anyOf`".into());
        }
        if schema.contains_key("oneOf") && list("oneOf").filter(|one| obeys(one)).count() != 1 {
            return Err("does not match exactly one of the schemas in `oneOf`".into());
        }
        if schema.get("not").is_some_and(obeys) {
            return Err("matches the schema in `not`".into());
        }
        for one in list("allOf") {
            self.value(one, value, place, depth + 1)?;
        }
        Ok(())
    }

    fn object(
        &self,
        schema: &'a Map<String, Value>,
        fields: &Map<String, Value>,
        place: &mut String,
        depth: usize,
    ) -> Checked {
        let required = schema.get("required").and_then(Value::as_array).into_iter().flatten();
        if let Some(missing) = required.filter_map(Value::as_str).find(|name| !fields.contains_key(*name)) {
            return Err(format!("has no `{missing}`"));
        }
        length(schema, ["minProperties", "maxProperties"], fields.len(), "fields")?;
        let known = schema.get("properties").and_then(Value::as_object);
        // Patterns are not read, so that one of them may allow a field that is not listed.
        let others = schema.get("additionalProperties").filter(|_| !schema.contains_key("patternProperties"));
        for (name, value) in fields {
            let Some(schema) = known.and_then(|known| known.get(name)).or(others) else { continue };
            self.inside(schema, value, name, place, depth)?;
        }
        Ok(())
    }

    fn array(
        &self,
        schema: &'a Map<String, Value>,
        items: &[Value],
        place: &mut String,
        depth: usize,
    ) -> Checked {
        length(schema, ["minItems", "maxItems"], items.len(), "items")?;
        let is_repeated = |at: usize| items[..at].contains(&items[at]);
        if schema.get("uniqueItems") == Some(&Value::Bool(true)) && (0..items.len()).any(is_repeated) {
            return Err("has the same item twice".into());
        }
        let first = schema.get("prefixItems").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
        for (at, item) in items.iter().enumerate() {
            if let Some(schema) = first.get(at).or_else(|| schema.get("items")) {
                self.inside(schema, item, &at.to_string(), place, depth)?;
            }
        }
        Ok(())
    }

    fn inside(
        &self,
        schema: &'a Value,
        value: &Value,
        name: &str,
        place: &mut String,
        depth: usize,
    ) -> Checked {
        let before = place.len();
        let _ = write!(place, "/{name}");
        self.value(schema, value, place, depth + 1)?;
        place.truncate(before);
        Ok(())
    }
}

fn kind(schema: &Map<String, Value>, value: &Value) -> Checked {
    let is = |kind: &str| match kind {
        // To JSON Schema, 1.0 is an integer.
        "integer" => value.as_f64().is_some_and(|number| number.fract() == 0.0),
        "number" => value.is_number(),
        "string" => value.is_string(),
        "boolean" => value.is_boolean(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        "null" => value.is_null(),
        // A type that is not known here is not held against the value.
        _ => true,
    };
    let allowed: Vec<&str> = match schema.get("type") {
        Some(Value::String(kind)) => vec![kind],
        Some(Value::Array(kinds)) => kinds.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    };
    if !allowed.is_empty() && !allowed.iter().copied().any(is) {
        return Err(format!("is not of type {}", allowed.join(" or ")));
    }
    if schema.get("enum").and_then(Value::as_array).is_some_and(|values| !values.contains(value)) {
        return Err("is not one of the values in `enum`".into());
    }
    match schema.get("const") {
        Some(only) if only != value => Err(format!("is not {only}")),
        _ => Ok(()),
    }
}

fn length(schema: &Map<String, Value>, [least, most]: [&str; 2], length: usize, what: &str) -> Checked {
    let limit = |word| schema.get(word).and_then(Value::as_u64);
    let length = length as u64;
    match (limit(least), limit(most)) {
        (Some(least), _) if length < least => Err(format!("has fewer than {least} {what}")),
        (_, Some(most)) if length > most => Err(format!("has more than {most} {what}")),
        _ => Ok(()),
    }
}

fn range(schema: &Map<String, Value>, number: &Number) -> Checked {
    let Some(number) = number.as_f64() else { return Ok(()) };
    let limit = |word| schema.get(word).and_then(Value::as_f64);
    if let Some(least) = limit("minimum").filter(|least| number < *least) {
        return Err(format!("is smaller than {least}"));
    }
    if let Some(most) = limit("maximum").filter(|most| number > *most) {
        return Err(format!("is larger than {most}"));
    }
    if let Some(least) = limit("exclusiveMinimum").filter(|least| number <= *least) {
        return Err(format!("is not larger than {least}"));
    }
    if let Some(most) = limit("exclusiveMaximum").filter(|most| number >= *most) {
        return Err(format!("is not smaller than {most}"));
    }
    // Decimal fractions have no exact binary form, so that a rest of one part in a thousand million is none.
    let is_multiple =
        |step: f64| ((number / step).round() - number / step).abs() <= 1e-9 * (number / step).abs().max(1.0);
    // A step of 0 is no schema, and a division by it would make a fault of every number.
    match limit("multipleOf").filter(|step| *step > 0.0 && !is_multiple(*step)) {
        Some(step) => Err(format!("is not a multiple of {step}")),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn each_keyword_is_obeyed_or_named() {
        for (schema, good, bad, said) in [
            (json!({"type": "integer"}), json!(2.0), json!(2.5), "the value is not of type integer"),
            (
                json!({"type": ["string", "null"]}),
                json!(null),
                json!(1),
                "the value is not of type string or null",
            ),
            (json!({"enum": ["a", 1]}), json!(1), json!("b"), "the value is not one of the values in `enum`"),
            (json!({"const": {"a": 1}}), json!({"a": 1}), json!({}), "the value is not {\"a\":1}"),
            (json!({"minimum": 1, "maximum": 3}), json!(3), json!(0.5), "the value is smaller than 1"),
            (json!({"exclusiveMaximum": 3}), json!(2.9), json!(3), "the value is not smaller than 3"),
            (json!({"multipleOf": 0.1}), json!(0.3), json!(0.35), "the value is not a multiple of 0.1"),
            (json!({"maxLength": 2}), json!("äö"), json!("abc"), "the value has more than 2 characters"),
            (json!({"minItems": 1}), json!([1]), json!([]), "the value has fewer than 1 items"),
            (json!({"uniqueItems": true}), json!([1, 2]), json!([1, 1]), "the value has the same item twice"),
            (json!({"items": {"type": "string"}}), json!(["a"]), json!(["a", 2]), "/1 is not of type string"),
            (json!({"required": ["a"]}), json!({"a": 1}), json!({"b": 1}), "the value has no `a`"),
            (
                json!({"properties": {"a": {"properties": {"b": {"type": "null"}}}}}),
                json!({"a": {"b": null}}),
                json!({"a": {"b": 1}}),
                "/a/b is not of type null",
            ),
            (
                json!({"properties": {"a": {}}, "additionalProperties": false}),
                json!({"a": 1}),
                json!({"c": 1}),
                "/c is not allowed",
            ),
            (
                json!({"anyOf": [{"type": "string"}, {"type": "null"}]}),
                json!(null),
                json!(1),
                "the value matches none of the schemas in `anyOf`",
            ),
            (
                json!({"oneOf": [{"minimum": 1}, {"maximum": 3}]}),
                json!(0),
                json!(2),
                "the value does not match exactly one of the schemas in `oneOf`",
            ),
            (
                json!({"not": {"type": "null"}}),
                json!(1),
                json!(null),
                "the value matches the schema in `not`",
            ),
            (json!({"allOf": [{"minimum": 2}]}), json!(2), json!(1), "the value is smaller than 2"),
        ] {
            let schema = Schema::from(schema);
            assert_eq!(schema.violation(&good), None, "{schema:?} {good}");
            assert_eq!(schema.violation(&bad).as_deref(), Some(said), "{schema:?} {bad}");
        }
    }

    #[test]
    fn references_are_followed_and_circles_end() {
        let tree = Schema::from(json!({
            "$ref": "#/$defs/node",
            "$defs": {"node": {"type": "object", "properties": {"next": {"$ref": "#/$defs/node"}, "v": {"type": "integer"}}}},
        }));
        assert_eq!(tree.violation(&json!({"v": 1, "next": {"v": 2, "next": {}}})), None);
        assert_eq!(tree.violation(&json!({"next": {"v": "x"}})).unwrap(), "/next/v is not of type integer");
        let wide = json!({"anyOf": [{"$ref": "#"}, {"$ref": "#"}, {"$ref": "#"}, {"type": "null"}]});
        assert_eq!(Schema::from(wide).violation(&json!(1)), None, "ends, whatever it says");
        assert_eq!(Schema::from(json!({"$ref": "#"})).violation(&json!(1)), None);
        assert_eq!(Schema::from(json!({"$ref": "other.json"})).violation(&json!(1)), None);
    }
}
