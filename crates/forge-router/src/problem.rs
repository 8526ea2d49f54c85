//! What is wrong with a configuration, and where.

use std::fmt;

use serde::{Serialize, Serializer};

/// One mistake in a configuration, or one thing its author should know.
///
/// `Display` gives `roles.critic.fallback[1]: there is no provider or pool `claud`; did you mean `claude`?`
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// A stable code: `E1..` for mistakes, `W1..` for warnings.
    pub code: &'static str,
    /// Where it is.
    pub path: KeyPath,
    /// Whether it is about the key itself or about its value.
    #[serde(skip)]
    pub about: About,
    /// What is wrong.
    pub message: String,
    /// What to write instead.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
}

/// Whether a problem is about a key or about its value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum About {
    /// The key.
    Key,
    /// The value.
    Value,
}

impl Problem {
    /// A problem with the value at `path`.
    pub fn new(code: &'static str, path: KeyPath, message: impl Into<String>) -> Self {
        Self { code, path, about: About::Value, message: message.into(), hint: None }
    }

    /// The same problem with what to write instead.
    pub fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// The same problem, about the key.
    pub fn about_key(mut self) -> Self {
        self.about = About::Key;
        self
    }

    /// Whether the configuration can be used all the same.
    pub fn is_warning(&self) -> bool {
        self.code.starts_with('W')
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.path.is_root() {
            write!(f, "{}: ", self.path)?;
        }
        f.write_str(&self.message)?;
        self.hint.as_ref().map_or(Ok(()), |hint| write!(f, "; {hint}"))
    }
}

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

    /// The path one key further down.
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

/// `roles.critic.fallback[1]`
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

/// The name among `known` that `wrong` was most likely meant to be: at most a third of it mistyped.
pub fn nearest<'a>(wrong: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let near = known.into_iter().filter_map(|name| {
        let longer = wrong.len().max(name.len());
        let allowed = (longer / 3).max(1);
        // As many letters as one is longer are mistyped at least.
        let near = longer - wrong.len().min(name.len()) <= allowed;
        let distance = near.then(|| strsim::osa_distance(wrong, name))?;
        (distance <= allowed).then_some((distance, name))
    });
    near.min_by_key(|(distance, _)| *distance).map(|(_, name)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_name_has_at_most_a_third_mistyped() {
        let known = ["claude", "gpt", "gemini", "gemini-pro"];
        for (wrong, expected) in [
            ("claud", Some("claude")),
            ("cluade", Some("claude")),
            ("gmini", Some("gemini")),
            ("gpt2", Some("gpt")),
            ("gemini-por", Some("gemini-pro")),
            ("mistral", None),
            ("", None),
        ] {
            assert_eq!(nearest(wrong, known), expected, "{wrong}");
        }
    }

    #[test]
    fn a_path_reads_as_it_is_written_in_code() {
        let path = KeyPath::ROOT.key("roles").key("critic").key("fallback").index(1);
        let problem =
            Problem::new("E110", path, "there is no provider `claud`").with_hint("did you mean `claude`?");
        assert_eq!(
            problem.to_string(),
            "roles.critic.fallback[1]: there is no provider `claud`; did you mean `claude`?"
        );
    }
}
