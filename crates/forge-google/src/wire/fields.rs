//! Reads what clients send field by field, so that a mistake is told with its place and with what belongs there.

use std::fmt;

use forge_core::request::InvalidBody;
use serde_json::{Map, Value};

/// Where a value stands in a body, such as `contents[2].parts[0].text`.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Place<'a> {
    Body,
    Field(&'a Place<'a>, &'a str),
    Item(&'a Place<'a>, usize),
}

impl fmt::Display for Place<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Body => f.write_str("the body"),
            Self::Field(Place::Body, name) => f.write_str(name),
            Self::Field(outer, name) => write!(f, "{outer}.{name}"),
            Self::Item(outer, at) => write!(f, "{outer}[{at}]"),
        }
    }
}

impl Place<'_> {
    /// The error that what stands here is wrong.
    pub(crate) fn wrong(&self, how: impl fmt::Display) -> InvalidBody {
        InvalidBody::new(format!("{self}: {how}"))
    }

    fn wants(&self, wanted: &str, value: &Value) -> InvalidBody {
        let found = match value {
            Value::Null => "null",
            Value::Bool(_) => "a boolean",
            Value::Number(_) => "this number",
            Value::String(_) => "this text",
            Value::Array(_) => "a list",
            Value::Object(_) => "an object",
        };
        self.wrong(format_args!("has to be {wanted}, not {found}"))
    }

    /// The error that one of these words belongs here.
    pub(crate) fn wants_word(&self, words: &[&str], found: &str) -> InvalidBody {
        // What a client wrote is repeated no further than a word goes.
        let found: String = found.chars().take(64).collect();
        self.wrong(format_args!("has to be one of {}, not `{found}`", words.join(", ")))
    }
}

/// The fields of an object that were not read yet, by the names of Google's JSON mapping.
#[derive(Debug, Default)]
pub(crate) struct Fields(Map<String, Value>);

impl Fields {
    pub(crate) fn take<T: Read>(&mut self, name: &str, place: Place<'_>) -> Result<T, InvalidBody> {
        let place = Place::Field(&place, name);
        match self.0.shift_remove(name) {
            None | Some(Value::Null) => T::missing(place),
            Some(value) => T::read(value, place),
        }
    }

    pub(crate) fn has(&self, name: &str) -> bool {
        self.0.get(name).is_some_and(|value| !value.is_null())
    }

    /// The text in a field of an object.
    pub(crate) fn text_in(&self, object: &str, field: &str) -> Option<String> {
        self.0.get(object)?.get(field)?.as_str().map(str::to_owned)
    }

    pub(crate) fn names(&self) -> impl Iterator<Item = &String> {
        self.0.keys()
    }

    pub(crate) fn into_map(self) -> Map<String, Value> {
        self.0
    }
}

/// The mapping takes the names of the protocol's own definition as well, which are in `snake_case`.
pub(crate) fn camel(name: &str) -> String {
    let mut words = name.split('_');
    let first = words.next().unwrap_or_default().to_owned();
    words.fold(first, |mut name, word| {
        let mut signs = word.chars();
        name.extend(signs.next().map(|sign| sign.to_ascii_uppercase()));
        name.push_str(signs.as_str());
        name
    })
}

/// What a client's value is read into.
pub(crate) trait Read: Sized {
    fn read(value: Value, place: Place<'_>) -> Result<Self, InvalidBody>;

    /// What a field is that is not there. Clients write null for the same.
    fn missing(place: Place<'_>) -> Result<Self, InvalidBody> {
        Err(place.wrong("is missing"))
    }
}

/// Declares messages of the protocol. Fields that are not declared stay among those from which the others are taken.
macro_rules! messages {
    ($(
        $(#[$about:meta])*
        struct $name:ident { $( $(#[$said:meta])* $field:ident: $type:ty, )* }
    )*) => {$(
        $(#[$about])*
        #[derive(Debug)]
        pub(crate) struct $name { $( $(#[$said])* pub(crate) $field: $type, )* }

        impl $name {
            pub(crate) fn take(
                fields: &mut $crate::wire::fields::Fields,
                place: $crate::wire::fields::Place<'_>,
            ) -> Result<Self, forge_core::request::InvalidBody> {
                Ok(Self { $($field: fields.take(&$crate::wire::fields::camel(stringify!($field)), place)?,)* })
            }
        }

        impl $crate::wire::fields::Read for $name {
            fn read(
                value: serde_json::Value,
                place: $crate::wire::fields::Place<'_>,
            ) -> Result<Self, forge_core::request::InvalidBody> {
                Self::take(&mut $crate::wire::fields::Read::read(value, place)?, place)
            }
        }
    )*};
}
pub(crate) use messages;

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
        match value {
            Value::Array(items) => {
                let item = |(at, item)| T::read(item, Place::Item(&place, at));
                items.into_iter().enumerate().map(item).collect()
            }
            // The vendor's own examples leave the brackets out around a single message.
            Value::Object(_) => Ok(vec![T::read(value, place)?]),
            other => Err(place.wants("a list", &other)),
        }
    }

    fn missing(_: Place<'_>) -> Result<Self, InvalidBody> {
        Ok(Self::new())
    }
}

impl Read for Fields {
    fn read(value: Value, place: Place<'_>) -> Result<Self, InvalidBody> {
        let Value::Object(fields) = value else { return Err(place.wants("an object", &value)) };
        let renamed = |(name, value): (String, Value)| {
            let is_camel = !name.contains('_');
            (if is_camel { name } else { camel(&name) }, value)
        };
        Ok(Self(fields.into_iter().map(renamed).collect()))
    }
}

impl Read for Map<String, Value> {
    fn read(value: Value, place: Place<'_>) -> Result<Self, InvalidBody> {
        let Value::Object(fields) = value else { return Err(place.wants("an object", &value)) };
        Ok(fields)
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
        number(&value).ok_or_else(|| place.wants("a number", &value))
    }
}

impl Read for i64 {
    fn read(value: Value, place: Place<'_>) -> Result<Self, InvalidBody> {
        let whole = value.as_i64().or_else(|| value.as_str()?.parse().ok());
        whole.ok_or_else(|| place.wants("a whole number of 64 bits", &value))
    }
}

impl Read for u32 {
    fn read(value: Value, place: Place<'_>) -> Result<Self, InvalidBody> {
        // Some languages have one kind of number, and write 100.0.
        let whole = |number: &f64| number.fract() == 0.0 && (0.0..=f64::from(Self::MAX)).contains(number);
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the range is checked")]
        let number = number(&value).filter(whole).map(|number| number as Self);
        number.ok_or_else(|| place.wants("a whole number from 0 to 4294967295", &value))
    }
}

/// The mapping takes numbers in texts as well.
fn number(value: &Value) -> Option<f64> {
    let number = value.as_f64().or_else(|| value.as_str()?.parse().ok());
    number.filter(|number| number.is_finite())
}
