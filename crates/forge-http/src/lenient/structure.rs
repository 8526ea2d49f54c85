//! Objects and lists. Where the type is right, what stands inside is read in place and is as strict as its own type is.

use std::marker::PhantomData;

use serde::{
    Deserialize, Deserializer,
    de::{IgnoredAny, MapAccess, SeqAccess, value::MapAccessDeserializer},
};
use serde_json::value::RawValue;

use super::visitor::{Loose, Take};

/// An object, read in place; a value of another type is `None`.
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
    deserializer.deserialize_any(Loose(Objects(PhantomData)))
}

/// The first element of a list, if it is an object; of anything else, none. The others are skipped without
/// being read.
pub fn first<'de, D, T>(deserializer: D) -> Result<Option<T>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    deserializer.deserialize_any(Loose(First(PhantomData)))
}

/// The values of a list as they came; of anything else, none.
pub fn values<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<&'de RawValue>, D::Error> {
    Items::deserialize(deserializer).map(Items::known)
}

/// A list whose items are read later, each as what it says that it is.
#[derive(Debug, Clone, Default)]
pub enum Items<'a> {
    /// There is none.
    #[default]
    Missing,
    /// The items as they came.
    Known(Vec<&'a RawValue>),
    /// Something else stands there.
    Odd,
}

impl<'a> Items<'a> {
    /// The items of the list; none if there is no list.
    pub fn known(self) -> Vec<&'a RawValue> {
        match self {
            Self::Known(items) => items,
            Self::Missing | Self::Odd => Vec::new(),
        }
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Items<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Loose(AnyItems))
    }
}

struct AnyItems;

impl<'de> Take<'de> for AnyItems {
    type Value = Items<'de>;

    fn null(self) -> Items<'de> {
        Items::Missing
    }

    fn other(self) -> Items<'de> {
        Items::Odd
    }

    fn list<A: SeqAccess<'de>>(self, mut list: A) -> Result<Items<'de>, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = list.next_element()? {
            items.push(item);
        }
        Ok(Items::Known(items))
    }
}

/// An element that may be of any type.
struct Item<T>(Option<T>);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Item<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        object(deserializer).map(Self)
    }
}

struct Object<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Take<'de> for Object<T> {
    type Value = Option<T>;

    fn other(self) -> Option<T> {
        None
    }

    fn object<A: MapAccess<'de>>(self, fields: A) -> Result<Option<T>, A::Error> {
        T::deserialize(MapAccessDeserializer::new(fields)).map(Some)
    }
}

struct First<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Take<'de> for First<T> {
    type Value = Option<T>;

    fn other(self) -> Option<T> {
        None
    }

    fn list<A: SeqAccess<'de>>(self, mut list: A) -> Result<Option<T>, A::Error> {
        let first = list.next_element::<Item<T>>()?;
        // A list has to be read to its end.
        while list.next_element::<IgnoredAny>()?.is_some() {}
        Ok(first.and_then(|Item(first)| first))
    }
}

struct Objects<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Take<'de> for Objects<T> {
    type Value = Vec<T>;

    fn other(self) -> Vec<T> {
        Vec::new()
    }

    fn list<A: SeqAccess<'de>>(self, mut list: A) -> Result<Vec<T>, A::Error> {
        let mut objects = Vec::new();
        while let Some(Item(object)) = list.next_element::<Item<T>>()? {
            objects.extend(object);
        }
        Ok(objects)
    }
}
