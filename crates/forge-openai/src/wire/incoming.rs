//! Reads what clients send field by field, so that a mistake is told with its place and with what belongs there.

use std::fmt;

use forge_core::request::{Effort, InvalidBody, ToolInput};
use serde_json::{Map, Value};

/// Where a value stands in a body, such as `messages[2].content`.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Place<'a> {
    Body,
    Field(&'a Place<'a>, &'a str),
    Item(&'a Place<'a>, usize),
}

impl fmt::Display for Place<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Body => f.write_str("body"),
            Self::Field(Place::Body, name) => f.write_str(name),
            Self::Field(outer, name) => write!(f, "{outer}.{name}"),
            Self::Item(outer, at) => write!(f, "{outer}[{at}]"),
        }
    }
}

impl Place<'_> {
    /// The error that what stands here is wrong.
    pub(crate) fn wrong(&self, how: impl fmt::Display) -> InvalidBody {
        InvalidBody::new(format!("`{self}` {how}"))
    }

    fn wants(&self, wanted: &str, value: &Value) -> InvalidBody {
        let found = match value {
            Value::Null => "null",
            Value::Bool(_) => "a boolean",
            Value::Number(_) => "another number",
            Value::String(_) => "a text",
            Value::Array(_) => "a list",
            Value::Object(_) => "an object",
        };
        let found = if wanted.contains("number") || !value.is_number() { found } else { "a number" };
        self.wrong(format_args!("has to be {wanted}, not {found}"))
    }

    /// The error that one of these words belongs here.
    pub(crate) fn wants_word(&self, words: &[&str], found: &str) -> InvalidBody {
        // What a client wrote is repeated no further than a word goes.
        let found: String = found.chars().take(64).collect();
        self.wrong(format_args!("has to be one of {}, not `{found}`", words.join(", ")))
    }

    /// The fields of the object that stands here.
    pub(crate) fn object(&self, value: Value) -> Result<Map<String, Value>, InvalidBody> {
        match value {
            Value::Object(fields) => Ok(fields),
            other => Err(self.wants("an object", &other)),
        }
    }
}

/// What a client's value is read into.
pub(crate) trait Read: Sized {
    fn read(value: Value, place: Place<'_>) -> Result<Self, InvalidBody>;

    /// What a field is that is not there. Clients write null for the same.
    fn missing(place: Place<'_>) -> Result<Self, InvalidBody> {
        Err(place.wrong("is missing"))
    }
}

/// Takes a field out of an object.
pub(crate) fn take<T: Read>(
    fields: &mut Map<String, Value>,
    name: &str,
    place: Place<'_>,
) -> Result<T, InvalidBody> {
    let place = Place::Field(&place, name);
    match fields.shift_remove(name) {
        None | Some(Value::Null) => T::missing(place),
        Some(value) => T::read(value, place),
    }
}

/// Declares objects that clients send. Fields that are not declared stay in the map out of which the others are taken.
macro_rules! incoming {
    ($(
        $(#[$about:meta])*
        struct $name:ident { $( $(#[$said:meta])* $field:ident: $type:ty, )* }
    )*) => {$(
        $(#[$about])*
        #[derive(Debug)]
        pub(crate) struct $name { $( $(#[$said])* pub(crate) $field: $type, )* }

        impl $name {
            pub(crate) fn take(
                fields: &mut serde_json::Map<String, serde_json::Value>,
                place: $crate::wire::incoming::Place<'_>,
            ) -> Result<Self, forge_core::request::InvalidBody> {
                Ok(Self {
                    $($field: {
                        let name = stringify!($field);
                        $crate::wire::incoming::take(fields, name.strip_prefix("r#").unwrap_or(name), place)?
                    },)*
                })
            }
        }

        impl $crate::wire::incoming::Read for $name {
            fn read(
                value: serde_json::Value,
                place: $crate::wire::incoming::Place<'_>,
            ) -> Result<Self, forge_core::request::InvalidBody> {
                Self::take(&mut place.object(value)?, place)
            }
        }
    )*};
}
pub(crate) use incoming;

impl<T: Read> Read for Option<T> {
    fn read(value: Value, place: Place<'_>) -> Result<Self, InvalidBody> {
        T::read(value, place).map(Some)
    }

    fn missing(_: Place<'_>) -> Result<Self, InvalidBody> {
        Ok(None)
    }
}

impl<T: Read> Read for Vec<T> {
    fn read(value: Value, place: Place<'_>) -> Result<Self, InvalidBody> {
        let Value::Array(items) = value else { return Err(place.wants("a list", &value)) };
        items.into_iter().enumerate().map(|(at, item)| T::read(item, Place::Item(&place, at))).collect()
    }

    fn missing(_: Place<'_>) -> Result<Self, InvalidBody> {
        Ok(Self::new())
    }
}

impl Read for Value {
    fn read(value: Value, _: Place<'_>) -> Result<Self, InvalidBody> {
        Ok(value)
    }
}

impl Read for String {
    fn read(value: Value, place: Place<'_>) -> Result<Self, InvalidBody> {
        match value {
            Value::String(text) => Ok(text),
            other => Err(place.wants("a text", &other)),
        }
    }
}

impl Read for bool {
    fn read(value: Value, place: Place<'_>) -> Result<Self, InvalidBody> {
        value.as_bool().ok_or_else(|| place.wants("true or false", &value))
    }
}

impl Read for f64 {
    fn read(value: Value, place: Place<'_>) -> Result<Self, InvalidBody> {
        value.as_f64().ok_or_else(|| place.wants("a number", &value))
    }
}

impl Read for i64 {
    fn read(value: Value, place: Place<'_>) -> Result<Self, InvalidBody> {
        value.as_i64().ok_or_else(|| place.wants("a whole number of 64 bits", &value))
    }
}

impl Read for u32 {
    fn read(value: Value, place: Place<'_>) -> Result<Self, InvalidBody> {
        // Some languages have one kind of number, and write 100.0.
        let whole = |number: &f64| number.fract() == 0.0 && (0.0..=f64::from(Self::MAX)).contains(number);
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the range is checked")]
        let number = value.as_f64().filter(whole).map(|number| number as Self);
        number.ok_or_else(|| place.wants("a whole number from 0 to 4294967295", &value))
    }
}

impl Read for Effort {
    fn read(value: Value, place: Place<'_>) -> Result<Self, InvalidBody> {
        let word = String::read(value, place)?;
        let effort = Self::ALL.into_iter().find(|effort| effort.as_str() == word);
        effort.ok_or_else(|| place.wants_word(&Self::ALL.map(Self::as_str), &word))
    }
}

/// The arguments of a call: their JSON text, or, from clients that do not know better, the object itself.
impl Read for ToolInput {
    fn read(value: Value, place: Place<'_>) -> Result<Self, InvalidBody> {
        match value {
            Value::String(text) => Ok(Self::parse(text)),
            Value::Object(_) => Ok(Self::Json(value)),
            other => Err(place.wants("the JSON text of an object", &other)),
        }
    }

    fn missing(_: Place<'_>) -> Result<Self, InvalidBody> {
        Ok(Self::parse(String::new()))
    }
}
