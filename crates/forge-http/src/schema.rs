//! Schemas as a vendor takes them. What a vendor cannot hold a model to goes into the description, where the model
//! reads it, and the answer is checked against the schema as it was written.

use std::{borrow::Cow, fmt::Write as _};

use forge_core::request::Schema;
use serde_json::{Map, Value};

/// References that lead into each other without end are found by then.
const DEEPEST: usize = 32;

/// What a vendor's structured answers and strict tools take.
///
/// Exhaustive on purpose: an adapter has to say each of them.
#[derive(Debug, Clone, Copy)]
#[allow(clippy::exhaustive_structs, reason = "an adapter has to say each of them")]
pub struct SchemaRules {
    /// Whether every object has to say that it has no other fields.
    pub closes_objects: bool,
    /// Keywords that are refused.
    pub refuses: &'static [&'static str],
    /// Whether a `$ref` may have other keywords beside it.
    pub refs_have_siblings: bool,
    /// Whether a schema may lead back into itself.
    pub recurses: bool,
    /// Whether the root has to be an object.
    pub root_is_object: bool,
}

/// A schema for one vendor.
#[derive(Debug)]
#[non_exhaustive]
pub struct Fitted<'a> {
    /// The schema as it is sent.
    pub schema: Cow<'a, Schema>,
    /// What the vendor does not hold the model to, in words; empty if it holds it to everything.
    pub left_to_the_model: Vec<String>,
    /// Whether the vendor takes it at all.
    pub is_taken: bool,
}

/// The schema as a vendor with these rules takes it, borrowed if it stays as it was written. Refused keywords
/// go into the description of their object, where the model reads them.
pub fn fit<'a>(schema: &'a Schema, rules: &SchemaRules) -> Fitted<'a> {
    let root = schema.value();
    let mut fitter = Fitter { root, rules, left: Vec::new(), is_recursive: false };
    let value = fitter.fitted(root, 0);
    let is_object = value.get("type") == Some(&Value::from("object")) || value.get("properties").is_some();
    let is_taken = (rules.recurses || !fitter.is_recursive) && (!rules.root_is_object || is_object);
    let left_to_the_model = fitter.left;
    let schema = if value == *root { Cow::Borrowed(schema) } else { Cow::Owned(Schema::from(value)) };
    Fitted { schema, left_to_the_model, is_taken }
}

struct Fitter<'a> {
    root: &'a Value,
    rules: &'a SchemaRules,
    left: Vec<String>,
    is_recursive: bool,
}

impl Fitter<'_> {
    fn fitted(&mut self, schema: &Value, depth: usize) -> Value {
        let Value::Object(fields) = schema else { return schema.clone() };
        if depth > DEEPEST {
            self.is_recursive = true;
            return schema.clone();
        }
        if let Some(whole) = self.inlined(fields) {
            return self.fitted(&whole, depth + 1);
        }
        let mut fitted = Map::with_capacity(fields.len() + 1);
        let mut moved = String::new();
        for (word, value) in fields {
            if self.rules.refuses.contains(&word.as_str()) {
                let _ = write!(moved, "{}{word}: {value}", if moved.is_empty() { "" } else { ", " });
                continue;
            }
            let value = match (word.as_str(), value) {
                ("properties" | "$defs" | "definitions" | "patternProperties", Value::Object(inner)) => {
                    let inner = inner.iter().map(|(name, one)| (name.clone(), self.fitted(one, depth + 1)));
                    Value::Object(inner.collect())
                }
                ("anyOf" | "oneOf" | "allOf" | "prefixItems", Value::Array(inner)) => {
                    inner.iter().map(|one| self.fitted(one, depth + 1)).collect()
                }
                ("items" | "additionalProperties" | "not", inner @ Value::Object(_)) => {
                    self.fitted(inner, depth + 1)
                }
                _ => value.clone(),
            };
            fitted.insert(word.clone(), value);
        }
        if self.rules.closes_objects && is_object(&fitted) {
            self.close(&mut fitted);
        }
        self.is_recursive |= fields.get("$ref").and_then(Value::as_str).is_some_and(|to| self.leads_back(to));
        if !moved.is_empty() {
            describe(&mut fitted, &moved);
            self.left.push(moved);
        }
        Value::Object(fitted)
    }

    /// What a reference and the keywords beside it say together, where they may not stand together.
    fn inlined(&self, fields: &Map<String, Value>) -> Option<Value> {
        if self.rules.refs_have_siblings || fields.len() < 2 {
            return None;
        }
        let to = fields.get("$ref")?.as_str()?;
        let Value::Object(mut whole) = self.root.pointer(to.strip_prefix('#')?)?.clone() else { return None };
        let siblings =
            fields.iter().filter(|(word, _)| !matches!(word.as_str(), "$ref" | "$defs" | "definitions"));
        whole.extend(siblings.map(|(word, value)| (word.clone(), value.clone())));
        // At the root, the definitions are still needed by others.
        for word in ["$defs", "definitions"] {
            whole.extend(fields.get(word).map(|value| (word.to_owned(), value.clone())));
        }
        Some(Value::Object(whole))
    }

    fn close(&mut self, fields: &mut Map<String, Value>) {
        match fields.insert("additionalProperties".into(), Value::Bool(false)) {
            None | Some(Value::Bool(_)) => {}
            // A schema for further fields is lost by closing the object; the answer's check still knows it.
            Some(others) => self.left.push(format!("additionalProperties: {others}")),
        }
    }

    /// Whether what `to` points at leads back to itself.
    fn leads_back(&self, to: &str) -> bool {
        let mut seen = Vec::new();
        let mut open = vec![to];
        while let Some(next) = open.pop() {
            let Some(target) = next.strip_prefix('#').and_then(|pointer| self.root.pointer(pointer)) else {
                continue;
            };
            let mut inside = Vec::new();
            references(target, &mut inside);
            if inside.contains(&to) {
                return true;
            }
            inside.retain(|one| !seen.contains(one));
            seen.extend(inside.iter().copied());
            open.extend(inside);
        }
        false
    }
}

fn references<'a>(schema: &'a Value, into: &mut Vec<&'a str>) {
    match schema {
        Value::Object(fields) => {
            into.extend(fields.get("$ref").and_then(Value::as_str));
            fields.values().for_each(|value| references(value, into));
        }
        Value::Array(items) => items.iter().for_each(|item| references(item, into)),
        _ => {}
    }
}

fn is_object(fields: &Map<String, Value>) -> bool {
    fields.contains_key("properties")
        || match fields.get("type") {
            Some(Value::String(kind)) => kind == "object",
            Some(Value::Array(kinds)) => kinds.iter().any(|kind| kind == "object"),
            _ => false,
        }
}

fn describe(fields: &mut Map<String, Value>, moved: &str) {
    let said = fields.get("description").and_then(Value::as_str).unwrap_or_default();
    let joint = if said.is_empty() { "" } else { " " };
    let description = format!("{said}{joint}({moved})");
    fields.insert("description".into(), description.into());
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const STRICT: SchemaRules = SchemaRules {
        closes_objects: true,
        refuses: &["minimum", "maximum", "minLength"],
        refs_have_siblings: false,
        recurses: false,
        root_is_object: true,
    };

    fn fitted(schema: Value) -> (Value, Vec<String>, bool) {
        let schema = Schema::from(schema);
        let fitted = fit(&schema, &STRICT);
        (fitted.schema.value().clone(), fitted.left_to_the_model, fitted.is_taken)
    }

    #[test]
    fn objects_are_closed_wherever_they_stand() {
        let (schema, left, is_taken) = fitted(json!({"type": "object", "properties": {
            "list": {"type": "array", "items": {"type": "object", "properties": {}}},
            "map": {"type": "object", "additionalProperties": {"type": "integer"}},
        }}));
        assert_eq!(schema["additionalProperties"], json!(false));
        assert_eq!(schema["properties"]["list"]["items"]["additionalProperties"], json!(false));
        assert_eq!(left, [r#"additionalProperties: {"type":"integer"}"#]);
        assert!(is_taken);
    }

    #[test]
    fn what_is_refused_is_told_to_the_model() {
        let (schema, left, _) = fitted(json!({"type": "object", "properties": {
            "n": {"type": "integer", "minimum": 1, "maximum": 10, "description": "How many."},
            "minimum": {"type": "string", "minLength": 2},
        }}));
        assert_eq!(
            schema["properties"]["n"],
            json!({"type": "integer", "description": "How many. (minimum: 1, maximum: 10)"})
        );
        assert_eq!(
            schema["properties"]["minimum"],
            json!({"type": "string", "description": "(minLength: 2)"})
        );
        assert_eq!(left, ["minimum: 1, maximum: 10", "minLength: 2"]);
    }

    #[test]
    fn a_reference_with_words_beside_it_is_written_out() {
        let (schema, _, is_taken) = fitted(json!({"type": "object",
            "properties": {"a": {"$ref": "#/$defs/A", "description": "d"}, "b": {"$ref": "#/$defs/A"}},
            "$defs": {"A": {"type": "string", "description": "old"}},
        }));
        assert_eq!(schema["properties"]["a"], json!({"type": "string", "description": "d"}));
        assert_eq!(schema["properties"]["b"], json!({"$ref": "#/$defs/A"}));
        assert!(is_taken);
    }

    #[test]
    fn schemas_that_lead_back_into_themselves_and_roots_that_are_no_object_are_not_taken() {
        for schema in [
            json!({"type": "object", "properties": {"next": {"$ref": "#"}}}),
            json!({"type": "object", "properties": {"a": {"$ref": "#/$defs/A"}},
                "$defs": {"A": {"properties": {"b": {"$ref": "#/$defs/B"}}}, "B": {"properties": {"a": {"$ref": "#/$defs/A"}}}}}),
            json!({"type": "object", "properties": {"next": {"$ref": "#", "description": "more"}}}),
            json!({"type": "array", "items": {}}),
            json!({"anyOf": [{"type": "object"}]}),
        ] {
            assert!(!fitted(schema.clone()).2, "{schema}");
        }
    }

    #[test]
    fn a_good_schema_is_sent_as_it_was_written() {
        let schema = Schema::from(json!({"type": "object", "properties": {}, "additionalProperties": false}));
        assert!(matches!(fit(&schema, &STRICT).schema, Cow::Borrowed(_)));
    }
}
