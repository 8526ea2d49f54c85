//! Places in a configuration.

use std::fmt;

use serde::{Serialize, Serializer};

/// A place in a configuration: keys and list indices from the top.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct KeyPath(Vec<Key>);

/// One step of a [`KeyPath`].
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Key {
    /// A key of a mapping.
    Name(String),
    /// A place in a list, from 0.
    Index(usize),
}

impl KeyPath {
    /// The whole configuration.
    pub const ROOT: Self = Self(Vec::new());

    /// The path one key further down. Whether anything stands there is not asked.
    pub fn key(&self, name: impl Into<String>) -> Self {
        self.with(Key::Name(name.into()))
    }

    /// The path at one place of the list it points to.
    pub fn index(&self, index: usize) -> Self {
        self.with(Key::Index(index))
    }

    /// Everything but the last step; `None` at the top.
    pub fn parent(&self) -> Option<Self> {
        self.0.split_last().map(|(_, rest)| Self(rest.to_vec()))
    }

    /// The steps, from the top.
    pub fn steps(&self) -> &[Key] {
        &self.0
    }

    /// Whether it points to the whole configuration.
    pub fn is_root(&self) -> bool {
        self.0.is_empty()
    }

    fn with(&self, step: Key) -> Self {
        let mut steps = self.0.clone();
        steps.push(step);
        Self(steps)
    }
}

impl FromIterator<Key> for KeyPath {
    fn from_iter<I: IntoIterator<Item = Key>>(steps: I) -> Self {
        Self(steps.into_iter().collect())
    }
}

/// `roles.critic.fallback[1]`; nothing for the root. Names are not quoted, so that the form is for people
/// alone.
impl fmt::Display for KeyPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, step) in self.0.iter().enumerate() {
            match step {
                Key::Name(name) if at == 0 => write!(f, "{name}")?,
                Key::Name(name) => write!(f, ".{name}")?,
                Key::Index(index) => write!(f, "[{index}]")?,
            }
        }
        Ok(())
    }
}

impl Serialize for KeyPath {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}
