//! JSON out of answers.
//!
//! The reader forgives what models get wrong: prose around a value, fences, comments, single or curly quotes, bare
//! words, trailing or missing commas, line breaks and quotes inside strings, and a missing end. It never adds anything:
//! what is not complete is left out.

mod lossless;
mod values;

use std::ops::Range;

use serde_json::Value;

pub use self::values::values;
use crate::normalize::normalized;

/// What a reader makes of one JSON value. It tells [`values()`] whether to look inside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(clippy::exhaustive_enums, reason = "the reader follows each of them")]
pub enum Fit<T> {
    /// The value is one.
    Whole(T),
    /// The value is none; its items and members may be.
    Parts,
    /// Neither the value nor anything in it is one.
    None,
}

impl<T> Fit<T> {
    /// The value if it is one, else its parts.
    pub fn of(read: Option<T>) -> Self {
        read.map_or(Self::Parts, Self::Whole)
    }
}

/// A JSON value of an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Found<T> {
    /// Where it stands, in bytes of the answer.
    pub range: Range<usize>,
    /// What of it fits: itself, or parts of it if it does not. Empty for JSON about something else.
    pub fits: Vec<T>,
    /// Whether the value has its end. `false` where the answer was cut off inside of it.
    pub is_whole: bool,
}

/// Whether a value is a JSON Schema, which describes an answer and is none: it names a dialect, or the type
/// of JSON that it wants. A `type` with another word, as in a finding, makes none.
pub fn is_schema(value: &Value) -> bool {
    let kind = value.get("type").and_then(Value::as_str);
    let is_kind = |kind| ["object", "array", "string", "boolean", "integer", "number"].contains(&kind);
    value.get("$schema").is_some() || kind.is_some_and(is_kind)
}

/// The member of an object under any of these names, which are [normalized](crate::normalize): written in any case, with or
/// without `_`, `-` or blanks. Of several under one name, the first that says something.
pub fn member<'a>(value: &'a Value, names: &[&str]) -> Option<&'a Value> {
    let members = value.as_object()?;
    names.iter().find_map(|name| {
        let is_named = |key: &str| normalized(key).eq(name.chars());
        let mut named = members.iter().filter(|(key, _)| is_named(key)).map(|(_, value)| value);
        let says_something = |value: &&Value| !value.is_null() && value.as_str() != Some("");
        named.clone().find(says_something).or_else(|| named.next())
    })
}

/// The text of a [member]: a string, a number, or several of them in lines. Empty if it has none.
pub fn text(value: &Value, names: &[&str]) -> String {
    fn flat(value: &Value) -> String {
        match value {
            Value::String(text) => text.trim().to_owned(),
            Value::Number(number) => number.to_string(),
            Value::Array(items) => items.iter().map(flat).collect::<Vec<_>>().join("\n"),
            Value::Null | Value::Bool(_) | Value::Object(_) => String::new(),
        }
    }
    member(value, names).map(flat).unwrap_or_default()
}

/// The items of a [member] that is a list. Empty if there is none, or if it is something else.
pub fn items<'a>(value: &'a Value, names: &[&str]) -> &'a [Value] {
    member(value, names).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_member_is_found_however_its_name_is_written() {
        let value = json!({"Suggested-Change": "", "suggested_change": ["a", 2], "other": {}});
        assert_eq!(text(&value, &["suggestedchange"]), "a\n2");
        assert_eq!(items(&value, &["missing", "suggestedchange"]).len(), 2);
        assert_eq!(text(&value, &["other"]), "");
    }

    #[test]
    fn a_schema_is_told_from_a_value() {
        assert!(is_schema(&json!({"type": "object", "properties": {}})));
        assert!(!is_schema(&json!({"type": "security", "claim": "x"})));
    }
}
