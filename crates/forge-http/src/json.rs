//! Reading and writing JSON.

use std::{borrow::Cow, collections::BTreeMap, fmt};

use forge_core::{ErrorKind, ModelId, ProviderError, error::Phase};
use serde::{Deserialize, Deserializer, Serialize, de::Visitor};
use serde_json::{Map, Value, value::RawValue};

/// Reads JSON like [`serde_json::from_slice`], but checks the bytes for UTF-8 once instead of text by text.
///
/// ```
/// let numbers: Vec<u32> = forge_http::from_json(b"[1, 2]")?;
/// assert_eq!(numbers, [1, 2]);
/// # Ok::<(), serde_json::Error>(())
/// ```
pub fn from_json<'a, T: Deserialize<'a>>(bytes: &'a [u8]) -> serde_json::Result<T> {
    match std::str::from_utf8(bytes) {
        Ok(text) => serde_json::from_str(text),
        // The error says where.
        Err(_) => serde_json::from_slice(bytes),
    }
}

/// The bytes of a text, which is read and not kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[allow(clippy::exhaustive_structs, reason = "a number")]
pub struct TextLength(pub usize);

impl<'de> Deserialize<'de> for TextLength {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;

        impl Visitor<'_> for Text {
            type Value = TextLength;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a text")
            }

            fn visit_str<E>(self, text: &str) -> Result<TextLength, E> {
                Ok(TextLength(text.len()))
            }
        }

        deserializer.deserialize_str(Text)
    }
}

/// Bytes set aside for a body before it is written, which is enough for a short request; longer ones grow. Allocators keep
/// pieces of up to about this size at hand for each thread.
const USUAL_BODY: usize = 1_024;

/// The JSON text of a request's body, with the fields of `extra`, if there are any, set on its top level. What `extra` does
/// not name stays byte for byte.
///
/// # Errors
/// [`ErrorKind::InvalidRequest`] in the phase [`Phase::BeforeSend`] when `body` has no JSON form;
/// `provider` and `model` are named in it.
pub fn to_json(
    provider: &str,
    model: &ModelId,
    body: &impl Serialize,
    extra: Option<&Map<String, Value>>,
) -> Result<Vec<u8>, ProviderError> {
    merged(body, extra).map_err(|source| {
        let message = "the request cannot be written as JSON";
        ProviderError::new(ErrorKind::InvalidRequest, provider, message).with(|facts| {
            facts.model = Some(model.clone());
            facts.phase = Phase::BeforeSend;
            facts.source = Some(Box::new(source));
        })
    })
}

fn merged(body: &impl Serialize, extra: Option<&Map<String, Value>>) -> serde_json::Result<Vec<u8>> {
    let mut bytes = Vec::with_capacity(USUAL_BODY);
    serde_json::to_writer(&mut bytes, body)?;
    let Some(extra) = extra.filter(|extra| !extra.is_empty()) else { return Ok(bytes) };
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
        let bytes = to_json("p", &"m".into(), &body, Some(&extra)).unwrap();
        let expected = r#"{"item":{"z" : 1.50,  "a":1e2},"more":true,"n":[1]}"#;
        assert_eq!(String::from_utf8(bytes).unwrap(), expected);
    }

    #[test]
    fn a_body_without_a_json_form_is_an_error_before_anything_is_sent() {
        let body = BTreeMap::from([((1, 2), 3)]);
        let error = to_json("mine", &"m".into(), &body, None).unwrap_err();
        assert_eq!((error.kind, error.phase), (ErrorKind::InvalidRequest, Phase::BeforeSend));
        assert_eq!((error.provider.as_str(), error.model.as_ref()), ("mine", Some(&"m".into())));
    }
}
