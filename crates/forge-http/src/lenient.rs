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

use std::{borrow::Cow, fmt};

use serde::{
    Deserialize, Deserializer,
    de::{DeserializeOwned, IgnoredAny, MapAccess, SeqAccess, Visitor},
};
use serde_json::value::RawValue;

/// No call counts more of anything.
const LARGEST: u64 = 1_000_000_000_000;

/// A number that counts something, such as tokens.
///
/// Exhaustive on purpose: whoever sums up counts has to say what becomes of an odd one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Count {
    /// There is none.
    #[default]
    Missing,
    /// A whole number from 0 to a million million, also one written as text or with a fraction of 0.
    Known(u64),
    /// Something else stands there: a negative number, a fraction, a text, a number that nobody believes.
    Odd,
}

impl Count {
    /// The number, if it is one.
    pub fn known(self) -> Option<u64> {
        match self {
            Self::Known(number) => Some(number),
            Self::Missing | Self::Odd => None,
        }
    }

    /// Whether something stands there that is no count.
    pub fn is_odd(self) -> bool {
        self == Self::Odd
    }

    /// The first of several names under which servers give a number that says something.
    pub fn or(self, other: Self) -> Self {
        if self == Self::Missing { other } else { self }
    }
}

impl From<u64> for Count {
    fn from(number: u64) -> Self {
        if number <= LARGEST { Self::Known(number) } else { Self::Odd }
    }
}

impl<'de> Deserialize<'de> for Count {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(CountVisitor)
    }
}

struct CountVisitor;

impl<'de> Visitor<'de> for CountVisitor {
    type Value = Count;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("anything")
    }

    fn visit_u64<E>(self, number: u64) -> Result<Count, E> {
        Ok(number.into())
    }

    fn visit_i64<E>(self, number: i64) -> Result<Count, E> {
        Ok(u64::try_from(number).map_or(Count::Odd, Count::from))
    }

    fn visit_f64<E>(self, number: f64) -> Result<Count, E> {
        let is_count = number.fract() == 0.0 && (0.0..=LARGEST as f64).contains(&number);
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a whole number in the range"
        )]
        Ok(if is_count { Count::Known(number as u64) } else { Count::Odd })
    }

    fn visit_str<E>(self, text: &str) -> Result<Count, E> {
        Ok(text.trim().parse::<u64>().map_or(Count::Odd, Count::from))
    }

    fn visit_bool<E>(self, _: bool) -> Result<Count, E> {
        Ok(Count::Odd)
    }

    fn visit_unit<E>(self) -> Result<Count, E> {
        Ok(Count::Missing)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, items: A) -> Result<Count, A::Error> {
        ignore_items(items).map(|()| Count::Odd)
    }

    fn visit_map<A: MapAccess<'de>>(self, fields: A) -> Result<Count, A::Error> {
        ignore_fields(fields).map(|()| Count::Odd)
    }
}

/// A text that borrows where it can.
pub fn text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Cow<'de, str>>, D::Error> {
    deserializer.deserialize_any(TextVisitor)
}

/// A text of its own.
pub fn string<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    text(deserializer).map(|text| text.map(Cow::into_owned))
}

struct TextVisitor;

impl<'de> Visitor<'de> for TextVisitor {
    type Value = Option<Cow<'de, str>>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("anything")
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(Some(Cow::Borrowed(text)))
    }

    fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Some(Cow::Owned(text.to_owned())))
    }

    fn visit_string<E>(self, text: String) -> Result<Self::Value, E> {
        Ok(Some(Cow::Owned(text)))
    }

    fn visit_bool<E>(self, _: bool) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, items: A) -> Result<Self::Value, A::Error> {
        ignore_items(items).map(|()| None)
    }

    fn visit_map<A: MapAccess<'de>>(self, fields: A) -> Result<Self::Value, A::Error> {
        ignore_fields(fields).map(|()| None)
    }
}

/// A value of the type that it should have. It is read twice, so this is for what comes once in a reply.
pub fn value<'de, D: Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<Option<T>, D::Error> {
    let raw: &'de RawValue = Deserialize::deserialize(deserializer)?;
    Ok(serde_json::from_str(raw.get()).ok())
}

/// Like [`value`], for a field that has a value of its own when there is none.
pub fn or_default<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de> + Default,
{
    value(deserializer).map(Option::unwrap_or_default)
}

/// The items of a list that have the type that they should have; of anything else, none.
pub fn list<'de, D: Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<Vec<T>, D::Error> {
    let items: Vec<&'de RawValue> = or_default(deserializer)?;
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

fn ignore_items<'de, A: SeqAccess<'de>>(mut items: A) -> Result<(), A::Error> {
    while items.next_element::<IgnoredAny>()?.is_some() {}
    Ok(())
}

fn ignore_fields<'de, A: MapAccess<'de>>(mut fields: A) -> Result<(), A::Error> {
    while fields.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    #[derive(Debug, PartialEq, Deserialize)]
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
        for name in ["count", "text", "inner", "list", "index", "new"] {
            for value in anything() {
                let reply = json!({name: value}).to_string();
                serde_json::from_str::<Fields<'_>>(&reply).unwrap_or_else(|error| panic!("{reply}: {error}"));
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
        let fields = r#"{"text": "a\nb", "inner": [1], "list": [1, "x", 2], "index": "3"}"#;
        let fields: Fields<'_> = serde_json::from_str(fields).unwrap();
        assert_eq!((fields.text.as_deref(), fields.inner.as_deref()), (Some("a\nb"), Some(&[1][..])));
        assert_eq!((fields.list, fields.index), (vec![1, 2], Some(3)));
    }

    #[test]
    fn a_text_without_escapes_is_not_copied() {
        let fields: Fields<'_> = serde_json::from_str(r#"{"text": "plain"}"#).unwrap();
        assert!(matches!(fields.text, Some(Cow::Borrowed("plain"))));
    }
}
