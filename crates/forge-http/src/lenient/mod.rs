//! Fields that are not the answer. Servers put anything there, and a paid answer stands whatever it is.
//!
//! The functions are for serde's `deserialize_with`, beside `default`: a field that is missing, `null` or of another
//! type is `None`.
//!
//! ```
//! use std::borrow::Cow;
//! use forge_http::lenient::{self, Count};
//! use serde::Deserialize;
//!
//! #[derive(Deserialize)]
//! struct Usage<'a> {
//!     #[serde(default)]
//!     tokens: Count,
//!     #[serde(borrow, default, deserialize_with = "lenient::text")]
//!     tier: Option<Cow<'a, str>>,
//! }
//!
//! let odd: Usage = serde_json::from_str(r#"{"tokens": -35, "tier": {"name": "flex"}}"#)?;
//! assert_eq!((odd.tokens, odd.tier), (Count::Odd, None));
//! # Ok::<(), serde_json::Error>(())
//! ```

mod count;
mod structure;
mod text;
mod visitor;

use std::borrow::Cow;

use serde::{Deserialize, Deserializer, de::DeserializeOwned};
use serde_json::value::RawValue;

pub use count::Count;
pub use structure::{Items, first, object, object_or_default, objects, values};
pub use text::{string, text};

/// A value of the type that it should have; one of another type is `None`. It is read twice, so this is for
/// what comes once in a reply.
pub fn value<'de, D: Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<Option<T>, D::Error> {
    // As raw text first, so that a wrong type fails this field alone and not the reply.
    let raw: &'de RawValue = Deserialize::deserialize(deserializer)?;
    Ok(serde_json::from_str(raw.get()).ok())
}

/// Like [`value`], for a field whose type has a default: that one stands where the value is of another type.
pub fn or_default<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de> + Default,
{
    value(deserializer).map(Option::unwrap_or_default)
}

/// The items of a list that have the type that they should have; of anything else, none.
pub fn list<'de, D: Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<Vec<T>, D::Error> {
    let items: Vec<&'de RawValue> = values(deserializer)?;
    Ok(items.into_iter().filter_map(|item| serde_json::from_str(item.get()).ok()).collect())
}

/// A number, a text or a list of numbers that servers write in several ways, in its own type.
pub fn scalar<'de, D, T>(deserializer: D) -> Result<Option<T>, D::Error>
where
    D: Deserializer<'de>,
    T: DeserializeOwned + std::str::FromStr,
{
    let raw: &'de RawValue = Deserialize::deserialize(deserializer)?;
    let text = || serde_json::from_str::<Cow<'_, str>>(raw.get()).ok()?.trim().parse().ok();
    Ok(serde_json::from_str(raw.get()).ok().or_else(text))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    #[derive(Debug, Deserialize)]
    struct Fields<'a> {
        #[serde(default)]
        count: Count,
        #[serde(borrow, default, deserialize_with = "text")]
        text: Option<Cow<'a, str>>,
        #[serde(default, deserialize_with = "value")]
        inner: Option<Vec<u8>>,
        #[serde(default, deserialize_with = "list")]
        list: Vec<u8>,
        #[serde(default, deserialize_with = "scalar")]
        index: Option<u32>,
        #[serde(borrow, default)]
        items: Items<'a>,
        #[serde(default, deserialize_with = "object_or_default")]
        nested: Nested,
        #[serde(default, deserialize_with = "objects")]
        objects: Vec<Nested>,
        #[serde(default, deserialize_with = "first")]
        first: Option<Nested>,
    }

    #[derive(Debug, PartialEq, Default, Deserialize)]
    struct Nested {
        #[serde(default)]
        a: Count,
    }

    /// Values of every type of JSON.
    fn anything() -> [Value; 12] {
        [
            json!(null),
            json!(true),
            json!(0),
            json!(-1),
            json!(1.5),
            json!(9e300),
            json!("x"),
            json!([]),
            json!([{"a": [1]}]),
            json!({}),
            json!({"a": {"b": null}}),
            json!(u64::MAX),
        ]
    }

    #[test]
    fn no_value_of_any_field_fails_the_whole() {
        for name in ["count", "text", "inner", "list", "index", "items", "nested", "objects", "first", "new"]
        {
            for value in anything() {
                let reply = json!({name: value}).to_string();
                let read = serde_json::from_str::<Fields<'_>>(&reply);
                assert!(read.is_ok(), "{reply}: {read:?}");
            }
        }
    }

    #[test]
    fn what_can_be_read_is_read() {
        let read = |value: Value| serde_json::from_value::<Count>(value).unwrap();
        for (value, count) in [
            (json!(7), Count::Known(7)),
            (json!(7.0), Count::Known(7)),
            (json!("7"), Count::Known(7)),
            (json!(null), Count::Missing),
            (json!(-35), Count::Odd),
            (json!(0.5), Count::Odd),
            (json!(9e18), Count::Odd),
            (json!(9_000_000_000_000_000_000_u64), Count::Odd),
            (json!("many"), Count::Odd),
            (json!({"n": 1}), Count::Odd),
        ] {
            assert_eq!(read(value.clone()), count, "{value}");
        }
        let fields = r#"{"text": "a\nb", "inner": [1], "list": [1, "x", 2], "index": "3", "items": [0, {"b": []}],
            "nested": {"a": 1}, "objects": [{"a": 2}, 7, {}], "first": [{"a": 3}, 8]}"#;
        let fields: Fields<'_> = serde_json::from_str(fields).unwrap();
        assert_eq!((fields.text.as_deref(), fields.inner.as_deref()), (Some("a\nb"), Some(&[1][..])));
        assert_eq!((fields.list, fields.index, fields.count), (vec![1, 2], Some(3), Count::Missing));
        let nested = |a: u64| Nested { a: Count::Known(a) };
        assert_eq!((fields.nested, fields.first), (nested(1), Some(nested(3))));
        assert_eq!(fields.objects, [nested(2), Nested::default()]);
        let items: Vec<&str> = fields.items.known().iter().map(|item| item.get()).collect();
        assert_eq!(items, ["0", r#"{"b": []}"#]);
    }

    #[test]
    fn a_list_is_told_from_what_stands_in_its_place() {
        let read = |json: &'static str| serde_json::from_str::<Items<'_>>(json).unwrap();
        assert!(matches!(read("null"), Items::Missing));
        assert!(matches!(read(r#"{"a": 1}"#), Items::Odd));
    }

    #[test]
    fn a_text_without_escapes_is_not_copied() {
        let fields: Fields<'_> = serde_json::from_str(r#"{"text": "plain"}"#).unwrap();
        assert!(matches!(fields.text, Some(Cow::Borrowed("plain"))));
    }
}
