//! Lists that every copy of a request shares.

use std::{
    fmt,
    ops::Deref,
    sync::{Arc, OnceLock},
};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::size::{Measure, RequestSize};

/// A list whose copies share their items until one of them is changed.
///
/// Requests are copied wherever a call tries another route or lays settings over them; a long conversation is
/// neither copied nor measured again on the way.
pub struct Shared<T>(Arc<Items<T>>);

#[derive(Clone)]
struct Items<T> {
    list: Vec<T>,
    size: OnceLock<RequestSize>,
}

impl<T> Shared<T> {
    /// The items.
    pub fn as_slice(&self) -> &[T] {
        &self.0.list
    }

    /// How large the items are. Measured once for all copies.
    pub(crate) fn size(&self) -> RequestSize
    where
        T: Measure,
    {
        *self.0.size.get_or_init(|| {
            let mut size = RequestSize::default();
            self.0.list.iter().for_each(|item| item.measure(&mut size));
            size
        })
    }
}

impl<T: Clone> Shared<T> {
    /// The list, to be changed. The items are copied first if another list shares them.
    pub fn to_mut(&mut self) -> &mut Vec<T> {
        let items = Arc::make_mut(&mut self.0);
        // Whatever is changed now, the old size does not hold any more.
        items.size.take();
        &mut items.list
    }

    /// Adds an item at the end.
    pub fn push(&mut self, item: T) {
        self.to_mut().push(item);
    }
}

impl<T> From<Vec<T>> for Shared<T> {
    fn from(list: Vec<T>) -> Self {
        Self(Arc::new(Items { list, size: OnceLock::new() }))
    }
}

impl<T> FromIterator<T> for Shared<T> {
    fn from_iter<I: IntoIterator<Item = T>>(items: I) -> Self {
        items.into_iter().collect::<Vec<_>>().into()
    }
}

// By hand, as `Clone` is: a derived one would be there only for items that have it as well.
impl<T> Default for Shared<T> {
    fn default() -> Self {
        Vec::new().into()
    }
}

impl<T> Clone for Shared<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<T> Deref for Shared<T> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        self.as_slice()
    }
}

impl<'a, T> IntoIterator for &'a Shared<T> {
    type Item = &'a T;
    type IntoIter = std::slice::Iter<'a, T>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.list.iter()
    }
}

impl<T: PartialEq> PartialEq for Shared<T> {
    fn eq(&self, other: &Self) -> bool {
        // Copies are the common case, and no long conversation is compared with itself.
        Arc::ptr_eq(&self.0, &other.0) || self.0.list == other.0.list
    }
}

impl<T: fmt::Debug> fmt::Debug for Shared<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.list.fmt(f)
    }
}

impl<T: Serialize> Serialize for Shared<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.list.serialize(serializer)
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Shared<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Vec::deserialize(deserializer).map(Self::from)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::request::Message;

    #[test]
    fn a_copy_shares_the_items_until_it_is_changed() {
        let list: Shared<Message> = vec![Message::user("hello")].into();
        let mut copy = list.clone();
        assert!(std::ptr::eq(list.as_slice(), copy.as_slice()));
        let before = list.size();
        copy.push(Message::user("again"));
        assert_eq!((list.len(), copy.len(), list.size()), (1, 2, before));
        assert_ne!(copy.size(), before);
    }
}
