//! Whether every key is known and every value of the right type, by the JSON Schema of the file.
//!
//! Only what the schema's generator makes is read: `$ref`, `anyOf` with null, `type`, `enum` without a type, `properties`,
//! `additionalProperties` and `items`. Ranges and words are looked at where their meaning is.

use std::collections::BTreeSet;

use serde_json::Value as Json;

use crate::{
    KeyPath, Problem, code, nearest,
    yaml::{Mapping, Value},
};

/// Unknown keys of a mapping that are listed; who has more has mistaken the file.
const LISTED: usize = 100;

/// What was found.
pub(crate) struct Shape<'a> {
    pub(crate) problems: Vec<Problem>,
    /// What is not there any more, or not as it was written.
    pub(crate) cut: BTreeSet<KeyPath>,
    root: &'a Json,
    /// What is said of a key that belongs somewhere else.
    misplaced: &'a dyn Fn(&KeyPath) -> Option<Problem>,
}

impl<'a> Shape<'a> {
    /// Checks `value` and cuts out whatever is wrong, so that the rest can be read.
    pub(crate) fn check(
        root: &'a Json,
        value: &mut Value,
        misplaced: &'a dyn Fn(&KeyPath) -> Option<Problem>,
    ) -> Self {
        let mut shape = Self { problems: Vec::new(), cut: BTreeSet::new(), root, misplaced };
        shape.value(root, value, &KeyPath::ROOT);
        shape
    }

    /// Whether `value` may stay, perhaps emptied.
    fn value(&mut self, schema: &'a Json, value: &mut Value, path: &KeyPath) -> bool {
        let (schema, nullable) = self.follow(schema);
        let types = types(schema);
        if value.is_null() && (nullable || types.is_empty() || types.contains(&"null")) {
            return true;
        }
        match (types.first().copied(), &mut *value) {
            (Some("object"), Value::Mapping(mapping)) => {
                self.mapping(schema, mapping, path);
                true
            }
            (Some("array"), Value::Sequence(items)) => {
                let item = &schema["items"];
                let mut whole = true;
                for (at, one) in items.iter_mut().enumerate() {
                    whole &= self.value(item, one, &path.index(at));
                }
                if !whole {
                    items.clear();
                    self.cut.insert(path.clone());
                }
                true
            }
            (None, _) if schema["enum"].is_array() => self.one_of(schema, value, path),
            (None, _)
            | (Some("string"), Value::String(_))
            | (Some("boolean"), Value::Bool(_))
            | (Some("number"), Value::Number(_)) => true,
            (Some("integer"), Value::Number(number)) if number.as_i64().is_some() => true,
            (Some(expected), _) => {
                self.report(expected, schema, value, path);
                match expected {
                    "object" => *value = Value::Mapping(Mapping::new()),
                    "array" => *value = Value::Sequence(Vec::new()),
                    _ => return false,
                }
                true
            }
        }
    }

    /// A value of one of several types, each of which may be but a few values.
    fn one_of(&mut self, schema: &Json, value: &Value, path: &KeyPath) -> bool {
        let words: Vec<String> = schema["enum"]
            .as_array()
            .into_iter()
            .flatten()
            .filter(|word| !word.is_null())
            .map(plain)
            .collect();
        let written = match value {
            Value::Bool(written) => written.to_string(),
            Value::String(written) => written.clone(),
            _ => String::new(),
        };
        if words.contains(&written) {
            return true;
        }
        let message = format!("expected {}, found {}", words.join(", "), found(value));
        self.problems.push(Problem::new(code::WRONG_TYPE, path.clone(), message));
        self.cut.insert(path.clone());
        false
    }

    fn mapping(&mut self, schema: &'a Json, mapping: &mut Mapping, path: &KeyPath) {
        let known = schema["properties"].as_object();
        let others = &schema["additionalProperties"];
        let keys: Vec<String> = mapping.keys().filter_map(|key| key.as_str().map(str::to_owned)).collect();
        let mut unknown = 0_usize;
        for key in keys {
            let below = path.key(&key);
            let inner = match known.and_then(|known| known.get(&key)) {
                Some(inner) => inner,
                None if others.is_object() => others,
                None if others.as_bool() == Some(false) => {
                    unknown += 1;
                    if unknown <= LISTED {
                        let names = known.into_iter().flat_map(|known| known.keys().map(String::as_str));
                        self.unknown(&key, names, mapping, path);
                    }
                    mapping.remove(&key);
                    self.cut.insert(below);
                    continue;
                }
                None => continue,
            };
            let stays = mapping.get_mut(&key).is_none_or(|value| self.value(inner, value, &below));
            if !stays {
                mapping.remove(&key);
                self.cut.insert(below);
            }
        }
        if let Some(more @ 1..) = unknown.checked_sub(LISTED) {
            let message = format!("{more} more keys are unknown here");
            self.problems.push(Problem::new(code::UNKNOWN_KEY, path.clone(), message).about_key());
        }
    }

    fn unknown<'k>(
        &mut self,
        key: &str,
        known: impl Iterator<Item = &'k str> + Clone,
        mapping: &Mapping,
        path: &KeyPath,
    ) {
        let below = path.key(key);
        if let Some(problem) = (self.misplaced)(&below) {
            self.problems.push(problem.about_key());
            return;
        }
        let near = nearest(key, known.clone());
        let hint = match near {
            Some(near) => {
                // What is missing under its right name is there under a wrong one.
                if !mapping.contains_key(near) {
                    self.cut.insert(path.key(near));
                }
                format!("did you mean `{near}`?")
            }
            None if key == "<<" => {
                // Whatever is missing here would have come through it.
                self.cut.insert(path.clone());
                "merge keys are not read; write the keys out".into()
            }
            None => format!("there are: {}", known.collect::<Vec<_>>().join(", ")),
        };
        let problem = Problem::new(code::UNKNOWN_KEY, below, format!("there is no key `{key}` here"));
        self.problems.push(problem.about_key().with_hint(hint));
    }

    fn report(&mut self, expected: &str, schema: &Json, value: &Value, path: &KeyPath) {
        let message = format!("expected {}, found {}", wanted(expected), found(value));
        let mut problem = Problem::new(code::WRONG_TYPE, path.clone(), message);
        if let Some(hint) = hint(expected, schema, value) {
            problem = problem.with_hint(hint);
        }
        self.problems.push(problem);
        self.cut.insert(path.clone());
    }

    /// The schema that `$ref` and `anyOf` lead to, and whether null may stand in its place.
    fn follow(&self, mut schema: &'a Json) -> (&'a Json, bool) {
        let mut nullable = false;
        loop {
            if let Some(target) = schema["$ref"].as_str() {
                schema = self.root.pointer(target.trim_start_matches('#')).unwrap_or(&Json::Null);
            } else if let Some(choices) = schema["anyOf"].as_array() {
                nullable |= choices.iter().any(|choice| types(choice) == ["null"]);
                schema = choices.iter().find(|choice| types(choice) != ["null"]).unwrap_or(&Json::Null);
            } else {
                return (schema, nullable);
            }
        }
    }
}

/// Such a number is octal to some readers of YAML, and decimal to others.
fn has_leading_zero(text: &str) -> bool {
    text.len() > 1 && text.starts_with('0') && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// A value as it is written in a file.
fn plain(value: &Json) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn types(schema: &Json) -> Vec<&str> {
    match &schema["type"] {
        Json::String(one) => vec![one],
        Json::Array(several) => several.iter().filter_map(Json::as_str).collect(),
        _ => Vec::new(),
    }
}

fn wanted(expected: &str) -> &'static str {
    match expected {
        "object" => "a mapping",
        "array" => "a list",
        "string" => "a text",
        "integer" => "a whole number",
        "number" => "a number",
        _ => "true or false",
    }
}

/// Names the type only: the value may be a secret in the wrong place.
fn found(value: &Value) -> &'static str {
    match value {
        Value::Null => "nothing",
        Value::Bool(_) => "true or false",
        Value::Number(number) if number.as_i64().is_some() => "a whole number",
        Value::Number(number) if number.as_f64().is_some_and(|number| number.abs() < 1e15) => {
            "a number with a point"
        }
        Value::Number(_) => "a number that is too large",
        Value::String(_) => "a text",
        Value::Sequence(_) => "a list",
        Value::Mapping(_) | Value::Tagged(_) => "a mapping",
    }
}

fn hint(expected: &str, schema: &Json, value: &Value) -> Option<String> {
    match (expected, value) {
        (_, Value::Null) => Some("write a value or remove the key".into()),
        ("string", _) if schema["examples"].is_array() => {
            schema["examples"][0].as_str().map(|example| format!("write it with a unit, such as `{example}`"))
        }
        ("string", Value::Number(_) | Value::Bool(_)) => Some("put it in quotes".into()),
        ("integer" | "number", Value::String(text)) => {
            let plain = text.replace(['_', ' '], "").replace(',', ".");
            match plain.parse::<f64>() {
                Ok(_) if *text == plain && !has_leading_zero(text) => Some("remove the quotes".into()),
                Ok(number) => Some(format!("write `{number}`")),
                Err(_) => None,
            }
        }
        ("boolean", Value::String(_)) => Some("write `true` or `false` without quotes".into()),
        ("array", Value::String(_)) => Some("put it in brackets: `[...]`".into()),
        ("object", Value::String(_)) => {
            let keys: Vec<_> = schema["properties"].as_object()?.keys().map(String::as_str).collect();
            Some(format!("write a mapping with the keys {}", keys.join(", ")))
        }
        _ => None,
    }
}
