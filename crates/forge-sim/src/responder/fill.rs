//! Values that satisfy a JSON Schema, filled with words that fit the field's name.

use serde_json::{Map, Value, json};

use super::topic::topic;
use crate::seed::Rng;
use crate::turn::Turn;

/// Beyond this depth optional fields are left out, so that recursive schemas end.
const FULL_DEPTH: usize = 5;
/// Beyond this depth everything is null or empty.
const MAX_DEPTH: usize = 12;
/// So many values at most, whatever a schema asks for.
const MAX_VALUES: usize = 20_000;

/// Where a value stands in what is being filled.
#[derive(Debug)]
#[non_exhaustive]
pub struct Place<'a> {
    /// The name of the field; that of its array for an item.
    pub field: &'a str,
    /// The items in which it stands, from the outermost.
    pub items: &'a [Item],
}

/// An item of an array that is being filled.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Item {
    /// The name of the array.
    pub array: String,
    /// Its position, from 0.
    pub index: usize,
}

/// What stands in fields, beyond what their schema says of them. What is not known is left to the usual words.
pub trait Fields {
    /// The text of a field.
    fn text(&mut self, place: &Place<'_>, rng: &mut Rng) -> Option<String> {
        let _ = (place, rng);
        None
    }

    /// One of the values of a field; the first one otherwise.
    fn choice(&mut self, place: &Place<'_>, values: &[Value], rng: &mut Rng) -> Option<Value> {
        let _ = (place, values, rng);
        None
    }

    /// How many items an array of the schema `item` has, within its bounds; one otherwise.
    fn items(&mut self, place: &Place<'_>, item: &Value, rng: &mut Rng) -> Option<usize> {
        let _ = (place, item, rng);
        None
    }
}

/// Knows nothing of any field.
impl Fields for () {}

pub(super) struct Filler<'a> {
    root: &'a Value,
    fields: &'a mut dyn Fields,
    rng: &'a mut Rng,
    topic: String,
    required_only: bool,
    items: Vec<Item>,
    values: usize,
}

impl<'a> Filler<'a> {
    /// For a structured answer: every property.
    pub(super) fn for_answer(
        schema: &'a Value,
        turn: &Turn,
        fields: &'a mut dyn Fields,
        rng: &'a mut Rng,
    ) -> Self {
        Self { required_only: false, ..Self::for_arguments(schema, turn, fields, rng) }
    }

    /// For the arguments of a call: required properties only.
    pub(super) fn for_arguments(
        schema: &'a Value,
        turn: &Turn,
        fields: &'a mut dyn Fields,
        rng: &'a mut Rng,
    ) -> Self {
        let topic = topic(&turn.user);
        Self { root: schema, fields, rng, topic, required_only: true, items: Vec::new(), values: 0 }
    }

    pub(super) fn fill(mut self) -> Value {
        self.value(self.root, "answer", 0)
    }

    fn value(&mut self, schema: &Value, name: &str, depth: usize) -> Value {
        self.values += 1;
        // A schema may ask for more than there is memory: lists of lists grow with every level.
        if depth > MAX_DEPTH || self.values > MAX_VALUES {
            return Value::Null;
        }
        if let Some(target) = schema.get("$ref").and_then(Value::as_str) {
            let root = self.root;
            let target = target.strip_prefix('#').and_then(|pointer| root.pointer(pointer));
            // A level of its own, so that references that lead in a circle come to an end.
            return target.map_or(Value::Null, |target| self.value(target, name, depth + 1));
        }
        if let Some(constant) = schema.get("const") {
            return constant.clone();
        }
        if let Some(values) = schema.get("enum").and_then(Value::as_array) {
            return self.choice(values, name);
        }
        for key in ["anyOf", "oneOf"] {
            if let Some(options) = schema.get(key).and_then(Value::as_array) {
                // Deep down null goes first where a schema allows it, for it ends a recursion.
                let option = if depth > FULL_DEPTH {
                    options.iter().find(|option| kind(option) == "null")
                } else {
                    None
                };
                let option = option
                    .or_else(|| options.iter().find(|option| kind(option) != "null"))
                    .unwrap_or(&Value::Null);
                return self.value(option, name, depth + 1);
            }
        }
        if let Some(all) = schema.get("allOf").and_then(Value::as_array) {
            return self.value(&merged(schema, all), name, depth + 1);
        }
        match kind(schema).as_str() {
            "object" => self.object(schema, depth),
            "array" => self.array(schema, name, depth),
            "integer" => integer(number(schema, 1.0)),
            "number" => json!(number(schema, 0.5)),
            "boolean" => json!(true),
            "null" => Value::Null,
            _ => Value::String(self.string(schema, name)),
        }
    }

    fn object(&mut self, schema: &Value, depth: usize) -> Value {
        let required: Vec<&str> = schema
            .get("required")
            .and_then(Value::as_array)
            .map(|names| names.iter().filter_map(Value::as_str).collect())
            .unwrap_or_default();
        let sparse = self.required_only || depth > FULL_DEPTH;
        let Some(properties) = schema.get("properties").and_then(Value::as_object) else {
            return json!({});
        };
        let filled: Map<String, Value> = properties
            .iter()
            .filter(|(name, _)| !sparse || required.contains(&name.as_str()))
            .map(|(name, schema)| (name.clone(), self.value(schema, name, depth + 1)))
            .collect();
        Value::Object(filled)
    }

    fn array(&mut self, schema: &Value, name: &str, depth: usize) -> Value {
        let none = json!({"type": "string"});
        let item = schema.get("items").unwrap_or(&none);
        let minimum = schema.get("minItems").and_then(Value::as_u64).unwrap_or(0);
        let place = Place { field: name, items: &self.items };
        let wanted = self.fields.items(&place, item, self.rng).unwrap_or(1) as u64;
        // As few as the schema allows, because each item goes down further.
        let wanted = if depth > FULL_DEPTH { 0 } else { wanted };
        let most = schema.get("maxItems").and_then(Value::as_u64).unwrap_or(u64::MAX);
        let items = (0..wanted.max(minimum).min(most.min(1000)))
            .map(|index| {
                let index = usize::try_from(index).unwrap_or(0);
                self.items.push(Item { array: name.to_owned(), index });
                let value = self.value(item, name, depth + 1);
                self.items.pop();
                value
            })
            .collect();
        Value::Array(items)
    }

    fn choice(&mut self, values: &[Value], name: &str) -> Value {
        let place = Place { field: name, items: &self.items };
        let chosen = self.fields.choice(&place, values, self.rng);
        chosen.or_else(|| values.first().cloned()).unwrap_or(Value::Null)
    }

    fn string(&mut self, schema: &Value, name: &str) -> String {
        let format = schema.get("format").and_then(Value::as_str);
        let text = match format {
            Some("date-time") => "2026-11-20T12:00:00Z".to_owned(),
            Some("date") => "2026-11-20".to_owned(),
            Some("email") => "simulated@example.com".to_owned(),
            Some("uri" | "url") => "https://example.com/simulated".to_owned(),
            Some("uuid") => "00000000-0000-4000-8000-000000000000".to_owned(),
            _ => self.words(name),
        };
        fit(text, schema)
    }

    fn words(&mut self, name: &str) -> String {
        let place = Place { field: name, items: &self.items };
        let found = self.fields.text(&place, self.rng);
        found
            .or_else(|| (name == "title").then(|| self.topic.clone()))
            .unwrap_or_else(|| format!("simulated {}: {}", name.replace('_', " "), self.topic))
    }
}

/// The type of a schema; the first one that is not null where it lists several.
fn kind(schema: &Value) -> String {
    let name = match schema.get("type") {
        Some(Value::Array(names)) => {
            names.iter().filter_map(Value::as_str).find(|name| !name.eq_ignore_ascii_case("null"))
        }
        Some(Value::String(name)) => Some(name.as_str()),
        _ if schema.get("properties").is_some() => Some("object"),
        _ if schema.get("items").is_some() => Some("array"),
        _ => None,
    };
    name.unwrap_or("string").to_lowercase()
}

fn merged(schema: &Value, all: &[Value]) -> Value {
    let mut result = schema.clone();
    if let Some(object) = result.as_object_mut() {
        object.remove("allOf");
        for part in all.iter().filter_map(Value::as_object) {
            for (key, value) in part {
                match (object.get_mut(key), value) {
                    (Some(Value::Object(old)), Value::Object(new)) => old.extend(new.clone()),
                    (Some(Value::Array(old)), Value::Array(new)) => old.extend(new.clone()),
                    _ => {
                        object.insert(key.clone(), value.clone());
                    }
                }
            }
        }
    }
    result
}

fn number(schema: &Value, usual: f64) -> f64 {
    let bound = |name: &str| schema.get(name).and_then(Value::as_f64);
    let step = bound("multipleOf").filter(|step| *step > 0.0);
    let mut value = usual;
    if let Some(low) = bound("minimum") {
        value = value.max(low);
    }
    if let Some(low) = bound("exclusiveMinimum") {
        value = value.max(low + step.unwrap_or(1.0));
    }
    if let Some(high) = bound("maximum") {
        value = value.min(high);
    }
    if let Some(high) = bound("exclusiveMaximum") {
        value = value.min(high - step.unwrap_or(1.0));
    }
    step.map_or(value, |step| (value / step).ceil() * step)
}

fn integer(value: f64) -> Value {
    format!("{value:.0}").parse::<i64>().map_or(Value::Null, Value::from)
}

fn fit(text: String, schema: &Value) -> String {
    let bound =
        |name: &str| schema.get(name).and_then(Value::as_u64).and_then(|bound| usize::try_from(bound).ok());
    let mut text = match bound("maxLength") {
        Some(most) => text.chars().take(most).collect(),
        None => text,
    };
    if let Some(least) = bound("minLength") {
        let missing = least.saturating_sub(text.chars().count()).min(10_000);
        text.extend(std::iter::repeat_n('.', missing));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vendor::Vendor;

    fn fill(schema: &Value) -> Value {
        let turn = Turn::of(Vendor::Google, "Bees");
        Filler::for_answer(schema, &turn, &mut (), &mut Rng::new(1)).fill()
    }

    #[test]
    fn values_keep_to_their_bounds() {
        assert_eq!(fill(&json!({"type": "integer", "minimum": 7})), json!(7));
        assert_eq!(fill(&json!({"type": "integer", "exclusiveMaximum": 1})), json!(0));
        assert_eq!(fill(&json!({"type": "number", "multipleOf": 4, "minimum": 5})), json!(8.0));
        assert_eq!(fill(&json!({"type": "string", "maxLength": 4})), json!("simu"));
        assert_eq!(fill(&json!({"type": "array", "minItems": 3})).as_array().unwrap().len(), 3);
        assert_eq!(fill(&json!({"type": ["null", "boolean"]})), json!(true));
        assert_eq!(fill(&json!({"enum": ["x", "y"]})), json!("x"));
        assert_eq!(fill(&json!({"const": 5})), json!(5));
    }

    #[test]
    fn parts_of_a_schema_are_merged() {
        let schema = json!({"allOf": [
            {"type": "object", "properties": {"a": {"type": "integer"}}},
            {"properties": {"b": {"type": "boolean"}}},
        ]});
        assert_eq!(fill(&schema), json!({"a": 1, "b": true}));
    }

    #[test]
    fn hostile_schemas_end() {
        let children: Map<String, Value> =
            (0..40).map(|index| (format!("p{index}"), json!({"$ref": "#"}))).collect();
        let wide = fill(&json!({"type": "object", "properties": children}));
        assert!(wide.to_string().len() < 2_000_000);
        let mut deep = json!({"type": "string"});
        for _ in 0..6 {
            deep = json!({"type": "array", "minItems": 1000, "items": deep});
        }
        assert!(fill(&deep).to_string().len() < 2_000_000);
        assert_eq!(fill(&json!({"$ref": "#"})), Value::Null);
    }
}
