//! The reader of JSON values in prose.

use std::borrow::Cow;

use serde_json::{Deserializer, Map, Value};

use super::{
    Fit, Found,
    lossless::{self, Lossless},
};
use crate::clean::clean;

/// The colon after a key; the second one is Chinese.
const COLONS: [char; 2] = [':', '：'];
/// Deeper values are left out: the reader calls itself for each level, and an answer must not end the stack.
const MAX_DEPTH: usize = 64;
/// The most places in a text at which a broken value is read. Each reads to the end, so that the time stays linear.
const MAX_TRIES: usize = 50;
/// The most places at which a correct value is read and is not there. No answer has more broken values.
const MAX_STARTS: usize = 500;

/// Every JSON value of an answer that stands in no other one, in order, and what of it fits.
///
/// A correct value is taken as it stands; one with slips if it fits or if the answer begins with it. Strings are
/// [cleaned](crate::clean), and members of one name are joined.
pub fn values<T>(text: &str, fits: &impl Fn(&Value) -> Fit<T>) -> Vec<Found<T>> {
    let (mut all, mut at, mut failed, mut tries) = (Vec::new(), 0, 0, 0);
    while let Some(start) = text[at..].find(['{', '[']).map(|offset| at + offset) {
        // A value that cannot be read may hold others that can, so that the search goes on inside of it.
        at = start + 1;
        let mut reader = Reader { rest: &text[start..] };
        if failed == MAX_STARTS || !reader.is_value() {
            continue;
        }
        let mut stream = Deserializer::from_str(&text[start..]).into_iter();
        if let Some(Ok(Lossless(value))) = stream.next() {
            at = start + stream.byte_offset();
            all.push(Found { range: start..at, fits: parts(&cleaned(value), fits), is_whole: true });
            continue;
        }
        // From here on the value has slips.
        failed += 1;
        if tries == MAX_TRIES {
            continue;
        }
        tries += 1;
        let found = reader.value(0).map(|value| parts(&cleaned(value), fits)).unwrap_or_default();
        let range = start..text.len() - reader.rest.len();
        // Where an answer begins with JSON, that is the answer, even if nothing of it fits.
        let is_first = matches!(text[..start].trim_matches(['`', '~', '\n', ' ']), "" | "json" | "json5");
        if !found.is_empty() {
            at = range.end;
        }
        if is_first || !found.is_empty() {
            // Only the end of the answer can cut a value off.
            let is_whole = !reader.rest.is_empty() || text.trim_end().ends_with(['}', ']']);
            all.push(Found { range, fits: found, is_whole });
        }
    }
    all
}

/// A value if it fits, else the parts of it that do. What stands in its strings is no part of the answer.
fn parts<T>(value: &Value, fits: &impl Fn(&Value) -> Fit<T>) -> Vec<T> {
    match fits(value) {
        Fit::Whole(found) => vec![found],
        Fit::None => Vec::new(),
        Fit::Parts => match value {
            Value::Array(items) => items.iter().flat_map(|item| parts(item, fits)).collect(),
            Value::Object(members) => members.values().flat_map(|item| parts(item, fits)).collect(),
            _ => Vec::new(),
        },
    }
}

/// Without the control characters that an answer may hold as escapes.
fn cleaned(value: Value) -> Value {
    match value {
        Value::String(text) => {
            let changed = match clean(&text) {
                Cow::Owned(changed) => Some(changed),
                Cow::Borrowed(_) => None,
            };
            Value::String(changed.unwrap_or(text))
        }
        Value::Array(items) => items.into_iter().map(cleaned).collect(),
        Value::Object(members) => members.into_iter().map(|(key, value)| (key, cleaned(value))).collect(),
        other => other,
    }
}

struct Reader<'a> {
    rest: &'a str,
}

impl Reader<'_> {
    /// Whether it goes on as a value of somebody's, and not as brackets in prose or code.
    fn is_value(&self) -> bool {
        let is_object = self.rest.starts_with('{');
        let mut inside = Reader { rest: &self.rest[1..] };
        inside.blank();
        let first = inside.rest.chars().next();
        first.is_some_and(|c| is_quote(c) || (!is_object && matches!(c, '{' | '[')))
            || (is_object && bare_key_length(inside.rest).is_some())
    }

    /// The next value; `None` if the text ends before it does.
    fn value(&mut self, depth: usize) -> Option<Value> {
        self.blank();
        if depth > MAX_DEPTH {
            // Nobody means this; the rest would be as deep.
            self.rest = "";
            return None;
        }
        match self.rest.chars().next()? {
            '{' => self.object(depth),
            '[' => self.array(depth),
            quote if is_quote(quote) => self.string(false).map(Value::String),
            _ => self.word(),
        }
    }

    /// `None` if the text ends before anything is in it.
    fn object(&mut self, depth: usize) -> Option<Value> {
        self.skip(1);
        let mut members = Map::new();
        loop {
            self.separators();
            let Some(c) = self.rest.chars().next() else {
                return (!members.is_empty()).then_some(Value::Object(members));
            };
            if c == '}' {
                self.skip(1);
                break;
            }
            // The end was forgotten.
            if matches!(c, ']' | '{' | '[') {
                break;
            }
            let key = if is_quote(c) { self.string(true) } else { Some(self.bare_key()) };
            self.blank();
            let Some(key) = key else { break };
            let Some(rest) = self.rest.strip_prefix(COLONS) else {
                self.skip_member();
                continue;
            };
            self.rest = rest;
            // The text ends inside the member. Half of a value is not given out as one.
            let Some(value) = self.value(depth + 1) else { break };
            lossless::add(&mut members, key, value);
        }
        Some(Value::Object(members))
    }

    /// `None` if the text ends before anything is in it.
    fn array(&mut self, depth: usize) -> Option<Value> {
        self.skip(1);
        let mut items = Vec::new();
        loop {
            self.separators();
            match self.rest.chars().next() {
                None if items.is_empty() => return None,
                None | Some('}') => break,
                Some(']') => {
                    self.skip(1);
                    break;
                }
                Some(_) => match self.value(depth + 1) {
                    Some(item) => items.push(item),
                    None if items.is_empty() && self.rest.is_empty() => return None,
                    None => break,
                },
            }
        }
        Some(Value::Array(items))
    }

    /// A quote inside a string does not end it unless what follows goes on like JSON.
    fn string(&mut self, key: bool) -> Option<String> {
        let open = self.rest.chars().next()?;
        self.skip(open.len_utf8());
        let close = match open {
            '“' | '„' => '”',
            '‘' => '’',
            other => other,
        };
        let mut text = String::new();
        loop {
            let c = self.rest.chars().next()?;
            self.skip(c.len_utf8());
            if c == '\\' {
                self.escape(&mut text)?;
            } else if c == close && self.ends_string(key) {
                return Some(text);
            } else {
                text.push(c);
            }
        }
    }

    /// What follows a backslash; `None` at the end of the text.
    fn escape(&mut self, text: &mut String) -> Option<()> {
        let c = self.rest.chars().next()?;
        self.skip(c.len_utf8());
        match c {
            'n' => text.push('\n'),
            't' => text.push('\t'),
            'r' => text.push('\r'),
            // Control characters, which are taken out of every text.
            'b' | 'f' => {}
            'u' => {
                let hex = |rest: &str| u32::from_str_radix(rest.get(..4)?, 16).ok();
                let Some(mut code) = hex(self.rest) else {
                    text.push_str("\\u");
                    return Some(());
                };
                self.skip(4);
                // Two escapes are one character outside of the basic plane; a half by itself is none.
                if (0xD800..0xDC00).contains(&code)
                    && let Some(low) = self.rest.strip_prefix("\\u").and_then(hex)
                    && (0xDC00..0xE000).contains(&low)
                {
                    self.skip(6);
                    code = 0x1_0000 + ((code - 0xD800) << 10) + (low - 0xDC00);
                }
                text.push(char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER));
            }
            '"' | '\\' | '/' | '\'' => text.push(c),
            // A backslash before anything else is meant, as in a path or a pattern.
            other => {
                text.push('\\');
                text.push(other);
            }
        }
        Some(())
    }

    /// Whether the quote just read ends its string, by what follows it.
    fn ends_string(&self, key: bool) -> bool {
        let mut after = Reader { rest: self.rest };
        after.blank();
        let rest = after.rest;
        // Only a colon ends a key, whatever stands in it.
        if key {
            return rest.starts_with(COLONS);
        }
        let Some(next) = rest.chars().next() else { return true };
        match next {
            '}' | ']' => true,
            // A comma ends the string only before a value or a key. Otherwise it belongs to a sentence.
            ',' | '，' => {
                after.separators();
                let rest = after.rest;
                let first = rest.chars().next();
                first.is_none_or(|c| is_quote(c) || "{}[]-".contains(c) || c.is_ascii_digit())
                    || ["true", "false", "null", "True", "False", "None"]
                        .iter()
                        .any(|word| rest.starts_with(word))
                    || bare_key_length(rest).is_some()
            }
            // A comma was forgotten at the end of the line or before the next key.
            next if is_quote(next) => self.rest.starts_with(['\n', '\r']) || starts_with_key(rest),
            _ => self.rest.starts_with(['\n', '\r']) && bare_key_length(rest).is_some(),
        }
    }

    /// A key without quotes. What is none is skipped with its member, under an empty name.
    fn bare_key(&mut self) -> String {
        let Some(length) = bare_key_length(self.rest) else {
            self.skip_member();
            return String::new();
        };
        let key = self.rest[..length].trim().to_owned();
        self.skip(length);
        key
    }

    /// A number, a literal, or a word without quotes up to the end of its member.
    fn word(&mut self) -> Option<Value> {
        // A word at the end of the text may be cut off, as `fal` for `false`.
        let end = self.rest.find([',', '，', '}', ']', '\n'])?;
        let end = self.rest[..end].find("/*").unwrap_or(end);
        let word = self.rest[..end].trim();
        let value = match word {
            "true" | "True" => Value::Bool(true),
            "false" | "False" => Value::Bool(false),
            "null" | "None" | "NaN" | "undefined" => Value::Null,
            word => serde_json::from_str(word).unwrap_or_else(|_| Value::String(word.to_owned())),
        };
        self.skip(end);
        Some(value)
    }

    /// Goes on behind a member that cannot be read.
    fn skip_member(&mut self) {
        let end = self.rest.find([',', '}', ']']).unwrap_or(self.rest.len());
        self.skip(end);
    }

    /// Skips what separates members, however often it stands there.
    fn separators(&mut self) {
        loop {
            self.blank();
            let Some(rest) = self.rest.strip_prefix([',', ';', '，']) else { return };
            self.rest = rest;
        }
    }

    /// Skips white space and comments of three languages.
    fn blank(&mut self) {
        loop {
            self.rest = self.rest.trim_start();
            let end = if self.rest.starts_with("//") || self.rest.starts_with('#') {
                self.rest.find('\n')
            } else if self.rest.starts_with("/*") {
                self.rest.find("*/").map(|at| at + 2)
            } else {
                return;
            };
            self.skip(end.unwrap_or(self.rest.len()));
        }
    }

    fn skip(&mut self, bytes: usize) {
        self.rest = self.rest.get(bytes..).unwrap_or_default();
    }
}

fn is_quote(c: char) -> bool {
    matches!(c, '"' | '\'' | '“' | '”' | '„' | '‘')
}

/// Whether a quoted key follows. A long one is a sentence.
fn starts_with_key(text: &str) -> bool {
    let mut pieces = text.splitn(3, is_quote).skip(1);
    let key = pieces.next().unwrap_or_default();
    key.len() < 40 && pieces.next().is_some_and(|rest| rest.trim_start().starts_with(COLONS))
}

/// The length of a key without quotes, if a colon follows it.
fn bare_key_length(text: &str) -> Option<usize> {
    let length = text.find(|c: char| !(c.is_alphanumeric() || c == '_' || c == '-')).unwrap_or(0);
    (length > 0 && text[length..].trim_start().starts_with(COLONS)).then_some(length)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn first<T>(text: &str, fits: &impl Fn(&Value) -> Option<T>) -> Option<T> {
        values(text, &|value| Fit::of(fits(value))).into_iter().flat_map(|found| found.fits).next()
    }

    fn read(text: &str) -> Value {
        first(text, &|value| Some(value.clone())).unwrap_or(Value::Null)
    }

    #[test]
    fn common_slips_are_understood() {
        for (text, expected) in [
            ("Sure! {\"a\": 1} Bye", json!({"a": 1})),
            ("```json\n{\"a\": [1, 2,],}\n```", json!({"a": [1, 2]})),
            ("{'a': 'it''s', b: True, c: None}", json!({"a": "it''s", "b": true, "c": null})),
            ("{“a”: “b”}", json!({"a": "b"})),
            ("{\"a\": \"say \"no\" now\", \"b\": \"x\"}", json!({"a": "say \"no\" now", "b": "x"})),
            ("{\"a\": \"one\ntwo\"}", json!({"a": "one\ntwo"})),
            ("{\"a\": \"x\" // why\n, \"b\": 2 /* c */}", json!({"a": "x", "b": 2})),
            ("{\"a\": \"x\"\n \"b\": \"y\"}", json!({"a": "x", "b": "y"})),
            ("{\"a\": [{\"b\": 1}, {\"c\": \"cut of", json!({"a": [{"b": 1}, {}]})),
            ("{\"a\": critical, \"b\": -2.5}", json!({"a": "critical", "b": -2.5})),
            ("{\"a\": \"x\\u001b[2J\\u202ey\", \"b\": [\"\\u0000\"]}", json!({"a": "x[2Jy", "b": [""]})),
            ("{\"a\": \"\\ud83d\\ude00 \\u00e9 \\q\",}", json!({"a": "😀 é \\q"})),
        ] {
            let value = first(text, &|value| value.get("a").map(|_| value.clone()));
            assert_eq!(value, Some(expected), "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_read_without_panic(text in "[\\[\\]{}\"':, a\\\\u0-9\n/*#“”é-]{0,200}") {
            read(&text);
        }

        #[test]
        fn correct_json_is_read_as_it_is(text in "\\PC{0,40}", number in any::<i32>()) {
            let value = json!({"text": text, "list": [number, null, true]});
            prop_assert_eq!(read(&value.to_string()), value.clone());
            prop_assert_eq!(read(&format!("Here: {value:#}!")), value);
        }
    }
}
