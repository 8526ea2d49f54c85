//! On whose behalf a call is made.

use std::{collections::BTreeMap, fmt, sync::Arc};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

// Tags come from callers and stand in every record, so that all three have a limit.
/// The most bytes of a key.
pub const MAX_TAG_KEY: usize = 64;
/// The most bytes of a value.
pub const MAX_TAG_VALUE: usize = 128;
/// The most tags of a call.
pub const MAX_TAGS: usize = 32;

/// On whose behalf a call is made, for accounts and budgets: an ordered map of small strings. Cheap to clone.
///
/// A key has 1 to 64 bytes, a value at most 128, and there are at most 32 tags. [`set`](Self::set) refuses what is
/// larger. The typed keys, and tags that are read from JSON, are made to fit: a value is cut at the last character
/// that fits, and a tag that has no good key or no place is left out.
///
/// ```
/// use forge_core::tags::Tags;
///
/// let tags = Tags::default().with_session("s-1").with_round(2).with("cost_centre", "4711")?;
/// assert_eq!((tags.session(), tags.get("cost_centre")), (Some("s-1"), Some("4711")));
/// # Ok::<(), forge_core::tags::TagError>(())
/// ```
#[derive(Clone, PartialEq, Eq, Hash, Default)]
// Without tags there is nothing to allocate. A map that is there is never empty.
pub struct Tags(Option<Arc<Map>>);

type Map = BTreeMap<Arc<str>, Arc<str>>;

/// The tag does not fit.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TagError {
    /// The key is empty or too long.
    #[error("a tag's key has 1 to {MAX_TAG_KEY} bytes, and this one has {0}")]
    Key(usize),
    /// The value is too long.
    #[error("a tag's value has at most {MAX_TAG_VALUE} bytes, and this one has {0}")]
    Value(usize),
    /// There are too many already.
    #[error("a call has at most {MAX_TAGS} tags")]
    TooMany,
}

macro_rules! typed {
    ($($(#[$doc:meta])* $key:ident, $with:ident;)*) => {$(
        $(#[$doc])*
        pub fn $key(&self) -> Option<&str> {
            self.get(stringify!($key))
        }

        #[doc = concat!("The same tags with this `", stringify!($key), "`.")]
        pub fn $with(mut self, value: impl Into<Arc<str>>) -> Self {
            self.fit(stringify!($key).into(), value.into());
            self
        }
    )*};
}

impl Tags {
    typed! {
        /// The session.
        session, with_session;
        /// The task.
        task, with_task;
        /// The workflow.
        workflow, with_workflow;
        /// The worker.
        worker, with_worker;
        /// The key by which the caller came in: its name, never the key itself.
        key, with_key;
        /// The team.
        team, with_team;
        /// The program that calls.
        client, with_client;
        /// The name of a server's own by which the client calls the model.
        alias, with_alias;
        /// The prompt and its version.
        prompt, with_prompt;
        /// The experiment.
        experiment, with_experiment;
        /// The arm of the experiment.
        arm, with_arm;
    }

    /// The round within the session.
    pub fn round(&self) -> Option<u32> {
        self.get("round")?.parse().ok()
    }

    /// The same tags with this `round`.
    pub fn with_round(mut self, round: u32) -> Self {
        self.fit("round".into(), round.to_string().into());
        self
    }

    /// The value of `key`.
    pub fn get(&self, key: &str) -> Option<&str> {
        self.0.as_ref()?.get(key).map(|value| &**value)
    }

    /// The same tags with another, or with another value of it.
    pub fn with(mut self, key: impl Into<Arc<str>>, value: impl Into<Arc<str>>) -> Result<Self, TagError> {
        self.set(key, value)?;
        Ok(self)
    }

    /// Adds a tag, or gives it another value.
    ///
    /// # Errors
    /// The tag does not fit; then nothing is changed.
    pub fn set(&mut self, key: impl Into<Arc<str>>, value: impl Into<Arc<str>>) -> Result<(), TagError> {
        let (key, value) = (key.into(), value.into());
        if key.is_empty() || key.len() > MAX_TAG_KEY {
            return Err(TagError::Key(key.len()));
        }
        if value.len() > MAX_TAG_VALUE {
            return Err(TagError::Value(value.len()));
        }
        let map = Arc::make_mut(self.0.get_or_insert_default());
        if map.len() >= MAX_TAGS && !map.contains_key(&key) {
            return Err(TagError::TooMany);
        }
        map.insert(key, value);
        Ok(())
    }

    /// The tags in the order of their keys.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().flat_map(|map| map.iter()).map(|(key, value)| (&**key, &**value))
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_none()
    }

    /// Adds a tag as far as it fits.
    fn fit(&mut self, key: Arc<str>, value: Arc<str>) {
        let end = value.floor_char_boundary(MAX_TAG_VALUE);
        let value = if end < value.len() { Arc::from(&value[..end]) } else { value };
        // A tag without a place is left out, because the call matters more than its accounts.
        let _ = self.set(key, value);
    }
}

impl fmt::Debug for Tags {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}

impl Serialize for Tags {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.iter())
    }
}

/// A value as it was written: `round` was a number once, and what was unset was `null`.
#[derive(Deserialize)]
#[serde(untagged)]
enum Written {
    Text(Arc<str>),
    Number(u64),
    Other(serde::de::IgnoredAny),
}

impl<'de> Deserialize<'de> for Tags {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut tags = Self::default();
        for (key, value) in BTreeMap::<Arc<str>, Written>::deserialize(deserializer)? {
            match value {
                Written::Text(text) => tags.fit(key, text),
                Written::Number(number) => tags.fit(key, number.to_string().into()),
                // An odd value does not make the rest of a record unreadable.
                Written::Other(_) => {}
            }
        }
        Ok(tags)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_as_they_were_once_written_are_read() {
        let old = r#"{"session":"s-1","round":2,"task":null}"#;
        let tags: Tags = serde_json::from_str(old).unwrap();
        assert_eq!(tags, Tags::default().with_session("s-1").with_round(2));
        assert_eq!(tags.round(), Some(2));
        let json = serde_json::to_string(&tags).unwrap();
        assert_eq!(json, r#"{"round":"2","session":"s-1"}"#);
        assert_eq!(serde_json::from_str::<Tags>(&json).unwrap(), tags);
        let none = r#"{"session":null,"round":null,"task":null}"#;
        assert_eq!(serde_json::from_str::<Tags>(none).unwrap(), Tags::default());
    }

    #[test]
    fn what_is_too_large_is_refused_or_cut_at_a_character() {
        let long = "é".repeat(70);
        assert_eq!(Tags::default().with("a", &*long), Err(TagError::Value(140)));
        assert_eq!(Tags::default().with("", "x"), Err(TagError::Key(0)));
        assert_eq!(Tags::default().with("k".repeat(65), "x"), Err(TagError::Key(65)));
        assert_eq!(Tags::default().with_team(&*long).team(), Some(&*"é".repeat(64)));
        let mut full = Tags::default();
        for at in 0..MAX_TAGS {
            full.set(at.to_string(), "x").unwrap();
        }
        assert_eq!(full.set("one more", "x"), Err(TagError::TooMany));
        assert_eq!(full.set("0", "y"), Ok(()), "one that is there may change");
        assert_eq!(full.clone().with_session("s").session(), None);
    }

    #[test]
    fn a_copy_keeps_what_it_was() {
        let one = Tags::default().with_session("s-1");
        let other = one.clone().with_session("s-2");
        assert_eq!((one.session(), other.session()), (Some("s-1"), Some("s-2")));
    }
}
