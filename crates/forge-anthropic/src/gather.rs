//! Blocks that only the vendor understands, gathered from their pieces to what they are in a whole reply.

use std::{borrow::Cow, fmt};

use serde::{
    Deserialize, Deserializer,
    de::{MapAccess, Visitor},
};
use serde_json::value::RawValue;

/// How a piece adds to a field of its block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Adds {
    /// It goes on with a text.
    Text,
    /// It is one more item of a list.
    Item,
    /// It goes on with the JSON text of the field.
    Json,
    /// It takes the place of what was there.
    Whole,
}

const INPUT: &str = "input";

/// Which field of a delta adds to which field of a block. Source: the vendor's SDKs and recorded streams, 2026-11.
const PIECES: [(&str, &str, Adds); 7] = [
    ("partial_json", INPUT, Adds::Json),
    ("text", "text", Adds::Text),
    ("thinking", "thinking", Adds::Text),
    ("signature", "signature", Adds::Whole),
    ("citation", "citations", Adds::Item),
    ("content", "content", Adds::Text),
    ("encrypted_content", "encrypted_content", Adds::Whole),
];

/// A block in the making: its fields in their order, each as JSON text.
#[derive(Debug)]
pub(crate) struct Gathered {
    /// The block as it began, which it stays if nothing is added.
    begun: String,
    fields: Vec<(String, String)>,
    /// The JSON text of the field that comes in pieces of JSON.
    input: String,
    is_changed: bool,
}

impl Gathered {
    pub(crate) fn new(begun: &RawValue) -> Self {
        Self { begun: begun.get().to_owned(), fields: fields(begun), input: String::new(), is_changed: false }
    }

    /// Adds a delta, whatever its type. A field that is not known goes on with a text and replaces anything else.
    pub(crate) fn add(&mut self, delta: &RawValue) {
        for (name, value) in fields(delta) {
            // The delta's type is not the block's, and a null would wipe what has been gathered.
            if name == "type" || value == "null" {
                continue;
            }
            let known = PIECES.iter().find(|(piece, _, _)| *piece == name);
            let (field, adds) = known.map_or((name.as_str(), Adds::Text), |(_, field, adds)| (*field, *adds));
            self.is_changed = true;
            match (adds, text(&value)) {
                (Adds::Json, Some(piece)) => self.input.push_str(&piece),
                (Adds::Text, Some(piece)) => self.add_text(field, &piece),
                (Adds::Item, _) => self.add_item(field, &value),
                _ => *self.field(field) = value,
            }
        }
    }

    fn add_text(&mut self, field: &str, piece: &str) {
        let value = self.field(field);
        let joined = text(value).unwrap_or_default() + piece;
        *value = serde_json::Value::from(joined).to_string();
    }

    fn add_item(&mut self, field: &str, item: &str) {
        let list = self.field(field);
        *list = match list.strip_suffix(']').map(str::trim_end) {
            Some("[") | None => format!("[{item}]"),
            Some(items) => format!("{items},{item}]"),
        };
    }

    fn field(&mut self, name: &str) -> &mut String {
        let place = self.fields.iter().position(|(field, _)| field == name).unwrap_or_else(|| {
            self.fields.push((name.to_owned(), "null".to_owned()));
            self.fields.len() - 1
        });
        &mut self.fields[place].1
    }

    /// The block, as it would stand in a whole reply.
    pub(crate) fn finish(mut self) -> String {
        if !self.is_changed {
            return self.begun;
        }
        let input = std::mem::take(&mut self.input);
        if !input.trim().is_empty() {
            // What was cut off stays readable as a text.
            let value = serde_json::from_str::<&RawValue>(&input).map(|value| compact(value.get()));
            *self.field(INPUT) = value.unwrap_or_else(|_| serde_json::Value::from(input).to_string());
        }
        let fields = self
            .fields
            .iter()
            .map(|(name, value)| format!("{}:{value}", serde_json::Value::from(name.as_str())));
        format!("{{{}}}", fields.collect::<Vec<_>>().join(","))
    }
}

/// The text, if the JSON is one.
fn text(json: &str) -> Option<String> {
    serde_json::from_str(json).ok()
}

/// The JSON without white space between its values, as whole replies have it; numbers stay as they are written.
/// Parsed and written again, one of 30 digits would come back changed, and the block goes back to the vendor.
fn compact(json: &str) -> String {
    let (mut quoted, mut escaped) = (false, false);
    let keep = |sign: &char| {
        let was_quoted = quoted;
        if *sign == '"' && !escaped {
            quoted = !quoted;
        }
        escaped = quoted && *sign == '\\' && !escaped;
        was_quoted || !sign.is_ascii_whitespace()
    };
    json.chars().filter(keep).collect()
}

fn fields(object: &RawValue) -> Vec<(String, String)> {
    serde_json::from_str::<Fields>(object.get()).map(|fields| fields.0).unwrap_or_default()
}

/// The fields of an object in their order, each as JSON text.
struct Fields(Vec<(String, String)>);

impl<'de> Deserialize<'de> for Fields {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(FieldsVisitor).map(Self)
    }
}

struct FieldsVisitor;

impl<'de> Visitor<'de> for FieldsVisitor {
    type Value = Vec<(String, String)>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut fields = Vec::new();
        while let Some((name, value)) = map.next_entry::<Cow<'de, str>, &'de RawValue>()? {
            fields.push((name.into_owned(), value.get().to_owned()));
        }
        Ok(fields)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gathered(begun: &str, deltas: &[&str]) -> String {
        let raw = |json: &str| RawValue::from_string(json.to_owned()).unwrap();
        let mut block = Gathered::new(&raw(begun));
        for delta in deltas {
            block.add(&raw(delta));
        }
        block.finish()
    }

    #[test]
    fn pieces_become_the_block_of_a_whole_reply() {
        for (begun, deltas, whole) in [
            (
                r#"{"type":"server_tool_use","id":"srv_1","name":"web_search","input":{}}"#,
                &[
                    r#"{"type":"input_json_delta","partial_json":""}"#,
                    r#"{"type":"input_json_delta","partial_json":"{\"q\": 1.50"}"#,
                    r#"{"type":"input_json_delta","partial_json":", \"a\\\" b\": [\"c  d\"]}"}"#,
                ][..],
                r#"{"type":"server_tool_use","id":"srv_1","name":"web_search","input":{"q":1.50,"a\" b":["c  d"]}}"#,
            ),
            (
                r#"{"type":"compaction","content":null}"#,
                &[
                    r#"{"type":"compaction_delta","content":"So ","encrypted_content":"old"}"#,
                    r#"{"type":"compaction_delta","content":"far.","encrypted_content":"new"}"#,
                ],
                r#"{"type":"compaction","content":"So far.","encrypted_content":"new"}"#,
            ),
            (
                r#"{"type":"musing","words":[],"n":1}"#,
                &[
                    r#"{"type":"new_delta","words":["a"]}"#,
                    r#"{"type":"new_delta","said":"b"}"#,
                    r#"{"type":"new_delta","said":"c","n":null}"#,
                    r#"{"type":"citations_delta","citation":{"u":1}}"#,
                    r#"{"type":"citations_delta","citation":{"u":2}}"#,
                ],
                r#"{"type":"musing","words":["a"],"n":1,"said":"bc","citations":[{"u":1},{"u":2}]}"#,
            ),
            (
                r#"{"type":"mcp_tool_use","input":{}}"#,
                &[r#"{"type":"input_json_delta","partial_json":"{\"q\":"}"#],
                r#"{"type":"mcp_tool_use","input":"{\"q\":"}"#,
            ),
        ] {
            assert_eq!(gathered(begun, deltas), whole);
        }
    }

    #[test]
    fn a_block_without_pieces_stays_byte_for_byte() {
        let block = r#"{"type": "redacted_thinking",  "data":"x", "n":1.50}"#;
        assert_eq!(gathered(block, &[]), block);
        let empty = r#"{"type":"mcp_tool_use","input":{}}"#;
        assert_eq!(gathered(empty, &[r#"{"type":"input_json_delta","partial_json":""}"#]), empty);
    }
}
