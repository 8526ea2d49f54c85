//! Structures of a reply that may be of another type than they should be. Unlike the values that
//! [`forge_http::lenient`] reads, they hold the answer: where the type is right, what stands inside is read in place
//! and is as strict as its own type is.

use std::{fmt, marker::PhantomData};

use serde::{
    Deserialize, Deserializer,
    de::{IgnoredAny, MapAccess, SeqAccess, Visitor, value::MapAccessDeserializer},
};
use serde_json::value::RawValue;

/// Whether the value of a field `error` reports one. Servers put empty values there beside an answer.
pub fn reports_error(error: &RawValue) -> bool {
    let text = error.get();
    match text.as_bytes().first() {
        Some(b'{') => text[1..].trim_start() != "}",
        Some(b'"') => text != "\"\"",
        _ => false,
    }
}

/// An object, read in place; a value of another type is `None`. What stands inside is as strict as its type is.
pub fn object<'de, D, T>(deserializer: D) -> Result<Option<T>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    deserializer.deserialize_any(Loose(Object(PhantomData)))
}

/// Like [`object`], for one that has a value of its own when there is none.
pub fn object_or_default<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de> + Default,
{
    object(deserializer).map(Option::unwrap_or_default)
}

/// The objects of a list, read in place; of anything else, none.
pub fn objects<'de, D, T>(deserializer: D) -> Result<Vec<T>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    deserializer.deserialize_any(Loose(Elements::<Item<T>, T>(|Item(item)| item, PhantomData)))
}

/// The first element of a list, if it is an object; of anything else, none.
pub fn first<'de, D, T>(deserializer: D) -> Result<Option<T>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    deserializer.deserialize_any(Loose(First(PhantomData)))
}

/// The values of a list as they came; of anything else, none.
pub fn values<'de, D>(deserializer: D) -> Result<Vec<&'de RawValue>, D::Error>
where
    D: Deserializer<'de>,
{
    deserializer.deserialize_any(Loose(Elements::<&'de RawValue, &'de RawValue>(Some, PhantomData)))
}

/// An element that may be of any type.
struct Item<T>(Option<T>);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Item<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        object(deserializer).map(Self)
    }
}

/// What is made of lists and objects; by default they are skipped.
trait Take<'de>: Sized {
    type Value: Default;

    fn list<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
        while list.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Self::Value::default())
    }

    fn object<A: MapAccess<'de>>(self, mut fields: A) -> Result<Self::Value, A::Error> {
        while fields.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Self::Value::default())
    }
}

struct Object<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Take<'de> for Object<T> {
    type Value = Option<T>;

    fn object<A: MapAccess<'de>>(self, fields: A) -> Result<Option<T>, A::Error> {
        T::deserialize(MapAccessDeserializer::new(fields)).map(Some)
    }
}

struct First<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Take<'de> for First<T> {
    type Value = Option<T>;

    fn list<A: SeqAccess<'de>>(self, mut list: A) -> Result<Option<T>, A::Error> {
        let first = list.next_element::<Item<T>>()?;
        while list.next_element::<IgnoredAny>()?.is_some() {}
        Ok(first.and_then(|Item(first)| first))
    }
}

struct Elements<E, T>(fn(E) -> Option<T>, PhantomData<T>);

impl<'de, E: Deserialize<'de>, T> Take<'de> for Elements<E, T> {
    type Value = Vec<T>;

    fn list<A: SeqAccess<'de>>(self, mut list: A) -> Result<Vec<T>, A::Error> {
        let mut elements = Vec::new();
        while let Some(element) = list.next_element()? {
            elements.extend((self.0)(element));
        }
        Ok(elements)
    }
}

/// Takes a value of any type.
struct Loose<T>(T);

impl<'de, T: Take<'de>> Visitor<'de> for Loose<T> {
    type Value = T::Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("anything")
    }

    fn visit_bool<E>(self, _: bool) -> Result<Self::Value, E> {
        Ok(T::Value::default())
    }

    fn visit_i64<E>(self, _: i64) -> Result<Self::Value, E> {
        Ok(T::Value::default())
    }

    fn visit_u64<E>(self, _: u64) -> Result<Self::Value, E> {
        Ok(T::Value::default())
    }

    fn visit_f64<E>(self, _: f64) -> Result<Self::Value, E> {
        Ok(T::Value::default())
    }

    fn visit_str<E>(self, _: &str) -> Result<Self::Value, E> {
        Ok(T::Value::default())
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(T::Value::default())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<Self::Value, A::Error> {
        self.0.list(list)
    }

    fn visit_map<A: MapAccess<'de>>(self, fields: A) -> Result<Self::Value, A::Error> {
        self.0.object(fields)
    }
}
