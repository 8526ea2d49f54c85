//! Whether every key is known and every value of the right type, by the JSON Schema of the file.
//!
//! Only what the schema's generator makes is read: `$ref`, `anyOf` with null, `type`, `enum` without a type, `properties`,
//! `additionalProperties` and `items`. Ranges and words are looked at where their meaning is.

use std::collections::BTreeSet;

use serde_json::Value as Json;

use crate::{
    code, meant,
    nearest::nearest,
    path::{Key, KeyPath},
    problem::Problem,
    yaml::{Mapping, Value},
};

/// How many steps down a key is looked for that stands at a wrong place.
const FARTHEST: usize = 4;

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
        let (schema, nullable) = self.follow_for(schema, Some(value));
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
                // With an item gone, the others would stand at other places than their reports say.
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
            // One that is larger would fail in the type of the section, which does not tell at what place.
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
        let mut problem = Problem::new(code::WRONG_TYPE, path.clone(), message);
        if let Some(word) = meant::boolean(&written).map(|meant| meant.to_string())
            && words.contains(&word)
        {
            problem = problem.with_hint(format!("write `{word}`"));
        }
        self.problems.push(problem);
        self.cut.insert(path.clone());
        false
    }

    fn mapping(&mut self, schema: &'a Json, mapping: &mut Mapping, path: &KeyPath) {
        let known = schema["properties"].as_object();
        let others = &schema["additionalProperties"];
        if others.is_object() && self.is_without_names(others, mapping, path) {
            return;
        }
        // A copy, because what is wrong is taken out while they are walked.
        let keys: Vec<String> = mapping.keys().filter_map(|key| key.as_str().map(str::to_owned)).collect();
        let outdented = self.outdented(schema, mapping, &keys);
        let mut unknown = 0_usize;
        for key in &keys {
            let below = path.key(key);
            if let Some((section, inside)) = outdented {
                if key == section {
                    mapping.insert(Value::from(section), Value::Mapping(Mapping::new()));
                    self.cut.insert(below);
                    continue;
                }
                if key == inside {
                    let problem = unknown_key(key, &below).with_hint(format!("indent it below `{section}`"));
                    self.problems.push(problem.about_key());
                    self.cut.insert(below);
                    continue;
                }
            }
            let inner = match known.and_then(|known| known.get(key)) {
                Some(inner) => inner,
                None if others.is_object() => others,
                None if others.as_bool() == Some(false) => {
                    unknown += 1;
                    if unknown <= LISTED {
                        let problem = self.unknown(key, schema, mapping, path);
                        self.problems.push(problem.about_key());
                    }
                    self.cut.insert(below);
                    continue;
                }
                None => continue,
            };
            let stays = mapping.get_mut(key).is_none_or(|value| self.value(inner, value, &below));
            if !stays {
                mapping.remove(key);
                self.cut.insert(below);
            }
        }
        mapping.retain(|key, _| {
            let is_known = |known: &serde_json::Map<String, Json>| {
                key.as_str().is_some_and(|key| known.contains_key(key))
            };
            others.as_bool() != Some(false) || known.is_some_and(is_known)
        });
        if let Some(more @ 1..) = unknown.checked_sub(LISTED) {
            let message = format!("{more} more keys here are unknown");
            self.problems.push(Problem::new(code::UNKNOWN_KEY, path.clone(), message).about_key());
        }
    }

    /// Reports a mapping by name that holds the keys of one entry in place of entries.
    fn is_without_names(&mut self, others: &'a Json, mapping: &mut Mapping, path: &KeyPath) -> bool {
        let (entry, _) = self.follow(others);
        let Some(known) = entry["properties"].as_object() else { return false };
        // A mapping, or nothing, may be an entry whose name is that of a key.
        let is_of_entry = |(key, value): (&Value, &Value)| {
            key.as_str().is_some_and(|key| known.contains_key(key)) && !value.is_mapping() && !value.is_null()
        };
        let Some(Key::Name(section)) = path.steps().last() else { return false };
        if mapping.is_empty() || !mapping.iter().all(is_of_entry) {
            return false;
        }
        let first = mapping.keys().next().and_then(Value::as_str).unwrap_or_default();
        let message = format!("the name of the entry is missing between `{section}` and `{first}`");
        let problem = Problem::new(code::WRONG_TYPE, path.key(first), message).about_key();
        let hint = format!("write `{section}: {{ NAME: {{ {first}: ... }} }}`");
        self.problems.push(problem.with_hint(hint));
        self.cut.insert(path.clone());
        mapping.clear();
        true
    }

    /// A section without anything in it, and the key after it that belongs below it.
    fn outdented<'k>(
        &self,
        schema: &'a Json,
        mapping: &Mapping,
        keys: &'k [String],
    ) -> Option<(&'k str, &'k str)> {
        let known = schema["properties"].as_object()?;
        keys.windows(2).find_map(|pair| {
            let [section, key] = pair else { return None };
            let (inner, _) = self.follow(known.get(section)?);
            let is_empty = mapping.get(section).is_some_and(Value::is_null) && !known.contains_key(key);
            let is_entry =
                inner["additionalProperties"].is_object() && mapping.get(key).is_some_and(Value::is_mapping);
            let is_key = inner["properties"].as_object().is_some_and(|keys| keys.contains_key(key));
            (is_empty && (is_entry || is_key)).then_some((section.as_str(), key.as_str()))
        })
    }

    /// What is said of a key that is not known at its place.
    fn unknown(&mut self, key: &str, schema: &'a Json, mapping: &Mapping, path: &KeyPath) -> Problem {
        let known = schema["properties"].as_object();
        let names = || known.into_iter().flat_map(|known| known.keys()).map(String::as_str);
        let below = path.key(key);
        if key == "<<" {
            // Whatever is missing here would have come through it.
            self.cut.insert(path.clone());
            return unknown_key(key, &below).with_hint("merge keys are not read; write the keys out");
        }
        // A name of one thing is not meant by who writes several.
        let is_scalar = mapping.get(key).is_some_and(|value| !value.is_mapping() && !value.is_sequence());
        let fitting =
            || names().filter(|name| known.is_none_or(|known| self.is_scalar(&known[*name]) == is_scalar));
        let same = fitting().find(|known| meant::is_same(key, known));
        let inside = || if path.is_root() { None } else { self.elsewhere((key, is_scalar), schema, 1) };
        let least = usize::from(path.is_root());
        let problem = || unknown_key(key, &below);
        let near = match same {
            Some(same) => Some(same),
            None => {
                if let Some(inside) = inside() {
                    return problem().with_hint(format!("write `{inside}`"));
                }
                if let Some(problem) = (self.misplaced)(&below) {
                    return problem;
                }
                let exact = || self.elsewhere((key, is_scalar), self.root, least);
                nearest(key, fitting())
                    .or_else(|| if exact().is_none() { nearest(key, names()) } else { None })
            }
        };
        if let Some(near) = near {
            // What is missing under its right name is there under a wrong one.
            if !mapping.contains_key(near) {
                self.cut.insert(path.key(near));
            }
            return problem().with_hint(format!("did you mean `{near}`?"));
        }
        let with_word: Vec<&str> = names().filter(|name| name.split('_').any(|word| word == key)).collect();
        if !with_word.is_empty() {
            return problem().with_hint(format!("did you mean `{}`?", with_word.join("` or `")));
        }
        match self.elsewhere((key, is_scalar), self.root, least) {
            Some(place) if path.is_root() => problem().with_hint(format!("write `{place}`")),
            Some(place) => problem().with_hint(format!("write `{place}` at the top of the file")),
            None => {
                problem().with_hint(format!("the keys here are: {}", names().collect::<Vec<_>>().join(", ")))
            }
        }
    }

    /// Whether a value is written on one line.
    fn is_scalar(&self, schema: &'a Json) -> bool {
        !types(self.follow(schema).0).iter().any(|one| matches!(*one, "object" | "array"))
    }

    /// Where `key`, and whether its value is a scalar, stands below `schema`, as it would be written: the place that is the
    /// fewest steps away, and at least so many. The very name goes before another spelling of it.
    fn elsewhere(&self, (key, is_scalar): (&str, bool), schema: &'a Json, least: usize) -> Option<String> {
        let very = |name: &str, _: &'a Json| name == key;
        // Another spelling has to hold what is written, as `models` are no `model`.
        let alike =
            |name: &str, inner: &'a Json| meant::is_same(name, key) && self.is_scalar(inner) == is_scalar;
        self.place_of(&very, schema, least).or_else(|| self.place_of(&alike, schema, least))
    }

    fn place_of(
        &self,
        is_it: &dyn Fn(&str, &'a Json) -> bool,
        schema: &'a Json,
        least: usize,
    ) -> Option<String> {
        let mut level = vec![(schema, "KEY".to_owned())];
        for depth in 0..FARTHEST {
            let mut next = Vec::new();
            for (schema, around) in level {
                let (schema, _) = self.follow(schema);
                for (name, inner) in schema["properties"].as_object().into_iter().flatten() {
                    if depth >= least && is_it(name, inner) {
                        return Some(around.replace("KEY", &format!("{name}: ...")));
                    }
                    // Nobody is sent to a place that is on its way out.
                    if inner["deprecated"] != true {
                        next.push((inner, around.replace("KEY", &format!("{name}: {{ KEY }}"))));
                    }
                }
                if schema["additionalProperties"].is_object() {
                    next.push((&schema["additionalProperties"], around.replace("KEY", "NAME: { KEY }")));
                }
                if schema["items"].is_object() {
                    let inner = around.replace("{ KEY }", "[{ KEY }]");
                    next.push((&schema["items"], inner));
                }
            }
            level = next;
        }
        None
    }

    fn report(&mut self, expected: &str, schema: &Json, value: &Value, path: &KeyPath) {
        let message = format!("expected {}, found {}", wanted(expected), found(value));
        let mut problem = Problem::new(code::WRONG_TYPE, path.clone(), message);
        let name = match path.steps().last() {
            Some(Key::Name(name)) => format!("{name}: "),
            Some(Key::Index(_)) | None => String::new(),
        };
        if let Some(hint) = self.hint(expected, schema, value, &name) {
            problem = problem.with_hint(hint);
        }
        self.problems.push(problem);
        self.cut.insert(path.clone());
    }

    fn hint(&self, expected: &str, schema: &'a Json, value: &Value, name: &str) -> Option<String> {
        if value.is_null() {
            return hint(expected, schema, value);
        }
        let form = |schema: &'a Json| {
            let (schema, _) = self.follow(schema);
            let keys: Vec<&str> = schema["properties"].as_object()?.keys().map(String::as_str).collect();
            let first: Vec<String> = keys.iter().take(2).map(|key| format!("{key}: ...")).collect();
            Some((format!("{{ {} }}", first.join(", ")), keys))
        };
        let default = format!("default_{}", name.trim_end_matches(": "));
        match expected {
            "object" if value.is_string() && !self.root["properties"][&default].is_null() => {
                Some(format!("write `{default}: ...` to name one of them"))
            }
            "object" if schema["additionalProperties"].is_object() => {
                Some(format!("write `{name}{{ NAME: {{ ... }} }}`"))
            }
            "object" => {
                let (form, keys) = form(schema)?;
                Some(format!("write a mapping such as `{form}`; its keys are {}", keys.join(", ")))
            }
            "array" if !value.is_string() => Some(form(&schema["items"]).map_or_else(
                || format!("write `{name}[...]`"),
                |(form, _)| format!("write `{name}[{form}]`"),
            )),
            _ => hint(expected, schema, value),
        }
    }

    /// The schema that `$ref` and `anyOf` lead to, and whether null may stand in its place.
    fn follow(&self, schema: &'a Json) -> (&'a Json, bool) {
        self.follow_for(schema, None)
    }

    /// The same; of several kinds that may stand there, the one that `value` is of.
    fn follow_for(&self, mut schema: &'a Json, value: Option<&Value>) -> (&'a Json, bool) {
        let mut nullable = false;
        loop {
            if let Some(target) = schema["$ref"].as_str() {
                schema = self.root.pointer(target.trim_start_matches('#')).unwrap_or(&Json::Null);
            } else if let Some(choices) = schema["anyOf"].as_array() {
                nullable |= choices.iter().any(|choice| types(choice) == ["null"]);
                let mut choices = choices.iter().filter(|choice| types(choice) != ["null"]);
                let first = choices.clone().next().unwrap_or(&Json::Null);
                let is_of = |choice: &&Json| {
                    value.is_some_and(|value| types(choice).iter().any(|one| is_of_type(value, one)))
                };
                schema = choices.find(is_of).unwrap_or(first);
            } else {
                return (schema, nullable);
            }
        }
    }
}

fn unknown_key(key: &str, path: &KeyPath) -> Problem {
    Problem::new(code::UNKNOWN_KEY, path.clone(), format!("there is no key `{key}` here"))
}

fn is_of_type(value: &Value, name: &str) -> bool {
    match value {
        Value::Sequence(_) => name == "array",
        Value::Mapping(_) => name == "object",
        Value::Number(_) => ["integer", "number"].contains(&name),
        Value::String(_) => name == "string",
        Value::Bool(_) => name == "boolean",
        _ => false,
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
        "string" => "a string",
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
            "a decimal number"
        }
        Value::Number(_) => "a number that is too large",
        Value::String(_) => "a string",
        Value::Sequence(_) => "a list",
        Value::Mapping(_) | Value::Tagged(_) => "a mapping",
    }
}

fn hint(expected: &str, schema: &Json, value: &Value) -> Option<String> {
    match (expected, value) {
        (_, Value::Null) => Some("write a value or remove the key".into()),
        // Durations alone have examples.
        ("string", Value::Number(number)) if schema["examples"].is_array() => {
            Some(format!("a unit is missing: write `{number}s` or `{number}ms`"))
        }
        ("string", Value::Number(number)) if number.is_f64() => Some(format!("write `\"{number}\"`")),
        ("string", Value::Number(_) | Value::Bool(_)) => Some("put it in quotes".into()),
        ("integer" | "number", Value::String(text)) => {
            let is_plain = text.parse::<f64>().is_ok() && !has_leading_zero(text);
            let digits = text.bytes().any(|byte| byte.is_ascii_digit());
            match meant::number(text, expected == "integer") {
                Some(_) if is_plain => Some("remove the quotes".into()),
                Some(number) => Some(format!("write `{number}`")),
                None if text.contains(['€', '£', '¥']) => {
                    Some("write the amount in dollars, as a plain number".into())
                }
                None if digits => Some("write only digits, with a point before the decimals".into()),
                None => Some("write a number, or remove the key".into()),
            }
        }
        ("integer", Value::Number(number)) => {
            let number = number.as_f64().filter(|number| number.fract() == 0.0 && number.abs() < 1e15)?;
            Some(format!("write `{number}`"))
        }
        ("boolean", Value::String(text)) => Some(match meant::boolean(text) {
            Some(meant) => format!("write `{meant}`"),
            None => "write `true` or `false` without quotes".into(),
        }),
        ("boolean", Value::Number(number)) => match number.as_i64()? {
            0 => Some("write `false`".into()),
            1 => Some("write `true`".into()),
            _ => None,
        },
        ("array", Value::String(_)) => Some("put it in brackets: `[...]`".into()),
        _ => None,
    }
}
