//! The vendor's own words.

pub(crate) mod chat;
pub(crate) mod chat_reply;
pub(crate) mod content;
pub(crate) mod error;
pub(crate) mod listing;
pub(crate) mod responses;
pub(crate) mod responses_reply;

use std::{borrow::Cow, collections::BTreeMap};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, value::RawValue};

/// A text that borrows from the reply where it holds no escapes.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Text<'a>(#[serde(borrow)] pub(crate) Cow<'a, str>);

impl Text<'_> {
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

/// Bytes set aside for a body before it is written; longer ones grow.
const USUAL_BODY: usize = 2 * 1024;

/// The JSON text of `body`, with the fields of `extra` set on its top level. What `extra` does not
/// name stays byte for byte.
pub(crate) fn to_json(
    body: &impl Serialize,
    extra: &Map<String, Value>,
) -> Result<Vec<u8>, serde_json::Error> {
    let mut bytes = Vec::with_capacity(USUAL_BODY);
    serde_json::to_writer(&mut bytes, body)?;
    if extra.is_empty() {
        return Ok(bytes);
    }
    let own: BTreeMap<Cow<'_, str>, &RawValue> = serde_json::from_slice(&bytes)?;
    let mut merged: BTreeMap<&str, Field<'_>> =
        own.iter().map(|(name, value)| (name.as_ref(), Field::Own(value))).collect();
    merged.extend(extra.iter().map(|(name, value)| (name.as_str(), Field::Extra(value))));
    serde_json::to_vec(&merged)
}

#[derive(Serialize)]
#[serde(untagged)]
enum Field<'a> {
    Own(&'a RawValue),
    Extra(&'a Value),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn extra_fields_replace_and_the_rest_stays_byte_for_byte() {
        let raw: Box<RawValue> = RawValue::from_string(r#"{"z" : 1.50,  "a":1e2}"#.into()).unwrap();
        let body = BTreeMap::from([("item", &*raw), ("n", RawValue::NULL)]);
        let Value::Object(extra) = serde_json::json!({"n": [1], "more": true}) else { panic!() };
        let bytes = to_json(&body, &extra).unwrap();
        let expected = r#"{"item":{"z" : 1.50,  "a":1e2},"more":true,"n":[1]}"#;
        assert_eq!(String::from_utf8(bytes).unwrap(), expected);
    }
}
